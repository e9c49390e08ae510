//! The signed log: what it gives out can be checked, and what was changed behind its back is found at start.

use crate::crash::folder;
use crate::world::{World, event, open, open_log};
use lyceum_audit::event::EventKind;
use lyceum_audit::policy::Policy;
use lyceum_audit::receipt::Receipt;
use lyceum_audit::verify::{Inputs, verify_log};
use lyceum_sharing::port::EventLog;
use lyceum_store::clock::SystemClock;
use lyceum_store::home::Home;
use lyceum_store::log::{EventSource, TileLog};
use lyceum_store::sqlite::SqliteStore;
use std::path::Path;
use std::sync::Arc;

async fn reads(store: &SqliteStore, n: usize) {
    for _ in 0..n {
        store.append(event(None, None, EventKind::LogRead { size: 0 }), None).await.unwrap();
    }
}

#[tokio::test]
async fn receipts_tiles_and_the_copied_folder_verify() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let log = open_log(&home, &store).await;
    let policy: Policy = std::fs::read_to_string(directory.path().join("log/policy")).unwrap().parse().unwrap();
    World::create(&store, home.log_key().origin()).await;
    for _ in 0..3 {
        reads(&store, 120).await;
        let last = log.size().await.unwrap() - 1;
        log.covered(last).await.unwrap();
        for index in [0, 1, last / 2, last] {
            let receipt: Receipt = log.receipt(index).await.unwrap().parse().unwrap();
            let leaf = log.events(index, index + 1).await.unwrap().remove(0);
            let proved = receipt.verify_event(&policy, &leaf).unwrap();
            assert_eq!((proved.index, &proved.believed.checkpoint.size), (index, &(last + 1)));
        }
    }
    let size = log.size().await.unwrap();
    assert!(size > 256 && size < 512);
    assert!(log.receipt(size).await.is_err());
    assert_eq!(log.tile("tile/entries/000").await.unwrap().unwrap(), folder(&home.log_directory())["tile/entries/000"]);
    let narrow = log.tile("tile/0/001.p/5").await.unwrap().unwrap();
    let wide = log.tile(&format!("tile/0/001.p/{}", size - 256)).await.unwrap().unwrap();
    assert_eq!(narrow, wide[..5 * 32], "a tile as an older checkpoint had it");
    for path in ["tile/0/002", "tile/0/001", "checkpoint", "../master.key", "tile/0/../../policy"] {
        assert_eq!(log.tile(path).await.unwrap(), None, "{path}");
    }
    let checkpoint = log.checkpoint().await.unwrap();
    let vkey = std::fs::read_to_string(directory.path().join("log/log.vkey")).unwrap();
    assert_eq!(vkey.trim(), log.verifier_key());
    let inputs = Inputs { checkpoint: &checkpoint, policy: &policy, saved: None, claims: None };
    let mut files = folder(&home.log_directory());
    let report = verify_log(&files, &inputs);
    assert!(report.ok(), "{:?}", report.lines());
    let tile = files.get_mut("tile/entries/000").unwrap();
    tile[1000] ^= 1;
    assert!(!verify_log(&files, &inputs).ok());
}

#[tokio::test]
async fn a_closed_log_is_the_same_when_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let log = open_log(&home, &store).await;
    reads(&store, 300).await;
    log.close().await.unwrap();
    let checkpoint = log.checkpoint().await.unwrap();
    drop((log, store, home));
    // A tile that was damaged while the database is right is written again.
    let tile = directory.path().join("log/tile/0/000");
    let good = std::fs::read(&tile).unwrap();
    std::fs::write(&tile, b"damaged").unwrap();
    let (home, store) = open(directory.path()).await;
    let log = open_log(&home, &store).await;
    assert_eq!(log.checkpoint().await.unwrap(), checkpoint);
    assert_eq!(std::fs::read(&tile).unwrap(), good);
}

async fn reopened(path: &Path) -> Result<TileLog, lyceum_store::StoreError> {
    let home = Home::open(path).unwrap();
    let store = SqliteStore::open(&home).await.unwrap();
    TileLog::open(&home, Arc::new(store), Arc::new(SystemClock)).await
}

/// Runs SQL on the closed database, as somebody with access to the file would.
async fn tamper(path: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path.join("lyceum.db")).foreign_keys(false);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn filled() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let log = open_log(&home, &store).await;
    let world = World::create(&store, home.log_key().origin()).await;
    let price = lyceum_privacy::Budget { rho: lyceum_privacy::Rho(5), delta: lyceum_privacy::Delta(0) };
    crate::world::pay(&store, world.charge(0, 0, 1, price)).await;
    reads(&store, 270).await;
    log.close().await.unwrap();
    store.close().await;
    directory
}

#[tokio::test]
async fn a_changed_entry_is_named_at_start() {
    let directory = filled().await;
    tamper(directory.path(), "UPDATE events SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"size\":0', '\"size\":1') AS BLOB) WHERE idx = 261").await;
    let error = reopened(directory.path()).await.err().unwrap();
    assert_eq!((error.code(), error.to_string().contains("entry 261")), ("E5012", true), "{error}");
}

#[tokio::test]
async fn a_restored_older_database_is_refused() {
    let directory = filled().await;
    tamper(directory.path(), "DELETE FROM events WHERE idx >= 200").await;
    let error = reopened(directory.path()).await.err().unwrap();
    assert_eq!((error.code(), error.to_string().contains("entry 200")), ("E5011", true), "{error}");
}

#[tokio::test]
async fn a_lowered_balance_is_refused() {
    let directory = filled().await;
    tamper(directory.path(), "UPDATE accounts SET spent_rho = 4 WHERE account LIKE 'root:%'").await;
    let error = reopened(directory.path()).await.err().unwrap();
    assert_eq!((error.code(), error.to_string().contains("root:")), ("E5014", true), "{error}");
}

#[tokio::test]
async fn another_keys_checkpoint_is_refused() {
    let (directory, other) = (filled().await, filled().await);
    std::fs::copy(other.path().join("log/checkpoint"), directory.path().join("log/checkpoint")).unwrap();
    let error = reopened(directory.path()).await.err().unwrap();
    assert_eq!(error.code(), "E5010", "{error}");
}
