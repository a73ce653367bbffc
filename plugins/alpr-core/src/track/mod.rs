//! Following plates from frame to frame.
//!
//! Plates are small and fast: between two frames one moves by more than its own width, so boxes need not overlap, and
//! intersection over union says nothing. What decides here is the distance to where a constant-velocity motion model
//! expects the plate, measured in plate widths and seconds, together with the plate's size.
//!
//! A frame is handled in two stages by detector confidence: first the confident detections look for their tracks, then
//! the tracks that are left look among the weak ones. Only a confident detection starts a track.

mod assign;
pub mod carried;
mod cuts;
mod motion;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::detector::Detection;
use crate::geometry::{Point, Quad, Rect};
use crate::time::Timestamp;
pub use cuts::Cuts;
use motion::{Motion, Reach};

/// How far a confident detection may be from where its plate is expected, as long as its speed is hardly known.
const FIRST_REACH: Reach = Reach { center: 5.0, size: 0.4 };
/// The same for an established track.
const REACH: Reach = Reach { center: 2.0, size: 0.25 };
/// The same for a weak one: false alarms are everywhere, so it must look much like what is expected.
const WEAK_REACH: Reach = Reach { center: 0.3, size: 0.15 };
/// Two boxes of one frame are the same plate when this part of the smaller one lies in the other.
const SAME_PLATE: f32 = 0.6;
/// A track with fewer detections than this may be a false alarm and is given up early.
const ESTABLISHED_HITS: u32 = 3;

/// What the tracker may be told.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerSettings {
    /// Least detector confidence that starts a track, 0 to 1. Weaker detections continue a track only when they look
    /// much like what is expected of it.
    pub high_confidence: f32,
    /// Detections below this are not looked at, 0 to 1.
    pub low_confidence: f32,
    /// Updates in a row without a detection that an established track survives.
    pub max_missed: u32,
    /// The same for a track that was seen once or twice.
    pub max_missed_young: u32,
    /// A track also survives this long without a detection, however many frames that is.
    pub min_lost: Duration,
    /// A longer gap between two frames, or one as far backwards, is a cut: all tracks end.
    pub max_gap: Duration,
    /// Tracks at one time; further plates are not followed (and counted).
    pub max_tracks: usize,
    /// Width and height of the frame in pixels. A track that is expected outside ends at once.
    pub frame: Option<(u32, u32)>,
}

impl Default for TrackerSettings {
    fn default() -> Self {
        Self {
            high_confidence: 0.5,
            low_confidence: 0.1,
            max_missed: 10,
            max_missed_young: 3,
            min_lost: Duration::from_millis(300),
            max_gap: Duration::from_secs(5),
            max_tracks: 128,
            frame: None,
        }
    }
}

impl TrackerSettings {
    /// Sets both confidences in their usual ratio: `confidence` starts a track, a weaker detection still continues one.
    pub fn set_threshold(&mut self, confidence: f32) {
        let usual = Self::default();
        self.high_confidence = confidence;
        self.low_confidence = confidence * usual.low_confidence / usual.high_confidence;
    }
}

/// One plate that is being followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracked {
    /// Number of the track, from 1; never given twice by one [`Tracker`], not even after a reset.
    pub id: u64,
    /// Where the plate is, pixels of the frame: as detected, else as predicted.
    pub bbox: Rect,
    /// Its corners, where the detector gives them; predicted like the box.
    pub corners: Option<Quad>,
    /// Detector confidence of the latest detection, 0 to 1.
    pub confidence: f32,
    /// Index of its detection in the frame's list; `None` when the place is only predicted.
    pub detection: Option<usize>,
}

/// Counters since the tracker was made. Every detection ends in one of `assigned`, `born`, `duplicate`, `weak`, `full`
/// or `invalid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackerStats {
    /// Calls of [`Tracker::update`].
    pub updates: u64,
    /// Detections given.
    pub detections: u64,
    /// Detections that continued a track.
    pub assigned: u64,
    /// Detections that started a track.
    pub born: u64,
    /// Detections that cover a more confident one of the same frame.
    pub duplicate: u64,
    /// Detections too weak to start a track, and near none.
    pub weak: u64,
    /// Detections that found no room: [`TrackerSettings::max_tracks`].
    pub full: u64,
    /// Detections with an empty or infinite box or confidence.
    pub invalid: u64,
    /// Tracks that ended.
    pub ended: u64,
    /// Times at which all tracks were ended by a cut in time or by [`Tracker::reset`].
    pub resets: u64,
}

impl std::iter::Sum for TrackerStats {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            updates: a.updates + b.updates,
            detections: a.detections + b.detections,
            assigned: a.assigned + b.assigned,
            born: a.born + b.born,
            duplicate: a.duplicate + b.duplicate,
            weak: a.weak + b.weak,
            full: a.full + b.full,
            invalid: a.invalid + b.invalid,
            ended: a.ended + b.ended,
            resets: a.resets + b.resets,
        })
    }
}

#[derive(Clone, Debug)]
struct Track {
    id: u64,
    /// State at `Tracker::time`.
    motion: Motion,
    /// Corners and box of the latest detection.
    seen: (Rect, Option<Quad>),
    confidence: f32,
    hits: u32,
    missed: u32,
    last_seen: Timestamp,
}

/// Follows the plates of one camera.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: TrackerSettings,
    tracks: Vec<Track>,
    next_id: u64,
    time: Option<Timestamp>,
    /// Usual time between updates, used when the clock was set back a little.
    usual_gap: Duration,
    stats: TrackerStats,
}

impl Tracker {
    /// A tracker with no tracks; the first id is 1.
    pub fn new(settings: TrackerSettings) -> Self {
        Self {
            settings,
            tracks: Vec::new(),
            next_id: 1,
            time: None,
            usual_gap: Duration::ZERO,
            stats: TrackerStats::default(),
        }
    }

    /// The same, with `first_id` as its first id: for a camera that may have had a tracker before.
    pub fn beginning_with(first_id: u64, settings: TrackerSettings) -> Self {
        Self { next_id: first_id, ..Self::new(settings) }
    }

    /// The id of the next track: greater than any that was given.
    pub const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Takes the detections of the frame captured at `time` and returns all live tracks by ascending id, those
    /// without a detection in this frame at their predicted place.
    ///
    /// Call it for every frame that was searched, also with no detections: a call is what a missed frame is counted by.
    pub fn update(&mut self, time: Timestamp, detections: &[Detection]) -> Vec<Tracked> {
        self.stats.updates += 1;
        self.stats.detections += detections.len() as u64;
        self.advance(time);
        let candidates = self.candidates(detections);
        let mut assigned = vec![None; self.tracks.len()];
        let (high, weak): (Vec<usize>, Vec<usize>) =
            candidates.into_iter().partition(|&index| detections[index].confidence >= self.settings.high_confidence);
        let reach = |track: &Track| if track.hits < ESTABLISHED_HITS { FIRST_REACH } else { REACH };
        let unclaimed = self.associate(detections, &high, reach, &mut assigned);
        let ignored = self.associate(detections, &weak, |_| WEAK_REACH, &mut assigned);
        self.stats.weak += ignored.len() as u64;
        for (track, detection) in self.tracks.iter_mut().zip(&assigned) {
            match detection {
                Some(index) => track.hit(time, &detections[*index]),
                None => track.missed += 1,
            }
        }
        self.end_lost(time, &mut assigned);
        for index in unclaimed {
            self.birth(time, index, &detections[index], &mut assigned);
        }
        self.tracks.iter().zip(assigned).map(|(track, detection)| track.tracked(&track.motion, detection)).collect()
    }

    /// All live tracks where they are expected at `time`, for frames that were not searched. Changes no track.
    ///
    /// A `time` before the latest update gives the places at the latest update.
    pub fn predict(&mut self, time: Timestamp) -> Vec<Tracked> {
        let dt = self.time.map_or(Duration::ZERO, |now| time.since(now)).min(self.settings.max_gap).as_secs_f32();
        self.tracks.iter().map(|track| track.tracked(&track.motion.predicted(dt), None)).collect()
    }

    /// Ends all tracks: a seek, a new stream, a cut. Ids go on.
    pub fn reset(&mut self) {
        self.stats.resets += 1;
        self.stats.ended += self.tracks.len() as u64;
        self.tracks.clear();
        self.time = None;
        self.usual_gap = Duration::ZERO;
    }

    /// What the tracker is told.
    pub const fn settings(&self) -> &TrackerSettings {
        &self.settings
    }

    /// What the tracker is told; a change holds from the next call on.
    pub const fn settings_mut(&mut self) -> &mut TrackerSettings {
        &mut self.settings
    }

    /// Counters since the tracker was made.
    pub const fn stats(&self) -> TrackerStats {
        self.stats
    }

    /// Moves all tracks to `time`.
    fn advance(&mut self, time: Timestamp) {
        if let Some(now) = self.time {
            let (forwards, backwards) = (time.since(now), now.since(time));
            if forwards.max(backwards) > self.settings.max_gap {
                self.reset();
            } else if !backwards.is_zero() {
                // The clock was set right by a little; the vehicles did not drive backwards.
                let dt = self.usual_gap;
                for track in &mut self.tracks {
                    track.motion = track.motion.predicted(dt.as_secs_f32());
                    track.last_seen = track.last_seen.min(time);
                }
            } else {
                for track in &mut self.tracks {
                    track.motion = track.motion.predicted(forwards.as_secs_f32());
                }
                self.usual_gap = if self.usual_gap.is_zero() { forwards } else { (self.usual_gap * 7 + forwards) / 8 };
            }
        }
        self.time = Some(time);
    }

    /// Indices of usable detections, one for every plate, most confident first.
    fn candidates(&mut self, detections: &[Detection]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..detections.len())
            .filter(|&index| {
                let d = &detections[index];
                let valid = d.bbox.is_finite() && d.bbox.w > 0.0 && d.bbox.h > 0.0 && d.confidence.is_finite();
                let strong = d.confidence >= self.settings.low_confidence;
                self.stats.invalid += u64::from(!valid);
                self.stats.weak += u64::from(valid && !strong);
                valid && strong
            })
            .collect();
        order.sort_by(|&a, &b| detections[b].confidence.total_cmp(&detections[a].confidence));
        let mut kept: Vec<usize> = Vec::with_capacity(order.len());
        for index in order {
            if kept.iter().any(|&other| same_plate(&detections[index].bbox, &detections[other].bbox)) {
                self.stats.duplicate += 1;
            } else {
                kept.push(index);
            }
        }
        kept
    }

    /// Assigns `indices` of detections to tracks that have none yet; returns the indices that are left.
    fn associate(
        &mut self,
        detections: &[Detection],
        indices: &[usize],
        reach: impl Fn(&Track) -> Reach,
        assigned: &mut [Option<usize>],
    ) -> Vec<usize> {
        let free: Vec<usize> = (0..self.tracks.len()).filter(|&track| assigned[track].is_none()).collect();
        let motions: Vec<(Motion, Reach)> =
            free.iter().map(|&track| &self.tracks[track]).map(|track| (track.motion, reach(track))).collect();
        let boxes: Vec<Rect> = indices.iter().map(|&index| detections[index].bbox).collect();
        let mut left = vec![true; indices.len()];
        for (row, column) in assign::assign(&motions, &boxes) {
            assigned[free[row]] = Some(indices[column]);
            left[column] = false;
            self.stats.assigned += 1;
        }
        indices.iter().zip(left).filter_map(|(&index, left)| left.then_some(index)).collect()
    }

    fn end_lost(&mut self, time: Timestamp, assigned: &mut Vec<Option<usize>>) {
        let settings = &self.settings;
        let live: Vec<bool> = self.tracks.iter().map(|track| !track.is_lost(time, settings)).collect();
        let before = self.tracks.len();
        let mut flags = live.iter();
        self.tracks.retain(|_| *flags.next().unwrap_or(&true));
        let mut flags = live.iter();
        assigned.retain(|_| *flags.next().unwrap_or(&true));
        self.stats.ended += (before - self.tracks.len()) as u64;
    }

    fn birth(&mut self, time: Timestamp, index: usize, detection: &Detection, assigned: &mut Vec<Option<usize>>) {
        if self.tracks.len() >= self.settings.max_tracks {
            self.stats.full += 1;
        } else {
            self.tracks.push(Track {
                id: self.next_id,
                motion: Motion::new(&detection.bbox),
                seen: (detection.bbox, detection.corners),
                confidence: detection.confidence,
                hits: 1,
                missed: 0,
                last_seen: time,
            });
            assigned.push(Some(index));
            self.next_id += 1;
            self.stats.born += 1;
        }
    }
}

impl Track {
    fn hit(&mut self, time: Timestamp, detection: &Detection) {
        self.motion = self.motion.corrected(&detection.bbox);
        self.seen = (detection.bbox, detection.corners);
        self.confidence = detection.confidence;
        self.hits += 1;
        self.missed = 0;
        self.last_seen = time;
    }

    fn is_lost(&self, time: Timestamp, settings: &TrackerSettings) -> bool {
        if self.missed == 0 {
            return false;
        }
        if settings.frame.is_some_and(|frame| outside(&self.motion.bbox(), frame)) {
            return true;
        }
        let survives = if self.hits < ESTABLISHED_HITS { settings.max_missed_young } else { settings.max_missed };
        self.missed > survives && time.since(self.last_seen) > settings.min_lost
    }

    fn tracked(&self, motion: &Motion, detection: Option<usize>) -> Tracked {
        let (seen, corners) = &self.seen;
        let (bbox, corners) = match detection {
            Some(_) => (*seen, *corners),
            None => {
                let bbox = motion.bbox();
                (bbox, corners.as_ref().map(|quad| moved(quad, seen, &bbox)))
            }
        };
        Tracked { id: self.id, bbox, corners, confidence: self.confidence, detection }
    }
}

fn same_plate(a: &Rect, b: &Rect) -> bool {
    a.intersection(b).area() > SAME_PLATE * a.area().min(b.area())
}

fn outside(bbox: &Rect, (width, height): (u32, u32)) -> bool {
    bbox.clamped(width, height).area() <= 0.0
}

/// `quad` carried along when its box goes from `from` to `to`.
fn moved(quad: &Quad, from: &Rect, to: &Rect) -> Quad {
    let (sx, sy) = (to.w / from.w, to.h / from.h);
    Quad(quad.0.map(|p| Point::new(to.x + (p.x - from.x) * sx, to.y + (p.y - from.y) * sy)))
}
