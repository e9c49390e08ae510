//! Of every total function: whatever its arguments' domains say and whatever values are in them, the result is in the
//! result's domain; whole columns and single rows give the same; nothing fails.

use super::{Total, domain, evaluate};
use crate::domain::{Domain, Interval, Kind, point};
use arrow::array::Array;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use proptest::prelude::*;

const INTS: &[i64] = &[
    i64::MIN,
    i64::MIN + 1,
    -(1 << 53),
    -1_000_000_000,
    -1_000,
    -7,
    -1,
    0,
    1,
    2,
    7,
    20,
    63,
    64,
    1_000,
    2_026,
    0xDFFF,
    1_000_000_000,
    1 << 53,
    i64::MAX - 1,
    i64::MAX,
];
const FLOATS: &[f64] = &[
    f64::MIN,
    -1e300,
    -1e6,
    -1.5,
    -1.0,
    -0.3,
    -5e-324,
    -0.0,
    0.0,
    5e-324,
    0.25,
    1.0,
    1.0000001,
    2.5,
    700.0,
    1e6,
    1e300,
    f64::MAX,
];
const TEXTS: &[&str] = &[
    "",
    "a",
    "ab",
    "ABC",
    "ñ",
    "Añb ç",
    "a,b,c",
    "2026-01-31",
    " 12 ",
    "ß",
    "ŉ",
    "İstanbul",
    "𝔘𝔫",
    "a\\",
    "%a_",
    "true",
    "kitten sitting on a mat, quietly",
];
const DAYS: &[i32] = &[i32::MIN, -719_528, -1, 0, 58, 20_512, 106_751_991, 106_751_992, i32::MAX];

#[derive(Clone)]
enum Slot {
    Any(Kind),
    Literal(ScalarValue),
}

fn int(n: i64) -> Slot {
    Slot::Literal(ScalarValue::Int64(Some(n)))
}

fn float(n: f64) -> Slot {
    Slot::Literal(ScalarValue::Float64(Some(n)))
}

fn text(t: &str) -> Slot {
    Slot::Literal(ScalarValue::Utf8(Some(t.to_owned())))
}

/// Results and arguments with which certification calls a function.
fn shapes(total: Total) -> Vec<(Kind, Vec<Slot>)> {
    use Kind::{Boolean, Date, Float, Int, Text, Timestamp};
    let any = |kinds: &[Kind]| kinds.iter().map(|k| Slot::Any(*k)).collect::<Vec<_>>();
    let with =
        |kind: Kind, more: &[Slot]| std::iter::once(Slot::Any(kind)).chain(more.iter().cloned()).collect::<Vec<_>>();
    match total {
        Total::Add => vec![(Int, any(&[Int, Int])), (Float, any(&[Float, Float])), (Date, any(&[Date, Int]))],
        Total::Subtract => vec![
            (Int, any(&[Int, Int])),
            (Float, any(&[Float, Float])),
            (Int, any(&[Date, Date])),
            (Int, any(&[Timestamp, Timestamp])),
            (Date, any(&[Date, Int])),
        ],
        Total::Multiply | Total::Divide | Total::Modulo => {
            vec![(Int, any(&[Int, Int])), (Float, any(&[Float, Float])), (Float, with(Float, &[float(2.0)]))]
        }
        Total::Negate | Total::Abs | Total::Sign => vec![(Int, any(&[Int])), (Float, any(&[Float]))],
        Total::BitAnd
        | Total::BitOr
        | Total::BitXor
        | Total::ShiftLeft
        | Total::ShiftRight
        | Total::Gcd
        | Total::Lcm => vec![(Int, any(&[Int, Int])), (Int, with(Int, &[int(6)]))],
        Total::Round => vec![
            (Int, any(&[Int, Int])),
            (Float, any(&[Float])),
            (Float, any(&[Float, Int])),
            (Float, with(Float, &[int(2)])),
            (Int, with(Int, &[int(-3)])),
        ],
        Total::Truncate => vec![(Float, any(&[Float])), (Float, any(&[Float, Int])), (Float, with(Float, &[int(1)]))],
        Total::Floor
        | Total::Ceil
        | Total::Sqrt
        | Total::Cbrt
        | Total::Exp
        | Total::Ln
        | Total::Log10
        | Total::Log2
        | Total::Sin
        | Total::Cos
        | Total::Tan
        | Total::Cot
        | Total::Asin
        | Total::Acos
        | Total::Atan
        | Total::Sinh
        | Total::Cosh
        | Total::Tanh
        | Total::Asinh
        | Total::Acosh
        | Total::Atanh
        | Total::Degrees
        | Total::Radians => vec![(Float, any(&[Float]))],
        Total::Log => vec![(Float, any(&[Float])), (Float, any(&[Float, Float]))],
        Total::Power | Total::Atan2 => vec![(Float, any(&[Float, Float]))],
        Total::Factorial => vec![(Int, any(&[Int]))],
        Total::IsZero | Total::IsNan => vec![(Boolean, any(&[Float]))],
        Total::WidthBucket => {
            vec![(Int, any(&[Float, Float, Float, Int])), (Int, with(Float, &[float(0.0), float(10.0), int(5)]))]
        }
        Total::Least | Total::Greatest => vec![
            (Int, any(&[Int, Int, Int])),
            (Float, any(&[Float, Float])),
            (Date, any(&[Date, Date])),
            (Timestamp, any(&[Timestamp, Timestamp])),
            (Text, any(&[Text, Text])),
        ],
        Total::Length | Total::OctetLength | Total::BitLength | Total::Ascii => vec![(Int, any(&[Text]))],
        Total::Lower | Total::Upper | Total::Initcap | Total::Reverse => vec![(Text, any(&[Text]))],
        Total::Substring => vec![(Text, any(&[Text, Int])), (Text, any(&[Text, Int, Int]))],
        Total::Left | Total::Right | Total::Repeat => vec![(Text, any(&[Text, Int])), (Text, with(Text, &[int(3)]))],
        Total::Trim | Total::TrimStart | Total::TrimEnd => {
            vec![(Text, any(&[Text])), (Text, with(Text, &[text("a ")]))]
        }
        Total::StartsWith | Total::EndsWith | Total::Contains => vec![(Boolean, any(&[Text, Text]))],
        Total::Position | Total::FindInSet | Total::Levenshtein => vec![(Int, any(&[Text, Text]))],
        Total::Concat => vec![(Text, any(&[Text, Text])), (Text, any(&[Text, Text, Text]))],
        Total::ConcatWith => vec![(Text, vec![text("-"), Slot::Any(Text), Slot::Any(Text), Slot::Any(Text)])],
        Total::Like | Total::LikeAnyCase => vec![(Boolean, any(&[Text, Text])), (Boolean, with(Text, &[text("%a_")]))],
        Total::Chr | Total::ToHex => vec![(Text, any(&[Int]))],
        Total::Encode => vec![(Text, with(Text, &[text("hex")])), (Text, with(Text, &[text("base64")]))],
        Total::PadStart | Total::PadEnd => {
            vec![(Text, any(&[Text, Int])), (Text, any(&[Text, Int, Text])), (Text, with(Text, &[int(9), text("ñ")]))]
        }
        Total::Replace => vec![(Text, any(&[Text, Text, Text]))],
        Total::Translate => vec![(Text, with(Text, &[text("aeb"), text("ñ𝔘")]))],
        Total::Overlay => vec![(Text, any(&[Text, Text, Int])), (Text, any(&[Text, Text, Int, Int]))],
        Total::SplitPart | Total::SubstringIndex => {
            vec![(Text, any(&[Text, Text, Int])), (Text, with(Text, &[text(","), int(2)]))]
        }
        Total::RegexLike => vec![(Boolean, with(Text, &[text("^a.*")]))],
        Total::RegexCount | Total::RegexPosition => vec![(Int, with(Text, &[text("a*")]))],
        Total::RegexReplace | Total::RegexReplaceAll => {
            vec![
                (Text, with(Text, &[text("(a*)(.)"), text("x${2}${1}${2}")])),
                (Text, with(Text, &[text(""), text("ñ")])),
            ]
        }
        Total::DatePart => ["year", "week", "isoyear", "isodow", "microsecond", "hour", "doy"]
            .iter()
            .flat_map(|part| [Date, Timestamp].map(|k| (Int, vec![text(part), Slot::Any(k)])))
            .chain([(Float, vec![text("epoch"), Slot::Any(Timestamp)]), (Float, vec![text("epoch"), Slot::Any(Int)])])
            .collect(),
        Total::DateTrunc => ["year", "week", "hour", "millisecond"]
            .iter()
            .flat_map(|part| [Date, Timestamp].map(|k| (k, vec![text(part), Slot::Any(k)])))
            .collect(),
        Total::DateBin => {
            let origin = Slot::Literal(ScalarValue::TimestampMicrosecond(Some(7), None));
            vec![
                (Timestamp, with(Timestamp, &[int(0), int(3_600_000_000), origin.clone()])),
                (Timestamp, with(Timestamp, &[int(3), int(0), origin])),
            ]
        }
        Total::AddInterval => [Date, Timestamp]
            .iter()
            .flat_map(|k| [[1, 0, 0], [0, -3, 0], [0, 0, 7_200_000_000]].map(|p| (*k, with(*k, &p.map(int)))))
            .collect(),
        Total::MakeDate => vec![(Date, any(&[Int, Int, Int]))],
        Total::FromEpoch => [1_000_000, 1, -1_000]
            .iter()
            .map(|unit| (Timestamp, with(Int, &[int(*unit)])))
            .chain([(Timestamp, with(Float, &[int(1_000_000)]))])
            .collect(),
        Total::ToUnixTime => vec![(Int, any(&[Timestamp]))],
        Total::Format => [Date, Timestamp].map(|k| (Text, with(k, &[text("%A %d %B %G %T")]))).to_vec(),
        Total::Parse => [Date, Timestamp].map(|k| (k, with(Text, &[text("%F")]))).to_vec(),
        Total::Cast => {
            let every = [Boolean, Int, Float, Text, Date, Timestamp];
            let pairs = every.iter().flat_map(|from| every.map(|to| (to, any(&[*from]))));
            pairs.chain([(Int, with(Int, &[int(-128), int(127)]))]).collect()
        }
        Total::Decimal => vec![(Float, with(Float, &[int(2), float(1e6)]))],
        Total::Within => vec![
            (Int, with(Int, &[int(-5), int(9)])),
            (Float, with(Float, &[float(-0.5), float(1e6)])),
            (
                Date,
                with(
                    Date,
                    &[Slot::Literal(ScalarValue::Date32(Some(-3))), Slot::Literal(ScalarValue::Date32(Some(99)))],
                ),
            ),
        ],
        Total::Fixed => vec![
            (Int, with(Int, &[int(0), int(-5), int(1_000), int(7)])),
            (Int, with(Float, &[int(-10), int(-5_000), int(1 << 40), int(7)])),
            (Int, with(Float, &[int(3), int(-(1 << 60)), int(1 << 60), int(0)])),
        ],
    }
}

/// Pseudo-random choices from one seed.
struct Choices(u64);

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len())]
    }

    fn value(&mut self, kind: Kind) -> ScalarValue {
        match kind {
            Kind::Boolean => ScalarValue::Boolean(Some(self.below(2) == 0)),
            Kind::Int => ScalarValue::Int64(Some(self.of(INTS))),
            Kind::Float => ScalarValue::Float64(Some(self.of(FLOATS))),
            Kind::Text => ScalarValue::Utf8(Some(self.of(TEXTS).to_owned())),
            Kind::Date => ScalarValue::Date32(Some(self.of(DAYS))),
            Kind::Timestamp => ScalarValue::TimestampMicrosecond(Some(self.of(INTS)), None),
        }
    }

    /// A domain and some values in it.
    fn domain(&mut self, kind: Kind, rows: usize) -> (Domain, Vec<ScalarValue>) {
        let nullable = self.below(3) == 0;
        let few: Vec<ScalarValue> = (0..=self.below(3)).map(|_| self.value(kind)).collect();
        let mut values: Vec<ScalarValue> = (0..rows).map(|i| few[i % few.len()].clone()).collect();
        let domain = match self.below(3) {
            0 => {
                let mut list = few;
                list.dedup();
                Domain::listed(kind, list, nullable)
            }
            1 if kind == Kind::Text => {
                let longest = few.iter().map(|v| v.try_as_str().flatten().unwrap_or_default().len()).max().unwrap_or(0);
                Domain::text((longest + self.below(3) * 40) as u32, nullable)
            }
            1 if kind != Kind::Boolean => {
                let interval = few.iter().map(point).reduce(|a, b| a?.hull(b?)).flatten();
                Domain { interval, nullable, ..Domain::unknown(kind) }
            }
            _ if kind == Kind::Boolean => Domain::boolean(nullable),
            _ => Domain { nullable, ..Domain::unknown(kind) },
        };
        if nullable {
            values[0] = ScalarValue::try_from(&kind.arrow()).unwrap();
        }
        (domain, values)
    }
}

fn contains(domain: &Domain, value: &ScalarValue) -> bool {
    if value.is_null() {
        return domain.nullable;
    }
    let inside = match (domain.interval, point(value)) {
        (Some(Interval::Int { low, high }), Some(Interval::Int { low: v, .. })) => low <= v && v <= high,
        (Some(Interval::Float { low, high }), Some(Interval::Float { low: v, .. })) => low <= v && v <= high,
        (None, _) => true,
        _ => false,
    };
    let finite = !matches!(value, ScalarValue::Float64(Some(v)) if !v.is_finite());
    let short = match (domain.max_bytes, value.try_as_str().flatten()) {
        (Some(most), Some(text)) => text.len() <= most as usize,
        _ => true,
    };
    inside && finite && short && domain.values.as_ref().is_none_or(|v| v.contains(value))
}

fn check(total: Total, gives: Kind, slots: &[Slot], seed: u64) -> Result<(), TestCaseError> {
    const ROWS: usize = 6;
    let mut choices = Choices(seed | 1);
    let arguments: Vec<(Domain, Vec<ScalarValue>)> = slots
        .iter()
        .map(|slot| match slot {
            Slot::Any(kind) => choices.domain(*kind, ROWS),
            Slot::Literal(value) => {
                let kind = Kind::of(&value.data_type()).unwrap();
                (Domain::literal(kind, value), vec![value.clone(); ROWS])
            }
        })
        .collect();
    let domains: Vec<Domain> = arguments.iter().map(|(d, _)| d.clone()).collect();
    let result = domain(total, gives, &domains);
    prop_assert_eq!(result.kind, gives);
    let columns: Vec<ColumnarValue> = slots
        .iter()
        .zip(&arguments)
        .map(|(slot, (_, values))| match slot {
            Slot::Any(_) => ColumnarValue::Array(ScalarValue::iter_to_array(values.clone()).unwrap()),
            Slot::Literal(value) => ColumnarValue::Scalar(value.clone()),
        })
        .collect();
    let whole = evaluate(total, gives, &columns, ROWS).unwrap().into_array(ROWS).unwrap();
    prop_assert_eq!(whole.data_type(), &gives.arrow());
    for row in 0..ROWS {
        let values: Vec<ColumnarValue> =
            arguments.iter().map(|(_, values)| ColumnarValue::Scalar(values[row].clone())).collect();
        let ColumnarValue::Scalar(value) = evaluate(total, gives, &values, 1).unwrap() else { panic!("one value") };
        let told: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
        prop_assert!(contains(&result, &value), "{total:?}({told:?}) = {value:?} is not in {result:?} for {domains:?}");
        prop_assert_eq!(ScalarValue::try_from_array(&whole, row).unwrap(), value, "{:?}({:?})", total, told);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn results_are_where_their_domains_say(seed in any::<u64>()) {
        let failures: Vec<String> = Total::ALL
            .iter()
            .filter_map(|total| {
                shapes(*total).iter().find_map(|(gives, slots)| check(*total, *gives, slots, seed).err())
            })
            .map(|e| e.to_string())
            .collect();
        prop_assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
