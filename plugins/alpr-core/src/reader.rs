//! One reading of one plate crop, as probabilities per character.

use std::sync::Arc;

/// The symbols a reader knows, without its pad or blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet(Arc<[char]>);

impl Alphabet {
    /// The symbols of `symbols` in order; their index is their column in a [`Lattice`].
    pub fn new(symbols: impl IntoIterator<Item = char>) -> Self {
        Self(symbols.into_iter().collect())
    }

    /// 0-9 and A-Z, the alphabet of the default reader.
    pub fn latin() -> Self {
        Self::new(('0'..='9').chain('A'..='Z'))
    }

    /// The symbols in order.
    pub fn symbols(&self) -> &[char] {
        &self.0
    }
}

/// Probabilities of each symbol at each character position of a plate.
///
/// Row-major `positions × (symbols + 1)`; every row sums to 1 and its last entry is the probability that there is no
/// character at this position (pad). The same form serves slot readers and, after collapsing, CTC readers.
#[derive(Clone, Debug, PartialEq)]
pub struct Lattice {
    /// Meaning of the columns.
    pub alphabet: Alphabet,
    /// The probabilities.
    pub probs: Vec<f32>,
}

impl Lattice {
    /// Columns of a row: the symbols and the pad.
    pub fn classes(&self) -> usize {
        self.alphabet.symbols().len() + 1
    }

    /// The rows, one a character position.
    pub fn positions(&self) -> std::slice::ChunksExact<'_, f32> {
        self.probs.chunks_exact(self.classes())
    }
}

/// The region (country or state) that a reader believes a plate is from.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionGuess {
    /// Region code, at most 10 characters, such as `DE` or `US-FL`.
    pub code: String,
    /// Probability, 0 to 1.
    pub confidence: f32,
}

/// One reading of one crop.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The most probable symbol of every position, pads left out.
    pub text: String,
    /// Probability that `text` is right as a whole, 0 to 1.
    pub confidence: f32,
    /// All probabilities.
    pub lattice: Lattice,
    /// Region, where the model tells it.
    pub region: Option<RegionGuess>,
}
