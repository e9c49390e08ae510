//! Uploads in flight rest on disk as encrypted chunks under a key that exists in memory only: whoever finds the
//! file after a crash, or the disk later, finds noise.
//!
//! A file is a sequence of chunks of 64 KiB of plaintext (the last may be shorter), each sealed by
//! ChaCha20-Poly1305 (RFC 8439) with its number as nonce. The key is fresh per upload, so no nonce repeats; the
//! length is kept in memory, so cutting the file shows.

mod chunk;
mod reader;
mod writer;

use crate::durable;
use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use lyceum_sharing::port::{PortError, PortResult, Spool, SpoolReader, SpoolWriter};
use std::fs;
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
        Ok(Err(error)) => {
            tracing::error!(code = error.code(), %error, "spooling an upload failed");
            Err(PortError::Storage)
        }
        Err(_) => Err(PortError::Storage),
    }
}

const EXTENSION: &str = "spool";

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
