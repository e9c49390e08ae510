//! Questions about what is read as it is (mock, synthetic and anonymized releases, public tables): free, logged before the
//! first row leaves, and cut off when a release that they read ends meanwhile.

use super::{Delivery, Given, Outcome, refusal, refuse};
use crate::actor::Actor;
use crate::app::App;
use crate::artefact::artefact;
use crate::error::{Error, Result};
use crate::model::Workspace;
use crate::port::PortError;
use crate::usecase::releases;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use lyceum_audit::event::EventKind;
use lyceum_query::engine::{PreparedPublic, PublicRows};
use lyceum_query::failure::FinishError;
use lyceum_schema::id::ReleaseId;
use std::sync::Arc;

/// Who asked what, and how.
pub(super) struct Asked<'a> {
    pub(super) actor: &'a Actor,
    pub(super) workspace: &'a Workspace,
    pub(super) sql: &'a str,
    pub(super) delivery: Delivery,
}

/// Rows as they come.
pub struct Rows {
    app: Arc<App>,
    releases: Vec<ReleaseId>,
    rows: PublicRows,
}

impl Rows {
    /// The columns.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        self.rows.schema()
    }

    /// The next batch; `None` after the last. After an error nothing more comes.
    ///
    /// # Errors
    /// [`Error::NotActive`] from the moment that a release was paused, revoked or expired; [`Error::Finish`], storage.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let batch = match self.rows.next().await? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(failed(&error))),
        };
        Some(releases::expect_active(&self.app, &self.releases).await.map(|()| batch))
    }
}

/// Reads, and says so in the log.
pub(super) async fn read(app: &Arc<App>, asked: Asked<'_>, query: PreparedPublic) -> Result<Outcome> {
    let Asked { actor, workspace, sql, delivery } = asked;
    app.log.releasing().await?;
    let releases = query.releases();
    let outcome = match delivery {
        Delivery::Whole => app.engine.run_public(query).await.map(Read::Whole),
        Delivery::Streamed => app.engine.stream_public(query).await.map(Read::Streamed),
    };
    let read = match outcome {
        Ok(read) => read,
        Err(error) => {
            let refusal = refusal::describe(&error.into(), sql);
            refuse(app, actor, workspace, sql, refusal.code).await?;
            return Err(Error::Question(Box::new(refusal)));
        }
    };
    releases::expect_active(app, &releases).await?;
    let text = artefact("sql", sql)?;
    let event = EventKind::QueryPublic { sql: text.reference.clone(), releases: releases.clone() };
    // Checks once more, in the transaction that logs it, that the releases are active.
    let logged = app.log.append(app.event(Some(actor), Some(workspace.id), event), Some(text)).await;
    let index = match logged {
        Err(PortError::State(_)) => {
            releases::expect_active(app, &releases).await?;
            return Err(Error::Internal);
        }
        other => other?,
    };
    app.log.covered(index).await?;
    Ok(match read {
        Read::Whole(answer) => Outcome::Answer(Box::new(Given { answer, paid: None })),
        Read::Streamed(rows) => Outcome::Rows(Box::new(Rows { app: Arc::clone(app), releases, rows })),
    })
}

enum Read {
    Whole(lyceum_query::answer::Answer),
    Streamed(PublicRows),
}

fn failed(error: &FinishError) -> Error {
    Error::Finish { code: error.code(), message: error.to_string() }
}
