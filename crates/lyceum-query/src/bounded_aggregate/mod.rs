//! `BoundedAggregate`: the barrier as one operator, the only exit from a private scan.
//!
//! It asks DataFusion for input that is partitioned and ordered by privacy unit, so DataFusion itself repartitions
//! and sorts (spilling) where the stored layout doesn't already provide both. Then one streaming pass per partition
//! folds the rows of one unit into (key → partial sums), bounds what the unit contributes, and adds integers into
//! the group table. Memory grows with groups, not with units.
//!
//! Read [`spec`] (what is enforced), [`bound`] (the maths), [`pass`] (the pass), then [`node`] and [`exec`]
//! (how DataFusion sees it).

pub(crate) mod bound;
pub(crate) mod exec;
pub(crate) mod node;
pub(crate) mod pass;
pub(crate) mod planner;
pub(crate) mod spec;
#[cfg(test)]
mod tests;
