//! Whether a candidate is what its pattern says: checksums, ranges, country lists.

use super::headers::Words;
use super::patterns::{self, PREFILTER, alone};
use super::{Kind, national};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Names of URL parameters that carry ids, tokens or contacts.
const ID_PARAMETERS: &[&str] = &[
    "email",
    "mail",
    "e-mail",
    "phone",
    "tel",
    "user",
    "userid",
    "user_id",
    "uid",
    "customer",
    "customer_id",
    "cid",
    "clientid",
    "client_id",
    "subscriber",
    "subscriber_id",
    "token",
    "session",
    "sessionid",
    "sid",
    "jsessionid",
    "phpsessid",
    "deviceid",
    "device_id",
    "idfa",
    "gaid",
    "aaid",
];
/// Names of URL parameters that carry click ids.
const CLICK_PARAMETERS: &[&str] =
    &["gclid", "fbclid", "msclkid", "dclid", "ttclid", "twclid", "li_fat_id", "gbraid", "wbraid", "yclid", "mc_eid"];

/// Whether a value has the form of an account number, whatever its check digits: one in 97 is right by chance.
pub(super) fn is_like_iban(value: &str) -> bool {
    alone(patterns::IBAN).is_match(value)
}

/// The kinds that a value is of.
pub(super) fn confirmed(value: &str, header: &Words) -> Vec<Kind> {
    let candidates = PREFILTER.matches(value);
    let mut kinds = Vec::new();
    for candidate in &candidates {
        let kind = match candidate {
            patterns::EMAIL => Some(Kind::Email),
            patterns::PLUS_PHONE => spans(value, candidate).any(plausible_e164).then_some(Kind::Phone),
            patterns::DIGITS_PHONE => {
                let digits = digits(value).count();
                (header.suggests(Kind::Phone) && (7..=15).contains(&digits)).then_some(Kind::Phone)
            }
            patterns::IPV4 => ipv4(value).is_some().then_some(Kind::Ipv4),
            patterns::IPV6 => is_ipv6(value).then_some(Kind::Ipv6),
            patterns::IBAN => spans(value, candidate).any(|s| iban_extent(s).is_some()).then_some(Kind::Iban),
            patterns::CARD => spans(value, candidate).any(is_card).then_some(Kind::PaymentCard),
            patterns::URL => url(value),
            patterns::ANALYTICS => is_analytics(value).then_some(Kind::AnalyticsClientId),
            patterns::UUID => (!is_time_ordered(value)).then_some(Kind::AdvertisingId),
            patterns::DIGEST => Some(Kind::HexDigest),
            patterns::CLICK => is_click_id(value, header).then_some(Kind::ClickId),
            patterns::NATIONAL => national::is_valid(value, header).then_some(Kind::NationalId),
            _ => None,
        };
        kinds.extend(kind);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The first byte of an address.
pub(super) fn first_octet(value: &str) -> Option<u8> {
    ipv4(value).map(|address| address.octets()[0])
}

pub(super) fn spans(value: &str, pattern: usize) -> impl Iterator<Item = &str> {
    alone(pattern).find_iter(value).map(|found| found.as_str())
}

fn digits(text: &str) -> impl Iterator<Item = u32> {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// 8 to 15 digits (ITU-T E.164 allows 15), not all the same.
pub(super) fn plausible_e164(span: &str) -> bool {
    let digits: Vec<u32> = digits(span).collect();
    (8..=15).contains(&digits.len()) && digits.iter().any(|d| *d != digits[0])
}

fn ipv4(value: &str) -> Option<Ipv4Addr> {
    value.split(':').next()?.parse().ok()
}

fn is_ipv6(value: &str) -> bool {
    let address = value.split(['%', '/']).next().unwrap_or(value);
    // Times such as 12:30:59 have no more than two colons and no empty group.
    let colons = address.bytes().filter(|b| *b == b':').count();
    colons >= 2 && address.parse::<Ipv6Addr>().is_ok_and(|a| !a.is_unspecified() && !a.is_loopback())
}

/// How many bytes of the span, from its beginning, are an account number: mod 97 and the country's length and form, by the
/// registry in `iban_validate`. Words that follow fit the pattern too.
pub(super) fn iban_extent(span: &str) -> Option<usize> {
    let ends = span.char_indices().filter(|(_, c)| *c != ' ').map(|(i, c)| i + c.len_utf8());
    let ends: Vec<usize> = ends.skip(14).take(20).collect();
    ends.into_iter().rev().find(|end| {
        let whole = span[*end..].chars().next().is_none_or(|c| !c.is_ascii_alphanumeric());
        whole && span[..*end].replace(' ', "").parse::<iban::Iban>().is_ok()
    })
}

/// A known issuer's prefix, its lengths, and Luhn's check digit.
pub(super) fn is_card(span: &str) -> bool {
    let digits: Vec<u32> = digits(span).collect();
    let prefix = |n: usize| digits.iter().take(n).fold(0, |sum, d| sum * 10 + d);
    let lengths: &[usize] = match (prefix(1), prefix(2), prefix(3), prefix(4)) {
        (4, ..) => &[13, 16, 19],
        (_, 51..=55, ..) | (.., 2221..=2720) | (_, _, _, 6011) | (_, 65, ..) | (_, _, 644..=649, _) => &[16],
        (_, 34 | 37, ..) => &[15],
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305, _) => &[14, 16],
        (.., 3528..=3589) => &[16],
        (_, 62, ..) => &[16, 17, 18, 19],
        _ => return false,
    };
    lengths.contains(&digits.len()) && luhn(&digits)
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            if i % 2 == 0 {
                *d
            } else {
                let twice = d * 2;
                twice / 10 + twice % 10
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|d| *d != digits[0])
}

fn url(value: &str) -> Option<Kind> {
    let parameters = value.split_once(['?', '#', ';'])?.1.split(['&', ';', '#', '?']);
    let mut found = None;
    for (name, value) in parameters.filter_map(|p| p.split_once('=')) {
        let name = name.to_ascii_lowercase();
        if CLICK_PARAMETERS.contains(&name.as_str()) && value.len() >= 8 {
            return Some(Kind::ClickId);
        }
        if ID_PARAMETERS.contains(&name.as_str()) && value.len() >= 4 {
            found = Some(Kind::UrlWithId);
        }
    }
    found
}

/// `random.seconds`: the second half is a time after analytics began.
fn is_analytics(value: &str) -> bool {
    let seconds = value.rsplit('.').next().and_then(|s| s.parse::<u64>().ok());
    seconds.is_some_and(|s| (1_104_537_600..2_208_988_800).contains(&s))
}

/// UUIDs of versions 1, 6, 7 are made by programs for rows and events, not by phones for people.
fn is_time_ordered(value: &str) -> bool {
    let hex: Vec<u8> = value.bytes().filter(u8::is_ascii_hexdigit).collect();
    matches!(hex.get(12), Some(b'1' | b'6' | b'7'))
}

fn is_click_id(value: &str, header: &Words) -> bool {
    let known = ["Cj0KC", "EAIaI", "CjwKC", "CjgKE", "IwAR", "IwZX"].iter().any(|p| value.starts_with(p));
    known || (header.suggests(Kind::ClickId) && value.bytes().any(|b| b.is_ascii_digit()))
}
