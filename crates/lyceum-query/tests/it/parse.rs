//! Options, prefixes and places.

use lyceum_query::error::QueryError;
use lyceum_query::parse::{PrivacyOptions, parse};

#[test]
fn options_are_lifted() {
    let parsed = parse("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS(epsilon = 0.5, max_groups_contributed = 3, fresh = true) COUNT(*) FROM t").unwrap();
    let expected = PrivacyOptions { epsilon: Some(0.5), max_groups_contributed: Some(3), fresh: true };
    assert_eq!(parsed.options(), expected);
    assert!(!parsed.explain_privacy());
    for sql in [
        "SELECT WITH DIFFERENTIAL_PRIVACY COUNT(*) FROM t",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS() 1",
        "SELECT 1;",
        "(SELECT 1)",
    ] {
        assert_eq!(parse(sql).unwrap().options(), PrivacyOptions::default(), "{sql}");
    }
}

#[test]
fn explain_privacy_is_a_prefix() {
    assert!(parse("explain privacy SELECT 1").unwrap().explain_privacy());
    assert!(parse("EXPLAIN SELECT 1").is_err());
}

#[test]
fn places_are_those_of_the_typed_text() {
    let sql = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)\n  COUNT(*)\nFROM t TABLESAMPLE SYSTEM (5)";
    let Err(QueryError::Refused(refusal)) = parse(sql) else { panic!("admitted") };
    assert_eq!(refusal.position.map(|p| p.line), Some(3));
}
