//! The symbols of a reader.

use std::sync::Arc;

/// The symbols a reader knows, without its pad or blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet(Arc<[char]>);

impl Alphabet {
    /// The symbols of `symbols` in order; their index is their column in a `Lattice`. A control character is no text and
    /// becomes U+FFFD: it keeps its column.
    pub fn new(symbols: impl IntoIterator<Item = char>) -> Self {
        Self(symbols.into_iter().map(printable).collect())
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

/// `c`, or U+FFFD in place of a control character, which texts for people, files and C strings cannot have.
pub(super) fn printable(c: char) -> char {
    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}
