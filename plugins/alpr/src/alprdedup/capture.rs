//! Capture time of a frame: the best source that it has.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alpr_core::time::{TimeSource, Timestamp};
use gst::prelude::*;

use crate::meta::Shown;
use crate::stream::{Stamps, USUAL_FRAME, frame_duration};

/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A step of the system's clock that is followed: less is drift, and capture time shall not jump for it.
const CLOCK_STEP: i64 = 500_000_000;

/// Frames in a row without a time from which a stream has none: single ones may lack it.
const UNTIMED: u64 = 10;

/// Where capture time comes from while the element runs.
#[derive(Debug, Default)]
pub(super) struct CaptureTime {
    /// Capture time of stream time 0 that the user gave.
    start: Option<Timestamp>,
    /// The same by the stream's tags.
    tagged: Option<Timestamp>,
    /// What was taken; it holds for the whole stream.
    origin: Option<Timestamp>,
    /// The id of the stream.
    stream: String,
    live: Option<bool>,
    /// Unix time minus pipeline clock.
    offset: Option<i64>,
    last: Option<Timestamp>,
    stamps: Stamps,
    /// The timestamp of the buffer at hand.
    stamp: Option<gst::ClockTime>,
    /// Whether any frame had a time.
    timed: bool,
    /// Frames without a time since the last that had one.
    untimed: u64,
    /// Whether it was said that frames are counted.
    told_untimed: bool,
    /// Whether it was said of this stream that it counts from 1970.
    told_undated: bool,
    /// Whether it was said that a start is of no use.
    told_unused_start: bool,
    /// From one frame to the next, by the caps.
    frame: Duration,
    pub(super) clock_steps: u64,
    pub(super) without_time: u64,
}

impl CaptureTime {
    pub(super) fn new(start: Option<Timestamp>) -> Self {
        Self { start, frame: USUAL_FRAME, ..Self::default() }
    }

    /// A stream begins. Another one than before has a recording date of its own, or none.
    pub(super) fn begin_stream(&mut self, id: &str) {
        if self.stream != id {
            id.clone_into(&mut self.stream);
            (self.tagged, self.origin, self.last) = (None, None, None);
            self.told_undated = false;
        }
    }

    /// Takes the recording date from tags.
    pub(super) fn take_tags(&mut self, tags: &gst::TagListRef) {
        let Some(date) = tags.get::<gst::tags::DateTime>() else { return };
        let Ok(date) = date.get().to_g_date_time() else { return };
        let nanoseconds = date.to_unix().saturating_mul(1_000_000_000);
        self.tagged = Some(Timestamp(nanoseconds.saturating_add(i64::from(date.microsecond()) * 1000)));
    }

    /// Takes the frame rate of new caps.
    pub(super) fn set_rate(&mut self, fps: gst::Fraction) {
        self.frame = frame_duration(fps);
    }

    /// Whether the stream is live, as upstream answered.
    pub(super) const fn is_live(&self) -> Option<bool> {
        self.live
    }

    pub(super) fn set_live(&mut self, live: bool) {
        self.live = Some(live);
    }

    /// What to warn of, once for each stream: its time counts from 1970, for want of anything better.
    pub(super) fn undated(&mut self) -> Option<String> {
        let counts_from_1970 = self.origin == Some(Timestamp(0)) && self.start.is_none();
        if !counts_from_1970 || std::mem::replace(&mut self.told_undated, true) {
            return None;
        }
        Some(
            "The stream says nothing of its date: events count from 1970, a broker soon removes what is that old, and files of one camera-id \
             that all begin there have equal event ids. Set start-time"
                .to_owned(),
        )
    }

    /// What to warn of, once: a live stream takes no start.
    pub(super) fn unused_start(&mut self) -> Option<String> {
        let start = self.start.filter(|_| self.live == Some(true))?;
        if std::mem::replace(&mut self.told_unused_start, true) {
            return None;
        }
        Some(format!(
            "start-time={} is not used: the stream is live, and its frames have the time of the camera or of the pipeline's clock. \
             Where it is a file that identity sync=true or clocksync slows down, leave that out and set sync=true on the sink",
            start.to_iso8601()
        ))
    }

    /// What to warn of, once: the frames of a file have no times.
    pub(super) fn untimed_file(&mut self) -> Option<String> {
        if self.told_untimed || self.untimed < UNTIMED || self.live == Some(true) {
            return None;
        }
        self.told_untimed = true;
        let rate = (self.frame.as_secs_f64().recip() * 1000.0).round() / 1000.0;
        Some(format!(
            "The stream has no timestamps, or the same on all frames: capture time counts its frames, {rate} a second. Where that is not its rate, put \
             capssetter caps=video/x-raw,framerate=15/1, with the right one, before alprdetect"
        ))
    }

    /// Capture time of the frame of `buffer` that is `shown`.
    pub(super) fn of(
        &mut self,
        buffer: &gst::BufferRef,
        shown: &Shown,
        segment: Option<&gst::FormattedSegment<gst::ClockTime>>,
        element: &gst::Element,
    ) -> (Timestamp, TimeSource) {
        if shown.view.first {
            self.stamp = self.stamps.next(buffer.pts());
        }
        let found = reference(buffer)
            .map(|time| (time, TimeSource::Reference))
            .or_else(|| Some((shown.time?, TimeSource::DeepStream)))
            .or_else(|| self.by_stream(self.stamp?, segment?, element));
        if found.is_some() {
            (self.timed, self.untimed) = (true, 0);
        }
        let (time, source) = found.unwrap_or_else(|| self.untimed(shown.view.first, element));
        self.last = Some(time);
        (time, source)
    }

    /// Capture time of a frame without any: by the frame rate from the frame before, or, in a live stream whose frames have none,
    /// when it comes. All pictures of a batch, of which this is the `first` or not, are of one moment.
    fn untimed(&mut self, first: bool, element: &gst::Element) -> (Timestamp, TimeSource) {
        self.without_time += 1;
        self.untimed += u64::from(first);
        let arrives = self.live == Some(true) && (!self.timed || self.untimed > UNTIMED);
        match self.last {
            Some(last) if !first => (last, TimeSource::StreamTime),
            _ if arrives => (self.arrival(element).unwrap_or_else(unix_now), TimeSource::Clock),
            Some(last) => (last.plus(self.frame), TimeSource::StreamTime),
            None => (self.origin(), TimeSource::StreamTime),
        }
    }

    /// Now, by the pipeline's clock.
    fn arrival(&mut self, element: &gst::Element) -> Option<Timestamp> {
        let clock = element.clock()?;
        Some(Timestamp(signed(clock.time()).saturating_add(self.clock_offset(&clock)?)))
    }

    /// Capture time of a moment of the stream.
    fn by_stream(
        &mut self,
        pts: gst::ClockTime,
        segment: &gst::FormattedSegment<gst::ClockTime>,
        element: &gst::Element,
    ) -> Option<(Timestamp, TimeSource)> {
        if self.live == Some(true) {
            let at = clock_time(segment.to_running_time(pts)?, element.base_time()?);
            let offset = self.clock_offset(&element.clock()?)?;
            return Some((Timestamp(at.saturating_add(offset)), TimeSource::Clock));
        }
        let position = segment.to_stream_time(pts).unwrap_or(pts);
        Some((Timestamp(self.origin().0.saturating_add(signed(position))), TimeSource::StreamTime))
    }

    /// The start of the recording, chosen once.
    fn origin(&mut self) -> Timestamp {
        *self.origin.get_or_insert(self.start.or(self.tagged).unwrap_or_default())
    }

    /// Unix time minus the pipeline's clock. It is measured once, so that capture time runs as evenly as that clock,
    /// and again when the system's clock was set.
    fn clock_offset(&mut self, clock: &gst::Clock) -> Option<i64> {
        let now = unix_now().0.saturating_sub(signed(clock.time()));
        let offset = match self.offset {
            Some(old) if (now - old).abs() < CLOCK_STEP => old,
            Some(_) => {
                self.clock_steps += 1;
                now
            }
            None => now,
        };
        self.offset = Some(offset);
        Some(offset)
    }
}

/// The reference timestamp of a frame: Unix or NTP.
fn reference(buffer: &gst::BufferRef) -> Option<Timestamp> {
    buffer.iter_meta::<gst::ReferenceTimestampMeta>().find_map(|meta| {
        let reference = meta.reference();
        let nanoseconds = match reference.structure(0)?.name().as_str() {
            "timestamp/x-unix" => meta.timestamp(),
            "timestamp/x-ntp" => meta.timestamp().checked_sub(gst::ClockTime::from_seconds(NTP_TO_UNIX))?,
            _ => return None,
        };
        Some(Timestamp(signed(nanoseconds)))
    })
}

/// The pipeline's clock at a running time. A base time before the clock's zero, as after a seek of a live pipeline, has
/// wrapped around, and comes back here.
fn clock_time(running: gst::ClockTime, base: gst::ClockTime) -> i64 {
    running.nseconds().wrapping_add(base.nseconds()).cast_signed()
}

fn signed(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

/// The system's clock. For latency and for anchoring a live pipeline's clock, never for decisions.
pub(super) fn unix_now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_time_may_lie_before_the_zero_of_the_clock() {
        let seconds = gst::ClockTime::from_seconds;
        assert_eq!(clock_time(seconds(7), seconds(5)), 12_000_000_000);
        let before = gst::ClockTime::from_nseconds(0_u64.wrapping_sub(5_000_000_000));
        assert_eq!(clock_time(seconds(7), before), 2_000_000_000);
    }
}
