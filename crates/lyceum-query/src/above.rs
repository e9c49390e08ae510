//! What is done with released groups: the plan above the barriers and the tables that it reads. Static; the same for
//! the first answer and for every repeat. [`crate::finish`] runs it.

use crate::answer::ColumnKind;
use crate::barrier::Barrier;
use crate::failure::PriceError;
use crate::lineage::{self, Branch};
use crate::noise::{NoisePlan, Statistic};
use crate::released_table::{Part, ReleasedColumn, ReleasedTable, table_number};
use crate::session;
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use std::collections::BTreeSet;
use std::sync::Arc;

/// See the module.
#[derive(Clone)]
pub struct Above {
    pub(crate) plan: LogicalPlan,
    pub(crate) released: Arc<Vec<ReleasedTable>>,
    pub(crate) barriers: Arc<Vec<BarrierFacts>>,
    pub(crate) notes: Vec<String>,
}

/// What post-processing knows of a barrier.
pub(crate) struct BarrierFacts {
    /// By key: how many declared values it has; empty when some key is undeclared.
    pub(crate) listed: Vec<usize>,
    /// By measure: most that one unit adds to one group.
    pub(crate) most: Vec<i64>,
    /// L0.
    pub(crate) max_groups: u32,
}

impl BarrierFacts {
    pub(crate) fn of(barrier: &Barrier) -> Self {
        let lists = barrier.keys.iter().map(|k| k.values.as_ref().map(Vec::len)).collect::<Option<_>>();
        Self {
            listed: lists.unwrap_or_default(),
            most: barrier.measures.iter().map(|m| m.high).collect(),
            max_groups: barrier.max_groups,
        }
    }
}

/// What people should know of the numbers of a barrier.
pub(crate) fn notes(barrier: &Barrier, noise: &NoisePlan) -> Vec<String> {
    let mut notes = barrier.warnings.clone();
    notes.push(format!("bias by bounding: {}", barrier.bias.described()));
    if let Some(s) = &noise.selection {
        let tau = s.threshold_in_units().ceil();
        notes.push(match &s.statistic {
            Statistic::Counted(_) => format!(
                "groups with fewer than {} units, or fewer than {tau} after noise, are not shown",
                s.minimum_group_size
            ),
            Statistic::Weights(..) => format!(
                "groups with fewer than {} units are not shown, and of the others those whose units, weighted by in how few \
                groups they are, come to less than {tau} after noise",
                s.minimum_group_size
            ),
        });
    }
    notes
}

/// Several barriers often say the same.
pub(crate) fn each_once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in all {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// What an output column is made of.
pub(crate) enum Origin {
    /// Keys and constants.
    Key,
    /// One aggregate of a released table.
    Aggregate { table: usize, aggregate: usize },
    /// One end of a requested interval.
    Interval,
    /// Anything else of the same row.
    Expression,
    /// Not followed.
    Unknown,
}

impl Origin {
    /// Of a traced expression.
    pub(crate) fn of(expr: Option<&Expr>) -> Self {
        let Some(expr) = expr else { return Self::Unknown };
        // A count in another type of integer is the count.
        let expr = match expr {
            Expr::TryCast(cast) if cast.field.data_type().is_integer() && matches!(*cast.expr, Expr::Column(_)) => {
                &cast.expr
            }
            other => other,
        };
        if let Expr::Column(c) = expr {
            match ReleasedColumn::parse(&c.name) {
                Some(ReleasedColumn { table, part: Part::Aggregate(aggregate) }) => {
                    return Self::Aggregate { table, aggregate };
                }
                Some(ReleasedColumn { part: Part::Interval(_), .. }) => return Self::Interval,
                _ => {}
            }
        }
        let noisy = |c: &ReleasedColumn| matches!(c.part, Part::Aggregate(_) | Part::Interval(_));
        if lineage::columns(expr).iter().any(noisy) { Self::Expression } else { Self::Key }
    }
}

/// An output column, before anything is released.
pub(crate) struct Described {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: ColumnKind,
    /// The aggregates that it is straight from: one by way of coming about.
    pub(crate) aggregates: Vec<(usize, usize)>,
}

impl Above {
    pub(crate) fn new(plan: LogicalPlan, released: Vec<ReleasedTable>, barriers: &[(&Barrier, &NoisePlan)]) -> Self {
        let notes = each_once(barriers.iter().flat_map(|(barrier, noise)| notes(barrier, noise)));
        let barriers = barriers.iter().map(|(b, _)| BarrierFacts::of(b)).collect();
        Self { plan, released: Arc::new(released), barriers: Arc::new(barriers), notes }
    }

    /// The physical plan over released tables, in their order.
    pub(crate) async fn planned(
        &self,
        state: &SessionState,
        released: Vec<RecordBatch>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let providers = released.into_iter().map(|b| Ok(Arc::new(MemTable::try_new(b.schema(), vec![vec![b]])?)));
        let providers: Vec<Arc<MemTable>> = providers.collect::<Result<_, DataFusionError>>()?;
        let plan = self.plan.clone().transform_up_with_subqueries(|node| {
            let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
            if let Some(provider) = table_number(scan.table_name.table()).and_then(|n| providers.get(n)) {
                scan.source = provider_as_source(Arc::clone(provider) as _);
            }
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        })?;
        state.create_physical_plan(&plan.data).await
    }

    /// Plans it over empty tables: what can't be planned is refused before anything is charged.
    ///
    /// # Errors
    /// [`PriceError::Above`], [`PriceError::Planning`].
    pub(crate) async fn plannable(&self) -> Result<(), PriceError> {
        /// Planning reads nothing; what constants need is little.
        const MEMORY: usize = 16 << 20;
        let runtime = session::runtime(MEMORY, None).map_err(|_| PriceError::Planning { step: "runtime" })?;
        let tables = self.released.iter().enumerate().map(|(i, t)| RecordBatch::new_empty(t.schema(i))).collect();
        match self.planned(&session::finish_session(runtime), tables).await {
            Ok(_) => Ok(()),
            Err(e) => {
                let text = e.strip_backtrace();
                Err(PriceError::Above { reason: text.lines().next().unwrap_or_default().to_owned() })
            }
        }
    }

    /// The query's own output columns; what rows carry beside them comes last and is not among these.
    pub(crate) fn own_columns(&self) -> usize {
        let carried = |name: &str| ReleasedColumn::parse(name).is_some_and(ReleasedColumn::is_carried);
        self.plan.schema().fields().iter().filter(|f| !carried(f.name())).count()
    }

    /// How rows come about; empty where they can't be followed.
    pub(crate) fn branches(&self) -> Vec<Branch> {
        lineage::trace(&self.plan).unwrap_or_default()
    }

    /// The output columns.
    pub(crate) fn columns(&self, branches: &[Branch]) -> Vec<Described> {
        let fields = self.plan.schema().fields().iter().take(self.own_columns()).enumerate();
        fields
            .map(|(i, f)| {
                let origins: Vec<Origin> =
                    branches.iter().map(|b| Origin::of(b.columns.get(i).and_then(Option::as_ref))).collect();
                let aggregates: BTreeSet<(usize, usize)> = origins
                    .iter()
                    .filter_map(|o| match o {
                        Origin::Aggregate { table, aggregate } => Some((*table, *aggregate)),
                        _ => None,
                    })
                    .collect();
                let all = |is: fn(&Origin) -> bool| !origins.is_empty() && origins.iter().all(is);
                let kind = if all(|o| matches!(o, Origin::Key)) {
                    ColumnKind::Key
                } else if all(|o| matches!(o, Origin::Aggregate { .. })) {
                    ColumnKind::Measure
                } else if all(|o| matches!(o, Origin::Interval)) {
                    ColumnKind::Interval
                } else if all(|o| !matches!(o, Origin::Unknown)) && f.data_type().is_numeric() {
                    ColumnKind::Derived
                } else {
                    ColumnKind::NoInterval
                };
                Described { name: f.name().clone(), kind, aggregates: aggregates.into_iter().collect() }
            })
            .collect()
    }
}
