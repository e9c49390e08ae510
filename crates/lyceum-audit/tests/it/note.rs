//! Signed notes, checkpoints and policies.

use crate::world::{ORIGIN, policy, signer};
use lyceum_audit::AuditError;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::merkle::{empty_root, leaf_hash};
use lyceum_audit::note::{LogSigner, Note, VerifierKey, WitnessSigner};
use lyceum_audit::policy::Policy;

/// The example of the signed-note specification.
const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

const EXAMPLE_NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 1_301, root: leaf_hash(b"x") }
}

#[test]
fn the_example_key_reads_and_prints() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("example.com/foo", EXAMPLE_KEY));
    for wrong in [
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("example.com/foo", "example.com/bar"),
        EXAMPLE_KEY.replace("+Aeky", "+Aeka"),
        "example.com/foo".to_owned(),
    ] {
        assert!(matches!(wrong.parse::<VerifierKey>(), Err(AuditError::KeySyntax { .. })), "{wrong}");
    }
    assert!(LogSigner::from_seed("two words", &[0; 32]).is_err());
    assert!(LogSigner::from_seed("a+b", &[0; 32]).is_err());
}

#[test]
fn the_example_note_verifies_and_prints() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    let note = Note::parse(EXAMPLE_NOTE).unwrap();
    assert_eq!((note.text(), note.to_string().as_str()), ("This is an example message.\n", EXAMPLE_NOTE));
    assert_eq!(note.verify(std::slice::from_ref(&key)).unwrap().len(), 1);
    let changed = Note::parse(&EXAMPLE_NOTE.replace("an example", "no example")).unwrap();
    assert!(matches!(changed.verify(&[key]), Err(AuditError::BadSignature { .. })));
}

#[test]
fn unknown_keys_are_ignored_and_failing_ones_reject() {
    let stranger = LogSigner::from_seed("stranger.example", &[1; 32]).unwrap();
    let text = checkpoint().to_string();
    let ours = signer().sign(&text).unwrap().to_string();
    let theirs = stranger.sign(&text).unwrap().to_string();
    let line = theirs.lines().last().unwrap();
    let both = format!("{ours}{line}\n");
    assert_eq!(Checkpoint::open(&both, signer().verifier_key()).unwrap(), checkpoint());
    let keys = [signer().verifier_key().clone(), stranger.verifier_key().clone()];
    assert_eq!(Note::parse(&both).unwrap().verify(&keys).unwrap().len(), 2);

    let changed = both.replace("1301", "1302");
    let ours = AuditError::BadSignature { name: ORIGIN.to_owned() };
    assert_eq!(Checkpoint::open(&changed, signer().verifier_key()), Err(ours));
    // A second line by a known key that fails rejects the note, though the first line is good.
    let mixed = both.replace(line, &changed_signature(&both));
    assert!(matches!(Note::parse(&mixed).unwrap().verify(&keys), Err(AuditError::BadSignature { .. })));
    let unsigned = AuditError::NotSigned { name: ORIGIN.to_owned() };
    assert_eq!(Checkpoint::open(&theirs, signer().verifier_key()), Err(unsigned));
}

/// The note's first signature line with another signature.
fn changed_signature(note: &str) -> String {
    let line = note.lines().find(|l| l.starts_with('—')).unwrap();
    let (head, tail) = line.split_at(line.len() - 20);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    format!("{head}{other}{}", &tail[1..])
}

#[test]
fn malformed_notes_and_checkpoints_are_refused_with_their_line() {
    let note = checkpoint().sign(&signer()).unwrap();
    assert!(matches!(Note::parse(note.trim_end()), Err(AuditError::NoteSyntax { line: 5, .. })));
    assert!(matches!(Note::parse(&note.replace("— ", "- ")), Err(AuditError::NoteSyntax { line: 5, .. })));
    assert!(matches!(Note::parse("no signatures\n"), Err(AuditError::NoteSyntax { .. })));
    assert!(matches!(Note::parse(&note.replace("1301", "13\t01")), Err(AuditError::NoteSyntax { line: 2, .. })));
    let line = note.lines().last().unwrap();
    assert_eq!(Note::parse(&format!("{note}{line}\n")).unwrap().signatures().len(), 2);
    let flood = format!("{}\n\n{}", checkpoint().to_string().trim_end(), format!("{line}\n").repeat(65));
    assert!(matches!(Note::parse(&flood), Err(AuditError::NoteSyntax { .. })));
    let text = checkpoint().to_string();
    for wrong in [
        text.replace("1301", "01301"),
        text.replace("1301", "-1"),
        text.replace("1301", ""),
        format!("{text}extension\n"),
        text.trim_end().to_owned(),
        text.replace("lyceum", "ly ceum"),
        text.replace('=', ""),
    ] {
        assert!(matches!(wrong.parse::<Checkpoint>(), Err(AuditError::CheckpointSyntax { .. })), "{wrong:?}");
    }
    let foreign = LogSigner::from_seed("other.example/audit", &[42; 32]).unwrap();
    assert!(matches!(checkpoint().sign(&foreign), Err(AuditError::Origin { .. })));
}

#[test]
fn the_text_of_a_checkpoint_is_three_lines() {
    let empty = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: empty_root() };
    assert_eq!(empty.to_string(), "lyceum.example/audit\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    let note = empty.sign(&signer()).unwrap();
    assert_eq!(policy().open(&note).unwrap().checkpoint, empty);
}

#[test]
fn a_quorum_of_one_from_each_side_must_have_signed() {
    let shop = WitnessSigner::from_seed("shop.example", &[2; 32]).unwrap();
    let uni = WitnessSigner::from_seed("uni.example", &[3; 32]).unwrap();
    let text = format!(
        "# one from each side\nlog {}\nwitness shop {} https://shop.example/witness\nwitness uni {}\n\
         group industry any shop\ngroup academia 1 uni\ngroup both all industry academia\nquorum both\n",
        signer().verifier_key(),
        shop.verifier_key(),
        uni.verifier_key()
    );
    let policy: Policy = text.parse().unwrap();
    let mut note = Note::parse(&checkpoint().sign(&signer()).unwrap()).unwrap();
    let short = |signed| Err(AuditError::Quorum { group: "both".to_owned(), signed, known: 2 });
    assert_eq!(policy.open(&note.to_string()), short(0));
    shop.cosign(&mut note, 1_763_000_000);
    assert_eq!(policy.open(&note.to_string()), short(1));
    uni.cosign(&mut note, 1_763_000_001);
    let believed = policy.open(&note.to_string()).unwrap();
    let witnesses = [("shop".to_owned(), Some(1_763_000_000)), ("uni".to_owned(), Some(1_763_000_001))];
    assert_eq!((believed.witnesses.as_slice(), believed.known_witnesses), (witnesses.as_slice(), 2));
    // A cosignature of another checkpoint is worth nothing.
    let other = Checkpoint { size: 5, ..checkpoint() };
    let mut other = Note::parse(&other.sign(&signer()).unwrap()).unwrap();
    shop.cosign(&mut other, 1_763_000_000);
    let stolen = other.to_string().lines().last().unwrap().to_owned();
    let forged = format!("{}{stolen}\n", checkpoint().sign(&signer()).unwrap());
    assert_eq!(policy.open(&forged), Err(AuditError::BadSignature { name: "shop.example".to_owned() }));
}

#[test]
fn policies_are_refused_with_line_and_reason() {
    let log = signer().verifier_key().to_string();
    let shop = WitnessSigner::from_seed("shop.example", &[2; 32]).unwrap();
    let shop = shop.verifier_key();
    let cases = [
        (format!("log {log}\n"), 1),
        ("quorum none\n".to_owned(), 1),
        (format!("log {shop}\nquorum none\n"), 1),
        (format!("log {log}\nwitness w {log}\nquorum none\n"), 2),
        (format!("log {log}\nwitness w {shop}\nwitness v {shop}\nquorum w\n"), 3),
        (format!("log {log}\nwitness w {shop}\ngroup g 2 w\nquorum g\n"), 3),
        (format!("log {log}\nwitness w {shop}\ngroup g any w w\nquorum g\n"), 3),
        (format!("log {log}\ngroup g any later\nquorum g\n"), 2),
        (format!("log {log}\nquorum nobody\n"), 2),
        (format!("log {log}\nquorum none\nquorum none\n"), 3),
        (format!("log {log}\nquarum none\n"), 2),
    ];
    for (text, expected) in cases {
        match text.parse::<Policy>() {
            Err(AuditError::PolicySyntax { line, .. }) => assert_eq!(line, expected, "{text}"),
            other => panic!("{other:?} for {text}"),
        }
    }
}
