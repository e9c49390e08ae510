//! What a stored answer holds, as a text that stays beside it. Static facts of the query only: no number of the answer.
//!
//! A descriptor is read by later versions of this crate: its members never change their meaning, and what a reader
//! doesn't know it refuses, so that the question is charged as any other.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use serde::{Deserialize, Serialize};

/// The format that is written.
const VERSION: u32 = 1;

/// One barrier of an answered query: which cells it released, of which rows. Rows, releases and policies themselves
/// are told apart by the *family* that stands beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    v: u32,
    /// By key.
    pub(super) keys: Vec<KeyText>,
    /// The conditions of the outermost WHERE, in normal form.
    pub(super) conditions: Vec<String>,
    /// By measure.
    pub(super) measures: Vec<MeasureText>,
    /// L0.
    pub(super) max_groups: u32,
    /// k, where some key has no list.
    pub(super) minimum_group_size: Option<u32>,
    /// ε that was paid for the whole query, as decimal text: equal numbers stay equal.
    pub(super) epsilon: String,
    /// What people were told of its numbers.
    pub(super) notes: Vec<String>,
}

/// A group key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyText {
    /// The expression in normal form.
    pub(super) expression: String,
    /// Its list, in showing order; `None`: undeclared.
    pub(super) values: Option<Vec<Option<Listed>>>,
}

/// A value of a key's list; NULL is `None` around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Boolean(bool),
    /// An integer, days of a date, microseconds of a timestamp.
    Int(i64),
    Text(String),
}

/// A measure: what is summed, within which bounds, scaled together with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeasureText {
    pub(super) what: Summed,
    /// The measures that share its factor where a unit is scaled down; none where no unit ever is.
    pub(super) together: Vec<Summed>,
    /// σ in grid units.
    pub(super) sigma: f64,
}

/// What is summed, and the most that one unit may add to one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Summed {
    pub(super) fold: FoldText,
    /// The value, or what must not be NULL, in normal form with its filter.
    pub(super) value: Option<String>,
    /// How a value is put on its grid.
    pub(super) fixed: Option<Fixed>,
    pub(super) low: i64,
    pub(super) high: i64,
}

/// How rows become a unit's value in a group: see [`crate::barrier::Fold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FoldText {
    Rows,
    NonNull,
    Sum,
    Units,
    Leaves,
    Level,
    Distinct,
}

/// `fixed(x, exponent, low, high, centre)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixed {
    pub(super) exponent: i32,
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) centre: i64,
}

/// The parts of a new descriptor.
pub(super) struct Parts {
    pub(super) keys: Vec<KeyText>,
    pub(super) conditions: Vec<String>,
    pub(super) measures: Vec<MeasureText>,
    pub(super) max_groups: u32,
    pub(super) minimum_group_size: Option<u32>,
    pub(super) epsilon: f64,
    pub(super) notes: Vec<String>,
}

impl Descriptor {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { keys, conditions, measures, max_groups, minimum_group_size, epsilon, notes } = parts;
        let epsilon = format!("{epsilon:?}");
        Self { v: VERSION, keys, conditions, measures, max_groups, minimum_group_size, epsilon, notes }
    }

    /// The descriptor as JSON. `None` only for numbers that JSON doesn't have, which pricing excludes.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Reads what [`Self::to_json`] wrote; `None` for anything else, other versions included.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|d| d.v == VERSION)
    }

    /// ε that was paid; `None` if it is no number.
    pub(super) fn epsilon(&self) -> Option<f64> {
        self.epsilon.parse().ok()
    }
}

impl Listed {
    /// A value of a list; `None` for types that no key has.
    pub(super) fn of(value: &ScalarValue) -> Option<Option<Self>> {
        Some(match value {
            ScalarValue::Boolean(v) => v.map(Self::Boolean),
            ScalarValue::Int64(v) | ScalarValue::TimestampMicrosecond(v, None) => v.map(Self::Int),
            ScalarValue::Date32(v) => v.map(|v| Self::Int(v.into())),
            ScalarValue::Utf8(v) => v.clone().map(Self::Text),
            _ => return None,
        })
    }

    /// The value again.
    pub(super) fn scalar(value: Option<&Self>, data_type: &DataType) -> Option<ScalarValue> {
        let Some(value) = value else { return ScalarValue::try_from(data_type).ok() };
        Some(match (value, data_type) {
            (Self::Boolean(v), DataType::Boolean) => ScalarValue::Boolean(Some(*v)),
            (Self::Int(v), DataType::Int64) => ScalarValue::Int64(Some(*v)),
            (Self::Int(v), DataType::Date32) => ScalarValue::Date32(Some(i32::try_from(*v).ok()?)),
            (Self::Int(v), DataType::Timestamp(..)) => ScalarValue::TimestampMicrosecond(Some(*v), None),
            (Self::Text(v), DataType::Utf8) => ScalarValue::Utf8(Some(v.clone())),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor() -> Descriptor {
        let what = Summed {
            fold: FoldText::Sum,
            value: Some("x".to_owned()),
            fixed: Some(Fixed { exponent: -20, low: 0, high: 5 << 20, centre: 3 }),
            low: 0,
            high: 7,
        };
        let values =
            vec![Some(Listed::Text("a\"b".to_owned())), Some(Listed::Int(-3)), Some(Listed::Boolean(true)), None];
        Descriptor::new(Parts {
            keys: vec![KeyText { expression: "k".to_owned(), values: Some(values) }],
            conditions: vec!["c".to_owned()],
            measures: vec![MeasureText { what: what.clone(), together: vec![what], sigma: 1.5 }],
            max_groups: 3,
            minimum_group_size: None,
            epsilon: 0.1 + 0.2,
            notes: Vec::new(),
        })
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let descriptor = descriptor();
        let read = Descriptor::from_json(&descriptor.to_json().unwrap()).unwrap();
        assert_eq!(read, descriptor);
        assert_eq!(read.epsilon(), Some(0.1 + 0.2));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let text = descriptor().to_json().unwrap();
        assert!(Descriptor::from_json(&text.replace("\"v\":1", "\"v\":2")).is_none());
        assert!(Descriptor::from_json(&text.replace("\"max_groups\":3", "\"max_groups\":3,\"more\":1")).is_none());
        assert!(Descriptor::from_json(&text.replace("\"sum\"", "\"product\"")).is_none());
        assert!(Descriptor::from_json("{}").is_none());
    }

    #[test]
    fn listed_values_are_read_back_with_their_type() {
        for value in [
            ScalarValue::Boolean(Some(false)),
            ScalarValue::Int64(Some(4)),
            ScalarValue::Date32(Some(-7)),
            ScalarValue::TimestampMicrosecond(Some(9), None),
            ScalarValue::Utf8(Some("é".to_owned())),
            ScalarValue::Utf8(None),
        ] {
            let listed = Listed::of(&value).unwrap();
            assert_eq!(Listed::scalar(listed.as_ref(), &value.data_type()), Some(value));
        }
        assert_eq!(Listed::of(&ScalarValue::Float64(Some(1.0))), None);
    }
}
