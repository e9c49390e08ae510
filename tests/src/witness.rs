//! A witness process on a home of its own: start, kill, start again at the same address.

use crate::binary;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a start may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// A home, and the process that serves it, if one does.
pub struct Witness {
    home: PathBuf,
    name: String,
    listen: String,
    process: Option<Child>,
}

impl Witness {
    /// A witness of that name for the log with this key, on a new home in `folder`.
    pub fn start(folder: &Path, name: &str, log: &str) -> Self {
        let home = folder.join(format!("witness-{name}"));
        let mut witness = Self { home, name: name.to_owned(), listen: "127.0.0.1:0".to_owned(), process: None };
        witness.spawn(&["--name", &format!("{name}.example"), "--log", log]);
        witness
    }

    /// Its submission prefix.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Its line in a policy.
    pub fn policy_line(&self) -> String {
        let key = std::fs::read_to_string(self.output("out")).expect("the output is kept");
        format!("witness {} {} {}", self.name, key.trim(), self.url())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().expect("a killed process ends");
        }
    }

    /// Serves the same home at the same address again.
    pub fn restart(&mut self) {
        self.kill();
        self.spawn(&[]);
    }

    fn spawn(&mut self, more: &[&str]) {
        let mut command = Command::new(binary::lyceum());
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("LYCEUM_")) {
            command.env_remove(key);
        }
        command
            .args(["audit", "witness", "--listen", &self.listen, "--home"])
            .arg(&self.home)
            .args(more)
            .stdout(File::create(self.output("out")).expect("the output can be kept"))
            .stderr(File::create(self.output("err")).expect("the output can be kept"));
        self.process = Some(command.spawn().expect("the program runs"));
        let begun = Instant::now();
        loop {
            let printed = std::fs::read_to_string(self.output("err")).unwrap_or_default();
            if let Some(address) = printed.lines().find_map(|l| l.split_once("listens on http://")) {
                address.1.trim().clone_into(&mut self.listen);
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the witness does not start:\n{printed}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn output(&self, stream: &str) -> PathBuf {
        self.home.with_extension(stream)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}
