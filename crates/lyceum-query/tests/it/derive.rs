//! Answers derived from answers: what they are computed from, how noisy they are said to be, and what isn't derived.

use crate::world::{World, orders};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use lyceum_privacy::mechanism::NoiseSource;
use lyceum_privacy::testing::{SeededNoise, ZeroNoise};
use lyceum_query::answer::{Answer, ColumnKind};
use lyceum_query::derive::{Descriptor, Stored};
use lyceum_query::finish::finish;
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::id::{ReleaseId, VersionId};
use lyceum_schema::policy::Policy;
use std::sync::Arc;

const FINE: &str = "SELECT segment, spend > 50 AS high, COUNT(*) AS n, SUM(spend) AS s, COUNT(spend) AS c, \
    COUNT(DISTINCT user_id) AS people FROM orders GROUP BY segment, high";

/// Answers that were paid for, as they are stored.
#[derive(Default)]
struct Paid {
    groups: Vec<ReleasedGroups>,
    stored: Vec<Stored<usize>>,
}

impl Paid {
    async fn ask<N: NoiseSource + 'static>(&mut self, world: &World<N>, sql: &str) -> Answer {
        let descriptors = world.price(sql).await;
        let (groups, answer) = world.release(sql).await;
        for (barrier, described) in descriptors.descriptors().enumerate() {
            let (family, descriptor) = described.unwrap();
            // As it comes back from where it is stored.
            let descriptor = Descriptor::from_json(&descriptor.to_json().unwrap()).unwrap();
            self.stored.push(Stored { answer: self.groups.len(), barrier, family, descriptor });
        }
        self.groups.push(ReleasedGroups::from_bytes(&groups.to_bytes().unwrap()).unwrap());
        answer
    }

    async fn derive<N: NoiseSource + 'static>(&self, world: &World<N>, sql: &str) -> Option<Answer> {
        world.noise.take();
        let derivation = world.price(sql).await.derive(&self.stored)?;
        let (above, groups) = derivation.assemble(|&a| self.groups.get(a).cloned()).unwrap();
        let answer = finish(above, &groups).await.unwrap();
        assert!(world.noise.take().is_empty(), "no new noise");
        assert!(answer.notes[0].starts_with("derived from an earlier answer"), "{:?}", answer.notes);
        Some(answer)
    }
}

fn numbers(answer: &Answer, column: usize) -> Vec<Option<f64>> {
    let column = cast(answer.batch.column(column), &DataType::Float64).unwrap();
    column.as_primitive::<Float64Type>().iter().collect()
}

fn texts(answer: &Answer, column: usize) -> Vec<Option<String>> {
    answer.batch.column(column).as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect()
}

fn width(answer: &Answer, column: usize, row: usize) -> f64 {
    let interval = answer.columns[column].noise_interval.as_ref().unwrap();
    interval.high.value(row) - interval.low.value(row)
}

async fn fine() -> (World<SeededNoise>, Paid, Answer) {
    fine_of(400).await
}

async fn fine_of(units: u64) -> (World<SeededNoise>, Paid, Answer) {
    let world = World::new(&orders(units), 1, SeededNoise { seed: 11 }).await;
    let mut paid = Paid::default();
    let fine = paid.ask(&world, FINE).await;
    (world, paid, fine)
}

#[tokio::test]
async fn a_total_is_the_sum_of_the_released_cells_with_their_noise() {
    let (world, paid, fine) = fine().await;
    let answer = paid.derive(&world, "SELECT COUNT(*) AS n, SUM(spend) FROM orders").await.unwrap();
    assert_eq!(numbers(&answer, 0), [Some(numbers(&fine, 2).iter().flatten().sum::<f64>())]);
    let sum: f64 = numbers(&fine, 3).iter().flatten().sum();
    assert!((numbers(&answer, 1)[0].unwrap() - sum).abs() < 1e-6);
    assert!((width(&answer, 0, 0) / width(&fine, 2, 0) - 12f64.sqrt()).abs() < 0.1, "the noise of twelve cells");
    assert!((width(&answer, 1, 0) / width(&fine, 3, 0) - 12f64.sqrt()).abs() < 0.1);

    // A new answer needs no L0 groups, and has no twelve cells' noise: said beforehand and beside the numbers.
    let asked = world.price("SELECT COUNT(*) AS n, SUM(spend) FROM orders").await;
    let said = asked.derive(&paid.stored).unwrap().noisier().map(str::to_owned).unwrap();
    let widths = asked.explain().columns[0].half_width.unwrap();
    let times = width(&answer, 0, 0) / 2.0 / widths;
    assert!(times > 2.0 && said.contains("times as wide") && said.contains("fresh = true"), "{times}: {said}");
    assert!(answer.notes.contains(&said), "{:?}", answer.notes);
    let same = world.price(FINE).await;
    assert_eq!(same.derive(&paid.stored).unwrap().noisier(), None, "a repeat is as good as new");

    let margin = "SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment HAVING COUNT(*) > -1000 ORDER BY segment";
    let answer = paid.derive(&world, margin).await.unwrap();
    let segments = texts(&fine, 0);
    for (segment, n) in texts(&answer, 0).iter().zip(numbers(&answer, 1)) {
        let cells = segments.iter().zip(numbers(&fine, 2)).filter(|(s, _)| *s == segment);
        assert_eq!(n, Some(cells.filter_map(|(_, n)| n).sum()), "{segment:?}");
    }
    assert_eq!(answer.batch.num_rows(), 4);
    assert!((width(&answer, 1, 0) / width(&fine, 2, 0) - 3f64.sqrt()).abs() < 0.1);
    assert_eq!(answer.columns[1].kind, ColumnKind::Measure);
}

#[tokio::test]
async fn fewer_measures_and_keys_in_another_order_are_the_same_cells() {
    let (world, paid, fine) = fine().await;
    let sql = "SELECT spend > 50 AS high, segment, COUNT(DISTINCT user_id) AS people, SUM(spend) / COUNT(*) AS mean \
        FROM orders GROUP BY high, segment";
    let answer = paid.derive(&world, sql).await.unwrap();
    assert_eq!(answer.batch.num_rows(), 12);
    let cells = |answer: &Answer, segment: usize, high: usize, people: usize| {
        let highs: Vec<Option<bool>> = answer.batch.column(high).as_boolean().iter().collect();
        let mut cells: Vec<_> = texts(answer, segment).into_iter().zip(highs).zip(numbers(answer, people)).collect();
        cells.sort_by(|a, b| a.0.cmp(&b.0));
        cells
    };
    assert_eq!(cells(&answer, 1, 0, 2), cells(&fine, 0, 1, 5));
    assert_eq!(width(&answer, 2, 0), width(&fine, 5, 0));
    assert_eq!(answer.columns[3].kind, ColumnKind::Derived);

    // Of all cells in the other order only the order differs: its first rows have one value of the first key.
    let high: Vec<Option<bool>> = answer.batch.column(0).as_boolean().iter().collect();
    assert!(high[..4].iter().all(|h| *h == high[0]), "{high:?}");
}

#[tokio::test]
async fn a_condition_on_a_released_key_takes_its_cells() {
    let (world, paid, fine) = fine().await;
    let news: f64 =
        (0..12).filter(|&i| texts(&fine, 0)[i].as_deref() == Some("new")).filter_map(|i| numbers(&fine, 2)[i]).sum();
    for condition in
        ["segment = 'new'", "'new' = segment", "segment IN ('new')", "segment LIKE 'ne%' AND segment = 'new'"]
    {
        let sql = format!("SELECT COUNT(*) AS n FROM orders WHERE {condition}");
        let answer = paid.derive(&world, &sql).await.unwrap();
        assert_eq!(numbers(&answer, 0), [Some(news)], "{condition}");
        assert!((width(&answer, 0, 0) / width(&fine, 2, 0) - 3f64.sqrt()).abs() < 0.1, "{condition}");
    }
    let sql =
        "SELECT segment, COUNT(*) AS n FROM orders WHERE spend > 50 AND segment IN ('press', 'loyal') GROUP BY segment";
    let answer = paid.derive(&world, sql).await.unwrap();
    assert_eq!(texts(&answer, 0), [Some("loyal".to_owned()), Some("press".to_owned())]);
    let highs: Vec<Option<bool>> = fine.batch.column(1).as_boolean().iter().collect();
    let cell =
        |segment: &str| (0..12).find(|&i| texts(&fine, 0)[i].as_deref() == Some(segment) && highs[i] == Some(true));
    assert_eq!(
        numbers(&answer, 1),
        [numbers(&fine, 2)[cell("loyal").unwrap()], numbers(&fine, 2)[cell("press").unwrap()]]
    );
    assert_eq!(width(&answer, 1, 0), width(&fine, 2, 0), "one cell each");
}

#[tokio::test]
async fn an_average_is_the_quotient_of_a_released_sum_and_count() {
    // So many that no noisy count is near 0.
    let (world, paid, _) = fine_of(3000).await;
    let answer = paid.derive(&world, "SELECT segment, AVG(spend) AS mean FROM orders GROUP BY segment").await.unwrap();
    let parts = "SELECT segment, SUM(spend) AS s, COUNT(spend) AS c FROM orders GROUP BY segment";
    let parts = paid.derive(&world, parts).await.unwrap();
    let (mean, s, c) = (numbers(&answer, 1), numbers(&parts, 1), numbers(&parts, 2));
    for i in 0..3 {
        // An average stays within the bounds of its values, whatever the noise.
        let (mean, quotient) = (mean[i].unwrap(), (s[i].unwrap() / c[i].unwrap()).clamp(0.0, 100.0));
        assert!((mean - quotient).abs() < 1e-9, "{mean} {quotient}");
    }
    assert!(answer.columns[1].noise_interval.is_some() && answer.columns[1].estimate_interval.is_some());
    assert!(answer.notes.iter().any(|n| n.contains("quotient")), "{:?}", answer.notes);
    // The other way round the sum would have the noise of both in it.
    let mut paid = Paid::default();
    paid.ask(&world, "SELECT segment, AVG(spend) AS mean FROM orders GROUP BY segment").await;
    assert!(paid.derive(&world, "SELECT segment, SUM(spend) FROM orders GROUP BY segment").await.is_none());
}

#[tokio::test]
async fn statistics_of_moments_serve_each_other() {
    let world = World::new(&orders(3000), 1, SeededNoise { seed: 13 }).await;
    let mut paid = Paid::default();
    let fine = "SELECT segment, VAR_SAMP(spend) AS v, AVG(spend) AS m FROM orders GROUP BY segment";
    let fine = paid.ask(&world, fine).await;
    let deviation = "SELECT segment, STDDEV_SAMP(spend) AS d FROM orders GROUP BY segment";
    let answer = paid.derive(&world, deviation).await.unwrap();
    for (d, v) in numbers(&answer, 1).iter().zip(numbers(&fine, 1)).take(3) {
        assert!((d.unwrap().powi(2) - v.unwrap()).abs() < 1e-6);
    }
    assert!(paid.derive(&world, "SELECT VAR_SAMP(spend) AS v FROM orders").await.is_some(), "moments add up");
    // A histogram's levels and different values, too; the different values of several cells may be the same.
    let mut paid = Paid::default();
    let fine = "SELECT segment, spend > 50 AS high, MEDIAN(spend) AS m, COUNT(DISTINCT segment) AS d \
        FROM orders GROUP BY segment, high";
    let fine = paid.ask(&world, fine).await;
    let same = "SELECT segment, spend > 50 AS high, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY spend) AS m \
        FROM orders GROUP BY segment, high";
    assert_eq!(numbers(&paid.derive(&world, same).await.unwrap(), 2), numbers(&fine, 2));
    assert!(paid.derive(&world, "SELECT segment, MEDIAN(spend) AS m FROM orders GROUP BY segment").await.is_some());
    assert!(paid.derive(&world, "SELECT COUNT(DISTINCT segment) AS d FROM orders").await.is_none());
    let other = "SELECT segment, VAR_SAMP(spend * 2) AS v FROM orders GROUP BY segment";
    assert!(paid.derive(&world, other).await.is_none());
}

#[tokio::test]
async fn several_barriers_may_come_from_several_answers_and_from_one() {
    let (world, mut paid, fine) = fine().await;
    let spenders = "SELECT segment, COUNT(*) AS n FROM orders WHERE spend > 20 GROUP BY segment";
    let both = "SELECT a.segment, a.n, b.n AS spenders, a.n - t.n AS rest FROM \
        (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) a JOIN \
        (SELECT segment, COUNT(*) AS n FROM orders WHERE spend > 20 GROUP BY segment) b ON a.segment = b.segment \
        CROSS JOIN (SELECT COUNT(*) AS n FROM orders) t ORDER BY a.segment";
    assert!(paid.derive(&world, both).await.is_none(), "one of three is missing");
    let second = paid.ask(&world, spenders).await;
    let answer = paid.derive(&world, both).await.unwrap();
    let loyal = texts(&second, 0).iter().position(|s| s.as_deref() == Some("loyal")).unwrap();
    let at = texts(&answer, 0).iter().position(|s| s.as_deref() == Some("loyal")).unwrap();
    assert_eq!(numbers(&answer, 2)[at], numbers(&second, 1)[loyal]);
    // a − t is minus the nine cells of the other segments: the three that are in both cancel, noise and all.
    let ratio = width(&answer, 3, at) / width(&fine, 2, 0);
    assert!((2.5..3.5).contains(&ratio), "3, from 400 redraws, and not √15: {ratio}");
}

#[tokio::test]
async fn undeclared_keys_serve_the_same_keys_only() {
    let world = World::new(&orders(900), 1, SeededNoise { seed: 12 }).await;
    let mut paid = Paid::default();
    let all = paid.ask(&world, "SELECT city, COUNT(*) AS n, SUM(spend) AS s FROM orders GROUP BY city").await;
    let one = paid.derive(&world, "SELECT city, SUM(spend) AS s FROM orders GROUP BY city").await.unwrap();
    assert_eq!((texts(&one, 0), numbers(&one, 1)), (texts(&all, 0), numbers(&all, 2)));
    let (rest, whole) = (one.other.unwrap(), all.other.unwrap());
    assert_eq!(rest.noise_interval[1], whole.noise_interval[2], "the row of what isn't shown, too");
    assert!(one.notes.iter().any(|n| n.contains("are not shown")), "{:?}", one.notes);
    for sql in [
        "SELECT COUNT(*) AS n FROM orders",
        "SELECT city, COUNT(*) AS n FROM orders WHERE city = 'city0' GROUP BY city",
        "SELECT city, segment, COUNT(*) AS n FROM orders GROUP BY city, segment",
    ] {
        assert!(paid.derive(&world, sql).await.is_none(), "{sql}");
    }
}

#[tokio::test]
async fn what_was_not_released_is_not_derived() {
    let (world, paid, _) = fine().await;
    for sql in [
        // other bounds
        "SELECT SUM(spend, contribution_bounds_per_row => (0, 50)) FROM orders",
        "SELECT COUNT(*, contribution_bounds_per_group => (0, 2)) FROM orders",
        // other values
        "SELECT SUM(spend * 2) FROM orders",
        "SELECT COUNT(*) FILTER (WHERE spend > 50) FROM orders",
        // other rows
        "SELECT COUNT(*) FROM orders WHERE spend > 60",
        "SELECT COUNT(*) FROM orders WHERE city = 'city0'",
        "SELECT COUNT(*) FROM orders WHERE segment = 'new' OR city = 'city0'",
        "SELECT COUNT(*) FROM orders WHERE segment = 'new' OR spend > 50",
        "SELECT COUNT(*) FROM (SELECT user_id, COUNT(*) AS n FROM orders GROUP BY user_id) q",
        // other keys
        "SELECT spend > 60 AS high, COUNT(*) FROM orders GROUP BY high",
        "SELECT city, COUNT(*) FROM orders GROUP BY city",
        // people are in several cells
        "SELECT COUNT(DISTINCT user_id) FROM orders",
        "SELECT segment, COUNT(DISTINCT user_id) FROM orders GROUP BY segment",
        // no cell has all of the asked rows, or there are none
        "SELECT COUNT(*) FROM orders WHERE segment = 'gone'",
        // a better answer than that which is there
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1.5) COUNT(*) FROM orders",
        // fewer groups per person of the same groups
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 2) segment, spend > 50 AS high, COUNT(*) \
         FROM orders GROUP BY segment, high",
        // only a part of it is there
        "SELECT COUNT(*), SUM(spend * 2) FROM orders",
    ] {
        assert!(paid.derive(&world, sql).await.is_none(), "{sql}");
    }
    let less = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) COUNT(*) FROM orders";
    assert!(paid.derive(&world, less).await.is_some(), "what was paid for is more than is asked");
    // What has a condition serves nothing wider.
    let mut narrow = Paid::default();
    narrow.ask(&world, "SELECT segment, COUNT(*) FROM orders WHERE spend > 50 GROUP BY segment").await;
    assert!(narrow.derive(&world, "SELECT COUNT(*) FROM orders").await.is_none());
    let both = "SELECT COUNT(*) FROM orders WHERE segment <> 'new' AND spend > 50";
    assert!(narrow.derive(&world, both).await.is_some());
}

#[tokio::test]
async fn other_releases_versions_and_policies_are_other_families() {
    let (mut world, paid, _) = fine().await;
    let sql = "SELECT COUNT(*) FROM orders";
    assert!(paid.derive(&world, sql).await.is_some());
    let original = world.catalog.tables[0].clone();
    let mut table = original.as_ref().clone();
    table.release = ReleaseId::generate();
    world.catalog.tables = vec![Arc::new(table)];
    assert!(paid.derive(&world, sql).await.is_none());
    let mut table = original.as_ref().clone();
    table.version = VersionId::generate();
    world.catalog.tables = vec![Arc::new(table)];
    assert!(paid.derive(&world, sql).await.is_none());
    let policy = crate::world::POLICY.replace("purpose = \"tests\"", "purpose = \"more tests\"");
    let policy = Arc::new(Policy::parse("policy.toml", &policy).unwrap_or_else(|e| panic!("{e:?}")));
    let mut table = original.as_ref().clone();
    table.policy = policy;
    world.catalog.tables = vec![Arc::new(table)];
    assert!(paid.derive(&world, sql).await.is_none());
    world.catalog.tables = vec![original];
    assert!(paid.derive(&world, sql).await.is_some());
}

#[tokio::test]
async fn the_least_noisy_answer_serves() {
    let world = World::new(&orders(300), 1, ZeroNoise).await;
    let mut paid = Paid::default();
    let total = "SELECT COUNT(*) AS n FROM orders";
    paid.ask(&world, "SELECT segment, COUNT(*) AS n, SUM(spend) AS s FROM orders GROUP BY segment").await;
    let rolled = paid.derive(&world, total).await.unwrap();
    let asked = paid.ask(&world, "SELECT COUNT(*) AS n, SUM(spend) AS s FROM orders").await;
    let derived = paid.derive(&world, total).await.unwrap();
    assert_eq!(width(&derived, 0, 0), width(&asked, 0, 0));
    assert!(width(&rolled, 0, 0) > 1.5 * width(&derived, 0, 0));
    assert_eq!(numbers(&derived, 0), numbers(&asked, 0));
}

#[tokio::test]
async fn an_answer_that_is_not_what_it_was_described_as_is_refused() {
    let (world, paid, _) = fine().await;
    let sql = "SELECT COUNT(*) FROM orders";
    let (other, _) = world.release("SELECT segment, COUNT(*) FROM orders GROUP BY segment").await;
    let derivation = world.price(sql).await.derive(&paid.stored).unwrap();
    assert!(derivation.assemble(|_| Some(other.clone())).is_err());
    let derivation = world.price(sql).await.derive(&paid.stored).unwrap();
    assert!(derivation.assemble(|_| None).is_err());
}
