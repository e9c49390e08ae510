//! Whole copies of a log: honest, tampered with, truncated, rolled back, forked.

use crate::world::{
    CAP_RHO, Log, ORIGIN, PRICE_DELTA, PRICE_RHO, RESEARCHER, answered, beginning, charged, debits, event, policy,
    population, signer, story,
};
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::event::Account;
use lyceum_audit::merkle::Hash;
use lyceum_audit::note::{Note, WitnessSigner};
use lyceum_audit::policy::Policy;
use lyceum_audit::verify::{ClaimedBalance, Claims, Inputs, Report, verify_log};

fn verify(log: &Log, saved: Option<&str>, claims: Option<&Claims>) -> Report {
    verify_log(&log.files, &Inputs { checkpoint: log.checkpoint(), policy: &policy(), saved, claims })
}

fn failure(report: &Report) -> (&'static str, String) {
    let check = report.first_failure().unwrap_or_else(|| panic!("nothing failed: {:#?}", report.lines()));
    assert!(!report.ok());
    (check.code.unwrap(), check.text.clone())
}

fn claims(rho: u64) -> Claims {
    let account = Account::Root { population: population(1) };
    Claims { balances: vec![ClaimedBalance { account, epoch: None, rho, delta: 190 * PRICE_DELTA }] }
}

#[test]
fn an_honest_copy_says_what_a_reviewer_reads() {
    let log = Log::of(&story(190), 111);
    let shop = WitnessSigner::from_seed("shop.example", &[2; 32]).unwrap();
    let mut note = Note::parse(log.checkpoint()).unwrap();
    shop.cosign(&mut note, 1_763_000_000);
    let policy: Policy =
        format!("log {}\nwitness shop.example {}\nquorum shop.example\n", signer().verifier_key(), shop.verifier_key())
            .parse()
            .unwrap();
    let inputs = Inputs {
        checkpoint: &note.to_string(),
        policy: &policy,
        saved: Some(&log.checkpoints[3]),
        claims: Some(&claims(190 * PRICE_RHO)),
    };
    let report = verify_log(&log.files, &inputs);
    assert!(report.ok(), "{:#?}", report.lines());
    let expected = [
        "✓ lyceum.example/audit   642 entries   signed by the log and by 1 of 1 witnesses (shop.example)",
        "✓ consistent with the checkpoint you saved (444 entries)",
        "✓ 642 entries and every tile lead to the signed root",
        "✓ 190 charges: 152 answered, 38 failed · 51 free repeats, each naming its charge · 0 answers without one",
        "✓ 1 release, each approved by 2 people who didn't propose it",
        "✓ budgets recomputed: mtd-customers 95.0 % of ε 2 — the server says the same",
    ];
    assert_eq!(report.lines(), expected);
    let unwitnessed = Inputs { checkpoint: log.checkpoint(), ..inputs };
    assert_eq!(failure(&verify_log(&log.files, &unwitnessed)).0, "E6061");
}

#[test]
fn a_changed_checkpoint_is_never_believed() {
    let log = Log::of(&story(3), 1_000);
    let note = log.checkpoint().as_bytes();
    for at in 0..note.len() {
        let mut bytes = note.to_vec();
        bytes[at] ^= [1, 2, 32, 64][at % 4];
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let report =
            verify_log(&log.files, &Inputs { checkpoint: &text, policy: &policy(), saved: None, claims: None });
        assert!(!report.ok(), "byte {at} of {text}");
    }
}

#[test]
fn a_changed_entry_is_named_with_its_type_and_time() {
    let mut events = story(190);
    let log = Log::of(&events, 1_000);
    events[600].time.0 += 1;
    let forged = Log::of(&events, 1_000);
    let mut copy = Log { files: log.files.clone(), checkpoints: log.checkpoints };
    let bundle = "tile/entries/002.p/130".to_owned();
    copy.files.insert(bundle.clone(), forged.files[&bundle].clone());
    let (code, text) = failure(&verify(&copy, None, None));
    assert_eq!(code, "E6203");
    assert!(text.starts_with("entry 600 (query.") && text.contains("does not match tile/0/002.p/130"), "{text}");
    // The leaf hash changed with it: then it is the tile above, or the signed root, that gives it away.
    let tile = "tile/0/002.p/130".to_owned();
    copy.files.insert(tile.clone(), forged.files[&tile].clone());
    assert_eq!(failure(&verify(&copy, None, None)).0, "E6205");
    let full = Log::of(&story(190), 1_000);
    let mut events = story(190);
    events[300].time.0 += 1;
    let forged = Log::of(&events, 1_000);
    let mut copy = full;
    for path in ["tile/entries/001", "tile/0/001"] {
        copy.files.insert(path.to_owned(), forged.files[path].clone());
    }
    let (code, text) = failure(&verify(&copy, None, None));
    assert_eq!((code, text.contains("tile/0/001")), ("E6204", true), "{text}");
}

#[test]
fn swapped_entries_are_found() {
    let mut events = story(60);
    let log = Log::of(&events, 1_000);
    events.swap(100, 101);
    let forged = Log::of(&events, 1_000);
    let copy = Log { files: forged.files, checkpoints: log.checkpoints };
    assert_eq!(failure(&verify(&copy, None, None)).0, "E6205");
}

#[test]
fn missing_and_cut_files_are_named() {
    let log = Log::of(&story(75), 1_000);
    for path in log.files.keys() {
        let mut copy = Log { files: log.files.clone(), checkpoints: log.checkpoints.clone() };
        copy.files.remove(path);
        let (code, text) = failure(&verify(&copy, None, None));
        assert_eq!((code, text.contains(path.as_str())), ("E6021", true), "{text}");
        let mut copy = Log { files: log.files.clone(), checkpoints: log.checkpoints.clone() };
        copy.files.get_mut(path).unwrap().pop();
        let (code, text) = failure(&verify(&copy, None, None));
        assert!(["E6022", "E6023"].contains(&code) && text.contains(path.as_str()), "{text}");
    }
}

#[test]
fn files_that_the_tree_does_not_have_are_warned_about() {
    let mut log = Log::of(&story(190), 1_000);
    let garbage = ["tile/9/000", "tile/0/notes.txt", "tile/entries/003", "tile/0/002.p/200"];
    let honest = log.files["tile/0/002.p/130"].clone();
    for path in garbage {
        log.files.insert(path.to_owned(), [honest.as_slice(), &[0; 70 * 32]].concat());
    }
    let report = verify(&log, None, None);
    assert!(report.ok(), "{:#?}", report.lines());
    for path in garbage {
        assert!(report.warnings.iter().any(|w| w.starts_with(path)), "{path}: {:#?}", report.warnings);
    }
    // Unless it covers a part of the tree and says something else there.
    log.files.get_mut("tile/0/002.p/200").unwrap()[0] ^= 1;
    assert_eq!(failure(&verify(&log, None, None)).0, "E6206");
}

#[test]
fn a_copy_of_a_log_that_went_on_verifies_under_the_older_checkpoint() {
    let log = Log::of(&story(190), 111);
    let mut copy = Log { files: log.files.clone(), checkpoints: log.checkpoints[..3].to_vec() };
    let report = verify(&copy, None, None);
    assert!(report.ok(), "{:#?}", report.lines());
    assert_eq!(report.size, 333);
    // Partial tiles that have become full may be gone.
    copy.files.retain(|path, _| !path.contains(".p/77"));
    assert!(copy.files.contains_key("tile/0/001") && !copy.files.contains_key("tile/0/001.p/77"));
    assert!(verify(&copy, None, None).ok());
}

#[test]
fn a_rollback_and_a_fork_are_told_from_a_saved_checkpoint() {
    let log = Log::of(&story(190), 111);
    let old = Log { files: log.files.clone(), checkpoints: log.checkpoints[..2].to_vec() };
    let (code, text) = failure(&verify(&old, Some(log.checkpoint()), None));
    assert_eq!((code, text.starts_with("rolled back")), ("E6201", true), "{text}");

    let mut events = story(190);
    events[150].time.0 += 1;
    let fork = Log::of(&events, 111);
    assert!(verify(&fork, Some(&log.checkpoints[0]), None).ok(), "the fork begins after this one");
    let (code, text) = failure(&verify(&fork, Some(&log.checkpoints[1]), None));
    assert_eq!((code, text.starts_with("forked")), ("E6202", true), "{text}");
    let (code, _) = failure(&verify(&fork, Some(log.checkpoint()), None));
    assert_eq!(code, "E6202", "two checkpoints of one size");

    let forged = Checkpoint { origin: ORIGIN.to_owned(), size: 5, root: Hash([0; 32]) }.sign(&signer()).unwrap();
    assert_eq!(failure(&verify(&log, Some(&forged), None)).0, "E6202");
    assert_eq!(failure(&verify(&log, Some(&forged.replace("\n5\n", "\n6\n")), None)).0, "E6032");
    assert!(verify(&log, None, None).warnings.iter().any(|w| w.contains("no saved checkpoint")));
}

#[test]
fn a_signed_log_that_breaks_a_rule_is_found_at_its_entry() {
    let mut events = beginning();
    let first = events.len();
    events.push(event(100, Some(RESEARCHER), Some(1), charged(1)));
    events.push(event(101, Some(RESEARCHER), Some(1), answered(1)));
    events.push(event(102, Some(RESEARCHER), Some(1), answered(1)));
    events.push(event(103, Some(RESEARCHER), Some(1), answered(2)));
    let report = verify(&Log::of(&events, 1_000), None, None);
    let (code, text) = failure(&report);
    assert_eq!(code, "E6131");
    assert!(text.starts_with(&format!("entry {}: ", first + 2)), "{text}");
    assert!(report.summary.is_none() && report.lines().last().unwrap().contains("not checked"));

    let entries = [events[0].to_canonical_json().unwrap(), b"{\"v\":1}".to_vec()];
    let (code, text) = failure(&verify(&Log::of_entries(&entries, 10), None, None));
    assert_eq!((code, text.starts_with("entry 1: ")), ("E6002", true), "{text}");
}

#[test]
fn figures_of_the_server_that_differ_from_the_log_are_named() {
    let log = Log::of(&story(190), 1_000);
    assert!(verify(&log, None, Some(&claims(190 * PRICE_RHO))).ok());
    let (code, text) = failure(&verify(&log, None, Some(&claims(189 * PRICE_RHO))));
    assert_eq!((code, text.starts_with("mtd-customers: ")), ("E6207", true), "{text}");
    assert_eq!(failure(&verify(&log, None, Some(&Claims::default()))).0, "E6207");
    let mut more = claims(190 * PRICE_RHO);
    let account = debits(CAP_RHO)[3].account.clone();
    more.balances.push(ClaimedBalance { account, epoch: None, rho: 0, delta: 0 });
    let (_, text) = failure(&verify(&log, None, Some(&more)));
    assert!(text.contains("researcher"), "{text}");
}
