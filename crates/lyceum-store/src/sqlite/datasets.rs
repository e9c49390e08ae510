//! Datasets and their versions.

use super::SqliteStore;
use super::row::{Columns, Id, spell};
use super::statement::{all, insert, optional, run, unreadable};
use super::transaction::Write;
use async_trait::async_trait;
use lyceum_audit::event::Event;
use lyceum_schema::id::{DatasetId, VersionId};
use lyceum_schema::name::DatasetName;
use lyceum_schema::state::VersionState;
use lyceum_schema::time::Micros;
use lyceum_sharing::model::{Artefact, DatasetRecord, ExcludedUnit, RewrittenTable, TableFiles, VersionRecord};
use lyceum_sharing::port::{Datasets, EventIndex, PortError, PortResult};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

#[async_trait]
impl Datasets for SqliteStore {
    async fn create_dataset(&self, dataset: DatasetRecord, manifest: Artefact, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query("INSERT INTO datasets (id, name, owner, manifest) VALUES (?, ?, ?, ?)")
            .bind(dataset.id.bytes())
            .bind(spell(&dataset.name)?)
            .bind(spell(&dataset.owner)?)
            .bind(dataset.manifest);
        insert(statement, write.on(), || format!("dataset {}", dataset.name), "").await?;
        write.artefact(manifest).await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn dataset(&self, name: &DatasetName) -> PortResult<Option<DatasetRecord>> {
        let statement = sqlx::query("SELECT id, name, owner, manifest FROM datasets WHERE name = ?").bind(spell(name)?);
        optional(statement, &self.readers).await?.as_ref().map(dataset).transpose()
    }

    async fn datasets(&self) -> PortResult<Vec<DatasetRecord>> {
        let statement = sqlx::query("SELECT id, name, owner, manifest FROM datasets ORDER BY name");
        all(statement, &self.readers).await?.iter().map(dataset).collect()
    }

    async fn create_version(&self, id: VersionId, dataset: DatasetId, now: Micros) -> PortResult<VersionRecord> {
        let mut write = self.write().await?;
        let last = sqlx::query("SELECT COALESCE(MAX(number), 0) AS number FROM versions WHERE dataset_id = ?")
            .bind(dataset.bytes());
        let last = optional(last, write.on()).await?.ok_or_else(|| unreadable("number"))?.unsigned32("number")?;
        let number = last.checked_add(1).ok_or_else(|| unreadable("number"))?;
        let statement =
            sqlx::query("INSERT INTO versions (id, dataset_id, number, state, created) VALUES (?, ?, ?, ?, ?)")
                .bind(id.bytes())
                .bind(dataset.bytes())
                .bind(i64::from(number))
                .bind(spell(&VersionState::Draft)?)
                .bind(now.0);
        insert(statement, write.on(), || format!("version {id}"), "dataset").await?;
        write.commit().await?;
        Ok(VersionRecord { id, dataset, number, state: VersionState::Draft, created: now, tables: Vec::new() })
    }

    async fn put_table(&self, version: VersionId, table: TableFiles) -> PortResult<()> {
        let mut write = self.write().await?;
        expect_draft(&mut write, version).await?;
        let files = serde_json::to_string(&table.files).map_err(|_| unreadable("files"))?;
        let statement = sqlx::query(
            "INSERT INTO version_tables (version_id, name, files, report, upload_sha256) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (version_id, name) DO UPDATE SET files = excluded.files, report = excluded.report, \
             upload_sha256 = excluded.upload_sha256",
        )
        .bind(version.bytes())
        .bind(spell(&table.table)?)
        .bind(files)
        .bind(table.report)
        .bind(table.upload_sha256.to_vec());
        run(statement, write.on()).await?;
        write.commit().await
    }

    async fn publish_version(&self, version: VersionId, content: Artefact, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        expect_draft(&mut write, version).await?;
        move_version(&mut write, version, VersionState::Published).await?;
        write.artefact(content).await?;
        let index = write.event(&event).await?;
        write.commit_at("publish.before_commit", "publish.after_commit").await?;
        Ok(index)
    }

    async fn exclude_units(
        &self,
        dataset: DatasetId,
        units: Vec<ExcludedUnit>,
        rewritten: Vec<RewrittenTable>,
        content: Artefact,
        event: Event,
    ) -> PortResult<EventIndex> {
        self.exclude_once(dataset, units, rewritten, content, event).await
    }

    async fn excluded_units(&self, dataset: DatasetId) -> PortResult<Vec<ExcludedUnit>> {
        self.excluded_of(dataset).await
    }

    /// Its tables go, reports on raw rows with them.
    async fn abandon_version(&self, version: VersionId, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        expect_draft(&mut write, version).await?;
        move_version(&mut write, version, VersionState::Abandoned).await?;
        let statement = sqlx::query("DELETE FROM version_tables WHERE version_id = ?").bind(version.bytes());
        run(statement, write.on()).await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn version(&self, id: VersionId) -> PortResult<Option<VersionRecord>> {
        let statement =
            sqlx::query("SELECT id, dataset_id, number, state, created FROM versions WHERE id = ?").bind(id.bytes());
        Ok(self.with_tables(statement).await?.pop())
    }

    async fn versions(&self, dataset: DatasetId) -> PortResult<Vec<VersionRecord>> {
        let statement = sqlx::query(
            "SELECT id, dataset_id, number, state, created FROM versions WHERE dataset_id = ? ORDER BY number DESC",
        )
        .bind(dataset.bytes());
        self.with_tables(statement).await
    }

    async fn drafts(&self) -> PortResult<Vec<VersionRecord>> {
        let statement = sqlx::query(
            "SELECT id, dataset_id, number, state, created FROM versions WHERE state = ? ORDER BY created, id",
        )
        .bind(spell(&VersionState::Draft)?);
        self.with_tables(statement).await
    }

    async fn referenced_files(&self) -> PortResult<Vec<String>> {
        let statement = sqlx::query("SELECT name, files, report, upload_sha256 FROM version_tables");
        let mut paths = Vec::new();
        for row in all(statement, &self.readers).await? {
            paths.extend(table(&row)?.files.into_iter().map(|file| file.path));
        }
        Ok(paths)
    }
}

impl SqliteStore {
    /// Versions and their tables, as of one moment.
    async fn with_tables(&self, versions: super::statement::Statement<'_>) -> PortResult<Vec<VersionRecord>> {
        let mut read = self.read().await?;
        let rows = all(versions, &mut *read).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let id: VersionId = row.id("id")?;
            records.push(VersionRecord {
                id,
                dataset: row.id("dataset_id")?,
                number: row.unsigned32("number")?,
                state: row.spelled("state")?,
                created: Micros(row.int("created")?),
                tables: tables(id, &mut read).await?,
            });
        }
        Ok(records)
    }
}

async fn tables(version: VersionId, on: &mut SqliteConnection) -> PortResult<Vec<TableFiles>> {
    let statement =
        sqlx::query("SELECT name, files, report, upload_sha256 FROM version_tables WHERE version_id = ? ORDER BY name")
            .bind(version.bytes());
    all(statement, on).await?.iter().map(table).collect()
}

async fn expect_draft(write: &mut Write, version: VersionId) -> PortResult<()> {
    let statement = sqlx::query("SELECT state FROM versions WHERE id = ?").bind(version.bytes());
    let row = optional(statement, write.on()).await?;
    let row = row.ok_or_else(|| PortError::Missing(format!("version {version}")))?;
    match row.spelled("state")? {
        VersionState::Draft => Ok(()),
        VersionState::Published => Err(PortError::State("the version is published and can't change".to_owned())),
        VersionState::Abandoned => Err(PortError::State("the version was abandoned; begin a new one".to_owned())),
    }
}

async fn move_version(write: &mut Write, version: VersionId, next: VersionState) -> PortResult<()> {
    let statement = sqlx::query("UPDATE versions SET state = ? WHERE id = ?").bind(spell(&next)?).bind(version.bytes());
    run(statement, write.on()).await.map(|_| ())
}

fn dataset(row: &SqliteRow) -> PortResult<DatasetRecord> {
    Ok(DatasetRecord {
        id: row.id("id")?,
        name: row.spelled("name")?,
        owner: row.spelled("owner")?,
        manifest: row.text("manifest")?,
    })
}

fn table(row: &SqliteRow) -> PortResult<TableFiles> {
    Ok(TableFiles {
        table: row.spelled("name")?,
        files: serde_json::from_str(&row.text("files")?).map_err(|_| unreadable("files"))?,
        report: row.text("report")?,
        upload_sha256: row.bytes32("upload_sha256")?,
    })
}
