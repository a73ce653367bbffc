//! What is known of one passing vehicle.

mod join;

use std::time::Duration;

use crate::consensus::{Consensus, evidence};
use crate::event::{EventId, Vehicle, normalized};
use crate::geometry::Rect;
use crate::syntax::Templates;
use crate::time::Timestamp;

use super::compose::Text;
use super::distance;
use super::judge::Facts;
use super::motion::{self, Motion};
use super::observation::{FrameInfo, Observation};
use super::published::Published;
use super::scores::Scores;
use super::signs::{Sign, is_at};
use super::texts::{Agreeing, Look, Texts};
use super::way::Way;
use super::winner::Winner;
use super::zones::Zones;

/// Least quality of the crop of a reading that needs no second one.
const CLEAR_QUALITY: f32 = 0.4;

/// Least probability of such a reading.
const CLEAR_CONFIDENCE: f32 = 0.95;

/// Least score of the detector of what is probably a plate.
const PLATE_SCORE: f32 = 0.6;

/// Least probability of its text.
const PLATE_CONFIDENCE: f32 = 0.7;

/// Least number of characters of it.
const PLATE_LENGTH: usize = 4;

/// By which factor a plate's width over its height changes between two sights at most, for one reading to be enough:
/// at few frames a second, the track of a vehicle may go over to a sign of another form.
const SAME_FORM: f32 = 1.5;

/// Time between the sights of two tracks of one plate, of which one is what something leaves to be seen of it.
const AROUND: Duration = Duration::from_secs(1);

/// What the judge must know of a pass that shows only beside others, or when it is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// See [`Facts::usual`].
    pub(super) usual: bool,
    /// See [`Facts::half_of_another`].
    pub(super) half_of_another: bool,
    /// See [`Facts::may_be_brief`].
    pub(super) may_be_brief: bool,
    /// See [`Facts::is_preview`].
    pub(super) is_preview: bool,
}

/// One passing vehicle: a track, or several that were stitched together.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) id: EventId,
    pub(super) track: u64,
    pub(super) first: Timestamp,
    /// Last sight or prediction.
    pub(super) last: Timestamp,
    /// Last sight.
    pub(super) last_seen: Timestamp,
    pub(super) from_start: bool,
    pub(super) sightings: u32,
    masked: u32,
    /// Sights at the place of a sign.
    at_sign: u32,
    /// The two farthest sights of it above a smaller plate, see [`super::lettering`]; the nearer one first.
    above: [f32; 2],
    /// Where it was first, when it was there from the start.
    home: Option<Rect>,
    pub(super) motion: Motion,
    scores: Scores,
    texts: Texts,
    /// What all readings say, those of stitched tracks as well.
    pub(super) consensus: Option<Consensus>,
    /// What those of the tracks before the one in view say, by track: a track may come back, and says all it said again.
    earlier: Vec<(u64, Consensus)>,
    /// What those of the track in view say.
    current: Option<Consensus>,
    /// The track in view.
    in_view: u64,
    pub(super) vehicle: Option<Vehicle>,
    pub(super) winner: Option<Winner>,
    pub(super) way: Way,
    pub(super) published: Option<Published>,
    /// The last text that was looked up among the formats of all regions, and whether one of them is its usual form.
    usual: Option<(String, bool)>,
    /// Text that the watchlist was asked about.
    pub(super) watched: Option<String>,
    /// The event that the text belongs to already.
    pub(super) duplicate_of: Option<EventId>,
    /// Whether the frame at hand brought a new reading.
    pub(super) news: bool,
    /// Whether upstream tells the fused text alone, and never what was read in a frame.
    pub(super) fused_alone: bool,
}

impl Pass {
    pub(super) fn new(id: EventId, track: u64, frame: &FrameInfo, from_start: bool) -> Self {
        Self {
            id,
            track,
            first: frame.time,
            last: frame.time,
            last_seen: frame.time,
            from_start,
            sightings: 0,
            masked: 0,
            at_sign: 0,
            above: [0.0; 2],
            home: None,
            motion: Motion::default(),
            scores: Scores::default(),
            texts: Texts::default(),
            consensus: None,
            earlier: Vec::new(),
            current: None,
            in_view: track,
            vehicle: None,
            winner: None,
            way: Way::default(),
            published: None,
            usual: None,
            watched: None,
            duplicate_of: None,
            news: false,
            fused_alone: true,
        }
    }

    /// Whether the fusion upstream began anew with another text: the tracker went over to another vehicle. Another text from no
    /// more readings than before is of other readings.
    pub(super) fn is_left_for_another(&self, seen: &Observation) -> bool {
        let (Some(current), Some(new)) = (&self.current, &seen.consensus) else { return false };
        let (before, now) = (normalized(&current.text), normalized(&new.text));
        new.reads <= current.reads
            && !before.is_empty()
            && !now.is_empty()
            && distance::same_plate(&before, &now).is_none()
    }

    /// Takes in what one frame shows, `at_sign`: at the place of a sign. Returns whether its picture should be kept.
    pub(super) fn observe(&mut self, frame: &FrameInfo, seen: &Observation, at_sign: bool, zones: &Zones) -> bool {
        self.last = frame.time;
        self.news = false;
        if seen.predicted {
            // where it is only expected it may never come to: it may stop before the line there
            return false;
        }
        let size = (frame.width, frame.height);
        self.way.go(seen.bbox.center(), size, zones);
        self.last_seen = frame.time;
        self.sightings = self.sightings.saturating_add(1);
        if zones.masked(seen.bbox.center(), size) {
            self.masked = self.masked.saturating_add(1);
            return false;
        }
        self.scores.add(seen.detector_confidence);
        if at_sign {
            // at few frames a second, the track of a vehicle now and then ends on a sign
            self.at_sign = self.at_sign.saturating_add(1);
            self.take_consensus(seen);
            return false;
        }
        if self.from_start && self.home.is_none() {
            self.home = Some(seen.bbox);
        }
        let keeps_form = self.motion.last().is_none_or(|(_, before)| is_same_form(&before, &seen.bbox));
        self.motion.add(frame.time, &seen.bbox);
        self.take_vehicle(seen.vehicle.as_ref());
        let Some(text) = self.take_reading(seen) else { return false };
        self.news = true;
        let cut = seen.bbox.is_cut_by(frame.width, frame.height);
        let confidence = seen.reading.as_ref().map_or(1.0, |reading| reading.confidence);
        let quality = seen.quality.unwrap_or(1.0);
        let clear = quality >= CLEAR_QUALITY && confidence >= CLEAR_CONFIDENCE;
        let evidence = evidence(quality, confidence);
        self.texts.add(&text, &Look { cut, clear, keeps_form, evidence, place: seen.bbox });
        self.offer(Winner::new(frame, seen, text, cut))
    }

    /// Takes the reading of this frame into the consensus and returns its text.
    fn take_reading(&mut self, seen: &Observation) -> Option<String> {
        let before = self.current.as_ref().map_or(0, |consensus| consensus.reads);
        self.take_consensus(seen);
        match (&seen.reading, &seen.consensus) {
            (Some(reading), _) => Some(normalized(&reading.text)),
            (None, Some(consensus)) if self.fused_alone && consensus.reads > before => {
                Some(normalized(&consensus.text))
            }
            _ => None,
        }
        .filter(|text| !text.is_empty())
    }

    fn take_consensus(&mut self, seen: &Observation) {
        if let Some(consensus) = &seen.consensus {
            self.current = Some(consensus.clone());
            self.say();
        }
    }

    /// What all tracks say together.
    fn say(&mut self) {
        let all = self.earlier.iter().map(|(_, said)| said).chain(&self.current);
        self.consensus = all.fold(None, |before, said| self.joined(before, Some(said.clone())));
    }

    /// Keeps `offered` where it is the best frame so far.
    fn offer(&mut self, offered: Winner) -> bool {
        let better = self.winner.as_ref().is_none_or(|old| offered.beats(old, &self.text()));
        if better {
            self.winner = Some(offered);
        }
        better
    }

    fn take_vehicle(&mut self, vehicle: Option<&Vehicle>) {
        let Some(new) = vehicle else { return };
        let old = self.vehicle.take().unwrap_or_default();
        self.vehicle = Some(Vehicle {
            kind: new.kind.clone().or(old.kind),
            make: new.make.clone().or(old.make),
            model: new.model.clone().or(old.model),
            color: new.color.clone().or(old.color),
            bbox: new.bbox.or(old.bbox),
            id: new.id.or(old.id),
        });
    }

    /// Whether it may well be the plate of a vehicle, as far as is known by now.
    pub(super) fn reads_as_plate(&self) -> bool {
        self.scores.best().is_none_or(|best| best >= PLATE_SCORE)
            && self
                .consensus
                .as_ref()
                .is_some_and(|c| c.confidence >= PLATE_CONFIDENCE && c.text.chars().count() >= PLATE_LENGTH)
    }

    /// In this frame it is so many `sizes` of a smaller plate above that.
    pub(super) const fn stands_above(&mut self, sizes: f32) {
        let [second, first] = self.above;
        self.above = if sizes > first { [first, sizes] } else { [second.max(sizes), first] };
    }

    /// The fused text, normalised; empty when there is none.
    pub(super) fn text(&self) -> String {
        self.consensus.as_ref().map(|c| normalized(&c.text)).unwrap_or_default()
    }

    /// Whether this was read as a part of what `other` says, less often and at the same time: the tracker took what something
    /// leaves to be seen of a plate for another one.
    pub(super) fn is_half_of(&self, other: &Self) -> bool {
        let (part, whole) = (self.text(), other.text());
        whole.len() > part.len()
            && distance::is_part(&part, &whole)
            && other.reads() > self.reads()
            && other.first <= self.last_seen.plus(AROUND)
            && self.first <= other.last_seen.plus(AROUND)
    }

    /// Other possible texts of at least `least` probability, normalised.
    pub(super) fn alternatives(&self, least: f32) -> impl Iterator<Item = String> {
        let all = self.consensus.iter().flat_map(|c| &c.alternatives);
        all.filter(move |(_, p)| *p >= least).map(|(text, _)| normalized(text))
    }

    /// Readings of exactly `text`.
    pub(super) fn agreeing(&self, text: &str) -> Agreeing {
        self.texts.agreeing(text)
    }

    /// Whether one reading says exactly `text` so clearly that it needs no second one.
    pub(super) fn is_clear(&self, text: &str) -> bool {
        self.texts.is_clear(text)
    }

    /// The tracks that it is of, but for those of long ago.
    pub(super) fn tracks(&self) -> impl Iterator<Item = u64> {
        self.earlier.iter().map(|(track, _)| *track).chain([self.track, self.in_view])
    }

    /// Readings that were fused.
    pub(super) fn reads(&self) -> u32 {
        self.consensus.as_ref().map_or(0, |c| c.reads)
    }

    /// Whether `text` has a usual format of any region.
    pub(super) fn is_usual(&mut self, text: &str, templates: &Templates) -> bool {
        if let Some((known, usual)) = &self.usual
            && known == text
        {
            return *usual;
        }
        let usual = templates.is_usual(text);
        self.usual = Some((text.to_owned(), usual));
        usual
    }

    /// All that the judge wants to know of a pass whose text is `text` under the wanted formats.
    pub(super) fn facts(&self, text: &Text, circumstances: &Circumstances, zones: &Zones) -> Facts {
        // readings are counted by what they say, not by what a format makes of it
        let read = text.raw.as_str();
        let agreeing = self.texts.agreeing(read);
        let evidence = self.texts.evidence(read);
        let is_alike = |other: &str| distance::is_like(other, read);
        let rival = self.consensus.as_ref().and_then(|c| c.alternatives.first()).map_or(0.0, |(_, p)| *p);
        Facts {
            length: text.normalized.chars().count(),
            confidence: text.confidence,
            rival: text.rival(rival),
            reads: self.reads(),
            whole_reads: self.texts.whole_reads(),
            whole_agreeing: agreeing.whole,
            agreeing: agreeing.all,
            evidence: evidence.same,
            longer_evidence: self.texts.longer_evidence(read),
            alike: if evidence.all > 0.0 { evidence.alike / evidence.all } else { 0.0 },
            alike_evidence: evidence.alike,
            clear: self.texts.is_clear(read),
            keeps_form: self.texts.keeps_form(read),
            contradicted: self.texts.contradict(read),
            half_of_another: circumstances.half_of_another,
            above: self.above[0],
            usual: circumstances.usual,
            may_be_brief: circumstances.may_be_brief,
            is_preview: circumstances.is_preview,
            detector_confidence: self.scores.best().unwrap_or(0.0),
            usual_detector_confidence: self.scores.mean(),
            sign: self.is_sign(&is_alike),
            moved: self.motion.moved(),
            from_start: self.from_start,
            fits: text.fits,
            zone_missed: self.is_masked() || !self.way.satisfies(zones),
        }
    }

    /// Whether all there is to read of texts that are `alike` was read at the place of a sign: that of one that was seen
    /// before, or where this was in the first frames.
    fn is_sign(&self, alike: &dyn Fn(&str) -> bool) -> bool {
        if !self.texts.any(alike) {
            return self.at_sign > 0;
        }
        // what comes straight on stays where it was in the first frames
        if self.motion.goes_on() {
            return false;
        }
        // one that stood and is on its way now was read here and is elsewhere
        let (Some(home), Some((last, place))) = (&self.home, self.motion.last()) else { return false };
        last.since(self.first) >= motion::LONG && is_at(home, &place) && self.texts.are_at(home, alike)
    }

    /// Where it stands and what it says, when it was there from the start and never moved.
    pub(super) fn sign(&self) -> Option<Sign> {
        let text = self.text();
        let place = self
            .motion
            .stands_at()
            .or_else(|| self.home.filter(|_| self.is_sign(&|other| distance::is_like(other, &text))))
            .filter(|_| self.from_start)?;
        Some(Sign { place, text })
    }

    /// The best score of the detector; `None` when nobody gave one.
    pub(super) fn detector_confidence(&self) -> Option<f32> {
        self.scores.best()
    }

    /// Capture time of the event: of what was sent already, else of the best frame.
    pub(super) fn captured(&self) -> Timestamp {
        let best = || self.winner.as_ref().map_or(self.last_seen, |winner| winner.time);
        self.published.as_ref().map_or_else(best, |published| published.captured)
    }

    /// Whether nothing but masked sights are known.
    const fn is_masked(&self) -> bool {
        self.masked > 0 && self.masked == self.sightings
    }
}

fn is_same_form(a: &Rect, b: &Rect) -> bool {
    let (one, other) = (a.w * b.h, b.w * a.h);
    one < SAME_FORM * other && other < SAME_FORM * one
}
