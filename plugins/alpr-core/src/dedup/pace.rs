//! How fast frames come, in capture time.

use std::time::Duration;

use crate::time::Timestamp;

/// Frame intervals without a sight that a pass survives at low frame rates.
const TIMEOUT_FRAMES: u32 = 10;

/// Longest frame interval that counts: a gap in the stream is no frame rate.
const LONGEST: Duration = Duration::from_secs(1);

/// Frame interval from which on a vehicle may be seen in one frame alone.
const SPARSE: Duration = Duration::from_millis(250);

/// Most frames of what a camera takes of one vehicle that it was triggered by; what is longer is a film.
const MOST_PICTURES: u32 = 3;

/// After so many pictures in a row that were one frame each, the next one will be as well.
const ENOUGH: u32 = 3;

/// The frame rate of one stream, as a moving average, and whether it is a film or pictures that follow one another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    interval: Duration,
    /// Capture time of the latest frame.
    last: Option<Timestamp>,
    /// Time since the first frame: the sum of all steps, for a clock may be set back.
    age: Duration,
    /// Frames since the stream began or was cut.
    frames: u32,
    /// Whether what was before the latest cut was a film; `None` where nothing was.
    was_film: Option<bool>,
    /// Cuts in a row that came after one frame each.
    single: u32,
    end: Option<End>,
}

/// Why no frame comes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The stream is over.
    Stream,
    /// The next frame shows something else.
    Cut,
}

impl Pace {
    /// A frame came at `time`.
    pub(super) fn go(&mut self, time: Timestamp) {
        self.frames = self.frames.saturating_add(1);
        self.end = None;
        let passed = self.last.map_or(Duration::ZERO, |last| time.since(last));
        self.age = self.age.saturating_add(passed);
        let step = passed.min(LONGEST);
        if !step.is_zero() {
            self.interval = if self.interval.is_zero() { step } else { (self.interval * 7 + step) / 8 };
        }
        self.last = Some(time);
    }

    /// No frame comes any more.
    pub(super) const fn end(&mut self, end: End) {
        self.end = Some(end);
    }

    /// The stream was cut: what comes next is its first frame. The frame rate is still that of the camera.
    pub(super) fn restart(&mut self) {
        if self.frames > 0 {
            self.single = if self.frames == 1 { self.single.saturating_add(1) } else { 0 };
            // what a flush or a seek broke off may have gone on
            self.was_film = Some(self.frames > if self.end.is_some() { MOST_PICTURES } else { 1 });
        }
        self.last = None;
        self.age = Duration::ZERO;
        self.frames = 0;
    }

    /// Time from the first frame to the latest.
    pub(super) const fn age(&self) -> Duration {
        self.age
    }

    /// How long a pass lives on without a sight, where frames come seldom.
    pub(super) fn patience(&self) -> Duration {
        self.interval * TIMEOUT_FRAMES
    }

    /// Whether what ends now is no film: one frame, or a few of one vehicle, and what was before was no film either. A stream
    /// of a few frames that nothing follows is a film.
    pub(super) fn is_picture(&self) -> bool {
        let most = match (self.end, self.was_film) {
            (None, _) | (_, Some(true)) => 0,
            (Some(End::Stream), None) => 1,
            (Some(End::Cut), None) | (_, Some(false)) => MOST_PICTURES,
        };
        (1..=most).contains(&self.frames)
    }

    /// Whether the frame at hand is most probably all there will be of what it shows.
    pub(super) const fn is_alone(&self) -> bool {
        self.frames == 1 && self.single >= ENOUGH
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

    /// Whether frames of these numbers, each ended so, are pictures.
    fn pictures(all: &[(u32, End)]) -> Vec<bool> {
        let mut pace = Pace::default();
        let mut time = 0;
        let mut is_picture = |frames: u32, end: End| {
            for _ in 0..frames {
                pace.go(at(time));
                time += 40;
            }
            assert!(!pace.is_picture(), "another may come");
            pace.end(end);
            let is_picture = pace.is_picture();
            pace.restart();
            is_picture
        };
        all.iter().map(|(frames, end)| is_picture(*frames, *end)).collect()
    }

    #[test]
    fn what_is_cut_off_after_a_few_frames_is_a_picture() {
        assert_eq!(pictures(&[(1, End::Stream), (1, End::Stream)]), [true, true], "files of one picture each");
        assert_eq!(pictures(&[(2, End::Stream)]), [false], "a short film");
        assert_eq!(pictures(&[(0, End::Stream)]), [false]);
        assert_eq!(pictures(&[(1, End::Cut), (1, End::Cut), (1, End::Stream)]), [true; 3]);
        assert_eq!(pictures(&[(3, End::Cut), (2, End::Cut), (3, End::Stream)]), [true; 3], "several of each vehicle");
        assert_eq!(pictures(&[(4, End::Cut), (1, End::Cut), (1, End::Cut)]), [false, false, true], "a film before");
        assert_eq!(pictures(&[(40, End::Cut), (40, End::Cut)]), [false; 2], "cameras that take turns");
    }

    #[test]
    fn a_film_that_was_cut_is_still_a_film() {
        let mut pace = Pace::default();
        (0..2).for_each(|frame| pace.go(at(frame * 40)));
        pace.restart();
        pace.go(at(80));
        pace.end(End::Stream);
        assert!(!pace.is_picture());
    }

    #[test]
    fn pictures_that_were_all_alone_go_on_so() {
        let mut pace = Pace::default();
        let mut alone = Vec::new();
        for frame in 0..6 {
            pace.go(at(frame * 1000));
            alone.push(pace.is_alone());
            pace.end(End::Cut);
            pace.restart();
        }
        assert_eq!(alone, [false, false, false, true, true, true]);
        pace.go(at(6000));
        pace.go(at(6040));
        assert!(!pace.is_alone());
        pace.end(End::Cut);
        pace.restart();
        pace.go(at(7000));
        assert!(!pace.is_alone(), "the one before was not");
    }

    #[test]
    fn a_clock_that_is_set_back_begins_nothing() {
        let mut pace = Pace::default();
        (0..20).for_each(|frame| pace.go(at(7_200_000 + frame * 40)));
        (0..20).for_each(|frame| pace.go(at(frame * 40)));
        assert_eq!(pace.age(), Duration::from_millis(2 * 760));
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
