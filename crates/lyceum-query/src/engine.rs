//! The engine: one object through which the line of stages is driven.
//!
//! ```text
//! prepare(sql) ─ Public ──────────────────────────────────────────────── run_public → Answer
//!              └ Private(PricedQuery) → charge(ledger) → answer(…) = execute → release → leave → finish → Answer
//! ```

use crate::above::Above;
use crate::answer::{Answer, AnswerColumn, ColumnKind};
use crate::bind::bind;
use crate::catalog::Catalog;
use crate::certify::{Certified, PublicQuery, certify};
use crate::charge::{Charge, Charged};
pub use crate::config::EngineConfig;
use crate::error::QueryError;
use crate::execute::execute;
use crate::failure::{ExecutionFailed, FinishError, PriceError};
use crate::faults;
use crate::parse::parse;
use crate::physical::with_files;
use crate::price::{PricedQuery, price};
pub use crate::public_rows::PublicRows;
use crate::public_rows::public_failed;
use crate::release::{ReleasedGroups, release};
use crate::session;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::FutureExt;
use lyceum_privacy::mechanism::NoiseSource;
use lyceum_schema::failpoint;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::time::Micros;
use object_store::ObjectStore;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The engine. Cheap to share behind an `Arc`.
pub struct Engine {
    config: EngineConfig,
    store: Arc<dyn ObjectStore>,
    noise: Arc<dyn NoiseSource>,
    places: Semaphore,
    /// Queries over public tables have places of their own: a slow download holds up no private one.
    public_places: Arc<Semaphore>,
}

/// A query that may go on.
pub struct Prepared {
    /// Whether the text asked for EXPLAIN PRIVACY: show the explanation, charge nothing.
    pub explain: bool,
    /// What is to be done.
    pub query: PreparedQuery,
}

/// A query, certified.
pub enum PreparedQuery {
    /// Reads public tables only.
    Public(PreparedPublic),
    /// Reads private rows: has a price.
    Private(Box<PricedQuery>),
}

/// A query over public tables.
pub struct PreparedPublic {
    query: PublicQuery,
}

impl PreparedPublic {
    /// The releases it reads, each once.
    #[must_use]
    pub fn releases(&self) -> Vec<ReleaseId> {
        let mut releases: Vec<_> = self.query.tables.iter().map(|t| t.release).collect();
        releases.sort_unstable();
        releases.dedup();
        releases
    }
}

impl Engine {
    /// An engine over a store of releases.
    #[must_use]
    pub fn new(config: EngineConfig, store: Arc<dyn ObjectStore>, noise: Arc<dyn NoiseSource>) -> Self {
        let places = Semaphore::new(config.max_concurrent_queries.max(1));
        let public_places = Arc::new(Semaphore::new(config.max_concurrent_queries.max(1)));
        Self { config, store, noise, places, public_places }
    }

    /// Stages 1 to 4: parse, bind, certify, price. Reads no rows. `now` is what `now()` means in the query.
    ///
    /// # Errors
    /// [`QueryError`]: static, complete, for people. Nothing is charged.
    pub async fn prepare(&self, sql: &str, catalog: &Catalog, now: Micros) -> Result<Prepared, QueryError> {
        let work = AssertUnwindSafe(self.prepare_inner(sql, catalog, now)).catch_unwind();
        work.await.unwrap_or_else(|_| Err(PriceError::Planning { step: "panic" }.into()))
    }

    async fn prepare_inner(&self, sql: &str, catalog: &Catalog, now: Micros) -> Result<Prepared, QueryError> {
        let parsed = parse(sql)?;
        let (explain, options) = (parsed.explain_privacy(), parsed.options());
        let query = match certify(bind(parsed, catalog, now)?)? {
            Certified::Public(query) => PreparedQuery::Public(PreparedPublic { query }),
            Certified::Private(certified) => {
                let runtime = session::data_runtime(&self.config, &self.store)
                    .map_err(|_| PriceError::Planning { step: "runtime" })?;
                PreparedQuery::Private(Box::new(price(*certified, options.fresh, &self.config, runtime).await?))
            }
        };
        Ok(Prepared { explain, query })
    }

    /// Stages 6 and 7, and the wait for the priced time: after this everything is public. On an error the wait is
    /// over, too.
    ///
    /// # Errors
    /// [`ExecutionFailed`], always the same text; the charge stays.
    pub async fn answer(&self, charged: Charged) -> Result<(ReleasedGroups, Above, Charge), ExecutionFailed> {
        let outcome = self.execute_and_release(charged).await;
        match outcome {
            Ok(released) => Ok(released.leave().await),
            Err(failed) => {
                failed.leave().await;
                Err(failed)
            }
        }
    }

    async fn execute_and_release(&self, charged: Charged) -> Result<crate::release::Released, ExecutionFailed> {
        failpoint::hit("execute");
        let executed = execute(charged, &self.config, &self.places).await?;
        failpoint::hit("release");
        let (query, charge, departure) = (executed.charge().query(), executed.charge().id(), executed.departure);
        let noise = Arc::clone(&self.noise);
        let released = tokio::task::spawn_blocking(faults::hand_on(move || release(executed, &noise))).await;
        released.unwrap_or_else(|_| {
            tracing::error!(stage = "release", fault = "panic", %query, %charge, "charged query failed");
            Err(ExecutionFailed { query, charge, departure })
        })
    }

    /// Runs a query over public tables, and collects its rows.
    ///
    /// # Errors
    /// [`FinishError`].
    pub async fn run_public(&self, prepared: PreparedPublic) -> Result<Answer, FinishError> {
        let limit = self.config.timeout;
        let collected = tokio::time::timeout(limit, self.collect_public(prepared)).await;
        let batch = collected.unwrap_or_else(|_| Err(FinishError::Timeout { seconds: limit.as_secs() }))?;
        let schema = batch.schema();
        let columns = schema.fields().iter().map(|f| AnswerColumn {
            name: f.name().clone(),
            kind: ColumnKind::Exact,
            noise_interval: None,
            estimate_interval: None,
        });
        Ok(Answer { columns: columns.collect(), batch, other: None, notes: Vec::new() })
    }

    async fn collect_public(&self, prepared: PreparedPublic) -> Result<RecordBatch, FinishError> {
        let mut rows = self.stream_public(prepared).await?;
        let (mut batches, mut count) = (Vec::new(), 0);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            count += batch.num_rows();
            if count > self.config.max_public_rows {
                return Err(FinishError::TooManyRows { limit: self.config.max_public_rows });
            }
            batches.push(batch);
        }
        concat_batches(rows.schema(), &batches).map_err(|_| FinishError::Public { step: "result" })
    }

    /// Starts a query over public tables. Its rows come one batch after the other and are never all in memory; each
    /// has to come within the engine's timeout.
    ///
    /// # Errors
    /// [`FinishError`].
    pub async fn stream_public(&self, prepared: PreparedPublic) -> Result<PublicRows, FinishError> {
        let places = Arc::clone(&self.public_places);
        let place = places.acquire_owned().await.map_err(|_| FinishError::Public { step: "closed" })?;
        let limit = self.config.timeout;
        let starting = AssertUnwindSafe(self.start_public(prepared.query.plan)).catch_unwind();
        let stream = match tokio::time::timeout(limit, starting).await {
            Ok(Ok(stream)) => stream?,
            Ok(Err(_)) => return Err(FinishError::Public { step: "panic" }),
            Err(_) => return Err(FinishError::Timeout { seconds: limit.as_secs() }),
        };
        Ok(PublicRows::new(stream, limit, self.config.patience, place))
    }

    async fn start_public(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, FinishError> {
        let failed = |step: &'static str| move |e: DataFusionError| public_failed(step, &e);
        let runtime = session::data_runtime(&self.config, &self.store).map_err(failed("runtime"))?;
        let state = session::data_session(self.config.target_partitions, runtime);
        let plan = with_files(plan).map_err(failed("tables"))?;
        let plan = state.create_physical_plan(&plan).await.map_err(failed("planning"))?;
        execute_stream(plan, state.task_ctx()).map_err(failed("start"))
    }
}
