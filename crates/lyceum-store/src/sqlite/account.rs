//! An account of the ledger as text: `root:P`, `owner:P:NAME`, `workspace:P:W`, `researcher:P:W:U`.

use lyceum_audit::event::Account;
use lyceum_schema::id::PopulationId;

/// The account's key in the database.
pub(crate) fn key(account: &Account) -> String {
    match account {
        Account::Root { population } => format!("root:{population}"),
        Account::Owner { population, owner } => format!("owner:{population}:{owner}"),
        Account::Workspace { population, workspace } => format!("workspace:{population}:{workspace}"),
        Account::Researcher { population, workspace, user } => format!("researcher:{population}:{workspace}:{user}"),
    }
}

/// The inverse of [`key`].
pub(crate) fn parse(key: &str) -> Option<Account> {
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
    parts.next().is_none().then_some(account)
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
            assert_eq!(parse(&key(&account)), Some(account));
        }
        assert_eq!(parse("root:nobody"), None);
        assert_eq!(parse(&format!("root:{population}:more")), None);
    }
}
