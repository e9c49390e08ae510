//! TOML → [`Policy`](super::Policy): the preset, what overrides it, and whether the limits fit into each other.

use super::{DpPolicy, Policy, PolicyError, Preset};
use crate::document::{Node, Problems, Section};
use crate::problem::Problem;
use crate::state::ReleaseKind;
use crate::time::Micros;
use std::fmt::Write as _;
use toml::de::DeValue;

/// Largest ε that can be written: far beyond protection, enough for tests of the machinery.
const MAX_EPSILON: f64 = 1e6;
const MAX_COUNT: i64 = 1_000_000;
const KINDS: &[&str] = &["mock", "synthetic", "anonymized", "protected"];

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
    top.only(&["kind", "preset", "purpose", "approvals", "expires", "privacy", "anonymity", "transform"], problems);

    let kind = top.require("kind", KIND, problems).and_then(|node| match node.word(KINDS, KIND, problems)? {
        "protected" => Some(ReleaseKind::Protected),
        "anonymized" => Some(ReleaseKind::Anonymized),
        kind => {
            node.fail(Problem::Kind { kind }, problems);
            None
        }
    });
    let preset_node = top.get("preset");
    let has_preset = preset_node.is_some();
    let preset = preset_node.and_then(|node| node.word(Preset::WORDS, PRESET, problems)).and_then(Preset::from_word);
    let purpose = top.text("purpose", "purpose = \"what the data may be used for\"", problems);
    let approvals = match (top.get("approvals"), preset) {
        (Some(node), _) => node.integer(1, 2, "approvals = 2", problems).and_then(|n| u8::try_from(n).ok()),
        (None, Some(preset)) => Some(preset.approvals()),
        (None, None) => {
            if !has_preset {
                top.require("approvals", "approvals = 2", problems);
            }
            None
        }
    };
    let expires = match top.get("expires") {
        None => Some(None),
        Some(node) => expiry(&node, problems).map(Some),
    };
    let anonymized = kind == Some(ReleaseKind::Anonymized);
    let anonymity = match (top.get("anonymity"), anonymized) {
        (Some(node), true) => node
            .section("[anonymity]", problems)
            .and_then(|section| super::anonymity::read(&section, top, problems))
            .map(Some),
        (None, true) => {
            top.require("anonymity", "[anonymity]", problems);
            None
        }
        (Some(node), false) => {
            node.fail(Problem::Kind { kind: "protected" }, problems);
            None
        }
        (None, false) => Some(None),
    };
    if let (Some(node), false) = (top.get("transform"), anonymized) {
        node.fail(Problem::Kind { kind: "protected" }, problems);
    }
    let privacy = match (top.get("privacy"), preset) {
        // Nothing of an anonymized release is charged.
        (None, None) if anonymized => Some(Preset::Strict.privacy()),
        (None, Some(preset)) => Some(preset.privacy()),
        (None, None) => {
            if !has_preset {
                top.require("privacy", "preset = \"research\"  or a [privacy] table", problems);
            }
            None
        }
        (Some(node), _) => node.section("[privacy]", problems).and_then(|section| {
            // After a misspelt preset nobody knows which keys are missing: check only what is there.
            let base = preset.map(Preset::privacy);
            let read = Limits { section: &section, optional: has_preset }.read(base.as_ref(), problems)?;
            fits(&section, &read, problems).then_some(read)
        }),
    };

    let mut policy = Policy {
        kind: kind?,
        purpose: purpose?,
        approvals: approvals?,
        expires: expires?,
        privacy: privacy?,
        anonymity: anonymity?,
        canonical: String::new(),
    };
    policy.canonical = canonical(&policy);
    Some(policy)
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

/// Reads the keys of `[privacy]`, each from the file or else from the preset.
struct Limits<'s, 'd> {
    section: &'s Section<'d>,
    optional: bool,
}

impl Limits<'_, '_> {
    fn read(&self, base: Option<&DpPolicy>, problems: &mut Problems<'_>) -> Option<DpPolicy> {
        const KEYS: &[&str] = &[
            "epsilon_per_workspace",
            "epsilon_per_researcher",
            "max_epsilon_per_query",
            "default_epsilon_per_query",
            "max_groups_contributed",
            "max_rows_per_group",
            "minimum_group_size",
            "selection_delta_share",
        ];
        self.section.only(KEYS, problems);
        let workspace = self.positive(
            "epsilon_per_workspace",
            "epsilon_per_workspace = 2.0",
            MAX_EPSILON,
            base.map(|b| b.epsilon_per_workspace),
            problems,
        );
        let researcher = self.positive(
            "epsilon_per_researcher",
            "epsilon_per_researcher = 1.0",
            MAX_EPSILON,
            base.map(|b| b.epsilon_per_researcher),
            problems,
        );
        let largest = self.positive(
            "max_epsilon_per_query",
            "max_epsilon_per_query = 0.5",
            MAX_EPSILON,
            base.map(|b| b.max_epsilon_per_query),
            problems,
        );
        let default = self.positive(
            "default_epsilon_per_query",
            "default_epsilon_per_query = 0.25",
            MAX_EPSILON,
            base.map(|b| b.default_epsilon_per_query),
            problems,
        );
        let groups = self.count(
            "max_groups_contributed",
            "max_groups_contributed = 3",
            1,
            base.map(|b| b.max_groups_contributed),
            problems,
        );
        let rows = self.count(
            "max_rows_per_group",
            "max_rows_per_group = 10",
            1,
            base.map(|b| b.max_rows_per_group),
            problems,
        );
        let minimum = self.count(
            "minimum_group_size",
            "minimum_group_size = 20",
            2,
            base.map(|b| b.minimum_group_size),
            problems,
        );
        let share = self.positive(
            "selection_delta_share",
            "selection_delta_share = 0.05",
            1.0,
            base.map(|b| b.selection_delta_share),
            problems,
        );
        Some(DpPolicy {
            epsilon_per_workspace: workspace?,
            epsilon_per_researcher: researcher?,
            max_epsilon_per_query: largest?,
            default_epsilon_per_query: default?,
            max_groups_contributed: groups?,
            max_rows_per_group: rows?,
            minimum_group_size: minimum?,
            selection_delta_share: share?,
        })
    }

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

/// Each limit lies within the next larger one; else the larger one could never be reached, or the smaller never used.
fn fits(section: &Section<'_>, p: &DpPolicy, problems: &mut Problems<'_>) -> bool {
    let chain = [
        ("epsilon_per_researcher", p.epsilon_per_researcher, "epsilon_per_workspace", p.epsilon_per_workspace),
        ("max_epsilon_per_query", p.max_epsilon_per_query, "epsilon_per_researcher", p.epsilon_per_researcher),
        ("default_epsilon_per_query", p.default_epsilon_per_query, "max_epsilon_per_query", p.max_epsilon_per_query),
    ];
    let mut ok = true;
    for (key, value, other, limit) in chain {
        if value > limit {
            let offset = section.get(key).map_or(section.offset(), |node| node.offset());
            problems.push(&section.path_of(key), offset, Problem::Above { value, other, limit });
            ok = false;
        }
    }
    ok
}

/// The effective policy as TOML with every key written out: parsing it gives the same policy again.
fn canonical(policy: &Policy) -> String {
    let p = &policy.privacy;
    let mut text = format!(
        "kind = {kind:?}\npurpose = {purpose}\napprovals = {approvals}\n",
        kind = policy.kind.as_str(),
        purpose = toml::Value::String(policy.purpose.clone()),
        approvals = policy.approvals,
    );
    if let Some(expires) = policy.expires {
        let _ = writeln!(text, "expires = {expires}");
    }
    let _ = write!(
        text,
        "\n[privacy]\n\
         epsilon_per_workspace = {:?}\n\
         epsilon_per_researcher = {:?}\n\
         max_epsilon_per_query = {:?}\n\
         default_epsilon_per_query = {:?}\n\
         max_groups_contributed = {}\n\
         max_rows_per_group = {}\n\
         minimum_group_size = {}\n\
         selection_delta_share = {:?}\n",
        p.epsilon_per_workspace,
        p.epsilon_per_researcher,
        p.max_epsilon_per_query,
        p.default_epsilon_per_query,
        p.max_groups_contributed,
        p.max_rows_per_group,
        p.minimum_group_size,
        p.selection_delta_share,
    );
    if let Some(anonymity) = &policy.anonymity {
        text.push_str(&super::anonymity::canonical(anonymity));
    }
    text
}
