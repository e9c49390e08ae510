//! The transparency log for readers: checkpoints and receipts for everybody, entries and figures for who audits.

use super::{authorise, datasets};
use crate::accounts;
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::{Error, Result};
use crate::port::EventIndex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lyceum_audit::event::{Account, Event, EventKind};
use lyceum_schema::state::Role;
use lyceum_schema::wire;

/// A reader is noted in the log once an hour, so that reading the log doesn't grow it tile by tile.
const NOTE_READER_EVERY_MICROS: i64 = 3_600_000_000;
/// Events looked through at a time.
const CHUNK: u64 = 1_000;

/// Whether database and log answer. For health checks: no permission is needed and nothing is told.
///
/// # Errors
/// Storage.
pub async fn ready(app: &App) -> Result<()> {
    app.log.size().await?;
    app.log.checkpoint().await?;
    Ok(())
}

/// The newest signed checkpoint.
///
/// # Errors
/// Storage.
pub async fn checkpoint(app: &App, actor: &Actor) -> Result<String> {
    authorise(actor, Action::ReadCheckpoint)?;
    Ok(app.log.checkpoint().await?)
}

/// The log's verifier key.
///
/// # Errors
/// None but permission.
pub fn verifier_key(app: &App, actor: &Actor) -> Result<String> {
    authorise(actor, Action::ReadCheckpoint)?;
    Ok(app.log.verifier_key())
}

/// The policy that the log keeps: whose signatures it needs before anything leaves (C2SP tlog-policy).
///
/// # Errors
/// Storage.
pub async fn policy(app: &App, actor: &Actor) -> Result<String> {
    authorise(actor, Action::ReadCheckpoint)?;
    Ok(app.log.policy().await?)
}

/// The proof that an entry is in the log.
///
/// # Errors
/// [`Error::NotFound`] beyond the log's end, storage.
pub async fn receipt(app: &App, actor: &Actor, entry: EventIndex) -> Result<String> {
    authorise(actor, Action::ReadCheckpoint)?;
    if entry >= app.log.size().await? {
        return Err(Error::not_found("entry", entry));
    }
    app.log.covered(entry).await?;
    Ok(app.log.receipt(entry).await?)
}

/// A tile of the log by its path below the log's prefix.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], storage.
pub async fn tile(app: &App, actor: &Actor, path: &str) -> Result<Vec<u8>> {
    authorise(actor, Action::ReadLog)?;
    if path.starts_with("tile/entries/") {
        note_reader(app, actor).await?;
    }
    app.log.tile(path).await?.ok_or_else(|| Error::not_found("tile", path))
}

/// The server's own figures, for comparison with what an auditor recomputes.
///
/// # Errors
/// [`Error::Forbidden`], storage.
pub async fn claims(app: &App, actor: &Actor) -> Result<wire::AuditClaims> {
    authorise(actor, Action::ReadLog)?;
    let size = app.log.size().await?;
    let mut claimed = Vec::new();
    for population in app.ledger.populations().await? {
        for balance in app.ledger.balances(population.id).await? {
            let (owner, workspace, user) = match &balance.account {
                Account::Root { .. } => (None, None, None),
                Account::Owner { owner, .. } => (Some(owner.clone()), None, None),
                Account::Workspace { workspace, .. } => (None, Some(*workspace), None),
                Account::Researcher { workspace, user, .. } => (None, Some(*workspace), Some(*user)),
            };
            claimed.push(wire::ClaimedAccount {
                account: accounts::kind(&balance.account).to_owned(),
                population: population.id,
                owner,
                workspace,
                user,
                epoch: balance.epoch,
                rho: balance.spent.rho.0,
                delta: balance.spent.delta.0,
                charges: balance.charges,
            });
        }
    }
    Ok(wire::AuditClaims { size, accounts: claimed })
}

/// Something that stands beside the log, for the reviewers and owners of the workspace or dataset it belongs to.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], storage.
pub async fn artefact(app: &App, actor: &Actor, reference: &str) -> Result<wire::Artefact> {
    authorise(actor, Action::ReadArtefacts)?;
    let hidden = || Error::not_found("artefact", reference);
    let well_formed = reference.len() == 64 && reference.bytes().all(|b| b.is_ascii_hexdigit());
    let found = if well_formed { app.log.artefact(reference).await? } else { None };
    let artefact = found.ok_or_else(hidden)?;
    let event = mention(app, reference).await?.ok_or_else(hidden)?;
    if !may_see(app, actor, &event).await? {
        return Err(hidden());
    }
    Ok(wire::Artefact {
        reference: artefact.reference.0,
        kind: artefact.kind,
        salt: hex::encode(artefact.salt),
        content: STANDARD.encode(artefact.content),
    })
}

/// The first event that refers to the artefact.
async fn mention(app: &App, reference: &str) -> Result<Option<Event>> {
    let size = app.log.size().await?;
    let mut from = 0;
    while from < size {
        let to = (from + CHUNK).min(size);
        for bytes in app.log.events(from, to).await? {
            if bytes.windows(reference.len()).any(|w| w == reference.as_bytes()) {
                return serde_json::from_slice(&bytes).map(Some).map_err(|_| Error::Internal);
            }
        }
        from = to;
    }
    Ok(None)
}

async fn may_see(app: &App, actor: &Actor, event: &Event) -> Result<bool> {
    if let Some(workspace) = event.workspace {
        let role = app.workspaces.role(workspace, actor.id()).await?;
        // What a report says of somebody's data is for reviewers; its owner has a route of its own.
        let reports = matches!(event.kind, EventKind::ReleaseReported { .. });
        return Ok(role == Some(Role::Reviewer) || (role == Some(Role::Partner) && !reports));
    }
    let dataset = match &event.kind {
        EventKind::DatasetCreated { dataset, .. }
        | EventKind::VersionPublished { dataset, .. }
        | EventKind::UnitsExcluded { dataset, .. } => *dataset,
        _ => return Ok(false),
    };
    for record in app.datasets.datasets().await? {
        if record.id == dataset {
            return datasets::may_see(app, actor, &record).await;
        }
    }
    Ok(false)
}

async fn note_reader(app: &App, actor: &Actor) -> Result<()> {
    let now = app.clock.now();
    let mut reads = app.log_reads.lock().await;
    let due = reads.get(&actor.id()).is_none_or(|last| now.0.saturating_sub(last.0) >= NOTE_READER_EVERY_MICROS);
    if due {
        let size = app.log.size().await?;
        app.log.append(app.event(Some(actor), None, EventKind::LogRead { size }), None).await?;
        reads.insert(actor.id(), now);
    }
    Ok(())
}
