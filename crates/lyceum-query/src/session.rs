//! Sessions for planning and running: one runtime per query, nothing registered that a plan doesn't need.

use crate::bounded_aggregate::planner::BarrierPlanner;
use crate::config::EngineConfig;
use crate::physical::rules;
use datafusion::common::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use std::path::Path;
use std::sync::Arc;

/// The name of the data store in plans.
const DATA_STORE: &str = "lyceum://data";

/// The data store's address in plans.
pub(crate) fn data_url() -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse(DATA_STORE)
}

/// A runtime with its own memory pool; spill files go to `spill_dir` or, without one, nowhere.
pub(crate) fn runtime(memory_bytes: usize, spill_dir: Option<&Path>) -> Result<Arc<RuntimeEnv>> {
    let mode = match spill_dir {
        Some(dir) => DiskManagerMode::Directories(vec![dir.to_path_buf()]),
        None => DiskManagerMode::Disabled,
    };
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build_arc()
}

/// A runtime that can read the data store.
pub(crate) fn data_runtime(config: &EngineConfig, store: &Arc<dyn ObjectStore>) -> Result<Arc<RuntimeEnv>> {
    let runtime = runtime(config.memory_bytes, config.spill_dir.as_deref())?;
    runtime.register_object_store(data_url()?.as_ref(), Arc::clone(store));
    Ok(runtime)
}

/// A session for plans over stored rows: knows the barrier, withholds statistics, never splits a file.
pub(crate) fn data_session(target_partitions: usize, runtime: Arc<RuntimeEnv>) -> SessionState {
    let mut config = options(target_partitions);
    let o = config.options_mut();
    o.optimizer.prefer_hash_join = false;
    // Rows of one unit are in one partition, so groups and windows of a unit are, too, however few partitions there are.
    o.optimizer.subset_repartition_threshold = 1;
    SessionStateBuilder::new()
        .with_config(config)
        .with_optimizer_rules(rules::logical())
        .with_physical_optimizer_rules(rules::physical())
        .with_runtime_env(runtime)
        .with_query_planner(Arc::new(BarrierPlanner))
        .build()
}

/// A session for what happens to released numbers: no table but the released one.
pub(crate) fn finish_session(runtime: Arc<RuntimeEnv>) -> SessionState {
    SessionStateBuilder::new().with_config(options(1)).with_runtime_env(runtime).build()
}

fn options(target_partitions: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(target_partitions.max(1))
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_collect_statistics(false)
        .with_repartition_file_scans(false);
    let o = config.options_mut();
    o.optimizer.enable_dynamic_filter_pushdown = false;
    o.optimizer.enable_join_dynamic_filter_pushdown = false;
    o.optimizer.enable_topk_dynamic_filter_pushdown = false;
    o.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    o.execution.parquet.pushdown_filters = false;
    config
}
