//! How passes end: as part of another, or with an outcome of their own.

use crate::dedup::case::close;
use crate::dedup::compose::{self, Text};
use crate::dedup::duplicates::Duplicates;
use crate::dedup::observation::{Decision, PassId};
use crate::dedup::outcome::Outcome;
use crate::dedup::pass::Pass;
use crate::dedup::published::Published;
use crate::dedup::stitch;
use crate::event::EventId;

use super::Passes;
use super::decide::Moment;

impl Passes {
    /// Joins tracks that go on where another was lost. The joined track's outcome is that of the pass it became part of.
    pub(super) fn stitch(&mut self, seen: &[u64], size: (u32, u32), decisions: &mut Vec<Decision>) {
        for track in seen {
            let Some(later) = self.live.get(track).filter(|pass| pass.news && pass.published.is_none()) else {
                continue;
            };
            let lost = self.live.iter().filter(|(other, _)| !seen.contains(other));
            let found = lost.filter(|(_, earlier)| stitch::continues(earlier, later)).map(|(other, _)| *other).next();
            let (Some(later), Some(mut pass)) =
                (found.and_then(|_| self.live.remove(track)), found.and_then(|other| self.live.remove(&other)))
            else {
                continue;
            };
            let text = compose::text_of(&later, &self.settings);
            self.close(&later, Outcome::Stitched, Some(pass.id), &text, decisions);
            self.vehicles.join(later.track, pass.track);
            let (from, to) = (later.id, pass.id);
            let better = pass.join(later, size, &self.settings.zones);
            decisions.push(if better { Decision::Adopt { from, to } } else { Decision::Forget(from) });
            self.live.insert(*track, pass);
        }
    }

    pub(super) fn end(&mut self, memory: &mut Duplicates, track: u64, decisions: &mut Vec<Decision>) {
        let verdict = self.decide(memory, track, Moment::End, decisions);
        let Some(mut pass) = self.live.remove(&track) else { return };
        let text = compose::text_of(&pass, &self.settings);
        if let Err(why) = verdict
            && close(&mut pass, why, memory, decisions)
        {
            pass.published = None;
        }
        let (outcome, of) = match (pass.published.as_ref(), verdict) {
            (Some(published), _) => {
                self.late_changes += u64::from(published.text != text.normalized);
                memory.in_view(published.entry, pass.last_seen);
                (self.outcome_of(pass.id, published), None)
            }
            (None, Err(outcome)) => (outcome, pass.duplicate_of.filter(|_| outcome == Outcome::Duplicate)),
            (None, Ok(())) => (Outcome::NotDelivered, None),
        };
        self.close(&pass, outcome, of, &text, decisions);
    }

    /// The outcome of a pass that ends with an event, as far as it is known.
    pub(super) fn outcome_of(&mut self, id: PassId, published: &Published) -> Outcome {
        if published.is_refused() {
            return Outcome::NotDelivered;
        }
        self.open.add(id, published);
        Outcome::Event
    }

    pub(super) fn close(
        &mut self,
        pass: &Pass,
        outcome: Outcome,
        of: Option<EventId>,
        text: &Text,
        decisions: &mut Vec<Decision>,
    ) {
        self.tally.ended(outcome);
        // what a few pictures of one vehicle show does not move either
        let sign = pass.sign().filter(|_| !self.pace.is_picture());
        sign.into_iter().for_each(|sign| self.signs.add(sign));
        if matches!(outcome, Outcome::Event | Outcome::Duplicate) {
            pass.tracks().for_each(|track| self.vehicles.read(track));
        }
        if pass.reads() > 0 {
            self.reads += u64::from(pass.reads());
            self.read_passes += 1;
        }
        decisions.push(Decision::Outcome(Box::new(compose::outcome(pass, outcome, of, text, &self.settings))));
        if outcome != Outcome::Stitched {
            decisions.push(Decision::Forget(pass.id));
        }
    }
}
