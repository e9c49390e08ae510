//! An account of the ledger as text: `root:P`, `owner:P:NAME`, `workspace:P:W`, `researcher:P:W:U`.

use lyceum_audit::event::Account;
use lyceum_schema::epoch::Epoch;
use lyceum_schema::id::PopulationId;

/// The account's key in the database. In a population with epochs the epoch is its last part, so that the keys of one
/// account sort by time.
pub(crate) fn key(account: &Account, epoch: Option<Epoch>) -> String {
    let key = match account {
        Account::Root { population } => format!("root:{population}"),
        Account::Owner { population, owner } => format!("owner:{population}:{owner}"),
        Account::Workspace { population, workspace } => format!("workspace:{population}:{workspace}"),
        Account::Researcher { population, workspace, user } => format!("researcher:{population}:{workspace}:{user}"),
    };
    match epoch {
        Some(epoch) => format!("{key}:{epoch}"),
        None => key,
    }
}

/// The inverse of [`key`].
pub(crate) fn parse(key: &str) -> Option<(Account, Option<Epoch>)> {
    let mut parts = key.split(':');
    let (kind, population) = (parts.next()?, parts.next()?.parse().ok()?);
    let account = match kind {
        "root" => Account::Root { population },
        "owner" => Account::Owner { population, owner: parts.next()?.parse().ok()? },
        "workspace" => Account::Workspace { population, workspace: parts.next()?.parse().ok()? },
        "researcher" => Account::Researcher {
            population,
            workspace: parts.next()?.parse().ok()?,
            user: parts.next()?.parse().ok()?,
        },
        _ => return None,
    };
    let epoch = parts.next().map(str::parse).transpose().ok()?;
    parts.next().is_none().then_some((account, epoch))
}

/// The population that the account is about.
pub(crate) const fn population(account: &Account) -> PopulationId {
    match account {
        Account::Root { population }
        | Account::Owner { population, .. }
        | Account::Workspace { population, .. }
        | Account::Researcher { population, .. } => *population,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use lyceum_schema::id::{UserId, WorkspaceId};

    #[test]
    fn keys_are_read_back() {
        let (population, workspace, user) = (PopulationId::generate(), WorkspaceId::generate(), UserId::generate());
        for account in [
            Account::Root { population },
            Account::Owner { population, owner: "shop-1.example".parse().unwrap() },
            Account::Workspace { population, workspace },
            Account::Researcher { population, workspace, user },
        ] {
            for epoch in [None, Some("2026-03"), Some("2026-W09"), Some("2026-03-01")] {
                let epoch = epoch.map(|e| e.parse().unwrap());
                assert_eq!(parse(&key(&account, epoch)), Some((account.clone(), epoch)));
            }
        }
        assert_eq!(parse("root:nobody"), None);
        assert_eq!(parse(&format!("root:{population}:more")), None);
        assert_eq!(parse(&format!("root:{population}:2026-03:2026-03")), None);
    }
}
