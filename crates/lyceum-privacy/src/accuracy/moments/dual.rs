//! Numbers with their gradient in six noisy moments: forward-mode differentiation for the delta method.

use std::ops::{Add, Div, Mul, Sub};

/// A value and its partial derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dual {
    pub(super) value: f64,
    gradient: [f64; 6],
}

impl Dual {
    pub(super) const fn constant(value: f64) -> Self {
        Self { value, gradient: [0.0; 6] }
    }

    pub(super) const fn one() -> Self {
        Self::constant(1.0)
    }

    /// The moment with this index (below 6).
    pub(super) fn variable(index: usize, value: f64) -> Self {
        Self { value, gradient: std::array::from_fn(|i| f64::from(u8::from(i == index))) }
    }

    pub(super) fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        Self { value: root, gradient: self.gradient.map(|g| g / (2.0 * root)) }
    }

    /// To first order, when moments have independent noise with these σ.
    pub(super) fn covariance(&self, other: &Self, sigmas: &[f64; 6]) -> f64 {
        self.gradient.iter().zip(&other.gradient).zip(sigmas).map(|((a, b), sigma)| a * b * sigma * sigma).sum()
    }

    fn combine(self, other: Self, value: f64, mine: f64, its: f64) -> Self {
        let gradient = std::array::from_fn(|i| mine * self.gradient[i] + its * other.gradient[i]);
        Self { value, gradient }
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.combine(other, self.value + other.value, 1.0, 1.0)
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.combine(other, self.value - other.value, 1.0, -1.0)
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.combine(other, self.value * other.value, other.value, self.value)
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let ratio = self.value / other.value;
        self.combine(other, ratio, 1.0 / other.value, -ratio / other.value)
    }
}
