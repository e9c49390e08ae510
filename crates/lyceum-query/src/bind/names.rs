//! What planning may look up: the catalogue's tables, functions, and nothing of a session.

use super::functions::{self, Functions};
use super::source::CatalogSource;
use crate::catalog::Catalog;
use crate::error::{Reason, Refusal};
use crate::parse::Words;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use std::cell::RefCell;
use std::sync::Arc;

/// Kinds from best to least, for names without a schema.
const PREFERENCE: [ReleaseKind; 4] =
    [ReleaseKind::Protected, ReleaseKind::Anonymized, ReleaseKind::Synthetic, ReleaseKind::Mock];

/// The names of one query.
pub(super) struct Names {
    tables: Vec<(ReleaseKind, String, Arc<CatalogSource>)>,
    functions: Functions,
    config: ConfigOptions,
    /// The first name that wasn't found, told better than planning can.
    refusal: RefCell<Option<(Refusal, String)>>,
}

impl Names {
    pub(super) fn new(catalog: &Catalog, now: Micros, config: ConfigOptions) -> Self {
        let tables = catalog
            .tables
            .iter()
            .map(|t| (t.kind, t.sql_name.as_str().to_owned(), Arc::new(CatalogSource::named(t.clone()))))
            .collect();
        Self { tables, functions: Functions::new(now), config, refusal: RefCell::new(None) }
    }

    pub(super) fn config(&self) -> &ConfigOptions {
        &self.config
    }

    /// What was looked up in vain.
    pub(super) fn refusal(&self, words: &Words) -> Option<Refusal> {
        self.refusal.borrow_mut().take().map(|(refusal, name)| refusal.at(words.find(&name)))
    }

    fn refuse(&self, refusal: Refusal, name: &str) {
        self.refusal.borrow_mut().get_or_insert_with(|| (refusal, name.to_owned()));
    }

    fn table(&self, schema: Option<&str>, table: &str) -> Option<Arc<CatalogSource>> {
        PREFERENCE
            .iter()
            .filter(|kind| schema.is_none_or(|s| s == kind.as_str()))
            .find_map(|kind| self.tables.iter().find(|(k, n, _)| k == kind && n == table).map(|(_, _, s)| s.clone()))
    }

    fn unknown_table(&self, schema: Option<&str>, table: &str) -> Refusal {
        let shown: String = table.chars().take(63).collect();
        if let Some(schema) = schema.filter(|s| PREFERENCE.iter().all(|k| k.as_str() != *s)) {
            let schema: String = schema.chars().take(63).collect();
            return Refusal::new(
                Reason::UnknownName,
                format!("there is no schema {schema}"),
                "The schemas are protected, anonymized, synthetic and mock.",
            )
            .fix(format!("FROM {shown}"));
        }
        let names: Vec<String> = self.tables.iter().map(|(k, n, _)| format!("{}.{n}", k.as_str())).collect();
        let why = if names.is_empty() {
            "This workspace has no active releases yet.".to_owned()
        } else {
            format!("This workspace has {}.", names.join(", "))
        };
        let refusal = Refusal::new(Reason::UnknownName, format!("there is no table {shown}"), why);
        match closest(table, self.tables.iter().map(|(_, n, _)| n.as_str())) {
            Some(name) => refusal.fix(format!("FROM {name}")),
            None => refusal,
        }
    }
}

/// What a lookup in vain looks like to planning.
const MISSING: &str = "there is no such table";

fn missing() -> DataFusionError {
    DataFusionError::Plan(MISSING.to_owned())
}

/// Whether planning failed because of a lookup in vain.
pub(super) fn is_missing(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::Plan(text) if text == MISSING)
}

impl ContextProvider for Names {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let (schema, table) = match &name {
            TableReference::Bare { table } => (None, table),
            TableReference::Partial { schema, table } => (Some(schema.as_ref()), table),
            TableReference::Full { .. } => {
                self.refuse(
                    Refusal::new(
                        Reason::UnknownName,
                        "a table's name has at most two parts",
                        "The workspace is the catalogue; only <schema>.<table> or <table> can be named.",
                    )
                    .fix(format!("FROM {}", name.table())),
                    name.table(),
                );
                return Err(missing());
            }
        };
        if let Some(source) = self.table(schema, table) {
            return Ok(source);
        }
        self.refuse(self.unknown_table(schema, table), table);
        Err(missing())
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        functions::planners()
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.functions.scalar(name)
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions::window(name)
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.config
    }

    fn udf_names(&self) -> Vec<String> {
        functions::scalar_names()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        functions::aggregate_names()
    }

    fn udwf_names(&self) -> Vec<String> {
        functions::window_names()
    }
}

/// The known name nearest to what was typed, if it is near: at most a third of its letters differ.
pub(crate) fn closest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|k| (distance(&typed.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(d, k)| *d * 3 <= k.chars().count().max(3))
        .min()
        .map(|(_, k)| k.to_owned())
}

/// Levenshtein distance of two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let next = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["segment", "visit", "spend"];
        assert_eq!(closest("segmnet", known.iter().copied()), Some("segment".to_owned()));
        assert_eq!(closest("VISITS", known.iter().copied()), Some("visit".to_owned()));
        assert_eq!(closest("password", known.iter().copied()), None);
    }
}
