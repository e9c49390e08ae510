//! Answers of any size, written as they come: under another name until they are whole, so that a file with the name asked
//! for is never half an answer.

use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress;
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use parquet::arrow::ArrowWriter;
use reqwest::Response;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes a body as it is, to a file or to standard output.
pub(super) async fn save(client: &Client, response: &mut Response, output: Option<&Path>) -> Outcome {
    let Some(path) = output else {
        while let Some(chunk) = chunk(client, response).await? {
            output::bytes(&chunk);
        }
        return Ok(());
    };
    let mut file = Unfinished::create(path)?;
    let bar = progress::spinner("receiving");
    while let Some(chunk) = chunk(client, response).await? {
        file.file.write_all(&chunk).map_err(|e| Failure::file(path, &e))?;
        bar.set_message(format!("receiving {}", path.display()));
    }
    bar.finish_and_clear();
    file.finish()
}

/// Writes an Arrow IPC stream as a Parquet file.
pub(super) async fn parquet(client: &Client, response: &mut Response, path: &Path) -> Outcome {
    let failed = |e: &dyn std::fmt::Display| {
        Failure::local("E9015", format!("the answer can't be written as Parquet: {e}"), "use --format arrow")
    };
    let file = Unfinished::create(path)?;
    let mut decoder = StreamDecoder::new();
    let mut writer: Option<ArrowWriter<File>> = None;
    let bar = progress::spinner("receiving");
    while let Some(chunk) = chunk(client, response).await? {
        let mut left = Buffer::from(chunk);
        while !left.is_empty() {
            let Some(batch) = decoder.decode(&mut left).map_err(|e| failed(&e))? else { continue };
            let writer = match &mut writer {
                Some(writer) => writer,
                none => {
                    let copy = file.file.try_clone().map_err(|e| Failure::file(path, &e))?;
                    none.insert(ArrowWriter::try_new(copy, batch.schema(), None).map_err(|e| failed(&e))?)
                }
            };
            writer.write(&batch).map_err(|e| failed(&e))?;
        }
    }
    decoder.finish().map_err(|e| failed(&e))?;
    bar.finish_and_clear();
    let writer = match (writer, decoder.schema()) {
        (Some(writer), _) => writer,
        (None, Some(schema)) => {
            let copy = file.file.try_clone().map_err(|e| Failure::file(path, &e))?;
            ArrowWriter::try_new(copy, schema, None).map_err(|e| failed(&e))?
        }
        (None, None) => return Err(failed(&"it has no columns")),
    };
    writer.close().map_err(|e| failed(&e))?;
    file.finish()
}

async fn chunk(client: &Client, response: &mut Response) -> Outcome<Option<bytes::Bytes>> {
    response.chunk().await.map_err(|_| Failure::Unreachable {
        server: client.server().to_owned(),
        why: "its answer broke off: a release that it reads may have been paused or revoked".into(),
    })
}

/// A file that is being written beside its name. Dropped before the end, it is deleted.
struct Unfinished<'a> {
    file: File,
    aside: PathBuf,
    path: &'a Path,
    finished: bool,
}

impl<'a> Unfinished<'a> {
    fn create(path: &'a Path) -> Outcome<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let aside = path.with_file_name(name);
        let file = File::create(&aside).map_err(|e| Failure::file(&aside, &e))?;
        Ok(Self { file, aside, path, finished: false })
    }

    fn finish(mut self) -> Outcome {
        self.file.sync_all().map_err(|e| Failure::file(&self.aside, &e))?;
        std::fs::rename(&self.aside, self.path).map_err(|e| Failure::file(self.path, &e))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // What can't be deleted is left under its telling name.
            let _ = std::fs::remove_file(&self.aside);
        }
    }
}
