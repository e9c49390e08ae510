//! How many tables a query reads once every CTE is put where it is named. Planning copies a CTE into each such place,
//! so that thirty short CTEs, each joining the one before to itself, would be a plan of 2^30 scans.

use super::position;
use crate::error::Refusal;
use datafusion::sql::sqlparser::ast::{ObjectName, Query, Spanned, Visit, Visitor};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Most tables that a query reads, CTEs expanded.
const MAX_TABLES: u64 = 100;

/// Refuses queries that read too many tables.
pub(super) fn check(query: &Query) -> Result<(), Refusal> {
    let mut expansion = Expansion::default();
    let _: ControlFlow<()> = query.visit(&mut expansion);
    if expansion.largest <= MAX_TABLES {
        return Ok(());
    }
    let at = position(query.span().start);
    Err(super::too_large(
        "the query reads too many tables".to_owned(),
        format!("at most {MAX_TABLES} tables, each CTE counted wherever it is named"),
    )
    .at(at))
}

#[derive(Default)]
struct Expansion {
    /// Addresses of the queries that are CTEs, with their names.
    ctes: HashMap<usize, String>,
    /// Tables in a CTE. A name given twice keeps the larger.
    tables: HashMap<String, u64>,
    /// Tables met so far, by open query.
    open: Vec<u64>,
    largest: u64,
}

impl Visitor for Expansion {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
            self.ctes.insert(std::ptr::from_ref(cte.query.as_ref()).addr(), cte.alias.name.value.to_lowercase());
        }
        self.open.push(0);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = relation.0.last().map(|part| part.to_string().trim_matches('"').to_lowercase());
        let tables = name.and_then(|n| self.tables.get(&n)).copied().unwrap_or(1);
        self.add(tables);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = self.open.pop().unwrap_or(0).max(1);
        self.largest = self.largest.max(tables);
        match self.ctes.get(&std::ptr::from_ref(query).addr()) {
            Some(name) => {
                let known = self.tables.entry(name.clone()).or_default();
                *known = tables.max(*known);
            }
            None => self.add(tables),
        }
        ControlFlow::Continue(())
    }
}

impl Expansion {
    fn add(&mut self, tables: u64) {
        if let Some(open) = self.open.last_mut() {
            *open = open.saturating_add(tables);
        }
    }
}
