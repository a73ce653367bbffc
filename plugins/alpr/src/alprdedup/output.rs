//! What was decided becomes buffers and messages.

use alpr_core::dedup::{self, Decision, Duplicates, EventDecision, WatchlistDecision};
use alpr_core::event::records::{OutcomeRecord, VehicleRecord, to_json_line};
use alpr_core::event::{Event, latency_ms};
use alpr_core::time::Timestamp;

use super::capture::unix_now;
use super::enums::Records;
use super::settings::{Settings, SettingsError};

/// One decision, ready to be carried out.
#[derive(Default)]
pub(super) struct Prepared {
    /// A message that must not wait for downstream.
    pub(super) before: Option<gst::Structure>,
    /// A line for downstream with its capture time.
    pub(super) line: Option<(String, Timestamp)>,
    /// The event in that line.
    pub(super) event: Option<Box<EventDecision>>,
    /// A message about what downstream took.
    pub(super) after: Option<gst::Structure>,
}

/// Serialises, and counts what it did.
pub(super) struct Output {
    records: Records,
    events: u64,
    revisions: u64,
    watchlist_hits: u64,
    failures: u64,
}

impl Output {
    pub(super) fn new(settings: &Settings, _core: &dedup::Settings) -> Result<Self, SettingsError> {
        Ok(Self { records: settings.records, events: 0, revisions: 0, watchlist_hits: 0, failures: 0 })
    }

    pub(super) fn take_caps(&mut self, _caps: &gst::CapsRef) {}

    /// Prepares one decision; `None` when there is nothing to send.
    pub(super) fn prepare(&mut self, decision: Decision, _frame: Option<&gst::Buffer>, live: bool) -> Option<Prepared> {
        match decision {
            Decision::Keep(_) | Decision::Adopt { .. } | Decision::Forget(_) => None,
            Decision::Event(decision) => self.event(decision, live),
            Decision::Watchlist(decision) => {
                self.watchlist_hits += 1;
                Some(Prepared { before: Some(watchlist_message(&decision)), ..Prepared::default() })
            }
            Decision::Outcome(record) => self.outcome(&record),
            Decision::Vehicle(record) => self.vehicle(&record),
        }
    }

    fn event(&mut self, mut decision: Box<EventDecision>, live: bool) -> Option<Prepared> {
        if live {
            decision.event.latency_ms = latency_ms(decision.captured, unix_now());
        }
        let line = self.line(&decision.event)?;
        let message = event_message(&decision.event, &line);
        Some(Prepared {
            line: Some((line, decision.captured)),
            after: Some(message),
            event: Some(decision),
            ..Prepared::default()
        })
    }

    fn outcome(&mut self, record: &OutcomeRecord) -> Option<Prepared> {
        let line = self.line(record)?;
        let message = gst::Structure::builder("alpr-outcome")
            .field("event-id", &record.event_id)
            .field("camera-id", &record.camera_id)
            .field("track-id", &record.track_id)
            .field("outcome", &record.outcome)
            .field("json", line.trim_end())
            .build();
        let line = self.records.contains(Records::OUTCOMES).then_some((line, Timestamp::default()));
        Some(Prepared { line, after: Some(message), ..Prepared::default() })
    }

    fn vehicle(&mut self, record: &VehicleRecord) -> Option<Prepared> {
        let line = self.line(record)?;
        let message = gst::Structure::builder("alpr-vehicle")
            .field("event-id", &record.event_id)
            .field("camera-id", &record.camera_id)
            .field("track-id", &record.track_id)
            .field("json", line.trim_end())
            .build();
        Some(Prepared { line: Some((line, Timestamp::default())), after: Some(message), ..Prepared::default() })
    }

    /// Serialises; a record that cannot be is counted, not sent.
    fn line<T: serde::Serialize>(&mut self, record: &T) -> Option<String> {
        let line = to_json_line(record).ok();
        self.failures += u64::from(line.is_none());
        line
    }

    /// Downstream took the event, or did not.
    pub(super) fn settled(&mut self, event: &EventDecision, taken: bool, _memory: &Duplicates) {
        if taken && event.event.extras.revision == 0 {
            self.events += 1;
        } else if taken {
            self.revisions += 1;
        }
    }

    pub(super) fn add_stats(&self, stats: &mut gst::Structure) {
        stats.set("events", self.events);
        stats.set("revisions", self.revisions);
        stats.set("watchlist-hits", self.watchlist_hits);
        stats.set("serialization-failures", self.failures);
    }
}

fn event_message(event: &Event, line: &str) -> gst::Structure {
    gst::Structure::builder("alpr-event")
        .field("event-id", &event.event_id)
        .field("camera-id", &event.camera_id)
        .field("track-id", &event.track_id)
        .field("plate", &event.plate.normalized_text)
        .field("confidence", event.plate.confidence)
        .field("captured-at", &event.captured_at)
        .field("revision", event.extras.revision)
        .field("json", line.trim_end())
        .build()
}

fn watchlist_message(decision: &WatchlistDecision) -> gst::Structure {
    gst::Structure::builder("alpr-watchlist")
        .field("event-id", decision.pass.to_string())
        .field("track-id", &decision.track_id)
        .field("plate", &decision.plate)
        .field("tag", &decision.hit.tag)
        .field("entry", &decision.hit.entry)
        .field("distance", f64::from(decision.hit.distance))
        .field("confidence", f64::from(decision.confidence))
        .field("captured-at", decision.captured.to_iso8601())
        .field_if_some("roi", decision.roi.as_ref())
        .field_if_some("direction", decision.direction.as_ref())
        .build()
}

/// One line as a buffer at `pts`, with its capture time as reference timestamp.
pub(super) fn buffer(line: String, captured: Timestamp, pts: Option<gst::ClockTime>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(line.into_bytes());
    if let Some(writable) = buffer.get_mut() {
        writable.set_pts(pts);
        if let Ok(unix) = u64::try_from(captured.0) {
            let reference = gst::Caps::new_empty_simple("timestamp/x-unix");
            gst::ReferenceTimestampMeta::add(
                writable,
                &reference,
                gst::ClockTime::from_nseconds(unix),
                gst::ClockTime::NONE,
            );
        }
    }
    buffer
}
