//! Charging: every account is debited the whole price, or nothing happens. The filter is the fully adaptive one for
//! zCDP (Whitehouse, Ramdas, Rogers, Wu: "Fully-Adaptive Composition in Differential Privacy", 2023): a charge
//! passes exactly when spent + price fits the cap, in ρ and in δ of selections. In a population with epochs each epoch
//! of an account has its own filter, since its units are other units: the charge passes when it passes in all it names.

use super::SqliteStore;
use super::account;
use super::ledger::{self, ANSWER_BY_CHARGE, ANSWER_BY_REQUEST};
use super::releases;
use super::row::{Columns, Id, signed, spell};
use super::statement::{insert, optional, run, unreadable};
use super::transaction::Write;
use lyceum_audit::event::{Account, Event, EventKind};
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::epoch::{Epoch, Epochs, Every, MAX_EPOCHS};
use lyceum_schema::id::ReleaseId;
use lyceum_schema::state::{QueryState, ReleaseState};
use lyceum_sharing::model::{Artefact, ChargeOutcome, DebitRequest, NewCharge};
use lyceum_sharing::port::{PortError, PortResult};
use std::collections::{BTreeMap, BTreeSet};

impl SqliteStore {
    /// The transaction of [`lyceum_sharing::port::LedgerStore::charge`].
    pub(super) async fn charge_once(
        &self,
        charge: NewCharge,
        sql: Artefact,
        event: Event,
    ) -> PortResult<ChargeOutcome> {
        check_request(&charge, &event)?;
        let mut write = self.write().await?;
        if let Some(outcome) = charged_before(&mut write, &charge).await? {
            return Ok(outcome);
        }
        let sources: BTreeSet<ReleaseId> = charge.releases.iter().copied().collect();
        for release in &sources {
            let state = releases::state(&mut write, *release).await?;
            if state != ReleaseState::Active {
                return Ok(ChargeOutcome::NotActive { release: *release, state });
            }
        }
        if !charge.fresh
            && let Some(outcome) = asked_before(&mut write, &charge).await?
        {
            return Ok(outcome);
        }
        let mut after = Vec::with_capacity(charge.debits.len());
        for debit in &charge.debits {
            let bounds = bounds(&mut write, debit).await?;
            for epoch in each_epoch(debit) {
                match admit(&mut write, debit, epoch, charge.price, bounds).await? {
                    Admission::Granted(budget) => after.push((debit, epoch, budget)),
                    Admission::Refused { spent } => {
                        let account = debit.account.clone();
                        return Ok(ChargeOutcome::OverBudget { account, epoch, spent, cap: bounds });
                    }
                }
            }
        }
        let index = write.event(&event).await?;
        record(&mut write, &charge, index).await?;
        for release in sources {
            let statement = sqlx::query("INSERT INTO charge_releases (charge_id, release_id) VALUES (?, ?)")
                .bind(charge.charge.bytes())
                .bind(release.bytes());
            run(statement, write.on()).await?;
        }
        for (debit, epoch, spent) in after {
            book(&mut write, &charge, debit, epoch, spent).await?;
        }
        write.artefact(sql).await?;
        write.commit_at("charge.before_commit", "charge.after_commit").await?;
        Ok(ChargeOutcome::Charged { index })
    }
}

/// What the log will say must be what the ledger does, and every account must stand under its population's root, in
/// every epoch.
fn check_request(charge: &NewCharge, event: &Event) -> PortResult<()> {
    let said = match &event.kind {
        EventKind::QueryCharged { query, charge: id, rho, delta, debits, .. } => {
            *query == charge.query
                && *id == charge.charge
                && (Budget { rho: Rho(*rho), delta: Delta(*delta) }) == charge.price
                && debits
                    .iter()
                    .map(|d| (&d.account, &d.epochs))
                    .eq(charge.debits.iter().map(|d| (&d.account, &d.epochs)))
        }
        _ => false,
    };
    if !said {
        return Err(PortError::State("the event does not say what is charged".to_owned()));
    }
    let accounts: BTreeMap<&Account, &Epochs> = charge.debits.iter().map(|d| (&d.account, &d.epochs)).collect();
    let rooted = accounts.iter().all(|(account, epochs)| {
        let root = accounts.get(&Account::Root { population: account::population(account) });
        root.is_some_and(|root| root.union(epochs).as_ref() == Some(*root))
    });
    if accounts.is_empty() || accounts.len() != charge.debits.len() || !rooted {
        return Err(PortError::State("a charge debits the population's root, and each account once".to_owned()));
    }
    if accounts.values().any(|epochs| epochs.count() > MAX_EPOCHS) {
        return Err(PortError::State("a charge debits more epochs than a query may touch".to_owned()));
    }
    Ok(())
}

/// The epochs of a debit, or the account itself where there are none.
fn each_epoch(debit: &DebitRequest) -> impl Iterator<Item = Option<Epoch>> {
    debit.epochs.is_empty().then_some(None).into_iter().chain(debit.epochs.iter().map(Some))
}

/// The same charge, or the same idempotency key, again.
async fn charged_before(write: &mut Write, charge: &NewCharge) -> PortResult<Option<ChargeOutcome>> {
    let statement = sqlx::query(
        "SELECT id, request_key, state, charged_idx FROM charges \
         WHERE id = ? OR (workspace_id = ? AND user_id = ? AND idempotency_key = ?)",
    )
    .bind(charge.charge.bytes())
    .bind(charge.workspace.bytes())
    .bind(charge.user.bytes())
    .bind(charge.idempotency_key.clone());
    let Some(row) = optional(statement, write.on()).await? else { return Ok(None) };
    if row.bytes32("request_key")? != charge.request_key {
        return Err(PortError::Exists("another query with this idempotency key".to_owned()));
    }
    let same_charge = row.blob("id")? == charge.charge.bytes();
    match row.spelled("state")? {
        QueryState::Charged if same_charge => Ok(Some(ChargeOutcome::Charged { index: row.unsigned("charged_idx")? })),
        QueryState::Charged => Ok(Some(ChargeOutcome::InProgress)),
        QueryState::Answered => {
            let statement = sqlx::query(ANSWER_BY_CHARGE).bind(row.blob("id")?);
            let row = optional(statement, write.on()).await?.ok_or_else(|| unreadable("answer"))?;
            Ok(Some(ChargeOutcome::AlreadyAnswered(ledger::answer(&row)?)))
        }
        QueryState::Failed => Err(PortError::State("the charge failed and won't be answered".to_owned())),
    }
}

/// An equal request that is answered or being answered.
async fn asked_before(write: &mut Write, charge: &NewCharge) -> PortResult<Option<ChargeOutcome>> {
    let statement = sqlx::query(ANSWER_BY_REQUEST).bind(charge.request_key.to_vec());
    if let Some(row) = optional(statement, write.on()).await? {
        return Ok(Some(ChargeOutcome::AlreadyAnswered(ledger::answer(&row)?)));
    }
    let statement = sqlx::query("SELECT id FROM charges WHERE request_key = ? AND state = ? LIMIT 1")
        .bind(charge.request_key.to_vec())
        .bind(spell(&QueryState::Charged)?);
    Ok(optional(statement, write.on()).await?.map(|_| ChargeOutcome::InProgress))
}

enum Admission {
    /// What the account will have spent.
    Granted(Budget),
    /// What it has spent: too much.
    Refused { spent: Budget },
}

/// The cap of an account in every epoch. The epochs must be of the population's length.
async fn bounds(write: &mut Write, debit: &DebitRequest) -> PortResult<Budget> {
    let population = account::population(&debit.account);
    let statement =
        sqlx::query("SELECT cap_rho, cap_delta, epoch FROM populations WHERE id = ?").bind(population.bytes());
    let row = optional(statement, write.on()).await?;
    let row = row.ok_or_else(|| PortError::Missing(format!("population {population}")))?;
    if row.optional_spelled::<Every>("epoch")? != debit.epochs.every() {
        return Err(PortError::State("a charge debits other epochs than its population has".to_owned()));
    }
    let cap = match debit.account {
        Account::Root { .. } | Account::Owner { .. } => tightest(debit.cap, row.budget("cap_rho", "cap_delta")?),
        Account::Workspace { .. } | Account::Researcher { .. } => debit.cap,
    };
    // What an INTEGER can't hold can't be spent, whatever the cap says.
    Ok(tightest(cap, LARGEST))
}

async fn admit(
    write: &mut Write,
    debit: &DebitRequest,
    epoch: Option<Epoch>,
    price: Budget,
    cap: Budget,
) -> PortResult<Admission> {
    let statement = sqlx::query("SELECT spent_rho, spent_delta FROM accounts WHERE account = ?")
        .bind(account::key(&debit.account, epoch));
    let row = optional(statement, write.on()).await?;
    let spent = row.map_or(Ok(Budget::ZERO), |row| row.budget("spent_rho", "spent_delta"))?;
    Ok(match spent.checked_add(price) {
        Some(after) if after.fits(cap) => Admission::Granted(after),
        _ => Admission::Refused { spent },
    })
}

const LARGEST: Budget = Budget { rho: Rho(i64::MAX.unsigned_abs()), delta: Delta(i64::MAX.unsigned_abs()) };

fn tightest(a: Budget, b: Budget) -> Budget {
    Budget { rho: a.rho.min(b.rho), delta: a.delta.min(b.delta) }
}

async fn record(write: &mut Write, charge: &NewCharge, index: u64) -> PortResult<()> {
    let statement = sqlx::query(
        "INSERT INTO charges (id, query_id, workspace_id, user_id, request_key, idempotency_key, sql, price_rho, \
         price_delta, state, time, charged_idx) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(charge.charge.bytes())
    .bind(charge.query.bytes())
    .bind(charge.workspace.bytes())
    .bind(charge.user.bytes())
    .bind(charge.request_key.to_vec())
    .bind(charge.idempotency_key.clone())
    .bind(charge.sql.clone())
    .bind(signed(charge.price.rho.0, "the price")?)
    .bind(signed(charge.price.delta.0, "the price")?)
    .bind(spell(&QueryState::Charged)?)
    .bind(charge.time.0)
    .bind(signed(index, "the log")?);
    insert(statement, write.on(), || format!("query {}", charge.query), "workspace or user").await
}

/// Adds to what the account has spent; never anything else.
async fn book(
    write: &mut Write,
    charge: &NewCharge,
    debit: &DebitRequest,
    epoch: Option<Epoch>,
    spent: Budget,
) -> PortResult<()> {
    let key = account::key(&debit.account, epoch);
    let statement = sqlx::query(
        "INSERT INTO accounts (account, population_id, spent_rho, spent_delta, charges) VALUES (?, ?, ?, ?, 1) \
         ON CONFLICT (account) DO UPDATE SET spent_rho = excluded.spent_rho, spent_delta = excluded.spent_delta, \
         charges = charges + 1",
    )
    .bind(key.clone())
    .bind(account::population(&debit.account).bytes())
    .bind(signed(spent.rho.0, "the spent budget")?)
    .bind(signed(spent.delta.0, "the spent budget")?);
    run(statement, write.on()).await?;
    let cap = tightest(debit.cap, LARGEST);
    let statement = sqlx::query("INSERT INTO debits (charge_id, account, cap_rho, cap_delta) VALUES (?, ?, ?, ?)")
        .bind(charge.charge.bytes())
        .bind(key)
        .bind(signed(cap.rho.0, "the cap")?)
        .bind(signed(cap.delta.0, "the cap")?);
    run(statement, write.on()).await.map(|_| ())
}
