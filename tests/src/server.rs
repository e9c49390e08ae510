//! A server process on a home of its own: start, crash, start again. What it prints is kept, over all its lives.

use crate::binary;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start, or an awaited end, may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where a server listens now; it changes with every start.
#[derive(Clone, Default)]
pub struct Address(Arc<RwLock<String>>);

impl Address {
    /// Such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, url: &str) {
        url.clone_into(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A home, and the process that serves it, if one does.
pub struct Server {
    folder: TempDir,
    home: PathBuf,
    address: Address,
    settings: Vec<(String, String)>,
    process: Option<Child>,
    lives: usize,
    largest_file: Option<u32>,
}

impl Server {
    /// A server on a new home.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server on a new home with settings, such as `("QUERY_BASE_MILLIS", "50")`, for all its lives.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::on_new_home(settings);
        server.restart();
        server
    }

    fn on_new_home(settings: &[(&str, &str)]) -> Self {
        // Answers leave as soon as a tiny question can be done, instead of at times made for large files.
        let fast = [("QUERY_GRID_MILLIS", "10"), ("QUERY_BASE_MILLIS", "10"), ("QUERY_ROW_NANOS", "0")];
        let settings = fast.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let folder = tempfile::Builder::new().prefix("lyceum-test-").tempdir().expect("there is a temporary folder");
        let home = folder.path().join("home");
        Self { folder, home, address: Address::default(), settings, process: None, lives: 0, largest_file: None }
    }

    /// The address, for people that outlive a crash.
    pub fn address(&self) -> Address {
        self.address.clone()
    }

    /// The folder around the home, for whatever else a test needs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's home.
    pub fn home(&self) -> PathBuf {
        self.home.clone()
    }

    /// The administrator's token.
    pub fn admin_token(&self) -> String {
        let path = self.home().join("admin.token");
        std::fs::read_to_string(path).expect("the first start writes it").trim().to_owned()
    }

    /// Everything that all lives of this server printed.
    pub fn printed(&self) -> String {
        (1..=self.lives)
            .flat_map(|life| [self.output(life, "out"), self.output(life, "err")])
            .map(|path| String::from_utf8_lossy(&std::fs::read(path).expect("the output is kept")).into_owned())
            .collect()
    }

    /// Serves the same home (again).
    pub fn restart(&mut self) {
        assert!(self.restart_armed(None), "the server ended at its start:\n{}", self.printed());
    }

    /// Serves the same home (again), with one named crash point armed, such as `execute=abort`. False: the point was
    /// passed while starting, and the process is gone.
    pub fn restart_armed(&mut self, failpoint: Option<&str>) -> bool {
        self.kill();
        self.spawn(failpoint);
        let begun = Instant::now();
        loop {
            if let Some(url) = self.announced() {
                self.address.set(&url);
                return true;
            }
            if self.ended() {
                return false;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not start:\n{}", self.printed());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// From the next start on, no file may grow beyond so many blocks of 512 bytes (RLIMIT_FSIZE): to whoever writes, the
    /// disk is full then.
    pub fn limit_files(&mut self, blocks: Option<u32>) {
        self.largest_file = blocks;
    }

    /// Starts on a home that must not be served: waits until the process gives up; what it printed.
    pub fn restart_in_vain(&mut self) -> String {
        self.kill();
        self.spawn(None);
        let status = self.wait();
        assert_eq!(status.code(), Some(1), "a refusal ends with status 1");
        std::fs::read_to_string(self.output(self.lives, "err")).expect("the output is kept")
    }

    /// Starts a second process on the home while the first serves it; what it printed.
    pub fn rival(&self) -> String {
        let mut rival = Self {
            folder: tempfile::tempdir().expect("there is a temporary folder"),
            home: self.home.clone(),
            address: Address::default(),
            settings: self.settings.clone(),
            process: None,
            lives: 0,
            largest_file: None,
        };
        rival.restart_in_vain()
    }

    /// Starts on a new home and kills the process after `delay`, wherever it is then.
    pub fn stillborn(delay: Duration) -> Self {
        let mut server = Self::on_new_home(&[]);
        server.spawn(None);
        std::thread::sleep(delay);
        server.kill();
        server
    }

    /// Whether the process is gone by itself.
    pub fn ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|p| p.try_wait().expect("the process can be asked").is_some())
    }

    /// Waits until the process is gone by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        let process = self.process.as_mut().expect("a process runs");
        loop {
            if let Some(status) = process.try_wait().expect("the process can be asked") {
                self.process = None;
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the server goes on, though it should have ended");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().expect("a killed process ends");
        }
    }

    /// The most memory that the process ever used, in KiB (`VmHWM`).
    pub fn peak_memory_kib(&self) -> u64 {
        let id = self.process.as_ref().expect("a process runs").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process is there");
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).expect("the kernel counts memory");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number of KiB")
    }

    fn spawn(&mut self, failpoint: Option<&str>) {
        self.lives += 1;
        let mut command = match self.largest_file {
            None => Command::new(binary::lyceum()),
            Some(blocks) => {
                let mut shell = Command::new("sh");
                // The signal is ignored, so that the write fails instead.
                shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
                shell.arg(binary::lyceum());
                shell
            }
        };
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("LYCEUM_")) {
            command.env_remove(key);
        }
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--home"])
            .arg(self.home())
            .current_dir(self.folder.path())
            .envs(self.settings.iter().map(|(key, value)| (format!("LYCEUM_{key}"), value)))
            .stdout(File::create(self.output(self.lives, "out")).expect("the output can be kept"))
            .stderr(File::create(self.output(self.lives, "err")).expect("the output can be kept"));
        if let Some(armed) = failpoint {
            command.env(lyceum_schema::failpoint::VARIABLE, armed);
        }
        self.process = Some(command.spawn().expect("the program runs"));
    }

    /// The address that this life printed.
    fn announced(&self) -> Option<String> {
        [self.output(self.lives, "out"), self.output(self.lives, "err")].iter().find_map(|path| {
            let text = std::fs::read_to_string(path).ok()?;
            let prefix = "http://127.0.0.1:";
            text.match_indices(prefix).find_map(|(at, _)| {
                let rest = &text[at + prefix.len()..];
                let end = rest.find(|c: char| !c.is_ascii_digit())?;
                (end > 0).then(|| format!("{prefix}{}", &rest[..end]))
            })
        })
    }

    fn output(&self, life: usize, stream: &str) -> PathBuf {
        self.folder.path().join(format!("server-{life}.{stream}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
