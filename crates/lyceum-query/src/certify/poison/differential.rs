//! Where results are defined they are DataFusion's: expressions over good rows, computed below the barrier and by
//! DataFusion itself.

use super::{catalog, certify, parse, rows, run};
use crate::bind::bind;
use crate::certify::Certified;
use arrow::array::Array;
use arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use lyceum_schema::time::Micros;
use std::sync::Arc;

/// Expressions of every function; floats are compared in thousandths.
const EXACT: &[&str] = &[
    "x + y",
    "l - x",
    "l * x",
    "l / y",
    "l % y",
    "-l",
    "l & 5",
    "l | x",
    "l ^ x",
    "l << y",
    "l >> y",
    "abs(-l)",
    "round(l, -2)",
    "gcd(l, x)",
    "lcm(l, x)",
    "factorial(x)",
    "iszero(f)",
    "isnan(f)",
    "least(l, x, y)",
    "greatest(l, x, y)",
    "least(s, st)",
    "character_length(s)",
    "octet_length(s)",
    "bit_length(s)",
    "lower(upper(st))",
    "initcap('one tWo ' || st)",
    "reverse(s)",
    "substr(s, 2)",
    "substr(s, y, 2)",
    "left(s, 2)",
    "right(s, -1)",
    "btrim(s, '12')",
    "ltrim(s, '1')",
    "rtrim(s, '0')",
    "starts_with(s, '1')",
    "ends_with(s, '9')",
    "contains(s, '00')",
    "strpos(s, '0')",
    "concat(s, st, l)",
    "concat_ws('-', s, st)",
    "s || st",
    "s LIKE '1%'",
    "s ILIKE '%0_'",
    "s ~ '^[12]+$'",
    "s !~ '3'",
    "ascii(s)",
    "chr(l + 64)",
    "to_hex(l)",
    "encode(s, 'hex')",
    "encode(s, 'base64')",
    "repeat(s, y)",
    "lpad(s, x, 'ab')",
    "rpad(s, x)",
    "replace(s, '1', st)",
    "translate(s, '12', 'a')",
    "overlay(s placing 'zz' from y for 1)",
    "overlay(s placing 'zz' from x)",
    "split_part('a-b-' || s, '-', 3)",
    "split_part(sd, '-', -1)",
    "substr_index(sd, '-', 2)",
    "find_in_set(s, '1,2,3')",
    "levenshtein(s, sd)",
    "regexp_like(s, '^1')",
    "regexp_like(st, 'O', 'i')",
    "regexp_count(s, '1')",
    "regexp_instr(s, '0')",
    "regexp_replace(s, '(.)1', 'x\\1')",
    "regexp_replace(s, '1', 'y', 'g')",
    "date_part('year', dt)",
    "date_part('week', ts)",
    "date_part('isodow', dt)",
    "date_part('isoyear', ts)",
    "date_part('doy', ts)",
    "date_part('millisecond', ts)",
    "date_part('microsecond', ts)",
    "date_trunc('quarter', ts)",
    "date_trunc('minute', ts)",
    "date_bin(INTERVAL '7 minutes', ts)",
    "date_bin(INTERVAL '1 month', ts, TIMESTAMP '2001-01-15T00:00:00')",
    "ts + INTERVAL '1 month'",
    "dt - INTERVAL '3 days'",
    "dt - DATE '2000-01-01'",
    "ts - TIMESTAMP '1970-01-01T00:01:00' > INTERVAL '5 minutes'",
    "make_date(2000 + x, y, x)",
    "from_unixtime(l)",
    "to_timestamp(l)",
    "to_timestamp(sd)",
    "to_timestamp_seconds(l)",
    "to_timestamp_millis(l)",
    "to_timestamp_micros(l)",
    "to_date(sd)",
    "to_date(sd, '%Y-%m-%d')",
    "to_char(ts, '%Y-%m-%d %H:%M:%S %j %a %B %p')",
    "to_char(dt, '%d.%m.%y')",
    "to_unixtime(ts)",
    "to_unixtime(sd)",
    "to_local_time(ts)",
    "coalesce(nullif(y, 1), x)",
    "nvl2(nullif(y, 1), x, l)",
    "CAST(s AS BIGINT)",
    "CAST(l AS VARCHAR)",
    "CAST(f AS BIGINT)",
    "CAST(x AS BOOLEAN)",
    "CAST(ts AS DATE)",
    "CAST(dt AS TIMESTAMP)",
    "CAST(dt AS VARCHAR)",
    "CAST(ts AS BIGINT)",
    "CAST(CAST(l AS DECIMAL(38, 0)) AS BIGINT)",
];
const FLOATS: &[&str] = &[
    "f / y",
    "f * d",
    "f - d",
    "signum(f)",
    "round(d, 1)",
    "trunc(d, 1)",
    "floor(d)",
    "ceil(d)",
    "sqrt(f)",
    "cbrt(f)",
    "exp(y)",
    "ln(f)",
    "log10(f)",
    "log2(f)",
    "log(2, f)",
    "power(f, 2)",
    "sin(f)",
    "cos(f)",
    "tan(f)",
    "cot(f)",
    "asin(1 / f)",
    "acos(1 / f)",
    "atan(f)",
    "atan2(f, d)",
    "sinh(y)",
    "cosh(y)",
    "tanh(f)",
    "asinh(f)",
    "acosh(f)",
    "atanh(0.5 / f)",
    "degrees(f)",
    "radians(f)",
    "nanvl(f, 0)",
    "pi() * f",
    "least(f, d)",
    "date_part('epoch', ts)",
    "CAST(d AS DECIMAL(10, 1))",
    "to_unixtime(to_timestamp(d))",
];

#[tokio::test]
async fn defined_results_are_those_of_datafusion() {
    let catalog = catalog();
    let batch = rows(&catalog.tables[0], false);
    let plain = SessionContext::new();
    plain.register_table("t", Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).unwrap())).unwrap();
    let floats = FLOATS.iter().map(|f| format!("CAST(round(({f}) * 1000) AS BIGINT)"));
    let mut different = Vec::new();
    for expression in EXACT.iter().map(|e| (*e).to_owned()).chain(floats) {
        let sql = format!("SELECT id, ({expression}) AS e, COUNT(*) FROM t GROUP BY id, e");
        let certified = parse(&sql).and_then(|q| bind(q, &catalog, Micros(0))).and_then(certify);
        let Ok(Certified::Private(query)) = certified else {
            different.push(format!("{expression} is refused"));
            continue;
        };
        let ours: Vec<String> = run(&query.barriers[0].below, &batch).await;
        let frame = plain.sql(&format!("SELECT id, ({expression}) AS e FROM t")).await.unwrap();
        for (id, theirs) in told(frame.collect().await.unwrap_or_else(|e| panic!("{expression}: {e}"))) {
            if !ours.iter().any(|row| {
                row.split_once('|').is_some_and(|(_, rest)| {
                    rest == format!("{id}|{theirs}") || rest.starts_with(&format!("{id}|{theirs}|"))
                })
            }) {
                let near = ours.iter().find(|row| row.split('|').nth(1) == Some(&id));
                different.push(format!("{expression}: {theirs:?}, ours {near:?}"));
                break;
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn told(batches: Vec<arrow::record_batch::RecordBatch>) -> Vec<(String, String)> {
    let cell = |column: &dyn Array, row: usize| {
        if column.is_null(row) { "NULL".to_owned() } else { array_value_to_string(column, row).unwrap() }
    };
    batches.iter().flat_map(|b| (0..b.num_rows()).map(|row| (cell(b.column(0), row), cell(b.column(1), row)))).collect()
}
