//! Planted bugs and the checks that find them. Each line of [`TABLE`] names a fault and one check of this suite; the
//! check passes on the engine as it is and must fail with the fault.

use crate::attacks::refused::met;
use crate::attacks::shop::{Event, POLICY, Shop, ShowAll, awkward, ordinary};
use crate::attacks::town::town;
use crate::below::exact;
use crate::neighbours::{NOW, Outcome, compared, run};
use crate::world::Pays;
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::catalog::CatalogTable;
use lyceum_query::charge::{ChargeRequest, Ledger, charge};
use lyceum_query::engine::PreparedQuery;
use lyceum_query::faults::{Fault, plant};
use lyceum_query::price::PricedQuery;
use lyceum_schema::policy::Policy;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A check of this suite.
#[derive(Debug, Clone, Copy)]
enum Check {
    /// Record and replay: the neighbour with one awkward person more.
    Replay(&'static str, &'static str),
    /// The refusal of an attack: its code.
    Refused(&'static str, &'static str),
    /// How many mechanisms a query pays for.
    Mechanisms(usize, &'static str),
    /// A count over awkward rows that is 0 in total arithmetic.
    Nobody(&'static str),
    /// The ledger is asked before anything is released.
    Paid,
    /// A group of k − 1 units isn't a candidate, whatever the noise.
    TooSmall,
    /// Charges sample differently.
    SampledAnew,
    /// Requests under different policies have different keys.
    KeyOfPolicy,
    /// Requests with different ε have different keys.
    KeyOfEpsilon,
    /// A look-up in a public table is said to multiply rows.
    Multiplied,
}

use Check::{KeyOfEpsilon, KeyOfPolicy, Mechanisms, Multiplied, Nobody, Paid, Refused, Replay, SampledAnew, TooSmall};

const SEGMENTS: &str = "SELECT segment, COUNT(*) FROM events GROUP BY segment";
const WEEKS: &str = "SELECT date_trunc('week', day) AS w, COUNT(DISTINCT user_id) FROM events GROUP BY w";
const ONE_CITY: &str =
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 1) city, COUNT(*) FROM events GROUP BY city";
/// People are weighed; up to eight weeks of one are kept.
const BY_WEIGHT: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 1) \
    date_trunc('week', day) AS w, COUNT(*) FROM events GROUP BY w";
/// One week's notes of each person, sampled.
const NOTES: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 1) \
    date_trunc('week', day) AS w, COUNT(DISTINCT note) FROM events GROUP BY w";
const REMAINDERS: &str = "SELECT clicks % 7 AS c, COUNT(*) FROM events GROUP BY c";

const TABLE: &[(Fault, Check)] = &[
    (Fault::BallOff, Replay("high", SEGMENTS)),
    (Fault::BallOff, Replay("high", "SELECT city, COUNT(*) FROM events GROUP BY city")),
    (Fault::L0Off, Replay("everywhere", ONE_CITY)),
    (Fault::WeightsAlone, Replay("everywhere", BY_WEIGHT)),
    (Fault::HeaviestCounted, Replay("edge", ONE_CITY)),
    (
        Fault::NullUnitKept,
        Replay(
            "high",
            "SELECT COUNT(*) FROM (SELECT DISTINCT user_id FROM events WHERE clicks > 40) a FULL JOIN (SELECT DISTINCT user_id FROM ads) b USING (user_id)",
        ),
    ),
    (Fault::UnitSplit, Replay("high", SEGMENTS)),
    (Fault::JoinWithoutUnit, Refused("E2107", "SELECT COUNT(*) FROM orders JOIN orders o2 USING (city)")),
    (Fault::NeverCharged, Paid),
    (
        Fault::UnionOfPopulations,
        Refused("E2107", "SELECT COUNT(*) FROM (SELECT user_id FROM orders UNION ALL SELECT device FROM sessions) q"),
    ),
    (Fault::JoinOfPopulations, Refused("E2107", "SELECT COUNT(*) FROM orders JOIN sessions ON user_id = device")),
    (Fault::CountSharedOverNulls, Mechanisms(2, "SELECT COUNT(*), COUNT(note) FROM events")),
    (Fault::CountSharedOverFilters, Mechanisms(2, "SELECT COUNT(note), COUNT(note) FILTER (WHERE vip) FROM events")),
    (Fault::ThresholdLow, Replay("edge", ONE_CITY)),
    (Fault::GroupSizeLow, TooSmall),
    (Fault::SigmaHalved, Replay("high", SEGMENTS)),
    (Fault::DeltaUncharged, Replay("edge", ONE_CITY)),
    (Fault::SamplingKeyConstant, SampledAnew),
    (Fault::TotalForOneGroup, Replay("everywhere", WEEKS)),
    (Fault::LevelTooHigh, Replay("everywhere", REMAINDERS)),
    (Fault::RowsInCertificate, Replay("high", SEGMENTS)),
    (Fault::TimeFromRows, Replay("high", SEGMENTS)),
    (Fault::WrappingAdd, Nobody("SELECT COUNT(*) FROM events WHERE n > 0 AND n + n < 0")),
    (Fault::EmptyGroupsDropped, Replay("hermit", SEGMENTS)),
    (
        Fault::SecondReleaseFree,
        Replay("high", "SELECT COUNT(*) AS v FROM events UNION ALL SELECT SUM(clicks) FROM events"),
    ),
    (Fault::KeyWithoutPolicy, KeyOfPolicy),
    (Fault::KeyWithoutEpsilon, KeyOfEpsilon),
    (
        Fault::WindowWithoutUnit,
        Refused(
            "E2115",
            "SELECT COUNT(*) FROM (SELECT ROW_NUMBER() OVER (ORDER BY at) AS r FROM orders) q WHERE r < 5",
        ),
    ),
    (Fault::GroupWithoutUnit, Refused("E2115", "SELECT COUNT(*) FROM (SELECT DISTINCT city FROM orders) q")),
    (Fault::PublicRowsUncounted, Multiplied),
];

/// The town without anybody awkward, and with each.
struct Towns {
    base: Shop<ShowAll>,
    with: Vec<(&'static str, Shop<ShowAll>)>,
    exact: Shop<ZeroNoise>,
}

impl Towns {
    async fn new() -> Self {
        let base = ordinary();
        let mut with = Vec::new();
        let mut all = base.clone();
        for (name, rows) in awkward() {
            let events: Vec<Event> = base.iter().cloned().chain(rows.iter().cloned()).collect();
            all.extend(rows.into_iter().map(|e| Event { unit: 1_000_000 + with.len() as u64, ..e }));
            with.push((name, town(&events, 2, POLICY, ShowAll).await));
        }
        Self { base: town(&base, 2, POLICY, ShowAll).await, with, exact: town(&all, 2, POLICY, ZeroNoise).await }
    }

    fn with(&self, name: &str) -> &Shop<ShowAll> {
        &self.with.iter().find(|(n, _)| *n == name).unwrap().1
    }

    /// Why the check fails, if it does.
    async fn failure(&self, check: Check) -> Option<String> {
        let unless = |holds: bool, why: &str| (!holds).then(|| why.to_owned());
        match check {
            Replay(name, sql) => {
                let (with, without) = (run(self.with(name), sql).await, run(&self.base, sql).await);
                match compared(&with, &without) {
                    Ok(Some(_)) => None,
                    Ok(None) => Some(format!("refused: {without:?}")),
                    Err(e) => Some(e),
                }
            }
            Refused(code, sql) => unless(met(sql) == code, met(sql)),
            Mechanisms(count, sql) => {
                let found = priced(&self.base, sql).await.explain().mechanisms.len();
                unless(found == count, &format!("{found} mechanisms"))
            }
            Nobody(sql) => {
                let batch = exact(&self.exact, sql).await.unwrap();
                let count = batch.column(0).as_primitive::<Int64Type>().value(0);
                unless(count == 0, &format!("{count} rows"))
            }
            Paid => {
                let ledger = Asked(AtomicBool::new(false));
                let Ok(charged) = charge(priced(&self.base, SEGMENTS).await, &ledger).await else { panic!("not paid") };
                self.base.noise.take();
                let asked = ledger.0.load(Ordering::SeqCst) && self.base.noise.take().is_empty();
                unless(self.base.engine.answer(charged).await.is_ok() && asked, "released without payment")
            }
            TooSmall => match run(&self.base, ONE_CITY).await {
                Outcome::Answered(run) => unless(!run.keys[0].iter().any(|k| k.contains("edge")), "four are shown"),
                other => Some(format!("{other:?}")),
            },
            SampledAnew => {
                let mut seen = Vec::new();
                for _ in 0..8 {
                    let shop = self.with("everywhere");
                    let Ok(charged) = charge(priced(shop, NOTES).await, &Pays).await else { panic!("not paid") };
                    shop.noise.take();
                    assert!(shop.engine.answer(charged).await.is_ok());
                    seen.push(shop.noise.take().into_iter().map(|r| r.exact).collect::<Vec<_>>());
                }
                unless(seen.iter().any(|s| *s != seen[0]), "the same groups in eight charges")
            }
            KeyOfPolicy => {
                let policy = POLICY.replace("max_epsilon_per_query = 2.0", "max_epsilon_per_query = 1.9");
                let policy = Arc::new(Policy::parse("policy.toml", &policy).unwrap_or_else(|e| panic!("{e:?}")));
                let mut catalog = self.base.catalog.clone();
                catalog.tables = catalog
                    .tables
                    .iter()
                    .map(|t| Arc::new(CatalogTable { policy: policy.clone(), ..CatalogTable::clone(t) }))
                    .collect();
                let other = Shop {
                    engine: lyceum_query::engine::Engine::new(
                        lyceum_query::engine::EngineConfig::default(),
                        Arc::new(object_store::memory::InMemory::new()),
                        self.base.noise.clone(),
                    ),
                    catalog,
                    noise: self.base.noise.clone(),
                };
                let keys = (priced(&self.base, SEGMENTS).await, priced(&other, SEGMENTS).await);
                unless(keys.0.request_key() != keys.1.request_key(), "one key under two policies")
            }
            KeyOfEpsilon => {
                let sql =
                    |e: &str| format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = {e}) COUNT(*) FROM events");
                let keys = (priced(&self.base, &sql("0.3")).await, priced(&self.base, &sql("0.6")).await);
                unless(keys.0.request_key() != keys.1.request_key(), "one key for two ε")
            }
            Multiplied => {
                let sql = "SELECT COUNT(*) FROM events JOIN cities ON events.city = cities.city";
                let root = priced(&self.base, sql).await.explain().certificate;
                let look_up = &root.inputs[0].inputs[0];
                let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
                let (after, before) = (digits(&look_up.facts[0]), digits(look_up.inputs[0].facts.last().unwrap()));
                unless(after != before, &format!("{before} rows before and {after} after"))
            }
        }
    }
}

/// A ledger that notes whether it was asked.
struct Asked(AtomicBool);

#[async_trait]
impl Ledger for Asked {
    type Refused = ();
    async fn charge(&self, _: &ChargeRequest<'_>) -> Result<(), ()> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

async fn priced(shop: &Shop<ShowAll>, sql: &str) -> PricedQuery {
    match shop.engine.prepare(sql, &shop.catalog, NOW).await.unwrap_or_else(|e| panic!("{sql}: {e}")).query {
        PreparedQuery::Private(priced) => *priced,
        PreparedQuery::Public(_) => panic!("not private: {sql}"),
    }
}

#[tokio::test]
async fn each_planted_fault_is_found() {
    let towns = Towns::new().await;
    let mut wrong = Vec::new();
    for (fault, check) in TABLE {
        if let Some(why) = towns.failure(*check).await {
            wrong.push(format!("{check:?} fails without a fault: {why}"));
        }
        let planted = plant(*fault);
        match towns.failure(*check).await {
            Some(why) => println!("{fault:?}: {why}"),
            None => wrong.push(format!("{fault:?} is not found by {check:?}")),
        }
        drop(planted);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(TABLE.len() >= 25);
}
