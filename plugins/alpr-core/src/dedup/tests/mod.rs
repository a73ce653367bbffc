//! Scenes: who is in view when, what is read, and what must come of it.

mod carried;
mod faults;
mod passes;
mod pictures;
mod places;
mod previews;
mod properties;
mod signs;
mod truth;
mod vehicles;
mod watched;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::consensus::Consensus;
use crate::event::Event;
use crate::geometry::Rect;
use crate::reader::{Alphabet, Lattice, Reading};
use crate::time::{TimeSource, Timestamp};

pub(super) const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// Numbers below what is asked for, the same in every run.
pub(super) fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 1u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// One vehicle on its way through the picture.
#[derive(Clone, Debug)]
pub(super) struct Car {
    track: u64,
    /// Its track upstream, where that is of what carries the plate and others may have it too.
    carrier: Option<u64>,
    /// Text of each reading, in turn; the last one goes on.
    reads: Vec<&'static str>,
    /// Probability of a reading.
    confidence: f32,
    /// Probability of the fused text.
    seems: f32,
    detector: f32,
    first: Duration,
    last: Duration,
    from: (f32, f32),
    to: (f32, f32),
    /// Frames of this length in the middle are lost.
    gap: Option<(Duration, Duration)>,
    /// Whether it is only expected where it is.
    expected: bool,
}

impl Car {
    /// Track `track` crosses the picture with `text` on its plate, seen from `first` to `last` seconds.
    pub(super) fn new(track: u64, text: &'static str, first: f64, last: f64) -> Self {
        Self {
            track,
            carrier: None,
            reads: vec![text],
            confidence: 0.95,
            seems: 0.95,
            detector: 0.8,
            first: Duration::from_secs_f64(first),
            last: Duration::from_secs_f64(last),
            from: (100.0, 300.0),
            to: (1100.0, 400.0),
            gap: None,
            expected: false,
        }
    }

    pub(super) fn reads(mut self, reads: &[&'static str]) -> Self {
        self.reads = reads.to_vec();
        self
    }

    pub(super) fn confidence(mut self, confidence: f32) -> Self {
        (self.confidence, self.seems) = (confidence, confidence);
        self
    }

    pub(super) fn seems(mut self, seems: f32) -> Self {
        self.seems = seems;
        self
    }

    pub(super) fn detector(mut self, detector: f32) -> Self {
        self.detector = detector;
        self
    }

    pub(super) fn way(mut self, from: (f32, f32), to: (f32, f32)) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    pub(super) fn on(mut self, carrier: u64) -> Self {
        self.carrier = Some(carrier);
        self
    }

    pub(super) fn lost(mut self, from: f64, to: f64) -> Self {
        self.gap = Some((Duration::from_secs_f64(from), Duration::from_secs_f64(to)));
        self
    }

    pub(super) fn expected(mut self) -> Self {
        self.expected = true;
        self
    }

    fn at(&self, time: Duration) -> Option<Rect> {
        let lost = self.gap.is_some_and(|(from, to)| (from..to).contains(&time));
        if time < self.first || time > self.last || lost {
            return None;
        }
        let span = (self.last - self.first).as_secs_f32().max(1e-6);
        let part = (time - self.first).as_secs_f32() / span;
        let x = self.from.0 + (self.to.0 - self.from.0) * part;
        let y = self.from.1 + (self.to.1 - self.from.1) * part;
        Some(Rect::new(x, y, 80.0, 20.0))
    }
}

/// What a vehicle's readings said so far.
#[derive(Default)]
struct Fused {
    counts: BTreeMap<&'static str, u32>,
    reads: u32,
}

/// A camera, what passes it, and what came of it.
pub(super) struct Scene {
    pub(super) passes: Passes,
    pub(super) memory: Duplicates,
    pub(super) fps: f64,
    /// Time that passed since [`START`].
    pub(super) clock: Duration,
    number: u64,
    fused: BTreeMap<u64, Fused>,
    /// Whether downstream takes events.
    pub(super) delivers: bool,
    pub(super) decisions: Vec<Decision>,
}

impl Scene {
    pub(super) fn new(settings: Settings) -> Self {
        Self::sharing(settings, Duplicates::new(DuplicateRules::default()))
    }

    pub(super) fn sharing(settings: Settings, memory: Duplicates) -> Self {
        Self {
            passes: Passes::new(settings),
            memory,
            fps: 25.0,
            clock: Duration::ZERO,
            number: 0,
            fused: BTreeMap::new(),
            delivers: true,
            decisions: Vec::new(),
        }
    }

    /// Plays the picture for `seconds` with `cars` on their ways.
    pub(super) fn play(&mut self, seconds: f64, cars: &[Car]) -> &mut Self {
        let end = self.clock + Duration::from_secs_f64(seconds);
        while self.clock < end {
            self.frame(cars);
            self.clock += Duration::from_secs_f64(1.0 / self.fps);
        }
        self
    }

    fn frame(&mut self, cars: &[Car]) {
        let mut observations = Vec::new();
        for car in cars {
            let Some(bbox) = car.at(self.clock) else { continue };
            let fused = self.fused.entry(car.track).or_default();
            let text = *car.reads.get(fused.reads as usize).or(car.reads.last()).unwrap_or(&"");
            observations.push(fused.see(car, bbox, text));
        }
        let frame = FrameInfo {
            time: START.plus(self.clock),
            time_source: TimeSource::StreamTime,
            number: self.number,
            width: 1280,
            height: 720,
        };
        self.number += 1;
        let observations = self.passes.tell_apart(frame.time, observations);
        let decisions = self.passes.observe(&mut self.memory, frame, &observations);
        self.settle(decisions);
    }

    pub(super) fn finish(&mut self) -> &mut Self {
        let decisions = self.passes.finish(&mut self.memory);
        self.settle(decisions);
        self
    }

    /// What comes next is of something else.
    pub(super) fn cut(&mut self) -> &mut Self {
        let decisions = self.passes.cut(&mut self.memory);
        self.settle(decisions);
        self
    }

    fn settle(&mut self, decisions: Vec<Decision>) {
        for decision in &decisions {
            if let Decision::Event(event) = decision {
                if self.delivers {
                    self.passes.delivered(&mut self.memory, event);
                } else {
                    self.passes.refused(&mut self.memory, event);
                }
            }
        }
        self.decisions.extend(decisions);
    }

    pub(super) fn events(&self) -> Vec<&Event> {
        self.decisions
            .iter()
            .filter_map(|decision| match decision {
                Decision::Event(event) => Some(&event.event),
                _ => None,
            })
            .collect()
    }

    /// Texts of all events, in order.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.events().into_iter().map(|event| event.plate.normalized_text.as_str()).collect()
    }

    /// Every event tells of the plate of which a picture is kept by then.
    pub(super) fn check_pictures(&self) {
        let mut kept = BTreeMap::new();
        for decision in &self.decisions {
            match decision {
                Decision::Keep(keep) => drop(kept.insert(keep.pass, keep.plate)),
                Decision::Adopt { from, to } => match kept.remove(from) {
                    Some(plate) => drop(kept.insert(*to, plate)),
                    None => drop(kept.remove(to)),
                },
                Decision::Forget(pass) => drop(kept.remove(pass)),
                Decision::Event(event) if !event.event.extras.withdrawn => {
                    assert_eq!(event.event.extras.plate_bbox, kept.get(&event.pass).map(Into::into), "{event:?}");
                }
                _ => {}
            }
        }
        assert!(self.passes.live() > 0 || kept.is_empty(), "{kept:?}");
    }

    /// Names of the outcomes of all tracks, in order.
    pub(super) fn outcomes(&self) -> Vec<&str> {
        self.decisions
            .iter()
            .filter_map(|decision| match decision {
                Decision::Outcome(record) => Some(record.outcome.as_str()),
                _ => None,
            })
            .collect()
    }
}

impl Fused {
    fn see(&mut self, car: &Car, bbox: Rect, text: &'static str) -> Observation {
        let reading = (!text.is_empty() && !car.expected).then(|| reading(text, car.confidence));
        if reading.is_some() {
            self.reads += 1;
            *self.counts.entry(text).or_default() += 1;
        }
        // the most frequent text; of equals, the one that came to be most frequent last
        let best = self.counts.iter().max_by_key(|(_, count)| **count).map(|(text, count)| (*text, *count));
        Observation {
            track_id: car.carrier.unwrap_or(car.track),
            bbox,
            corners: None,
            detector_confidence: car.detector,
            predicted: car.expected,
            quality: Some(0.8),
            consensus: best.map(|(text, count)| consensus(text, car.seems, self.reads, count)),
            reading,
            vehicle: None,
        }
    }
}

pub(super) fn lattice(text: &str) -> Lattice {
    let alphabet = Alphabet::latin();
    let classes = alphabet.symbols().len() + 1;
    let mut probs = Vec::new();
    for c in text.chars() {
        let place = alphabet.symbols().iter().position(|s| *s == c).unwrap_or(classes - 1);
        probs.extend((0..classes).map(|i| if i == place { 0.964 } else { 0.001 }));
    }
    Lattice { alphabet, probs }
}

pub(super) fn reading(text: &str, confidence: f32) -> Reading {
    Reading { text: text.into(), confidence, lattice: lattice(text), region: None }
}

pub(super) fn consensus(text: &str, confidence: f32, reads: u32, agreeing: u32) -> Consensus {
    Consensus {
        lattice: lattice(text),
        text: text.into(),
        confidence,
        char_confidence: vec![confidence; text.len()],
        alternatives: Vec::new(),
        reads,
        agreeing,
        region: None,
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        identity: Identity { camera: "CAM1".into(), site: "DC1".into(), host: "host".into() },
        ..Settings::default()
    }
}
