//! LIKE with a literal pattern, compiled once per batch: `%` any text, `_` any character, an escape character
//! (backslash unless said). Matching takes at most pattern × text steps and no memory.

enum Step {
    One(char),
    AnyOne,
    AnyText,
}

/// A compiled pattern.
pub(crate) struct Pattern {
    steps: Vec<Step>,
    fold_case: bool,
}

impl Pattern {
    /// Compiles a pattern; `None` if it ends in its escape character.
    pub(crate) fn new(pattern: &str, escape: Option<char>, fold_case: bool) -> Option<Self> {
        let escape = escape.unwrap_or('\\');
        let folded = if fold_case { pattern.to_lowercase() } else { pattern.to_owned() };
        let mut steps = Vec::new();
        let mut characters = folded.chars();
        while let Some(c) = characters.next() {
            steps.push(if c == escape {
                Step::One(characters.next()?)
            } else if c == '%' {
                Step::AnyText
            } else if c == '_' {
                Step::AnyOne
            } else {
                Step::One(c)
            });
        }
        Some(Self { steps, fold_case })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        if self.fold_case { self.matches_folded(&text.to_lowercase()) } else { self.matches_folded(text) }
    }

    /// Greedy with one point to come back to: the last `%` and where its text ended so far.
    fn matches_folded(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut step = 0;
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Step::AnyText) = self.steps.get(step) {
                step += 1;
                back = Some((step, rest.clone()));
                continue;
            }
            let mut ahead = rest.clone();
            let matched = match (self.steps.get(step), ahead.next()) {
                (None, None) => return true,
                (Some(Step::One(c)), Some(t)) => *c == t,
                (Some(Step::AnyOne), Some(_)) => true,
                _ => false,
            };
            if matched {
                rest = ahead;
                step += 1;
            } else if let Some((after, from)) = &mut back {
                if from.next().is_none() {
                    return false;
                }
                rest = from.clone();
                step = *after;
            } else {
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::new(pattern, None, false).is_some_and(|p| p.matches(text))
    }

    #[test]
    fn patterns() {
        assert!(like("abc", "abc") && like("abc", "a%") && like("abc", "%c") && like("abc", "a_c") && like("", "%"));
        assert!(like("aab", "%ab") && like("abcabd", "%ab_") && like("a%c", "a\\%c") && like("mañana", "ma_ana"));
        assert!(!like("abc", "ab") && !like("abc", "a\\%c") && !like("", "_") && !like("ab", "%ba%"));
        assert!(Pattern::new("a\\", None, false).is_none());
        assert!(Pattern::new("STRASSE%", None, true).is_some_and(|p| p.matches("Strasse 5")));
        assert!(Pattern::new("10!%", Some('!'), false).is_some_and(|p| p.matches("10%")));
    }
}
