//! Transformations through the public edge, value by value.

use arrow::array::{Array, ArrayRef, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::util::display::array_value_to_string;
use lyceum_anonymize::transform::{DomainKey, Mask, Transform, TransformError, Transforms};
use lyceum_schema::policy::DateStep;
use std::sync::Arc;

fn apply(column: ArrayRef, transform: Transform) -> Result<Vec<String>, TransformError> {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap();
    let done = Transforms::new(vec![("c".into(), transform)])?.apply(&batch)?;
    let value = |row| match done.column(0).is_null(row) {
        true => "NULL".to_owned(),
        false => array_value_to_string(done.column(0), row).unwrap(),
    };
    Ok((0..done.num_rows()).map(value).collect())
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

#[test]
fn each_transformation_does_what_it_says() {
    let ages = || Arc::new(Int32Array::from(vec![Some(3), Some(17), Some(64), None])) as ArrayRef;
    assert_eq!(apply(ages(), Transform::Round(10.0)).unwrap(), ["0", "20", "60", "NULL"]);
    assert_eq!(apply(ages(), Transform::Bin(vec![10.0, 18.0])).unwrap(), ["NULL", "10", "18", "NULL"]);
    assert_eq!(
        apply(ages(), Transform::Code { bottom: Some(10.0), top: Some(60.0) }).unwrap(),
        ["10", "17", "60", "NULL"]
    );
    assert_eq!(apply(ages(), Transform::Suppress).unwrap(), ["NULL"; 4]);
    let floats = Arc::new(Float64Array::from(vec![f64::NAN, 1.26])) as ArrayRef;
    assert_eq!(apply(floats, Transform::Round(0.5)).unwrap(), ["NULL", "1.5"]);
    let codes = || text(&[Some("80331"), Some("Ä1"), None]);
    assert_eq!(apply(codes(), Transform::TruncateText(3)).unwrap(), ["803", "Ä1", "NULL"]);
    assert_eq!(apply(codes(), Transform::Mask(Mask { first: 1, last: 1 })).unwrap(), ["8***1", "**", "NULL"]);
    let ips = text(&[Some("192.0.2.77"), Some("2001:db8:1:2::3"), Some("no")]);
    assert_eq!(apply(ips, Transform::TruncateIp(24)).unwrap(), ["192.0.2.0/24", "2001:db8:1:2::/96", "NULL"]);
    let days = || Arc::new(Date32Array::from(vec![20_500, -1])) as ArrayRef;
    assert_eq!(apply(days(), Transform::TruncateDate(DateStep::Month)).unwrap(), ["2026-02-01", "1969-12-01"]);
    assert_eq!(apply(days(), Transform::TruncateDate(DateStep::Decade)).unwrap(), ["2020-01-01", "1960-01-01"]);
    let batch = RecordBatch::try_from_iter([("c", ages())]).unwrap();
    let dropped = Transforms::new(vec![("c".into(), Transform::Drop)]).unwrap().apply(&batch).unwrap();
    assert_eq!((dropped.num_columns(), dropped.num_rows()), (0, 4));
}

#[test]
fn pseudonyms_join_within_a_workspace_and_nowhere_else() {
    let key = |workspace: &str| DomainKey::new(&[7; 32], "shoppers", workspace);
    let of = |key: DomainKey| apply(text(&[Some("a"), Some("b"), None, Some("a")]), Transform::Pseudonym(key)).unwrap();
    let (one, again, other) = (of(key("lift")), of(key("lift")), of(key("churn")));
    assert_eq!(one, again);
    assert_eq!((one[0].len(), one[2].as_str()), (32, "NULL"));
    assert!(one[0] == one[3] && one[0] != one[1] && one[0] != other[0]);
    // Names are written with their lengths: moving a letter from one to the other gives another key.
    let moved = DomainKey::new(&[7; 32], "shoppersl", "ift");
    assert_ne!(moved.pseudonym("a"), one[0]);
}

#[test]
fn an_unfit_column_or_parameter_is_refused_with_its_name() {
    let error = apply(text(&[Some("x")]), Transform::Round(10.0)).unwrap_err();
    assert_eq!(error.to_string(), "column `c` of type Utf8 can't be rounded: that is for numbers");
    let error = apply(text(&[Some("x")]), Transform::Bin(vec![2.0, 1.0])).unwrap_err();
    assert_eq!(error.to_string(), "column `c`: give the bins' lower bounds in ascending order");
}
