//! What is due for one pass: nothing, an event, a revision, or the name of what is missing.

use std::borrow::Cow;

use crate::dedup::case::Case;
use crate::dedup::compose;
use crate::dedup::duplicates::Duplicates;
use crate::dedup::judge;
use crate::dedup::observation::Decision;
use crate::dedup::outcome::Outcome;
use crate::dedup::pass::Circumstances;
use crate::dedup::settings::{Emit, Settings};

use super::{Pace, Passes};

/// What a pass is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// It is in view.
    Now,
    /// It is over.
    End,
}

/// What the judge says of a pass.
struct Judgement {
    /// Whether the pass gives an event, as if it ended now, or why not.
    verdict: Result<(), Outcome>,
    /// Whether it does, and later readings will hardly change its text.
    sure: bool,
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
        let settings = &self.settings;
        let Some(pass) = self.live.get_mut(&track) else { return Err(Outcome::Interrupted) };
        if let Some(published) = &pass.published {
            memory.in_view(published.entry, pass.last_seen);
            if settings.emit != Emit::Preview && !published.is_preview() {
                return Ok(());
            }
        }
        let text = compose::text_of(pass, settings);
        let circumstances = Circumstances {
            usual: pass.is_usual(&text.normalized, &settings.templates),
            half_of_another,
            may_be_brief: moment == Moment::Now || self.pace.is_sparse(),
            is_preview: moment == Moment::Now && settings.emit == Emit::Preview && !self.pace.is_sparse(),
        };
        let facts = pass.facts(&text, &circumstances, &settings.zones);
        let Judgement { verdict, sure } = judge_by(&facts, settings, &self.pace, is_alone);
        let due = moment == Moment::End
            || match settings.emit {
                Emit::Preview => true,
                Emit::Confirmed => sure,
                Emit::Final => false,
            };
        let mut case = Case::new(pass, text, sure || moment == Moment::End, memory, settings);
        if verdict.is_err() || !due {
            case.note_sight();
        }
        verdict?;
        case.tell_watchlist(decisions);
        if due { case.send(decisions) } else { Ok(()) }
    }

    fn is_half_of_another(&self, track: u64) -> bool {
        let others = || self.live.iter().filter(|(other, _)| **other != track).map(|(_, other)| other);
        self.live.get(&track).is_some_and(|pass| others().any(|other| pass.is_half_of(other)))
    }
}

/// Judges by the rules that hold for what the stream is: a film, or pictures of which each `is_alone`.
fn judge_by(facts: &judge::Facts, settings: &Settings, pace: &Pace, is_alone: bool) -> Judgement {
    let rules = if is_alone || pace.is_picture() {
        Cow::Owned(settings.rules.of_one_picture())
    } else {
        Cow::Borrowed(&settings.rules)
    };
    let verdict = judge::at_end(facts, &rules);
    let sure = if is_alone { verdict.is_ok() } else { judge::is_sure(facts, &rules) };
    Judgement { verdict, sure }
}
