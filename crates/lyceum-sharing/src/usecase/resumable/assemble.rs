//! Received files become a table of a draft: the same line as an upload in one request, from the spool on.

use super::sweep;
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Error, Result};
use crate::port::PortError;
use crate::usecase::upload::{self, Former, Received, ReceivedFile, kept};
use lyceum_schema::id::VersionId;
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// Makes a table of a draft from complete uploads, in the order given. They are gone afterwards; after an error they are
/// still there, to be read with other options or to be given up. The same files again give the same report.
///
/// # Errors
/// As [`upload::table`], [`Error::NotFound`] for uploads of another table, [`Error::State`] for an incomplete one,
/// [`Error::UploadDamaged`] when the received bytes were changed on disk.
pub async fn assemble(
    app: &Arc<App>,
    actor: &Actor,
    dataset: &DatasetName,
    version: VersionId,
    name: &TableName,
    what: &wire::AssembleTable,
) -> Result<wire::ValidationReport> {
    let target = upload::Target::find(app, actor, dataset, version, name).await?;
    let claim = app.claim(version, name)?;
    let former = match what.append_to {
        Some(number) => Some(kept::find(app, &target, number).await?),
        None => None,
    };
    if what.uploads.is_empty() && former.is_none() {
        return Err(Error::invalid("uploads is empty", "name the received files, in order"));
    }
    if what.uploads.iter().collect::<HashSet<_>>().len() != what.uploads.len() {
        return Err(Error::invalid("uploads names a file twice", "name each file once"));
    }
    let mut records = Vec::with_capacity(what.uploads.len());
    for id in &what.uploads {
        let record = super::owned(app, actor, *id).await?;
        if record.version != version || record.table != *name {
            return Err(Error::not_found("upload of this table", id));
        }
        let Some(sha256) = record.received_sha256 else {
            let reason = format!("file {} of table {name} is not complete", record.part);
            return Err(Error::state(reason, format!("go on with /v1/uploads/{id}: HEAD says how far it is")));
        };
        records.push((record, sha256));
    }
    let mut files = Vec::with_capacity(records.len());
    for (record, _) in &records {
        let key = app.resumable.upload_key(record.id).await?;
        let opened = app.spool.open(record.id, key, record.length).await;
        files.push(ReceivedFile {
            reader: opened
                .map_err(|e| if matches!(e, PortError::State(_)) { Error::UploadDamaged } else { e.into() })?,
            options: what.options.clone().or(&record.options),
        });
    }
    let hashes: Vec<[u8; 32]> = records.iter().map(|(_, sha256)| *sha256).collect();
    let received = Received { files, sha256: together(former.as_ref(), &hashes), former };
    let app = Arc::clone(app);
    let ids = what.uploads.clone();
    let staging = tokio::spawn(async move {
        let report = upload::make_table(&app, target, received, claim).await?;
        for id in ids {
            sweep::forget(&app, id).await?;
        }
        Ok(report)
    });
    staging.await.map_err(|_| Error::Internal)?
}

/// The hash that stands for a table's files: of one file its own, of several, or where a former version is kept, the hash of
/// what they are.
fn together(former: Option<&Former>, hashes: &[[u8; 32]]) -> [u8; 32] {
    match (former, hashes) {
        (None, [only]) => *only,
        (None, several) => Sha256::digest(several.concat()).into(),
        (Some(former), several) => {
            let mut hash = Sha256::new();
            hash.update(former.sha256);
            hash.update(several.concat());
            hash.finalize().into()
        }
    }
}
