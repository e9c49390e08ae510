//! The ledger against a model: random operations, crashes included. Spent never exceeds a cap, never shrinks, and is
//! what the log's events add up to.

use crate::world::{CAP, World, answer, assert_replays, event, open, open_log, pay};
use lyceum_audit::event::{Account, EventKind};
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::id::{ChargeId, QueryId};
use lyceum_schema::state::{QueryState, ReleaseState};
use lyceum_sharing::model::ChargeOutcome;
use lyceum_sharing::port::{LedgerStore, PortError, Releases};
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
    spent: BTreeMap<Account, Budget>,
    asked: Vec<Asked>,
    paused: [bool; 2],
    failures: [u32; 2],
}

const PAUSE_AFTER: u32 = 3;

#[tokio::test]
async fn random_operations_agree_with_the_model() {
    for seed in 0..4 {
        run(seed, 150).await;
    }
}

async fn run(seed: u64, steps: u32) {
    let directory = tempfile::tempdir().unwrap();
    let (mut home, mut store) = open(directory.path()).await;
    let origin = home.log_key().origin().to_owned();
    let world = World::create(&store, &origin).await;
    let (mut random, mut model) = (StdRng::seed_from_u64(seed), Model::default());
    for step in 0..steps {
        match random.random_range(0..20) {
            0..10 => charge(&mut random, &mut model, &store, &world).await,
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
        for (account, spent) in &model.spent {
            let kept = store.balance(account).await.unwrap();
            assert_eq!(kept.spent, *spent, "seed {seed}, step {step}");
            assert!(spent.fits(CAP));
        }
    }
    assert!(!model.spent.is_empty());
    assert_replays(&store, &origin).await;
}

async fn charge(random: &mut StdRng, model: &mut Model, store: &SqliteStore, world: &World) {
    let (researcher, release) = (random.random_range(0..2), random.random_range(0..2));
    // A request key stands for one request, so it names its release.
    let key = random.random_range(0..20u8) * 2 + release as u8;
    let price = Budget { rho: Rho(random.random_range(0..120)), delta: Delta(random.random_range(0..40)) };
    let mut new = world.charge(researcher, release, key, price);
    new.fresh = random.random_range(0..4) == 0;
    let narrow = Budget { rho: Rho(400), delta: Delta(400) };
    new.debits[3].cap = narrow;
    let (query, charge, fresh) = (new.query, new.charge, new.fresh);
    let outcome = pay(store, new).await;
    let same = |state| model.asked.iter().any(|a| a.key == key && a.state == state);
    let accounts = world.accounts(researcher, release);
    let after = |account: &Account| model.spent.get(account).copied().unwrap_or_default().checked_add(price).unwrap();
    let caps = [CAP, CAP, CAP, narrow];
    let fits = accounts.iter().zip(caps).all(|(account, cap)| after(account).fits(cap));
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
        ChargeOutcome::OverBudget { account, spent, cap } => {
            assert!(!spent.checked_add(price).unwrap().fits(cap));
            assert_eq!(spent, model.spent.get(&account).copied().unwrap_or_default());
            "over budget"
        }
        ChargeOutcome::NotActive { .. } => "not active",
    };
    assert_eq!(got, expected);
    if got == "charged" {
        let spent = accounts.map(|account| (after(&account), account));
        model.spent.extend(spent.map(|(after, account)| (account, after)));
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
