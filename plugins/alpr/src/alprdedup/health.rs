//! How the element does, once an interval. Telemetry: it follows the system's clock and decides nothing.

use std::time::{Duration, Instant};

use alpr_core::dedup::{Cameras, Outcome};
use alpr_core::event::records::{HealthRecord, KIND_HEALTH};
use alpr_core::event::{Node, SCHEMA_VERSION};

use super::capture::unix_now;
use super::enums::Records;
use super::output::Output;
use super::settings::Settings;

/// Keeps the pulse.
pub(super) struct Health {
    wanted: bool,
    interval: Duration,
    silence: Duration,
    last_record: Instant,
    frames_then: u64,
    last_frame: Instant,
    was_silent: bool,
}

impl Health {
    pub(super) fn new(settings: &Settings) -> Self {
        let now = Instant::now();
        Self {
            wanted: settings.records.contains(Records::HEALTH),
            interval: Duration::from_nanos(settings.health_interval),
            silence: Duration::from_nanos(settings.silence_timeout),
            last_record: now,
            frames_then: 0,
            last_frame: now,
            was_silent: false,
        }
    }

    /// A frame came.
    pub(super) fn saw_frame(&mut self) {
        self.last_frame = Instant::now();
    }

    /// The record that is due: after every interval, and at once when the camera fell silent or came back.
    pub(super) fn due(&mut self, frames: u64, cameras: &Cameras, output: &mut Output) -> Option<HealthRecord> {
        let silent = self.last_frame.elapsed() >= self.silence;
        let elapsed = self.last_record.elapsed();
        if !self.wanted || (elapsed < self.interval && silent == self.was_silent) {
            return None;
        }
        let new_frames = frames.saturating_sub(self.frames_then);
        let fps = new_frames as f64 / elapsed.as_secs_f64().max(1e-3);
        (self.last_record, self.frames_then, self.was_silent) = (Instant::now(), frames, silent);
        let (identity, tally) = (&cameras.settings().identity, cameras.tally());
        let (reads, read_passes) = cameras.reads();
        let latency = std::mem::take(&mut output.latency);
        Some(HealthRecord {
            kind: KIND_HEALTH.to_owned(),
            schema_version: SCHEMA_VERSION,
            timestamp: unix_now().to_iso8601(),
            camera_id: cameras.first_id(),
            fps: (fps * 100.0).round() / 100.0,
            camera_silent: silent,
            frames,
            live_passes: cameras.live() as u64,
            tracks: tally.tracks(),
            duplicates: tally.of(Outcome::Duplicate),
            events: output.events(),
            reads_per_pass: (reads as f64 / read_passes.max(1) as f64 * 100.0).round() / 100.0,
            latency_ms: latency.percentiles(),
            queue_depth: None,
            spool_depth: None,
            node: Node { site: identity.site.clone(), host: identity.host.clone() },
        })
    }
}

/// The same for applications.
pub(super) fn health_message(record: &HealthRecord, line: &str) -> gst::Structure {
    gst::Structure::builder("alpr-health")
        .field("camera-id", &record.camera_id)
        .field("camera-silent", record.camera_silent)
        .field("fps", record.fps)
        .field("json", line.trim_end())
        .build()
}
