//! What every database adapter must do, port by port. Each suite takes the ports only, so that a second adapter
//! runs the same.

use crate::world::{World, artefact, event, open, table};
use lyceum_audit::event::EventKind;
use lyceum_schema::id::{DatasetId, PopulationId, TokenId, UploadId, UserId, VersionId};
use lyceum_schema::state::{ReleaseState, Role, VersionState};
use lyceum_schema::time::Micros;
use lyceum_schema::wire::{FileFormat, FileOptions};
use lyceum_sharing::model::{DatasetRecord, ExcludedUnit, RewrittenTable, Token, TokenHash, UploadRecord, User};
use lyceum_sharing::port::{Datasets, Identities, KeyStore, LedgerStore, PortError, Releases, Uploads, Workspaces};
use lyceum_store::log::EventSource;

#[tokio::test]
async fn sqlite_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    identities(&store, &store).await;
    workspaces(&store, &world).await;
    datasets(&store, &world).await;
    uploads(&store, &world).await;
    releases(&store, &world).await;
    populations(&store, &world).await;
    keys(&store, &world).await;
    events(&store).await;
}

async fn identities(store: &impl Identities, log: &impl EventSource) {
    let user = User {
        id: UserId::generate(),
        name: "analyst-3".parse().unwrap(),
        organisation: "university".parse().unwrap(),
        role: Role::Researcher,
    };
    let created = |user: &User| {
        let kind = EventKind::UserCreated { user: user.id, role: user.role, organisation: user.organisation.clone() };
        event(None, None, kind)
    };
    let before = log.size().await.unwrap();
    assert_eq!(store.create_user(user.clone(), created(&user)).await.unwrap(), before, "the next index");
    let mut twin = user.clone();
    twin.id = UserId::generate();
    let refused = store.create_user(twin.clone(), created(&twin)).await;
    assert_eq!(refused, Err(PortError::Exists("user analyst-3".to_owned())));
    assert_eq!(log.size().await.unwrap(), before + 1, "what is refused leaves no event");
    assert_eq!(store.user_by_name(&user.name).await.unwrap().as_ref(), Some(&user));
    assert_eq!(store.user(user.id).await.unwrap().as_ref(), Some(&user));
    assert_eq!(store.user(twin.id).await.unwrap(), None);
    let names: Vec<_> = store.users().await.unwrap().into_iter().map(|u| u.name.to_string()).collect();
    assert_eq!(names, ["analyst-1", "analyst-2", "analyst-3", "partner", "reviewer"]);

    let token = |hash, expires| Token {
        id: TokenId::generate(),
        user: user.id,
        hash: TokenHash([hash; 32]),
        label: "laptop".to_owned(),
        created: Micros(5),
        expires,
    };
    let (lasting, ending) = (token(1, None), token(2, Some(Micros(100))));
    for t in [&lasting, &ending] {
        let issued = event(None, None, EventKind::TokenIssued { token: t.id, user: user.id });
        store.create_token(t.clone(), issued).await.unwrap();
    }
    let by = |hash, now| store.user_by_token(TokenHash([hash; 32]), Micros(now));
    assert_eq!(by(1, 500).await.unwrap(), Some((user.clone(), lasting.id)));
    assert_eq!(by(2, 99).await.unwrap(), Some((user.clone(), ending.id)));
    assert_eq!(by(2, 100).await.unwrap(), None, "expired");
    assert_eq!(by(3, 0).await.unwrap(), None);
    let revoked = || event(None, None, EventKind::TokenRevoked { token: lasting.id });
    store.revoke_token(lasting.id, revoked()).await.unwrap();
    assert_eq!(by(1, 500).await.unwrap(), None, "revoked");
    assert!(matches!(store.revoke_token(lasting.id, revoked()).await, Err(PortError::Missing(_))));
    let left: Vec<_> = store.tokens(user.id).await.unwrap().iter().map(|t| t.id).collect();
    assert_eq!(left, [ending.id]);
}

async fn workspaces(store: &impl Workspaces, world: &World) {
    let workspace = store.workspace(&"study".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(store.workspace_by_id(world.workspace).await.unwrap().as_ref(), Some(&workspace));
    assert_eq!(store.workspaces(None).await.unwrap(), vec![workspace.clone()]);
    assert_eq!(store.workspaces(Some(world.partner)).await.unwrap(), vec![workspace.clone()]);
    assert_eq!(store.workspaces(Some(UserId::generate())).await.unwrap(), vec![]);
    let again = event(None, None, EventKind::WorkspaceCreated { workspace_id: workspace.id });
    assert!(matches!(store.create_workspace(workspace, again).await, Err(PortError::Exists(_))));

    let (id, user) = (world.workspace, world.researchers[1]);
    let added = |role| event(Some(world.partner), Some(id), EventKind::MemberAdded { user, role });
    store.put_member(id, user, Role::Reviewer, added(Role::Reviewer)).await.unwrap();
    assert_eq!(store.role(id, user).await.unwrap(), Some(Role::Reviewer));
    let removed = || event(Some(world.partner), Some(id), EventKind::MemberRemoved { user });
    store.remove_member(id, user, removed()).await.unwrap();
    assert_eq!(store.role(id, user).await.unwrap(), None);
    assert!(matches!(store.remove_member(id, user, removed()).await, Err(PortError::Missing(_))));
    let members: Vec<_> =
        store.members(id).await.unwrap().into_iter().map(|m| (m.user.name.to_string(), m.role)).collect();
    let (analyst, partner, reviewer) = (Role::Researcher, Role::Partner, Role::Reviewer);
    assert_eq!(members, [("analyst-1".into(), analyst), ("partner".into(), partner), ("reviewer".into(), reviewer)]);
    let stranger = UserId::generate();
    let strange = event(None, Some(id), EventKind::MemberAdded { user: stranger, role: Role::Reviewer });
    assert!(matches!(store.put_member(id, stranger, Role::Reviewer, strange).await, Err(PortError::Missing(_))));
}

async fn datasets(store: &impl Datasets, world: &World) {
    let record = store.dataset(&"data-0".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(store.datasets().await.unwrap().len(), 2);
    let twin = DatasetRecord { id: DatasetId::generate(), ..record.clone() };
    let manifest = artefact("manifest", b"m");
    let kind =
        EventKind::DatasetCreated { dataset: twin.id, owner: twin.owner.clone(), manifest: manifest.reference.clone() };
    let created = event(None, None, kind);
    assert!(matches!(store.create_dataset(twin, manifest, created).await, Err(PortError::Exists(_))));

    let id = VersionId::generate();
    let draft = store.create_version(id, record.id, Micros(9)).await.unwrap();
    assert_eq!((draft.number, draft.state, draft.tables.len()), (2, VersionState::Draft, 0));
    store.put_table(id, table("b", &["one"])).await.unwrap();
    store.put_table(id, table("a", &["two"])).await.unwrap();
    store.put_table(id, table("b", &["three", "four"])).await.unwrap();
    let read = store.version(id).await.unwrap().unwrap();
    assert_eq!(read.tables, vec![table("a", &["two"]), table("b", &["three", "four"])]);
    assert_eq!(store.drafts().await.unwrap(), vec![read]);
    let mut files = store.referenced_files().await.unwrap();
    files.retain(|f| !f.starts_with("data/"));
    files.sort();
    assert_eq!(files, ["four", "three", "two"]);
    let numbers: Vec<_> = store.versions(record.id).await.unwrap().iter().map(|v| v.number).collect();
    assert_eq!(numbers, [2, 1]);

    let exclude = |was: &[&str]| {
        let content = artefact("content", b"files");
        let kind = EventKind::UnitsExcluded { dataset: record.id, content: content.reference.clone() };
        let units = vec![ExcludedUnit { population: world.population, unit: 7 }];
        let (was, files) = (table("a", was).files, table("a", &["six"]).files);
        let rewritten = vec![RewrittenTable { version: id, table: table("a", &[]).table, was, files }];
        store.exclude_units(record.id, units, rewritten, content, event(Some(world.partner), None, kind))
    };
    let stale = exclude(&["one"]).await;
    assert!(matches!(stale, Err(PortError::State(_))), "uploaded anew since it was read: {stale:?}");
    assert!(store.excluded_units(record.id).await.unwrap().is_empty(), "all or nothing");
    exclude(&["two"]).await.unwrap();
    assert_eq!(store.excluded_units(record.id).await.unwrap().len(), 1);
    assert_eq!(store.version(id).await.unwrap().unwrap().tables[0], table("a", &["six"]));

    let abandoned = || event(Some(world.partner), None, EventKind::VersionAbandoned { version: id });
    store.abandon_version(id, abandoned()).await.unwrap();
    assert_eq!(store.referenced_files().await.unwrap().len(), 2, "files of the published versions");
    assert!(store.drafts().await.unwrap().is_empty());
    assert!(matches!(store.put_table(id, table("a", &["five"])).await, Err(PortError::State(_))));
    assert!(matches!(store.abandon_version(id, abandoned()).await, Err(PortError::State(_))));
    let orphan = store.create_version(VersionId::generate(), DatasetId::generate(), Micros(9)).await;
    assert_eq!(orphan, Err(PortError::Missing("dataset".to_owned())));
}

async fn uploads<S: Datasets + Uploads>(store: &S, world: &World) {
    let dataset = store.dataset(&"data-0".parse().unwrap()).await.unwrap().unwrap();
    let draft = VersionId::generate();
    store.create_version(draft, dataset.id, Micros(9)).await.unwrap();
    let record = |part, expires| UploadRecord {
        id: UploadId::generate(),
        version: draft,
        table: "t".parse().unwrap(),
        part,
        user: world.partner,
        owner: dataset.owner.clone(),
        length: 1 << 40,
        options: FileOptions { format: Some(FileFormat::Csv), delimiter: Some(';'), ..FileOptions::default() },
        declared_sha256: Some([7; 32]),
        received_sha256: None,
        expires: Micros(expires),
    };
    let (first, second) = (record(1, 200), record(2, 100));
    store.create_upload(first.clone()).await.unwrap();
    store.create_upload(second.clone()).await.unwrap();
    assert!(matches!(store.create_upload(record(2, 300)).await, Err(PortError::Exists(_))), "one upload per part");
    assert_eq!(store.upload(first.id).await.unwrap().as_ref(), Some(&first));
    assert_eq!(store.uploads_of(draft).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.all_uploads().await.unwrap(), [second.clone(), first.clone()], "first to expire first");
    assert_eq!(store.uploads_in_flight(&dataset.owner).await.unwrap(), 2);
    let key = store.upload_key(first.id).await.unwrap();
    assert_eq!(store.upload_key(first.id).await.unwrap().0, key.0, "the same for as long as it lasts");
    assert_ne!(store.upload_key(second.id).await.unwrap().0, key.0);

    store.touch_upload(first.id, None, Micros(400)).await.unwrap();
    store.touch_upload(first.id, Some([8; 32]), Micros(500)).await.unwrap();
    store.touch_upload(first.id, None, Micros(600)).await.unwrap();
    let complete = UploadRecord { received_sha256: Some([8; 32]), expires: Micros(600), ..first.clone() };
    assert_eq!(store.upload(first.id).await.unwrap(), Some(complete));
    for id in [first.id, second.id, first.id] {
        store.forget_upload(id).await.unwrap();
    }
    assert_eq!(store.upload(first.id).await.unwrap(), None);
    assert!(matches!(store.upload_key(first.id).await, Err(PortError::Missing(_))), "the key is gone");
    assert!(matches!(store.touch_upload(first.id, None, Micros(1)).await, Err(PortError::Missing(_))));
    store.create_upload(record(2, 300)).await.unwrap();
    let orphan = UploadRecord { version: VersionId::generate(), ..record(3, 1) };
    assert!(matches!(store.create_upload(orphan).await, Err(PortError::Missing(_))));
}

async fn releases(store: &impl Releases, world: &World) {
    let id = world.releases[1];
    let record = store.release(id).await.unwrap().unwrap();
    assert_eq!((record.state, record.approved_by.as_slice()), (ReleaseState::Active, [world.reviewer].as_slice()));
    assert_eq!((record.dataset_name.as_str(), record.owner.as_str()), ("data-1", "bank"));
    assert_eq!(record.names, vec![("t".parse().unwrap(), "t1".parse().unwrap())]);
    assert_eq!(store.releases(world.workspace).await.unwrap().len(), 2);

    let mut proposed = record.clone();
    proposed.id = lyceum_schema::id::ReleaseId::generate();
    (proposed.state, proposed.approved_by) = (ReleaseState::Proposed, Vec::new());
    let policy = artefact("policy", b"p");
    let kind = EventKind::ReleaseProposed {
        release: proposed.id,
        version: proposed.version,
        kind: proposed.kind,
        policy: policy.reference.clone(),
        approvals: 2,
        populations: vec![world.population],
        owner: proposed.owner.clone(),
    };
    let said = event(Some(world.partner), Some(world.workspace), kind);
    store.create_release(proposed.clone(), policy, said).await.unwrap();
    assert_eq!(store.release(proposed.id).await.unwrap(), Some(proposed.clone()));
    let approve = |by: UserId, next: ReleaseState| {
        let active = next == ReleaseState::Active;
        let kind = EventKind::ReleaseApproved { release: proposed.id, reason: "fine".to_owned(), active };
        store.approve_release(proposed.id, by, next, event(Some(by), Some(world.workspace), kind))
    };
    assert!(matches!(approve(world.partner, ReleaseState::Proposed).await, Err(PortError::State(_))), "its own");
    approve(world.reviewer, ReleaseState::Proposed).await.unwrap();
    assert!(matches!(approve(world.reviewer, ReleaseState::Active).await, Err(PortError::State(_))), "twice");
    assert!(matches!(approve(world.researchers[0], ReleaseState::Revoked).await, Err(PortError::State(_))));
    approve(world.researchers[0], ReleaseState::Active).await.unwrap();
    let both = [world.reviewer, world.researchers[0]];
    let now = store.release(proposed.id).await.unwrap().unwrap();
    assert_eq!((now.state, now.approved_by.as_slice()), (ReleaseState::Active, both.as_slice()));
    assert!(matches!(approve(world.researchers[1], ReleaseState::Active).await, Err(PortError::State(_))));

    let move_to = |next| {
        let kind = EventKind::ReleaseRevoked { release: proposed.id, reason: "x".to_owned() };
        store.move_release(proposed.id, next, event(Some(world.partner), Some(world.workspace), kind))
    };
    assert!(matches!(move_to(ReleaseState::Rejected).await, Err(PortError::State(_))));
    move_to(ReleaseState::Revoked).await.unwrap();
    assert!(matches!(move_to(ReleaseState::Active).await, Err(PortError::State(_))), "final");
}

async fn populations(store: &impl LedgerStore, world: &World) {
    let record = store.population(&"people".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((record.id, record.declared_size, record.cap), (world.population, 1_000, crate::world::CAP));
    assert_eq!(store.populations().await.unwrap(), vec![record.clone()]);
    assert_eq!(store.population(&"nobody".parse().unwrap()).await.unwrap(), None);
    let again = event(None, None, EventKind::LogRead { size: 0 });
    assert!(matches!(store.create_population(record, again).await, Err(PortError::Exists(_))));
    assert!(store.balances(world.population).await.unwrap().is_empty());
}

async fn keys(store: &impl KeyStore, world: &World) {
    let keys = futures::future::join_all((0..4).map(|_| store.population_key(world.population))).await;
    let keys: Vec<_> = keys.into_iter().map(|k| k.unwrap().0).collect();
    assert!(keys.iter().all(|k| *k == keys[0] && *k != [0; 32]), "made once");
    let nobody = store.population_key(PopulationId::generate()).await;
    assert!(matches!(nobody, Err(PortError::Missing(_))));
}

async fn events(log: &impl EventSource) {
    let size = log.size().await.unwrap();
    let note = artefact("sql", b"SELECT 1");
    let read = event(None, None, EventKind::LogRead { size });
    let index = log.append(read.clone(), Some(note.clone())).await.unwrap();
    assert_eq!((index, log.size().await.unwrap()), (size, size + 1));
    assert_eq!(log.events(index, index + 10).await.unwrap(), vec![read.to_canonical_json().unwrap()]);
    assert_eq!(log.events(u64::MAX, u64::MAX).await.unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(log.artefact(&note.reference.0).await.unwrap(), Some(note));
    assert_eq!(log.artefact("nothing").await.unwrap(), None);
}
