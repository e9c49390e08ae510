//! The bytes of an upload while they arrive: what can't become a table is refused before it fills the disk. The
//! decoder judges again, exactly; here nothing is refused that it would take.

use super::decode::unreadable_file;
use crate::error::Error;
use lyceum_anonymize::decode::{Arriving, DecodeError, MAX_HEADER_BYTES, MAX_RECORD_BYTES, arriving};
use lyceum_schema::wire::FileOptions;

/// Bytes that tell a format.
const TELLING: usize = 4;
/// Longest line of a record: quoting may double its bytes, and delimiters come on top.
const MAX_LINE_BYTES: usize = 3 * MAX_RECORD_BYTES;

/// Watches an upload.
#[derive(Default)]
pub(crate) struct Watch {
    first: Vec<u8>,
    kind: Option<Arriving>,
    /// Bytes since the last line break.
    line: usize,
    /// Whether a line has ended.
    past_header: bool,
}

impl Watch {
    /// For a file that is to be read so.
    pub(crate) fn new(options: &FileOptions) -> Self {
        let utf16 = options.encoding.as_ref().is_some_and(|label| label.to_ascii_lowercase().contains("16"));
        Self { kind: utf16.then_some(Arriving::Opaque), past_header: options.header == Some(false), ..Self::default() }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for formats that are not read, and for a line longer than any header or record.
    pub(crate) fn look(&mut self, chunk: &[u8]) -> Result<(), Error> {
        if self.kind.is_none() {
            let missing = TELLING - self.first.len();
            self.first.extend(chunk.iter().take(missing));
            if self.first.len() == TELLING {
                let kind = arriving(&self.first).map_err(|e| unreadable_file(&e))?;
                self.past_header |= kind == Arriving::Ndjson;
                self.kind = Some(kind);
            }
        }
        if self.kind == Some(Arriving::Opaque) {
            return Ok(());
        }
        // A line that is too long spans chunks: those in the middle of one are the decoder's to judge.
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
        match (chunk.iter().position(ends), chunk.iter().rposition(ends)) {
            (Some(first), Some(last)) => {
                self.line = self.line.saturating_add(first);
                self.judge()?;
                self.past_header = true;
                self.line = chunk.len() - last - 1;
            }
            _ => self.line = self.line.saturating_add(chunk.len()),
        }
        self.judge()
    }

    fn judge(&self) -> Result<(), Error> {
        if !self.past_header && self.line > MAX_HEADER_BYTES {
            return Err(unreadable_file(&DecodeError::Header(
                "is longer than 64 KiB: is this a CSV file with a header?",
            )));
        }
        if self.line > MAX_LINE_BYTES {
            return Err(Error::Unreadable {
                code: DecodeError::RecordTooLong { record: 0 }.code(),
                reason: "a line is longer than any record may be (1 MiB): line breaks may be missing".to_owned(),
                fix: "correct the file, then send it again".to_owned(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(chunks: &[&[u8]]) -> Option<&'static str> {
        let mut watch = Watch::default();
        chunks.iter().find_map(|chunk| watch.look(chunk).err()).map(|e| e.code())
    }

    #[test]
    fn endless_lines_are_refused_at_their_limits() {
        let kib = [b'0'; 1024];
        assert_eq!(watch(&[&kib[..]; 64]), None);
        assert_eq!(watch(&[&kib[..]; 65]), Some("E1503"));
        let row = |kib_of_row| {
            std::iter::once(&b"a,b\n"[..]).chain(std::iter::repeat_n(&kib[..], kib_of_row)).collect::<Vec<_>>()
        };
        assert_eq!(watch(&row(3072)), None);
        assert_eq!(watch(&row(3073)), Some("E1506"));
        let ended = [row(3072), vec![b"\r\n"], vec![&kib[..]; 3072]].concat();
        assert_eq!(watch(&ended), None);
    }

    #[test]
    fn formats_are_told_from_bytes_that_come_one_by_one() {
        let kib = [b'0'; 1024];
        let parquet: Vec<&[u8]> = [&b"P"[..], b"A", b"R", b"1"].into_iter().chain([&kib[..]; 2048]).collect();
        assert_eq!(watch(&parquet), None);
        assert_eq!(watch(&[b"P", b"K", b"\x03", b"\x04"]), Some("E1502"));
        let packed: Vec<&[u8]> =
            [&b"\x1f"[..], b"\x8b", b"\x08", b"\x00"].into_iter().chain([&kib[..]; 4096]).collect();
        assert_eq!(watch(&packed), None);
        let json: Vec<&[u8]> = [&b"{\"a\""[..]].into_iter().chain([&kib[..]; 1024]).collect();
        assert_eq!(watch(&json), None);
        assert_eq!(watch(&[b"", b"a"]), None);
    }
}
