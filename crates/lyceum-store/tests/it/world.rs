//! A small world that the log's rules accept: people, a population, two owners' releases in one workspace.

use lyceum_audit::event::{Account, ArtefactRef, Debit, EVENT_VERSION, Event, EventKind};
use lyceum_audit::replay::Replay;
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::epoch::{EpochSpan, Epochs, Every};
use lyceum_schema::id::{ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, UserId, VersionId, WorkspaceId};
use lyceum_schema::name::OrganisationName;
use lyceum_schema::state::{ReleaseKind, ReleaseState, Role};
use lyceum_schema::time::Micros;
use lyceum_sharing::model::{
    Artefact, ChargeOutcome, DatasetRecord, DebitRequest, Described, NewCharge, PopulationRecord, ReleaseRecord,
    TableFiles, User, Workspace,
};
use lyceum_sharing::port::{Datasets, Identities, LedgerStore, Releases, Workspaces};
use lyceum_store::clock::SystemClock;
use lyceum_store::home::Home;
use lyceum_store::log::{EventSource, TileLog};
use lyceum_store::sqlite::SqliteStore;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) const CAP: Budget = Budget { rho: Rho(1_000), delta: Delta(500) };

pub(crate) fn event(actor: Option<UserId>, workspace: Option<WorkspaceId>, kind: EventKind) -> Event {
    Event { v: EVENT_VERSION, time: Micros(1_700_000_000_000_000), actor, workspace, kind }
}

pub(crate) fn artefact(kind: &str, content: &[u8]) -> Artefact {
    let salt = *uuid::Uuid::now_v7().as_bytes();
    let mut full = [0; 32];
    full[..16].copy_from_slice(&salt);
    Artefact { reference: ArtefactRef(hex::encode(full)), salt: full, kind: kind.to_owned(), content: content.to_vec() }
}

pub(crate) async fn open(path: &Path) -> (Home, SqliteStore) {
    let home = Home::open(path).unwrap();
    let store = SqliteStore::open(&home).await.unwrap();
    (home, store)
}

pub(crate) async fn open_log(home: &Home, store: &SqliteStore) -> TileLog {
    TileLog::open(home, Arc::new(store.clone()), Arc::new(SystemClock)).await.unwrap()
}

pub(crate) struct World {
    pub(crate) partner: UserId,
    pub(crate) reviewer: UserId,
    pub(crate) researchers: [UserId; 2],
    pub(crate) workspace: WorkspaceId,
    pub(crate) population: PopulationId,
    pub(crate) owners: [OrganisationName; 2],
    pub(crate) releases: [ReleaseId; 2],
}

impl World {
    /// Begins the log if need be and makes everything, with both releases active.
    pub(crate) async fn create(store: &SqliteStore, origin: &str) -> Self {
        Self::with_epochs(store, origin, None).await
    }

    /// As [`World::create`], with epochs as a part of the population's units.
    pub(crate) async fn with_epochs(store: &SqliteStore, origin: &str, epoch: Option<Every>) -> Self {
        if EventSource::size(store).await.unwrap() == 0 {
            let kind = EventKind::LogStarted { origin: origin.to_owned() };
            store.append(event(None, None, kind), None).await.unwrap();
        }
        let partner = person(store, "partner", Role::Partner).await;
        let reviewer = person(store, "reviewer", Role::Reviewer).await;
        let researchers =
            [person(store, "analyst-1", Role::Researcher).await, person(store, "analyst-2", Role::Researcher).await];
        let workspace = WorkspaceId::generate();
        let kind = EventKind::WorkspaceCreated { workspace_id: workspace };
        let record = Workspace { id: workspace, name: "study".parse().unwrap(), purpose: "lift".to_owned() };
        store.create_workspace(record, event(Some(partner), None, kind)).await.unwrap();
        for (user, role) in [
            (partner, Role::Partner),
            (reviewer, Role::Reviewer),
            (researchers[0], Role::Researcher),
            (researchers[1], Role::Researcher),
        ] {
            let added = event(Some(partner), Some(workspace), EventKind::MemberAdded { user, role });
            store.put_member(workspace, user, role, added).await.unwrap();
        }
        let population = population(store, partner, epoch).await;
        let owners: [OrganisationName; 2] = ["shop".parse().unwrap(), "bank".parse().unwrap()];
        let mut world = Self {
            partner,
            reviewer,
            researchers,
            workspace,
            population,
            owners,
            releases: [ReleaseId::generate(); 2],
        };
        for i in 0..2 {
            world.releases[i] = world.release(store, i).await;
        }
        world
    }

    async fn release(&self, store: &SqliteStore, i: usize) -> ReleaseId {
        let (dataset, version, release) = (DatasetId::generate(), VersionId::generate(), ReleaseId::generate());
        let owner = self.owners[i].clone();
        let manifest = artefact("manifest", b"m");
        let name: lyceum_schema::name::DatasetName = format!("data-{i}").parse().unwrap();
        let kind = EventKind::DatasetCreated { dataset, owner: owner.clone(), manifest: manifest.reference.clone() };
        let record = DatasetRecord { id: dataset, name: name.clone(), owner: owner.clone(), manifest: "m".to_owned() };
        store.create_dataset(record, manifest, event(Some(self.partner), None, kind)).await.unwrap();
        store.create_version(version, dataset, Micros(1)).await.unwrap();
        store.put_table(version, table("t", &[&format!("data/{version}")])).await.unwrap();
        let content = artefact("content", b"c");
        let kind = EventKind::VersionPublished { dataset, version, content: content.reference.clone() };
        store.publish_version(version, content, event(Some(self.partner), None, kind)).await.unwrap();
        let policy = artefact("policy", b"p");
        let kind = EventKind::ReleaseProposed {
            release,
            version,
            kind: ReleaseKind::Protected,
            policy: policy.reference.clone(),
            approvals: 1,
            populations: vec![self.population],
            owner: owner.clone(),
        };
        let record = ReleaseRecord {
            id: release,
            version,
            dataset,
            dataset_name: name,
            owner,
            workspace: self.workspace,
            kind: ReleaseKind::Protected,
            policy: "p".to_owned(),
            names: vec![("t".parse().unwrap(), format!("t{i}").parse().unwrap())],
            state: ReleaseState::Proposed,
            proposed_by: self.partner,
            approved_by: Vec::new(),
            failures: 0,
            created: Micros(2),
            deleted: false,
        };
        let proposed = event(Some(self.partner), Some(self.workspace), kind);
        store.create_release(record, policy, proposed).await.unwrap();
        let kind = EventKind::ReleaseApproved { release, reason: "fine".to_owned(), active: true };
        let approved = event(Some(self.reviewer), Some(self.workspace), kind);
        store.approve_release(release, self.reviewer, ReleaseState::Active, approved).await.unwrap();
        release
    }

    /// The accounts that a query of a researcher over one release debits.
    pub(crate) fn accounts(&self, researcher: usize, release: usize) -> [Account; 4] {
        let (population, workspace) = (self.population, self.workspace);
        [
            Account::Root { population },
            Account::Owner { population, owner: self.owners[release].clone() },
            Account::Workspace { population, workspace },
            Account::Researcher { population, workspace, user: self.researchers[researcher] },
        ]
    }

    pub(crate) fn charge(&self, researcher: usize, release: usize, key: u8, price: Budget) -> NewCharge {
        let debits =
            self.accounts(researcher, release).map(|account| DebitRequest { account, epochs: Epochs::NONE, cap: CAP });
        NewCharge {
            query: QueryId::generate(),
            charge: ChargeId::generate(),
            workspace: self.workspace,
            user: self.researchers[researcher],
            request_key: [key; 32],
            idempotency_key: None,
            sql: "SELECT COUNT(*) FROM t0".to_owned(),
            releases: vec![self.releases[release]],
            price,
            debits: debits.into(),
            fresh: false,
            time: Micros(3),
        }
    }
}

/// Epochs from the first to the last.
pub(crate) fn span(first: &str, last: &str) -> Epochs {
    EpochSpan::new(first.parse().unwrap(), last.parse().unwrap()).unwrap().into()
}

/// A charge that debits all accounts in these epochs.
pub(crate) fn in_epochs(mut charge: NewCharge, epochs: &Epochs) -> NewCharge {
    charge.debits.iter_mut().for_each(|d| d.epochs = epochs.clone());
    charge
}

/// Charges with the event that says so.
pub(crate) async fn pay(store: &SqliteStore, charge: NewCharge) -> ChargeOutcome {
    let (sql, event) = paperwork(&charge);
    store.charge(charge, sql, event).await.unwrap()
}

pub(crate) fn paperwork(charge: &NewCharge) -> (Artefact, Event) {
    let sql = artefact("sql", charge.sql.as_bytes());
    let debit = |d: &DebitRequest| Debit {
        account: d.account.clone(),
        epochs: d.epochs.clone(),
        cap_rho: d.cap.rho.0,
        cap_delta: d.cap.delta.0,
    };
    let kind = EventKind::QueryCharged {
        query: charge.query,
        charge: charge.charge,
        sql: sql.reference.clone(),
        releases: charge.releases.clone(),
        rho: charge.price.rho.0,
        delta: charge.price.delta.0,
        debits: charge.debits.iter().map(debit).collect(),
    };
    (sql, event(Some(charge.user), Some(charge.workspace), kind))
}

/// What an answer of [`answer`] is described by: two barriers, of the families 1 and 2.
pub(crate) fn described(charge: ChargeId, barrier: u32) -> Described {
    Described { barrier, family: [1 + barrier as u8; 32], descriptor: format!("{barrier} of {charge}") }
}

/// Answers a charge with its own id as the released bytes.
pub(crate) async fn answer(
    store: &SqliteStore,
    query: QueryId,
    charge: ChargeId,
) -> lyceum_sharing::port::PortResult<u64> {
    let released = charge.to_string().into_bytes();
    let artefact = artefact("answer", &released);
    let kind = EventKind::QueryAnswered { query, charge, answer: artefact.reference.clone() };
    let described = (0..2).map(|barrier| described(charge, barrier)).collect();
    store.store_answer(charge, released, described, artefact, event(None, None, kind)).await
}

pub(crate) fn table(name: &str, paths: &[&str]) -> TableFiles {
    let files = paths
        .iter()
        .map(|path| serde_json::json!({"path": path, "bytes": 10, "rows": 3, "unit_low": 0, "unit_high": u64::MAX}));
    TableFiles {
        table: name.parse().unwrap(),
        files: serde_json::from_value(files.collect()).unwrap(),
        report: "{}".to_owned(),
        upload_sha256: [9; 32],
    }
}

/// Replays all events of the database and compares the balances with what they add up to.
pub(crate) async fn assert_replays(store: &SqliteStore, origin: &str) {
    let size = EventSource::size(store).await.unwrap();
    let leaves = EventSource::events(store, 0, size).await.unwrap();
    assert_eq!(leaves.len() as u64, size, "indices are dense");
    let mut replay = Replay::new(origin);
    for leaf in &leaves {
        replay.push_json(leaf).unwrap();
    }
    let said: BTreeMap<_, _> =
        replay.summary().accounts.into_iter().map(|a| ((a.account, a.epoch), (a.rho, a.delta, a.charges))).collect();
    let kept: BTreeMap<_, _> = store
        .all_balances()
        .await
        .unwrap()
        .into_iter()
        .map(|b| ((b.account, b.epoch), (b.spent.rho.0, b.spent.delta.0, b.charges)))
        .collect();
    assert_eq!(said, kept);
}

async fn person(store: &SqliteStore, name: &str, role: Role) -> UserId {
    let user =
        User { id: UserId::generate(), name: name.parse().unwrap(), organisation: "university".parse().unwrap(), role };
    let kind = EventKind::UserCreated { user: user.id, role, organisation: user.organisation.clone() };
    let id = user.id;
    store.create_user(user, event(None, None, kind)).await.unwrap();
    id
}

async fn population(store: &SqliteStore, actor: UserId, epoch: Option<Every>) -> PopulationId {
    let record = PopulationRecord {
        id: PopulationId::generate(),
        name: "people".parse().unwrap(),
        organisation: "shop".parse().unwrap(),
        epsilon: "1".to_owned(),
        delta: "1e-9".to_owned(),
        delta_conversion: 7,
        declared_size: 1_000,
        cap: CAP,
        epoch,
    };
    let id = record.id;
    let kind = EventKind::PopulationCreated {
        population: id,
        name: record.name.clone(),
        epsilon: record.epsilon.clone(),
        delta: record.delta.clone(),
        delta_conversion: record.delta_conversion,
        declared_size: record.declared_size,
        cap_rho: CAP.rho.0,
        cap_delta: CAP.delta.0,
        epoch,
    };
    store.create_population(record, event(Some(actor), None, kind)).await.unwrap();
    id
}
