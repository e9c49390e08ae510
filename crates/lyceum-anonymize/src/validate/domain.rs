//! A declared domain, prepared for fast look-ups. Text keeps its length limit even where a list is declared.

use crate::report::Reason;
use lyceum_schema::manifest::{Domain, Value};
use std::collections::HashSet;

/// What values are possible.
pub(super) enum Check {
    Any,
    IntBounds(i64, i64),
    FloatBounds(f64, f64),
    MaxBytes(usize),
    Ints(HashSet<i64>),
    Floats(Vec<f64>),
    Texts(HashSet<String>),
    Booleans(Vec<bool>),
}

impl Check {
    pub(super) fn new(domain: &Domain) -> Self {
        match domain {
            Domain::Unbounded => Self::Any,
            Domain::Text { max_bytes } => Self::MaxBytes(*max_bytes as usize),
            Domain::Bounds { low, high } => match (as_int(low), as_int(high), as_float(low), as_float(high)) {
                (Some(low), Some(high), ..) => Self::IntBounds(low, high),
                (.., Some(low), Some(high)) => Self::FloatBounds(low, high),
                _ => Self::Any,
            },
            Domain::Values(values) => match values.first() {
                Some(Value::Boolean(_)) => Self::Booleans(
                    values.iter().filter_map(|v| if let Value::Boolean(b) = v { Some(*b) } else { None }).collect(),
                ),
                Some(Value::String(_)) => Self::Texts(
                    values
                        .iter()
                        .filter_map(|v| if let Value::String(s) = v { Some(s.clone()) } else { None })
                        .collect(),
                ),
                _ => values
                    .iter()
                    .map(as_int)
                    .collect::<Option<_>>()
                    .map_or_else(|| Self::Floats(values.iter().filter_map(as_float).collect()), Self::Ints),
            },
        }
    }

    pub(super) fn int(&self, value: i64) -> Result<(), Reason> {
        match self {
            Self::IntBounds(low, high) => within((*low..=*high).contains(&value)),
            Self::Ints(list) => listed(list.contains(&value)),
            _ => Ok(()),
        }
    }

    #[allow(clippy::cast_precision_loss, clippy::float_cmp)]
    pub(super) fn float(&self, value: f64) -> Result<(), Reason> {
        match self {
            Self::FloatBounds(low, high) => within((*low..=*high).contains(&value)),
            Self::IntBounds(low, high) => within((*low as f64..=*high as f64).contains(&value)),
            Self::Floats(list) => listed(list.contains(&value)),
            Self::Ints(list) => listed(list.iter().any(|v| *v as f64 == value)),
            _ => Ok(()),
        }
    }

    pub(super) fn text(&self, value: &str) -> Result<(), Reason> {
        match self {
            Self::MaxBytes(max) => {
                if value.len() <= *max {
                    Ok(())
                } else {
                    Err(Reason::TooLong)
                }
            }
            Self::Texts(list) => listed(list.contains(value)),
            _ => Ok(()),
        }
    }

    pub(super) fn boolean(&self, value: bool) -> Result<(), Reason> {
        match self {
            Self::Booleans(list) => listed(list.contains(&value)),
            _ => Ok(()),
        }
    }

    /// Whether the empty text is a declared value, so that an empty field means it rather than NULL.
    pub(super) fn lists_empty_text(&self) -> bool {
        matches!(self, Self::Texts(list) if list.contains(""))
    }
}

fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(i) | Value::Timestamp(i) => Some(*i),
        Value::Date(days) => Some(i64::from(*days)),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss)]
fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(f) => Some(*f),
        Value::Int(i) => Some(*i as f64),
        _ => None,
    }
}

const fn within(ok: bool) -> Result<(), Reason> {
    if ok { Ok(()) } else { Err(Reason::OutOfBounds) }
}

const fn listed(ok: bool) -> Result<(), Reason> {
    if ok { Ok(()) } else { Err(Reason::NotInList) }
}
