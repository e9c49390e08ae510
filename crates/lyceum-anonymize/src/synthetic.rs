//! Synthetic rows from a model fitted under differential privacy, with the person as the unit.
//!
//! [`Collector`] takes the stored rows of one population; [`Collector::fit`] spends exactly a stated ρ on noisy counts and noisy choices
//! and gives a [`Synthesis`], from which rows are sampled for free. Everything after the noise is post-processing.
//!
//! *Neighbours* differ in all rows of one person. A persons' sheet has one row per person, so a person moves any count table
//! by at most 1 in L2; of each other table a person brings in at most `rows_per_person` rows, and moves it by at most as much. Domains, bins and bounds are the
//! manifest's. Persons are modelled by [`Generator::Mst`] or [`Generator::Aim`]; events by a tree that hangs each event attribute on an attribute of
//! its person or on another event attribute, so that joins with the person keep their meaning.
//!
//! `attributes` (public bins) → `collect` (coded sheets) → `mst`, `aim` (what to measure; `meter` spends) → `model` (Private-PGM on `graph`) →
//! `sample`, `generate` (rows). [`quality`] compares with the private rows, for the owner's eyes.

mod aim;
pub(crate) mod attributes;
mod coded;
pub(crate) mod collect;
mod generate;
mod graph;
pub(crate) mod meter;
pub(crate) mod model;
mod mst;
mod pairs;
pub mod quality;
mod rare;
mod sample;
mod scope;

pub use collect::Collector;
pub use generate::{Synthesis, SyntheticBatches};

use lyceum_privacy::Rho;
use lyceum_privacy::mechanism::NoiseError;
use lyceum_schema::name::{ColumnName, PopulationName, TableName};
use serde::Serialize;

/// How persons are modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Generator {
    /// A spanning tree of pairs: fast, robust.
    Mst,
    /// Pairs chosen one after another where the model is most wrong: better, slower.
    Aim,
}

/// What a fit may do.
#[derive(Debug, Clone, Copy)]
pub struct SyntheticOptions {
    /// The model of persons.
    pub generator: Generator,
    /// What is spent, to the last unit.
    pub rho: Rho,
    /// The id under which noise is drawn.
    pub query: u128,
    /// Most rows of one person that each table with many rows per person is fitted on, at least 1. Noise grows with it.
    pub rows_per_person: u64,
    /// Most cells of AIM's model: time and memory (about 30 bytes a cell) grow with it.
    pub model_cells: usize,
}

impl SyntheticOptions {
    /// AIM with 8 rows per person and a model of 2¹⁷ cells.
    #[must_use]
    pub const fn new(rho: Rho, query: u128) -> Self {
        Self { generator: Generator::Aim, rho, query, rows_per_person: 8, model_cells: 1 << 17 }
    }
}

/// What a fit did: public, as it follows from noisy numbers and the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FitReport {
    /// The generator.
    pub generator: Generator,
    /// ρ in units of 1e-12: exactly what was asked for.
    pub spent: Rho,
    /// Rows of one person that counted in each table with many rows per person.
    pub rows_per_person: u64,
    /// Columns without a public domain (text without a list, keys): filled as mock rows are, their values say nothing.
    pub unmodelled: Vec<(TableName, ColumnName)>,
}

/// Why no synthetic rows can be made. Carries no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntheticError {
    /// No table of the manifest has the population.
    #[error("no table of the manifest has the population `{0}`")]
    Population(PopulationName),
    /// A batch of another table or schema.
    #[error("the rows are not those of a table of this population in its stored schema")]
    Columns,
    /// Units fall from one row to the next.
    #[error("the rows are not sorted by unit")]
    Order,
    /// ρ is too small to be split.
    #[error("ρ is too small to be split over what has to be measured: ask for more")]
    Budget,
    /// A number of rows per person or cells that is 0.
    #[error("rows per person and model cells must be at least 1")]
    Options,
    /// A foreign key's ends have no value in common.
    #[error(transparent)]
    Keys(#[from] crate::mock::MockError),
    /// No noise.
    #[error(transparent)]
    Noise(#[from] NoiseError),
}

impl SyntheticError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Population(_) => "E1770",
            Self::Columns => "E1771",
            Self::Order => "E1772",
            Self::Budget => "E1773",
            Self::Options => "E1774",
            Self::Keys(e) => e.code(),
            Self::Noise(e) => e.code(),
        }
    }
}
