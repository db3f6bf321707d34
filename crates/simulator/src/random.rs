//! Reproducible randomness: every draw follows from the given seed.

/// A `SplitMix64` generator.
///
/// It is good enough to spread faults and to fill templates with noise, and small enough to read. It is not for
/// secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that draws the same numbers for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator whose draws follow from `seed` and a text, such as a serial number.
    pub fn named(seed: u64, name: &str) -> Self {
        Self::new(seed ^ fnv1a(name.as_bytes()))
    }

    /// The next 64 bits.
    pub const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.draw();
        if bound == 0 { 0 } else { drawn % bound }
    }

    /// An index into a list of `length` entries; 0 when the list is empty.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// True in `per_mille` of 1000 draws; never for 0, always from 1000 on.
    pub const fn chance(&mut self, per_mille: u16) -> bool {
        // An impossible event makes no draw, so that switching a fault off does not change the others.
        per_mille != 0 && self.below(1000) < per_mille as u64
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.draw().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// The FNV-1a hash, for short names of payloads in test output and for seeds from texts.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_draws_the_same_numbers() {
        let mut random = Random::new(1_234_567);
        // The reference values of SplitMix64 for this seed.
        assert_eq!([random.draw(), random.draw()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn a_chance_occurs_never_always_or_about_as_often_as_given() {
        let mut random = Random::new(7);
        assert!(!(0..1000).any(|_| random.chance(0)));
        assert!((0..1000).all(|_| random.chance(1000)));
        let hits = (0..10_000).filter(|_| random.chance(100)).count();
        assert!((900..1100).contains(&hits), "{hits} of 10000 at 100 per mille");
    }
}
