//! What values a column may have: `values`, `bounds` or `max_bytes`.

use crate::document::{Node, Problems, Section};
use crate::manifest::{DataType, Domain, Role, Value};
use crate::problem::Problem;
use std::collections::HashMap;
use toml::de::DeValue;

/// Longest text, if a direct identifier or unit doesn't say: it is dropped or hashed, but read before that.
const HIDDEN_TEXT_BYTES: u32 = 1_024;
/// Longest text that can be declared.
const MAX_TEXT_BYTES: i64 = 65_535;
const BOUNDS_EXAMPLE: &str = "bounds = [0, 100]";
const VALUES_EXAMPLE: &str = "values = [\"a\", \"b\"]";
const MAX_BYTES_EXAMPLE: &str = "max_bytes = 64";

/// Reads the domain; type and role are `None` when they were wrong themselves.
pub(super) fn read(
    section: &Section<'_>,
    data_type: Option<DataType>,
    role: Option<Role>,
    problems: &mut Problems<'_>,
) -> Option<Domain> {
    let (values, bounds, max_bytes) = (section.get("values"), section.get("bounds"), section.get("max_bytes"));
    if let (Some(_), Some(bounds)) = (&values, &bounds) {
        bounds.fail(Problem::TwoDomains, problems);
        return None;
    }
    let hidden = role.filter(|r| matches!(r, Role::DirectIdentifier | Role::PrivacyUnit));
    if let (Some(role), Some(node)) = (hidden, values.as_ref().or(bounds.as_ref())) {
        node.fail(Problem::DomainOnHidden { role }, problems);
        return None;
    }
    let data_type = data_type?;
    if let Some(node) = &max_bytes
        && (data_type != DataType::String || values.is_some())
    {
        node.fail(Problem::MaxBytesOnType, problems);
        return None;
    }
    match (values, bounds, max_bytes) {
        (Some(node), ..) => value_list(&node, data_type, problems),
        (_, Some(node), _) => interval(&node, data_type, problems),
        (_, _, Some(node)) => {
            let bytes = node.integer(1, MAX_TEXT_BYTES, MAX_BYTES_EXAMPLE, problems)?;
            u32::try_from(bytes).ok().map(|max_bytes| Domain::Text { max_bytes })
        }
        _ if data_type != DataType::String => Some(Domain::Unbounded),
        _ if hidden.is_some() => Some(Domain::Text { max_bytes: HIDDEN_TEXT_BYTES }),
        // Without a role nobody can tell whether a limit is needed.
        _ => {
            if role.is_some() {
                problems.push(&section.path_of("max_bytes"), section.offset(), Problem::NoTextLimit);
            }
            None
        }
    }
}

fn value_list(node: &Node<'_>, data_type: DataType, problems: &mut Problems<'_>) -> Option<Domain> {
    let items = node.array("values", VALUES_EXAMPLE, problems)?;
    if items.is_empty() {
        node.fail(Problem::Empty { what: "the list" }, problems);
        return None;
    }
    let mut first_lines = HashMap::new();
    let mut values = Vec::with_capacity(items.len());
    let mut complete = true;
    for item in &items {
        let Some(v) = value(item, data_type, problems) else {
            complete = false;
            continue;
        };
        let line = problems.line(item.offset());
        if let Some(first_line) = first_lines.insert(identity(&v), line) {
            item.fail(Problem::Duplicate { what: "the value".into(), first_line }, problems);
            complete = false;
        }
        values.push(v);
    }
    complete.then_some(Domain::Values(values))
}

fn interval(node: &Node<'_>, data_type: DataType, problems: &mut Problems<'_>) -> Option<Domain> {
    if matches!(data_type, DataType::String | DataType::Boolean) {
        node.fail(Problem::BoundsOnType { data_type }, problems);
        return None;
    }
    let items = node.array("bounds", BOUNDS_EXAMPLE, problems)?;
    let [low, high] = items.as_slice() else {
        node.fail(Problem::BoundsShape { found: items.len() }, problems);
        return None;
    };
    let (low, high) = (value(low, data_type, problems), value(high, data_type, problems));
    let (low, high) = (low?, high?);
    if low > high {
        node.fail(Problem::BoundsReversed, problems);
        return None;
    }
    Some(Domain::Bounds { low, high })
}

/// One value of the column's type.
fn value(node: &Node<'_>, data_type: DataType, problems: &mut Problems<'_>) -> Option<Value> {
    match read_value(node, data_type) {
        Ok(value) => Some(value),
        Err(problem) => {
            node.fail(problem, problems);
            None
        }
    }
}

fn read_value(node: &Node<'_>, data_type: DataType) -> Result<Value, Problem> {
    let wrong_type = || Problem::ValueType { data_type, found: node.type_name() };
    match (data_type, node.value()) {
        (DataType::Boolean, DeValue::Boolean(b)) => Ok(Value::Boolean(*b)),
        (DataType::String, DeValue::String(s)) => {
            if s.len() > MAX_TEXT_BYTES.unsigned_abs() as usize {
                return Err(Problem::ValueRange { data_type });
            }
            Ok(Value::String(s.clone().into_owned()))
        }
        (DataType::Int32 | DataType::Int64, DeValue::Integer(i)) => {
            let parsed = i64::from_str_radix(i.as_str(), i.radix()).ok();
            let fits = |v: &i64| data_type == DataType::Int64 || i32::try_from(*v).is_ok();
            parsed.filter(fits).map(Value::Int).ok_or(Problem::ValueRange { data_type })
        }
        (DataType::Float64, DeValue::Integer(i)) => {
            // Beyond 2⁵³ a double would silently stand for a neighbour.
            let parsed = i64::from_str_radix(i.as_str(), i.radix()).ok().filter(|v| v.unsigned_abs() <= 1 << 53);
            parsed.map(|v| Value::Float(v as f64)).ok_or(Problem::ValueRange { data_type })
        }
        (DataType::Float64, DeValue::Float(f)) => {
            let parsed = f.as_str().parse::<f64>().map_err(|_| Problem::ValueRange { data_type })?;
            // Adding zero turns -0.0 into 0.0, so that equal values are one value.
            if parsed.is_finite() { Ok(Value::Float(parsed + 0.0)) } else { Err(Problem::NotFinite) }
        }
        (DataType::Date, DeValue::Datetime(d)) => date(&d.to_string()),
        (DataType::Date, DeValue::String(s)) => date(s),
        (DataType::Timestamp, DeValue::Datetime(d)) => timestamp(&d.to_string()),
        (DataType::Timestamp, DeValue::String(s)) => timestamp(s),
        _ => Err(wrong_type()),
    }
}

/// A plain date, as days since 1970-01-01.
fn date(text: &str) -> Result<Value, Problem> {
    let unreadable = || Problem::ValueText { data_type: DataType::Date };
    // jiff would also accept a timestamp here and forget its time.
    if text.len() > 10 {
        return Err(unreadable());
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| unreadable())?;
    let days = (date - jiff::civil::date(1970, 1, 1)).get_days();
    Ok(Value::Date(days))
}

/// A timestamp with an offset, as microseconds since the epoch.
fn timestamp(text: &str) -> Result<Value, Problem> {
    let timestamp: jiff::Timestamp = text.parse().map_err(|_| Problem::ValueText { data_type: DataType::Timestamp })?;
    Ok(Value::Timestamp(timestamp.as_microsecond()))
}

/// A key under which equal values meet.
fn identity(value: &Value) -> String {
    match value {
        Value::Boolean(b) => b.to_string(),
        Value::Int(i) | Value::Timestamp(i) => i.to_string(),
        Value::Float(f) => f.to_bits().to_string(),
        Value::String(s) => s.clone(),
        Value::Date(d) => d.to_string(),
    }
}
