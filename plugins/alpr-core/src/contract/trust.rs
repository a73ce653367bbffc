//! Whether a model is what its contract says, as its runs show it.

/// What the runs of one model have shown so far. A wrong setting shows in each of them; one strange run is a network's own
/// fault, and what was right once stays right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    doubts: u32,
    proven: bool,
    /// Whether there was a box of a class that must have a name, and in how many runs one of a class that can have none.
    named: bool,
    unnamed: u32,
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

    /// Counts a run by its boxes: whether one was of the class that the first name is of, and one of a class at the end of the names
    /// that can have none. Whether the runs tell that names and classes stand one place off.
    pub(crate) const fn doubt_names(&mut self, named: bool, unnamed: bool) -> bool {
        self.named |= named;
        self.unnamed = self.unnamed.saturating_add(unnamed as u32);
        !self.named && self.unnamed >= Self::PATIENCE
    }

    /// Counts a strange run; whether it tells a wrong setting.
    pub(crate) const fn doubt(&mut self) -> bool {
        self.doubts = self.doubts.saturating_add(1);
        !self.proven && self.doubts >= Self::PATIENCE
    }
}
