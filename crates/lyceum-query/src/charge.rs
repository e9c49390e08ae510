//! Stage 5: payment. Owns the trait [`Ledger`] and is the only place where a [`Charge`] is minted. A charge comes
//! from static quantities only, is durable before any row is read, and no path gives it back.
//!
//! A release without payment doesn't compile, because [`Charged`] can't be made by hand:
//! ```compile_fail
//! # use lyceum_query::{charge::Charged, price::PricedQuery};
//! fn for_free(priced: PricedQuery) -> Charged {
//!     Charged { priced, charge: loop {} }
//! }
//! ```
//! nor do two releases on one payment:
//! ```compile_fail
//! # use lyceum_query::{execute::Executed, release::release};
//! # use lyceum_privacy::mechanism::NoiseSource;
//! fn twice(executed: Executed, noise: &dyn NoiseSource) {
//!     let _ = release(executed, noise);
//!     let _ = release(executed, noise);
//! }
//! ```
//! and exact groups can't be kept, copied or printed:
//! ```compile_fail
//! # use lyceum_query::execute::Executed;
//! fn look(executed: &Executed) -> String {
//!     format!("{executed:?}")
//! }
//! ```

use crate::barrier::Source;
use crate::catalog::Population;
use crate::faults::{self, Fault};
use crate::price::PricedQuery;
use async_trait::async_trait;
use lyceum_privacy::Budget;
use lyceum_schema::id::{ChargeId, QueryId};
use tokio::time::Instant;

/// What a ledger is asked to debit: the population's root account and every owner's account once, whole or not at all.
#[derive(Debug, Clone, Copy)]
pub struct ChargeRequest<'a> {
    /// The query.
    pub query: QueryId,
    /// The id the charge will have.
    pub charge: ChargeId,
    /// Equal keys have equal answers (R9).
    pub request_key: [u8; 32],
    /// What to debit from each account.
    pub price: Budget,
    /// Whose root account is debited.
    pub population: &'a Population,
    /// The releases read; every distinct owner is debited once, in each epoch that its releases can be touched in.
    pub sources: &'a [Source],
}

/// The ledger, as this crate sees it. Implemented by the sharing service over its store.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Why nothing was debited: over budget, not active, already answered, in progress, storage failed.
    type Refused: Send;

    /// Debits, in one serialisable transaction with the audit event; durable when this returns `Ok`.
    ///
    /// # Errors
    /// The reason, when nothing was debited.
    async fn charge(&self, request: &ChargeRequest<'_>) -> Result<(), Self::Refused>;
}

/// Proof of payment for exactly one release. No `Debug`, no `Clone`; made here and nowhere else.
pub struct Charge {
    query: QueryId,
    id: ChargeId,
    price: Budget,
    since: Instant,
}

impl Charge {
    /// The query that was paid for.
    #[must_use]
    pub const fn query(&self) -> QueryId {
        self.query
    }
    /// The debit.
    #[must_use]
    pub const fn id(&self) -> ChargeId {
        self.id
    }
    /// What was paid.
    #[must_use]
    pub const fn price(&self) -> Budget {
        self.price
    }
    /// When the charge was durable: departures are counted from here.
    pub(crate) const fn since(&self) -> Instant {
        self.since
    }
}

/// A query that is paid for.
pub struct Charged {
    pub(crate) priced: PricedQuery,
    pub(crate) charge: Charge,
}

impl Charged {
    /// The payment.
    #[must_use]
    pub const fn charge(&self) -> &Charge {
        &self.charge
    }
}

/// Pays for a priced query.
///
/// # Errors
/// The query back, unpaid, with the ledger's reason.
pub async fn charge<L: Ledger + ?Sized>(
    priced: PricedQuery,
    ledger: &L,
) -> Result<Charged, (Box<PricedQuery>, L::Refused)> {
    let id = ChargeId::generate();
    let request = ChargeRequest {
        query: priced.query(),
        charge: id,
        request_key: priced.request_key(),
        price: priced.price(),
        population: priced.population(),
        sources: priced.sources(),
    };
    let asked = if faults::on(Fault::NeverCharged) { Ok(()) } else { ledger.charge(&request).await };
    match asked {
        Ok(()) => {
            let charge = Charge { query: priced.query(), id, price: priced.price(), since: Instant::now() };
            Ok(Charged { priced, charge })
        }
        Err(refused) => Err((Box::new(priced), refused)),
    }
}
