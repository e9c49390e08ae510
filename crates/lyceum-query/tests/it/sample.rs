//! A catalogue without files, for everything that looks at no rows.

use lyceum_privacy::Delta;
use lyceum_query::bind::bind;
use lyceum_query::catalog::{Catalog, CatalogTable, DataFile, Population};
use lyceum_query::certify::{Certified, CertifiedQuery, certify};
use lyceum_query::error::QueryError;
use lyceum_query::parse::parse;
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::{Manifest, Table};
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

const MANIFEST: &str = r#"
[dataset]
name = "shop"
title = "Shop"
version = "1"
owner = "shop"
licence = "none"
source = "made up"

[[table]]
name = "orders"
privacy_unit = { column = "user_id" }
population = "people"
max_rows_per_unit = 30
expected_rows = 2000

[[table.column]]
name = "user_id"
type = "string"
max_bytes = 40
role = "privacy_unit"

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["new", "loyal", "lapsed"]

[[table.column]]
name = "city"
type = "string"
role = "dimension"
max_bytes = 20

[[table.column]]
name = "items"
type = "int32"
role = "measure"
bounds = [0, 50]

[[table.column]]
name = "spend"
type = "float64"
role = "measure"
bounds = [0, 100]
nullable = true

[[table.column]]
name = "score"
type = "float64"
role = "measure"

[[table.column]]
name = "at"
type = "timestamp"
role = "time"
bounds = ["2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"]

[[table.column]]
name = "vip"
type = "boolean"
role = "dimension"

[[table]]
name = "visits"
privacy_unit = "row"
population = "people"
max_rows_per_unit = 1
expected_rows = 64000

[[table.column]]
name = "arm"
type = "string"
role = "dimension"
values = ["none", "mail"]

[[table.column]]
name = "visit"
type = "int32"
role = "measure"
bounds = [0, 1]

[[table]]
name = "users"
privacy_unit = { column = "user_id" }
population = "people"
max_rows_per_unit = 1
expected_rows = 1000

[[table.column]]
name = "user_id"
type = "string"
max_bytes = 40
role = "privacy_unit"

[[table.column]]
name = "plan"
type = "string"
role = "dimension"
values = ["free", "paid"]
nullable = true

[[table]]
name = "sessions"
privacy_unit = { column = "device" }
population = "devices"
max_rows_per_unit = 1000000
expected_rows = 1000

[[table.column]]
name = "device"
type = "string"
max_bytes = 40
role = "privacy_unit"

[[table.column]]
name = "pages"
type = "int32"
role = "measure"
bounds = [0, 50]

[[table]]
name = "cities"
privacy_unit = "none"
expected_rows = 10

[[table.column]]
name = "city"
type = "string"
role = "dimension"
max_bytes = 20

[[table.column]]
name = "region"
type = "string"
role = "dimension"
values = ["north", "south"]
"#;

const POLICY: &str = r#"
kind = "protected"
purpose = "tests"
approvals = 1

[privacy]
epsilon_per_workspace = 90.0
epsilon_per_researcher = 90.0
max_epsilon_per_query = 2.0
default_epsilon_per_query = 1.0
max_groups_contributed = 4
max_rows_per_group = 5
minimum_group_size = 5
selection_delta_share = 0.1
"#;

/// Protected tables of two populations, a public one of 3 rows, and `orders` also as mock rows.
pub(crate) fn catalog() -> Catalog {
    let manifest = Manifest::parse("shop.toml", MANIFEST).unwrap_or_else(|e| panic!("{e:?}"));
    let [orders, visits, users, sessions, cities] = manifest.tables() else { panic!("five tables") };
    let listed = DataFile { path: "cities".into(), bytes: 1, rows: 3, unit_low: 0, unit_high: 0 };
    Catalog {
        workspace: WorkspaceName::new("study").unwrap(),
        tables: vec![
            table(orders, ReleaseKind::Protected, Vec::new()),
            table(visits, ReleaseKind::Protected, Vec::new()),
            table(orders, ReleaseKind::Mock, Vec::new()),
            table(users, ReleaseKind::Protected, Vec::new()),
            table(sessions, ReleaseKind::Protected, Vec::new()),
            table(cities, ReleaseKind::Protected, vec![listed]),
        ],
    }
}

/// A release of a table.
pub(crate) fn table(table: &Table, kind: ReleaseKind, files: Vec<DataFile>) -> Arc<CatalogTable> {
    // One id per population, whatever table and catalogue.
    static POPULATIONS: OnceLock<Mutex<HashMap<String, PopulationId>>> = OnceLock::new();
    let population = table.population().map(|name| Population {
        id: *POPULATIONS
            .get_or_init(Mutex::default)
            .lock()
            .unwrap()
            .entry(name.to_string())
            .or_insert_with(PopulationId::generate),
        name: PopulationName::new(name.as_str()).unwrap(),
        declared_size: 10_000,
        delta_conversion: 1e-6,
        delta_selection: Delta::round_down(1e-6),
        epsilon: 100.0,
    });
    let policy = Policy::parse("policy.toml", POLICY).unwrap_or_else(|e| panic!("{e:?}"));
    Arc::new(CatalogTable {
        release: ReleaseId::generate(),
        kind,
        sql_name: TableName::new(table.name().as_str()).unwrap(),
        table: table.clone(),
        population,
        owner: OrganisationName::new("shop").unwrap(),
        policy: Arc::new(policy),
        version: VersionId::generate(),
        own_schema: None,
        files,
    })
}

/// Stages 1 to 3.
pub(crate) fn certified_in(catalog: &Catalog, sql: &str) -> Result<Certified, QueryError> {
    certify(bind(parse(sql)?, catalog, Micros(1_790_000_000_000_000))?)
}

/// Stages 1 to 3 of a query that must be private.
pub(crate) fn private(catalog: &Catalog, sql: &str) -> Box<CertifiedQuery> {
    match certified_in(catalog, sql) {
        Ok(Certified::Private(query)) => query,
        Ok(Certified::Public(_)) => panic!("not private: {sql}"),
        Err(e) => panic!("{sql}: {e}"),
    }
}
