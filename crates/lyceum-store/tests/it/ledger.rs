//! Charges, one by one and at once.

use crate::world::{CAP, World, answer, assert_replays, described, event, in_epochs, open, paperwork, pay, span};
use lyceum_audit::event::EventKind;
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::epoch::{Epochs, Every};
use lyceum_schema::state::{QueryState, ReleaseState};
use lyceum_sharing::model::{ChargeOutcome, DescribedAnswer};
use lyceum_sharing::port::{LedgerStore, PortError, Releases};
use lyceum_store::log::EventSource;

const HALF: Budget = Budget { rho: Rho(501), delta: Delta(1) };
const SMALL: Budget = Budget { rho: Rho(1), delta: Delta(1) };

#[tokio::test]
async fn of_parallel_charges_that_fit_once_one_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    // The cap is 1,000: of three times 501 one fits.
    let charges = (0..3u8).map(|i| pay(&store, world.charge(usize::from(i % 2), 0, i, HALF)));
    let outcomes = futures::future::join_all(charges).await;
    let charged = outcomes.iter().filter(|o| matches!(o, ChargeOutcome::Charged { .. })).count();
    let refused = outcomes.iter().filter(|o| matches!(o, ChargeOutcome::OverBudget { .. })).count();
    assert_eq!((charged, refused), (1, 2));
    assert_replays(&store, home.log_key().origin()).await;
}

#[tokio::test]
async fn a_refused_charge_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    let before = EventSource::size(&store).await.unwrap();
    for price in [
        Budget { rho: Rho(1001), delta: Delta(0) },
        Budget { rho: Rho(0), delta: Delta(501) },
        Budget { rho: Rho(u64::MAX), delta: Delta(u64::MAX) },
    ] {
        let mut charge = world.charge(0, 0, 1, price);
        // Whatever the caller believes, the population's own cap holds.
        charge.debits.iter_mut().for_each(|d| d.cap = Budget { rho: Rho(1 << 40), delta: Delta(1 << 40) });
        let query = charge.query;
        match pay(&store, charge).await {
            ChargeOutcome::OverBudget { account, epoch, spent, cap } => {
                assert_eq!((account, epoch, spent, cap), (world.accounts(0, 0)[0].clone(), None, Budget::ZERO, CAP));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(store.query(query).await.unwrap(), None);
    }
    assert_eq!(EventSource::size(&store).await.unwrap(), before);
    assert!(store.all_balances().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_charge_is_made_once_and_answered_once() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    let mut first = world.charge(0, 0, 1, HALF);
    first.idempotency_key = Some("k".to_owned());
    let (query, charge) = (first.query, first.charge);
    let index = match pay(&store, first.clone()).await {
        ChargeOutcome::Charged { index } => index,
        other => panic!("{other:?}"),
    };
    assert_eq!(pay(&store, first.clone()).await, ChargeOutcome::Charged { index }, "the same charge again");
    let equal = world.charge(1, 0, 1, HALF);
    assert_eq!(pay(&store, equal.clone()).await, ChargeOutcome::InProgress, "an equal query meanwhile");
    let mut retry = world.charge(0, 0, 1, HALF);
    (retry.idempotency_key, retry.fresh) = (Some("k".to_owned()), true);
    assert_eq!(pay(&store, retry.clone()).await, ChargeOutcome::InProgress, "the client's retry");
    let mut reused = world.charge(0, 0, 2, HALF);
    reused.idempotency_key = Some("k".to_owned());
    let (sql, said) = paperwork(&reused);
    assert!(matches!(store.charge(reused, sql, said).await, Err(PortError::Exists(_))));
    assert_eq!(store.open_charges().await.unwrap().len(), 1);
    assert_eq!(store.stored_answer([1; 32]).await.unwrap(), None);

    let answered = answer(&store, query, charge).await.unwrap();
    assert!(matches!(answer(&store, query, charge).await, Err(PortError::State(_))));
    let stored = store.stored_answer([1; 32]).await.unwrap().unwrap();
    assert_eq!((stored.index, stored.price, stored.charge), (answered, HALF, charge));
    for again in [first, equal, retry] {
        assert_eq!(pay(&store, again).await, ChargeOutcome::AlreadyAnswered(stored.clone()));
    }
    let record = store.charge_by_idempotency_key(world.workspace, world.researchers[0], "k").await.unwrap().unwrap();
    assert_eq!((record.state, record.index), (QueryState::Answered, answered));
    assert_eq!(store.history(world.workspace, 10).await.unwrap(), vec![record.clone()]);
    assert_eq!(store.query(query).await.unwrap(), Some(record));

    let paused = EventKind::ReleasePaused { release: world.releases[0], reason: "x".to_owned() };
    let paused = event(Some(world.partner), Some(world.workspace), paused);
    store.move_release(world.releases[0], ReleaseState::Paused, paused).await.unwrap();
    assert_eq!(store.stored_answer([1; 32]).await.unwrap(), None, "no repeat from a paused release");
    assert_eq!(store.answer_of(charge).await.unwrap(), Some(stored));
    let late = pay(&store, world.charge(0, 0, 1, HALF)).await;
    assert_eq!(late, ChargeOutcome::NotActive { release: world.releases[0], state: ReleaseState::Paused });
    let root = store.balances_in(&world.accounts(0, 0)[0], &Epochs::NONE).await.unwrap();
    assert_eq!(root.iter().map(|b| (b.epoch, b.spent)).collect::<Vec<_>>(), [(None, HALF)]);
    assert_replays(&store, home.log_key().origin()).await;
}

#[tokio::test]
async fn descriptors_are_found_by_family_as_long_as_the_releases_are_active() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    let mut charges = Vec::new();
    for (release, key) in [(0, 1), (1, 2), (0, 3)] {
        let charge = world.charge(0, release, key, SMALL);
        let (query, id) = (charge.query, charge.charge);
        assert!(matches!(pay(&store, charge).await, ChargeOutcome::Charged { .. }));
        assert!(store.described_answers([2; 32], 10).await.unwrap().iter().all(|d| d.charge != id), "not answered");
        answer(&store, query, id).await.unwrap();
        charges.push(id);
    }
    let found = |charge: usize, barrier| DescribedAnswer {
        charge: charges[charge],
        described: described(charges[charge], barrier),
    };
    let newest_first = vec![found(2, 1), found(1, 1), found(0, 1)];
    assert_eq!(store.described_answers([2; 32], 10).await.unwrap(), newest_first);
    assert_eq!(store.described_answers([2; 32], 2).await.unwrap(), newest_first[..2]);
    assert_eq!(store.described_answers([3; 32], 10).await.unwrap(), vec![]);
    let move_to = |next, kind| {
        store.move_release(world.releases[0], next, event(Some(world.partner), Some(world.workspace), kind))
    };
    let paused = EventKind::ReleasePaused { release: world.releases[0], reason: "x".to_owned() };
    move_to(ReleaseState::Paused, paused).await.unwrap();
    assert_eq!(store.described_answers([1; 32], 10).await.unwrap(), vec![found(1, 0)], "of the other release");
    move_to(ReleaseState::Active, EventKind::ReleaseResumed { release: world.releases[0] }).await.unwrap();
    assert_eq!(store.described_answers([1; 32], 10).await.unwrap().len(), 3);
    let revoked = EventKind::ReleaseRevoked { release: world.releases[0], reason: "x".to_owned() };
    move_to(ReleaseState::Revoked, revoked).await.unwrap();
    assert_eq!(store.described_answers([1; 32], 10).await.unwrap(), vec![found(1, 0)]);
}

#[tokio::test]
async fn an_event_that_says_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    let charge = world.charge(0, 0, 1, HALF);
    let (sql, said) = paperwork(&world.charge(0, 0, 1, HALF));
    assert!(matches!(store.charge(charge.clone(), sql, said).await, Err(PortError::State(_))));
    let mut rootless = charge;
    rootless.debits.remove(0);
    let (sql, said) = paperwork(&rootless);
    assert!(matches!(store.charge(rootless, sql, said).await, Err(PortError::State(_))));
    assert!(store.all_balances().await.unwrap().is_empty());
}

#[tokio::test]
async fn each_epoch_of_an_account_has_a_budget_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::with_epochs(&store, home.log_key().origin(), Some(Every::Month)).await;
    let ask = async |key: u8, first: &str, last: &str| {
        pay(&store, in_epochs(world.charge(0, 0, key, HALF), &span(first, last))).await
    };
    assert!(matches!(ask(1, "2026-03", "2026-05").await, ChargeOutcome::Charged { .. }));
    // The cap is 1,000 in each month: of two times 501 one fits.
    let before = EventSource::size(&store).await.unwrap();
    match ask(2, "2026-01", "2026-12").await {
        ChargeOutcome::OverBudget { account, epoch, spent, cap } => {
            assert_eq!((account, spent, cap), (world.accounts(0, 0)[0].clone(), HALF, CAP));
            assert_eq!(epoch.unwrap().to_string(), "2026-03", "the first that is full");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(EventSource::size(&store).await.unwrap(), before, "all months or none");
    assert!(matches!(ask(3, "2026-06", "2026-06").await, ChargeOutcome::Charged { .. }), "a new month is untouched");
    assert!(matches!(ask(4, "2026-05", "2026-05").await, ChargeOutcome::OverBudget { .. }), "an old one stays spent");
    assert_eq!(store.all_balances().await.unwrap().len(), 4 * 4);

    let root = &world.accounts(0, 0)[0];
    let found = store.balances_in(root, &span("2026-05", "2027-12")).await.unwrap();
    let found: Vec<_> = found.iter().map(|b| (b.epoch.unwrap().to_string(), b.spent, b.charges)).collect();
    assert_eq!(found, [("2026-05".to_owned(), HALF, 1), ("2026-06".to_owned(), HALF, 1)]);
    let two = span("2026-01", "2026-02").union(&span("2026-04", "2026-04")).unwrap();
    assert_eq!(store.balances_in(root, &two).await.unwrap().len(), 1);
    assert_replays(&store, home.log_key().origin()).await;
}

#[tokio::test]
async fn epochs_that_are_not_the_populations_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let monthly = World::with_epochs(&store, home.log_key().origin(), Some(Every::Month)).await;
    let before = EventSource::size(&store).await.unwrap();
    let refused = async |charge: lyceum_sharing::model::NewCharge| {
        let (sql, said) = paperwork(&charge);
        assert!(matches!(store.charge(charge, sql, said).await, Err(PortError::State(_))));
    };
    let charge = || monthly.charge(0, 0, 1, HALF);
    refused(charge()).await;
    refused(in_epochs(charge(), &span("2026-03-01", "2026-03-31"))).await;
    refused(in_epochs(charge(), &span("1990-01", "2026-12"))).await;
    // The root pays wherever anybody does.
    let mut rootless = in_epochs(charge(), &span("2026-03", "2026-05"));
    rootless.debits[0].epochs = span("2026-03", "2026-04");
    refused(rootless).await;
    assert_eq!(EventSource::size(&store).await.unwrap(), before);
    assert!(store.all_balances().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_population_for_all_time_takes_no_epochs() {
    let directory = tempfile::tempdir().unwrap();
    let (home, store) = open(directory.path()).await;
    let world = World::create(&store, home.log_key().origin()).await;
    let charge = in_epochs(world.charge(0, 0, 1, HALF), &span("2026-03", "2026-03"));
    let (sql, said) = paperwork(&charge);
    assert!(matches!(store.charge(charge, sql, said).await, Err(PortError::State(_))));
}
