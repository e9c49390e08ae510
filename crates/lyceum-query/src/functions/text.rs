//! Functions of one row's texts. Positions and lengths count characters, as SQL does.

use super::Total;

/// Characters, bytes or bits; the first character's number (0: there is none).
pub(super) fn number(total: Total, x: &str) -> Option<i64> {
    match total {
        Total::OctetLength => i64::try_from(x.len()).ok(),
        Total::BitLength => i64::try_from(x.len()).ok()?.checked_mul(8),
        Total::Ascii => Some(x.chars().next().map_or(0, |c| i64::from(u32::from(c)))),
        _ => i64::try_from(x.chars().count()).ok(),
    }
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
        Total::Initcap => Some(super::build::initcap(x)),
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

/// Which of a comma-separated list's items `x` is, from 1; 0: none.
pub(super) fn find_in_set(x: &str, list: &str) -> Option<i64> {
    i64::try_from(list.split(',').position(|item| item == x).map_or(0, |i| i + 1)).ok()
}

/// How many characters must be put in, taken out or changed to make one text the other.
pub(super) fn levenshtein(x: &str, y: &str) -> Option<i64> {
    let y: Vec<char> = y.chars().collect();
    // One row of the table: the distance of what is read of `x` from each beginning of `y`.
    let mut row: Vec<usize> = (0..=y.len()).collect();
    for (i, a) in x.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (j, b) in y.iter().enumerate() {
            let above = *row.get(j + 1)?;
            *row.get_mut(j)? = left;
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            diagonal = above;
        }
        *row.last_mut()? = left;
    }
    i64::try_from(row.last().copied()?).ok()
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
        assert_eq!(find_in_set("b", "a,b,c"), Some(2));
        assert_eq!(levenshtein("kitten", "sitting"), Some(3));
        assert_eq!(levenshtein("", "añb"), Some(3));
        assert_eq!(levenshtein("añb", ""), Some(3));
    }
}
