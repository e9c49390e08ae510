//! Casts of one row's value: NULL where the target has no such value. Texts are read strictly after trimming.

use super::calendar::{DAY, civil};
use super::kernel::Argument;
use crate::domain::Kind;
use arrow::compute::kernels::cast_utils::{Parser, string_to_timestamp_nanos};
use arrow::datatypes::Date32Type;

pub(super) fn to_boolean(x: &Argument, i: usize) -> Option<bool> {
    match x.kind() {
        Kind::Boolean => x.boolean(i),
        Kind::Int => Some(x.int(i)? != 0),
        Kind::Float => Some(x.float(i)? != 0.0),
        Kind::Text => match x.text(i)?.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        },
        Kind::Date | Kind::Timestamp => None,
    }
}

pub(super) fn to_float(x: &Argument, i: usize) -> Option<f64> {
    match x.kind() {
        Kind::Boolean => x.int(i).map(|v| v as f64),
        Kind::Int | Kind::Float => x.float(i),
        Kind::Text => x.text(i)?.trim().parse().ok(),
        Kind::Date | Kind::Timestamp => None,
    }
}

/// To an integer, or to the days or microseconds of a date or timestamp.
pub(super) fn to_int(gives: Kind, x: &Argument, i: usize) -> Option<i64> {
    match (gives, x.kind()) {
        (Kind::Int, Kind::Int | Kind::Boolean) => x.int(i),
        (Kind::Int, Kind::Float) => {
            let value = x.float(i)?.trunc();
            // 2^63 is a float, i64::MAX is not.
            (-(2f64.powi(63))..2f64.powi(63)).contains(&value).then_some(value as i64)
        }
        (Kind::Int, Kind::Text) => x.text(i)?.trim().parse().ok(),
        (Kind::Date, Kind::Date) | (Kind::Timestamp, Kind::Timestamp) => x.int(i),
        (Kind::Date, Kind::Timestamp) => Some(x.int(i)?.div_euclid(DAY)),
        (Kind::Timestamp, Kind::Date) => x.int(i)?.checked_mul(DAY),
        (Kind::Date, Kind::Text) => Date32Type::parse(x.text(i)?.trim()).map(i64::from),
        (Kind::Timestamp, Kind::Text) => {
            string_to_timestamp_nanos(x.text(i)?.trim()).ok().map(|nanos| nanos.div_euclid(1_000))
        }
        _ => None,
    }
}

pub(super) fn to_text(x: &Argument, i: usize) -> Option<String> {
    match x.kind() {
        Kind::Boolean => x.boolean(i).map(|v| v.to_string()),
        Kind::Int => x.int(i).map(|v| v.to_string()),
        Kind::Float => x.float(i).map(|v| format!("{v:?}")),
        Kind::Text => x.text(i).map(str::to_owned),
        Kind::Date => date(x.int(i)?),
        Kind::Timestamp => {
            let micros = x.int(i)?;
            let (day, rest) = (date(micros.div_euclid(DAY))?, micros.rem_euclid(DAY));
            let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
            let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
            Some(if fraction == 0 { format!("{day}T{clock}") } else { format!("{day}T{clock}.{fraction:06}") })
        }
    }
}

/// A day as `YYYY-MM-DD`; years of other than four digits have no text.
fn date(day_number: i64) -> Option<String> {
    let (year, month, day) = civil(day_number);
    (0..=9_999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}
