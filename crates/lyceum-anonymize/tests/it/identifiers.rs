//! Direct identifiers in values: what must be found, what must not, and what is done about it.

use super::support::{decode, parse, validate};
use arrow::array::{Array, AsArray};
use lyceum_anonymize::identifiers::{ColumnScan, Confidence, Finding, Kind, mask};
use lyceum_anonymize::report::Reason;
use lyceum_schema::name::ColumnName;

fn scan<S: AsRef<str>>(header: &str, values: impl IntoIterator<Item = S>) -> Vec<Finding> {
    let mut scan = ColumnScan::new(ColumnName::new("c").unwrap(), header);
    for value in values {
        scan.observe(value.as_ref());
    }
    scan.findings()
}

/// The kinds that something is done about.
fn acted_on<S: AsRef<str>>(header: &str, values: impl IntoIterator<Item = S>) -> Vec<Kind> {
    scan(header, values).into_iter().filter(|f| f.confidence > Confidence::Low).map(|f| f.kind).collect()
}

/// Repeatable numbers that look random (splitmix64).
fn numbers(n: u64) -> impl Iterator<Item = u64> {
    (1..=n).map(|i| {
        let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// A number with Luhn's check digit behind it.
fn with_luhn(number: &str) -> String {
    let check = (0..10).map(|d| format!("{number}{d}")).find(|candidate| {
        let digits = candidate.bytes().rev().map(|b| u32::from(b - b'0')).enumerate();
        let sum: u32 = digits.map(|(i, d)| if i % 2 == 0 { d } else { d * 2 / 10 + d * 2 % 10 }).sum();
        sum.is_multiple_of(10)
    });
    check.unwrap()
}

/// A German account: two check digits by ISO 7064 mod 97.
fn iban(account: u64) -> String {
    let bban = format!("37040044{:010}", account % 10_000_000_000);
    // DE is 13 14; 00 stands for the check digits.
    let remainder = format!("{bban}131400").bytes().fold(0_u64, |r, b| (r * 10 + u64::from(b - b'0')) % 97);
    format!("DE{:02}{bban}", 98 - remainder)
}

#[test]
fn each_kind_is_found_where_it_stands() {
    let cards: Vec<String> = numbers(50).map(|n| with_luhn(&format!("4{:014}", n % 100_000_000_000_000))).collect();
    let spaced: Vec<String> =
        cards.iter().map(|c| format!("{} {} {} {}", &c[..4], &c[4..8], &c[8..12], &c[12..])).collect();
    let hex = |n: u64, digits: usize| format!("{n:016x}").repeat(4)[..digits].to_owned();
    let uuid = |n: u64| {
        let h = hex(n, 32);
        format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
    };
    let ip = |n: u64| format!("{}.{}.{}.{}", n % 223 + 1, n >> 8 & 255, n >> 16 & 255, n >> 24 & 255);
    let cases: Vec<(&str, Vec<String>, Kind)> = vec![
        ("contact", numbers(50).map(|n| format!("user{n}@mail.example.org")).collect(), Kind::Email),
        ("note", notes("reach me at Zoe.Q+x@sub.example.co.uk, please"), Kind::Email),
        ("note", notes("see /unsubscribe?u=zoe%40example.org"), Kind::Email),
        ("contact", numbers(50).map(|n| format!("+49 170 {:07}", n % 10_000_000)).collect(), Kind::Phone),
        ("note", notes("call +44 (0)20 7946 0018 after five"), Kind::Phone),
        ("mobile_phone", numbers(50).map(|n| format!("0170 {:07}", n % 10_000_000)).collect(), Kind::Phone),
        ("visitor", numbers(200).map(ip).collect(), Kind::Ipv4),
        ("client_ip", numbers(3).map(ip).collect(), Kind::Ipv4),
        (
            "visitor",
            numbers(50).map(|n| format!("2001:db8::{:x}:{:x}", n & 0xffff, n >> 16 & 0xffff)).collect(),
            Kind::Ipv6,
        ),
        ("reference", numbers(50).map(iban).collect(), Kind::Iban),
        ("note", notes(&format!("paid from {}", iban(7))), Kind::Iban),
        ("reference", cards.clone(), Kind::PaymentCard),
        ("reference", spaced, Kind::PaymentCard),
        (
            "page",
            numbers(50).map(|n| format!("https://shop.example/cart?session={n:x}&page=2")).collect(),
            Kind::UrlWithId,
        ),
        ("page", numbers(50).map(|n| format!("https://shop.example/?gclid=EAIaIQob{n:016x}")).collect(), Kind::ClickId),
        ("gclid", numbers(50).map(|n| format!("CjwKCAjw{n:016x}{n:016x}")).collect(), Kind::ClickId),
        (
            "visitor",
            numbers(50).map(|n| format!("GA1.2.{}.{}", n % 2_000_000_000, 1_600_000_000 + n % 100_000_000)).collect(),
            Kind::AnalyticsClientId,
        ),
        ("idfa", numbers(50).map(|n| uuid(n).to_uppercase()).collect(), Kind::AdvertisingId),
        ("email_sha256", numbers(50).map(|n| hex(n, 64)).collect(), Kind::HexDigest),
        ("hashed_mail", numbers(50).map(|n| hex(n, 32)).collect(), Kind::HexDigest),
        ("Nachname", ["Müller", "O'Neil", "de la Cruz", "Smith-Jones"].map(str::to_owned).into(), Kind::PersonName),
        ("customer name", ["Ann Example", "Bob Example"].map(str::to_owned).into(), Kind::PersonName),
        ("codice_fiscale", ["RSSMRA85T10A562S"].map(str::to_owned).into(), Kind::NationalId),
        ("dni", ["12345678Z", "X1234567L"].map(str::to_owned).into(), Kind::NationalId),
        ("bsn", ["111222333", "123456782"].map(str::to_owned).into(), Kind::NationalId),
        ("pesel", ["44051401359", "02070803628"].map(str::to_owned).into(), Kind::NationalId),
        ("cpf", ["529.982.247-25", "111.444.777-35"].map(str::to_owned).into(), Kind::NationalId),
        ("steuer_id", ["86095742719", "47036892816"].map(str::to_owned).into(), Kind::NationalId),
        ("personnummer", ["811228-9874", "670919-9530"].map(str::to_owned).into(), Kind::NationalId),
        ("nhs number", ["943 476 5919"].map(str::to_owned).into(), Kind::NationalId),
        ("ssn", ["123-45-6789", "219-09-9999"].map(str::to_owned).into(), Kind::NationalId),
        ("nir", ["255081416802538"].map(str::to_owned).into(), Kind::NationalId),
    ];
    let missed: Vec<_> = cases
        .iter()
        .filter(|(header, values, kind)| !acted_on(header, values).contains(kind))
        .map(|c| (c.0, c.2))
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// A text among a hundred harmless ones, three times in slightly different words.
fn notes(text: &str) -> Vec<String> {
    let harmless = numbers(100).map(|n| format!("asked about a refund of {} for order {}", n % 100, n % 1_000_000));
    harmless.chain((0..3).map(|i| format!("{} {text}", ["hello", "dear all", "thanks"][i]))).collect()
}

#[test]
fn what_only_looks_like_an_identifier_is_left_alone() {
    let day = |n: u64| format!("2026-{:02}-{:02}", n % 12 + 1, n % 28 + 1);
    let time = |n: u64| format!("{:02}:{:02}:{:02}", n % 24, n % 60, n / 7 % 60);
    let hex = |n: u64, digits: usize| format!("{n:016x}").repeat(4)[..digits].to_owned();
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("spend", numbers(2_000).map(|n| format!("{}.{:02}", n % 5_000, n % 100)).collect()),
        ("rate", numbers(2_000).map(|n| format!("0.{:010}", n % 10_000_000_000)).collect()),
        ("euribor3m", numbers(2_000).map(|n| format!("{}.{:03}", n % 5, n % 1_000)).collect()),
        ("price", numbers(2_000).map(|n| format!("{}.{:010}", n % 900_000 + 100_000, n % 10_000_000_000)).collect()),
        ("lat", numbers(2_000).map(|n| format!("-{}.{:06}", n % 90, n % 1_000_000)).collect()),
        ("day", numbers(2_000).map(day).collect()),
        ("at", numbers(2_000).map(|n| format!("{}T{}Z", day(n), time(n))).collect()),
        ("at", numbers(2_000).map(|n| format!("{} {}+02:00", day(n), time(n))).collect()),
        ("clock", numbers(2_000).map(time).collect()),
        ("seconds", numbers(2_000).map(|n| (1_600_000_000 + n % 100_000_000).to_string()).collect()),
        ("millis", numbers(2_000).map(|n| (1_600_000_000_000 + n % 100_000_000_000).to_string()).collect()),
        ("micros", numbers(2_000).map(|n| (1_600_000_000_000_000 + n % 100_000_000_000_000).to_string()).collect()),
        ("order_number", numbers(2_000).map(|n| format!("{:010}", n % 10_000_000_000)).collect()),
        ("order_number", numbers(2_000).map(|n| format!("4{:015}", n % 1_000_000_000_000_000)).collect()),
        ("order_number", numbers(2_000).map(|n| format!("2026-{:03}-{:07}", n % 1_000, n % 10_000_000)).collect()),
        ("order_number", numbers(2_000).map(|n| format!("AB{:08}", n % 100_000_000)).collect()),
        ("invoice", numbers(2_000).map(|n| format!("DE{:020}", n)).collect()),
        (
            "app_version",
            numbers(2_000).map(|n| format!("{}.{}.{}.{}", n % 5 + 1, n % 30, n / 9 % 100, n / 7 % 200)).collect(),
        ),
        ("browser", numbers(2_000).map(|n| format!("{}.0.{}.{}", n % 20 + 100, n % 7_000, n % 200)).collect()),
        ("sku", numbers(2_000).map(|n| format!("SKU-{:06}-{}", n % 1_000_000, n % 10)).collect()),
        (
            "event_id",
            numbers(2_000)
                .map(|n| format!("{}-{}-4{}-8{}-{}", hex(n, 8), hex(n, 4), hex(n, 3), hex(n, 3), hex(n, 12)))
                .collect(),
        ),
        ("etag", numbers(2_000).map(|n| hex(n, 32)).collect()),
        ("campaign", (0..200).map(|n| format!("spring-sale-{n}")).collect()),
        ("page", (0..200).map(|n| format!("https://shop.example/category/{n}?page=2&sort=price")).collect()),
        ("history_segment", ["1) $0 - $100", "2) $100 - $200", "7) $1,000 +"].map(str::to_owned).into()),
        ("zip_code", ["Urban", "Surburban", "Rural"].map(str::to_owned).into()),
        ("channel", ["Phone", "Web", "Multichannel"].map(str::to_owned).into()),
        ("segment", ["Mens E-Mail", "Womens E-Mail", "No E-Mail"].map(str::to_owned).into()),
        ("job", ["admin.", "blue-collar", "self-employed"].map(str::to_owned).into()),
        ("education", ["university.degree", "basic.4y", "high.school"].map(str::to_owned).into()),
        ("nr.employed", ["5191.0", "5099.1", "4963.6"].map(str::to_owned).into()),
        ("contact", ["cellular", "telephone"].map(str::to_owned).into()),
        ("campaign_name", ["Brand", "Generic"].map(str::to_owned).into()),
        ("bracket", numbers(500).map(|n| format!("{}-{}", n % 100 * 1_000, n % 100 * 1_000 + 999)).collect()),
        ("isbn", numbers(2_000).map(|n| format!("978{:010}", n % 10_000_000_000)).collect()),
        ("amount", numbers(2_000).map(|n| format!("+{}", n % 1_000_000)).collect()),
    ];
    let alarms: Vec<_> = cases
        .iter()
        .filter(|(header, values)| !acted_on(header, values).is_empty())
        .map(|(header, values)| (header, &values[0], scan(header, values)))
        .collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn findings_count_and_never_repeat_a_value() {
    let found = scan("note", notes("canary@example.org"));
    assert_eq!((found[0].kind, found[0].matching, found[0].distinct), (Kind::Email, 3, 103));
    assert_eq!(found[0].confidence, Confidence::High);
    let said = format!("{found:?}");
    assert!(!said.contains("canary"), "{said}");
    let repeated = scan("note", std::iter::repeat_n("canary@example.org", 1_000));
    assert_eq!((repeated[0].matching, repeated[0].distinct), (1, 1), "distinct values count");
}

#[test]
fn masking_keeps_the_rest_of_a_text() {
    for (value, masked) in [
        ("reach me at zoe@example.org, please", "reach me at <email>, please"),
        ("call +44 20 7946 0018.", "call <phone>."),
        ("from DE89370400440532013000 today", "from <iban> today"),
        ("card 4111 1111 1111 1111 exp 12/30", "card <card> exp 12/30"),
        ("https://shop.example/?session=4f2a9c01", "<url>"),
        ("192.0.2.17", "<ip>"),
        ("order 4111 1111 1111 1112", "order 4111 1111 1111 1112"),
        ("nothing here", "nothing here"),
    ] {
        assert_eq!(mask(value, "note"), masked);
    }
}

/// A public table with a text and a number, and what is done about identifiers in them.
fn public(what: &str) -> lyceum_schema::manifest::Table {
    parse(&format!(
        "privacy_unit = \"none\"\nexpected_rows = 1\n\
         [[table.column]]\nname = \"note\"\ntype = \"string\"\nrole = \"dimension\"\nnullable = true\nmax_bytes = 40\n\
         identifiers = \"{what}\"\n\
         [[table.column]]\nname = \"phone\"\ntype = \"int64\"\nrole = \"join_key\"\nnullable = true\nidentifiers = \"{what}\"\n"
    ))
}

#[test]
fn the_manifest_says_what_is_done() {
    let file = b"note,phone\nask zoe@example.org,491701234567\nfine,7\n";
    for (what, note, phone) in [
        ("mask", Some("ask <email>"), None),
        ("drop", None, None),
        ("allow", Some("ask zoe@example.org"), Some(491_701_234_567)),
        ("reject", Some("ask zoe@example.org"), Some(491_701_234_567)),
    ] {
        let table = public(what);
        let (batches, report) = validate(&table, &decode(&table, file, 64).unwrap());
        let (notes, phones) = (batches[0].column(0).as_string::<i32>(), batches[0].column(1));
        assert_eq!(notes.is_valid(0).then(|| notes.value(0)), note, "{what}");
        let phones = phones.as_primitive::<arrow::datatypes::Int64Type>();
        assert_eq!(phones.is_valid(0).then(|| phones.value(0)), phone, "{what}");
        assert_eq!((notes.value(1), phones.value(1)), ("fine", 7), "{what}");
        let kinds: Vec<Kind> = report.identifiers.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [Kind::Email, Kind::Phone], "{what}: found in what was sent");
    }
    let strict = parse(
        "privacy_unit = \"none\"\nexpected_rows = 1\n[[table.column]]\nname = \"note\"\ntype = \"string\"\n\
         role = \"dimension\"\nmax_bytes = 40\nidentifiers = \"drop\"\n",
    );
    let (_, report) = validate(&strict, &decode(&strict, b"note\nask zoe@example.org\nfine\n", 64).unwrap());
    assert_eq!(report.rejected_for(Reason::Null), 1, "a dropped value is missing");
}
