//! Preparing a query of ten joins and fifty expressions (parse, bind, certify, price, our physical plan and its check)
//! against DataFusion's own way from the same text to a physical plan.

use crate::ours::median;
use crate::peers::Place;
use crate::queries;
use crate::{data::DataSet, world};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use lyceum_privacy::mechanism::LiveNoise;
use lyceum_query::layout::stored_schema;
use lyceum_schema::time::Micros;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

const JOINS: usize = 10;
const EXPRESSIONS: usize = 50;
const RUNS: usize = 15;

/// What preparing takes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Planning {
    /// Ours, in seconds: the median.
    ours: f64,
    /// DataFusion's own way, in seconds: the median.
    datafusion: f64,
}

impl Planning {
    /// Ours over theirs.
    pub(crate) fn ratio(self) -> f64 {
        self.ours / self.datafusion
    }

    /// Both, for people.
    pub(crate) fn sentence(self) -> String {
        let (ours, theirs, ratio) = (self.ours * 1e3, self.datafusion * 1e3, self.ratio());
        format!(
            "A query of {JOINS} joins and {EXPRESSIONS} expressions: ours {ours:.1} ms, DataFusion {theirs:.1} ms, ratio {ratio:.2}."
        )
    }
}

/// Prepares the query both ways, by turns.
///
/// # Errors
/// When it is refused.
pub(crate) async fn run(place: &Place) -> Result<Planning, Box<dyn Error>> {
    let set = DataSet::named(&place.target.join("data"), "1m")?;
    set.make().await?;
    let sql = sql()?;
    let (engine, catalog) =
        (world::engine(&set, 2, Arc::new(LiveNoise))?, world::catalog(&set, queries::by_id("q02")?)?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let prepared = engine.prepare(&sql, &catalog, Micros(0)).await;
        ours.push(start.elapsed().as_secs_f64());
        prepared.map_err(|refused| format!("refused: {} {refused}", refused.code()))?;
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        for table in world::tables(&set)? {
            let stored = stored_schema(&table);
            let user = Field::new("user_id", DataType::UInt64, false);
            let others = stored.fields().iter().skip(1).map(|f| f.as_ref().clone());
            let schema = Schema::new(std::iter::once(user).chain(others).collect::<Vec<_>>());
            context.register_table(table.name().as_str(), Arc::new(EmptyTable::new(Arc::new(schema))))?;
        }
        let start = Instant::now();
        context.sql(&sql).await?.create_physical_plan().await?;
        theirs.push(start.elapsed().as_secs_f64());
    }
    Ok(Planning { ours: median(ours).unwrap_or(f64::NAN), datafusion: median(theirs).unwrap_or(f64::NAN) })
}

fn sql() -> Result<String, std::fmt::Error> {
    let mut sql = String::from("SELECT u0.segment");
    for i in 0..EXPRESSIONS {
        let user = i % JOINS;
        let column = ["age", "treatment", "baseline_spend"][i % 3];
        write!(sql, ", SUM(CASE WHEN u{user}.{column} > {i} AND e.cost < 4.{i:02} THEN 1 ELSE 0 END) AS a{i}")?;
    }
    sql.push_str(" FROM events AS e");
    for user in 0..JOINS {
        write!(sql, " JOIN users AS u{user} ON e.user_id = u{user}.user_id")?;
    }
    sql.push_str(" GROUP BY u0.segment");
    Ok(sql)
}
