//! Log policies (C2SP tlog-policy): which logs to believe, which witnesses to know, and how many of them must have
//! signed. One line each: `log <vkey> [url]`, `witness <name> <vkey> [url]`, `group <name> <k|any|all> <member>…`,
//! `quorum <name|none>`; a line that begins with `#` is a comment. Names are declared before they are used.

use crate::checkpoint::Checkpoint;
use crate::error::{AuditError, AuditResult};
use crate::note::{KeyKind, Note, Signed, VerifierKey};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<PolicyWitness>,
    groups: BTreeMap<String, Group>,
    quorum: Option<String>,
}

/// A witness of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Its submission prefix (C2SP tlog-witness), if the policy gives it: only the log needs it.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    needed: usize,
    members: Vec<String>,
}

/// A checkpoint that a policy believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Names (as in the policy) and times of the witnesses that signed it.
    pub witnesses: Vec<(String, Option<u64>)>,
    /// How many witnesses the policy knows.
    pub known_witnesses: usize,
}

impl Policy {
    /// The policy that believes one log and needs no witness.
    #[must_use]
    pub fn of_log(key: VerifierKey) -> Self {
        Self { logs: vec![key], witnesses: Vec::new(), groups: BTreeMap::new(), quorum: None }
    }

    /// The logs' keys.
    #[must_use]
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The name of the witness or group that must have signed; `None`: the log's signature is enough.
    #[must_use]
    pub fn quorum(&self) -> Option<&str> {
        self.quorum.as_deref()
    }

    /// Whether the quorum would be met if these witnesses signed.
    #[must_use]
    pub fn met_by(&self, witnesses: &[&str]) -> bool {
        let signed: Vec<_> = witnesses.iter().map(|w| ((*w).to_owned(), None)).collect();
        self.quorum.as_ref().is_none_or(|name| self.met(name, &signed))
    }

    /// Reads a signed checkpoint and believes it if a log of the policy and the quorum signed it.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], and [`AuditError::Quorum`].
    pub fn open(&self, note: &str) -> AuditResult<Believed> {
        let believed = self.open_log(note)?;
        match &self.quorum {
            Some(name) if !self.met(name, &believed.witnesses) => Err(AuditError::Quorum {
                group: name.clone(),
                signed: believed.witnesses.len(),
                known: believed.known_witnesses,
            }),
            _ => Ok(believed),
        }
    }

    /// As [`Policy::open`], without asking for the quorum: for checkpoints that the reader saved.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open_log(&self, note: &str) -> AuditResult<Believed> {
        let note = Note::parse(note)?;
        let claimed: Checkpoint = note.text().parse()?;
        let mut failure = AuditError::Origin {
            expected: self.logs.iter().map(VerifierKey::name).collect::<Vec<_>>().join(" or "),
            found: claimed.origin.clone(),
        };
        let mut opened = None;
        for key in self.logs.iter().filter(|k| k.name() == claimed.origin) {
            match Checkpoint::open_note(&note, key) {
                Ok(checkpoint) => opened = Some(checkpoint),
                // A key may have been rotated under the same name: another one may have signed.
                Err(e @ AuditError::NotSigned { .. }) => failure = e,
                Err(e) => return Err(e),
            }
        }
        let checkpoint = opened.ok_or(failure)?;
        let keys: Vec<_> = self.witnesses.iter().map(|w| w.key.clone()).collect();
        let signed: Vec<Signed> = note.verify(&keys)?;
        let witnesses = self
            .witnesses
            .iter()
            .filter_map(|w| signed.iter().find(|s| s.key == w.key).map(|s| (w.name.clone(), s.time)));
        Ok(Believed { checkpoint, witnesses: witnesses.collect(), known_witnesses: self.witnesses.len() })
    }

    /// Groups refer to earlier names only, so this ends.
    fn met(&self, name: &str, signed: &[(String, Option<u64>)]) -> bool {
        match self.groups.get(name) {
            Some(group) => group.members.iter().filter(|m| self.met(m, signed)).count() >= group.needed,
            None => signed.iter().any(|(witness, _)| witness == name),
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.groups.contains_key(name) || self.witnesses.iter().any(|w| w.name == name)
    }

    fn line(&mut self, words: &[&str], quorum: &mut bool) -> Result<(), &'static str> {
        match words {
            ["log", key] | ["log", key, _] => {
                let key: VerifierKey = key.parse().map_err(|_| "not a verifier key")?;
                if key.kind() != KeyKind::Ed25519 {
                    return Err("a log signs with an Ed25519 key (0x01)");
                }
                if self.logs.iter().any(|known| known.is_same_key(&key)) {
                    return Err("the key is another log's too");
                }
                self.logs.push(key);
            }
            ["witness", name, key, url @ ..] if url.len() <= 1 => {
                let key: VerifierKey = key.parse().map_err(|_| "not a verifier key")?;
                if key.kind() != KeyKind::Cosignature {
                    return Err("a witness signs with a cosignature key (0x04)");
                }
                self.unused(name)?;
                if self.witnesses.iter().any(|w| w.key.is_same_key(&key)) {
                    return Err("the key is another witness's too");
                }
                let url = url.first().map(|url| (*url).to_owned());
                self.witnesses.push(PolicyWitness { name: (*name).to_owned(), key, url });
            }
            ["group", name, needed, members @ ..] if !members.is_empty() => {
                self.unused(name)?;
                let needed = match *needed {
                    "any" => 1,
                    "all" => members.len(),
                    k => k.parse().map_err(|_| "a group needs a number, any or all")?,
                };
                if needed == 0 || needed > members.len() {
                    return Err("a group needs between one and all of its members");
                }
                // A witness counts in one place only, so that nobody is two of a quorum.
                let taken = |m: &str| self.groups.values().any(|g| g.members.iter().any(|known| known == m));
                if members.iter().enumerate().any(|(i, m)| !self.knows(m) || members[..i].contains(m) || taken(m)) {
                    return Err("a member is not declared above, or is a member already");
                }
                let members = members.iter().map(|m| (*m).to_owned()).collect();
                self.groups.insert((*name).to_owned(), Group { needed, members });
            }
            ["quorum", _] if *quorum => return Err("the quorum is said twice"),
            ["quorum", name] => {
                *quorum = true;
                if *name != "none" {
                    if !self.knows(name) {
                        return Err("the quorum is not declared above");
                    }
                    self.quorum = Some((*name).to_owned());
                }
            }
            _ => return Err("a line is log, witness, group or quorum with its words"),
        }
        Ok(())
    }

    fn unused(&self, name: &str) -> Result<(), &'static str> {
        if name == "none" || self.knows(name) { Err("the name is taken") } else { Ok(()) }
    }
}

impl FromStr for Policy {
    type Err = AuditError;

    fn from_str(text: &str) -> AuditResult<Self> {
        let mut policy = Self { logs: Vec::new(), witnesses: Vec::new(), groups: BTreeMap::new(), quorum: None };
        let (mut quorum, mut last) = (false, 1);
        for (i, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
            if words.first().is_some_and(|w| !w.starts_with('#')) {
                policy.line(&words, &mut quorum).map_err(|why| AuditError::PolicySyntax { line: i + 1, why })?;
            }
            last = i + 1;
        }
        if policy.logs.is_empty() {
            return Err(AuditError::PolicySyntax { line: last, why: "no log is named" });
        }
        if !quorum {
            return Err(AuditError::PolicySyntax {
                line: last,
                why: "no quorum line (say `quorum none` to need none)",
            });
        }
        Ok(policy)
    }
}
