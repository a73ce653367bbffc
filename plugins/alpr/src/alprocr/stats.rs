//! What the element counts.

/// Counters since the element went to PAUSED. Every plate that was detected (`plates` less `predicted`) is one of
/// `crops`, `too_small`, `not_due`, `beyond_budget`, `skipped_late` and `bad_plates`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames that came in.
    pub frames: u64,
    /// Plates on them.
    pub plates: u64,
    /// Plates whose place is only predicted; they are not read.
    pub predicted: u64,
    /// Plates less high than wanted.
    pub too_small: u64,
    /// Plates whose track needs no reading now.
    pub not_due: u64,
    /// Plates left out because the frame's budget was used up.
    pub beyond_budget: u64,
    /// Plates left out because a sink reported that such frames come too late.
    pub skipped_late: u64,
    /// Plates on frames whose picture could not be read.
    pub bad_plates: u64,
    /// Crops that were read, each in all its views.
    pub crops: u64,
    /// Readings with at least one character.
    pub reads: u64,
    /// Time spent on them, with cutting and decoding, in nanoseconds.
    pub read_time: u64,
    /// Tracks that ended.
    pub passes: u64,
    /// Readings of those tracks together: divided by `passes`, the reads per pass.
    pub pass_reads: u64,
    /// Tracks that ended without any reading.
    pub passes_unread: u64,
    /// Tracks whose text was sure when they ended.
    pub passes_sure: u64,
}

impl Stats {
    pub(super) fn to_structure(self) -> gst::Structure {
        gst::Structure::builder("application/x-alprocr-stats")
            .field("frames", self.frames)
            .field("plates", self.plates)
            .field("predicted", self.predicted)
            .field("too-small", self.too_small)
            .field("not-due", self.not_due)
            .field("beyond-budget", self.beyond_budget)
            .field("skipped-late", self.skipped_late)
            .field("bad-plates", self.bad_plates)
            .field("crops", self.crops)
            .field("reads", self.reads)
            .field("read-time", self.read_time)
            .field("passes", self.passes)
            .field("pass-reads", self.pass_reads)
            .field("passes-unread", self.passes_unread)
            .field("passes-sure", self.passes_sure)
            .build()
    }
}
