//! Direct identifiers in values: e-mail addresses, phone numbers, IP addresses, account and card numbers, ad-tech and
//! national ids, found in what is about to be stored.
//!
//! Each column's *distinct* values are looked at, once each: one pass of all patterns ([`patterns`]) picks candidates,
//! [`checks`] confirms them (checksums, ranges, country lists), and [`verdict`] weighs the share of confirmed values
//! with the words of the header ([`headers`]). Values are kept as hashes only; findings carry counts.

mod checks;
mod headers;
mod mask;
mod national;
mod patterns;
mod verdict;

pub(crate) use headers::suggests;
pub use mask::{holds, mask};
pub use verdict::{Confidence, Finding};

use lyceum_schema::name::ColumnName;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;

/// Most distinct values of a column that are looked at: the first ones.
pub const MAX_DISTINCT: usize = 50_000;
/// Most bytes of a value that are looked at.
const MAX_VALUE_BYTES: usize = 4_096;

/// What a value may identify somebody by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An e-mail address, anywhere in the text.
    Email,
    /// A phone number: with `+` and a country code anywhere, else by its header.
    Phone,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An international bank account number (ISO 13616, mod 97).
    Iban,
    /// A payment card number (ISO/IEC 7812: issuer prefix, length, Luhn).
    PaymentCard,
    /// A URL with an id, a token or an e-mail address in its parameters.
    UrlWithId,
    /// A Google Analytics client id.
    AnalyticsClientId,
    /// An advertising id of a device (IDFA, GAID): a UUID.
    AdvertisingId,
    /// A hash, such as of an e-mail address (32, 40 or 64 hexadecimal digits).
    HexDigest,
    /// A click id (gclid, fbclid, msclkid and others).
    ClickId,
    /// A national id whose check digits are right.
    NationalId,
    /// A person's name, by the header's words.
    PersonName,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "e-mail addresses",
            Self::Phone => "phone numbers",
            Self::Ipv4 => "IPv4 addresses",
            Self::Ipv6 => "IPv6 addresses",
            Self::Iban => "bank account numbers (IBAN)",
            Self::PaymentCard => "payment card numbers",
            Self::UrlWithId => "URLs with ids",
            Self::AnalyticsClientId => "analytics client ids",
            Self::AdvertisingId => "advertising ids",
            Self::HexDigest => "hashes",
            Self::ClickId => "click ids",
            Self::NationalId => "national ids",
            Self::PersonName => "names of people",
        }
    }
}

/// Looks at one column's values. Holds hashes of private data: no `Debug`.
pub struct ColumnScan {
    column: ColumnName,
    header: headers::Words,
    seen: HashSet<u64>,
    hasher: std::hash::RandomState,
    confirmed: BTreeMap<Kind, u64>,
    /// First bytes of IPv4 addresses: version numbers have few.
    first_octets: HashSet<u8>,
    /// Values of the form of account numbers.
    like_iban: u64,
    /// Values of letters, spaces, hyphens and apostrophes only.
    wordlike: u64,
    last: u64,
}

impl ColumnScan {
    /// A scan that has seen nothing. `header`: the column's name in the file.
    #[must_use]
    pub fn new(column: ColumnName, header: &str) -> Self {
        Self {
            column,
            header: headers::Words::new(header),
            seen: HashSet::new(),
            hasher: std::hash::RandomState::new(),
            confirmed: BTreeMap::new(),
            first_octets: HashSet::new(),
            like_iban: 0,
            wordlike: 0,
            last: 0,
        }
    }

    /// Whether enough distinct values were looked at.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.seen.len() >= MAX_DISTINCT
    }

    /// Looks at a value, unless it was seen before or enough were.
    pub fn observe(&mut self, value: &str) {
        if self.is_full() {
            return;
        }
        let hash = self.hasher.hash_one(value);
        // Sorted and repetitive columns repeat the value before.
        if hash == self.last && !self.seen.is_empty() {
            return;
        }
        self.last = hash;
        if !self.seen.insert(hash) {
            return;
        }
        let value = cut(value, MAX_VALUE_BYTES);
        for kind in checks::confirmed(value, &self.header) {
            *self.confirmed.entry(kind).or_default() += 1;
            if kind == Kind::Ipv4
                && let Some(octet) = checks::first_octet(value)
            {
                self.first_octets.insert(octet);
            }
        }
        self.like_iban += u64::from(checks::is_like_iban(value));
        if value.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '.' | '’')) {
            self.wordlike += 1;
        }
    }

    /// What was found, most certain first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        verdict::findings(self)
    }
}

/// The beginning of a text, at a character's boundary.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}
