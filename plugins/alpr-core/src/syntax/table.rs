//! A lattice as the patterns look at it: the best symbol of every set in every column, found once for all patterns.

use std::collections::HashMap;

use super::pattern::{Set, bit};
use crate::reader::Lattice;

/// Best symbols of all sets, and the probability of "no character", for every column.
pub(super) struct Table {
    empty: Vec<f32>,
    best: HashMap<Set, Vec<(f32, char)>>,
}

impl Table {
    /// The table of `lattice` for `sets`. Symbols that no pattern can name (separators) count as no character.
    pub(super) fn new(lattice: &Lattice, sets: impl Iterator<Item = Set>) -> Self {
        let symbols = lattice.alphabet.symbols();
        let bits: Vec<Set> = symbols.iter().map(|&symbol| bit(symbol).unwrap_or(0)).collect();
        let unnamed = |row: &[f32]| -> f32 {
            bits.iter().zip(row).filter(|&(&bit, _)| bit == 0).map(|(_, p)| p).sum::<f32>() + row[symbols.len()]
        };
        let empty = lattice.positions().map(unnamed).collect();
        let mut best: HashMap<Set, Vec<(f32, char)>> = HashMap::from([(0, Vec::new())]);
        for set in sets {
            best.entry(set).or_insert_with(|| {
                let choice = |row: &[f32]| {
                    let inside = (0..symbols.len()).filter(|&class| bits[class] & set != 0);
                    let class = inside.max_by(|&a, &b| row[a].total_cmp(&row[b]));
                    class.map_or((0.0, '?'), |class| (row[class], symbols[class]))
                };
                lattice.positions().map(choice).collect()
            });
        }
        Self { empty, best }
    }

    pub(super) const fn columns(&self) -> usize {
        self.empty.len()
    }

    pub(super) fn empty(&self, column: usize) -> f32 {
        self.empty[column]
    }

    /// Probability and symbol per column; empty for a set that the table was not made for.
    pub(super) fn best(&self, set: Set) -> &[(f32, char)] {
        self.best.get(&set).map_or(&[], Vec::as_slice)
    }
}
