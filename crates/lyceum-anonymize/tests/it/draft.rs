//! Drafts parse, say little about the data, and can't be published as they are.

use lyceum_anonymize::decode::CsvDecoder;
use lyceum_anonymize::draft::Drafter;
use lyceum_schema::manifest::{DataType, Domain, Evidence, Manifest, Role, Value};

const FILE: &str = "Customer ID,E-Mail,Age,Zip Code,history $,segment,newbie,signup,at,at\n\
    77001,anna@canary.org,37,01234,142.44,CANARY,true,2019-05-17,2019-05-17T10:11:12Z,\n\
    77002,bert@canary.org,61,98765,-3.5,canary two,false,2021-11-03,2021-11-03T10:11:12Z,\n";

fn draft() -> String {
    let mut decoder = CsvDecoder::all_columns();
    let mut raw = decoder.push(FILE.replace(",at,at", ",at,last seen").as_bytes()).unwrap();
    raw.extend(decoder.finish().unwrap());
    let mut drafter = Drafter::new();
    for batch in &raw {
        drafter.observe(decoder.headers(), batch);
    }
    drafter.draft("shop", "Customers 2024").render()
}

#[test]
fn a_draft_is_a_manifest() {
    let text = draft();
    let manifest = Manifest::parse("draft.toml", &text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let table = &manifest.tables()[0];
    assert_eq!(table.name().as_str(), "customers_2024");
    let found: Vec<_> =
        table.columns().iter().map(|c| (c.name().as_str(), c.data_type(), c.role(), c.nullable())).collect();
    assert_eq!(
        found,
        [
            ("customer_id", DataType::Int64, Role::JoinKey, false),
            ("e_mail", DataType::String, Role::DirectIdentifier, false),
            ("age", DataType::Int64, Role::QuasiIdentifier, false),
            ("zip_code", DataType::String, Role::QuasiIdentifier, false),
            ("history", DataType::Float64, Role::Measure, false),
            ("segment", DataType::String, Role::Dimension, false),
            ("newbie", DataType::Boolean, Role::Dimension, false),
            ("signup", DataType::Date, Role::Time, false),
            ("at", DataType::Timestamp, Role::Time, false),
            ("last_seen", DataType::String, Role::Dimension, true),
        ]
    );
    assert!(table.columns().iter().all(|c| c.evidence() == Evidence::Data));
    assert_eq!(table.columns()[2].domain(), &Domain::Bounds { low: Value::Int(20), high: Value::Int(100) });
    assert_eq!(table.columns()[4].source_name(), "history $");
}

#[test]
fn a_draft_holds_no_value_of_the_file() {
    let text = draft();
    for value in
        ["canary", "CANARY", "77001", "77002", "142", "3.5", "37", "61", "01234", "98765", "2019", "2021", "anna"]
    {
        assert!(!text.contains(value), "{value} is in\n{text}");
    }
}
