//! Which crops of a frame are worth reading.
//!
//! Reading is the dearest step, so each frame has a budget. Every live track gets its first reading soon, then the
//! crops that promise to tell something new go first, and a track whose text is sure is only looked at now and then.

use std::collections::HashMap;
use std::time::Duration;

use super::CropQuality;
use crate::time::Timestamp;

/// The older a track gets, the further apart are its readings, or those of a car that stands would all be of one picture:
/// they are at least this part of its age apart. At 25 frames a second a track is read in each of its first six frames,
/// and some fifteen times in its first second.
const SPREAD: u32 = 6;
/// Readings of one track are no nearer than this in time: at 60 frames a second, three frames show the same half of a plate that
/// a post hides, and three readings that agree would be one. At 25 frames a second and fewer it changes nothing.
const CLOSEST: Duration = Duration::from_millis(38);
/// A sure track is read once more when its crop got better than the best one read by this factor: what was sure from far
/// may be another text from near.
const NEARER: f32 = 1.5;
/// Class of tracks that were not read yet.
const FIRST: u8 = 0;
/// A track that was out of sight for more than this many of its usual intervals may have come back as another vehicle.
const AWAY: f32 = 2.5;

/// What the schedule may be told.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleSettings {
    /// Time after which a sure track is read again, to notice that the tracker went over to another vehicle: the shortest,
    /// for a young track, and the longest, for one that has been there for long. It is also read when it comes back after it was
    /// out of sight, and again at once when a reading makes a sure track unsure.
    pub recheck: (Duration, Duration),
    /// Readings of an unsure track after which it is read only when its crop got better, or after `recheck`.
    pub patience: u32,
    /// A crop is better when its weight exceeds that of the best crop read by this factor.
    pub better: f32,
    /// Tracks that were no candidates for this long are forgotten.
    pub expire: Duration,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        let recheck = (Duration::from_secs(1), Duration::from_secs(5));
        Self { recheck, patience: 20, better: 1.1, expire: Duration::from_secs(60) }
    }
}

/// Crops that may be read in one frame. A number alone is a limit for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Crops in all, where not more tracks are to be read for the first time.
    pub usual: usize,
    /// Tracks that are read for the first time: in a photograph there is no second time. In a film so many are new at once in its
    /// first frame alone.
    pub first: usize,
}

impl From<usize> for Budget {
    fn from(most: usize) -> Self {
        Self { usual: most, first: most }
    }
}

/// A crop that could be read in this frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Id of its track.
    pub track: u64,
    /// What is known of the crop before it is cut.
    pub quality: CropQuality,
}

#[derive(Clone, Copy, Debug)]
struct State {
    first_seen: Timestamp,
    last_seen: Timestamp,
    /// Shortest time between two sights.
    interval: Option<Duration>,
    /// It may be another vehicle: it was out of sight and not read since, or its latest reading says so.
    doubtful: bool,
    last_read: Option<Timestamp>,
    reads: u32,
    best: f32,
    sure: bool,
    confidence: f32,
}

/// Chooses the crops to read, frame by frame, for one camera.
#[derive(Clone, Debug, Default)]
pub struct ReadSchedule {
    settings: ScheduleSettings,
    tracks: HashMap<u64, State>,
    beyond_budget: usize,
}

impl ReadSchedule {
    /// A schedule that knows no tracks.
    pub fn new(settings: ScheduleSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Chooses at most a `budget` of `candidates` of the frame captured at `time`; returns their indices, best first.
    ///
    /// A chosen crop counts as read. Report what came of it with [`Self::report`].
    pub fn plan(&mut self, time: Timestamp, candidates: &[Candidate], budget: impl Into<Budget>) -> Vec<usize> {
        let Budget { usual, first } = budget.into();
        let expire = self.settings.expire;
        self.tracks.retain(|_, state| time.since(state.last_seen) <= expire && state.last_seen.since(time) <= expire);
        let mut ranked: Vec<(usize, (u8, f32))> = Vec::with_capacity(candidates.len());
        for (index, candidate) in candidates.iter().enumerate() {
            let weight = candidate.quality.weight();
            let state = self.tracks.entry(candidate.track).or_insert(State {
                first_seen: time,
                last_seen: time,
                interval: None,
                doubtful: false,
                last_read: None,
                reads: 0,
                best: 0.0,
                sure: false,
                confidence: 0.0,
            });
            state.see(time);
            ranked.extend(state.rank(time, weight, &self.settings).map(|rank| (index, rank)));
        }
        ranked.sort_by(|(a, x), (b, y)| x.0.cmp(&y.0).then(y.1.total_cmp(&x.1)).then(a.cmp(b)));
        let new = ranked.iter().filter(|(_, (class, _))| *class == FIRST).count();
        let most = usual.max(first.min(new));
        self.beyond_budget = ranked.len().saturating_sub(most);
        ranked.truncate(most);
        let mut chosen: Vec<usize> = Vec::with_capacity(ranked.len());
        for (index, _) in ranked {
            let candidate = &candidates[index];
            if let Some(state) = self.tracks.get_mut(&candidate.track) {
                state.last_read = Some(time);
                state.doubtful = false;
                state.reads += 1;
                state.best = state.best.max(candidate.quality.weight());
            }
            chosen.push(index);
        }
        chosen
    }

    /// Crops of the last plan that would have been read, had its budget been larger.
    pub const fn beyond_budget(&self) -> usize {
        self.beyond_budget
    }

    /// What the readings of `track` amount to now: whether its text is sure (see `Fusion::sure`), and with which
    /// confidence, 0 to 1.
    pub fn report(&mut self, track: u64, sure: bool, confidence: f32) {
        if let Some(state) = self.tracks.get_mut(&track) {
            state.doubtful |= state.sure && !sure;
            (state.sure, state.confidence) = (sure, confidence);
        }
    }

    /// Tracks that are remembered.
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// Whether no track is remembered.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Forgets a track that ended.
    pub fn forget(&mut self, track: u64) {
        self.tracks.remove(&track);
    }
}

impl State {
    fn see(&mut self, time: Timestamp) {
        let gap = time.since(self.last_seen);
        self.last_seen = time;
        if gap.is_zero() {
            return;
        }
        self.doubtful |= self.interval.is_some_and(|usual| gap > usual.mul_f32(AWAY));
        self.interval = Some(self.interval.map_or(gap, |usual| usual.min(gap)));
    }

    /// Whether the last reading is long enough ago, for the age of the track, to expect other errors in the next one.
    fn rested(&self, time: Timestamp, last_read: Timestamp) -> bool {
        time.since(last_read) >= last_read.since(self.first_seen) / SPREAD
    }

    /// Class (lower goes first) and promise (higher goes first) of a crop of `weight`; `None`: not worth reading.
    fn rank(&self, time: Timestamp, weight: f32, settings: &ScheduleSettings) -> Option<(u8, f32)> {
        let Some(last_read) = self.last_read else {
            // Whoever waits longest goes first, so that nobody waits for ever.
            return Some((FIRST, time.since(self.first_seen).as_secs_f32() + 0.1 * weight));
        };
        if !self.doubtful && time > last_read && time.since(last_read) < CLOSEST {
            return None;
        }
        let (shortest, longest) = settings.recheck;
        let wait = (last_read.since(self.first_seen) / SPREAD).clamp(shortest, longest.max(shortest));
        let due = self.doubtful || time.since(last_read) >= wait;
        let better = weight > settings.better * self.best;
        if self.sure {
            (due || weight > NEARER * self.best).then_some((2, weight))
        } else if (self.reads < settings.patience && self.rested(time, last_read)) || better || due {
            let news = if better { 2.0 } else { 1.0 };
            Some((1, news * weight * (1.0 - 0.5 * self.confidence) / (1.0 + self.reads as f32).sqrt()))
        } else {
            None
        }
    }
}
