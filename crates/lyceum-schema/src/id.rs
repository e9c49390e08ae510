//! Identifiers: one type per thing, all UUIDv7 (time-ordered), so that no id can stand in for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh, time-ordered id.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Wraps an id read from storage.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The raw UUID, for storage.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(s).map(Self)
            }
        }
    };
}

id!(/// An account: a person who signs in.
    UserId);
id!(/// A bearer token of a [`UserId`] (the id is public, the secret is not).
    TokenId);
id!(/// A joint research project.
    WorkspaceId);
id!(/// A dataset of one owner.
    DatasetId);
id!(/// One immutable version of a dataset.
    VersionId);
id!(/// A file of a table that is being received, in as many requests as it takes.
    UploadId);
id!(/// One version shared with one workspace under one policy.
    ReleaseId);
id!(/// An id-space in which privacy units are comparable; it has one root account.
    PopulationId);
id!(/// One query that was priced.
    QueryId);
id!(/// One durable debit of the ledger.
    ChargeId);
