//! One reading of one plate crop, as probabilities per character.

mod decode;
pub mod lookalikes;
mod pool;
mod steps;

pub use crate::contract::{Alphabet, DecodeError, Trust};
pub use decode::decode;
pub use pool::pool;

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

    /// The most probable symbol of every position, pads left out, and the product of their probabilities.
    pub fn best(&self) -> (String, f32) {
        let mut text = String::new();
        let mut confidence = 1.0;
        for row in self.positions() {
            let (column, p) =
                row.iter().enumerate().fold((0, f32::MIN), |best, (i, &p)| if p > best.1 { (i, p) } else { best });
            confidence *= p;
            text.extend(self.alphabet.symbols().get(column));
        }
        (text, if self.probs.is_empty() { 0.0 } else { confidence })
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
