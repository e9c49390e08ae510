//! The patterns: one automaton over all of them, so that most values are done with in one pass. Sans-backtracking
//! (`regex`), hence linear in the value's length.

use regex::{Regex, RegexSet};
use std::sync::LazyLock;

/// Patterns by their place in [`PREFILTER`].
pub(super) const EMAIL: usize = 0;
pub(super) const PLUS_PHONE: usize = 1;
pub(super) const DIGITS_PHONE: usize = 2;
pub(super) const IPV4: usize = 3;
pub(super) const IPV6: usize = 4;
pub(super) const IBAN: usize = 5;
pub(super) const CARD: usize = 6;
pub(super) const URL: usize = 7;
pub(super) const ANALYTICS: usize = 8;
pub(super) const UUID: usize = 9;
pub(super) const DIGEST: usize = 10;
pub(super) const CLICK: usize = 11;
pub(super) const NATIONAL: usize = 12;

const PATTERNS: [&str; 13] = [
    // RFC 5321's common form; quoted local parts are left out.
    r"(?i)[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}(?:@|%40)[a-z0-9](?:[a-z0-9-]{0,62}\.)+[a-z]{2,24}\b",
    // E.164 with its plus sign, punctuated in whatever way.
    r"(?:^|[^0-9A-Za-z+])\+[1-9][0-9 ()./\x{a0}-]{6,22}[0-9]\b",
    r"^[ (]*(?:00|0)?[1-9][0-9 ()./-]{5,18}[0-9]$",
    r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?$",
    r"(?i)^[0-9a-f:]{2,39}(?:\.[0-9.]{5,11})?(?:%[a-z0-9]+)?(?:/[0-9]{1,3})?$",
    r"(?i)\b[a-z]{2}[0-9]{2}(?: ?[a-z0-9]){11,30}\b",
    r"(?:^|[^0-9.,-])[2-6](?:[ -]?[0-9]){12,18}(?:[^0-9.,-]|$)",
    r"(?i)\bhttps?://[^\s]+[?&;#]",
    r"^(?:GA1\.[0-9]\.)?[0-9]{5,10}\.[0-9]{10}$",
    r"(?i)^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$",
    r"(?i)^(?:0x)?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$",
    r"^(?:(?:Cj0KC|EAIaI|CjwKC|CjgKE)[\w-]{20,}|IwAR[\w-]{20,}|IwZX[\w-]{20,}|[\w-]{40,})$",
    r"^(?:[A-Za-z]{0,6}[0-9 ./-]{5,20}[0-9A-Za-z]{0,6}|[A-Za-z]{6}[0-9A-Za-z]{10})$",
];

/// Which patterns a value may fit.
pub(super) static PREFILTER: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(PATTERNS).expect("invariant: the patterns are constants that compile"));

/// One of the patterns alone, to find where it is.
pub(super) fn alone(pattern: usize) -> &'static Regex {
    static ALONE: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        PATTERNS.iter().map(|p| Regex::new(p).expect("invariant: the patterns are constants that compile")).collect()
    });
    &ALONE[pattern]
}
