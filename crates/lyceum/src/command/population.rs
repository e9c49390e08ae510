//! `lyceum population`: declare a population, see what was spent of it.

use crate::cli::Population;
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{json, line, remark};
use crate::render::{budget, number, table};
use lyceum_schema::wire;

/// Runs the command.
pub(super) async fn run(args: Population, client: &Client, as_json: bool) -> Outcome {
    match args {
        Population::Create { name, epsilon, delta, size, epoch, organisation } => {
            let body = wire::CreatePopulation { name, organisation, epsilon, delta, size, epoch };
            let made: wire::Population = client.post("/v1/populations", &body).await?;
            if as_json {
                json(&made);
            } else {
                line(&format!(
                    "declared {}: ε {} and δ {} for all answers about some {} units, {}",
                    made.name,
                    made.epsilon,
                    made.delta,
                    number::integer(i128::from(made.size)),
                    made.epoch.map_or_else(|| "for ever".to_owned(), |every| format!("in each {every}"))
                ));
                if let Some(every) = made.epoch {
                    remark(&format!(
                        "a person is another unit in every {every}: for somebody in T of them ε is up to about T times as large"
                    ));
                }
                remark("the budget doesn't come back: new datasets, releases and workspaces draw on the same one");
            }
        }
        Population::List => {
            let all: wire::List<wire::Population> = client.get("/v1/populations").await?;
            if as_json {
                json(&all);
            } else {
                let header = ["name", "organisation", "epsilon", "delta", "size", "unit"].map(String::from);
                let rows: Vec<_> = all
                    .items
                    .iter()
                    .map(|p| {
                        let size = number::integer(i128::from(p.size));
                        let unit = p.epoch.map_or_else(|| "person".to_owned(), |every| format!("person and {every}"));
                        let (name, organisation) = (p.name.to_string(), p.organisation.to_string());
                        vec![name, organisation, p.epsilon.clone(), p.delta.clone(), size, unit]
                    })
                    .collect();
                line(&table::plain(&header, &rows, &[2, 3, 4]));
            }
        }
        Population::Show { name } => {
            let population: wire::PopulationBudget = client.get(&format!("/v1/populations/{name}/budget")).await?;
            if as_json {
                json(&population);
            } else {
                line(&budget::population(&population));
            }
        }
    }
    Ok(())
}
