//! Mock rows, made from the manifest and a seed: no row of the dataset is read.

use super::making::{Generated, GeneratedTable, Proposal};
use super::report::Findings;
use crate::app::App;
use crate::error::{Error, Result};
use crate::model::ReleaseTable;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use lyceum_anonymize::mock::{Mock, MockError};
use lyceum_query::catalog::UNIT_COLUMN;
use lyceum_query::layout::{self, InputFailed};
use lyceum_schema::manifest::{PrivacyUnit, Table};
use lyceum_schema::policy::MockPolicy;
use std::sync::Arc;

const BATCH_ROWS: usize = 8_192;
const BATCHES_IN_FLIGHT: usize = 4;

/// Makes all tables of the dataset.
pub(super) async fn generate(app: &Arc<App>, proposal: Proposal, terms: MockPolicy) -> Result<Generated> {
    let mut tables = Vec::new();
    for table in proposal.manifest.tables() {
        let mock = Mock::new(&proposal.manifest, terms.rows, terms.seed).map_err(|e| impossible(&e))?;
        let batches = mock.batches(table.name(), BATCH_ROWS).ok_or(Error::Internal)?;
        let expected = mock.rows(table.name()).ok_or(Error::Internal)?;
        let shape = Shape::new(table, &batches.schema());
        let (sender, rows) = layout::channel(BATCHES_IN_FLIGHT);
        let (making, id, stage) = (Arc::clone(app), proposal.release.id, format!("making {}", table.name()));
        let (schema, shaped) = (shape.schema.clone(), shape.clone());
        let made = tokio::task::spawn_blocking(move || {
            let mut done = 0;
            for batch in batches {
                let batch = batch.ok().and_then(|b| shaped.of(&b)).ok_or(InputFailed);
                done += batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
                making.making.say(id, &stage, done, expected);
                let failed = batch.is_err();
                if sender.blocking_send(batch).is_err() || failed {
                    break;
                }
            }
        });
        let prefix = proposal.prefix(table.name());
        let written = layout::write_rows(schema.clone(), rows, Arc::clone(&app.objects), prefix).await;
        made.await.map_err(|_| Error::Internal)?;
        let columns = schema.fields().iter().map(|f| f.name().clone()).collect();
        let table = ReleaseTable {
            table: table.name().clone(),
            schema: super::report::schema_bytes(&schema)?,
            files: written?.files,
        };
        tables.push(GeneratedTable { table, columns });
    }
    let statements = vec![
        "made from the manifest alone, by a seeded generator: no row of the dataset was read, so nobody is in it"
            .to_owned(),
        format!("equal manifests, rows ({}) and seed ({}) give the same bytes", terms.rows, terms.seed),
        "it is for writing queries: whatever it seems to say about the world is made up".to_owned(),
    ];
    Ok(Generated { proposal, tables, findings: Findings { statements, ..Findings::default() } })
}

/// What researchers see of the rows that the generator makes: the unit under its declared name, or not at all.
#[derive(Clone)]
struct Shape {
    schema: SchemaRef,
    /// Columns that are kept, by position.
    kept: Vec<usize>,
}

impl Shape {
    fn new(table: &Table, made: &SchemaRef) -> Self {
        let mut fields = Vec::new();
        let mut kept = Vec::new();
        for (i, field) in made.fields().iter().enumerate() {
            let named = match (field.name() == UNIT_COLUMN, table.unit()) {
                (false, _) => Some(Arc::clone(field)),
                (true, PrivacyUnit::Column(name)) => {
                    Some(Arc::new(Field::new(name.as_str(), field.data_type().clone(), field.is_nullable())))
                }
                (true, PrivacyUnit::ForeignKey { .. } | PrivacyUnit::Row | PrivacyUnit::None) => None,
            };
            if let Some(field) = named {
                fields.push(field);
                kept.push(i);
            }
        }
        Self { schema: Arc::new(Schema::new(fields)), kept }
    }

    fn of(&self, batch: &RecordBatch) -> Option<RecordBatch> {
        let kept = batch.project(&self.kept).ok()?;
        RecordBatch::try_new(Arc::clone(&self.schema), kept.columns().to_vec()).ok()
    }
}

fn impossible(error: &MockError) -> Error {
    Error::Unreadable {
        code: error.code(),
        reason: error.to_string(),
        fix: "correct the manifest or the policy, then propose the release again".to_owned(),
    }
}
