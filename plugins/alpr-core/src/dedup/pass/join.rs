//! Several tracks of one vehicle become one pass.

use crate::consensus::Consensus;
use crate::dedup::distance;
use crate::dedup::zones::Zones;
use crate::event::normalized;

use super::Pass;

/// Most tracks of one vehicle of which is known what each said; beyond, the first is forgotten.
const MOST_TRACKS: usize = 8;

impl Pass {
    /// Makes `later`, a track of the same vehicle in pictures of `size`, part of this pass. Returns whether the picture of that
    /// is the one to keep.
    pub(in crate::dedup) fn join(&mut self, later: Self, size: (u32, u32), zones: &Zones) -> bool {
        self.last = later.last;
        self.last_seen = later.last_seen;
        self.sightings = self.sightings.saturating_add(later.sightings);
        self.masked = self.masked.saturating_add(later.masked);
        self.at_sign = self.at_sign.saturating_add(later.at_sign);
        later.above.into_iter().for_each(|sizes| self.stands_above(sizes));
        self.motion.join(later.motion);
        self.scores.join(later.scores);
        self.take_vehicle(later.vehicle.as_ref());
        self.texts.join(later.texts);
        let before = self.current.take().map(|said| (self.in_view, said));
        for (track, said) in later.earlier.into_iter().chain(before) {
            self.earlier.retain(|(known, old)| *known != track || old.reads > said.reads);
            self.earlier.push((track, said));
        }
        (self.current, self.in_view) = (later.current, later.in_view);
        // a track that comes back says all that it said again, unless its fusion was forgotten meanwhile
        let said = self.current.as_ref().map_or(0, |said| said.reads);
        self.earlier.retain(|(track, old)| *track != self.in_view || old.reads > said);
        self.earlier.drain(..self.earlier.len().saturating_sub(MOST_TRACKS));
        self.say();
        self.way.join(later.way, size, zones);
        self.news = true;
        later.winner.is_some_and(|winner| self.offer(winner))
    }

    /// What two tracks of one vehicle say together.
    pub(super) fn joined(&self, old: Option<Consensus>, new: Option<Consensus>) -> Option<Consensus> {
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (old, new) => return old.or(new),
        };
        let reads = old.reads.saturating_add(new.reads);
        let (before, now) = (normalized(&old.text), normalized(&new.text));
        // what a post leaves of a plate may well be read more surely, and more often, than the plate before it
        let is_whole =
            |text: &str, part: &str| text != part && distance::is_part(part, text) && self.agreeing(text).whole > 1;
        // a few readings from afar may seem surer together than clear ones that are all alike
        let is_surer = match (self.texts.is_clear(&now), self.texts.is_clear(&before)) {
            (true, false) => true,
            (false, true) => false,
            _ => new.confidence > old.confidence,
        };
        let newer = is_whole(&now, &before) || (is_surer && !is_whole(&before, &now));
        let (mut best, other) = if newer { (new, old) } else { (old, new) };
        best.reads = reads;
        if best.text == other.text {
            best.agreeing = best.agreeing.saturating_add(other.agreeing);
            // two independent looks that say the same
            best.confidence = 1.0 - (1.0 - best.confidence) * (1.0 - other.confidence);
        }
        Some(best)
    }
}
