//! The log's side of witnesses (C2SP tlog-witness): a signed checkpoint is submitted to all that the policy gives an
//! address of, and is the world's to see once the policy's quorum has cosigned it.
//!
//! A witness that has seen what this log's database doesn't have, or another history, is never outvoted: nothing
//! leaves any more, whatever the others say.

use super::folder::Folder;
use crate::error::StoreError;
use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};
use lyceum_audit::note::{Note, VerifierKey};
use lyceum_audit::policy::Policy;
use lyceum_audit::tile::TileHashes;
use lyceum_audit::witness::AddCheckpoint;
use lyceum_sharing::port::PortError;
use std::sync::Arc;
use std::time::Duration;

/// How requests reach witnesses: HTTP, or in tests a witness in this process.
#[async_trait]
pub trait Submit: Send + Sync {
    /// POSTs `body` to `add-checkpoint` below the witness's submission prefix; its status and body.
    ///
    /// # Errors
    /// Why there was no answer, for the operator.
    async fn add_checkpoint(&self, prefix: &str, body: String) -> Result<(u16, String), String>;
}

/// The witnesses of one log, and what each is known to have cosigned.
pub(super) struct Witnesses {
    policy: Policy,
    submit: Option<Arc<dyn Submit>>,
    known: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    name: String,
    key: VerifierKey,
    url: String,
    /// Entries of the last checkpoint that it cosigned, as far as known.
    size: u64,
}

/// Why a checkpoint may not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unshown {
    /// Too few have cosigned it for now.
    Unwitnessed(String),
    /// A witness knows better: the log was rolled back or forked.
    Contradicted(String),
}

impl Unshown {
    /// What whoever waits is told.
    pub(super) fn as_port_error(&self) -> PortError {
        match self {
            Self::Unwitnessed(why) => PortError::Unwitnessed(why.clone()),
            Self::Contradicted(why) => PortError::Contradicted(why.clone()),
        }
    }
}

/// What one witness came to.
enum Asked {
    Cosigned { lines: String },
    Failed { why: String },
    Contradicts { why: String },
}

/// How long witnesses may still answer when the quorum is met already.
const GRACE: Duration = Duration::from_millis(250);
/// Requests to one witness about one checkpoint: the second starts where the first was told to.
const TRIES: u32 = 3;

impl Witnesses {
    /// The witnesses of the policy beside the log, which has to name this log.
    pub(super) fn new(folder: &Folder, log: &VerifierKey, submit: Option<Arc<dyn Submit>>) -> Result<Self, StoreError> {
        let invalid = |why: String| StoreError::PolicyInvalid { path: folder.policy_path(), why };
        let policy: Policy = folder.policy()?.parse().map_err(|e: lyceum_audit::AuditError| invalid(e.to_string()))?;
        if !policy.logs().contains(log) {
            return Err(invalid("it does not name this log's key (log.vkey)".to_owned()));
        }
        let known = policy
            .witnesses()
            .iter()
            .filter_map(|w| Some(Known { name: w.name.clone(), key: w.key.clone(), url: w.url.clone()?, size: 0 }));
        let known: Vec<_> = if submit.is_some() { known.collect() } else { Vec::new() };
        let reachable: Vec<&str> = known.iter().map(|k| k.name.as_str()).collect();
        if !policy.met_by(&reachable) {
            return Err(invalid("its quorum needs witnesses of which it gives no address".to_owned()));
        }
        Ok(Self { policy, submit, known })
    }

    /// Whether a checkpoint needs more than the log's own signature.
    pub(super) fn needed(&self) -> bool {
        self.policy.quorum().is_some()
    }

    /// Whether there is anybody to ask.
    pub(super) const fn asked(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether a note is one that the world may see.
    pub(super) fn believe(&self, note: &str) -> bool {
        self.policy.open(note).is_ok()
    }

    /// Submits a checkpoint of `size` entries to all and collects cosignatures until the quorum is met. The signed
    /// note with all cosignatures.
    pub(super) async fn collect(&mut self, folder: &Folder, signed: &str, size: u64) -> Result<String, Unshown> {
        let malformed = |e: lyceum_audit::AuditError| Unshown::Unwitnessed(e.to_string());
        let mut note = Note::parse(signed).map_err(malformed)?;
        let Some(submit) = self.submit.clone().filter(|_| !self.known.is_empty()) else { return Ok(signed.to_owned()) };
        let mut asking: FuturesUnordered<_> = (self.known.iter().cloned().enumerate())
            .map(|(i, witness)| {
                let (submit, folder) = (Arc::clone(&submit), folder.clone());
                async move { (i, ask(submit.as_ref(), folder, &witness, signed, size).await) }
            })
            .collect();
        let (mut missing, mut met_at) = (Vec::new(), None);
        loop {
            let next = match met_at {
                None => asking.next().await,
                Some(met) => tokio::time::timeout_at(met + GRACE, asking.next()).await.unwrap_or(None),
            };
            let Some((i, asked)) = next else { break };
            let witness = &mut self.known[i];
            match asked {
                Asked::Cosigned { lines } => match note.add(&lines, &witness.key) {
                    Ok(()) => witness.size = size,
                    Err(e) => missing.push(format!("{}: {e}", witness.name)),
                },
                Asked::Failed { why } => missing.push(format!("{} {why}", witness.name)),
                Asked::Contradicts { why } => return Err(Unshown::Contradicted(format!("{} {why}", witness.name))),
            }
            if met_at.is_none() && self.policy.open(&note.to_string()).is_ok() {
                met_at = Some(tokio::time::Instant::now());
            }
        }
        if !missing.is_empty() {
            tracing::warn!(missing = missing.join("; "), "not every witness cosigned");
        }
        match self.policy.open(&note.to_string()) {
            Ok(_) => Ok(note.to_string()),
            Err(e) => Err(Unshown::Unwitnessed(format!("{e} ({})", missing.join("; ")))),
        }
    }
}

async fn ask(submit: &dyn Submit, folder: Folder, witness: &Known, signed: &str, size: u64) -> Asked {
    let failed = |why: String| Asked::Failed { why };
    let contradicts = |why: String| Asked::Contradicts { why };
    let mut old = witness.size;
    for _ in 0..TRIES {
        if old > size {
            return contradicts(format!("has cosigned {old} entries of this log, here are only {size}"));
        }
        let folder = folder.clone();
        let proved = tokio::task::spawn_blocking(move || TileHashes::new(&folder, size).consistency(old)).await;
        let Ok(Ok(proof)) = proved else {
            return failed("could not be asked: the log's tiles can't be read".to_owned());
        };
        let request = AddCheckpoint { old, proof, checkpoint: signed.to_owned() };
        let (status, body) = match submit.add_checkpoint(&witness.url, request.to_string()).await {
            Ok(answer) => answer,
            Err(why) => return failed(format!("does not answer: {why}")),
        };
        match (status, body.trim_end().parse::<u64>()) {
            (200, _) => return Asked::Cosigned { lines: body },
            (409, Ok(last)) if last != old => old = last,
            (409, _) => return contradicts(format!("has cosigned another tree of {old} entries: the log forked")),
            (422, _) => return contradicts(format!("has cosigned {old} entries that are not the beginning of these")),
            (403 | 404, _) => return failed("does not know this log's key".to_owned()),
            (status, _) => return failed(format!("answered with status {status}")),
        }
    }
    failed("was asked by somebody else at the same time".to_owned())
}
