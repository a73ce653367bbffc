//! How fast frames come, in capture time.

use std::time::Duration;

use crate::time::Timestamp;

/// Frame intervals without a sight that a pass survives at low frame rates.
const TIMEOUT_FRAMES: u32 = 10;

/// Longest frame interval that counts: a gap in the stream is no frame rate.
const LONGEST: Duration = Duration::from_secs(1);

/// Frame interval from which on a vehicle may be seen in one frame alone.
const SPARSE: Duration = Duration::from_millis(250);

/// The frame rate of one stream, as a moving average.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    interval: Duration,
    /// Capture time of the first and of the latest frame.
    span: Option<(Timestamp, Timestamp)>,
    /// Whether the latest frame is the only one.
    is_first: bool,
    is_over: bool,
}

impl Pace {
    /// A frame came at `time`.
    pub(super) fn go(&mut self, time: Timestamp) {
        self.is_first = self.span.is_none() && self.interval.is_zero();
        self.is_over = false;
        let (first, last) = self.span.unwrap_or((time, time));
        let step = time.since(last).min(LONGEST);
        if !step.is_zero() {
            self.interval = if self.interval.is_zero() { step } else { (self.interval * 7 + step) / 8 };
        }
        self.span = Some((first, time));
    }

    /// No frame comes any more.
    pub(super) const fn end(&mut self) {
        self.is_over = true;
    }

    /// The stream was cut: what comes next is its first frame. The frame rate is still that of the camera.
    pub(super) const fn restart(&mut self) {
        self.span = None;
    }

    /// Time from the first frame to the latest.
    pub(super) fn age(&self) -> Duration {
        self.span.map_or(Duration::ZERO, |(first, last)| last.since(first))
    }

    /// How long a pass lives on without a sight, where frames come seldom.
    pub(super) fn patience(&self) -> Duration {
        self.interval * TIMEOUT_FRAMES
    }

    /// Whether the stream is over and was a single frame, or streams of one frame each followed one another: photographs.
    pub(super) const fn is_one_picture(&self) -> bool {
        self.is_first && self.is_over
    }

    /// Whether frames are so far apart that a vehicle may be in one alone.
    pub(super) fn is_sparse(&self) -> bool {
        self.interval >= SPARSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(milliseconds * 1_000_000)
    }

    #[test]
    fn follows_the_frame_rate() {
        let mut pace = Pace::default();
        assert_eq!((pace.patience(), pace.is_sparse(), pace.age()), (Duration::ZERO, false, Duration::ZERO));
        (0..20).for_each(|frame| pace.go(at(frame * 40)));
        assert_eq!((pace.patience(), pace.is_sparse()), (Duration::from_millis(400), false));
        assert_eq!(pace.age(), Duration::from_millis(760));
        (0..60).for_each(|frame| pace.go(at(1000 + frame * 500)));
        assert!(pace.is_sparse(), "two frames a second: {pace:?}");
    }

    #[test]
    fn a_frame_without_another_is_one_picture() {
        let is_one = |mut pace: Pace| {
            pace.end();
            pace.is_one_picture()
        };
        let mut pace = Pace::default();
        assert!(!is_one(pace));
        pace.go(at(0));
        assert!(is_one(pace));
        assert!(!pace.is_one_picture(), "another may come");
        pace.restart();
        pace.go(at(0));
        assert!(is_one(pace), "as every picture of a series may be");
        pace.go(at(0));
        assert!(!is_one(pace), "frames without times are a stream as well");
        pace.go(at(40));
        pace.restart();
        pace.go(at(80));
        assert!(!is_one(pace), "a stream that was cut is still a stream");
    }

    #[test]
    fn a_gap_is_no_frame_rate() {
        let mut pace = Pace::default();
        (0..20).for_each(|frame| pace.go(at(frame * 40)));
        pace.go(at(3_600_000));
        assert!(!pace.is_sparse(), "{pace:?}");
        pace.restart();
        pace.go(at(3_600_040));
        assert_eq!(pace.age(), Duration::ZERO);
    }
}
