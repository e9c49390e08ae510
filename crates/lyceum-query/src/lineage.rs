//! Which released numbers the rows and columns of *above* are made of.
//!
//! Rows may come from different branches of a union, so a plan has one [`Branch`] per way to come about; a row tells
//! its own by the cells it carries: those of the branch's tables, and no others.

use crate::released_table::{ReleasedColumn, table_number};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan};

/// Expressions larger than this are not followed.
const MAX_NODES: usize = 400;
/// Plans with more branches are not followed.
const MAX_BRANCHES: usize = 64;

/// One way in which rows come about.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    /// The released tables whose groups stand side by side in a row, rising.
    pub(crate) tables: Vec<usize>,
    /// By output column: an expression of the released tables' columns (unqualified), if it can be followed.
    pub(crate) columns: Vec<Option<Expr>>,
}

/// How the rows of a plan come about; `None` where rows can't be followed one to one, or not told apart.
pub(crate) fn trace(plan: &LogicalPlan) -> Option<Vec<Branch>> {
    let branches = node(plan)?;
    let alike = |a: &Branch, b: &Branch| a.tables == b.tables && a.columns != b.columns;
    let ambiguous = branches.iter().enumerate().any(|(i, a)| branches[..i].iter().any(|b| alike(a, b)));
    (!ambiguous && branches.len() <= MAX_BRANCHES).then_some(branches)
}

fn node(plan: &LogicalPlan) -> Option<Vec<Branch>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let fields = scan.projected_schema.fields().iter();
            match table_number(scan.table_name.table()) {
                Some(table) => {
                    let columns = fields.map(|f| Some(Expr::Column(Column::new_unqualified(f.name()))));
                    Some(vec![Branch { tables: vec![table], columns: columns.collect() }])
                }
                None => Some(unfollowed(plan)),
            }
        }
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => Some(unfollowed(plan)),
        LogicalPlan::Projection(projection) => {
            let each = |branch: Branch| Branch {
                columns: projection.expr.iter().map(|e| substitute(e, &projection.input, &branch.columns)).collect(),
                tables: branch.tables,
            };
            Some(node(&projection.input)?.into_iter().map(each).collect())
        }
        LogicalPlan::Filter(filter) => node(&filter.input),
        LogicalPlan::Sort(sort) => node(&sort.input),
        LogicalPlan::Limit(limit) => node(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => node(&alias.input),
        LogicalPlan::Window(window) => {
            let mut branches = node(&window.input)?;
            branches.iter_mut().for_each(|b| b.columns.resize(window.schema.fields().len(), None));
            Some(branches)
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (node(&join.left)?, node(&join.right)?);
            match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti => return Some(left),
                JoinType::RightSemi | JoinType::RightAnti => return Some(right),
                JoinType::LeftMark | JoinType::RightMark => return None,
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {}
            }
            let pairs = left.iter().flat_map(|l| right.iter().map(move |r| beside(l, r)));
            Some(pairs.take(MAX_BRANCHES + 1).collect())
        }
        LogicalPlan::Union(union) => {
            let inputs: Vec<Vec<Branch>> = union.inputs.iter().map(|i| node(i)).collect::<Option<_>>()?;
            Some(inputs.into_iter().flatten().take(MAX_BRANCHES + 1).collect())
        }
        _ => None,
    }
}

/// Rows that no released number is in.
fn unfollowed(plan: &LogicalPlan) -> Vec<Branch> {
    vec![Branch { tables: Vec::new(), columns: vec![None; plan.schema().fields().len()] }]
}

fn beside(left: &Branch, right: &Branch) -> Branch {
    let mut tables: Vec<usize> = left.tables.iter().chain(&right.tables).copied().collect();
    tables.sort_unstable();
    Branch { tables, columns: left.columns.iter().chain(&right.columns).cloned().collect() }
}

/// The released columns that an expression reads.
pub(crate) fn columns(expr: &Expr) -> Vec<ReleasedColumn> {
    expr.column_refs().into_iter().filter_map(|c| ReleasedColumn::parse(&c.name)).collect()
}

fn substitute(expr: &Expr, input: &LogicalPlan, inner: &[Option<Expr>]) -> Option<Expr> {
    let mut lost = false;
    let replaced = expr.clone().transform_up(|e| {
        Ok(match e {
            Expr::Column(column) => {
                let known = input.schema().maybe_index_of_column(&column).and_then(|i| inner.get(i)?.clone());
                lost |= known.is_none();
                known.map_or(Transformed::no(Expr::Column(column)), Transformed::yes)
            }
            Expr::Alias(alias) => Transformed::yes(*alias.expr),
            // What a subquery gives is made of other rows.
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
                lost = true;
                Transformed::no(e)
            }
            other => Transformed::no(other),
        })
    });
    let replaced = replaced.ok()?.data;
    let mut nodes = 0usize;
    let counted: Result<_> = replaced.apply(|_| {
        nodes += 1;
        Ok(if nodes > MAX_NODES { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    (!lost && counted.is_ok() && nodes <= MAX_NODES && !replaced.is_volatile()).then_some(replaced)
}
