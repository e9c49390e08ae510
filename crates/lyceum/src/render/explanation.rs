//! A price and the reasons for it, before anything is spent.

use super::number::{fixed, integer, percent};
use lyceum_schema::wire::{AnswerKind, CertificateNode, Explanation};

/// The explanation in words.
pub(crate) fn words(explanation: &Explanation) -> String {
    if explanation.kind == AnswerKind::Public {
        return " This question reads public tables only: it is exact and free.".to_owned();
    }
    let mut lines = Vec::new();
    match (&explanation.price, &explanation.budget_left) {
        _ if explanation.answered_before => {
            lines.push(" What this question asks is answered already: asking is free.".to_owned());
        }
        (Some(price), Some(left)) => lines.push(format!(
            " This question can be answered. It would cost {} of your budget; you have {}. (ε {} if it were the only question; about {} like this)",
            percent(price.share_of_budget),
            percent(left.share),
            fixed(price.epsilon_alone, 3),
            integer(i128::from(price.more_like_this)),
        )),
        _ => lines.push(" This question can be answered.".to_owned()),
    }
    let width = explanation.columns.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
    for column in &explanation.columns {
        let pad = " ".repeat(width - column.name.chars().count());
        lines.push(format!("   {}{pad}  {}", column.name, column.accuracy));
    }
    for note in &explanation.notes {
        lines.push(format!(" {note}"));
    }
    if let Some(certificate) = &explanation.certificate {
        lines.push(String::new());
        lines.push(" why it is private".to_owned());
        node(certificate, 0, &mut lines);
    }
    lines.push(" nothing was spent".to_owned());
    lines.join("\n")
}

fn node(certificate: &CertificateNode, depth: usize, lines: &mut Vec<String>) {
    let indent = if depth == 0 { " ".to_owned() } else { format!(" {}└ ", "  ".repeat(depth - 1)) };
    let facts =
        if certificate.facts.is_empty() { String::new() } else { format!("   {}", certificate.facts.join(" · ")) };
    lines.push(format!("{indent}{}{facts}", certificate.node));
    for input in &certificate.inputs {
        node(input, depth + 1, lines);
    }
}
