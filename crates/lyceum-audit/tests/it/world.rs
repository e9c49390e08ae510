//! A small platform whose log the tests tamper with.

use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::event::{Account, ArtefactRef, Debit, Event, EventKind};
use lyceum_audit::merkle::empty_root;
use lyceum_audit::note::LogSigner;
use lyceum_audit::policy::Policy;
use lyceum_audit::tile::append;
use lyceum_schema::epoch::Epochs;
use lyceum_schema::id::{
    ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UserId, VersionId, WorkspaceId,
};
use lyceum_schema::name::{OrganisationName, PopulationName};
use lyceum_schema::state::{ReleaseKind, Role};
use lyceum_schema::time::Micros;
use std::collections::BTreeMap;

pub(crate) const ORIGIN: &str = "lyceum.example/audit";
pub(crate) const CAP_RHO: u64 = 1_000_000_000_000;
pub(crate) const CAP_DELTA: u64 = 1_000_000_000_000;
pub(crate) const PRICE_RHO: u64 = 5_000_000_000;
pub(crate) const PRICE_DELTA: u64 = 1_000_000_000;

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

macro_rules! ids {
    ($($name:ident: $type:ident = $base:literal;)*) => {
        $(pub(crate) fn $name(n: u32) -> $type {
            format!("01970000-0000-7000-8000-{:04}{n:08}", $base).parse().unwrap()
        })*
    };
}
ids! {
    user: UserId = 1;
    token: TokenId = 2;
    workspace: WorkspaceId = 3;
    dataset: DatasetId = 4;
    version: VersionId = 5;
    release: ReleaseId = 6;
    population: PopulationId = 7;
    query: QueryId = 8;
    charge: ChargeId = 9;
}

pub(crate) const ADMIN: u32 = 0;
pub(crate) const PARTNER: u32 = 1;
pub(crate) const RESEARCHER: u32 = 2;
pub(crate) const FIRST_REVIEWER: u32 = 3;
pub(crate) const SECOND_REVIEWER: u32 = 4;

pub(crate) fn shop() -> OrganisationName {
    OrganisationName::new("shop").unwrap()
}

pub(crate) fn hash(what: &str) -> ArtefactRef {
    ArtefactRef::of(&[7; 32], what.as_bytes())
}

pub(crate) fn event(time: i64, actor: Option<u32>, workspace_of: Option<u32>, kind: EventKind) -> Event {
    let time = Micros(1_763_000_000_000_000 + time * 1_000_000);
    Event { v: 1, time, actor: actor.map(user), workspace: workspace_of.map(workspace), kind }
}

pub(crate) fn debits(cap_rho: u64) -> Vec<Debit> {
    let population = population(1);
    let accounts = [
        Account::Root { population },
        Account::Owner { population, owner: shop() },
        Account::Workspace { population, workspace: workspace(1) },
        Account::Researcher { population, workspace: workspace(1), user: user(RESEARCHER) },
    ];
    accounts.into_iter().map(|account| Debit { account, epochs: Epochs::NONE, cap_rho, cap_delta: CAP_DELTA }).collect()
}

pub(crate) fn charged(n: u32) -> EventKind {
    EventKind::QueryCharged {
        query: query(n),
        charge: charge(n),
        sql: hash(&format!("SELECT {n}")),
        releases: vec![release(1)],
        rho: PRICE_RHO,
        delta: PRICE_DELTA,
        debits: debits(CAP_RHO),
    }
}

pub(crate) fn answered(n: u32) -> EventKind {
    EventKind::QueryAnswered { query: query(n), charge: charge(n), answer: hash(&format!("answer {n}")) }
}

/// People, a workspace, a population, a dataset and an active release: 20 events.
pub(crate) fn beginning() -> Vec<Event> {
    let mut events = vec![event(0, None, None, EventKind::LogStarted { origin: ORIGIN.to_owned() })];
    let people = [
        (ADMIN, Role::Admin, "operator"),
        (PARTNER, Role::Partner, "shop"),
        (RESEARCHER, Role::Researcher, "uni"),
        (FIRST_REVIEWER, Role::Reviewer, "uni"),
        (SECOND_REVIEWER, Role::Reviewer, "shop"),
    ];
    for (n, role, organisation) in people {
        let organisation = OrganisationName::new(organisation).unwrap();
        let actor = (n > 0).then_some(ADMIN);
        events.push(event(1, actor, None, EventKind::UserCreated { user: user(n), role, organisation }));
        events.push(event(2, actor, None, EventKind::TokenIssued { token: token(n), user: user(n) }));
    }
    events.push(event(3, Some(ADMIN), Some(1), EventKind::WorkspaceCreated { workspace_id: workspace(1) }));
    for (n, role, _) in people.into_iter().skip(2) {
        events.push(event(4, Some(ADMIN), Some(1), EventKind::MemberAdded { user: user(n), role }));
    }
    let created = EventKind::PopulationCreated {
        population: population(1),
        name: PopulationName::new("mtd-customers").unwrap(),
        epsilon: "2".to_owned(),
        delta: "1e-6".to_owned(),
        delta_conversion: 1_000_000_000,
        declared_size: 64_000,
        cap_rho: CAP_RHO,
        cap_delta: CAP_DELTA,
        epoch: None,
    };
    events.push(event(5, Some(PARTNER), None, created));
    let created = EventKind::DatasetCreated { dataset: dataset(1), owner: shop(), manifest: hash("manifest") };
    events.push(event(6, Some(PARTNER), None, created));
    let published = EventKind::VersionPublished { dataset: dataset(1), version: version(1), content: hash("content") };
    events.push(event(7, Some(PARTNER), None, published));
    events.push(event(8, Some(PARTNER), Some(1), proposed(1)));
    for (n, active) in [(FIRST_REVIEWER, false), (SECOND_REVIEWER, true)] {
        events.push(event(9, Some(n), Some(1), approved(1, active)));
    }
    events
}

pub(crate) fn proposed(n: u32) -> EventKind {
    EventKind::ReleaseProposed {
        release: release(n),
        version: version(1),
        kind: ReleaseKind::Protected,
        policy: hash("policy"),
        approvals: 2,
        populations: vec![population(1)],
        owner: shop(),
    }
}

pub(crate) fn approved(n: u32, active: bool) -> EventKind {
    EventKind::ReleaseApproved { release: release(n), reason: "purpose is stated".to_owned(), active }
}

/// The beginning and `queries` asked queries: every fifth fails, every third answer is repeated.
pub(crate) fn story(queries: u32) -> Vec<Event> {
    let mut events = beginning();
    for n in 0..queries {
        let time = 10 + i64::from(n);
        let mut ask = |kind| events.push(event(time, Some(RESEARCHER), Some(1), kind));
        ask(EventKind::QueryPriced { sql: hash(&format!("SELECT {n}")), rho: PRICE_RHO, delta: PRICE_DELTA });
        ask(charged(n));
        if n % 5 == 4 {
            ask(EventKind::QueryFailed { query: query(n), charge: charge(n) });
        } else {
            ask(answered(n));
            if n % 3 == 0 {
                ask(EventKind::QueryRepeated { charge: charge(n), sql: hash(&format!("select {n}")) });
            }
        }
    }
    events
}

pub(crate) fn signer() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[42; 32]).unwrap()
}

pub(crate) fn policy() -> Policy {
    Policy::of_log(signer().verifier_key().clone())
}

/// A log as files, with the checkpoint signed after each batch.
pub(crate) struct Log {
    pub(crate) files: Files,
    pub(crate) checkpoints: Vec<String>,
}

impl Log {
    pub(crate) fn of(events: &[Event], batch: usize) -> Self {
        let entries: Vec<Vec<u8>> = events.iter().map(|e| e.to_canonical_json().unwrap()).collect();
        Self::of_entries(&entries, batch)
    }

    pub(crate) fn of_entries(entries: &[Vec<u8>], batch: usize) -> Self {
        let (mut files, mut checkpoints) = (Files::new(), Vec::new());
        let (mut size, mut root) = (0, empty_root());
        for entries in entries.chunks(batch) {
            let appended = append(&files, size, root, entries).unwrap();
            (size, root) = (appended.size, appended.root);
            files.extend(appended.files.into_iter().map(|f| (f.path, f.bytes)));
            checkpoints.push(Checkpoint { origin: ORIGIN.to_owned(), size, root }.sign(&signer()).unwrap());
        }
        Self { files, checkpoints }
    }

    pub(crate) fn checkpoint(&self) -> &str {
        self.checkpoints.last().unwrap()
    }
}
