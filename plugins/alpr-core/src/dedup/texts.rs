//! What was read of one pass, text by text.

use crate::geometry::Rect;

use super::distance;
use super::signs::is_at;

/// Most different texts that are counted per pass; of more, those with the least evidence are noise.
const MOST: usize = 32;

/// Evidence from which on readings of one text are clear.
const CLEAR: f32 = 0.5;

/// What a single reading is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Whether the picture's edge cuts the plate.
    pub(super) cut: bool,
    /// Whether it says all by itself.
    pub(super) clear: bool,
    /// Whether its box has the form of the one before.
    pub(super) keeps_form: bool,
    /// Its [evidence](crate::consensus::evidence).
    pub(super) evidence: f32,
    /// Where the plate was.
    pub(super) place: Rect,
}

/// How many readings say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreeing {
    /// Those of plates that the picture's edge does not cut.
    pub(super) whole: u32,
    /// All of them.
    pub(super) all: u32,
}

/// Sums of the [evidence](crate::consensus::evidence) of readings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Of all readings.
    pub(super) all: f32,
    /// Of those of one text.
    pub(super) same: f32,
    /// Of those of that text and others like it.
    pub(super) alike: f32,
}

/// The readings of one pass: bounded, however long it is in view.
#[derive(Debug, Default)]
pub(super) struct Texts {
    counts: Vec<Count>,
    /// Readings of plates that the picture's edge does not cut, forgotten ones as well.
    whole_reads: u32,
}

/// The readings of one text.
#[derive(Debug)]
struct Count {
    text: String,
    whole: u32,
    cut: u32,
    /// Evidence of `whole` together.
    evidence: f32,
    /// Whether one of `whole` says all by itself.
    clear: bool,
    /// Whether one of `whole` is of a box of the form of that before.
    keeps_form: bool,
    /// Where it was read first.
    place: Rect,
    /// Whether it was read elsewhere as well.
    elsewhere: bool,
}

impl Count {
    fn new(text: &str, look: &Look) -> Self {
        let worth = |yes: bool| !look.cut && yes;
        Self {
            text: text.to_owned(),
            whole: u32::from(!look.cut),
            cut: u32::from(look.cut),
            evidence: if look.cut { 0.0 } else { look.evidence },
            clear: worth(look.clear),
            keeps_form: worth(look.keeps_form),
            place: look.place,
            elsewhere: false,
        }
    }

    fn join(&mut self, later: &Self) {
        self.whole = self.whole.saturating_add(later.whole);
        self.cut = self.cut.saturating_add(later.cut);
        self.evidence += later.evidence;
        self.clear |= later.clear;
        self.keeps_form |= later.keeps_form;
        self.elsewhere |= later.elsewhere || !is_at(&self.place, &later.place);
    }
}

impl Texts {
    /// Counts one reading of `text`.
    pub(super) fn add(&mut self, text: &str, look: &Look) {
        self.whole_reads = self.whole_reads.saturating_add(u32::from(!look.cut));
        let new = Count::new(text, look);
        if let Some(known) = self.counts.iter_mut().find(|t| t.text == text) {
            known.join(&new);
            return;
        }
        if self.counts.len() == MOST {
            // noise gives way, or the right text of a plate that comes from far away would find no room
            let least = |a: &(usize, &Count), b: &(usize, &Count)| a.1.evidence.total_cmp(&b.1.evidence);
            let noise = self.counts.iter().enumerate().min_by(least).map_or(0, |(noise, _)| noise);
            self.counts.swap_remove(noise);
        }
        self.counts.push(new);
    }

    /// Takes in the readings of another track of the same vehicle, as far as there is room.
    pub(super) fn join(&mut self, later: Self) {
        self.whole_reads = self.whole_reads.saturating_add(later.whole_reads);
        for count in later.counts {
            if let Some(own) = self.counts.iter_mut().find(|t| t.text == count.text) {
                own.join(&count);
            } else if self.counts.len() < MOST {
                self.counts.push(count);
            }
        }
    }

    /// Readings of plates that the picture's edge does not cut, whatever they said.
    pub(super) const fn whole_reads(&self) -> u32 {
        self.whole_reads
    }

    /// Readings of exactly `text`.
    pub(super) fn agreeing(&self, text: &str) -> Agreeing {
        let count = |t: &Count| Agreeing { whole: t.whole, all: t.whole.saturating_add(t.cut) };
        self.of(text).map(count).unwrap_or_default()
    }

    /// Evidence for and against `text`.
    pub(super) fn evidence(&self, text: &str) -> Evidence {
        let sum = |same: &dyn Fn(&str) -> bool| -> f32 {
            self.counts.iter().filter(|t| same(&t.text)).map(|t| t.evidence).sum()
        };
        Evidence {
            all: sum(&|_| true),
            same: sum(&|other| other == text),
            alike: sum(&|other| distance::is_like(other, text)),
        }
    }

    /// Evidence of the readings of which `text` is a part alone.
    pub(super) fn longer_evidence(&self, text: &str) -> f32 {
        let longer = self.counts.iter().filter(|t| t.text != text && distance::is_part(text, &t.text));
        longer.map(|t| t.evidence).sum()
    }

    /// Whether one reading says exactly `text` so clearly that it needs no second one.
    pub(super) fn is_clear(&self, text: &str) -> bool {
        self.of(text).is_some_and(|t| t.clear)
    }

    /// Whether the box of a reading of `text` has the form of the one before.
    pub(super) fn keeps_form(&self, text: &str) -> bool {
        self.of(text).is_some_and(|t| t.keeps_form)
    }

    /// Whether clear readings say something else altogether.
    pub(super) fn contradict(&self, text: &str) -> bool {
        self.counts.iter().any(|t| t.evidence >= CLEAR && !distance::is_like(&t.text, text))
    }

    /// Whether there is a text of a kind.
    pub(super) fn any(&self, kind: &dyn Fn(&str) -> bool) -> bool {
        self.counts.iter().any(|t| kind(&t.text))
    }

    /// Whether all texts of a kind were read at `home` alone.
    pub(super) fn are_at(&self, home: &Rect, kind: &dyn Fn(&str) -> bool) -> bool {
        self.counts.iter().filter(|t| kind(&t.text)).all(|t| !t.elsewhere && is_at(home, &t.place))
    }

    fn of(&self, text: &str) -> Option<&Count> {
        self.counts.iter().find(|t| t.text == text)
    }
}
