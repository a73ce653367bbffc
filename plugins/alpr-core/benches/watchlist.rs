//! A watchlist of 100,000 plates and 1,000 patterns: one lookup must stay under 200 µs, and so must a frame with a plate in view.
//!
//! `cargo bench -p alpr-core --bench watchlist` prints microseconds; the command fails when a limit is broken.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

mod plates;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alpr_core::consensus::Consensus;
use alpr_core::dedup::{Duplicates, Emit, FrameInfo, Observation, Passes, Settings, Watchlist};
use alpr_core::geometry::Rect;
use alpr_core::reader::{Alphabet, Lattice, Reading};
use alpr_core::time::{TimeSource, Timestamp};
use plates::Random;

const ENTRIES: usize = 100_000;
const PATTERNS: usize = 1000;
const LOOKUPS: usize = 200;
const FRAMES: u64 = 250;
const LOOKUP_LIMIT_US: f64 = 200.0;
const FRAME_LIMIT_US: f64 = 200.0;
const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// One plate that moves, in frame `n`.
fn seen(n: u64, text: &str) -> Observation {
    let alphabet = Alphabet::latin();
    let classes = alphabet.symbols().len() + 1;
    let row = |c: char| {
        let class = alphabet.symbols().iter().position(|s| *s == c);
        (0..classes).map(move |i| if Some(i) == class { 0.964 } else { 0.001 })
    };
    let lattice = Lattice { probs: text.chars().flat_map(row).collect(), alphabet: alphabet.clone() };
    Observation {
        track_id: 1,
        bbox: Rect::new(100.0 + 4.0 * n as f32, 300.0, 80.0, 20.0),
        corners: None,
        detector_confidence: 0.9,
        predicted: false,
        quality: Some(0.8),
        reading: Some(Reading { text: text.into(), confidence: 0.97, lattice: lattice.clone(), region: None }),
        consensus: Some(Consensus {
            lattice,
            text: text.into(),
            confidence: 0.97,
            char_confidence: vec![0.97; text.len()],
            alternatives: Vec::new(),
            reads: n as u32 + 1,
            agreeing: n as u32 + 1,
            region: None,
        }),
        vehicle: None,
    }
}

/// Microseconds a frame with one plate in view.
fn frame_us(emit: Emit, watchlist: &Arc<Watchlist>, text: &str) -> f64 {
    let mut passes = Passes::new(Settings { emit, watchlist: watchlist.clone(), ..Settings::default() });
    let mut memory = Duplicates::default();
    let frames: Vec<Observation> = (0..FRAMES).map(|n| seen(n, text)).collect();
    let started = Instant::now();
    for (n, seen) in (0..).zip(&frames) {
        let time = NOW.plus(Duration::from_millis(40 * n));
        let frame = FrameInfo { time, time_source: TimeSource::Clock, number: n, width: 1920, height: 1080 };
        black_box(passes.observe(&mut memory, frame, std::slice::from_ref(seen)));
    }
    started.elapsed().as_secs_f64() * 1e6 / FRAMES as f64
}

fn main() {
    let mut random = Random(1);
    let plates: Vec<String> = (0..ENTRIES).map(|_| random.plate()).collect();
    let mut text = plates.join(",tag\n");
    for _ in 0..PATTERNS {
        text.push('\n');
        text.push_str(&random.plate()[..5]);
        text.push('*');
    }
    let started = Instant::now();
    let Ok(watchlist) = Watchlist::parse(&text) else { unreachable!("all entries are plates or patterns") };
    println!("{} entries, read in {:.0} ms", watchlist.len(), started.elapsed().as_secs_f64() * 1e3);
    // half of the plates are listed, half are most likely not
    let asked: Vec<&str> =
        (0..LOOKUPS).map(|n| if n % 2 == 0 { plates[random.below(ENTRIES)].as_str() } else { "9Q9Q9Q" }).collect();
    let started = Instant::now();
    let found = asked.iter().filter(|plate| black_box(watchlist.find(plate, NOW)).is_some()).count();
    let lookup = started.elapsed().as_secs_f64() * 1e6 / LOOKUPS as f64;
    println!("one lookup {lookup:.2} µs, {found} of {LOOKUPS} found");
    let watchlist = Arc::new(watchlist);
    let mut slowest = 0.0_f64;
    for emit in [Emit::Confirmed, Emit::Final, Emit::Preview] {
        let frame = frame_us(emit, &watchlist, &plates[0]);
        println!("{emit:?}: one frame with a plate in view {frame:.2} µs");
        slowest = slowest.max(frame);
    }
    assert!(lookup <= LOOKUP_LIMIT_US, "a lookup took longer than {LOOKUP_LIMIT_US} µs");
    assert!(slowest <= FRAME_LIMIT_US, "a frame took longer than {FRAME_LIMIT_US} µs");
}
