//! Numbers for people: thousands separated, percentages, half-widths with as many digits as they mean.

/// An integer with commas between thousands.
pub(crate) fn integer(n: i128) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// How many decimals a number deserves when it is known to ± `half_width`: two significant digits of the latter.
pub(crate) fn decimals(half_width: f64) -> usize {
    if half_width.is_finite() && half_width > 0.0 {
        (1 - half_width.abs().log10().floor() as i32).clamp(0, 9) as usize
    } else {
        3
    }
}

/// A number with this many decimals, thousands separated.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse::<i128>().map_or_else(|_| whole.to_owned(), integer);
    let sign = if value < 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0') { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A share as a percentage with two significant digits.
pub(crate) fn percent(share: f64) -> String {
    let p = share * 100.0;
    let text = if p >= 99.95 || p == 0.0 {
        format!("{p:.0}")
    } else if p >= 1.0 {
        format!("{p:.1}")
    } else {
        format!("{p:.2}")
    };
    format!("{text} %")
}

/// Bytes as people say them.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::{decimals, fixed, integer, percent};

    #[test]
    fn reads_as_people_write() {
        assert_eq!(integer(-1_234_567), "-1,234,567");
        assert_eq!(integer(999), "999");
        assert_eq!(fixed(21_310.4, 0), "21,310");
        assert_eq!(fixed(-0.0004, 2), "0.00");
        assert_eq!(fixed(0.18284, decimals(0.0055)), "0.1828");
        assert_eq!(percent(0.019), "1.9 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0041), "0.41 %");
    }
}
