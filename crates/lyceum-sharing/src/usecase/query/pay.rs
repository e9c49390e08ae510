//! From the payment to the answer, in a task that outlives the client's connection.
//!
//! The ledger's adapter turns a charge request into one serialisable transaction of the store. After it, every way
//! to fail ends in `fail_charge` and one constant error: no path gives a charge back.

use super::{Given, Paid, Question, derive, receipt, refuse, repeat};
use crate::accounts::{self, share};
use crate::app::App;
use crate::artefact::artefact;
use crate::error::{Error, OverBudget, Result};
use crate::model::{ChargeOutcome, Described, NewCharge, StoredAnswer};
use async_trait::async_trait;
use lyceum_audit::event::{Account, Debit, Event, EventKind};
use lyceum_privacy::{Budget, accounting};
use lyceum_query::charge::{ChargeRequest, Charged, Ledger, charge};
use lyceum_query::finish::finish;
use lyceum_query::price::PricedQuery;
use lyceum_schema::epoch::Epoch;
use lyceum_schema::id::{ChargeId, QueryId};
use lyceum_schema::state::ReleaseState;
use lyceum_schema::time::Micros;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Pays and answers. Dropping this future stops nothing.
pub(super) async fn and_answer(app: &Arc<App>, question: Question, priced: Box<PricedQuery>) -> Result<Given> {
    let app = Arc::clone(app);
    let open = Arc::new(Mutex::new(None));
    let work = tokio::spawn(line(Arc::clone(&app), question.clone(), priced, Arc::clone(&open)));
    let watched = tokio::spawn(async move {
        match work.await {
            Ok(outcome) => outcome,
            Err(_) => {
                // The task died. If that was after the charge, the charge ends as any other failure does.
                let paid = *open.lock().unwrap_or_else(PoisonError::into_inner);
                match paid {
                    Some(payment) => Err(fail(&app, &question, payment).await),
                    None => Err(Error::Internal),
                }
            }
        }
    });
    watched.await.unwrap_or(Err(Error::Internal))
}

/// A charge that is not answered yet.
#[derive(Debug, Clone, Copy)]
struct Payment {
    query: QueryId,
    charge: ChargeId,
    /// When it was charged.
    time: Micros,
}

/// What pricing said of an answer.
struct Terms {
    /// It leaves at a multiple of this after the charge.
    every: Duration,
    /// It is stored with this.
    described: Vec<Described>,
}

/// Stages 5 to 8 with their bookkeeping.
async fn line(
    app: Arc<App>,
    question: Question,
    priced: Box<PricedQuery>,
    open: Arc<Mutex<Option<Payment>>>,
) -> Result<Given> {
    let terms = Terms { every: priced.priced_time(), described: derive::described(&priced) };
    let ledger = Adapter { app: &app, question: &question, open: &open };
    let charged = match charge(*priced, &ledger).await {
        Ok(charged) => charged,
        Err((priced, refused)) => return unpaid(&app, &question, &priced, refused).await,
    };
    let payment = open.lock().unwrap_or_else(PoisonError::into_inner).ok_or(Error::Internal)?;
    match answer(&app, &question, charged, payment, terms).await {
        Ok(given) => Ok(given),
        // The answer is stored: nothing is to be failed, the repeat is free.
        Err(Lost::Shown(error)) => Err(error),
        Err(Lost::Charge) => Err(fail(&app, &question, payment).await),
    }
}

/// How a paid question can end without rows.
enum Lost {
    /// The charge has no stored answer.
    Charge,
    /// The answer is stored, only showing it failed.
    Shown(Error),
}

async fn answer(
    app: &App,
    question: &Question,
    charged: Charged,
    payment: Payment,
    terms: Terms,
) -> std::result::Result<Given, Lost> {
    let (groups, above, charge) = app.engine.answer(charged).await.map_err(|_| Lost::Charge)?;
    let bytes = groups.to_bytes().map_err(|_| Lost::Charge)?;
    let document = artefact("answer", bytes.as_slice()).map_err(|_| Lost::Charge)?;
    let event = Event {
        time: priced_departure(payment.time, app.clock.now(), terms.every),
        ..app.event(
            Some(&question.actor),
            Some(question.workspace.id),
            EventKind::QueryAnswered {
                query: payment.query,
                charge: payment.charge,
                answer: document.reference.clone(),
            },
        )
    };
    let stored = app.ledger.store_answer(payment.charge, bytes, terms.described, document, event).await;
    let index = stored.map_err(|_| Lost::Charge)?;

    let shown = |e: Error| match e {
        Error::Unwitnessed { why } | Error::Contradicted { why } => Lost::Shown(Error::AnswerWaits { why }),
        other => Lost::Shown(other),
    };
    let answer = finish(above, &groups).await;
    let answer = answer.map_err(|e| shown(Error::Finish { code: e.code(), message: e.to_string() }))?;
    let receipt = receipt(app, index).await.map_err(shown)?;
    let (price, left) = question.standing(app, charge.price()).await.map_err(shown)?;
    let paid = Paid { query: payment.query, charge: payment.charge, price, left, repeated: false, receipt };
    Ok(Given { answer, paid: Some(paid) })
}

/// Ends a charge without an answer. The error is the same whatever happened.
async fn fail(app: &App, question: &Question, payment: Payment) -> Error {
    let failed = EventKind::QueryFailed { query: payment.query, charge: payment.charge };
    let event = app.event(Some(&question.actor), Some(question.workspace.id), failed);
    if app.ledger.fail_charge(payment.charge, app.config.pause_after_failures, event).await.is_err() {
        // It stays open and is ended at the next start.
        tracing::error!(charge = %payment.charge, "a failed charge could not be recorded");
    }
    Error::AfterCharge
}

/// Why nothing was debited.
enum Refused {
    Answered(StoredAnswer),
    InProgress,
    OverBudget { account: Account, epoch: Option<Epoch>, spent: Budget, cap: Budget },
    NotActive(ReleaseState),
    Failed(Error),
}

async fn unpaid(app: &App, question: &Question, priced: &PricedQuery, refused: Refused) -> Result<Given> {
    let error = match refused {
        Refused::Answered(stored) => return repeat::give(app, question, priced.above(), stored).await,
        Refused::InProgress => return repeat::wait(app, question, priced).await,
        Refused::Failed(error) => return Err(error),
        Refused::NotActive(state) => Error::NotActive { state },
        Refused::OverBudget { account, epoch, spent, cap } => {
            let price = priced.price();
            let left = spent.left_of(cap);
            let epsilon = accounting::epsilon(left.rho, accounts::conversion_delta(&question.population));
            Error::OverBudget(OverBudget {
                epoch,
                account: accounts::label(&account, epoch, question.workspace.name.as_str()),
                needed: share(price, cap),
                left: (1.0 - share(spent, cap)).clamp(0.0, 1.0),
                epsilon_that_fits: (price.delta <= left.delta).then(|| round_down(epsilon)).flatten(),
            })
        }
    };
    refuse(app, &question.actor, &question.workspace, &question.sql, error.code()).await?;
    Err(error)
}

/// Two significant digits, downwards; `None` below 0.001, where intervals are of no use.
fn round_down(epsilon: f64) -> Option<f64> {
    if !(epsilon >= 0.001 && epsilon.is_finite()) {
        return None;
    }
    let unit = 10_f64.powi(epsilon.log10().floor() as i32 - 1);
    let digits = (epsilon / unit).floor();
    // Decimal text and back, so that 0.30000000000000004 is shown as 0.3.
    format!("{:.6}", digits * unit).parse().ok()
}

/// The moment that the log gives an answer: charge time + n × priced time, whatever the work took.
fn priced_departure(charged: Micros, now: Micros, every: Duration) -> Micros {
    let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1);
    let passed = now.0.saturating_sub(charged.0).max(0);
    // The wait before this ends at a multiple, give or take a scheduler's delay.
    let turns = (passed / every).max(1);
    Micros(charged.0.saturating_add(turns.saturating_mul(every)))
}

/// The engine's ledger over the store's.
struct Adapter<'a> {
    app: &'a App,
    question: &'a Question,
    open: &'a Mutex<Option<Payment>>,
}

#[async_trait]
impl Ledger for Adapter<'_> {
    type Refused = Refused;

    async fn charge(&self, request: &ChargeRequest<'_>) -> std::result::Result<(), Refused> {
        let Self { app, question, .. } = self;
        let failed = |e: Error| Refused::Failed(e);
        let text = artefact("sql", question.sql.as_bytes()).map_err(failed)?;
        let mut releases: Vec<_> = request.sources.iter().map(|s| s.release).collect();
        releases.sort_unstable();
        releases.dedup();
        let debits = question.debits.iter().map(|d| Debit {
            account: d.account.clone(),
            epochs: d.epochs.clone(),
            cap_rho: d.cap.rho.0,
            cap_delta: d.cap.delta.0,
        });
        let event = app.event(
            Some(&question.actor),
            Some(question.workspace.id),
            EventKind::QueryCharged {
                query: request.query,
                charge: request.charge,
                sql: text.reference.clone(),
                releases: releases.clone(),
                rho: request.price.rho.0,
                delta: request.price.delta.0,
                debits: debits.collect(),
            },
        );
        let payment = Payment { query: request.query, charge: request.charge, time: event.time };
        let new = NewCharge {
            query: request.query,
            charge: request.charge,
            workspace: question.workspace.id,
            user: question.actor.id(),
            request_key: request.request_key,
            idempotency_key: question.idempotency_key.clone(),
            sql: question.sql.clone(),
            releases,
            price: request.price,
            debits: question.debits.clone(),
            fresh: question.fresh,
            // A retry is prepared as of the same moment; departures count from the charge itself.
            time: question.asked,
        };
        match app.ledger.charge(new, text, event).await {
            Ok(ChargeOutcome::Charged { .. }) => {
                *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(payment);
                Ok(())
            }
            Ok(ChargeOutcome::AlreadyAnswered(stored)) => Err(Refused::Answered(stored)),
            Ok(ChargeOutcome::InProgress) => Err(Refused::InProgress),
            Ok(ChargeOutcome::OverBudget { account, epoch, spent, cap }) => {
                Err(Refused::OverBudget { account, epoch, spent, cap })
            }
            Ok(ChargeOutcome::NotActive { state, .. }) => Err(Refused::NotActive(state)),
            Err(error) => Err(Refused::Failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_rounded_against_the_spender() {
        assert_eq!(round_down(0.309), Some(0.3));
        assert_eq!(round_down(1.99), Some(1.9));
        assert_eq!(round_down(0.0456), Some(0.045));
        assert_eq!(round_down(0.0009), None);
        assert_eq!(round_down(f64::INFINITY), None);
    }

    #[test]
    fn answers_bear_the_priced_time() {
        let every = Duration::from_micros(250);
        assert_eq!(priced_departure(Micros(1_000), Micros(1_251), every), Micros(1_250));
        assert_eq!(priced_departure(Micros(1_000), Micros(1_503), every), Micros(1_500));
        assert_eq!(priced_departure(Micros(1_000), Micros(900), every), Micros(1_250));
    }
}
