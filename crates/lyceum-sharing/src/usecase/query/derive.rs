//! Answers computed from answers that were paid for before: looked up by family, given for free and logged.

use super::{Given, Paid, Question, receipt};
use crate::app::App;
use crate::artefact::artefact;
use crate::error::{Error, Result};
use crate::model::{Described, StoredAnswer};
use lyceum_audit::event::EventKind;
use lyceum_privacy::Budget;
use lyceum_query::derive::{Derivation, Descriptor, Stored};
use lyceum_query::failure::FinishError;
use lyceum_query::finish::finish;
use lyceum_query::price::PricedQuery;
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::id::ChargeId;

/// How many answers of a family are looked at, the newest first.
const CANDIDATES: u32 = 64;

/// What an answer of the query is to be stored with. Nothing for a barrier that reuse doesn't know.
pub(super) fn described(priced: &PricedQuery) -> Vec<Described> {
    let described = priced.descriptors().enumerate().filter_map(|(barrier, described)| {
        let (family, descriptor) = described?;
        Some(Described { barrier: u32::try_from(barrier).ok()?, family, descriptor: descriptor.to_json()? })
    });
    described.collect()
}

/// How to compute the answer from stored ones, if they say everything that is asked for.
pub(super) async fn way(app: &App, priced: &PricedQuery) -> Result<Option<Derivation<ChargeId>>> {
    let Some(families) = priced.families() else { return Ok(None) };
    let mut stored = Vec::new();
    for family in families {
        for found in app.ledger.described_answers(family, CANDIDATES).await? {
            let barrier = usize::try_from(found.described.barrier).map_err(|_| Error::Internal)?;
            // A format that this version doesn't know serves no question.
            if let Some(descriptor) = Descriptor::from_json(&found.described.descriptor) {
                stored.push(Stored { answer: found.charge, barrier, family, descriptor });
            }
        }
    }
    Ok(priced.derive(&stored))
}

/// Gives the computed answer, with the receipt of the newest answer that it is computed from.
pub(super) async fn give(app: &App, question: &Question, derivation: Derivation<ChargeId>) -> Result<Given> {
    let failed = |e: FinishError| Error::Finish { code: e.code(), message: e.to_string() };
    let mut charges = derivation.answers();
    charges.sort_unstable();
    let mut answers: Vec<StoredAnswer> = Vec::with_capacity(charges.len());
    for charge in &charges {
        answers.push(app.ledger.answer_of(*charge).await?.ok_or(Error::Internal)?);
    }
    let groups = |charge: &ChargeId| {
        let stored = answers.iter().find(|a| a.charge == *charge)?;
        ReleasedGroups::from_bytes(&stored.released).ok()
    };
    let (above, groups) = derivation.assemble(groups).map_err(failed)?;
    let mut answer = finish(above, &groups).await.map_err(failed)?;

    let text = artefact("sql", question.sql.as_bytes())?;
    let derived = EventKind::QueryDerived { charges, sql: text.reference.clone() };
    let event = app.event(Some(&question.actor), Some(question.workspace.id), derived);
    let index = super::log_given_again(app, event, text).await?;
    app.log.covered(index).await?;

    let entries: Vec<String> = answers.iter().map(|a| a.index.to_string()).collect();
    answer.notes.push(format!("computed from the answers in log entries {}", entries.join(", ")));
    let paid = answers.iter().fold(Budget::ZERO, |sum, a| sum.checked_add(a.price).unwrap_or(sum));
    let newest = answers.iter().max_by_key(|a| a.index).ok_or(Error::Internal)?;
    let (price, left) = question.standing(app, paid).await?;
    let receipt = receipt(app, newest.index).await?;
    let paid = Paid { query: newest.query, charge: newest.charge, price, left, repeated: true, receipt };
    Ok(Given { answer, paid: Some(paid) })
}
