//! The engine's side of the benchmark: manifest, policies, catalogue, and a ledger that pays.

use crate::data::DataSet;
use crate::events::{CHANNELS, COUNTRIES, DEVICES, SEGMENTS};
use crate::queries::Query;
use async_trait::async_trait;
use lyceum_privacy::Delta;
use lyceum_privacy::mechanism::{ExactCells, LiveNoise, MechanismCall, NoiseError, NoiseSource};
use lyceum_query::catalog::{Catalog, CatalogTable, Population};
use lyceum_query::charge::{ChargeRequest, Ledger};
use lyceum_query::engine::{Engine, EngineConfig};
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::{Manifest, Table};
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use object_store::local::LocalFileSystem;
use std::error::Error;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// ε of every query.
pub(crate) const EPSILON: f64 = 1.0;
/// δ of every query: of conversion and key selection together.
const DELTA: f64 = 1e-7;
/// Rows that one user may have; ingest samples the rows of larger ones.
const MAX_ROWS_PER_UNIT: u64 = 20_000;

/// The tables as their owner declares them.
pub(crate) fn tables(set: &DataSet) -> Result<Vec<Table>, Box<dyn Error>> {
    manifest(set, true)
}

fn manifest(set: &DataSet, campaigns_declared: bool) -> Result<Vec<Table>, Box<dyn Error>> {
    let mut text = String::from(
        "[dataset]\nname = \"ads\"\ntitle = \"Ad events\"\nversion = \"1\"\nowner = \"bench\"\nlicence = \"none\"\n\
        source = \"generated\"\n",
    );
    let mut table = |name: &str, rows: u64, max_rows: u64| {
        write!(
            text,
            "[[table]]\nname = \"{name}\"\nprivacy_unit = {{ column = \"user_id\" }}\npopulation = \"people\"\n\
            max_rows_per_unit = {max_rows}\nexpected_rows = {rows}\n\
            [[table.column]]\nname = \"user_id\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n"
        )
    };
    let list = |values: &mut dyn Iterator<Item = &str>| {
        format!("values = [{}]", values.map(|v| format!("\"{v}\"")).collect::<Vec<_>>().join(", "))
    };
    let column = |name: &str, kind: &str, role: &str, domain: &str| {
        format!("[[table.column]]\nname = \"{name}\"\ntype = \"{kind}\"\nrole = \"{role}\"\n{domain}\n")
    };
    let campaigns = if campaigns_declared { "bounds = [1, 200]" } else { "bounds = [-2147483648, 2147483647]" };
    table("events", set.rows, MAX_ROWS_PER_UNIT)?;
    let events = [
        column("event_time", "timestamp", "time", "bounds = [2026-01-01T00:00:00Z, 2026-01-30T23:59:59.999999Z]"),
        column("campaign_id", "int32", "dimension", campaigns),
        column("channel", "string", "dimension", &list(&mut CHANNELS.iter().map(|c| c.0))),
        column("device", "string", "dimension", &list(&mut DEVICES.iter().map(|d| d.0))),
        column("country", "string", "dimension", &list(&mut COUNTRIES.iter().copied())),
        column("cost", "float64", "measure", "bounds = [0, 5]"),
        column("clicked", "int32", "measure", "bounds = [0, 1]"),
        column("converted", "int32", "measure", "bounds = [0, 1]"),
        column("revenue", "float64", "measure", "bounds = [0, 500]"),
    ];
    let mut text = text + &events.concat();
    write!(
        text,
        "[[table]]\nname = \"users\"\nprivacy_unit = {{ column = \"user_id\" }}\npopulation = \"people\"\n\
        max_rows_per_unit = 1\nexpected_rows = {}\n\
        [[table.column]]\nname = \"user_id\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n",
        set.users()
    )?;
    let users = [
        column("age", "int32", "dimension", "bounds = [18, 90]"),
        column("gender", "string", "dimension", "values = [\"f\", \"m\", \"x\"]"),
        column("signup_date", "date", "time", "bounds = [2020-01-01, 2025-12-31]"),
        column("segment", "string", "dimension", &list(&mut SEGMENTS.iter().copied())),
        column("treatment", "int32", "dimension", "bounds = [0, 1]"),
        column("baseline_spend", "float64", "measure", "bounds = [0, 1000]"),
    ];
    let text = text + &users.concat();
    let manifest = Manifest::parse("bench.toml", &text).map_err(|problems| format!("{problems:?}"))?;
    Ok(manifest.tables().to_vec())
}

/// What a query may read, under limits that are exactly the benchmark's.
pub(crate) fn catalog(set: &DataSet, query: &Query) -> Result<Catalog, Box<dyn Error>> {
    let policy = format!(
        "kind = \"protected\"\npurpose = \"benchmark\"\napprovals = 1\n[privacy]\nepsilon_per_workspace = 90.0\n\
        epsilon_per_researcher = 90.0\nmax_epsilon_per_query = {EPSILON:?}\ndefault_epsilon_per_query = {EPSILON:?}\n\
        max_groups_contributed = {}\nmax_rows_per_group = {}\nminimum_group_size = 2\nselection_delta_share = 1.0\n",
        query.max_groups, query.max_rows
    );
    let policy = Arc::new(Policy::parse("bench.toml", &policy).map_err(|problems| format!("{problems:?}"))?);
    // A population's δ is at most a tenth of its size's inverse.
    let delta = DELTA.min(0.1 / set.users() as f64);
    let population = Population {
        id: PopulationId::generate(),
        name: PopulationName::new("people").map_err(|e| e.to_string())?,
        declared_size: set.users(),
        delta_conversion: if query.campaigns_declared { delta * 0.999 } else { delta / 2.0 },
        delta_selection: Delta::round_down(if query.campaigns_declared { 0.0 } else { delta / 2.0 }),
        epsilon: 100.0,
    };
    let mut entries = Vec::new();
    for table in manifest(set, query.campaigns_declared)? {
        let files = set.files(table.name().as_str())?;
        entries.push(Arc::new(CatalogTable {
            release: ReleaseId::generate(),
            kind: ReleaseKind::Protected,
            sql_name: TableName::new(table.name().as_str()).map_err(|e| e.to_string())?,
            table,
            population: Some(population.clone()),
            owner: OrganisationName::new("bench").map_err(|e| e.to_string())?,
            policy: Arc::clone(&policy),
            version: VersionId::generate(),
            own_schema: None,
            files,
        }));
    }
    Ok(Catalog { workspace: WorkspaceName::new("bench").map_err(|e| e.to_string())?, tables: entries })
}

/// The engine as the server makes it, but that answers leave at once: the priced wait is not work.
pub(crate) fn engine(set: &DataSet, partitions: usize, noise: Arc<dyn NoiseSource>) -> Result<Engine, Box<dyn Error>> {
    let config = EngineConfig {
        target_partitions: partitions,
        time_grid: Duration::from_nanos(1),
        time_base: Duration::ZERO,
        time_per_row: Duration::ZERO,
        timeout: Duration::from_secs(600),
        ..EngineConfig::default()
    };
    Ok(Engine::new(config, Arc::new(LocalFileSystem::new_with_prefix(set.layout())?), noise))
}

/// Production noise that notes when the first was asked for and the last was drawn.
#[derive(Default)]
pub(crate) struct TimedNoise(Mutex<Option<(Instant, Instant)>>);

impl TimedNoise {
    /// The two moments, since the last time they were taken.
    pub(crate) fn take(&self) -> Option<(Instant, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl NoiseSource for TimedNoise {
    fn add_noise(&self, call: &MechanismCall, cells: ExactCells) -> Result<Vec<i64>, NoiseError> {
        let begun = Instant::now();
        let noisy = LiveNoise.add_noise(call, cells);
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *moments = Some((moments.map_or(begun, |(first, _)| first), Instant::now()));
        noisy
    }
}

/// Pays everything, and counts what.
#[derive(Default)]
pub(crate) struct Pays(AtomicU64);

#[async_trait]
impl Ledger for Pays {
    type Refused = ();
    async fn charge(&self, request: &ChargeRequest<'_>) -> Result<(), ()> {
        self.0.fetch_add(request.price.rho.0, Ordering::Relaxed);
        Ok(())
    }
}
