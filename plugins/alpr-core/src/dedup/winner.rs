//! The frame that an event is of: its capture time and its picture.

use crate::geometry::Rect;
use crate::time::{TimeSource, Timestamp};

use super::observation::{FrameInfo, Observation};

/// How much better a picture must be to replace the one that is kept: copies cost time.
const WORTH_A_COPY: f32 = 1.05;

/// The best frame so far.
#[derive(Clone, Debug)]
pub(super) struct Winner {
    pub(super) time: Timestamp,
    pub(super) time_source: TimeSource,
    pub(super) number: u64,
    pub(super) bbox: Rect,
    pub(super) quality: Option<f32>,
    /// What was read in it.
    text: String,
    score: f32,
}

impl Winner {
    /// A frame in which `text` was read; `cut`: of a plate that the picture's edge cuts.
    pub(super) fn new(frame: &FrameInfo, seen: &Observation, text: String, cut: bool) -> Self {
        let confidence = seen.reading.as_ref().map_or(1.0, |r| r.confidence);
        Self {
            time: frame.time,
            time_source: frame.time_source,
            number: frame.number,
            bbox: seen.bbox,
            quality: seen.quality,
            text,
            score: confidence * seen.quality.unwrap_or(1.0) * if cut { 0.5 } else { 1.0 },
        }
    }

    /// Whether it is to be kept in place of `old` for a pass whose text is `fused`.
    pub(super) fn beats(&self, old: &Self, fused: &str) -> bool {
        match (self.text == fused, old.text == fused) {
            (true, false) => true,
            (false, true) => false,
            _ => self.score > old.score * WORTH_A_COPY,
        }
    }
}
