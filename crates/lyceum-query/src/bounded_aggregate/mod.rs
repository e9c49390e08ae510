//! `BoundedAggregate`: the barrier as one operator, the only exit from a private scan.
//!
//! It asks DataFusion for input that is partitioned and ordered by privacy unit, so DataFusion itself repartitions
//! and sorts (spilling) where the stored layout doesn't already provide both. Then one streaming pass per partition
//! folds the rows of one unit into (key → partial sums), bounds what the unit contributes, and adds integers into
//! the group table. Memory grows with groups, not with units.
//!
//! Read [`spec`] (what is enforced), [`bound`] (the maths), [`pass`] (the pass) with its parts in the order they work,
//! [`lookup`] and [`groups`], [`runs`], [`light`], [`slots`], [`accumulate`] and the kinds that implement it, then [`node`] and [`exec`]
//! (how DataFusion sees it).

mod accumulate;
pub(crate) mod bound;
mod cells;
mod cut;
mod distinct_values;
pub(crate) mod exec;
mod groups;
mod leaves;
mod light;
mod lookup;
pub(crate) mod node;
pub(crate) mod pass;
pub(crate) mod planner;
mod runs;
mod sample;
mod slots;
pub(crate) mod spec;
mod sums_in_ball;
mod sums_of_kept;
#[cfg(test)]
mod tests;
