//! Populations with epochs: each epoch's budget is recomputed by itself, and a charge pays in every epoch it touches.

use crate::world::{
    CAP_DELTA, CAP_RHO, Log, ORIGIN, PARTNER, PRICE_DELTA, PRICE_RHO, RESEARCHER, approved, beginning, charge, debits,
    event, hash, policy, population, proposed, query, release,
};
use lyceum_audit::event::{Account, Debit, Event, EventKind};
use lyceum_audit::replay::Replay;
use lyceum_audit::verify::{ClaimedBalance, Claims, Inputs, verify_log};
use lyceum_schema::epoch::{EpochSpan, Epochs, Every};
use lyceum_schema::name::PopulationName;

fn months(first: &str, last: &str) -> Epochs {
    EpochSpan::new(first.parse().unwrap(), last.parse().unwrap()).unwrap().into()
}

/// The beginning, with a population of person-months (2) and an active release of it (2).
fn world() -> Vec<Event> {
    let mut events = beginning();
    let created = EventKind::PopulationCreated {
        population: population(2),
        name: PopulationName::new("shop-months").unwrap(),
        epsilon: "2".to_owned(),
        delta: "1e-6".to_owned(),
        delta_conversion: 1_000_000_000,
        declared_size: 64_000,
        cap_rho: CAP_RHO,
        cap_delta: CAP_DELTA,
        epoch: Some(Every::Month),
    };
    events.push(event(20, Some(PARTNER), None, created));
    let EventKind::ReleaseProposed { version, kind, policy, approvals, owner, .. } = proposed(2) else {
        unreachable!()
    };
    let populations = vec![population(2)];
    let release = release(2);
    let proposed = EventKind::ReleaseProposed { release, version, kind, policy, approvals, populations, owner };
    events.push(event(21, Some(PARTNER), Some(1), proposed));
    events.push(event(22, Some(crate::world::FIRST_REVIEWER), Some(1), approved(2, false)));
    events.push(event(23, Some(crate::world::SECOND_REVIEWER), Some(1), approved(2, true)));
    events
}

/// The four accounts of population 2, debited in these epochs.
fn paid(epochs: &Epochs) -> Vec<Debit> {
    let mut debits = debits(CAP_RHO);
    for debit in &mut debits {
        debit.epochs = epochs.clone();
        match &mut debit.account {
            Account::Root { population: p }
            | Account::Owner { population: p, .. }
            | Account::Workspace { population: p, .. }
            | Account::Researcher { population: p, .. } => *p = population(2),
        }
    }
    debits
}

fn charged(n: u32, rho: u64, debits: Vec<Debit>) -> Event {
    let kind = EventKind::QueryCharged {
        query: query(n),
        charge: charge(n),
        sql: hash("q"),
        releases: vec![release(2)],
        rho,
        delta: PRICE_DELTA,
        debits,
    };
    event(100, Some(RESEARCHER), Some(1), kind)
}

fn replay(more: Vec<Event>) -> Result<Replay, &'static str> {
    let mut replay = Replay::new(ORIGIN);
    for event in world().into_iter().chain(more) {
        // Through the bytes, as a stranger reads them.
        replay.push_json(&event.to_canonical_json().unwrap()).map_err(|v| v.broken.code())?;
    }
    Ok(replay)
}

fn refused(more: Vec<Event>) -> &'static str {
    replay(more).map(|_| ()).unwrap_err()
}

#[test]
fn each_epoch_has_a_budget_of_its_own() {
    let spring = months("2026-03", "2026-05");
    let more =
        vec![charged(1, PRICE_RHO, paid(&spring)), charged(2, 2 * PRICE_RHO, paid(&months("2026-05", "2026-06")))];
    let summary = replay(more).unwrap().summary();
    let spent = |epoch: &str| {
        let of = |a: &&lyceum_audit::replay::summary::AccountSpent| a.epoch.unwrap().to_string() == epoch;
        summary.accounts.iter().filter(of).map(|a| a.rho).collect::<Vec<_>>()
    };
    assert_eq!(spent("2026-03"), [PRICE_RHO; 4]);
    assert_eq!(spent("2026-05"), [3 * PRICE_RHO; 4], "root, owner, workspace and researcher");
    assert_eq!(spent("2026-06"), [2 * PRICE_RHO; 4]);
    assert!(spent("2026-02").is_empty());
    let population = summary.populations.iter().find(|p| p.name.as_str() == "shop-months").unwrap();
    assert_eq!(population.root.epoch.unwrap().to_string(), "2026-05", "the tightest");
    assert_eq!((population.root.rho, population.epochs), (3 * PRICE_RHO, 4));
}

#[test]
fn a_full_epoch_stays_full_and_the_others_answer() {
    let march = || charged(1, CAP_RHO, paid(&months("2026-03", "2026-03")));
    let again = charged(2, 1, paid(&months("2026-03", "2026-03")));
    assert_eq!(refused(vec![march(), again]), "E6127");
    assert_eq!(
        refused(vec![march(), charged(2, 1, paid(&months("2026-01", "2026-06")))]),
        "E6127",
        "one of six is full"
    );
    assert!(replay(vec![march(), charged(2, CAP_RHO, paid(&months("2026-04", "2026-04")))]).is_ok());
}

#[test]
fn a_charge_names_the_epochs_of_its_population_in_all_accounts() {
    let change = |f: &dyn Fn(&mut Vec<Debit>)| {
        let mut debits = paid(&months("2026-03", "2026-05"));
        f(&mut debits);
        refused(vec![charged(1, PRICE_RHO, debits)])
    };
    assert_eq!(change(&|d| d[0].epochs = months("2026-03", "2026-04")), "E6128", "the root pays less than its owner");
    assert_eq!(change(&|d| d[3].epochs = months("2026-03", "2026-06")), "E6128", "the researcher pays more");
    assert_eq!(change(&|d| d[1].epochs = months("2026-05", "2026-05")), "E6128", "nobody owns March");
    assert_eq!(change(&|d| d[2].epochs = Epochs::NONE), "E6128", "no epoch is not all epochs");
    assert_eq!(change(&|d| d.iter_mut().for_each(|d| d.epochs = Epochs::NONE)), "E6128");
    let days = months("2026-03-01", "2026-03-31");
    assert_eq!(change(&|d| d.iter_mut().for_each(|d| d.epochs = days.clone())), "E6128", "days, not months");
    let all = months("1970-01", "2003-05");
    assert_eq!(change(&|d| d.iter_mut().for_each(|d| d.epochs = all.clone())), "E6128", "401 months");

    // A population without epochs takes none.
    let mut debits = debits(CAP_RHO);
    debits.iter_mut().for_each(|d| d.epochs = months("2026-03", "2026-03"));
    let EventKind::QueryCharged { query, charge, sql, rho, delta, .. } = crate::world::charged(1) else {
        unreachable!()
    };
    let kind = EventKind::QueryCharged { query, charge, sql, releases: vec![release(1)], rho, delta, debits };
    assert_eq!(refused(vec![event(100, Some(RESEARCHER), Some(1), kind)]), "E6128");
}

#[test]
fn entries_without_epochs_are_spelled_as_before() {
    let json = |event: &Event| String::from_utf8(event.to_canonical_json().unwrap()).unwrap();
    let old = json(&event(0, Some(RESEARCHER), Some(1), crate::world::charged(1)));
    assert!(!old.contains("epoch"), "{old}");
    assert!(beginning().iter().all(|e| !json(e).contains("epoch")));
    // An empty list would be a second spelling of none.
    let twice =
        old.replace(r#""cap_rho":1000000000000,"population""#, r#""cap_rho":1000000000000,"epochs":[],"population""#);
    assert_ne!(twice, old);
    assert!(Event::from_json(twice.as_bytes()).is_err());
    let new = json(&charged(1, PRICE_RHO, paid(&months("2026-03", "2026-05"))));
    assert!(new.contains(r#""epochs":[{"first":"2026-03","last":"2026-05"}]"#), "{new}");
}

#[test]
fn a_charge_over_many_spans_fits_an_entry() {
    // Spans are what takes room, and a query has one for each scan at most.
    let mut epochs = Epochs::NONE;
    for i in 0..16 {
        let first = format!("20{:02}-01", 10 + i);
        epochs = epochs.union(&months(&first, &first)).unwrap();
    }
    assert!(charged(1, PRICE_RHO, paid(&epochs)).to_canonical_json().is_ok());
}

#[test]
fn the_servers_figures_are_compared_epoch_by_epoch() {
    let mut events = world();
    events.push(charged(1, PRICE_RHO, paid(&months("2026-03", "2026-04"))));
    let log = Log::of(&events, 1_000);
    let claim = |epoch: &str, rho: u64| {
        let account = Account::Root { population: population(2) };
        ClaimedBalance { account, epoch: Some(epoch.parse().unwrap()), rho, delta: PRICE_DELTA }
    };
    let verify = |balances: Vec<ClaimedBalance>| {
        let claims = Claims { balances };
        let report = verify_log(
            &log.files,
            &Inputs { checkpoint: log.checkpoint(), policy: &policy(), saved: None, claims: Some(&claims) },
        );
        report.first_failure().map(|c| c.text.clone())
    };
    assert_eq!(verify(vec![claim("2026-03", PRICE_RHO), claim("2026-04", PRICE_RHO)]), None);
    let text = verify(vec![claim("2026-03", PRICE_RHO), claim("2026-04", 0)]).unwrap();
    assert!(text.starts_with("shop-months in 2026-04: the log says"), "{text}");
    let text = verify(vec![claim("2026-03", PRICE_RHO)]).unwrap();
    assert_eq!(text, "shop-months in 2026-04: the server shows nothing, the log has charges");
}

/// A log as it was written when no population had epochs: people, a release, two charges with their answers.
const BEFORE_EPOCHS: &str = include_str!("before_epochs.jsonl");

#[test]
fn a_log_from_before_epochs_is_replayed_and_goes_on() {
    assert!(!BEFORE_EPOCHS.contains("epoch"));
    let mut replay = Replay::new(ORIGIN);
    for line in BEFORE_EPOCHS.lines() {
        let event = Event::from_json(line.as_bytes()).unwrap();
        assert_eq!(event.to_canonical_json().unwrap(), line.as_bytes(), "written today as it was then");
        replay.push_json(line.as_bytes()).unwrap();
    }
    let spent = |replay: &Replay, rho: u64| {
        let summary = replay.summary();
        assert_eq!(summary.accounts.iter().map(|a| (a.epoch, a.rho)).collect::<Vec<_>>(), [(None, rho); 4]);
        assert_eq!((summary.populations[0].root.epoch, summary.populations[0].epochs), (None, 0));
    };
    spent(&replay, 2 * PRICE_RHO);
    // A charge of today adds to the same balances; one that names epochs has no account there.
    let more = event(60, Some(RESEARCHER), Some(1), crate::world::charged(3));
    replay.push_json(&more.to_canonical_json().unwrap()).unwrap();
    spent(&replay, 3 * PRICE_RHO);
    let mut debits = debits(CAP_RHO);
    debits.iter_mut().for_each(|d| d.epochs = months("2026-03", "2026-03"));
    let EventKind::QueryCharged { sql, releases, rho, delta, .. } = crate::world::charged(4) else { unreachable!() };
    let kind = EventKind::QueryCharged { query: query(4), charge: charge(4), sql, releases, rho, delta, debits };
    let epochs = event(61, Some(RESEARCHER), Some(1), kind);
    let refused = replay.push_json(&epochs.to_canonical_json().unwrap()).unwrap_err();
    assert_eq!(refused.broken.code(), "E6128");
}
