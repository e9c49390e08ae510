//! Expressions below the barrier: each admitted one becomes a total expression over the stored columns, with its
//! domain. One match over every kind of expression, without a wildcard: what no rule admits is refused.

use super::below::{Facts, Relation, facts};
use super::operators;
use super::{Context, split};
use crate::domain::{Domain, Kind, MAX_ROW_TEXT_BYTES, MAX_TEXT_BYTES};
use crate::error::{Position, Reason, Refusal};
use crate::functions::{Regex, Total, call, domain, evaluate};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Alias, Between, BinaryExpr, Case, Cast, InList, Like, TryCast};
use datafusion::logical_expr::{ColumnarValue, Expr, ExprSchemable, Operator, lit};

/// Largest expression after names are replaced by what they mean.
const MAX_SIZE: usize = 2_000;
/// Longest pattern of LIKE: matching takes pattern × text steps at worst.
const MAX_PATTERN_BYTES: usize = 256;
/// Most steps of matching texts for one row, by declared lengths: about a millisecond.
const MAX_STEPS: u64 = 1_000_000;
/// Matching steps that weigh as much as one node, so that a column used often weighs what it costs.
const STEPS_PER_SIZE: usize = 2_000;

/// A total expression over a node's stored columns.
#[derive(Clone)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) domain: Domain,
    /// Number of nodes, about.
    pub(super) size: usize,
}

impl Typed {
    pub(super) fn literal(kind: Kind, value: ScalarValue) -> Self {
        Self { domain: Domain::literal(kind, &value), expr: Expr::Literal(value, None), size: 1 }
    }

    pub(super) fn kind(&self) -> Kind {
        self.domain.kind
    }

    /// The value, if it is a literal.
    pub(super) const fn value(&self) -> Option<&ScalarValue> {
        match &self.expr {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }

    /// A call of a total function; literals alone are computed here.
    pub(super) fn call(
        total: Total,
        gives: Kind,
        arguments: Vec<Self>,
        context: &Context<'_>,
    ) -> Result<Self, Refusal> {
        let domains: Vec<Domain> = arguments.iter().map(|a| a.domain.clone()).collect();
        let steps = steps(total, &domains);
        context.steps.set(context.steps.get().saturating_add(steps as u64));
        if context.steps.get() > MAX_STEPS {
            return Err(Refusal::new(
                Reason::TooLarge,
                "searching and comparing texts would take too long",
                format!("By the declared lengths of texts and patterns it may take {MAX_STEPS} steps for a row, else the time of an answer would tell about rows."),
            )
            .fix("shorter patterns, starts_with(x, 'abc'), or left(x, 20) LIKE …")
            .at(context.words.find("LIKE")));
        }
        let size = 1 + steps / STEPS_PER_SIZE + arguments.iter().map(|a| a.size).sum::<usize>();
        let literals: Option<Vec<ColumnarValue>> =
            arguments.iter().map(|a| a.value().cloned().map(ColumnarValue::Scalar)).collect();
        if let Some(literals) = literals
            && let Ok(ColumnarValue::Scalar(value)) = evaluate(total, gives, &literals, 1)
        {
            return Ok(Self::literal(gives, value));
        }
        let expr = call(total, gives, arguments.into_iter().map(|a| a.expr).collect());
        Self { expr, domain: domain(total, gives, &domains), size }.checked(context)
    }

    pub(super) fn checked(self, context: &Context<'_>) -> Result<Self, Refusal> {
        if self.kind() == Kind::Text {
            let bytes = u64::from(self.domain.max_bytes.unwrap_or(MAX_TEXT_BYTES));
            context.text_bytes.set(context.text_bytes.get().saturating_add(bytes));
        }
        if context.text_bytes.get() > MAX_ROW_TEXT_BYTES {
            return Err(Refusal::new(
                Reason::TooLarge,
                "the texts that this query computes for each row are too long",
                format!("Together they may have {MAX_ROW_TEXT_BYTES} bytes for a row."),
            )
            .fix("shorten columns first: left(x, 20)"));
        }
        if self.size <= MAX_SIZE {
            return Ok(self);
        }
        Err(Refusal::new(
            Reason::TooLarge,
            "an expression is too large",
            format!("After names are replaced by what they mean, an expression may have {MAX_SIZE} parts."),
        )
        .fix("use each computed column once")
        .at(context.words.find("SELECT")))
    }

    /// The value as another kind: NULL where that has no such value. A literal text that can't be read is refused.
    pub(super) fn of_kind(self, kind: Kind, context: &Context<'_>) -> Result<Self, Refusal> {
        if self.kind() == kind {
            return Ok(self);
        }
        if self.value().is_some_and(ScalarValue::is_null) {
            return null(kind);
        }
        let from = self.kind();
        let temporal = |k| matches!(k, Kind::Date | Kind::Timestamp);
        if (temporal(kind) && !temporal(from) && from != Kind::Text)
            || (temporal(from) && !temporal(kind) && kind != Kind::Text)
        {
            return Err(types(format!("{} can't be turned into {}", from.name(), kind.name()), None)
                .fix("EXTRACT(epoch FROM x), EXTRACT(year FROM x), or a literal such as DATE '2026-01-31'"));
        }
        let literal = self.value().is_some();
        let cast = Self::call(Total::Cast, kind, vec![self], context)?;
        if literal && cast.value().is_some_and(ScalarValue::is_null) {
            return Err(types(format!("a literal can't be read as {}", kind.name()), None)
                .fix("numbers without quotes; dates as DATE '2026-01-31'"));
        }
        Ok(cast)
    }
}

pub(super) fn null(kind: Kind) -> Result<Typed, Refusal> {
    let value = ScalarValue::try_from(&kind.arrow()).map_err(|_| types("NULL of an unknown type".to_owned(), None))?;
    Ok(Typed::literal(kind, value))
}

pub(super) fn types(what: String, at: Option<Position>) -> Refusal {
    Refusal::new(
        Reason::Types,
        what,
        "Below the aggregate there are booleans, integers, floats, texts, dates and timestamps.",
    )
    .at(at)
}

/// The kind that SQL gives an expression.
pub(super) fn kind_of(expr: &Expr, node: &Relation) -> Result<Kind, Refusal> {
    let data_type = expr
        .get_type(node.schema.as_ref())
        .map_err(|_| types("the type of an expression is not known".to_owned(), None))?;
    Kind::of(&data_type).ok_or_else(|| {
        types(format!("the type {data_type} is not supported on private rows"), None).fix("CAST(x AS DOUBLE)")
    })
}

/// Makes an expression total.
pub(super) fn typed(expr: &Expr, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    let refused = |what: &str, word: &str| Err(unsupported(what).at(context.words.find(word)));
    match expr {
        Expr::Alias(Alias { expr, .. }) => typed(expr, node, context),
        Expr::Column(column) => match facts(column, node, context)? {
            Facts::Value(value) => Ok(value.clone()),
            Facts::Unit | Facts::Perhaps(_) => Err(unit(context, &column.name)),
        },
        Expr::Literal(value, _) => literal(value),
        Expr::BinaryExpr(binary) => self::binary(expr, binary, node, context),
        Expr::Like(like) => self::like(like, node, context),
        Expr::SimilarTo(_) => refused("SIMILAR TO", "SIMILAR").map_err(|r: Refusal| r.fix("x LIKE 'abc%'")),
        Expr::Not(inner) => predicate(inner, node, context, true, |e| Expr::Not(Box::new(e))),
        Expr::IsNotNull(inner) => null_test(inner, node, context, |e| Expr::IsNotNull(Box::new(e))),
        Expr::IsNull(inner) => null_test(inner, node, context, |e| Expr::IsNull(Box::new(e))),
        Expr::IsTrue(inner) => {
            predicate(inner, node, context, false, |e| distinct(Operator::IsNotDistinctFrom, e, true))
        }
        Expr::IsFalse(inner) => {
            predicate(inner, node, context, false, |e| distinct(Operator::IsNotDistinctFrom, e, false))
        }
        Expr::IsUnknown(inner) => predicate(inner, node, context, false, |e| Expr::IsNull(Box::new(e))),
        Expr::IsNotTrue(inner) => {
            predicate(inner, node, context, false, |e| distinct(Operator::IsDistinctFrom, e, true))
        }
        Expr::IsNotFalse(inner) => {
            predicate(inner, node, context, false, |e| distinct(Operator::IsDistinctFrom, e, false))
        }
        Expr::IsNotUnknown(inner) => predicate(inner, node, context, false, |e| Expr::IsNotNull(Box::new(e))),
        Expr::Negative(inner) => {
            let kind = kind_of(expr, node)?;
            let inner = typed(inner, node, context)?.of_kind(kind, context)?;
            Typed::call(Total::Negate, kind, vec![inner], context)
        }
        Expr::Between(between) => self::between(between, node, context),
        Expr::Case(case) => self::case(expr, case, node, context),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            operators::cast(expr, field.data_type(), node, context)
        }
        Expr::ScalarFunction(function) => operators::function(expr, function, node, context),
        Expr::InList(list) => self::in_list(list, node, context),
        Expr::AggregateFunction(_) => refused("an aggregate inside an aggregate", "SELECT"),
        Expr::WindowFunction(_) => refused("a window function on private rows", "OVER"),
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::ScalarSubquery(_) => {
            Err(split::subquery(context))
        }
        Expr::GroupingSet(_) => refused("GROUPING SETS, ROLLUP or CUBE", "GROUP"),
        Expr::Placeholder(_) => refused("a placeholder", "SELECT"),
        Expr::OuterReferenceColumn(..) => Err(split::subquery(context)),
        Expr::Unnest(_) => refused("UNNEST", "UNNEST"),
        Expr::ScalarVariable(..) | Expr::HigherOrderFunction(_) | Expr::Lambda(_) | Expr::LambdaVariable(_) => {
            refused("a variable or lambda", "SELECT")
        }
        #[expect(deprecated)]
        Expr::Wildcard { .. } => refused("*", "SELECT"),
    }
}

pub(super) fn unsupported(what: &str) -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        format!("{what} is not supported on private rows"),
        "Every expression under an aggregate must give a value, or NULL, for any row there could be.",
    )
}

/// The unit is opaque.
pub(super) fn unit(context: &Context<'_>, name: &str) -> Refusal {
    Refusal::new(
        Reason::Unit,
        format!("{name} is the privacy unit and can only be counted"),
        "An id never leaves, and no condition or computation may look at it: it stands for one person.",
    )
    .fix(format!("COUNT(DISTINCT {name})"))
    .at(context.words.find(name))
}

fn literal(value: &ScalarValue) -> Result<Typed, Refusal> {
    if value.data_type() == arrow::datatypes::DataType::Null {
        return null(Kind::Boolean);
    }
    if value.try_as_str().flatten().is_some_and(|text| text.len() > MAX_TEXT_BYTES as usize) {
        return Err(too_long("a literal text is too long", MAX_TEXT_BYTES as usize));
    }
    let kind = Kind::of(&value.data_type()).ok_or_else(|| {
        types(format!("a literal of type {} is not supported on private rows", value.data_type()), None)
    })?;
    let value = value.cast_to(&kind.arrow()).map_err(|_| types("a literal is out of range".to_owned(), None))?;
    let finite = !matches!(value, ScalarValue::Float64(Some(v)) if !v.is_finite());
    if finite { Ok(Typed::literal(kind, value)) } else { null(kind) }
}

/// Steps of a function whose time is the product of two texts' lengths; 0 for all others.
fn steps(total: Total, arguments: &[Domain]) -> usize {
    let bytes = |i: usize| arguments.get(i).map_or(1, |d| d.max_bytes.unwrap_or(MAX_TEXT_BYTES) as usize);
    match total {
        Total::Like
        | Total::LikeAnyCase
        | Total::Trim
        | Total::TrimStart
        | Total::TrimEnd
        | Total::Translate
        | Total::Levenshtein => bytes(0).saturating_mul(bytes(1)),
        Total::RegexLike | Total::RegexCount | Total::RegexPosition | Total::RegexReplace | Total::RegexReplaceAll => {
            let pattern = arguments.get(1).and_then(|d| d.values.as_ref()?.first()?.try_as_str().flatten());
            let all = matches!(total, Total::RegexCount | Total::RegexReplaceAll);
            pattern.and_then(|p| Regex::new(p).ok()).map_or(usize::MAX, |p| p.steps(bytes(0), all))
        }
        _ => 0,
    }
}

fn too_long(what: &str, limit: usize) -> Refusal {
    Refusal::new(Reason::TooLarge, what, format!("On private rows it may have {limit} bytes.")).fix("a shorter one")
}

fn distinct(op: Operator, expr: Expr, value: bool) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(expr), op, Box::new(lit(value))))
}

/// A predicate of a predicate; whether NULL stays NULL.
fn predicate(
    inner: &Expr,
    node: &Relation,
    context: &Context<'_>,
    keeps_null: bool,
    make: impl FnOnce(Expr) -> Expr,
) -> Result<Typed, Refusal> {
    let inner = typed(inner, node, context)?.of_kind(Kind::Boolean, context)?;
    let domain = Domain::boolean(keeps_null && inner.domain.nullable);
    Typed { expr: make(inner.expr), domain, size: inner.size + 1 }.checked(context)
}

fn null_test(
    inner: &Expr,
    node: &Relation,
    context: &Context<'_>,
    make: impl FnOnce(Expr) -> Expr,
) -> Result<Typed, Refusal> {
    // Whether an outer join found something of the row's own unit is no more about the unit than a count of its rows.
    if let Expr::Column(column) = unaliased(inner)
        && let Facts::Perhaps(unit) = facts(column, node, context)?
    {
        return Ok(Typed { expr: make(unit.clone()), domain: Domain::boolean(false), size: 2 });
    }
    let inner = operators::side(inner, node, context)?;
    Typed { expr: make(inner.expr), domain: Domain::boolean(false), size: inner.size + 1 }.checked(context)
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// Both sides as one kind.
pub(super) fn alike(left: Typed, right: Typed, context: &Context<'_>) -> Result<(Typed, Typed), Refusal> {
    let kind = match (left.kind(), right.kind()) {
        (a, b) if a == b => a,
        (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Kind::Float,
        (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date) => Kind::Timestamp,
        (a, b) if right.value().is_some_and(ScalarValue::is_null) || left.value().is_none() && b == Kind::Text => a,
        (_, b) => b,
    };
    Ok((left.of_kind(kind, context)?, right.of_kind(kind, context)?))
}

fn binary(expr: &Expr, binary: &BinaryExpr, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    match binary.op {
        Operator::Plus
        | Operator::Minus
        | Operator::Multiply
        | Operator::Divide
        | Operator::Modulo
        | Operator::IntegerDivide => operators::arithmetic(expr, binary, node, context),
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom => {
            let left = operators::side(&binary.left, node, context)?;
            let (left, right) = alike(left, operators::side(&binary.right, node, context)?, context)?;
            let total = matches!(binary.op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom);
            let nullable = !total && (left.domain.nullable || right.domain.nullable);
            join_sides(left, binary.op, right, nullable, context)
        }
        Operator::And | Operator::Or => chain(expr, binary.op, node, context),
        Operator::StringConcat => {
            let left = typed(&binary.left, node, context)?.of_kind(Kind::Text, context)?;
            let right = typed(&binary.right, node, context)?.of_kind(Kind::Text, context)?;
            Typed::call(Total::Concat, Kind::Text, vec![left, right], context)
        }
        Operator::LikeMatch | Operator::NotLikeMatch | Operator::ILikeMatch | Operator::NotILikeMatch => {
            Err(unsupported("this operator").fix("x LIKE 'abc%'"))
        }
        Operator::RegexMatch | Operator::RegexIMatch | Operator::RegexNotMatch | Operator::RegexNotIMatch => {
            operators::matches(binary, node, context)
        }
        Operator::BitwiseAnd
        | Operator::BitwiseOr
        | Operator::BitwiseXor
        | Operator::BitwiseShiftRight
        | Operator::BitwiseShiftLeft => operators::bits(binary, node, context),
        Operator::AtArrow
        | Operator::ArrowAt
        | Operator::Arrow
        | Operator::LongArrow
        | Operator::HashArrow
        | Operator::HashLongArrow
        | Operator::AtAt
        | Operator::HashMinus
        | Operator::AtQuestion
        | Operator::Question
        | Operator::QuestionAnd
        | Operator::QuestionPipe
        | Operator::Colon => Err(unsupported(&format!("the operator {}", binary.op))),
    }
}

/// A chain of ANDs or of ORs, walked along its left side without recursion: such chains are long.
fn chain(expr: &Expr, op: Operator, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    let mut parts = Vec::new();
    let mut rest = expr;
    while let Expr::BinaryExpr(b) = rest
        && b.op == op
    {
        parts.push(b.right.as_ref());
        rest = b.left.as_ref();
    }
    let mut whole = typed(rest, node, context)?.of_kind(Kind::Boolean, context)?;
    for part in parts.into_iter().rev() {
        let part = typed(part, node, context)?.of_kind(Kind::Boolean, context)?;
        let nullable = whole.domain.nullable || part.domain.nullable;
        whole = join_sides(whole, op, part, nullable, context)?;
    }
    Ok(whole)
}

fn join_sides(
    left: Typed,
    op: Operator,
    right: Typed,
    nullable: bool,
    context: &Context<'_>,
) -> Result<Typed, Refusal> {
    let size = left.size + right.size + 1;
    let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(left.expr), op, Box::new(right.expr)));
    Typed { expr, domain: Domain::boolean(nullable), size }.checked(context)
}

fn between(between: &Between, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    let value = operators::side(&between.expr, node, context)?;
    let (value, low) = alike(value, operators::side(&between.low, node, context)?, context)?;
    let (value, high) = alike(value, operators::side(&between.high, node, context)?, context)?;
    let low = low.of_kind(value.kind(), context)?;
    let nullable = value.domain.nullable || low.domain.nullable || high.domain.nullable;
    let size = value.size + low.size + high.size + 1;
    let expr =
        Expr::Between(Between::new(Box::new(value.expr), between.negated, Box::new(low.expr), Box::new(high.expr)));
    Typed { expr, domain: Domain::boolean(nullable), size }.checked(context)
}

fn in_list(list: &InList, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    let value = typed(&list.expr, node, context)?;
    let mut nullable = value.domain.nullable;
    let mut size = value.size + 1;
    let mut items = Vec::new();
    for item in &list.list {
        let item = typed(item, node, context)?.of_kind(value.kind(), context)?;
        nullable |= item.domain.nullable;
        size += usize::from(item.value().is_none()) * item.size;
        items.push(item.expr);
    }
    let expr = Expr::InList(InList::new(Box::new(value.expr), items, list.negated));
    Typed { expr, domain: Domain::boolean(nullable), size }.checked(context)
}

fn like(like: &Like, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    let value = typed(&like.expr, node, context)?.of_kind(Kind::Text, context)?;
    let pattern = typed(&like.pattern, node, context)?.of_kind(Kind::Text, context)?;
    if pattern.domain.max_bytes.is_none_or(|n| n as usize > MAX_PATTERN_BYTES) {
        return Err(too_long("the pattern of LIKE is too long", MAX_PATTERN_BYTES)
            .fix("a shorter one, or left(y, 20)")
            .at(context.words.find("LIKE")));
    }
    let ends_in_escape = match pattern.value() {
        Some(ScalarValue::Utf8(Some(text))) => {
            let escape = like.escape_char.unwrap_or('\\');
            text.chars().rev().take_while(|c| *c == escape).count() % 2 == 1
        }
        _ => false,
    };
    if ends_in_escape {
        return Err(unsupported("LIKE with a pattern that ends in its escape character").at(context.words.find("LIKE")));
    }
    let total = if like.case_insensitive { Total::LikeAnyCase } else { Total::Like };
    let mut arguments = vec![value, pattern];
    if let Some(escape) = like.escape_char {
        arguments.push(Typed::literal(Kind::Text, ScalarValue::Utf8(Some(escape.to_string()))));
    }
    let matched = Typed::call(total, Kind::Boolean, arguments, context)?;
    if !like.negated {
        return Ok(matched);
    }
    let domain = Domain::boolean(matched.domain.nullable);
    Typed { expr: Expr::Not(Box::new(matched.expr)), domain, size: matched.size + 1 }.checked(context)
}

fn case(expr: &Expr, case: &Case, node: &Relation, context: &Context<'_>) -> Result<Typed, Refusal> {
    let kind = kind_of(expr, node)?;
    let base = case.expr.as_ref().map(|e| typed(e, node, context)).transpose()?;
    let mut size = 1;
    let mut branches = Vec::new();
    let mut domain: Option<Domain> = None;
    let mut also = |d: Domain| domain = Some(domain.take().map_or(d.clone(), |known| known.union(d)));
    for (when, then) in &case.when_then_expr {
        let when = typed(when, node, context)?;
        // CASE x WHEN v is CASE WHEN x = v: each comparison in its own kind.
        let when = match &base {
            Some(base) => {
                let (base, when) = alike(base.clone(), when, context)?;
                join_sides(base, Operator::Eq, when, true, context)?
            }
            None => when.of_kind(Kind::Boolean, context)?,
        };
        let then = typed(then, node, context)?.of_kind(kind, context)?;
        size += when.size + then.size;
        also(then.domain);
        branches.push((Box::new(when.expr), Box::new(then.expr)));
    }
    let otherwise = match &case.else_expr {
        Some(e) => typed(e, node, context)?.of_kind(kind, context)?,
        None => null(kind)?,
    };
    size += otherwise.size;
    also(otherwise.domain);
    let expr = Expr::Case(Case::new(None, branches, Some(Box::new(otherwise.expr))));
    Typed { expr, domain: domain.unwrap_or_else(|| Domain::unknown(kind)), size }.checked(context)
}
