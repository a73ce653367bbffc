//! How the cameras do, once an interval. Telemetry: it follows the system's clock and decides nothing about plates.

use std::time::{Duration, Instant};

use alpr_core::dedup::Cameras;
use alpr_core::event::Event;
use alpr_core::event::records::HealthRecord;
use alpr_core::stats::health::{Pulse, Rhythm};

use super::capture::unix_now;
use super::enums::Records;
use super::settings::Settings;

/// The clock of a run, and what it is asked for.
pub(super) struct Health {
    wanted: bool,
    started: Instant,
    pulse: Pulse,
}

impl Health {
    pub(super) fn new(settings: &Settings) -> Self {
        let rhythm = Rhythm {
            interval: Duration::from_nanos(settings.health_interval),
            silence: Duration::from_nanos(settings.silence_timeout),
        };
        Self {
            wanted: settings.records.contains(Records::HEALTH),
            started: Instant::now(),
            pulse: Pulse::new(rhythm, Duration::ZERO),
        }
    }

    /// A frame of `camera` came.
    pub(super) fn saw(&mut self, camera: &str) {
        self.pulse.saw(camera, self.started.elapsed());
    }

    /// `camera` was taken out of the stream.
    pub(super) fn forget(&mut self, camera: &str) {
        self.pulse.forget(camera);
    }

    /// Downstream took `event`.
    pub(super) fn told(&mut self, event: &Event, live: bool) {
        self.pulse.told(event, live);
    }

    /// The records that are due, one a camera.
    pub(super) fn due(&mut self, cameras: &Cameras) -> Vec<HealthRecord> {
        if self.wanted { self.pulse.due(cameras, self.started.elapsed(), unix_now()) } else { Vec::new() }
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
