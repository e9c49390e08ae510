//! Aggregates beyond counts, sums and averages: without noise they are plain SQL's, with noise their intervals hold.

use crate::world::{Order, World, orders};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use lyceum_privacy::testing::{SeededNoise, ZeroNoise};
use lyceum_query::answer::Answer;

/// At most four orders of a buyer: nobody is clipped.
fn few(units: u64) -> Vec<Order> {
    let all = orders(units);
    let kept = all.chunk_by(|a, b| a.unit == b.unit).flat_map(|orders| orders.iter().take(4).cloned());
    kept.collect()
}

fn numbers(answer: &Answer, column: usize) -> Vec<Option<f64>> {
    let column = cast(answer.batch.column(column), &DataType::Float64).unwrap();
    column.as_primitive::<Float64Type>().iter().collect()
}

fn near(value: Option<f64>, truth: f64) -> bool {
    value.is_some_and(|v| (v - truth).abs() <= 1e-3 * truth.abs().max(1.0))
}

#[tokio::test]
async fn statistics_without_noise_are_plain_ones() {
    let all = few(300);
    let world = World::new(&all, 2, ZeroNoise).await;
    let sql = "SELECT segment, VAR_POP(spend) AS vp, VAR_SAMP(spend) AS vs, STDDEV(spend) AS sd, \
        COVAR_POP(spend, spend * spend) AS cp, CORR(spend, spend * spend) AS r, \
        REGR_SLOPE(spend * 3 + 1, spend) AS slope, REGR_INTERCEPT(spend * 3 + 1, spend) AS intercept, \
        REGR_COUNT(spend, spend) AS n FROM orders GROUP BY segment";
    let (_, answer) = world.release(sql).await;
    for (row, segment) in ["new", "loyal", "lapsed"].iter().enumerate() {
        let x: Vec<f64> = all.iter().filter(|o| o.segment == *segment).filter_map(|o| o.spend).collect();
        let n = x.len() as f64;
        let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|v| f(*v)).sum::<f64>() / n;
        let (m, m2) = (mean(&|v| v), mean(&|v| v * v));
        let var = mean(&|v| (v - m).powi(2));
        let (covar, var2) = (mean(&|v| (v - m) * (v * v - m2)), mean(&|v| (v * v - m2).powi(2)));
        let truth =
            [var, var * n / (n - 1.0), (var * n / (n - 1.0)).sqrt(), covar, covar / (var * var2).sqrt(), 3.0, 1.0, n];
        for (column, truth) in truth.into_iter().enumerate() {
            let value = numbers(&answer, column + 1)[row];
            assert!(near(value, truth), "{segment} {column}: {value:?} is not {truth}");
        }
    }
    assert!(numbers(&answer, 1)[3].is_none(), "nobody is in the last segment");
    let explained = world.price(sql).await.explain();
    assert!(explained.columns[1].accuracy.contains("interval") && explained.columns[8].half_width.is_some());
}

#[tokio::test]
async fn their_intervals_hold_the_exact_statistic() {
    let all = few(900);
    let sql = "SELECT STDDEV(spend) AS sd, REGR_SLOPE(spend * spend, spend) AS slope FROM orders";
    let (_, truth) = World::new(&all, 1, ZeroNoise).await.release(sql).await;
    let world = World::new(&all, 1, SeededNoise { seed: 11 }).await;
    let mut held = [0; 2];
    for _ in 0..200 {
        let (_, answer) = world.release(sql).await;
        for (column, held) in held.iter_mut().enumerate() {
            let truth = numbers(&truth, column)[0].unwrap();
            let Some(interval) = &answer.columns[column].noise_interval else { panic!("no interval") };
            *held += u32::from(interval.low.value(0) <= truth && truth <= interval.high.value(0));
        }
    }
    assert!(held.iter().all(|h| (180..=199).contains(h)), "about 190 of 200: {held:?}");
}

#[tokio::test]
async fn rolled_up_statistics_are_those_of_all_rows() {
    let all = few(300);
    let world = World::new(&all, 1, ZeroNoise).await;
    let (_, answer) =
        world.release("SELECT segment, STDDEV_POP(spend) AS sd FROM orders GROUP BY ROLLUP (segment)").await;
    let (_, whole) = world.release("SELECT STDDEV_POP(spend) AS sd FROM orders").await;
    let total = (0..5).find(|&i| answer.batch.column(0).is_null(i)).unwrap();
    assert!(near(numbers(&answer, 1)[total], numbers(&whole, 0)[0].unwrap()));
}

/// The value with the rank that a quantile asks for.
fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

#[tokio::test]
async fn quantiles_without_noise_are_plain_ones_to_within_a_step() {
    let all = few(400);
    let world = World::new(&all, 2, ZeroNoise).await;
    let sql = "SELECT segment, MEDIAN(spend) AS m, PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY spend) AS p, \
        APPROX_PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY spend DESC) AS low, APPROX_PERCENTILE_CONT(spend, 0.25) AS q, \
        MIN(spend) AS least, MAX(spend) AS most, MEDIAN(CAST(floor(spend) AS BIGINT)) AS whole, \
        MEDIAN(CASE WHEN spend < 50 THEN spend END) AS below FROM orders GROUP BY segment";
    let explained = world.price(sql).await.explain();
    // One histogram of spend, one of whole spends, one of those below 50; each has three levels or two.
    assert_eq!(explained.mechanisms.len(), 3 + 2 + 3, "{:?}", explained.certificate);
    assert!(explained.columns[1].accuracy.contains("ranks"), "{}", explained.columns[1].accuracy);
    assert!(explained.releases[0].warnings.iter().any(|w| w.contains("extreme")));
    let (_, answer) = world.release(sql).await;
    for (row, segment) in ["new", "loyal", "lapsed"].iter().enumerate() {
        let x: Vec<f64> = all.iter().filter(|o| o.segment == *segment).filter_map(|o| o.spend).collect();
        let under: Vec<f64> = x.iter().copied().filter(|v| *v < 50.0).collect();
        let whole: Vec<f64> = x.iter().map(|v| v.trunc()).collect();
        let truth = [
            quantile(&x, 0.5),
            quantile(&x, 0.9),
            quantile(&x, 0.1),
            quantile(&x, 0.25),
            quantile(&x, 0.005),
            quantile(&x, 0.995),
            quantile(&whole, 0.5),
            quantile(&under, 0.5),
        ];
        for (column, truth) in truth.into_iter().enumerate() {
            let value = numbers(&answer, column + 1)[row];
            // A rank more or less may be as far away as the next value.
            assert!(value.is_some_and(|v| (v - truth).abs() < 2.5), "{segment} {column}: {value:?} is not {truth}");
        }
    }
    assert!(numbers(&answer, 1)[3].is_none(), "nobody has no median");
}

#[tokio::test]
async fn intervals_of_quantiles_hold_the_exact_ones() {
    let all = few(900);
    let x: Vec<f64> = all.iter().filter_map(|o| o.spend).collect();
    let world = World::new(&all, 1, SeededNoise { seed: 12 }).await;
    let mut held = 0;
    for _ in 0..100 {
        let (_, answer) = world.release("SELECT MEDIAN(spend) AS m FROM orders").await;
        let Some(interval) = &answer.columns[0].noise_interval else { panic!("no interval") };
        let (low, high) = (interval.low.value(0), interval.high.value(0));
        let truth = quantile(&x, 0.5);
        assert!(high - low < 60.0, "the interval says something: {low} to {high}");
        held += u32::from(low - 0.1 <= truth && truth <= high + 0.1);
    }
    assert!(held >= 88, "{held} of 100");
}

#[tokio::test]
async fn quantiles_of_groups_found_in_the_data() {
    let all = few(900);
    let world = World::new(&all, 2, ZeroNoise).await;
    let (_, answer) = world.release("SELECT city, COUNT(*) AS n, MEDIAN(spend) AS m FROM orders GROUP BY city").await;
    let cities = answer.batch.column(0).as_string::<i32>();
    assert!(cities.len() > 2);
    for (row, city) in cities.iter().enumerate() {
        let x: Vec<f64> = all.iter().filter(|o| Some(o.city.as_str()) == city).filter_map(|o| o.spend).collect();
        let value = numbers(&answer, 2)[row].unwrap();
        assert!((value - quantile(&x, 0.5)).abs() < 6.0, "{city:?}: {value}");
    }
    let other = answer.other.unwrap();
    assert!(other.batch.column(2).is_null(0), "what is left over has no median");
    assert!(other.noise_interval[1].is_some());
}

#[tokio::test]
async fn different_values_are_counted() {
    let all = few(900);
    let world = World::new(&all, 2, ZeroNoise).await;
    let sql = "SELECT segment, COUNT(DISTINCT city) AS cities, COUNT(DISTINCT city) FILTER (WHERE spend > 99.9) AS few \
        FROM orders GROUP BY segment";
    let (_, answer) = world.release(sql).await;
    for (row, segment) in ["new", "loyal", "lapsed", "press"].iter().enumerate() {
        let count = |keep: &dyn Fn(&Order) -> bool| {
            let kept = all.iter().filter(|o| o.segment == *segment && keep(o)).map(|o| o.city.as_str());
            kept.collect::<std::collections::BTreeSet<_>>().len() as f64
        };
        assert_eq!(numbers(&answer, 1)[row], Some(count(&|_| true)));
        assert_eq!(numbers(&answer, 2)[row], Some(count(&|o| o.spend.is_some_and(|s| s > 99.9))));
    }
    assert!(answer.columns[1].noise_interval.is_some());
    let rolled = "SELECT segment, COUNT(DISTINCT city) AS cities FROM orders GROUP BY ROLLUP (segment)";
    assert_eq!(world.price(rolled).await.explain().releases.len(), 2, "cities of two segments are not twice as many");
    let narrower = "SELECT COUNT(DISTINCT city, contribution_bounds_per_group => (0, 1)) AS n FROM orders";
    let sigma = async |sql: &str| world.price(sql).await.explain().mechanisms[0].sigma;
    let ratio = sigma("SELECT COUNT(DISTINCT city) AS n FROM orders").await / sigma(narrower).await;
    assert!((ratio - 5.0).abs() < 0.01, "one value each instead of five: {ratio}");
}
