//! A table for planning: a schema and no rows, no statistics.

use crate::catalog::{CatalogTable, UNIT_COLUMN};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::TableSource;
use lyceum_schema::manifest::PrivacyUnit;
use std::fmt;
use std::sync::Arc;

/// A table for planning. Execution replaces it by a scan of the table's files: in plans that certification gives
/// out its schema is always [`CatalogTable::scan_schema`].
pub struct CatalogSource {
    table: Arc<CatalogTable>,
    schema: SchemaRef,
}

impl CatalogSource {
    /// As researchers see it: the unit, where it is a column, under its declared name and first.
    pub(crate) fn named(table: Arc<CatalogTable>) -> Self {
        let stored = table.scan_schema();
        let unit = unit_name(&table).map(|name| Arc::new(Field::new(name, DataType::UInt64, false)));
        let visible = stored.fields().iter().filter(|f| f.name() != UNIT_COLUMN).cloned();
        let schema = Arc::new(Schema::new(unit.into_iter().chain(visible).collect::<Vec<_>>()));
        Self { table, schema }
    }

    /// As it is stored.
    pub(crate) fn stored(table: Arc<CatalogTable>) -> Self {
        let schema = table.scan_schema();
        Self { table, schema }
    }

    /// The table it stands for.
    #[must_use]
    pub const fn table(&self) -> &Arc<CatalogTable> {
        &self.table
    }
}

/// The name under which researchers know the privacy unit: the declared column, if the unit is one.
pub(crate) fn unit_name(table: &CatalogTable) -> Option<&str> {
    match (table.table.unit(), &table.population) {
        (PrivacyUnit::Column(name), Some(_)) => Some(name.as_str()),
        _ => None,
    }
}

impl fmt::Debug for CatalogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogSource({} {})", self.table.release, self.table.sql_name)
    }
}

impl TableSource for CatalogSource {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
