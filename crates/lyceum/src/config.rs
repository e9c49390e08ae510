//! What `lyceum login` remembers: the server and the token, in a file that only its owner can read.
//! Precedence everywhere: this file, then `LYCEUM_…` variables, then flags.

use crate::failure::{Failure, Outcome};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The remembered login. Holds a secret: no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The server's address.
    #[serde(default)]
    pub(crate) server: Option<String>,
    /// The bearer token.
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// The workspace used when `-w` is not given.
    #[serde(default)]
    pub(crate) workspace: Option<String>,
}

/// Where the login is kept: `$LYCEUM_CONFIG`, else `$XDG_CONFIG_HOME/lyceum/config.toml`, else `~/.config/…`.
pub(crate) fn path() -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os("LYCEUM_CONFIG") {
        return Ok(PathBuf::from(path));
    }
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|h| h.join(".config")))
        .ok_or_else(|| Failure::local("E9005", "there is no home directory", "set LYCEUM_CONFIG to a file's path"))?;
    Ok(base.join("lyceum").join("config.toml"))
}

/// Reads the remembered login; an absent file is an empty login.
pub(crate) fn read() -> Outcome<Login> {
    let path = path()?;
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|e| {
            Failure::local(
                "E9006",
                format!("{}: {}", path.display(), e.message()),
                "mend or delete the file, then log in again",
            )
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Login::default()),
        Err(e) => Err(Failure::file(&path, &e)),
    }
}

/// Remembers a login, readable by its owner alone.
pub(crate) fn write(login: &Login) -> Outcome<PathBuf> {
    let path = path()?;
    let text = toml::to_string(login)
        .map_err(|e| Failure::local("E9006", e.to_string(), "report this: a login should always be writable"))?;
    let save = || -> std::io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let temporary = path.with_extension("toml.new");
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    };
    save().map_err(|e| Failure::file(&path, &e))?;
    Ok(path)
}
