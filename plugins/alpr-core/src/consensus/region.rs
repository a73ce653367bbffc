//! The region by vote of the readings.

use std::collections::BTreeMap;

use crate::reader::RegionGuess;

/// The region with the greatest weighted mean probability over the readings that name one. Readings without a region
/// have no vote; equal votes go to the code that sorts first. None where no reading has any weight.
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
    (total > 0.0).then(|| RegionGuess { code: code.to_owned(), confidence: sum / total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_weight_has_no_vote() {
        let guess = |code: &str, confidence| RegionGuess { code: code.into(), confidence };
        let (pl, de) = (guess("PL", 0.8), guess("DE", 0.9));
        assert_eq!(vote([(Some(&pl), 0.0), (Some(&de), 0.0)].into_iter()), None);
        assert_eq!(vote([(Some(&pl), 0.5), (Some(&de), 0.0), (None, 1.0)].into_iter()), Some(pl));
    }
}
