//! Person-months on the generated advertising data: a question over three months debits three, a new month brings new
//! budget, an old one doesn't get its own back.

use lyceum_schema::wire::{AuditClaims, PopulationBudget, QueryAnswer, Release, ValidationReport};
use lyceum_tests::cli::Shell;
use lyceum_tests::person::Question;
use lyceum_tests::server::Server;
use lyceum_tests::study::{Caps, Study, WORKSPACE, login, policy};
use serde_json::{Value, json};

const CAPS: Caps = Caps { total: 2.0, default: 0.5 };

/// The shipped manifest's events, with months as a part of the unit.
fn manifest() -> String {
    let text = include_str!("../../../datasets/ads/manifest.toml");
    let table = |name: &str| text.find(&format!("[[table]]\nname = \"{name}\"")).expect("the table is there");
    let head = text[..table("users")].replace("lyceum-samples", "shop-ltd");
    let events = text[table("events")..table("campaigns")].replace("ads-people", "ad-months").replace(
        "privacy_unit = { column = \"user_id\" }",
        "privacy_unit = { column = \"user_id\", epoch = { column = \"event_time\", every = \"month\" } }",
    );
    assert!(events.contains("epoch"));
    head + &events
}

/// The lines of a CSV file, header first, whose `event_time` is before a day.
fn before(csv: &str, day: &str) -> String {
    let header = csv.lines().next().unwrap();
    let at = header.split(',').position(|name| name == "event_time").unwrap();
    let old = |line: &&str| line.split(',').nth(at).is_some_and(|time| time < day);
    std::iter::once(header).chain(csv.lines().skip(1).filter(old)).fold(String::new(), |all, line| all + line + "\n")
}

/// Uploads the events as a new version, and releases it in place of the old one.
async fn release(study: &mut Study, csv: String) -> ValidationReport {
    let report = study.upload("ads", "events", "text/csv", csv).await;
    if !study.release.is_empty() {
        let path = format!("/v1/releases/{}/revoke", study.release);
        study.partner.post(&path, &json!({ "reason": "a newer version" })).await.json::<Release>();
    }
    let body = json!({ "dataset": "ads", "policy": policy(CAPS) });
    let proposed: Release = study.partner.post(&format!("/v1/workspaces/{WORKSPACE}/releases"), &body).await.json();
    let path = format!("/v1/releases/{}/approve", proposed.id);
    study.reviewer.post(&path, &json!({ "reason": "fits the protocol" })).await.json::<Release>();
    study.release = proposed.id.to_string();
    report
}

fn sql(epsilon: f64, from: &str, to: &str) -> String {
    by("kind", epsilon, from, to)
}

fn by(key: &str, epsilon: f64, from: &str, to: &str) -> String {
    format!(
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = {epsilon}) {key}, COUNT(*) AS n FROM events \
         WHERE event_time >= '2026-{from}-01' AND event_time < '2026-{to}-01' GROUP BY {key}"
    )
}

async fn ask(study: &Study, sql: &str) -> QueryAnswer {
    study.researcher.ask(&Question::new(sql)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn months_are_paid_for_one_by_one() {
    let mut study = Study::convene(Server::start(), CAPS).await;
    let months = json!({ "name": "ad-months", "epsilon": 2.0, "delta": 1e-5, "size": 1000, "epoch": "month" });
    study.partner.post("/v1/populations", &months).await.json::<Value>();
    let folder = study.server.folder().to_owned();
    let shell = Shell::new(&folder, "steward");
    login(&shell, &study.server.address().url(), study.partner.token(), &folder);
    // 150 days from January 1st: to the end of May.
    shell.ok(&["generate", "ads", "--users", "300", "--days", "150", "--seed", "3", "--out", "ads"]);
    let csv = std::fs::read_to_string(folder.join("ads/events.csv")).unwrap();

    // A population of people is none of person-months.
    let wrong = manifest().replace("name = \"ads\"", "name = \"wrong\"").replace("ad-months", "shoppers");
    study.declare(&wrong).await;
    let refused = study.partner.post("/v1/datasets/wrong/versions", &json!({})).await.problem();
    assert!(refused.detail.contains("counts people for all time, the manifest per month"), "{refused:?}");

    study.declare(&manifest()).await;
    let report = release(&mut study, before(&csv, "2026-05")).await;
    assert_eq!((report.rows_rejected, report.rows_accepted > 1_000), (0, true));

    // Three months are asked about: three are debited, in each of the four accounts.
    let answer = ask(&study, &sql(0.5, "02", "05")).await;
    let price = answer.price.unwrap();
    assert_eq!(price.epochs.to_string(), "3 months: 2026-02 … 2026-04");
    let claims: AuditClaims = study.reviewer.get("/v1/audit/claims").await.json();
    let mut paid: Vec<_> = claims.accounts.iter().map(|a| (a.account.as_str(), a.epoch.unwrap().to_string())).collect();
    paid.sort();
    let expected: Vec<_> = ["owner", "researcher", "root", "workspace"]
        .into_iter()
        .flat_map(|account| ["2026-02", "2026-03", "2026-04"].map(|month| (account, month.to_owned())))
        .collect();
    assert_eq!(paid, expected);
    assert!(claims.accounts.iter().all(|a| (a.rho, a.charges) == (price.rho, 1)), "the whole price in each month");
    let repeat = ask(&study, &sql(0.5, "02", "05")).await;
    assert!(repeat.repeated);

    // March is spent; what touches it is refused by name, the other months answer. (By channel: what was answered by
    // kind is given again for less ε, too.)
    ask(&study, &sql(1.8, "03", "04")).await;
    for (from, to) in [("03", "04"), ("02", "05")] {
        let refused = study.researcher.ask_in_vain(&Question::new(&by("channel", 1.7, from, to))).await;
        assert_eq!(refused.code, "E3002", "{refused:?}");
        assert!(refused.detail.contains("in 2026-03"), "{refused:?}");
    }
    ask(&study, &sql(1.7, "04", "05")).await;
    ask(&study, &sql(1.7, "01", "02")).await;

    // A new month's upload brings new budget, and gives none back.
    release(&mut study, before(&csv, "2026-06")).await;
    let answer = ask(&study, &sql(1.8, "05", "06")).await;
    assert_eq!(answer.price.unwrap().epochs.to_string(), "1 month: 2026-05");
    assert!(answer.rows.iter().any(|row| row[1].as_f64().unwrap() > 100.0), "people were there in May");
    let refused = study.researcher.ask_in_vain(&Question::new(&by("channel", 1.7, "03", "04"))).await;
    assert_eq!(refused.code, "E3002", "{refused:?}");

    let budget: PopulationBudget = study.partner.get("/v1/populations/ad-months/budget").await.json();
    let root = budget.accounts.iter().find(|a| a.account == "root").unwrap();
    let epochs = root.epochs.unwrap();
    assert_eq!((epochs.first.to_string().as_str(), epochs.last.to_string().as_str()), ("2026-01", "2026-05"));
    assert_eq!((epochs.touched, epochs.tightest.to_string().as_str()), (5, "2026-03"));
    let words = shell.ok(&["population", "show", "ad-months"]);
    assert!(words.contains("2026-03 (5 of 2026-01 … 2026-05 touched)"), "{words}");

    // Anybody can recompute it from the log.
    let examiner = study.reviewer_shell();
    examiner.ok(&["audit", "export", "copy"]);
    let words = examiner.ok(&["audit", "verify", "copy"]);
    assert!(words.contains("in 2026-03, the tightest of 5 months — the server says the same"), "{words}");
}
