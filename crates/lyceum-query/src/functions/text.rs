//! Functions of one row's texts. Positions and lengths count characters, as SQL does.

use super::Total;

/// Characters or bytes.
pub(super) fn length(total: Total, x: &str) -> Option<i64> {
    i64::try_from(if total == Total::OctetLength { x.len() } else { x.chars().count() }).ok()
}

/// Where `part` begins, counted from 1; 0: nowhere.
pub(super) fn position(x: &str, part: &str) -> Option<i64> {
    match x.find(part) {
        Some(byte) => i64::try_from(x[..byte].chars().count() + 1).ok(),
        None => Some(0),
    }
}

pub(super) fn unary(total: Total, x: &str) -> Option<String> {
    match total {
        Total::Lower => Some(x.to_lowercase()),
        Total::Upper => Some(x.to_uppercase()),
        Total::Reverse => Some(x.chars().rev().collect()),
        _ => None,
    }
}

/// `substr(x, from [, length])`, `left(x, n)`, `right(x, n)`; a negative length is undefined.
pub(super) fn slice(total: Total, x: &str, n: i64, length: Option<i64>) -> Option<String> {
    let count = i64::try_from(x.chars().count()).ok()?;
    // First character kept and first not kept, counted from 0.
    let (from, to) = match total {
        Total::Substring => {
            let from = n.saturating_sub(1);
            let to = match length {
                Some(length) if length < 0 => return None,
                Some(length) => from.saturating_add(length),
                None => count,
            };
            (from, to)
        }
        Total::Left if n < 0 => (0, count.saturating_add(n)),
        Total::Left => (0, n),
        Total::Right if n < 0 => (n.checked_neg().unwrap_or(i64::MAX), count),
        Total::Right => (count.saturating_sub(n), count),
        _ => return None,
    };
    let (from, to) = (usize::try_from(from.clamp(0, count)).ok()?, usize::try_from(to.clamp(0, count)).ok()?);
    Some(x.chars().skip(from).take(to.saturating_sub(from)).collect())
}

pub(super) fn trim(total: Total, x: &str, characters: &str) -> Option<String> {
    let drop = |c: char| characters.contains(c);
    Some(
        match total {
            Total::Trim => x.trim_matches(drop),
            Total::TrimStart => x.trim_start_matches(drop),
            Total::TrimEnd => x.trim_end_matches(drop),
            _ => return None,
        }
        .to_owned(),
    )
}

pub(super) fn predicate(total: Total, x: &str, part: &str) -> Option<bool> {
    match total {
        Total::StartsWith => Some(x.starts_with(part)),
        Total::EndsWith => Some(x.ends_with(part)),
        Total::Contains => Some(x.contains(part)),
        _ => None,
    }
}

/// All parts joined; NULL if any is, or if the result is too long.
pub(super) fn concat<'a>(parts: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let mut joined = String::new();
    for part in parts {
        let part = part?;
        if joined.len() + part.len() > crate::domain::MAX_TEXT_BYTES as usize {
            return None;
        }
        joined.push_str(part);
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_count_characters_and_never_fail() {
        let sub = |n, l| slice(Total::Substring, "añb", n, l);
        assert_eq!(sub(2, Some(1)), Some("ñ".into()));
        assert_eq!(sub(0, Some(2)), Some("a".into()));
        assert_eq!(sub(-5, None), Some("añb".into()));
        assert_eq!(sub(1, Some(-1)), None);
        assert_eq!(sub(i64::MAX, Some(i64::MAX)), Some(String::new()));
        assert_eq!(sub(i64::MIN, Some(i64::MAX)), Some(String::new()));
        assert_eq!(slice(Total::Left, "añb", -1, None), Some("añ".into()));
        assert_eq!(slice(Total::Right, "añb", 2, None), Some("ñb".into()));
        assert_eq!(slice(Total::Right, "añb", -1, None), Some("ñb".into()));
        assert_eq!(slice(Total::Right, "añb", i64::MIN, None), Some(String::new()));
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!(position("añb", "b"), Some(3));
        assert_eq!(position("añb", "z"), Some(0));
    }
}
