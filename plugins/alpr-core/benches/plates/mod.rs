//! Plates for the benchmarks.

/// A small generator of numbers that are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    /// Three letters and four digits.
    pub(crate) fn plate(&mut self) -> String {
        let mut text: String = (0..3).map(|_| char::from(b'A' + self.below(26) as u8)).collect();
        text.extend((0..4).map(|_| char::from(b'0' + self.below(10) as u8)));
        text
    }
}
