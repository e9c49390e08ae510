//! Canonical JSON of events.

use crate::world::{CAP_RHO, RESEARCHER, beginning, charged, event, hash, story};
use lyceum_audit::AuditError;
use lyceum_audit::event::{ArtefactRef, Event, EventKind};

#[test]
fn every_event_reads_back_as_it_was_written() {
    for event in story(20) {
        let json = event.to_canonical_json().unwrap();
        assert_eq!(Event::from_json(&json).unwrap(), event);
    }
}

#[test]
fn members_are_sorted_and_nothing_is_spaced() {
    let json = String::from_utf8(beginning()[0].to_canonical_json().unwrap()).unwrap();
    assert_eq!(json, r#"{"origin":"lyceum.example/audit","time":1763000000000000,"type":"log.started","v":1}"#);
    let json = String::from_utf8(event(0, Some(RESEARCHER), Some(1), charged(1)).to_canonical_json().unwrap()).unwrap();
    assert!(json.contains(&format!(r#"{{"account":"root","cap_delta":1000000000000,"cap_rho":{CAP_RHO},"#)), "{json}");
}

#[test]
fn other_spellings_of_an_event_are_refused() {
    let json = String::from_utf8(beginning()[0].to_canonical_json().unwrap()).unwrap();
    let spaced = json.replace(":1}", ": 1}");
    let unknown = json.replace(r#","v":1"#, r#","u":0,"v":1"#);
    let escaped = json.replace("lyceum", r"l\u0079ceum");
    for (text, name) in [(spaced, "spaced"), (unknown, "unknown member"), (escaped, "escaped")] {
        assert_eq!(Event::from_json(text.as_bytes()), Err(AuditError::NotCanonical), "{name}");
    }
    let version = json.replace(r#""v":1"#, r#""v":2"#);
    assert_eq!(Event::from_json(version.as_bytes()), Err(AuditError::EventVersion { found: 2 }));
    let twice = json.replace(r#","v":1"#, r#","v":1,"v":1"#);
    assert!(matches!(Event::from_json(twice.as_bytes()), Err(AuditError::EventSyntax { .. })));
    let kind = json.replace("log.started", "log.finished");
    assert!(matches!(Event::from_json(kind.as_bytes()), Err(AuditError::EventSyntax { .. })));
}

#[test]
fn what_json_cannot_carry_is_refused() {
    let priced = |rho| event(0, None, None, EventKind::QueryPriced { sql: hash("q"), rho, delta: 0 });
    assert!(priced((1 << 53) - 1).to_canonical_json().is_ok());
    assert_eq!(priced(1 << 53).to_canonical_json(), Err(AuditError::NumberTooLarge));
    let long = EventKind::ReleaseRevoked { release: crate::world::release(1), reason: "x".repeat(65_535) };
    assert!(matches!(event(0, None, None, long).to_canonical_json(), Err(AuditError::EntryTooLong { .. })));
}

#[test]
fn an_artefact_reference_is_the_salted_hash() {
    // SHA-256 of 32 zero bytes and "abc", computed with another implementation.
    let expected = "365aa7d8f7f9402c";
    let reference = ArtefactRef::of(&[0; 32], b"abc");
    assert_eq!(reference.0.len(), 64);
    assert_eq!(&reference.0[..16], expected);
}
