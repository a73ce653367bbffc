//! All passes of one camera.

mod decide;
mod end;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::consensus::{Fusion, FusionSettings};
use crate::event::{normalized, pass_id};
use crate::time::Timestamp;
use crate::track::carried::{Carried, Found};

use super::compose;
use super::duplicates::Duplicates;
use super::judge::StaticPolicy;
use super::lettering;
use super::observation::{Decision, EventDecision, FrameInfo, Keep, Observation, PassId, VehicleObservation};
use super::open::Open;
use super::outcome::{Outcome, Tally};
use super::pace::{End, Pace};
use super::pass::Pass;
use super::settings::Settings;
use super::signs::Signs;
use super::vehicles::Vehicles;
use super::watchlist::Watchlist;
use super::zones::Zones;
use decide::Moment;

/// The passes of one camera, in view and counted.
#[derive(Debug)]
pub struct Passes {
    settings: Settings,
    /// By track.
    live: BTreeMap<u64, Pass>,
    /// By track, for readings that come without a consensus.
    fusions: BTreeMap<u64, Fusion>,
    /// Whether readings come frame by frame. Then what was fused since says only that frames are missing in between, which a
    /// queue left out, for instance.
    tells_readings: bool,
    vehicles: Vehicles,
    carried: Carried,
    signs: Signs,
    tally: Tally,
    open: Open,
    pace: Pace,
    last: Option<FrameInfo>,
    read_passes: u64,
    reads: u64,
    late_changes: u64,
}

impl Passes {
    /// No pass yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            live: BTreeMap::new(),
            fusions: BTreeMap::new(),
            tells_readings: false,
            vehicles: Vehicles::default(),
            carried: Carried::default(),
            signs: Signs::default(),
            tally: Tally::default(),
            open: Open::default(),
            pace: Pace::default(),
            last: None,
            read_passes: 0,
            reads: 0,
            late_changes: 0,
        }
    }

    /// The choices.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes choices; they hold from the next frame.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Changes the named places.
    pub fn set_zones(&mut self, zones: Arc<Zones>) {
        self.settings.zones = zones;
    }

    /// Changes the plates that someone waits for.
    pub fn set_watchlist(&mut self, watchlist: Arc<Watchlist>) {
        self.settings.watchlist = watchlist;
    }

    /// Counts of tracks and outcomes.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Passes in view.
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Whether something ends as time goes on: a pass, or a vehicle without one.
    pub fn is_waiting(&self) -> bool {
        !self.live.is_empty() || !self.vehicles.is_empty()
    }

    /// (readings, passes) of those that ended and had a reading.
    pub const fn reads(&self) -> (u64, u64) {
        (self.reads, self.read_passes)
    }

    /// Passes whose fused text changed after their event was sent and could not be corrected any more.
    pub const fn late_changes(&self) -> u64 {
        self.late_changes
    }

    /// The plates of a frame at `time` with a track each: of several on one vehicle that upstream follows, those that are
    /// plates of their own; see [`Carried`].
    pub fn tell_apart(&mut self, time: Timestamp, seen: Vec<Observation>) -> Vec<Observation> {
        let found = |seen: &Observation| Found {
            track_id: seen.track_id,
            bbox: seen.bbox,
            vehicle: seen.vehicle.as_ref().and_then(|vehicle| vehicle.bbox),
            confidence: seen.detector_confidence,
        };
        let tracks = self.carried.tell_apart(time, &seen.iter().map(found).collect::<Vec<_>>());
        let told = seen.into_iter().zip(tracks);
        told.filter_map(|(seen, track)| Some(Observation { track_id: track?, ..seen })).collect()
    }

    /// Takes in one frame: `observations` are the plates on it, each track at most once.
    pub fn observe(
        &mut self,
        memory: &mut Duplicates,
        frame: FrameInfo,
        observations: &[Observation],
    ) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.pace.go(frame.time);
        self.tick(memory, frame.time, &mut decisions);
        self.last = Some(frame);
        // a sign may be missed in the very first frames
        let begins = self.pace.age() <= self.timeout();
        self.signs.set_size((frame.width, frame.height));
        let mut read = Vec::new();
        self.tells_readings |= observations.iter().any(|seen| seen.reading.is_some());
        for seen in observations {
            if seen.predicted && !self.live.contains_key(&seen.track_id) {
                continue;
            }
            let seen = &*self.fused(frame.time, seen);
            if self.live.get(&seen.track_id).is_some_and(|pass| pass.is_left_for_another(seen)) {
                self.end(memory, seen.track_id, &mut decisions);
            }
            let at_sign = self.is_at_sign(seen);
            let pass = self.live.entry(seen.track_id).or_insert_with(|| {
                self.tally.began();
                let id =
                    pass_id(&self.settings.identity.site, &self.settings.identity.camera, frame.time, seen.track_id);
                Pass::new(id, seen.track_id, &frame, begins || self.signs.is_one(&seen.bbox))
            });
            pass.fused_alone = !self.tells_readings;
            if pass.observe(&frame, seen, at_sign, &self.settings.zones) {
                decisions.push(Decision::Keep(Keep {
                    pass: pass.id,
                    plate: seen.bbox,
                    corners: seen.corners,
                    vehicle: pass.vehicle.as_ref().and_then(|v| v.bbox),
                }));
            }
            read.push(seen.track_id);
        }
        lettering::look(&mut self.live, observations);
        // a track that is only expected somewhere is lost, and may go on as another one
        let found: Vec<u64> = observations.iter().filter(|seen| !seen.predicted).map(|seen| seen.track_id).collect();
        self.stitch(&found, (frame.width, frame.height), &mut decisions);
        read.retain(|track| self.live.contains_key(track));
        for track in read {
            self.decide(memory, track, Moment::Now, &mut decisions).ok();
        }
        while self.live.len() > self.settings.most_live.max(1) {
            let oldest = self.live.iter().min_by_key(|(track, pass)| (pass.last, **track)).map(|(track, _)| *track);
            let Some(track) = oldest else { break };
            self.end(memory, track, &mut decisions);
        }
        self.fusions.retain(|track, _| self.live.contains_key(track));
        decisions
    }

    /// Whether what is read is a sign that another track was of: one that ended, or one that was lost.
    fn is_at_sign(&self, seen: &Observation) -> bool {
        let Some(reading) = &seen.reading else { return false };
        let text = normalized(&reading.text);
        let others = || self.live.iter().filter(|(track, _)| **track != seen.track_id);
        self.settings.rules.static_policy != StaticPolicy::Accept
            && !text.is_empty()
            && (self.signs.say(&text, &seen.bbox)
                || others().filter_map(|(_, pass)| pass.sign()).any(|sign| sign.says(&text, &seen.bbox)))
    }

    /// What one frame shows of one track, with a consensus: an element that reads need not fuse.
    fn fused<'a>(&mut self, time: Timestamp, seen: &'a Observation) -> Cow<'a, Observation> {
        let Some(reading) = seen.reading.as_ref().filter(|_| seen.consensus.is_none()) else {
            return Cow::Borrowed(seen);
        };
        let fusion = self.fusions.entry(seen.track_id).or_insert_with(|| Fusion::new(FusionSettings::default()));
        if self.live.get(&seen.track_id).is_some_and(|pass| time.since(pass.last_seen) >= Fusion::AWAY) {
            fusion.was_away();
        }
        fusion.add(reading, seen.quality.unwrap_or(1.0));
        fusion.take_change();
        Cow::Owned(Observation { consensus: fusion.consensus(), ..seen.clone() })
    }

    /// Takes in the vehicles of a frame, whether they carry `plates` or not; call it before [`Passes::observe`]. Those
    /// that leave without an event of their plate are told as [`Decision::Vehicle`].
    pub fn observe_vehicles(&mut self, frame: &FrameInfo, vehicles: &[VehicleObservation], plates: &[Observation]) {
        self.vehicles.observe(frame, vehicles, plates, &self.settings);
    }

    /// Capture time of the latest frame.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.last.map(|frame| frame.time)
    }

    /// Time went on without a frame.
    pub fn advance(&mut self, memory: &mut Duplicates, time: Timestamp) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.tick(memory, time, &mut decisions);
        decisions
    }

    /// The stream is over: ends all passes with what they have.
    pub fn finish(&mut self, memory: &mut Duplicates) -> Vec<Decision> {
        self.finish_by(memory, End::Stream)
    }

    /// What comes next has nothing to do with what was before: ends all passes with what they have.
    pub fn cut(&mut self, memory: &mut Duplicates) -> Vec<Decision> {
        self.finish_by(memory, End::Cut)
    }

    fn finish_by(&mut self, memory: &mut Duplicates, end: End) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.pace.end(end);
        self.end_all(memory, &mut decisions);
        self.carried.clear();
        self.pace.restart();
        decisions
    }

    fn end_all(&mut self, memory: &mut Duplicates, decisions: &mut Vec<Decision>) {
        for track in self.live.keys().copied().collect::<Vec<_>>() {
            self.end(memory, track, decisions);
        }
        self.fusions.clear();
        self.end_vehicles(None, decisions);
    }

    /// The stream was cut: forgets all passes in view.
    pub fn reset(&mut self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for (_, pass) in std::mem::take(&mut self.live) {
            let outcome = match &pass.published {
                Some(published) => self.outcome_of(pass.id, published),
                None => Outcome::Interrupted,
            };
            let text = compose::text_of(&pass, &self.settings);
            self.close(&pass, outcome, None, &text, &mut decisions);
        }
        self.vehicles.clear();
        self.carried.clear();
        self.fusions.clear();
        self.last = None;
        self.pace.restart();
        decisions
    }

    /// Downstream took the event of `decision`.
    pub fn delivered(&mut self, memory: &mut Duplicates, decision: &EventDecision) {
        memory.commit(decision.entry);
        self.note_delivery(decision.pass, true);
    }

    /// Downstream refused the event of `decision`. Returns whether it took no earlier revision of it either.
    pub fn refused(&mut self, memory: &mut Duplicates, decision: &EventDecision) -> bool {
        memory.withdraw(decision.entry);
        !self.note_delivery(decision.pass, false)
    }

    /// Whether downstream took this or an earlier revision.
    fn note_delivery(&mut self, id: PassId, taken: bool) -> bool {
        if let Some(published) =
            self.live.values_mut().find(|pass| pass.id == id).and_then(|pass| pass.published.as_mut())
        {
            published.settle(taken);
            return published.taken;
        }
        let Some(published) = self.open.settle(id, taken) else { return taken };
        if published.is_refused() {
            self.tally.take_back(Outcome::Event, Outcome::NotDelivered);
        }
        published.taken
    }

    /// Ends the passes that are out of view at `time`.
    fn tick(&mut self, memory: &mut Duplicates, time: Timestamp, decisions: &mut Vec<Decision>) {
        let timeout = self.timeout();
        if self.last.is_some_and(|last| last.time.since(time) > timeout) {
            // the clock was set back: what is in view cannot be continued
            self.end_all(memory, decisions);
        } else if self.last.is_some() {
            let over: Vec<u64> =
                self.live.iter().filter(|(_, pass)| time.since(pass.last) > timeout).map(|(track, _)| *track).collect();
            for track in over {
                self.end(memory, track, decisions);
                self.fusions.remove(&track);
            }
            self.end_vehicles(Some(time), decisions);
        }
        // Only now: what is over ended long ago, when the memory still had what it is a duplicate of.
        memory.expire(&self.settings.identity.camera, time);
    }

    /// Ends vehicles, later than their plates: until then their outcome is not known.
    fn end_vehicles(&mut self, time: Option<Timestamp>, decisions: &mut Vec<Decision>) {
        let timeout = self.timeout() * 2;
        // a preview may be taken back, and what is a duplicate now may turn out to be something else
        let is_told = |plate: u64| {
            self.live.values().filter(|pass| pass.tracks().any(|track| track == plate)).any(|pass| {
                pass.duplicate_of.is_some() || pass.published.as_ref().is_some_and(|published| !published.is_preview())
            })
        };
        let ended = self.vehicles.ended(time, timeout, &is_told, &self.settings);
        decisions.extend(ended.into_iter().map(|record| Decision::Vehicle(Box::new(record))));
    }

    fn timeout(&self) -> Duration {
        self.settings.track_timeout.max(self.pace.patience())
    }
}
