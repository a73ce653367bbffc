//! The symbols of a reader.

use std::sync::Arc;

/// The symbols a reader knows, without its pad or blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet(Arc<[char]>);

impl Alphabet {
    /// The symbols of `symbols` in order; their index is their column in a `Lattice`.
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
