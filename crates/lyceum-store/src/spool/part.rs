//! A resumable upload on disk: a file of sealed frames that grows, and that a restarted server finds its way in.
//!
//! How much has arrived is what the file's sound frames hold; nothing else remembers it. Opening the file for more
//! reads and checks it all: a frame that a killed process left torn, or that the disk damaged, and whatever comes
//! after it, is cut off, and its bytes are asked for again.

use super::frame::{FRAME, FrameSealer, HEADER, Header, corrupt};
use crate::durable;
use crate::error::StoreError;
use lyceum_sharing::port::{SecretKey, SpoolReader};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroize;

/// An upload that grows.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    sealer: FrameSealer,
    limit: u64,
    pending: Vec<u8>,
    now: Reached,
    synced: Reached,
}

/// A place up to which everything is sealed and written.
#[derive(Clone, Default)]
struct Reached {
    /// Bytes of plaintext.
    plaintext: u64,
    /// Bytes of the file.
    file: u64,
    /// Of the plaintext so far.
    hash: Sha256,
}

impl Part {
    /// Opens the file, or makes it, and cuts off what is not sound.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Full`].
    pub(super) fn open(path: PathBuf, key: &SecretKey, limit: u64) -> Result<Self, StoreError> {
        let file = durable::private_file()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| StoreError::io("create", &path, e))?;
        if let Some(directory) = path.parent() {
            durable::sync_directory(directory)?;
        }
        let sealer = FrameSealer::new(key);
        let mut now = Reached::default();
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        while let Some(frame) =
            next(&mut reader, &sealer, now.plaintext).map_err(|e| StoreError::io("read", &path, e))?
        {
            now.grow(&frame.plaintext, frame.in_file);
        }
        let mut part = Self { path, file, sealer, limit, pending: Vec::new(), synced: now.clone(), now };
        part.cut()?;
        Ok(part)
    }

    /// Appends bytes: whole frames are written at once, the rest with the next ones or at [`Part::sync`].
    ///
    /// # Errors
    /// [`StoreError::SpoolLimit`], [`StoreError::Full`], [`StoreError::Io`].
    pub(super) fn append(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        let length = self.now.plaintext.saturating_add((self.pending.len() + bytes.len()) as u64);
        if length > self.limit {
            return Err(StoreError::SpoolLimit { limit: self.limit });
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(FRAME - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == FRAME {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Makes everything durable; how many bytes there are, and their SHA-256.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`].
    pub(super) fn sync(&mut self) -> Result<(u64, [u8; 32]), StoreError> {
        self.flush()?;
        if self.now.file != self.synced.file {
            self.file.sync_data().map_err(|e| StoreError::io("sync", &self.path, e))?;
        }
        self.synced = self.now.clone();
        Ok((self.now.plaintext, self.now.hash.clone().finalize().into()))
    }

    /// Forgets what came since the last [`Part::sync`].
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn undo(&mut self) -> Result<(), StoreError> {
        self.pending.zeroize();
        self.now = self.synced.clone();
        self.cut()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let frame = self.sealer.seal(self.now.plaintext, &self.pending)?;
        if let Err(e) = self.file.write_all(&frame) {
            let _ = self.cut();
            return Err(StoreError::io("write", &self.path, e));
        }
        self.now.grow(&self.pending, frame.len() as u64);
        self.pending.zeroize();
        Ok(())
    }

    /// Ends the file where its sound frames end.
    fn cut(&mut self) -> Result<(), StoreError> {
        let end = self.now.file;
        let cut = self.file.set_len(end).and_then(|()| self.file.seek(SeekFrom::Start(end)));
        cut.map(|_| ()).map_err(|e| StoreError::io("write", &self.path, e))
    }
}

impl Reached {
    fn grow(&mut self, plaintext: &[u8], in_file: u64) {
        self.plaintext += plaintext.len() as u64;
        self.file += in_file;
        self.hash.update(plaintext);
    }
}

struct Opened {
    plaintext: Vec<u8>,
    in_file: u64,
}

/// The next frame; `None` at the end of what is sound.
fn next(reader: &mut impl Read, sealer: &FrameSealer, position: u64) -> io::Result<Option<Opened>> {
    let mut header = [0; HEADER];
    if !filled(reader, &mut header)? {
        return Ok(None);
    }
    let Some(header) = Header::parse(&header) else { return Ok(None) };
    let mut sealed = vec![0; header.sealed()];
    if !filled(reader, &mut sealed)? || sealer.open(position, &header, &mut sealed).is_err() {
        return Ok(None);
    }
    let in_file = (HEADER + header.sealed()) as u64;
    Ok(Some(Opened { plaintext: sealed, in_file }))
}

/// Whether there were enough bytes.
fn filled(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// A complete upload and a position in it.
pub(super) struct PartReader {
    file: File,
    sealer: FrameSealer,
    frames: Vec<Place>,
    length: u64,
    position: u64,
    /// Number of the frame whose plaintext is in `opened`.
    current: Option<usize>,
    opened: Vec<u8>,
}

/// Where a frame begins.
struct Place {
    plaintext: u64,
    file: u64,
}

impl PartReader {
    /// Opens a file that holds `length` bytes of plaintext.
    ///
    /// # Errors
    /// [`StoreError::SpoolCorrupt`] when its frames don't add up to that, [`StoreError::Io`].
    pub(super) fn open(path: &Path, key: &SecretKey, length: u64) -> Result<Self, StoreError> {
        let failed = |e| StoreError::io("read", path, e);
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let (mut frames, mut plaintext, mut at) = (Vec::new(), 0, 0);
        while plaintext < length {
            let mut header = [0; HEADER];
            file.seek(SeekFrom::Start(at)).map_err(failed)?;
            let header = filled(&mut file, &mut header).map_err(failed)?.then(|| Header::parse(&header)).flatten();
            let header = header.ok_or_else(|| corrupt(plaintext))?;
            frames.push(Place { plaintext, file: at });
            plaintext += header.plaintext as u64;
            at += (HEADER + header.sealed()) as u64;
        }
        if plaintext != length || at > size {
            return Err(corrupt(plaintext));
        }
        let sealer = FrameSealer::new(key);
        Ok(Self { file, sealer, frames, length, position: 0, current: None, opened: Vec::new() })
    }

    fn open_frame(&mut self, number: usize) -> io::Result<()> {
        self.current = None;
        let Some(Place { plaintext, file }) = self.frames.get(number) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let changed = || io::Error::new(io::ErrorKind::InvalidData, corrupt(*plaintext));
        self.file.seek(SeekFrom::Start(*file))?;
        let mut header = [0; HEADER];
        let header = filled(&mut self.file, &mut header)?.then(|| Header::parse(&header)).flatten();
        let header = header.ok_or_else(changed)?;
        self.opened.resize(header.sealed(), 0);
        if !filled(&mut self.file, &mut self.opened)? {
            return Err(changed());
        }
        self.sealer.open(*plaintext, &header, &mut self.opened).map_err(|_| changed())?;
        self.current = Some(number);
        Ok(())
    }
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length {
            return Ok(0);
        }
        let number = self.frames.partition_point(|f| f.plaintext <= self.position).saturating_sub(1);
        if self.current != Some(number) {
            self.open_frame(number)?;
        }
        let offset = usize::try_from(self.position - self.frames[number].plaintext).map_err(io::Error::other)?;
        let rest = self.opened.get(offset..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for PartReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = super::sought(to, self.position, self.length)?;
        Ok(self.position)
    }
}

impl SpoolReader for PartReader {
    fn size(&self) -> u64 {
        self.length
    }
}
