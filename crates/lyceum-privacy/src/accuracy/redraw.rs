//! Intervals by simulation, for expressions that have no closed form: recompute them around fresh noise and take
//! quantiles. This is post-processing of released values: the stream is public, repeatable and costs nothing.

use super::Interval;

/// Standard normal draws addressed by (replicate, cell): the same seed gives the same draws on every machine, in any
/// order. A counter goes through the finaliser of SplitMix64 (Steele, Lea and Flood 2014), then Box and Muller (1958).
/// Never a source of private noise.
#[derive(Debug, Clone, Copy)]
pub struct GaussianRedraw {
    seed: u64,
}

impl GaussianRedraw {
    /// A stream. The seed may be public (an answer's id, say).
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A standard normal draw.
    #[must_use]
    pub fn normal(&self, replicate: u32, cell: u64) -> f64 {
        let radius = (-2.0 * self.draw(replicate, cell, 0).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.draw(replicate, cell, 1)).cos()
    }

    /// A uniform draw from (0, 1), independent of [`Self::normal`].
    #[must_use]
    pub fn uniform(&self, replicate: u32, cell: u64) -> f64 {
        self.draw(replicate, cell, 2)
    }

    fn draw(&self, replicate: u32, cell: u64, part: u64) -> f64 {
        let mut state = mix(self.seed);
        for word in [u64::from(replicate), cell, part] {
            state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ mix(word));
        }
        // 53 bits, moved off 0 by half a step.
        ((state >> 11) as f64 + 0.5) * f64::powi(2.0, -53)
    }
}

const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The central interval that holds `confidence` of the redraws, ends rounded outwards to the next redraw. Sorts the
/// slice. NULL results are passed as NaN and may lie on either side. `None` when there are too few redraws, or too
/// many NULLs, for ends to exist.
#[must_use]
pub fn quantile_interval(redraws: &mut [f64], confidence: f64) -> Option<Interval> {
    redraws.sort_unstable_by(f64::total_cmp);
    // Total order puts NaN at the ends, by sign: count and skip them.
    let defined: &[f64] = {
        let start = redraws.iter().take_while(|v| v.is_nan()).count();
        let end = redraws.len() - redraws.iter().rev().take_while(|v| v.is_nan()).count();
        redraws.get(start..end)?
    };
    let undefined = redraws.len() - defined.len();
    let outside = ((1.0 - confidence) / 2.0 * redraws.len() as f64).floor();
    if outside.is_nan() || outside < 1.0 {
        return None;
    }
    // Each undefined redraw might have been the lowest and might have been the highest.
    let skip = (outside as usize).checked_sub(undefined + 1)?;
    let low = *defined.get(skip)?;
    let high = *defined.get(defined.len().checked_sub(skip + 1)?)?;
    (low <= high && low.is_finite() && high.is_finite()).then_some(Interval { low, high })
}
