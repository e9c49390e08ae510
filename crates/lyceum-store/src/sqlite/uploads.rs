//! Files being received: what they are to become, and their keys, sealed under the master key and bound to the upload.

use super::SqliteStore;
use super::row::{Columns, Id, signed, spell};
use super::statement::{all, insert, optional, run, unreadable};
use async_trait::async_trait;
use lyceum_schema::id::{UploadId, VersionId};
use lyceum_schema::name::OrganisationName;
use lyceum_schema::time::Micros;
use lyceum_sharing::model::UploadRecord;
use lyceum_sharing::port::{PortError, PortResult, SecretKey, Uploads};
use sqlx::sqlite::SqliteRow;
use zeroize::Zeroizing;

/// All columns but the key.
macro_rules! select {
    ($condition:literal) => {
        sqlx::query(concat!(
            "SELECT id, version_id, table_name, part, user_id, owner, length, options, declared_sha256, ",
            "received_sha256, expires FROM uploads ",
            $condition
        ))
    };
}

#[async_trait]
impl Uploads for SqliteStore {
    async fn create_upload(&self, upload: UploadRecord) -> PortResult<()> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| PortError::Storage)?;
        let sealed = self.master.seal(&purpose(upload.id), &key).ok_or(PortError::Storage)?;
        let options = serde_json::to_string(&upload.options).map_err(|_| unreadable("options"))?;
        let mut write = self.write().await?;
        let statement = sqlx::query(
            "INSERT INTO uploads (id, version_id, table_name, part, user_id, owner, length, options, declared_sha256, \
             received_sha256, expires, sealed_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
        )
        .bind(upload.id.bytes())
        .bind(upload.version.bytes())
        .bind(spell(&upload.table)?)
        .bind(i64::from(upload.part))
        .bind(upload.user.bytes())
        .bind(spell(&upload.owner)?)
        .bind(signed(upload.length, "the upload's length")?)
        .bind(options)
        .bind(upload.declared_sha256.map(|hash| hash.to_vec()))
        .bind(upload.expires.0)
        .bind(sealed);
        let what = || format!("upload of part {} of table {}", upload.part, upload.table);
        insert(statement, write.on(), what, "version").await?;
        write.commit().await
    }

    async fn upload(&self, id: UploadId) -> PortResult<Option<UploadRecord>> {
        let statement = select!("WHERE id = ?").bind(id.bytes());
        optional(statement, &self.readers).await?.as_ref().map(upload).transpose()
    }

    async fn uploads_of(&self, version: VersionId) -> PortResult<Vec<UploadRecord>> {
        let statement = select!("WHERE version_id = ? ORDER BY table_name, part").bind(version.bytes());
        all(statement, &self.readers).await?.iter().map(upload).collect()
    }

    async fn uploads_in_flight(&self, owner: &OrganisationName) -> PortResult<u64> {
        let statement = sqlx::query("SELECT COUNT(*) AS n FROM uploads WHERE owner = ?").bind(spell(owner)?);
        optional(statement, &self.readers).await?.ok_or_else(|| unreadable("count"))?.unsigned("n")
    }

    async fn all_uploads(&self) -> PortResult<Vec<UploadRecord>> {
        all(select!("ORDER BY expires"), &self.readers).await?.iter().map(upload).collect()
    }

    async fn upload_key(&self, id: UploadId) -> PortResult<SecretKey> {
        let statement = sqlx::query("SELECT sealed_key FROM uploads WHERE id = ?").bind(id.bytes());
        let row = optional(statement, &self.readers).await?;
        let row = row.ok_or_else(|| PortError::Missing(format!("upload {id}")))?;
        let key = self.master.open(&purpose(id), &row.blob("sealed_key")?).ok_or_else(|| unreadable("sealed key"))?;
        Ok(SecretKey(*key))
    }

    async fn touch_upload(&self, id: UploadId, received: Option<[u8; 32]>, expires: Micros) -> PortResult<()> {
        let mut write = self.write().await?;
        let statement =
            sqlx::query("UPDATE uploads SET received_sha256 = COALESCE(received_sha256, ?), expires = ? WHERE id = ?")
                .bind(received.map(|hash| hash.to_vec()))
                .bind(expires.0)
                .bind(id.bytes());
        let found = run(statement, write.on()).await?;
        write.commit().await?;
        if found == 1 { Ok(()) } else { Err(PortError::Missing(format!("upload {id}"))) }
    }

    async fn forget_upload(&self, id: UploadId) -> PortResult<()> {
        let mut write = self.write().await?;
        run(sqlx::query("DELETE FROM uploads WHERE id = ?").bind(id.bytes()), write.on()).await?;
        write.commit().await
    }
}

fn upload(row: &SqliteRow) -> PortResult<UploadRecord> {
    Ok(UploadRecord {
        id: row.id("id")?,
        version: row.id("version_id")?,
        table: row.spelled("table_name")?,
        part: row.unsigned32("part")?,
        user: row.id("user_id")?,
        owner: row.spelled("owner")?,
        length: row.unsigned("length")?,
        options: serde_json::from_str(&row.text("options")?).map_err(|_| unreadable("options"))?,
        declared_sha256: row.optional_bytes32("declared_sha256")?,
        received_sha256: row.optional_bytes32("received_sha256")?,
        expires: Micros(row.int("expires")?),
    })
}

fn purpose(upload: UploadId) -> Vec<u8> {
    [b"lyceum upload key 1".as_slice(), upload.as_uuid().as_bytes()].concat()
}
