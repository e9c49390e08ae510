//! Reading an upload back from any position; each chunk is checked when it is opened.

use super::Scratch;
use super::chunk::{self, CHUNK, Sealer};
use crate::error::StoreError;
use std::io::{self, Read, Seek, SeekFrom};

/// A finished upload and a position in it. Errors of kind `InvalidData` say that the file was changed.
pub(super) struct Reader {
    scratch: Scratch,
    sealer: Sealer,
    length: u64,
    position: u64,
    /// Number of the chunk whose plaintext is in `chunk`.
    opened: Option<u64>,
    chunk: Vec<u8>,
}

impl Reader {
    pub(super) fn new(scratch: Scratch, sealer: Sealer, length: u64) -> Self {
        Self { scratch, sealer, length, position: 0, opened: None, chunk: Vec::new() }
    }

    /// The plaintext from the position to the end of its chunk; empty at the end of the upload.
    fn rest_of_chunk(&mut self) -> io::Result<&[u8]> {
        if self.position >= self.length {
            return Ok(&[]);
        }
        let number = self.position / CHUNK as u64;
        if self.opened != Some(number) {
            self.open_chunk(number)?;
        }
        let offset = usize::try_from(self.position % CHUNK as u64).map_err(io::Error::other)?;
        Ok(self.chunk.get(offset..).unwrap_or_default())
    }

    fn open_chunk(&mut self, number: u64) -> io::Result<()> {
        self.opened = None;
        self.chunk.resize(chunk::sealed_length(number, self.length), 0);
        self.scratch.file.seek(SeekFrom::Start(chunk::position(number)))?;
        self.scratch.file.read_exact(&mut self.chunk).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => corrupt(StoreError::SpoolCorrupt { chunk: number }),
            _ => e,
        })?;
        self.sealer.open(number, &mut self.chunk).map_err(corrupt)?;
        self.opened = Some(number);
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.rest_of_chunk()?;
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = super::sought(to, self.position, self.length)?;
        Ok(self.position)
    }
}

impl lyceum_sharing::port::SpoolReader for Reader {
    fn size(&self) -> u64 {
        self.length
    }
}

fn corrupt(error: StoreError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
