//! Several views of one plate in one picture are one reading.

use super::{Lattice, Reading};

/// Least probability that a view gives to anything: none alone can rule a character out.
const FLOOR: f32 = 1e-4;
/// Views of one picture err together, but not always: their geometric mean is a little too modest. This power makes it
/// honest (calibration error 0.02 to 0.03 for two to four views of the default reader on its validation pictures).
const SHARPEN: f32 = 1.25;

/// The reading that `views` of one plate make together; `None` of no views.
///
/// Positions are pooled by the geometric mean of their probabilities. Readings whose positions do not correspond (of
/// CTC readers, which have as many as characters) cannot be pooled: the most confident one stands for all.
pub fn pool(views: Vec<Reading>) -> Option<Reading> {
    let first = &views.first()?.lattice;
    let alike =
        |view: &Reading| view.lattice.alphabet == first.alphabet && view.lattice.probs.len() == first.probs.len();
    if views.len() == 1 || first.probs.is_empty() || !views.iter().all(alike) {
        return views.into_iter().max_by(|a, b| a.confidence.total_cmp(&b.confidence));
    }
    let power = SHARPEN / views.len() as f32;
    let mut probs = vec![0.0_f32; first.probs.len()];
    for view in &views {
        probs.iter_mut().zip(&view.lattice.probs).for_each(|(sum, p)| *sum += (p + FLOOR).ln());
    }
    for row in probs.chunks_exact_mut(first.classes()) {
        row.iter_mut().for_each(|p| *p = (*p * power).exp());
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= sum);
    }
    let lattice = Lattice { alphabet: first.alphabet.clone(), probs };
    let (text, confidence) = lattice.best();
    let regions = views.into_iter().filter_map(|view| view.region);
    let region = regions.max_by(|a, b| a.confidence.total_cmp(&b.confidence));
    Some(Reading { text, confidence, lattice, region })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Alphabet, RegionGuess};

    /// A reading of `AB` slots: probabilities of A, B and nothing, row by row.
    fn reading(probs: &[f32], region: Option<(&str, f32)>) -> Reading {
        let alphabet = Alphabet::new("AB".chars());
        let lattice = Lattice { alphabet, probs: probs.to_vec() };
        let (text, confidence) = lattice.best();
        let region = region.map(|(code, confidence)| RegionGuess { code: code.into(), confidence });
        Reading { text, confidence, lattice, region }
    }

    #[test]
    fn one_view_is_itself_and_none_is_none() {
        let one = reading(&[0.6, 0.3, 0.1], Some(("DE", 0.5)));
        assert_eq!(pool(vec![one.clone()]), Some(one));
        assert_eq!(pool(Vec::new()), None);
    }

    #[test]
    fn two_clear_views_outvote_a_doubtful_one() {
        let clear = reading(&[0.9, 0.05, 0.05, 0.1, 0.8, 0.1], Some(("DE", 0.4)));
        let wrong = reading(&[0.3, 0.4, 0.3, 0.1, 0.8, 0.1], Some(("PL", 0.6)));
        let pooled = pool(vec![clear.clone(), wrong, clear]).unwrap();
        assert_eq!(pooled.text, "AB");
        assert_eq!(pooled.region.unwrap().code, "PL");
        for row in pooled.lattice.positions() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
        }
    }

    #[test]
    fn views_that_agree_are_a_little_surer_than_each() {
        let view = reading(&[0.8, 0.1, 0.1], None);
        let pooled = pool(vec![view.clone(); 4]).unwrap();
        assert!(pooled.confidence > view.confidence && pooled.confidence < 0.9, "{}", pooled.confidence);
    }

    #[test]
    fn an_impossible_character_is_only_unlikely() {
        let pooled = pool(vec![reading(&[0.0, 1.0, 0.0], None), reading(&[1.0, 0.0, 0.0], None)]).unwrap();
        assert!((pooled.lattice.probs[0] - pooled.lattice.probs[1]).abs() < 1e-3, "{pooled:?}");
    }

    #[test]
    fn positions_that_do_not_correspond_leave_the_surest_view() {
        let short = reading(&[0.7, 0.2, 0.1], None);
        let long = reading(&[0.9, 0.05, 0.05, 0.1, 0.85, 0.05], None);
        assert_eq!(pool(vec![short, long.clone()]), Some(long));
    }
}
