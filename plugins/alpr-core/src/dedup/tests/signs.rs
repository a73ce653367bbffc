//! What never moves, whatever its track does, and what is seen only for a moment.

use super::*;
use crate::reader::RegionGuess;

const SIGN: Rect = Rect::new(400.0, 60.0, 96.0, 50.0);

/// One frame of a camera at two frames a second.
struct Slow {
    scene: Scene,
    frame: u64,
}

impl Slow {
    fn new(settings: Settings) -> Self {
        Self { scene: Scene::new(settings), frame: 0 }
    }

    /// What is seen next: track, place, text (empty: not read), probability of the reading, whether it is a prediction.
    fn see(&mut self, seen: &[(u64, Rect, &'static str, f32, bool)]) {
        let observations: Vec<Observation> = seen
            .iter()
            .map(|(track_id, bbox, text, confidence, predicted)| {
                let read = !text.is_empty() && !predicted;
                Observation {
                    track_id: *track_id,
                    bbox: *bbox,
                    corners: None,
                    detector_confidence: 0.8,
                    predicted: *predicted,
                    quality: read.then_some(0.7),
                    reading: read.then(|| reading(text, *confidence)),
                    consensus: None,
                    vehicle: None,
                }
            })
            .collect();
        let time = START.plus(Duration::from_millis(500 * self.frame));
        let info =
            FrameInfo { time, time_source: TimeSource::StreamTime, number: self.frame, width: 1280, height: 720 };
        self.frame += 1;
        let decisions = self.scene.passes.observe(&mut self.scene.memory, info, &observations);
        self.scene.settle(decisions);
    }

    fn end(mut self) -> Scene {
        self.scene.finish();
        self.scene
    }
}

/// A lorry comes nearer for `frames` frames with `name` painted on it, `gap` times the height of its plate's box above that.
fn lorry(name: &'static str, gap: f32, frames: u8) -> Scene {
    let mut camera = Slow::new(settings());
    for frame in 0..frames {
        let near = 1.0 + 0.4 * f32::from(frame);
        let plate = Rect::new(700.0 - 60.0 * f32::from(frame), 500.0 + 20.0 * near, 40.0 * near, 10.0 * near);
        let text = Rect::new(plate.x - 30.0 * near, plate.y - 10.0 * near * gap, 120.0 * near, 30.0 * near);
        camera.see(&[(1, plate, "ABC123", 0.97, false), (2, text, name, 0.97, false)]);
    }
    camera.end()
}

#[test]
fn what_is_painted_far_above_the_plate_of_a_lorry_gives_no_event() {
    for (name, gap, events) in [
        ("KARGO7", 18.0, vec!["ABC123"]),
        ("KARGO7L", 10.0, vec!["ABC123"]),
        // the plate of a nearer vehicle, seen from a low camera
        ("XYZ789", 5.0, vec!["ABC123", "XYZ789"]),
    ] {
        let scene = lorry(name, gap, 5);
        assert_eq!(scene.texts(), events, "{name} {gap} {:?}", scene.outcomes());
        assert_eq!(scene.outcomes().contains(&"lettering"), events.len() == 1, "{:?}", scene.outcomes());
    }
    let glimpse = lorry("KARGO7", 18.0, 1);
    assert!(!glimpse.outcomes().contains(&"lettering"), "one frame proves nothing");
}

#[test]
fn who_comes_straight_on_in_the_first_frames_is_no_sign() {
    let mut camera = Slow::new(settings());
    for (track, text) in [(1, "ABC123"), (2, "XYZ789")] {
        for frame in 0..6_u8 {
            let near = 1.0 + 0.06 * f32::from(frame);
            let plate = Rect::new(560.0 - 95.0 * near, 330.0 - 24.0 * near, 190.0 * near, 48.0 * near);
            camera.see(&[(track, plate, text, 0.97, false)]);
        }
        (0..6).for_each(|_| camera.see(&[]));
    }
    let scene = camera.end();
    assert_eq!(scene.texts(), ["ABC123", "XYZ789"], "{:?}", scene.outcomes());
}

const fn at(x: f32, y: f32) -> Rect {
    Rect::new(x, y, 80.0, 20.0)
}

#[test]
fn a_vehicles_track_that_ends_on_a_sign_gives_no_event_of_the_sign() {
    for ends_first in [false, true] {
        let mut camera = Slow::new(settings());
        for _ in 0..8 {
            camera.see(&[(1, SIGN, "MAX35T", 0.99, false)]);
        }
        // long enough for the sign's own track to end, or not
        for i in 0..if ends_first { 14 } else { 2 } {
            camera.see(&[(2, at(800.0 - 20.0 * i as f32, 200.0), "", 0.0, false)]);
        }
        for _ in 0..8 {
            camera.see(&[(2, SIGN, "MAX35T", 0.99, false)]);
        }
        assert_eq!(camera.end().outcomes(), ["static", "static"], "{ends_first}");
    }
}

#[test]
fn a_sign_whose_track_visits_another_place_and_comes_back_is_a_sign() {
    let mut camera = Slow::new(settings());
    for i in 0..12 {
        let place = if i == 3 { Rect::new(250.0, 20.0, 54.0, 36.0) } else { SIGN };
        camera.see(&[(1, place, if i == 3 { "STC0" } else { "PARK2020" }, 0.9, false)]);
    }
    assert_eq!(camera.end().outcomes(), ["static"]);
}

#[test]
fn a_sign_that_comes_out_from_behind_a_lorry_is_a_sign() {
    let mut camera = Slow::new(settings());
    for _ in 0..6 {
        camera.see(&[(1, Rect::new(462.0, 25.0, 127.0, 34.0), "CENTRUM3K", 0.9, false)]);
    }
    camera.see(&[]);
    for (width, height, text) in
        [(37.0, 24.0, "CEN"), (57.0, 25.0, "CENTR"), (80.0, 27.0, "CENTRUM"), (96.0, 28.0, "CENTRUM3")]
    {
        camera.see(&[(2, Rect::new(462.0, 28.0, width, height), text, 0.97, false)]);
    }
    for _ in 0..6 {
        camera.see(&[(2, Rect::new(462.0, 25.0, 127.0, 34.0), "CENTRUM3K", 0.9, false)]);
    }
    let scene = camera.end();
    assert_eq!(scene.texts(), [""; 0], "{:?}", scene.outcomes());
}

#[test]
fn a_sign_that_a_lorry_hides_bit_by_bit_is_known_when_it_comes_out_again() {
    let part = |from: f32, to: f32| Rect::new(284.0 + from, 217.0, to - from, 50.0);
    for hidden_again in [false, true] {
        let mut camera = Slow::new(settings());
        (0..6).for_each(|_| camera.see(&[(1, part(0.0, 96.0), "MAX35T", 0.99, false)]));
        for (to, text) in [(80.0, "MAX35"), (60.0, "MAX3"), (40.0, "MAX"), (34.0, "MAX")] {
            camera.see(&[(1, part(0.0, to), text, 0.99, false)]);
        }
        (0..12).for_each(|_| camera.see(&[]));
        for (from, text) in [(49.0, "35T"), (37.0, "35T"), (24.0, "AX35T"), (13.0, "AAX35T")] {
            camera.see(&[(2, part(from, 96.0), text, 0.98, false)]);
        }
        (0..6).for_each(|_| camera.see(&[(2, part(0.0, 96.0), "MAX35T", 0.99, false)]));
        // from the part that came out first to the part that is hidden last, the box goes half its width
        for to in if hidden_again { &[80.0, 60.0, 40.0, 34.0][..] } else { &[] } {
            camera.see(&[(2, part(0.0, *to), "", 0.0, false)]);
        }
        let scene = camera.end();
        assert_eq!(scene.texts(), [""; 0], "{hidden_again} {:?}", scene.outcomes());
    }
}

#[test]
fn a_car_that_stood_and_is_read_no_more_when_it_goes_is_an_event() {
    let mut camera = Slow::new(settings());
    for _ in 0..6 {
        camera.see(&[(1, at(400.0, 300.0), "ABC123", 0.99, false)]);
    }
    for i in 1..8 {
        camera.see(&[(1, at(400.0 + 60.0 * i as f32, 300.0), "", 0.0, false)]);
    }
    assert_eq!(camera.end().texts(), ["ABC123"]);
}

#[test]
fn one_clear_reading_is_an_event_where_frames_are_rare() {
    for (probability, outcome) in [(0.99, "event"), (0.9, "too-few-reads")] {
        let mut camera = Slow::new(settings());
        (0..12).for_each(|_| camera.see(&[]));
        camera.see(&[(1, at(100.0, 300.0), "", 0.0, false)]);
        camera.see(&[(1, at(300.0, 300.0), "ABC123", probability, false)]);
        let scene = camera.end();
        assert_eq!(scene.outcomes(), [outcome], "{probability}");
    }
}

#[test]
fn one_reading_of_something_of_another_form_is_no_event() {
    let mut camera = Slow::new(settings());
    (0..12).for_each(|_| camera.see(&[]));
    camera.see(&[(1, at(415.0, 232.0), "", 0.0, false)]);
    camera.see(&[(1, Rect::new(123.0, 77.0, 69.0, 47.0), "BUS145", 0.99, false)]);
    assert_eq!(camera.end().outcomes(), ["too-few-reads"]);
}

#[test]
fn a_track_that_is_only_expected_goes_on_as_the_one_that_is_seen() {
    let mut camera = Slow::new(settings());
    (0..12).for_each(|_| camera.see(&[]));
    camera.see(&[(1, at(900.0, 400.0), "ABC123", 0.99, false)]);
    camera.see(&[(1, at(840.0, 380.0), "ABC123", 0.99, false)]);
    camera.see(&[(1, at(700.0, 400.0), "", 0.0, true), (2, at(780.0, 360.0), "ABC123", 0.99, false)]);
    let scene = camera.end();
    assert_eq!(scene.outcomes(), ["stitched", "event"]);
    assert_eq!(scene.texts(), ["ABC123"]);
}

#[test]
fn the_region_that_readings_name_tells_how_probable_a_text_is() {
    // an O or a 0, and few plates of California begin with four letters
    let alphabet = Alphabet::latin();
    let class = |c: char| alphabet.symbols().iter().position(|s| *s == c).unwrap_or_default();
    let doubtful = |text: &str, other: char| {
        let mut lattice = lattice(text);
        lattice.probs[class('0')] = 0.001;
        lattice.probs[class('O')] = 0.001;
        lattice.probs[text.chars().next().map_or(0, class)] = 0.65;
        lattice.probs[class(other)] = 0.314;
        lattice
    };
    for (text, other, region, confidence, outcome) in [
        ("0VBH816", 'O', "US", 0.9, "event"),
        ("0VBH816", 'O', "US", 0.5, "low-confidence"),
        ("0VBH816", 'O', "DE", 0.9, "low-confidence"),
    ] {
        let mut scene = Scene::new(settings());
        for number in 0..20_u64 {
            let time = START.plus(Duration::from_millis(40 * number));
            let info = FrameInfo { time, time_source: TimeSource::StreamTime, number, width: 1280, height: 720 };
            let guess = RegionGuess { code: region.to_owned(), confidence };
            let lattice = doubtful(text, other);
            let agreeing = number as u32 + 1;
            let fused = Consensus {
                lattice: lattice.clone(),
                region: Some(guess.clone()),
                ..consensus(text, 0.5, agreeing, agreeing)
            };
            let seen = Observation {
                track_id: 1,
                bbox: at(100.0 + 20.0 * number as f32, 300.0),
                corners: None,
                detector_confidence: 0.8,
                predicted: false,
                quality: Some(0.9),
                reading: Some(Reading { lattice, region: Some(guess), ..reading(text, 0.5) }),
                consensus: Some(fused),
                vehicle: None,
            };
            let decisions = scene.passes.observe(&mut scene.memory, info, &[seen]);
            scene.settle(decisions);
        }
        scene.finish();
        assert_eq!(scene.outcomes(), [outcome], "{region} {confidence}");
        assert!(scene.texts().iter().all(|published| *published == text), "no text is changed");
    }
}
