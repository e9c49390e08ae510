//! Why a table can't be laid out or scanned. Texts of Arrow, Parquet and DataFusion are dropped: they may quote rows.

use std::error::Error;
use std::io::ErrorKind;

/// Why a table can't be laid out or scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The producer of rows gave up.
    #[error("the upload was aborted")]
    Aborted,
    /// A batch has another schema than the manifest says.
    #[error("rows have other columns than the manifest says")]
    Schema,
    /// The object store failed.
    #[error("the object store failed while {0}")]
    Store(&'static str),
    /// The disk of the object store or of the spill directory is full.
    #[error("no space left on the disk while {0}: free some and upload again")]
    Full(&'static str),
    /// Sorting needs more memory than it was given.
    #[error("sorting needs more memory than it was given: raise the ingest memory limit")]
    Memory,
    /// Sorting failed: the spill directory can't be written, most likely.
    #[error("sorting failed: check that the spill directory can be written")]
    Sort,
    /// Encoding Parquet failed.
    #[error("rows could not be written as Parquet")]
    Encode,
    /// The files read back are not as they should be.
    #[error("the written files are not laid out as they should be: {0}")]
    Verify(&'static str),
    /// A range holds more units than can be numbered.
    #[error("the table has too many units for its declared number of rows: raise expected_rows and upload again")]
    TooManyUnits,
    /// A registered file holds units of more than one range.
    #[error("a stored file reaches over a split point: the version has to be uploaded again")]
    Straddles,
}

impl LayoutError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Aborted => "E1601",
            Self::Schema => "E1602",
            Self::Store(_) => "E1603",
            Self::Full(_) => "E1604",
            Self::Memory => "E1605",
            Self::Sort => "E1606",
            Self::Encode => "E1607",
            Self::Verify(_) => "E1608",
            Self::Straddles => "E1609",
            Self::TooManyUnits => "E1610",
        }
    }

    /// A failure while writing to or reading from the object store.
    pub(super) fn store(error: &(dyn Error + 'static), doing: &'static str) -> Self {
        if is_full(error) { Self::Full(doing) } else { Self::Store(doing) }
    }

    /// A failure of DataFusion's sort.
    pub(super) fn sort(error: &datafusion::error::DataFusionError) -> Self {
        use datafusion::error::DataFusionError as E;
        match error.find_root() {
            E::ResourcesExhausted(_) => Self::Memory,
            _ if is_full(error) => Self::Full("spilling"),
            _ => Self::Sort,
        }
    }
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(e) = cause {
        cause = e.source();
        if let Some(io) = e.downcast_ref::<std::io::Error>() {
            if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) {
                return true;
            }
            // The source of a wrapping io::Error is its content's source, so the content has to be asked for.
            cause = io.get_ref().map(|inner| inner as &(dyn Error + 'static));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures_however_deep_it_lies() {
        let wrap = |kind: ErrorKind| object_store::Error::Generic {
            store: "test",
            source: Box::new(std::io::Error::other(std::io::Error::from(kind))),
        };
        assert_eq!(LayoutError::store(&wrap(ErrorKind::StorageFull), "writing files").code(), "E1604");
        assert_eq!(LayoutError::store(&wrap(ErrorKind::PermissionDenied), "writing files").code(), "E1603");
        let spill = datafusion::error::DataFusionError::IoError(ErrorKind::StorageFull.into());
        assert_eq!(LayoutError::sort(&spill), LayoutError::Full("spilling"));
    }
}
