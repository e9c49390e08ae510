//! A received upload as the Parquet reader wants it: ranges of bytes, any number of times.

use crate::port::SpoolReader;
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

/// A received upload, shared by readers that each have their own place in it.
#[derive(Clone)]
pub(super) struct Spooled {
    reader: Arc<Mutex<Box<dyn SpoolReader>>>,
    size: u64,
}

impl Spooled {
    pub(super) fn new(reader: Box<dyn SpoolReader>) -> Self {
        let size = reader.size();
        Self { reader: Arc::new(Mutex::new(reader)), size }
    }

    fn read_at(&self, start: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(start))?;
        reader.read(buffer)
    }
}

/// A reader with its own place.
pub(super) struct Cursor {
    spooled: Spooled,
    next: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.spooled.read_at(self.next, buffer)?;
        self.next += read as u64;
        Ok(read)
    }
}

impl Length for Spooled {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Spooled {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(Cursor { spooled: self.clone(), next: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(ParquetError::EOF("range beyond the end of the file".to_owned()));
        }
        let mut bytes = vec![0; length];
        let mut reader = Cursor { spooled: self.clone(), next: start };
        reader.read_exact(&mut bytes).map_err(|e| ParquetError::External(Box::new(e)))?;
        Ok(bytes.into())
    }
}
