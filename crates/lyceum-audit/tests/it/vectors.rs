//! Test vectors for verifiers in other languages: one log as files, its checkpoints, proofs and receipts, in
//! `tests/vectors/log.json`. The console's TypeScript is tested with the same file.

use crate::world::{Log, PRICE_DELTA, PRICE_RHO, debits, signer, story};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lyceum_audit::event::{Event, EventKind};
use lyceum_audit::merkle::{leaf_hash, root_of};
use lyceum_audit::note::{Note, WitnessSigner};
use lyceum_audit::receipt::Receipt;
use lyceum_audit::tile::{TileHashes, TileKind, TilePath};
use serde_json::{Value, json};

/// Entries of the first checkpoint.
const FIRST: u64 = 37;
const WITNESS_TIME: u64 = 1_763_000_000;

#[test]
fn the_vectors_are_those_of_this_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/log.json");
    let vectors = format!("{}\n", serde_json::to_string_pretty(&vectors()).unwrap());
    if std::env::var_os("LYCEUM_WRITE_VECTORS").is_some() {
        std::fs::write(file, &vectors).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == vectors, "the log's formats changed; review, then run again with LYCEUM_WRITE_VECTORS=1");
}

fn vectors() -> Value {
    let events = story(75);
    let log = Log::of(&events, FIRST as usize);
    let size = events.len() as u64;
    let witness = WitnessSigner::from_seed("witness.example", &[43; 32]).unwrap();
    let mut cosigned = Note::parse(log.checkpoint()).unwrap();
    witness.cosign(&mut cosigned, WITNESS_TIME);

    let leaves: Vec<_> = events.iter().map(|e| leaf_hash(&e.to_canonical_json().unwrap())).collect();
    let hashes = TileHashes::new(&log.files, size);
    let root = hashes.root().unwrap();
    let some = |step: usize| (0..size).step_by(step).chain([size - 1]);
    let inclusion: Vec<Value> = some(31)
        .map(|index| {
            let proof = hashes.inclusion(index).unwrap();
            json!({ "index": index, "leaf": leaves[index as usize].to_string(), "proof": texts(&proof) })
        })
        .collect();
    let consistency: Vec<Value> = some(23)
        .filter(|old| *old > 0)
        .map(|old| {
            let root = root_of(&leaves[..old as usize]);
            json!({ "size": old, "root": root.to_string(), "proof": texts(&hashes.consistency(old).unwrap()) })
        })
        .collect();
    let receipts: Vec<Value> = some(67)
        .map(|index| {
            let receipt = Receipt::from_tiles(&log.files, log.checkpoint(), signer().verifier_key(), index).unwrap();
            json!({ "index": index, "text": receipt.to_string() })
        })
        .collect();
    let tiles: serde_json::Map<String, Value> = [size, FIRST]
        .into_iter()
        .flat_map(|size| (0..).map_while(move |n| TilePath::in_tree(TileKind::Entries, n, size)))
        .map(|tile| (tile.to_string(), STANDARD.encode(&log.files[&tile.to_string()]).into()))
        .collect();
    json!({
        "about": "one log with Ed25519 key seed 42 × 32, witness key seed 43 × 32; hashes in base64",
        "log_key": signer().verifier_key().to_string(),
        "witness_key": witness.verifier_key().to_string(),
        "witness_time": WITNESS_TIME,
        "size": size,
        "root": root.to_string(),
        "checkpoints": log.checkpoints,
        "cosigned_checkpoint": cosigned.to_string(),
        "inclusion": inclusion,
        "consistency": consistency,
        "receipts": receipts,
        "entry_tiles": tiles,
        "claims": claims(&events),
    })
}

fn texts(hashes: &[lyceum_audit::merkle::Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

/// What an honest server says its accounts have spent.
fn claims(events: &[Event]) -> Value {
    let charges = events.iter().filter(|e| matches!(e.kind, EventKind::QueryCharged { .. })).count() as u64;
    let account = |debit| {
        let mut claim = serde_json::to_value(debit).unwrap();
        let fields = claim.as_object_mut().unwrap();
        fields.retain(|name, _| !name.starts_with("cap_"));
        fields.insert("rho".to_owned(), (charges * PRICE_RHO).into());
        fields.insert("delta".to_owned(), (charges * PRICE_DELTA).into());
        fields.insert("charges".to_owned(), charges.into());
        claim
    };
    let accounts: Vec<Value> = debits(0).into_iter().map(account).collect();
    json!({ "size": events.len(), "accounts": accounts })
}
