//! What fuzzed queries are made of: one line per function, operator and aggregate, with holes for its arguments.
//! `{i}` is an integer, `{f}` a float, `{n}` either, `{t}` a text, `{b}` a condition, `{d}` a date, `{m}` a timestamp,
//! `{x}` any of them, `{u}` the privacy unit.

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Float,
    Text,
    Bool,
    Date,
    Time,
}

use Kind::{Bool, Date, Float, Int, Text, Time};

pub(super) const KINDS: [Kind; 6] = [Int, Float, Text, Bool, Date, Time];

/// A function or operator.
pub(super) struct Word {
    pub(super) tag: &'static str,
    pub(super) gives: Kind,
    pub(super) form: &'static str,
    /// Whether plain SQL gives the same on ordinary rows: nothing in it fails, wraps, or gives NaN or ∞ there.
    pub(super) plain: bool,
}

const fn word(tag: &'static str, gives: Kind, form: &'static str) -> Word {
    Word { tag, gives, form, plain: true }
}

/// One whose undefined results are NULL here and an error or NaN elsewhere.
const fn wild(tag: &'static str, gives: Kind, form: &'static str) -> Word {
    Word { tag, gives, form, plain: false }
}

pub(super) const WORDS: &[Word] = &[
    word("+", Int, "({i} + {i})"),
    word("-", Int, "({i} - {i})"),
    wild("*", Int, "({i} * {i})"),
    word("* small", Int, "({i} * 3)"),
    wild("/", Int, "({i} / {i})"),
    word("/ literal", Int, "({i} / 7)"),
    wild("%", Int, "({i} % {i})"),
    word("% literal", Int, "({i} % 5)"),
    word("negate", Int, "(-{i})"),
    word("abs", Int, "abs({i})"),
    word("least", Int, "least({i}, {i})"),
    word("greatest", Int, "greatest({i}, {i}, {i})"),
    word("character_length", Int, "length({t})"),
    word("octet_length", Int, "octet_length({t})"),
    word("strpos", Int, "strpos({t}, {t})"),
    word("date_part", Int, "EXTRACT(month FROM {m})"),
    word("date_part of date", Int, "EXTRACT(day FROM {d})"),
    word("case", Int, "CASE WHEN {b} THEN {i} WHEN {b} THEN {i} ELSE {i} END"),
    word("case without else", Int, "CASE WHEN {b} THEN {i} END"),
    wild("cast", Int, "CAST({f} AS BIGINT)"),
    wild("cast text", Int, "TRY_CAST({t} AS INT)"),
    word("cast boolean", Int, "CAST({b} AS INT)"),
    word("coalesce", Int, "coalesce({i}, {i})"),
    word("nullif", Int, "nullif({i}, {i})"),
    word("nvl", Int, "nvl({i}, {i})"),
    word("&", Int, "({i} & 6)"),
    word("|", Int, "({i} | {i})"),
    word("exclusive or", Int, "({i} ^ {i})"),
    wild("<<", Int, "({i} << {i})"),
    word(">> literal", Int, "({i} >> 2)"),
    word("date - date", Int, "({d} - DATE '2026-01-01')"),
    word("epoch of a difference", Float, "EXTRACT(epoch FROM {m} - {m})"),
    wild("gcd", Int, "gcd({i}, {i})"),
    wild("lcm", Int, "lcm({i}, {i})"),
    wild("factorial", Int, "factorial({i})"),
    wild("width_bucket", Int, "width_bucket({f}, -5.0, 50.0, 11)"),
    word("bit_length", Int, "bit_length({t})"),
    word("ascii", Int, "ascii({t})"),
    word("find_in_set", Int, "find_in_set({t}, 'a,c0,x1')"),
    word("levenshtein", Int, "levenshtein({t}, {t})"),
    word("regexp_count", Int, "regexp_count({t}, '[a-c]')"),
    wild("regexp_instr", Int, "regexp_instr({t}, '[0-9]')"),
    wild("to_unixtime", Int, "to_unixtime({m})"),
    word("nvl2", Int, "nvl2({x}, {i}, {i})"),
    word("+ float", Float, "({f} + {n})"),
    word("- float", Float, "({n} - {f})"),
    word("* float", Float, "({f} * {f})"),
    wild("/ float", Float, "({f} / {n})"),
    wild("% float", Float, "({f} % {f})"),
    word("abs float", Float, "abs({f})"),
    word("signum", Float, "signum({f})"),
    word("round", Float, "round({f})"),
    wild("round to", Float, "round({f}, 1)"),
    word("trunc", Float, "trunc({f})"),
    word("floor", Float, "floor({f})"),
    word("ceil", Float, "ceil({f})"),
    word("sqrt", Float, "sqrt(abs({f}))"),
    wild("sqrt of negatives", Float, "sqrt({f})"),
    word("cbrt", Float, "cbrt({f})"),
    word("exp", Float, "exp(least({f}, 3.0))"),
    wild("exp", Float, "exp({f})"),
    word("ln", Float, "ln(abs({f}) + 1.0)"),
    wild("ln", Float, "ln({f})"),
    word("log10", Float, "log10(abs({f}) + 0.5)"),
    word("log2", Float, "log2(abs({f}) + 0.5)"),
    word("log", Float, "log(3.0, abs({f}) + 0.5)"),
    wild("log", Float, "log({f}, {f})"),
    word("power", Float, "power({f}, 2.0)"),
    wild("power", Float, "power({f}, {f})"),
    word("case float", Float, "CASE WHEN {b} THEN {f} ELSE {n} END"),
    word("cast float", Float, "CAST({i} AS DOUBLE)"),
    word("coalesce float", Float, "coalesce({f}, {f})"),
    word("nullif float", Float, "nullif({f}, {f})"),
    word("sin", Float, "sin({f})"),
    word("cos", Float, "cos({f})"),
    wild("tan", Float, "tan({f})"),
    wild("cot", Float, "cot({f})"),
    wild("asin", Float, "asin({f})"),
    wild("acos", Float, "acos({f})"),
    word("atan", Float, "atan({f})"),
    wild("atan2", Float, "atan2({f}, {f})"),
    wild("sinh", Float, "sinh({f})"),
    wild("cosh", Float, "cosh({f})"),
    word("tanh", Float, "tanh({f})"),
    wild("asinh", Float, "asinh({f})"),
    wild("acosh", Float, "acosh({f})"),
    wild("atanh", Float, "atanh({f})"),
    word("degrees", Float, "degrees({f})"),
    word("radians", Float, "radians({f})"),
    wild("nanvl", Float, "nanvl({f}, {f})"),
    wild("cast to decimal", Float, "CAST(CAST({f} AS DECIMAL(12, 2)) AS DOUBLE)"),
    word("lower", Text, "lower({t})"),
    word("upper", Text, "upper({t})"),
    word("reverse", Text, "reverse({t})"),
    word("substr", Text, "substr({t}, 1, 2)"),
    wild("substr from rows", Text, "substr({t}, {i}, {i})"),
    word("left", Text, "left({t}, 2)"),
    wild("left by rows", Text, "left({t}, {i})"),
    word("right", Text, "right({t}, 1)"),
    word("btrim", Text, "btrim({t})"),
    word("ltrim", Text, "ltrim({t}, 'x')"),
    word("rtrim", Text, "rtrim({t}, 'x')"),
    word("concat", Text, "concat({t}, {t})"),
    word("||", Text, "({t} || {t})"),
    word("case text", Text, "CASE WHEN {b} THEN {t} ELSE {t} END"),
    word("simple case", Text, "CASE {i} WHEN 1 THEN {t} WHEN 2 THEN 'two' END"),
    word("cast to text", Text, "CAST({i} AS VARCHAR)"),
    wild("cast time to text", Text, "CAST({m} AS VARCHAR)"),
    word("coalesce text", Text, "coalesce({t}, {t})"),
    word("nullif text", Text, "nullif({t}, {t})"),
    word("initcap", Text, "initcap({t})"),
    word("concat_ws", Text, "concat_ws('-', {t}, {t})"),
    wild("chr", Text, "chr({i})"),
    wild("to_hex", Text, "to_hex({i})"),
    wild("encode", Text, "encode({t}, 'hex')"),
    word("repeat", Text, "repeat({t}, 3)"),
    wild("repeat by rows", Text, "repeat({t}, {i})"),
    word("lpad", Text, "lpad({t}, 5, '.')"),
    wild("rpad", Text, "rpad({t}, {i})"),
    word("replace", Text, "replace({t}, 'c', 'dd')"),
    word("translate", Text, "translate({t}, 'acx', 'kl')"),
    word("overlay", Text, "overlay({t} PLACING 'zz' FROM 2 FOR 1)"),
    wild("split_part", Text, "split_part({t}, 'x', 1)"),
    wild("substr_index", Text, "substr_index({t}, '0', 1)"),
    word("regexp_replace", Text, "regexp_replace({t}, '[0-9]+', '#', 'g')"),
    wild("to_char", Text, "to_char({m}, '%Y-%m')"),
    word("=", Bool, "({i} = {i})"),
    word("<>", Bool, "({t} <> {t})"),
    word("<", Bool, "({n} < {n})"),
    word("<=", Bool, "({m} <= {m})"),
    word(">", Bool, "({n} > {n})"),
    word(">=", Bool, "({d} >= {d})"),
    word("between", Bool, "({i} BETWEEN 1 AND {i})"),
    word("in", Bool, "({t} IN ('a', 'c0', 'x1'))"),
    word("not in", Bool, "({i} NOT IN (1, 2, 5))"),
    word("like", Bool, "({t} LIKE '%x_')"),
    word("ilike", Bool, "({t} ILIKE 'C%')"),
    word("is null", Bool, "({x} IS NULL)"),
    word("is not null", Bool, "({x} IS NOT NULL)"),
    word("is true", Bool, "({b} IS TRUE)"),
    word("is distinct from", Bool, "({i} IS DISTINCT FROM {i})"),
    word("and", Bool, "({b} AND {b})"),
    word("or", Bool, "({b} OR {b})"),
    word("not", Bool, "(NOT {b})"),
    word("starts_with", Bool, "starts_with({t}, {t})"),
    word("ends_with", Bool, "ends_with({t}, 'x')"),
    word("contains", Bool, "contains({t}, {t})"),
    wild("iszero", Bool, "iszero({f})"),
    wild("isnan", Bool, "isnan({f})"),
    word("regexp_like", Bool, "regexp_like({t}, '^[a-c]')"),
    word("~", Bool, "({t} ~ '[0-9]$')"),
    word("!~*", Bool, "({t} !~* 'C')"),
    // DataFusion compares a length of time with an interval field by field.
    wild("difference of times", Bool, "({m} - {m} < INTERVAL '1 day')"),
    word("cast to date", Date, "CAST({m} AS DATE)"),
    word("date + interval", Date, "({d} + INTERVAL '1 month')"),
    word("case date", Date, "CASE WHEN {b} THEN {d} ELSE {d} END"),
    wild("make_date", Date, "make_date(2026, {i}, 3)"),
    wild("to_date", Date, "to_date({t}, '%Y-%m-%d')"),
    word("date_trunc", Time, "date_trunc('week', {m})"),
    word("timestamp + interval", Time, "({m} + INTERVAL '36 hours')"),
    word("timestamp - interval", Time, "({m} - INTERVAL '1 month')"),
    word("coalesce time", Time, "coalesce({m}, {m})"),
    word("date_bin", Time, "date_bin(INTERVAL '1 day', {m})"),
    wild("from_unixtime", Time, "CAST(from_unixtime({i}) AS TIMESTAMP)"),
    wild("to_timestamp", Time, "to_timestamp({t})"),
    wild("to_timestamp_seconds", Time, "to_timestamp_seconds({i})"),
    wild("to_timestamp_millis", Time, "to_timestamp_millis({i})"),
    wild("to_timestamp_micros", Time, "to_timestamp_micros({i})"),
    wild("to_timestamp_nanos", Time, "to_timestamp_nanos({i})"),
    wild("to_local_time", Time, "to_local_time({m})"),
];

/// Aggregates at the barrier.
pub(super) const AGGREGATES: &[(&str, &str)] = &[
    ("COUNT(*)", "COUNT(*)"),
    ("COUNT", "COUNT({x})"),
    ("COUNT DISTINCT unit", "COUNT(DISTINCT {u})"),
    ("COUNT bounds", "COUNT(*, contribution_bounds_per_group => (0, 2))"),
    ("SUM per row", "SUM({n}, contribution_bounds_per_row => (-20, 90))"),
    ("SUM per group", "SUM({n}, contribution_bounds_per_group => (-7, 100))"),
    ("SUM", "SUM(least(greatest({n}, -9), 99))"),
    ("AVG", "AVG({n}, contribution_bounds_per_row => (-10, 50))"),
    ("COUNT DISTINCT", "COUNT(DISTINCT {x})"),
    ("VAR", "VAR_SAMP({n}, contribution_bounds_per_row => (-10, 50))"),
    ("STDDEV", "STDDEV_POP({n}, contribution_bounds_per_row => (-10, 50))"),
    ("COVAR", "COVAR_POP(least(greatest({f}, -9.0), 99.0), least(greatest({f}, 0.0), 50.0))"),
    ("CORR", "CORR(least(greatest({f}, -9.0), 99.0), least(greatest({f}, 0.0), 50.0))"),
    ("REGR_SLOPE", "REGR_SLOPE(least(greatest({f}, -9.0), 99.0), least(greatest({f}, 0.0), 50.0))"),
    ("REGR_INTERCEPT", "REGR_INTERCEPT(least(greatest({f}, -9.0), 9.0), least(greatest({f}, 0.0), 5.0))"),
    ("REGR_COUNT", "REGR_COUNT({f}, {f})"),
    ("MEDIAN", "MEDIAN({n}, contribution_bounds_per_row => (-10, 50))"),
    ("PERCENTILE_CONT", "PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY least(greatest({f}, -9.0), 99.0))"),
    ("APPROX_PERCENTILE_CONT", "APPROX_PERCENTILE_CONT(least(greatest({f}, -9.0), 99.0), 0.25)"),
    ("MIN", "MIN({n}, contribution_bounds_per_row => (-20, 90))"),
    ("MAX", "MAX({f}, contribution_bounds_per_row => (0, 12))"),
    ("FILTER", "COUNT(*) FILTER (WHERE {b})"),
    ("SUM FILTER", "SUM({i}, contribution_bounds_per_row => (0, 9)) FILTER (WHERE {b})"),
];

/// The same for rows that stay inside of all bounds, as any engine understands them.
pub(super) const PLAIN_AGGREGATES: &[(&str, &str)] = &[
    ("COUNT(*)", "COUNT(*)"),
    ("COUNT", "COUNT({x})"),
    ("COUNT DISTINCT unit", "COUNT(DISTINCT {u})"),
    ("SUM", "SUM(least(greatest({i}, -1000), 1000))"),
    ("SUM float", "SUM(least(greatest({f}, -1000.0), 1000.0))"),
    ("AVG", "AVG(least(greatest({f}, -1000.0), 1000.0))"),
    ("COUNT DISTINCT", "COUNT(DISTINCT {t})"),
    ("FILTER", "COUNT(*) FILTER (WHERE {b})"),
];

/// Aggregates within a person, with what they give.
pub(super) const WITHIN: &[(&str, Kind, &str)] = &[
    ("inner COUNT", Int, "COUNT(*)"),
    ("inner COUNT x", Int, "COUNT({x})"),
    ("inner SUM", Int, "SUM(least(greatest({i}, -100), 100))"),
    ("inner MIN", Int, "MIN({i})"),
    ("inner MAX", Float, "MAX({f})"),
    ("inner MIN text", Text, "MIN({t})"),
    ("inner AVG", Float, "AVG(least(greatest({f}, -9.0), 9.0))"),
    ("inner BOOL_OR", Bool, "BOOL_OR({b})"),
    ("inner BOOL_AND", Bool, "BOOL_AND({b})"),
    ("inner FILTER", Int, "COUNT(*) FILTER (WHERE {b})"),
    ("inner MAX time", Time, "MAX({m})"),
];

/// Window functions within a person: what they give, the call, and whether it needs an order.
pub(super) const WINDOWS: &[(&str, Kind, &str)] = &[
    ("ROW_NUMBER", Int, "ROW_NUMBER() OVER (PARTITION BY {u} ORDER BY {x})"),
    ("RANK", Int, "RANK() OVER (PARTITION BY {u} ORDER BY {x})"),
    ("DENSE_RANK", Int, "DENSE_RANK() OVER (PARTITION BY {u} ORDER BY {x})"),
    ("NTILE", Int, "NTILE(3) OVER (PARTITION BY {u} ORDER BY {x})"),
    ("LAG", Int, "LAG({i}, 1, 0) OVER (PARTITION BY {u} ORDER BY {x})"),
    ("LEAD", Text, "LEAD({t}) OVER (PARTITION BY {u} ORDER BY {x})"),
    ("FIRST_VALUE", Text, "FIRST_VALUE({t}) OVER (PARTITION BY {u} ORDER BY {x})"),
    ("window COUNT", Int, "COUNT(*) OVER (PARTITION BY {u})"),
    ("window SUM", Int, "SUM(least(greatest({i}, -9), 9)) OVER (PARTITION BY {u} ORDER BY {x})"),
    ("window MAX", Int, "MAX({i}) OVER (PARTITION BY {u} ORDER BY {x} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"),
];

/// Ways to make rows, besides reading a table.
pub(super) const SHAPES: &[&str] = &[
    "inner join",
    "left join",
    "right join",
    "full join",
    "using",
    "semi join",
    "anti join",
    "exists",
    "not exists",
    "lookup",
    "left lookup",
    "lookup in",
    "group within",
    "having within",
    "distinct",
    "window",
    "qualify",
    "union all",
    "cte",
    "subquery",
];

/// What stands at the barrier and above.
pub(super) const ABOVE: &[&str] = &[
    "listed key",
    "unlisted key",
    "no key",
    "two keys",
    "histogram",
    "ROLLUP",
    "CUBE",
    "GROUPING SETS",
    "where",
    "epsilon",
    "max_groups_contributed",
    "table events",
    "table users",
    "table ads",
];

/// What is done with what is released; the tag, and whether rows stay comparable however ties are ordered.
pub(super) const FORMS: &[(&str, bool)] = &[
    ("having", true),
    ("order by", true),
    ("limit", false),
    ("above", true),
    ("rank above", true),
    ("filter above", true),
    ("interval", false),
    ("union of releases", true),
    ("joined releases", true),
    ("share of a release", true),
    ("in a release", true),
];

/// A table: its name, what it is counted as, its columns with their types.
type Table = (&'static str, &'static str, &'static [(&'static str, Kind)]);

pub(super) const TABLES: &[Table] = &[
    (
        "events",
        "table events",
        &[
            ("segment", Text),
            ("city", Text),
            ("clicks", Int),
            ("n", Int),
            ("score", Float),
            ("spend", Float),
            ("at", Time),
            ("day", Date),
            ("vip", Bool),
            ("note", Text),
        ],
    ),
    ("users", "table users", &[("age", Int), ("plan", Text)]),
    ("ads", "table ads", &[("campaign", Text), ("shown", Time), ("cost", Float), ("clicked", Bool)]),
];

/// Keys with a list, whatever they are made of.
pub(super) const LISTED: &[&str] = &[
    "CASE WHEN {b} THEN 'yes' ELSE 'no' END",
    "{b}",
    "{i} % 3",
    "EXTRACT(quarter FROM {m})",
    "CASE WHEN {n} > 5 THEN 'many' WHEN {b} THEN 'some' END",
];

/// The key of a histogram, which has a list, too.
pub(super) const HISTOGRAM: &str = "width_bucket({n}, 0, 60, 4)";

/// Keys without one.
pub(super) const UNLISTED: &[&str] = &["{t}", "{i}", "date_trunc('month', {m})", "CAST({f} AS BIGINT)", "{d}"];

/// The tags that plain SQL understands alike.
pub(super) fn plain_tags() -> impl Iterator<Item = &'static str> {
    let words = WORDS.iter().filter(|w| w.plain).map(|w| w.tag);
    let within = WITHIN.iter().map(|a| a.0).chain(WINDOWS.iter().map(|a| a.0));
    let above = ABOVE.iter().copied().filter(|a| !["epsilon", "max_groups_contributed", "histogram"].contains(a));
    let forms = FORMS.iter().filter(|f| f.1).map(|f| f.0);
    words
        .chain(PLAIN_AGGREGATES.iter().map(|a| a.0))
        .chain(within)
        .chain(SHAPES.iter().copied())
        .chain(above)
        .chain(forms)
}

/// All tags that a long run must have met.
pub(super) fn tags() -> impl Iterator<Item = &'static str> {
    let words = WORDS.iter().map(|w| w.tag);
    let aggregates = AGGREGATES.iter().map(|a| a.0);
    let within = WITHIN.iter().map(|a| a.0).chain(WINDOWS.iter().map(|a| a.0));
    let forms = FORMS.iter().map(|f| f.0);
    words.chain(aggregates).chain(within).chain(SHAPES.iter().copied()).chain(ABOVE.iter().copied()).chain(forms)
}
