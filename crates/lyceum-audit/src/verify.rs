//! Verifying a whole log offline: signature → quorum → every entry and tile against the root → consistency with a
//! saved checkpoint → replay → budgets → difference with the server's own figures.
//!
//! Entries are read once, in order; memory holds one tile per level, and what the replay keeps.

mod report;
mod tree;

pub use report::{Check, Report};
pub use tree::TreeFault;

use crate::event::Account;
use crate::merkle::empty_root;
use crate::policy::{Believed, Policy};
use crate::replay::Replay;
use crate::replay::summary::Summary;
use crate::replay::violation::Violation;
use crate::tile::TileReader;
use lyceum_schema::epoch::Epoch;
use report::{account_name, share, thousands};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the server says about budgets: from its API, to be compared with the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Root accounts of all populations that anything was spent from, and any other accounts.
    pub balances: Vec<ClaimedBalance>,
}

/// One account as the server shows it, in one epoch if its population has epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedBalance {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// The epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// ρ spent, in 1e-12.
    pub rho: u64,
    /// δ of selections spent, in 1e-18.
    pub delta: u64,
}

/// What is verified, and against what.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The signed checkpoint of the copy.
    pub checkpoint: &'a str,
    /// Whom to believe.
    pub policy: &'a Policy,
    /// A signed checkpoint that the verifier kept from an earlier time.
    pub saved: Option<&'a str>,
    /// The server's own figures.
    pub claims: Option<&'a Claims>,
}

/// Verifies a copied log. Everything found is in the report; nothing is an error of the call.
#[must_use]
pub fn verify_log(reader: &dyn TileReader, inputs: &Inputs<'_>) -> Report {
    let mut report = Report::default();
    let believed = match inputs.policy.open(inputs.checkpoint) {
        Ok(believed) => believed,
        Err(e) => {
            report.fail("signature", e.code(), format!("the checkpoint is not to be believed: {e}"));
            return report;
        }
    };
    report.pass("signature", signers(&believed));
    report.origin.clone_from(&believed.checkpoint.origin);
    report.size = believed.checkpoint.size;

    let saved = match inputs.saved.map(|note| inputs.policy.open_log(note)).transpose() {
        Ok(saved) => saved,
        Err(e) => {
            report.fail("saved", e.code(), format!("the checkpoint you saved is not to be believed: {e}"));
            None
        }
    };
    let mut replay = Replay::new(&believed.checkpoint.origin);
    let mut violation = None;
    let scan = tree::scan(
        reader,
        believed.checkpoint.size,
        believed.checkpoint.root,
        saved.as_ref().map(|s| s.checkpoint.size),
        &mut |entry| {
            if violation.is_none() {
                violation = replay.push_json(entry).err();
            }
        },
    );
    check_saved(&mut report, inputs, &believed, saved.as_ref(), scan.saved_root);
    report.warnings.extend(scan.warnings);
    if let Some(fault) = scan.fault {
        report.fail(
            "tree",
            fault.code(),
            format!("{fault}{}", nearer(&fault, &report, saved.as_ref(), violation.as_ref())),
        );
        return report;
    }
    let entries = thousands(believed.checkpoint.size);
    report.pass("tree", format!("{entries} entries and every tile lead to the signed root"));
    if let Some(violation) = violation {
        report.fail("replay", violation.broken.code(), format!("{violation}"));
        return report;
    }
    let summary = replay.summary();
    check_summary(&mut report, &summary);
    check_claims(&mut report, &summary, inputs.claims);
    report.summary = Some(summary);
    report
}

/// A wrong root alone says that something was changed, not where: what else is known of the place.
fn nearer(fault: &TreeFault, report: &Report, saved: Option<&Believed>, violation: Option<&Violation>) -> String {
    if !matches!(fault, TreeFault::Root { .. }) {
        return String::new();
    }
    let mut text = String::new();
    if let Some(saved) = saved
        && report.checks.iter().any(|c| c.subject == "saved" && c.ok)
    {
        text += &format!("; the first {} are those you saved", thousands(saved.checkpoint.size));
    }
    if let Some(violation) = violation {
        text += &format!("; they break the rules at entry {}", violation.index);
    }
    text
}

fn signers(believed: &Believed) -> String {
    let log = &believed.checkpoint;
    let mut text = format!("{}   {} entries   signed by the log", log.origin, thousands(log.size));
    if believed.known_witnesses > 0 {
        let names: Vec<&str> = believed.witnesses.iter().map(|(name, _)| name.as_str()).collect();
        text += &format!(" and by {} of {} witnesses", names.len(), believed.known_witnesses);
        if !names.is_empty() {
            text += &format!(" ({})", names.join(", "));
        }
    }
    text
}

fn check_saved(
    report: &mut Report,
    inputs: &Inputs<'_>,
    now: &Believed,
    saved: Option<&Believed>,
    root_then: Option<crate::merkle::Hash>,
) {
    let Some(saved) = saved.map(|s| &s.checkpoint) else {
        if inputs.saved.is_none() {
            report
                .warn("no saved checkpoint was given: a log that was rolled back or forked since can't be told".into());
        }
        return;
    };
    let (then, now) = (saved, &now.checkpoint);
    let size = thousands(then.size);
    if then.origin != now.origin {
        report.fail("saved", "E6041", format!("the checkpoint you saved is of {}, not of {}", then.origin, now.origin));
    } else if then.size > now.size {
        let now = thousands(now.size);
        report.fail(
            "saved",
            "E6201",
            format!("rolled back: you saved a checkpoint of {size} entries, this copy has {now}"),
        );
    } else if root_then.or((then.size == 0).then(empty_root)).is_some_and(|root| root == then.root) {
        report.pass("saved", format!("consistent with the checkpoint you saved ({size} entries)"));
    } else if root_then.is_some() {
        let text = format!(
            "forked: the first {size} entries are not those of the checkpoint you saved, and the log signed both"
        );
        report.fail("saved", "E6202", text);
    }
    // Else the tree is broken before that entry: the scan's own fault is reported.
}

fn check_summary(report: &mut Report, s: &Summary) {
    let mut charges =
        format!("{} charges: {} answered, {} failed", thousands(s.charges), thousands(s.answered), thousands(s.failed));
    if !s.open.is_empty() {
        charges += &format!(", {} open", thousands(s.open.len() as u64));
    }
    charges += &format!(" · {} free repeats, each naming its charge · 0 answers without one", thousands(s.repeats));
    report.pass("charges", charges);
    let (active, never): (Vec<_>, Vec<_>) = s.releases.iter().partition(|r| r.was_active);
    let least = active.iter().map(|r| r.approved_by.len()).min().unwrap_or(0);
    let most = active.iter().map(|r| r.approved_by.len()).max().unwrap_or(0);
    let mut releases =
        format!("{} {}", thousands(active.len() as u64), if active.len() == 1 { "release" } else { "releases" });
    if !active.is_empty() {
        let people = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        let noun = if most == 1 { "person" } else { "people" };
        releases += &format!(", each approved by {people} {noun} who didn't propose it");
    }
    if !never.is_empty() {
        releases += &format!(" · {} proposed and never active", thousands(never.len() as u64));
    }
    report.pass("releases", releases);
}

fn check_claims(report: &mut Report, summary: &Summary, claims: Option<&Claims>) {
    let recomputed = summary.populations.iter().map(|p| {
        let tightest = p.root.epoch.map_or_else(String::new, |epoch| {
            format!(" in {epoch}, the tightest of {} {}s", thousands(p.epochs), epoch.every())
        });
        format!("{} {} of ε {}{tightest}", p.name, share(&p.root), p.epsilon)
    });
    let recomputed = recomputed.collect::<Vec<_>>().join(" · ");
    let text = if recomputed.is_empty() { "no population".to_owned() } else { recomputed };
    let Some(claims) = claims else {
        report.pass("budgets", format!("budgets recomputed: {text}"));
        report.warn("the server's own figures were not given: they were not compared".into());
        return;
    };
    let accounts: BTreeMap<_, _> = summary.accounts.iter().map(|a| ((&a.account, a.epoch), (a.rho, a.delta))).collect();
    let spent = |account: &Account, epoch| accounts.get(&(account, epoch)).copied().unwrap_or((0, 0));
    let mut differences = Vec::new();
    for claim in &claims.balances {
        let (rho, delta) = spent(&claim.account, claim.epoch);
        if (rho, delta) != (claim.rho, claim.delta) {
            differences.push(format!(
                "{}{}: the log says ρ {rho}e-12 and δ {delta}e-18, the server ρ {}e-12 and δ {}e-18",
                account_name(&claim.account, summary),
                claim.epoch.map_or_else(String::new, |epoch| format!(" in {epoch}")),
                claim.rho,
                claim.delta
            ));
        }
    }
    let claimed: BTreeSet<_> = claims.balances.iter().map(|c| (&c.account, c.epoch)).collect();
    for root in summary.accounts.iter().filter(|a| matches!(a.account, Account::Root { .. })) {
        if !claimed.contains(&(&root.account, root.epoch)) {
            let epoch = root.epoch.map_or_else(String::new, |epoch| format!(" in {epoch}"));
            let name = account_name(&root.account, summary);
            differences.push(format!("{name}{epoch}: the server shows nothing, the log has charges"));
        }
    }
    if differences.is_empty() {
        report.pass("budgets", format!("budgets recomputed: {text} — the server says the same"));
    }
    for difference in differences {
        report.fail("budgets", "E6207", difference);
    }
}
