//! Regular expressions with literal patterns, compiled when the query is planned. The engine takes time linear in
//! the text; how many steps a byte may take is bounded by the size of the compiled pattern, which planning charges.

use crate::domain::MAX_TEXT_BYTES;
use std::hash::{Hash, Hasher};

/// Longest pattern, bytes.
pub(crate) const MAX_PATTERN_BYTES: usize = 256;
/// Largest compiled pattern, bytes.
const MAX_COMPILED_BYTES: usize = 128 << 10;
/// Most memory that matching may use for its tables, bytes.
const TABLE_BYTES: usize = 256 << 10;
/// Bytes of a compiled pattern that count for one step: about one state.
const BYTES_PER_STEP: usize = 64;

/// A compiled pattern. Two are equal if their texts are.
#[derive(Debug)]
pub(crate) struct Regex {
    compiled: regex::Regex,
    /// Steps that one byte of text may take.
    steps: usize,
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.compiled.as_str() == other.compiled.as_str()
    }
}

impl Eq for Regex {}

impl Hash for Regex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.compiled.as_str().hash(state);
    }
}

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        // Flags that came as an argument stand before the pattern.
        if pattern.len() > MAX_PATTERN_BYTES + 16 {
            return Err(format!("It is longer than {MAX_PATTERN_BYTES} bytes."));
        }
        let mut limit = 1 << 10;
        loop {
            let built = regex::RegexBuilder::new(pattern).size_limit(limit).dfa_size_limit(TABLE_BYTES).build();
            match built {
                Ok(compiled) => return Ok(Self { compiled, steps: limit / BYTES_PER_STEP }),
                Err(regex::Error::CompiledTooBig(_)) if limit < MAX_COMPILED_BYTES => limit *= 2,
                Err(regex::Error::CompiledTooBig(_)) => {
                    return Err("Repeating its parts so often makes it too large.".to_owned());
                }
                Err(_) => return Err("It is no regular expression.".to_owned()),
            }
        }
    }

    /// Steps that matching a text of so many bytes may take. Looking for all matches may begin anew at every byte.
    pub(crate) fn steps(&self, bytes: usize, all: bool) -> usize {
        let once = bytes.saturating_add(1).saturating_mul(self.steps);
        if all { once.saturating_mul(bytes.saturating_add(1)) } else { once }
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    pub(super) fn count(&self, text: &str) -> Option<i64> {
        i64::try_from(self.compiled.find_iter(text).count()).ok()
    }

    /// Where the first match begins, in characters from 1; 0: nowhere.
    pub(super) fn position(&self, text: &str) -> Option<i64> {
        match self.compiled.find(text) {
            Some(found) => i64::try_from(text.get(..found.start())?.chars().count() + 1).ok(),
            None => Some(0),
        }
    }

    /// The text with its first match, or all, replaced; NULL if that is too long.
    pub(super) fn replace(&self, text: &str, replacement: &str, all: bool) -> Option<String> {
        let most = if all { usize::MAX } else { 1 };
        let mut result = String::new();
        let mut end = 0;
        for found in self.compiled.captures_iter(text).take(most) {
            let whole = found.get(0)?;
            result.push_str(text.get(end..whole.start())?);
            found.expand(replacement, &mut result);
            if result.len() > MAX_TEXT_BYTES as usize {
                return None;
            }
            end = whole.end();
        }
        result.push_str(text.get(end..)?);
        Some(result)
    }
}

/// A pattern with flags in front of it; `None` if there is no such flag.
pub(crate) fn with_flags(pattern: &str, flags: &str) -> Option<String> {
    if flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'x' | 'U')) && flags.len() <= 5 {
        Some(if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") })
    } else {
        None
    }
}

/// A replacement with its groups written as the engine reads them, `\1` as `${1}`, and how many it has.
pub(crate) fn references(replacement: &str) -> (String, usize) {
    let mut written = String::new();
    let mut rest = replacement.chars().peekable();
    while let Some(c) = rest.next() {
        let mut group = String::new();
        if c == '\\' {
            let mut ahead = rest.clone();
            if ahead.peek() == Some(&'\\') {
                ahead.next();
            }
            while let Some(digit) = ahead.peek().filter(|d| d.is_ascii_digit()) {
                group.push(*digit);
                ahead.next();
            }
            if !group.is_empty() {
                rest = ahead;
            }
        }
        if group.is_empty() {
            written.push(c);
        } else {
            written.push_str(&format!("${{{group}}}"));
        }
    }
    let groups = written.matches('$').count();
    (written, groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_bounded() {
        assert!(Regex::new("^[0-9]+$").is_ok_and(|r| r.is_match("123") && !r.is_match("12a")));
        assert!(Regex::new("([0-9]{1,50}){1,50}z").is_err_and(|why| why.contains("large")));
        assert!(Regex::new("(((").is_err() && Regex::new(r"(a)\1").is_err());
        assert!(Regex::new(&"a".repeat(300)).is_err());
        let (small, large) =
            (Regex::new("a+").unwrap().steps(100, false), Regex::new(r"\w+").unwrap().steps(100, false));
        assert!(small < large && large < 300_000, "{small} {large}");
    }

    #[test]
    fn groups_of_a_replacement() {
        assert_eq!(references(r"x\1y"), ("x${1}y".to_owned(), 1));
        assert_eq!(references(r"\\2"), ("${2}".to_owned(), 1));
        assert_eq!(references(r"a\b"), (r"a\b".to_owned(), 0));
        let r = Regex::new("b(..)").unwrap();
        assert_eq!(r.replace("foobarbaz", "X${1}Y", true), Some("fooXarYXazY".to_owned()));
        assert_eq!(r.replace("foobarbaz", "X", false), Some("fooXbaz".to_owned()));
    }
}
