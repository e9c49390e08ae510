//! The object store: data files below `HOME/data`, durable when a put returns, swept at start.

mod durable;

use crate::error::StoreError;
use crate::home::Home;
use durable::DurableLocal;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Opens the home's object store. A put, multipart upload, copy or rename that returned is on disk.
///
/// Parts of files that a killed process was writing are deleted: the home's lock says that nobody else writes.
///
/// # Errors
/// [`StoreError::Io`], [`StoreError::Objects`].
pub fn open_object_store(home: &Home) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let root = home.data_directory();
    let deleted = delete_unfinished(&root)?;
    if deleted > 0 {
        tracing::info!(deleted, "deleted files that a killed process was writing");
    }
    Ok(Arc::new(DurableLocal::new(&root)?))
}

/// Deletes every object whose path is not among `referenced`, and returns how many. Run at start, before uploads
/// are accepted: what is being written is not referenced yet.
///
/// # Errors
/// [`StoreError::Objects`] when listing or deleting fails; what was deleted by then stays deleted.
pub async fn collect_garbage(store: &dyn ObjectStore, referenced: &[String]) -> Result<u64, StoreError> {
    let referenced: HashSet<ObjectPath> = referenced.iter().map(|p| ObjectPath::from(p.as_str())).collect();
    let garbage: Vec<ObjectPath> = store
        .list(None)
        .map_ok(|object| object.location)
        .try_filter(|path| std::future::ready(!referenced.contains(path)))
        .try_collect()
        .await
        .map_err(objects)?;
    let deleted = garbage.len() as u64;
    let paths = futures::stream::iter(garbage.into_iter().map(Ok));
    store.delete_stream(Box::pin(paths)).try_collect::<Vec<_>>().await.map_err(objects)?;
    Ok(deleted)
}

fn objects(source: object_store::Error) -> StoreError {
    StoreError::Objects { source }
}

/// Deletes the staging files of the local store (`name#number`), which listings hide.
fn delete_unfinished(directory: &Path) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for entry in fs::read_dir(directory).map_err(|e| StoreError::io("read", directory, e))? {
        let entry = entry.map_err(|e| StoreError::io("read", directory, e))?;
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            deleted += delete_unfinished(&path)?;
        } else if is_staging(&entry.file_name().to_string_lossy()) {
            fs::remove_file(&path).map_err(|e| StoreError::io("delete", &path, e))?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

fn is_staging(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
