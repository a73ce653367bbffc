//! What the element holds from start to stop, and of each camera.

use alpr_core::detector::{Closer, Detection};
use alpr_core::event::Vehicle;
use alpr_core::time::Timestamp;
use alpr_core::track::{Tracked, Tracker, TrackerSettings};

use super::search::{Detector, Found};
use super::settings::Settings;
use crate::frame::Format;
use crate::meta::{self, PlateMeta};
use crate::stream::{PerSource, StreamTime};

/// From start to stop. Only the streaming thread has it, and takes it out of its lock while it works.
pub(super) struct State {
    pub(super) detector: Detector,
    pub(super) camera: PerSource<Camera>,
    pub(super) format: Option<Format>,
    pub(super) time: StreamTime,
    pub(super) warned: bool,
    /// Whether it was said that pictures are interlaced.
    pub(super) interlaced: bool,
    /// Whether it was said that plates cannot be published.
    pub(super) unpublished: bool,
}

/// What is known of one camera.
pub(super) struct Camera {
    pub(super) tracker: Tracker,
    /// Frames since the last searched one; `None` when the next one must be searched.
    pub(super) since_search: Option<u32>,
    /// When closer looks were allowed last.
    closer: Option<Timestamp>,
}

impl Camera {
    /// A camera that nothing is known of yet; `frame` is the size of its pictures.
    pub(super) fn new(frame: Option<(u32, u32)>) -> Self {
        let tracker = Tracker::new(TrackerSettings { frame, ..TrackerSettings::default() });
        Self { tracker, since_search: None, closer: None }
    }

    /// Ends all tracks.
    pub(super) fn reset(&mut self) {
        self.tracker.reset();
        (self.since_search, self.closer) = (None, None);
    }

    /// Whether closer looks may be taken at `time`: now and then is enough to begin a track.
    pub(super) fn allows_closer(&mut self, time: Timestamp) -> bool {
        let is_due = self.closer.is_none_or(|last| time < last || time.since(last) >= Closer::INTERVAL);
        self.closer = if is_due { Some(time) } else { self.closer };
        is_due
    }
}

impl State {
    /// Ends all tracks: what follows has nothing to do with what was before.
    pub(super) fn reset(&mut self) {
        self.camera.all_mut().for_each(Camera::reset);
        self.time.reset();
    }

    /// Plates of a searched frame.
    pub(super) fn followed(&mut self, settings: &Settings, time: Timestamp, found: Vec<Found>) -> Vec<PlateMeta> {
        if !settings.tracking {
            return found.iter().map(|(detection, vehicle)| self.plate(detection, vehicle.clone())).collect();
        }
        let detections: Vec<Detection> = found.iter().map(|(detection, _)| detection.clone()).collect();
        let tracked = self.camera.tracker.update(time, &detections);
        tracked
            .into_iter()
            .map(|track| match track.detection {
                Some(index) => {
                    let (detection, vehicle) = &found[index];
                    PlateMeta { track_id: Some(track.id), ..self.plate(detection, vehicle.clone()) }
                }
                None => expected(track),
            })
            .collect()
    }

    /// Plates where they are expected in a frame that was not searched.
    pub(super) fn predicted(&mut self, settings: &Settings, time: Timestamp) -> Vec<PlateMeta> {
        if !settings.tracking {
            return Vec::new();
        }
        self.camera.tracker.predict(time).into_iter().map(expected).collect()
    }

    fn plate(&self, detection: &Detection, vehicle: Option<Vehicle>) -> PlateMeta {
        let label = self.detector.label(detection.class).unwrap_or(meta::ROI_TYPE).to_owned();
        PlateMeta {
            bbox: detection.bbox,
            corners: detection.corners,
            confidence: detection.confidence,
            label,
            vehicle,
            ..PlateMeta::default()
        }
    }
}

/// A plate that was not detected in this frame.
fn expected(track: Tracked) -> PlateMeta {
    PlateMeta {
        bbox: track.bbox,
        corners: track.corners,
        confidence: track.confidence,
        track_id: Some(track.id),
        predicted: true,
        ..PlateMeta::default()
    }
}
