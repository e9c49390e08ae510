//! Why a hierarchy is refused. Lines and levels are named, values never.

/// Why a hierarchy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HierarchyError {
    /// No leaf at all.
    #[error("the hierarchy has no value: list one per line, as  value;group;…;*")]
    Empty,
    /// A line with another number of fields than the first.
    #[error("line {line} has {found} fields where the first line has {expected}: give every value all levels")]
    Fields {
        /// The line, from 1.
        line: usize,
        /// Fields of the first line.
        expected: usize,
        /// Fields of this line.
        found: usize,
    },
    /// A value is listed twice.
    #[error("line {line} lists a value that an earlier line has: keep one of the lines")]
    Twice {
        /// The line, from 1.
        line: usize,
    },
    /// A label has two parents.
    #[error("line {line}: its label at level {level} has another parent in an earlier line: one label, one parent")]
    Parent {
        /// The line, from 1.
        line: usize,
        /// The level, from 0 for the values.
        level: usize,
    },
    /// The last level is more than one node.
    #[error("the last level has {labels} labels: end every line with the same label, as  ;*")]
    Top {
        /// Labels at the last level.
        labels: usize,
    },
    /// A level groups as the one below it does.
    #[error("levels {0} and {1} group the same values: remove one of them")]
    Redundant(usize, usize),
    /// A value that isn't of the column's type.
    #[error("line {line}: the value doesn't read as the column's type")]
    Type {
        /// The line, from 1.
        line: usize,
    },
    /// Numbers or dates in groups that overlap.
    #[error("groups of numbers or dates overlap: each must be an interval")]
    Interleaved,
    /// Values that occur and that the table lacks.
    #[error("{0} different values of the data are not in the hierarchy: add a line for each value that may occur")]
    Missing(usize),
    /// A rule for another type.
    #[error("{rule} generalise {suited}, the column is of type {found}")]
    Rule {
        /// The rule.
        rule: &'static str,
        /// What it is for.
        suited: &'static str,
        /// The column's type.
        found: &'static str,
    },
    /// Steps that don't nest.
    #[error("the steps must become coarser, and each must be made of whole steps before it")]
    Steps,
    /// Too large.
    #[error("the hierarchy has {found} values, at most {limit} are read")]
    TooLarge {
        /// Values found.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The text is not CSV in UTF-8.
    #[error("the table can't be read as semicolon-separated text near line {line}")]
    Syntax {
        /// The line, from 1.
        line: usize,
    },
}
