//! What is known of every plate that is in the picture.

use std::collections::HashMap;
use std::time::Duration;

use alpr_core::consensus::{Budget, Candidate, Consensus, CropQuality, Fusion, FusionSettings, ReadSchedule};
use alpr_core::reader::Reading;
use alpr_core::time::Timestamp;
use alpr_core::track::carried::{Carried, Found};

use crate::meta::PlateMeta;

/// A track that was not seen for this long has ended: longer than any tracker keeps a lost one.
const FORGET: Duration = Duration::from_secs(10);
/// Tracks remembered at one time; the one that was not seen for longest gives way.
const MAX_TRACKS: usize = 1024;

/// Identity of a plate over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Its own track, or its vehicle's.
    Track(u64),
    /// Nothing follows it: the plate of this index in this frame alone.
    Frame(usize),
}

impl Key {
    /// The number by which the schedule knows it. Tracks of vehicles and plates without one lie in ranges of their own.
    const fn number(self) -> u64 {
        match self {
            Self::Track(id) => id,
            Self::Frame(index) => u64::MAX - index as u64,
        }
    }
}

/// A plate of the frame that may be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crop {
    /// Its place among the plates of the frame.
    pub(super) plate: usize,
    pub(super) key: Key,
    /// What is known of the crop before it is cut.
    pub(super) quality: CropQuality,
}

/// A plate that something follows.
fn found(plate: &PlateMeta) -> Option<Found> {
    let vehicle = plate.vehicle.as_ref().and_then(|vehicle| vehicle.bbox);
    Some(Found { track_id: plate.track_id?, bbox: plate.bbox, vehicle, confidence: plate.confidence })
}

struct Track {
    fusion: Fusion,
    /// Where it is was known last, seen or predicted.
    last_known: Timestamp,
    last_seen: Timestamp,
    reads: u64,
    /// Whether its text was ever sure.
    was_sure: bool,
}

/// What ended since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// Tracks.
    pub(super) tracks: u64,
    /// Their readings together.
    pub(super) reads: u64,
    /// Tracks without any reading.
    pub(super) unread: u64,
    /// Tracks whose text was sure.
    pub(super) sure: u64,
}

/// All tracks with their readings.
pub(super) struct Tracks {
    fusion: FusionSettings,
    tracks: HashMap<Key, Track>,
    schedule: ReadSchedule,
    carried: Carried,
    ended: Ended,
}

impl Tracks {
    pub(super) fn new(fusion: FusionSettings) -> Self {
        Self {
            fusion,
            tracks: HashMap::new(),
            schedule: ReadSchedule::default(),
            carried: Carried::default(),
            ended: Ended::default(),
        }
    }

    /// The keys of the plates of one frame at `time`; where several came under one id, those that are plates of their own get
    /// their track.
    pub(super) fn keys(&mut self, time: Timestamp, plates: &mut [PlateMeta]) -> Vec<Key> {
        let mut keys: Vec<Key> = (0..plates.len()).map(Key::Frame).collect();
        let followed: Vec<(usize, Found)> =
            plates.iter().enumerate().filter_map(|(i, p)| Some((i, found(p)?))).collect();
        let tracks = self.carried.tell_apart(time, &followed.iter().map(|(_, found)| *found).collect::<Vec<_>>());
        for ((index, _), track) in followed.iter().zip(tracks) {
            if let Some(track) = track {
                keys[*index] = Key::Track(track);
                plates[*index].track_id = Some(track);
            }
        }
        keys
    }

    /// Notes which plates are in the picture at `time`, and forgets those that are gone. `plates` are those of `keys`.
    pub(super) fn see(&mut self, time: Timestamp, keys: &[Key], plates: &[PlateMeta]) {
        let gone = |track: &Track| time.since(track.last_known) > FORGET || track.last_known.since(time) > FORGET;
        let old: Vec<Key> = self.tracks.iter().filter(|(_, track)| gone(track)).map(|(key, _)| *key).collect();
        old.into_iter().for_each(|key| self.end(key));
        for (key, plate) in keys.iter().zip(plates) {
            if self.tracks.len() >= MAX_TRACKS && !self.tracks.contains_key(key) {
                let oldest = self.tracks.iter().min_by_key(|(_, track)| track.last_known).map(|(key, _)| *key);
                oldest.into_iter().for_each(|key| self.end(key));
            }
            let fusion = &self.fusion;
            let new = || Track {
                fusion: Fusion::new(fusion.clone()),
                last_known: time,
                last_seen: time,
                reads: 0,
                was_sure: false,
            };
            let track = self.tracks.entry(*key).or_insert_with(new);
            track.last_known = time;
            if plate.predicted {
                continue;
            }
            if time.since(track.last_seen) >= Fusion::AWAY {
                track.fusion.was_away();
            }
            track.last_seen = time;
        }
    }

    /// Chooses crops to read, see [`ReadSchedule::plan`], and tells how many more were due.
    pub(super) fn plan(&mut self, time: Timestamp, crops: &[Crop], budget: Budget) -> (Vec<usize>, usize) {
        let candidates: Vec<Candidate> =
            crops.iter().map(|crop| Candidate { track: crop.key.number(), quality: crop.quality }).collect();
        (self.schedule.plan(time, &candidates, budget), self.schedule.beyond_budget())
    }

    /// Adds a reading; `false` when it says nothing. Where it tells that the track went over to another vehicle, the
    /// consensus is of that one alone from now on.
    pub(super) fn add(&mut self, key: Key, reading: &Reading, weight: f32) -> bool {
        let Some(track) = self.tracks.get_mut(&key) else { return false };
        let used = track.fusion.add(reading, weight);
        track.reads += u64::from(used);
        if track.fusion.take_change().is_some() {
            let kept = track.fusion.consensus().map_or(0, |consensus| u64::from(consensus.reads));
            self.ended.tracks += 1;
            self.ended.reads += track.reads - kept;
            self.ended.sure += u64::from(std::mem::take(&mut track.was_sure));
            track.reads = kept;
            // the new one is as young as any: it is read at once, and often
            self.schedule.forget(key.number());
        }
        let confidence = track.fusion.consensus().map_or(0.0, |consensus| consensus.confidence);
        let sure = track.fusion.sure();
        track.was_sure |= sure;
        self.schedule.report(key.number(), sure, confidence);
        used
    }

    /// What all readings of a plate say together.
    pub(super) fn consensus(&self, key: Key) -> Option<Consensus> {
        self.tracks.get(&key).and_then(|track| track.fusion.consensus())
    }

    /// Whether more readings of a plate are not needed. One that nothing follows may be read otherwise in the next frame.
    pub(super) fn is_sure(&self, key: Key) -> bool {
        matches!(key, Key::Track(_)) && self.tracks.get(&key).is_some_and(|track| track.fusion.sure())
    }

    /// Forgets plates that nothing follows: the next frame's are others.
    pub(super) fn end_frame(&mut self) {
        let single: Vec<Key> = self.tracks.keys().filter(|key| matches!(key, Key::Frame(_))).copied().collect();
        single.into_iter().for_each(|key| self.end(key));
    }

    /// Forgets all: a flush, a new stream, the end.
    pub(super) fn clear(&mut self) {
        let all: Vec<Key> = self.tracks.keys().copied().collect();
        all.into_iter().for_each(|key| self.end(key));
        self.carried.clear();
    }

    /// What ended since the last call.
    pub(super) fn take_ended(&mut self) -> Ended {
        std::mem::take(&mut self.ended)
    }

    fn end(&mut self, key: Key) {
        self.schedule.forget(key.number());
        if let Some(track) = self.tracks.remove(&key) {
            self.ended.tracks += 1;
            self.ended.reads += track.reads;
            self.ended.unread += u64::from(track.reads == 0);
            self.ended.sure += u64::from(track.fusion.sure());
        }
    }
}

#[cfg(test)]
mod tests {
    use alpr_core::reader::{Alphabet, Lattice};

    use super::*;

    /// A reading in which every character is nearly certain.
    fn reading(text: &str) -> Reading {
        let alphabet = Alphabet::latin();
        let classes = alphabet.symbols().len() + 1;
        let mut probs = Vec::new();
        for symbol in text.chars() {
            let mut row = vec![0.001 / (classes - 1) as f32; classes];
            row[alphabet.symbols().iter().position(|&s| s == symbol).unwrap()] = 0.999;
            probs.extend(row);
        }
        let lattice = Lattice { alphabet, probs };
        let (text, confidence) = lattice.best();
        Reading { text, confidence, lattice, region: None }
    }

    #[test]
    fn what_nothing_follows_is_never_sure() {
        let mut tracks = Tracks::new(FusionSettings::default());
        for (key, sure) in [(Key::Track(1), true), (Key::Frame(0), false)] {
            tracks.see(Timestamp(0), &[key], &[PlateMeta::default()]);
            for _ in 0..5 {
                assert!(tracks.add(key, &reading("SH9337C"), 1.0));
            }
            assert_eq!(tracks.is_sure(key), sure, "{key:?}");
        }
    }

    #[test]
    fn a_vehicle_that_was_left_counts_as_sure_only_when_it_was() {
        for (weight, sure) in [(1.0, 1), (0.5, 0)] {
            let mut tracks = Tracks::new(FusionSettings::default());
            let key = Key::Track(1);
            tracks.see(Timestamp(0), &[key], &[PlateMeta::default()]);
            for (text, weight) in [("SH9337C", weight); 5].into_iter().chain([("WESEA115", 1.0); 2]) {
                assert!(tracks.add(key, &reading(text), weight));
            }
            assert_eq!(tracks.take_ended(), Ended { tracks: 1, reads: 5, unread: 0, sure }, "{weight}");
        }
    }
}
