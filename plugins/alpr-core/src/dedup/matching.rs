//! When two texts are one plate, and the keys under which a table finds them.

use std::hash::Hasher;

use super::distance;
use crate::reader::lookalikes::canonical;

/// When two texts are the same plate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Matching {
    /// Confusion-weighted distance within an absolute budget.
    #[default]
    Confusion,
    /// `1 - edits / length` of at least this, 0.75 to 1; merges neighbouring fleet plates. Two edits are the most that is
    /// found, and one from 0.85 up.
    Ratio(f32),
    /// Equal texts.
    Exact,
}

/// How far apart `a` and `b` are where they are the same plate, else `None`.
pub(super) fn same(matching: &Matching, a: &str, b: &str) -> Option<f32> {
    match matching {
        Matching::Confusion => distance::same_plate(a, b),
        Matching::Ratio(least) => {
            let ratio = strsim::normalized_levenshtein(a, b) as f32;
            (ratio >= *least).then_some(1.0 - ratio)
        }
        Matching::Exact => (a == b).then_some(0.0),
    }
}

/// Similarity above which two texts of up to 13 characters differ by one edit at most.
const ONE_EDIT: f32 = 1.0 - 2.0 / 13.0;

/// The keys under which `text` is stored and looked for: hashes of the text with up to `depth` characters left out. The
/// same key may come more than once.
pub(super) fn keys(matching: &Matching, scope: &str, text: &str) -> impl Iterator<Item = u64> + use<> {
    let (characters, depth): (Vec<char>, usize) = match matching {
        Matching::Confusion => (text.chars().map(canonical).collect(), 1),
        Matching::Ratio(least) => (text.chars().collect(), if *least > ONE_EDIT { 1 } else { 2 }),
        Matching::Exact => (text.chars().collect(), 0),
    };
    let seed = scope.bytes().fold(FNV_START, |hash, byte| mix(hash, u64::from(byte)));
    let length = characters.len();
    // places left out: `length` stands for none, the first is never after the second
    let first = if depth >= 1 { 0..=length } else { length..=length };
    first.flat_map(move |a| {
        let second = if depth >= 2 && a < length { a + 1..=length } else { length..=length };
        let characters = characters.clone();
        second.map(move |b| {
            let kept = characters.iter().enumerate().filter(|(i, _)| *i != a && *i != b);
            finish(kept.fold(seed, |hash, (_, c)| mix(hash, u64::from(*c))))
        })
    })
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, a symbol at a time. Texts are compared after the lookup: a clash costs time, never a wrong answer.
const fn mix(hash: u64, symbol: u64) -> u64 {
    (hash ^ symbol).wrapping_mul(0x0100_0000_01b3)
}

/// Spreads a hash over all bits, for the table takes them as they are.
const fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

/// The hash of a hash is itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| mix(hash, u64::from(*byte)));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
