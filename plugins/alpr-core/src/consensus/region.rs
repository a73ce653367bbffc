//! The region by vote of the readings.

use std::collections::BTreeMap;

use crate::reader::RegionGuess;

/// The region with the greatest weighted mean probability over the readings that name one. Readings without a region
/// have no vote; equal votes go to the code that sorts first.
pub(super) fn vote<'a>(guesses: impl Iterator<Item = (Option<&'a RegionGuess>, f32)>) -> Option<RegionGuess> {
    let mut votes: BTreeMap<&str, f32> = BTreeMap::new();
    let mut total = 0.0;
    for (guess, weight) in guesses {
        let Some(guess) = guess else { continue };
        if guess.confidence.is_finite() {
            *votes.entry(&guess.code).or_default() += weight * guess.confidence.clamp(0.0, 1.0);
            total += weight;
        }
    }
    let (code, sum) = votes.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(RegionGuess { code: code.to_owned(), confidence: sum / total })
}
