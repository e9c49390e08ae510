//! What a question would cost, how accurate it would be, and why it is private. Spends nothing.

use super::{Outcome, Question, derive};
use crate::accounts;
use crate::app::App;
use crate::artefact::artefact;
use crate::error::Result;
use lyceum_audit::event::EventKind;
use lyceum_query::certify::Certificate;
use lyceum_query::price::{ExplainedRelease, PricedQuery};
use lyceum_schema::wire;

/// What is said of a question that can be computed from stored answers.
const DERIVABLE: &str = "free: computed from earlier answers, as accurate as those; \
    what is said of accuracy here is for a new one, OPTIONS (fresh = true)";

/// A question over public tables: free.
pub(super) fn public() -> wire::Explanation {
    wire::Explanation {
        kind: wire::AnswerKind::Public,
        price: None,
        budget_left: None,
        answered_before: false,
        columns: Vec::new(),
        certificate: None,
        notes: vec!["only public tables are read: the answer is exact and free".to_owned()],
    }
}

/// A question over private rows: logged as priced.
pub(super) async fn private(app: &App, question: &Question, priced: &PricedQuery) -> Result<Outcome> {
    let price = priced.price();
    let text = artefact("sql", question.sql.as_bytes())?;
    let event = EventKind::QueryPriced { sql: text.reference.clone(), rho: price.rho.0, delta: price.delta.0 };
    let event = app.event(Some(&question.actor), Some(question.workspace.id), event);
    app.log.append(event, Some(text)).await?;

    let standings = accounts::standings(app, &question.debits).await?;
    let epochs = question.epochs();
    let mut described = accounts::describe_price(price, &question.population, &standings, epochs.clone());
    described.more_like_this = described.more_like_this.saturating_sub(1);
    let left = accounts::describe_left(&question.population, &standings, question.workspace.name.as_str())?;
    let equal = app.ledger.stored_answer(priced.request_key()).await?.is_some();
    let way = if equal { None } else { derive::way(app, priced).await? };
    let derivable = way.is_some();
    let explanation = priced.explain();

    let debited = epochs.every().map(|every| format!("debits {epochs}; a person is another unit in every {every}"));
    let derived = derivable.then(|| DERIVABLE.to_owned());
    let noisier = way.as_ref().and_then(|w| w.noisier()).map(str::to_owned);
    let first = derived.into_iter().chain(noisier).chain(debited);
    let notes = each_once(first.chain(explanation.releases.iter().flat_map(notes)));
    Ok(Outcome::Explanation(Box::new(wire::Explanation {
        kind: wire::AnswerKind::Private,
        price: Some(described),
        budget_left: Some(left),
        answered_before: equal || derivable,
        columns: explanation
            .columns
            .into_iter()
            .map(|c| wire::ExplainedColumn { name: c.name, half_width: c.half_width, accuracy: c.accuracy })
            .collect(),
        certificate: Some(node(explanation.certificate)),
        notes,
    })))
}

/// What people should know of one release.
fn notes(release: &ExplainedRelease) -> Vec<String> {
    let mut notes = vec![format!("bias: {}", release.bias)];
    let groups = release.max_groups_contributed;
    notes.push(format!("each unit counts as much as in {groups} group{}", if groups == 1 { "" } else { "s" }));
    if let Some(selection) = &release.selection {
        let what = if selection.weighted {
            "if the noisy sum of what its units weigh (more, the fewer groups they are in)"
        } else {
            "if the noisy number of units"
        };
        notes.push(format!(
            "undeclared groups are shown from {} units on, {what} reaches {:.0}",
            selection.minimum_group_size,
            selection.threshold.ceil()
        ));
        for shown in &selection.chance_shown {
            let (least, most) = (100.0 * shown.least, 100.0 * shown.most);
            notes.push(format!(
                "a group of {} units is shown with a chance of {least:.0} % if all are in {} groups, {most:.0} % if in this one only",
                shown.units, selection.groups_kept
            ));
        }
    }
    notes.extend(release.warnings.iter().cloned());
    notes
}

/// Several releases often say the same.
fn each_once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in all {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn node(certificate: Certificate) -> wire::CertificateNode {
    wire::CertificateNode {
        node: certificate.node,
        facts: certificate.facts,
        inputs: certificate.inputs.into_iter().map(node).collect(),
    }
}
