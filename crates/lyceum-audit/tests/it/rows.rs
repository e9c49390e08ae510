//! Releases with rows of their own: reported before they are approved, ended before they are deleted.

use crate::world::{
    FIRST_REVIEWER, ORIGIN, PARTNER, RESEARCHER, SECOND_REVIEWER, answered, approved, beginning, charged, dataset,
    event, hash, proposed, release,
};
use lyceum_audit::event::EventKind;
use lyceum_audit::replay::Replay;
use lyceum_schema::state::{ReleaseKind, ReleaseState};

/// The proposal of release 2, of this kind and with so many approvals.
fn proposal(of: ReleaseKind, needed: u8) -> EventKind {
    let EventKind::ReleaseProposed { release, version, policy, populations, owner, .. } = proposed(2) else {
        unreachable!()
    };
    EventKind::ReleaseProposed { release, version, kind: of, policy, approvals: needed, populations, owner }
}

fn reported(active: bool) -> EventKind {
    EventKind::ReleaseReported { release: release(2), report: hash("report"), content: hash("rows"), active }
}

fn public() -> EventKind {
    EventKind::QueryPublic { sql: hash("SELECT"), releases: vec![release(2)] }
}

/// Replays the beginning and then these; the state of release 2, or the code that refuses the last.
fn replay(more: &[(Option<u32>, EventKind)]) -> Result<ReleaseState, &'static str> {
    let mut replay = Replay::new(ORIGIN);
    for event in beginning() {
        replay.push(&event).unwrap();
    }
    for (i, (actor, kind)) in more.iter().enumerate() {
        if let Err(violation) = replay.push(&event(100, *actor, Some(1), kind.clone())) {
            assert_eq!(i, more.len() - 1, "an earlier entry was refused: {violation}");
            return Err(violation.broken.code());
        }
    }
    let summary = replay.summary();
    Ok(summary.releases.iter().find(|r| r.release == release(2)).map_or(ReleaseState::Proposed, |r| r.state))
}

#[test]
fn a_mock_release_may_do_without_approvals() {
    let made = (Some(PARTNER), proposal(ReleaseKind::Mock, 0));
    let active = [made.clone(), (None, reported(true)), (Some(RESEARCHER), public())];
    assert_eq!(replay(&active), Ok(ReleaseState::Active));
    assert_eq!(replay(&[made.clone(), (Some(RESEARCHER), public())]), Err("E6120"));
    assert_eq!(replay(&[made.clone(), (None, reported(false))]), Err("E6116"));
    for kind in [ReleaseKind::Synthetic, ReleaseKind::Anonymized] {
        assert_eq!(replay(&[(Some(PARTNER), proposal(kind, 0)), (None, reported(true))]), Err("E6116"));
    }
    assert_eq!(replay(&[(Some(PARTNER), proposal(ReleaseKind::Mock, 1)), (None, reported(true))]), Err("E6116"));
}

#[test]
fn rows_are_approved_after_the_report_on_them() {
    let made = (Some(PARTNER), proposal(ReleaseKind::Anonymized, 2));
    let first = |active| (Some(FIRST_REVIEWER), approved(2, active));
    let second = (Some(SECOND_REVIEWER), approved(2, true));
    assert_eq!(replay(&[made.clone(), first(false)]), Err("E6117"));
    let done = [made.clone(), (None, reported(false)), first(false), second];
    assert_eq!(replay(&done), Ok(ReleaseState::Active));
    assert_eq!(replay(&[made.clone(), (None, reported(false)), (None, reported(false))]), Err("E6118"));
    let failed = EventKind::ReleaseFailed { release: release(2), code: "E1761".to_owned() };
    assert_eq!(replay(&[made.clone(), (None, failed.clone())]), Ok(ReleaseState::Failed));
    assert_eq!(replay(&[made.clone(), (None, reported(false)), (None, failed.clone())]), Err("E6118"));
    assert_eq!(replay(&[made.clone(), (None, failed), (None, reported(false))]), Err("E6118"));
    let protected = (Some(PARTNER), proposal(ReleaseKind::Protected, 2));
    assert_eq!(replay(&[protected, (None, reported(false))]), Err("E6118"));
}

#[test]
fn only_what_has_ended_is_deleted_once() {
    let made = (Some(PARTNER), proposal(ReleaseKind::Mock, 0));
    let deleted = (Some(PARTNER), EventKind::ReleaseDeleted { release: release(2) });
    let revoked = (Some(PARTNER), EventKind::ReleaseRevoked { release: release(2), reason: "over".to_owned() });
    let active = (None, reported(true));
    assert_eq!(replay(&[made.clone(), active.clone(), deleted.clone()]), Err("E6119"));
    let ended = [made.clone(), active.clone(), revoked.clone(), deleted.clone()];
    assert_eq!(replay(&ended), Ok(ReleaseState::Revoked));
    assert_eq!(replay(&[made, active, revoked, deleted.clone(), deleted]), Err("E6119"));
}

#[test]
fn nothing_is_answered_after_its_release_ended() {
    let paused = (Some(PARTNER), EventKind::ReleasePaused { release: release(1), reason: "stop".to_owned() });
    let asked = (Some(RESEARCHER), charged(1));
    assert_eq!(replay(&[asked.clone(), paused.clone(), (Some(RESEARCHER), answered(1))]), Err("E6120"));
    let EventKind::QueryCharged { query, charge, .. } = charged(1) else { unreachable!() };
    let failed = (Some(RESEARCHER), EventKind::QueryFailed { query, charge });
    assert!(replay(&[asked, paused, failed]).is_ok());
}

#[test]
fn people_opt_out_of_datasets_that_exist() {
    let excluded = |n| (Some(PARTNER), EventKind::UnitsExcluded { dataset: dataset(n), content: hash("files") });
    assert!(replay(&[excluded(1)]).is_ok());
    assert_eq!(replay(&[excluded(9)]), Err("E6103"));
}
