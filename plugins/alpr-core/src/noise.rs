//! Chance for the tests that simulate what cameras, detectors and readers do.

/// Numbers that look random and are the same on every run: a linear congruential generator, of which the upper bits are used.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    /// Uniform in 0 to 1, 1 excluded.
    pub(crate) fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Roughly normal with deviation 1.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    /// A whole number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f32) as usize).min(n - 1)
    }

    /// Whether what has the probability `p` happens.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.uniform() < p
    }
}
