//! How every camera of a stream does.
//!
//! [`Pulse`] is told of frames and events and asked, now and then, which records are due. Its time is a clock that is never
//! set, as an argument: health is about the machine, not about what the cameras show.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dedup::{Cameras, Outcome, Passes};
use crate::event::records::{HealthRecord, KIND_HEALTH};
use crate::event::{Event, Node, SCHEMA_VERSION};
use crate::time::Timestamp;

use super::Histogram;

/// When records are due.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Time between two records of a camera.
    pub interval: Duration,
    /// Without a frame for so long, a camera is silent.
    pub silence: Duration,
}

/// The pulse of every camera.
#[derive(Debug)]
pub struct Pulse {
    rhythm: Rhythm,
    /// By id. There are at most as many as [`Cameras`] names.
    beats: BTreeMap<String, Beat>,
    /// What stands for the camera until the first frame came.
    nobody: Beat,
}

/// One camera.
#[derive(Clone, Debug, Default)]
struct Beat {
    frames: u64,
    events: u64,
    /// Of events since the last record.
    latency: Histogram,
    last_frame: Duration,
    last_record: Duration,
    frames_then: u64,
    was_silent: bool,
}

impl Pulse {
    /// Nothing came yet at `now`.
    pub fn new(rhythm: Rhythm, now: Duration) -> Self {
        let nobody = Beat { last_frame: now, last_record: now, ..Beat::default() };
        Self { rhythm, beats: BTreeMap::new(), nobody }
    }

    /// A frame of `camera` came.
    pub fn saw(&mut self, camera: &str, now: Duration) {
        if !self.beats.contains_key(camera) {
            // the first goes on where nobody was, so that its coming is told after a silence
            let is_first = self.beats.is_empty();
            let beat = Beat { last_record: now, ..Beat::default() };
            self.beats.insert(camera.to_owned(), if is_first { self.nobody.clone() } else { beat });
        }
        if let Some(beat) = self.beats.get_mut(camera) {
            beat.frames += 1;
            beat.last_frame = now;
        }
    }

    /// `camera` is no more: nobody waits for a frame of it.
    pub fn forget(&mut self, camera: &str) {
        self.beats.remove(camera);
    }

    /// Downstream took `event`; its latency counts where it is `live`.
    pub fn told(&mut self, event: &Event, live: bool) {
        let Some(beat) = self.beats.get_mut(&event.camera_id) else { return };
        beat.events += u64::from(event.extras.revision == 0);
        if live {
            beat.latency.add(f64::from(event.latency_ms));
        }
    }

    /// The records that are due at `now`, by camera: after every interval, and at once when a camera fell silent or came back.
    /// `timestamp` is what the wall clock says. Depths of queues and spools are not known here.
    pub fn due(&mut self, cameras: &Cameras, now: Duration, timestamp: Timestamp) -> Vec<HealthRecord> {
        let rhythm = self.rhythm;
        let node = {
            let identity = &cameras.settings().identity;
            Node { site: identity.site.clone(), host: identity.host.clone() }
        };
        if self.beats.is_empty() {
            let record =
                self.nobody.due(rhythm, now, &Place { id: &cameras.first_id(), passes: None, node, timestamp });
            return record.into_iter().collect();
        }
        let records = self.beats.iter_mut().filter_map(|(id, beat)| {
            beat.due(rhythm, now, &Place { id, passes: cameras.named(id), node: node.clone(), timestamp })
        });
        records.collect()
    }
}

/// Whose record it is.
struct Place<'a> {
    id: &'a str,
    passes: Option<&'a Passes>,
    node: Node,
    timestamp: Timestamp,
}

impl Beat {
    fn due(&mut self, rhythm: Rhythm, now: Duration, place: &Place<'_>) -> Option<HealthRecord> {
        let silent = now.saturating_sub(self.last_frame) >= rhythm.silence;
        let elapsed = now.saturating_sub(self.last_record);
        if elapsed < rhythm.interval && silent == self.was_silent {
            return None;
        }
        let fps = (self.frames - self.frames_then) as f64 / elapsed.as_secs_f64().max(1e-3);
        (self.last_record, self.frames_then, self.was_silent) = (now, self.frames, silent);
        let (reads, read_passes) = place.passes.map(Passes::reads).unwrap_or_default();
        let tally = place.passes.map(|passes| passes.tally().clone()).unwrap_or_default();
        Some(HealthRecord {
            kind: KIND_HEALTH.to_owned(),
            schema_version: SCHEMA_VERSION,
            timestamp: place.timestamp.to_iso8601(),
            camera_id: place.id.to_owned(),
            fps: (fps * 100.0).round() / 100.0,
            camera_silent: silent,
            frames: self.frames,
            live_passes: place.passes.map_or(0, Passes::live) as u64,
            tracks: tally.tracks(),
            duplicates: tally.of(Outcome::Duplicate),
            events: self.events,
            reads_per_pass: (reads as f64 / read_passes.max(1) as f64 * 100.0).round() / 100.0,
            latency_ms: std::mem::take(&mut self.latency).percentiles(),
            queue_depth: None,
            spool_depth: None,
            node: place.node.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::{Identity, Settings};

    const RHYTHM: Rhythm = Rhythm { interval: Duration::from_secs(60), silence: Duration::from_secs(10) };

    fn cameras(sources: &[u32]) -> Cameras {
        let identity = Identity { camera: "gate-{source_id}".to_owned(), ..Identity::default() };
        let mut cameras = Cameras::new(Settings { identity, ..Settings::default() });
        sources.iter().for_each(|source| assert!(cameras.of(*source).is_some()));
        cameras
    }

    /// What is due at `second`: (camera, frames a second, whether it is silent).
    fn due(pulse: &mut Pulse, cameras: &Cameras, second: u64) -> Vec<(String, f64, bool)> {
        let records = pulse.due(cameras, Duration::from_secs(second), Timestamp(0));
        records.into_iter().map(|record| (record.camera_id, record.fps, record.camera_silent)).collect()
    }

    fn of(camera: &str, fps: f64, silent: bool) -> (String, f64, bool) {
        (camera.to_owned(), fps, silent)
    }

    #[test]
    fn one_silent_camera_is_told_while_the_other_goes_on() {
        let cameras = cameras(&[3, 5]);
        let mut pulse = Pulse::new(RHYTHM, Duration::ZERO);
        let mut told = Vec::new();
        for second in 0..=60 {
            let now = Duration::from_secs(second);
            (0..25).for_each(|_| pulse.saw("gate-3", now));
            if !(20..45).contains(&second) {
                (0..5).for_each(|_| pulse.saw("gate-5", now));
            }
            told.extend(due(&mut pulse, &cameras, second).into_iter().map(|record| (second, record)));
        }
        let expected = [
            // 100 frames from 0 to 19 s, then 10 s without any
            (29, of("gate-5", 3.45, true)),
            (45, of("gate-5", 0.31, false)),
            (60, of("gate-3", 25.42, false)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn before_the_first_frame_the_camera_that_is_meant_is_silent() {
        let none = cameras(&[]);
        let mut pulse = Pulse::new(RHYTHM, Duration::ZERO);
        assert_eq!(due(&mut pulse, &none, 9), []);
        assert_eq!(due(&mut pulse, &none, 10), [of("gate-0", 0.0, true)]);
        assert_eq!(due(&mut pulse, &none, 11), []);
        let one = cameras(&[3]);
        pulse.saw("gate-3", Duration::from_secs(12));
        assert_eq!(due(&mut pulse, &one, 12), [of("gate-3", 0.5, false)], "it is there");
        assert_eq!(due(&mut pulse, &one, 13), []);
    }

    #[test]
    fn events_and_their_latency_are_of_their_camera() {
        let cameras = cameras(&[3, 5]);
        let mut pulse = Pulse::new(RHYTHM, Duration::ZERO);
        ["gate-3", "gate-5"].iter().for_each(|camera| pulse.saw(camera, Duration::ZERO));
        let mut event = crate::event::example();
        (event.camera_id, event.latency_ms) = ("gate-5".to_owned(), 100);
        pulse.told(&event, true);
        event.extras.revision = 1;
        pulse.told(&event, true);
        event.camera_id = "gate-9".to_owned();
        pulse.told(&event, true);
        let records = pulse.due(&cameras, Duration::from_secs(60), Timestamp(0));
        let told: Vec<_> =
            records.iter().map(|r| (r.camera_id.as_str(), r.events, r.latency_ms.p50 >= 100.0)).collect();
        assert_eq!(told, [("gate-3", 0, false), ("gate-5", 1, true)]);
        let later = pulse.due(&cameras, Duration::from_secs(120), Timestamp(0));
        assert_eq!(later[1].latency_ms.p50, 0.0, "told once");
    }
}
