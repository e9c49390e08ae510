//! A barrier: keys, measures and bounds of an aggregate, and the plan below it in normal form.

use super::below::{Facts, Node, facts};
use super::bias::{Units, bias};
use super::expression::{typed, types};
use super::measures::{Limits, Measures};
use super::tightest::Tightest;
use super::{Certificate, Context};
use crate::barrier::{Barrier, Bias, Key, KeySelection, Source};
use crate::catalog::{CatalogTable, UNIT_COLUMN};
use crate::domain::{Domain, Kind};
use crate::error::{Reason, Refusal};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use lyceum_schema::manifest::PrivacyUnit;
use std::sync::Arc;

/// Most groups that are released if all keys are public.
pub(crate) const MAX_CELLS: usize = 100_000;

/// Most numbers that are released: groups × measures. Each is held several times and gets noise of its own.
const MAX_NUMBERS: usize = 1_000_000;

/// How many times L0 groups of a unit are looked at where keys are undeclared (ADR 0019).
const SPREAD: u32 = 8;

/// An aggregate with its bounds.
pub(super) struct Bounded {
    pub(super) below: LogicalPlan,
    pub(super) barrier: Barrier,
    /// The tables that `below` scans.
    pub(super) tables: Vec<Arc<CatalogTable>>,
    /// Rows that `below` is expected to handle.
    pub(super) work: u64,
    pub(super) certificate: Certificate,
}

/// Bounds an aggregate over a certified node: `keys` under `names`, then `aggregates`.
pub(super) fn bound(
    keys: &[Expr],
    names: Vec<String>,
    aggregates: &[Expr],
    node: Node,
    context: &Context<'_>,
) -> Result<Bounded, Refusal> {
    let limits = Tightest::of(&node.tables)
        .ok_or_else(|| Refusal::new(Reason::Unsupported, "no table is read", "There is nothing to ask about."))?;
    check_epsilon(context, limits.epsilon_per_query)?;
    check_groups(context, limits.groups)?;
    if aggregates.is_empty() {
        return Err(Refusal::new(
            Reason::Aggregate,
            "GROUP BY without an aggregate",
            "Which groups occur is a fact about persons; a group is shown with a noisy number only.",
        )
        .fix("SELECT x, COUNT(*) FROM … GROUP BY x")
        .at(context.words.find("GROUP")));
    }
    let (expressions, domains) = typed_keys(keys, &node, context)?;
    let lists = public_lists(&domains, context)?;
    let cells = lists.iter().try_fold(1usize, |n, l| l.as_ref().map(|l| n.saturating_mul(l.len())));
    let keys: Vec<Key> = names
        .into_iter()
        .zip(domains.iter().zip(lists))
        .map(|(name, (domain, values))| Key { name, data_type: domain.kind.arrow(), values })
        .collect();
    let wanted = context.options.max_groups_contributed.unwrap_or(limits.groups).max(1);
    // More groups than rows or than there are can't be touched.
    let touchable = cells.map_or(u64::MAX, |n| n as u64).min(node.max_rows_per_unit).max(1);
    let max_groups =
        if node.unit_is_row || keys.is_empty() { 1 } else { u32::try_from(touchable).unwrap_or(u32::MAX).min(wanted) };
    let kept_groups = max_groups.saturating_mul(SPREAD).min(u32::try_from(touchable).unwrap_or(u32::MAX));
    let expected: u64 = node.tables.iter().map(|t| t.table.expected_rows()).sum();
    let minimum_group_size = limits.minimum_group_size;
    let limits = Limits {
        rows_per_group: u64::from(limits.rows_per_group).min(node.max_rows_per_unit).max(1),
        max_rows_per_unit: node.max_rows_per_unit,
        units: node.population.declared_size.max(if rows_are_units(&node) { expected } else { 1 }),
        groups: cells.map(|n| n as u64).filter(|_| keys.iter().all(|k| k.values.is_some())),
    };
    let mut measures = Measures::new(limits);
    for expr in aggregates {
        measures.add(expr, &node, context)?;
    }
    let width: usize = measures.measures.iter().map(|m| m.fold.width()).sum();
    let numbers = cells.unwrap_or(1).saturating_mul(width);
    if numbers > MAX_NUMBERS {
        return Err(Refusal::new(
            Reason::TooManyGroups,
            format!("this query has {numbers} possible numbers"),
            format!("Every aggregate of every possible group is released; at most {MAX_NUMBERS} numbers can be."),
        )
        .fix("fewer aggregates, or GROUP BY fewer columns")
        .at(context.words.find("GROUP")));
    }
    let selection = if keys.iter().all(|k| k.values.is_some()) {
        KeySelection::Public
    } else {
        KeySelection::Private { minimum_group_size }
    };
    let mut warnings = std::mem::take(&mut measures.warnings);
    let rows = limits.rows_per_group;
    if u64::from(max_groups) < touchable && !keys.is_empty() && !node.unit_is_row {
        warnings.push(format!(
            "one {} counts as if in {max_groups} groups, or in more with a smaller part of each",
            node.unit_name
        ));
    }
    if rows < limits.max_rows_per_unit {
        warnings.push(format!(
            "{rows} rows of one {} count in a group, or more where it has fewer elsewhere",
            node.unit_name
        ));
    }
    let below = project(&node, &expressions, &measures.values)?;
    let certificate = certificate(&node, &keys, &measures, max_groups, selection);
    let units = Units {
        rows: node.max_rows_per_unit,
        rows_in_full: measures.rows_in_full,
        groups: if keys.is_empty() { 1 } else { touchable },
        clamped: measures.clamped,
    };
    let mut barrier = Barrier {
        sources: node
            .tables
            .iter()
            .filter(|t| super::tables::is_private(t))
            .map(|t| Source {
                release: t.release,
                owner: t.owner.clone(),
                table: t.sql_name.clone(),
                policy: t.policy.clone(),
                expected_rows: t.table.expected_rows(),
                // Known once the plan is whole: see `certify/epochs.rs`.
                epochs: lyceum_schema::epoch::Epochs::NONE,
            })
            .collect(),
        population: node.population,
        unit_is_row: node.unit_is_row,
        keys,
        values: measures.values.len(),
        bias: Bias::Unknown,
        measures: measures.measures,
        aggregates: measures.aggregates,
        max_groups,
        kept_groups: if node.unit_is_row { 1 } else { kept_groups },
        selection,
        epsilon: context.options.epsilon,
        warnings,
    };
    barrier.bias = bias(&barrier, &units);
    Ok(Bounded { below, barrier, tables: node.tables, work: node.flow.work, certificate })
}

/// Whether there may be more units than the population has people: each row is one.
fn rows_are_units(node: &Node) -> bool {
    node.tables.iter().any(|t| *t.table.unit() == PrivacyUnit::Row)
}

fn check_epsilon(context: &Context<'_>, most: f64) -> Result<(), Refusal> {
    match context.options.epsilon {
        Some(epsilon) if epsilon > most => Err(Refusal::new(
            Reason::Options,
            format!("epsilon = {epsilon} is more than one query may cost"),
            format!("The release's policy allows at most {most} per query."),
        )
        .fix(format!("OPTIONS (epsilon = {most})"))
        .at(context.words.find("epsilon"))),
        _ => Ok(()),
    }
}

fn check_groups(context: &Context<'_>, most: u32) -> Result<(), Refusal> {
    match context.options.max_groups_contributed {
        Some(groups) if groups > most => Err(Refusal::new(
            Reason::Options,
            format!("max_groups_contributed = {groups} is more than one person may be counted in"),
            format!("The release's policy allows at most {most}; a query can only ask for less."),
        )
        .fix(format!("OPTIONS (max_groups_contributed = {most})"))
        .at(context.words.find("max_groups_contributed"))),
        _ => Ok(()),
    }
}

/// The key expressions, total, and what is known of each.
fn typed_keys(keys: &[Expr], node: &Node, context: &Context<'_>) -> Result<(Vec<Expr>, Vec<Domain>), Refusal> {
    let at = context.words.find("GROUP");
    let mut expressions = Vec::new();
    let mut domains = Vec::new();
    for expr in keys {
        if let Expr::Column(c) = expr
            && matches!(facts(c, node, context)?, Facts::Unit)
        {
            return Err(Refusal::new(
                Reason::Unit,
                format!("GROUP BY {} would show single persons", c.name),
                "The privacy unit can't be a key of what is released.",
            )
            .fix(format!("COUNT(DISTINCT {})", c.name))
            .at(context.words.find(&c.name)));
        }
        let key = typed(expr, node, context)?;
        if key.kind() == Kind::Float {
            return Err(types("a float can't be a group key".to_owned(), at)
                .fix("GROUP BY CAST(FLOOR(x) AS BIGINT), or CASE WHEN x < 10 THEN 'low' ELSE 'high' END"));
        }
        expressions.push(key.expr);
        domains.push(key.domain);
    }
    Ok((expressions, domains))
}

type Lists = Vec<Option<Vec<datafusion::common::ScalarValue>>>;

/// Each key's public list, if it has one and all cells together are few enough.
fn public_lists(domains: &[Domain], context: &Context<'_>) -> Result<Lists, Refusal> {
    let size = |lists: &Lists| lists.iter().flatten().fold(1usize, |n, l| n.saturating_mul(l.len()));
    let mut lists: Lists = domains.iter().map(Domain::enumerate).collect();
    if size(&lists) > MAX_CELLS {
        // Lists that were only made from intervals are given up: those keys are private then.
        for (list, domain) in lists.iter_mut().zip(domains) {
            if !domain.is_listed() {
                *list = None;
            }
        }
    }
    if size(&lists) > MAX_CELLS {
        return Err(Refusal::new(
            Reason::TooManyGroups,
            format!("this GROUP BY has {} possible groups", size(&lists)),
            format!("Every possible group is released, empty ones with noise; at most {MAX_CELLS} can be."),
        )
        .fix("group by fewer columns, or narrow them: WHERE x IN ('a', 'b')")
        .at(context.words.find("GROUP")));
    }
    Ok(lists)
}

/// The normal form that the barrier reads: unit, keys, values.
fn project(node: &Node, keys: &[Expr], values: &[Expr]) -> Result<LogicalPlan, Refusal> {
    let unit = node.unit.clone().alias(UNIT_COLUMN);
    let keys = keys.iter().enumerate().map(|(i, e)| e.clone().alias(format!("k{i}")));
    let values = values.iter().enumerate().map(|(i, e)| e.clone().alias(format!("v{i}")));
    let columns = std::iter::once(unit).chain(keys).chain(values).collect();
    Projection::try_new(columns, Arc::new(node.plan.clone())).map(LogicalPlan::Projection).map_err(|_| {
        Refusal::new(
            Reason::Unsupported,
            "this query can't be rebuilt in normal form",
            "No rule of certification admits it.",
        )
    })
}

fn certificate(
    node: &Node,
    keys: &[Key],
    measures: &Measures,
    max_groups: u32,
    selection: KeySelection,
) -> Certificate {
    let bounding = if node.unit_is_row {
        "at most 1 group per row (the unit is the row)".to_owned()
    } else {
        format!("at most {max_groups} {} per {}", if max_groups == 1 { "group" } else { "groups" }, node.unit_name)
    };
    let bound = Certificate {
        node: format!("Bound by {}", node.unit_name),
        facts: std::iter::once(bounding).chain(measures.facts.iter().cloned()).collect(),
        inputs: vec![node.certificate.clone()],
    };
    let shown = keys.iter().map(|k| match &k.values {
        Some(values) => format!("{} ∈ {} public values", k.name, values.len()),
        None => format!("{} has no public list", k.name),
    });
    let rule = match selection {
        KeySelection::Public => "every possible group is released, empty ones with noise".to_owned(),
        KeySelection::Private { minimum_group_size } => {
            format!("groups of fewer than {minimum_group_size} units, and some above, are not shown")
        }
    };
    let names: Vec<String> =
        keys.iter().map(|k| k.name.clone()).chain(measures.facts.iter().map(|f| kind(f))).collect();
    Certificate {
        node: format!("Release({})", names.join(", ")),
        facts: shown.chain((!keys.is_empty()).then_some(rule)).collect(),
        inputs: vec![bound],
    }
}

/// `COUNT: at most …` → `COUNT`.
fn kind(fact: &str) -> String {
    fact.split(':').next().unwrap_or(fact).to_owned()
}
