//! Ranges as people read them: where a format has no structs (CSV) or no use for one (JSON), the label stands for the cell.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use std::sync::Arc;

/// The batch with labels in place of ranges.
pub(super) fn labelled(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.schema().fields().iter().any(|f| is_range(f.data_type())) {
        return Ok(batch.clone());
    }
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        match column.as_struct_opt().filter(|_| is_range(field.data_type())) {
            Some(ranges) => {
                let node = ranges.column(2);
                let nulls = NullBuffer::union(node.nulls(), ranges.nulls());
                columns.push(make_array(node.to_data().into_builder().nulls(nulls).build()?));
                fields.push(Arc::new(Field::new(field.name(), node.data_type().clone(), true)));
            }
            None => {
                columns.push(Arc::clone(column));
                fields.push(Arc::clone(field));
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Whether a column is one of ranges: a struct of lo, hi, node and level.
pub(super) fn is_range(of: &DataType) -> bool {
    let DataType::Struct(fields) = of else { return false };
    fields.iter().map(|f| f.name().as_str()).eq(["lo", "hi", "node", "level"])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::labelled;
    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StructArray, UInt8Array};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::{DataType, Field, Fields, Schema};
    use std::sync::Arc;

    #[test]
    fn a_range_is_shown_by_its_label_and_null_stays_null() {
        let fields = Fields::from(vec![
            Field::new("lo", DataType::Int64, true),
            Field::new("hi", DataType::Int64, true),
            Field::new("node", DataType::Utf8, true),
            Field::new("level", DataType::UInt8, true),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![20, 30])),
            Arc::new(Int64Array::from(vec![29, 39])),
            Arc::new(StringArray::from(vec!["20-29", "30-39"])),
            Arc::new(UInt8Array::from(vec![1, 1])),
        ];
        let ranges = StructArray::new(fields, columns, Some(NullBuffer::from(vec![true, false])));
        let schema = Schema::new(vec![Field::new("age", ranges.data_type().clone(), true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(ranges)]).unwrap();
        let shown = labelled(&batch).unwrap();
        assert_eq!(shown.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("20-29"), None]);
    }
}
