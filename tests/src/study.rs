//! A study on a server: four people, a population, a workspace, and the shop's dataset released in it.

use crate::cli::Shell;
use crate::person::Person;
use crate::random::Random;
use crate::server::Server;
use crate::shop;
use lyceum_schema::wire::{AccountBudget, IssuedToken, PopulationBudget, Release, ValidationReport, Version};
use reqwest::{Body, Method};
use serde_json::{Value, json};

/// The workspace's name.
pub const WORKSPACE: &str = "study";

/// People around one server, with what they share.
pub struct Study {
    /// The server.
    pub server: Server,
    /// Runs the installation.
    pub admin: Person,
    /// Owns the data.
    pub partner: Person,
    /// Asks.
    pub researcher: Person,
    /// Approves and verifies.
    pub reviewer: Person,
    /// The release in force, once [`Study::share`] was called.
    pub release: String,
}

/// ε of everything: of the population, of the workspace, of the researcher, and of one query at most.
#[derive(Clone, Copy)]
pub struct Caps {
    /// For everything together.
    pub total: f64,
    /// For a question that doesn't say.
    pub default: f64,
}

impl Default for Caps {
    fn default() -> Self {
        Self { total: 900.0, default: 1.0 }
    }
}

impl Study {
    /// People, population and workspace on a new server; nothing is shared yet.
    pub async fn convene(server: Server, caps: Caps) -> Self {
        let admin = Person::new(server.address(), Some(server.admin_token()));
        let partner = account(&server, &admin, "steward", "partner", "shop-ltd").await;
        let researcher = account(&server, &admin, "scholar", "researcher", "uni-example").await;
        let reviewer = account(&server, &admin, "examiner", "reviewer", "board-example").await;
        let population = json!({ "name": "shoppers", "epsilon": caps.total, "delta": 1e-5, "size": 1000 });
        partner.post("/v1/populations", &population).await.json::<Value>();
        let study = Self { server, admin, partner, researcher, reviewer, release: String::new() };
        study.workspace(WORKSPACE).await;
        for (name, role) in [("steward", "partner"), ("scholar", "researcher"), ("examiner", "reviewer")] {
            study.join(WORKSPACE, name, role).await;
        }
        study
    }

    /// A study with the shop's data (400 customers) released under wide caps.
    pub async fn ready() -> Self {
        Self::ready_with(&[], Caps::default()).await
    }

    /// The same with settings of the server, and caps.
    pub async fn ready_with(settings: &[(&str, &str)], caps: Caps) -> Self {
        let mut study = Self::convene(Server::start_with(settings), caps).await;
        study.declare(shop::MANIFEST).await;
        study.upload("shop", "customers", "text/csv", shop::csv(&shop::rows(400))).await;
        study.share(caps).await;
        study
    }

    /// A new workspace.
    pub async fn workspace(&self, name: &str) {
        let body = json!({ "name": name, "purpose": "whole-system tests" });
        self.admin.post("/v1/workspaces", &body).await.json::<Value>();
    }

    /// Adds somebody to a workspace.
    pub async fn join(&self, workspace: &str, name: &str, role: &str) {
        let path = format!("/v1/workspaces/{workspace}/members/{name}");
        self.admin.put(&path, &json!({ "role": role })).await.json::<Value>();
    }

    /// One more account, with a token.
    pub async fn account(&self, name: &str, role: &str, organisation: &str) -> Person {
        account(&self.server, &self.admin, name, role, organisation).await
    }

    /// Declares a dataset.
    pub async fn declare(&self, manifest: &str) {
        let reply = self.partner.send(Method::POST, "/v1/datasets", "application/toml", manifest.to_owned()).await;
        reply.json::<Value>();
    }

    /// Begins a version; its id.
    pub async fn draft(&self, dataset: &str) -> String {
        let version: Version = self.partner.post(&format!("/v1/datasets/{dataset}/versions"), &json!({})).await.json();
        version.id.to_string()
    }

    /// Uploads a table into a new version and publishes it.
    pub async fn upload(&self, dataset: &str, table: &str, media: &str, content: impl Into<Body>) -> ValidationReport {
        let id = self.draft(dataset).await;
        let path = format!("/v1/datasets/{dataset}/versions/{id}/tables/{table}");
        let report = self.partner.send(Method::PUT, &path, media, content).await.json();
        let path = format!("/v1/datasets/{dataset}/versions/{id}/publish");
        self.partner.post(&path, &json!({})).await.json::<Version>();
        report
    }

    /// Proposes the shop's newest version and lets the reviewer approve it.
    pub async fn share(&mut self, caps: Caps) {
        let body = json!({ "dataset": "shop", "policy": policy(caps) });
        let path = format!("/v1/workspaces/{WORKSPACE}/releases");
        let proposed: Release = self.partner.post(&path, &body).await.json();
        let path = format!("/v1/releases/{}/approve", proposed.id);
        self.reviewer.post(&path, &json!({ "reason": "fits the protocol" })).await.json::<Release>();
        self.release = proposed.id.to_string();
    }

    /// What everything together has cost by now: the population's root account.
    pub async fn spent(&self) -> AccountBudget {
        let budget: PopulationBudget = self.partner.get("/v1/populations/shoppers/budget").await.json();
        budget.accounts.into_iter().find(|a| a.account == "root").expect("a population has a root account")
    }

    /// The reviewer's shell, logged in.
    pub fn reviewer_shell(&self) -> Shell {
        let shell = Shell::new(self.server.folder(), "examiner");
        login(&shell, &self.server.address().url(), self.reviewer.token(), self.server.folder());
        shell
    }
}

/// Logs a shell in, with a token from a file as people do.
pub fn login(shell: &Shell, url: &str, token: &str, folder: &std::path::Path) {
    let mut random = Random::new(u64::from(std::process::id()) ^ token.len() as u64);
    let file = folder.join(format!("{:016x}.secret", random.bits()));
    std::fs::write(&file, token).expect("the token can be written");
    shell.ok(&["login", url, "--token-file", &file.display().to_string()]);
    std::fs::remove_file(file).expect("the token can be removed");
}

/// A policy with these caps and no others.
pub fn policy(caps: Caps) -> String {
    let Caps { total, default } = caps;
    format!(
        "kind = \"protected\"\npurpose = \"whole-system tests\"\napprovals = 1\n\n[privacy]\n\
         epsilon_per_workspace = {total:?}\nepsilon_per_researcher = {total:?}\nmax_epsilon_per_query = {total:?}\n\
         default_epsilon_per_query = {default:?}\nmax_groups_contributed = 2\nmax_rows_per_group = 2\n\
         minimum_group_size = 5\nselection_delta_share = 0.05\n"
    )
}

async fn account(server: &Server, admin: &Person, name: &str, role: &str, organisation: &str) -> Person {
    let body = json!({ "name": name, "role": role, "organisation": organisation });
    admin.post("/v1/users", &body).await.json::<Value>();
    let issued: IssuedToken = admin.post(&format!("/v1/users/{name}/tokens"), &json!({ "label": "test" })).await.json();
    Person::new(server.address(), Some(issued.secret))
}
