//! From counts to a verdict: how sure it is that a column holds direct identifiers, and why.

use super::{ColumnScan, Kind, MAX_DISTINCT};
use lyceum_schema::name::ColumnName;
use serde::Serialize;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// To be looked at; nothing is done about it.
    Low,
    /// Likely.
    Medium,
    /// As good as certain.
    High,
}

/// Direct identifiers of one kind in one column. Counts only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The column.
    pub column: ColumnName,
    /// What was found.
    pub kind: Kind,
    /// How sure.
    pub confidence: Confidence,
    /// Distinct values that are of this kind.
    pub matching: u64,
    /// Distinct values that were looked at.
    pub distinct: u64,
    /// Why, in words.
    pub reason: String,
}

impl Finding {
    /// Distinct values of this kind as a share of those looked at, in [0, 1].
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn share(&self) -> f64 {
        if self.distinct == 0 { 0.0 } else { self.matching as f64 / self.distinct as f64 }
    }
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn findings(scan: &ColumnScan) -> Vec<Finding> {
    let distinct = scan.seen.len() as u64;
    if distinct == 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut note = |kind: Kind, matching: u64| {
        let named = scan.header.suggests(kind);
        let share = matching as f64 / distinct as f64;
        if let Some(confidence) = confidence(scan, kind, matching, share, named) {
            let values = if scan.seen.len() >= MAX_DISTINCT { "first distinct values" } else { "distinct values" };
            let header = if named { ", and the header says so" } else { "" };
            let reason = format!("{matching} of {distinct} {values} are {}{header}", kind.name());
            found.push(Finding { column: scan.column.clone(), kind, confidence, matching, distinct, reason });
        }
    };
    for (kind, matching) in &scan.confirmed {
        note(*kind, *matching);
    }
    // No pattern tells a name from another word: the header must say it, and the values must look like words.
    if scan.header.suggests(Kind::PersonName) && !scan.confirmed.contains_key(&Kind::Email) {
        note(Kind::PersonName, scan.wordlike);
    }
    found.sort_by_key(|f| (std::cmp::Reverse(f.confidence), std::cmp::Reverse(f.matching), f.kind));
    found
}

/// `None`: too little to speak of.
fn confidence(scan: &ColumnScan, kind: Kind, matching: u64, share: f64, named: bool) -> Option<Confidence> {
    use Confidence::{High, Low, Medium};
    let several = matching >= 3;
    match kind {
        // Nothing else looks like these: a few are enough.
        Kind::Iban if matching * 10 < scan.like_iban => None,
        Kind::Email | Kind::Iban => Some(if share >= 0.01 || several || named { High } else { Medium }),
        Kind::Phone if named => (share >= 0.2).then_some(High),
        Kind::Phone | Kind::UrlWithId | Kind::ClickId => Some(match (share, several) {
            (0.05.., true) => High,
            (_, true) => Medium,
            _ => Low,
        }),
        // A version number is an address too: addresses begin in many ways, versions in few.
        Kind::Ipv4 if named => (share >= 0.2).then_some(High),
        Kind::Ipv4 => (share >= 0.8 && scan.first_octets.len() >= 8).then_some(High),
        Kind::Ipv6 => Some(if several || named { High } else { Low }),
        // One number in ten has Luhn's digit by chance; few of those have a prefix and length of cards.
        Kind::PaymentCard if named => (share >= 0.05).then_some(High),
        Kind::PaymentCard => match share {
            0.5.. if several => Some(High),
            // Among words a card number stands out; among numbers it may be chance.
            _ if several && scan.wordlike * 2 > scan.seen.len() as u64 => Some(Medium),
            _ => None,
        },
        Kind::AnalyticsClientId if named => (share >= 0.2).then_some(High),
        Kind::AnalyticsClientId => (share >= 0.9 && several).then_some(Medium),
        Kind::AdvertisingId | Kind::HexDigest if named => (share >= 0.2).then_some(High),
        // Ids of rows and events are UUIDs and hashes too.
        Kind::AdvertisingId | Kind::HexDigest => (share >= 0.5 && several).then_some(Low),
        Kind::NationalId if named => (share >= 0.3).then_some(High),
        Kind::NationalId => (share >= 0.5 && several).then_some(Medium),
        Kind::PersonName => (share >= 0.8).then_some(Medium),
    }
}
