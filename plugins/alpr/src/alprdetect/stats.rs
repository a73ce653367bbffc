//! Counters of `alprdetect`.

use alpr_core::track::TrackerStats;

/// Counters since the element went to PAUSED. Every frame is one of `searched`, `skipped_interval`, `skipped_late`
/// and `bad_frames`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames that came in.
    pub frames: u64,
    /// Frames that were searched.
    pub searched: u64,
    /// Frames left out by `interval`.
    pub skipped_interval: u64,
    /// Frames left out because a sink reported that such frames come too late.
    pub skipped_late: u64,
    /// Frames whose picture could not be read.
    pub bad_frames: u64,
    /// Frames that show something else than the one before.
    pub cuts: u64,
    /// Runs of the network.
    pub inferences: u64,
    /// Time spent on them, with scaling and decoding, in nanoseconds.
    pub inference_time: u64,
    /// Plates found that have a wanted size.
    pub detections: u64,
    /// Plates found that are too small or too large.
    pub unwanted_size: u64,
    /// Counters of the tracker.
    pub tracker: TrackerStats,
}

impl Stats {
    pub(super) fn to_structure(self) -> gst::Structure {
        gst::Structure::builder("application/x-alprdetect-stats")
            .field("frames", self.frames)
            .field("searched", self.searched)
            .field("skipped-interval", self.skipped_interval)
            .field("skipped-late", self.skipped_late)
            .field("bad-frames", self.bad_frames)
            .field("cuts", self.cuts)
            .field("inferences", self.inferences)
            .field("inference-time", self.inference_time)
            .field("detections", self.detections)
            .field("unwanted-size", self.unwanted_size)
            .field("tracks-started", self.tracker.born)
            .field("tracks-ended", self.tracker.ended)
            .field("detections-weak", self.tracker.weak)
            .field("detections-duplicate", self.tracker.duplicate)
            .field("detections-beyond-limit", self.tracker.full)
            .build()
    }
}
