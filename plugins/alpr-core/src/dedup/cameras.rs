//! The cameras of one stream.
//!
//! Mostly it is one. In the batches of DeepStream there are several, and what one sees is nothing to the others: each has
//! passes and an id of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::event::limits;

use super::duplicates::Duplicates;
use super::observation::{Decision, EventDecision};
use super::outcome::Tally;
use super::passes::Passes;
use super::settings::{Identity, Settings};
use super::watchlist::Watchlist;
use super::zones::Zones;

/// What stands for the number of the source in the id of a camera.
pub const SOURCE: &str = "{source_id}";

/// A camera may come this much later than the others of its stream before time goes on without it.
const LATENESS: Duration = Duration::from_secs(2);

/// The passes of all cameras of a stream.
#[derive(Debug)]
pub struct Cameras {
    settings: Settings,
    /// The source that came first.
    first: Option<u32>,
    passes: BTreeMap<u32, Passes>,
    /// Where in the stream each was seen last.
    seen: BTreeMap<u32, Duration>,
    /// What those have counted that are no more.
    gone: Counts,
}

/// What is counted of a camera, or of several together.
#[derive(Clone, Debug, Default)]
struct Counts {
    tally: Tally,
    reads: u64,
    read_passes: u64,
    late_changes: u64,
}

impl Counts {
    fn add(mut self, passes: &Passes) -> Self {
        self.tally.join(passes.tally());
        let (reads, read_passes) = passes.reads();
        self.reads += reads;
        self.read_passes += read_passes;
        self.late_changes += passes.late_changes();
        self
    }
}

impl Cameras {
    /// Most cameras: more in one stream is a number that runs away.
    pub const MOST: usize = 256;

    /// No camera yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, first: None, passes: BTreeMap::new(), seen: BTreeMap::new(), gone: Counts::default() }
    }

    /// The choices; the id of the camera is as it was given.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes choices of all cameras; they hold from the next frame.
    pub fn set_settings(&mut self, settings: Settings) {
        for passes in self.passes.values_mut() {
            let identity = passes.settings().identity.clone();
            passes.set_settings(Settings { identity, ..settings.clone() });
        }
        self.settings = settings;
    }

    /// Changes the named places.
    pub fn set_zones(&mut self, zones: &Arc<Zones>) {
        self.passes.values_mut().for_each(|passes| passes.set_zones(zones.clone()));
        self.settings.zones = zones.clone();
    }

    /// Changes the plates that someone waits for.
    pub fn set_watchlist(&mut self, watchlist: &Arc<Watchlist>) {
        self.passes.values_mut().for_each(|passes| passes.set_watchlist(watchlist.clone()));
        self.settings.watchlist = watchlist.clone();
    }

    /// The passes of the camera with number `source`; `None` when its id would be too long or there are too many cameras.
    pub fn of(&mut self, source: u32) -> Option<&mut Passes> {
        let first = *self.first.get_or_insert(source);
        if !self.passes.contains_key(&source) {
            let camera = camera_id(&self.settings.identity.camera, source, first);
            if self.passes.len() == Self::MOST || camera.chars().count() > limits::CAMERA_ID {
                return None;
            }
            let identity = Identity { camera, ..self.settings.identity.clone() };
            self.passes.insert(source, Passes::new(Settings { identity, ..self.settings.clone() }));
        }
        self.passes.get_mut(&source)
    }

    /// The passes of the camera with the id `camera`, if it has shown anything.
    pub fn named(&self, camera: &str) -> Option<&Passes> {
        self.passes.values().find(|passes| passes.settings().identity.camera == camera)
    }

    /// The id of the camera that came first; before any came, that of number 0.
    pub fn first_id(&self) -> String {
        let first = self.first.unwrap_or(0);
        camera_id(&self.settings.identity.camera, first, first)
    }

    /// Nothing comes until `position` of the stream, of no camera. Each keeps its own clock, which goes on as the stream does.
    pub fn advance(&mut self, memory: &mut Duplicates, position: Duration) -> Vec<Decision> {
        self.end_silent(memory, position, Duration::ZERO)
    }

    /// The cameras `shown` have a picture at `position` of the stream. For those that have had none for a while, time goes on
    /// all the same: what they had in view when they fell silent must not wait for their next picture. Each keeps its own
    /// clock; of the others' it knows only how long it was silent.
    pub fn go_on(&mut self, memory: &mut Duplicates, position: Duration, shown: &[u32]) -> Vec<Decision> {
        self.seen.extend(shown.iter().map(|source| (*source, position)));
        self.end_silent(memory, position, LATENESS)
    }

    /// Lets time go on at cameras that are silent for longer than `lateness` at `position`.
    fn end_silent(&mut self, memory: &mut Duplicates, position: Duration, lateness: Duration) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for (source, passes) in self.passes.iter_mut().filter(|(_, passes)| passes.is_waiting()) {
            let silence = self.seen.get(source).map_or(Duration::ZERO, |seen| position.saturating_sub(*seen));
            if let Some(last) = passes.last_time().filter(|_| silence > lateness) {
                decisions.extend(passes.advance(memory, last.plus(silence - lateness)));
            }
        }
        decisions
    }

    /// The stream is over: ends all passes with what they have.
    pub fn finish(&mut self, memory: &mut Duplicates) -> Vec<Decision> {
        self.passes.values_mut().flat_map(|passes| passes.finish(memory)).collect()
    }

    /// The camera with number `source` has ended, and the others go on, or shows something else from now on: ends its passes
    /// with what they have.
    pub fn end(&mut self, memory: &mut Duplicates, source: u32) -> Vec<Decision> {
        self.seen.remove(&source);
        self.passes.get_mut(&source).map(|passes| passes.cut(memory)).unwrap_or_default()
    }

    /// The camera with number `source` is no more, and makes room for others: call it after [`Cameras::end`], when what that decided
    /// is settled. Returns its id.
    pub fn remove(&mut self, source: u32) -> Option<String> {
        let passes = self.passes.remove(&source)?;
        self.seen.remove(&source);
        self.gone = std::mem::take(&mut self.gone).add(&passes);
        Some(passes.settings().identity.camera.clone())
    }

    /// The stream was cut: forgets all passes in view.
    pub fn reset(&mut self) -> Vec<Decision> {
        self.seen.clear();
        self.passes.values_mut().flat_map(Passes::reset).collect()
    }

    /// Downstream took the event of `decision`, or did not. Returns whether it took no earlier revision of it either.
    pub fn settle(&mut self, memory: &mut Duplicates, decision: &EventDecision, taken: bool) -> bool {
        let is_its = |passes: &&mut Passes| passes.settings().identity.camera == decision.event.camera_id;
        match self.passes.values_mut().find(is_its) {
            Some(passes) if taken => {
                passes.delivered(memory, decision);
                false
            }
            Some(passes) => passes.refused(memory, decision),
            None => !taken,
        }
    }

    /// Counts of tracks and outcomes of all cameras.
    pub fn tally(&self) -> Tally {
        self.counts().tally
    }

    /// Passes in view.
    pub fn live(&self) -> usize {
        self.passes.values().map(Passes::live).sum()
    }

    /// (readings, passes) of those that ended and had a reading.
    pub fn reads(&self) -> (u64, u64) {
        let counts = self.counts();
        (counts.reads, counts.read_passes)
    }

    /// Passes whose fused text changed after their event was sent and could not be corrected any more.
    pub fn late_changes(&self) -> u64 {
        self.counts().late_changes
    }

    fn counts(&self) -> Counts {
        self.passes.values().fold(self.gone.clone(), Counts::add)
    }
}

/// The id of the camera with number `source`: `given` with the number in place of [`SOURCE`]. Where that stands nowhere, the
/// camera that came `first` has the id as it is, and others the number behind it.
fn camera_id(given: &str, source: u32, first: u32) -> String {
    if given.contains(SOURCE) || source == first {
        given.replace(SOURCE, &source.to_string())
    } else {
        format!("{given}-{source}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::{DuplicateRules, Emit, FrameInfo, Observation, Outcome};
    use crate::geometry::Rect;
    use crate::time::{TimeSource, Timestamp};

    /// What the camera `source` shows `seconds` after its clock began at `clock`: a plate on its way, or nothing.
    fn show(
        cameras: &mut Cameras,
        memory: &mut Duplicates,
        source: u32,
        clock: f64,
        seconds: f64,
        text: Option<&str>,
    ) -> Vec<Decision> {
        let time = Timestamp(((clock + seconds) * 1e9) as i64);
        let number = (seconds * 25.0).round() as u64;
        let frame = FrameInfo { time, time_source: TimeSource::StreamTime, number, width: 1280, height: 720 };
        let n = number as u32 + 1;
        let plate = text.map(|text| Observation {
            track_id: 7,
            bbox: Rect::new(100.0 + 20.0 * n as f32, 300.0, 80.0, 20.0),
            corners: None,
            detector_confidence: 0.8,
            predicted: false,
            quality: Some(0.8),
            reading: Some(crate::dedup::tests::reading(text, 0.95)),
            consensus: Some(crate::dedup::tests::consensus(text, 0.95, n, n)),
            vehicle: None,
        });
        let passes = cameras.of(source).expect("few cameras");
        passes.observe(memory, frame, plate.as_slice())
    }

    #[test]
    fn what_one_camera_sees_is_nothing_to_the_others() {
        let mut cameras = Cameras::new(crate::dedup::tests::settings());
        let mut memory = Duplicates::new(DuplicateRules::default());
        let mut events = Vec::new();
        // the same track number and the same plate at both, in one batch
        for number in 0..40_u8 {
            for (source, text) in [(0, "ABC123"), (1, "ABC123"), (2, "XYZ789")] {
                let decisions = show(&mut cameras, &mut memory, source, 0.0, f64::from(number) / 25.0, Some(text));
                events.extend(decisions.into_iter().filter_map(|decision| match decision {
                    Decision::Event(event) => Some(event),
                    _ => None,
                }));
            }
        }
        for event in &events {
            cameras.settle(&mut memory, event, true);
        }
        let told: Vec<(&str, &str)> = events
            .iter()
            .map(|event| (event.event.camera_id.as_str(), event.event.plate.normalized_text.as_str()))
            .collect();
        assert_eq!(told, [("CAM1", "ABC123"), ("CAM1-1", "ABC123"), ("CAM1-2", "XYZ789")]);
        assert_eq!((cameras.live(), cameras.tally().tracks()), (3, 3));
        cameras.finish(&mut memory);
        assert_eq!((cameras.live(), cameras.tally().of(Outcome::Event)), (0, 3));
    }

    #[test]
    fn passes_of_a_camera_that_falls_silent_end_by_the_stream() {
        let mut cameras = Cameras::new(Settings { emit: Emit::Final, ..crate::dedup::tests::settings() });
        let mut memory = Duplicates::new(DuplicateRules::default());
        let mut ended = None;
        // the clock of the second camera is a day behind; it falls silent after a second
        for number in 0..25 * 10_u32 {
            let position = Duration::from_millis(u64::from(number) * 40);
            let seconds = position.as_secs_f64();
            let mut shown = vec![0];
            show(&mut cameras, &mut memory, 0, 1e6, seconds, None);
            if seconds < 1.0 {
                shown.push(1);
                show(&mut cameras, &mut memory, 1, 1e6 - 86_400.0, seconds, Some("ABC123"));
            }
            for decision in cameras.go_on(&mut memory, position, &shown) {
                if let Decision::Event(event) = decision {
                    assert_eq!(event.event.camera_id, "CAM1-1");
                    assert_eq!(ended.replace(seconds), None, "one event");
                }
            }
        }
        let ended = ended.expect("an event without a further picture of that camera");
        assert!((3.0..6.0).contains(&ended), "after {ended} s");
        assert_eq!((cameras.live(), cameras.tally().of(Outcome::NotDelivered)), (0, 0));
        // its next picture is nothing special
        assert!(show(&mut cameras, &mut memory, 1, 1e6 - 86_400.0, 10.0, None).is_empty());
    }

    #[test]
    fn a_gap_ends_passes_by_the_clocks_of_their_cameras() {
        let mut cameras = Cameras::new(Settings { emit: Emit::Final, ..crate::dedup::tests::settings() });
        let mut memory = Duplicates::new(DuplicateRules::default());
        // the clock of the camera is years ahead of its stream
        for number in 0..25_u32 {
            let position = Duration::from_millis(u64::from(number) * 40);
            show(&mut cameras, &mut memory, 0, 1e9, position.as_secs_f64(), Some("ABC123"));
            cameras.go_on(&mut memory, position, &[0]);
            assert!(cameras.advance(&mut memory, position + Duration::from_millis(20)).is_empty(), "a short gap");
        }
        assert_eq!(cameras.tally().tracks(), 1);
        cameras.advance(&mut memory, Duration::from_secs(3));
        assert_eq!((cameras.live(), cameras.tally().of(Outcome::Event)), (0, 1), "a long one");
    }

    #[test]
    fn a_camera_that_ends_gives_its_events_and_may_come_back() {
        let mut cameras = Cameras::new(Settings { emit: Emit::Final, ..crate::dedup::tests::settings() });
        let mut memory = Duplicates::new(DuplicateRules::default());
        let mut told = |cameras: &mut Cameras, from: u32, source: u32| {
            for number in from..from + 25 {
                for (source, text) in [(0, "ABC123"), (1, "XYZ789")] {
                    show(cameras, &mut memory, source, 0.0, f64::from(number) * 0.04, Some(text));
                }
            }
            let decisions = cameras.end(&mut memory, source);
            let events = decisions.into_iter().filter_map(|decision| match decision {
                Decision::Event(event) => Some(event.event.camera_id),
                _ => None,
            });
            events.collect::<Vec<_>>()
        };
        assert_eq!(told(&mut cameras, 0, 1), ["CAM1-1"]);
        assert_eq!((cameras.live(), cameras.tally().tracks()), (1, 2));
        assert_eq!(told(&mut cameras, 25, 2), [""; 0], "a camera that nobody has seen");
        assert_eq!((cameras.live(), cameras.tally().tracks()), (2, 3), "what it shows later is a new pass");
    }

    #[test]
    fn cameras_that_come_and_go_make_room_and_stay_counted() {
        let mut cameras = Cameras::new(crate::dedup::tests::settings());
        let mut memory = Duplicates::new(DuplicateRules::default());
        let all = Cameras::MOST as u32 + 44;
        for source in 0..all {
            show(&mut cameras, &mut memory, source, 0.0, 0.0, Some("ABC123"));
            cameras.end(&mut memory, source);
            assert!(cameras.remove(source).is_some());
        }
        assert_eq!(
            (cameras.live(), cameras.tally().tracks(), cameras.reads()),
            (0, u64::from(all), (u64::from(all), u64::from(all)))
        );
        assert_eq!(cameras.remove(0), None, "it is gone already");
    }

    #[test]
    fn a_camera_that_is_late_for_a_moment_keeps_its_passes() {
        let mut cameras = Cameras::new(crate::dedup::tests::settings());
        let mut memory = Duplicates::new(DuplicateRules::default());
        for number in 0..25 * 4_u32 {
            let position = Duration::from_millis(u64::from(number) * 40);
            let seconds = position.as_secs_f64();
            let late = (1.0..3.0).contains(&seconds);
            let shown: &[u32] = if late { &[0] } else { &[0, 1] };
            show(&mut cameras, &mut memory, 0, 0.0, seconds, None);
            if !late {
                // after the pause it shows what it recorded meanwhile
                let own = if seconds < 1.0 { seconds } else { seconds - 2.0 };
                show(&mut cameras, &mut memory, 1, 0.0, own, Some("ABC123"));
            }
            cameras.go_on(&mut memory, position, shown);
        }
        assert_eq!(cameras.tally().tracks(), 1);
    }

    #[test]
    fn every_camera_has_an_id_of_its_own() {
        for (given, source, id) in
            [("gate", 3, "gate"), ("gate", 4, "gate-4"), ("gate-{source_id}", 3, "gate-3"), ("{source_id}", 4, "4")]
        {
            assert_eq!(camera_id(given, source, 3), id);
        }
        let identity = Identity { camera: "c".repeat(49), ..Identity::default() };
        let mut cameras = Cameras::new(Settings { identity, ..Settings::default() });
        assert!(cameras.of(1).is_some() && cameras.of(1).is_some());
        assert!(cameras.of(2).is_none(), "51 characters");
    }
}
