//! Whether a model is what its contract says, as its runs show it.

/// What the runs of one model have shown so far. A wrong setting shows in each of them; one strange run is a network's own
/// fault, and what was right once stays right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    doubts: u32,
    proven: bool,
}

impl Trust {
    /// So many strange runs before the first good one tell a wrong setting.
    pub const PATIENCE: u32 = 10;

    /// Whether there was a good run.
    pub(crate) const fn is_proven(&self) -> bool {
        self.proven
    }

    /// Counts a good run.
    pub(crate) const fn prove(&mut self) {
        self.proven = true;
    }

    /// Counts a strange run; whether it tells a wrong setting.
    pub(crate) const fn doubt(&mut self) -> bool {
        self.doubts = self.doubts.saturating_add(1);
        !self.proven && self.doubts >= Self::PATIENCE
    }
}
