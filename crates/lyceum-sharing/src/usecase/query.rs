//! One question: authorise → catalogue → certify and price → pay → execute → release → store → log → answer.
//!
//! Everything from the payment on runs in a task of its own, so that a client who goes away loses neither the
//! charge nor the answer: the same question finds it stored. What was refused, priced and repeated is logged too.

mod derive;
mod explain;
mod pay;
mod refusal;
mod repeat;
mod rows;

pub use rows::Rows;

pub use lyceum_query::answer::{Answer, AnswerColumn, ColumnKind, Intervals, OtherRow};

use super::{authorise_in, catalog};
use crate::accounts::{self, Source};
use crate::actor::Actor;
use crate::app::App;
use crate::artefact::artefact;
use crate::authz::Action;
use crate::error::{Error, Result};
use crate::model::{Artefact, DebitRequest, PopulationRecord, QueryRecord, Workspace};
use crate::port::{EventIndex, PortError};
use catalog::Built;
use lyceum_audit::event::{Event, EventKind};
use lyceum_privacy::Budget;
use lyceum_query::engine::PreparedQuery;
use lyceum_query::price::PricedQuery;
use lyceum_schema::epoch::Epochs;
use lyceum_schema::id::{ChargeId, QueryId};
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::time::Micros;
use lyceum_schema::wire;
use std::sync::Arc;

/// What a question came to.
pub enum Outcome {
    /// Rows.
    Answer(Box<Given>),
    /// Rows of what is read as it is, as they come.
    Rows(Box<Rows>),
    /// A price and the reasons for it; nothing was charged.
    Explanation(Box<wire::Explanation>),
}

/// How the caller takes rows that are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All at once, up to the engine's limit.
    Whole,
    /// As they come, however many.
    Streamed,
}

/// An answer that was given.
pub struct Given {
    /// The rows, with intervals and notes.
    pub answer: Answer,
    /// What it cost and where it is in the log; `None`: only public tables were read.
    pub paid: Option<Paid>,
}

/// The payment behind an answer.
pub struct Paid {
    /// The query that was charged; for repeats, the original; for derived answers, the newest that they are derived
    /// from, with its charge and its receipt.
    pub query: QueryId,
    /// The charge.
    pub charge: ChargeId,
    /// What it cost.
    pub price: wire::Price,
    /// What is left.
    pub left: wire::BudgetLeft,
    /// Whether it was paid for before, or computed from what was, and given for free.
    pub repeated: bool,
    /// Proof that the answer is in the log.
    pub receipt: wire::Receipt,
}

/// Longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// Answers, prices or refuses a question. `idempotency_key`: the same key resumes the same charge.
///
/// # Errors
/// [`Error::Question`] and [`Error::OverBudget`] without a charge; [`Error::AfterCharge`], always the same, and
/// [`Error::Finish`] with one; [`Error::InProgress`], [`Error::NotFound`], [`Error::Forbidden`], storage.
pub async fn ask(
    app: &Arc<App>,
    actor: &Actor,
    name: &WorkspaceName,
    request: wire::QueryRequest,
    idempotency_key: Option<String>,
    delivery: Delivery,
) -> Result<Outcome> {
    let workspace = authorise_in(app, actor, Action::Ask, name).await?;
    if idempotency_key.as_ref().is_some_and(|k| k.is_empty() || k.len() > MAX_KEY_BYTES) {
        return Err(Error::invalid("the idempotency key is empty or too long", "send 1 to 255 bytes"));
    }
    let built = catalog::build(app, &workspace).await?;
    let asked = asked_at(app, &workspace, actor, idempotency_key.as_deref()).await?;
    let prepared = match app.engine.prepare(&request.sql, &built.catalog, asked).await {
        Ok(prepared) => prepared,
        Err(error) => {
            let refusal = refusal::describe(&error, &request.sql);
            refuse(app, actor, &workspace, &request.sql, refusal.code).await?;
            return Err(Error::Question(Box::new(refusal)));
        }
    };
    let explain_only = prepared.explain || request.dry_run;
    match prepared.query {
        PreparedQuery::Public(_) if explain_only => Ok(Outcome::Explanation(Box::new(explain::public()))),
        PreparedQuery::Public(query) => {
            let asked = rows::Asked { actor, workspace: &workspace, sql: &request.sql, delivery };
            rows::read(app, asked, query).await
        }
        PreparedQuery::Private(priced) => {
            let fresh = request.fresh || priced.fresh();
            let request = Request { sql: request.sql, asked, idempotency_key, fresh };
            let question = Question::new(actor, workspace, &built, &priced, request)?;
            if explain_only {
                return explain::private(app, &question, &priced).await;
            }
            private(app, question, priced).await.map(|given| Outcome::Answer(Box::new(given)))
        }
    }
}

/// What `now()` means in a question: this moment, or for a retried one the moment of the attempt that was charged.
async fn asked_at(app: &App, workspace: &Workspace, actor: &Actor, key: Option<&str>) -> Result<Micros> {
    let charged = match key {
        Some(key) => app.ledger.charge_by_idempotency_key(workspace.id, actor.id(), key).await?,
        None => None,
    };
    Ok(charged.map_or_else(|| app.clock.now(), |record| record.time))
}

/// What was charged in a workspace, newest first. Never the answers.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], storage.
pub async fn history(app: &App, actor: &Actor, name: &WorkspaceName) -> Result<Vec<wire::QueryHistoryEntry>> {
    let workspace = authorise_in(app, actor, Action::ReadHistory, name).await?;
    let mut entries = Vec::new();
    for record in app.ledger.history(workspace.id, app.config.history_lines).await? {
        entries.push(describe_record(app, record).await?);
    }
    Ok(entries)
}

/// One charged query with the proof of its last event.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], storage.
pub async fn show(app: &App, actor: &Actor, name: &WorkspaceName, id: QueryId) -> Result<wire::QueryOutcome> {
    let workspace = authorise_in(app, actor, Action::ReadHistory, name).await?;
    let missing = || Error::not_found("query", id);
    let record = app.ledger.query(id).await?.filter(|q| q.workspace == workspace.id).ok_or_else(missing)?;
    let receipt = receipt(app, record.index).await?;
    Ok(wire::QueryOutcome { entry: describe_record(app, record).await?, receipt })
}

/// A priced question on its way to an answer: who asks what, where, and which accounts would pay.
#[derive(Clone)]
pub(super) struct Question {
    actor: Actor,
    workspace: Workspace,
    population: PopulationRecord,
    debits: Vec<DebitRequest>,
    sql: String,
    asked: Micros,
    idempotency_key: Option<String>,
    fresh: bool,
}

/// What the caller sent, and when.
struct Request {
    sql: String,
    asked: Micros,
    idempotency_key: Option<String>,
    fresh: bool,
}

impl Question {
    fn new(actor: &Actor, workspace: Workspace, built: &Built, priced: &PricedQuery, request: Request) -> Result<Self> {
        let Request { sql, asked, idempotency_key, fresh } = request;
        let population = built.populations.iter().find(|p| p.id == priced.population().id).ok_or(Error::Internal)?;
        let sources = priced.sources().iter().map(|s| Source {
            owner: &s.owner,
            policy: s.policy.as_ref(),
            epochs: s.epochs.clone(),
        });
        Ok(Self {
            debits: accounts::debits(population, &workspace, actor.id(), sources)?,
            actor: actor.clone(),
            workspace,
            population: population.clone(),
            sql,
            asked,
            idempotency_key,
            fresh,
        })
    }

    /// Price and rest as they are now.
    async fn standing(&self, app: &App, price: Budget) -> Result<(wire::Price, wire::BudgetLeft)> {
        let standings = accounts::standings(app, &self.debits).await?;
        let left = accounts::describe_left(&self.population, &standings, self.workspace.name.as_str())?;
        Ok((accounts::describe_price(price, &self.population, &standings, self.epochs()), left))
    }

    /// The epochs that are debited: those of the root account, which pays in all.
    fn epochs(&self) -> Epochs {
        self.debits.first().map_or(Epochs::NONE, |root| root.epochs.clone())
    }
}

async fn private(app: &Arc<App>, question: Question, priced: Box<PricedQuery>) -> Result<Given> {
    // Nothing is charged while no answer could leave.
    app.log.releasing().await?;
    if let Some(resumed) = repeat::resume(app, &question, &priced).await? {
        return Ok(resumed);
    }
    if !question.fresh
        && let Some(stored) = app.ledger.stored_answer(priced.request_key()).await?
    {
        return repeat::give(app, &question, priced.above(), stored).await;
    }
    if !question.fresh
        && let Some(derivation) = derive::way(app, &priced).await?
    {
        return derive::give(app, &question, derivation).await;
    }
    pay::and_answer(app, question, priced).await
}

async fn refuse(app: &App, actor: &Actor, workspace: &Workspace, sql: &str, code: &str) -> Result<()> {
    let text = artefact("sql", sql)?;
    let refused = EventKind::QueryRefused { sql: text.reference.clone(), code: code.to_owned() };
    app.log.append(app.event(Some(actor), Some(workspace.id), refused), Some(text)).await?;
    Ok(())
}

/// Logs that a stored answer is given again. One whose releases ended a moment ago is not given any more.
pub(super) async fn log_given_again(app: &App, event: Event, text: Artefact) -> Result<EventIndex> {
    match app.log.append(event, Some(text)).await {
        Err(PortError::State(reason)) => Err(Error::state(reason, "see the workspace's list of releases")),
        other => Ok(other?),
    }
}

/// The proof of an entry, once a signed checkpoint covers it.
pub(super) async fn receipt(app: &App, entry: u64) -> Result<wire::Receipt> {
    app.log.covered(entry).await?;
    Ok(wire::Receipt { entry, text: app.log.receipt(entry).await? })
}

async fn describe_record(app: &App, record: QueryRecord) -> Result<wire::QueryHistoryEntry> {
    Ok(wire::QueryHistoryEntry {
        query: record.query,
        charge: record.charge,
        user: app.identities.user(record.user).await?.ok_or(Error::Internal)?.name,
        sql: record.sql,
        rho: record.price.rho.0,
        delta: record.price.delta.0,
        state: record.state,
        time: record.time.into(),
        entry: record.index,
    })
}
