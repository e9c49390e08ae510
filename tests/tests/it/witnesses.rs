//! Two witnesses as real processes, one of each side: what they cosign leaves, what they don't cosign stays, and a
//! second history is refused by both.

use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::merkle::Hash;
use lyceum_audit::note::LogSigner;
use lyceum_audit::policy::Policy;
use lyceum_audit::receipt::Receipt;
use lyceum_audit::witness::AddCheckpoint;
use lyceum_tests::folder;
use lyceum_tests::person::Question;
use lyceum_tests::server::Server;
use lyceum_tests::study::{Caps, Study};
use lyceum_tests::witness::Witness;
use std::path::PathBuf;
use std::time::{Duration, Instant};

struct Sides {
    study: Study,
    shop: Witness,
    uni: Witness,
    policy: Policy,
    policy_file: PathBuf,
}

/// A server whose policy demands one witness of each side, with the shop's data shared if `shared`.
async fn both_sides(shared: bool) -> Sides {
    let mut server = Server::start();
    server.kill();
    let vkey = server.home().join("log/log.vkey").display().to_string();
    let (shop, uni) = (Witness::start(server.folder(), "shop", &vkey), Witness::start(server.folder(), "uni", &vkey));
    let text = format!(
        "log {}{}\n{}\ngroup industry any shop\ngroup academia any uni\ngroup both all industry academia\nquorum both\n",
        std::fs::read_to_string(&vkey).unwrap(),
        shop.policy_line(),
        uni.policy_line()
    );
    std::fs::write(server.home().join("log/policy"), &text).unwrap();
    // What reviewers hold was given to them, not copied from the log.
    let policy_file = server.folder().join("policy-of-the-reviewers");
    std::fs::write(&policy_file, &text).unwrap();
    server.restart();
    let mut study = Study::convene(server, Caps::default()).await;
    if shared {
        study.declare(lyceum_tests::shop::MANIFEST).await;
        let rows = lyceum_tests::shop::rows(400);
        study.upload("shop", "customers", "text/csv", lyceum_tests::shop::csv(&rows)).await;
        study.share(Caps::default()).await;
    }
    Sides { study, shop, uni, policy: text.parse().unwrap(), policy_file }
}

fn question(age: u32) -> String {
    format!("SELECT COUNT(*) AS n FROM customers WHERE age > {age}")
}

impl Sides {
    /// Asks until the server has found out by itself that its witnesses are back.
    async fn ask_until_answered(&self, question: &Question<'_>) -> lyceum_schema::wire::QueryAnswer {
        let begun = Instant::now();
        loop {
            match self.study.researcher.try_ask(question).await.expect("the server is there") {
                Ok(answer) => return answer,
                Err(problem) => assert_eq!(problem.code, "E5040", "{problem:?}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not resume");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_leave_while_both_sides_cosign_and_stay_while_one_does_not() {
    let mut sides = both_sides(true).await;
    let sql = question(30);
    let first = sides.study.researcher.ask(&Question::new(&sql)).await;
    let receipt: Receipt = first.receipt.unwrap().text.parse().unwrap();
    assert_eq!(receipt.verify(&sides.policy).unwrap().believed.witnesses.len(), 2);

    // One side is away: nothing leaves, nothing is charged, and the refusal says which and why.
    sides.uni.kill();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let sql = question(31);
    for _ in 0..2 {
        let problem = sides.study.researcher.ask_in_vain(&Question::new(&sql)).await;
        assert_eq!(
            (problem.code.as_str(), problem.status, problem.charged),
            ("E5040", 503, Some(false)),
            "{problem:?}"
        );
        assert!(
            problem.detail.contains("quorum both") && problem.detail.contains("uni does not answer"),
            "{problem:?}"
        );
        assert!(problem.retry == Some(true) && problem.fix.is_some());
    }
    assert_eq!(sides.study.spent().await.charges, 1);
    sides.uni.restart();
    assert!(!sides.ask_until_answered(&Question::new(&sql)).await.repeated);
    assert_eq!(sides.study.spent().await.charges, 2);

    // A server that was killed while a side is away comes back, refuses, and resumes by itself.
    sides.shop.kill();
    sides.study.server.restart();
    let problem = sides.study.researcher.ask_in_vain(&Question::new(&question(32))).await;
    assert!(problem.code == "E5040" && problem.detail.contains("shop does not answer"), "{problem:?}");
    sides.shop.restart();
    sides.ask_until_answered(&Question::new(&question(32))).await;

    let shell = sides.study.reviewer_shell();
    let copy = sides.study.server.folder().join("copy").display().to_string();
    shell.ok(&["audit", "export", &copy]);
    let said = shell.ok(&["audit", "verify", &copy, "--policy", &sides.policy_file.display().to_string()]);
    assert!(said.contains("signed by the log and by 2 of 2 witnesses (shop, uni)"), "{said}");
    assert!(said.contains("the server says the same"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_answer_that_waits_for_witnesses_is_delivered_by_its_key() {
    let mut sides = both_sides(true).await;
    // Within a second of their last cosignature the witnesses are believed to be there: killed then, they are missed
    // after the charge. On a slow machine the server may notice before it, which is fine too, and tried again.
    let (sql, mut charges) = (question(40), 0);
    let waiting = loop {
        charges += 1;
        assert!(charges < 40, "the witnesses were always missed before the charge");
        sides.ask_until_answered(&Question::new(&question(charges))).await;
        sides.shop.kill();
        let question = Question { key: Some("retry"), ..Question::new(&sql) };
        let problem = sides.study.researcher.ask_in_vain(&question).await;
        if problem.code == "E5042" {
            break problem;
        }
        assert_eq!(problem.code, "E5040", "{problem:?}");
        sides.shop.restart();
    };
    assert_eq!((waiting.charged, waiting.retry), (Some(true), Some(true)), "{waiting:?}");
    let question = Question { key: Some("retry"), ..Question::new(&sql) };
    assert_eq!(sides.study.researcher.ask_in_vain(&question).await.code, "E5040");
    sides.study.server.restart();
    sides.shop.restart();
    let answer = sides.ask_until_answered(&question).await;
    assert!(answer.repeated && answer.rows.len() == 1);
    assert_eq!(sides.study.spent().await.charges, u64::from(charges) + 1, "it was paid for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_was_rolled_back_is_not_served_and_a_fork_is_refused_by_both() {
    let mut sides = both_sides(false).await;
    let home = sides.study.server.home();
    sides.study.server.kill();
    let backup = sides.study.server.folder().join("backup");
    folder::copy(&home, &backup);
    sides.study.server.restart();
    sides.study.workspace("later").await;
    let seen = |url: String, origin: &str| {
        let url = format!("{url}/{}/checkpoint", lyceum_audit::witness::row_name(origin));
        async move { reqwest::get(url).await.unwrap().text().await.unwrap() }
    };
    let vkey = sides.policy.logs()[0].clone();
    // The last event is cosigned before the server is killed: its checkpoint is the newest that a witness has.
    let begun = Instant::now();
    let last = loop {
        let entries = sides.study.admin.get("/v1/audit/claims").await.json::<serde_json::Value>()["size"].as_u64();
        let row = seen(sides.uni.url(), vkey.name()).await;
        let last = Checkpoint::open(&row, &vkey).unwrap();
        if Some(last.size) == entries {
            break last;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the witness lags behind");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    sides.study.server.kill();

    // The log's own key signs another history of the same length, and one that is longer.
    let key = std::fs::read_to_string(home.join("log.key")).unwrap();
    let mut seed = [0; 32];
    let hex = key.lines().nth(2).unwrap();
    (0..32).for_each(|i| seed[i] = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
    let signer = LogSigner::from_seed(vkey.name(), &seed).unwrap();
    let http = reqwest::Client::new();
    for witness in [&sides.shop, &sides.uni] {
        let before = seen(witness.url(), vkey.name()).await;
        let size = Checkpoint::open(&before, &vkey).unwrap().size;
        for (more, status) in [(0, 409), (7, 422)] {
            let fork = Checkpoint { size: size + more, root: Hash([7; 32]), ..last.clone() }.sign(&signer).unwrap();
            let request = AddCheckpoint { old: size, proof: Vec::new(), checkpoint: fork };
            let url = format!("{}/add-checkpoint", witness.url());
            let reply = http.post(url).body(request.to_string()).send().await.unwrap();
            assert_eq!(reply.status().as_u16(), status);
        }
        assert_eq!(seen(witness.url(), vkey.name()).await, before, "a refused fork leaves no trace in the row");
    }

    // The same fork in the making: an older copy of the home that would go on from where it was.
    std::fs::remove_dir_all(&home).unwrap();
    folder::copy(&backup, &home);
    let said = sides.study.server.restart_in_vain();
    assert!(said.contains("E5016") && said.contains("has cosigned"), "{said}");
    // If no witness can be asked, it starts, and nothing leaves; when they are back they refuse what it signed.
    sides.shop.kill();
    sides.uni.kill();
    sides.study.server.restart();
    sides.study.workspace("another").await;
    let claims = sides.study.admin.get("/v1/audit/claims").await.json::<serde_json::Value>();
    let newest = format!("/v1/audit/receipts/{}", claims["size"].as_u64().unwrap() - 1);
    assert_eq!(sides.study.admin.get(&newest).await.problem().code, "E5040");
    let old: Receipt = sides.study.admin.get("/v1/audit/receipts/0").await.text().parse().unwrap();
    assert!(old.verify(&sides.policy).is_ok(), "what was cosigned before stays readable");
    sides.shop.restart();
    sides.uni.restart();
    let begun = Instant::now();
    loop {
        let problem = sides.study.admin.get(&newest).await.problem();
        if problem.code == "E5041" {
            assert!(problem.detail.contains("has cosigned") && problem.retry != Some(true), "{problem:?}");
            break;
        }
        assert_eq!(problem.code, "E5040", "{problem:?}");
        assert!(begun.elapsed() < Duration::from_secs(60), "the fork was not found");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
