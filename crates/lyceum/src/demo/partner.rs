//! First journey: the partner shares a dataset; a reviewer approves its release.

use super::Stage;
use super::cast::{Cast, WORKSPACE};
use super::voice::{act, say, shows, types};
use crate::cli;
use crate::command;
use crate::failure::{Failure, Outcome};
use crate::generate::ads;
use crate::generate::sink::FileFormat;
use crate::render;
use lyceum_schema::name::DatasetName;
use lyceum_schema::wire;
use reqwest::Method;
use serde_json::json;

/// The policy that goes with the generated dataset.
const POLICY: &str = include_str!("../../../../datasets/ads/policy.toml");
/// The one for made-up rows.
const MOCK: &str = include_str!("../../../../datasets/ads/mock.toml");

/// Generates data, declares population and dataset, uploads, proposes, and lets the reviewer approve.
pub(super) async fn shares(cast: &Cast, stage: &Stage, users: u64, seed: u64) -> Outcome {
    act("The partner shares a dataset");
    let data = stage.path.join("data");
    types(&format!("lyceum generate ads --users {users} --days 30 --seed {seed} --out data"));
    let plan = ads::Plan { users, days: 30, seed, mean_per_day: 0.3, lift: 1.25, format: FileFormat::Csv };
    let written = ads::write(&plan, &data, |_| {}).map_err(|e| Failure::file(&data, &e))?;
    say(&format!(
        "{} people, {} rows of what they saw, clicked and bought. A coin decided who saw the campaign; it raises",
        render::number::integer(i128::from(users)),
        render::number::integer(i128::from(written.events))
    ));
    say("conversion by 25 % on each contact. The researcher will try to find that out.");

    types(&format!("lyceum population create ads-people --epsilon 4 --delta 1e-7 --size {users}"));
    let body = json!({ "name": "ads-people", "epsilon": 4.0, "delta": 1e-7, "size": users });
    let population: wire::Population = cast.partner.post("/v1/populations", &body).await?;
    say(&format!(
        "All answers ever given about these people together cost at most ε {} (δ {}), whoever asks, in whatever",
        population.epsilon, population.delta
    ));
    say("workspace, of whatever upload. The budget is set once, may only fall, and never comes back.");

    types("lyceum dataset create datasets/ads/manifest.toml");
    let _: wire::CreatedDataset =
        cast.partner.send_body(Method::POST, "/v1/datasets", "application/toml", ads::MANIFEST).await?;
    say("The manifest says what is public knowledge: columns, roles, bounds, lists of values, and the privacy unit");
    say("(user_id: all rows of a person in all tables count as one).");

    let files: Vec<String> = written.files.iter().map(|(table, path)| format!("{table}={}", path.display())).collect();
    types("lyceum dataset upload ads users.csv events.csv campaigns.csv");
    let name = DatasetName::new("ads").map_err(|e| Failure::local("E9031", e.to_string(), "report this"))?;
    command::upload::run(&cast.partner, cli::Upload::new(name, files), false).await?;
    say("Rows were checked against the manifest; user_id became an opaque id under a key of this installation, and");
    say("files hold whole people, sorted, so that bounding each person's influence later is one pass.");

    types("lyceum release propose ads --workspace ads-lift --policy datasets/ads/mock.toml");
    let body = json!({ "dataset": "ads", "policy": MOCK });
    let made: wire::Release = cast.partner.post(&format!("/v1/workspaces/{WORKSPACE}/releases"), &body).await?;
    let made = command::release::settled(&cast.partner, made).await?;
    shows(&render::release::one(&made));
    say(
        "Rows made up from the manifest, so that queries can be written before anything is asked or paid. Nobody is in",
    );
    say("them, so they need no approval.");

    types("lyceum release propose ads --workspace ads-lift --policy datasets/ads/policy.toml");
    let body = json!({ "dataset": "ads", "policy": POLICY });
    let proposed: wire::Release = cast.partner.post(&format!("/v1/workspaces/{WORKSPACE}/releases"), &body).await?;
    shows(&render::release::one(&proposed));

    act("A reviewer approves it");
    types(&format!("lyceum release approve {} --reason \"purpose and budget fit the protocol\"", proposed.id));
    let reason = json!({ "reason": "purpose and budget fit the protocol" });
    let approved: wire::Release = cast.reviewer.post(&format!("/v1/releases/{}/approve", proposed.id), &reason).await?;
    shows(&render::release::one(&approved));
    say("Nobody approves their own proposal. Until this moment nothing could be asked.");
    Ok(())
}
