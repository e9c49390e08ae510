//! Units that opted out of a dataset, and the files that its versions have without them.

use super::SqliteStore;
use super::row::{Columns, Id};
use super::statement::{all, insert, run, unreadable};
use lyceum_audit::event::Event;
use lyceum_schema::id::DatasetId;
use lyceum_sharing::model::{Artefact, ExcludedUnit, RewrittenTable};
use lyceum_sharing::port::{EventIndex, PortError, PortResult};

impl SqliteStore {
    /// The transaction of [`lyceum_sharing::port::Datasets::exclude_units`].
    pub(super) async fn exclude_once(
        &self,
        dataset: DatasetId,
        units: Vec<ExcludedUnit>,
        rewritten: Vec<RewrittenTable>,
        content: Artefact,
        event: Event,
    ) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        for ExcludedUnit { population, unit } in units {
            let statement = sqlx::query(
                "INSERT INTO excluded_units (dataset_id, population_id, unit) VALUES (?, ?, ?) \
                 ON CONFLICT (dataset_id, population_id, unit) DO NOTHING",
            )
            .bind(dataset.bytes())
            .bind(population.bytes())
            .bind(unit.to_be_bytes().to_vec());
            insert(statement, write.on(), || "unit".to_owned(), "dataset or population").await?;
        }
        for RewrittenTable { version, table, was, files } in rewritten {
            let text = |files| serde_json::to_string(files).map_err(|_| unreadable("files"));
            let statement =
                sqlx::query("UPDATE version_tables SET files = ? WHERE version_id = ? AND name = ? AND files = ?")
                    .bind(text(&files)?)
                    .bind(version.bytes())
                    .bind(table.as_str().to_owned())
                    .bind(text(&was)?);
            if run(statement, write.on()).await? != 1 {
                return Err(PortError::State(format!("table {table} of version {version} was uploaded anew")));
            }
        }
        write.artefact(content).await?;
        let index = write.event(&event).await?;
        write.commit_at("exclude.before_commit", "exclude.after_commit").await?;
        Ok(index)
    }

    pub(super) async fn excluded_of(&self, dataset: DatasetId) -> PortResult<Vec<ExcludedUnit>> {
        let statement =
            sqlx::query("SELECT population_id, unit FROM excluded_units WHERE dataset_id = ? ORDER BY unit")
                .bind(dataset.bytes());
        let rows = all(statement, &self.readers).await?;
        rows.iter()
            .map(|row| {
                let unit: [u8; 8] = row.blob("unit")?.try_into().map_err(|_| unreadable("unit"))?;
                Ok(ExcludedUnit { population: row.id("population_id")?, unit: u64::from_be_bytes(unit) })
            })
            .collect()
    }
}
