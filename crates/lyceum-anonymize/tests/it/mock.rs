//! Mock rows: what the manifest says holds, keys meet, the same seed gives the same bytes, and sizes are as planned.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use lyceum_anonymize::mock::{Mock, MockError};
use lyceum_anonymize::validate::accepted_schema;
use lyceum_schema::epoch::Every;
use lyceum_schema::manifest::Manifest;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const HEAD: &str = "[dataset]\nname = \"shop\"\ntitle = \"Shop\"\nversion = \"1\"\nowner = \"org\"\nlicence = \"none\"\nsource = \"made up\"\n";

/// People, their orders (by user), the orders' lines (by foreign key), a public list of products.
const SHOP: &str = r#"
[[table]]
name = "people"
privacy_unit = { column = "user_id" }
population = "customers"
max_rows_per_unit = 1
expected_rows = 1000

[[table.column]]
name = "user_id"
type = "string"
role = "privacy_unit"

[[table.column]]
name = "email"
type = "string"
role = "direct_identifier"

[[table.column]]
name = "age"
type = "int32"
nullable = true
role = "quasi_identifier"
bounds = [18, 99]

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["new", "loyal", "vip"]

[[table.column]]
name = "subscribed"
type = "boolean"
role = "dimension"

[[table]]
name = "orders"
privacy_unit = { column = "user_id" }
population = "customers"
max_rows_per_unit = 20
expected_rows = 4000

[[table.column]]
name = "order_id"
type = "int64"
role = "join_key"

[[table.column]]
name = "user_id"
type = "string"
role = "privacy_unit"

[[table.column]]
name = "at"
type = "timestamp"
role = "time"
bounds = [2026-01-01T00:00:00Z, 2026-06-30T12:00:00Z]

[[table.column]]
name = "day"
type = "date"
role = "time"
bounds = ["2026-01-01", "2026-06-30"]

[[table.column]]
name = "total"
type = "float64"
role = "measure"
bounds = [-5, 500]

[[table]]
name = "lines"
privacy_unit = { foreign_key = "order_ref", table = "orders", column = "order_id" }
population = "customers"
max_rows_per_unit = 60
expected_rows = 9000

[[table.column]]
name = "order_ref"
type = "int64"
role = "join_key"

[[table.column]]
name = "product"
type = "string"
role = "join_key"
max_bytes = 16

[[table.column]]
name = "note"
type = "string"
nullable = true
role = "dimension"
max_bytes = 3

[[table]]
name = "products"
privacy_unit = "none"
expected_rows = 40

[[table.column]]
name = "product"
type = "string"
role = "join_key"
max_bytes = 12

[[table.column]]
name = "price"
type = "float64"
role = "measure"
"#;

pub(crate) fn manifest(tables: &str) -> Manifest {
    Manifest::parse("m.toml", &format!("{HEAD}{tables}")).unwrap_or_else(|e| panic!("{e:?}"))
}

fn rows(manifest: &Manifest, rows: u64, seed: u64, table: &str, batch_rows: usize) -> RecordBatch {
    let mock = Mock::new(manifest, rows, seed).unwrap();
    let name = table.parse().unwrap();
    let batches: Vec<_> = mock.batches(&name, batch_rows).unwrap().map(Result::unwrap).collect();
    assert!(batches.iter().all(|b| b.num_rows() > 0 && b.num_rows() <= batch_rows));
    concat_batches(&mock.schema(&name).unwrap(), &batches).unwrap()
}

fn units(batch: &RecordBatch) -> Vec<u64> {
    batch["__unit"].as_primitive::<UInt64Type>().values().to_vec()
}

#[test]
fn values_keep_type_domain_and_nullability() {
    let manifest = manifest(SHOP);
    for table in manifest.tables() {
        let batch = rows(&manifest, 9_000, 7, table.name().as_str(), 1_000);
        assert_eq!(
            batch.schema(),
            accepted_schema(table),
            "direct identifiers and raw units are not among the columns"
        );
    }
    let people = rows(&manifest, 9_000, 7, "people", 1_000);
    let ages = people["age"].as_primitive::<Int32Type>();
    assert!(ages.iter().flatten().all(|a| (18..=99).contains(&a)));
    assert!(ages.null_count() > 20 && ages.null_count() < 100, "one in twenty of 1,000 is NULL");
    assert_eq!(ages.iter().flatten().collect::<BTreeSet<_>>().len(), 82, "all ages occur");
    let segments: BTreeSet<_> = people["segment"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(segments, BTreeSet::from(["loyal", "new", "vip"]));
    assert_eq!(people["segment"].null_count(), 0);
    assert!((300..700).contains(&people["subscribed"].as_boolean().true_count()));

    let orders = rows(&manifest, 9_000, 7, "orders", 1_000);
    let totals = orders["total"].as_primitive::<Float64Type>();
    assert!(totals.values().iter().all(|t| (-5.0..=500.0).contains(t)));
    let times = orders["at"].as_primitive::<TimestampMicrosecondType>();
    let (low, high) = (1_767_225_600_000_000, 1_782_820_800_000_000);
    assert!(times.values().iter().all(|t| (low..=high).contains(t)));
    let days = orders["day"].as_primitive::<Date32Type>();
    assert_eq!(days.values().iter().collect::<BTreeSet<_>>().len(), 181);
    let notes = rows(&manifest, 9_000, 7, "lines", 1_000);
    assert!(notes["note"].as_string::<i32>().iter().flatten().all(|n| n.len() <= 3 && !n.is_empty()));
}

#[test]
fn keys_meet_between_tables() {
    let manifest = manifest(SHOP);
    let people = units(&rows(&manifest, 9_000, 7, "people", 512));
    let orders = rows(&manifest, 9_000, 7, "orders", 512);
    let lines = rows(&manifest, 9_000, 7, "lines", 512);
    let products = rows(&manifest, 9_000, 7, "products", 512);

    let known: BTreeSet<u64> = people.iter().copied().collect();
    assert_eq!(known.len(), 1_000, "each person once");
    assert!(units(&orders).iter().all(|u| known.contains(u)));

    let unit_of: HashMap<i64, u64> =
        orders["order_id"].as_primitive::<Int64Type>().values().iter().copied().zip(units(&orders)).collect();
    assert_eq!(unit_of.len(), 4_000, "order ids are unique");
    let refs = lines["order_ref"].as_primitive::<Int64Type>();
    for (order, unit) in refs.values().iter().zip(units(&lines)) {
        assert_eq!(unit_of.get(order), Some(&unit), "a line's unit is that of its order");
    }
    let names: BTreeSet<_> = products["product"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(names.len(), 40);
    let sold: BTreeSet<_> = lines["product"].as_string::<i32>().iter().flatten().collect();
    assert!(sold.is_subset(&names) && sold.len() > 30);
}

#[test]
fn units_repeat_within_their_bound_and_rows_are_as_planned() {
    let manifest = manifest(SHOP);
    let mock = Mock::new(&manifest, 9_000, 7).unwrap();
    for (table, planned, cap) in [("people", 1_000, 1), ("orders", 4_000, 20), ("lines", 9_000, 60)] {
        let batch = rows(&manifest, 9_000, 7, table, 4_096);
        assert_eq!(mock.rows(&table.parse().unwrap()), Some(planned));
        assert_eq!(batch.num_rows() as u64, planned, "{table}");
        let units = units(&batch);
        assert!(units.is_sorted());
        let mut counts = BTreeMap::new();
        units.iter().for_each(|u| *counts.entry(*u).or_insert(0) += 1);
        assert!(counts.values().all(|n| *n <= cap), "{table}");
        if cap > 1 {
            let different: BTreeSet<_> = counts.values().collect();
            assert!(different.len() > 10, "{table}: units have different numbers of rows");
        }
    }
    assert_eq!(mock.rows(&"products".parse().unwrap()), Some(40));
    assert_eq!(mock.rows(&"nothing".parse().unwrap()), None);
}

#[test]
fn full_units_are_filled_exactly() {
    let tight = SHOP.replace("max_rows_per_unit = 20", "max_rows_per_unit = 4");
    assert_eq!(rows(&manifest(&tight), 9_000, 3, "orders", 4_096).num_rows(), 4_000, "1,000 people with 4 orders each");
}

#[test]
fn one_seed_gives_one_dataset_whatever_the_batches() {
    let manifest = manifest(SHOP);
    for table in ["people", "orders", "lines", "products"] {
        let one = rows(&manifest, 3_000, 11, table, 1 << 20);
        assert_eq!(one, rows(&manifest, 3_000, 11, table, 77), "{table}");
        assert_ne!(one, rows(&manifest, 3_000, 12, table, 77), "{table}");
    }
}

/// Pins the bytes: whoever changes them changes every mock that anybody has noted the seed of.
#[test]
fn the_bytes_of_a_seed_are_pinned() {
    let orders = rows(&manifest(SHOP), 90, 1, "orders", 8);
    assert_eq!(orders.num_rows(), 40);
    assert_eq!(units(&orders)[..3], [742_455_003_096_259_319; 3]);
}

#[test]
fn a_billion_rows_start_at_once() {
    let manifest = manifest(SHOP);
    let mock = Mock::new(&manifest, 1_000_000_000, 5).unwrap();
    let name = "lines".parse().unwrap();
    assert_eq!(mock.rows(&name), Some(1_000_000_000));
    let first = mock.batches(&name, 8_192).unwrap().next().unwrap().unwrap();
    assert_eq!(first.num_rows(), 8_192);
}

#[test]
fn keys_limit_the_rows_of_their_table() {
    let few = SHOP.replace(
        "name = \"order_id\"\ntype = \"int64\"\nrole = \"join_key\"",
        "name = \"order_id\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [1, 100]",
    );
    let manifest = manifest(&few);
    assert_eq!(rows(&manifest, 9_000, 7, "orders", 4_096).num_rows(), 100);
    let lines = rows(&manifest, 9_000, 7, "lines", 4_096);
    assert!(lines.num_rows() <= 100 * 60 && lines.num_rows() > 100, "as many as the orders' units can hold");
}

#[test]
fn keys_without_a_common_value_are_refused() {
    let apart = SHOP.replace(
        "name = \"order_id\"\ntype = \"int64\"\nrole = \"join_key\"",
        "name = \"order_id\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [1, 100]",
    );
    let apart = apart.replace(
        "name = \"order_ref\"\ntype = \"int64\"\nrole = \"join_key\"",
        "name = \"order_ref\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [200, 300]",
    );
    let manifest = manifest(&apart);
    let refused = Mock::new(&manifest, 100, 1).map(|_| ());
    let error = refused.unwrap_err();
    assert_eq!(error.code(), "E1761");
    assert!(error.to_string().contains("`lines.order_ref`"), "{error}");
    assert_eq!(Mock::new(&manifest, 0, 1).map(|_| ()), Err(MockError::Rows));
}

#[test]
fn epochs_are_those_of_the_units() {
    let tables = r#"
[[table]]
name = "visits"
privacy_unit = { column = "user_id", epoch = { column = "at", every = "month" } }
population = "customers"
max_rows_per_unit = 9
expected_rows = 3000

[[table.column]]
name = "user_id"
type = "string"
role = "privacy_unit"

[[table.column]]
name = "at"
type = "timestamp"
role = "time"
bounds = [2026-01-10T00:00:00Z, 2026-06-20T00:00:00Z]
"#;
    let visits = rows(&manifest(tables), 3_000, 7, "visits", 512);
    let mut epochs: HashMap<u64, BTreeSet<String>> = HashMap::new();
    let times = visits["at"].as_primitive::<TimestampMicrosecondType>();
    for (unit, at) in units(&visits).into_iter().zip(times.values()) {
        epochs.entry(unit).or_default().insert(Every::Month.of_micros(*at).unwrap().to_string());
    }
    assert!(epochs.values().all(|e| e.len() == 1), "one unit is in one month");
    assert_eq!(epochs.values().flatten().collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn rows_that_are_people_have_an_id_each() {
    let tables = r#"
[[table]]
name = "survey"
privacy_unit = "row"
population = "respondents"
expected_rows = 50

[[table.column]]
name = "answer"
type = "int64"
role = "measure"
"#;
    let survey = rows(&manifest(tables), 2_000, 7, "survey", 512);
    assert_eq!(units(&survey).into_iter().collect::<BTreeSet<_>>().len(), 2_000);
}
