//! Events against passes: every vehicle that passes readably owes exactly one event with its text.

use super::text::edit_distance;
use crate::truth::{Pass, Truth};

/// Seconds around a pass in which its event may have been captured: the tracker may see a plate a little longer.
const SLACK: f64 = 0.6;

/// An event as far as scores need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Normalised text.
    pub text: String,
    /// Seconds of the clip at which the winning read was captured.
    pub seconds: f64,
}

/// An event that no pass has.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// The event.
    pub sighting: Sighting,
    /// Text of the pass at that time that is nearest to it; nothing when none passes then.
    pub meant: Option<String>,
    /// Whether it is the text of another pass of the clip.
    pub borrowed: bool,
}

/// How the events of one clip compare with its passes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Passes that owe an event.
    pub owed: usize,
    /// Passes with exactly one event of the right text.
    pub right: usize,
    /// Events of the right text beyond the first of their pass, or of a repeat within the window.
    pub duplicates: Vec<Sighting>,
    /// Events that no pass has.
    pub wrong: Vec<Wrong>,
    /// Texts of passes that owe an event and have none.
    pub missed: Vec<String>,
    /// Right events of passes that owe none, because their plates are never seen whole and wide enough.
    pub bonus: usize,
}

impl Verdict {
    /// Whether every pass has exactly one right event and there is nothing else.
    pub fn is_perfect(&self) -> bool {
        self.right == self.owed && self.duplicates.is_empty() && self.wrong.is_empty() && self.missed.is_empty()
    }

    /// Adds the verdict of another clip.
    pub fn join(&mut self, other: Self) {
        self.owed += other.owed;
        self.right += other.right;
        self.bonus += other.bonus;
        self.duplicates.extend(other.duplicates);
        self.wrong.extend(other.wrong);
        self.missed.extend(other.missed);
    }
}

/// What a pass owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Debt {
    Event,
    /// The same plate passed within the window before.
    Nothing,
    /// Never readable: an event is welcome and owed by nobody.
    Unreadable,
}

/// Compares `events` with the passes of a clip. The same plate again within `window` seconds of its last pass owes no
/// second event.
pub fn judge(truth: &Truth, events: &[Sighting], window: f64) -> Verdict {
    let debts = debts(truth, window);
    let mut hits = vec![0_usize; truth.passes.len()];
    let mut verdict = Verdict { owed: debts.iter().filter(|d| **d == Debt::Event).count(), ..Verdict::default() };
    for event in events {
        let mut here: Vec<usize> =
            (0..truth.passes.len()).filter(|i| passes_at(truth, &truth.passes[*i], event.seconds)).collect();
        // Where one text passes twice in a row, its event belongs to the pass that still lacks one.
        here.sort_by_key(|i| hits[*i]);
        let same = here.iter().find(|i| truth.passes[**i].text == event.text);
        match same.map(|i| (*i, debts[*i], hits[*i])) {
            Some((i, Debt::Event, 0)) => hits[i] = 1,
            Some((i, Debt::Unreadable, 0)) => {
                hits[i] = 1;
                verdict.bonus += 1;
            }
            Some((i, ..)) => {
                hits[i] += 1;
                verdict.duplicates.push(event.clone());
            }
            None => verdict.wrong.push(wrong(truth, &here, event)),
        }
    }
    for ((pass, debt), hits) in truth.passes.iter().zip(&debts).zip(&hits) {
        match (debt, hits) {
            (Debt::Event, 0) => verdict.missed.push(pass.text.clone()),
            (Debt::Event, 1) => verdict.right += 1,
            _ => {}
        }
    }
    verdict
}

fn debts(truth: &Truth, window: f64) -> Vec<Debt> {
    let mut debts: Vec<Debt> = Vec::new();
    for (i, pass) in truth.passes.iter().enumerate() {
        let start = truth.seconds(pass.first_frame);
        let repeat = truth.passes[..i]
            .iter()
            .zip(&debts)
            .any(|(p, d)| *d == Debt::Event && p.text == pass.text && start - truth.seconds(p.last_frame) < window);
        debts.push(match pass.readable {
            None => Debt::Unreadable,
            Some(_) if repeat => Debt::Nothing,
            Some(_) => Debt::Event,
        });
    }
    debts
}

fn passes_at(truth: &Truth, pass: &Pass, seconds: f64) -> bool {
    seconds >= truth.seconds(pass.first_frame) - SLACK && seconds <= truth.seconds(pass.last_frame) + SLACK
}

fn wrong(truth: &Truth, here: &[usize], event: &Sighting) -> Wrong {
    let nearest = here.iter().min_by_key(|i| edit_distance(&truth.passes[**i].text, &event.text));
    Wrong {
        sighting: event.clone(),
        meant: nearest.map(|i| truth.passes[*i].text.clone()),
        borrowed: truth.passes.iter().any(|p| p.text == event.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(passes: &[(&str, u32, u32, bool)]) -> Truth {
        let passes = passes
            .iter()
            .map(|(text, first, last, readable)| Pass {
                text: (*text).to_owned(),
                first_frame: *first,
                last_frame: *last,
                readable: readable.then_some((*first, *last)),
                ..Pass::default()
            })
            .collect();
        Truth { fps: 10, passes, ..Truth::default() }
    }

    #[test]
    fn verdicts() {
        let two = truth(&[("AAA111", 0, 30, true), ("BBB222", 20, 50, true)]);
        let again = truth(&[("AAA111", 0, 30, true), ("AAA111", 100, 130, true)]);
        let hidden = truth(&[("AAA111", 0, 30, false)]);
        // right, duplicates, wrong, missed, bonus
        for (name, truth, window, events, expected) in [
            ("both", &two, 300.0, vec![("AAA111", 1.0), ("BBB222", 4.0)], [2, 0, 0, 0, 0]),
            ("one twice", &two, 300.0, vec![("AAA111", 1.0), ("AAA111", 2.0), ("BBB222", 4.0)], [1, 1, 0, 0, 0]),
            ("misread", &two, 300.0, vec![("AAA11I", 1.0), ("BBB222", 4.0)], [1, 0, 1, 1, 0]),
            ("nobody there", &two, 300.0, vec![("ZZZ", 9.0)], [0, 0, 1, 2, 0]),
            ("late, but within the slack", &two, 300.0, vec![("AAA111", 3.5), ("BBB222", 5.5)], [2, 0, 0, 0, 0]),
            ("repeat within the window", &again, 300.0, vec![("AAA111", 1.0)], [1, 0, 0, 0, 0]),
            ("repeat reported all the same", &again, 300.0, vec![("AAA111", 1.0), ("AAA111", 11.0)], [1, 1, 0, 0, 0]),
            ("repeat after the window", &again, 5.0, vec![("AAA111", 1.0), ("AAA111", 11.0)], [2, 0, 0, 0, 0]),
            ("repeat after the window, missed", &again, 5.0, vec![("AAA111", 1.0)], [1, 0, 0, 1, 0]),
            ("unreadable, silent", &hidden, 300.0, vec![], [0, 0, 0, 0, 0]),
            ("unreadable, right all the same", &hidden, 300.0, vec![("AAA111", 1.0)], [0, 0, 0, 0, 1]),
            ("unreadable, misread", &hidden, 300.0, vec![("AAA1", 1.0)], [0, 0, 1, 0, 0]),
        ] {
            let events: Vec<Sighting> =
                events.iter().map(|(t, s)| Sighting { text: (*t).to_owned(), seconds: *s }).collect();
            let v = judge(truth, &events, window);
            assert_eq!([v.right, v.duplicates.len(), v.wrong.len(), v.missed.len(), v.bonus], expected, "{name}");
        }
    }

    #[test]
    fn a_wrong_event_says_whose_text_it_should_have_been() {
        let two = truth(&[("AAA111", 0, 30, true), ("BBB222", 100, 130, true)]);
        let event = |text: &str, seconds| Sighting { text: text.to_owned(), seconds };
        let v = judge(&two, &[event("AAA11I", 1.0), event("BBB222", 1.5), event("CCC", 7.0)], 300.0);
        let told: Vec<(Option<&str>, bool)> = v.wrong.iter().map(|w| (w.meant.as_deref(), w.borrowed)).collect();
        assert_eq!(told, [(Some("AAA111"), false), (Some("AAA111"), true), (None, false)]);
    }
}
