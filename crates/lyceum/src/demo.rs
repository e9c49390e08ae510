//! `lyceum demo`: the whole story on generated data. A real server in this process, spoken to over HTTP by a partner,
//! a researcher and a reviewer, each with a token of their own. Nothing is taken by a shortcut that a user doesn't have.

mod cast;
mod partner;
mod researcher;
mod reviewer;
mod voice;

use crate::cli;
use crate::compose::{self, Running};
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use cast::Cast;
use std::path::{Path, PathBuf};
use std::time::Instant;
use voice::{act, say};

/// Runs the story.
pub(crate) async fn run(args: cli::Demo) -> Outcome {
    let began = Instant::now();
    let stage = Stage::open(args.keep.as_deref())?;
    let settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        log_origin: "demo.localhost/lyceum".to_owned(),
        ..Settings::default()
    };
    let running = compose::start(&stage.path.join("home"), &settings).await?;

    act("The stage");
    say(&format!(
        "A server listens on {}. Everything is embedded: SQLite, local files, a transparency log.",
        running.address
    ));
    let played = play(&args, &stage, &running).await;
    if let Err(failure) = played {
        running.stop().await?;
        return Err(failure);
    }

    act("The end");
    say(&format!("All of this took {:.1} s.", began.elapsed().as_secs_f64()));
    if args.serve {
        let login = |role: &str| {
            say(&format!(
                "{role}: lyceum login http://{} -w ads-lift --token-file {}",
                running.address,
                stage.token(role).display()
            ));
        };
        ["partner", "researcher", "reviewer", "admin"].into_iter().for_each(login);
        say("Serving until you press Ctrl-C.");
        compose::interrupted().await;
    }
    running.stop().await?;
    if stage.keep {
        say(&format!("Kept in {}: home, data, tokens and the exported log.", stage.path.display()));
    }
    Ok(())
}

async fn play(args: &cli::Demo, stage: &Stage, running: &Running) -> Outcome {
    let cast = Cast::arrive(running, stage).await?;
    partner::shares(&cast, stage, args.users, args.seed).await?;
    let paid = researcher::asks(&cast).await?;
    reviewer::verifies(&cast, stage, paid).await
}

/// The folder in which the story takes place: temporary unless it is to be kept.
pub(crate) struct Stage {
    path: PathBuf,
    keep: bool,
    _temporary: Option<tempfile::TempDir>,
}

impl Stage {
    fn open(keep: Option<&Path>) -> Outcome<Self> {
        if let Some(path) = keep {
            let empty = std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
            if !empty {
                return Err(Failure::local(
                    "E9030",
                    format!("{} is not empty", path.display()),
                    "name a new folder: the story begins with an empty one",
                ));
            }
            std::fs::create_dir_all(path).map_err(|e| Failure::file(path, &e))?;
            let path = path.canonicalize().map_err(|e| Failure::file(path, &e))?;
            return Ok(Self { path, keep: true, _temporary: None });
        }
        let temporary = tempfile::Builder::new()
            .prefix("lyceum-demo-")
            .tempdir()
            .map_err(|e| Failure::file(&std::env::temp_dir(), &e))?;
        Ok(Self { path: temporary.path().to_path_buf(), keep: false, _temporary: Some(temporary) })
    }

    /// Where a person's token is kept.
    fn token(&self, role: &str) -> PathBuf {
        self.path.join(format!("{role}.token"))
    }
}
