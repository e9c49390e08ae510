//! Witnesses: the requests they read, what they refuse and with which status, and what they cosign.

use crate::world::{Log, ORIGIN, policy, signer, story};
use lyceum_audit::AuditError;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::merkle::{Hash, empty_root};
use lyceum_audit::note::{LogSigner, Note, WitnessSigner};
use lyceum_audit::policy::Policy;
use lyceum_audit::tile::TileHashes;
use lyceum_audit::witness::{AddCheckpoint, Refusal, Witness, row_name};

fn witness() -> Witness {
    let signer_of_witness = WitnessSigner::from_seed("uni.example", &[3; 32]).unwrap();
    Witness::new(signer_of_witness, vec![signer().verifier_key().clone()]).unwrap()
}

fn open(note: &str) -> Checkpoint {
    Checkpoint::open(note, signer().verifier_key()).unwrap()
}

/// The request from one checkpoint of a log to another; `None`: from the beginning.
fn request(log: &Log, from: Option<usize>, to: usize) -> AddCheckpoint {
    let old = from.map_or(0, |i| open(&log.checkpoints[i]).size);
    let size = open(&log.checkpoints[to]).size;
    let proof = TileHashes::new(&log.files, size).consistency(old).unwrap();
    AddCheckpoint { old, proof, checkpoint: log.checkpoints[to].clone() }
}

fn refused(witness: &Witness, request: &AddCheckpoint, last: Option<&Checkpoint>) -> Refusal {
    match witness.judge(request, last) {
        Ok(accepted) => panic!("accepted {:?}", accepted.checkpoint()),
        Err(refusal) => refusal,
    }
}

#[test]
fn a_growing_log_is_cosigned_step_by_step() {
    let (log, witness) = (Log::of(&story(190), 111), witness());
    let mut last: Option<Checkpoint> = None;
    for to in 0..log.checkpoints.len() {
        let request: AddCheckpoint = request(&log, to.checked_sub(1), to).to_string().parse().unwrap();
        assert_eq!(witness.origin_of(&request).unwrap(), ORIGIN);
        let accepted = witness.judge(&request, last.as_ref()).unwrap();
        assert!(accepted.grown());
        last = Some(witness.read_row(&accepted.row()).unwrap());
        let line = accepted.cosign(1_763_000_000);
        let mut note = Note::parse(&log.checkpoints[to]).unwrap();
        note.add(&line, witness.verifier_key()).unwrap();
        let policy: Policy =
            format!("log {}\nwitness uni {}\nquorum uni\n", signer().verifier_key(), witness.verifier_key())
                .parse()
                .unwrap();
        assert_eq!(policy.open(&note.to_string()).unwrap().witnesses, [("uni".to_owned(), Some(1_763_000_000))]);
    }
    // The same again is cosigned again: its time says that the log has not gone on since.
    let (end, same) = (log.checkpoints.len() - 1, last.unwrap());
    let accepted = witness.judge(&request(&log, Some(end), end), Some(&same)).unwrap();
    assert!(!accepted.grown() && accepted.cosign(1_763_000_009).starts_with("— uni.example "));
}

#[test]
fn refusals_have_the_statuses_of_the_protocol() {
    let (log, witness) = (Log::of(&story(190), 111), witness());
    let mut events = story(190);
    events[50].time.0 += 1;
    let fork = Log::of(&events, 111);
    let seen = open(&log.checkpoints[1]);
    let status = |request: &AddCheckpoint, last| refused(&witness, request, last).status();

    let stranger = LogSigner::from_seed("other.example/log", &[9; 32]).unwrap();
    let foreign = Checkpoint { origin: "other.example/log".to_owned(), size: 1, root: Hash([1; 32]) };
    let foreign = AddCheckpoint { old: 0, proof: vec![], checkpoint: foreign.sign(&stranger).unwrap() };
    assert_eq!(status(&foreign, None), 404);
    let impostor = LogSigner::from_seed(ORIGIN, &[9; 32]).unwrap();
    let forged = AddCheckpoint { checkpoint: seen.sign(&impostor).unwrap(), ..request(&log, None, 1) };
    assert_eq!(status(&forged, None), 403);
    let mut changed = request(&log, None, 1);
    changed.checkpoint = changed.checkpoint.replace("\n222\n", "\n221\n");
    assert_eq!(status(&changed, None), 403);
    let beyond = AddCheckpoint { old: 223, ..request(&log, None, 1) };
    assert_eq!(status(&beyond, Some(&seen)), 400);

    assert_eq!(refused(&witness, &request(&log, None, 2), Some(&seen)), Refusal::Conflict { size: 222 });
    assert_eq!(refused(&witness, &request(&log, Some(0), 0), Some(&seen)), Refusal::Conflict { size: 222 });
    assert_eq!(refused(&witness, &request(&log, Some(1), 2), None), Refusal::Conflict { size: 0 });
    assert_eq!(refused(&witness, &request(&fork, Some(1), 1), Some(&seen)), Refusal::Forked { size: 222 });
    assert_eq!(status(&request(&fork, Some(1), 1), Some(&seen)), 409);
    assert_eq!(status(&request(&fork, Some(1), 2), Some(&seen)), 422);
    let unproved = AddCheckpoint { proof: vec![], ..request(&log, Some(1), 2) };
    assert_eq!(status(&unproved, Some(&seen)), 422);
    let too_much = AddCheckpoint { proof: vec![Hash([0; 32])], ..request(&log, None, 1) };
    assert_eq!(status(&too_much, None), 422, "from nothing, there is nothing to prove");
    let false_empty = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: Hash([1; 32]) }.sign(&signer()).unwrap();
    let false_empty = AddCheckpoint { old: 0, proof: vec![], checkpoint: false_empty };
    assert_eq!(status(&false_empty, None), 409);
    let empty = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: empty_root() }.sign(&signer()).unwrap();
    assert!(witness.judge(&AddCheckpoint { old: 0, proof: vec![], checkpoint: empty }, None).is_ok());
}

#[test]
fn a_request_has_one_spelling() {
    let log = Log::of(&story(30), 50);
    let good = request(&log, Some(0), 1).to_string();
    assert_eq!(good.parse::<AddCheckpoint>().unwrap().to_string(), good);
    let hash = format!("{}\n", Hash([7; 32]));
    let cases = [
        good.replace("old 50", "old 050"),
        good.replace("old 50", "old -1"),
        good.replace("old 50", "old 50 "),
        good.replace("old ", "size "),
        good.replacen("=\n", "\n", 1),
        good.replacen("\n\n", "\n", 2),
        good.replacen("\n\n", &format!("\n{}\n", hash.repeat(64)), 1),
    ];
    for text in cases {
        assert!(text.parse::<AddCheckpoint>().is_err(), "{text}");
    }
    assert!(matches!("old 0\n\nnothing\n".parse::<AddCheckpoint>(), Err(AuditError::NoteSyntax { .. })));
}

#[test]
fn answers_of_a_witness_are_believed_by_signature_only() {
    let (log, witness) = (Log::of(&story(30), 50), witness());
    let other = WitnessSigner::from_seed("shop.example", &[4; 32]).unwrap();
    let line = witness.judge(&request(&log, None, 0), None).unwrap().cosign(1_763_000_000);
    let mut note = Note::parse(&log.checkpoints[0]).unwrap();
    let unsigned = Err(AuditError::NotSigned { name: "shop.example".to_owned() });
    assert_eq!(note.add(&line, other.verifier_key()), unsigned, "lines of others are ignored");
    let mut next = Note::parse(&log.checkpoints[1]).unwrap();
    let bad = Err(AuditError::BadSignature { name: "uni.example".to_owned() });
    assert_eq!(next.add(&line, witness.verifier_key()), bad, "it is of another checkpoint");
    assert!(matches!(note.add("200 OK\n", witness.verifier_key()), Err(AuditError::NoteSyntax { .. })));
    assert!(policy().open(&note.to_string()).unwrap().witnesses.is_empty());
    note.add(&line, witness.verifier_key()).unwrap();
    note.add(&line, witness.verifier_key()).unwrap();
    assert_eq!(note.signatures().len(), 2, "a newer cosignature replaces the older");
}

#[test]
fn a_row_that_was_changed_is_not_read() {
    let (log, witness) = (Log::of(&story(30), 50), witness());
    let row = witness.judge(&request(&log, None, 1), None).unwrap().row();
    assert_eq!(witness.read_row(&row).unwrap(), open(&log.checkpoints[1]));
    assert!(witness.read_row(&row.replace("\n100\n", "\n99\n")).is_err());
    assert_eq!(row_name(ORIGIN).len(), 64);
}

#[test]
fn nobody_counts_twice_in_a_quorum() {
    let key = witness().verifier_key().to_string();
    let log = signer().verifier_key().to_string();
    let text = format!("log {log}\nwitness w {key}\ngroup a any w\ngroup b any w\ngroup c all a b\nquorum c\n");
    assert!(matches!(text.parse::<Policy>(), Err(AuditError::PolicySyntax { line: 4, .. })));
    let text = format!("log {log} https://log.example/#main\nwitness w {key} https://w.example/#1\nquorum w\n");
    let policy: Policy = text.parse().unwrap();
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some("https://w.example/#1"));
    assert_eq!(policy.quorum(), Some("w"));
}
