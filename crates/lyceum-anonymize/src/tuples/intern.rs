//! Values get numbers in the order in which they are first seen, typed column by typed column.

use super::TuplesError;
use crate::hierarchy::Leaf;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int32Type, Int64Type, TimeUnit};
use hashbrown::HashMap;

/// The numbering of one column.
#[derive(Default)]
pub(crate) struct Interner {
    numbers: HashMap<i64, u32>,
    texts: HashMap<String, u32>,
    null: Option<u32>,
    leaves: Vec<Leaf>,
}

impl Interner {
    /// Appends the number of each row's value.
    pub(super) fn push(&mut self, array: &ArrayRef, out: &mut Vec<u32>) -> Result<(), TuplesError> {
        out.clear();
        out.reserve(array.len());
        match array.data_type() {
            ArrowType::Dictionary(..) => {
                let dictionary = cast_keys(array)?;
                let dictionary = dictionary.as_dictionary::<Int32Type>();
                // Only values that rows name get a number.
                let mut of_key = vec![None; dictionary.values().len()];
                let values = Values::new(dictionary.values())?;
                for key in dictionary.keys() {
                    let code = match key.and_then(|k| usize::try_from(k).ok()) {
                        None => self.code(None),
                        Some(key) => *of_key[key].get_or_insert_with(|| self.code(values.get(key))),
                    };
                    out.push(code);
                }
            }
            _ => {
                let values = Values::new(array)?;
                out.extend((0..array.len()).map(|row| self.code(values.get(row))));
            }
        }
        Ok(())
    }

    fn code(&mut self, value: Option<Value<'_>>) -> u32 {
        let next = u32::try_from(self.leaves.len()).unwrap_or(u32::MAX);
        let code = match &value {
            None => *self.null.get_or_insert(next),
            Some(Value::Number(n)) => *self.numbers.entry(*n).or_insert(next),
            Some(Value::Text(t)) => *self.texts.entry_ref(*t).or_insert(next),
        };
        if code == next {
            self.leaves.push(value.map_or(Leaf::Null, Value::leaf));
        }
        code
    }

    /// The values seen, in the order of their numbers.
    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }
}

/// One value, borrowed.
enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

impl Value<'_> {
    fn leaf(self) -> Leaf {
        match self {
            Self::Number(n) => Leaf::Number(n),
            Self::Text(t) => Leaf::Text(t.into()),
        }
    }
}

/// A column in one of few shapes.
enum Values {
    Integers(arrow::array::Int64Array),
    Floats(arrow::array::Float64Array),
    Texts(arrow::array::StringArray),
    Views(arrow::array::StringViewArray),
}

impl Values {
    fn new(array: &ArrayRef) -> Result<Self, TuplesError> {
        use ArrowType as A;
        let to = |t: &A| cast(array, t).map_err(|_| TuplesError::Type(array.data_type().to_string()));
        Ok(match array.data_type() {
            A::Utf8 => Self::Texts(array.as_string::<i32>().clone()),
            A::LargeUtf8 => Self::Texts(to(&A::Utf8)?.as_string::<i32>().clone()),
            A::Utf8View => Self::Views(array.as_string_view().clone()),
            A::Float16 | A::Float32 | A::Float64 => {
                Self::Floats(to(&A::Float64)?.as_primitive::<Float64Type>().clone())
            }
            A::Date32 => {
                let days = to(&A::Int32)?;
                let days = cast(&days, &A::Int64).map_err(|_| TuplesError::Type("date".into()))?;
                Self::Integers(days.as_primitive::<Int64Type>().clone())
            }
            A::Timestamp(..) => {
                let micros = to(&A::Timestamp(TimeUnit::Microsecond, None))?;
                let micros = cast(&micros, &A::Int64).map_err(|_| TuplesError::Type("timestamp".into()))?;
                Self::Integers(micros.as_primitive::<Int64Type>().clone())
            }
            A::Boolean | A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt8 | A::UInt16 | A::UInt32 => {
                Self::Integers(to(&A::Int64)?.as_primitive::<Int64Type>().clone())
            }
            other => return Err(TuplesError::Type(other.to_string())),
        })
    }

    fn get(&self, row: usize) -> Option<Value<'_>> {
        match self {
            Self::Integers(a) => a.is_valid(row).then(|| Value::Number(a.value(row))),
            Self::Floats(a) => a.is_valid(row).then(|| match Leaf::of_f64(a.value(row)) {
                Leaf::Number(n) => Value::Number(n),
                Leaf::Text(_) | Leaf::Null => Value::Number(0),
            }),
            Self::Texts(a) => a.is_valid(row).then(|| Value::Text(a.value(row))),
            Self::Views(a) => a.is_valid(row).then(|| Value::Text(a.value(row))),
        }
    }
}

fn cast_keys(array: &ArrayRef) -> Result<ArrayRef, TuplesError> {
    let ArrowType::Dictionary(_, value) = array.data_type() else {
        return Err(TuplesError::Type(array.data_type().to_string()));
    };
    let wanted = ArrowType::Dictionary(Box::new(ArrowType::Int32), value.clone());
    cast(array, &wanted).map_err(|_| TuplesError::Type(array.data_type().to_string()))
}

/// The leaf of each row of a column; for the second pass.
pub(crate) fn leaves_of(array: &ArrayRef) -> Result<(Vec<u32>, Vec<Leaf>), TuplesError> {
    let mut interner = Interner::default();
    let mut codes = Vec::new();
    interner.push(array, &mut codes)?;
    Ok((codes, interner.leaves))
}
