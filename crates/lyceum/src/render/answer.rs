//! An answer as people read it: a table in which every noisy number carries its interval, and what it cost.

use super::number::{decimals, fixed, integer, percent};
use super::table;
use lyceum_schema::wire::{AnswerKind, Interval, QueryAnswer};
use serde_json::Value;

/// The whole answer in words.
pub(crate) fn table(answer: &QueryAnswer) -> String {
    let header: Vec<String> = answer.columns.iter().map(|c| c.name.clone()).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (i, row) in answer.rows.iter().enumerate() {
        let cells = row.iter().enumerate().map(|(j, value)| {
            let noise = answer.noise_intervals.get(i).and_then(|r| r.get(j)).copied().flatten();
            let estimate = answer.estimate_intervals.get(i).and_then(|r| r.get(j)).copied().flatten();
            cell(value, estimate.or(noise))
        });
        rows.push(cells.collect());
    }
    let keys = answer.columns.iter().position(|c| c.role == "key");
    if let Some(other) = &answer.other {
        let cells = other.values.iter().enumerate().map(|(j, value)| {
            if Some(j) == keys {
                "(other)".to_owned()
            } else {
                cell(value, other.noise_intervals.get(j).copied().flatten())
            }
        });
        rows.push(cells.collect());
    }
    let right: Vec<usize> =
        answer.columns.iter().enumerate().filter(|(_, c)| c.role != "key").map(|(i, _)| i).collect();
    let mut text = table::plain(&header, &rows, &right);
    if answer.kind == AnswerKind::Public {
        text.push_str("\n\n public data: exact and free");
        return text;
    }
    let mut notes = vec![interval_note(answer)];
    notes.extend(answer.notes.iter().cloned());
    if answer.repeated {
        notes.push("answered before: free, from the same numbers as then".to_owned());
    } else if let Some(price) = &answer.price {
        notes.push(format!(
            "price {} of your budget (ε {} if it were the only question) · about {} more like this · the same question is free from now on",
            percent(price.share_of_budget),
            fixed(price.epsilon_alone, 3),
            integer(i128::from(price.more_like_this)),
        ));
        if !price.epochs.is_empty() {
            notes.push(format!("debits {}", price.epochs));
        }
    }
    if let Some(left) = &answer.budget_left {
        notes.push(format!(
            "left {} of ε {} in {} ({})",
            percent(left.share),
            fixed(left.epsilon_cap, 2),
            left.population,
            left.account
        ));
    }
    if let Some(receipt) = &answer.receipt {
        notes.push(format!("receipt: entry {} of the log · lyceum audit receipt {}", receipt.entry, receipt.entry));
    }
    for note in notes.iter().filter(|n| !n.is_empty()) {
        text.push_str("\n ");
        text.push_str(note);
    }
    text
}

fn interval_note(answer: &QueryAnswer) -> String {
    let estimates = answer.estimate_intervals.iter().flatten().any(Option::is_some);
    let any = answer.noise_intervals.iter().flatten().any(Option::is_some);
    let confidence = answer.noise_intervals.iter().flatten().flatten().next().map_or(0.95, |i| i.confidence);
    let percent = format!("{} %", fixed(confidence * 100.0, 3).trim_end_matches('0').trim_end_matches('.'));
    match (any, estimates) {
        (true, true) => {
            format!("({percent} intervals: privacy noise; for averages and rates noise and sampling together)")
        }
        (true, false) => format!("({percent} intervals of the privacy noise)"),
        (false, _) => {
            "(no intervals: these numbers are computed in a way that can't be followed back to the noise)".to_owned()
        }
    }
}

/// One cell: the value, and ± half its interval (or the two ends where it is lopsided).
fn cell(value: &Value, interval: Option<Interval>) -> String {
    let Some(number) = value.as_f64() else {
        return match value {
            Value::Null => {
                interval.map_or_else(|| "–".to_owned(), |i| format!("– [{}, {}]", fixed(i.low, 3), fixed(i.high, 3)))
            }
            Value::String(s) => s.clone(),
            other => other.to_string(),
        };
    };
    let whole = value.is_i64() || value.is_u64();
    let Some(i) = interval else {
        return if whole { integer(number as i128) } else { fixed(number, 4) };
    };
    let half = (i.high - i.low) / 2.0;
    let digits = if whole { 0 } else { decimals(half) };
    let skew = ((i.high - number) - (number - i.low)).abs();
    if skew <= 0.2 * half.max(f64::MIN_POSITIVE) {
        format!("{} ± {}", fixed(number, digits), fixed(half, digits))
    } else {
        format!("{} [{}, {}]", fixed(number, digits), fixed(i.low, digits), fixed(i.high, digits))
    }
}
