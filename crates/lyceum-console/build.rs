//! Builds the console with npm into `OUT_DIR/console`, which `src/lib.rs` embeds.
//!
//! Release builds do it when Node is there; debug builds only with `LYCEUM_CONSOLE=1`, so that everyday work doesn't wait
//! for npm. With the variable set, a failure is an error; without it, a page that says how to get the console takes its
//! place. `LYCEUM_CONSOLE=0` never runs npm.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What npm needs, relative to `web/`; folders are watched as a whole.
const SOURCES: &[&str] =
    &["package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "index.html", "public", "src"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=LYCEUM_CONSOLE");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=fallback");
    for source in SOURCES {
        println!("cargo::rerun-if-changed=web/{source}");
    }
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let console = out.join("console");
    let wish = std::env::var("LYCEUM_CONSOLE").ok();
    let (wanted, must) = match wish.as_deref() {
        Some("0") => (false, false),
        Some(_) => (true, true),
        None => (std::env::var("PROFILE").is_ok_and(|profile| profile != "debug"), false),
    };
    let built = if wanted { build(&here.join("web"), &out.join("web"), &console) } else { Err("not asked for".into()) };
    match built {
        Ok(()) => {}
        Err(error) if must => return Err(format!("the console can't be built: {error}").into()),
        Err(error) => {
            if wanted {
                println!("cargo::warning=the console is replaced by a page that says how to get it: {error}");
            }
            renew(&console)?;
            copy(&here.join("fallback"), &console)?;
        }
    }
    Ok(())
}

/// `npm ci` and `vite build` in a copy, so that nothing is written beside the sources.
fn build(web: &Path, copy_to: &Path, console: &Path) -> Result<(), Box<dyn Error>> {
    // Installed packages stay where they are while the lock file stays as it is.
    let stamp = copy_to.join("node_modules/.lyceum-lock");
    let lock = fs::read_to_string(web.join("package-lock.json"))?;
    let installed = fs::read_to_string(&stamp).is_ok_and(|of| of == lock);
    if !installed {
        renew(copy_to)?;
    }
    for source in SOURCES {
        let (from, to) = (web.join(source), copy_to.join(source));
        if from.is_dir() {
            renew(&to)?;
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    if !installed {
        npm(copy_to, &["ci", "--no-audit", "--no-fund", "--ignore-scripts"], console)?;
        fs::write(&stamp, lock)?;
    }
    npm(copy_to, &["run", "build"], console)
}

fn npm(folder: &Path, arguments: &[&str], console: &Path) -> Result<(), Box<dyn Error>> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let run = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LYCEUM_CONSOLE_OUT", console)
        .output()
        .map_err(|e| format!("npm: {e}; install Node 20 or newer"))?;
    if run.status.success() {
        return Ok(());
    }
    let said = [run.stdout, run.stderr].concat();
    Err(format!("npm {} ended with {}: {}", arguments.join(" "), run.status, String::from_utf8_lossy(&said)).into())
}

/// An empty folder.
fn renew(folder: &Path) -> Result<(), Box<dyn Error>> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
        _ => fs::create_dir_all(folder)?,
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
