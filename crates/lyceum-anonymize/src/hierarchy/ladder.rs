//! Hierarchies by rule: intervals that nest, calendar steps, prefixes of codes and of IP addresses, or nothing but `*`.

use super::{Hierarchy, HierarchyError, Leaf, Path};
use jiff::civil::Date;
use lyceum_schema::manifest::DataType;
use lyceum_schema::policy::{DateStep, HierarchySource};
use std::net::IpAddr;

/// µs in a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// The hierarchy that a rule makes over the values that occur.
pub(super) fn climb(
    source: &HierarchySource,
    data_type: DataType,
    bounds: Option<(f64, f64)>,
    observed: &[Leaf],
) -> Result<Hierarchy, HierarchyError> {
    fits(source, data_type)?;
    let range = bounds.or_else(|| extent(data_type, observed));
    let mut paths = Vec::with_capacity(observed.len());
    for leaf in observed {
        let labels = match (source, leaf) {
            (HierarchySource::Intervals(widths), Leaf::Number(_)) => {
                let number = leaf.number(data_type).unwrap_or_default();
                widths.iter().map(|w| interval(number, *w, data_type)).collect()
            }
            (HierarchySource::Dates(steps), Leaf::Number(n)) => {
                let day = if data_type == DataType::Date { *n } else { n.div_euclid(DAY) };
                steps.iter().map(|step| step.label(day).into()).collect()
            }
            (HierarchySource::Prefixes(kept), Leaf::Text(text)) => {
                kept.iter().map(|&n| prefix(text, usize::from(n))).collect()
            }
            (HierarchySource::IpPrefixes(bits), Leaf::Text(text)) => {
                bits.iter().map(|&b| network_label(text, b)).collect()
            }
            (_, Leaf::Null) => vec!["".into(); steps(source)],
            _ => Vec::new(),
        };
        paths.push(Path { leaf: leaf.clone(), labels });
    }
    let numeric = data_type != DataType::String && data_type != DataType::Boolean;
    let declared = bounds.map(|(low, high)| (leaf(low, data_type), leaf(high, data_type)));
    Hierarchy::assemble(
        data_type,
        paths,
        range.filter(|_| numeric),
        Some(&|at, of| {
            if at == usize::MAX { declared.clone().filter(|_| numeric) } else { node(source, at, of, data_type) }
        }),
    )
}

/// A number of the column's line as its value.
#[allow(clippy::cast_possible_truncation)]
fn leaf(number: f64, data_type: DataType) -> Leaf {
    if data_type == DataType::Float64 { Leaf::of_f64(number) } else { Leaf::Number(number.round() as i64) }
}

/// Levels that a rule makes below the top.
const fn steps(source: &HierarchySource) -> usize {
    match source {
        HierarchySource::Intervals(widths) => widths.len(),
        HierarchySource::Dates(steps) => steps.len(),
        HierarchySource::Prefixes(kept) => kept.len(),
        HierarchySource::IpPrefixes(bits) => bits.len(),
        HierarchySource::Table(_) | HierarchySource::Flat => 0,
    }
}

fn fits(source: &HierarchySource, data_type: DataType) -> Result<(), HierarchyError> {
    use DataType as D;
    let (rule, suited, ok) = match source {
        HierarchySource::Intervals(_) => {
            ("intervals", "numbers", matches!(data_type, D::Int32 | D::Int64 | D::Float64))
        }
        HierarchySource::Dates(_) => {
            ("calendar steps", "dates and timestamps", matches!(data_type, D::Date | D::Timestamp))
        }
        HierarchySource::Prefixes(_) => ("prefixes", "text", data_type == D::String),
        HierarchySource::IpPrefixes(_) => ("network prefixes", "text", data_type == D::String),
        HierarchySource::Table(_) | HierarchySource::Flat => return Ok(()),
    };
    if !ok {
        return Err(HierarchyError::Rule { rule, suited, found: data_type.as_str() });
    }
    let nested = match source {
        HierarchySource::Intervals(w) => {
            w.iter().all(|w| *w > 0.0 && w.is_finite())
                && w.windows(2).all(|w| w[1] > w[0] && (w[1] / w[0]).fract().abs() < 1e-9)
        }
        HierarchySource::Dates(steps) => steps.windows(2).all(|s| s[0].nests_in(s[1])),
        HierarchySource::Prefixes(kept) | HierarchySource::IpPrefixes(kept) => kept.windows(2).all(|k| k[1] < k[0]),
        HierarchySource::Table(_) | HierarchySource::Flat => true,
    };
    if nested { Ok(()) } else { Err(HierarchyError::Steps) }
}

/// The range of the values that occur: what loss is a share of when no bounds are declared.
fn extent(data_type: DataType, observed: &[Leaf]) -> Option<(f64, f64)> {
    let numbers = || observed.iter().filter_map(|leaf| leaf.number(data_type));
    Some((numbers().reduce(f64::min)?, numbers().reduce(f64::max)?)).filter(|(low, high)| high > low)
}

/// `20-29` for whole numbers, `[20, 30)` for decimal ones. Intervals begin at multiples of their width.
fn interval(number: f64, width: f64, data_type: DataType) -> Box<str> {
    let low = (number / width).floor() * width;
    if data_type == DataType::Float64 || width.fract() != 0.0 {
        format!("[{low}, {})", low + width).into()
    } else {
        format!("{low}-{}", low + width - 1.0).into()
    }
}

/// What the interval or calendar step over a value spans.
fn node(source: &HierarchySource, at: usize, of: &Leaf, data_type: DataType) -> Option<(Leaf, Leaf)> {
    match (source, of) {
        (HierarchySource::Intervals(widths), Leaf::Number(_)) => {
            let width = *widths.get(at)?;
            let low = (of.number(data_type)? / width).floor() * width;
            let whole = data_type != DataType::Float64 && width.fract() == 0.0;
            Some((leaf(low, data_type), leaf(low + if whole { width - 1.0 } else { width }, data_type)))
        }
        (HierarchySource::Dates(steps), Leaf::Number(n)) => {
            let step = *steps.get(at)?;
            if data_type == DataType::Date {
                let (first, last) = step.span(*n);
                Some((Leaf::Number(first), Leaf::Number(last)))
            } else {
                let (first, last) = step.span(n.div_euclid(DAY));
                Some((Leaf::Number(first * DAY), Leaf::Number((last + 1) * DAY - 1)))
            }
        }
        _ => None,
    }
}

/// The first characters of a code, the others as `*`: `80331` → `803**`.
fn prefix(text: &str, kept: usize) -> Box<str> {
    let mut out: String = text.chars().take(kept).collect();
    out.extend(std::iter::repeat_n('*', text.chars().count().saturating_sub(kept)));
    out.into()
}

/// The network of an address, see [`network`]. What is no address stands alone below the top.
fn network_label(text: &str, bits: u8) -> Box<str> {
    text.parse().map_or_else(|_| text.into(), |ip| network(ip, bits).into())
}

/// The network of an address: `bits` kept of 32; of IPv6 addresses four times as many of 128.
pub(crate) fn network(ip: IpAddr, bits: u8) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let kept = u32::from(bits.min(32));
            let mask = u32::MAX.checked_shl(32 - kept).unwrap_or(0);
            format!("{}/{kept}", std::net::Ipv4Addr::from(u32::from(ip) & mask))
        }
        IpAddr::V6(ip) => {
            let kept = u32::from(bits.min(32)) * 4;
            let mask = u128::MAX.checked_shl(128 - kept).unwrap_or(0);
            format!("{}/{kept}", std::net::Ipv6Addr::from(u128::from(ip) & mask))
        }
    }
}

/// First and last day, since 1970-01-01, of the step that a day is in.
pub(crate) fn step_span(step: DateStep, day: i64) -> (i64, i64) {
    step.span(day)
}

/// Calendar steps over days since 1970-01-01.
trait Calendar {
    /// What people call the step that a day is in.
    fn label(self, day: i64) -> String;
    /// First and last day of that step.
    fn span(self, day: i64) -> (i64, i64);
}

impl Calendar for DateStep {
    fn label(self, day: i64) -> String {
        let date = date(day);
        match self {
            Self::Day => date.to_string(),
            Self::Month => format!("{}-{:02}", date.year(), date.month()),
            Self::Quarter => format!("{}-Q{}", date.year(), (date.month() - 1) / 3 + 1),
            Self::Year => date.year().to_string(),
            Self::Decade => format!("{}s", date.year().div_euclid(10) * 10),
        }
    }

    fn span(self, day: i64) -> (i64, i64) {
        let at = date(day);
        let (year, month) = (i32::from(at.year()), i32::from(at.month()));
        let (first, months) = match self {
            Self::Day => return (day, day),
            Self::Month => ((year, month), 1),
            Self::Quarter => ((year, (month - 1) / 3 * 3 + 1), 3),
            Self::Year => ((year, 1), 12),
            Self::Decade => ((year.div_euclid(10) * 10, 1), 120),
        };
        let next = first.0 * 12 + first.1 - 1 + months;
        (first_of(first.0, first.1), first_of(next.div_euclid(12), next.rem_euclid(12) + 1) - 1)
    }
}

/// A day as a date; days beyond the calendar read as its ends.
fn date(day: i64) -> Date {
    let span = jiff::Span::new().try_days(day).unwrap_or_default();
    EPOCH.checked_add(span).unwrap_or(if day < 0 { Date::MIN } else { Date::MAX })
}

/// Days from 1970-01-01 to the first of a month.
fn first_of(year: i32, month: i32) -> i64 {
    let date = i16::try_from(year).ok().zip(i8::try_from(month).ok()).and_then(|(y, m)| Date::new(y, m, 1).ok());
    date.map_or(0, |date| i64::from((date - EPOCH).get_days()))
}

const EPOCH: Date = Date::constant(1970, 1, 1);
