//! Synthetic rows of one file, and how near they are: `synthetic MANIFEST CSV GENERATOR EPSILON DELTA SEEDS [OUT]`.
//!
//! GENERATOR is `mst` or `aim`. Noise is real, so every run
//! differs. Prints one line of JSON a run, with the CPU seconds of this process; writes the last run's rows to OUT.
#![allow(clippy::print_stdout)]

use arrow::record_batch::RecordBatch;
use lyceum_anonymize::decode::CsvDecoder;
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_anonymize::synthetic::quality::{Comparison, Side};
use lyceum_anonymize::synthetic::{Collector, Generator, SyntheticOptions};
use lyceum_anonymize::validate::Validator;
use lyceum_privacy::accounting::rho_for;
use lyceum_privacy::mechanism::LiveNoise;
use lyceum_schema::manifest::{Manifest, Table};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [manifest, csv, generator, epsilon, delta, seeds, out @ ..] = &args[..] else {
        return Err("usage: synthetic MANIFEST CSV mst|aim EPSILON DELTA SEEDS [OUT]".into());
    };
    let text = std::fs::read_to_string(manifest)?;
    let manifest =
        Manifest::parse(manifest, &text).map_err(|e| e.first().map(ToString::to_string).unwrap_or_default())?;
    let table = manifest.tables().first().ok_or("no table")?;
    let population = table.population().ok_or("the first table is public")?;
    let rows = read(table, &std::fs::read(csv)?)?;
    let rho = rho_for(epsilon.parse()?, delta.parse()?);
    for seed in 0..seeds.parse()? {
        let start = cpu_seconds()?;
        let mut collector = Collector::new(&manifest, population)?;
        for batch in &rows {
            collector.push(table.name(), batch)?;
        }
        let generator = if generator == "mst" { Generator::Mst } else { Generator::Aim };
        let cells = std::env::var("MODEL_CELLS").ok().map(|c| c.parse()).transpose()?;
        let mut options = SyntheticOptions { generator, ..SyntheticOptions::new(rho, seed) };
        options.model_cells = cells.unwrap_or(options.model_cells);
        let synthesis = collector.fit(&options, &LiveNoise)?;
        let made = synthesis.batches(table.name(), 8_192).ok_or("no such table")?.collect::<Result<Vec<_>, _>>()?;
        let seconds = cpu_seconds()? - start;
        let mut comparison = Comparison::new(table);
        rows.iter().try_for_each(|b| comparison.push(Side::Private, b))?;
        made.iter().try_for_each(|b| comparison.push(Side::Synthetic, b))?;
        let quality = comparison.finish();
        println!(
            "{{\"generator\":\"{generator:?}\",\"rho\":{},\"rows\":{},\"one_way\":{:.4},\"two_way\":{:.4},\"worst\":{:.4},\"cpu_s\":{seconds:.2}}}",
            rho.as_f64(),
            made.iter().map(RecordBatch::num_rows).sum::<usize>(),
            quality.mean_one_way,
            quality.mean_two_way,
            quality.worst_two_way,
        );
        if std::env::var("PAIRS").is_ok() {
            quality.pairs.iter().for_each(|(a, b, d)| println!("{a} {b} {d:.4}"));
        }
        if let [out, ..] = out {
            let mut writer = arrow::csv::Writer::new(std::fs::File::create(out)?);
            made.iter().try_for_each(|b| writer.write(b))?;
        }
    }
    Ok(())
}

fn read(table: &Table, bytes: &[u8]) -> Result<Vec<RecordBatch>, Box<dyn Error>> {
    let mut decoder = CsvDecoder::new(table);
    let mut raw = decoder.push(bytes)?;
    raw.extend(decoder.finish()?);
    let mut validator = Validator::new(table, PseudonymKey::new([1; 32]), None)?;
    let checked = raw.iter().map(|r| validator.validate(r)).collect::<Result<Vec<_>, _>>()?;
    // The collector wants stored order, which is by unit.
    let all = arrow::compute::concat_batches(&validator.schema(), &checked)?;
    let order = arrow::compute::sort_to_indices(all.column(0), None, None)?;
    Ok(vec![arrow::compute::take_record_batch(&all, &order)?])
}

/// User and system time of this process and its threads.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().filter_map(|i| fields.get(*i)?.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}
