//! Valid manifests: every construct once, and what becomes of it.

use lyceum_schema::manifest::{DataType, Domain, Evidence, Manifest, OnIdentifiers, PrivacyUnit, Role, Value};

pub(crate) const SHOP: &str = r#"
[dataset]
name = "shop"
title = "A shop"
version = "3"
owner = "shop-ltd"
licence = "CC0-1.0"
source = "made up"

[[table]]
name = "customers"
privacy_unit = { column = "email" }
population = "shop-customers"
max_rows_per_unit = 1
expected_rows = 1_000

[[table.column]]
name = "email"
source_name = "E-Mail"
type = "string"
role = "privacy_unit"

[[table.column]]
name = "full_name"
type = "string"
role = "direct_identifier"
nullable = true

[[table.column]]
name = "age"
type = "int32"
nullable = true
role = "quasi_identifier"
bounds = [18, 100]
unit = "years"
hierarchy = "age.csv"
identifiers = "drop"
description = "Age at registration"

[[table.column]]
name = "since"
type = "date"
role = "time"
bounds = [2020-01-01, "2026-12-31"]

[[table]]
name = "orders"
description = "One row per order"
privacy_unit = { foreign_key = "customer", table = "customers", column = "email" }
population = "shop-customers"
max_rows_per_unit = 50
expected_rows = 20_000

[[table.column]]
name = "customer"
type = "string"
role = "join_key"
max_bytes = 254

[[table.column]]
name = "at"
type = "timestamp"
role = "time"
bounds = [2026-01-01T00:00:00Z, "2026-12-31T23:59:59.5+01:00"]

[[table.column]]
name = "paid"
type = "float64"
role = "measure"
bounds = [0, 499.5]
source = "data"

[[table.column]]
name = "gift"
type = "boolean"
role = "sensitive"

[[table.column]]
name = "size"
type = "string"
role = "dimension"
values = ["S", "M", "L"]

[[table]]
name = "sizes"
privacy_unit = "none"
expected_rows = 3

[[table.column]]
name = "size"
type = "string"
role = "join_key"
values = ["S", "M", "L"]

[[table.column]]
name = "weight"
type = "int64"
role = "measure"
"#;

#[test]
fn everything_that_is_said_is_kept() {
    let m = Manifest::parse("shop.toml", SHOP).unwrap();
    assert_eq!((m.dataset().as_str(), m.title(), m.version()), ("shop", "A shop", "3"));
    assert_eq!((m.owner().as_str(), m.licence(), m.source(), m.description()), ("shop-ltd", "CC0-1.0", "made up", ""));

    let [customers, orders, sizes] = m.tables() else { panic!("three tables") };
    assert!(matches!(customers.unit(), PrivacyUnit::Column(c) if c.as_str() == "email"));
    assert_eq!(customers.population().unwrap().as_str(), "shop-customers");
    assert_eq!((customers.max_rows_per_unit(), customers.expected_rows()), (1, 1_000));
    let age = customers.columns().iter().find(|c| c.name().as_str() == "age").unwrap();
    assert_eq!((age.data_type(), age.nullable(), age.role()), (DataType::Int32, true, Role::QuasiIdentifier));
    assert_eq!(age.domain(), &Domain::Bounds { low: Value::Int(18), high: Value::Int(100) });
    assert_eq!((age.unit_of_measure(), age.hierarchy()), (Some("years"), Some("age.csv")));
    assert_eq!(age.on_identifiers(), OnIdentifiers::Drop);
    assert_eq!((age.description(), age.evidence()), ("Age at registration", Evidence::Public));

    assert!(matches!(orders.unit(), PrivacyUnit::ForeignKey { via, .. } if via.as_str() == "customer"));
    let paid = orders.columns().iter().find(|c| c.name().as_str() == "paid").unwrap();
    assert_eq!(paid.domain(), &Domain::Bounds { low: Value::Float(0.0), high: Value::Float(499.5) });
    assert_eq!(paid.evidence(), Evidence::Data);

    assert_eq!((sizes.unit(), sizes.population(), sizes.max_rows_per_unit()), (&PrivacyUnit::None, None, 1));
}

#[test]
fn names_in_the_file_and_in_sql_are_kept_apart() {
    let m = Manifest::parse("shop.toml", SHOP).unwrap();
    let email = &m.tables()[0].columns()[0];
    assert_eq!((email.name().as_str(), email.source_name()), ("email", "E-Mail"));
    let name = &m.tables()[0].columns()[1];
    assert_eq!(name.source_name(), "full_name");
}

#[test]
fn hidden_text_has_a_limit_of_its_own_and_is_not_visible() {
    let m = Manifest::parse("shop.toml", SHOP).unwrap();
    let customers = &m.tables()[0];
    for hidden in &customers.columns()[..2] {
        assert_eq!(hidden.domain(), &Domain::Text { max_bytes: 1_024 });
    }
    let visible: Vec<_> = customers.visible_columns().map(|c| c.name().as_str()).collect();
    assert_eq!(visible, ["age", "since"]);
}

#[test]
fn dates_are_days_and_timestamps_microseconds() {
    let m = Manifest::parse("shop.toml", SHOP).unwrap();
    let since = &m.tables()[0].columns()[3];
    assert_eq!(since.domain(), &Domain::Bounds { low: Value::Date(18_262), high: Value::Date(20_818) });
    let at = &m.tables()[1].columns()[1];
    let low = Value::Timestamp(1_767_225_600_000_000);
    let high = Value::Timestamp(1_798_757_999_500_000);
    assert_eq!(at.domain(), &Domain::Bounds { low, high });
}

#[test]
fn the_longest_listed_value_is_the_limit_of_a_listed_column() {
    let m = Manifest::parse("shop.toml", SHOP).unwrap();
    assert_eq!(m.tables()[1].columns()[4].domain().max_bytes(), Some(1));
}

#[test]
fn a_row_is_a_unit_of_one_row() {
    let text = r#"
[dataset]
name = "survey"
title = "A survey"
version = "1"
owner = "uni"
licence = "own"
source = "own"

[[table]]
name = "answers"
privacy_unit = "row"
population = "students"
expected_rows = 100
column = [{ name = "grade", type = "int32", role = "measure", values = [1, 2, 3] }]
"#;
    let m = Manifest::parse("survey.toml", text).unwrap();
    assert_eq!((m.tables()[0].unit(), m.tables()[0].max_rows_per_unit()), (&PrivacyUnit::Row, 1));
}

proptest::proptest! {
    /// Whatever a slip of the keyboard does to a manifest, it is either still a manifest or refused with a reason.
    #[test]
    fn damaged_manifests_are_refused_with_a_reason(at in 0..SHOP.len(), cut in 0usize..40, put in "[ -~\n]{0,12}") {
        if SHOP.is_char_boundary(at) && SHOP.is_char_boundary((at + cut).min(SHOP.len())) {
            let text = format!("{}{put}{}", &SHOP[..at], &SHOP[(at + cut).min(SHOP.len())..]);
            match Manifest::parse("shop.toml", &text) {
                Ok(m) => proptest::prop_assert!(!m.tables().is_empty()),
                Err(errors) => {
                    proptest::prop_assert!(!errors.is_empty());
                    let lines = text.split('\n').count();
                    proptest::prop_assert!(errors.iter().all(|e| (1..=lines).contains(&e.line())));
                }
            }
        }
    }
}
