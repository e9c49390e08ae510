//! Budgets in words: shares of caps, never sums of ε.

use super::number::{fixed, integer, percent};
use super::table;
use lyceum_schema::state::QueryState;
use lyceum_schema::wire::{EpochsBudget, PopulationBudget, QueryHistoryEntry};

/// The accounts of one population.
pub(crate) fn population(budget: &PopulationBudget) -> String {
    let mut header = ["account", "spent", "left", "of ε", "answers charged"].map(String::from).to_vec();
    header.extend(budget.epoch.map(|every| format!("in the tightest {every}")));
    let rows: Vec<_> = budget
        .accounts
        .iter()
        .map(|a| {
            let mut row = vec![
                a.label.clone(),
                percent(a.share_spent),
                percent((1.0 - a.share_spent).max(0.0)),
                fixed(a.epsilon_cap, 2),
                integer(i128::from(a.charges)),
            ];
            row.extend(budget.epoch.map(|_| a.epochs.map_or_else(|| "–".to_owned(), epochs)));
            row
        })
        .collect();
    let (each, back) = match budget.epoch {
        None => (String::new(), String::new()),
        Some(every) => (format!(" in each {every}"), format!("; every {every} has a budget of its own")),
    };
    format!(
        "{}: ε {} and δ {} for all answers ever{each}\n{}\n the account with the smallest share left decides; the budget does not come back{back}",
        budget.population,
        budget.epsilon,
        budget.delta,
        table::plain(&header, &rows, &[1, 2, 3, 4])
    )
}

/// `2026-03 (3 of 2026-01 … 2026-12 touched)`.
fn epochs(e: EpochsBudget) -> String {
    let all = if e.first == e.last { e.first.to_string() } else { format!("{} … {}", e.first, e.last) };
    match e.touched {
        0 => format!("none touched of {all}"),
        touched => format!("{} ({} of {all} touched)", e.tightest, integer(i128::from(touched))),
    }
}

/// Questions that were paid for.
pub(crate) fn history(entries: &[QueryHistoryEntry]) -> String {
    if entries.is_empty() {
        return "nothing was asked yet".to_owned();
    }
    let header = ["entry", "when", "who", "state", "question"].map(String::from);
    let rows: Vec<_> = entries
        .iter()
        .map(|e| {
            let state = match e.state {
                QueryState::Charged => "being computed",
                QueryState::Answered => "answered: free",
                QueryState::Failed => "failed",
            };
            let sql = e.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            vec![e.entry.to_string(), e.time.to_string(), e.user.to_string(), state.to_owned(), sql]
        })
        .collect();
    table::plain(&header, &rows, &[0])
}
