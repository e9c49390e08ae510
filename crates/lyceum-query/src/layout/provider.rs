//! Scanning a stored table: DataFusion is told its order and its ranges, and nothing that depends on its rows.
//!
//! The planner sees the public split points in place of statistics: no row counts, no smallest or largest values,
//! so that a plan depends on the manifest only. It trusts the declaration blindly, which is why the layout was
//! verified when it was written, and why the ranges of the registered files are checked again here.

use super::ordinal::ORDINAL_COLUMN;
use super::ranges::Ranges;
use super::{LayoutError, stored_schema};
use crate::catalog::{CatalogTable, UNIT_COLUMN};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, Partitioning, PhysicalSortExpr, RangePartitioning, SplitPoint};
use datafusion::physical_plan::ExecutionPlan;
use lyceum_schema::manifest::{PrivacyUnit, Table};
use std::fmt;
use std::sync::Arc;

/// Bytes at the end of a file that hold its footer, unless it is very wide.
const FOOTER_BYTES: usize = 64 << 10;
/// Bytes of a batch whose texts are all as long as they may be.
const BATCH_BYTES: u64 = 16 << 20;
const MIN_BATCH_ROWS: usize = 1 << 10;
const MAX_BATCH_ROWS: usize = 1 << 15;

/// The number of partitions in which these tables are best scanned together, at most `limit` (cores): the largest
/// power of two that all their layouts allow. A plan over them should set its target partitions to it, so that
/// joins on the unit find both sides in the same ranges. Public tables don't count.
#[must_use]
pub fn partitions<'a>(tables: impl IntoIterator<Item = &'a Table>, limit: usize) -> usize {
    let private = tables.into_iter().filter(|t| *t.unit() != PrivacyUnit::None);
    private.map(|t| Ranges::of(t).coarsened(limit).count()).min().unwrap_or_else(|| limit.max(1))
}

/// A scan of a release's files in the store that is registered under `store_url`.
///
/// Private tables are declared sorted by `__unit` and partitioned into as many equal unit ranges as the session's
/// target partitions and the layout allow (see [`partitions`]).
///
/// # Errors
/// [`LayoutError::Straddles`] when a registered file reaches over a split point or the files are out of order.
pub fn provider(table: &CatalogTable, store_url: &ObjectStoreUrl) -> Result<Arc<dyn TableProvider>, LayoutError> {
    provider_of(table, store_url, Units::Ids)
}

/// The same, with a choice of what tells units apart: the first column is named and typed accordingly.
pub(crate) fn provider_of(
    table: &CatalogTable,
    store_url: &ObjectStoreUrl,
    units: Units,
) -> Result<Arc<dyn TableProvider>, LayoutError> {
    let schema = table.own_schema.clone().unwrap_or_else(|| stored_schema(&table.table));
    if table.own_schema.is_some() || *table.table.unit() == PrivacyUnit::None {
        let files = table.files.iter().map(|f| PartitionedFile::new(f.path.clone(), f.bytes)).collect();
        return Ok(Arc::new(PublicTable { schema, url: store_url.clone(), files }));
    }
    let schema = match units {
        Units::Ids => schema,
        Units::Ordinals => {
            let ordinal = Arc::new(Field::new(ORDINAL_COLUMN, DataType::UInt32, false));
            let visible = schema.fields().iter().skip(1).cloned();
            Arc::new(Schema::new(std::iter::once(ordinal).chain(visible).collect::<Vec<_>>()))
        }
    };
    let ranges = Ranges::of(&table.table);
    let mut files = Vec::with_capacity(table.files.len());
    for (i, file) in table.files.iter().enumerate() {
        let range = ranges.index(file.unit_low);
        let follows = i == 0 || table.files[i - 1].unit_high < file.unit_low;
        if !follows || file.unit_low > file.unit_high || ranges.index(file.unit_high) != range {
            return Err(LayoutError::Straddles);
        }
        let mut partitioned =
            PartitionedFile::new(file.path.clone(), file.bytes).with_extension(unit_bytes(&table.table));
        // DataFusion keeps the order of a partition with several files only if statistics prove that they follow
        // each other: the range's public ends do.
        let mut statistics = Statistics::new_unknown(&schema);
        statistics.column_statistics[0].min_value = Precision::Inexact(units.low(ranges, range));
        statistics.column_statistics[0].max_value = Precision::Inexact(units.high(ranges, range));
        partitioned.statistics = Some(Arc::new(statistics));
        files.push((range, partitioned));
    }
    Ok(Arc::new(UnitTable {
        schema,
        url: store_url.clone(),
        ranges,
        files,
        tells: units,
        batch_rows: batch_rows(&table.table),
    }))
}

/// What tells units apart in a scan: the first column, and its smallest value in each range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    /// Their 64-bit ids, which mean the same in all tables of a population.
    Ids,
    /// Their 32-bit ordinals, which mean nothing outside of one table.
    Ordinals,
}

impl Units {
    const fn column(self) -> &'static str {
        match self {
            Self::Ids => UNIT_COLUMN,
            Self::Ordinals => ORDINAL_COLUMN,
        }
    }

    const fn low(self, ranges: Ranges, index: usize) -> ScalarValue {
        match self {
            Self::Ids => ScalarValue::UInt64(Some(ranges.low(index))),
            Self::Ordinals => ScalarValue::UInt32(Some(ranges.ordinal_low(index))),
        }
    }

    const fn high(self, ranges: Ranges, index: usize) -> ScalarValue {
        match self {
            Self::Ids => ScalarValue::UInt64(Some(ranges.high(index))),
            Self::Ordinals => ScalarValue::UInt32(Some(ranges.ordinal_high(index))),
        }
    }

    /// The order by unit.
    fn order(self) -> LexOrdering {
        let options = SortOptions { descending: false, nulls_first: false };
        let by_unit = PhysicalSortExpr::new(Arc::new(Column::new(self.column(), 0)), options);
        LexOrdering::new([by_unit]).expect("invariant: an order by one column is not empty")
    }
}

/// A private table.
struct UnitTable {
    schema: SchemaRef,
    url: ObjectStoreUrl,
    ranges: Ranges,
    /// Each file with its range, rising.
    files: Vec<(usize, PartitionedFile)>,
    tells: Units,
    batch_rows: usize,
}

/// Files are read whole: a footer in one request, and no index of pages.
fn source(schema: &SchemaRef) -> Arc<ParquetSource> {
    let source = ParquetSource::new(schema.clone()).with_enable_page_index(false);
    Arc::new(source.with_metadata_size_hint(FOOTER_BYTES))
}

/// Most bytes that one unit's rows have, as declared. Files carry it, for operators that hold a unit's rows in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitBytes(pub(crate) u64);

fn unit_bytes(table: &Table) -> UnitBytes {
    // With its id, and its places in texts.
    UnitBytes(table.max_rows_per_unit().saturating_mul(row_bytes(table).saturating_mul(2).saturating_add(16)))
}

/// Bytes of a row whose texts are all as long as they may be.
fn row_bytes(table: &Table) -> u64 {
    table.visible_columns().map(|c| u64::from(c.domain().max_bytes().unwrap_or(8)).max(8)).sum()
}

/// Rows per batch: as many as fit the declared width of a row, so that a batch stays within the processor's caches
/// where rows are narrow, and within bounds where texts are long.
fn batch_rows(table: &Table) -> usize {
    usize::try_from(BATCH_BYTES / row_bytes(table).max(1))
        .unwrap_or(MAX_BATCH_ROWS)
        .clamp(MIN_BATCH_ROWS, MAX_BATCH_ROWS)
}

impl fmt::Debug for UnitTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitTable").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for UnitTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let coarse = self.ranges.coarsened(state.config().target_partitions());
        let mut groups = vec![Vec::new(); coarse.count()];
        for (range, file) in &self.files {
            groups[coarse.index(self.ranges.low(*range))].push(file.clone());
        }
        let order = self.tells.order();
        let split = (1..coarse.count()).map(|i| SplitPoint::new(vec![self.tells.low(coarse, i)]));
        let partitioning = RangePartitioning::try_new(order.clone(), split.collect())?;
        let config = FileScanConfigBuilder::new(self.url.clone(), source(&self.schema))
            .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .with_batch_size(Some(self.batch_rows))
            .with_output_ordering(vec![order])
            .with_output_partitioning(Some(Partitioning::Range(partitioning)))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// A table that is read as it is: nobody's rows, or a release's own.
struct PublicTable {
    schema: SchemaRef,
    url: ObjectStoreUrl,
    files: Vec<PartitionedFile>,
}

impl fmt::Debug for PublicTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicTable").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for PublicTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let per_group = self.files.len().div_ceil(state.config().target_partitions().max(1)).max(1);
        let mut groups: Vec<FileGroup> = self.files.chunks(per_group).map(|c| FileGroup::new(c.to_vec())).collect();
        if groups.is_empty() {
            groups.push(FileGroup::new(Vec::new()));
        }
        let config = FileScanConfigBuilder::new(self.url.clone(), source(&self.schema))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
