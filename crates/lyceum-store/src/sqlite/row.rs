//! Columns to types and back: ids as 16 bytes, enums and names as their wire spelling, unsigned as checked INTEGER.

use super::statement::{failed, unreadable};
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::id::{
    ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UploadId, UserId, VersionId, WorkspaceId,
};
use lyceum_sharing::port::{PortError, PortResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

/// An id as it rests.
pub(super) trait Id: Sized {
    /// Its 16 bytes.
    fn bytes(&self) -> Vec<u8>;
    /// From its UUID.
    fn from_uuid(uuid: Uuid) -> Self;
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl Id for $name {
            fn bytes(&self) -> Vec<u8> {
                self.as_uuid().as_bytes().to_vec()
            }
            fn from_uuid(uuid: Uuid) -> Self {
                Self::from_uuid(uuid)
            }
        }
    )*};
}
ids!(ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UploadId, UserId, VersionId, WorkspaceId);

/// Reading a row's columns by name.
pub(super) trait Columns {
    /// INTEGER.
    fn int(&self, column: &str) -> PortResult<i64>;
    /// INTEGER or NULL.
    fn optional_int(&self, column: &str) -> PortResult<Option<i64>>;
    /// TEXT.
    fn text(&self, column: &str) -> PortResult<String>;
    /// TEXT or NULL.
    fn optional_text(&self, column: &str) -> PortResult<Option<String>>;
    /// BLOB.
    fn blob(&self, column: &str) -> PortResult<Vec<u8>>;
    /// BLOB or NULL.
    fn optional_blob(&self, column: &str) -> PortResult<Option<Vec<u8>>>;

    /// INTEGER that is never negative.
    fn unsigned(&self, column: &str) -> PortResult<u64> {
        u64::try_from(self.int(column)?).map_err(|_| unreadable("unsigned"))
    }
    /// INTEGER of 32 bits.
    fn unsigned32(&self, column: &str) -> PortResult<u32> {
        u32::try_from(self.int(column)?).map_err(|_| unreadable("unsigned 32"))
    }
    /// BLOB of 16 bytes.
    fn id<T: Id>(&self, column: &str) -> PortResult<T> {
        Uuid::from_slice(&self.blob(column)?).map(T::from_uuid).map_err(|_| unreadable("id"))
    }
    /// BLOB of 32 bytes.
    fn bytes32(&self, column: &str) -> PortResult<[u8; 32]> {
        self.blob(column)?.try_into().map_err(|_| unreadable("32 bytes"))
    }
    /// BLOB of 32 bytes, or NULL.
    fn optional_bytes32(&self, column: &str) -> PortResult<Option<[u8; 32]>> {
        self.optional_blob(column)?.map(|b| b.try_into().map_err(|_| unreadable("32 bytes"))).transpose()
    }
    /// TEXT that is a name or an enum in its wire spelling.
    fn spelled<T: DeserializeOwned>(&self, column: &str) -> PortResult<T> {
        parse(self.text(column)?)
    }
    /// TEXT that is an enum in its wire spelling, or NULL.
    fn optional_spelled<T: DeserializeOwned>(&self, column: &str) -> PortResult<Option<T>> {
        self.optional_text(column)?.map(parse).transpose()
    }
    /// Two INTEGER columns.
    fn budget(&self, rho: &str, delta: &str) -> PortResult<Budget> {
        Ok(Budget { rho: Rho(self.unsigned(rho)?), delta: Delta(self.unsigned(delta)?) })
    }
}

impl Columns for SqliteRow {
    fn int(&self, column: &str) -> PortResult<i64> {
        self.try_get(column).map_err(failed)
    }
    fn optional_int(&self, column: &str) -> PortResult<Option<i64>> {
        self.try_get(column).map_err(failed)
    }
    fn text(&self, column: &str) -> PortResult<String> {
        self.try_get(column).map_err(failed)
    }
    fn optional_text(&self, column: &str) -> PortResult<Option<String>> {
        self.try_get(column).map_err(failed)
    }
    fn blob(&self, column: &str) -> PortResult<Vec<u8>> {
        self.try_get(column).map_err(failed)
    }
    fn optional_blob(&self, column: &str) -> PortResult<Option<Vec<u8>>> {
        self.try_get(column).map_err(failed)
    }
}

/// The wire spelling of a name or an enum without fields.
pub(super) fn spell<T: Serialize>(value: &T) -> PortResult<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        _ => Err(unreadable("spelling")),
    }
}

/// The inverse of [`spell`].
pub(super) fn parse<T: DeserializeOwned>(text: String) -> PortResult<T> {
    serde_json::from_value(serde_json::Value::String(text)).map_err(|_| unreadable("spelling"))
}

/// A number that must fit an INTEGER.
pub(super) fn signed(value: u64, what: &str) -> PortResult<i64> {
    i64::try_from(value).map_err(|_| PortError::State(format!("{what} is too large to store")))
}
