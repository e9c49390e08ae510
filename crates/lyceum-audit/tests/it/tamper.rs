//! Random tampering with a copied log: changed bytes, truncations, reorderings and forks. Every one is found, given a
//! checkpoint saved before, and the first bad place is named. 100 turns; `LYCEUM_TAMPERINGS` asks for more.

use crate::world::{Log, policy, story};
use lyceum_audit::event::Event;
use lyceum_audit::tile::{decode_bundle, encode_bundle};
use lyceum_audit::verify::{Inputs, verify_log};
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// A copy that was tampered with, what a reviewer saved before, and how the first bad place must be called: any of
/// these in the first failure's text.
struct Tampered {
    copy: Log,
    places: Vec<String>,
}

struct Tamperer {
    events: Vec<Event>,
    log: Log,
    paths: Vec<String>,
    rng: TestRng,
}

impl Tamperer {
    fn new() -> Self {
        let events = story(75);
        let log = Log::of(&events, 90);
        let paths = log.files.keys().cloned().collect();
        Self { events, log, paths, rng: TestRng::deterministic_rng(RngAlgorithm::ChaCha) }
    }

    fn below(&mut self, n: usize) -> usize {
        (self.rng.next_u64() % n as u64) as usize
    }

    fn copy(&self) -> Log {
        Log { files: self.log.files.clone(), checkpoints: self.log.checkpoints.clone() }
    }

    fn any_path(&mut self) -> String {
        let i = self.below(self.paths.len());
        self.paths[i].clone()
    }

    /// The path itself, or the tile that an entry of that bundle no longer matches.
    fn named(path: &str) -> Vec<String> {
        vec![path.to_owned(), path.replace("entries", "0")]
    }

    fn byte(&mut self) -> Tampered {
        let mut copy = self.copy();
        let change = (self.rng.next_u32() % 255 + 1) as u8;
        let turn = self.below(self.paths.len() + 1);
        if turn == self.paths.len() {
            let last = copy.checkpoints.len() - 1;
            let mut note = copy.checkpoints[last].clone().into_bytes();
            let at = self.below(note.len());
            note[at] = if note[at] == b'a' { b'b' } else { b'a' };
            // A reader of text refuses other bytes before anybody looks at a signature.
            if let Ok(note) = String::from_utf8(note) {
                copy.checkpoints[last] = note;
                return Tampered { copy, places: vec!["the checkpoint is not to be believed".to_owned()] };
            }
        }
        let path = self.paths[turn % self.paths.len()].clone();
        let bytes = copy.files.get_mut(&path).unwrap();
        let at = (self.rng.next_u64() % bytes.len() as u64) as usize;
        bytes[at] ^= change;
        Tampered { copy, places: Self::named(&path) }
    }

    fn truncation(&mut self) -> Tampered {
        let mut copy = self.copy();
        match self.below(3) {
            0 => {
                let path = self.any_path();
                let length = copy.files[&path].len();
                let at = self.below(length);
                copy.files.get_mut(&path).unwrap().truncate(at);
                Tampered { copy, places: vec![path] }
            }
            1 => {
                // A partial tile of an older size is needed by nobody and may be gone.
                let width = format!(".p/{}", self.events.len() % 256);
                let needed = self.paths.iter().filter(|p| !p.contains(".p/") || p.ends_with(&width));
                let needed: Vec<String> = needed.cloned().collect();
                let path = needed[self.below(needed.len())].clone();
                copy.files.remove(&path);
                Tampered { copy, places: vec![path] }
            }
            _ => {
                let kept = self.below(copy.checkpoints.len() - 1) + 1;
                copy.checkpoints.truncate(kept);
                Tampered { copy, places: vec!["rolled back".to_owned()] }
            }
        }
    }

    fn reordering(&mut self) -> Tampered {
        let (a, b) = (self.below(self.events.len()), self.below(self.events.len()));
        let (a, b) = if a == b { (0, 1) } else { (a.min(b), a.max(b)) };
        let mut events = self.events.clone();
        events.swap(a, b);
        let forged = Log::of(&events, 90);
        let mut copy = self.copy();
        if self.below(2) == 0 {
            // All files are those of the other order; only the checkpoint is the log's own.
            copy.files = forged.files;
            return Tampered { copy, places: vec!["do not lead to the signed root".to_owned(), "forked".to_owned()] };
        }
        // Within one bundle, the first that can hold two entries.
        let path = self.paths.iter().filter(|p| p.starts_with("tile/entries/")).nth(a % 2).unwrap().clone();
        let bundle = copy.files[&path].clone();
        let mut entries = decode_bundle(&bundle).unwrap();
        let (a, b) = (a % entries.len(), b % entries.len());
        let (a, b) = if a == b { (0, 1) } else { (a.min(b), a.max(b)) };
        entries.swap(a, b);
        copy.files.insert(path.clone(), encode_bundle(&entries).unwrap());
        Tampered { copy, places: Self::named(&path).into_iter().chain([format!("entry {a} ")]).collect() }
    }

    /// The log's own key signs another history, which differs from some entry on.
    fn fork(&mut self) -> Tampered {
        let at = self.below(self.events.len());
        let mut events = self.events.clone();
        match self.below(3) {
            0 => events[at].time.0 += 1,
            1 => events.truncate(at.max(1)),
            _ => drop(events.remove(at)),
        }
        let copy = Log::of(&events, 90);
        Tampered { copy, places: vec!["forked".to_owned(), "rolled back".to_owned()] }
    }
}

#[test]
fn no_random_tampering_slips_and_each_is_named() {
    let turns = std::env::var("LYCEUM_TAMPERINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut tamperer = Tamperer::new();
    let saved = tamperer.log.checkpoint().to_owned();
    let mut found = [0; 4];
    for turn in 0..turns {
        let kind = turn % 4;
        let tampered = match kind {
            0 => tamperer.byte(),
            1 => tamperer.truncation(),
            2 => tamperer.reordering(),
            _ => tamperer.fork(),
        };
        let Tampered { copy, places } = &tampered;
        let inputs = Inputs { checkpoint: copy.checkpoint(), policy: &policy(), saved: Some(&saved), claims: None };
        let report = verify_log(&copy.files, &inputs);
        let failure = report.first_failure().unwrap_or_else(|| panic!("turn {turn} slipped: {:#?}", report.lines()));
        let named = report.checks.iter().filter(|c| !c.ok).any(|c| places.iter().any(|p| c.text.contains(p)));
        assert!(!report.ok() && named, "turn {turn}: {places:?} is not named in {failure:?}");
        assert!(failure.code.is_some_and(|c| c.starts_with("E6")), "{failure:?}");
        found[kind] += 1;
    }
    assert_eq!(found.iter().sum::<usize>(), turns, "of each kind: {found:?}");
}
