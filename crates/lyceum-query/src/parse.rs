//! Stage 1: SQL text → one query. Every other statement and every clause without a rule is refused here.
//!
//! The tokens keep their places through lifting (`parse/lift.rs`), so that every refusal points into the text as
//! it was typed. What the SQL grammar doesn't know — options, contribution bounds, intervals — is turned into
//! things it knows (`parse/admit.rs`).

mod admit;
mod expansion;
mod lift;

use crate::error::{Position, QueryError, Reason, Refusal};
use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

pub(crate) use admit::{BOUNDABLE, BOUNDED_PREFIX, INTERVAL_HIGH, INTERVAL_LOW};

/// Longest text, bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most tokens, spaces and comments not counted.
const MAX_TOKENS: usize = 20_000;
/// Most operators on one way from the query to a leaf: bounds the depth of every tree made of the text.
const MAX_OPERATOR_DEPTH: usize = 100;
/// Most nested parentheses and subqueries.
const MAX_NESTING: usize = 50;

/// One query, syntactically admitted.
#[derive(Debug)]
pub struct ParsedQuery {
    pub(crate) query: Box<Query>,
    pub(crate) options: PrivacyOptions,
    pub(crate) explain_privacy: bool,
    pub(crate) words: Words,
}

/// `OPTIONS(…)` of `SELECT WITH DIFFERENTIAL_PRIVACY`; what is not said is the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PrivacyOptions {
    /// ε of the query as if asked alone.
    pub epsilon: Option<f64>,
    /// L0: groups one unit may contribute to.
    pub max_groups_contributed: Option<u32>,
    /// Charge and draw anew although the answer is stored.
    pub fresh: bool,
}

impl ParsedQuery {
    /// Whether the text began with `EXPLAIN PRIVACY`: certificate and price only.
    #[must_use]
    pub const fn explain_privacy(&self) -> bool {
        self.explain_privacy
    }

    /// What OPTIONS said.
    #[must_use]
    pub const fn options(&self) -> PrivacyOptions {
        self.options
    }
}

/// The words of the text and where they stand, to point at what later stages refuse.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<(String, Position)>);

impl Words {
    /// Where `word` stands first, whatever its case.
    pub(crate) fn find(&self, word: &str) -> Option<Position> {
        self.0.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, at)| *at)
    }
}

/// Parses one query: `[EXPLAIN PRIVACY] { SELECT | WITH … SELECT } [;]`.
///
/// # Errors
/// [`QueryError::Refused`] with codes E2101 to E2106.
pub fn parse(sql: &str) -> Result<ParsedQuery, QueryError> {
    if sql.len() > MAX_BYTES {
        return Err(too_large(format!("the text has {} bytes", sql.len()), format!("at most {MAX_BYTES} bytes")).into());
    }
    let dialect = GenericDialect {};
    let mut tokens: Vec<TokenWithSpan> = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|e| syntax(&e.message).at(position(e.location)))?
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_)))
        .collect();
    check_size(&tokens)?;
    let words = Words(
        tokens
            .iter()
            .filter_map(|t| match &t.token {
                Token::Word(w) => Some((w.value.clone(), position(t.span.start)?)),
                _ => None,
            })
            .collect(),
    );
    let explain_privacy = lift::explain_privacy(&mut tokens);
    only_a_query(&tokens)?;
    let options = lift::options(&mut tokens)?;
    let mut parser = Parser::new(&dialect).with_recursion_limit(MAX_NESTING).with_tokens_with_locations(tokens);
    let mut query = parser.parse_query().map_err(parser_error)?;
    let ended = parser.consume_token(&Token::SemiColon);
    while parser.consume_token(&Token::SemiColon) {}
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let refusal = if ended {
            Refusal::new(
                Reason::NotAQuery,
                "several statements",
                "One request is one query, so that its price is the price of what you see.",
            )
            .fix("send the statements one by one")
        } else {
            syntax(&format!("{} is not expected here", shown(&rest.token)))
        };
        return Err(refusal.at(position(rest.span.start)).into());
    }
    expansion::check(&query)?;
    admit::admit(&mut query)?;
    Ok(ParsedQuery { query, options, explain_privacy, words })
}

/// The first word decides; everything that isn't a query is named.
fn only_a_query(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let Some(first) = tokens.first().filter(|t| t.token != Token::EOF) else {
        return Err(Refusal::new(Reason::NotAQuery, "the text is empty", "There is nothing to answer.")
            .fix("SELECT COUNT(*) FROM <table>"));
    };
    let at = position(first.span.start);
    match &first.token {
        Token::LParen => Ok(()),
        Token::Word(w) if matches!(w.keyword, Keyword::SELECT | Keyword::WITH) => Ok(()),
        Token::Word(w) if w.keyword == Keyword::EXPLAIN => Err(Refusal::new(
            Reason::NotAQuery,
            "EXPLAIN is refused",
            "Execution plans and their statistics can show exact facts about the data.",
        )
        .fix("EXPLAIN PRIVACY SELECT …   (certificate and price, free of charge)")
        .at(at)),
        Token::Word(w) => Err(Refusal::new(
            Reason::NotAQuery,
            format!("{} is not a query", w.value.to_uppercase().chars().take(40).collect::<String>()),
            "Only SELECT (also after WITH) is answered; tables and settings can't be changed or listed in SQL.",
        )
        .fix("SELECT …")
        .at(at)),
        other => Err(syntax(&format!("a query begins with SELECT or WITH, not with {}", shown(other))).at(at)),
    }
}

/// Bounds tokens, nesting and operators per way, before any tree is built: trees are walked and dropped recursively.
fn check_size(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    if tokens.len() > MAX_TOKENS {
        return Err(too_large(
            format!("the query has {} words and signs", tokens.len()),
            format!("at most {MAX_TOKENS}"),
        ));
    }
    // One counter per open parenthesis: operators met so far in the current element of the list there.
    let mut open: Vec<usize> = vec![0];
    for t in tokens {
        match &t.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                open.push(0);
                if open.len() > MAX_NESTING {
                    return Err(too_large(
                        "the parentheses are nested too deeply".to_owned(),
                        format!("at most {MAX_NESTING} levels"),
                    )
                    .at(position(t.span.start)));
                }
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                // A closed element may be an operand of a chain: x[1][1]…, f(x)(x)…
                if open.len() > 1 {
                    open.pop();
                }
                bump(&mut open);
            }
            Token::Comma => {
                if let Some(last) = open.last_mut() {
                    *last = 0;
                }
            }
            Token::Word(w) if operator_word(w.keyword) => bump(&mut open),
            Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::Period
            | Token::SemiColon
            | Token::EOF => {}
            _ => bump(&mut open),
        }
        if open.iter().sum::<usize>() > MAX_OPERATOR_DEPTH {
            return Err(too_large(
                "the expression has too many operators in a row".to_owned(),
                format!("at most {MAX_OPERATOR_DEPTH}"),
            )
            .fix("write x IN (1, 2, 3) instead of x = 1 OR x = 2 OR x = 3")
            .at(position(t.span.start)));
        }
    }
    Ok(())
}

fn bump(open: &mut [usize]) {
    if let Some(last) = open.last_mut() {
        *last += 1;
    }
}

const fn operator_word(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::DIV
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::MINUS
            | Keyword::INTERSECT
            | Keyword::JOIN
            | Keyword::SELECT
            | Keyword::CASE
            | Keyword::OPERATOR
            | Keyword::INTERVAL
            | Keyword::PRIOR
            | Keyword::MEMBER
            | Keyword::OVERLAPS
            | Keyword::PIVOT
            | Keyword::UNPIVOT
            | Keyword::MATCH_RECOGNIZE
            | Keyword::MATCH
    )
}

fn parser_error(error: ParserError) -> Refusal {
    match error {
        ParserError::RecursionLimitExceeded => {
            too_large("the query is nested too deeply".to_owned(), format!("at most {MAX_NESTING} levels"))
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let (text, at) = split_position(&message);
            syntax(&text).at(at)
        }
    }
}

/// Splits "… at Line: 3, Column: 7" into text and place.
fn split_position(message: &str) -> (String, Option<Position>) {
    let parsed = message.rfind(" at Line: ").and_then(|i| {
        let (line, column) = message[i + 10..].split_once(", Column: ")?;
        Some((i, Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? }))
    });
    match parsed {
        Some((i, at)) => (message[..i].to_owned(), Some(at)),
        None => (message.to_owned(), None),
    }
}

pub(crate) fn position(location: Location) -> Option<Position> {
    (location.line > 0).then_some(Position { line: location.line, column: location.column })
}

fn shown(token: &Token) -> String {
    let text: String = token.to_string().chars().take(40).collect();
    if text.is_empty() { "the end".to_owned() } else { format!("{text:?}") }
}

fn syntax(text: &str) -> Refusal {
    let short: String = text.chars().take(200).collect();
    Refusal::new(Reason::Syntax, format!("this is not SQL: {short}"), "The text could not be read as a query.")
}

fn too_large(what: String, limit: String) -> Refusal {
    Refusal::new(Reason::TooLarge, what, format!("A query may have {limit}."))
        .fix("split the question into several queries")
}
