//! `kill -9` exactly between two steps: at each named crash point of charging, answering, logging and publishing.

use lyceum_schema::wire::{List, QueryAnswer, Version};
use lyceum_tests::cli::Shell;
use lyceum_tests::folder;
use lyceum_tests::log::Exported;
use lyceum_tests::person::Question;
use lyceum_tests::shop;
use lyceum_tests::study::{Caps, Study, WORKSPACE, login};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What must be true after a crash, whenever it came.
pub(crate) struct Auditor {
    reviewer: Shell,
    exports: usize,
}

impl Auditor {
    pub(crate) fn new(study: &Study) -> Self {
        Self { reviewer: study.reviewer_shell(), exports: 0 }
    }

    /// The log verifies and continues the one seen last; every answer that somebody holds is in it, and was paid for;
    /// every charge has ended, one way or the other.
    pub(crate) async fn check(&mut self, study: &Study, given: &[QueryAnswer]) -> Exported {
        let folder = study.server.folder().to_owned();
        login(&self.reviewer, &study.server.address().url(), study.reviewer.token(), &folder);
        self.exports += 1;
        let log = Exported::fetch(&self.reviewer, &folder.join(format!("log-{}", self.exports)));
        log.verify(&self.reviewer, &folder.join("saved.checkpoint"));

        let answered: BTreeSet<String> = log.all("query.answered", "charge").into_iter().collect();
        let failed: BTreeSet<String> = log.all("query.failed", "charge").into_iter().collect();
        let charged: BTreeSet<String> = log.all("query.charged", "charge").into_iter().collect();
        let ended: BTreeSet<String> = answered.union(&failed).cloned().collect();
        assert_eq!(charged, ended, "every charge is answered or failed");
        assert!(answered.is_disjoint(&failed), "no charge is both");

        let mut paid = 0;
        let mut seen = BTreeSet::new();
        for answer in given {
            let charge = answer.charge.expect("private answers are charged").to_string();
            assert!(answered.contains(&charge), "an answer that left is not in the log");
            let receipt = answer.receipt.as_ref().expect("private answers have receipts");
            assert_eq!(log.prove(&receipt.text).index, receipt.entry);
            if seen.insert(charge) {
                paid += answer.price.as_ref().expect("private answers have a price").rho;
            }
        }
        let root = study.spent().await;
        assert!(root.rho_spent >= paid, "spent {} for answers worth {paid}", root.rho_spent);
        assert_eq!(root.charges, charged.len() as u64, "the ledger counts what the log counts");
        log
    }
}

/// What becomes of a question whose server died at a point.
struct Expectation {
    point: &'static str,
    /// Whether it is charged.
    charged: bool,
    /// Whether its answer is there when the same question is asked again; `None`: depends on which flush was hit.
    kept: Option<bool>,
}

const POINTS: [Expectation; 8] = [
    Expectation { point: "charge.before_commit", charged: false, kept: Some(false) },
    Expectation { point: "charge.after_commit", charged: true, kept: Some(false) },
    Expectation { point: "execute", charged: true, kept: Some(false) },
    Expectation { point: "release", charged: true, kept: Some(false) },
    Expectation { point: "answer.before_commit", charged: true, kept: Some(false) },
    Expectation { point: "answer.after_commit", charged: true, kept: Some(true) },
    Expectation { point: "log.after_tiles", charged: true, kept: None },
    Expectation { point: "log.after_checkpoint", charged: true, kept: None },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_a_question_loses_no_charge_and_no_answer() {
    let mut study = Study::ready_with(&[("FAILURES_BEFORE_PAUSE", "1000")], Caps::default()).await;
    let mut auditor = Auditor::new(&study);
    let mut given = Vec::new();
    for (i, Expectation { point, charged, kept }) in POINTS.iter().enumerate() {
        let sql = format!("SELECT COUNT(*) AS n FROM customers WHERE age > {}", 20 + i);
        let question = Question::new(&sql);
        let before = study.spent().await.charges;
        assert!(study.server.restart_armed(Some(&format!("{point}=abort"))), "{point}: nothing to do at a clean start");
        let outcome = study.researcher.try_ask(&question).await;
        assert!(outcome.is_err(), "{point}: the server must die before it answers, but: {outcome:?}");
        study.server.wait();

        study.server.restart();
        let dead = study.spent().await.charges - before;
        assert_eq!(dead, u64::from(*charged), "{point}: charges after the crash");
        auditor.check(&study, &given).await;
        let answer = study.researcher.ask(&question).await;
        if let Some(kept) = kept {
            assert_eq!(answer.repeated, *kept, "{point}: the answer that was paid for");
        }
        let total = dead + u64::from(!answer.repeated);
        assert_eq!(study.spent().await.charges - before, total, "{point}: charges after asking again");
        given.push(answer);
    }
    auditor.check(&study, &given).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_that_died_pause_the_release_until_its_owner_resumes_it() {
    let mut study = Study::ready_with(&[("FAILURES_BEFORE_PAUSE", "2")], Caps::default()).await;
    let question = Question::new("SELECT COUNT(*) AS n FROM customers");
    for _ in 0..2 {
        study.server.restart_armed(Some("execute=abort"));
        assert!(study.researcher.try_ask(&question).await.is_err());
        study.server.wait();
    }
    study.server.restart();
    let path = format!("/v1/releases/{}", study.release);
    assert_eq!(study.partner.get(&path).await.json::<Value>()["state"], "paused");
    study.researcher.ask_in_vain(&question).await;
    study.partner.post(&format!("{path}/resume"), &json!({ "reason": "the disk is replaced" })).await.json::<Value>();
    study.researcher.ask(&question).await;
    assert_eq!(study.spent().await.charges, 3, "what died stays charged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_uploading_or_publishing_leaves_nothing_half_done() {
    let mut study = Study::ready().await;
    let mut auditor = Auditor::new(&study);
    let csv = shop::csv(&shop::rows(300));
    let published = |versions: &[Version]| versions.iter().filter(|v| is_published(v)).count();

    // In the middle of the body: half of a file has arrived.
    let id = study.draft("shop").await;
    let half: Vec<Result<String, std::io::Error>> = vec![Ok(csv[..csv.len() / 2].to_owned())];
    let endless = futures::StreamExt::chain(futures::stream::iter(half), futures::stream::pending());
    let (partner, path) = (study.partner.clone(), format!("/v1/datasets/shop/versions/{id}/tables/customers"));
    let upload = tokio::spawn(async move {
        partner.try_send(Method::PUT, &path, "text/csv", Body::wrap_stream(endless)).await.is_err()
    });
    let begun = std::time::Instant::now();
    let spool = study.server.home().join("spool");
    while folder::files(&spool).is_empty() && begun.elapsed().as_secs() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    study.server.kill();
    assert!(upload.await.unwrap(), "the upload breaks off");
    study.server.restart();
    assert_eq!(folder::files(&spool), Vec::<PathBuf>::new(), "no raw rows are left over");
    assert_eq!(published(&versions(&study).await), 1);

    for (point, expected) in [("publish.before_commit", 1), ("publish.after_commit", 3)] {
        assert!(study.server.restart_armed(Some(&format!("{point}=abort"))));
        let id = study.draft("shop").await;
        let path = format!("/v1/datasets/shop/versions/{id}");
        let table = format!("{path}/tables/customers");
        study.partner.send(Method::PUT, &table, "text/csv", csv.clone()).await.json::<Value>();
        let publish = format!("{path}/publish");
        let outcome = study.partner.try_send(Method::POST, &publish, "application/json", "{}").await;
        assert!(outcome.is_err(), "{point}: the server must die before it answers");
        study.server.wait();
        study.server.restart();
        let there = versions(&study).await;
        assert_eq!(published(&there), expected, "{point}: {there:?}");
        auditor.check(&study, &[]).await;
        if expected == 1 {
            // The draft is as it was, and can be gone on with.
            assert!(!there[0].tables.is_empty() && there[0].tables.iter().all(|t| t.uploaded), "{point}: {there:?}");
            study.partner.post(&publish, &json!({})).await.json::<Version>();
        }
    }

    study.upload("shop", "customers", "text/csv", csv).await;
    assert_eq!(published(&versions(&study).await), 4, "the next upload works");
    study.researcher.ask(&Question::new("SELECT COUNT(*) AS n FROM customers")).await;
    auditor.check(&study, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_rows_are_made_leaves_nothing_half_visible() {
    let mut study = Study::ready().await;
    let mut auditor = Auditor::new(&study);
    let stored = folder::files(&study.server.home().join("data"));
    let policy = "kind = \"mock\"\npurpose = \"a test\"\n[mock]\nrows = 500\n";
    let path = format!("/v1/workspaces/{WORKSPACE}/releases");
    for (point, state) in [
        ("release.generate", "failed"),
        ("release.report", "failed"),
        ("release.before_report", "failed"),
        ("release.after_report", "active"),
    ] {
        assert!(study.server.restart_armed(Some(&format!("{point}=abort"))), "{point}");
        let body = json!({ "dataset": "shop", "policy": policy }).to_string();
        // The reply may come before the server dies.
        let _ = study.partner.try_send(Method::POST, &path, "application/json", body).await;
        study.server.wait();
        study.server.restart();
        let releases = study.partner.get(&path).await.json::<Value>();
        assert_eq!((&releases["items"][0]["kind"], &releases["items"][0]["state"]), (&json!("mock"), &json!(state)));
        if state == "failed" {
            assert_eq!(
                folder::files(&study.server.home().join("data")),
                stored,
                "{point}: files that nobody refers to"
            );
            study.researcher.ask_in_vain(&Question::new("SELECT COUNT(*) AS n FROM mock.customers")).await;
        }
        auditor.check(&study, &[]).await;
    }
    let answer = study.researcher.ask(&Question::new("SELECT COUNT(*) AS n FROM mock.customers")).await;
    assert_eq!(answer.rows[0][0], 500);
    auditor.check(&study, &[]).await;
}

async fn versions(study: &Study) -> Vec<Version> {
    study.partner.get("/v1/datasets/shop/versions").await.json::<List<Version>>().items
}

fn is_published(version: &Version) -> bool {
    version.state == lyceum_schema::state::VersionState::Published
}
