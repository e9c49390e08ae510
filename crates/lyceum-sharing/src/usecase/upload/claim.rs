//! One upload of a table of a draft at a time: the first one has it, until it has ended.

use crate::app::App;
use crate::error::{Error, Result};
use lyceum_schema::id::VersionId;
use lyceum_schema::name::TableName;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Tables that are being uploaded.
#[derive(Clone, Default)]
pub(crate) struct Claims(Arc<Mutex<HashSet<(VersionId, TableName)>>>);

/// A table that is being uploaded; free again when dropped.
pub(crate) struct Claim {
    claims: Claims,
    table: (VersionId, TableName),
}

impl App {
    /// Takes a table of a draft.
    pub(crate) fn claim(&self, version: VersionId, table: &TableName) -> Result<Claim> {
        let key = (version, table.clone());
        let mut taken = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.insert(key.clone()) {
            Ok(Claim { claims: self.claims.clone(), table: key })
        } else {
            Err(Error::TableBusy { table: table.clone() })
        }
    }

    /// Whether a table of this draft is being uploaded.
    pub(crate) fn is_staging(&self, version: VersionId) -> bool {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|(v, _)| *v == version)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.table);
    }
}
