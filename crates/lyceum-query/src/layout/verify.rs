//! Reading the written files back: what the engine is going to trust blindly is checked here, from the bytes.

use super::cap::{Cap, units};
use super::ordinal::{Ordinals, file_schema};
use super::ranges::Ranges;
use super::stored_file::StoredFile;
use super::{LayoutError, LayoutStats, WrittenTable};
use crate::catalog::DataFile;
use arrow::array::AsArray;
use arrow::datatypes::{SchemaRef, UInt32Type};
use futures::StreamExt;
use lyceum_schema::manifest::{PrivacyUnit, Table};
use object_store::ObjectStore;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use std::sync::Arc;

/// Checks each file's schema, statistics, order, range and counts, and the cap, over all files in their order.
pub(super) async fn verify(
    table: &Table,
    schema: &SchemaRef,
    written: &WrittenTable,
    store: Arc<dyn ObjectStore>,
) -> Result<(), LayoutError> {
    let private = *table.unit() != PrivacyUnit::None;
    let schema = if private { file_schema(schema) } else { schema.clone() };
    let ranges = Ranges::of(table);
    let mut ordinals = Ordinals::new(ranges);
    let mut cap = Cap::new(table.max_rows_per_unit());
    let mut found = LayoutStats { capped_rows: written.stats.capped_rows, ..LayoutStats::default() };
    let mut previous: Option<u64> = None;
    for file in &written.files {
        let reader = StoredFile::new(store.clone(), file);
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|_| unreadable())?;
        if builder.schema().fields() != schema.fields() {
            return Err(LayoutError::Verify("a file has other columns"));
        }
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).map_err(|_| unreadable())?;
        if rows != file.rows || rows == 0 {
            return Err(LayoutError::Verify("a file has another number of rows"));
        }
        found.rows += rows;
        if !private {
            continue;
        }
        if previous.is_some_and(|last| file.unit_low <= last) {
            return Err(LayoutError::Verify("two files share units or are out of order"));
        }
        if ranges.index(file.unit_low) != ranges.index(file.unit_high) {
            return Err(LayoutError::Straddles);
        }
        check_statistics(builder.metadata(), file)?;

        let range = ranges.index(file.unit_low);
        let unit_and_ordinal = ProjectionMask::roots(builder.parquet_schema(), [0, schema.fields().len() - 1]);
        let mut batches =
            builder.with_projection(unit_and_ordinal).with_batch_size(8_192).build().map_err(|_| unreadable())?;
        let mut first = None;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|_| unreadable())?;
            let ids = units(&batch).ok_or(LayoutError::Verify("a unit is NULL"))?;
            if cap.keep(ids).is_some() {
                return Err(LayoutError::Verify("a unit has more rows than its cap"));
            }
            let expected = ordinals.number(ids.values(), range)?;
            if batch.column(1).as_primitive_opt::<UInt32Type>() != Some(&expected) {
                return Err(LayoutError::Verify("units are not numbered in their order"));
            }
            for id in ids.values() {
                first.get_or_insert(*id);
                if previous.is_some_and(|last| *id < last) {
                    return Err(LayoutError::Verify("rows are not sorted by unit"));
                }
                previous = Some(*id);
            }
        }
        if first != Some(file.unit_low) || previous != Some(file.unit_high) {
            return Err(LayoutError::Verify("a file has other units than it was registered with"));
        }
    }
    found.units = cap.units;
    if found == written.stats { Ok(()) } else { Err(LayoutError::Verify("counts don't add up")) }
}

/// Checks the files of rows that are stored as they come: schema and counts.
pub(super) async fn verify_rows(
    schema: &SchemaRef,
    written: &WrittenTable,
    store: Arc<dyn ObjectStore>,
) -> Result<(), LayoutError> {
    for file in &written.files {
        let reader = StoredFile::new(store.clone(), file);
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|_| unreadable())?;
        if builder.schema().fields() != schema.fields() {
            return Err(LayoutError::Verify("a file has other columns"));
        }
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).map_err(|_| unreadable())?;
        if rows != file.rows || rows == 0 {
            return Err(LayoutError::Verify("a file has another number of rows"));
        }
    }
    Ok(())
}

/// The row groups' statistics of the unit column rise from the file's lowest to its highest unit.
fn check_statistics(metadata: &ParquetMetaData, file: &DataFile) -> Result<(), LayoutError> {
    let missing = LayoutError::Verify("statistics of the unit column are missing");
    let mut last = None;
    for group in metadata.row_groups() {
        let Some(Statistics::Int64(statistics)) = group.columns().first().and_then(|c| c.statistics()) else {
            return Err(missing);
        };
        // Parquet stores unsigned integers in the bits of signed ones and orders them as unsigned.
        let (low, high) = match (statistics.min_opt(), statistics.max_opt()) {
            (Some(low), Some(high)) => (low.cast_unsigned(), high.cast_unsigned()),
            _ => return Err(missing),
        };
        let in_order = low <= high && last.is_none_or(|last| last <= low);
        if !in_order || low < file.unit_low || high > file.unit_high {
            return Err(LayoutError::Verify("row groups overlap or are out of order"));
        }
        last = Some(high);
    }
    Ok(())
}

const fn unreadable() -> LayoutError {
    LayoutError::Verify("a file can't be read back")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, UInt32Array, UInt64Array};
    use arrow::record_batch::RecordBatch;
    use lyceum_schema::manifest::Manifest;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use parquet::arrow::ArrowWriter;

    fn table() -> Table {
        let text = "[dataset]\nname = \"d\"\ntitle = \"D\"\nversion = \"1\"\nowner = \"o\"\nlicence = \"l\"\nsource = \"s\"\n\
            [[table]]\nname = \"t\"\nprivacy_unit = { column = \"u\" }\npopulation = \"p\"\nmax_rows_per_unit = 2\nexpected_rows = 9\n\
            [[table.column]]\nname = \"u\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n\
            [[table.column]]\nname = \"v\"\ntype = \"int64\"\nrole = \"measure\"\nbounds = [0, 9]\n";
        Manifest::parse("m.toml", text).unwrap_or_else(|e| panic!("{e:?}")).tables()[0].clone()
    }

    /// Writes files of these units as they are, registers them as `claim` says, and verifies.
    async fn verdict(files: &[&[u64]], claim: impl Fn(&mut WrittenTable)) -> Result<(), LayoutError> {
        numbered(files, |_, ordinal| ordinal, claim).await
    }

    /// The same, with other ordinals than counting gives.
    async fn numbered(
        files: &[&[u64]],
        ordinal: impl Fn(u64, u32) -> u32,
        claim: impl Fn(&mut WrittenTable),
    ) -> Result<(), LayoutError> {
        let (table, store) = (table(), Arc::new(InMemory::new()));
        let (stored, ranges) = (super::super::stored_schema(&table), Ranges::of(&table));
        let schema = file_schema(&stored);
        let mut ordinals = Ordinals::new(ranges);
        let mut written = WrittenTable { files: Vec::new(), stats: LayoutStats::default() };
        let mut units = std::collections::BTreeSet::new();
        for (i, ids) in files.iter().enumerate() {
            let values: ArrayRef = Arc::new(Int64Array::from(vec![1; ids.len()]));
            let counted = ordinals.number(ids, ranges.index(ids[0]))?;
            let given: UInt32Array = ids.iter().zip(counted.values()).map(|(u, o)| Some(ordinal(*u, *o))).collect();
            let columns = vec![Arc::new(UInt64Array::from(ids.to_vec())) as ArrayRef, values, Arc::new(given)];
            let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
            let mut bytes = Vec::new();
            let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            written.files.push(DataFile {
                path: format!("f{i}"),
                bytes: bytes.len() as u64,
                rows: ids.len() as u64,
                unit_low: ids[0],
                unit_high: ids[ids.len() - 1],
            });
            store.put(&Path::from(format!("f{i}")), bytes.into()).await.unwrap();
            units.extend(ids.iter().copied());
            written.stats.rows += ids.len() as u64;
        }
        written.stats.units = units.len() as u64;
        claim(&mut written);
        verify(&table, &stored, &written, store).await
    }

    #[tokio::test]
    async fn a_right_layout_passes_and_each_wrong_one_fails() {
        let as_is = |_: &mut WrittenTable| {};
        let high = 1 << 63;
        assert_eq!(verdict(&[&[1, 1, 5], &[high]], as_is).await, Ok(()));

        let fails = |outcome: Result<(), LayoutError>, what: &str| {
            assert!(matches!(outcome, Err(LayoutError::Verify(text)) if text.contains(what)), "{what}: {outcome:?}");
        };
        fails(verdict(&[&[1, 7, 5, 9]], as_is).await, "not sorted");
        fails(verdict(&[&[1, 1, 1]], as_is).await, "more rows than its cap");
        fails(verdict(&[&[1, 5], &[5, 6]], as_is).await, "share units");
        fails(verdict(&[&[high], &[1]], as_is).await, "out of order");
        assert_eq!(verdict(&[&[1, high]], as_is).await, Err(LayoutError::Straddles));
        let joined = numbered(&[&[1, 5, 7]], |unit, o| if unit == 5 { o - 1 } else { o }, as_is).await;
        fails(joined, "not numbered");
        let parted = numbered(&[&[1, 5, 5]], |_, o| o + 1, as_is).await;
        fails(parted, "not numbered");
        fails(verdict(&[&[1, 5]], |w| w.files[0].rows = 3).await, "number of rows");
        fails(verdict(&[&[1, 5]], |w| w.files[0].unit_low = 0).await, "other units");
        fails(verdict(&[&[1, 5]], |w| w.files[0].unit_high = 4).await, "row groups");
        fails(verdict(&[&[1, 5]], |w| w.stats.units = 1).await, "counts");
        fails(verdict(&[&[1, 5]], |w| w.files[0].path = "gone".into()).await, "can't be read back");
    }
}
