//! A table with every type and role, and ways to run a file through decoder and validator.

use arrow::record_batch::RecordBatch;
use lyceum_anonymize::decode::{CsvDecoder, DecodeError, RawBatch};
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_anonymize::report::ValidationReport;
use lyceum_anonymize::validate::Validator;
use lyceum_schema::manifest::{Manifest, Table};

/// One table: unit, direct identifier, and a column of each type.
pub(crate) fn table() -> Table {
    parse(
        r#"
privacy_unit = { column = "user_id" }
population = "people"
max_rows_per_unit = 10
expected_rows = 1000

[[table.column]]
name = "user_id"
source_name = "User"
type = "int64"
role = "privacy_unit"

[[table.column]]
name = "email"
type = "string"
role = "direct_identifier"
max_bytes = 100

[[table.column]]
name = "age"
type = "int32"
nullable = true
role = "quasi_identifier"
bounds = [0, 120]

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["a", "b", "c d"]

[[table.column]]
name = "spend"
type = "float64"
nullable = true
role = "measure"
bounds = [-10.0, 1000.0]

[[table.column]]
name = "note"
type = "string"
nullable = true
role = "dimension"
max_bytes = 8

[[table.column]]
name = "active"
type = "boolean"
role = "dimension"

[[table.column]]
name = "day"
type = "date"
role = "time"
bounds = ["2000-01-01", "2030-01-01"]

[[table.column]]
name = "at"
type = "timestamp"
role = "time"
bounds = ["2000-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]
"#,
    )
}

/// The one table of a manifest with this body.
pub(crate) fn parse(body: &str) -> Table {
    let text = format!(
        "[dataset]\nname = \"d\"\ntitle = \"D\"\nversion = \"1\"\nowner = \"org\"\nlicence = \"none\"\nsource = \"made up\"\n\n[[table]]\nname = \"t\"\n{body}"
    );
    Manifest::parse("m.toml", &text).unwrap_or_else(|e| panic!("{e:?}")).tables()[0].clone()
}

pub(crate) const HEADER: &str = "User,email,age,segment,spend,note,active,day,at";

/// Decodes a CSV pushed in pieces of `step` bytes.
pub(crate) fn decode(table: &Table, bytes: &[u8], step: usize) -> Result<Vec<RawBatch>, DecodeError> {
    let mut decoder = CsvDecoder::new(table);
    let mut out = Vec::new();
    for chunk in bytes.chunks(step) {
        out.extend(decoder.push(chunk)?);
    }
    out.extend(decoder.finish()?);
    Ok(out)
}

/// Validates raw batches with a fixed key.
pub(crate) fn validate(table: &Table, raw: &[RawBatch]) -> (Vec<RecordBatch>, ValidationReport) {
    let mut validator = Validator::new(table, PseudonymKey::new([7; 32]), None).unwrap();
    let batches = raw.iter().map(|r| validator.validate(r).unwrap()).collect();
    (batches, validator.into_report())
}

/// Decodes and validates rows of [`table`].
pub(crate) fn run(rows: &[&str]) -> (RecordBatch, ValidationReport) {
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    run_bytes(text.as_bytes())
}

/// Decodes and validates a whole file of [`table`].
pub(crate) fn run_bytes(bytes: &[u8]) -> (RecordBatch, ValidationReport) {
    let table = table();
    let raw = decode(&table, bytes, 7).unwrap_or_else(|e| panic!("{e}"));
    let (batches, report) = validate(&table, &raw);
    (arrow::compute::concat_batches(&lyceum_anonymize::validate::accepted_schema(&table), &batches).unwrap(), report)
}
