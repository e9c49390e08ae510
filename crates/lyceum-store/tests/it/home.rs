//! Homes: made once, held by one, refused without their keys.

use crate::world::open;
use lyceum_store::home::Home;
use std::path::Path;

fn code(path: &Path) -> &'static str {
    Home::open(path).err().unwrap().code()
}

#[tokio::test]
async fn the_second_to_open_a_home_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    assert!(home.first_run());
    assert_eq!(code(directory.path()), "E5002");
    let clone = home.clone();
    drop(home);
    assert_eq!(code(directory.path()), "E5002", "a clone holds it too");
    drop(clone);
    let (home, store) = open(directory.path()).await;
    assert!(home.first_run(), "still no database when it was opened");
    drop((home, store));
    assert!(!Home::open(directory.path()).unwrap().first_run());
}

#[tokio::test]
async fn a_missing_key_is_never_replaced_while_there_is_data() {
    for key in ["master.key", "log.key"] {
        let directory = tempfile::tempdir().unwrap();
        drop(open(directory.path()).await);
        std::fs::remove_file(directory.path().join(key)).unwrap();
        assert_eq!(code(directory.path()), "E5003", "{key}");
        assert!(!directory.path().join(key).exists());
        std::fs::write(directory.path().join(key), "short").unwrap();
        assert_eq!(code(directory.path()), "E5004", "{key}");
    }
}

#[test]
fn keeps_its_origin_and_keys() {
    let directory = tempfile::tempdir().unwrap();
    let bad = Home::open_as(&directory.path().join("a"), Some("two words")).err().unwrap();
    assert_eq!(bad.code(), "E5005");
    let path = directory.path().join("deep/er");
    let home = Home::open_as(&path, Some("example.org/log")).unwrap();
    assert_eq!(home.log_key().origin(), "example.org/log");
    let key = std::fs::read(path.join("master.key")).unwrap();
    drop(home);
    let home = Home::open_as(&path, Some("other.example/log")).unwrap();
    assert_eq!(home.log_key().origin(), "example.org/log");
    assert_eq!(std::fs::read(path.join("master.key")).unwrap(), key);
    assert_eq!(key.len(), 32);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("home");
    let home = Home::open(&path).unwrap();
    let token = home.write_secret("admin.token", "secret\n").unwrap();
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for file in ["master.key", "log.key", "lock"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&token), 0o600);
    assert_eq!(mode(&home.data_directory()), 0o700);
}

#[test]
fn spill_files_of_a_killed_process_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    std::fs::create_dir(home.spill_directory().join("query")).unwrap();
    std::fs::write(home.spill_directory().join("query/part"), b"rows").unwrap();
    let spill = home.spill_directory();
    drop(home);
    let _home = Home::open(directory.path()).unwrap();
    assert_eq!(std::fs::read_dir(spill).unwrap().count(), 0);
}
