//! The generated ad events: heavy-tailed users with ten rows in the mean, 200 campaigns, 30 days. Seeded, by row, so
//! that the same rows come out on every machine.
//!
//! Every user has an activity weight (Pareto, exponent 1.5, capped), a home country, two devices and four favourite
//! campaigns; the treated convert 25 % more often.

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use std::sync::Arc;

/// Channels, with the share of rows up to each.
pub(crate) const CHANNELS: [(&str, f64); 6] =
    [("search", 0.30), ("social", 0.55), ("display", 0.75), ("video", 0.90), ("email", 0.97), ("affiliate", 1.0)];
/// Devices, with the share of users up to each.
pub(crate) const DEVICES: [(&str, f64); 4] = [("mobile", 0.60), ("desktop", 0.90), ("tablet", 0.97), ("tv", 1.0)];
/// Countries, Zipf-distributed with exponent 1.
pub(crate) const COUNTRIES: [&str; 30] = [
    "US", "GB", "DE", "FR", "IN", "BR", "JP", "CA", "AU", "ES", "IT", "NL", "SE", "PL", "MX", "KR", "ID", "TR", "ZA",
    "AR", "CL", "CO", "BE", "CH", "AT", "DK", "NO", "FI", "PT", "IE",
];
/// Segments of users, Zipf-distributed with exponent 0.7.
pub(crate) const SEGMENTS: [&str; 12] = [
    "seg_00", "seg_01", "seg_02", "seg_03", "seg_04", "seg_05", "seg_06", "seg_07", "seg_08", "seg_09", "seg_10",
    "seg_11",
];
/// Campaigns 1 to this, Zipf-distributed with exponent 1.4.
pub(crate) const CAMPAIGNS: usize = 200;
/// Days covered.
pub(crate) const DAYS: u32 = 30;
/// 2026-01-01T00:00:00Z in microseconds.
pub(crate) const START_MICROS: i64 = 1_767_225_600_000_000;
const DAY_MICROS: f64 = 86_400e6;

/// SplitMix64's finaliser: one number's bits spread over 64.
pub(crate) const fn mix(value: u64, salt: u64) -> u64 {
    let mut z = value.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1).
fn unit(value: u64, salt: u64) -> f64 {
    (mix(value, salt) >> 11) as f64 / (1u64 << 53) as f64
}

/// The draws of one row.
struct Draws {
    row: u64,
    next: u64,
}

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.next += 1;
        unit(self.row, 1000 + self.next)
    }

    /// Box and Muller's standard normal.
    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

fn zipf(n: usize, exponent: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=n).map(|i| (i as f64).powf(-exponent)).collect();
    cumulated(&weights)
}

fn cumulated(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    weights
        .iter()
        .map(|w| {
            sum += w / total;
            sum
        })
        .collect()
}

fn pick(cumulated: &[f64], u: f64) -> usize {
    cumulated.partition_point(|&c| c < u).min(cumulated.len() - 1)
}

fn treated(user: u64) -> bool {
    mix(user, 7) & 1 == 1
}

fn rounded(v: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (v * scale).round() / scale
}

/// The world that rows are drawn from.
pub(crate) struct Events {
    rows: u64,
    users: u64,
    activity: Vec<f64>,
    /// Where the search for the user of a draw begins.
    guide: Vec<u32>,
    campaigns: Vec<f64>,
    countries: Vec<f64>,
}

/// Some rows, by column.
pub(crate) struct EventColumns {
    /// 1 to the number of users.
    pub(crate) users: Vec<i64>,
    /// event_time, campaign_id, channel, device, country, cost, clicked, converted, revenue.
    pub(crate) others: Vec<ArrayRef>,
}

impl Events {
    /// `rows` events of `rows / 10` users.
    pub(crate) fn new(rows: u64) -> Self {
        let users = (rows / 10).max(1);
        // Weights are spread over the ids by a hash, as if users had come in any order.
        let mut order: Vec<u64> = (1..=users).collect();
        order.sort_unstable_by_key(|&u| mix(u, 3));
        let weight = |rank: u64| {
            let u = (rank as f64 + 0.5) / users as f64;
            (1.0 - u).powf(-1.0 / 1.5).min(1200.0)
        };
        let weights: Vec<f64> = order.iter().map(|&u| weight(u - 1)).collect();
        let activity = cumulated(&weights);
        let mut guide = Vec::with_capacity(activity.len() + 1);
        let mut at = 0u32;
        for i in 0..=activity.len() {
            let u = i as f64 / activity.len() as f64;
            while (at as usize) < activity.len() - 1 && activity[at as usize] < u {
                at += 1;
            }
            guide.push(at);
        }
        let (campaigns, countries) = (zipf(CAMPAIGNS, 1.4), zipf(COUNTRIES.len(), 1.0));
        Self { rows, users, activity, guide, campaigns, countries }
    }

    /// How many users there are.
    pub(crate) const fn users(&self) -> u64 {
        self.users
    }

    fn user(&self, u: f64) -> u64 {
        let mut at = self.guide[(u * self.users as f64) as usize] as usize;
        while at + 1 < self.activity.len() && self.activity[at] < u {
            at += 1;
        }
        at as u64 + 1
    }

    /// The rows `from` to `to`, in order of time.
    pub(crate) fn columns(&self, from: u64, to: u64) -> EventColumns {
        let n = (to - from) as usize;
        let mut users = Vec::with_capacity(n);
        let (mut times, mut campaigns) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut channels, mut devices, mut countries) =
            (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut costs, mut revenues) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut clicked, mut converted) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let step = f64::from(DAYS) * DAY_MICROS / self.rows as f64;
        for row in from..to {
            let mut d = Draws { row: mix(row, 20_260_101), next: 0 };
            let user = self.user(d.uniform());
            users.push(user as i64);
            times.push(START_MICROS + ((row as f64 + d.uniform()) * step) as i64);
            let slot = (d.uniform() * 4.0) as u64;
            let own = d.uniform() < 0.7;
            let taste = if own { unit(user * 4 + slot, 21) } else { d.uniform() };
            campaigns.push(pick(&self.campaigns, taste) as i32 + 1);
            channels.push(listed(&CHANNELS, d.uniform()));
            devices.push(listed(&DEVICES, if d.uniform() < 0.8 { unit(user, 23) } else { unit(user, 24) }));
            let home = d.uniform() < 0.97;
            let country = if home { unit(user, 25) } else { d.uniform() };
            countries.push(COUNTRIES[pick(&self.countries, country)]);
            costs.push(rounded((-0.7 + 0.8 * d.normal()).exp().min(5.0), 4));
            clicked.push(i32::from(d.uniform() < 0.02));
            let rate = 0.00178 * if treated(user) { 1.25 } else { 1.0 };
            let buys = d.uniform() < rate;
            converted.push(i32::from(buys));
            revenues.push(if buys { rounded((3.6 + d.normal()).exp().min(500.0), 2) } else { 0.0 });
        }
        let others: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from(times)),
            Arc::new(Int32Array::from(campaigns)),
            Arc::new(StringArray::from(channels)),
            Arc::new(StringArray::from(devices)),
            Arc::new(StringArray::from(countries)),
            Arc::new(Float64Array::from(costs)),
            Arc::new(Int32Array::from(clicked)),
            Arc::new(Int32Array::from(converted)),
            Arc::new(Float64Array::from(revenues)),
        ];
        EventColumns { users, others }
    }

    /// The users, one row each: ids and age, gender, signup_date, segment, treatment, baseline_spend.
    pub(crate) fn user_columns(&self, from: u64, to: u64) -> EventColumns {
        let segments = zipf(SEGMENTS.len(), 0.7);
        let ids = || from + 1..=to;
        let age = |u| (18.0 + (unit(u, 11) + unit(u, 12)) * 36.0).clamp(18.0, 90.0) as i32;
        let gender = |u| listed(&[("f", 0.49), ("m", 0.98), ("x", 1.0)], unit(u, 18));
        // From 2020-01-01 on, six years.
        let signup = |u| 18_262 + (unit(u, 13) * 2190.0) as i32;
        let spend = |u| {
            let normal = unit(u, 15) + unit(u, 16) + unit(u, 17) - 1.5;
            rounded((2.5 + 2.4 * normal).exp().min(1000.0), 2)
        };
        let others: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(ids().map(age))),
            Arc::new(StringArray::from_iter_values(ids().map(gender))),
            Arc::new(Date32Array::from_iter_values(ids().map(signup))),
            Arc::new(StringArray::from_iter_values(ids().map(|u| SEGMENTS[pick(&segments, unit(u, 14))]))),
            Arc::new(Int32Array::from_iter_values(ids().map(|u| i32::from(treated(u))))),
            Arc::new(Float64Array::from_iter_values(ids().map(spend))),
        ];
        EventColumns { users: ids().map(|u| u as i64).collect(), others }
    }
}

impl EventColumns {
    /// `rows` equal rows of one more user, as extreme as can be.
    pub(crate) fn whale(user: u64, rows: usize) -> Self {
        let others: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from(vec![START_MICROS + 14 * DAY_MICROS as i64; rows])),
            Arc::new(Int32Array::from(vec![150; rows])),
            Arc::new(StringArray::from(vec!["affiliate"; rows])),
            Arc::new(StringArray::from(vec!["tv"; rows])),
            Arc::new(StringArray::from(vec!["IE"; rows])),
            Arc::new(Float64Array::from(vec![5.0; rows])),
            Arc::new(Int32Array::from(vec![1; rows])),
            Arc::new(Int32Array::from(vec![1; rows])),
            Arc::new(Float64Array::from(vec![500.0; rows])),
        ];
        Self { users: vec![user as i64; rows], others }
    }

    /// User ids as they are, for the peers.
    pub(crate) fn plain(self) -> Vec<ArrayRef> {
        std::iter::once(Arc::new(Int64Array::from(self.users)) as ArrayRef).chain(self.others).collect()
    }

    /// User ids as opaque 64-bit ids, for our layout.
    pub(crate) fn opaque(&self) -> Vec<ArrayRef> {
        let ids = self.users.iter().map(|&u| mix(u.cast_unsigned(), 77));
        let ids = arrow::array::UInt64Array::from_iter_values(ids);
        std::iter::once(Arc::new(ids) as ArrayRef).chain(self.others.iter().cloned()).collect()
    }
}

fn listed(list: &[(&'static str, f64)], u: f64) -> &'static str {
    list.iter().find(|(_, up_to)| u < *up_to).or(list.last()).map_or("", |(name, _)| name)
}
