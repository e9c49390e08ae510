//! Adapters for the ports: SQL database, object store, log files.
//!
//! A server opens them in this order: [`home::Home`] (directory, lock, keys), [`sqlite::SqliteStore`] (everything
//! the service remembers), [`log::TileLog`] (signed log; refuses when database and log disagree),
//! [`blob::open_object_store`] (data files), [`spool::EncryptedSpool`] (encrypted uploads in flight).

pub mod blob;
pub mod clock;
mod durable;
pub mod error;
pub mod home;
pub mod log;
pub mod spool;
pub mod sqlite;

pub use error::StoreError;
