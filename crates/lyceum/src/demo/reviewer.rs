//! Third journey: the reviewer copies the log and verifies it offline; a tampered copy is found out.

use super::Stage;
use super::cast::Cast;
use super::voice::{act, say, shows, types};
use crate::command;
use crate::failure::{Failure, Outcome};
use std::path::{Path, PathBuf};

/// Plays the journey; `paid` answers must be found in the log.
pub(super) async fn verifies(cast: &Cast, stage: &Stage, paid: u64) -> Outcome {
    act("The reviewer verifies");
    let log = stage.path.join("log");
    types("lyceum audit export log && lyceum audit verify log");
    command::audit::export(&cast.reviewer, &log).await?;
    let report = command::audit::verify_dir(&log, None, None)?;
    shows(&report.lines().join("\n"));
    if !report.ok() {
        return Err(Failure::local("E9033", "the log does not verify", "report this"));
    }
    let answered = report.summary.as_ref().map_or(0, |s| s.answered);
    if answered != paid {
        return Err(Failure::local(
            "E9033",
            format!("{paid} answers were paid for, the log has {answered}"),
            "report this: every answer must be in the log",
        ));
    }
    say("This ran offline on a copied folder, with the log's public key: signatures, every entry and tile against the");
    say("signed root, then all budgets recomputed from the entries and compared with what the server says.");

    types("cp -r log forged && flip one byte in forged && lyceum audit verify forged");
    let forged = stage.path.join("forged");
    copy(&log, &forged).map_err(|e| Failure::file(&forged, &e))?;
    flip(&forged)?;
    let report = command::audit::verify_dir(&forged, None, None)?;
    shows(&report.lines().join("\n"));
    if report.ok() {
        return Err(Failure::local("E9033", "a forged log verifies", "report this"));
    }
    say("One changed byte is found, and named.");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Flips the lowest bit of a byte in the middle of the entries, as an operator might who wants to hide a charge.
fn flip(dir: &Path) -> Outcome {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut left = vec![dir.join("tile").join("entries")];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).map_err(|e| Failure::file(&next, &e))?.flatten() {
            if entry.path().is_dir() { left.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    let file = files.first().ok_or_else(|| Failure::local("E9033", "the copied log has no entries", "report this"))?;
    let mut bytes = std::fs::read(file).map_err(|e| Failure::file(file, &e))?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    std::fs::write(file, bytes).map_err(|e| Failure::file(file, &e))
}
