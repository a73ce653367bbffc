//! What is due for one pass: nothing, an event, a revision, or the name of what is missing.

use std::borrow::Cow;
use std::cell::LazyCell;

use crate::dedup::compose::{self, Text};
use crate::dedup::duplicates::Duplicates;
use crate::dedup::judge;
use crate::dedup::observation::Decision;
use crate::dedup::outcome::Outcome;
use crate::dedup::pass::Pass;
use crate::dedup::publish::{known, look_up, needs_revision, publish, scope_of, watchlist_decision};
use crate::dedup::settings::Emit;

use super::Passes;

/// What a pass is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// It is in view.
    Now,
    /// It is over.
    End,
}

impl Passes {
    /// Sends what is due for one pass. `Err` names why there is no event (yet).
    pub(super) fn decide(
        &mut self,
        memory: &mut Duplicates,
        track: u64,
        moment: Moment,
        decisions: &mut Vec<Decision>,
    ) -> Result<(), Outcome> {
        // where no other frame will tell more, this is the end of it
        let is_alone = moment == Moment::Now && self.pace.is_alone();
        let half_of_another = (moment == Moment::End || is_alone) && self.is_half_of_another(track);
        let Some(pass) = self.live.get_mut(&track) else { return Err(Outcome::Interrupted) };
        if let Some(published) = &pass.published {
            memory.in_view(published.entry, pass.last_seen);
            if self.settings.emit != Emit::Preview && !published.is_preview() {
                return Ok(());
            }
        }
        let settings = &self.settings;
        let text = compose::text_of(pass, settings);
        let mut facts = pass.facts(&text.raw, text.fits, &settings.zones);
        facts.length = text.normalized.chars().count();
        (facts.confidence, facts.rival) = (text.confidence, text.rival(facts.rival));
        facts.half_of_another = half_of_another;
        facts.may_be_brief = moment == Moment::Now || self.pace.is_sparse();
        facts.is_preview = moment == Moment::Now && settings.emit == Emit::Preview && !self.pace.is_sparse();
        facts.usual = match &pass.usual {
            Some((known, usual)) if *known == text.normalized => *usual,
            _ => {
                let usual = settings.templates.is_usual(&text.normalized);
                pass.usual = Some((text.normalized.clone(), usual));
                usual
            }
        };
        let rules = if is_alone || self.pace.is_picture() {
            Cow::Owned(settings.rules.of_one_picture())
        } else {
            Cow::Borrowed(&settings.rules)
        };
        let verdict = judge::at_end(&facts, &rules);
        let sure = if is_alone { verdict.is_ok() } else { judge::is_sure(&facts, &rules) };
        let scope = scope_of(pass, settings);
        let due = match (settings.emit, moment) {
            (_, Moment::End) | (Emit::Preview, Moment::Now) => true,
            (Emit::Confirmed, Moment::Now) => sure,
            (Emit::Final, Moment::Now) => false,
        };
        if (verdict.is_err() || !due) && !text.normalized.is_empty() {
            // a weak sight is still a sight of a plate that is known: who waits in view longer than the window was not away
            if let Some(found) = look_up(memory, pass, &scope, &text, settings) {
                memory.found_again(found.entry, pass.last_seen);
            }
        }
        verdict?;
        let settled = sure || moment == Moment::End;
        // asked when somebody is told, not in every frame: the list may be long
        let seen = pass.last_seen;
        let hit = LazyCell::new(|| settings.watchlist.find(&text.normalized, seen));
        if settled && pass.watched.as_ref() != Some(&text.normalized) {
            pass.watched = Some(text.normalized.clone());
            if let Some(hit) = &*hit {
                decisions.push(Decision::Watchlist(Box::new(watchlist_decision(pass, &text, hit, settings))));
            }
        }
        if !due {
            return Ok(());
        }
        if is_told(pass, &text, settled) {
            // what was shown holds again
            pass.duplicate_of = None;
            return Ok(());
        }
        // what was shown before may come to be the text of an event that there is already
        if let Some(id) = known(memory, pass, &scope, &text, settled, settings) {
            pass.duplicate_of = Some(id);
            return Err(Outcome::Duplicate);
        }
        publish(pass, memory, &scope, &text, hit.as_ref(), !settled, settings, decisions);
        Ok(())
    }

    fn is_half_of_another(&self, track: u64) -> bool {
        let others = || self.live.iter().filter(|(other, _)| **other != track).map(|(_, other)| other);
        self.live.get(&track).is_some_and(|pass| others().any(|other| pass.is_half_of(other)))
    }
}

/// Whether what was sent of `pass` says all that there is to say.
fn is_told(pass: &Pass, text: &Text, settled: bool) -> bool {
    pass.published.as_ref().is_some_and(|published| !needs_revision(published, &text.normalized, settled))
}
