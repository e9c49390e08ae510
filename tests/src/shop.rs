//! A small shop's customers: the dataset of most tests. Every kind of column is there, and every value of its
//! identifiers and texts is one of a kind, so that it can be searched for wherever it should not be.

use crate::random::Random;

/// The dataset's manifest.
pub const MANIFEST: &str = r#"
[dataset]
name = "shop"
title = "Customers of a small shop"
version = "1"
owner = "shop-ltd"
licence = "CC0-1.0"
source = "made up for tests"

[[table]]
name = "customers"
description = "One row per purchase."
privacy_unit = { column = "customer_id" }
population = "shoppers"
max_rows_per_unit = 4
expected_rows = 400

[[table.column]]
name = "email"
type = "string"
role = "direct_identifier"

[[table.column]]
name = "customer_id"
type = "string"
role = "privacy_unit"
max_bytes = 64

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["new", "loyal", "vip"]

[[table.column]]
name = "city"
type = "string"
role = "dimension"
max_bytes = 32

[[table.column]]
name = "age"
type = "int32"
role = "quasi_identifier"
bounds = [0, 120]

[[table.column]]
name = "spend"
type = "float64"
role = "measure"
bounds = [0, 100]

[[table.column]]
name = "note"
type = "string"
role = "sensitive"
max_bytes = 64
"#;

/// The file's header.
pub const HEADER: &str = "email,customer_id,segment,city,age,spend,note";

/// The highest spend of all, of one customer only.
pub const EXTREME: f64 = 97.531_846;

/// One purchase.
pub struct Row {
    /// The e-mail address: `mallory-<n>@canary.example`.
    pub email: String,
    /// The privacy unit: `canary-unit-<n>`.
    pub customer: String,
    /// `new`, `loyal` or `vip`.
    pub segment: &'static str,
    /// One of a few towns; the last purchase is made in a town of its own.
    pub city: String,
    /// Years.
    pub age: u64,
    /// Money, with six decimals.
    pub spend: f64,
    /// A sentence with `canary-note-<n>`.
    pub note: String,
}

/// `n` purchases of `n` customers.
pub fn rows(n: usize) -> Vec<Row> {
    let mut random = Random::new(11);
    (0..n)
        .map(|i| Row {
            email: format!("mallory-{i}@canary.example"),
            customer: format!("canary-unit-{i}"),
            segment: random.pick(&["new", "loyal", "vip"]),
            city: if i + 1 == n { "canary-town".to_owned() } else { random.pick(&["ulm", "jena", "kiel"]).to_owned() },
            age: 18 + random.below(70),
            // The last customer's spend is as high as it gets, and unlike any other.
            spend: if i + 1 == n { EXTREME } else { random.below(90_000_000) as f64 / 1e6 },
            note: format!("canary-note-{i} asked about a refund"),
        })
        .collect()
}

/// Purchases as a CSV file.
pub fn csv(rows: &[Row]) -> String {
    let mut text = format!("{HEADER}\n");
    for r in rows {
        let Row { email, customer, segment, city, age, spend, note } = r;
        text += &format!("{email},{customer},{segment},{city},{age},{spend:.6},{note}\n");
    }
    text
}
