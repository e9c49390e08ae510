//! `lyceum privacy`: what noise costs, computed here. No server is asked and nothing is spent.

use crate::cli::{Privacy, PrivacyEpsilon};
use crate::failure::{Failure, Outcome};
use crate::output;
use lyceum_privacy::Rho;
use lyceum_privacy::accounting::{Spent, epsilon, tight_epsilon};

/// What `epsilon` prints as JSON.
#[derive(serde::Serialize)]
struct Report {
    delta: f64,
    rho: f64,
    /// By the zCDP conversion: what accounts go by.
    epsilon_zcdp: f64,
    /// By privacy loss distributions, never more; absent when only ρ is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon_tight: Option<f64>,
}

pub(super) fn run(args: Privacy, json: bool) -> Outcome {
    match args {
        Privacy::Epsilon(args) => report_epsilon(args, json),
    }
}

fn report_epsilon(args: PrivacyEpsilon, json: bool) -> Outcome {
    let PrivacyEpsilon { mut gaussian, laplace, rho, delta } = args;
    if !(delta > 0.0 && delta < 1.0) {
        return Err(Failure::local("E9019", "δ must lie between 0 and 1", "write --delta 1e-9, for example"));
    }
    if rho.is_some_and(|r| !(r.is_finite() && r >= 0.0)) {
        return Err(Failure::local("E9019", "ρ must be a number of at least 0", "write --rho 0.05, for example"));
    }
    gaussian.extend(laplace);
    let all = gaussian.iter().map(Spent::rho).try_fold(Rho::ZERO, Rho::checked_add);
    let total = rho.map_or_else(|| all.unwrap_or(Rho(u64::MAX)), Rho::round_up);
    let report = Report {
        delta,
        rho: total.as_f64(),
        epsilon_zcdp: epsilon(total, delta),
        epsilon_tight: rho.is_none().then(|| tight_epsilon(&gaussian, delta)),
    };
    if json {
        output::json(&report);
        return Ok(());
    }
    output::line(&format!("ρ = {:.9}", report.rho));
    output::line(&format!(
        "ε = {:.6} at δ = {delta:e}   (zero-concentrated: what accounts go by)",
        report.epsilon_zcdp
    ));
    if let Some(tight) = report.epsilon_tight {
        output::line(&format!("ε = {tight:.6} at δ = {delta:e}   (privacy loss distributions)"));
    }
    Ok(())
}
