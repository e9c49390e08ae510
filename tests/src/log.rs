//! What a reviewer holds: exported logs and receipts.

use crate::cli::Shell;
use crate::folder;
use lyceum_audit::policy::Policy;
use lyceum_audit::receipt::{Proved, Receipt};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An exported log.
pub struct Exported {
    dir: PathBuf,
}

impl Exported {
    /// Copies the log to a new folder, through the command line.
    pub fn fetch(reviewer: &Shell, dir: &Path) -> Self {
        reviewer.ok(&["audit", "export", &dir.display().to_string()]);
        Self { dir: dir.to_owned() }
    }

    /// Verifies the copy through the command line, against a checkpoint saved before (if there is one), and saves
    /// its own there. Must succeed.
    pub fn verify(&self, reviewer: &Shell, saved: &Path) -> String {
        let dir = self.dir.display().to_string();
        let saved_text = saved.display().to_string();
        let mut arguments = vec!["audit", "verify", &dir, "--save", &saved_text];
        if saved.exists() {
            arguments.extend(["--saved", &saved_text]);
        }
        reviewer.ok(&arguments)
    }

    /// All entries. Bundles repeat 16 bits of length, big-endian, and that many bytes of JSON.
    pub fn entries(&self) -> Vec<Value> {
        let mut entries = Vec::new();
        for file in folder::files(&self.dir.join("tile").join("entries")) {
            let bytes = std::fs::read(&file).expect("the bundle can be read");
            let mut rest = bytes.as_slice();
            while let [high, low, tail @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                entries.push(serde_json::from_slice(&tail[..length]).expect("an entry is JSON"));
                rest = &tail[length..];
            }
        }
        entries
    }

    /// One field of all entries of one type.
    pub fn all(&self, kind: &str, field: &str) -> Vec<String> {
        let of_kind = self.entries().into_iter().filter(|e| e["type"] == kind);
        of_kind.map(|e| e[field].as_str().expect("a text").to_owned()).collect()
    }

    /// Verifies a receipt with the log's key. Must succeed.
    pub fn prove(&self, receipt: &str) -> Proved {
        let key = std::fs::read_to_string(self.dir.join("log.vkey")).expect("the key is exported");
        let policy = Policy::of_log(key.trim().parse().expect("it is a verifier key"));
        receipt.parse::<Receipt>().expect("it is a receipt").verify(&policy).expect("the receipt holds")
    }
}
