//! Resumable uploads on disk: found again after a crash, cut back to what is sound, unreadable without the key.

use bytes::Bytes;
use lyceum_schema::id::UploadId;
use lyceum_sharing::port::{PortError, SecretKey, Spool};
use lyceum_store::spool::EncryptedSpool;
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const KEY: [u8; 32] = [5; 32];

fn plaintext(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| b"canary, "[i % 8] ^ u8::try_from(i / 65_536 % 251).unwrap()).collect()
}

fn spool(directory: &Path) -> EncryptedSpool {
    EncryptedSpool::open(directory, 1 << 30).unwrap()
}

fn file(directory: &Path, id: UploadId) -> PathBuf {
    directory.join(format!("{id}.part"))
}

async fn append(spool: &EncryptedSpool, id: UploadId, bytes: &[u8]) -> (u64, [u8; 32]) {
    let mut writer = spool.resume(id, SecretKey(KEY)).await.unwrap();
    writer.write(Bytes::copy_from_slice(bytes)).await.unwrap();
    writer.sync().await.unwrap()
}

#[tokio::test]
async fn pieces_of_any_size_add_up_over_restarts_and_read_back_from_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let content = plaintext(300_000);
    for step in [1_000, 65_536, 70_001, 300_000] {
        let id = UploadId::generate();
        let mut reached = (0, [0; 32]);
        for piece in content.chunks(step) {
            // Opened anew each time, as a restarted server does; leftovers of other kinds don't matter to it.
            reached = append(&spool(directory.path()), id, piece).await;
        }
        assert_eq!(reached, (300_000, Sha256::digest(&content).into()), "{step}");
        let spool = spool(directory.path());
        assert!(spool.resumable().await.unwrap().contains(&id));
        let mut reader = spool.open(id, SecretKey(KEY), 300_000).await.unwrap();
        for position in [0, 1, 65_535, 65_536, 299_999, 300_000] {
            let mut back = Vec::new();
            reader.seek(SeekFrom::Start(position)).unwrap();
            reader.read_to_end(&mut back).unwrap();
            assert!(back == content[usize::try_from(position).unwrap()..], "{step} from {position}");
        }
        drop(reader);
        assert!(file(directory.path(), id).exists(), "reading deletes nothing");
        spool.delete(id).await.unwrap();
        spool.delete(id).await.unwrap();
        assert!(!file(directory.path(), id).exists());
    }
}

#[tokio::test]
async fn a_torn_or_damaged_end_is_cut_off_and_asked_for_again() {
    let directory = tempfile::tempdir().unwrap();
    let content = plaintext(200_000);
    for (damage, kept) in [("torn", 196_608), ("flipped in the third chunk", 131_072), ("garbage after it", 200_000)] {
        let (spool, id) = (spool(directory.path()), UploadId::generate());
        append(&spool, id, &content).await;
        let path = file(directory.path(), id);
        let mut stored = std::fs::read(&path).unwrap();
        match damage {
            "torn" => stored.truncate(stored.len() - 1),
            "garbage after it" => stored.extend([7; 50]),
            _ => stored[150_000] ^= 1,
        }
        std::fs::write(&path, stored).unwrap();
        let mut writer = spool.resume(id, SecretKey(KEY)).await.unwrap();
        let (offset, _) = writer.sync().await.unwrap();
        assert_eq!(offset, kept, "{damage}");
        let rest = &content[usize::try_from(offset).unwrap()..];
        writer.write(Bytes::copy_from_slice(rest)).await.unwrap();
        assert_eq!(writer.sync().await.unwrap(), (200_000, Sha256::digest(&content).into()), "{damage}");
    }
}

#[tokio::test]
async fn what_is_undone_is_gone_and_what_was_synced_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(directory.path()), UploadId::generate());
    let content = plaintext(200_000);
    let before = append(&spool, id, &content[..70_000]).await;
    let mut writer = spool.resume(id, SecretKey(KEY)).await.unwrap();
    writer.sync().await.unwrap();
    writer.write(Bytes::copy_from_slice(&content[..100_000])).await.unwrap();
    writer.undo().await.unwrap();
    assert_eq!(writer.sync().await.unwrap(), before);
    writer.write(Bytes::copy_from_slice(&content[70_000..])).await.unwrap();
    assert_eq!(writer.sync().await.unwrap(), (200_000, Sha256::digest(&content).into()));
}

#[tokio::test]
async fn the_disk_holds_no_plaintext_and_a_changed_byte_or_another_key_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(directory.path()), UploadId::generate());
    append(&spool, id, &plaintext(100_000)).await;
    let path = file(directory.path(), id);
    let mut stored = std::fs::read(&path).unwrap();
    assert!(!stored.windows(6).any(|w| w == b"canary"));

    let mut reader = spool.open(id, SecretKey([6; 32]), 100_000).await.unwrap();
    assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(matches!(spool.open(id, SecretKey(KEY), 100_001).await, Err(PortError::State(_))), "it is shorter");
    let mut reader = spool.open(id, SecretKey(KEY), 100_000).await.unwrap();
    stored[80_000] ^= 1;
    std::fs::write(&path, stored).unwrap();
    assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn the_limit_holds() {
    let directory = tempfile::tempdir().unwrap();
    let spool = EncryptedSpool::open(directory.path(), 1_000).unwrap();
    let mut writer = spool.resume(UploadId::generate(), SecretKey(KEY)).await.unwrap();
    writer.write(Bytes::from(vec![0; 900])).await.unwrap();
    assert_eq!(writer.write(Bytes::from(vec![0; 101])).await, Err(PortError::Full));
}
