//! The ledger against a model: random operations, crashes included. Spent never exceeds a cap, never shrinks, and is
//! what the log's events add up to.

use crate::world::{CAP, World, answer, assert_replays, event, in_epochs, open, open_log, pay};
use lyceum_audit::event::{Account, EventKind};
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::epoch::{Epoch, EpochSpan, Epochs, Every};
use lyceum_schema::id::{ChargeId, QueryId};
use lyceum_schema::state::{QueryState, ReleaseState};
use lyceum_sharing::model::ChargeOutcome;
use lyceum_sharing::port::{LedgerStore, PortError, Releases};
use lyceum_store::log::EventSource;
use lyceum_store::sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

struct Asked {
    key: u8,
    release: usize,
    query: QueryId,
    charge: ChargeId,
    state: QueryState,
}

#[derive(Default)]
struct Model {
    spent: BTreeMap<(Account, Option<Epoch>), Budget>,
    asked: Vec<Asked>,
    paused: [bool; 2],
    failures: [u32; 2],
}

const PAUSE_AFTER: u32 = 3;

#[tokio::test]
async fn random_operations_agree_with_the_model() {
    for seed in 0..4 {
        run(seed, 150, None).await;
    }
}

#[tokio::test]
async fn random_operations_on_epochs_agree_with_the_model() {
    for (seed, every) in (10..14).zip([Every::Month, Every::Week, Every::Day, Every::Month]) {
        run(seed, 150, Some(every)).await;
    }
}

/// Some epochs of a few, as a query might touch: one span or two.
fn some_epochs(random: &mut StdRng, every: Option<Every>) -> Epochs {
    let Some(every) = every else { return Epochs::NONE };
    let mut epochs = Epochs::NONE;
    for _ in 0..random.random_range(1..3) {
        let first = random.random_range(0..6);
        let at = |n: i64| every.of_day(20_454 + n * 31).unwrap();
        let span = EpochSpan::new(at(first), at(first + random.random_range(0..3))).unwrap();
        epochs = epochs.union(&span.into()).unwrap();
    }
    epochs
}

async fn run(seed: u64, steps: u32, every: Option<Every>) {
    let directory = tempfile::tempdir().unwrap();
    let (mut home, mut store) = open(directory.path()).await;
    let origin = home.log_key().origin().to_owned();
    let world = World::with_epochs(&store, &origin, every).await;
    let (mut random, mut model) = (StdRng::seed_from_u64(seed), Model::default());
    for step in 0..steps {
        match random.random_range(0..20) {
            0..10 => charge(&mut random, &mut model, &store, &world, every).await,
            10..15 => settle(&mut random, &mut model, &store, &world, true).await,
            15..17 => settle(&mut random, &mut model, &store, &world, false).await,
            17..19 => resume(&mut model, &store, &world).await,
            _ => {
                // A crash: nothing is closed in order, everything is opened again.
                drop((home, store));
                (home, store) = open(directory.path()).await;
                open_log(&home, &store).await.close().await.unwrap();
            }
        }
        for ((account, epoch), spent) in &model.spent {
            let one = epoch.map_or(Epochs::NONE, |e| EpochSpan::new(e, e).unwrap().into());
            let kept = store.balances_in(account, &one).await.unwrap();
            let [kept] = kept.as_slice() else { panic!("one balance: {kept:?}") };
            assert_eq!((kept.epoch, kept.spent), (*epoch, *spent), "seed {seed}, step {step}");
            assert!(spent.fits(CAP));
        }
    }
    // Nothing is debited but what the model knows.
    assert_eq!(store.all_balances().await.unwrap().len(), model.spent.len());
    assert!(!model.spent.is_empty());
    assert_replays(&store, &origin).await;
}

async fn charge(random: &mut StdRng, model: &mut Model, store: &SqliteStore, world: &World, every: Option<Every>) {
    let (researcher, release) = (random.random_range(0..2), random.random_range(0..2));
    // A request key stands for one request, so it names its release.
    let key = random.random_range(0..20u8) * 2 + release as u8;
    let price = Budget { rho: Rho(random.random_range(0..120)), delta: Delta(random.random_range(0..40)) };
    let epochs = some_epochs(random, every);
    let mut new = in_epochs(world.charge(researcher, release, key, price), &epochs);
    new.fresh = random.random_range(0..4) == 0;
    let narrow = Budget { rho: Rho(400), delta: Delta(400) };
    new.debits[3].cap = narrow;
    let (query, charge, fresh) = (new.query, new.charge, new.fresh);
    let outcome = pay(store, new).await;
    let same = |state| model.asked.iter().any(|a| a.key == key && a.state == state);
    let accounts = world.accounts(researcher, release);
    let touched: Vec<Option<Epoch>> = if epochs.is_empty() { vec![None] } else { epochs.iter().map(Some).collect() };
    let after =
        |key: &(Account, Option<Epoch>)| model.spent.get(key).copied().unwrap_or_default().checked_add(price).unwrap();
    let caps = [CAP, CAP, CAP, narrow];
    let keys = |account: &Account| touched.iter().map(|e| (account.clone(), *e)).collect::<Vec<_>>();
    let fits = accounts.iter().zip(caps).all(|(account, cap)| keys(account).iter().all(|key| after(key).fits(cap)));
    let expected = match () {
        () if model.paused[release] => "not active",
        () if !fresh && same(QueryState::Answered) => "answered",
        () if !fresh && same(QueryState::Charged) => "in progress",
        () if !fits => "over budget",
        () => "charged",
    };
    let got = match outcome {
        ChargeOutcome::Charged { .. } => "charged",
        ChargeOutcome::AlreadyAnswered(answer) => {
            let paid = model.asked.iter().find(|a| a.charge == answer.charge).unwrap();
            assert_eq!((paid.key, answer.released), (key, answer.charge.to_string().into_bytes()));
            "answered"
        }
        ChargeOutcome::InProgress => "in progress",
        ChargeOutcome::OverBudget { account, epoch, spent, cap } => {
            assert!(!spent.checked_add(price).unwrap().fits(cap) && touched.contains(&epoch));
            assert_eq!(spent, model.spent.get(&(account, epoch)).copied().unwrap_or_default());
            "over budget"
        }
        ChargeOutcome::NotActive { .. } => "not active",
    };
    assert_eq!(got, expected);
    if got == "charged" {
        let spent: Vec<_> = accounts.iter().flat_map(keys).map(|key| (after(&key), key)).collect();
        model.spent.extend(spent.into_iter().map(|(after, key)| (key, after)));
        model.asked.push(Asked { key, release, query, charge, state: QueryState::Charged });
    }
}

async fn settle(random: &mut StdRng, model: &mut Model, store: &SqliteStore, world: &World, well: bool) {
    if model.asked.is_empty() {
        return;
    }
    let chosen = random.random_range(0..model.asked.len());
    let asked = &mut model.asked[chosen];
    let (query, charge) = (asked.query, asked.charge);
    let result = if well {
        answer(store, query, charge).await
    } else {
        let failed = event(None, Some(world.workspace), EventKind::QueryFailed { query, charge });
        store.fail_charge(charge, PAUSE_AFTER, failed).await
    };
    if asked.state != QueryState::Charged {
        assert!(matches!(result, Err(PortError::State(_))), "a charge ends once");
        return;
    }
    if well && model.paused[asked.release] {
        assert!(matches!(result, Err(PortError::State(_))), "nothing is answered while its release is paused");
        return;
    }
    result.unwrap();
    asked.state = if well { QueryState::Answered } else { QueryState::Failed };
    if !well {
        let release = asked.release;
        model.failures[release] += 1;
        model.paused[release] |= model.failures[release] >= PAUSE_AFTER;
    }
}

async fn resume(model: &mut Model, store: &SqliteStore, world: &World) {
    for i in 0..2 {
        let release = world.releases[i];
        let resumed = event(Some(world.partner), Some(world.workspace), EventKind::ReleaseResumed { release });
        let result = store.move_release(release, ReleaseState::Active, resumed).await;
        assert_eq!(result.is_ok(), model.paused[i]);
        if model.paused[i] {
            (model.paused[i], model.failures[i]) = (false, 0);
        }
    }
}
