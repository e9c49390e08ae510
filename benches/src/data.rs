//! The data sets on disk: for the peers one Parquet file per table, in order of time; for us the stored layout.

use crate::events::{EventColumns, Events};
use crate::world;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use lyceum_query::catalog::DataFile;
use lyceum_query::layout::{InputFailed, LayoutOptions, channel, stored_schema, write_table};
use lyceum_schema::manifest::Table;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::error::Error;
use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are generated at a time; also the row group of the peers' files.
const CHUNK: u64 = 1_000_000;
/// Rows of the one user that is added to a data set with a whale.
pub(crate) const WHALE_ROWS: usize = 500_000;

/// A data set: `1m`, `10m`, `100m`, or one with a whale in it: `1m-whale`.
#[derive(Debug, Clone)]
pub(crate) struct DataSet {
    /// The folder it is in.
    pub(crate) folder: PathBuf,
    /// Rows, without the whale's.
    pub(crate) rows: u64,
    whale: bool,
}

impl DataSet {
    /// By its name, in `folder`.
    pub(crate) fn named(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let (size, whale) = name.strip_suffix("-whale").map_or((name, false), |size| (size, true));
        let digits = size.trim_end_matches(['k', 'm']);
        let times = match &size[digits.len()..] {
            "" => 1,
            "k" => 1_000,
            "m" => 1_000_000,
            _ => return Err(format!("{name} is not a size: 1m, 10m, 100m or 1m-whale").into()),
        };
        let rows = digits.parse::<u64>()? * times;
        Ok(Self { folder: folder.join(name), rows, whale })
    }

    /// Users, with the whale.
    pub(crate) const fn users(&self) -> u64 {
        self.rows / 10 + self.whale as u64
    }

    /// Where our layout is.
    pub(crate) fn layout(&self) -> PathBuf {
        self.folder.join("layout")
    }

    /// The files of one table of our layout.
    pub(crate) fn files(&self, table: &str) -> Result<Vec<DataFile>, Box<dyn Error>> {
        let text = std::fs::read_to_string(self.folder.join(format!("{table}.json")))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes what is missing.
    pub(crate) async fn make(&self) -> Result<(), Box<dyn Error>> {
        create_dir_all(self.layout())?;
        let tables = world::tables(self)?;
        let events = Arc::new(Events::new(self.rows));
        for table in &tables {
            let name = table.name().as_str();
            if self.folder.join(format!("{name}.json")).exists() {
                continue;
            }
            let made = std::time::Instant::now();
            let files = self.write(table, Arc::clone(&events)).await?;
            let path = self.folder.join(format!("{name}.json"));
            std::fs::write(path, serde_json::to_string_pretty(&files)?)?;
            let bytes: u64 = files.iter().map(|f| f.bytes).sum();
            eprintln!("{name}: {} files, {bytes} bytes, {:.0} s", files.len(), made.elapsed().as_secs_f64());
        }
        Ok(())
    }

    /// Writes one table in both forms.
    async fn write(&self, table: &Table, events: Arc<Events>) -> Result<Vec<DataFile>, Box<dyn Error>> {
        let schema = stored_schema(table);
        let plain = plain_schema(&schema);
        let path = self.folder.join(format!("{}.parquet", table.name().as_str()));
        let is_users = table.name().as_str() == "users";
        let (rows, whale) = (if is_users { events.users() } else { self.rows }, self.whale);
        let (sender, receiver) = channel(2);
        let (stored, users) = (schema.clone(), events.users());
        let producer = tokio::task::spawn_blocking(move || -> Result<(), String> {
            let words = |e: &dyn Error| e.to_string();
            let mut writer = peers_file(&path, plain.clone()).map_err(|e| words(&*e))?;
            let mut push = |columns: EventColumns| -> Result<(), String> {
                let batch = RecordBatch::try_new(stored.clone(), columns.opaque()).map_err(|e| words(&e))?;
                for start in (0..batch.num_rows()).step_by(1 << 14) {
                    let part = batch.slice(start, (batch.num_rows() - start).min(1 << 14));
                    sender.blocking_send(Ok::<_, InputFailed>(part)).map_err(|e| words(&e))?;
                }
                let batch = RecordBatch::try_new(plain.clone(), columns.plain()).map_err(|e| words(&e))?;
                writer.write(&batch).map_err(|e| words(&e))
            };
            for from in (0..rows).step_by(CHUNK as usize) {
                let to = (from + CHUNK).min(rows);
                push(if is_users { events.user_columns(from, to) } else { events.columns(from, to) })?;
            }
            if whale {
                push(if is_users {
                    events.user_columns(users, users + 1)
                } else {
                    EventColumns::whale(users + 1, WHALE_ROWS)
                })?;
            }
            writer.close().map_err(|e| words(&e))?;
            Ok(())
        });
        let store = Arc::new(LocalFileSystem::new_with_prefix(self.layout())?);
        let spill = self.folder.join("spill");
        create_dir_all(&spill)?;
        let options = LayoutOptions {
            prefix: ObjectPath::from(table.name().as_str()),
            memory_bytes: 1 << 30,
            spill_directory: spill,
            sample_key: [7; 16],
        };
        let written = write_table(table, receiver, store, &options).await?;
        producer.await??;
        Ok(written.files)
    }
}

/// The peers' schema: user ids are visible 64-bit integers.
fn plain_schema(stored: &SchemaRef) -> SchemaRef {
    let user = Field::new("user_id", DataType::Int64, false);
    let others = stored.fields().iter().skip(1).map(|f| f.as_ref().clone());
    Arc::new(Schema::new(std::iter::once(user).chain(others).collect::<Vec<_>>()))
}

fn peers_file(path: &Path, schema: SchemaRef) -> Result<ArrowWriter<File>, Box<dyn Error>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(CHUNK as usize))
        .build();
    Ok(ArrowWriter::try_new(File::create(path)?, schema, Some(properties))?)
}
