//! The folder: files by their path in the log, written durably one by one.

use crate::durable::{self, Access};
use crate::error::StoreError;
use lyceum_audit::note::VerifierKey;
use lyceum_audit::tile::{TilePath, TileReader};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// `HOME/log`.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

/// The checkpoint that the world may see: signed, and cosigned as the policy demands.
const CHECKPOINT: &str = "checkpoint";
/// A newer one that the log has signed and that waits for witnesses.
const PENDING: &str = "checkpoint.pending";
/// Whom readers of this log shall believe; the operator's to write.
const POLICY: &str = "policy";

impl Folder {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Puts the log's key and, unless the operator wrote one, a policy that believes it beside the tiles.
    pub(super) fn introduce(&self, key: &VerifierKey) -> Result<(), StoreError> {
        let vkey = format!("{key}\n");
        if self.read_file("log.vkey")?.as_deref() != Some(vkey.as_bytes()) {
            self.write("log.vkey", vkey.as_bytes())?;
        }
        if self.read_file(POLICY)?.is_none() {
            self.write(POLICY, format!("log {key}\nquorum none\n").as_bytes())?;
        }
        Ok(())
    }

    /// The policy's text.
    pub(super) fn policy(&self) -> Result<String, StoreError> {
        let bytes = self.read_file(POLICY)?.unwrap_or_default();
        let invalid = |_| StoreError::PolicyInvalid { path: self.policy_path(), why: "it is not text".to_owned() };
        String::from_utf8(bytes).map_err(invalid)
    }

    /// Where the policy is.
    pub(super) fn policy_path(&self) -> PathBuf {
        self.root.join(POLICY)
    }

    /// The checkpoint that the world may have seen, if one was ever written.
    pub(super) fn checkpoint(&self) -> Result<Option<String>, StoreError> {
        self.note(CHECKPOINT)
    }

    /// The checkpoint that was signed last and waited for witnesses, if one ever did.
    pub(super) fn pending(&self) -> Result<Option<String>, StoreError> {
        self.note(PENDING)
    }

    fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        let Some(bytes) = self.read_file(name)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| StoreError::CheckpointInvalid { path: self.root.join(name) })
    }

    /// Where the checkpoint is.
    pub(super) fn checkpoint_path(&self) -> PathBuf {
        self.root.join(CHECKPOINT)
    }

    /// Replaces the checkpoint: from here on the world may have seen it.
    pub(super) fn write_checkpoint(&self, note: &str) -> Result<(), StoreError> {
        self.write(CHECKPOINT, note.as_bytes())
    }

    /// Remembers a signed checkpoint before a witness sees it: the log never signs another history of its size.
    pub(super) fn write_pending(&self, note: &str) -> Result<(), StoreError> {
        self.write(PENDING, note.as_bytes())
    }

    /// Writes a file durably.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.root.join(path);
        durable::create_directories(&self.root, path.parent().unwrap_or(&self.root))?;
        durable::write(&path, bytes, Access::Default)
    }

    /// Deletes a partial tile that a wider one replaced, and its directory when that was the last.
    pub(super) fn delete(&self, tile: TilePath) {
        let path = self.root.join(tile.to_string());
        let _ = fs::remove_file(&path);
        if let Some(directory) = path.parent() {
            // Fails while other widths are there.
            let _ = fs::remove_dir(directory);
        }
    }

    /// The file's bytes; `None` if it is not there.
    pub(super) fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.root.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", &path, e)),
        }
    }

    fn visit(&self, directory: &Path, visit: &mut dyn FnMut(&str)) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for path in entries.filter_map(|e| e.ok().map(|e| e.path())) {
            if path.is_dir() {
                self.visit(&path, visit);
            } else if let Some(path) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
                visit(&path.replace(std::path::MAIN_SEPARATOR, "/"));
            }
        }
    }
}

impl TileReader for Folder {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.read_file(path).ok().flatten()
    }

    fn list(&self, visit: &mut dyn FnMut(&str)) {
        self.visit(&self.root.join("tile"), visit);
    }
}
