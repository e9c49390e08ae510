//! Artefacts: what stands beside the log under a salted hash, so that it can be withheld or erased, and not guessed.

use crate::error::Error;
use crate::model::Artefact;
use lyceum_audit::event::ArtefactRef;
use sha2::{Digest, Sha256};

/// An artefact with a fresh 256-bit salt.
pub(crate) fn artefact(kind: &str, content: impl Into<Vec<u8>>) -> Result<Artefact, Error> {
    let content = content.into();
    let mut salt = [0_u8; 32];
    getrandom::fill(&mut salt).map_err(|_| Error::Randomness)?;
    let hash = Sha256::new().chain_update(salt).chain_update(&content).finalize();
    Ok(Artefact { reference: ArtefactRef(hex::encode(hash)), salt, kind: kind.to_owned(), content })
}

#[cfg(test)]
mod tests {
    use super::artefact;

    #[test]
    fn equal_contents_have_unequal_references() {
        let (a, b) = (artefact("sql", "SELECT 1").expect("salted"), artefact("sql", "SELECT 1").expect("salted"));
        assert_ne!(a.reference, b.reference);
        assert_eq!(a.reference.0.len(), 64);
    }
}
