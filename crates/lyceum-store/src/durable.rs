//! Files that are either wholly there after a crash or not at all: write beside, sync, rename, sync the directory.

use crate::error::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The owner only (0600).
    Owner,
    /// Whoever the umask allows.
    Default,
}

/// Replaces `path` by a file of `content`, durably and atomically. A crash leaves the old file, or the new one.
pub(crate) fn write(path: &Path, content: &[u8], access: Access) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = write_synced(&temporary, content, access)
        .and_then(|()| fs::rename(&temporary, path).map_err(|e| StoreError::io("rename", &temporary, e)));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    // Windows can't open directories as files and needs no such call.
    if cfg!(unix) {
        File::open(path).and_then(|d| d.sync_all()).map_err(|e| StoreError::io("sync", path, e))?;
    }
    Ok(())
}

/// Creates a directory and its missing parents below `root`, each durable in its parent, readable by the owner only.
pub(crate) fn create_directories(root: &Path, path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent()
        && path != root
    {
        create_directories(root, parent)?;
    }
    create_private_directory(path)?;
    path.parent().map_or(Ok(()), |p| if p.as_os_str().is_empty() { Ok(()) } else { sync_directory(p) })
}

/// Creates one directory with mode 0700; fine if it is there.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), StoreError> {
    #[allow(unused_mut)]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other.map_err(|e| StoreError::io("create", path, e)),
    }
}

/// Options that create a file nobody else can read.
pub(crate) fn private_file() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn write_synced(path: &Path, content: &[u8], access: Access) -> Result<(), StoreError> {
    let options = match access {
        Access::Owner => private_file(),
        Access::Default => OpenOptions::new(),
    };
    let mut options = options;
    let mut file =
        options.write(true).create(true).truncate(true).open(path).map_err(|e| StoreError::io("create", path, e))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|e| StoreError::io("write", path, e))
}
