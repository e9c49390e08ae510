//! The stored layout: sorted, split, capped, verified; scanned without statistics and without shuffles.

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, UInt64Array};
use arrow::datatypes::{Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::stats::Precision;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs, StatisticsContext, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use lyceum_query::catalog::{CatalogTable, DataFile};
use lyceum_query::layout::{
    InputFailed, LayoutError, LayoutOptions, WrittenTable, channel, partitions, provider, stored_schema, write_table,
};
use lyceum_schema::id::{ReleaseId, VersionId};
use lyceum_schema::manifest::{Manifest, Table};
use lyceum_schema::name::{OrganisationName, TableName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::BTreeMap;
use std::sync::Arc;

const MEASURE: &str = "[[table.column]]\nname = \"v\"\ntype = \"int64\"\nrole = \"measure\"\nbounds = [0, 1000000]\n\
    [[table.column]]\nname = \"s\"\ntype = \"string\"\nrole = \"dimension\"\nmax_bytes = 200\n";

fn manifest(unit: &str, unit_column: &str, expected_rows: u64) -> Table {
    let text = format!(
        "[dataset]\nname = \"d\"\ntitle = \"D\"\nversion = \"1\"\nowner = \"org\"\nlicence = \"none\"\nsource = \"made up\"\n\
        [[table]]\nname = \"t\"\n{unit}\nexpected_rows = {expected_rows}\n{unit_column}{MEASURE}"
    );
    Manifest::parse("m.toml", &text).unwrap_or_else(|e| panic!("{e:?}")).tables()[0].clone()
}

fn by_column(max_rows_per_unit: u64, expected_rows: u64) -> Table {
    let unit =
        format!("privacy_unit = {{ column = \"u\" }}\npopulation = \"p\"\nmax_rows_per_unit = {max_rows_per_unit}");
    manifest(&unit, "[[table.column]]\nname = \"u\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n", expected_rows)
}

fn public() -> Table {
    manifest("privacy_unit = \"none\"", "", 1000)
}

/// An id as a pseudorandom function would give it.
fn id(unit: u64) -> u64 {
    let mut z = unit.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Shuffled rows of `units` units with `rows` each, `pad` bytes of text in each row.
fn rows(table: &Table, units: u64, rows: u64, pad: usize, seed: u64) -> Vec<RecordBatch> {
    let mut all: Vec<(u64, u64)> = (0..units).flat_map(|u| (0..rows).map(move |r| (u, r))).collect();
    all.sort_by_key(|(u, r)| id(u * 1_000_003 + r * 7 + seed));
    all.chunks(1000)
        .map(|chunk| {
            let columns: Vec<ArrayRef> = vec![
                Arc::new(chunk.iter().map(|(u, _)| Some(id(*u))).collect::<UInt64Array>()),
                Arc::new(chunk.iter().map(|(u, r)| Some((u * rows + r) as i64)).collect::<Int64Array>()),
                Arc::new(chunk.iter().map(|(u, r)| Some(format!("{:0>pad$}", u * 31 + r))).collect::<StringArray>()),
            ];
            RecordBatch::try_new(stored_schema(table), columns).unwrap()
        })
        .collect()
}

struct Place {
    store: Arc<InMemory>,
    spill: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { store: Arc::new(InMemory::new()), spill: tempfile::tempdir().unwrap() }
    }

    fn options(&self, memory_bytes: usize, key: u8) -> LayoutOptions {
        LayoutOptions {
            prefix: Path::from("staging/t"),
            memory_bytes,
            spill_directory: self.spill.path().to_owned(),
            sample_key: [key; 16],
        }
    }

    async fn write(
        &self,
        table: &Table,
        batches: Vec<RecordBatch>,
        memory: usize,
        key: u8,
    ) -> Result<WrittenTable, LayoutError> {
        let input = futures::stream::iter(batches.into_iter().map(Ok::<_, InputFailed>));
        write_table(table, input, self.store.clone(), &self.options(memory, key)).await
    }

    async fn listed(&self) -> Vec<String> {
        let all: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        let mut paths: Vec<_> = all.into_iter().map(|m| m.location.to_string()).collect();
        paths.sort();
        paths
    }

    /// Rows of a file, in order.
    async fn read(&self, file: &DataFile) -> RecordBatch {
        let bytes = self.store.get(&Path::from(file.path.as_str())).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let schema = reader.schema().clone();
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        arrow::compute::concat_batches(&schema, &batches).unwrap()
    }

    /// Rows of all files per unit, values sorted.
    async fn by_unit(&self, written: &WrittenTable) -> BTreeMap<u64, Vec<i64>> {
        let mut units = BTreeMap::<u64, Vec<i64>>::new();
        for file in &written.files {
            let batch = self.read(file).await;
            let (ids, values) =
                (batch.column(0).as_primitive::<UInt64Type>(), batch.column(1).as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                units.entry(ids.value(row)).or_default().push(values.value(row));
            }
        }
        units.values_mut().for_each(|v| v.sort_unstable());
        units
    }
}

const PLENTY: usize = 64 << 20;

#[tokio::test]
async fn files_are_sorted_disjoint_and_complete() {
    let (place, table) = (Place::new(), by_column(10, 4_000_000));
    let written = place.write(&table, rows(&table, 3000, 4, 1, 0), PLENTY, 1).await.unwrap();
    assert_eq!((written.stats.rows, written.stats.units, written.stats.capped_rows), (12_000, 3000, 0));
    assert_eq!(written.files.len(), 8, "4 M expected rows are 8 ranges");
    let mut last = None;
    for file in &written.files {
        let batch = place.read(file).await;
        let ids = batch.column(0).as_primitive::<UInt64Type>().values();
        assert!(ids.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!((ids[0], ids[ids.len() - 1]), (file.unit_low, file.unit_high));
        assert_eq!(file.unit_low >> 61, file.unit_high >> 61);
        assert!(last.is_none_or(|l| l < file.unit_low));
        last = Some(file.unit_high);
    }
    let units = place.by_unit(&written).await;
    assert!((0..3000).all(|u| units[&id(u)] == (0..4).map(|r| (u * 4 + r) as i64).collect::<Vec<_>>()));
    let mut expected: Vec<_> = written.files.iter().map(|f| f.path.clone()).collect();
    expected.sort();
    assert_eq!(place.listed().await, expected, "nothing else is left in the store");
}

#[tokio::test]
async fn names_are_the_hash_of_the_bytes_and_order_of_upload_makes_no_difference() {
    let table = by_column(2, 1000);
    let (a, b) = (Place::new(), Place::new());
    let one = a.write(&table, rows(&table, 500, 4, 1, 0), PLENTY, 1).await.unwrap();
    let two = b.write(&table, rows(&table, 500, 4, 1, 99), PLENTY, 1).await.unwrap();
    assert_eq!(one, two);
    for file in &one.files {
        use sha2::Digest;
        let bytes = a.store.get(&Path::from(file.path.as_str())).await.unwrap().bytes().await.unwrap();
        assert!(file.path.contains(&hex::encode(sha2::Sha256::digest(&bytes))));
    }
}

#[tokio::test]
async fn a_small_memory_limit_spills_and_gives_the_same_files() {
    let (place, table) = (Place::new(), by_column(10, 1000));
    let batches = rows(&table, 10_000, 5, 150, 0);
    let size: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let limit = 2 << 20;
    assert!(size > 4 * limit, "{size} bytes have to spill");
    let spilled = spill_watch(&place);
    let small = place.write(&table, batches.clone(), limit, 1).await.unwrap();
    assert!(spilled.await.unwrap(), "nothing was spilled");
    assert_eq!(std::fs::read_dir(place.spill.path()).unwrap().count(), 0, "spill files are gone");
    let large = Place::new().write(&table, batches, 1 << 30, 1).await.unwrap();
    assert_eq!(small, large);
}

/// Whether any file appears below the spill directory before long.
fn spill_watch(place: &Place) -> tokio::task::JoinHandle<bool> {
    let root = place.spill.path().to_owned();
    tokio::task::spawn_blocking(move || {
        for _ in 0..5000 {
            let dirs = std::fs::read_dir(&root).into_iter().flatten().flatten();
            if dirs.filter_map(|d| std::fs::read_dir(d.path()).ok()).any(|mut files| files.next().is_some()) {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        false
    })
}

#[tokio::test]
async fn too_little_memory_is_an_error_of_its_own() {
    let (place, table) = (Place::new(), by_column(10, 1000));
    let error = place.write(&table, rows(&table, 5000, 2, 150, 0), 10_000, 1).await.unwrap_err();
    assert_eq!(error, LayoutError::Memory);
    assert!(place.listed().await.is_empty());
}

#[tokio::test]
async fn the_cap_is_a_keyed_sample_of_each_units_own_rows() {
    let table = by_column(3, 1000);
    let kept = async |units: u64, key: u8, seed: u64| {
        let place = Place::new();
        let written = place.write(&table, rows(&table, units, 10, 1, seed), PLENTY, key).await.unwrap();
        assert_eq!((written.stats.rows, written.stats.capped_rows), (units * 3, units * 7));
        place.by_unit(&written).await
    };
    let sample = kept(400, 1, 0).await;
    assert!(sample.values().all(|v| v.len() == 3));
    assert_eq!(sample, kept(400, 1, 5).await, "order of upload doesn't matter");
    assert_ne!(sample, kept(400, 2, 0).await, "the key does");
    let without_one = kept(399, 1, 0).await;
    assert!(without_one.iter().all(|(u, v)| sample[u] == *v), "other units' rows don't");
    // Each of the ten rows is kept with probability 0.3: 120 ± 4.5σ of 400 units.
    for r in 0..10 {
        let n = (0..400).filter(|u| sample[&id(*u)].contains(&((u * 10 + r) as i64))).count();
        assert!((79..=161).contains(&n), "row {r} was kept {n} times");
    }
}

#[tokio::test]
async fn public_tables_keep_their_order_and_have_no_units() {
    let (place, table) = (Place::new(), public());
    let values: Vec<i64> = (0..5000).map(|i| (i * 7919) % 5000).collect();
    let batches = values
        .chunks(700)
        .map(|c| {
            let text: StringArray = c.iter().map(|_| Some("x")).collect();
            let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(c.to_vec())), Arc::new(text)];
            RecordBatch::try_new(stored_schema(&table), columns).unwrap()
        })
        .collect();
    let written = place.write(&table, batches, PLENTY, 1).await.unwrap();
    assert_eq!((written.stats.rows, written.stats.units, written.files.len()), (5000, 0, 1));
    let found = place.read(&written.files[0]).await;
    assert_eq!(found.column(0).as_primitive::<Int64Type>().values().to_vec(), values);
}

#[tokio::test]
async fn an_aborted_or_wrong_input_leaves_nothing_behind() {
    let table = by_column(10, 1000);
    for (table, bad, expected) in [
        (table.clone(), Err(InputFailed), LayoutError::Aborted),
        (
            table.clone(),
            Ok(RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap()),
            LayoutError::Schema,
        ),
        (public(), Err(InputFailed), LayoutError::Aborted),
    ] {
        let place = Place::new();
        let (sender, input) = channel(2);
        let good = if table.population().is_some() { rows(&table, 100, 2, 1, 0) } else { Vec::new() };
        let feed = tokio::spawn(async move {
            for batch in good {
                sender.send(Ok(batch)).await.unwrap();
            }
            let _ = sender.send(bad).await;
        });
        let outcome = write_table(&table, input, place.store.clone(), &place.options(PLENTY, 1)).await;
        assert_eq!(outcome.unwrap_err(), expected);
        feed.await.unwrap();
        assert!(place.listed().await.is_empty());
    }
}

#[tokio::test]
async fn a_spill_directory_that_is_not_there_is_an_error_not_a_crash() {
    let (place, table) = (Place::new(), by_column(10, 1000));
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = LayoutOptions { spill_directory: file.path().join("below-a-file"), ..place.options(2 << 20, 1) };
    let input = futures::stream::iter(rows(&table, 10_000, 5, 150, 0).into_iter().map(Ok::<_, InputFailed>));
    let error = write_table(&table, input, place.store.clone(), &options).await.unwrap_err();
    assert_eq!(error, LayoutError::Sort);
    assert!(place.listed().await.is_empty());
}

#[tokio::test]
async fn an_empty_table_has_no_files() {
    let (place, table) = (Place::new(), by_column(10, 1000));
    let written = place.write(&table, Vec::new(), PLENTY, 1).await.unwrap();
    assert_eq!((written.files.len(), written.stats.rows), (0, 0));
}

fn catalog_table(table: &Table, files: Vec<DataFile>) -> CatalogTable {
    let policy =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/hillstrom/policy.toml")).unwrap();
    CatalogTable {
        release: ReleaseId::generate(),
        kind: ReleaseKind::Protected,
        sql_name: TableName::new("t").unwrap(),
        table: table.clone(),
        population: None,
        owner: OrganisationName::new("org").unwrap(),
        policy: Arc::new(Policy::parse("policy.toml", &policy).unwrap_or_else(|e| panic!("{e:?}"))),
        version: VersionId::generate(),
        own_schema: None,
        files,
    }
}

async fn session(place: &Place, table: &Table, written: &WrittenTable, target: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(target)
        .set_bool("datafusion.optimizer.prefer_hash_join", false)
        .set_bool("datafusion.optimizer.enable_dynamic_filter_pushdown", false);
    let context = SessionContext::new_with_config(config);
    let url = ObjectStoreUrl::parse("lyceum://releases").unwrap();
    context.register_object_store(url.as_ref(), place.store.clone());
    for name in ["t", "t2"] {
        context.register_table(name, provider(&catalog_table(table, written.files.clone()), &url).unwrap()).unwrap();
    }
    context
}

async fn plan(context: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
    context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
}

#[tokio::test]
async fn work_per_unit_needs_neither_shuffle_nor_sort() {
    let (place, table) = (Place::new(), by_column(10, 4_000_000));
    let written = place.write(&table, rows(&table, 2000, 3, 1, 0), PLENTY, 1).await.unwrap();
    for target in [1, 2, 4, 8] {
        let context = session(&place, &table, &written, target).await;
        for (sql, rows) in [
            ("SELECT __unit, sum(v) FROM t WHERE v >= 0 GROUP BY __unit", 2000),
            ("SELECT t.v FROM t JOIN t2 ON t.__unit = t2.__unit", 18_000),
        ] {
            let plan = plan(&context, sql).await;
            let text = displayable(plan.as_ref()).indent(true).to_string();
            let sorts = text.lines().filter(|l| l.trim_start().starts_with("SortExec")).count();
            assert!(!text.contains("RepartitionExec") && sorts == 0, "{target} {sql}\n{text}");
            let found = datafusion::physical_plan::collect(plan, context.task_ctx()).await.unwrap();
            assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), rows, "{target} {sql}\n{text}");
        }
        assert_eq!(partitions([&table], target), target);
    }
}

#[tokio::test]
async fn tables_of_different_sizes_join_on_common_ranges() {
    let (small, large) = (by_column(10, 1000), by_column(10, 4_000_000));
    let common = partitions([&small, &large, &public()], 8);
    assert_eq!(common, 4);
    let (a, b) = (Place::new(), Place::new());
    let few = a.write(&small, rows(&small, 500, 1, 1, 0), PLENTY, 1).await.unwrap();
    let many = b.write(&large, rows(&large, 2000, 3, 1, 0), PLENTY, 1).await.unwrap();
    assert_eq!((few.files.len(), many.files.len()), (4, 8));
    let context = session(&a, &small, &few, common).await;
    let url = ObjectStoreUrl::parse("lyceum://others").unwrap();
    context.register_object_store(url.as_ref(), b.store.clone());
    context.register_table("big", provider(&catalog_table(&large, many.files), &url).unwrap()).unwrap();
    let plan = plan(&context, "SELECT big.v FROM t JOIN big ON t.__unit = big.__unit").await;
    let text = displayable(plan.as_ref()).indent(true).to_string();
    assert!(!text.contains("RepartitionExec") && !text.contains("SortExec:"), "{text}");
    let found = datafusion::physical_plan::collect(plan, context.task_ctx()).await.unwrap();
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 1500);
}

#[tokio::test]
async fn empty_ranges_are_scanned_as_empty_partitions() {
    let (place, table) = (Place::new(), by_column(10, 4_000_000));
    let written = place.write(&table, rows(&table, 1, 3, 1, 0), PLENTY, 1).await.unwrap();
    assert_eq!(written.files.len(), 1);
    let context = session(&place, &table, &written, 4).await;
    let plan = plan(&context, "SELECT __unit, count(*) FROM t GROUP BY __unit").await;
    let found = datafusion::physical_plan::collect(plan, context.task_ctx()).await.unwrap();
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let nothing = WrittenTable { files: Vec::new(), ..written };
    let context = session(&place, &table, &nothing, 4).await;
    assert_eq!(context.sql("SELECT v FROM t").await.unwrap().count().await.unwrap(), 0);
}

#[tokio::test]
async fn the_planner_sees_no_statistics_and_plans_don_t_depend_on_rows() {
    let table = by_column(10, 1000);
    let mut plans = Vec::new();
    for units in [40, 3000] {
        let place = Place::new();
        let written = place.write(&table, rows(&table, units, 3, 1, 0), PLENTY, 1).await.unwrap();
        let context = session(&place, &table, &written, 2).await;
        let scan = plan(&context, "SELECT * FROM t").await;
        for partition in [None, Some(0), Some(1)] {
            let args = StatisticsArgs::new().with_partition(partition);
            let statistics = StatisticsContext::new().compute(scan.as_ref(), &args).unwrap();
            assert_eq!(statistics.num_rows, Precision::Absent);
            assert_eq!(statistics.total_byte_size, Precision::Absent);
            for column in &statistics.column_statistics {
                assert_eq!((&column.min_value, &column.max_value), (&Precision::Absent, &Precision::Absent));
            }
        }
        let counted = plan(&context, "SELECT count(*), max(v) FROM t").await;
        let mut text = displayable(counted.as_ref()).indent(false).to_string();
        assert!(text.contains("DataSourceExec") && text.contains("Aggregate"), "answered from metadata:\n{text}");
        for file in &written.files {
            text = text.replace(&file.path, "FILE");
        }
        plans.push(text);
    }
    assert_eq!(plans[0], plans[1]);
}

#[tokio::test]
async fn files_over_a_split_point_or_out_of_order_are_refused() {
    let table = by_column(10, 1000);
    let file = |low, high| DataFile { path: "x".into(), bytes: 1, rows: 1, unit_low: low, unit_high: high };
    let url = ObjectStoreUrl::parse("lyceum://releases").unwrap();
    for files in [
        vec![file(1, u64::MAX)],
        vec![file(5, 9), file(9, 11)],
        vec![file(1 << 63, 1 << 63), file(1, 2)],
        vec![file(2, 1)],
    ] {
        assert_eq!(provider(&catalog_table(&table, files), &url).err(), Some(LayoutError::Straddles));
    }
}
