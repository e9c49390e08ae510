//! Answers that were paid for before: found by request key or by idempotency key, given again for free and logged.

use super::{Given, Paid, Question, receipt};
use crate::app::App;
use crate::artefact::artefact;
use crate::error::{Error, Result};
use crate::model::StoredAnswer;
use lyceum_audit::event::EventKind;
use lyceum_query::finish::{Above, finish};
use lyceum_query::price::PricedQuery;
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::state::QueryState;
use std::time::Duration;

/// How often to look whether an equal question, asked by somebody else a moment ago, is answered.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long to wait for it.
const WAIT: Duration = Duration::from_secs(20);

/// The charge that this idempotency key led to, if it did: its answer, as soon as it is there.
pub(super) async fn resume(app: &App, question: &Question, priced: &PricedQuery) -> Result<Option<Given>> {
    let Some(key) = &question.idempotency_key else { return Ok(None) };
    let (workspace, user) = (question.workspace.id, question.actor.id());
    let started = tokio::time::Instant::now();
    loop {
        let Some(record) = app.ledger.charge_by_idempotency_key(workspace, user, key).await? else { return Ok(None) };
        if record.sql != question.sql || record.request_key != priced.request_key() {
            return Err(Error::IdempotencyMismatch);
        }
        match record.state {
            QueryState::Answered => {
                let stored = app.ledger.answer_of(record.charge).await?.ok_or(Error::Internal)?;
                return give(app, question, priced.above(), stored).await.map(Some);
            }
            QueryState::Failed => return Err(Error::AfterCharge),
            QueryState::Charged if started.elapsed() > WAIT => return Err(Error::InProgress),
            QueryState::Charged => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Waits for the answer of an equal question that is being computed.
pub(super) async fn wait(app: &App, question: &Question, priced: &PricedQuery) -> Result<Given> {
    let started = tokio::time::Instant::now();
    while started.elapsed() < WAIT {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(stored) = app.ledger.stored_answer(priced.request_key()).await? {
            return give(app, question, priced.above(), stored).await;
        }
    }
    Err(Error::InProgress)
}

/// Gives a stored answer again, with a receipt of its original entry under the newest checkpoint.
pub(super) async fn give(app: &App, question: &Question, above: Above, stored: StoredAnswer) -> Result<Given> {
    let failed = |e: lyceum_query::failure::FinishError| Error::Finish { code: e.code(), message: e.to_string() };
    let groups = ReleasedGroups::from_bytes(&stored.released).map_err(failed)?;
    let answer = finish(above, &groups).await.map_err(failed)?;
    let text = artefact("sql", question.sql.as_bytes())?;
    let repeated = EventKind::QueryRepeated { charge: stored.charge, sql: text.reference.clone() };
    let event = app.event(Some(&question.actor), Some(question.workspace.id), repeated);
    let index = super::log_given_again(app, event, text).await?;
    app.log.covered(index).await?;
    let (price, left) = question.standing(app, stored.price).await?;
    let receipt = receipt(app, stored.index).await?;
    let paid = Paid { query: stored.query, charge: stored.charge, price, left, repeated: true, receipt };
    Ok(Given { answer, paid: Some(paid) })
}
