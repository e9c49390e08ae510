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
        _ => None,
    }
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
        _ => return None,
    })
}

/// A function of an integer that gives an integer.
pub(super) fn unary_int(total: Total, x: i64) -> Option<i64> {
    match total {
        Total::Negate => x.checked_neg(),
        Total::Abs => x.checked_abs(),
        Total::Sign => Some(x.signum()),
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
    fn least_and_greatest() {
        assert_eq!((choose(Total::Least, 3, 5), choose(Total::Least, 5, 3)), (3, 3));
        assert_eq!((choose(Total::Greatest, 3, 5), choose(Total::Greatest, 5, 3)), (5, 5));
    }
}
