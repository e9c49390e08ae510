//! TOML → [`Policy`](super::Policy): what all kinds have in common here, what one kind has below, one file per kind.

mod mock;
mod privacy;
mod synthetic;

use super::{Anonymity, Policy, PolicyError, Preset, Terms};
use crate::document::{Node, Problems, Section};
use crate::problem::Problem;
use crate::state::ReleaseKind;
use crate::time::Micros;
use std::fmt::Write as _;
use toml::de::DeValue;

/// Largest ε that can be written: far beyond protection, enough for tests of the machinery.
const MAX_EPSILON: f64 = 1e6;
const MAX_COUNT: i64 = 1_000_000;
/// Most rows of a table that is made rather than uploaded.
const MAX_ROWS: i64 = 100_000_000;
const KEYS: &[&str] =
    &["kind", "preset", "purpose", "approvals", "expires", "mock", "synthetic", "anonymity", "transform", "privacy"];
const KINDS: &[&str] = &["mock", "synthetic", "anonymized", "protected"];
/// The table of a policy that only one kind of release has.
const SECTIONS: &[(&str, ReleaseKind)] = &[
    ("mock", ReleaseKind::Mock),
    ("synthetic", ReleaseKind::Synthetic),
    ("anonymity", ReleaseKind::Anonymized),
    ("transform", ReleaseKind::Anonymized),
    ("privacy", ReleaseKind::Protected),
];

impl Policy {
    /// Parses and checks a policy. `file` is only used in errors.
    ///
    /// # Errors
    /// All problems found, in the order of their lines, each with key, line and fix; never empty.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<PolicyError>> {
        Problems::collect(file, text, policy)
    }
}

fn policy(top: &Section<'_>, problems: &mut Problems<'_>) -> Option<Policy> {
    const KIND: &str = "kind = \"protected\"";
    const PRESET: &str = "preset = \"research\"";
    top.only(KEYS, problems);

    let kind = top.require("kind", KIND, problems).and_then(|node| match node.word(KINDS, KIND, problems)? {
        "mock" => Some(ReleaseKind::Mock),
        "synthetic" => Some(ReleaseKind::Synthetic),
        "anonymized" => Some(ReleaseKind::Anonymized),
        _ => Some(ReleaseKind::Protected),
    });
    if let Some(kind) = kind {
        for (section, of) in SECTIONS.iter().filter(|(_, of)| *of != kind) {
            if let Some(node) = top.get(section) {
                node.fail(Problem::SectionOfKind { section, of: of.as_str(), kind: kind.as_str() }, problems);
            }
        }
    }
    let preset_node = top.get("preset");
    let has_preset = preset_node.is_some();
    let preset = preset_node.and_then(|node| node.word(Preset::WORDS, PRESET, problems)).and_then(Preset::from_word);
    let purpose = top.text("purpose", "purpose = \"what the data may be used for\"", problems);
    let approvals = approvals(top, kind, preset, has_preset, problems);
    let expires = match top.get("expires") {
        None => Some(None),
        Some(node) => expiry(&node, problems).map(Some),
    };
    let terms = match kind {
        Some(ReleaseKind::Mock) => mock::read(top, problems).map(Terms::Mock),
        Some(ReleaseKind::Synthetic) => synthetic::read(top, preset, has_preset, problems).map(Terms::Synthetic),
        Some(ReleaseKind::Anonymized) => anonymity(top, problems).map(Terms::Anonymized),
        // After a misspelt kind, too: most policies are of this one.
        Some(ReleaseKind::Protected) | None => {
            privacy::read(top.get("privacy").as_ref(), top, preset, has_preset, problems).map(Terms::Protected)
        }
    };

    let mut policy = Policy {
        purpose: purpose?,
        approvals: approvals?,
        expires: expires?,
        terms: kind.and(terms)?,
        canonical: String::new(),
    };
    policy.canonical = canonical(&policy);
    Some(policy)
}

fn anonymity(top: &Section<'_>, problems: &mut Problems<'_>) -> Option<Anonymity> {
    let section = top.require("anonymity", "[anonymity]", problems)?.section("[anonymity]", problems)?;
    super::anonymity::read(&section, top, problems)
}

/// Rows that are made from the manifest alone protect themselves: a mock release needs no approval unless it says so.
fn approvals(
    top: &Section<'_>,
    kind: Option<ReleaseKind>,
    preset: Option<Preset>,
    has_preset: bool,
    problems: &mut Problems<'_>,
) -> Option<u8> {
    let least = i64::from(kind != Some(ReleaseKind::Mock));
    match (top.get("approvals"), kind, preset) {
        (Some(node), ..) => node.integer(least, 2, "approvals = 2", problems).and_then(|n| u8::try_from(n).ok()),
        (None, Some(ReleaseKind::Mock), _) => Some(0),
        (None, _, Some(preset)) => Some(preset.approvals()),
        (None, _, None) => {
            if !has_preset {
                top.require("approvals", "approvals = 2", problems);
            }
            None
        }
    }
}

/// A date alone means its first instant in UTC: of all readings the one that ends access first.
fn expiry(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Micros> {
    let text = match node.value() {
        DeValue::Datetime(d) => d.to_string(),
        DeValue::String(s) => s.to_string(),
        _ => String::new(),
    };
    let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date: jiff::civil::Date = if text.len() == 10 { text.parse().ok()? } else { return None };
        format!("{date}T00:00:00Z").parse().ok()
    });
    if instant.is_none() {
        node.fail(Problem::Expiry, problems);
    }
    instant.map(|t| Micros(t.as_microsecond()))
}

/// The keys of one table, each from the file or else from the preset.
struct Keys<'s, 'd> {
    section: &'s Section<'d>,
    optional: bool,
}

impl Keys<'_, '_> {
    fn find(&self, key: &str, example: &'static str, problems: &mut Problems<'_>) -> Option<Node<'_>> {
        if self.optional { self.section.get(key) } else { self.section.require(key, example, problems) }
    }

    fn positive(
        &self,
        key: &str,
        example: &'static str,
        high: f64,
        base: Option<f64>,
        problems: &mut Problems<'_>,
    ) -> Option<f64> {
        let Some(node) = self.find(key, example, problems) else { return base };
        let number = node.number(example, problems)?;
        if number > 0.0 && number <= high {
            return Some(number);
        }
        node.fail(Problem::Positive { high }, problems);
        None
    }

    fn count(
        &self,
        key: &str,
        example: &'static str,
        low: i64,
        base: Option<u32>,
        problems: &mut Problems<'_>,
    ) -> Option<u32> {
        let Some(node) = self.find(key, example, problems) else { return base };
        node.integer(low, MAX_COUNT, example, problems).and_then(|n| u32::try_from(n).ok())
    }
}

/// The effective policy as TOML with every key written out: parsing it gives the same policy again.
fn canonical(policy: &Policy) -> String {
    let mut text = format!(
        "kind = {kind:?}\npurpose = {purpose}\napprovals = {approvals}\n",
        kind = policy.kind().as_str(),
        purpose = toml::Value::String(policy.purpose.clone()),
        approvals = policy.approvals,
    );
    if let Some(expires) = policy.expires {
        let _ = writeln!(text, "expires = {expires}");
    }
    text + &match &policy.terms {
        Terms::Mock(terms) => mock::canonical(terms),
        Terms::Synthetic(terms) => synthetic::canonical(terms),
        Terms::Anonymized(terms) => super::anonymity::canonical(terms),
        Terms::Protected(terms) => privacy::canonical(terms),
    }
}
