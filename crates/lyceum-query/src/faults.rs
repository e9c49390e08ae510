//! Planted faults: bugs that tests switch on, to see that the tests of privacy find them.
//!
//! Only the cargo feature `testing` compiles the switch. Without it [`on`] is constantly false, and what it guards is
//! gone from the build. A fault is planted for the thread that plants it, and for what the engine hands on from there.

/// One planted bug, named by what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Sums are not brought into their ball.
    BallOff,
    /// A unit keeps all of its groups.
    L0Off,
    /// The unit of a full join is that of one side.
    NullUnitKept,
    /// Each row is bounded as if it were a unit.
    UnitSplit,
    /// Joins match other columns than the unit.
    JoinWithoutUnit,
    /// A charge is minted without asking the ledger.
    NeverCharged,
    /// Unions mix populations.
    UnionOfPopulations,
    /// Joins mix populations.
    JoinOfPopulations,
    /// COUNT(x) is taken for COUNT(*) although x may be NULL.
    CountSharedOverNulls,
    /// Counts with different filters are taken for one.
    CountSharedOverFilters,
    /// τ is one too low.
    ThresholdLow,
    /// A group of k − 1 units is a candidate.
    GroupSizeLow,
    /// Noise has half of the σ that is paid.
    SigmaHalved,
    /// Selections are not charged for.
    DeltaUncharged,
    /// All charges sample with one key.
    SamplingKeyConstant,
    /// The `other` total's noise is sized for one group.
    TotalForOneGroup,
    /// Cells are cut a little above their level.
    LevelTooHigh,
    /// What decides whether a group is shown has its k − 1 heaviest units in it.
    HeaviestCounted,
    /// Units weigh as if each were in one group.
    WeightsAlone,
    /// The certificate tells how many rows there are.
    RowsInCertificate,
    /// The time of departure depends on how many rows there are.
    TimeFromRows,
    /// Integer sums wrap.
    WrappingAdd,
    /// Listed groups are shown only if somebody is in them.
    EmptyGroupsDropped,
    /// Of several releases only the first is paid.
    SecondReleaseFree,
    /// Stored answers are found under any policy.
    KeyWithoutPolicy,
    /// Stored answers are found for any ε.
    KeyWithoutEpsilon,
    /// Windows see the rows of several units.
    WindowWithoutUnit,
    /// Inner groups hold the rows of several units.
    GroupWithoutUnit,
    /// Rows that a public table multiplies are not counted.
    PublicRowsUncounted,
}

#[cfg(feature = "testing")]
mod switch {
    use super::Fault;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
        static SAMPLING: Cell<Option<[u8; 16]>> = const { Cell::new(None) };
    }

    /// Takes the fault out again when dropped.
    pub struct Planted(());

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }

    /// Plants a fault on this thread.
    #[must_use]
    pub fn plant(fault: Fault) -> Planted {
        PLANTED.set(Some(fault));
        Planted(())
    }

    /// The key with which queries prepared on this thread sample groups, instead of a fresh one: record and replay
    /// compares runs of equal randomness.
    pub fn fix_sampling(key: Option<[u8; 16]>) {
        SAMPLING.set(key);
    }

    pub(crate) fn sampling() -> Option<[u8; 16]> {
        SAMPLING.get()
    }

    pub(crate) fn on(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }

    /// Work that runs on another thread with the faults of this one.
    pub(crate) fn hand_on<T>(work: impl FnOnce() -> T + Send) -> impl FnOnce() -> T + Send {
        let fault = PLANTED.get();
        move || {
            let _planted = fault.map(plant);
            work()
        }
    }
}

#[cfg(not(feature = "testing"))]
mod switch {
    use super::Fault;

    pub(crate) const fn sampling() -> Option<[u8; 16]> {
        None
    }

    pub(crate) const fn on(_: Fault) -> bool {
        false
    }

    pub(crate) fn hand_on<T>(work: impl FnOnce() -> T + Send) -> impl FnOnce() -> T + Send {
        work
    }
}

#[cfg(feature = "testing")]
pub use switch::{Planted, fix_sampling, plant};
pub(crate) use switch::{hand_on, on, sampling};
