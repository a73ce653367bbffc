//! What the detector thinks of one pass.

/// The scores of all detections of a pass. Some producers give none: a score that is not above 0 says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scores {
    best: f32,
    sum: f32,
    count: u32,
}

impl Scores {
    /// Takes in the score of one detection.
    pub(super) fn add(&mut self, score: f32) {
        if score > 0.0 {
            self.join(Self { best: score, sum: score, count: 1 });
        }
    }

    /// Takes in the scores of another track of the same vehicle.
    pub(super) fn join(&mut self, later: Self) {
        self.best = self.best.max(later.best);
        self.sum += later.sum;
        self.count = self.count.saturating_add(later.count);
    }

    /// The best one; `None` where there are none.
    pub(super) fn best(&self) -> Option<f32> {
        (self.count > 0).then_some(self.best)
    }

    /// Their mean; 0 where there are none.
    pub(super) fn mean(&self) -> f32 {
        self.sum / self.count.max(1) as f32
    }
}
