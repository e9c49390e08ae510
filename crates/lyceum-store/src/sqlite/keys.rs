//! Pseudonym keys of populations and of releases, sealed under the master key and bound to what they are of.

use super::SqliteStore;
use super::row::{Columns, Id};
use super::statement::{insert, optional, unreadable};
use async_trait::async_trait;
use lyceum_schema::id::{PopulationId, ReleaseId};
use lyceum_sharing::port::{KeyStore, PortError, PortResult, SecretKey};
use zeroize::Zeroizing;

#[async_trait]
impl KeyStore for SqliteStore {
    async fn population_key(&self, population: PopulationId) -> PortResult<SecretKey> {
        let purpose = [b"lyceum population key 1".as_slice(), population.as_uuid().as_bytes()].concat();
        self.sealed_key(&POPULATION, population.bytes(), &purpose).await
    }

    async fn release_key(&self, release: ReleaseId) -> PortResult<SecretKey> {
        let purpose = [b"lyceum release key 1".as_slice(), release.as_uuid().as_bytes()].concat();
        self.sealed_key(&RELEASE, release.bytes(), &purpose).await
    }
}

/// Where keys of one kind rest.
struct Place {
    select: &'static str,
    insert: &'static str,
    of: &'static str,
}

const POPULATION: Place = Place {
    select: "SELECT sealed FROM population_keys WHERE population_id = ?",
    insert: "INSERT INTO population_keys (population_id, sealed) VALUES (?, ?)",
    of: "population",
};
const RELEASE: Place = Place {
    select: "SELECT sealed FROM release_keys WHERE release_id = ?",
    insert: "INSERT INTO release_keys (release_id, sealed) VALUES (?, ?)",
    of: "release",
};

impl SqliteStore {
    /// The key of `id`, made if there is none.
    async fn sealed_key(&self, place: &Place, id: Vec<u8>, purpose: &[u8]) -> PortResult<SecretKey> {
        let select = || sqlx::query(place.select).bind(id.clone());
        if let Some(row) = optional(select(), &self.readers).await? {
            return self.unseal(purpose, &row.blob("sealed")?);
        }
        // Not there a moment ago: look again while nobody else can write.
        let mut write = self.write().await?;
        if let Some(row) = optional(select(), write.on()).await? {
            return self.unseal(purpose, &row.blob("sealed")?);
        }
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| PortError::Storage)?;
        let sealed = self.master.seal(purpose, &key).ok_or(PortError::Storage)?;
        let statement = sqlx::query(place.insert).bind(id).bind(sealed);
        insert(statement, write.on(), || "key".to_owned(), place.of).await?;
        write.commit().await?;
        Ok(SecretKey(*key))
    }

    fn unseal(&self, purpose: &[u8], sealed: &[u8]) -> PortResult<SecretKey> {
        let key = self.master.open(purpose, sealed).ok_or_else(|| unreadable("sealed key"))?;
        Ok(SecretKey(*key))
    }
}
