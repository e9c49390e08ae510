//! The verifier's report: checks in the order they were made, warnings, and the figures recomputed.

use crate::event::Account;
use crate::replay::summary::{AccountSpent, Summary};

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether it holds.
    pub ok: bool,
    /// What was checked: `signature`, `saved`, `tree`, `replay`, `charges`, `releases`, `budgets`.
    pub subject: &'static str,
    /// The stable code of the failure; `None` if it holds.
    pub code: Option<&'static str>,
    /// The finding, as a sentence for people.
    pub text: String,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The log; empty if the checkpoint is not to be believed.
    pub origin: String,
    /// Entries that the checkpoint covers.
    pub size: u64,
    /// What was checked, in order.
    pub checks: Vec<Check>,
    /// What could not be checked, and files that the tree doesn't have. Not failures.
    pub warnings: Vec<String>,
    /// The recomputed figures, if the whole log could be replayed.
    pub summary: Option<Summary>,
}

impl Report {
    /// Whether everything that was checked holds, and everything was checked.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.summary.is_some() && self.checks.iter().all(|c| c.ok)
    }

    /// The first failure.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Check> {
        self.checks.iter().find(|c| !c.ok)
    }

    /// The report as lines of text: `✓` holds, `✗` fails (with its code), `!` warns.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let checks = self.checks.iter().map(|c| match c.code {
            Some(code) => format!("✗ {} [{code}]", c.text),
            None => format!("✓ {}", c.text),
        });
        let warnings = self.warnings.iter().map(|w| format!("! {w}"));
        let cut = (self.summary.is_none()).then(|| "! what comes after the failure was not checked".to_owned());
        checks.chain(warnings).chain(cut).collect()
    }

    pub(super) fn pass(&mut self, subject: &'static str, text: String) {
        self.checks.push(Check { ok: true, subject, code: None, text });
    }

    pub(super) fn fail(&mut self, subject: &'static str, code: &'static str, text: String) {
        self.checks.push(Check { ok: false, subject, code: Some(code), text });
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }
}

/// `1,301`.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `41.5 %`, rounded up.
pub(super) fn share(account: &AccountSpent) -> String {
    let permille = account.share_permille();
    format!("{}.{} %", permille / 10, permille % 10)
}

/// `mtd-customers (owner shop)`.
pub(super) fn account_name(account: &Account, summary: &Summary) -> String {
    let population = account.population();
    let name = summary.populations.iter().find(|p| p.population == population);
    let name = name.map_or_else(|| population.to_string(), |p| p.name.to_string());
    match account {
        Account::Root { .. } => name,
        Account::Owner { owner, .. } => format!("{name} (owner {owner})"),
        Account::Workspace { workspace, .. } => format!("{name} (workspace {workspace})"),
        Account::Researcher { workspace, user, .. } => format!("{name} (researcher {user} in workspace {workspace})"),
    }
}
