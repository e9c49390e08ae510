//! Budgets in words: shares of caps, never sums of ε.

use super::number::{fixed, integer, percent};
use super::table;
use lyceum_schema::state::QueryState;
use lyceum_schema::wire::{PopulationBudget, QueryHistoryEntry};

/// The accounts of one population.
pub(crate) fn population(budget: &PopulationBudget) -> String {
    let header = ["account", "spent", "left", "of ε", "answers charged"].map(String::from);
    let rows: Vec<_> = budget
        .accounts
        .iter()
        .map(|a| {
            vec![
                a.label.clone(),
                percent(a.share_spent),
                percent((1.0 - a.share_spent).max(0.0)),
                fixed(a.epsilon_cap, 2),
                integer(i128::from(a.charges)),
            ]
        })
        .collect();
    format!(
        "{}: ε {} and δ {} for all answers ever\n{}\n the account with the smallest share left decides; the budget does not come back",
        budget.population,
        budget.epsilon,
        budget.delta,
        table::plain(&header, &rows, &[1, 2, 3, 4])
    )
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
