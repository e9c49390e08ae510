//! Released groups as bytes: magic and version, then for each barrier the length of what follows, the length of a JSON
//! header, the header, and keys and cells as an Arrow IPC stream.

use super::{NoisyGroups, OtherCells, ReleasedGroups};
use crate::failure::FinishError;
use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"LYCREL\x00\x02";

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    groups: usize,
    keys: usize,
    widths: Vec<usize>,
    sigmas: Vec<f64>,
    other: Option<OtherCells>,
}

impl ReleasedGroups {
    /// The groups as bytes, readable for ever by [`Self::from_bytes`].
    ///
    /// # Errors
    /// [`FinishError::Stored`] when a key type can't be written, which certification excludes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FinishError> {
        let mut bytes = MAGIC.to_vec();
        for groups in &self.0 {
            let part = groups.to_bytes()?;
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`FinishError::Stored`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FinishError> {
        Self::read(bytes).ok_or(FinishError::Stored)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let mut groups = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<8>()?;
            let (part, after) = after.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
            groups.push(NoisyGroups::read(part)?);
            rest = after;
        }
        (!groups.is_empty()).then_some(Self(groups))
    }
}

impl NoisyGroups {
    fn to_bytes(&self) -> Result<Vec<u8>, FinishError> {
        let header = Header {
            groups: self.groups,
            keys: self.keys.len(),
            widths: self.widths.clone(),
            sigmas: self.sigmas.clone(),
            other: self.other.clone(),
        };
        let header = serde_json::to_vec(&header).map_err(|_| FinishError::Stored)?;
        let length = u32::try_from(header.len()).map_err(|_| FinishError::Stored)?;
        let mut bytes = Vec::with_capacity(header.len() + 16 * self.groups + 64);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&header);
        let batch = self.batch().map_err(|_| FinishError::Stored)?;
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).map_err(|_| FinishError::Stored)?;
        writer.write(&batch).and_then(|()| writer.finish()).map_err(|_| FinishError::Stored)?;
        drop(writer);
        Ok(bytes)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (header, stream) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let header: Header = serde_json::from_slice(header).ok()?;
        let batch = StreamReader::try_new(stream, None).ok()?.next()?.ok()?;
        let (keys, cells) = batch.columns().split_at_checked(header.keys)?;
        let numbers = |(c, &width): (&ArrayRef, &usize)| {
            let values = if width == 1 { Arc::clone(c) } else { Arc::clone(c.as_fixed_size_list_opt()?.values()) };
            values.as_primitive_opt::<Int64Type>().map(|c| c.values().to_vec())
        };
        let counts = [header.widths.len(), header.sigmas.len()];
        let cells: Vec<Vec<i64>> = cells.iter().zip(&header.widths).map(numbers).collect::<Option<_>>()?;
        let fits = |(c, w): (&Vec<i64>, &usize)| w.checked_mul(header.groups) == Some(c.len());
        let whole = batch.num_rows() == header.groups
            && counts.iter().all(|n| *n == cells.len())
            && cells.iter().zip(&header.widths).all(fits)
            && header.other.as_ref().is_none_or(|o| o.cells.len() == cells.len() && o.sigmas.len() == cells.len());
        whole.then(|| Self {
            keys: keys.to_vec(),
            groups: header.groups,
            widths: header.widths,
            cells,
            sigmas: header.sigmas,
            other: header.other,
        })
    }

    fn batch(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let keys = self.keys.iter().enumerate();
        let mut fields: Vec<Field> =
            keys.map(|(i, k)| Field::new(format!("k{i}"), k.data_type().clone(), true)).collect();
        let item = Arc::new(Field::new_list_field(DataType::Int64, false));
        let mut cells: Vec<ArrayRef> = Vec::with_capacity(self.cells.len());
        for (m, (numbers, &width)) in self.cells.iter().zip(&self.widths).enumerate() {
            let numbers: ArrayRef = Arc::new(Int64Array::from(numbers.clone()));
            let column = if width == 1 {
                numbers
            } else {
                let width = i32::try_from(width).unwrap_or(i32::MAX);
                Arc::new(FixedSizeListArray::try_new(Arc::clone(&item), width, numbers, None)?)
            };
            fields.push(Field::new(format!("m{m}"), column.data_type().clone(), false));
            cells.push(column);
        }
        let columns = self.keys.iter().cloned().chain(cells).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.groups));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;

    fn groups() -> ReleasedGroups {
        let keyed = NoisyGroups {
            keys: vec![Arc::new(StringArray::from(vec![Some("a"), None]))],
            groups: 2,
            widths: vec![1, 3],
            cells: vec![vec![-3, i64::MAX], vec![0, 7, 1, 2, 3, -4]],
            sigmas: vec![1.5, 1e9],
            other: Some(OtherCells { cells: vec![Some(4), None], sigmas: vec![2.0, 0.0] }),
        };
        let single = NoisyGroups {
            keys: vec![],
            groups: 1,
            widths: vec![1],
            cells: vec![vec![1]],
            sigmas: vec![0.5],
            other: None,
        };
        ReleasedGroups(vec![keyed, single])
    }

    #[test]
    fn bytes_read_back_as_the_same_groups() {
        let groups = groups();
        assert_eq!(ReleasedGroups::from_bytes(&groups.to_bytes().unwrap()).unwrap(), groups);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = groups().to_bytes().unwrap();
        for cut in [0, 7, 8, 11, 40, bytes.len() / 2, bytes.len() - 1] {
            assert!(ReleasedGroups::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut other = bytes;
        other[7] = 9;
        assert!(ReleasedGroups::from_bytes(&other).is_err());
    }
}
