//! One pass that is decided about: is its plate known already, is a revision due, what is sent.

use std::cell::OnceCell;

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

/// A pass, and all that is needed to send what is due for it.
pub(super) struct Case<'a> {
    pass: &'a mut Pass,
    text: Text,
    /// Where the plate counts as seen.
    scope: String,
    /// Whether the text will hardly change any more, nor the scope.
    settled: bool,
    /// What the watchlist says of the text: asked when somebody is told, not in every frame, for the list may be long.
    hit: OnceCell<Option<Hit>>,
    memory: &'a mut Duplicates,
    settings: &'a Settings,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        pass: &'a mut Pass,
        text: Text,
        settled: bool,
        memory: &'a mut Duplicates,
        settings: &'a Settings,
    ) -> Self {
        let scope = scope_of(pass, settings);
        Self { pass, text, scope, settled, hit: OnceCell::new(), memory, settings }
    }

    /// Nothing is sent now. A weak sight is still a sight of a plate that is known: what waits in view for longer than the window
    /// was not away.
    pub(super) fn note_sight(&mut self) {
        if !self.text.normalized.is_empty()
            && let Some(found) = self.look_up()
        {
            self.memory.found_again(found.entry, self.pass.last_seen);
        }
    }

    /// Says once of a text, which is to be sure, that someone waits for it.
    pub(super) fn tell_watchlist(&mut self, decisions: &mut Vec<Decision>) {
        if self.pass.watched.as_ref() == Some(&self.text.normalized) {
            return;
        }
        self.pass.watched = Some(self.text.normalized.clone());
        if let Some(hit) = self.hit() {
            decisions.push(Decision::Watchlist(Box::new(self.watchlist_decision(hit))));
        }
    }

    /// Sends the event, or its revision. `Err` when the plate gave an event already in another pass.
    pub(super) fn send(mut self, decisions: &mut Vec<Decision>) -> Result<(), Outcome> {
        if self.is_told() {
            // what was shown holds again
            self.pass.duplicate_of = None;
            return Ok(());
        }
        // what was shown before may come to be the text of an event that there is already
        if let Some(id) = self.known() {
            self.pass.duplicate_of = Some(id);
            return Err(Outcome::Duplicate);
        }
        decisions.push(Decision::Event(Box::new(self.publish())));
        Ok(())
    }

    /// Whether what was sent says all that there is to say: this text, and no preview of one that is settled now.
    fn is_told(&self) -> bool {
        self.pass.published.as_ref().is_some_and(|published| {
            published.text == self.text.normalized && !(published.is_preview() && self.settled)
        })
    }

    /// What the watchlist says of the text.
    fn hit(&self) -> Option<&Hit> {
        let find = || self.settings.watchlist.find(&self.text.normalized, self.pass.last_seen);
        self.hit.get_or_init(find).as_ref()
    }

    /// What is remembered of this plate from another pass, by its text or a likely other one.
    fn look_up(&self) -> Option<Found> {
        let own = self.pass.published.as_ref().map(|published| published.entry);
        let find = |text: &str| self.memory.find(&self.scope, text, self.pass.last_seen, own);
        let find_exactly = |text: &str| find(text).filter(|found| found.distance == 0.0);
        let text = &self.text.normalized;
        find(text)
            .or_else(|| self.pass.alternatives(LIKELY_ALTERNATIVE).find_map(|other| find_exactly(&other)))
            .or_else(|| find_exactly(&self.settings.privacy.as_ref()?.hash(text)))
    }

    /// The event that this plate gave already in another pass.
    fn known(&mut self) -> Option<EventId> {
        let found = self.look_up()?;
        self.memory.found_again(found.entry, self.pass.last_seen);
        if self.settled {
            // this pass would give an event by itself
            self.memory.confirm(found.entry);
        }
        Some(found.event_id)
    }

    /// Decides an event, and remembers its plate until it is known whether downstream took it.
    fn publish(&mut self) -> EventDecision {
        let text = &self.text.normalized;
        let before = self.pass.published.as_ref();
        let revision = before.map_or(0, |before| before.shown.extras.revision + 1);
        let hit = self.hit();
        let event = compose::event(self.pass, &self.text, hit, revision, !self.settled, self.settings);
        let listed = hit.is_some();
        let captured = self.pass.captured();
        let (taken, open) = before.map_or((false, 0), |before| (before.taken, before.open));
        let entry = match before.map(|before| before.entry) {
            Some(entry) => {
                self.memory.rename(entry, &self.scope, text);
                entry
            }
            None => {
                let camera = &self.settings.identity.camera;
                self.memory.insert(camera, &self.scope, text, self.pass.id, self.pass.last_seen)
            }
        };
        let shown = Box::new(event.clone());
        self.pass.published = Some(Published { shown, text: text.clone(), captured, entry, taken, open: open + 1 });
        self.pass.duplicate_of = None;
        EventDecision { pass: self.pass.id, entry, event, captured, listed }
    }

    /// The news that a watched plate is in view.
    fn watchlist_decision(&self, hit: &Hit) -> WatchlistDecision {
        let Self { pass, text, settings, .. } = self;
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

/// The place in which a plate counts as seen.
fn scope_of(pass: &Pass, settings: &Settings) -> String {
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
