//! Capture time: when light met the sensor. Every decision in this crate takes it as an argument.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since 1970-01-01T00:00:00 UTC, the capture time of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `self` moved forward by `duration`, saturating.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// ISO-8601 in UTC with microseconds and offset, as `2025-12-27T00:57:03.926300+00:00`.
    pub fn to_iso8601(self) -> String {
        chrono::DateTime::from_timestamp_nanos(self.0).format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso8601())
    }
}

/// Where a capture time came from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// A reference timestamp on the buffer (NTP from RTCP sender reports, or Unix time).
    Reference,
    /// DeepStream's `ntp_timestamp` of the frame.
    DeepStream,
    /// The live pipeline's clock when the frame was captured.
    Clock,
    /// `start-time` plus stream time, for files.
    StreamTime,
}

impl TimeSource {
    /// The word used in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::DeepStream => "deepstream-ntp",
            Self::Clock => "clock",
            Self::StreamTime => "stream-time",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso8601_has_an_offset_and_microseconds() {
        assert_eq!(Timestamp(1_766_797_023_926_300_000).to_iso8601(), "2025-12-27T00:57:03.926300+00:00");
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000+00:00");
    }

    #[test]
    fn time_never_runs_backwards() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(5).plus(Duration::from_nanos(4)), Timestamp(9));
    }
}
