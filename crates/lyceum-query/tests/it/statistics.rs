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
