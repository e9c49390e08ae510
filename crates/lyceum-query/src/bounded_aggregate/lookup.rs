//! Finding a key's value in its declared list: one table per key, made once per query.
//!
//! Whole numbers whose list is dense are an array lookup; texts are found by their length and first bytes; everything
//! else by its row encoding.

use crate::barrier::Key;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue, internal_err};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The code of values that are not in the list, larger than any sum of codes that are.
pub(super) const MISSING: u32 = 1 << 27;
/// Widest table of whole numbers, in entries.
const MAX_TABLE: i64 = 1 << 16;

/// One key's list.
pub(super) struct Lookup {
    null: u32,
    values: Values,
}

enum Values {
    /// Code by value − low.
    Table {
        low: i64,
        codes: Vec<u32>,
    },
    /// Code by value.
    Whole(HashMap<i64, u32, BuildHasherDefault<Mixed>>),
    Boolean([u32; 2]),
    Text(Texts),
    /// Code by row encoding.
    Rows(Box<RowConverter>, HashMap<Box<[u8]>, u32>),
}

impl Lookup {
    /// A list whose values have the codes 0, `step`, 2·`step`, …
    ///
    /// # Errors
    /// When two values are the same, or of another type than the key.
    pub(super) fn new(key: &Key, list: &[ScalarValue], step: u32) -> Result<Self> {
        let mut null = None;
        let mut coded = Vec::with_capacity(list.len());
        for (value, place) in list.iter().zip(0u32..) {
            let code = place * step;
            if !value.is_null() {
                coded.push((value, code));
            } else if null.replace(code).is_some() {
                return internal_err!("declared keys are not distinct");
            }
        }
        let values = match key.data_type {
            DataType::Boolean => boolean(&coded)?,
            DataType::Utf8 => Values::Text(Texts::new(&coded)?),
            DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, None) => {
                whole(&coded)?
            }
            _ => rows(key, &coded)?,
        };
        Ok(Self { null: null.unwrap_or(MISSING), values })
    }

    /// Adds the code of every row to `codes`, which stay as they are above [`MISSING`].
    ///
    /// # Errors
    /// When the column is of another type than the key.
    pub(super) fn add_codes(&self, column: &ArrayRef, codes: &mut [u32]) -> Result<()> {
        match (&self.values, column.data_type()) {
            (Values::Boolean(by_value), DataType::Boolean) => {
                let column = column.as_boolean();
                for (row, code) in codes.iter_mut().enumerate() {
                    let found = if column.is_null(row) { self.null } else { by_value[usize::from(column.value(row))] };
                    *code = code.saturating_add(found);
                }
            }
            (_, DataType::Int32) => self.add_whole(column.as_primitive::<Int32Type>(), codes),
            (_, DataType::Int64) => self.add_whole(column.as_primitive::<Int64Type>(), codes),
            (_, DataType::Date32) => self.add_whole(column.as_primitive::<Date32Type>(), codes),
            (_, DataType::Timestamp(TimeUnit::Microsecond, None)) => {
                self.add_whole(column.as_primitive::<TimestampMicrosecondType>(), codes);
            }
            (Values::Text(texts), DataType::Utf8) => self.add_texts(texts, column.as_string(), codes),
            (Values::Rows(converter, by_row), _) => {
                let rows = converter.convert_columns(std::slice::from_ref(column))?;
                for (row, code) in codes.iter_mut().enumerate() {
                    let found = by_row.get(rows.row(row).as_ref()).copied().unwrap_or(MISSING);
                    *code = code.saturating_add(if column.is_null(row) { self.null } else { found });
                }
            }
            _ => return internal_err!("a key column has another type than its list"),
        }
        Ok(())
    }

    fn add_whole<T: ArrowPrimitiveType<Native: Into<i64>>>(&self, column: &PrimitiveArray<T>, codes: &mut [u32]) {
        match &self.values {
            Values::Table { low, codes: table } => {
                let code = |v: T::Native| {
                    let v: i64 = v.into();
                    usize::try_from(v.wrapping_sub(*low)).ok().and_then(|i| table.get(i)).copied().unwrap_or(MISSING)
                };
                self.add(column, codes, code);
            }
            Values::Whole(map) => self.add(column, codes, |v| map.get(&v.into()).copied().unwrap_or(MISSING)),
            Values::Boolean(_) | Values::Text(_) | Values::Rows(..) => {
                codes.iter_mut().for_each(|c| *c = c.saturating_add(MISSING))
            }
        }
    }

    fn add<T: ArrowPrimitiveType>(
        &self,
        column: &PrimitiveArray<T>,
        codes: &mut [u32],
        code_of: impl Fn(T::Native) -> u32,
    ) {
        if column.null_count() == 0 {
            codes.iter_mut().zip(column.values()).for_each(|(code, &v)| *code = code.saturating_add(code_of(v)));
        } else {
            codes
                .iter_mut()
                .zip(column)
                .for_each(|(code, v)| *code = code.saturating_add(v.map_or(self.null, &code_of)));
        }
    }

    fn add_texts(&self, texts: &Texts, column: &StringArray, codes: &mut [u32]) {
        let (offsets, bytes) = (column.value_offsets(), column.value_data());
        for (row, (ends, code)) in offsets.windows(2).zip(codes).enumerate() {
            let text = (ends[0] as usize, ends[1] as usize);
            let found = if column.is_null(row) { self.null } else { texts.code(bytes, text) };
            *code = code.saturating_add(found);
        }
    }
}

fn boolean(coded: &[(&ScalarValue, u32)]) -> Result<Values> {
    let mut codes = [MISSING; 2];
    for (value, code) in coded {
        let ScalarValue::Boolean(Some(value)) = value else { return internal_err!("a list has another type") };
        if std::mem::replace(&mut codes[usize::from(*value)], *code) != MISSING {
            return internal_err!("declared keys are not distinct");
        }
    }
    Ok(Values::Boolean(codes))
}

fn whole(coded: &[(&ScalarValue, u32)]) -> Result<Values> {
    let mut values = Vec::with_capacity(coded.len());
    for (value, code) in coded {
        let value = match value {
            ScalarValue::Int32(Some(v)) | ScalarValue::Date32(Some(v)) => i64::from(*v),
            ScalarValue::Int64(Some(v)) | ScalarValue::TimestampMicrosecond(Some(v), None) => *v,
            _ => return internal_err!("a list has another type than its key"),
        };
        values.push((value, *code));
    }
    let low = values.iter().map(|v| v.0).min().unwrap_or(0);
    let high = values.iter().map(|v| v.0).max().unwrap_or(0);
    let width = high.checked_sub(low).filter(|width| *width < MAX_TABLE).and_then(|width| usize::try_from(width).ok());
    let map: HashMap<i64, u32, _> = values.iter().copied().collect();
    if map.len() != coded.len() {
        return internal_err!("declared keys are not distinct");
    }
    let Some(width) = width else { return Ok(Values::Whole(map)) };
    let mut codes = vec![MISSING; width + 1];
    for (value, code) in values {
        codes[usize::try_from(value - low).unwrap_or(0)] = code;
    }
    Ok(Values::Table { low, codes })
}

fn rows(key: &Key, coded: &[(&ScalarValue, u32)]) -> Result<Values> {
    let converter = RowConverter::new(vec![SortField::new(key.data_type.clone())])?;
    let mut by_row = HashMap::new();
    for (value, code) in coded {
        let row = converter.convert_columns(&[value.to_array()?])?;
        if by_row.insert(Box::from(row.row(0).as_ref()), *code).is_some() {
            return internal_err!("declared keys are not distinct");
        }
    }
    Ok(Values::Rows(Box::new(converter), by_row))
}

/// A list of texts as an open-addressing table over (length, first eight bytes).
struct Texts {
    /// Place → the entry there; at least half are free.
    places: Vec<Option<Text>>,
    shift: u32,
}

struct Text {
    head: u64,
    text: Box<[u8]>,
    code: u32,
}

impl Texts {
    fn new(coded: &[(&ScalarValue, u32)]) -> Result<Self> {
        let bits = (coded.len() * 4).next_power_of_two().trailing_zeros().max(1);
        let mut texts = Self { places: Vec::new(), shift: u64::BITS - bits };
        texts.places.resize_with(1 << bits, || None);
        for (value, code) in coded {
            let ScalarValue::Utf8(Some(value)) = value else { return internal_err!("a list has another type") };
            let bytes = value.as_bytes();
            let head = head(bytes, (0, bytes.len()));
            let mut place = texts.place(head, bytes.len());
            while let Some(there) = &texts.places[place] {
                if *there.text == *bytes {
                    return internal_err!("declared keys are not distinct");
                }
                place = (place + 1) & (texts.places.len() - 1);
            }
            texts.places[place] = Some(Text { head, text: bytes.into(), code: *code });
        }
        Ok(texts)
    }

    fn place(&self, head: u64, length: usize) -> usize {
        (mixed(head ^ (length as u64).rotate_left(56)) >> self.shift) as usize
    }

    /// The code of `bytes[start..end]`.
    fn code(&self, bytes: &[u8], (start, end): (usize, usize)) -> u32 {
        let (head, length) = (head(bytes, (start, end)), end - start);
        let mut place = self.place(head, length);
        while let Some(there) = &self.places[place] {
            if there.head == head && there.text.len() == length && (length <= 8 || *there.text == bytes[start..end]) {
                return there.code;
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        MISSING
    }
}

/// The first eight bytes of `bytes[start..end]` as a number, zeros behind the end.
fn head(bytes: &[u8], (start, end): (usize, usize)) -> u64 {
    let length = (end - start).min(8);
    if length == 0 {
        return 0;
    }
    let eight = match bytes.get(start..start + 8) {
        Some(eight) => eight.try_into().unwrap_or([0; 8]),
        // Close to the end of the buffer.
        None => {
            let mut eight = [0u8; 8];
            eight[..length].copy_from_slice(&bytes[start..start + length]);
            eight
        }
    };
    u64::from_le_bytes(eight) & (u64::MAX >> (64 - 8 * length))
}

/// Multiplication spreads a number's bits upwards.
const fn mixed(v: u64) -> u64 {
    (v ^ (v >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A hasher of whole numbers of a public list.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&b| self.0 = mixed(self.0 ^ u64::from(b)));
    }
    fn write_i64(&mut self, v: i64) {
        self.0 = mixed(v.cast_unsigned()).rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array};
    use std::sync::Arc;

    fn codes(list: &[ScalarValue], column: ArrayRef) -> Vec<Option<u32>> {
        let key = Key { name: "k".into(), data_type: column.data_type().clone(), values: None };
        let mut codes = vec![0; column.len()];
        Lookup::new(&key, list, 10).unwrap().add_codes(&column, &mut codes).unwrap();
        codes.into_iter().map(|c| (c != MISSING).then_some(c)).collect()
    }

    #[test]
    fn every_type_of_key_is_found_and_others_are_not() {
        let text = |t: &str| ScalarValue::Utf8(Some(t.into()));
        let list = ["", "a", "ab", "abcdefgh", "abcdefghi", "abcdefghj", "\u{e4}"].map(text);
        let column =
            StringArray::from(vec!["abcdefghj", "abcdefghk", "", "ab", "abcdefgh", "b", "a\0", "\u{e4}", "abcdefghi"]);
        let expected = [Some(50), None, Some(0), Some(20), Some(30), None, None, Some(60), Some(40)];
        assert_eq!(codes(&list, Arc::new(column)), expected);

        let list = [7, 3, 4].map(|v| ScalarValue::Int64(Some(v)));
        let column = Int64Array::from(vec![Some(3), Some(7), Some(5), None, Some(i64::MIN), Some(i64::MAX)]);
        assert_eq!(codes(&list, Arc::new(column)), [Some(10), Some(0), None, None, None, None]);

        let list = [i64::MIN, 0, i64::MAX].map(|v| ScalarValue::Int64(Some(v)));
        let column = Int64Array::from(vec![i64::MAX, 1, 0, i64::MIN]);
        assert_eq!(codes(&list, Arc::new(column)), [Some(20), None, Some(10), Some(0)]);

        let list = [ScalarValue::Date32(None), ScalarValue::Date32(Some(-1))];
        let column = Date32Array::from(vec![None, Some(-1), Some(0)]);
        assert_eq!(codes(&list, Arc::new(column)), [Some(0), Some(10), None]);

        let list = [ScalarValue::Boolean(Some(true))];
        assert_eq!(codes(&list, Arc::new(BooleanArray::from(vec![true, false]))), [Some(0), None]);

        let list = [ScalarValue::Float64(Some(1.5)), ScalarValue::Float64(None)];
        let column = Float64Array::from(vec![Some(1.5), None, Some(2.0)]);
        assert_eq!(codes(&list, Arc::new(column)), [Some(0), Some(10), None]);
    }

    #[test]
    fn values_that_stand_twice_are_refused() {
        for (data_type, value) in [
            (DataType::Int64, ScalarValue::Int64(Some(1))),
            (DataType::Utf8, ScalarValue::Utf8(Some("x".into()))),
            (DataType::Boolean, ScalarValue::Boolean(Some(true))),
            (DataType::Int64, ScalarValue::Int64(None)),
            (DataType::Float64, ScalarValue::Float64(Some(1.0))),
        ] {
            let key = Key { name: "k".into(), data_type, values: None };
            assert!(Lookup::new(&key, &[value.clone(), value], 1).is_err());
        }
    }
}
