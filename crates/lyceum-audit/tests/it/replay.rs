//! The rules that a replay checks, one breach at a time.

use crate::world::{
    ADMIN, CAP_DELTA, CAP_RHO, FIRST_REVIEWER, ORIGIN, PARTNER, PRICE_DELTA, PRICE_RHO, RESEARCHER, SECOND_REVIEWER,
    answered, approved, beginning, charge, charged, debits, event, hash, population, proposed, query, release, shop,
    story, token, user, version, workspace,
};
use lyceum_audit::event::{Account, Debit, Event, EventKind};
use lyceum_audit::replay::Replay;
use lyceum_schema::epoch::Epochs;
use lyceum_schema::name::OrganisationName;
use lyceum_schema::state::{ReleaseState, Role};

fn replay(events: &[Event]) -> Result<Replay, (u64, &'static str)> {
    let mut replay = Replay::new(ORIGIN);
    for event in events {
        replay.push(event).map_err(|v| (v.index, v.broken.code()))?;
    }
    Ok(replay)
}

/// The beginning, then `more` by the researcher in the workspace.
fn asked(more: Vec<EventKind>) -> Result<Replay, (u64, &'static str)> {
    let mut events = beginning();
    events.extend(more.into_iter().map(|kind| event(100, Some(RESEARCHER), Some(1), kind)));
    replay(&events)
}

/// The code with which the last of the events after the beginning is refused.
fn refused(more: Vec<EventKind>) -> &'static str {
    let last = (beginning().len() + more.len() - 1) as u64;
    let (index, code) = asked(more).map(|_| ()).unwrap_err();
    assert_eq!(index, last, "another entry was refused ({code})");
    code
}

fn refused_by(actor: Option<u32>, kind: EventKind) -> &'static str {
    let mut events = beginning();
    events.push(event(100, actor, Some(1), kind));
    replay(&events).map(|_| ()).unwrap_err().1
}

fn charge_with(debits: Vec<Debit>) -> EventKind {
    let EventKind::QueryCharged { query, charge, sql, releases, rho, delta, .. } = charged(1) else { unreachable!() };
    EventKind::QueryCharged { query, charge, sql, releases, rho, delta, debits }
}

fn without(kind: &str) -> Vec<Debit> {
    debits(CAP_RHO).into_iter().filter(|d| d.account.kind() != kind).collect()
}

fn with(account: Account) -> Vec<Debit> {
    let mut list = debits(CAP_RHO);
    list.push(Debit { account, epochs: Epochs::NONE, cap_rho: CAP_RHO, cap_delta: CAP_DELTA });
    list
}

#[test]
fn a_story_adds_up() {
    let summary = replay(&story(100)).unwrap().summary();
    assert_eq!((summary.charges, summary.answered, summary.failed), (100, 80, 20));
    assert_eq!((summary.repeats, summary.priced, summary.users), (27, 100, 5));
    assert!(summary.open.is_empty());
    let root = &summary.populations[0].root;
    assert_eq!((root.rho, root.delta, root.charges), (100 * PRICE_RHO, 100 * PRICE_DELTA, 100));
    assert_eq!(root.share_permille(), 500);
    assert_eq!(summary.accounts.len(), 4);
    let reviewed = &summary.releases[0];
    assert_eq!(reviewed.approved_by, [user(FIRST_REVIEWER), user(SECOND_REVIEWER)]);
    assert_eq!((reviewed.state, reviewed.was_active), (ReleaseState::Active, true));
    assert_eq!(asked(vec![charged(1), charged(2), answered(2)]).unwrap().summary().open, [charge(1)]);
}

#[test]
fn a_log_begins_with_its_name_once() {
    assert_eq!(replay(&beginning()[1..]).map(|_| ()), Err((0, "E6100")));
    assert_eq!(refused(vec![EventKind::LogStarted { origin: ORIGIN.to_owned() }]), "E6100");
    let other = event(0, None, None, EventKind::LogStarted { origin: "other.example".to_owned() });
    assert_eq!(replay(&[other]).map(|_| ()), Err((0, "E6101")));
}

#[test]
fn nothing_refers_to_what_nobody_created() {
    let organisation = OrganisationName::new("uni").unwrap();
    let again = EventKind::UserCreated { user: user(RESEARCHER), role: Role::Admin, organisation };
    assert_eq!(refused(vec![again]), "E6102");
    assert_eq!(refused(vec![EventKind::TokenIssued { token: token(9), user: user(9) }]), "E6103");
    assert_eq!(refused(vec![EventKind::TokenIssued { token: token(1), user: user(1) }]), "E6102");
    let revoked = || EventKind::TokenRevoked { token: token(1) };
    assert_eq!(refused(vec![revoked(), revoked()]), "E6107");
    assert_eq!(refused(vec![EventKind::TokenRevoked { token: token(9) }]), "E6103");
    assert_eq!(refused(vec![EventKind::MemberRemoved { user: user(ADMIN) }]), "E6103");
    assert_eq!(refused(vec![EventKind::WorkspaceCreated { workspace_id: workspace(1) }]), "E6102");
    assert_eq!(refused(vec![EventKind::VersionAbandoned { version: version(1) }]), "E6102");
    assert_eq!(refused(vec![EventKind::LogRead { size: 10_000 }]), "E6108");
    assert_eq!(refused_by(Some(9), EventKind::LogRead { size: 1 }), "E6103");
}

#[test]
fn releases_need_independent_reviewers_and_enough_of_them() {
    let by = |steps: &[(u32, EventKind)]| {
        let mut events = beginning();
        let steps = [&[(PARTNER, proposed(2))], steps].concat();
        events.extend(steps.into_iter().map(|(actor, kind)| event(100, Some(actor), Some(1), kind)));
        replay(&events).map(|_| ()).map_err(|(_, code)| code)
    };
    let add = |n: u32| EventKind::MemberAdded { user: user(n), role: Role::Reviewer };
    assert_eq!(by(&[(FIRST_REVIEWER, approved(2, false)), (SECOND_REVIEWER, approved(2, true))]), Ok(()));
    assert_eq!(by(&[(ADMIN, add(PARTNER)), (PARTNER, approved(2, false))]), Err("E6113"));
    assert_eq!(by(&[(FIRST_REVIEWER, approved(2, false)), (FIRST_REVIEWER, approved(2, true))]), Err("E6114"));
    assert_eq!(by(&[(RESEARCHER, approved(2, false))]), Err("E6115"));
    assert_eq!(by(&[(FIRST_REVIEWER, approved(2, true))]), Err("E6116"));
    assert_eq!(by(&[(FIRST_REVIEWER, approved(2, false)), (SECOND_REVIEWER, approved(2, false))]), Err("E6116"));
    assert_eq!(by(&[(FIRST_REVIEWER, approved(1, true))]), Err("E6112"));
    assert_eq!(by(&[(PARTNER, EventKind::ReleaseResumed { release: release(2) })]), Err("E6112"));
    assert_eq!(by(&[(PARTNER, proposed(2))]), Err("E6102"));
    let rejected = EventKind::ReleaseRejected { release: release(2), reason: "purpose".to_owned() };
    assert_eq!(by(&[(FIRST_REVIEWER, rejected), (FIRST_REVIEWER, approved(2, false))]), Err("E6112"));
    let removed = EventKind::MemberRemoved { user: user(FIRST_REVIEWER) };
    assert_eq!(by(&[(ADMIN, removed), (FIRST_REVIEWER, approved(2, false))]), Err("E6115"));
}

#[test]
fn a_release_is_of_a_published_version_and_names_its_owner() {
    let change = |f: fn(&mut EventKind)| {
        let mut kind = proposed(2);
        f(&mut kind);
        refused_by(Some(PARTNER), kind)
    };
    let unpublished = |kind: &mut EventKind| {
        if let EventKind::ReleaseProposed { version: v, .. } = kind {
            *v = version(9);
        }
    };
    let stolen = |kind: &mut EventKind| {
        if let EventKind::ReleaseProposed { owner, .. } = kind {
            *owner = OrganisationName::new("uni").unwrap();
        }
    };
    let nowhere = |kind: &mut EventKind| {
        if let EventKind::ReleaseProposed { populations, .. } = kind {
            *populations = vec![population(9)];
        }
    };
    assert_eq!((change(unpublished), change(stolen), change(nowhere)), ("E6110", "E6111", "E6103"));
}

#[test]
fn charges_read_only_active_releases_of_their_workspace() {
    let paused = || EventKind::ReleasePaused { release: release(1), reason: "looking".to_owned() };
    let resumed = || EventKind::ReleaseResumed { release: release(1) };
    let revoked = || EventKind::ReleaseRevoked { release: release(1), reason: "over".to_owned() };
    assert_eq!(refused(vec![paused(), charged(1)]), "E6120");
    assert!(asked(vec![paused(), resumed(), charged(1)]).is_ok());
    assert_eq!(refused(vec![revoked(), charged(1)]), "E6120");
    assert_eq!(refused(vec![EventKind::ReleaseExpired { release: release(1) }, charged(1)]), "E6120");
    assert_eq!(refused(vec![revoked(), resumed()]), "E6112");
    let public = || EventKind::QueryPublic { sql: hash("q"), releases: vec![release(1)] };
    assert_eq!(refused(vec![paused(), public()]), "E6120");
    let repeated = || EventKind::QueryRepeated { charge: charge(1), sql: hash("q") };
    assert_eq!(refused(vec![charged(1), answered(1), paused(), repeated()]), "E6120");
    assert_eq!(refused_by(Some(ADMIN), charged(1)), "E6106");
    assert_eq!(refused_by(None, charged(1)), "E6104");
    let mut events = beginning();
    events.push(event(100, Some(ADMIN), Some(2), EventKind::WorkspaceCreated { workspace_id: workspace(2) }));
    let joined = EventKind::MemberAdded { user: user(RESEARCHER), role: Role::Researcher };
    events.push(event(100, Some(ADMIN), Some(2), joined));
    events.push(event(100, Some(RESEARCHER), Some(2), charged(1)));
    assert_eq!(replay(&events).map(|_| ()).unwrap_err().1, "E6121");
}

#[test]
fn every_account_that_must_pay_pays_once() {
    for kind in ["root", "owner", "workspace", "researcher"] {
        assert_eq!(refused(vec![charge_with(without(kind))]), "E6124", "{kind}");
    }
    assert_eq!(refused(vec![charge_with(Vec::new())]), "E6122");
    let population = population(1);
    assert_eq!(refused(vec![charge_with(with(Account::Root { population }))]), "E6123");
    let uni = OrganisationName::new("uni").unwrap();
    assert_eq!(refused(vec![charge_with(with(Account::Owner { population, owner: uni }))]), "E6125");
    let workspace = workspace(2);
    assert_eq!(refused(vec![charge_with(with(Account::Workspace { population, workspace }))]), "E6125");
    let nowhere = crate::world::population(9);
    assert_eq!(refused(vec![charge_with(with(Account::Owner { population: nowhere, owner: shop() }))]), "E6125");
}

#[test]
fn no_account_goes_over_its_cap() {
    let most = (CAP_RHO / PRICE_RHO) as u32;
    assert!(asked((0..most).map(charged).collect()).is_ok());
    assert_eq!(refused((0..=most).map(charged).collect()), "E6127");
    // A cap of the entry's own making doesn't help: the population's was set once.
    assert_eq!(refused(vec![charge_with(debits(CAP_RHO + 1))]), "E6126");
    // A policy's sub-cap is checked as the entry says it.
    let mut tight = debits(CAP_RHO);
    tight[3].cap_rho = PRICE_RHO - 1;
    assert_eq!(refused(vec![charge_with(tight)]), "E6127");
}

#[test]
fn each_charge_ends_once_and_each_repeat_names_an_answer() {
    let failed = || EventKind::QueryFailed { query: query(1), charge: charge(1) };
    let repeated = || EventKind::QueryRepeated { charge: charge(1), sql: hash("q") };
    assert_eq!(refused(vec![answered(1)]), "E6130");
    assert_eq!(refused(vec![charged(1), charged(1)]), "E6102");
    assert_eq!(refused(vec![charged(1), answered(1), answered(1)]), "E6131");
    assert_eq!(refused(vec![charged(1), failed(), answered(1)]), "E6131");
    let other = EventKind::QueryAnswered { query: query(2), charge: charge(1), answer: hash("a") };
    assert_eq!(refused(vec![charged(1), other]), "E6132");
    assert_eq!(refused(vec![charged(1), repeated()]), "E6133");
    assert_eq!(refused(vec![charged(1), failed(), repeated()]), "E6133");
    assert_eq!(refused(vec![repeated()]), "E6130");
    assert!(asked(vec![charged(1), answered(1), repeated(), repeated()]).is_ok());
}

#[test]
fn derived_answers_name_answered_charges_of_active_releases() {
    let derived = |charges: &[u32]| EventKind::QueryDerived {
        charges: charges.iter().map(|&n| charge(n)).collect(),
        sql: hash("q"),
    };
    let both = || vec![charged(1), answered(1), charged(2), answered(2)];
    let with = |more: Vec<EventKind>| both().into_iter().chain(more).collect::<Vec<_>>();
    assert!(asked(with(vec![derived(&[1, 2]), derived(&[2])])).is_ok());
    assert_eq!(refused(with(vec![derived(&[])])), "E6130");
    assert_eq!(refused(with(vec![derived(&[2, 1])])), "E6134");
    assert_eq!(refused(with(vec![derived(&[1, 1])])), "E6134");
    assert_eq!(refused(with(vec![derived(&[1, 3])])), "E6130");
    assert_eq!(refused(with(vec![charged(3), derived(&[1, 3])])), "E6133");
    let paused = EventKind::ReleasePaused { release: release(1), reason: "why".to_owned() };
    assert_eq!(refused(with(vec![paused, derived(&[1])])), "E6120");
    assert_eq!(refused_by(Some(ADMIN), derived(&[1])), "E6106");
}
