//! Takes the differential-privacy clauses out of the tokens; the others keep their places in the text.

use super::{PrivacyOptions, position};
use crate::error::{Reason, Refusal};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|t| &t.token), Some(Token::Word(w)) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// Removes a leading `EXPLAIN PRIVACY`; whether it was there.
pub(super) fn explain_privacy(tokens: &mut Vec<TokenWithSpan>) -> bool {
    let found = is_word(tokens.first(), "EXPLAIN") && is_word(tokens.get(1), "PRIVACY");
    if found {
        tokens.drain(..2);
    }
    found
}

/// Removes `WITH DIFFERENTIAL_PRIVACY [OPTIONS (…)]` after SELECT and gives what it says.
pub(super) fn options(tokens: &mut Vec<TokenWithSpan>) -> Result<PrivacyOptions, Refusal> {
    let mut found: Option<PrivacyOptions> = None;
    let mut i = 0;
    while i < tokens.len() {
        let clause = is_word(tokens.get(i), "SELECT")
            && is_word(tokens.get(i + 1), "WITH")
            && is_word(tokens.get(i + 2), "DIFFERENTIAL_PRIVACY");
        if !clause {
            i += 1;
            continue;
        }
        let at = tokens.get(i + 2).and_then(|t| position(t.span.start));
        let mut end = i + 3;
        let mut options = PrivacyOptions::default();
        if is_word(tokens.get(end), "OPTIONS") {
            (options, end) = list(tokens, end + 1)?;
        }
        if found.is_some_and(|other| other != options) {
            return Err(Refusal::new(
                Reason::Options,
                "WITH DIFFERENTIAL_PRIVACY stands twice with different options",
                "A query has one price, so it has one set of options.",
            )
            .at(at)
            .fix("keep the first clause only"));
        }
        found = Some(options);
        tokens.drain(i + 1..end);
        i += 1;
    }
    Ok(found.unwrap_or_default())
}

/// `( name = value, … )` from `start`; the options and the index behind them.
fn list(tokens: &[TokenWithSpan], start: usize) -> Result<(PrivacyOptions, usize), Refusal> {
    let mut options = PrivacyOptions::default();
    let mut i = start;
    expect(tokens, i, &Token::LParen)?;
    i += 1;
    if matches!(tokens.get(i).map(|t| &t.token), Some(Token::RParen)) {
        return Ok((options, i + 1));
    }
    let mut seen: Vec<String> = Vec::new();
    loop {
        let Some(Token::Word(name)) = tokens.get(i).map(|t| &t.token) else {
            return Err(malformed(tokens, i));
        };
        let name = name.value.to_lowercase();
        if seen.contains(&name) {
            return Err(refused(tokens, i, format!("the option {name} is given twice")));
        }
        expect(tokens, i + 1, &Token::Eq)?;
        set(&mut options, &name, tokens, i)?;
        seen.push(name);
        match tokens.get(i + 3).map(|t| &t.token) {
            Some(Token::Comma) => i += 4,
            Some(Token::RParen) => return Ok((options, i + 4)),
            _ => return Err(malformed(tokens, i + 3)),
        }
    }
}

fn set(options: &mut PrivacyOptions, name: &str, tokens: &[TokenWithSpan], i: usize) -> Result<(), Refusal> {
    let value = tokens.get(i + 2).map(|t| &t.token);
    match name {
        "epsilon" => match value {
            Some(Token::Number(text, _)) => {
                let epsilon = text.parse::<f64>().ok().filter(|e| e.is_finite() && *e > 0.0);
                options.epsilon =
                    Some(epsilon.ok_or_else(|| refused(tokens, i + 2, "epsilon must be a number above 0".to_owned()))?);
            }
            _ => return Err(refused(tokens, i + 2, "epsilon must be a number above 0".to_owned())),
        },
        "max_groups_contributed" => match value {
            Some(Token::Number(text, _)) if text.parse::<u32>().is_ok_and(|n| n >= 1) => {
                options.max_groups_contributed = text.parse().ok();
            }
            _ => {
                return Err(refused(
                    tokens,
                    i + 2,
                    "max_groups_contributed must be a whole number of at least 1".to_owned(),
                ));
            }
        },
        "fresh" if is_word(tokens.get(i + 2), "TRUE") => options.fresh = true,
        "fresh" if is_word(tokens.get(i + 2), "FALSE") => options.fresh = false,
        "fresh" => return Err(refused(tokens, i + 2, "fresh must be true or false".to_owned())),
        other => {
            let other: String = other.chars().take(60).collect();
            return Err(refused(tokens, i, format!("there is no option {other}")));
        }
    }
    Ok(())
}

fn expect(tokens: &[TokenWithSpan], i: usize, token: &Token) -> Result<(), Refusal> {
    if tokens.get(i).map(|t| &t.token) == Some(token) { Ok(()) } else { Err(malformed(tokens, i)) }
}

fn malformed(tokens: &[TokenWithSpan], i: usize) -> Refusal {
    refused(tokens, i, "the options are not a list of name = value".to_owned())
}

fn refused(tokens: &[TokenWithSpan], i: usize, what: String) -> Refusal {
    Refusal::new(
        Reason::Options,
        what,
        "The options of a query are epsilon, max_groups_contributed and fresh; δ, k and the privacy unit are set by the release's policy.",
    )
    .at(tokens.get(i).and_then(|t| position(t.span.start)))
    .fix("OPTIONS (epsilon = 0.5, max_groups_contributed = 3)")
}
