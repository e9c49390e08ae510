//! Anonymises a semicolon-separated file of text columns with ARX hierarchies beside it, and prints what it costs.
//! For measurements: links neither DataFusion nor the server.
//!
//! anonymise DIR [--k 5] [--suppression 0.05] [--l COLUMN:L] [--engine lattice|ranges|labels] [--rows N] [--repeat R] [--occurring] [--out FILE] [--report FILE]
#![allow(clippy::print_stdout, missing_docs)]

use arrow::array::{ArrayRef, DictionaryArray, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use arrow::util::display::array_value_to_string;
use lyceum_anonymize::hierarchy::Hierarchy;
use lyceum_anonymize::lattice::{Objective, search};
use lyceum_anonymize::model::{Requirements, SensitiveModel};
use lyceum_anonymize::partition::partition;
use lyceum_anonymize::ranges::label;
use lyceum_anonymize::recode::{Print, Recoder, Recoding};
use lyceum_anonymize::risk::{Subject, assess, page};
use lyceum_anonymize::tuples::{Layout, TupleBuilder, Tuples};
use lyceum_schema::manifest::DataType;
use lyceum_schema::policy::HierarchySource;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let dir = args.first().ok_or("which folder?")?;
    let k: u32 = flag("--k").map_or(Ok(5), |v| v.parse())?;
    let suppression: f64 = flag("--suppression").map_or(Ok(0.05), |v| v.parse())?;
    let repeat: usize = flag("--repeat").map_or(Ok(5), |v| v.parse())?;
    let text = std::fs::read_to_string(format!("{dir}/adult.csv"))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("empty")?.split(';').collect();
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split(';').collect()).collect();
    let wanted: usize = flag("--rows").map_or(Ok(rows.len()), |v| v.parse())?;
    let columns = columns(&rows, header.len(), wanted);
    let batches = batches(&header, &columns)?;
    let sensitive = flag("--l").map(|v| v.split_once(':').ok_or("--l COLUMN:L")).transpose()?;
    let mut requirements = Requirements { k, sensitive: Vec::new() };
    let mut layout = Layout::default();
    for (at, name) in header.iter().enumerate() {
        match sensitive {
            Some((column, l)) if column == *name => {
                layout.sensitive.push(at);
                requirements.sensitive.push((0, SensitiveModel::DistinctDiversity(l.parse()?)));
            }
            _ => layout.quasi.push(at),
        }
    }
    let sources: Vec<HierarchySource> = layout
        .quasi
        .iter()
        .map(|&c| {
            std::fs::read_to_string(format!("{dir}/adult_hierarchy_{}.csv", header[c])).map(HierarchySource::Table)
        })
        .collect::<Result<_, _>>()?;
    // The reference's scorer counts the leaves that occur, ARX's own score all leaves of the hierarchy.
    let sources =
        if args.iter().any(|a| a == "--occurring") { occurring(&sources, &layout, &columns) } else { sources };
    let engine = flag("--engine").map_or("lattice", String::as_str);
    for round in 0..repeat {
        let start = Instant::now();
        let tuples = tuples(&layout, &header, &batches, &sources)?;
        let collected = start.elapsed();
        let (recoding, note) = match engine {
            "ranges" => (partition(&tuples, &requirements, Print::Ranges)?, String::new()),
            "labels" => (partition(&tuples, &requirements, Print::Labels)?, String::new()),
            other => {
                let objective = if other == "arithmetic" { Objective::Loss } else { Objective::GeometricLoss };
                let found = search(&tuples, &requirements, suppression, objective)?;
                let note =
                    format!("node {:?} score {:.6} checked {}/{}", found.node, found.score, found.checked, found.nodes);
                (found.recoding, note)
            }
        };
        let all = start.elapsed();
        if let (0, Some(file)) = (round, flag("--out")) {
            std::fs::write(file, released(&header, &layout, &tuples, &recoding, &batches)?)?;
        }
        if let (0, Some(file)) = (round, flag("--report")) {
            let names = |of: &[usize]| of.iter().map(|&at| header[at].to_owned()).collect();
            let subject = Subject {
                release_sha256: String::new(),
                quasi_identifiers: names(&layout.quasi),
                sensitive: names(&layout.sensitive),
                population: None,
                requirements: &requirements,
                workload: Vec::new(),
                intersections: Vec::new(),
                seed: 1,
            };
            let report = assess(&tuples, &recoding, subject);
            std::fs::write(file, serde_json::to_string_pretty(&report)?)?;
            std::fs::write(format!("{file}.html"), page(&report))?;
        }
        let q = recoding.quality(&tuples, k);
        println!(
            "{engine}: tuples {} collect {:.1} ms, all {:.1} ms; loss {:.4} suppressed {} classes {} mean {:.2} DM {:.4e} {note}",
            tuples.len(),
            collected.as_secs_f64() * 1e3,
            all.as_secs_f64() * 1e3,
            q.loss,
            q.suppressed_rows,
            q.classes,
            q.mean_class,
            q.discernibility,
        );
    }
    Ok(())
}

/// The released rows as CSV with semicolons; ranges by their labels.
fn released(
    header: &[&str],
    layout: &Layout,
    tuples: &Tuples,
    recoding: &Recoding,
    batches: &[RecordBatch],
) -> Result<String, Box<dyn std::error::Error>> {
    let mut recoder = Recoder::new(tuples, recoding, layout.clone());
    let mut text = format!("{}\n", header.join(";"));
    for batch in batches {
        let batch = recoder.recode(batch)?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::new();
            for (at, column) in batch.columns().iter().enumerate() {
                let shown = if layout.quasi.contains(&at) { label(column)? } else { Arc::clone(column) };
                cells.push(array_value_to_string(&shown, row)?);
            }
            text.push_str(&cells.join(";"));
            text.push('\n');
        }
    }
    Ok(text)
}

fn occurring(sources: &[HierarchySource], layout: &Layout, columns: &[Vec<&str>]) -> Vec<HierarchySource> {
    let keep = |(source, &c): (&HierarchySource, &usize)| {
        let HierarchySource::Table(text) = source else { return source.clone() };
        let seen: std::collections::HashSet<&str> = columns[c].iter().copied().collect();
        let lines = text.lines().filter(|l| seen.contains(l.split(';').next().unwrap_or_default()));
        HierarchySource::Table(lines.map(|l| format!("{l}\n")).collect())
    };
    sources.iter().zip(&layout.quasi).map(keep).collect()
}

fn tuples(
    layout: &Layout,
    header: &[&str],
    batches: &[RecordBatch],
    sources: &[HierarchySource],
) -> Result<Tuples, Box<dyn std::error::Error>> {
    let mut builder = TupleBuilder::new(layout.clone());
    for batch in batches {
        builder.push(batch)?;
    }
    let mut hierarchies = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let kind = if header[layout.quasi[at]] == "age" { DataType::Int32 } else { DataType::String };
        hierarchies.push(Hierarchy::new(source, kind, None, builder.observed(at))?);
    }
    Ok(builder.finish(hierarchies)?)
}

/// The rows, or, if more are wanted, as many drawn from them with a tenth of the cells taken from another row.
fn columns<'a>(rows: &[Vec<&'a str>], width: usize, wanted: usize) -> Vec<Vec<&'a str>> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut columns = vec![Vec::with_capacity(wanted); width];
    for i in 0..wanted {
        let row = if wanted == rows.len() { i } else { rng.random_range(0..rows.len()) };
        for (c, column) in columns.iter_mut().enumerate() {
            let other = wanted != rows.len() && rng.random_range(0..10) == 0;
            let from = if other { rng.random_range(0..rows.len()) } else { row };
            column.push(rows[from][c]);
        }
    }
    let _ = rng.next_u32();
    columns
}

fn batches(header: &[&str], columns: &[Vec<&str>]) -> Result<Vec<RecordBatch>, Box<dyn std::error::Error>> {
    let rows = columns[0].len();
    let mut batches = Vec::new();
    for start in (0..rows).step_by(65_536) {
        let end = rows.min(start + 65_536);
        let mut arrays: Vec<(&str, ArrayRef)> = Vec::new();
        for (name, column) in header.iter().zip(columns) {
            let array: ArrayRef = if *name == "age" {
                let ages: Result<Vec<i32>, _> = column[start..end].iter().map(|v| v.parse::<i32>()).collect();
                Arc::new(arrow::array::Int32Array::from(ages?))
            } else {
                let mut of = HashMap::new();
                let mut values = Vec::new();
                let keys: Vec<i32> = column[start..end]
                    .iter()
                    .map(|v| {
                        *of.entry(*v).or_insert_with(|| {
                            values.push(*v);
                            values.len() as i32 - 1
                        })
                    })
                    .collect();
                let keys = arrow::array::PrimitiveArray::<Int32Type>::from(keys);
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(values)))?)
            };
            arrays.push((name, array));
        }
        batches.push(RecordBatch::try_from_iter(arrays)?);
    }
    Ok(batches)
}
