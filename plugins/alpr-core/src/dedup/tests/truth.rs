//! Random traffic of which is known what passes: every vehicle that is in view long enough gives one event, the right one.

use proptest::{prelude::*, test_runner::RngSeed};

use super::*;

/// Plates of which no two are taken for each other.
const PLATES: [&str; 10] =
    ["ABC123", "DEF456", "GHJ789", "KLM012", "NPR345", "STU678", "VWX901", "YZA234", "BCD567", "EFG890"];

/// Misreadings of them by one character that nobody confuses.
const MISREADINGS: [&str; 10] =
    ["ABX123", "DEX456", "GHX789", "KLX012", "NPX345", "STX678", "VWM901", "YZX234", "BCX567", "EFX890"];

/// One vehicle that passes.
#[derive(Clone, Debug)]
struct Passing {
    start: f64,
    length: f64,
    lane: usize,
    to_left: bool,
    /// How long it is hidden in the middle, and whether its track breaks there.
    hidden: Option<(f64, bool)>,
    /// Every so many readings one is wrong.
    errs: usize,
    confidence: f32,
}

fn passing() -> impl Strategy<Value = Passing> {
    let hidden = proptest::option::of((0.3..0.9f64, any::<bool>()));
    let parts = (0.5..30.0f64, 3.0..8.0f64, 0..5usize, any::<bool>(), hidden, 3..9usize, 0.85..0.99f32);
    parts.prop_map(|(start, length, lane, to_left, hidden, errs, confidence)| Passing {
        start,
        length,
        lane,
        to_left,
        hidden,
        errs,
        confidence,
    })
}

impl Passing {
    /// What a tracker makes of vehicle `number`.
    fn tracks(&self, number: usize) -> Vec<Car> {
        let y = 60.0 + 130.0 * self.lane as f32;
        let (a, b) = if self.to_left { (1100.0, 100.0) } else { (100.0, 1100.0) };
        let end = self.start + self.length;
        let readings: Vec<&str> =
            (1..400).map(|n| if n % self.errs == 0 { MISREADINGS[number] } else { PLATES[number] }).collect();
        let part = |track: usize, first: f64, last: f64| {
            let x = |time: f64| a + (b - a) * ((time - self.start) / self.length) as f32;
            Car::new(track as u64, "", first, last)
                .reads(&readings)
                .confidence(self.confidence)
                .way((x(first), y), (x(last), y))
        };
        let half = self.start + self.length / 2.0;
        match self.hidden {
            None => vec![part(number, self.start, end)],
            Some((time, false)) => vec![part(number, self.start, end).lost(half, half + time)],
            Some((time, true)) => vec![part(number, self.start, half), part(number + 100, half + time, end)],
        }
    }
}

/// All tracks of `traffic`, `offset`: the number of its first plate.
fn cars(traffic: &[Passing], offset: usize) -> Vec<Car> {
    traffic.iter().enumerate().flat_map(|(number, passing)| passing.tracks(offset + number)).collect()
}

/// The last revision of every event, by its text.
fn told(scene: &Scene) -> Vec<(String, bool)> {
    let last: BTreeMap<_, _> = scene.events().iter().map(|e| (e.event_id.clone(), (*e).clone())).collect();
    let mut told: Vec<_> = last
        .into_values()
        .filter(|event| !event.extras.withdrawn)
        .map(|event| (event.plate.normalized_text, event.extras.preview))
        .collect();
    told.sort();
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn every_vehicle_gives_one_right_event(
        traffic in proptest::collection::vec(passing(), 1..10),
        fps in prop_oneof![Just(2.0), Just(5.0), Just(10.0), Just(25.0)],
        emit in prop_oneof![Just(Emit::Confirmed), Just(Emit::Final), Just(Emit::Preview)],
        ends in any::<bool>(),
    ) {
        let mut scene = Scene::new(Settings { emit, ..settings() });
        scene.fps = fps;
        // signs are what stands in the first frames
        scene.play(45.0, &cars(&traffic, 0));
        if ends {
            scene.finish();
        } else {
            scene.play(7.0, &[]);
        }
        let owed: Vec<_> = PLATES.iter().take(traffic.len()).map(|plate| ((*plate).to_owned(), false)).collect();
        let mut owed = owed;
        owed.sort();
        prop_assert_eq!(told(&scene), owed, "{:?}", scene.outcomes());
        scene.check_pictures();
        // nothing is left
        prop_assert_eq!((scene.passes.live(), scene.passes.is_waiting()), (0, false));
        scene.clock += Duration::from_secs(400);
        scene.play(0.1, &[]);
        prop_assert_eq!(scene.memory.len(), 0);
    }

    #[test]
    fn what_another_camera_sees_changes_nothing(
        here in proptest::collection::vec(passing(), 1..5),
        there in proptest::collection::vec(passing(), 1..5),
        scope in prop_oneof![Just(Scope::Camera), Just(Scope::Site)],
        fps in prop_oneof![Just(5.0), Just(25.0)],
    ) {
        let camera = |name: &str| Settings {
            scope,
            identity: Identity { camera: name.into(), ..settings().identity },
            ..settings()
        };
        let (own, other) = (cars(&here, 0), cars(&there, 5));
        let mut alone = Scene::new(camera("A"));
        alone.fps = fps;
        alone.play(45.0, &own).finish();
        let (mut a, mut b) = (Scene::new(camera("A")), Scene::new(camera("B")));
        (a.fps, b.fps) = (fps, fps);
        let mut memory = Duplicates::default();
        for _ in 0..(45.0 * fps) as usize {
            for (scene, cars) in [(&mut b, &other), (&mut a, &own)] {
                scene.memory = memory;
                scene.play(0.5 / fps, cars);
                memory = std::mem::take(&mut scene.memory);
            }
        }
        for scene in [&mut b, &mut a] {
            scene.memory = memory;
            scene.finish();
            memory = std::mem::take(&mut scene.memory);
        }
        let events = |scene: &Scene| scene.events().into_iter().cloned().collect::<Vec<_>>();
        prop_assert_eq!(events(&a), events(&alone));
        prop_assert_eq!(told(&b).len(), there.len());
    }

    #[test]
    fn a_clock_that_jumps_loses_no_track_and_keeps_no_state(
        traffic in proptest::collection::vec(passing(), 1..6),
        jumps in proptest::collection::vec((0.1..8.0f64, -5000.0..5000.0f64), 1..6),
    ) {
        let mut scene = Scene::new(settings());
        scene.fps = 8.0;
        let start = Duration::from_secs(100_000);
        // the traffic goes on by the clock that shows
        let mut traffic = cars(&traffic, 0);
        let mut shift = start.as_secs_f64();
        scene.clock = Duration::ZERO;
        for (seconds, jump) in jumps {
            let moved = |time: Duration| Duration::from_secs_f64(time.as_secs_f64() + shift);
            scene.clock = moved(scene.clock);
            for car in &mut traffic {
                (car.first, car.last) = (moved(car.first), moved(car.last));
                car.gap = car.gap.map(|(from, to)| (moved(from), moved(to)));
            }
            scene.play(seconds, &traffic);
            shift = jump;
        }
        scene.finish();
        let tally = scene.passes.tally();
        prop_assert_eq!((tally.tracks(), scene.passes.is_waiting()), (tally.ends(), false));
        // no text is told that nobody has
        for text in scene.texts() {
            prop_assert!(PLATES.contains(&text), "{}", text);
        }
        scene.check_pictures();
    }
}
