//! The log and its witnesses, without a network: what waits, what is shown, and what a start refuses.

use crate::world::{event, open};
use async_trait::async_trait;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::event::EventKind;
use lyceum_audit::note::{VerifierKey, WitnessSigner};
use lyceum_audit::policy::Policy;
use lyceum_audit::receipt::Receipt;
use lyceum_audit::witness::{AddCheckpoint, Refusal, Witness};
use lyceum_sharing::port::{EventLog, PortError};
use lyceum_store::StoreError;
use lyceum_store::clock::SystemClock;
use lyceum_store::home::Home;
use lyceum_store::log::{EventSource, Submit, TileLog};
use lyceum_store::sqlite::SqliteStore;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A witness in this process, which can be away.
struct Nearby {
    witness: Witness,
    row: Mutex<Option<Checkpoint>>,
    away: Mutex<bool>,
}

impl Nearby {
    fn of(log: &VerifierKey) -> Arc<Self> {
        let signer = WitnessSigner::from_seed("uni.example", &[3; 32]).unwrap();
        let witness = Witness::new(signer, vec![log.clone()]).unwrap();
        Arc::new(Self { witness, row: Mutex::new(None), away: Mutex::new(false) })
    }

    fn go(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    fn policy(&self, log: &VerifierKey) -> String {
        format!("log {log}\nwitness uni {} nearby\nquorum uni\n", self.witness.verifier_key())
    }
}

#[async_trait]
impl Submit for Nearby {
    async fn add_checkpoint(&self, prefix: &str, body: String) -> Result<(u16, String), String> {
        assert_eq!(prefix, "nearby");
        if *self.away.lock().unwrap() {
            return Err("away".to_owned());
        }
        let request: AddCheckpoint = body.parse().unwrap();
        let mut row = self.row.lock().unwrap();
        match self.witness.judge(&request, row.as_ref()) {
            Ok(accepted) => {
                *row = Some(accepted.checkpoint().clone());
                Ok((200, accepted.cosign(1_763_000_000)))
            }
            Err(refusal @ (Refusal::Conflict { size } | Refusal::Forked { size })) => {
                Ok((refusal.status(), format!("{size}\n")))
            }
            Err(refusal) => Ok((refusal.status(), refusal.to_string())),
        }
    }
}

/// A home whose policy demands one witness, which is there.
async fn witnessed(path: &Path) -> (Home, SqliteStore, Arc<Nearby>) {
    let (home, store) = open(path).await;
    TileLog::open(&home, Arc::new(store.clone()), Arc::new(SystemClock)).await.unwrap().close().await.unwrap();
    let key: VerifierKey = std::fs::read_to_string(path.join("log/log.vkey")).unwrap().parse().unwrap();
    let nearby = Nearby::of(&key);
    std::fs::write(path.join("log/policy"), nearby.policy(&key)).unwrap();
    (home, store, nearby)
}

async fn open_log(home: &Home, store: &SqliteStore, nearby: &Arc<Nearby>) -> Result<TileLog, StoreError> {
    TileLog::open_witnessed(home, Arc::new(store.clone()), Arc::new(SystemClock), nearby.clone()).await
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|e| e.unwrap().path()) {
        let to = to.join(entry.file_name().unwrap());
        match entry.is_dir() {
            true => copy(&entry, &to),
            false => assert!(std::fs::copy(&entry, &to).is_ok()),
        }
    }
}

async fn read_once(store: &SqliteStore) -> u64 {
    store.append(event(None, None, EventKind::LogRead { size: 0 }), None).await.unwrap()
}

#[tokio::test]
async fn events_are_covered_once_their_checkpoint_is_cosigned() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store, nearby) = witnessed(directory.path()).await;
    let policy: Policy = std::fs::read_to_string(directory.path().join("log/policy")).unwrap().parse().unwrap();
    let log = open_log(&home, &store, &nearby).await.unwrap();
    log.releasing().await.unwrap();
    let index = read_once(&store).await;
    log.covered(index).await.unwrap();
    let receipt: Receipt = log.receipt(index).await.unwrap().parse().unwrap();
    assert_eq!(receipt.verify(&policy).unwrap().believed.witnesses.len(), 1);

    nearby.go(true);
    let waiting = read_once(&store).await;
    assert!(
        matches!(log.covered(waiting).await, Err(PortError::Unwitnessed(why)) if why.contains("uni does not answer"))
    );
    assert!(matches!(log.releasing().await, Err(PortError::Unwitnessed(_))));
    assert!(log.covered(index).await.is_ok() && log.receipt(index).await.is_ok(), "what was covered stays so");
    // Closed and opened while the witness is away: what waited still waits, and what was shown is still shown.
    log.close().await.unwrap();
    let log = open_log(&home, &store, &nearby).await.unwrap();
    assert!(
        matches!(log.releasing().await, Err(PortError::Unwitnessed(_))),
        "old cosignatures prove nothing about now"
    );
    assert!(matches!(log.covered(waiting).await, Err(PortError::Unwitnessed(_))));
    assert!(log.receipt(index).await.unwrap().parse::<Receipt>().unwrap().verify(&policy).is_ok());
    nearby.go(false);
    while log.covered(waiting).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    log.releasing().await.unwrap();
    let receipt: Receipt = log.receipt(waiting).await.unwrap().parse().unwrap();
    assert!(receipt.verify(&policy).is_ok());
    log.close().await.unwrap();
    let log = open_log(&home, &store, &nearby).await.unwrap();
    assert!(log.covered(waiting).await.is_ok());
    log.close().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_copy_that_a_witness_has_overtaken_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store, nearby) = witnessed(directory.path()).await;
    open_log(&home, &store, &nearby).await.unwrap().close().await.unwrap();
    store.close().await;
    drop(home);
    let copied = tempfile::tempdir().unwrap();
    copy(directory.path(), copied.path());

    let (home, store) = open(directory.path()).await;
    let log = open_log(&home, &store, &nearby).await.unwrap();
    let index = read_once(&store).await;
    log.covered(index).await.unwrap();
    log.close().await.unwrap();

    let (home, store) = open(copied.path()).await;
    let error = open_log(&home, &store, &nearby).await.err().unwrap();
    assert_eq!((error.code(), error.to_string().contains("uni has cosigned")), ("E5016", true), "{error}");
    // With the witness away it opens, and goes another way than the one that was cosigned: then it is found.
    nearby.go(true);
    let log = open_log(&home, &store, &nearby).await.unwrap();
    let index = store.append(event(None, None, EventKind::LogRead { size: 1 }), None).await.unwrap();
    nearby.go(false);
    loop {
        match log.covered(index).await {
            Err(PortError::Contradicted(why)) => break assert!(why.contains("uni has cosigned"), "{why}"),
            Err(PortError::Unwitnessed(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(log.releasing().await, Err(PortError::Contradicted(_))));
}

#[tokio::test]
async fn policies_that_this_log_can_not_keep_are_refused_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store, nearby) = witnessed(directory.path()).await;
    let path = directory.path().join("log/policy");
    let good = std::fs::read_to_string(&path).unwrap();
    let other = lyceum_audit::note::LogSigner::from_seed("other.example", &[8; 32]).unwrap();
    let foreign = format!("log {}\nquorum none\n", other.verifier_key());
    for bad in [good.replace(" nearby", ""), foreign, "quorum none\n".to_owned()] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(open_log(&home, &store, &nearby).await.err().unwrap().code(), "E5015");
    }
    std::fs::write(&path, good).unwrap();
    let error = TileLog::open(&home, Arc::new(store.clone()), Arc::new(SystemClock)).await.err().unwrap();
    assert_eq!(error.code(), "E5015", "without a way to witnesses their quorum can't be met");
    assert_eq!(EventSource::size(&store).await.unwrap(), 1, "nothing was appended");
}
