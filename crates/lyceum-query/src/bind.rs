//! Stage 2: names, types and coercion against one workspace's catalogue. Only its tables exist, under the schemas
//! `protected`, `anonymized`, `synthetic` and `mock`; a bare name means the best kind there is.
//!
//! Planning sees schemas only: no rows, no statistics, no files, no session. Which functions may stand where is
//! decided on the finished plan by `certify`, since planners put in functions of their own.

mod comparisons;
mod functions;
mod names;
mod ranges;
mod source;

use crate::catalog::Catalog;
use crate::error::{Position, QueryError, Reason, Refusal};
use crate::parse::{ParsedQuery, PrivacyOptions, Words};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::sql::planner::{NullOrdering, ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::Statement;
use lyceum_schema::time::Micros;
use names::Names;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use functions::{aggregate as plain_aggregate, bounds_of, query_time};
pub(crate) use names::closest;
pub use source::CatalogSource;
pub(crate) use source::unit_name;

/// A query with every name resolved and every type known.
#[derive(Debug)]
pub struct ResolvedQuery {
    pub(crate) plan: LogicalPlan,
    pub(crate) options: PrivacyOptions,
    pub(crate) words: Words,
}

/// Binds a query to a catalogue. `now` is what `now()` and `current_date` mean in it.
///
/// # Errors
/// [`QueryError::Refused`] with codes E2104, E2106, E2108 and E2109.
pub fn bind(query: ParsedQuery, catalog: &Catalog, now: Micros) -> Result<ResolvedQuery, QueryError> {
    let ParsedQuery { query, options, words, .. } = query;
    let mut config = ConfigOptions::default();
    config.catalog.information_schema = false;
    config.sql_parser.collect_spans = true;
    config.sql_parser.map_string_types_to_utf8view = false;
    let names = Names::new(catalog, now, config);
    let parser_options = ParserOptions {
        parse_float_as_decimal: false,
        enable_ident_normalization: true,
        support_varchar_with_length: true,
        enable_options_value_normalization: false,
        collect_spans: true,
        map_string_types_to_utf8view: false,
        default_null_ordering: NullOrdering::NullsMax,
    };
    // Planning has been seen to panic on odd input in other versions; a panic here is a refusal like any other.
    let planned = catch_unwind(AssertUnwindSafe(|| {
        let plan = SqlToRel::new_with_options(&names, parser_options).sql_statement_to_plan(Statement::Query(query))?;
        if let Some(refusal) = comparisons::refused(&plan, &words) {
            return Ok(Err(refusal));
        }
        Analyzer::new().execute_and_check(plan, names.config(), |_, _| {}).map(Ok)
    }));
    match planned {
        Ok(Ok(Err(refusal))) => Err(refusal.into()),
        Ok(Ok(Ok(plan))) => Ok(ResolvedQuery { plan, options, words }),
        Ok(Err(error)) => {
            // Names of CTEs are looked up as tables first: only the error of a lookup is about one.
            let missing = if names::is_missing(&error) { names.refusal(&words) } else { None };
            let explained = missing.unwrap_or_else(|| {
                let refusal = explain(&error, &words);
                if refusal.reason == Reason::Types {
                    ranges::refused(catalog, &words).unwrap_or(refusal)
                } else {
                    refusal
                }
            });
            Err(explained.into())
        }
        Err(_) => Err(Refusal::new(Reason::Unsupported, "the planner gave up", "This query can't be planned.")
            .fix("write it with simpler parts")
            .into()),
    }
}

/// A planning error for people. It knows the text and the visible names, nothing else.
fn explain(error: &DataFusionError, words: &Words) -> Refusal {
    let span = error.diagnostic().and_then(|d| d.span).map(|s| Position { line: s.start.line, column: s.start.column });
    let root = error.find_root();
    if let DataFusionError::SchemaError(schema, _) = root {
        match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let known: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
                let mut refusal = Refusal::new(
                    Reason::UnknownName,
                    format!("there is no column {}", short(&field.name)),
                    if known.is_empty() {
                        "No columns are known here.".to_owned()
                    } else {
                        format!("Known here: {}.", short(&known.join(", ")))
                    },
                );
                if let Some(name) = closest(&field.name, known.iter().copied()) {
                    refusal = refusal.fix(name);
                }
                return refusal.at(span).at(words.find(&field.name));
            }
            SchemaError::AmbiguousReference { field } => {
                return Refusal::new(
                    Reason::UnknownName,
                    format!("the column {} could mean several", short(&field.name)),
                    "More than one table has a column of this name.",
                )
                .fix(format!("<table>.{}", short(&field.name)))
                .at(span)
                .at(words.find(&field.name));
            }
            SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
                return Refusal::new(
                    Reason::UnknownName,
                    format!("two columns would have the name {}", short(name)),
                    "Output columns need different names.",
                )
                .fix("give one of them another name: … AS other")
                .at(span);
            }
        }
    }
    let message = root.strip_backtrace();
    let message = message.split_once(": ").map_or(message.as_str(), |(_, rest)| rest);
    let lower = message.to_lowercase();
    let (reason, what) = if lower.contains("invalid function") {
        (Reason::Function, "there is no such function")
    } else if lower.contains("coerc") || lower.contains("type") || lower.contains("signature") {
        (Reason::Types, "the types don't fit together")
    } else {
        (Reason::Unsupported, "this query can't be planned")
    };
    let quoted = message.split('\'').nth(1).and_then(|w| words.find(w));
    let why = if lower.contains("internal error") || lower.contains("failed to match") {
        "A function or operator got types that it doesn't take.".to_owned()
    } else {
        short(message)
    };
    Refusal::new(reason, what, why).at(span).at(quoted)
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 300 { line.chars().take(300).chain(['…']).collect() } else { line.to_owned() }
}
