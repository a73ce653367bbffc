//! How a track can end: in exactly one of these, always.

/// The one named end of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It gave an event.
    Event,
    /// The plate gave an event within the time window already.
    Duplicate,
    /// It was joined to an earlier track of the same vehicle, whose outcome counts.
    Stitched,
    /// Not one reading gave a text.
    NoRead,
    /// Too few readings agree.
    TooFewReads,
    /// The text is not probable enough.
    LowConfidence,
    /// The text is too short or too long for a plate.
    Format,
    /// The text has no format of the wanted regions, and these are rejected.
    UnknownRegion,
    /// The detector was never sure that this is a plate.
    WeakDetection,
    /// It is painted on a vehicle: much larger than the plate below it, and far above it.
    Lettering,
    /// All good readings come from frames where the picture's edge cuts the plate.
    HalfSeen,
    /// It never moved: a sign, a text on the screen, a parked vehicle.
    Static,
    /// It was masked out, or missed the zones and lines that events are wanted from.
    Zone,
    /// The event was ready and downstream refused it.
    NotDelivered,
    /// A flush or a stop cut the track short.
    Interrupted,
}

impl Outcome {
    /// All outcomes, in the order of the counters.
    pub const ALL: [Self; 15] = [
        Self::Event,
        Self::Duplicate,
        Self::Stitched,
        Self::NoRead,
        Self::TooFewReads,
        Self::LowConfidence,
        Self::Format,
        Self::UnknownRegion,
        Self::WeakDetection,
        Self::Lettering,
        Self::HalfSeen,
        Self::Static,
        Self::Zone,
        Self::NotDelivered,
        Self::Interrupted,
    ];

    /// The word used in statistics, messages and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Duplicate => "duplicate-of",
            Self::Stitched => "stitched",
            Self::NoRead => "no-read",
            Self::TooFewReads => "too-few-reads",
            Self::LowConfidence => "low-confidence",
            Self::Format => "format",
            Self::UnknownRegion => "unknown-region",
            Self::WeakDetection => "weak-detection",
            Self::Lettering => "lettering",
            Self::HalfSeen => "half-seen",
            Self::Static => "static",
            Self::Zone => "suppressed-by-zone",
            Self::NotDelivered => "not-delivered",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Counts of tracks and of their ends. `tracks()` is always the sum of all outcomes plus the tracks still in view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    tracks: u64,
    ends: [u64; Outcome::ALL.len()],
}

impl Tally {
    pub(super) fn began(&mut self) {
        self.tracks += 1;
    }

    pub(super) fn ended(&mut self, outcome: Outcome) {
        self.ends[outcome as usize] += 1;
    }

    /// A track that was counted under `from` was `to`.
    pub(super) fn take_back(&mut self, from: Outcome, to: Outcome) {
        self.ends[from as usize] = self.ends[from as usize].saturating_sub(1);
        self.ends[to as usize] += 1;
    }

    /// Adds the counts of another camera.
    pub(super) fn join(&mut self, other: &Self) {
        self.tracks += other.tracks;
        self.ends.iter_mut().zip(other.ends).for_each(|(own, other)| *own += other);
    }

    /// Tracks that began.
    pub const fn tracks(&self) -> u64 {
        self.tracks
    }

    /// Tracks that ended in `outcome`.
    pub const fn of(&self, outcome: Outcome) -> u64 {
        self.ends[outcome as usize]
    }

    /// Tracks that ended.
    pub fn ends(&self) -> u64 {
        self.ends.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_name_and_counter() {
        let mut tally = Tally::default();
        let mut names = std::collections::BTreeSet::new();
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index, "{outcome:?} is out of order in ALL");
            assert!(names.insert(outcome.name()), "{} twice", outcome.name());
            tally.ended(outcome);
            assert_eq!(tally.of(outcome), 1);
        }
        assert_eq!(tally.ends(), Outcome::ALL.len() as u64);
    }
}
