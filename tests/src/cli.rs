//! The command line as a person at a shell uses it: a login of their own, arguments, output, exit status.

use crate::binary;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A person's shell, with a configuration file of its own and no `LYCEUM_…` variable from outside.
pub struct Shell {
    config: PathBuf,
    folder: PathBuf,
}

/// What a command came to.
pub struct Ran {
    /// The exit status.
    pub status: i32,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: String,
}

impl Shell {
    /// A shell in `folder` for the person called `name`.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { config: folder.join(format!("{name}.config.toml")), folder: folder.to_owned() }
    }

    /// Runs one command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        let mut command = Command::new(binary::lyceum());
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("LYCEUM_")) {
            command.env_remove(key);
        }
        let output = command
            .args(arguments)
            .current_dir(&self.folder)
            .env("LYCEUM_CONFIG", &self.config)
            .output()
            .expect("the program runs");
        Ran {
            status: output.status.code().expect("the program ends by itself"),
            out: output.stdout,
            err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }

    /// Runs one command that must succeed; its standard output.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.status, 0, "{}\n{}{}", words(arguments), ran.text(), ran.err);
        ran.text()
    }

    /// Runs one command with `--json` that must succeed; its result.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: &[S]) -> serde_json::Value {
        let mut all: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        all.push(OsStr::new("--json"));
        let text = self.ok(&all);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", words(arguments)))
    }

    /// Runs one command that must be refused with exit status 1; everything that it printed.
    pub fn refused<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.status, 1, "{}\n{}{}", words(arguments), ran.text(), ran.err);
        format!("{}{}", ran.text(), ran.err)
    }
}

impl Ran {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("results are UTF-8")
    }
}

fn words<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    arguments.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
