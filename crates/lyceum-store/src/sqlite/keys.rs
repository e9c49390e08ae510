//! Pseudonym keys of populations, sealed under the master key and bound to their population.

use super::SqliteStore;
use super::row::{Columns, Id};
use super::statement::{insert, optional, unreadable};
use async_trait::async_trait;
use lyceum_schema::id::PopulationId;
use lyceum_sharing::port::{KeyStore, PortError, PortResult, SecretKey};
use zeroize::Zeroizing;

#[async_trait]
impl KeyStore for SqliteStore {
    async fn population_key(&self, population: PopulationId) -> PortResult<SecretKey> {
        let select =
            || sqlx::query("SELECT sealed FROM population_keys WHERE population_id = ?").bind(population.bytes());
        if let Some(row) = optional(select(), &self.readers).await? {
            return self.unseal(population, &row.blob("sealed")?);
        }
        // Not there a moment ago: look again while nobody else can write.
        let mut write = self.write().await?;
        if let Some(row) = optional(select(), write.on()).await? {
            return self.unseal(population, &row.blob("sealed")?);
        }
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| PortError::Storage)?;
        let sealed = self.master.seal(&purpose(population), &key).ok_or(PortError::Storage)?;
        let statement = sqlx::query("INSERT INTO population_keys (population_id, sealed) VALUES (?, ?)")
            .bind(population.bytes())
            .bind(sealed);
        insert(statement, write.on(), || "key".to_owned(), "population").await?;
        write.commit().await?;
        Ok(SecretKey(*key))
    }
}

impl SqliteStore {
    fn unseal(&self, population: PopulationId, sealed: &[u8]) -> PortResult<SecretKey> {
        let key = self.master.open(&purpose(population), sealed).ok_or_else(|| unreadable("sealed key"))?;
        Ok(SecretKey(*key))
    }
}

fn purpose(population: PopulationId) -> Vec<u8> {
    [b"lyceum population key 1".as_slice(), population.as_uuid().as_bytes()].concat()
}
