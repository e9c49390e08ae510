//! Replaying the log: every rule that a stranger can check from the entries alone, and the budgets recomputed.
//!
//! Entries are folded one by one; the state kept is the people, releases, accounts and one small record per charge,
//! never the entries. The first entry that breaks a rule ends the replay: see [`Violation`].
//! The caps of workspace and researcher accounts stand in policies, which are not in the log: for those, each debit's
//! own cap is what is checked. Root and owner accounts are checked against the cap that the population was created with.

mod charge;
mod release;
pub mod summary;
pub mod violation;

use crate::event::{Account, Event, EventKind};
use lyceum_schema::epoch::{Epoch, Every};
use lyceum_schema::id::{
    ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UserId, VersionId, WorkspaceId,
};
use lyceum_schema::name::{OrganisationName, PopulationName};
use lyceum_schema::state::{ReleaseKind, ReleaseState, Role};
use std::collections::{BTreeMap, HashMap, HashSet};
use summary::{AccountSpent, Summary};
use violation::{Broken, Violation};

/// The state of the platform, as far as the entries so far say it.
pub struct Replay {
    origin: String,
    entries: u64,
    users: HashMap<UserId, Role>,
    /// Tokens, and whether they are still good.
    tokens: HashMap<TokenId, bool>,
    workspaces: HashMap<WorkspaceId, HashMap<UserId, Role>>,
    populations: BTreeMap<PopulationId, Population>,
    population_names: HashSet<PopulationName>,
    datasets: HashMap<DatasetId, OrganisationName>,
    versions: HashMap<VersionId, Version>,
    releases: BTreeMap<ReleaseId, Release>,
    charges: HashMap<ChargeId, Charge>,
    accounts: BTreeMap<(Account, Option<Epoch>), AccountSpent>,
    counts: Counts,
}

struct Population {
    name: PopulationName,
    epsilon: String,
    delta: String,
    cap_rho: u64,
    cap_delta: u64,
    epoch: Option<Every>,
}

enum Version {
    Published(DatasetId),
    Abandoned,
}

struct Release {
    workspace: WorkspaceId,
    owner: OrganisationName,
    kind: ReleaseKind,
    populations: Vec<PopulationId>,
    state: ReleaseState,
    was_active: bool,
    proposed_by: UserId,
    approved_by: Vec<UserId>,
    approvals: u8,
    /// Whether there are rows of its own, and a report on them.
    reported: bool,
    deleted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ChargeState {
    Open,
    Answered,
    Failed,
}

struct Charge {
    query: QueryId,
    releases: Box<[ReleaseId]>,
    workspace: WorkspaceId,
    state: ChargeState,
}

#[derive(Default)]
struct Counts {
    answered: u64,
    failed: u64,
    repeats: u64,
    priced: u64,
    refused: u64,
    public: u64,
    log_reads: u64,
}

impl Replay {
    /// Before the first entry of the log `origin`.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            entries: 0,
            users: HashMap::new(),
            tokens: HashMap::new(),
            workspaces: HashMap::new(),
            populations: BTreeMap::new(),
            population_names: HashSet::new(),
            datasets: HashMap::new(),
            versions: HashMap::new(),
            releases: BTreeMap::new(),
            charges: HashMap::new(),
            accounts: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Takes the next entry's bytes.
    ///
    /// # Errors
    /// [`Violation`], if the entry is not a canonical event or breaks a rule; the replay must not go on then.
    pub fn push_json(&mut self, entry: &[u8]) -> Result<(), Violation> {
        match Event::from_json(entry) {
            Ok(event) => self.push(&event),
            Err(e) => Err(Violation { index: self.entries, broken: Broken::Event(e) }),
        }
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`Violation`], if it breaks a rule; the replay must not go on then.
    pub fn push(&mut self, event: &Event) -> Result<(), Violation> {
        let index = self.entries;
        self.apply(event).map_err(|broken| Violation { index, broken })?;
        self.entries += 1;
        Ok(())
    }

    /// What the entries so far add up to.
    #[must_use]
    pub fn summary(&self) -> Summary {
        summary::summarise(self)
    }

    fn apply(&mut self, event: &Event) -> Result<(), Broken> {
        self.check_envelope(event)?;
        match &event.kind {
            EventKind::LogStarted { origin } if *origin == self.origin => Ok(()),
            EventKind::LogStarted { .. } => Err(Broken::Origin),
            EventKind::UserCreated { user, role, .. } => created("user", self.users.insert(*user, *role).is_none()),
            EventKind::TokenIssued { token, user } => {
                self.user(user)?;
                created("token", self.tokens.insert(*token, true).is_none())
            }
            EventKind::TokenRevoked { token } => match self.tokens.insert(*token, false) {
                Some(true) => Ok(()),
                Some(false) => Err(Broken::TokenGone),
                None => Err(Broken::Missing("token")),
            },
            EventKind::WorkspaceCreated { workspace_id } => {
                created("workspace", self.workspaces.insert(*workspace_id, HashMap::new()).is_none())
            }
            EventKind::MemberAdded { user, role } => {
                self.user(user)?;
                self.members(event)?.insert(*user, *role);
                Ok(())
            }
            EventKind::MemberRemoved { user } => {
                self.members(event)?.remove(user).map(|_| ()).ok_or(Broken::Missing("member"))
            }
            EventKind::PopulationCreated { population, name, epsilon, delta, cap_rho, cap_delta, epoch, .. } => {
                created("population", self.population_names.insert(name.clone()))?;
                let record = Population {
                    name: name.clone(),
                    epsilon: epsilon.clone(),
                    delta: delta.clone(),
                    cap_rho: *cap_rho,
                    cap_delta: *cap_delta,
                    epoch: *epoch,
                };
                created("population", self.populations.insert(*population, record).is_none())
            }
            EventKind::DatasetCreated { dataset, owner, .. } => {
                created("dataset", self.datasets.insert(*dataset, owner.clone()).is_none())
            }
            EventKind::VersionPublished { dataset, version, .. } => {
                self.datasets.get(dataset).ok_or(Broken::Missing("dataset"))?;
                created("version", self.versions.insert(*version, Version::Published(*dataset)).is_none())
            }
            // Drafts are not in the log, so an abandoned version is new to it.
            EventKind::VersionAbandoned { version } => {
                created("version", self.versions.insert(*version, Version::Abandoned).is_none())
            }
            EventKind::UnitsExcluded { dataset, .. } => {
                self.datasets.get(dataset).map(|_| ()).ok_or(Broken::Missing("dataset"))
            }
            EventKind::ReleaseProposed { release, version, kind, approvals, populations, owner, .. } => {
                let terms = release::Terms { version, kind: *kind, approvals: *approvals, populations, owner };
                self.propose(event, *release, &terms)
            }
            EventKind::ReleaseApproved { release, active, .. } => self.approve(event, release, *active),
            EventKind::ReleaseRejected { release, .. } => self.move_release(event, release, ReleaseState::Rejected),
            EventKind::ReleasePaused { release, .. } => self.move_release(event, release, ReleaseState::Paused),
            EventKind::ReleaseResumed { release } => self.resume(event, release),
            EventKind::ReleaseExpired { release } => self.move_release(event, release, ReleaseState::Expired),
            EventKind::ReleaseRevoked { release, .. } => self.move_release(event, release, ReleaseState::Revoked),
            EventKind::ReleaseReported { release, active, .. } => self.report(event, release, *active),
            EventKind::ReleaseFailed { release, .. } => self.fail(event, release),
            EventKind::ReleaseDeleted { release } => self.delete(event, release),
            EventKind::QueryPriced { .. } => count(&mut self.counts.priced),
            EventKind::QueryRefused { .. } => count(&mut self.counts.refused),
            EventKind::QueryCharged { query, charge, releases, rho, delta, debits, .. } => {
                let price = charge::Price { rho: *rho, delta: *delta };
                self.charge(event, *query, *charge, releases, price, debits)
            }
            EventKind::QueryAnswered { query, charge, .. } => self.settle(query, charge, ChargeState::Answered),
            EventKind::QueryFailed { query, charge } => self.settle(query, charge, ChargeState::Failed),
            EventKind::QueryRepeated { charge, .. } => self.repeat(event, charge),
            EventKind::QueryDerived { charges, .. } => self.derive(event, charges),
            EventKind::QueryPublic { releases, .. } => self.public(event, releases),
            EventKind::LogRead { size } if *size <= self.entries => count(&mut self.counts.log_reads),
            EventKind::LogRead { .. } => Err(Broken::ReadBeyond),
        }
    }

    /// The log begins with its name, once; whoever acts exists; the workspace exists.
    fn check_envelope(&self, event: &Event) -> Result<(), Broken> {
        if matches!(event.kind, EventKind::LogStarted { .. }) != (self.entries == 0) {
            return Err(Broken::Start);
        }
        let creates_itself =
            |actor: &UserId| matches!(&event.kind, EventKind::UserCreated { user, .. } if user == actor);
        if event.actor.as_ref().is_some_and(|a| !self.users.contains_key(a) && !creates_itself(a)) {
            return Err(Broken::Missing("actor"));
        }
        let creates = |id: &WorkspaceId| matches!(&event.kind, EventKind::WorkspaceCreated { workspace_id } if workspace_id == id);
        if event.workspace.as_ref().is_some_and(|w| !self.workspaces.contains_key(w) && !creates(w)) {
            return Err(Broken::Missing("workspace"));
        }
        Ok(())
    }

    fn user(&self, user: &UserId) -> Result<Role, Broken> {
        self.users.get(user).copied().ok_or(Broken::Missing("user"))
    }

    fn members(&mut self, event: &Event) -> Result<&mut HashMap<UserId, Role>, Broken> {
        let workspace = event.workspace.ok_or(Broken::NoWorkspace)?;
        self.workspaces.get_mut(&workspace).ok_or(Broken::Missing("workspace"))
    }

    /// Who acts and where, for what only a member may do.
    fn member(&self, event: &Event) -> Result<(WorkspaceId, UserId), Broken> {
        let workspace = event.workspace.ok_or(Broken::NoWorkspace)?;
        let actor = event.actor.ok_or(Broken::NoActor)?;
        let members = self.workspaces.get(&workspace).ok_or(Broken::Missing("workspace"))?;
        if members.contains_key(&actor) { Ok((workspace, actor)) } else { Err(Broken::NotMember) }
    }

    fn active(&self, release: &ReleaseId, workspace: WorkspaceId) -> Result<&Release, Broken> {
        let release = self.releases.get(release).ok_or(Broken::Missing("release"))?;
        if release.workspace != workspace {
            return Err(Broken::OtherWorkspace);
        }
        match release.state {
            ReleaseState::Active => Ok(release),
            state => Err(Broken::NotActive { state: state.as_str() }),
        }
    }
}

const fn created(what: &'static str, new: bool) -> Result<(), Broken> {
    if new { Ok(()) } else { Err(Broken::Exists(what)) }
}

#[allow(clippy::unnecessary_wraps, reason = "the arms of the dispatch all return a result")]
const fn count(counter: &mut u64) -> Result<(), Broken> {
    *counter += 1;
    Ok(())
}
