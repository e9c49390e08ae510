//! Uploads in flight rest on disk as encrypted chunks: whoever finds the file after a crash, or the disk later, finds
//! noise.
//!
//! An upload in one request has a key that exists in memory only. Its file is a sequence of chunks of 64 KiB of plaintext
//! (the last may be shorter), each sealed by ChaCha20-Poly1305 (RFC 8439) with its number as nonce. The key is fresh per
//! upload, so no nonce repeats; the length is kept in memory, so cutting the file shows. A resumable upload is a file of
//! [`frame`]s under a key that rests in the database, sealed.

mod chunk;
mod frame;
mod part;
mod reader;
mod writer;

use crate::durable;
use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use lyceum_schema::id::UploadId;
use lyceum_sharing::port::{PartWriter, PortError, PortResult, SecretKey, Spool, SpoolReader, SpoolWriter};
use part::{Part, PartReader};
use std::fs;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use writer::Writer;

/// The directory of spooled uploads.
#[derive(Debug, Clone)]
pub struct EncryptedSpool {
    directory: PathBuf,
    limit: u64,
}

impl EncryptedSpool {
    /// Opens the directory for uploads of at most `limit` bytes each, and deletes what a killed process left there:
    /// its keys are gone, nobody can read it. An upload over the limit is answered [`PortError::Full`].
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(directory: &Path, limit: u64) -> Result<Self, StoreError> {
        durable::create_private_directory(directory)?;
        for entry in fs::read_dir(directory).map_err(|e| StoreError::io("read", directory, e))? {
            let path = entry.map_err(|e| StoreError::io("read", directory, e))?.path();
            if path.extension().is_some_and(|e| e == EXTENSION) {
                fs::remove_file(&path).map_err(|e| StoreError::io("delete", &path, e))?;
            }
        }
        Ok(Self { directory: directory.to_owned(), limit })
    }

    fn part(&self, id: UploadId) -> PathBuf {
        self.directory.join(format!("{id}.{PART_EXTENSION}"))
    }

    fn begin(&self) -> Result<Writer, StoreError> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|_| StoreError::Random)?;
        Writer::create(self.directory.join(format!("{}.{EXTENSION}", hex::encode(name))), self.limit)
    }
}

#[async_trait]
impl Spool for EncryptedSpool {
    async fn create(&self) -> PortResult<Box<dyn SpoolWriter>> {
        let spool = self.clone();
        let writer = blocking(move || spool.begin()).await?;
        Ok(Box::new(Upload { writer: Some(writer) }))
    }

    async fn resume(&self, id: UploadId, key: SecretKey) -> PortResult<Box<dyn PartWriter>> {
        let (path, limit) = (self.part(id), self.limit);
        let part = blocking(move || Part::open(path, &key, limit)).await?;
        Ok(Box::new(Growing { part: Some(part) }))
    }

    async fn open(&self, id: UploadId, key: SecretKey, length: u64) -> PortResult<Box<dyn SpoolReader>> {
        let path = self.part(id);
        let reader = blocking(move || PartReader::open(&path, &key, length)).await?;
        Ok(Box::new(reader))
    }

    async fn delete(&self, id: UploadId) -> PortResult<()> {
        let path = self.part(id);
        blocking(move || match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("delete", &path, e)),
            _ => Ok(()),
        })
        .await
    }

    async fn resumable(&self) -> PortResult<Vec<UploadId>> {
        let directory = self.directory.clone();
        blocking(move || {
            let entries = fs::read_dir(&directory).map_err(|e| StoreError::io("read", &directory, e))?;
            let name = |entry: std::io::Result<fs::DirEntry>| {
                let path = entry.ok()?.path();
                let stem = path.file_stem()?.to_str()?;
                (path.extension()? == PART_EXTENSION).then(|| stem.parse().ok()).flatten()
            };
            Ok(entries.filter_map(name).collect())
        })
        .await
    }
}

/// A resumable upload being received; `None` after a failed or cancelled write.
struct Growing {
    part: Option<Part>,
}

impl Growing {
    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Part) -> Result<T, StoreError> + Send + 'static,
    ) -> PortResult<T> {
        let mut part = self.part.take().ok_or(PortError::Storage)?;
        let (part, value) = blocking(move || work(&mut part).map(|value| (part, value))).await?;
        self.part = Some(part);
        Ok(value)
    }
}

#[async_trait]
impl PartWriter for Growing {
    async fn write(&mut self, chunk: Bytes) -> PortResult<()> {
        self.with(move |part| part.append(&chunk)).await
    }

    async fn sync(&mut self) -> PortResult<(u64, [u8; 32])> {
        self.with(Part::sync).await
    }

    async fn undo(&mut self) -> PortResult<()> {
        self.with(Part::undo).await
    }
}

/// An upload being received; `None` after a failed or cancelled write, when nothing more can be said about it.
struct Upload {
    writer: Option<Writer>,
}

#[async_trait]
impl SpoolWriter for Upload {
    async fn write(&mut self, chunk: Bytes) -> PortResult<()> {
        let mut writer = self.writer.take().ok_or(PortError::Storage)?;
        let writer = blocking(move || writer.append(&chunk).map(|()| writer)).await?;
        self.writer = Some(writer);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> PortResult<Box<dyn SpoolReader>> {
        let writer = self.writer.take().ok_or(PortError::Storage)?;
        let reader = blocking(move || writer.finish()).await?;
        Ok(Box::new(reader))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> PortResult<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(StoreError::Full { .. } | StoreError::SpoolLimit { .. })) => Err(PortError::Full),
        Ok(Err(error @ StoreError::SpoolCorrupt { .. })) => Err(PortError::State(error.to_string())),
        Ok(Err(error)) => {
            tracing::error!(code = error.code(), %error, "spooling an upload failed");
            Err(PortError::Storage)
        }
        Err(_) => Err(PortError::Storage),
    }
}

const EXTENSION: &str = "spool";
const PART_EXTENSION: &str = "part";

/// A file that is deleted when nobody uses it any more.
struct Scratch {
    path: PathBuf,
    file: fs::File,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), error = %e, "could not delete a spooled upload");
        }
    }
}

/// Where a seek leads in `length` bytes of plaintext, from `position`. Beyond the end is allowed, as in files.
///
/// # Errors
/// Before the start, or beyond 64 bits.
fn sought(to: SeekFrom, position: u64, length: u64) -> io::Result<u64> {
    let target = match to {
        SeekFrom::Start(n) => Some(n),
        SeekFrom::End(n) => length.checked_add_signed(n),
        SeekFrom::Current(n) => position.checked_add_signed(n),
    };
    target.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
