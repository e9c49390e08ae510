//! Conditions that only look at a group key: the rows that they leave are whole groups, so that the groups' released
//! cells answer for them.

use super::describe::text;
use super::descriptor::{KeyText, Listed};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DFSchemaRef, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::physical_expr::create_physical_expr;
use std::cell::RefCell;
use std::sync::Arc;

/// What stands for the key in a condition.
const KEY: &str = "key";

/// The key that a condition is about, and the positions in its list where the condition holds. `None` where the
/// condition also looks at anything else, or at several keys.
pub(super) fn allowed(condition: &Expr, rows: &DFSchemaRef, keys: &[KeyText]) -> Option<(usize, Vec<usize>)> {
    // The key, and its type as the condition sees it.
    let found: RefCell<Option<(usize, DataType)>> = RefCell::default();
    let about = condition.clone().transform_down(|e| {
        let here = text(&e);
        let Some(key) = keys.iter().position(|k| k.expression == here) else { return Ok(Transformed::no(e)) };
        // A second key stays as it is, and is found below as a column that is left.
        if found.borrow().as_ref().is_some_and(|(k, _)| *k != key) {
            return Ok(Transformed::no(e));
        }
        *found.borrow_mut() = Some((key, e.get_type(rows.as_ref())?));
        Ok(Transformed::new(Expr::Column(Column::new_unqualified(KEY)), true, TreeNodeRecursion::Jump))
    });
    let about = about.ok()?.data;
    let (key, data_type) = found.into_inner()?;
    if about.column_refs().iter().any(|c| c.relation.is_some() || c.name != KEY) {
        return None;
    }
    let listed = keys.get(key)?.values.as_ref()?;
    let values = listed.iter().map(|v| Listed::scalar(v.as_ref(), &data_type)).collect::<Option<Vec<ScalarValue>>>()?;
    let schema = Arc::new(Schema::new(vec![Field::new(KEY, data_type, true)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![ScalarValue::iter_to_array(values).ok()?]).ok()?;
    let schema = DFSchema::try_from(schema).ok()?;
    let holds =
        create_physical_expr(&about, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default()).ok()?;
    let holds = holds.evaluate(&batch).ok()?.into_array(batch.num_rows()).ok()?;
    let holds = holds.as_boolean_opt()?;
    // NULL is not true: WHERE leaves such rows out.
    Some((key, (0..holds.len()).filter(|&i| holds.is_valid(i) && holds.value(i)).collect()))
}
