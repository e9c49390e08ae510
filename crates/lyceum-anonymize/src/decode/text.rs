//! Packed or foreign text → UTF-8, a bounded piece at a time: a reader over a reader. What a small file may become is
//! limited ([`MAX_UNPACKED_RATIO`], [`MAX_UNPACKED_BYTES`]), counted before anything is kept.

use super::{DecodeError, MAX_UNPACKED_BYTES, MAX_UNPACKED_RATIO, ReadError};
use encoding_rs::{Decoder, DecoderResult, Encoding};
use flate2::read::MultiGzDecoder;
use lyceum_schema::wire::FileCompression;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What any file may become.
const FREE_BYTES: u64 = 64 << 20;
/// Largest window that a zstd file may ask for, as a power of two: 128 MiB, what `zstd --long` writes.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Bytes of foreign text that are read at a time.
const PIECE: usize = 64 << 10;

/// Unpacked text.
pub(super) struct Unpacked {
    inner: Box<dyn Read + Send>,
    compression: FileCompression,
    /// Packed bytes read.
    packed: Arc<AtomicU64>,
    unpacked: u64,
}

/// Counts what is read through it, and keeps errors of the source apart from those of the packing.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|_| self.failed.store(1, Ordering::Relaxed))?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Unpacked text, and whether its source failed.
pub(super) struct Source {
    unpacked: Unpacked,
    failed: Arc<AtomicU64>,
}

impl Source {
    pub(super) fn new(source: impl Read + Send + 'static, compression: FileCompression) -> Result<Self, ReadError> {
        let (packed, failed) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counted = Counted { inner: source, count: Arc::clone(&packed), failed: Arc::clone(&failed) };
        let inner: Box<dyn Read + Send> = match compression {
            FileCompression::None => Box::new(counted),
            FileCompression::Gzip => Box::new(MultiGzDecoder::new(counted)),
            FileCompression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(counted).map_err(ReadError::Source)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(ReadError::Source)?;
                Box::new(decoder)
            }
        };
        Ok(Self { unpacked: Unpacked { inner, compression, packed, unpacked: 0 }, failed })
    }

    /// The next bytes; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let Unpacked { inner, compression, packed, unpacked } = &mut self.unpacked;
        let read = loop {
            match inner.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let before = packed.load(Ordering::Relaxed);
        let read = read.map_err(|e| {
            if self.failed.load(Ordering::Relaxed) > 0 {
                return ReadError::Source(e);
            }
            let packing = if *compression == FileCompression::Gzip { "gzip" } else { "zstd" };
            ReadError::File(DecodeError::Broken { what: packing, unit: "byte", at: before })
        })?;
        *unpacked += read as u64;
        let allowed = before.saturating_mul(MAX_UNPACKED_RATIO).saturating_add(FREE_BYTES).min(MAX_UNPACKED_BYTES);
        if *compression != FileCompression::None && *unpacked > allowed {
            return Err(ReadError::File(DecodeError::Unfolds));
        }
        Ok(read)
    }
}

/// Text brought to UTF-8. UTF-8 itself passes unchecked: rows that are not are counted later, one by one.
pub(super) struct Utf8Text {
    source: Source,
    /// Bytes of the source that were read to look at.
    first: Vec<u8>,
    foreign: Option<Foreign>,
}

struct Foreign {
    decoder: Decoder,
    raw: Vec<u8>,
    /// Bytes of the text that were decoded.
    done: u64,
    ended: bool,
}

impl Utf8Text {
    pub(super) fn new(source: Source, mut first: Vec<u8>, encoding: &'static Encoding) -> Self {
        let foreign = (encoding != encoding_rs::UTF_8).then(|| Foreign {
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: Vec::with_capacity(PIECE),
            done: 0,
            ended: false,
        });
        if foreign.is_none() && first.starts_with(b"\xef\xbb\xbf") {
            first.drain(..3);
        }
        Self { source, first, foreign }
    }

    /// The next bytes of UTF-8, appended to `out`; none at the end.
    pub(super) fn read(&mut self, out: &mut Vec<u8>, most: usize) -> Result<(), ReadError> {
        let Some(foreign) = &mut self.foreign else {
            if !self.first.is_empty() {
                out.append(&mut self.first);
                return Ok(());
            }
            let start = out.len();
            out.resize(start + most, 0);
            let read = self.source.read(&mut out[start..]);
            out.truncate(start + *read.as_ref().unwrap_or(&0));
            return read.map(|_| ());
        };
        let before = out.len();
        while out.len() == before && !foreign.ended {
            if foreign.raw.is_empty() {
                foreign.raw.append(&mut self.first);
            }
            if foreign.raw.len() < PIECE {
                let start = foreign.raw.len();
                foreign.raw.resize(PIECE, 0);
                let read = self.source.read(&mut foreign.raw[start..])?;
                foreign.raw.truncate(start + read);
                foreign.ended = read == 0;
            }
            // A unit of UTF-16 becomes at most three bytes, so does a byte of any other encoding.
            out.resize(before + 3 * foreign.raw.len() + 16, 0);
            let decoded =
                foreign.decoder.decode_to_utf8_without_replacement(&foreign.raw, &mut out[before..], foreign.ended);
            let (result, read, written) = decoded;
            out.truncate(before + written);
            foreign.raw.drain(..read);
            foreign.done += read as u64;
            if let DecoderResult::Malformed(..) = result {
                return Err(ReadError::File(DecodeError::BrokenText { at: foreign.done }));
            }
        }
        Ok(())
    }
}
