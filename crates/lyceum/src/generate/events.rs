//! One day of the generated advertising log: impressions, clicks and conversions of all people, in order of time.
//! Memory holds one day and the running totals of each person.

use super::users::{Lists, Person, stream, zipf};
use rand::RngExt;
use rand_distr::{Distribution, LogNormal, Poisson};

/// What happened in a row of the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Impression,
    Click,
    Conversion,
}

/// One row of the log; lists are indices, money is in the data's currency.
pub(crate) struct Row {
    pub(crate) person: u64,
    pub(crate) micros: i64,
    pub(crate) kind: Kind,
    pub(crate) campaign: usize,
    pub(crate) channel: usize,
    pub(crate) device: usize,
    pub(crate) site: usize,
    pub(crate) cost: f64,
    pub(crate) revenue: f64,
}

/// What one person did in all days together.
#[derive(Clone, Default)]
pub(crate) struct Totals {
    pub(crate) impressions: u32,
    pub(crate) clicks: u32,
    pub(crate) conversions: u32,
    pub(crate) revenue: f64,
}

/// What all days have in common.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) people: u64,
    pub(crate) mean_per_day: f64,
    pub(crate) lists: Lists,
    pub(crate) channels: usize,
    pub(crate) sites: usize,
    /// Rows one person may have in the whole log.
    pub(crate) max_rows: u32,
    /// Factor on the conversion rate of the treated.
    pub(crate) lift: f64,
    /// The first day, in microseconds since the epoch.
    pub(crate) start_micros: i64,
}

const DAY_MICROS: i64 = 86_400_000_000;

impl World {
    /// All rows of day `day`, sorted by time; adds to `totals`, which has one entry per person.
    pub(crate) fn day(&self, day: u64, totals: &mut [Totals]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (number, total) in (0..self.people).zip(totals.iter_mut()) {
            self.person_day(number, day, total, &mut rows);
        }
        rows.sort_by_key(|r| (r.micros, r.person));
        rows
    }

    fn person_day(&self, number: u64, day: u64, total: &mut Totals, rows: &mut Vec<Row>) {
        let person = Person::new(self.seed, number, self.mean_per_day, &self.lists);
        let mut rng = stream(self.seed, 2 + day, number);
        let Ok(impressions) = Poisson::new(person.rate) else { return };
        let (Ok(cost), Ok(basket)) = (LogNormal::new(-0.7_f64, 0.8), LogNormal::new(3.4_f64, 0.9)) else { return };
        let start = self.start_micros + i64::try_from(day).unwrap_or(0) * DAY_MICROS;
        for _ in 0..impressions.sample(&mut rng) as u64 {
            if total.impressions + total.clicks + total.conversions + 3 > self.max_rows {
                return;
            }
            let micros = start + rng.random_range(0..DAY_MICROS - 3_600_000_000);
            let campaign = if rng.random::<f64>() < 0.7 {
                person.favourites[rng.random_range(0..4)]
            } else {
                zipf(&mut rng, self.lists.campaigns, 1.1)
            };
            let device =
                if rng.random::<f64>() < 0.8 { person.device } else { zipf(&mut rng, self.lists.devices, 1.1) };
            let shown = Row {
                person: number,
                micros,
                kind: Kind::Impression,
                campaign,
                channel: zipf(&mut rng, self.channels, 0.8),
                device,
                site: zipf(&mut rng, self.sites, 1.05),
                cost: cents(cost.sample(&mut rng).min(5.0)),
                revenue: 0.0,
            };
            let clicked = rng.random::<f64>() < person.click_rate;
            let conversion_rate = if clicked { 0.12 } else { 0.001 } * if person.treated { self.lift } else { 1.0 };
            let converted = rng.random::<f64>() < conversion_rate;
            let revenue = cents(basket.sample(&mut rng).min(500.0));
            total.impressions += 1;
            if clicked {
                rows.push(shown.later(Kind::Click, rng.random_range(1_000_000..30_000_000), 0.0));
                total.clicks += 1;
            }
            if converted {
                rows.push(shown.later(Kind::Conversion, rng.random_range(60_000_000..3_000_000_000), revenue));
                total.conversions += 1;
                total.revenue += revenue;
            }
            rows.push(shown);
        }
    }
}

impl Row {
    /// The same contact, later and of another kind; only impressions cost.
    fn later(&self, kind: Kind, later_micros: i64, revenue: f64) -> Self {
        Self {
            person: self.person,
            micros: self.micros + later_micros,
            kind,
            campaign: self.campaign,
            channel: self.channel,
            device: self.device,
            site: self.site,
            cost: 0.0,
            revenue,
        }
    }
}

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}
