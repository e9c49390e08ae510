//! The ledger's currency: ρ of zero-concentrated differential privacy (Bun and Steinke, 2016) in integer
//! multiples of 1e-12, and δ of key selections in integer multiples of 1e-18. Conversions round against the spender.

use serde::{Deserialize, Serialize};

/// ρ in units of 1e-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rho(pub u64);

/// δ in units of 1e-18 (so that 1 fits a `u64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delta(pub u64);

/// What a charge costs or an account may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Privacy loss of the noisy sums.
    pub rho: Rho,
    /// Probability spent on showing undeclared keys.
    pub delta: Delta,
}

macro_rules! unit {
    ($name:ident, $per_one:expr, $what:literal) => {
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            #[doc = concat!("Converts ", $what, " rounding up (for prices). Saturates; NaN and negatives give the maximum.")]
            #[must_use]
            pub fn round_up(value: f64) -> Self {
                let scaled = (value * $per_one).ceil();
                if scaled >= 0.0 && scaled < u64::MAX as f64 { Self(scaled as u64) } else { Self(u64::MAX) }
            }

            #[doc = concat!("Converts ", $what, " rounding down (for caps). NaN and negatives give zero.")]
            #[must_use]
            pub fn round_down(value: f64) -> Self {
                let scaled = (value * $per_one).floor();
                if scaled > 0.0 { Self(if scaled < u64::MAX as f64 { scaled as u64 } else { u64::MAX }) } else { Self(0) }
            }

            /// As a plain number.
            #[must_use]
            pub fn as_f64(self) -> f64 {
                self.0 as f64 / $per_one
            }

            /// Sum, or `None` on overflow.
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(v) => Some(Self(v)),
                    None => None,
                }
            }

            /// Difference, at least zero.
            #[must_use]
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
    };
}
unit!(Rho, 1e12, "ρ");
unit!(Delta, 1e18, "δ");

impl Budget {
    /// Nothing.
    pub const ZERO: Self = Self { rho: Rho::ZERO, delta: Delta::ZERO };

    /// Sum, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match (self.rho.checked_add(other.rho), self.delta.checked_add(other.delta)) {
            (Some(rho), Some(delta)) => Some(Self { rho, delta }),
            _ => None,
        }
    }

    /// Whether both parts fit into `cap`: the test of the (fully adaptive) zCDP filter.
    #[must_use]
    pub const fn fits(self, cap: Self) -> bool {
        self.rho.0 <= cap.rho.0 && self.delta.0 <= cap.delta.0
    }

    /// What is left of `cap`, at least zero in each part.
    #[must_use]
    pub const fn left_of(self, cap: Self) -> Self {
        Self { rho: cap.rho.saturating_sub(self.rho), delta: cap.delta.saturating_sub(self.delta) }
    }
}
