//! Writing an upload: bytes in, sealed chunks out.

use super::Scratch;
use super::chunk::{CHUNK, Sealer};
use super::reader::Reader;
use crate::durable;
use crate::error::StoreError;
use std::io::Write;
use std::path::PathBuf;
use zeroize::Zeroize;

/// An upload being written. Dropped before [`Writer::finish`], its file is deleted.
pub(super) struct Writer {
    scratch: Scratch,
    sealer: Sealer,
    limit: u64,
    length: u64,
    chunks: u64,
    pending: Vec<u8>,
}

impl Writer {
    pub(super) fn create(path: PathBuf, limit: u64) -> Result<Self, StoreError> {
        let file = durable::private_file()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| StoreError::io("create", &path, e))?;
        Ok(Self {
            scratch: Scratch { path, file },
            sealer: Sealer::generate()?,
            limit,
            length: 0,
            chunks: 0,
            pending: Vec::with_capacity(CHUNK + 16),
        })
    }

    /// Appends bytes. Blocks on the disk for at most the bytes given.
    ///
    /// # Errors
    /// [`StoreError::SpoolLimit`] when the upload would exceed its limit (nothing of `bytes` is then written),
    /// [`StoreError::Full`], [`StoreError::Io`].
    pub(super) fn append(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if length > self.limit {
            return Err(StoreError::SpoolLimit { limit: self.limit });
        }
        self.length = length;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the upload and gives it back for reading.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`].
    pub(super) fn finish(mut self) -> Result<Reader, StoreError> {
        if !self.pending.is_empty() {
            self.flush()?;
        }
        self.pending.zeroize();
        Ok(Reader::new(self.scratch, self.sealer, self.length))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let path = &self.scratch.path;
        self.sealer.seal(self.chunks, &mut self.pending).ok_or(StoreError::SpoolCorrupt { chunk: self.chunks })?;
        self.scratch.file.write_all(&self.pending).map_err(|e| StoreError::io("write", path, e))?;
        self.chunks += 1;
        self.pending.clear();
        Ok(())
    }
}
