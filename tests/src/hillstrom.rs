//! A file shaped like the e-mail experiment of `datasets/hillstrom`, made up row by row, with its exact figures.

use crate::random::Random;
use std::collections::BTreeMap;

/// The arms of the experiment.
pub const ARMS: [&str; 3] = ["Mens E-Mail", "Womens E-Mail", "No E-Mail"];

/// The generated file and what is true in it.
pub struct Hillstrom {
    /// CSV with header.
    pub csv: String,
    /// Exact figures per arm.
    pub exact: BTreeMap<&'static str, Exact>,
}

/// What is true of one arm.
#[derive(Default, Clone, Copy)]
pub struct Exact {
    /// People.
    pub people: u32,
    /// Of them, visitors.
    pub visits: u32,
    /// Of them, buyers.
    pub conversions: u32,
    /// Their spend, in cents.
    pub cents: u64,
}

/// `people` made-up rows.
pub fn generate(people: usize) -> Hillstrom {
    let mut random = Random::new(2008);
    let bands = [100, 200, 350, 500, 750, 1000, 5000];
    let labels = [
        "1) $0 - $100",
        "2) $100 - $200",
        "3) $200 - $350",
        "4) $350 - $500",
        "5) $500 - $750",
        "6) $750 - $1,000",
        "7) $1,000 +",
    ];
    let mut csv =
        "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend\n"
            .to_owned();
    let mut exact = BTreeMap::from(ARMS.map(|arm| (arm, Exact::default())));
    for _ in 0..people {
        let band = usize::try_from(random.below(7)).expect("an index fits");
        let low = if band == 0 { 0 } else { bands[band - 1] };
        let history = low + random.below(bands[band] - low);
        let arm = random.pick(&ARMS);
        let visit = random.chance(if arm == "No E-Mail" { 30 } else { 45 });
        let conversion = visit && random.chance(40);
        let cents = if conversion { 500 + random.below(40_000) } else { 0 };
        csv += &format!(
            "{},\"{}\",{history}.{:02},{},{},{},{},{},{arm},{},{},{}.{:02}\n",
            1 + random.below(12),
            labels[band],
            random.below(100),
            random.below(2),
            random.below(2),
            random.pick(&["Urban", "Surburban", "Rural"]),
            random.below(2),
            random.pick(&["Phone", "Web", "Multichannel"]),
            u8::from(visit),
            u8::from(conversion),
            cents / 100,
            cents % 100,
        );
        let figures = exact.entry(arm).or_default();
        figures.people += 1;
        figures.visits += u32::from(visit);
        figures.conversions += u32::from(conversion);
        figures.cents += cents;
    }
    Hillstrom { csv, exact }
}

impl Exact {
    /// Share of visitors.
    pub fn visit_rate(&self) -> f64 {
        f64::from(self.visits) / f64::from(self.people)
    }

    /// Share of buyers.
    pub fn conversion_rate(&self) -> f64 {
        f64::from(self.conversions) / f64::from(self.people)
    }

    /// Spend of everybody, in USD.
    pub fn spend(&self) -> f64 {
        self.cents as f64 / 100.0
    }
}
