//! Which plates gave an event lately.
//!
//! An entry is made in two steps: [`Duplicates::insert`] when an event is decided, [`Duplicates::commit`] when
//! downstream took it; [`Duplicates::withdraw`] when it did not, so that nothing is remembered that was not delivered.
//! A lookup costs a few table look-ups however many entries live: every entry is indexed under its text and the text with
//! one or two characters left out, and two texts within reach of each other share such a key.
//!
//! Cameras that share a memory may have clocks that differ by hours: what one of them remembers grows old by its own clock
//! alone ([`Duplicates::expire`]), and which entry was not seen for longest is told by the order of calls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use super::matching::{AsItIs, Matching, keys, same};
use crate::event::EventId;
use crate::time::Timestamp;

/// What starts the time window of a plate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowMode {
    /// The event: after the window, the plate gives a new one, parked or not.
    Fixed,
    /// The last time the plate was found to be a duplicate.
    Sliding,
    /// The last sight of the vehicle: it must have been away for the whole window.
    #[default]
    Visit,
}

/// How duplicates are found.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How long a plate is remembered.
    pub window: Duration,
    /// What starts the window.
    pub mode: WindowMode,
    /// When two texts are the same plate.
    pub matching: Matching,
    /// Most entries; beyond, the one not seen for longest is forgotten.
    pub capacity: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(300),
            mode: WindowMode::default(),
            matching: Matching::default(),
            capacity: 100_000,
        }
    }
}

/// How much longer than the window plates of another camera are remembered: one whose clock is right and that shows frames
/// forgets its own long before, so this one is gone. Clocks that differ by more make others forget.
const GONE: Duration = Duration::from_secs(24 * 3600);

/// Names an entry; never used again after the entry is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(u64);

/// A plate that gave an event: what is remembered of it, in memory and from run to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The camera that gave the event, by whose clock the plate grows old; empty when it was restored from a file that does not
    /// say.
    pub camera: String,
    /// Where the plate counts as seen: a camera, a site, a zone, a direction.
    pub scope: String,
    /// Normalised text, or its keyed hash.
    pub text: String,
    /// Whether `text` is a keyed hash: it was restored so. Nothing else tells the two apart.
    pub hashed: bool,
    /// The event it gave.
    pub event_id: EventId,
    /// Capture time of the event.
    pub since: Timestamp,
    /// What the window counts from.
    pub seen: Timestamp,
}

/// A remembered plate, and what matters of it in this run alone.
#[derive(Debug)]
struct Entry {
    plate: Remembered,
    /// Whether downstream took the event.
    committed: bool,
    /// Whether another pass bore it out.
    confirmed: bool,
    /// Its place in the order of sights.
    turn: u64,
}

/// A plate found again.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its entry.
    pub entry: EntryId,
    /// The event it gave.
    pub event_id: EventId,
    /// Distance of the texts: 0 when equal.
    pub distance: f32,
}

/// The memory of plates that gave an event.
#[derive(Debug, Default)]
pub struct Duplicates {
    rules: Rules,
    entries: HashMap<EntryId, Entry>,
    /// By the event they gave.
    events: HashMap<EventId, EntryId>,
    /// Entries by the hash of scope and key, for every key of every entry.
    keys: HashMap<u64, Vec<EntryId>, BuildHasherDefault<AsItIs>>,
    /// By camera, oldest sight first.
    ages: HashMap<String, BTreeSet<(Timestamp, EntryId)>>,
    /// In the order of the last sights, whatever the clocks say.
    turns: BTreeMap<u64, EntryId>,
    turn: u64,
    next: u64,
    evicted: u64,
}

impl Duplicates {
    /// An empty memory.
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Uses `rules` from now on, for the entries that live as well.
    pub fn set_rules(&mut self, rules: Rules) {
        if rules.matching != self.rules.matching {
            self.keys.clear();
            for (id, entry) in &self.entries {
                for key in keys(&rules.matching, &entry.plate.scope, &entry.plate.text) {
                    self.keys.entry(key).or_default().push(*id);
                }
            }
        }
        self.rules = rules;
    }

    /// The rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Entries that live.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries that were forgotten because there were too many.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is remembered under an id, while it lives.
    pub fn get(&self, id: EntryId) -> Option<&Remembered> {
        self.entries.get(&id).map(|entry| &entry.plate)
    }

    /// What is remembered of an event, while it lives and when downstream took the event: what a state file keeps.
    pub fn of_event(&self, event: EventId) -> Option<&Remembered> {
        let entry = self.events.get(&event).and_then(|id| self.entries.get(id))?;
        entry.committed.then_some(&entry.plate)
    }

    /// The nearest live entry that is the same plate as `text` in `scope` at `now`; of equals, the oldest.
    ///
    /// `except` is the asker's own entry.
    pub fn find(&self, scope: &str, text: &str, now: Timestamp, except: Option<EntryId>) -> Option<Found> {
        let mut best: Option<Found> = None;
        for key in keys(&self.rules.matching, scope, text) {
            for id in self.keys.get(&key).into_iter().flatten() {
                if Some(*id) == except || best.as_ref().is_some_and(|b| b.entry == *id) {
                    continue;
                }
                let Some(Entry { plate, .. }) = self.entries.get(id) else { continue };
                if plate.scope != scope || !within(&self.rules, plate, now) {
                    continue;
                }
                let Some(distance) = same(&self.rules.matching, text, &plate.text) else { continue };
                if best.as_ref().is_none_or(|b| (distance, *id) < (b.distance, b.entry)) {
                    best = Some(Found { entry: *id, event_id: plate.event_id, distance });
                }
            }
        }
        best
    }

    /// Remembers `text`, seen by `camera`, for now; [`Duplicates::commit`] makes it last.
    pub fn insert(&mut self, camera: &str, scope: &str, text: &str, event_id: EventId, now: Timestamp) -> EntryId {
        let plate = Remembered {
            camera: camera.into(),
            scope: scope.into(),
            text: text.into(),
            hashed: false,
            event_id,
            since: now,
            seen: now,
        };
        self.add(plate, false)
    }

    /// Takes back a plate of an earlier run, as [`Duplicates::of_event`] gave it. Of several, begin with the one not seen for
    /// longest. Of an event that is remembered already, because the cameras of a site each keep a file, only a later sight counts.
    pub fn restore(&mut self, old: Remembered) {
        if let Some(known) = self.events.get(&old.event_id).copied() {
            self.see(known, old.seen);
            self.commit(known);
            return;
        }
        self.add(old, true);
    }

    /// Downstream took the event of this entry.
    pub fn commit(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.committed = true;
        }
    }

    /// Downstream refused the event of this entry: forgets it, unless an earlier event of it was taken.
    pub fn withdraw(&mut self, id: EntryId) {
        if self.entries.get(&id).is_some_and(|entry| !entry.committed) {
            self.remove(id);
        }
    }

    /// Another pass, which ended as a duplicate, would have given an event by itself.
    pub fn confirm(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.confirmed = true;
        }
    }

    /// The event of this entry was a preview that does not last: forgets it, delivered or not. `false` when another pass bore
    /// it out.
    pub fn take_back(&mut self, id: EntryId) -> bool {
        let is_confirmed = self.entries.get(&id).is_some_and(|entry| entry.confirmed);
        if !is_confirmed {
            self.remove(id);
        }
        !is_confirmed
    }

    /// The plate was found again at `now`.
    pub fn found_again(&mut self, id: EntryId, now: Timestamp) {
        if self.rules.mode != WindowMode::Fixed {
            self.see(id, now);
        }
    }

    /// The vehicle is in view at `now`.
    pub fn in_view(&mut self, id: EntryId, now: Timestamp) {
        if self.rules.mode == WindowMode::Visit {
            self.see(id, now);
        }
    }

    /// The text of an entry was corrected, or where it counts as seen.
    pub fn rename(&mut self, id: EntryId, scope: &str, text: &str) {
        if let Some(entry) = self.remove(id) {
            let plate = Remembered { scope: scope.into(), text: text.into(), hashed: false, ..entry.plate };
            self.put(id, Entry { plate, ..entry });
        }
    }

    /// It is `now` at `camera`: forgets what it saw before the window. What other cameras saw is nothing to its clock, but
    /// for what is so old that they must be [gone](GONE).
    pub fn expire(&mut self, camera: &str, now: Timestamp) {
        let window = self.rules.window;
        // nobody else's clock forgets what is of no known camera
        let kept = |of: &str| if of == camera || of.is_empty() { window } else { window + GONE };
        let first_of = |(of, ages): (&String, &BTreeSet<(Timestamp, EntryId)>)| {
            ages.first().filter(|(seen, _)| now.since(*seen) > kept(of)).map(|(_, id)| *id)
        };
        while let Some(oldest) = self.ages.iter().find_map(first_of) {
            self.remove(oldest);
        }
    }

    fn see(&mut self, id: EntryId, now: Timestamp) {
        let turn = self.next_turn();
        let Some(entry) = self.entries.get_mut(&id) else { return };
        self.turns.remove(&std::mem::replace(&mut entry.turn, turn));
        self.turns.insert(turn, id);
        let plate = &mut entry.plate;
        if now > plate.seen
            && let Some(ages) = self.ages.get_mut(&plate.camera)
        {
            ages.remove(&(plate.seen, id));
            plate.seen = now;
            ages.insert((now, id));
        }
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// Makes room for `plate` and remembers it. What is from an earlier run was delivered then, and stays whatever this run decides.
    fn add(&mut self, plate: Remembered, is_old: bool) -> EntryId {
        while self.entries.len() >= self.rules.capacity.max(1) {
            let Some((_, oldest)) = self.turns.first_key_value() else { break };
            self.remove(*oldest);
            self.evicted += 1;
        }
        let id = EntryId(self.next);
        self.next += 1;
        let turn = self.next_turn();
        self.put(id, Entry { plate, committed: is_old, confirmed: is_old, turn });
        id
    }

    fn put(&mut self, id: EntryId, entry: Entry) {
        let plate = &entry.plate;
        for key in keys(&self.rules.matching, &plate.scope, &plate.text) {
            self.keys.entry(key).or_default().push(id);
        }
        self.ages.entry(plate.camera.clone()).or_default().insert((plate.seen, id));
        self.turns.insert(entry.turn, id);
        self.events.insert(plate.event_id, id);
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        let plate = &entry.plate;
        if let Some(ages) = self.ages.get_mut(&plate.camera) {
            ages.remove(&(plate.seen, id));
            if ages.is_empty() {
                self.ages.remove(&plate.camera);
            }
        }
        self.turns.remove(&entry.turn);
        if self.events.get(&plate.event_id) == Some(&id) {
            self.events.remove(&plate.event_id);
        }
        for key in keys(&self.rules.matching, &plate.scope, &plate.text) {
            if let Some(ids) = self.keys.get_mut(&key) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.keys.remove(&key);
                }
            }
        }
        Some(entry)
    }
}

/// Whether `plate` is inside its window at `now`. A sight from the future counts like one from the past: clocks of two
/// cameras differ a little, and one that was set back by hours must not silence plates until it has caught up.
fn within(rules: &Rules, plate: &Remembered, now: Timestamp) -> bool {
    now.since(plate.seen).max(plate.seen.since(now)) <= rules.window
}

#[cfg(test)]
mod tests;
