//! What is sent for one pass: is it known already, is a revision due, where does it count.

use crate::event::EventId;

use super::compose::{self, Text};
use super::duplicates::{Duplicates, Found};
use super::observation::{Decision, EventDecision, WatchlistDecision};
use super::outcome::Outcome;
use super::pass::Pass;
use super::published::Published;
use super::settings::{Scope, Settings};
use super::watchlist::Hit;

/// Probability from which another possible text of a track may be the plate that was seen before.
const LIKELY_ALTERNATIVE: f32 = 0.15;

/// Whether what was sent needs a correction: another text, or no preview any more.
pub(super) fn needs_revision(published: &Published, text: &str, settled: bool) -> bool {
    published.text != text || (published.is_preview() && settled)
}

/// What is remembered of this plate from another pass, by its text or a likely other one.
pub(super) fn look_up(
    memory: &Duplicates,
    pass: &Pass,
    scope: &str,
    text: &Text,
    settings: &Settings,
) -> Option<Found> {
    let now = pass.last_seen;
    let own = pass.published.as_ref().map(|published| published.entry);
    let mut found = memory.find(scope, &text.normalized, now, own);
    if found.is_none() {
        let others = pass.alternatives(LIKELY_ALTERNATIVE);
        found = others.filter_map(|other| memory.find(scope, &other, now, own)).find(|f| f.distance == 0.0);
    }
    if found.is_none()
        && let Some(hasher) = &settings.privacy
    {
        found = memory.find(scope, &hasher.hash(&text.normalized), now, own).filter(|f| f.distance == 0.0);
    }
    found
}

/// The event that this plate gave already in another pass; `settled`: this pass would give one by itself.
pub(super) fn known(
    memory: &mut Duplicates,
    pass: &Pass,
    scope: &str,
    text: &Text,
    settled: bool,
    settings: &Settings,
) -> Option<EventId> {
    let found = look_up(memory, pass, scope, text, settings)?;
    memory.found_again(found.entry, pass.last_seen);
    if settled {
        memory.confirm(found.entry);
    }
    Some(found.event_id)
}

/// Decides an event, and remembers its plate until it is known whether downstream took it.
#[allow(clippy::too_many_arguments, reason = "one call, in the middle of one function")]
pub(super) fn publish(
    pass: &mut Pass,
    memory: &mut Duplicates,
    scope: &str,
    text: &Text,
    hit: Option<&Hit>,
    preview: bool,
    settings: &Settings,
    decisions: &mut Vec<Decision>,
) {
    let revision = pass.published.as_ref().map_or(0, |p| p.shown.extras.revision + 1);
    let event = compose::event(pass, text, hit, revision, preview, settings);
    let captured =
        pass.published.as_ref().map_or_else(|| pass.winner.as_ref().map_or(pass.last_seen, |w| w.time), |p| p.captured);
    let entry = match &pass.published {
        Some(published) => {
            memory.rename(published.entry, &text.normalized);
            published.entry
        }
        None => memory.insert(&settings.identity.camera, scope, &text.normalized, pass.id, pass.last_seen),
    };
    let (taken, open) = pass.published.as_ref().map_or((false, 0), |p| (p.taken, p.open));
    let text = text.normalized.clone();
    let shown = Box::new(event.clone());
    pass.published = Some(Published { shown, text, captured, entry, taken, open: open + 1 });
    pass.duplicate_of = None;
    decisions.push(Decision::Event(Box::new(EventDecision {
        pass: pass.id,
        entry,
        event,
        captured,
        listed: hit.is_some(),
    })));
}

/// Closes what a pass showed that ends without an event, for the reason `why`: takes it back, or, when another pass of the
/// plate bore it out meanwhile, lets it stand. What was shown as sure stands too, unless it came to be the plate of an
/// event that there is already: two events would tell of one passing. Whether it was taken back.
pub(super) fn close(pass: &mut Pass, why: Outcome, memory: &mut Duplicates, decisions: &mut Vec<Decision>) -> bool {
    let Some(published) = pass.published.as_mut().filter(|published| !published.is_refused()) else { return false };
    let was_preview = published.is_preview();
    if !was_preview && why != Outcome::Duplicate {
        return false;
    }
    let withdrawn = memory.take_back(published.entry);
    if !was_preview && !withdrawn {
        return false;
    }
    let extras = &mut published.shown.extras;
    extras.revision += 1;
    extras.preview = false;
    extras.withdrawn = withdrawn;
    published.open += 1;
    let event = (*published.shown).clone();
    let (entry, captured, listed) = (published.entry, published.captured, event.extras.watchlist.is_some());
    decisions.push(Decision::Event(Box::new(EventDecision { pass: pass.id, entry, event, captured, listed })));
    withdrawn
}

/// The news that a watched plate is in view.
pub(super) fn watchlist_decision(pass: &Pass, text: &Text, hit: &Hit, settings: &Settings) -> WatchlistDecision {
    let hashed = settings.privacy.as_ref().map(|hasher| hasher.hash(&text.normalized));
    WatchlistDecision {
        pass: pass.id,
        camera: settings.identity.camera.clone(),
        hit: compose::published_hit(hit, settings),
        plate: hashed.unwrap_or_else(|| text.normalized.clone()),
        confidence: text.confidence,
        captured: pass.last_seen,
        track_id: compose::track_name(pass.track),
        roi: pass.way.zone.clone(),
        direction: pass.way.direction.clone(),
    }
}

/// The place in which a plate counts as seen.
pub(super) fn scope_of(pass: &Pass, settings: &Settings) -> String {
    let identity = &settings.identity;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    match settings.scope {
        Scope::Site => identity.site.clone(),
        Scope::Camera => format!("{}\u{1e}{}", identity.site, identity.camera),
        Scope::Zone => format!("{}\u{1e}{}\u{1e}zone {}", identity.site, identity.camera, part(&pass.way.zone)),
        Scope::Direction => {
            format!("{}\u{1e}{}\u{1e}direction {}", identity.site, identity.camera, part(&pass.way.direction))
        }
    }
}
