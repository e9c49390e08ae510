//! Names that people type: datasets, tables, columns, workspaces, populations, organisations, users.
//!
//! A name is 1–63 characters. Names of tables and columns appear in SQL unquoted, all others in URLs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty or longer than 63 bytes.
    #[error("a name has 1 to 63 characters, this has {0}")]
    Length(usize),
    /// A character that the kind of name doesn't allow.
    #[error("{kind} {allowed}; {found:?} at position {position} is not allowed")]
    Character {
        /// What was being named.
        kind: &'static str,
        /// What is allowed, in words.
        allowed: &'static str,
        /// The offending character.
        found: char,
        /// Its position, counted from 1.
        position: usize,
    },
}

fn check(
    s: &str,
    kind: &'static str,
    allowed: &'static str,
    first: fn(char) -> bool,
    rest: fn(char) -> bool,
) -> Result<(), NameError> {
    if s.is_empty() || s.len() > 63 {
        return Err(NameError::Length(s.chars().count()));
    }
    for (i, c) in s.chars().enumerate() {
        if !(if i == 0 { first(c) } else { rest(c) }) {
            return Err(NameError::Character { kind, allowed, found: c, position: i + 1 });
        }
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:literal, $first:expr, $rest:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a name.
            ///
            /// # Errors
            /// [`NameError`] when the text is empty, longer than 63 bytes or has a character outside the kind's alphabet.
            pub fn new(s: impl Into<String>) -> Result<Self, NameError> {
                let s = s.into();
                check(&s, $kind, $allowed, $first, $rest)?;
                Ok(Self(s))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(s: &str) -> Result<Self, NameError> {
                Self::new(s)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(s: String) -> Result<Self, NameError> {
                Self::new(s)
            }
        }

        impl From<$name> for String {
            fn from(n: $name) -> String {
                n.0
            }
        }
    };
}

const fn slug_first(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}
const fn slug_rest(c: char) -> bool {
    slug_first(c) || c == '-' || c == '_' || c == '.'
}
const fn ident_first(c: char) -> bool {
    c.is_ascii_lowercase()
}
const fn ident_rest(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

name!(/// A dataset, as in `datasets/<name>` and `lyceum dataset show NAME`.
    DatasetName, "a dataset name", "has lower-case letters, digits, '-', '_' and '.'", slug_first, slug_rest);
name!(/// A workspace, as in `-w NAME`.
    WorkspaceName, "a workspace name", "has lower-case letters, digits, '-', '_' and '.'", slug_first, slug_rest);
name!(/// A population (id-space).
    PopulationName, "a population name", "has lower-case letters, digits, '-', '_' and '.'", slug_first, slug_rest);
name!(/// An organisation: the owner of datasets, or a university.
    OrganisationName, "an organisation name", "has lower-case letters, digits, '-', '_' and '.'", slug_first, slug_rest);
name!(/// A person's account name.
    UserName, "a user name", "has lower-case letters, digits, '-', '_' and '.'", slug_first, slug_rest);
name!(/// A table, as written in SQL.
    TableName, "a table name", "starts with a lower-case letter and has lower-case letters, digits and '_'", ident_first, ident_rest);
name!(/// A column, as written in SQL. Files may spell it differently: see `source_name` in the manifest.
    ColumnName, "a column name", "starts with a lower-case letter and has lower-case letters, digits and '_'", ident_first, ident_rest);
