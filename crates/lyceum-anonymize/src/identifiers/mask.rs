//! Direct identifiers put out of sight in a text, the rest of it kept.

use super::checks::{iban_extent, is_card, plausible_e164};
use super::headers::Words;
use super::patterns::{self, PREFILTER, alone};
use super::{Kind, checks};
use regex::{Captures, Regex};
use std::borrow::Cow;

/// How many bytes of a candidate, from its beginning, are an identifier.
type Extent = fn(&str) -> Option<usize>;

/// The value with every identifier that is confirmed in it replaced by its kind in brackets, such as `<email>`: the span
/// alone where it stands in a text, all of the value where it is all there is. `header`: the column's name in the file.
#[must_use]
pub fn mask<'a>(value: &'a str, header: &str) -> Cow<'a, str> {
    if !PREFILTER.is_match(value) {
        return Cow::Borrowed(value);
    }
    let mut text = Cow::Borrowed(value);
    let spans: [(usize, &str, Extent); 4] = [
        (patterns::EMAIL, "<email>", |span| Some(span.len())),
        (patterns::IBAN, "<iban>", iban_extent),
        (patterns::CARD, "<card>", |span| is_card(span).then_some(span.len())),
        (patterns::PLUS_PHONE, "<phone>", |span| plausible_e164(span).then_some(span.len())),
    ];
    for (pattern, label, extent) in spans {
        text = replaced(text, alone(pattern), label, extent);
    }
    let whole = checks::confirmed(&text, &Words::new(header)).into_iter().find_map(|kind| match kind {
        Kind::UrlWithId => Some("<url>"),
        Kind::ClickId if text.contains("://") => Some("<url>"),
        Kind::ClickId => Some("<click id>"),
        Kind::Ipv4 | Kind::Ipv6 => Some("<ip>"),
        Kind::Phone => Some("<phone>"),
        Kind::AnalyticsClientId => Some("<analytics id>"),
        Kind::AdvertisingId => Some("<advertising id>"),
        Kind::HexDigest => Some("<hash>"),
        Kind::NationalId => Some("<national id>"),
        Kind::Email | Kind::Iban | Kind::PaymentCard | Kind::PersonName => None,
    });
    whole.map_or(text, Cow::Borrowed)
}

/// Whether there is anything to mask in the value.
#[must_use]
pub fn holds(value: &str, header: &str) -> bool {
    matches!(mask(value, header), Cow::Owned(_)) || mask(value, header) != value
}

fn replaced<'a>(text: Cow<'a, str>, pattern: &Regex, label: &str, extent: Extent) -> Cow<'a, str> {
    if !pattern.find_iter(&text).any(|found| extent(found.as_str()).is_some()) {
        return text;
    }
    let replace = |found: &Captures<'_>| {
        let span = &found[0];
        let Some(end) = extent(span) else { return span.to_owned() };
        // Patterns may take the character before and after with them.
        let kept =
            |c: Option<char>| c.filter(|c| !c.is_alphanumeric() && *c != '+').map(String::from).unwrap_or_default();
        let before = if pattern.as_str().starts_with("(?:^|") { kept(span.chars().next()) } else { String::new() };
        let after = if pattern.as_str().ends_with("|$)") { kept(span.chars().next_back()) } else { String::new() };
        format!("{before}{label}{after}{}", &span[end..])
    };
    Cow::Owned(pattern.replace_all(&text, replace).into_owned())
}
