//! The most probable texts of a lattice whose positions are independent.

use std::collections::HashMap;

use crate::reader::Lattice;

/// Partial texts kept from position to position.
const BEAM: usize = 32;
/// Symbols looked at in one position.
const SYMBOLS: usize = 6;
/// Symbols below this probability are not looked at, nor partial texts below this part of the best one.
const LEAST: f32 = 1e-5;

/// A text, its probability, and the probability of each of its characters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) probability: f32,
    /// Probabilities of the characters on the single best way to get this text.
    pub(crate) characters: Vec<f32>,
    /// Stands for the text, so that equal texts are found without comparing them.
    key: u64,
}

/// The `count` most probable texts of `rows` (the last class of a row is "no character"), most probable first.
/// Different ways to leave out characters that give one text are added up. Empty rows give the empty text.
pub(crate) fn k_best<'a>(rows: impl Iterator<Item = &'a [f32]>, symbols: &[char], count: usize) -> Vec<Text> {
    let mut beam = vec![Text { text: String::new(), probability: 1.0, characters: Vec::new(), key: 0 }];
    for row in rows {
        let mut classes: Vec<usize> = (0..row.len()).filter(|&class| row[class] >= LEAST).collect();
        classes.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        classes.truncate(SYMBOLS);
        beam = extended(&beam, row, &classes, symbols, BEAM.max(count));
    }
    beam.truncate(count);
    beam
}

/// The `most` best texts that are one of `beam` and one of `classes` of `row`, best first.
fn extended(beam: &[Text], row: &[f32], classes: &[usize], symbols: &[char], most: usize) -> Vec<Text> {
    let mut ways: Vec<(f32, usize, usize)> = beam
        .iter()
        .enumerate()
        .flat_map(|(prefix, text)| classes.iter().map(move |&class| (text.probability * row[class], prefix, class)))
        .collect();
    let best = ways.iter().map(|way| way.0).fold(0.0, f32::max);
    ways.retain(|way| way.0 >= best * LEAST);
    ways.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut next: Vec<Text> = Vec::with_capacity(most);
    let mut known: HashMap<u64, usize> = HashMap::with_capacity(most);
    for (probability, prefix, class) in ways {
        let prefix = &beam[prefix];
        let symbol = symbols.get(class);
        let key = symbol.map_or(prefix.key, |_| mixed(prefix.key, class));
        if let Some(&index) = known.get(&key) {
            next[index].probability += probability;
        } else if next.len() < most {
            known.insert(key, next.len());
            let mut text = Text { probability, key, ..prefix.clone() };
            text.text.extend(symbol);
            text.characters.extend(symbol.map(|_| row[class]));
            next.push(text);
        }
    }
    next.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    next
}

/// A 64-bit hash of a text whose beginning has the hash `key` and which goes on with `class` (the finaliser of
/// SplitMix64): among a few hundred texts two are mistaken for one with a probability below 1e-14.
const fn mixed(key: u64, class: usize) -> u64 {
    let mut z = key.wrapping_add(class as u64 + 1).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Probability that `lattice` reads exactly `text`, over all ways to leave out characters.
pub(crate) fn probability_of(text: &str, lattice: &Lattice) -> f32 {
    let symbols = lattice.alphabet.symbols();
    let classes: Vec<Option<usize>> = text.chars().map(|c| symbols.iter().position(|&s| s == c)).collect();
    let mut reached = vec![0.0_f32; classes.len() + 1];
    reached[0] = 1.0;
    for row in lattice.positions() {
        for length in (0..reached.len()).rev() {
            let with = match length.checked_sub(1) {
                Some(before) => classes[before].map_or(0.0, |class| reached[before] * row[class]),
                None => 0.0,
            };
            reached[length] = reached[length].mul_add(row[symbols.len()], with);
        }
    }
    reached.last().copied().unwrap_or(0.0)
}

/// Probabilities of the characters of `text` on the most probable way in which `lattice` reads it, one each as in
/// [`Text::characters`]; `None` when it has more characters than the lattice has positions.
pub(crate) fn characters_of(text: &str, lattice: &Lattice) -> Option<Vec<f32>> {
    let symbols = lattice.alphabet.symbols();
    let classes: Vec<Option<usize>> = text.chars().map(|c| symbols.iter().position(|&s| s == c)).collect();
    // for every beginning of the text the logarithm of its best way, and the characters on it
    let mut reached: Vec<Option<(f32, Vec<f32>)>> = vec![None; classes.len() + 1];
    reached[0] = Some((0.0, Vec::new()));
    for row in lattice.positions() {
        for length in (0..reached.len()).rev() {
            let without = reached[length].take().map(|(way, read)| (way + row[symbols.len()].max(LEAST).ln(), read));
            let with = length.checked_sub(1).and_then(|before| {
                let (way, read) = reached[before].as_ref()?;
                let own = classes[before].map_or(0.0, |class| row[class]);
                Some((way + own.max(LEAST).ln(), read.iter().copied().chain([own]).collect()))
            });
            reached[length] = match (without, with) {
                (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
                (a, b) => a.or(b),
            };
        }
    }
    reached.pop().flatten().map(|(_, read)| read)
}
