//! Receipts.

use crate::world::{Log, policy, signer, story};
use lyceum_audit::AuditError;
use lyceum_audit::note::LogSigner;
use lyceum_audit::policy::Policy;
use lyceum_audit::receipt::Receipt;

#[test]
fn a_receipt_alone_proves_which_event_is_in_the_log() {
    let events = story(90);
    let log = Log::of(&events, 37);
    for (index, event) in events.iter().enumerate().filter(|(i, _)| i % 29 == 0 || (253..258).contains(i)) {
        let key = signer();
        let receipt = Receipt::from_tiles(&log.files, log.checkpoint(), key.verifier_key(), index as u64).unwrap();
        let text = receipt.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra ") && text.ends_with(log.checkpoint()), "{text}");
        let read: Receipt = text.parse().unwrap();
        assert_eq!(read, receipt);
        let proved = read.verify(&policy()).unwrap();
        assert_eq!((&proved.event, proved.index), (event, index as u64));
    }
}

#[test]
fn a_changed_receipt_proves_nothing() {
    let log = Log::of(&story(9), 300);
    let text = Receipt::from_tiles(&log.files, log.checkpoint(), signer().verifier_key(), 40).unwrap().to_string();
    for (at, character) in text.char_indices().filter(|(at, c)| at % 3 == 0 && *c != '—') {
        let other = if character == 'B' { "C" } else { "B" };
        let mut changed = text.clone();
        changed.replace_range(at..at + character.len_utf8(), other);
        let verified = changed.parse::<Receipt>().and_then(|r| r.verify(&policy()));
        assert!(verified.is_err(), "byte {at} ({character:?}) of\n{text}");
    }
    for end in (0..text.len()).step_by(3).filter(|end| text.is_char_boundary(*end)) {
        assert!(text[..end].parse::<Receipt>().and_then(|r| r.verify(&policy())).is_err(), "cut at {end}");
    }
}

#[test]
fn a_receipt_without_its_event_needs_the_event_beside_it() {
    let events = story(5);
    let log = Log::of(&events, 300);
    let mut receipt = Receipt::from_tiles(&log.files, log.checkpoint(), signer().verifier_key(), 7).unwrap();
    receipt.event = None;
    let read: Receipt = receipt.to_string().parse().unwrap();
    assert_eq!(read.verify(&policy()), Err(AuditError::ReceiptWithoutEvent));
    let entry = |i: usize| events[i].to_canonical_json().unwrap();
    assert_eq!(read.verify_event(&policy(), &entry(7)).unwrap().event, events[7]);
    assert!(matches!(read.verify_event(&policy(), &entry(8)), Err(AuditError::Inclusion { .. })));
}

#[test]
fn a_receipt_of_another_log_is_refused() {
    let log = Log::of(&story(5), 300);
    let receipt = Receipt::from_tiles(&log.files, log.checkpoint(), signer().verifier_key(), 7).unwrap();
    let other = LogSigner::from_seed("other.example/audit", &[42; 32]).unwrap();
    let verified = receipt.verify(&Policy::of_log(other.verifier_key().clone()));
    assert!(matches!(verified, Err(AuditError::Origin { .. })));
    let impostor = LogSigner::from_seed(crate::world::ORIGIN, &[43; 32]).unwrap();
    let verified = receipt.verify(&Policy::of_log(impostor.verifier_key().clone()));
    assert!(matches!(verified, Err(AuditError::NotSigned { .. })));
}
