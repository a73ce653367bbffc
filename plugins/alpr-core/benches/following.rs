//! Times of tracking, fusion and formats on one core: `cargo bench -p alpr-core --bench following`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::time::Instant;

use alpr_core::consensus::{Fusion, FusionSettings};
use alpr_core::detector::Detection;
use alpr_core::geometry::Rect;
use alpr_core::reader::{Alphabet, Lattice, Reading};
use alpr_core::syntax::Templates;
use alpr_core::time::Timestamp;
use alpr_core::track::{Tracker, TrackerSettings};

const RUNS: usize = 200;

/// Prints the fastest and the median time of `work` in microseconds.
fn measure(name: &str, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<52} {:9.1} µs fastest {:9.1} µs median", times[0], times[RUNS / 2]);
}

/// A fused lattice of nine positions with some doubt in each.
fn lattice(text: &str) -> Lattice {
    let alphabet = Alphabet::latin();
    let classes = alphabet.symbols().len() + 1;
    let mut probs = Vec::new();
    for slot in 0..9 {
        let symbol = text.chars().nth(slot);
        let class = symbol.and_then(|c| alphabet.symbols().iter().position(|&s| s == c)).unwrap_or(classes - 1);
        let mut row = vec![0.1 / classes as f32; classes];
        row[class] += 0.8;
        row[(class + 11) % classes] += 0.1;
        probs.extend(row);
    }
    Lattice { alphabet, probs }
}

fn tracking() {
    for count in [4_u16, 20, 100] {
        let mut tracker = Tracker::new(TrackerSettings::default());
        let mut frame = 0_i64;
        measure(&format!("tracker: one frame of {count} plates"), || {
            let detections: Vec<Detection> = (0..count)
                .map(|n| {
                    let (column, row) = (f32::from(n % 10), f32::from(n / 10));
                    let x = 190.0 * column + (frame % 50) as f32;
                    Detection { bbox: Rect::new(x, 100.0 * row, 60.0, 15.0), corners: None, confidence: 0.9, class: 0 }
                })
                .collect();
            black_box(tracker.update(Timestamp(frame * 40_000_000), &detections));
            frame += 1;
        });
    }
}

fn fusing() {
    for count in [1, 8, 24] {
        let readings: Vec<Reading> = (0..count)
            .map(|n| {
                let lattice = lattice(["ABC1234", "A8C1234", "BC1234", "ABC1Z34"][n % 4]);
                let (text, confidence) = lattice.best();
                Reading { text, confidence, lattice, region: None }
            })
            .collect();
        let mut fusion = Fusion::new(FusionSettings { max_reads: count, ..FusionSettings::default() });
        for reading in &readings {
            fusion.add(reading, 0.8);
        }
        measure(&format!("fusion: one more reading of a track of {count}"), || {
            black_box(fusion.add(&readings[0], 0.8));
        });
    }
}

fn fitting() {
    let templates = Templates::builtin();
    for (name, regions, text) in [
        ("fits", vec!["GB"], "AB12CDE"),
        ("must be put right", vec!["GB"], "AB12C0E"),
        ("must be put right, long alternatives", vec!["IT"], "A8123CD"),
        ("must be put right, fourteen formats", vec!["NL"], "12A8C3"),
        ("must be put right, all states", vec!["US"], "A1B2C3"),
    ] {
        let lattice = lattice(text);
        let regions: Vec<String> = regions.into_iter().map(str::to_owned).collect();
        measure(&format!("formats of {}: {name}", regions.join(",")), || {
            black_box(templates.fit(&regions, &lattice));
        });
    }
}

fn main() {
    tracking();
    fusing();
    fitting();
}
