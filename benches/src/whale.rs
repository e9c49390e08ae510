//! One user with 500,000 rows, each as extreme as can be, is added: an honest answer moves by its bound and noise.

use crate::data::{DataSet, WHALE_ROWS};
use crate::ours::{self, Row};
use crate::peers::Place;
use crate::queries;
use std::error::Error;

/// A query, the cell that the whale is in, the most that a user may add to it, and what the whale's rows would add.
const CELLS: [(&str, &[&str], f64, f64); 4] = [
    ("q01", &[], 50.0, 5e5),
    // The whale is in one group only: its cell may be as large as the radius, √5 times the bound of a box.
    ("q02", &["150"], 22.4, 5e5),
    ("q04", &["150"], 1118.1, 2.5e8),
    ("q09", &["2026-01-15", "affiliate"], 9.5, 5e5),
];

/// Prints how far each cell moves against its bound.
pub(crate) async fn run(place: &Place, trials: usize) -> Result<(), Box<dyn Error>> {
    let folder = place.target.join("data");
    let (plain, whale) = (DataSet::named(&folder, "1m")?, DataSet::named(&folder, "1m-whale")?);
    plain.make().await?;
    whale.make().await?;
    println!("One user with {WHALE_ROWS} extreme rows added to 1 M rows; means of {trials} answers.\n");
    println!("| | its rows add | may add | moved | ± noise (2 standard errors) | verdict |\n|---|---|---|---|---|---|");
    let mut honest = true;
    for (id, cell, bound, raw) in CELLS {
        let query = queries::by_id(id)?;
        let mut means = Vec::new();
        for set in [&plain, &whale] {
            let found = ours::run(set, query, 2, 1, trials).await?;
            means.push(mean(&found.outputs, cell).ok_or_else(|| format!("{id}: {} {}", found.status, found.reason))?);
        }
        let (moved, noise) = (means[1].0 - means[0].0, 2.0 * means[0].1.hypot(means[1].1));
        let holds = moved.abs() <= bound + 2.0 * noise;
        honest &= holds;
        println!("| {id} | {raw} | {bound} | {moved:.1} | {noise:.1} | {} |", if holds { "holds" } else { "BROKEN" });
    }
    if honest { Ok(()) } else { Err("an answer moved by more than its bound".into()) }
}

/// Mean of one cell over the answers, and its standard error.
fn mean(outputs: &[Vec<Row>], cell: &[&str]) -> Option<(f64, f64)> {
    let of = |rows: &Vec<Row>| rows.iter().find(|(keys, _)| keys == cell).and_then(|(_, v)| *v);
    let values: Option<Vec<f64>> = outputs.iter().map(of).collect();
    let values = values.filter(|v| v.len() > 1)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some((mean, (variance / n).sqrt()))
}
