//! What is said about manifests that are wrong: codes, places, reasons and fixes.

use lyceum_schema::document::{DocumentError, MAX_DOCUMENT_BYTES};
use lyceum_schema::manifest::Manifest;

/// One line per problem, as a person sees it.
pub(crate) fn report(errors: &[DocumentError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const HEAD: &str = r#"[dataset]
name = "d"
title = "D"
version = "1"
owner = "o"
licence = "l"
source = "s"
"#;

const PEOPLE: &str = r#"
[[table]]
name = "people"
privacy_unit = { column = "id" }
population = "p"
max_rows_per_unit = 1
expected_rows = 10

[[table.column]]
name = "id"
type = "string"
role = "privacy_unit"
"#;

fn refused(text: &str) -> String {
    report(&Manifest::parse("m.toml", text).unwrap_err())
}

/// A table of rows with these columns, one per line, from line 13 on.
fn columns(columns: &str) -> String {
    let table = "[[table]]\nname = \"t\"\nprivacy_unit = \"row\"\npopulation = \"p\"\nexpected_rows = 10\n";
    refused(&format!("{HEAD}{table}column = [\n{columns}\n]\n"))
}

/// A manifest with `PEOPLE` and this table after it, from line 22 on.
fn second(table: &str) -> String {
    refused(&format!("{HEAD}{PEOPLE}[[table]]\n{table}"))
}

#[test]
fn the_parts_are_valid_by_themselves() {
    Manifest::parse("m.toml", &format!("{HEAD}{PEOPLE}")).unwrap();
}

#[test]
fn errors_carry_their_parts() {
    let errors = Manifest::parse("m.toml", &format!("{HEAD}{PEOPLE}tpye = \"x\"")).unwrap_err();
    let [e] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!((e.code(), e.file(), e.key(), e.line()), ("E1004", "m.toml", "table[0].column[0].tpye", 20));
    assert_eq!(e.fix(), "did you mean \"type\"?");
}

#[test]
fn text_that_is_not_toml() {
    insta::assert_snapshot!(refused("[dataset]\nname = hillstrom\n\ntitle = \"open\nx ="), @r#"
    E1001 m.toml:2: not valid TOML: string values must be quoted, expected literal string; correct the line; strings need quotes, tables are [name] or [[name]]
    E1001 m.toml:4: not valid TOML: invalid basic string, expected `"`; correct the line; strings need quotes, tables are [name] or [[name]]
    E1001 m.toml:5: not valid TOML: string values must be quoted, expected literal string; correct the line; strings need quotes, tables are [name] or [[name]]
    "#);
    insta::assert_snapshot!(refused("[dataset]\nname = \"a\"\nname = \"b\"\n"), @r#"E1001 m.toml:3: not valid TOML: duplicate key; correct the line; strings need quotes, tables are [name] or [[name]]"#);
}

#[test]
fn hostile_text_is_refused_quickly() {
    assert!(refused(&"[".repeat(100_000)).starts_with("E1001"));
    assert!(refused(&format!("a = {}", "[".repeat(100_000))).starts_with("E1001"));
    assert!(refused(&format!("a = {}", "{a=".repeat(100_000))).starts_with("E1001"));
    assert!(refused(&format!("{} = 1", "a.".repeat(100_000) + "a")).starts_with("E100"));
    let huge = format!("# {}", "x".repeat(MAX_DOCUMENT_BYTES));
    insta::assert_snapshot!(refused(&huge), @r#"E1002 m.toml:1: the file has 1048578 bytes, at most 1048576 are read; split the dataset, or give long lists of values a max_bytes limit instead"#);
}

#[test]
fn everything_missing_is_named_at_once() {
    insta::assert_snapshot!(refused(""), @r#"
    E1003 m.toml:1: dataset: the key is missing; add  [dataset]
    E1003 m.toml:1: table: the key is missing; add  [[table]]
    "#);
    insta::assert_snapshot!(refused("[dataset]\n[[table]]\n[[table.column]]\n"), @r#"
    E1003 m.toml:1: dataset.licence: the key is missing; add  licence = "CC-BY-4.0"
    E1003 m.toml:1: dataset.name: the key is missing; add  name = "my-dataset"
    E1003 m.toml:1: dataset.owner: the key is missing; add  owner = "my-organisation"
    E1003 m.toml:1: dataset.source: the key is missing; add  source = "where the data comes from"
    E1003 m.toml:1: dataset.title: the key is missing; add  title = "What people call it"
    E1003 m.toml:1: dataset.version: the key is missing; add  version = "1"
    E1003 m.toml:2: table[0].expected_rows: the key is missing; add  expected_rows = 100000
    E1003 m.toml:2: table[0].name: the key is missing; add  name = "events"
    E1003 m.toml:2: table[0].privacy_unit: the key is missing; add  privacy_unit = "row", "none" or { column = "user_id" }
    E1003 m.toml:3: table[0].column[0].name: the key is missing; add  name = "age"
    E1003 m.toml:3: table[0].column[0].role: the key is missing; add  role = "dimension"
    E1003 m.toml:3: table[0].column[0].type: the key is missing; add  type = "int64"
    "#);
    insta::assert_snapshot!(refused("dataset = 1\ntable = \"t\"\n"), @r#"
    E1005 m.toml:1: dataset: expected a table, found an integer; write  [dataset]
    E1005 m.toml:2: table: expected one or more [[…]] tables, found text; write  [[table]]
    "#);
    insta::assert_snapshot!(refused(&format!("table = []\n{HEAD}")), @r#"E1011 m.toml:1: table: the list must not be empty; fill it in, or remove the key if it is optional"#);
}

#[test]
fn names() {
    let head = HEAD.replace("\"d\"", "\"My Data\"").replace("\"o\"", "\"\"").replace("\"D\"", "\"  \"");
    insta::assert_snapshot!(refused(&format!("{head}{PEOPLE}")), @r#"
    E1006 m.toml:2: dataset.name: a dataset name has lower-case letters, digits, '-', '_' and '.'; 'M' at position 1 is not allowed; write  "my-data"
    E1011 m.toml:3: dataset.title: the text must not be empty; fill it in, or remove the key if it is optional
    E1006 m.toml:5: dataset.owner: a name has 1 to 63 characters, this has 0; choose another name
    "#);
    insta::assert_snapshot!(
        columns(
            r#"{ name = "Age (years)", type = "int32", role = "measure" },
               { name = "__unit", type = "int32", role = "measure" },
               { name = "1", type = "int32", role = "measure" },
               { name = "a", type = "int32", role = "measure" },
               { name = "a", source_name = "b", type = "int32", role = "measure" },
               { name = "c", source_name = "b", type = "int32", role = "measure" },"#
        ),
        @r#"
        E1006 m.toml:14: table[0].column[0].name: a column name starts with a lower-case letter and has lower-case letters, digits and '_'; 'A' at position 1 is not allowed; write  "age_years"
        E1007 m.toml:15: table[0].column[1].name: names that begin with "__" are reserved for the engine's own columns; choose another name and keep the file's own in source_name
        E1006 m.toml:16: table[0].column[2].name: a column name starts with a lower-case letter and has lower-case letters, digits and '_'; '1' at position 1 is not allowed; choose another name
        E1009 m.toml:18: table[0].column[4].name: column "a" is already used at line 17; rename or remove one of the two
        E1009 m.toml:19: table[0].column[5].source_name: file column "b" is already used at line 18; rename or remove one of the two
        "#
    );
    insta::assert_snapshot!(second(&PEOPLE["\n[[table]]\n".len()..]), @r#"E1009 m.toml:21: table[1].name: table "people" is already used at line 10; rename or remove one of the two"#);
}

#[test]
fn words_and_types() {
    insta::assert_snapshot!(
        columns(
            r#"{ name = "a", type = "integer", role = "mesure" },
               { name = "b", type = 32, role = ["measure"] },
               { name = "c", type = "int32", role = "measure", nullable = "no", unit = 5 },
               { name = "d", type = "int32", role = "measure", source = "guess", hierarchy = "../d.csv" },
               { name = "e", type = "int32", role = "measure", colour = "red", description = 1 },"#
        ),
        @r#"
        E1008 m.toml:14: table[0].column[0].role: "mesure" is not one of "direct_identifier", "privacy_unit", "quasi_identifier", "sensitive", "measure", "dimension", "time", "join_key"; did you mean "measure"?
        E1008 m.toml:14: table[0].column[0].type: "integer" is not one of "boolean", "int32", "int64", "float64", "string", "date", "timestamp"; use one of the listed words
        E1005 m.toml:15: table[0].column[1].role: expected text in quotes, found a list; write  role = "dimension"
        E1005 m.toml:15: table[0].column[1].type: expected text in quotes, found an integer; write  type = "int64"
        E1005 m.toml:16: table[0].column[2].nullable: expected true or false, found text; write  nullable = false
        E1005 m.toml:16: table[0].column[2].unit: expected text in quotes, found an integer; write  unit = "EUR"
        E1054 m.toml:17: table[0].column[3].hierarchy: a hierarchy is the name of a file beside the manifest, without folders; write  hierarchy = "age.csv"
        E1008 m.toml:17: table[0].column[3].source: "guess" is not one of "public", "data"; use one of the listed words
        E1004 m.toml:18: table[0].column[4].colour: this key is not known here; remove it; known here: name, source_name, type, nullable, role, values, bounds, max_bytes, source, unit, hierarchy, identifiers, description
        E1005 m.toml:18: table[0].column[4].description: expected text in quotes, found an integer; write  description = "What it means"
        "#
    );
}

#[test]
fn bounds() {
    insta::assert_snapshot!(
        columns(
            r#"{ name = "a", type = "int32", role = "measure", bounds = [10, 1] },
               { name = "b", type = "float64", role = "measure", bounds = [0, nan] },
               { name = "c", type = "float64", role = "measure", bounds = [-inf, 1e999] },
               { name = "d", type = "string", role = "dimension", bounds = ["a", "b"] },
               { name = "e", type = "boolean", role = "dimension", bounds = [false, true] },
               { name = "f", type = "int32", role = "measure", bounds = [0, 2147483648] },
               { name = "g", type = "int64", role = "measure", bounds = [0, 99999999999999999999] },
               { name = "h", type = "int64", role = "measure", bounds = [0, 1.5] },
               { name = "i", type = "int64", role = "measure", bounds = [0] },
               { name = "j", type = "int64", role = "measure", bounds = 100 },
               { name = "k", type = "float64", role = "measure", bounds = [0, 9007199254740993] },
               { name = "l", type = "date", role = "time", bounds = [2026-01-01T00:00:00Z, "31.12.2026"] },
               { name = "m", type = "timestamp", role = "time", bounds = [2026-01-01, 2026-12-31T00:00:00] },
               { name = "n", type = "date", role = "time", bounds = [0, 365] },
               { name = "o", type = "int32", role = "measure", bounds = [1, 2], values = [1, 2] },"#
        ),
        @r#"
        E1023 m.toml:14: table[0].column[0].bounds: the low bound is above the high bound; swap them
        E1024 m.toml:15: table[0].column[1].bounds[1]: the number must be finite; write the largest amount that is possible in practice
        E1024 m.toml:16: table[0].column[2].bounds[0]: the number must be finite; write the largest amount that is possible in practice
        E1024 m.toml:16: table[0].column[2].bounds[1]: the number must be finite; write the largest amount that is possible in practice
        E1021 m.toml:17: table[0].column[3].bounds: bounds have no meaning on a string column; use  values = ["…"]  or  max_bytes = 64
        E1021 m.toml:18: table[0].column[4].bounds: bounds have no meaning on a boolean column; remove them
        E1026 m.toml:19: table[0].column[5].bounds[1]: the number does not fit int32; use type = "int64" or a smaller number
        E1026 m.toml:20: table[0].column[6].bounds[1]: the number does not fit int64; write a number that the type holds exactly
        E1025 m.toml:21: table[0].column[7].bounds[1]: expected a value of type int64, found a decimal number; write it like  100
        E1022 m.toml:22: table[0].column[8].bounds: bounds are a pair, [lowest, highest]; found 1; write  bounds = [0, 100]
        E1005 m.toml:23: table[0].column[9].bounds: expected a list, found an integer; write  bounds = [0, 100]
        E1026 m.toml:24: table[0].column[10].bounds[1]: the number does not fit float64; write a number that the type holds exactly
        E1027 m.toml:25: table[0].column[11].bounds[0]: this is not a date; write it like  2026-01-31
        E1027 m.toml:25: table[0].column[11].bounds[1]: this is not a date; write it like  2026-01-31
        E1027 m.toml:26: table[0].column[12].bounds[0]: this is not a timestamp; write it like  2026-01-31T12:00:00Z
        E1027 m.toml:26: table[0].column[12].bounds[1]: this is not a timestamp; write it like  2026-01-31T12:00:00Z
        E1025 m.toml:27: table[0].column[13].bounds[0]: expected a value of type date, found an integer; write it like  2026-01-31
        E1025 m.toml:27: table[0].column[13].bounds[1]: expected a value of type date, found an integer; write it like  2026-01-31
        E1020 m.toml:28: table[0].column[14].bounds: a column has either a list of values or bounds, not both; keep the list for categories, the bounds for quantities
        "#
    );
}

#[test]
fn value_lists_and_texts() {
    insta::assert_snapshot!(
        columns(
            r#"{ name = "a", type = "string", role = "dimension" },
               { name = "b", type = "string", role = "dimension", values = [] },
               { name = "c", type = "string", role = "dimension", values = ["x", "y", "x", 3] },
               { name = "d", type = "int32", role = "dimension", values = [1, 2, 0x1, "3"] },
               { name = "e", type = "float64", role = "dimension", values = [0.0, -0.0, 1, 1.0] },
               { name = "f", type = "boolean", role = "dimension", values = ["true"] },
               { name = "g", type = "string", role = "dimension", max_bytes = 0 },
               { name = "h", type = "string", role = "dimension", max_bytes = 65536 },
               { name = "i", type = "int32", role = "dimension", max_bytes = 4 },
               { name = "j", type = "string", role = "dimension", values = ["x"], max_bytes = 4 },
               { name = "k", type = "string", role = "direct_identifier", values = ["Ann"] },
               { name = "l", type = "int32", role = "direct_identifier", bounds = [1, 2] },
               { name = "m", type = "string", role = "dimension", values = "x" },"#
        ),
        @r#"
        E1028 m.toml:14: table[0].column[0].max_bytes: a string column needs a list of values or a longest length; add  values = ["…"]  if the list is public knowledge, else  max_bytes = 64
        E1011 m.toml:15: table[0].column[1].values: the list must not be empty; fill it in, or remove the key if it is optional
        E1009 m.toml:16: table[0].column[2].values[2]: the value is already used at line 16; rename or remove one of the two
        E1025 m.toml:16: table[0].column[2].values[3]: expected a value of type string, found an integer; write it like  "text"
        E1009 m.toml:17: table[0].column[3].values[2]: the value is already used at line 17; rename or remove one of the two
        E1025 m.toml:17: table[0].column[3].values[3]: expected a value of type int32, found text; write it like  100
        E1009 m.toml:18: table[0].column[4].values[1]: the value is already used at line 18; rename or remove one of the two
        E1009 m.toml:18: table[0].column[4].values[3]: the value is already used at line 18; rename or remove one of the two
        E1025 m.toml:19: table[0].column[5].values[0]: expected a value of type boolean, found text; write it like  true
        E1010 m.toml:20: table[0].column[6].max_bytes: the number must be between 1 and 65535; write a whole number from 1 to 65535
        E1010 m.toml:21: table[0].column[7].max_bytes: the number must be between 1 and 65535; write a whole number from 1 to 65535
        E1029 m.toml:22: table[0].column[8].max_bytes: max_bytes only limits string columns without a list of values; remove max_bytes
        E1029 m.toml:23: table[0].column[9].max_bytes: max_bytes only limits string columns without a list of values; remove max_bytes
        E1030 m.toml:24: table[0].column[10].values: a direct_identifier column is never shown, so it has neither values nor bounds; remove them
        E1030 m.toml:25: table[0].column[11].bounds: a direct_identifier column is never shown, so it has neither values nor bounds; remove them
        E1005 m.toml:26: table[0].column[12].values: expected a list, found text; write  values = ["a", "b"]
        "#
    );
}

#[test]
fn roles_fit_their_types() {
    insta::assert_snapshot!(
        columns(
            r#"{ name = "a", type = "string", role = "measure", max_bytes = 5 },
               { name = "b", type = "int64", role = "time" },
               { name = "c", type = "float64", role = "join_key" },"#
        ),
        @r#"
        E1040 m.toml:14: table[0].column[0].role: a column of type string can't have the role measure; use a number or boolean, or another role
        E1040 m.toml:15: table[0].column[1].role: a column of type int64 can't have the role time; use date or timestamp, or another role
        E1040 m.toml:16: table[0].column[2].role: a column of type float64 can't have the role join_key; use string, an integer type, date or timestamp, or another role
        "#
    );
    let people = PEOPLE.replace("\"string\"", "\"float64\"");
    insta::assert_snapshot!(refused(&format!("{HEAD}{people}nullable = true\n")), @r#"
    E1040 m.toml:19: table[0].column[0].role: a column of type float64 can't have the role privacy_unit; use string, int32 or int64, or another role
    E1041 m.toml:20: table[0].column[0].nullable: the privacy unit can't be NULL: such rows would belong to nobody; write  nullable = false  (rows without a unit are rejected at upload)
    "#);
}

#[test]
fn units_populations_and_row_limits() {
    let row = "column = [{ name = \"a\", type = \"int32\", role = \"measure\" }]\nexpected_rows = 10\nname = \"t\"\n";
    insta::assert_snapshot!(second(&format!("{row}privacy_unit = \"row\"\nmax_rows_per_unit = 5\n")), @r#"
    E1045 m.toml:20: table[1].population: a table with a privacy unit needs a population: the id-space whose budget its answers are charged to; add  population = "…"
    E1047 m.toml:25: table[1].max_rows_per_unit: each row is its own unit, so max_rows_per_unit has nothing to limit; remove the key
    "#);
    insta::assert_snapshot!(
        second(&format!("{row}privacy_unit = \"none\"\npopulation = \"p\"\nmax_rows_per_unit = 1\n")),
        @r#"
        E1046 m.toml:25: table[1].population: a table with privacy_unit = "none" belongs to no population; remove population
        E1047 m.toml:26: table[1].max_rows_per_unit: a public table has no units, so max_rows_per_unit has nothing to limit; remove the key
        "#
    );
    insta::assert_snapshot!(second(&format!("{row}privacy_unit = \"user\"\npopulation = \"p\"\n")), @r#"E1008 m.toml:24: table[1].privacy_unit: "user" is not one of "row", "none"; use one of the listed words"#);
    insta::assert_snapshot!(second(&format!("{row}privacy_unit = {{ column = \"b\" }}\n")), @r#"
    E1003 m.toml:20: table[1].max_rows_per_unit: the key is missing; add  max_rows_per_unit = 300
    E1045 m.toml:20: table[1].population: a table with a privacy unit needs a population: the id-space whose budget its answers are charged to; add  population = "…"
    E1042 m.toml:24: table[1].privacy_unit: the table has no column "b"; add a column "b" with role = "privacy_unit"
    "#);
    insta::assert_snapshot!(
        second(&format!("{row}privacy_unit = {{ column = \"a\" }}\npopulation = \"p\"\nmax_rows_per_unit = 0\n")),
        @r#"
        E1043 m.toml:24: table[1].privacy_unit: column "a" is the table's privacy unit but its role is another; give it  role = "privacy_unit"
        E1010 m.toml:26: table[1].max_rows_per_unit: the number must be between 1 and 1000000; write a whole number from 1 to 1000000
        "#
    );
    let rows = row.replace("expected_rows = 10", "expected_rows = 0");
    insta::assert_snapshot!(second(&format!("{rows}privacy_unit = {{ colum = \"a\" }}\npopulation = \"p\"\n")), @r#"
    E1010 m.toml:22: table[1].expected_rows: the number must be between 1 and 1000000000000; write a whole number from 1 to 1000000000000
    E1004 m.toml:24: table[1].privacy_unit.colum: this key is not known here; did you mean "column"?
    E1003 m.toml:24: table[1].privacy_unit.column: the key is missing; add  privacy_unit = "row", "none" or { column = "user_id" }
    "#);
}

#[test]
fn columns_with_the_role_of_the_unit() {
    let row = PEOPLE.replace("{ column = \"id\" }", "\"row\"");
    insta::assert_snapshot!(refused(&format!("{HEAD}{row}")), @r#"E1044 m.toml:19: table[0].column[0].role: this column has the role privacy_unit but the table's privacy unit is the row; give it another role, or name it in  privacy_unit = { column = "…" }"#);
    let none =
        PEOPLE.replace("{ column = \"id\" }", "\"none\"").replace("population = \"p\"\nmax_rows_per_unit = 1\n", "");
    let name = "[[table.column]]\nname = \"n\"\ntype = \"string\"\nrole = \"direct_identifier\"\n";
    insta::assert_snapshot!(refused(&format!("{HEAD}{none}{name}")), @r#"
    E1048 m.toml:17: table[0].column[0].role: a table with privacy_unit = "none" can't have a column with the role privacy_unit; declare the table's privacy_unit, or drop the column from the file
    E1048 m.toml:21: table[0].column[1].role: a table with privacy_unit = "none" can't have a column with the role direct_identifier; declare the table's privacy_unit, or drop the column from the file
    "#);
    let two = format!(
        "{PEOPLE}[[table.column]]\nname = \"id2\"\ntype = \"int64\"\nrole = \"privacy_unit\"\nbounds = [0, 1]\n"
    );
    insta::assert_snapshot!(refused(&format!("{HEAD}{two}")), @r#"
    E1044 m.toml:23: table[0].column[1].role: this column has the role privacy_unit but the table's privacy unit is column "id"; give it another role, or name it in  privacy_unit = { column = "…" }
    E1030 m.toml:24: table[0].column[1].bounds: a privacy_unit column is never shown, so it has neither values nor bounds; remove them
    "#);
}

#[test]
fn foreign_keys() {
    let rest = "max_rows_per_unit = 5\nexpected_rows = 10\n[[table.column]]\nname = \"key\"\ntype = \"int64\"\nrole = \"join_key\"\n";
    let child = |key: &str, table: &str, column: &str, population: &str| {
        second(&format!(
            "name = \"child\"\nprivacy_unit = {{ foreign_key = \"{key}\", table = \"{table}\", column = \"{column}\" }}\n\
             population = \"{population}\"\n{rest}"
        ))
    };
    insta::assert_snapshot!(child("kye", "peple", "id", "p"), @r#"
    E1049 m.toml:22: table[1].privacy_unit: the foreign key needs column "kye" in this table (is "key" meant?), which does not exist; correct the name, or add what is missing
    E1049 m.toml:22: table[1].privacy_unit: the foreign key needs table "peple" in this manifest (is "people" meant?), which does not exist; correct the name, or add what is missing
    "#);
    insta::assert_snapshot!(child("key", "people", "idd", "p"), @r#"E1049 m.toml:22: table[1].privacy_unit: the foreign key needs column "idd" in table "people" (is "id" meant?), which does not exist; correct the name, or add what is missing"#);
    insta::assert_snapshot!(child("key", "people", "id", "q"), @r#"
    E1051 m.toml:22: table[1].privacy_unit: the foreign key compares int64 with string; declare both columns with the same type
    E1052 m.toml:23: table[1].population: the foreign key leads into population "p", but this table is in another; write  population = "p"
    "#);
    insta::assert_snapshot!(child("key", "child", "key", "p"), @r#"E1053 m.toml:22: table[1].privacy_unit: the foreign keys lead in a circle and never reach a privacy unit; let one table of the circle name its unit as  privacy_unit = { column = "…" }"#);
    insta::assert_snapshot!(second(&format!("name = \"child\"\nprivacy_unit = {{ foreign_key = \"key\" }}\n{rest}")), @r#"
    E1003 m.toml:22: table[1].privacy_unit.column: the key is missing; add  privacy_unit = { foreign_key = "order_id", table = "orders", column = "id" }
    E1003 m.toml:22: table[1].privacy_unit.table: the key is missing; add  privacy_unit = { foreign_key = "order_id", table = "orders", column = "id" }
    "#);
    let public = "[[table]]\nname = \"places\"\nprivacy_unit = \"none\"\nexpected_rows = 1\n\
                  column = [{ name = \"key\", type = \"int64\", role = \"join_key\" }]\n";
    let child = "[[table]]\nname = \"child\"\nprivacy_unit = { foreign_key = \"key\", table = \"places\", column = \"key\" }\n\
                 population = \"p\"\n";
    insta::assert_snapshot!(refused(&format!("{HEAD}{public}{child}{rest}")), @r#"E1050 m.toml:15: table[1].privacy_unit: the foreign key leads to table "places", which has no privacy unit; point it at a table whose rows belong to people, or use "none""#);
}

#[test]
fn epochs() {
    let table = |unit: &str, column: &str| {
        let text = format!(
            "name = \"log\"\nprivacy_unit = {{ column = \"who\", epoch = {unit} }}\npopulation = \"months\"\n\
             max_rows_per_unit = 5\nexpected_rows = 10\n\
             [[table.column]]\nname = \"who\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n\
             [[table.column]]\nname = \"at\"\nrole = \"time\"\n{column}\n"
        );
        second(&text)
    };
    let good = "type = \"timestamp\"\nbounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]";
    let unit = "{ column = \"at\", every = \"month\" }";
    insta::assert_snapshot!(table("{ column = \"ta\", every = \"month\" }", good), @r#"E1055 m.toml:22: table[1].privacy_unit.epoch: the epoch needs column "ta", which the table does not have; name the column that says when the row happened"#);
    insta::assert_snapshot!(table("{ column = \"at\", every = \"moon\" }", good), @r#"E1008 m.toml:22: table[1].privacy_unit.epoch.every: "moon" is not one of "day", "week", "month"; use one of the listed words"#);
    insta::assert_snapshot!(table("\"month\"", good), @r#"E1005 m.toml:22: table[1].privacy_unit.epoch: expected a table, found text; write  epoch = { column = "event_time", every = "month" }"#);
    insta::assert_snapshot!(table("{ every = \"month\", from = 1 }", good), @r#"
    E1003 m.toml:22: table[1].privacy_unit.epoch.column: the key is missing; add  epoch = { column = "event_time", every = "month" }
    E1004 m.toml:22: table[1].privacy_unit.epoch.from: this key is not known here; remove it; known here: column, every
    "#);
    insta::assert_snapshot!(table(unit, &format!("nullable = true\n{good}")), @r#"E1056 m.toml:22: table[1].privacy_unit.epoch: the epoch of each row is read from column "at", which must be never NULL; use a column with  type = "timestamp"  and  bounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]"#);
    insta::assert_snapshot!(table(unit, "type = \"timestamp\""), @r#"E1056 m.toml:22: table[1].privacy_unit.epoch: the epoch of each row is read from column "at", which must be bounded; use a column with  type = "timestamp"  and  bounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]"#);
    insta::assert_snapshot!(table(unit, "type = \"date\"\nvalues = [2026-01-01]"), @r#"E1056 m.toml:22: table[1].privacy_unit.epoch: the epoch of each row is read from column "at", which must be bounded; use a column with  type = "timestamp"  and  bounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]"#);
    insta::assert_snapshot!(table(unit, "type = \"date\"\nbounds = [\"0000-01-01\", 2026-01-01]"), @r#"E1056 m.toml:22: table[1].privacy_unit.epoch: the epoch of each row is read from column "at", which must be within the years 1 to 9999; use a column with  type = "timestamp"  and  bounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]"#);
    insta::assert_snapshot!(table("{ column = \"who\", every = \"day\" }", good), @r#"E1056 m.toml:22: table[1].privacy_unit.epoch: the epoch of each row is read from column "who", which must be a date or timestamp; use a column with  type = "timestamp"  and  bounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]"#);
}

#[test]
fn one_population_has_one_kind_of_epoch() {
    let log = |name: &str, epoch: &str| {
        format!(
            "[[table]]\nname = \"{name}\"\nprivacy_unit = {{ column = \"who\"{epoch} }}\npopulation = \"p\"\n\
             max_rows_per_unit = 5\nexpected_rows = 10\n\
             [[table.column]]\nname = \"who\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n\
             [[table.column]]\nname = \"on\"\nrole = \"time\"\ntype = \"date\"\nbounds = [2026-01-01, 2026-06-30]\n"
        )
    };
    let every = |word: &str| format!(", epoch = {{ column = \"on\", every = \"{word}\" }}");
    let two = |a: &str, b: &str| format!("{HEAD}{}{}", log("a", a), log("b", b));
    insta::assert_snapshot!(refused(&two(&every("month"), &every("week"))), @r#"E1057 m.toml:25: table[1].privacy_unit: population "p" counts people once for each month in a table above: one population has one kind of unit; add  epoch = { column = "…", every = "month" }  to privacy_unit, or name another population"#);
    insta::assert_snapshot!(refused(&two(&every("month"), "")), @r#"E1057 m.toml:25: table[1].privacy_unit: population "p" counts people once for each month in a table above: one population has one kind of unit; add  epoch = { column = "…", every = "month" }  to privacy_unit, or name another population"#);
    insta::assert_snapshot!(refused(&two("", &every("day"))), @r#"E1057 m.toml:25: table[1].privacy_unit: population "p" counts people for all time in a table above: one population has one kind of unit; remove the epoch, or name another population"#);
    let good = Manifest::parse("m.toml", &two(&every("week"), &every("week"))).unwrap();
    let epoch = good.tables()[1].epoch().unwrap();
    assert_eq!((epoch.column().as_str(), epoch.every().as_str()), ("on", "week"));
    assert_eq!(
        (epoch.span().first().to_string(), epoch.span().last().to_string()),
        ("2026-W01".into(), "2026-W27".into())
    );
}

#[test]
fn too_many_columns() {
    let many: String =
        (0..1_001).map(|i| format!("{{ name = \"c{i}\", type = \"int32\", role = \"measure\" }},\n")).collect();
    insta::assert_snapshot!(columns(&many), @r#"E1012 m.toml:8: table[0].column: 1001 columns, at most 1000 are allowed; split it"#);
}

#[test]
fn a_problem_in_one_table_does_not_hide_those_of_another() {
    let bad = PEOPLE.replace("\"string\"", "\"strnig\"").replace("expected_rows = 10", "");
    let text = format!("{HEAD}{bad}{}", PEOPLE.replace("\"people\"", "\"others\"").replace("\"p\"", "\"P\""));
    insta::assert_snapshot!(refused(&text), @r#"
    E1003 m.toml:9: table[0].expected_rows: the key is missing; add  expected_rows = 100000
    E1008 m.toml:18: table[0].column[0].type: "strnig" is not one of "boolean", "int32", "int64", "float64", "string", "date", "timestamp"; did you mean "string"?
    E1006 m.toml:24: table[1].population: a population name has lower-case letters, digits, '-', '_' and '.'; 'P' at position 1 is not allowed; write  "p"
    "#);
}
