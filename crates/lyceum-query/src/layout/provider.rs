//! Scanning a stored table: DataFusion is told its order and its ranges, and nothing that depends on its rows.
//!
//! The planner sees the public split points in place of statistics: no row counts, no smallest or largest values,
//! so that a plan depends on the manifest only. It trusts the declaration blindly, which is why the layout was
//! verified when it was written, and why the ranges of the registered files are checked again here.

use super::ranges::Ranges;
use super::{LayoutError, stored_schema};
use crate::catalog::{CatalogTable, UNIT_COLUMN};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
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
    let schema = stored_schema(&table.table);
    if *table.table.unit() == PrivacyUnit::None {
        let files = table.files.iter().map(|f| PartitionedFile::new(f.path.clone(), f.bytes)).collect();
        return Ok(Arc::new(PublicTable { schema, url: store_url.clone(), files }));
    }
    let ranges = Ranges::of(&table.table);
    let mut files = Vec::with_capacity(table.files.len());
    for (i, file) in table.files.iter().enumerate() {
        let range = ranges.index(file.unit_low);
        let follows = i == 0 || table.files[i - 1].unit_high < file.unit_low;
        if !follows || file.unit_low > file.unit_high || ranges.index(file.unit_high) != range {
            return Err(LayoutError::Straddles);
        }
        let mut partitioned = PartitionedFile::new(file.path.clone(), file.bytes);
        // DataFusion keeps the order of a partition with several files only if statistics prove that they follow
        // each other: the range's public ends do.
        let mut statistics = Statistics::new_unknown(&schema);
        statistics.column_statistics[0].min_value = Precision::Inexact(ScalarValue::UInt64(Some(ranges.low(range))));
        statistics.column_statistics[0].max_value = Precision::Inexact(ScalarValue::UInt64(Some(ranges.high(range))));
        partitioned.statistics = Some(Arc::new(statistics));
        files.push((range, partitioned));
    }
    Ok(Arc::new(UnitTable { schema, url: store_url.clone(), ranges, files }))
}

/// A private table.
struct UnitTable {
    schema: SchemaRef,
    url: ObjectStoreUrl,
    ranges: Ranges,
    /// Each file with its range, rising.
    files: Vec<(usize, PartitionedFile)>,
}

impl UnitTable {
    /// The order by unit.
    fn order() -> LexOrdering {
        let options = SortOptions { descending: false, nulls_first: false };
        let by_unit = PhysicalSortExpr::new(Arc::new(Column::new(UNIT_COLUMN, 0)), options);
        LexOrdering::new([by_unit]).expect("invariant: an order by one column is not empty")
    }
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
        let order = Self::order();
        let split = (1..coarse.count()).map(|i| SplitPoint::new(vec![ScalarValue::UInt64(Some(coarse.low(i)))]));
        let partitioning = RangePartitioning::try_new(order.clone(), split.collect())?;
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let config = FileScanConfigBuilder::new(self.url.clone(), source)
            .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .with_output_ordering(vec![order])
            .with_output_partitioning(Some(Partitioning::Range(partitioning)))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// A public table: nobody's rows.
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
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let config = FileScanConfigBuilder::new(self.url.clone(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
