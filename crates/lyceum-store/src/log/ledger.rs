//! At start: what every account has spent must be what the charges in the log add up to.

use super::events;
use super::source::EventSource;
use crate::error::StoreError;
use lyceum_audit::event::{Account, Event, EventKind};
use lyceum_schema::epoch::Epoch;
use std::collections::BTreeMap;

/// ρ, δ and number of charges.
type Spent = (u128, u128, u64);
/// An account, in one epoch if its population has epochs.
type Key = (Account, Option<Epoch>);

/// Adds up the database's charge events and compares with its accounts.
pub(super) async fn check(source: &dyn EventSource) -> Result<(), StoreError> {
    let said = add_up(source).await?;
    let mut kept: BTreeMap<Key, Spent> = BTreeMap::new();
    for balance in source.all_balances().await.map_err(events)? {
        let spent = (u128::from(balance.spent.rho.0), u128::from(balance.spent.delta.0), balance.charges);
        kept.insert((balance.account, balance.epoch), spent);
    }
    let differs = said.iter().find(|(account, spent)| kept.get(*account) != Some(*spent));
    let differs = differs.or_else(|| kept.iter().find(|(account, _)| !said.contains_key(*account)));
    match differs {
        Some(((account, epoch), _)) => {
            Err(StoreError::LedgerDiffers { account: crate::sqlite::account::key(account, *epoch) })
        }
        None => Ok(()),
    }
}

async fn add_up(source: &dyn EventSource) -> Result<BTreeMap<Key, Spent>, StoreError> {
    let size = source.size().await.map_err(events)?;
    let mut accounts: BTreeMap<Key, Spent> = BTreeMap::new();
    let mut index = 0;
    while index < size {
        let leaves = source.events(index, size.min(index + BATCH)).await.map_err(events)?;
        if leaves.is_empty() {
            return Err(StoreError::EntryDiffers { index });
        }
        for leaf in leaves {
            if is_charge(&leaf) {
                let event = Event::from_json(&leaf).map_err(|_| StoreError::EntryDiffers { index })?;
                add(&mut accounts, event);
            }
            index += 1;
        }
    }
    Ok(accounts)
}

fn add(accounts: &mut BTreeMap<Key, Spent>, event: Event) {
    if let EventKind::QueryCharged { rho, delta, debits, .. } = event.kind {
        for debit in debits {
            let whole = debit.epochs.is_empty().then_some(None);
            for epoch in whole.into_iter().chain(debit.epochs.iter().map(Some)) {
                let spent = accounts.entry((debit.account.clone(), epoch)).or_default();
                *spent = (spent.0 + u128::from(rho), spent.1 + u128::from(delta), spent.2 + 1);
            }
        }
    }
}

/// Most entries are not charges, and reading them all as events would be most of the work. Canonical JSON spells
/// the type in one way; text that people wrote can't hold its unescaped quotes.
fn is_charge(leaf: &[u8]) -> bool {
    std::str::from_utf8(leaf).is_ok_and(|text| text.contains(r#""type":"query.charged""#))
}

/// Events read at a time.
const BATCH: u64 = 16 * 1024;
