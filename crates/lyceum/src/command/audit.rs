//! `lyceum audit`: copy the log, verify it offline, fetch and verify receipts.

use crate::cli::{Audit, Global};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line, remark};
use crate::progress;
use crate::render::audit as render;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::note::VerifierKey;
use lyceum_audit::policy::Policy;
use lyceum_audit::receipt::Receipt;
use lyceum_audit::tile::{TileKind, TilePath, TileReader, width_of_level};
use lyceum_audit::verify::{Claims, Inputs, Report, verify_log};
use lyceum_schema::wire::AuditClaims;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs the command.
pub(super) async fn run(args: Audit, global: &Global) -> Outcome {
    match args {
        Audit::Export { dir } => {
            let size = export(&Client::from_settings(global)?, &dir).await?;
            if global.json {
                json(&serde_json::json!({ "dir": dir, "entries": size }));
            } else {
                line(&format!("{size} entries copied to {}", dir.display()));
                remark(&format!("next: lyceum audit verify {}", dir.display()));
            }
            Ok(())
        }
        Audit::Witness(args) => super::witness::run(args).await,
        Audit::Verify { dir, receipt, key, saved, save } => match (dir, receipt) {
            (_, Some(receipt)) => verify_receipt(&receipt, key.as_deref(), global.json),
            (Some(dir), None) => {
                let report = verify_dir(&dir, key.as_deref(), saved.as_deref())?;
                if global.json {
                    json(&render::machine(&report));
                } else {
                    for text in report.lines() {
                        line(&format!(" {text}"));
                    }
                }
                if !report.ok() {
                    return Err(Failure::No);
                }
                if let Some(save) = save {
                    let checkpoint = super::read_text(&dir.join("checkpoint"))?;
                    super::write_file(&save, checkpoint.as_bytes())?;
                }
                Ok(())
            }
            (None, None) => Err(Failure::local("E9016", "nothing to verify is named", "lyceum audit verify DIR")),
        },
        Audit::Receipt { entry, output } => {
            let text = Client::from_settings(global)?.get_bytes(&format!("/v1/audit/receipts/{entry}")).await?;
            match output {
                Some(path) => super::write_file(&path, &text),
                None => {
                    crate::output::bytes(&text);
                    Ok(())
                }
            }
        }
    }
}

/// Copies checkpoint, key, tiles, entries and the server's figures; returns the number of entries.
///
/// The log may grow while it is copied. Figures are taken until they belong to the very checkpoint that is copied.
pub(crate) async fn export(client: &Client, dir: &Path) -> Outcome<u64> {
    let create = |path: &Path| std::fs::create_dir_all(path).map_err(|e| Failure::file(path, &e));
    create(dir)?;
    let key_text = client.get_bytes("/v1/audit/vkey").await?;
    let key = parse_key(&String::from_utf8_lossy(&key_text))?;
    let (mut checkpoint, mut claims, mut size) = snapshot(client, &key).await?;
    for _ in 0..20 {
        if claims.size == size {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        (checkpoint, claims, size) = snapshot(client, &key).await?;
    }
    let paths = tiles_of(size);
    let bar = progress::steps("tiles", paths.len() as u64);
    for path in paths {
        let bytes = client.get_bytes(&format!("/v1/audit/{path}")).await?;
        let file = dir.join(&path);
        create(file.parent().unwrap_or(dir))?;
        super::write_file(&file, &bytes)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    super::write_file(&dir.join("log.vkey"), &key_text)?;
    super::write_file(&dir.join("policy"), &client.get_bytes("/v1/audit/policy").await?)?;
    let claims = serde_json::json!({ "balances": claims.accounts });
    super::write_file(&dir.join("claims.json"), claims.to_string().as_bytes())?;
    super::write_file(&dir.join("checkpoint"), &checkpoint)?;
    Ok(size)
}

async fn snapshot(client: &Client, key: &VerifierKey) -> Outcome<(Vec<u8>, AuditClaims, u64)> {
    let claims: AuditClaims = client.get("/v1/audit/claims").await?;
    let checkpoint = client.get_bytes("/v1/audit/checkpoint").await?;
    let opened = Checkpoint::open(&String::from_utf8_lossy(&checkpoint), key).map_err(|e| {
        Failure::local(e.code(), format!("the server's checkpoint is not to be believed: {e}"), "ask its operator")
    })?;
    Ok((checkpoint, claims, opened.size))
}

/// All tiles of a tree of `size` entries.
fn tiles_of(size: u64) -> Vec<String> {
    let mut paths = Vec::new();
    let mut level = |kind: TileKind| {
        let mut index = 0;
        while let Some(tile) = TilePath::in_tree(kind, index, size) {
            paths.push(tile.to_string());
            index += 1;
        }
    };
    level(TileKind::Entries);
    for l in 0..8 {
        if width_of_level(size, l) == 0 {
            break;
        }
        level(TileKind::Hashes(l));
    }
    paths
}

/// Verifies a copied log: everything is in the report.
pub(crate) fn verify_dir(dir: &Path, key: Option<&Path>, saved: Option<&Path>) -> Outcome<Report> {
    let policy = match key {
        Some(trusted) => policy(trusted)?,
        None => {
            remark(
                "whom to believe is taken from the copy itself: give the policy you got elsewhere with --policy FILE",
            );
            let own = dir.join("policy");
            policy(if own.exists() { own } else { dir.join("log.vkey") }.as_path())?
        }
    };
    let checkpoint = super::read_text(&dir.join("checkpoint"))?;
    let saved = saved.map(super::read_text).transpose()?;
    let claims: Option<Claims> = match std::fs::read(dir.join("claims.json")) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|e| {
            Failure::local("E9017", format!("claims.json is not what an export writes: {e}"), "export the log again")
        })?),
        Err(_) => None,
    };
    let inputs = Inputs { checkpoint: &checkpoint, policy: &policy, saved: saved.as_deref(), claims: claims.as_ref() };
    Ok(verify_log(&Folder(dir.to_path_buf()), &inputs))
}

fn verify_receipt(path: &Path, key: Option<&Path>, as_json: bool) -> Outcome {
    let key = key.ok_or_else(|| {
        Failure::local(
            "E9018",
            "a receipt needs the log's key to be verified",
            "add --key FILE (log.vkey of an export)",
        )
    })?;
    let policy = policy(key)?;
    let receipt: Receipt = super::read_text(path)?.parse().map_err(|e: lyceum_audit::AuditError| {
        Failure::local(e.code(), format!("{}: {e}", path.display()), "fetch the receipt again")
    })?;
    match receipt.verify(&policy) {
        Ok(proved) if as_json => json(&serde_json::json!({
            "ok": true, "entry": proved.index, "log": proved.believed.checkpoint.origin, "event": proved.event,
        })),
        Ok(proved) => line(&render::proved(&proved)),
        Err(e) => {
            if as_json {
                json(&serde_json::json!({ "ok": false, "code": e.code(), "why": e.to_string() }));
            } else {
                line(&format!(" ✗ {e} [{}]", e.code()));
            }
            return Err(Failure::No);
        }
    }
    Ok(())
}

/// A file with a verifier key, or with a C2SP policy.
fn policy(path: &Path) -> Outcome<Policy> {
    let text = super::read_text(path)?;
    if text.lines().any(|l| l.trim_start().starts_with("log ")) {
        return text.parse().map_err(|e: lyceum_audit::AuditError| {
            Failure::local(e.code(), format!("{}: {e}", path.display()), "mend the policy file")
        });
    }
    Ok(Policy::of_log(parse_key(&text)?))
}

fn parse_key(text: &str) -> Outcome<VerifierKey> {
    text.trim().parse().map_err(|e: lyceum_audit::AuditError| {
        Failure::local(e.code(), format!("this is no verifier key: {e}"), "a key looks like name+1a2b3c4d+…")
    })
}

/// A copied log on disk.
struct Folder(PathBuf);

impl TileReader for Folder {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.0.join(path)).ok()
    }

    fn list(&self, visit: &mut dyn FnMut(&str)) {
        let mut left = vec![self.0.join("tile")];
        while let Some(dir) = left.pop() {
            for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    left.push(path);
                } else if let Some(relative) = path.strip_prefix(&self.0).ok().and_then(Path::to_str) {
                    visit(relative);
                }
            }
        }
    }
}
