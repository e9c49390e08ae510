//! Everything that can be wrong with a manifest or a policy: one variant, one stable code, one fix each.
//!
//! Where a problem sits (file, key, line) is [`crate::document::DocumentError`]'s business.

use crate::epoch::Every;
use crate::manifest::{DataType, Role};
use crate::name::NameError;

/// What is wrong. `Display` says why in a lower-case fragment, [`Problem::fix`] what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text isn't TOML.
    #[error("not valid TOML: {message}")]
    Syntax {
        /// The TOML reader's words.
        message: String,
    },
    /// The text is larger than any honest document.
    #[error("the file has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// Size found.
        bytes: usize,
        /// Size allowed.
        limit: usize,
    },
    /// A required key is absent.
    #[error("the key is missing")]
    Missing {
        /// A line that would do.
        example: &'static str,
    },
    /// A key that nobody reads, most often a misspelling.
    #[error("this key is not known here")]
    UnknownKey {
        /// The nearest known key, if one is near.
        suggestion: Option<&'static str>,
        /// All keys known here.
        known: &'static [&'static str],
    },
    /// A value of the wrong TOML type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// In words.
        expected: &'static str,
        /// In words.
        found: &'static str,
        /// A line that would do.
        example: &'static str,
    },
    /// A name outside its alphabet or length.
    #[error("{reason}")]
    Name {
        /// What the name's own rules say.
        reason: NameError,
        /// A name that would do.
        suggestion: Option<String>,
    },
    /// A name that the engine keeps for its own columns.
    #[error("names that begin with \"__\" are reserved for the engine's own columns")]
    Reserved,
    /// A word outside a closed vocabulary.
    #[error("{found:?} is not one of {}", list(allowed))]
    Word {
        /// What was written, shortened.
        found: String,
        /// The vocabulary.
        allowed: &'static [&'static str],
        /// The nearest word, if one is near.
        suggestion: Option<&'static str>,
    },
    /// The same name or value twice.
    #[error("{what} is already used at line {first_line}")]
    Duplicate {
        /// What is there twice.
        what: String,
        /// Where it was first.
        first_line: usize,
    },
    /// An integer outside its range.
    #[error("the number must be between {low} and {high}")]
    Range {
        /// Smallest allowed.
        low: i64,
        /// Largest allowed.
        high: i64,
    },
    /// A text or list that must not be empty.
    #[error("{what} must not be empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// More things than the engine plans for.
    #[error("{found} {what}, at most {limit} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many were found.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },

    /// A list of values and bounds on the same column.
    #[error("a column has either a list of values or bounds, not both")]
    TwoDomains,
    /// Bounds on text or booleans.
    #[error("bounds have no meaning on a {} column", data_type.as_str())]
    BoundsOnType {
        /// The column's type.
        data_type: DataType,
    },
    /// Not exactly two bounds.
    #[error("bounds are a pair, [lowest, highest]; found {found}")]
    BoundsShape {
        /// Elements found.
        found: usize,
    },
    /// The low bound lies above the high one.
    #[error("the low bound is above the high bound")]
    BoundsReversed,
    /// NaN or an infinity where a number is needed.
    #[error("the number must be finite")]
    NotFinite,
    /// A value of another type than its column.
    #[error("expected a value of type {}, found {found}", data_type.as_str())]
    ValueType {
        /// The column's type.
        data_type: DataType,
        /// TOML's word for what was found.
        found: &'static str,
    },
    /// A number that the column's type can't hold exactly.
    #[error("the number does not fit {}", data_type.as_str())]
    ValueRange {
        /// The column's type.
        data_type: DataType,
    },
    /// A date or timestamp that can't be read.
    #[error("this is not a {}", data_type.as_str())]
    ValueText {
        /// The column's type.
        data_type: DataType,
    },
    /// Text without any limit on its length.
    #[error("a string column needs a list of values or a longest length")]
    NoTextLimit,
    /// `max_bytes` on something that isn't text, or beside a list.
    #[error("max_bytes only limits string columns without a list of values")]
    MaxBytesOnType,
    /// A list or bounds on a column whose values never appear.
    #[error("a {} column is never shown, so it has neither values nor bounds", role.as_str())]
    DomainOnHidden {
        /// The column's role.
        role: Role,
    },

    /// A role that the type can't play.
    #[error("a column of type {} can't have the role {}", data_type.as_str(), role.as_str())]
    RoleOnType {
        /// The column's role.
        role: Role,
        /// The column's type.
        data_type: DataType,
        /// Types that can play the role, in words.
        allowed: &'static str,
    },
    /// A privacy unit that may be NULL.
    #[error("the privacy unit can't be NULL: such rows would belong to nobody")]
    NullableUnit,
    /// `privacy_unit = { column = … }` names no column of the table.
    #[error("the table has no column {column:?}")]
    UnitColumnAbsent {
        /// The name used.
        column: String,
        /// The nearest column, if one is near.
        suggestion: Option<String>,
    },
    /// The named unit column doesn't carry the role.
    #[error("column {column:?} is the table's privacy unit but its role is another")]
    UnitRoleAbsent {
        /// The unit column.
        column: String,
    },
    /// A second column, or a column of a table whose unit isn't a column, carries the role.
    #[error("this column has the role privacy_unit but the table's privacy unit is {unit}")]
    UnitRoleExtra {
        /// The table's unit, in words.
        unit: String,
    },
    /// A private table without a population.
    #[error("a table with a privacy unit needs a population: the id-space whose budget its answers are charged to")]
    PopulationAbsent,
    /// A public table with a population.
    #[error("a table with privacy_unit = \"none\" belongs to no population")]
    PopulationExtra,
    /// Several rows per unit where each row is a unit of its own, or a bound on a public table.
    #[error("{why}, so max_rows_per_unit has nothing to limit")]
    RowsPerUnit {
        /// What the unit is, in words.
        why: &'static str,
    },
    /// A public table that names or singles out people.
    #[error("a table with privacy_unit = \"none\" can't have a column with the role {}", role.as_str())]
    RoleInPublicTable {
        /// The column's role.
        role: Role,
    },
    /// A foreign key whose column or target doesn't exist.
    #[error("the foreign key needs {missing}, which does not exist")]
    ForeignKeyTarget {
        /// What is absent, in words.
        missing: String,
    },
    /// A foreign key into a table that has no unit.
    #[error("the foreign key leads to table {table:?}, which has no privacy unit")]
    ForeignKeyPublic {
        /// The parent.
        table: String,
    },
    /// Both ends of a foreign key have different types.
    #[error("the foreign key compares {} with {}", via.as_str(), target.as_str())]
    ForeignKeyType {
        /// This table's column.
        via: DataType,
        /// The parent's column.
        target: DataType,
    },
    /// Parent and child name different populations.
    #[error("the foreign key leads into population {parent:?}, but this table is in another")]
    ForeignKeyPopulation {
        /// The parent's population.
        parent: String,
    },
    /// Foreign keys that lead round in a circle.
    #[error("the foreign keys lead in a circle and never reach a privacy unit")]
    ForeignKeyCycle,
    /// The epoch's column doesn't exist.
    #[error("the epoch needs column {column:?}, which the table does not have")]
    EpochColumnAbsent {
        /// The name used.
        column: String,
        /// The nearest column, if one is near.
        suggestion: Option<String>,
    },
    /// The epoch's column can't say an epoch for every row.
    #[error("the epoch of each row is read from column {column:?}, which must be {what}")]
    EpochColumn {
        /// The column.
        column: String,
        /// What it lacks, in words.
        what: &'static str,
    },
    /// Two tables of one population count people in different epochs.
    #[error(
        "population {population:?} counts people {} in a table above: one population has one kind of unit",
        per(*other)
    )]
    EpochsDiffer {
        /// The population.
        population: String,
        /// The epochs of the table above.
        other: Option<Every>,
    },
    /// A hierarchy that isn't a plain file name.
    #[error("a hierarchy is the name of a file beside the manifest, without folders")]
    HierarchyPath,

    /// A number that must be positive and finite.
    #[error("the number must be more than 0 and at most {high}")]
    Positive {
        /// Largest allowed.
        high: f64,
    },
    /// A limit larger than the limit it lies within.
    #[error("{value} is more than {other} = {limit}")]
    Above {
        /// The number found.
        value: f64,
        /// The key of the outer limit.
        other: &'static str,
        /// The outer limit.
        limit: f64,
    },
    /// A table that only another kind of release has.
    #[error("[{section}] is for {of} releases, and this one is {kind}")]
    SectionOfKind {
        /// The table.
        section: &'static str,
        /// The kind that has it.
        of: &'static str,
        /// The kind found.
        kind: &'static str,
    },
    /// An expiry that can't be read.
    #[error("the expiry is not a date or a timestamp with an offset")]
    Expiry,
}

impl Problem {
    /// The stable code, for machines and for searching the documentation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "E1001",
            Self::TooLarge { .. } => "E1002",
            Self::Missing { .. } => "E1003",
            Self::UnknownKey { .. } => "E1004",
            Self::WrongType { .. } => "E1005",
            Self::Name { .. } => "E1006",
            Self::Reserved => "E1007",
            Self::Word { .. } => "E1008",
            Self::Duplicate { .. } => "E1009",
            Self::Range { .. } => "E1010",
            Self::Empty { .. } => "E1011",
            Self::TooMany { .. } => "E1012",
            Self::TwoDomains => "E1020",
            Self::BoundsOnType { .. } => "E1021",
            Self::BoundsShape { .. } => "E1022",
            Self::BoundsReversed => "E1023",
            Self::NotFinite => "E1024",
            Self::ValueType { .. } => "E1025",
            Self::ValueRange { .. } => "E1026",
            Self::ValueText { .. } => "E1027",
            Self::NoTextLimit => "E1028",
            Self::MaxBytesOnType => "E1029",
            Self::DomainOnHidden { .. } => "E1030",
            Self::RoleOnType { .. } => "E1040",
            Self::NullableUnit => "E1041",
            Self::UnitColumnAbsent { .. } => "E1042",
            Self::UnitRoleAbsent { .. } => "E1043",
            Self::UnitRoleExtra { .. } => "E1044",
            Self::PopulationAbsent => "E1045",
            Self::PopulationExtra => "E1046",
            Self::RowsPerUnit { .. } => "E1047",
            Self::RoleInPublicTable { .. } => "E1048",
            Self::ForeignKeyTarget { .. } => "E1049",
            Self::ForeignKeyPublic { .. } => "E1050",
            Self::ForeignKeyType { .. } => "E1051",
            Self::ForeignKeyPopulation { .. } => "E1052",
            Self::ForeignKeyCycle => "E1053",
            Self::HierarchyPath => "E1054",
            Self::EpochColumnAbsent { .. } => "E1055",
            Self::EpochColumn { .. } => "E1056",
            Self::EpochsDiffer { .. } => "E1057",
            Self::Positive { .. } => "E1060",
            Self::Above { .. } => "E1061",
            Self::SectionOfKind { .. } => "E1062",
            Self::Expiry => "E1063",
        }
    }

    /// What to do about it, as one imperative fragment.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Syntax { .. } => "correct the line; strings need quotes, tables are [name] or [[name]]".into(),
            Self::TooLarge { .. } => "split the dataset, or give long lists of values a max_bytes limit instead".into(),
            Self::Missing { example } => format!("add  {example}"),
            Self::UnknownKey { suggestion: Some(s), .. } => format!("did you mean {s:?}?"),
            Self::UnknownKey { suggestion: None, known } => format!("remove it; known here: {}", known.join(", ")),
            Self::WrongType { example, .. } => format!("write  {example}"),
            Self::Name { suggestion: Some(s), .. } => format!("write  {s:?}"),
            Self::Name { suggestion: None, .. } => "choose another name".into(),
            Self::Reserved => "choose another name and keep the file's own in source_name".into(),
            Self::Word { suggestion: Some(s), .. } => format!("did you mean {s:?}?"),
            Self::Word { suggestion: None, .. } => "use one of the listed words".into(),
            Self::Duplicate { .. } => "rename or remove one of the two".into(),
            Self::Range { low, high } => format!("write a whole number from {low} to {high}"),
            Self::Empty { .. } => "fill it in, or remove the key if it is optional".into(),
            Self::TooMany { .. } => "split it".into(),
            Self::TwoDomains => "keep the list for categories, the bounds for quantities".into(),
            Self::BoundsOnType { data_type: DataType::String } => "use  values = [\"…\"]  or  max_bytes = 64".into(),
            Self::BoundsOnType { .. } => "remove them".into(),
            Self::BoundsShape { .. } => "write  bounds = [0, 100]".into(),
            Self::BoundsReversed => "swap them".into(),
            Self::NotFinite => "write the largest amount that is possible in practice".into(),
            Self::ValueType { data_type, .. } => format!("write it like  {}", example_of(*data_type)),
            Self::ValueRange { data_type: DataType::Int32 } => "use type = \"int64\" or a smaller number".into(),
            Self::ValueRange { .. } => "write a number that the type holds exactly".into(),
            Self::ValueText { data_type } => format!("write it like  {}", example_of(*data_type)),
            Self::NoTextLimit => "add  values = [\"…\"]  if the list is public knowledge, else  max_bytes = 64".into(),
            Self::MaxBytesOnType => "remove max_bytes".into(),
            Self::DomainOnHidden { .. } => "remove them".into(),
            Self::RoleOnType { allowed, .. } => format!("use {allowed}, or another role"),
            Self::NullableUnit => "write  nullable = false  (rows without a unit are rejected at upload)".into(),
            Self::UnitColumnAbsent { suggestion: Some(s), .. } => format!("did you mean {s:?}?"),
            Self::UnitColumnAbsent { suggestion: None, column } => {
                format!("add a column {column:?} with role = \"privacy_unit\"")
            }
            Self::UnitRoleAbsent { .. } => "give it  role = \"privacy_unit\"".into(),
            Self::UnitRoleExtra { .. } => {
                "give it another role, or name it in  privacy_unit = { column = \"…\" }".into()
            }
            Self::PopulationAbsent => "add  population = \"…\"".into(),
            Self::PopulationExtra => "remove population".into(),
            Self::RowsPerUnit { .. } => "remove the key".into(),
            Self::RoleInPublicTable { .. } => {
                "declare the table's privacy_unit, or drop the column from the file".into()
            }
            Self::ForeignKeyTarget { .. } => "correct the name, or add what is missing".into(),
            Self::ForeignKeyPublic { .. } => "point it at a table whose rows belong to people, or use \"none\"".into(),
            Self::ForeignKeyType { .. } => "declare both columns with the same type".into(),
            Self::ForeignKeyPopulation { parent } => format!("write  population = {parent:?}"),
            Self::ForeignKeyCycle => {
                "let one table of the circle name its unit as  privacy_unit = { column = \"…\" }".into()
            }
            Self::EpochColumnAbsent { suggestion: Some(s), .. } => format!("did you mean {s:?}?"),
            Self::EpochColumnAbsent { suggestion: None, .. } => {
                "name the column that says when the row happened".into()
            }
            Self::EpochColumn { .. } => {
                "use a column with  type = \"timestamp\"  and  bounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59Z]"
                    .into()
            }
            Self::EpochsDiffer { other: Some(every), .. } => {
                format!(
                    "add  epoch = {{ column = \"…\", every = \"{every}\" }}  to privacy_unit, or name another population"
                )
            }
            Self::EpochsDiffer { other: None, .. } => "remove the epoch, or name another population".into(),
            Self::HierarchyPath => "write  hierarchy = \"age.csv\"".into(),
            Self::Positive { .. } => "write a number such as 0.5".into(),
            Self::Above { other, .. } => format!("lower it, or raise {other}"),
            Self::SectionOfKind { of, .. } => format!("leave the table out, or write  kind = {of:?}"),
            Self::Expiry => "write  expires = 2027-03-31  or  expires = 2027-03-31T18:00:00Z".into(),
        }
    }
}

const fn example_of(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "true",
        DataType::Int32 | DataType::Int64 => "100",
        DataType::Float64 => "100.0",
        DataType::String => "\"text\"",
        DataType::Date => "2026-01-31",
        DataType::Timestamp => "2026-01-31T12:00:00Z",
    }
}

fn per(every: Option<Every>) -> String {
    every.map_or_else(|| "for all time".to_owned(), |every| format!("once for each {every}"))
}

fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(", ")
}
