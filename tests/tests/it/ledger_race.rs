//! Questions that race for the same budget: what fits once is answered once, and equal questions are paid for once.

use futures::future::join_all;
use lyceum_tests::person::Question;
use lyceum_tests::study::{Caps, Study};

#[tokio::test(flavor = "multi_thread")]
async fn of_questions_that_fit_only_once_one_is_answered() {
    let study = Study::ready_with(&[("QUERY_CONCURRENCY", "4")], Caps { total: 1.0, default: 0.8 }).await;
    let questions: Vec<String> =
        (0..6).map(|age| format!("SELECT COUNT(*) AS n FROM customers WHERE age > {}", 30 + age)).collect();
    let asked = questions
        .iter()
        .map(|sql| async { study.researcher.try_ask(&Question::new(sql)).await.expect("the server is there") });
    let outcomes = join_all(asked).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
    assert_eq!(outcomes.len() - refused.len(), 1, "one fits: {refused:?}");
    for problem in refused {
        assert_eq!(problem.code, "E3002", "{problem:?}");
        assert_ne!(problem.charged, Some(true), "{problem:?}");
        assert!(problem.fix.is_some(), "a refusal shows the way out: {problem:?}");
    }
    let root = study.spent().await;
    assert_eq!(root.charges, 1);
    assert!(root.rho_spent <= root.rho_cap);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_questions_at_the_same_time_are_paid_for_once() {
    let study = Study::ready_with(&[("QUERY_CONCURRENCY", "4")], Caps::default()).await;
    let colleague = study.account("colleague", "researcher", "uni-example").await;
    study.join("study", "colleague", "researcher").await;
    let sql = "SELECT segment, COUNT(*) AS n, SUM(spend) AS spend FROM customers GROUP BY segment";
    let spellings = [sql.to_owned(), sql.replace("SELECT", "select"), format!("{sql} ORDER BY segment")];
    let asked = (0..6).map(|i| {
        let person = if i % 2 == 0 { &study.researcher } else { &colleague };
        let spelling = &spellings[i % spellings.len()];
        async move { person.ask(&Question::new(spelling)).await }
    });
    let answers = join_all(asked).await;
    for answer in &answers {
        assert_eq!(answer.charge, answers[0].charge);
        let (receipt, first) = (answer.receipt.as_ref().unwrap(), answers[0].receipt.as_ref().unwrap());
        assert_eq!(receipt.entry, first.entry, "the original's place in the log");
        let mut rows = answer.rows.clone();
        rows.sort_by_key(|row| row[0].to_string());
        let mut first = answers[0].rows.clone();
        first.sort_by_key(|row| row[0].to_string());
        assert_eq!(rows, first, "the same numbers for everybody");
    }
    assert_eq!(answers.iter().filter(|a| !a.repeated).count(), 1);
    assert_eq!(study.spent().await.charges, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_request_is_paid_for_once_even_if_it_asks_for_new_noise() {
    let study = Study::ready().await;
    let sql = "SELECT COUNT(*) AS n FROM customers";
    let question = Question { fresh: true, key: Some("retry-1"), ..Question::new(sql) };
    let first = study.researcher.ask(&question).await;
    let retries = join_all((0..4).map(|_| study.researcher.ask(&question))).await;
    assert!(retries.iter().all(|a| a.charge == first.charge && a.rows == first.rows));
    assert_eq!(study.spent().await.charges, 1);

    let other =
        Question { key: Some("retry-1"), ..Question::new("SELECT COUNT(*) AS n FROM customers WHERE age > 40") };
    assert_eq!(study.researcher.ask_in_vain(&other).await.code, "E3004");
    let fresh = study.researcher.ask(&Question { fresh: true, ..Question::new(sql) }).await;
    assert_ne!(fresh.charge, first.charge, "without the key, new noise is a new charge");
    assert_eq!(study.spent().await.charges, 2);
}

/// `now()` is part of the question; a retry means the moment of the first attempt, not its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_retried_question_about_the_present_is_the_same_question() {
    let study = Study::ready().await;
    let sql = "SELECT COUNT(*) AS n FROM customers WHERE now() > TIMESTAMP '2020-01-01 00:00:00'";
    let question = Question { key: Some("retry-now"), ..Question::new(sql) };
    let first = study.researcher.ask(&question).await;
    let again = study.researcher.ask(&question).await;
    assert_eq!((again.charge, again.rows), (first.charge, first.rows));
    assert!(again.repeated);
    assert_eq!(study.spent().await.charges, 1);
}
