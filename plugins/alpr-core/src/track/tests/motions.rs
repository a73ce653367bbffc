//! Vehicles on synthetic roads at frame rates from 2 to 60: every vehicle keeps one id, and no id has two vehicles.

use std::collections::BTreeSet;

use super::*;
use crate::noise::Noise;

const RATES: [u32; 5] = [2, 5, 15, 25, 60];

/// Where a plate is at `t` seconds, if it is in the picture: centre and width.
type Path = Box<dyn Fn(f32) -> Option<(f32, f32, f32)>>;

/// How a detector sees the scene.
#[derive(Clone, Copy)]
struct Detector {
    /// Standard deviation of position and size in plate widths.
    jitter: f32,
    /// Part of plates that it misses.
    missed: f32,
    /// False alarms per frame, of confidence below that of a birth.
    alarms: usize,
    /// Frames hidden by something in front, from this one on, this many.
    hidden: (usize, usize),
}

const PERFECT: Detector = Detector { jitter: 0.0, missed: 0.0, alarms: 0, hidden: (0, 0) };
const REAL: Detector = Detector { jitter: 0.04, missed: 0.1, alarms: 2, hidden: (0, 0) };

/// Runs `paths` for `seconds`; returns the ids that every vehicle was seen under.
fn ids_of(paths: &[Path], fps: u32, seconds: f32, detector: Detector, seed: u64) -> Vec<BTreeSet<u64>> {
    let mut tracker = Tracker::new(TrackerSettings { frame: Some((1920, 1080)), ..TrackerSettings::default() });
    let mut noise = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(fps));
    let mut found = vec![BTreeSet::new(); paths.len()];
    let frames = (seconds * fps as f32) as usize;
    for frame in 0..=frames {
        let mut detections = Vec::new();
        let mut owners = Vec::new();
        for (vehicle, path) in paths.iter().enumerate() {
            let hidden = frame >= detector.hidden.0 && frame < detector.hidden.0 + detector.hidden.1;
            let Some((x, y, w)) = path(frame as f32 / fps as f32) else { continue };
            let visible = (0.0..1920.0).contains(&x) && (0.0..1080.0).contains(&y);
            if !visible || hidden || noise.uniform() < detector.missed {
                continue;
            }
            let mut error = || detector.jitter * w * noise.normal();
            let (dx, dy, dw) = (error(), error(), error());
            detections.push(scored(x + dx, y + dy, (w + dw).max(4.0), 0.9));
            owners.push(vehicle);
        }
        for _ in 0..detector.alarms {
            let (x, y) = (1920.0 * noise.uniform(), 1080.0 * noise.uniform());
            detections.push(scored(x, y, 20.0 + 100.0 * noise.uniform(), 0.1 + 0.35 * noise.uniform()));
        }
        let time = Timestamp(frame as i64 * 1_000_000_000 / i64::from(fps));
        for track in tracker.update(time, &detections) {
            if let Some(&vehicle) = track.detection.and_then(|index| owners.get(index)) {
                found[vehicle].insert(track.id);
            }
        }
    }
    found
}

/// A steady drive from (`x`, `y`) with (`vx`, `vy`) in plate widths per second.
fn straight(x: f32, y: f32, vx: f32, vy: f32, w: f32) -> Path {
    Box::new(move |t| Some((x + vx * w * t, y + vy * w * t, w)))
}

/// A car that comes along the camera's axis: pinhole camera of 1500 pixels focal length, 5 m above the road, plate of
/// 0.52 m, `side` metres beside the axis, `far` metres away at the start, `speed` in m/s.
fn approaching(side: f32, far: f32, speed: f32, start: f32) -> Path {
    Box::new(move |t| {
        let distance = far - speed * (t - start);
        let scale = 1500.0 / distance;
        (t >= start && distance > 5.0).then_some((960.0 + side * scale, 200.0 + 4.5 * scale, 0.52 * scale))
    })
}

/// Drives, brakes to a stop at 2 s, stands for 3 s, and pulls away.
fn stop_and_go(y: f32, w: f32) -> Path {
    Box::new(move |t| {
        let travelled = match t {
            t if t < 2.0 => 8.0 * t - 2.0 * t * t,
            t if t < 5.0 => 8.0,
            t => 8.0 + 2.5 * (t - 5.0) * (t - 5.0),
        };
        Some((200.0 + travelled * w, y, w))
    })
}

struct Case {
    name: &'static str,
    rates: &'static [u32],
    seconds: f32,
    paths: fn() -> Vec<Path>,
}

const CASES: &[Case] = &[
    Case {
        name: "one plate crosses",
        rates: &RATES,
        seconds: 4.0,
        paths: || vec![straight(60.0, 500.0, 7.0, 0.5, 60.0)],
    },
    Case {
        name: "one plate moves by several of its widths each frame",
        rates: &[5, 15, 25],
        seconds: 1.2,
        paths: || vec![straight(20.0, 500.0, 35.0, 2.0, 45.0)],
    },
    Case {
        name: "two plates cross on neighbouring lanes",
        rates: &RATES,
        seconds: 4.0,
        paths: || vec![straight(100.0, 500.0, 7.0, 0.0, 60.0), straight(1800.0, 590.0, -7.0, 0.0, 60.0)],
    },
    Case { name: "stop and go", rates: &RATES, seconds: 8.0, paths: || vec![stop_and_go(600.0, 60.0)] },
    Case { name: "a car approaches", rates: &RATES, seconds: 4.0, paths: || vec![approaching(1.0, 45.0, 10.0, 0.0)] },
    Case {
        name: "a column approaches on two lanes",
        rates: &[5, 15, 25, 60],
        seconds: 8.0,
        paths: || {
            vec![
                approaching(-2.0, 45.0, 12.0, 0.0),
                approaching(-2.0, 45.0, 12.0, 1.4),
                approaching(-2.0, 45.0, 12.0, 2.8),
                approaching(1.5, 45.0, 17.0, 0.3),
                approaching(1.5, 45.0, 17.0, 1.5),
            ]
        },
    },
    Case {
        name: "a car passes a parked one",
        rates: &RATES,
        seconds: 4.0,
        paths: || vec![straight(900.0, 500.0, 0.0, 0.0, 60.0), straight(60.0, 590.0, 7.0, 0.0, 60.0)],
    },
    Case {
        name: "one car leaves, another comes",
        rates: &RATES,
        seconds: 6.0,
        paths: || {
            let second: Path = Box::new(|t| (t > 2.6).then_some((60.0 + 420.0 * (t - 2.6), 560.0, 60.0)));
            vec![straight(900.0, 500.0, 8.0, 0.0, 60.0), second]
        },
    },
    Case {
        name: "two parked cars side by side",
        rates: &RATES,
        seconds: 10.0,
        paths: || vec![straight(900.0, 500.0, 0.0, 0.0, 60.0), straight(1080.0, 505.0, 0.0, 0.0, 60.0)],
    },
];

fn check(case: &Case, fps: u32, detector: Detector, seed: u64) -> Result<(), String> {
    let found = ids_of(&(case.paths)(), fps, case.seconds, detector, seed);
    let all: BTreeSet<u64> = found.iter().flatten().copied().collect();
    let total: usize = found.iter().map(BTreeSet::len).sum();
    let right = found.iter().all(|ids| ids.len() == 1) && all.len() == total;
    if right { Ok(()) } else { Err(format!("{} at {fps} fps: ids {found:?}", case.name)) }
}

#[test]
fn every_vehicle_keeps_its_id() {
    let runs = CASES.iter().flat_map(|case| case.rates.iter().map(move |&fps| check(case, fps, PERFECT, 0)));
    let wrong: Vec<String> = runs.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With a tenth of all plates missed, some arrivals cannot be told apart: at 5 frames a second, a car that is missed in
/// its second frame may be the one that appears on the next lane just then. So this is a share of runs, not all.
#[test]
fn nearly_every_vehicle_keeps_its_id_with_jitter_misses_and_false_alarms() {
    const SEEDS: u64 = 100;
    let (mut runs, mut all_wrong, mut report) = (0, 0, String::new());
    for (case, &fps) in CASES.iter().flat_map(|case| case.rates.iter().map(move |fps| (case, fps))) {
        let wrong: Vec<String> = (0..SEEDS).filter_map(|seed| check(case, fps, REAL, seed).err()).collect();
        assert!(wrong.len() as f32 <= 0.15 * SEEDS as f32, "{} of {SEEDS}: {}", wrong.len(), wrong.join("\n"));
        report += &format!("{} at {fps}: {}\n", case.name, wrong.len());
        runs += SEEDS;
        all_wrong += wrong.len() as u64;
    }
    assert!(all_wrong * 100 <= runs * 2, "{all_wrong} of {runs} runs are wrong:\n{report}");
}

#[test]
fn ten_hidden_frames_at_any_rate() {
    for fps in RATES {
        // What drives must still be in the picture when it comes out again.
        for widths_per_frame in [0.0, 0.1, 0.3] {
            let speed = widths_per_frame * fps as f32;
            let paths = [straight(300.0, 500.0, speed, 0.0, 60.0)];
            let detector = Detector { hidden: (12, 10), jitter: 0.03, ..PERFECT };
            let found = ids_of(&paths, fps, 30.0 / fps as f32, detector, 1);
            assert_eq!(found[0].len(), 1, "{fps} fps, {widths_per_frame} widths a frame: {found:?}");
        }
    }
}
