//! Spooled uploads: unreadable on disk, checked when read, gone when dropped.

use bytes::Bytes;
use lyceum_sharing::port::{PortError, Spool, SpoolReader};
use lyceum_store::spool::EncryptedSpool;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

fn plaintext(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| b"canary, "[i % 8] ^ u8::try_from(i / 65_536).unwrap()).collect()
}

async fn spooled(directory: &Path, content: &[u8], step: usize) -> Box<dyn SpoolReader> {
    let spool = EncryptedSpool::open(directory, 1 << 30).unwrap();
    let mut writer = spool.create().await.unwrap();
    for chunk in content.chunks(step.max(1)) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect()
}

#[tokio::test]
async fn reads_back_what_was_written_from_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    for (length, step) in [(0, 1), (1, 1), (65_536, 65_536), (65_537, 1000), (200_000, 70_001)] {
        let content = plaintext(length);
        let mut reader = spooled(directory.path(), &content, step).await;
        assert_eq!(reader.size(), length as u64);
        let mut back = Vec::new();
        reader.read_to_end(&mut back).unwrap();
        assert!(back == content, "{length}");
        for position in [0, length / 2, length.saturating_sub(3), length] {
            reader.seek(SeekFrom::Start(position as u64)).unwrap();
            back.clear();
            reader.read_to_end(&mut back).unwrap();
            assert!(back == content[position..], "{length} from {position}");
        }
        assert!(reader.seek(SeekFrom::End(-(length as i64) - 1)).is_err());
    }
    assert!(files(directory.path()).is_empty(), "deleted when dropped");
}

#[tokio::test]
async fn the_disk_holds_no_plaintext() {
    let directory = tempfile::tempdir().unwrap();
    let _reader = spooled(directory.path(), &plaintext(100_000), 4096).await;
    let stored = std::fs::read(&files(directory.path())[0]).unwrap();
    assert!(stored.len() > 100_000);
    assert!(!stored.windows(6).any(|w| w == b"canary"));
}

#[tokio::test]
async fn a_flipped_byte_or_a_cut_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    for position in [0, 65_551, 65_552, 131_000] {
        let mut reader = spooled(directory.path(), &plaintext(130_970), 4096).await;
        let path = files(directory.path()).remove(0);
        let mut stored = std::fs::read(&path).unwrap();
        stored[position] ^= 1;
        std::fs::write(&path, &stored).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{position}");
    }
    let mut reader = spooled(directory.path(), &plaintext(130_970), 4096).await;
    let path = files(directory.path()).remove(0);
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(90_000).unwrap();
    assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn limits_and_leftovers() {
    let directory = tempfile::tempdir().unwrap();
    let spool = EncryptedSpool::open(directory.path(), 100).unwrap();
    let mut writer = spool.create().await.unwrap();
    writer.write(Bytes::from_static(&[0; 100])).await.unwrap();
    assert_eq!(writer.write(Bytes::from_static(&[0])).await, Err(PortError::Full));
    drop(writer);
    assert!(files(directory.path()).is_empty(), "an upload that was given up is deleted");
    std::fs::write(directory.path().join("00ff.spool"), b"noise").unwrap();
    EncryptedSpool::open(directory.path(), 100).unwrap();
    assert!(files(directory.path()).is_empty(), "leftovers are deleted at start");
}
