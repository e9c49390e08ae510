//! Privacy losses on a lattice: low + i·step with probability `mass[i]` under P, and infinite loss with the rest.
//!
//! Only the loss's distribution under P is needed, since δ(ε) = E\[(1 − e^(ε − L))₊\], and that grows with L: raising an
//! atom's loss is an error against the spender. So tails are cut upwards: the lower one to the lowest atom kept, the
//! upper one to infinity. An atom of mass p at loss l between two lattice points is split so that both P-mass p and
//! Q-mass p·e^(−l) are kept. Merging the two parts gives the atom back, so by post-processing the split pair dominates
//! (the "connect the dots" of Doroshenko, Ghazi, Kamath, Kumar and Manurangsi 2022).

use crate::normal::{ln_discrete_tail, ln_total};

/// Most atoms that are kept: a wider distribution gets a coarser lattice. One step is then below 1/60 of a standard
/// deviation, and what splitting adds to the variance below 1e-4 of it.
const MAX_ATOMS: f64 = 2048.0;
/// Unit roundoff, doubled.
const ROUNDOFF: f64 = f64::EPSILON;

pub(super) struct Lattice {
    low: f64,
    step: f64,
    mass: Vec<f64>,
    infinite: f64,
    /// Relative error of masses, to first order.
    error: f64,
}

impl Lattice {
    /// No loss.
    pub(super) fn nothing() -> Self {
        Self { low: 0.0, step: f64::INFINITY, mass: vec![1.0], infinite: 0.0, error: 0.0 }
    }

    /// Randomised response: loss ±ε, +ε with probability e^ε/(1 + e^ε).
    pub(super) fn response(epsilon: f64) -> Self {
        let small = (-epsilon).exp();
        let mass = vec![small / (1.0 + small), 1.0 / (1.0 + small)];
        Self { low: -epsilon, step: 2.0 * epsilon, mass, infinite: 0.0, error: 8.0 * ROUNDOFF }
    }

    /// A discrete Gaussian Z of parameter σ shifted by one: loss (2Z + 1)/2σ². `cut`: how much of a tail is infinite.
    pub(super) fn unit_shift(sigma: f64, cut: f64) -> Self {
        let (two_variances, ln_mass) = (2.0 * sigma * sigma, ln_total(sigma));
        // P(Z ≥ a) ≤ exp(−a²/2σ²)
        let reach = (sigma * (-2.0 * cut.max(f64::MIN_POSITIVE).ln()).sqrt()).ceil() as i64 + 1;
        let weight = |z: i64| (-(z as f64).powi(2) / two_variances - ln_mass).exp();
        let mut mass: Vec<f64> = (-reach..=reach).map(weight).collect();
        let tail = ln_discrete_tail(reach + 1, sigma).exp();
        if let Some(lowest) = mass.first_mut() {
            *lowest += tail;
        }
        let low = (1.0 - 2.0 * reach as f64) / two_variances;
        // The exponent is below 1500, so its rounding is the larger part of the error.
        Self { low, step: 2.0 / two_variances, mass, infinite: tail, error: 4000.0 * ROUNDOFF }
    }

    /// The sum of two independent losses, tails of mass at most `cut` each cut.
    pub(super) fn compose(&self, other: &Self, cut: f64) -> Self {
        let range = self.width() + other.width();
        let step = self.step.min(other.step).max(range / MAX_ATOMS);
        let (a, b) = (self.on(step), other.on(step));
        let mut mass = vec![0.0; a.mass.len() + b.mass.len() - 1];
        for (i, p) in a.mass.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            for (sum, q) in mass.iter_mut().skip(i).zip(&b.mass) {
                *sum += p * q;
            }
        }
        // A sum of n products of numbers ≥ 0 has a relative error of at most n + 1 roundings.
        let terms = a.mass.len().min(b.mass.len()) as f64 + 2.0;
        let error = (a.error + b.error) * (1.0 + a.error) + terms * ROUNDOFF;
        let infinite = (a.infinite + b.infinite) * (1.0 + 4.0 * ROUNDOFF);
        Self { low: a.low + b.low, step, mass, infinite, error }.cut(cut)
    }

    /// The loss of `count` ≥ 1 uses, by squaring.
    pub(super) fn power(self, count: u64, cut: f64) -> Self {
        let (mut square, mut left) = (self, count);
        let mut product: Option<Self> = None;
        loop {
            if left & 1 == 1 {
                product = Some(match product {
                    Some(p) => p.compose(&square, cut),
                    None => square.copy(),
                });
            }
            left >>= 1;
            if left == 0 {
                return product.unwrap_or_else(Self::nothing);
            }
            square = square.compose(&square, cut);
        }
    }

    /// E\[f(L)\] for an f between 0 and 1 that grows with the loss, infinite loss counting 1; rounded up.
    pub(super) fn expect(&self, f: impl Fn(f64) -> f64) -> f64 {
        let atoms = self.mass.iter().enumerate().map(|(i, p)| p * f(self.at(i)));
        let roundings = (self.mass.len() + 2) as f64 * ROUNDOFF;
        (atoms.sum::<f64>() + self.infinite) * (1.0 + 2.0 * (self.error + roundings))
    }

    /// By how much the loss of an atom may be off by rounding.
    pub(super) fn position_error(&self) -> f64 {
        1e-12 * (self.low.abs() + self.width())
    }

    fn at(&self, index: usize) -> f64 {
        if index == 0 { self.low } else { self.low + index as f64 * self.step }
    }

    fn width(&self) -> f64 {
        self.at(self.mass.len() - 1) - self.low
    }

    fn copy(&self) -> Self {
        let Self { low, step, infinite, error, .. } = *self;
        Self { low, step, mass: self.mass.clone(), infinite, error }
    }

    /// The same loss on a lattice with the given step from the same lowest point.
    fn on(&self, step: f64) -> Self {
        if step == self.step || self.mass.len() == 1 {
            return Self { step, ..self.copy() };
        }
        let mut mass = vec![0.0; (self.width() / step).ceil() as usize + 2];
        for (i, p) in self.mass.iter().enumerate() {
            let distance = self.at(i) - self.low;
            let below = (distance / step).floor();
            let rest = (distance - below * step).clamp(0.0, step);
            let above = p * (-rest).exp_m1() / (-step).exp_m1();
            let slot = below as usize;
            if let Some(m) = mass.get_mut(slot) {
                *m += p - above;
            }
            if let Some(m) = mass.get_mut(slot + 1) {
                *m += above;
            }
        }
        while mass.len() > 1 && mass.last() == Some(&0.0) {
            mass.pop();
        }
        // At most step ÷ old step atoms meet in a slot; half as many again for the split itself.
        let meeting = (step / self.step).max(1.0).min(self.mass.len() as f64);
        Self {
            low: self.low,
            step,
            mass,
            infinite: self.infinite,
            error: self.error + (2.0 * meeting + 8.0) * ROUNDOFF,
        }
    }

    /// Cuts as much as `cut` off each tail.
    fn cut(mut self, cut: f64) -> Self {
        let mut upper = 0.0;
        while self.mass.len() > 1
            && let Some(&last) = self.mass.last()
            && upper + last <= cut
        {
            upper += last;
            self.mass.pop();
        }
        self.infinite += upper * (1.0 + 2.0 * self.error + self.mass.len() as f64 * ROUNDOFF);
        let (mut lower, mut first) = (0.0, 0);
        while first + 1 < self.mass.len()
            && let Some(&p) = self.mass.get(first)
            && lower + p <= cut
        {
            lower += p;
            first += 1;
        }
        self.low = self.at(first);
        self.mass.drain(..first);
        if let Some(lowest) = self.mass.first_mut() {
            *lowest += lower;
        }
        self
    }
}
