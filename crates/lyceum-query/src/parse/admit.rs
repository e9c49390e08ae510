//! Walks the syntax tree: clauses without a rule are refused, contribution bounds and intervals are turned into
//! function calls that planning understands.

use super::position;
use crate::error::{Position, Reason, Refusal};
use datafusion::sql::sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LimitClause, ObjectName, ObjectNamePart,
    OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr, Spanned, TableAlias, TableFactor, UnaryOperator,
    Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Aggregates with contribution bounds are planned under this prefix, the bounds as a last text argument.
pub(crate) const BOUNDED_PREFIX: &str = "dp_bounded_";
/// Lower end of an interval, as a function of an aggregate.
pub(crate) const INTERVAL_LOW: &str = "dp_interval_low";
/// Upper end of an interval, as a function of an aggregate.
pub(crate) const INTERVAL_HIGH: &str = "dp_interval_high";

/// The aggregates that may have contribution bounds, by planning's names.
pub(crate) const BOUNDABLE: &[&str] =
    &["sum", "avg", "count", "var", "var_pop", "stddev", "stddev_pop", "median", "min", "max"];

/// Checks and rewrites the tree.
pub(super) fn admit(query: &mut Query) -> Result<(), Refusal> {
    match query.visit(&mut Admit) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refusal) => Err(*refusal),
    }
}

struct Admit;

type Flow = ControlFlow<Box<Refusal>>;

fn flow(result: Result<(), Refusal>) -> Flow {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(Box::new(refusal)),
    }
}

impl VisitorMut for Admit {
    type Break = Box<Refusal>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        flow(check_query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        flow(check_select(select).map(|()| name_intervals(select)))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        flow(check_factor(factor))
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Flow {
        flow(check_relation(relation))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(check_expr(expr))
    }
}

fn unsupported(clause: &str, at: Option<Position>) -> Refusal {
    Refusal::new(Reason::Unsupported, format!("{clause} is not supported"), "No rule of certification admits it.")
        .at(at)
}

fn check_query(query: &Query) -> Result<(), Refusal> {
    let at = position(query.span().start);
    if query.with.as_ref().is_some_and(|w| w.recursive) {
        return Err(unsupported("WITH RECURSIVE", at).fix("write the steps as separate queries"));
    }
    if query.fetch.is_some() {
        return Err(unsupported("FETCH", at).fix("LIMIT n"));
    }
    if !query.locks.is_empty() {
        return Err(unsupported("FOR UPDATE or FOR SHARE", at));
    }
    if !query.pipe_operators.is_empty() {
        return Err(unsupported("pipe syntax (|>)", at).fix("SELECT … FROM … WHERE …"));
    }
    if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
        return Err(unsupported("FOR XML, FOR JSON, SETTINGS or FORMAT", at));
    }
    if matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty()) {
        return Err(unsupported("LIMIT … BY", at));
    }
    if query.order_by.as_ref().is_some_and(|o| o.interpolate.is_some() || matches!(o.kind, OrderByKind::All(_))) {
        return Err(unsupported("ORDER BY ALL or INTERPOLATE", at).fix("name the columns to order by"));
    }
    for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
        check_alias(&cte.alias)?;
    }
    check_body(&query.body, at)
}

/// Names that the query gives are not the engine's own either.
fn check_alias(alias: &TableAlias) -> Result<(), Refusal> {
    check_ident(&alias.name)?;
    alias.columns.iter().try_for_each(|c| check_ident(&c.name))
}

fn check_body(body: &SetExpr, at: Option<Position>) -> Result<(), Refusal> {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => Ok(()),
        SetExpr::SetOperation { left, right, .. } => check_body(left, at).and_then(|()| check_body(right, at)),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => Err(Refusal::new(
            Reason::NotAQuery,
            "a statement that changes data stands where a query is expected",
            "Only SELECT is answered; data can't be changed in SQL.",
        )
        .at(at)),
        SetExpr::Table(_) => Err(unsupported("TABLE", at).fix("SELECT … FROM <table>")),
    }
}

fn check_select(select: &Select) -> Result<(), Refusal> {
    let at = position(select.select_token.0.span.start);
    let refuse = |clause: &str| Err(unsupported(clause, at));
    for item in &select.projection {
        if let SelectItem::ExprWithAlias { alias, .. } = item {
            check_ident(alias)?;
        }
    }
    if select.flavor != SelectFlavor::Standard {
        return Err(unsupported("FROM before SELECT", at).fix("SELECT … FROM …"));
    }
    if select.top.is_some() {
        return Err(unsupported("TOP", at).fix("LIMIT n"));
    }
    if select.into.is_some() {
        return refuse("SELECT INTO");
    }
    if !select.lateral_views.is_empty() || select.prewhere.is_some() || !select.connect_by.is_empty() {
        return refuse("LATERAL VIEW, PREWHERE or CONNECT BY");
    }
    if !select.cluster_by.is_empty() || !select.distribute_by.is_empty() || !select.sort_by.is_empty() {
        return refuse("CLUSTER BY, DISTRIBUTE BY or SORT BY");
    }
    if select.value_table_mode.is_some() || select.select_modifiers.is_some() || !select.optimizer_hints.is_empty() {
        return refuse("a modifier or hint after SELECT");
    }
    Ok(())
}

fn check_factor(factor: &TableFactor) -> Result<(), Refusal> {
    let at = position(factor.span().start);
    match factor {
        TableFactor::Table {
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
            ..
        } => {
            if let Some(alias) = alias {
                check_alias(alias)?;
            }
            if args.is_some() {
                return Err(unsupported("a table function", at).fix("FROM <table>"));
            }
            if sample.is_some() {
                return Err(
                    unsupported("TABLESAMPLE", at).fix("leave it out: noise doesn't grow with the number of rows")
                );
            }
            if !with_hints.is_empty()
                || version.is_some()
                || *with_ordinality
                || !partitions.is_empty()
                || json_path.is_some()
                || !index_hints.is_empty()
            {
                return Err(unsupported("a modifier after the table's name", at));
            }
            Ok(())
        }
        TableFactor::Derived { lateral, sample, alias, .. } => {
            if let Some(alias) = alias {
                check_alias(alias)?;
            }
            if *lateral {
                return Err(unsupported("LATERAL", at));
            }
            if sample.is_some() {
                return Err(unsupported("TABLESAMPLE", at));
            }
            Ok(())
        }
        TableFactor::NestedJoin { .. } => Ok(()),
        TableFactor::TableFunction { .. } | TableFactor::Function { .. } | TableFactor::UNNEST { .. } => {
            Err(unsupported("a table function", at).fix("FROM <table>"))
        }
        // The grammar knows more kinds (PIVOT, JSON_TABLE, XMLTABLE, MATCH_RECOGNIZE, …); tables and subqueries are all we read.
        _ => Err(unsupported("this kind of table expression", at).fix("FROM <table>")),
    }
}

fn check_relation(relation: &ObjectName) -> Result<(), Refusal> {
    for part in &relation.0 {
        match part {
            ObjectNamePart::Identifier(ident) => {
                if ident.quote_style == Some('\'') {
                    return Err(Refusal::new(
                        Reason::UnknownName,
                        "a file is not a table",
                        "Only the tables of the workspace's releases can be read.",
                    )
                    .at(position(ident.span.start))
                    .fix("FROM <table>"));
                }
                check_ident(ident)?;
            }
            ObjectNamePart::Function(_) => {
                return Err(unsupported("a table function", position(relation.span().start)));
            }
        }
    }
    Ok(())
}

/// Names beginning with two underscores are the engine's own.
fn check_ident(ident: &Ident) -> Result<(), Refusal> {
    if ident.value.starts_with("__") {
        return Err(Refusal::new(
            Reason::UnknownName,
            "names beginning with two underscores don't exist",
            "They are kept for the engine's own columns, which never leave it.",
        )
        .at(position(ident.span.start))
        .fix("use another name; people are counted with COUNT(DISTINCT <the declared privacy unit>)"));
    }
    if ident.value.starts_with('@') {
        return Err(unsupported("a variable", position(ident.span.start)));
    }
    Ok(())
}

fn check_expr(expr: &mut Expr) -> Result<(), Refusal> {
    let at = position(expr.span().start);
    match expr {
        Expr::Identifier(ident) => check_ident(ident),
        Expr::CompoundIdentifier(idents) => idents.iter().try_for_each(check_ident),
        Expr::Value(v) if matches!(v.value, Value::Placeholder(_)) => {
            Err(unsupported("a placeholder", at).fix("write the value itself"))
        }
        Expr::Function(function) => rewrite_function(function),
        _ => Ok(()),
    }
}

/// In a SELECT, `DP_INTERVAL_LOW(name)` may use the alias of an output column: put its expression there.
fn name_intervals(select: &mut Select) {
    let aliases: Vec<(Ident, Expr)> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr: expr @ Expr::Function(f), alias } if !is_interval(f) => {
                Some((alias.clone(), expr.clone()))
            }
            _ => None,
        })
        .collect();
    let name = |expr: &mut Expr| {
        let _: ControlFlow<()> = ast::visit_expressions_mut(expr, |e| {
            if let Expr::Function(f) = e
                && is_interval(f)
                && let FunctionArguments::List(list) = &mut f.args
                && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))) = list.args.first_mut()
                && let Expr::Identifier(ident) = argument
                && let Some((_, aggregate)) = aliases.iter().find(|(alias, _)| same(alias, ident))
            {
                *argument = aggregate.clone();
            }
            ControlFlow::Continue(())
        });
    };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            name(expr);
        }
    }
    if let Some(having) = &mut select.having {
        name(having);
    }
}

fn same(a: &Ident, b: &Ident) -> bool {
    if a.quote_style.is_none() && b.quote_style.is_none() {
        a.value.eq_ignore_ascii_case(&b.value)
    } else {
        a.value == b.value
    }
}

fn simple_name(function: &ast::Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => Some(ident.value.to_lowercase()),
        _ => None,
    }
}

fn is_interval(function: &ast::Function) -> bool {
    simple_name(function).is_some_and(|n| n == INTERVAL_LOW || n == INTERVAL_HIGH)
}

/// `SUM(x, contribution_bounds_per_group => (0, 200))` becomes `dp_bounded_sum(x, 'group:0:200')`.
fn rewrite_function(function: &mut ast::Function) -> Result<(), Refusal> {
    let at = position(function.name.span().start);
    let Some(name) = simple_name(function) else {
        return Err(Refusal::new(
            Reason::Function,
            "a function's name has one part",
            "There are no function libraries.",
        )
        .at(at));
    };
    if name.starts_with(BOUNDED_PREFIX) || name.starts_with("__") {
        let known: String = name.chars().take(40).collect();
        return Err(Refusal::new(
            Reason::Function,
            format!("there is no function {known}"),
            "It isn't on the list of admitted functions.",
        )
        .at(at));
    }
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    let mut bounds: Option<String> = None;
    for argument in &list.args {
        let (argument_name, value) = match argument {
            FunctionArg::Unnamed(_) => continue,
            FunctionArg::Named { name, arg, .. } => (name.value.to_lowercase(), arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(ident), arg, .. } => (ident.value.to_lowercase(), arg),
            FunctionArg::ExprNamed { .. } => return Err(unsupported("a named argument", at)),
        };
        let kind = match argument_name.as_str() {
            "contribution_bounds_per_group" => "group",
            "contribution_bounds_per_row" => "row",
            _ => {
                return Err(unsupported("this named argument", at).fix(
                    "contribution_bounds_per_group => (low, high) or contribution_bounds_per_row => (low, high)",
                ));
            }
        };
        if bounds.is_some() {
            return Err(bounds_refusal("an aggregate has one pair of contribution bounds", at));
        }
        bounds = Some(pair(value, at).map(|(low, high)| format!("{kind}:{low}:{high}"))?);
    }
    let Some(bounds) = bounds else { return Ok(()) };
    // Aliases as planning resolves them.
    let base = match name.as_str() {
        "mean" => "avg",
        "var_samp" | "var_sample" => "var",
        "var_population" => "var_pop",
        "stddev_samp" => "stddev",
        other => other,
    };
    if !BOUNDABLE.contains(&base) {
        return Err(bounds_refusal(
            "contribution bounds belong to COUNT, SUM, AVG, MEDIAN, MIN, MAX, VAR and STDDEV",
            at,
        ));
    }
    list.args.retain(|a| matches!(a, FunctionArg::Unnamed(_)));
    for argument in &mut list.args {
        if matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)) {
            *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::value(Value::Number("1".to_owned(), false))));
        }
    }
    list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::value(Value::SingleQuotedString(bounds)))));
    let span = function.name.span();
    let mut ident = Ident::new(format!("{BOUNDED_PREFIX}{base}"));
    ident.span = span;
    function.name = ObjectName(vec![ObjectNamePart::Identifier(ident)]);
    Ok(())
}

fn bounds_refusal(what: &str, at: Option<Position>) -> Refusal {
    Refusal::new(
        Reason::Bounds,
        what,
        "Contribution bounds are two finite numbers, low first, that limit what one person adds.",
    )
    .at(at)
    .fix("contribution_bounds_per_group => (0, 200)")
}

/// The two numbers of `(low, high)`.
fn pair(value: &FunctionArgExpr, at: Option<Position>) -> Result<(f64, f64), Refusal> {
    let refusal = || bounds_refusal("these contribution bounds are not two numbers (low, high)", at);
    let FunctionArgExpr::Expr(Expr::Tuple(parts)) = value else { return Err(refusal()) };
    let [low, high] = parts.as_slice() else { return Err(refusal()) };
    let (low, high) = (number(low).ok_or_else(refusal)?, number(high).ok_or_else(refusal)?);
    if low > high {
        return Err(bounds_refusal("the lower contribution bound is above the upper one", at));
    }
    Ok((low, high))
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Value(v) => match &v.value {
            Value::Number(text, _) => text.parse::<f64>().ok().filter(|n| n.is_finite()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|n| -n),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } | Expr::Nested(expr) => number(expr),
        _ => None,
    }
}
