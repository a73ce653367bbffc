//! What the element holds from start to stop, and of each camera.

use alpr_core::detector::{Closer, Detection};
use alpr_core::event::Vehicle;
use alpr_core::time::Timestamp;
use alpr_core::track::{Cuts, Tracked, Tracker, TrackerSettings, TrackerStats};

use super::search::{Detector, Found, Further, Search};
use super::settings::Settings;
use crate::frame::Format;
use crate::meta::{self, PlateMeta};
use crate::stream::{PerSource, StreamTime};

/// From start to stop. Only the streaming thread has it, and takes it out of its lock while it works.
pub(super) struct State {
    pub(super) detector: Detector,
    pub(super) cameras: Cameras,
    pub(super) format: Option<Format>,
    pub(super) time: StreamTime,
    pub(super) warned: bool,
    /// Whether it was said that pictures are interlaced.
    pub(super) interlaced: bool,
    /// Whether it was said that plates cannot be published.
    pub(super) unpublished: bool,
}

/// The cameras of a stream, one of which is [here](Self::here): its picture is at hand.
pub(super) struct Cameras {
    each: PerSource<Camera>,
    /// Counters of those that had to make room for others.
    gone: TrackerStats,
    /// First track of one that comes: greater than any of those that made room, of which it may be one.
    first_id: u64,
}

impl Cameras {
    /// One camera, number 0.
    pub(super) fn new() -> Self {
        let first_id = 1;
        Self { each: PerSource::new(Camera::new(None, first_id)), gone: TrackerStats::default(), first_id }
    }

    /// Goes over to camera `source`.
    pub(super) fn turn_to(&mut self, source: u32) {
        let first_id = self.first_id;
        let gone = self.each.turn_to(source, |here| Camera::new(here.tracker.settings().frame, first_id));
        if let Some(mut gone) = gone {
            gone.reset();
            self.gone = [self.gone, gone.tracker.stats()].into_iter().sum();
            self.first_id = self.first_id.max(gone.tracker.next_id());
        }
    }

    /// The camera whose picture is at hand.
    pub(super) const fn here(&self) -> &Camera {
        self.each.here()
    }

    /// The same, to be changed.
    pub(super) const fn here_mut(&mut self) -> &mut Camera {
        self.each.here_mut()
    }

    /// Camera `source`, if it was seen.
    pub(super) fn of_mut(&mut self, source: u32) -> Option<&mut Camera> {
        self.each.of_mut(source)
    }

    /// Every camera.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Camera> {
        self.each.all_mut()
    }

    /// Counters of the trackers of all cameras, those that are gone as well.
    pub(super) fn stats(&mut self) -> TrackerStats {
        self.each.all_mut().map(|camera| camera.tracker.stats()).chain([self.gone]).sum()
    }
}

/// What is known of one camera.
pub(super) struct Camera {
    pub(super) tracker: Tracker,
    pub(super) cuts: Cuts,
    /// Frames since the last searched one; `None` when the next one must be searched.
    pub(super) since_search: Option<u32>,
    /// When closer looks were allowed last.
    closer: Option<Timestamp>,
}

impl Camera {
    /// A camera that nothing is known of yet; `frame` is the size of its pictures, `first_id` its first track.
    fn new(frame: Option<(u32, u32)>, first_id: u64) -> Self {
        let tracker = Tracker::beginning_with(first_id, TrackerSettings { frame, ..TrackerSettings::default() });
        Self { tracker, cuts: Cuts::default(), since_search: None, closer: None }
    }

    /// Ends all tracks.
    pub(super) fn reset(&mut self) {
        self.begin_anew();
        self.cuts.reset();
        self.since_search = None;
    }

    /// Ends all tracks: it shows something else from now on.
    pub(super) fn begin_anew(&mut self) {
        self.tracker.reset();
        self.closer = None;
    }

    /// How to search the picture at hand, of `time`, in which a find of at least the score `sure` is a plate; `is_cut`: it has
    /// nothing to do with the one before.
    pub(super) fn how_to_search(&mut self, settings: &Settings, sure: f32, time: Timestamp, is_cut: bool) -> Search {
        let least = if settings.tracking { self.tracker.settings().low_confidence } else { sure };
        // of a photograph there is no later frame to look closer at
        let close = settings.further.close && (!settings.tracking || is_cut || self.allows_closer(time));
        Search { thresholds: settings.thresholds(least), sure, further: Further { close, ..settings.further } }
    }

    /// Whether closer looks may be taken at `time`: now and then is enough to begin a track.
    fn allows_closer(&mut self, time: Timestamp) -> bool {
        let is_due = self.closer.is_none_or(|last| time < last || time.since(last) >= Closer::INTERVAL);
        self.closer = if is_due { Some(time) } else { self.closer };
        is_due
    }
}

impl State {
    /// The score from which a find is a plate.
    pub(super) fn sure(&self, settings: &Settings) -> f32 {
        settings.confidence(self.detector.contract().confidence_threshold)
    }

    /// Ends all tracks: what follows has nothing to do with what was before.
    pub(super) fn reset(&mut self) {
        self.cameras.all_mut().for_each(Camera::reset);
        self.time.reset();
    }

    /// Ends all tracks, because places in pixels mean something else from now on. What the pictures show may be the same.
    pub(super) fn resize(&mut self, size: (u32, u32)) {
        for camera in self.cameras.all_mut() {
            camera.begin_anew();
            camera.since_search = None;
            camera.tracker.settings_mut().frame = Some(size);
        }
        self.time.reset();
    }

    /// Plates of a searched frame.
    pub(super) fn followed(&mut self, settings: &Settings, time: Timestamp, found: Vec<Found>) -> Vec<PlateMeta> {
        if !settings.tracking {
            return found.iter().map(|(detection, vehicle)| self.plate(detection, vehicle.clone())).collect();
        }
        let detections: Vec<Detection> = found.iter().map(|(detection, _)| detection.clone()).collect();
        let tracked = self.cameras.here_mut().tracker.update(time, &detections);
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
        self.cameras.here_mut().tracker.predict(time).into_iter().map(expected).collect()
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

#[cfg(test)]
mod tests {
    use alpr_core::geometry::Rect;

    use super::*;

    #[test]
    fn a_camera_that_made_room_keeps_its_counts_and_gives_no_track_twice() {
        let mut cameras = Cameras::new();
        let track = |cameras: &mut Cameras, source: u32| {
            cameras.turn_to(source);
            let bbox = Rect::new(100.0, 100.0, 80.0, 20.0);
            let found = Detection { bbox, corners: None, confidence: 0.9, class: 0 };
            cameras.here_mut().tracker.update(Timestamp(0), &[found]).first().map(|track| track.id)
        };
        assert_eq!(track(&mut cameras, 7), Some(1));
        // more than are kept: 7 goes, and comes back
        assert!((1000..2000).all(|source| track(&mut cameras, source).is_some()));
        let stats = cameras.stats();
        assert_eq!(stats.born, 1001);
        assert!(stats.ended > 700, "{stats:?}");
        assert!(track(&mut cameras, 7) > Some(1), "an id is of one track");
    }
}
