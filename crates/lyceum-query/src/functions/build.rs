//! Texts that are put together from one row's values. Nothing longer than [`MAX_TEXT_BYTES`] is ever allocated:
//! such results are NULL.

use super::Total;
use crate::domain::MAX_TEXT_BYTES;
use std::fmt::Write;

const MOST: usize = MAX_TEXT_BYTES as usize;

/// Adds a part; `None` if the text gets too long.
fn push(text: &mut String, part: &str) -> Option<()> {
    if text.len() + part.len() > MOST {
        return None;
    }
    text.push_str(part);
    Some(())
}

/// All parts joined; NULL if any is, or if the result is too long.
pub(super) fn concat<'a>(parts: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let mut joined = String::new();
    for part in parts {
        push(&mut joined, part?)?;
    }
    Some(joined)
}

/// All parts that are not NULL, with a separator between them.
pub(super) fn concat_with<'a>(by: &str, parts: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let mut joined = String::new();
    for (i, part) in parts.flatten().enumerate() {
        if i > 0 {
            push(&mut joined, by)?;
        }
        push(&mut joined, part)?;
    }
    Some(joined)
}

pub(super) fn repeat(x: &str, n: i64) -> Option<String> {
    let n = usize::try_from(n.max(0)).ok()?;
    (x.len().checked_mul(n)? <= MOST).then(|| x.repeat(n))
}

/// `lpad` and `rpad`: exactly `n` characters, unless there is nothing to fill with.
pub(super) fn pad(total: Total, x: &str, n: i64, fill: &str) -> Option<String> {
    let wanted = usize::try_from(n.max(0)).ok()?;
    let have = x.chars().count();
    if have >= wanted {
        return Some(x.chars().take(wanted).collect());
    }
    if fill.is_empty() {
        return Some(x.to_owned());
    }
    // A character has at least one byte.
    if wanted > MOST {
        return None;
    }
    let filling = fill.chars().cycle().take(wanted - have);
    let padded: String =
        if total == Total::PadStart { filling.chain(x.chars()).collect() } else { x.chars().chain(filling).collect() };
    Some(padded)
}

pub(super) fn replace(x: &str, from: &str, to: &str) -> Option<String> {
    let mut result = String::new();
    if from.is_empty() {
        return Some(x.to_owned());
    }
    let mut end = 0;
    for (start, found) in x.match_indices(from) {
        push(&mut result, x.get(end..start)?)?;
        push(&mut result, to)?;
        end = start + found.len();
    }
    push(&mut result, x.get(end..)?)?;
    Some(result)
}

/// Every character of `from` becomes the one at its place in `to`, or nothing.
pub(super) fn translate(x: &str, from: &str, to: &str) -> String {
    x.chars()
        .filter_map(|c| match from.chars().position(|f| f == c) {
            Some(i) => to.chars().nth(i),
            None => Some(c),
        })
        .collect()
}

/// `x` with `length` characters from the `n`-th on (by default as many as `part` has) replaced by `part`.
pub(super) fn overlay(x: &str, part: &str, n: i64, length: Option<i64>) -> Option<String> {
    if n < 1 {
        return None;
    }
    let characters = |t: &str| i64::try_from(t.chars().count()).ok();
    let length = length.or_else(|| characters(part))?;
    let start = n - 1;
    let end = start.saturating_add(length);
    let at = |n: i64| {
        let n = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
        x.char_indices().nth(n).map_or(x.len(), |(byte, _)| byte)
    };
    let mut result = String::new();
    push(&mut result, x.get(..at(start))?)?;
    push(&mut result, part)?;
    push(&mut result, x.get(at(end)..)?)?;
    Some(result)
}

/// The `n`-th part between separators, counted from the end if negative; empty if there are not so many.
pub(super) fn split_part(x: &str, by: &str, n: i64) -> Option<String> {
    if n == 0 {
        return None;
    }
    let i = usize::try_from(n.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let part = if by.is_empty() {
        (i == 0).then_some(x)
    } else if n > 0 {
        x.split(by).nth(i)
    } else {
        x.rsplit(by).nth(i)
    };
    Some(part.unwrap_or_default().to_owned())
}

/// What is before the `n`-th separator, or behind the `-n`-th from the end; everything if there are not so many.
pub(super) fn substring_index(x: &str, by: &str, n: i64) -> String {
    if n == 0 || by.is_empty() {
        return String::new();
    }
    let i = usize::try_from(n.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let part = if n > 0 {
        x.match_indices(by).nth(i).and_then(|(at, _)| x.get(..at))
    } else {
        x.rmatch_indices(by).nth(i).and_then(|(at, _)| x.get(at + by.len()..))
    };
    part.unwrap_or(x).to_owned()
}

/// The character with a number.
pub(super) fn chr(n: i64) -> Option<String> {
    char::from_u32(u32::try_from(n).ok()?).map(String::from)
}

/// The words' first letters large, all others small.
pub(super) fn initcap(x: &str) -> String {
    let mut result = String::with_capacity(x.len());
    let mut inside = false;
    for c in x.chars() {
        if inside {
            result.extend(c.to_lowercase());
        } else {
            result.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric();
    }
    result
}

/// Bytes as `hex` or `base64` (without padding).
pub(super) fn encode(x: &str, encoding: &str) -> Option<String> {
    match encoding {
        "hex" => {
            let mut result = String::with_capacity(x.len() * 2);
            for byte in x.bytes() {
                write!(result, "{byte:02x}").ok()?;
            }
            Some(result)
        }
        "base64" => {
            const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut result = String::with_capacity(x.len().div_ceil(3) * 4);
            for three in x.as_bytes().chunks(3) {
                let bits =
                    three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
                for digit in 0..=three.len() {
                    let index = bits >> (18 - 6 * digit) & 63;
                    result.push(char::from(*DIGITS.get(index as usize)?));
                }
            }
            Some(result)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_results_are_null_and_never_built() {
        assert_eq!(repeat("ab", i64::MAX), None);
        assert_eq!(pad(Total::PadStart, "a", i64::MAX, "x"), None);
        assert_eq!(pad(Total::PadStart, "a", i64::MIN, "x"), Some(String::new()));
        assert_eq!(replace(&"a".repeat(4_000), "a", &"b".repeat(4_000)), None);
        assert_eq!(repeat("ab", -1), Some(String::new()));
    }

    #[test]
    fn parts() {
        assert_eq!(split_part("a,b,c", ",", 2), Some("b".into()));
        assert_eq!(split_part("a,b,c", ",", -1), Some("c".into()));
        assert_eq!(split_part("a,b,c", ",", i64::MIN), Some(String::new()));
        assert_eq!(split_part("a", ",", 0), None);
        assert_eq!(substring_index("a.b.c", ".", 2), "a.b");
        assert_eq!(substring_index("a.b.c", ".", -2), "b.c");
        assert_eq!(substring_index("a.b.c", ".", 9), "a.b.c");
        assert_eq!(overlay("añbc", "zz", 2, Some(1)), Some("azzbc".into()));
        assert_eq!(overlay("abc", "z", i64::MAX, Some(i64::MAX)), Some("abcz".into()));
        assert_eq!(overlay("abc", "z", 0, None), None);
        assert_eq!(translate("hello", "el", "i"), "hio");
    }

    #[test]
    fn encodings() {
        assert_eq!(encode("añ", "hex"), Some("61c3b1".into()));
        assert_eq!(encode("", "base64"), Some(String::new()));
        assert_eq!(encode("a", "base64"), Some("YQ".into()));
        assert_eq!(encode("ab", "base64"), Some("YWI".into()));
        assert_eq!(encode("abc", "base64"), Some("YWJj".into()));
    }
}
