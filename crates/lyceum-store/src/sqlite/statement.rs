//! Running statements, and turning what fails into a [`PortError`] without a value of the statement in it.

use lyceum_sharing::port::{PortError, PortResult};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Executor, Sqlite};

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// The row, or none.
pub(super) async fn optional<'e>(
    statement: Statement<'_>,
    on: impl Executor<'e, Database = Sqlite>,
) -> PortResult<Option<SqliteRow>> {
    statement.fetch_optional(on).await.map_err(failed)
}

/// All rows.
pub(super) async fn all<'e>(
    statement: Statement<'_>,
    on: impl Executor<'e, Database = Sqlite>,
) -> PortResult<Vec<SqliteRow>> {
    statement.fetch_all(on).await.map_err(failed)
}

/// Runs it and gives the number of rows changed.
pub(super) async fn run<'e>(statement: Statement<'_>, on: impl Executor<'e, Database = Sqlite>) -> PortResult<u64> {
    statement.execute(on).await.map(|done| done.rows_affected()).map_err(failed)
}

/// Runs an insertion of `what` (such as `user scholar`); `refers_to` names what its foreign keys point to.
pub(super) async fn insert<'e>(
    statement: Statement<'_>,
    on: impl Executor<'e, Database = Sqlite>,
    what: impl FnOnce() -> String,
    refers_to: &str,
) -> PortResult<()> {
    match statement.execute(on).await {
        Ok(_) => Ok(()),
        Err(e) => Err(match e.as_database_error() {
            Some(d) if d.is_unique_violation() => PortError::Exists(what()),
            Some(d) if d.is_foreign_key_violation() => PortError::Missing(refers_to.to_owned()),
            _ => failed(e),
        }),
    }
}

/// Logs the failure for the operator; SQLite's messages name tables and columns, never values.
pub(super) fn failed(error: sqlx::Error) -> PortError {
    tracing::error!(%error, "the database failed");
    let code = error.as_database_error().and_then(|d| d.code()).and_then(|c| c.parse::<i32>().ok());
    match code {
        Some(code) if code & 0xff == SQLITE_FULL || code == SQLITE_IOERR_WRITE => PortError::Full,
        _ => PortError::Storage,
    }
}

/// Logs a stored value that this version can't read.
pub(super) fn unreadable(what: &'static str) -> PortError {
    tracing::error!(what, "the database holds a value that this version can't read");
    PortError::Storage
}

const SQLITE_FULL: i32 = 13;
/// Quotas (EDQUOT, EFBIG) arrive as a failed write.
const SQLITE_IOERR_WRITE: i32 = 778;
