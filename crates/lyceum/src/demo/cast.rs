//! Who plays: three people with accounts and tokens of their own, made by the administrator.

use super::Stage;
use super::voice::{act, say};
use crate::client::Client;
use crate::compose::Running;
use crate::failure::{Failure, Outcome};
use lyceum_schema::state::Role;
use lyceum_schema::wire;
use serde_json::json;
use std::os::unix::fs::OpenOptionsExt;

/// The workspace of the story.
pub(super) const WORKSPACE: &str = "ads-lift";

/// The people, each as an HTTP client with a token.
pub(super) struct Cast {
    pub(super) partner: Client,
    pub(super) researcher: Client,
    pub(super) reviewer: Client,
}

impl Cast {
    /// The administrator makes accounts, tokens and the workspace, then leaves.
    pub(super) async fn arrive(running: &Running, stage: &Stage) -> Outcome<Self> {
        let server = format!("http://{}", running.address);
        let secret =
            std::fs::read_to_string(&running.admin_token).map_err(|e| Failure::file(&running.admin_token, &e))?;
        let admin = Client::new(&server, Some(secret.trim().to_owned()))?;
        keep_token(stage, "admin", secret.trim())?;
        let mut clients = Vec::new();
        let people = [
            ("partner", Role::Partner, "lyceum-samples"),
            ("researcher", Role::Researcher, "university"),
            ("reviewer", Role::Reviewer, "ethics-board"),
        ];
        for (name, role, organisation) in people {
            let user = json!({ "name": name, "role": role, "organisation": organisation });
            let _: wire::User = admin.post("/v1/users", &user).await?;
            let token: wire::IssuedToken =
                admin.post(&format!("/v1/users/{name}/tokens"), &json!({ "label": "demo" })).await?;
            keep_token(stage, name, &token.secret)?;
            clients.push(Client::new(&server, Some(token.secret))?);
        }
        let purpose = json!({ "name": WORKSPACE, "purpose": "Does advertising work? Lift of a randomised campaign." });
        let _: wire::Workspace = admin.post("/v1/workspaces", &purpose).await?;
        for (name, role, _) in people {
            let _: wire::Workspace =
                admin.put(&format!("/v1/workspaces/{WORKSPACE}/members/{name}"), &json!({ "role": role })).await?;
        }
        act("Three people in one workspace");
        say(
            "An advertiser's data steward (partner), a scientist (researcher) and an ethics board's officer (reviewer)",
        );
        say("each get a token; the server keeps only its hash. The administrator sees no answers and no rows.");
        let [partner, researcher, reviewer] = <[Client; 3]>::try_from(clients)
            .map_err(|_| Failure::local("E9031", "the cast is incomplete", "report this"))?;
        Ok(Self { partner, researcher, reviewer })
    }
}

fn keep_token(stage: &Stage, name: &str, secret: &str) -> Outcome {
    use std::io::Write;
    let path = stage.token(name);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut f| writeln!(f, "{secret}"))
        .map_err(|e| Failure::file(&path, &e))
}
