//! Which columns are looked through for direct identifiers: text and long numbers that are stored, unless the manifest
//! lists their values, which makes them public.

use crate::identifiers::{ColumnScan, Finding};
use crate::validate::cell::{Cell, Source};
use arrow::array::{Array, ArrayRef};
use lyceum_schema::manifest::{DataType, Domain, Role, Table};

/// The columns of one upload; one place each, as they are decoded.
pub(super) struct Scan(Vec<Option<ColumnScan>>);

impl Scan {
    pub(super) fn new(table: &Table) -> Self {
        let scanned = crate::decode::declared(table).map(|column| {
            let listed = matches!(column.domain(), Domain::Values(_));
            let text = matches!(column.data_type(), DataType::String | DataType::Int64);
            let stored = column.role() != Role::PrivacyUnit;
            (text && stored && !listed).then(|| ColumnScan::new(column.name().clone(), column.source_name()))
        });
        Self(scanned.collect())
    }

    /// Looks at a column of a raw batch.
    pub(super) fn observe(&mut self, place: usize, raw: &ArrayRef) {
        let Some(Some(scan)) = self.0.get_mut(place).filter(|s| s.as_ref().is_some_and(|s| !s.is_full())) else {
            return;
        };
        let Some(source) = Source::new(raw) else { return };
        for row in 0..raw.len() {
            match source.cell(row) {
                Cell::Text(text) => scan.observe(text),
                Cell::Int(number) => scan.observe(&number.to_string()),
                Cell::Null
                | Cell::BrokenText
                | Cell::Float(_)
                | Cell::Boolean(_)
                | Cell::Date(_)
                | Cell::Timestamp(_) => {}
            }
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.0.iter().flatten().flat_map(ColumnScan::findings).collect();
        all.sort_by_key(|f| (std::cmp::Reverse(f.confidence), f.column.clone()));
        all
    }
}
