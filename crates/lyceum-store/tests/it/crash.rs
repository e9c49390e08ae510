//! Real crashes: this test binary runs itself as a child that works on a home until it is killed, by a fail point
//! or from outside; then the home is opened again, and ledger, database and log must agree.

use crate::world::{World, answer, assert_replays, open, open_log, pay};
use lyceum_audit::policy::Policy;
use lyceum_audit::verify::{Inputs, verify_log};
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::failpoint;
use lyceum_sharing::model::ChargeOutcome;
use lyceum_sharing::port::{EventLog, LedgerStore};
use lyceum_store::log::EventSource;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const HOME: &str = "LYCEUM_TEST_CRASH_HOME";

/// Does nothing unless the parent set the home: then works until it is killed, or 40 queries are answered.
#[tokio::test]
async fn child() {
    let Ok(path) = std::env::var(HOME) else { return };
    let (home, store) = open(Path::new(&path)).await;
    let log = open_log(&home, &store).await;
    let world = World::create(&store, home.log_key().origin()).await;
    for i in 0..40u8 {
        let charge =
            world.charge(usize::from(i % 2), usize::from(i / 2 % 2), i, Budget { rho: Rho(7), delta: Delta(3) });
        let (query, id) = (charge.query, charge.charge);
        let ChargeOutcome::Charged { index } = pay(&store, charge).await else { panic!("not charged") };
        log.covered(index).await.unwrap();
        let index = answer(&store, query, id).await.unwrap();
        log.covered(index).await.unwrap();
        // What leaves the server: from here on the world knows.
        std::fs::write(Path::new(&path).join(format!("seen-{i:02}")), id.to_string()).unwrap();
    }
}

fn spawn(home: &Path, point: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["crash::child", "--exact"]).env(HOME, home).env_remove(failpoint::VARIABLE);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(point) = point {
        command.env(failpoint::VARIABLE, point);
    }
    command.spawn().unwrap()
}

#[tokio::test]
async fn every_fail_point_of_the_store_is_survived() {
    for point in [
        "publish.before_commit=abort",
        "charge.before_commit=abort@3",
        "charge.after_commit=abort@3",
        "answer.before_commit=abort@3",
        "answer.after_commit=abort@3",
        "log.after_tiles=abort",
        "log.after_tiles=abort@9",
        "log.after_checkpoint=abort",
        "log.after_checkpoint=abort@9",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let status = spawn(directory.path(), Some(point)).wait().unwrap();
        assert!(!status.success(), "{point}: the child was to die");
        survives(directory.path(), point).await;
    }
}

#[tokio::test]
async fn kills_at_any_moment_are_survived() {
    for milliseconds in [40, 90, 170, 310, 600] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = spawn(directory.path(), None);
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        survives(directory.path(), &format!("killed after {milliseconds} ms")).await;
    }
}

async fn survives(path: &Path, how: &str) {
    let (home, store) = open(path).await;
    let log = open_log(&home, &store).await;
    if EventSource::size(&store).await.unwrap() > 1 {
        assert_replays(&store, home.log_key().origin()).await;
    }
    for entry in std::fs::read_dir(path).unwrap().map(|e| e.unwrap()) {
        if entry.file_name().to_string_lossy().starts_with("seen-") {
            let seen = std::fs::read_to_string(entry.path()).unwrap();
            let Ok(charge) = seen.parse() else { continue };
            let stored = store.answer_of(charge).await.unwrap();
            assert!(stored.is_some(), "{how}: an answer that left is stored");
        }
    }
    for open in store.open_charges().await.unwrap() {
        assert!(store.answer_of(open.charge).await.unwrap().is_none());
    }
    let checkpoint = log.checkpoint().await.unwrap();
    let policy: Policy = std::fs::read_to_string(path.join("log/policy")).unwrap().parse().unwrap();
    let files = folder(&path.join("log"));
    let report = verify_log(&files, &Inputs { checkpoint: &checkpoint, policy: &policy, saved: None, claims: None });
    assert!(report.ok(), "{how}: {:?}", report.lines());
}

/// The copied folder, as a verifier reads it.
pub(crate) fn folder(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                directories.push(entry);
            } else {
                let name = entry.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&entry).unwrap());
            }
        }
    }
    files
}
