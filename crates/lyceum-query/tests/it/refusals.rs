//! Every refusal as people read it. The text beside each query is golden: to accept a change, run with
//! `LYCEUM_GOLDEN=write` and read the diff.

use crate::sample::{catalog, certified_in};
use lyceum_query::certify::Certified;
use lyceum_query::error::{QueryError, Reason};

const QUERIES: &str = include_str!("refusals/queries.sql");

fn told(sql: &str) -> String {
    match certified_in(&catalog(), sql) {
        Ok(Certified::Private(_)) => "admitted, private".to_owned(),
        Ok(Certified::Public(_)) => "admitted, public".to_owned(),
        Err(QueryError::Refused(refusal)) => refusal.render(sql),
        Err(other) => other.to_string(),
    }
}

#[test]
fn every_refusal_says_what_where_why_and_what_to_write() {
    let mut text = String::new();
    for sql in QUERIES.split(";;\n").map(str::trim).filter(|s| !s.is_empty()) {
        text += &format!("{sql}\n{}\n\n", told(sql));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/refusals/golden.txt");
    if std::env::var_os("LYCEUM_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    for (now, then) in text.split("\n\n").zip(golden.split("\n\n")) {
        assert_eq!(now, then);
    }
    assert_eq!(text.len(), golden.len());
    assert!(!text.contains("\nadmitted, "), "every query here is refused");
    for reason in Reason::ALL {
        assert!(text.contains(reason.code()), "{} is shown by no query", reason.code());
    }
}

#[test]
fn deep_and_long_texts_are_refused_without_a_panic() {
    let nested = |n: usize| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n));
    let chain = |op: &str, n: usize| format!("SELECT COUNT(*) FROM orders WHERE {}vip", format!("vip {op} ").repeat(n));
    let cases = [
        nested(30_000),
        nested(50_000),
        nested(60),
        chain("AND", 5_000),
        chain("=", 300),
        format!("SELECT {}1", "- ".repeat(10_000)),
        format!("SELECT {}1", "NOT ".repeat(10_000)),
        format!("SELECT 1{}", "::int".repeat(6_000)),
        format!("SELECT {}", "1+".repeat(20_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(3_000)),
        format!("SELECT COUNT(*) FROM {}orders{}", "(SELECT * FROM ".repeat(1_000), ")".repeat(1_000)),
        format!("SELECT '{}", "x".repeat(70_000)),
        "x,".repeat(25_000),
        format!("SELECT {} 1 {}", "CASE WHEN vip THEN ".repeat(3_000), "END ".repeat(3_000)),
    ];
    for sql in cases {
        let Err(error) = certified_in(&catalog(), &sql) else { panic!("admitted: {}", &sql[..60]) };
        assert!(["E2101", "E2102"].contains(&error.code()), "{} {}", error.code(), &sql[..60]);
    }
    let deep = format!("SELECT COUNT(*) FROM orders WHERE {}vip", "vip AND ".repeat(80));
    assert!(certified_in(&catalog(), &deep).is_ok(), "a long condition is no attack");
}

/// Mutations of real queries: whatever the text, an answer or a refusal, never a panic.
#[test]
fn no_text_makes_a_panic() {
    let seeds: Vec<&str> = QUERIES.split(";;\n").map(str::trim).filter(|s| !s.is_empty()).collect();
    let pieces = [
        "(",
        ")",
        ",",
        "'",
        "*",
        " SELECT ",
        " FROM ",
        "orders",
        "0",
        "1e999",
        "NULL",
        " OVER ()",
        "%",
        "-",
        "\u{0}",
        "é",
        "__unit",
        " user_id ",
        "::date",
        " GROUP BY 1",
        " INTERVAL '1 month' ",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let catalog = catalog();
    for _ in 0..3_000 {
        let mut text: Vec<char> = seeds[next(seeds.len())].chars().collect();
        for _ in 0..1 + next(3) {
            let at = next(text.len() + 1);
            match next(3) {
                0 => text.truncate(at),
                1 => drop(text.splice(at..at, pieces[next(pieces.len())].chars()).collect::<Vec<_>>()),
                _ => {
                    let end = (at + next(12)).min(text.len());
                    drop(text.drain(at..end).collect::<Vec<_>>());
                }
            }
        }
        let sql: String = text.into_iter().collect();
        let _ = certified_in(&catalog, &sql);
    }
}
