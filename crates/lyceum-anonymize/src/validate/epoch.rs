//! The epoch of each row, read from the declared column.

use super::error::ValidateError;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType as ArrowType, Date32Type, TimestampMicrosecondType};
use lyceum_schema::epoch::{Epoch, Every};

/// The epochs of a column of dates or timestamps; `None` where it is NULL or beyond the calendar.
pub(super) fn of(array: &dyn Array, every: Every) -> Result<Vec<Option<Epoch>>, ValidateError> {
    Ok(match array.data_type() {
        ArrowType::Date32 => {
            let days = array.as_primitive::<Date32Type>().iter();
            days.map(|day| day.and_then(|day| every.of_day(i64::from(day)))).collect()
        }
        ArrowType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None) => {
            let times = array.as_primitive::<TimestampMicrosecondType>().iter();
            times.map(|micros| micros.and_then(|micros| every.of_micros(micros))).collect()
        }
        _ => return Err(ValidateError::Columns),
    })
}
