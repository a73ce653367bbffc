//! Capture time of a frame: the best source that it has.

use std::time::{SystemTime, UNIX_EPOCH};

use alpr_core::time::{TimeSource, Timestamp};
use gst::prelude::*;

/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A step of the system's clock that is followed: less is drift, and capture time shall not jump for it.
const CLOCK_STEP: i64 = 500_000_000;

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
    pub(super) clock_steps: u64,
    pub(super) without_time: u64,
}

impl CaptureTime {
    pub(super) fn new(start: Option<Timestamp>) -> Self {
        Self { start, ..Self::default() }
    }

    /// A stream begins. Another one than before has a recording date of its own, or none.
    pub(super) fn begin_stream(&mut self, id: &str) {
        if self.stream != id {
            id.clone_into(&mut self.stream);
            (self.tagged, self.origin) = (None, None);
        }
    }

    /// Takes the recording date from tags.
    pub(super) fn take_tags(&mut self, tags: &gst::TagListRef) {
        let Some(date) = tags.get::<gst::tags::DateTime>() else { return };
        let Ok(date) = date.get().to_g_date_time() else { return };
        let nanoseconds = date.to_unix().saturating_mul(1_000_000_000);
        self.tagged = Some(Timestamp(nanoseconds.saturating_add(i64::from(date.microsecond()) * 1000)));
    }

    /// Whether the stream is live, as upstream answered.
    pub(super) const fn is_live(&self) -> Option<bool> {
        self.live
    }

    pub(super) fn set_live(&mut self, live: bool) {
        self.live = Some(live);
    }

    /// Whether stream time counts from 1970 for want of anything better.
    pub(super) fn counts_from_1970(&self) -> bool {
        self.origin == Some(Timestamp(0)) && self.start.is_none()
    }

    /// Capture time of a frame of `buffer` whose own metadata says `named`. A frame without any time has that of the frame
    /// before.
    pub(super) fn of(
        &mut self,
        buffer: &gst::BufferRef,
        named: Option<Timestamp>,
        segment: Option<&gst::FormattedSegment<gst::ClockTime>>,
        element: &gst::Element,
    ) -> (Timestamp, TimeSource) {
        let (time, source) = reference(buffer)
            .map(|time| (time, TimeSource::Reference))
            .or_else(|| Some((named?, TimeSource::DeepStream)))
            .or_else(|| self.by_stream(buffer.pts()?, segment?, element))
            .unwrap_or_else(|| {
                self.without_time += 1;
                (self.last.unwrap_or_else(|| self.origin()), TimeSource::StreamTime)
            });
        self.last = Some(time);
        (time, source)
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
