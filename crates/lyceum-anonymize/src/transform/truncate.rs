//! Truncation: text to a prefix, addresses to a network, dates and timestamps to a calendar step.

use crate::hierarchy::{DAY, network, step_span};
use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Date32Type, TimeUnit, TimestampMicrosecondType};
use lyceum_schema::policy::DateStep;
use std::net::IpAddr;
use std::sync::Arc;

/// A text column in one shape; `None` for other types.
pub(super) fn texts(array: &ArrayRef) -> Option<StringArray> {
    let text = match array.data_type() {
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => true,
        ArrowType::Dictionary(_, value) => {
            matches!(**value, ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View)
        }
        _ => false,
    };
    if !text {
        return None;
    }
    Some(cast(array, &ArrowType::Utf8).ok()?.as_string::<i32>().clone())
}

pub(super) fn text(kept: usize, array: &ArrayRef) -> Option<ArrayRef> {
    let cut = |text: &str| text.chars().take(kept).collect::<String>();
    Some(Arc::new(texts(array)?.iter().map(|t| t.map(cut)).collect::<StringArray>()))
}

pub(super) fn ip(bits: u8, array: &ArrayRef) -> Option<ArrayRef> {
    let cut = |text: &str| text.parse::<IpAddr>().ok().map(|ip| network(ip, bits));
    Some(Arc::new(texts(array)?.iter().map(|t| t.and_then(cut)).collect::<StringArray>()))
}

pub(super) fn date(step: DateStep, array: &ArrayRef) -> Option<ArrayRef> {
    match array.data_type() {
        ArrowType::Date32 => {
            let cut = |day: i32| i32::try_from(step_span(step, i64::from(day)).0).ok();
            Some(Arc::new(array.as_primitive::<Date32Type>().iter().map(|d| d.and_then(cut)).collect::<Date32Array>()))
        }
        ArrowType::Timestamp(..) => {
            let micros = cast(array, &ArrowType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
            let micros = micros.as_primitive::<TimestampMicrosecondType>().iter();
            let cut = |at: i64| step_span(step, at.div_euclid(DAY)).0.checked_mul(DAY);
            Some(Arc::new(micros.map(|at| at.and_then(cut)).collect::<TimestampMicrosecondArray>()))
        }
        _ => None,
    }
}
