//! Lookups among 100,000 remembered plates: each must stay under 50 µs.
//!
//! `cargo bench -p alpr-core --bench duplicates` prints microseconds per lookup; the command fails when the limit is
//! broken.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

mod plates;

use std::time::Instant;

use alpr_core::dedup::{DuplicateRules, Duplicates, Matching};
use alpr_core::event::pass_id;
use alpr_core::time::Timestamp;
use plates::Random;

const ENTRIES: usize = 100_000;
const LOOKUPS: usize = 20_000;
const LIMIT_US: f64 = 50.0;

fn main() {
    let mut broken = false;
    for (name, matching) in
        [("confusion", Matching::Confusion), ("ratio 0.85", Matching::Ratio(0.85)), ("exact", Matching::Exact)]
    {
        let rules = DuplicateRules { matching, capacity: 2 * ENTRIES, ..DuplicateRules::default() };
        let mut memory = Duplicates::new(rules);
        let mut random = Random(1);
        let plates: Vec<String> = (0..ENTRIES).map(|_| random.plate()).collect();
        let now = Timestamp(1_700_000_000_000_000_000);
        let started = Instant::now();
        for (n, plate) in plates.iter().enumerate() {
            let entry = memory.insert("camera", "camera", plate, pass_id("site", "camera", now, n as u64), now);
            memory.commit(entry);
        }
        let insert_us = started.elapsed().as_secs_f64() * 1e6 / ENTRIES as f64;
        // half of the plates are known, half are new
        let asked: Vec<String> = (0..LOOKUPS)
            .map(|n| if n % 2 == 0 { plates[random.below(ENTRIES)].clone() } else { random.plate() })
            .collect();
        let mut found = 0;
        let started = Instant::now();
        for plate in &asked {
            found += usize::from(memory.find("camera", plate, now, None).is_some());
        }
        let lookup_us = started.elapsed().as_secs_f64() * 1e6 / LOOKUPS as f64;
        broken |= lookup_us > LIMIT_US;
        println!(
            "{name:>12}: {} entries, lookup {lookup_us:.2} µs, insert {insert_us:.2} µs, {found} found",
            memory.len()
        );
    }
    assert!(!broken, "a lookup took longer than {LIMIT_US} µs");
}
