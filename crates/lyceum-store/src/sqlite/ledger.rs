//! Populations, answers and balances. Charging itself is in `charge`.

use super::SqliteStore;
use super::account;
use super::release_rows;
use super::releases;
use super::row::{Columns, Id, signed, spell};
use super::statement::{all, insert, optional, run, unreadable};
use super::transaction::Write;
use async_trait::async_trait;
use lyceum_audit::event::{Account, Event, EventKind};
use lyceum_schema::epoch::{Epochs, Every};
use lyceum_schema::id::{ChargeId, PopulationId, QueryId, ReleaseId, UserId, WorkspaceId};
use lyceum_schema::name::PopulationName;
use lyceum_schema::state::{QueryState, ReleaseState};
use lyceum_schema::time::Micros;
use lyceum_sharing::model::{
    AccountBalance, Artefact, ChargeOutcome, Described, DescribedAnswer, NewCharge, PopulationRecord, QueryRecord,
    StoredAnswer,
};
use lyceum_sharing::port::{EventIndex, LedgerStore, PortError, PortResult};
use sqlx::sqlite::SqliteRow;

macro_rules! query_record {
    ($rest:literal) => {
        concat!(
            "SELECT id, query_id, workspace_id, user_id, request_key, sql, price_rho, price_delta, state, time, \
             COALESCE(ended_idx, charged_idx) AS idx FROM charges ",
            $rest
        )
    };
}

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn create_population(&self, population: PopulationRecord, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query(
            "INSERT INTO populations (id, name, organisation, epsilon, delta, delta_conversion, declared_size, \
             cap_rho, cap_delta, epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(population.id.bytes())
        .bind(spell(&population.name)?)
        .bind(spell(&population.organisation)?)
        .bind(population.epsilon)
        .bind(population.delta)
        .bind(signed(population.delta_conversion, "delta")?)
        .bind(signed(population.declared_size, "the declared size")?)
        .bind(signed(population.cap.rho.0, "the cap")?)
        .bind(signed(population.cap.delta.0, "the cap")?)
        .bind(population.epoch.map(Every::as_str));
        insert(statement, write.on(), || format!("population {}", population.name), "").await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn population(&self, name: &PopulationName) -> PortResult<Option<PopulationRecord>> {
        let statement = sqlx::query("SELECT * FROM populations WHERE name = ?").bind(spell(name)?);
        optional(statement, &self.readers).await?.as_ref().map(population).transpose()
    }

    async fn populations(&self) -> PortResult<Vec<PopulationRecord>> {
        all(sqlx::query("SELECT * FROM populations ORDER BY name"), &self.readers)
            .await?
            .iter()
            .map(population)
            .collect()
    }

    async fn stored_answer(&self, request_key: [u8; 32]) -> PortResult<Option<StoredAnswer>> {
        let statement = sqlx::query(ANSWER_BY_REQUEST).bind(request_key.to_vec());
        optional(statement, &self.readers).await?.as_ref().map(answer).transpose()
    }

    async fn described_answers(&self, family: [u8; 32], limit: u32) -> PortResult<Vec<DescribedAnswer>> {
        let statement = sqlx::query(DESCRIBED_BY_FAMILY).bind(family.to_vec()).bind(i64::from(limit));
        all(statement, &self.readers).await?.iter().map(described).collect()
    }

    async fn answer_of(&self, charge: ChargeId) -> PortResult<Option<StoredAnswer>> {
        let statement = sqlx::query(ANSWER_BY_CHARGE).bind(charge.bytes());
        optional(statement, &self.readers).await?.as_ref().map(answer).transpose()
    }

    async fn charge_by_idempotency_key(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        key: &str,
    ) -> PortResult<Option<QueryRecord>> {
        let statement = sqlx::query(query_record!("WHERE workspace_id = ? AND user_id = ? AND idempotency_key = ?"))
            .bind(workspace.bytes())
            .bind(user.bytes())
            .bind(key.to_owned());
        optional(statement, &self.readers).await?.as_ref().map(query).transpose()
    }

    async fn charge(&self, charge: NewCharge, sql: Artefact, event: Event) -> PortResult<ChargeOutcome> {
        self.charge_once(charge, sql, event).await
    }

    async fn store_answer(
        &self,
        charge: ChargeId,
        released: Vec<u8>,
        described: Vec<Described>,
        artefact: Artefact,
        event: Event,
    ) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        expect_open(&mut write, charge).await?;
        release_rows::expect_charge_readable(&mut write, charge.bytes()).await?;
        let statement = sqlx::query("INSERT INTO answers (charge_id, released, time) VALUES (?, ?, ?)")
            .bind(charge.bytes())
            .bind(released)
            .bind(event.time.0);
        run(statement, write.on()).await?;
        for Described { barrier, family, descriptor } in described {
            let statement = sqlx::query(
                "INSERT INTO answer_descriptors (charge_id, barrier, family, descriptor) VALUES (?, ?, ?, ?)",
            )
            .bind(charge.bytes())
            .bind(i64::from(barrier))
            .bind(family.to_vec())
            .bind(descriptor);
            run(statement, write.on()).await?;
        }
        write.artefact(artefact).await?;
        let index = write.event(&event).await?;
        end(&mut write, charge, QueryState::Answered, index).await?;
        write.commit_at("answer.before_commit", "answer.after_commit").await?;
        Ok(index)
    }

    async fn fail_charge(&self, charge: ChargeId, pause_after: u32, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        expect_open(&mut write, charge).await?;
        let index = write.event(&event).await?;
        end(&mut write, charge, QueryState::Failed, index).await?;
        let statement = sqlx::query("SELECT release_id FROM charge_releases WHERE charge_id = ? ORDER BY release_id")
            .bind(charge.bytes());
        for row in all(statement, write.on()).await? {
            count_failure(&mut write, row.id("release_id")?, pause_after, &event).await?;
        }
        write.commit().await?;
        Ok(index)
    }

    async fn open_charges(&self) -> PortResult<Vec<QueryRecord>> {
        let statement =
            sqlx::query(query_record!("WHERE state = ? ORDER BY charged_idx")).bind(spell(&QueryState::Charged)?);
        all(statement, &self.readers).await?.iter().map(query).collect()
    }

    async fn balances(&self, population: PopulationId) -> PortResult<Vec<AccountBalance>> {
        let statement = sqlx::query(
            "SELECT account, spent_rho, spent_delta, charges FROM accounts WHERE population_id = ? ORDER BY account",
        )
        .bind(population.bytes());
        all(statement, &self.readers).await?.iter().map(balance).collect()
    }

    async fn balances_in(&self, account: &Account, epochs: &Epochs) -> PortResult<Vec<AccountBalance>> {
        let ends: Vec<_> = match epochs.spans() {
            [] => vec![(None, None)],
            spans => spans.iter().map(|s| (Some(s.first()), Some(s.last()))).collect(),
        };
        let mut balances = Vec::new();
        for (first, last) in ends {
            // Keys of one account sort by time: they differ in the epoch only, which has one width for each length.
            let statement = sqlx::query(
                "SELECT account, spent_rho, spent_delta, charges FROM accounts WHERE account BETWEEN ? AND ? \
                 ORDER BY account",
            )
            .bind(account::key(account, first))
            .bind(account::key(account, last));
            for row in all(statement, &self.readers).await? {
                balances.push(balance(&row)?);
            }
        }
        Ok(balances)
    }

    async fn history(&self, workspace: WorkspaceId, limit: u32) -> PortResult<Vec<QueryRecord>> {
        let statement = sqlx::query(query_record!("WHERE workspace_id = ? ORDER BY charged_idx DESC LIMIT ?"))
            .bind(workspace.bytes())
            .bind(i64::from(limit));
        all(statement, &self.readers).await?.iter().map(query).collect()
    }

    async fn query(&self, id: QueryId) -> PortResult<Option<QueryRecord>> {
        let statement = sqlx::query(query_record!("WHERE query_id = ?")).bind(id.bytes());
        optional(statement, &self.readers).await?.as_ref().map(query).transpose()
    }
}

macro_rules! select_answer {
    ($rest:literal) => {
        concat!(
            "SELECT c.query_id, c.id, c.ended_idx, c.price_rho, c.price_delta, a.time, a.released \
             FROM charges c JOIN answers a ON a.charge_id = c.id ",
            $rest
        )
    };
}

/// The answer of one charge.
pub(super) const ANSWER_BY_CHARGE: &str = select_answer!("WHERE c.id = ?");

/// The newest answer of a request key whose releases are all active.
pub(super) const ANSWER_BY_REQUEST: &str = select_answer!(
    "WHERE c.request_key = ? AND NOT EXISTS (SELECT 1 FROM charge_releases s JOIN releases r ON r.id = s.release_id \
     WHERE s.charge_id = c.id AND r.state <> 'active') ORDER BY c.ended_idx DESC LIMIT 1"
);

/// Barriers of a family, newest first, whose answers' releases are all active.
const DESCRIBED_BY_FAMILY: &str = "SELECT d.charge_id, d.barrier, d.family, d.descriptor FROM answer_descriptors d JOIN charges c ON c.id = d.charge_id \
     WHERE d.family = ? AND NOT EXISTS (SELECT 1 FROM charge_releases s JOIN releases r ON r.id = s.release_id \
     WHERE s.charge_id = c.id AND r.state <> 'active') ORDER BY c.ended_idx DESC, d.barrier LIMIT ?";

/// A row of [`DESCRIBED_BY_FAMILY`].
fn described(row: &SqliteRow) -> PortResult<DescribedAnswer> {
    let described = Described {
        barrier: row.unsigned32("barrier")?,
        family: row.bytes32("family")?,
        descriptor: row.text("descriptor")?,
    };
    Ok(DescribedAnswer { charge: row.id("charge_id")?, described })
}

/// A row of [`ANSWER_BY_CHARGE`] or [`ANSWER_BY_REQUEST`].
pub(super) fn answer(row: &SqliteRow) -> PortResult<StoredAnswer> {
    Ok(StoredAnswer {
        query: row.id("query_id")?,
        charge: row.id("id")?,
        index: row.unsigned("ended_idx")?,
        price: row.budget("price_rho", "price_delta")?,
        time: Micros(row.int("time")?),
        released: row.blob("released")?,
    })
}

async fn expect_open(write: &mut Write, charge: ChargeId) -> PortResult<()> {
    let statement = sqlx::query("SELECT state FROM charges WHERE id = ?").bind(charge.bytes());
    let row = optional(statement, write.on()).await?;
    match row.ok_or_else(|| PortError::Missing(format!("charge {charge}")))?.spelled("state")? {
        QueryState::Charged => Ok(()),
        QueryState::Answered => Err(PortError::State("the charge is answered already".to_owned())),
        QueryState::Failed => Err(PortError::State("the charge failed already".to_owned())),
    }
}

async fn end(write: &mut Write, charge: ChargeId, state: QueryState, index: u64) -> PortResult<()> {
    let statement = sqlx::query("UPDATE charges SET state = ?, ended_idx = ? WHERE id = ?")
        .bind(spell(&state)?)
        .bind(signed(index, "the log")?)
        .bind(charge.bytes());
    run(statement, write.on()).await.map(|_| ())
}

/// One more failure after a charge; the release is paused when it had too many, since failures may depend on rows.
async fn count_failure(write: &mut Write, release: ReleaseId, pause_after: u32, failed: &Event) -> PortResult<()> {
    let statement = sqlx::query("UPDATE releases SET failures = failures + 1 WHERE id = ?").bind(release.bytes());
    run(statement, write.on()).await?;
    let statement = sqlx::query("SELECT failures FROM releases WHERE id = ?").bind(release.bytes());
    let failures = optional(statement, write.on()).await?.ok_or_else(|| unreadable("failures"))?;
    if failures.unsigned32("failures")? < pause_after || releases::state(write, release).await? != ReleaseState::Active
    {
        return Ok(());
    }
    releases::set_state(write, release, ReleaseState::Paused).await?;
    let event = Event {
        v: failed.v,
        time: failed.time,
        actor: None,
        workspace: failed.workspace,
        kind: EventKind::ReleasePaused { release, reason: "too many failures after a charge".to_owned() },
    };
    write.event(&event).await.map(|_| ())
}

fn population(row: &SqliteRow) -> PortResult<PopulationRecord> {
    Ok(PopulationRecord {
        id: row.id("id")?,
        name: row.spelled("name")?,
        organisation: row.spelled("organisation")?,
        epsilon: row.text("epsilon")?,
        delta: row.text("delta")?,
        delta_conversion: row.unsigned("delta_conversion")?,
        declared_size: row.unsigned("declared_size")?,
        cap: row.budget("cap_rho", "cap_delta")?,
        epoch: row.optional_spelled("epoch")?,
    })
}

fn query(row: &SqliteRow) -> PortResult<QueryRecord> {
    Ok(QueryRecord {
        query: row.id("query_id")?,
        charge: row.id("id")?,
        workspace: row.id("workspace_id")?,
        user: row.id("user_id")?,
        request_key: row.bytes32("request_key")?,
        sql: row.text("sql")?,
        price: row.budget("price_rho", "price_delta")?,
        state: row.spelled("state")?,
        time: Micros(row.int("time")?),
        index: row.unsigned("idx")?,
    })
}

fn balance(row: &SqliteRow) -> PortResult<AccountBalance> {
    let (account, epoch) = account::parse(&row.text("account")?).ok_or_else(|| unreadable("account"))?;
    Ok(AccountBalance {
        account,
        epoch,
        spent: row.budget("spent_rho", "spent_delta")?,
        charges: row.unsigned("charges")?,
    })
}
