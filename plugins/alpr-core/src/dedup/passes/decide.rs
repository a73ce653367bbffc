//! What is due for one pass: nothing, an event, a revision, or the name of what is missing.

use std::borrow::Cow;

use crate::dedup::case::Case;
use crate::dedup::compose;
use crate::dedup::duplicates::Duplicates;
use crate::dedup::judge;
use crate::dedup::observation::Decision;
use crate::dedup::outcome::Outcome;
use crate::dedup::pass::{Circumstances, Pass};
use crate::dedup::published::Published;
use crate::dedup::settings::{Emit, Scope, Settings};

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
        let is_final = moment == Moment::End || is_alone;
        let settled = is_final || (sure && is_placed(pass, settings));
        let due = moment == Moment::End
            || match settings.emit {
                // what was sure is corrected by what is sure
                Emit::Preview => settled || pass.published.as_ref().is_none_or(Published::is_preview),
                Emit::Confirmed => settled,
                Emit::Final => false,
            };
        let mut case = Case::new(pass, text, settled, memory, settings);
        if verdict.is_err() || !due {
            case.note_sight();
        }
        verdict?;
        if sure || is_final {
            case.tell_watchlist(decisions);
        }
        if due { case.send(decisions) } else { Ok(()) }
    }

    fn is_half_of_another(&self, track: u64) -> bool {
        let others = || self.live.iter().filter(|(other, _)| **other != track).map(|(_, other)| other);
        self.live.get(&track).is_some_and(|pass| others().any(|other| pass.is_half_of(other)))
    }
}

/// Whether it is known where, or in which direction, the plate counts as seen, as far as the scope asks for that: what comes to
/// the line only later would be taken for what goes the other way.
fn is_placed(pass: &Pass, settings: &Settings) -> bool {
    match settings.scope {
        Scope::Camera | Scope::Site => true,
        Scope::Zone => pass.way.zone.is_some() || !settings.zones.names_zones(),
        Scope::Direction => pass.way.direction.is_some() || !settings.zones.names_directions(),
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
