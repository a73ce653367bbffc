//! What the element holds from PAUSED up, and until it goes there again or to NULL.

use std::collections::BTreeMap;

use alpr_core::contract::is_vehicle;
use alpr_core::dedup::{Cameras, Decision, DuplicateRules, FrameInfo, Observation, Outcome, VehicleObservation};
use alpr_core::event::limits;
use alpr_core::time::{TimeSource, Timestamp};

use super::capture::CaptureTime;
use super::carry::{Decided, unseen};
use super::evidence::Evidence;
use super::health::Health;
use super::memory::Memory;
use super::output::Output;
use super::settings::{Settings, SettingsError};
use super::state_file::StateFile;
use crate::element::Passage;
use crate::meta;

/// Name of the structure of property `stats`.
pub(super) const STATS: &str = "application/x-alprdedup-stats";

/// The run.
pub(super) struct State {
    pub(super) cameras: Cameras,
    pub(super) memory: Memory,
    pub(super) output: Output,
    pub(super) capture: CaptureTime,
    pub(super) segment: gst::FormattedSegment<gst::ClockTime>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: u64,
    /// Frames of each camera.
    numbers: BTreeMap<u32, u64>,
    /// Frames of cameras that cannot be named, and whether it was said that there are some.
    unnamed: u64,
    told_unnamed: bool,
    untracked: u64,
    pub(super) health: Health,
    pub(super) last_pts: Option<gst::ClockTime>,
    /// Whether plates come through, and whether the latest buffer has some.
    passage: Passage,
    seen: bool,
}

impl State {
    /// Reads and opens what `settings` name. `name` stands in for a camera without id. Of the run before, `old`, what is
    /// remembered stays where the settings ask for the same memory; it is left as it is when something before that fails.
    pub(super) fn new(settings: &Settings, name: &str, old: &mut Option<Self>) -> Result<Self, SettingsError> {
        let core = settings.resolve(name)?;
        let start = settings.start()?;
        let evidence = Evidence::new(settings)?;
        let (memory, state_file) = match old.take() {
            Some(Self { memory, output, .. }) if memory.is_of(settings) => {
                memory.change_rules(|_| settings.duplicate_rules());
                (memory, output.into_state_file(core.privacy.as_ref()))
            }
            other => {
                // its state file may be the one that is opened now
                drop(other);
                let memory = Memory::new(settings);
                let state_file = StateFile::new(settings, core.privacy.clone(), &memory)?;
                (memory, state_file)
            }
        };
        Ok(Self {
            output: Output::new(settings, evidence, state_file),
            cameras: Cameras::new(core),
            memory,
            capture: CaptureTime::new(start),
            segment: gst::FormattedSegment::new(),
            width: 0,
            height: 0,
            frames: 0,
            numbers: BTreeMap::new(),
            unnamed: 0,
            told_unnamed: false,
            untracked: 0,
            health: Health::new(settings),
            last_pts: None,
            passage: Passage::default(),
            seen: false,
        })
    }

    /// Takes in a new value of `property`, where it may change while the stream plays; others count from the next start.
    pub(super) fn change(&mut self, property: &str, settings: &Settings) -> Result<(), SettingsError> {
        if matches!(property, "time-window" | "window-mode") {
            let DuplicateRules { window, mode, .. } = settings.duplicate_rules();
            self.memory.change_rules(|old| DuplicateRules { window, mode, ..old });
            return Ok(());
        }
        let mut core = self.cameras.settings().clone();
        settings.put(property, &mut core)?;
        self.cameras.set_settings(core);
        Ok(())
    }

    /// Takes in all pictures of `buffer`, which came to `element`. Returns what is decided, each with the picture that shows it.
    pub(super) fn take_in<'a>(&mut self, buffer: &'a gst::Buffer, element: &gst::Element) -> Vec<Decided<'a>> {
        self.frames += 1;
        self.output.begin(self.frames);
        self.last_pts = buffer.pts().or(self.last_pts);
        self.seen = false;
        let (mut decisions, mut sources) = (Vec::new(), Vec::new());
        for shown in meta::shown(buffer) {
            self.seen |= !shown.plates.is_empty();
            sources.push(shown.view.id.source);
            let (time, source) = self.capture.of(buffer, &shown, Some(&self.segment), element);
            let frame = Some((buffer, shown.view));
            decisions.extend(self.observe(shown, time, source).into_iter().map(|decision| (decision, frame)));
        }
        if let Some(pts) = buffer.pts() {
            decisions.extend(unseen(self.cameras.go_on(&mut self.memory.lock(), pts.into(), &sources)));
        }
        decisions
    }

    /// What to warn of after `buffer` was [taken in](Self::take_in), each once.
    pub(super) fn problems(&mut self, buffer: &gst::BufferRef) -> Vec<String> {
        let lost = self.passage.problem(buffer, self.seen).map(str::to_owned);
        let is_new = self.unnamed > 0 && !std::mem::replace(&mut self.told_unnamed, true);
        let unnamed = is_new.then(|| {
            format!(
                "A camera of the batch gets no events: with its number, camera-id={:?} has more than {} characters, \
                 or the batch has more than {} cameras; see stats unnamed-cameras",
                self.cameras.settings().identity.camera,
                limits::CAMERA_ID,
                Cameras::MOST,
            )
        });
        [lost, self.capture.undated(), self.capture.unused_start(), self.capture.untimed_file(), unnamed]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Takes in what one camera shows at `time`: its plates and, where they are wanted, its vehicles.
    fn observe(&mut self, shown: meta::Shown, time: Timestamp, time_source: TimeSource) -> Vec<Decision> {
        let Some(passes) = self.cameras.of(shown.view.id.source) else {
            self.unnamed += 1;
            return Vec::new();
        };
        self.health.saw(&passes.settings().identity.camera);
        let next = self.numbers.entry(shown.view.id.source).or_default();
        let number = *next;
        *next += 1;
        let frame = FrameInfo { time, time_source, number, width: self.width, height: self.height };
        let found = shown.plates.len() as u64;
        let observations = passes.tell_apart(time, shown.plates.into_iter().filter_map(observation).collect());
        self.untracked += found - observations.len() as u64;
        if self.output.wants_vehicles() {
            passes.observe_vehicles(&frame, &vehicles(shown.regions), &observations);
        }
        passes.observe(&mut self.memory.lock(), frame, &observations)
    }

    /// The camera `source` was taken out of the stream, and all that it showed is settled.
    pub(super) fn remove(&mut self, source: u32) {
        self.numbers.remove(&source);
        if let Some(camera) = self.cameras.remove(source) {
            self.health.forget(&camera);
        }
    }

    /// The counters, as property `stats`.
    pub(super) fn stats(&self) -> gst::Structure {
        let mut stats = gst::Structure::new_empty(STATS);
        let tally = self.cameras.tally();
        let (reads, read_passes) = self.cameras.reads();
        stats.set("frames", self.frames);
        stats.set("tracks", tally.tracks());
        stats.set("live", self.cameras.live() as u64);
        for outcome in Outcome::ALL {
            stats.set(outcome.name(), tally.of(outcome));
        }
        stats.set("reads", reads);
        stats.set("passes-read", read_passes);
        stats.set("late-changes", self.cameras.late_changes());
        stats.set("untracked", self.untracked);
        stats.set("unnamed-cameras", self.unnamed);
        stats.set("clock-steps", self.capture.clock_steps);
        stats.set("frames-without-time", self.capture.without_time);
        let memory = self.memory.lock();
        stats.set("remembered", memory.len() as u64);
        stats.set("forgotten-early", memory.evicted());
        self.output.add_stats(&mut stats);
        stats
    }
}

/// The vehicles among `regions` that something upstream follows.
fn vehicles(regions: Vec<meta::Region>) -> Vec<VehicleObservation> {
    // the detector's class tells: a classifier may have made a sedan of its car
    regions
        .into_iter()
        .filter(|region| is_vehicle(&region.class))
        .map(|region| region.vehicle)
        .filter_map(|vehicle| Some(VehicleObservation { track_id: vehicle.id?, bbox: vehicle.bbox?, vehicle }))
        .collect()
}

/// A plate of the frame as the core wants it; one that nobody follows has no track.
fn observation(plate: meta::PlateMeta) -> Option<Observation> {
    Some(Observation {
        track_id: plate.track_id?,
        bbox: plate.bbox,
        corners: plate.corners,
        detector_confidence: plate.confidence,
        predicted: plate.predicted,
        quality: plate.quality,
        reading: plate.reading,
        consensus: plate.consensus,
        vehicle: plate.vehicle,
    })
}

#[cfg(test)]
mod tests {
    use alpr_core::event::Vehicle;
    use alpr_core::geometry::Rect;

    use super::*;

    #[test]
    fn vehicles_are_told_by_their_detectors_class() {
        for (class, kind, is_vehicle) in [
            ("car", "car", true),
            ("Car", "Car", true),
            ("TRUCK", "TRUCK", true),
            ("car", "sedan", true),
            ("person", "person", false),
            ("face", "van", false),
        ] {
            let bbox = Some(Rect::new(0.0, 0.0, 10.0, 10.0));
            let vehicle = Vehicle { kind: Some(kind.into()), bbox, id: Some(7), ..Vehicle::default() };
            let found = vehicles(vec![meta::Region { id: 0, class: class.into(), vehicle }]);
            let told: Vec<_> = found.iter().map(|found| found.vehicle.kind.as_deref()).collect();
            let expected = if is_vehicle { vec![Some(kind)] } else { vec![] };
            assert_eq!(told, expected, "{class}: what a classifier says is what is published");
        }
    }
}
