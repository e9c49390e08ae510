//! Fuzzed texts: whatever is sent, it is refused or priced, in bounded time, without a panic. `LYCEUM_FUZZ_TEXTS` sets
//! how many (`cargo xtask nightly`: 100,000).

use super::grammar::Grammar;
use super::setting;
use crate::attacks::shop::{POLICY, ordinary};
use crate::attacks::town::town;
use crate::below::ADMITTED;
use crate::neighbours::NOW;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::bind::bind;
use lyceum_query::certify::certify;
use lyceum_query::parse::parse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What mutations put in.
const PIECES: &[&str] = &[
    " ",
    "(",
    ")",
    ",",
    "'",
    "\"",
    ";",
    "--",
    "/*",
    "*",
    ".",
    "NULL",
    "-1",
    "9223372036854775808",
    "1e400",
    "é",
    "\0",
    "\u{202e}",
    "SELECT ",
    " FROM events ",
    " JOIN users USING (user_id) ",
    " GROUP BY 1 ",
    " OVER ()",
    " UNION ALL ",
    " UNION ",
    "WITH x AS (",
    "user_id",
    "__unit",
    "protected.",
    "mock.",
    "CASE WHEN ",
    " END",
    "COUNT(*)",
    "SUM(",
    "INTERVAL '1 day'",
    "CAST(",
    " AS DECIMAL(38, 10))",
    " BETWEEN ",
    " IN (",
    " NOT ",
    " LIKE '%",
    "$1",
    "?",
    "@x",
    "[1]",
    "::",
    "||",
    " ORDER BY ",
    " LIMIT 1 ",
    "EXPLAIN PRIVACY ",
    "LATERAL ",
    "VALUES (1)",
    "UNNEST(",
    "GROUPING SETS (",
    "ROLLUP (",
    " FILTER (WHERE ",
    " HAVING ",
    " QUALIFY ",
    "EXISTS (",
    "DROP TABLE events",
    " WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) ",
    "contribution_bounds_per_row => (0, 1)",
    "DATE '0000-00-00'",
];

/// Longest time that a text of this length may take to be judged, in a build with checks, on a busy machine.
const MOST: Duration = Duration::from_secs(20);

/// Most memory that the process may ever have had.
const MOST_MEMORY_KIB: u64 = 4 << 20;

/// The largest resident size of this process, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().split(' ').next()?.parse().ok()
}

/// Cuts, doubles, swaps or puts in a piece, on a boundary of characters.
fn mutated(mut text: String, grammar: &mut Grammar) -> String {
    let place = |text: &str, at: usize| (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    for _ in 0..=grammar.below(3) {
        let (a, b) = (grammar.below(text.len() + 1), grammar.below(text.len() + 1));
        let (from, to) = (place(&text, a.min(b)), place(&text, a.max(b)));
        match grammar.below(5) {
            0 => text.replace_range(from..place(&text, from + 1 + grammar.below(12)).max(from), ""),
            1 if text.len() < 20_000 => {
                let end = place(&text, to.min(from + 40)).max(from);
                let piece = text[from..end].to_owned();
                text.insert_str(to, &piece);
            }
            2 => text.truncate(place(&text, text.len().saturating_sub(grammar.below(20)))),
            _ => text.insert_str(from, PIECES[grammar.below(PIECES.len())]),
        }
    }
    text
}

#[tokio::test]
async fn no_text_stops_the_engine() {
    let (wanted, seed) = (setting("LYCEUM_FUZZ_TEXTS", 2_000), setting("LYCEUM_FUZZ_SEED", 1));
    let shop = town(&ordinary(), 1, POLICY, ZeroNoise).await;
    let mut grammar = Grammar::new(seed as u64 + 77, false);
    let (mut parsed, mut certified, mut priced, mut slowest) = (0, 0, 0, (Duration::ZERO, String::new()));
    for i in 0..wanted {
        let valid = if grammar.below(4) == 0 {
            ADMITTED[grammar.below(ADMITTED.len())].1.to_owned()
        } else {
            grammar.query().sql
        };
        // Most disturbed texts don't parse, so more than half are left as they are.
        let text = if grammar.below(5) < 3 { valid } else { mutated(valid, &mut grammar) };
        let started = Instant::now();
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let Ok(parse) = parse(&text) else { return (false, false) };
            let bound = bind(parse, &shop.catalog, NOW);
            (true, bound.is_ok_and(|b| certify(b).is_ok()))
        }));
        let Ok((parses, certifies)) = judged else { panic!("seed {seed}, text {i} panics: {text:?}") };
        parsed += usize::from(parses);
        certified += usize::from(certifies);
        if certifies && i % 20 == 0 {
            priced += usize::from(shop.engine.prepare(&text, &shop.catalog, NOW).await.is_ok());
        }
        let took = started.elapsed();
        assert!(took < MOST, "seed {seed}, text {i} takes {took:?}: {text:?}");
        if took > slowest.0 {
            slowest = (took, text);
        }
    }
    // Of the whole process, other tests included.
    let peak = peak_memory();
    assert!(peak.is_none_or(|kib| kib < MOST_MEMORY_KIB), "{peak:?} KiB");
    println!(
        "{wanted} texts, {parsed} parse, {certified} certify, {priced} priced; slowest {:?}: {}",
        slowest.0, slowest.1
    );
    assert!(parsed * 2 >= wanted, "only {parsed} of {wanted} parse");
}
