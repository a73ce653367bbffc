//! The most probable texts of a lattice whose positions are independent.

use std::collections::BTreeMap;

use crate::reader::Lattice;

/// Partial texts kept from position to position.
const BEAM: usize = 48;
/// Symbols looked at in one position.
const SYMBOLS: usize = 6;
/// Symbols below this probability are not looked at.
const LEAST: f32 = 1e-4;

/// A text, its probability, and the probability of each of its characters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) probability: f32,
    pub(crate) characters: Vec<f32>,
    /// Probability of the single best way to get this text.
    path: f32,
}

/// The `count` most probable texts of `rows` (the last class of a row is "no character"), most probable first.
/// Different ways to leave out characters that give one text are added up. Empty rows give the empty text.
pub(crate) fn k_best<'a>(rows: impl Iterator<Item = &'a [f32]>, symbols: &[char], count: usize) -> Vec<Text> {
    let mut beam = vec![Text { probability: 1.0, path: 1.0, ..Text::default() }];
    for row in rows {
        let mut choices: Vec<usize> = (0..row.len()).filter(|&class| row[class] >= LEAST).collect();
        choices.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        choices.truncate(SYMBOLS);
        let mut next: BTreeMap<String, Text> = BTreeMap::new();
        for prefix in &beam {
            for &class in &choices {
                extend(&mut next, prefix, symbols.get(class).copied(), row[class]);
            }
        }
        beam = next.into_values().collect();
        beam.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        beam.truncate(BEAM.max(count));
    }
    beam.truncate(count);
    beam
}

fn extend(texts: &mut BTreeMap<String, Text>, prefix: &Text, symbol: Option<char>, p: f32) {
    let mut text = prefix.text.clone();
    text.extend(symbol);
    let path = prefix.path * p;
    let entry = texts.entry(text);
    let found = entry.or_default();
    found.probability += prefix.probability * p;
    if path > found.path {
        found.path = path;
        found.text.clone_from(&prefix.text);
        found.text.extend(symbol);
        found.characters.clone_from(&prefix.characters);
        found.characters.extend(symbol.map(|_| p));
    }
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
