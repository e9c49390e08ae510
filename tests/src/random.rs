//! Reproducible pseudorandom numbers for test data and test plans (SplitMix64: Steele, Lea, Flood, OOPSLA 2014).
//! Nothing private is drawn from it.

/// A stream of numbers that depends on its seed only.
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is at least 1.
    pub const fn below(&mut self, n: u64) -> u64 {
        self.bits() % n
    }

    /// True with a chance of `percent` in 100.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the values.
    pub fn pick<'a, T: ?Sized>(&mut self, values: &[&'a T]) -> &'a T {
        values[usize::try_from(self.below(values.len() as u64)).expect("an index fits")]
    }
}
