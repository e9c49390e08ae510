//! Transformations of single columns, before anything is searched: typed, batch by batch, one file each.
//!
//! | transformation | on | what becomes of a value |
//! |---|---|---|
//! | [`Transform::Drop`] | any | the column disappears |
//! | [`Transform::Suppress`] | any | NULL |
//! | [`Transform::Pseudonym`] | integers, text | 32 hexadecimal digits, keyed (`transform/pseudonym.rs`) |
//! | [`Transform::Mask`] | text | all but some characters as `*` (`transform/mask.rs`) |
//! | [`Transform::TruncateText`], [`Transform::TruncateIp`] | text | a prefix (`transform/truncate.rs`) |
//! | [`Transform::TruncateDate`] | dates, timestamps | the first instant of its month, … (`transform/truncate.rs`) |
//! | [`Transform::Round`], [`Transform::Bin`] | numbers | the nearest multiple; the lower bound of its bin (`transform/number.rs`) |
//! | [`Transform::Code`] | numbers | bottom and top coding: at least, at most (`transform/number.rs`) |
//!
//! NULL stays NULL. The same value under the same key becomes the same value, so joins survive where that is wanted.

mod mask;
mod number;
mod pseudonym;
mod truncate;

pub use mask::Mask;
pub use pseudonym::DomainKey;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{FieldRef, Schema};
use lyceum_schema::policy::DateStep;
use std::sync::Arc;

/// What is done to a column. No `Debug`: one variant holds a key.
pub enum Transform {
    /// Leaves the column out.
    Drop,
    /// Makes every value NULL.
    Suppress,
    /// Replaces values by keyed pseudonyms.
    Pseudonym(DomainKey),
    /// Hides characters.
    Mask(Mask),
    /// Keeps this many leading characters.
    TruncateText(usize),
    /// Keeps this many bits of an IPv4 address, four times as many of an IPv6 address; other text becomes NULL.
    TruncateIp(u8),
    /// Cuts to the first day or instant of a calendar step.
    TruncateDate(DateStep),
    /// Rounds to the nearest multiple of this positive number, halves away from zero.
    Round(f64),
    /// The largest of these ascending bounds that is at most the value; below the first, NULL.
    Bin(Vec<f64>),
    /// Values below `bottom` become it, values above `top` become that.
    Code {
        /// Smallest value shown.
        bottom: Option<f64>,
        /// Largest value shown.
        top: Option<f64>,
    },
}

/// Why a transformation can't be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// A column of a type that the transformation isn't for.
    #[error("column `{column}` of type {found} can't be {what}: that is for {suited}")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What was asked for.
        what: &'static str,
        /// What it is for.
        suited: &'static str,
    },
    /// A column that the rows don't have.
    #[error("the rows have no column `{0}`")]
    Missing(String),
    /// A parameter without meaning.
    #[error("column `{column}`: {why}")]
    Parameter {
        /// The column.
        column: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Columns and what is done to them, in this order; columns that aren't named pass.
pub struct Transforms {
    steps: Vec<(String, Transform)>,
}

impl Transforms {
    /// Checks the parameters.
    ///
    /// # Errors
    /// A width or bound without meaning.
    pub fn new(steps: Vec<(String, Transform)>) -> Result<Self, TransformError> {
        for (column, transform) in &steps {
            let wrong = |why| Err(TransformError::Parameter { column: column.clone(), why });
            match transform {
                Transform::Round(step) if !(step.is_finite() && *step > 0.0) => {
                    return wrong("round to a positive number");
                }
                Transform::Bin(bounds) if bounds.is_empty() || !bounds.is_sorted_by(|a, b| a < b) => {
                    return wrong("give the bins' lower bounds in ascending order");
                }
                Transform::Code { bottom: None, top: None } => return wrong("give a bottom, a top or both"),
                Transform::Code { bottom: Some(bottom), top: Some(top) } if bottom > top => {
                    return wrong("the bottom must not be above the top");
                }
                Transform::TruncateIp(bits) if *bits > 32 => return wrong("keep at most 32 bits"),
                _ => {}
            }
        }
        Ok(Self { steps })
    }

    /// Transforms a batch.
    ///
    /// # Errors
    /// A named column that is missing or of an unfit type.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, TransformError> {
        let mut fields: Vec<FieldRef> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        for (name, transform) in &self.steps {
            let missing = || TransformError::Missing(name.clone());
            let at = fields.iter().position(|f| f.name() == name).ok_or_else(missing)?;
            if matches!(transform, Transform::Drop) {
                fields.remove(at);
                columns.remove(at);
                continue;
            }
            let new = one(name, transform, &columns[at])?;
            let nullable = fields[at].is_nullable() || new.null_count() > 0 || makes_null(transform);
            fields[at] =
                Arc::new(fields[at].as_ref().clone().with_data_type(new.data_type().clone()).with_nullable(nullable));
            columns[at] = new;
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        RecordBatch::try_new_with_options(schema, columns, &options).map_err(|_| TransformError::Missing(String::new()))
    }
}

/// Whether a value may become NULL: then the column is nullable in every batch.
const fn makes_null(transform: &Transform) -> bool {
    matches!(transform, Transform::Suppress | Transform::TruncateIp(_) | Transform::Bin(_))
}

fn one(column: &str, transform: &Transform, array: &ArrayRef) -> Result<ArrayRef, TransformError> {
    let (what, suited, done) = match transform {
        Transform::Drop => return Ok(Arc::clone(array)),
        Transform::Suppress => return Ok(new_null_array(array.data_type(), array.len())),
        Transform::Pseudonym(key) => ("pseudonymised", "integers and text", pseudonym::apply(key, array)),
        Transform::Mask(mask) => ("masked", "text", mask::apply(mask, array)),
        Transform::TruncateText(kept) => ("truncated", "text", truncate::text(*kept, array)),
        Transform::TruncateIp(bits) => ("cut to a network", "text", truncate::ip(*bits, array)),
        Transform::TruncateDate(step) => ("cut to a date", "dates and timestamps", truncate::date(*step, array)),
        Transform::Round(step) => ("rounded", "numbers", number::round(*step, array)),
        Transform::Bin(bounds) => ("binned", "numbers", number::bin(bounds, array)),
        Transform::Code { bottom, top } => ("coded", "numbers", number::code(*bottom, *top, array)),
    };
    done.ok_or_else(|| TransformError::Type {
        column: column.to_owned(),
        found: array.data_type().to_string(),
        what,
        suited,
    })
}
