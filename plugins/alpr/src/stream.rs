//! Time of frames on one stream: when they count as late, and where the stream is cut.

use std::collections::BTreeMap;
use std::time::Duration;

use alpr_core::time::Timestamp;
use glib::translate::IntoGlib;

/// Assumed where neither buffers nor caps tell: 25 frames a second.
pub(crate) const USUAL_FRAME: Duration = Duration::from_millis(40);
/// A discontinuity with a gap up to this long is a lost packet; plates are followed across it.
const MAX_LOSS: Duration = Duration::from_millis(500);
/// So is one with a gap up to this many times the last: a leaky queue before a slow element drops frames each time.
const MAX_GROWTH: u32 = 2;
/// Frames that are further apart belong together only where nothing announces a discontinuity.
const MAX_GAP: Duration = Duration::from_secs(3);
/// Late frames in a row of which one is searched all the same: a pipeline that is always late still sees plates.
const MAX_LATE: u32 = 8;
/// Frames in a row with the time of the one before from which that says nothing.
const MAX_SAME: u32 = 10;

/// Cameras of one stream whose state is kept beside that of the one at hand: more is a number that runs away.
const MAX_SOURCES: usize = 255;
/// Changes from one camera to another after which one that never had its turn counts as gone: twice as many as there may be.
const GONE: u64 = 2 * (MAX_SOURCES as u64 + 1);

/// From one frame to the next where `fps` come in a second, as caps say, where 0 is "not known".
pub(crate) fn frame_duration(fps: gst::Fraction) -> Duration {
    let [seconds, frames] = [fps.denom(), fps.numer()].map(|part| u64::try_from(part).unwrap_or(0));
    let nanos = seconds.saturating_mul(1_000_000_000).checked_div(frames).filter(|nanos| *nanos > 0);
    nanos.map_or(USUAL_FRAME, Duration::from_nanos)
}

/// Tells timestamps from those of applications that put the same on all frames, which say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamps {
    last: Option<gst::ClockTime>,
    same: u32,
}

impl Stamps {
    /// The timestamp of the next frame, unless it stands still.
    pub(crate) fn next(&mut self, stamp: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
        self.same = if stamp == self.last { self.same.saturating_add(1) } else { 0 };
        self.last = stamp;
        stamp.filter(|_| self.same < MAX_SAME)
    }
}

/// What a segment says of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InSegment {
    /// Its running time.
    pub(crate) running: Option<gst::ClockTime>,
    /// Its stream time, at the pace of running time: both go on alike until the stream goes on from elsewhere.
    pub(crate) shown: Option<gst::ClockTime>,
}

/// Gives frames times on one line that runs on across segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamTime {
    stamps: Stamps,
    last: Option<Timestamp>,
    /// Which moment of the stream the last one showed.
    shown: Option<gst::ClockTime>,
    /// From the frame before to the last one.
    gap: Duration,
    /// Usual distance of frames, from the caps.
    frame: Option<Duration>,
    stream_id: Option<String>,
}

/// When a frame is, and whether the stream was cut before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameTime {
    /// Running time, nanoseconds.
    pub(crate) time: Timestamp,
    /// Whether what was before has nothing to do with this frame.
    pub(crate) cut: bool,
}

impl StreamTime {
    /// Takes the frame rate of new caps.
    pub(crate) fn set_rate(&mut self, fps: gst::Fraction) {
        self.frame = Some(frame_duration(fps));
    }

    /// The time of the next frame: its running time, or one frame after the last where it has none.
    pub(crate) fn next(&mut self, InSegment { running, shown }: InSegment, discont: bool) -> FrameTime {
        let step = self.frame.unwrap_or(USUAL_FRAME);
        let time = match (self.stamps.next(running), self.last) {
            (Some(running), _) => Timestamp(i64::try_from(running.nseconds()).unwrap_or(i64::MAX)),
            (None, Some(last)) => last.plus(step),
            (None, None) => Timestamp(0),
        };
        let gap = self.last.map_or(Duration::ZERO, |last| time.since(last));
        let usual = (MAX_LOSS + step).max(MAX_GAP.min(self.gap * MAX_GROWTH));
        // A seek that flushes nothing leaves running time as it was; backwards a stream may be played as well.
        let leap = self.shown.zip(shown).map(|(last, shown)| Duration::from(shown.max(last) - shown.min(last)));
        let is_elsewhere = leap.is_some_and(|leap| leap > usual);
        let cut = discont && self.last.is_some_and(|last| time < last || gap > usual || is_elsewhere);
        self.shown = shown;
        self.gap = gap.min(MAX_GAP);
        self.last = Some(time);
        FrameTime { time, cut }
    }

    /// Takes the id of the stream that begins; `true` when it follows another one.
    pub(crate) fn set_stream(&mut self, id: &str) -> bool {
        let old = self.stream_id.replace(id.to_owned());
        old.is_some_and(|old| old != id)
    }

    /// Forgets where the stream was: a flush or a new stream.
    pub(crate) fn reset(&mut self) {
        (self.last, self.shown) = (None, None);
        self.gap = Duration::ZERO;
    }
}

/// Which frames come too late to be worth an inference, from what sinks report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lateness {
    /// Frames before this running time will not be shown.
    earliest: Option<gst::ClockTime>,
    late: u32,
}

impl Lateness {
    /// Takes a quality-of-service event: a frame of `timestamp` came `diff` nanoseconds late (negative: early).
    pub(crate) fn report(&mut self, timestamp: Option<gst::ClockTime>, diff: i64) {
        // As GStreamer's base classes reckon: when late, catch up twice the delay.
        let behind = if diff > 0 { diff.saturating_mul(2) } else { diff };
        self.earliest =
            timestamp.and_then(|t| t.nseconds().checked_add_signed(behind)).map(gst::ClockTime::from_nseconds);
    }

    /// Whether the frame of `running` time is late. Now and then a late frame that is `wanted`, because there is something to
    /// do in it, counts as in time: the first after [`MAX_LATE`] others, so that an element behind another one that thins
    /// frames out in the same way works on those that are left.
    pub(crate) fn is_late(&mut self, running: Option<gst::ClockTime>, wanted: bool) -> bool {
        let late = matches!((running, self.earliest), (Some(running), Some(earliest)) if running <= earliest);
        self.late = if late { self.late.saturating_add(1) } else { 0 };
        if wanted && self.late > MAX_LATE {
            self.late = 0;
            return false;
        }
        late
    }

    /// Forgets all reports: a flush or a new segment.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Numbers of DeepStream's events by which one camera of a batch ends while the others go on, and begins of the names of
/// their structures: its pad of the muxer is deleted, its stream ends, its stream begins anew.
const ENDS: [(i32, &str); 3] = [REMOVED, (402, "nv-stream-eos"), (404, "nv-stream-reset")];
/// That of them behind which the camera is no more.
const REMOVED: (i32, &str) = (401, "nv-pad-deleted");
/// Name of the structure of our own event: from here on the camera shows something else, as photographs do that follow one another.
const CUT: &str = "alpr-cut";
/// Bits of an event's type below its number.
const NUMBER_SHIFT: u32 = 8;

/// The event by which the elements behind learn that what the camera `source` showed before has nothing to do with what comes.
pub(crate) fn cut_event(source: u32) -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::builder(CUT).field("source-id", source).build())
}

/// The camera that ends by `event`, of a batch or at a cut: what was before has nothing to do with what it may show later.
pub(crate) fn ended_source(event: &gst::EventRef) -> Option<u32> {
    let is_cut = event.structure().is_some_and(|structure| structure.name() == CUT);
    if is_cut || ENDS.iter().any(|end| is_of(event, end)) { source_of(event) } else { None }
}

/// The camera that is taken out of a batch by `event`.
pub(crate) fn removed_source(event: &gst::EventRef) -> Option<u32> {
    if is_of(event, &REMOVED) { source_of(event) } else { None }
}

fn is_of(event: &gst::EventRef, (number, name): &(i32, &str)) -> bool {
    let is_named = event.structure().is_some_and(|structure| structure.name().starts_with(name));
    is_named || event.type_().into_glib() >> NUMBER_SHIFT == *number
}

fn source_of(event: &gst::EventRef) -> Option<u32> {
    event.structure()?.get("source-id").ok()
}

/// State of each camera of a stream, one of which is [here](Self::here): its picture is at hand.
pub(crate) struct PerSource<T> {
    source: u32,
    here: Kept<T>,
    others: BTreeMap<u32, Kept<T>>,
    /// Changes from one camera to another so far.
    turn: u64,
}

struct Kept<T> {
    state: T,
    /// When it came and when it was at hand last, in turns.
    came: u64,
    used: u64,
}

impl<T> PerSource<T> {
    /// One camera, number 0.
    pub(crate) const fn new(here: T) -> Self {
        Self { source: 0, here: Kept { state: here, came: 0, used: 0 }, others: BTreeMap::new(), turn: 0 }
    }

    /// Goes over to camera `source`; `new` makes the state of one that was not seen before. Returns the state of a camera that
    /// has to make room for it: that which is gone for longest, else that which came last, so that of too many cameras those
    /// that came first keep theirs.
    pub(crate) fn turn_to(&mut self, source: u32, new: impl FnOnce(&T) -> T) -> Option<T> {
        if source == self.source {
            return None;
        }
        self.turn += 1;
        let turn = self.turn;
        self.here.used = turn;
        let there = self.others.remove(&source);
        let there = there.unwrap_or_else(|| Kept { state: new(&self.here.state), came: turn, used: turn });
        let left = std::mem::replace(&mut self.here, there);
        self.others.insert(std::mem::replace(&mut self.source, source), left);
        if self.others.len() <= MAX_SOURCES {
            return None;
        }
        let idle = self.others.iter().min_by_key(|(_, kept)| kept.used).filter(|(_, kept)| turn - kept.used > GONE);
        let gone = *idle.or_else(|| self.others.iter().max_by_key(|(_, kept)| kept.came))?.0;
        self.others.remove(&gone).map(|kept| kept.state)
    }

    /// The state of the camera whose picture is at hand.
    pub(crate) const fn here(&self) -> &T {
        &self.here.state
    }

    /// The same, to be changed.
    pub(crate) const fn here_mut(&mut self) -> &mut T {
        &mut self.here.state
    }

    /// The state of camera `source`, if it was seen.
    pub(crate) fn of_mut(&mut self, source: u32) -> Option<&mut T> {
        let kept = if source == self.source { Some(&mut self.here) } else { self.others.get_mut(&source) };
        kept.map(|kept| &mut kept.state)
    }

    /// The state of every camera.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        std::iter::once(&mut self.here).chain(self.others.values_mut()).map(|kept| &mut kept.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> gst::ClockTime = gst::ClockTime::from_mseconds;

    /// A frame of a stream that plays from its beginning.
    fn at(ms: u64) -> InSegment {
        InSegment { running: Some(MS(ms)), shown: Some(MS(ms)) }
    }

    #[test]
    fn frames_without_time_follow_the_rate() {
        let mut stream = StreamTime::default();
        stream.set_rate(gst::Fraction::new(50, 1));
        assert_eq!(stream.next(at(100), false).time, Timestamp(100_000_000));
        assert_eq!(stream.next(InSegment::default(), false).time, Timestamp(120_000_000));
    }

    #[test]
    fn a_time_that_stands_still_is_none() {
        let mut stream = StreamTime::default();
        let times =
            |stream: &mut StreamTime, n, time| (0..n).map(|_| stream.next(at(time), false).time.0).collect::<Vec<_>>();
        assert_eq!(times(&mut stream, 10, 100), [100_000_000; 10], "several frames may be of one moment");
        assert_eq!(times(&mut stream, 3, 100), [140_000_000, 180_000_000, 220_000_000]);
        assert_eq!(times(&mut stream, 1, 900), [900_000_000]);
    }

    #[test]
    fn a_cut_is_a_jump_that_is_announced() {
        let mut stream = StreamTime::default();
        for (time, discont, cut) in [
            (1000, true, false),
            (1040, true, false),
            (1440, true, false),
            (3000, false, false),
            (9000, true, true),
            (10, true, true),
        ] {
            assert_eq!(stream.next(at(time), discont).cut, cut, "{time}");
        }
        stream.reset();
        assert!(!stream.next(at(60_000), true).cut);
    }

    #[test]
    fn a_stream_that_goes_on_from_elsewhere_is_cut() {
        let cuts = |shown: [u64; 4]| {
            let mut stream = StreamTime::default();
            let moments =
                (0..).step_by(40).zip(shown).map(|(ms, shown)| InSegment { shown: Some(MS(shown)), ..at(ms) });
            moments.map(|moment| stream.next(moment, true).cut).collect::<Vec<_>>()
        };
        assert_eq!(cuts([2920, 2960, 0, 40]), [false, false, true, false], "a loop");
        assert_eq!(cuts([0, 40, 9000, 9040]), [false, false, true, false]);
        assert_eq!(cuts([2960, 2920, 2880, 2840]), [false; 4], "played backwards");
    }

    #[test]
    fn a_leaky_queue_before_a_slow_search_cuts_nothing() {
        let mut stream = StreamTime::default();
        let cuts = |stream: &mut StreamTime, times: &[u64]| {
            times.iter().map(|time| stream.next(at(*time), true).cut).collect::<Vec<_>>()
        };
        assert_eq!(cuts(&mut stream, &[0, 700, 1400, 2500, 3100]), [false, true, false, false, false]);
        assert_eq!(cuts(&mut stream, &[13_000, 23_000, 23_700]), [true, true, false], "outages");
    }

    #[test]
    fn one_late_frame_in_nine_is_searched() {
        let mut lateness = Lateness::default();
        assert!(!lateness.is_late(Some(MS(0)), true));
        lateness.report(Some(MS(100)), 50_000_000);
        assert!(lateness.is_late(Some(MS(200)), true) && !lateness.is_late(Some(MS(201)), true));
        assert_eq!((0..90).filter(|_| !lateness.is_late(Some(MS(150)), true)).count(), 10);
        lateness.report(Some(MS(300)), -100_000_000);
        assert!(!lateness.is_late(Some(MS(250)), true));
    }

    #[test]
    fn what_one_element_still_searches_the_next_one_reads() {
        let (mut searching, mut reading) = (Lateness::default(), Lateness::default());
        [&mut searching, &mut reading].into_iter().for_each(|lateness| lateness.report(Some(MS(100)), 50_000_000));
        let read = (0..90).filter(|frame| {
            // the first plate comes when both have counted for a while
            let searched = !searching.is_late(Some(MS(150)), true) && *frame > 20;
            !reading.is_late(Some(MS(150)), searched)
        });
        assert_eq!(read.count(), 8);
    }

    #[test]
    fn every_camera_has_its_own_state() {
        let mut count = PerSource::new(0);
        for source in [0, 1, 0, 0, 1, 7] {
            count.turn_to(source, |_| 0);
            *count.here_mut() += 1;
        }
        assert_eq!(*count.here(), 1);
        count.turn_to(0, |_| 0);
        assert_eq!(*count.here(), 3);
        assert_eq!([0, 1, 2].map(|source| count.of_mut(source).copied()), [Some(3), Some(2), None]);
    }

    /// Shows `sources` once; the cameras whose state had to go.
    fn show(cameras: &mut PerSource<u32>, sources: std::ops::Range<u32>) -> Vec<u32> {
        sources.filter_map(|source| cameras.turn_to(source, |_| source)).collect()
    }

    #[test]
    fn a_camera_that_is_gone_makes_room() {
        const MOST: u32 = MAX_SOURCES as u32 + 1;
        let mut cameras = PerSource::new(0);
        assert_eq!(show(&mut cameras, 0..MOST), [0_u32; 0]);
        // number 7 falls silent, and the lowest goes on
        (0..2 * MOST).for_each(|_| drop((show(&mut cameras, 0..7), show(&mut cameras, 8..MOST))));
        assert_eq!(show(&mut cameras, 1000..1001), [7]);
        assert_eq!(cameras.all_mut().count(), MAX_SOURCES + 1);
    }

    #[test]
    fn of_too_many_cameras_those_that_came_first_keep_their_state() {
        const MOST: u32 = MAX_SOURCES as u32 + 1;
        let mut cameras = PerSource::new(0);
        let gone: Vec<u32> = (0..5).flat_map(|_| show(&mut cameras, 0..MOST + 10)).collect();
        assert!(gone.len() > 40 && gone.iter().all(|source| *source >= MOST - 2), "{gone:?}");
    }
}
