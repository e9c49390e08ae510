//! Arithmetic on one row's values. Integers are checked, floats may come out non-finite here and are made NULL by
//! the caller.

use super::Total;
use crate::faults::{self, Fault};

/// An operator on integers.
pub(super) fn binary_int(total: Total, x: i64, y: i64) -> Option<i64> {
    match total {
        Total::Add if faults::on(Fault::WrappingAdd) => Some(x.wrapping_add(y)),
        Total::Add => x.checked_add(y),
        Total::Subtract => x.checked_sub(y),
        Total::Multiply => x.checked_mul(y),
        Total::Divide => x.checked_div(y),
        Total::Modulo => x.checked_rem(y),
        Total::BitAnd => Some(x & y),
        Total::BitOr => Some(x | y),
        Total::BitXor => Some(x ^ y),
        // Bits that leave are lost; there are 64.
        Total::ShiftLeft => u32::try_from(y).ok().and_then(|y| x.checked_shl(y)),
        Total::ShiftRight => u32::try_from(y).ok().and_then(|y| x.checked_shr(y)),
        Total::Gcd => i64::try_from(gcd(x.unsigned_abs(), y.unsigned_abs())).ok(),
        Total::Lcm if x == 0 || y == 0 => Some(0),
        Total::Lcm => {
            let (x, y) = (x.unsigned_abs(), y.unsigned_abs());
            i64::try_from((x / gcd(x, y)).checked_mul(y)?).ok()
        }
        _ => None,
    }
}

/// The greatest common divisor, in at most some ninety steps.
fn gcd(mut x: u64, mut y: u64) -> u64 {
    while y != 0 {
        (x, y) = (y, x % y);
    }
    x
}

/// Rounds an integer to tens, hundreds, …, halves away from zero; NULL where that is out of range.
pub(super) fn round_int(x: i64, digits: i64) -> Option<i64> {
    if digits >= 0 {
        return Some(x);
    }
    let Some(unit) = digits.checked_neg().and_then(|d| u32::try_from(d).ok()).and_then(|d| 10i128.checked_pow(d))
    else {
        return Some(0);
    };
    let half = if x < 0 { -unit / 2 } else { unit / 2 };
    i64::try_from((i128::from(x) + half) / unit * unit).ok()
}

/// Which of `n` equal parts of `[low, high)` a number is in, from 1; 0 and `n + 1`: below and above.
pub(super) fn width_bucket(x: f64, low: f64, high: f64, n: i64) -> Option<i64> {
    if n < 1 || n == i64::MAX || low == high {
        return None;
    }
    let (x, low, high) = if low < high { (x, low, high) } else { (-x, -low, -high) };
    Some(if x < low {
        0
    } else if x >= high {
        n + 1
    } else {
        // Rounding never leaves the last part. Halves keep the width finite.
        let share = (x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        ((share * n as f64) as i64).min(n - 1) + 1
    })
}

/// A float rounded to `scale` digits, if it is below the limit then.
pub(super) fn decimal(x: f64, scale: i64, limit: f64) -> Option<f64> {
    to_digits(Total::Round, x, scale).filter(|v| v.abs() < limit)
}

/// An operator on floats.
pub(super) fn binary(total: Total, x: f64, y: f64) -> Option<f64> {
    Some(match total {
        Total::Add => x + y,
        Total::Subtract => x - y,
        Total::Multiply => x * y,
        Total::Divide => x / y,
        Total::Modulo => x % y,
        Total::Power => x.powf(y),
        // log(base, value)
        Total::Log => y.ln() / x.ln(),
        Total::Atan2 => x.atan2(y),
        _ => return None,
    })
}

/// A function of an integer that gives an integer.
pub(super) fn unary_int(total: Total, x: i64) -> Option<i64> {
    match total {
        Total::Negate => x.checked_neg(),
        Total::Abs => x.checked_abs(),
        Total::Sign => Some(x.signum()),
        Total::Factorial => (0..=20).contains(&x).then(|| (1..=x).product()),
        _ => None,
    }
}

/// A function of a float.
pub(super) fn unary(total: Total, x: f64) -> Option<f64> {
    Some(match total {
        Total::Negate => -x,
        Total::Abs => x.abs(),
        Total::Sign => {
            if x == 0.0 {
                0.0
            } else {
                x.signum()
            }
        }
        Total::Floor => x.floor(),
        Total::Ceil => x.ceil(),
        Total::Round => x.round(),
        Total::Truncate => x.trunc(),
        Total::Sqrt => x.sqrt(),
        Total::Cbrt => x.cbrt(),
        Total::Exp => x.exp(),
        Total::Ln => x.ln(),
        Total::Log10 => x.log10(),
        Total::Log2 => x.log2(),
        Total::Sin => x.sin(),
        Total::Cos => x.cos(),
        Total::Tan => x.tan(),
        Total::Cot => x.tan().recip(),
        Total::Asin => x.asin(),
        Total::Acos => x.acos(),
        Total::Atan => x.atan(),
        Total::Sinh => x.sinh(),
        Total::Cosh => x.cosh(),
        Total::Tanh => x.tanh(),
        Total::Asinh => x.asinh(),
        Total::Acosh => x.acosh(),
        Total::Atanh => x.atanh(),
        Total::Degrees => x.to_degrees(),
        Total::Radians => x.to_radians(),
        _ => return None,
    })
}

/// Rounds or truncates to decimal digits, at most 15 either way.
pub(super) fn to_digits(total: Total, x: f64, digits: i64) -> Option<f64> {
    let scale = 10f64.powi(i32::try_from(digits.clamp(-15, 15)).ok()?);
    let scaled = x * scale;
    // So large a number has no digits to lose.
    if scaled.is_infinite() { Some(x) } else { unary(total, scaled).map(|v| v / scale) }
}

/// The smaller or the larger.
pub(super) fn choose<T: PartialOrd>(total: Total, x: T, y: T) -> T {
    if (total == Total::Least) == (y < x) { y } else { x }
}

/// A finite number in units of 2^exponent, rounded half to even; saturates.
pub(super) fn to_grid(x: f64, exponent: i64) -> i64 {
    let exponent = i32::try_from(exponent.clamp(-1_000, 1_000)).unwrap_or(0);
    (x * 2f64.powi(-exponent)).round_ties_even() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_units_round_half_to_even_and_saturate() {
        assert_eq!(to_grid(2.5, 0), 2);
        assert_eq!(to_grid(3.5, 0), 4);
        assert_eq!(to_grid(0.75, -2), 3);
        assert_eq!(to_grid(1e300, -20), i64::MAX);
        assert_eq!(to_grid(-1e300, -20), i64::MIN);
    }

    #[test]
    fn undefined_integers_are_null() {
        assert_eq!(binary_int(Total::Divide, i64::MIN, -1), None);
        assert_eq!(binary_int(Total::Modulo, 5, 0), None);
        assert_eq!(binary_int(Total::Add, i64::MAX, 1), None);
        assert_eq!(unary_int(Total::Abs, i64::MIN), None);
    }

    #[test]
    fn integers() {
        assert_eq!(binary_int(Total::ShiftLeft, 1, 63), Some(i64::MIN));
        assert_eq!(binary_int(Total::ShiftLeft, 1, 64), None);
        assert_eq!(binary_int(Total::ShiftRight, -8, 1), Some(-4));
        assert_eq!(binary_int(Total::ShiftRight, 8, -1), None);
        assert_eq!(binary_int(Total::Gcd, i64::MIN, 0), None);
        assert_eq!(binary_int(Total::Gcd, -12, 18), Some(6));
        assert_eq!(binary_int(Total::Lcm, 4, -6), Some(12));
        assert_eq!(binary_int(Total::Lcm, i64::MIN, 7), None);
        assert_eq!(unary_int(Total::Factorial, 20), Some(2_432_902_008_176_640_000));
        assert_eq!((unary_int(Total::Factorial, 21), unary_int(Total::Factorial, -1)), (None, None));
        assert_eq!(
            (round_int(1_250, -2), round_int(-1_250, -2), round_int(7, i64::MIN)),
            (Some(1_300), Some(-1_300), Some(0))
        );
        assert_eq!(round_int(i64::MAX, -1), None);
    }

    #[test]
    fn buckets() {
        let bucket = |x| width_bucket(x, 0.0, 10.0, 5);
        assert_eq!([-0.1, 0.0, 1.9, 2.0, 9.999, 10.0].map(bucket), [0, 1, 1, 2, 5, 6].map(Some));
        assert_eq!(width_bucket(3.0, 10.0, 0.0, 5), Some(4));
        assert_eq!(width_bucket(0.0, -f64::MAX, f64::MAX, 4), Some(3));
        assert_eq!((width_bucket(1.0, 1.0, 1.0, 5), width_bucket(1.0, 0.0, 9.0, 0)), (None, None));
    }

    #[test]
    fn least_and_greatest() {
        assert_eq!((choose(Total::Least, 3, 5), choose(Total::Least, 5, 3)), (3, 3));
        assert_eq!((choose(Total::Greatest, 3, 5), choose(Total::Greatest, 5, 3)), (5, 5));
    }
}
