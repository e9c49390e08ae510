//! `lyceum generate`: local, no server.

use crate::cli::Generate;
use crate::failure::{Failure, Outcome};
use crate::generate::ads;
use crate::output::{json, line};
use crate::progress;
use crate::render::number::integer;

/// Runs the command.
pub(super) fn run(args: Generate, as_json: bool) -> Outcome {
    let Generate::Ads { users, days, seed, mean_per_day, lift, format, out } = args;
    let plan = ads::Plan { users, days, seed, mean_per_day, lift, format };
    let bar = progress::steps("days", days);
    let written = ads::write(&plan, &out, |day| bar.set_position(day)).map_err(|e| Failure::file(&out, &e))?;
    bar.finish_and_clear();
    if as_json {
        let files: Vec<_> =
            written.files.iter().map(|(table, path)| serde_json::json!({ "table": table, "file": path })).collect();
        json(&serde_json::json!({ "users": users, "events": written.events, "files": files }));
        return Ok(());
    }
    line(&format!(
        "{} users, {} events in {days} days",
        integer(i128::from(users)),
        integer(i128::from(written.events))
    ));
    for (table, path) in &written.files {
        line(&format!(" {table}  {}", path.display()));
    }
    Ok(())
}
