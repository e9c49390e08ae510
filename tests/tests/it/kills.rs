//! `kill -9` at random moments while several people ask. `LYCEUM_KILLS` says how often; the default is for every day.

use crate::crash::Auditor;
use lyceum_schema::wire::QueryAnswer;
use lyceum_tests::person::{Person, Question};
use lyceum_tests::random::Random;
use lyceum_tests::study::{Caps, Study};
use std::time::Duration;

const PEOPLE: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_an_answer_finds_it_charged_and_logged_after_any_crash() {
    let kills: u64 = std::env::var("LYCEUM_KILLS").map_or(6, |n| n.parse().expect("LYCEUM_KILLS is a number"));
    let settings = [("FAILURES_BEFORE_PAUSE", "1000000"), ("QUERY_CONCURRENCY", "4")];
    let mut study = Study::ready_with(&settings, Caps::default()).await;
    let mut auditor = Auditor::new(&study);
    let mut given: Vec<QueryAnswer> = Vec::new();
    for round in 0..kills {
        let asking: Vec<_> = (0..PEOPLE)
            .map(|i| tokio::spawn(ask_until_it_dies(study.researcher.clone(), round * PEOPLE + i)))
            .collect();
        tokio::time::sleep(Duration::from_millis(150 + Random::new(round).below(900))).await;
        study.server.kill();
        for person in asking {
            given.extend(person.await.unwrap());
        }
        study.server.restart();
        auditor.check(&study, &given).await;
    }
    assert!(given.len() as u64 >= kills, "only {} answers in {kills} rounds: there was no load", given.len());
}

/// Asks for new noise, or for what may be stored already, over and over; what was received before the server died.
async fn ask_until_it_dies(person: Person, seed: u64) -> Vec<QueryAnswer> {
    let mut random = Random::new(seed);
    let mut received = Vec::new();
    loop {
        let sql = format!(
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.05) COUNT(*) AS n FROM customers WHERE age > {}",
            random.below(5) * 10
        );
        let question = Question { fresh: random.chance(70), ..Question::new(&sql) };
        match person.try_ask(&question).await {
            Ok(Ok(answer)) => received.push(answer),
            Ok(Err(problem)) => panic!("{sql}: {problem:?}"),
            Err(_) => return received,
        }
    }
}
