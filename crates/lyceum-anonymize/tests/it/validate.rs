//! Validation: types, domains, NULLs, corrections, ids, and reports without values.

use super::support::{decode, parse, run, table, validate};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Float64Type, Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow::record_batch::RecordBatch;
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_anonymize::report::{Correction, Reason};
use lyceum_anonymize::validate::{ParentUnits, ValidateError, Validator};

const GOOD: &str = "1,x,30,a,1.5,hi,true,2020-01-02,2020-01-02T03:04:05Z";

/// `GOOD` with one field replaced.
fn with(field: usize, value: &str) -> String {
    let mut fields: Vec<&str> = GOOD.split(',').collect();
    fields[field] = value;
    fields.join(",")
}

#[test]
fn accepted_rows_have_ids_and_visible_columns_only() {
    let (batch, report) = run(&[GOOD]);
    let names: Vec<_> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["__unit", "age", "segment", "spend", "note", "active", "day", "at"]);
    let expected = PseudonymKey::new([7; 32]).unit_id(b"1");
    assert_eq!(batch.column(0).as_primitive::<UInt64Type>().value(0), expected);
    assert_eq!(batch.column(6).as_primitive::<Date32Type>().value(0), 18_263);
    assert_eq!(batch.column(7).as_primitive::<TimestampMicrosecondType>().value(0), 1_577_934_245_000_000);
    assert_eq!((report.rows_in, report.accepted), (1, 1));
    assert_eq!(report.dropped_identifiers.len(), 1);
}

#[test]
fn each_fault_rejects_the_row_and_is_counted_by_reason_and_column() {
    let cases = [
        (0, "", Reason::NullUnit, "user_id"),
        (0, "abc", Reason::WrongType, "user_id"),
        (2, "abc", Reason::WrongType, "age"),
        (2, "30.5", Reason::WrongType, "age"),
        (2, "99999999999", Reason::WrongType, "age"),
        (2, "121", Reason::OutOfBounds, "age"),
        (2, "-1", Reason::OutOfBounds, "age"),
        (3, "z", Reason::NotInList, "segment"),
        (3, "", Reason::Null, "segment"),
        (4, "1e9", Reason::OutOfBounds, "spend"),
        (4, "1.5€", Reason::WrongType, "spend"),
        (5, "123456789", Reason::TooLong, "note"),
        (6, "maybe", Reason::WrongType, "active"),
        (6, "", Reason::Null, "active"),
        (7, "2020-02-30", Reason::WrongType, "day"),
        (7, "1999-12-31", Reason::OutOfBounds, "day"),
        (7, "02.01.2020", Reason::WrongType, "day"),
        (8, "2020-01-02 25:00:00", Reason::WrongType, "at"),
        (8, "2031-01-01T00:00:00Z", Reason::OutOfBounds, "at"),
    ];
    for (field, value, reason, column) in cases {
        let (batch, report) = run(&[GOOD, &with(field, value), GOOD]);
        assert_eq!(batch.num_rows(), 2, "{column} {value}");
        let found: Vec<_> =
            report.rejections.iter().map(|((r, c), n)| (*r, c.as_ref().unwrap().as_str(), *n)).collect();
        assert_eq!(found, [(reason, column, 1)], "{column} {value}");
    }
}

#[test]
fn values_are_read_generously_where_meaning_is_clear() {
    for (field, value) in [
        (0, " 1 "),
        (2, " 30 "),
        (2, ""),
        (6, "YES"),
        (6, "0"),
        (6, "f"),
        (8, "2020-01-02 03:04:05"),
        (8, "2020-01-02 03:04:05.123456"),
        (8, "2020-01-02T03:04:05+02:00"),
        (8, "2020-01-02"),
    ] {
        let (batch, report) = run(&[&with(field, value)]);
        assert_eq!((batch.num_rows(), report.rejected), (1, 0), "{value:?}");
    }
}

#[test]
fn floats_that_are_no_numbers_become_null_and_negative_zero_zero() {
    let (batch, report) = run(&[&with(4, "NaN"), &with(4, "-inf"), &with(4, "-0.0"), &with(4, "2")]);
    let spend = batch.column_by_name("spend").unwrap().as_primitive::<Float64Type>();
    assert!(spend.is_null(0) && spend.is_null(1));
    assert_eq!((spend.value(2).to_bits(), spend.value(3)), (0, 2.0));
    let counts: Vec<_> = report.corrections.iter().map(|((c, _), n)| (*c, *n)).collect();
    assert_eq!(counts, [(Correction::NotFiniteToNull, 2), (Correction::NegativeZero, 1)]);
}

#[test]
fn corrections_of_rejected_rows_are_not_counted() {
    let mut row: Vec<&str> = GOOD.split(',').collect();
    (row[4], row[6]) = ("NaN", "maybe");
    assert!(run(&[&row.join(",")]).1.corrections.is_empty());
}

fn unit_table(data_type: &str) -> lyceum_schema::manifest::Table {
    parse(&format!(
        "privacy_unit = {{ column = \"id\" }}\npopulation = \"p\"\nmax_rows_per_unit = 3\nexpected_rows = 9\n[[table.column]]\nname = \"id\"\ntype = \"{data_type}\"\nrole = \"privacy_unit\"\n[[table.column]]\nname = \"x\"\ntype = \"int32\"\nrole = \"measure\"\nbounds = [0, 9]\n"
    ))
}

#[test]
fn equal_texts_of_numbers_and_strings_are_one_unit() {
    let id = |data_type: &str| {
        let table = unit_table(data_type);
        let (batches, _) = validate(&table, &decode(&table, b"id,x\n42,1\n", 3).unwrap());
        batches[0].column(0).as_primitive::<UInt64Type>().value(0)
    };
    assert_eq!(id("int64"), id("string"));
    assert_eq!(id("int64"), id("int32"));
}

#[test]
fn rows_that_are_units_have_distinct_ids_across_batches() {
    let table = parse(
        "privacy_unit = \"row\"\npopulation = \"p\"\nexpected_rows = 9\n[[table.column]]\nname = \"x\"\ntype = \"int32\"\nrole = \"measure\"\nbounds = [0, 9]\n",
    );
    let text = format!("x\n{}", "1\n".repeat(20_000));
    let raw = decode(&table, text.as_bytes(), 4096).unwrap();
    assert!(raw.len() > 1);
    let (batches, _) = validate(&table, &raw);
    let mut ids: Vec<u64> =
        batches.iter().flat_map(|b| b.column(0).as_primitive::<UInt64Type>().values().to_vec()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20_000);
}

#[test]
fn public_tables_have_no_ids() {
    let table = parse(
        "privacy_unit = \"none\"\nexpected_rows = 9\n[[table.column]]\nname = \"x\"\ntype = \"int32\"\nrole = \"measure\"\nbounds = [0, 9]\n",
    );
    let (batches, _) = validate(&table, &decode(&table, b"x\n1\n2\n", 3).unwrap());
    assert_eq!((batches[0].num_columns(), batches[0].column(0).as_primitive::<Int32Type>().value(1)), (1, 2));
}

#[test]
fn units_come_by_foreign_key_and_orphans_are_counted() {
    let text = "[dataset]\nname = \"d\"\ntitle = \"D\"\nversion = \"1\"\nowner = \"org\"\nlicence = \"none\"\nsource = \"s\"\n\
        [[table]]\nname = \"orders\"\nprivacy_unit = { column = \"person\" }\npopulation = \"p\"\nmax_rows_per_unit = 3\nexpected_rows = 9\n\
        [[table.column]]\nname = \"person\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n\
        [[table.column]]\nname = \"id\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [0, 9]\n\
        [[table]]\nname = \"items\"\nprivacy_unit = { foreign_key = \"order_id\", table = \"orders\", column = \"id\" }\npopulation = \"p\"\nmax_rows_per_unit = 3\nexpected_rows = 9\n\
        [[table.column]]\nname = \"order_id\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [0, 9]\n";
    let manifest = lyceum_schema::manifest::Manifest::parse("m.toml", text).unwrap_or_else(|e| panic!("{e:?}"));
    let [orders, items] = manifest.tables() else { panic!("two tables") };
    let error = Validator::new(items, PseudonymKey::new([1; 32]), None).err().unwrap();
    assert_eq!((matches!(error, ValidateError::ForeignKey(_)), error.code()), (true, "E1520"));

    let (stored, _) = validate(orders, &decode(orders, b"person,id\n7,1\n7,2\n8,3\n", 3).unwrap());
    let mut parent = ParentUnits::new([5; 16], None);
    stored.iter().for_each(|rows| parent.add(rows).unwrap());
    let mut validator = Validator::new(items, PseudonymKey::new([1; 32]), Some(parent)).unwrap();
    let raw = decode(items, b"order_id\n2\n3\n9\n1\n", 3).unwrap();
    let accepted: Vec<_> = raw.iter().map(|rows| validator.validate(rows).unwrap()).collect();
    let ids = |batches: &[RecordBatch]| -> Vec<u64> {
        let units = batches.iter().flat_map(|b| b.column(0).as_primitive::<UInt64Type>().values().to_vec());
        units.collect()
    };
    let (of_orders, of_items) = (ids(&stored), ids(&accepted));
    assert_eq!(of_items, [of_orders[1], of_orders[2], of_orders[0]], "each item has the unit of its order");
    assert_eq!(validator.report().rejected_for(Reason::Orphan), 1, "order 9 does not exist");

    let mut twice = ParentUnits::new([5; 16], None);
    stored.iter().for_each(|rows| twice.add(rows).unwrap());
    assert_eq!(twice.add(&stored[0]).err().map(|e| e.code()), Some("E1525"));
}

const HEAD: &str =
    "[dataset]\nname = \"d\"\ntitle = \"D\"\nversion = \"1\"\nowner = \"org\"\nlicence = \"none\"\nsource = \"s\"\n";

/// A table of people, or of rows found through `orders`, with a column `at` that tells the month.
fn monthly(name: &str, unit: &str, column: &str) -> String {
    format!(
        "[[table]]\nname = \"{name}\"\nprivacy_unit = {{ {unit}, epoch = {{ column = \"at\", every = \"month\" }} }}\n\
         population = \"p\"\nmax_rows_per_unit = 3\nexpected_rows = 9\n{column}\
         [[table.column]]\nname = \"id\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [0, 9]\n\
         [[table.column]]\nname = \"at\"\ntype = \"timestamp\"\nrole = \"time\"\n\
         bounds = [2026-01-01T00:00:00Z, 2026-06-30T23:59:59Z]\n"
    )
}

const PERSON: &str = "[[table.column]]\nname = \"person\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n";

fn ids(batches: &[RecordBatch]) -> Vec<u64> {
    batches.iter().flat_map(|b| b.column(0).as_primitive::<UInt64Type>().values().to_vec()).collect()
}

#[test]
fn a_person_in_two_months_is_two_units() {
    let manifest = format!("{HEAD}{}", monthly("orders", "column = \"person\"", PERSON));
    let manifest = lyceum_schema::manifest::Manifest::parse("m.toml", &manifest).unwrap();
    let table = &manifest.tables()[0];
    let text = b"person,id,at\n\
        7,1,2026-01-31T23:59:59Z\n\
        7,2,2026-02-01T00:00:00Z\n\
        7,3,2026-01-01T00:00:00Z\n\
        8,4,2026-01-31T23:59:59Z\n\
        8,5,\n\
        8,6,2025-12-31T23:59:59Z\n\
        8,7,2026-07-01T00:00:00Z\n";
    let (batches, report) = validate(table, &decode(table, text, 3).unwrap());
    let units = ids(&batches);
    let [january, february, again, other] = units.as_slice() else { panic!("{units:?}") };
    assert_eq!(january, again, "the same person in the same month");
    assert_ne!(january, february, "the same person in another month");
    assert_ne!(january, other, "another person in the same month");
    assert_eq!((report.accepted, report.rejected), (4, 3));
    assert_eq!(report.rejected_for(Reason::Null), 1, "no time");
    assert_eq!(report.rejected_for(Reason::OutOfBounds), 2, "outside of the declared months");
}

#[test]
fn rows_of_another_month_than_their_parent_row_are_rejected_and_counted() {
    let child = "[[table.column]]\nname = \"order_id\"\ntype = \"int64\"\nrole = \"join_key\"\nbounds = [0, 9]\n";
    let manifest = format!(
        "{HEAD}{}{}",
        monthly("orders", "column = \"person\"", PERSON),
        monthly("items", "foreign_key = \"order_id\", table = \"orders\", column = \"id\"", child)
    );
    let manifest = lyceum_schema::manifest::Manifest::parse("m.toml", &manifest).unwrap();
    let [orders, items] = manifest.tables() else { panic!("two tables") };
    let text = b"person,id,at\n7,1,2026-01-31T00:00:00Z\n7,2,2026-02-01T00:00:00Z\n";
    let (stored, _) = validate(orders, &decode(orders, text, 3).unwrap());
    let mut parent = ParentUnits::new([5; 16], Some(lyceum_schema::epoch::Every::Month));
    for rows in &stored {
        // As stored: __unit, id, at.
        parent.add(rows).unwrap();
    }
    let mut validator = Validator::new(items, PseudonymKey::new([1; 32]), Some(parent)).unwrap();
    let text = b"order_id,id,at\n1,1,2026-01-01T00:00:00Z\n1,2,2026-02-01T00:00:00Z\n2,3,2026-02-28T00:00:00Z\n3,4,2026-02-28T00:00:00Z\n";
    let raw = decode(items, text, 3).unwrap();
    let accepted: Vec<_> = raw.iter().map(|rows| validator.validate(rows).unwrap()).collect();
    assert_eq!(ids(&accepted), ids(&stored), "each item has the unit of its order");
    assert_eq!(validator.report().rejected_for(Reason::OtherEpoch), 1, "ordered in January, sent in February");
    assert_eq!(validator.report().rejected_for(Reason::Orphan), 1);
    assert!(ParentUnits::new([5; 16], None).add(&stored[0]).is_err(), "the parent's epochs are not left out");
}

#[test]
fn the_report_is_json_and_holds_no_values() {
    let canary = "C4N4RY";
    let (_, report) = run(&[
        &with(0, canary),
        &with(2, canary),
        &with(3, canary),
        &with(4, canary),
        &with(6, canary),
        &with(7, canary),
        GOOD,
    ]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 6));
    assert_eq!(json["rejections"].as_array().unwrap().len(), 6);
    assert_eq!(json["rejections"][0]["reason"], "wrong_type");
    assert!(!format!("{json} {report:?}").contains(canary));
}

#[test]
fn a_batch_of_another_table_is_refused() {
    let raw = decode(&unit_table("int64"), b"id,x\n1,2\n", 3).unwrap();
    let mut validator = Validator::new(&table(), PseudonymKey::new([1; 32]), None).unwrap();
    assert_eq!(validator.validate(&raw[0]).err(), Some(ValidateError::Columns));
}
