//! Characters that only the font tells apart.
//!
//! Ten pictures of a plate tell no better than one whether a round character is an O or a 0: where the reader is in doubt,
//! it is in the same doubt each time. So the readings' doubts about such pairs are averaged; multiplied, as other doubts
//! are, eight out of ten for the O would soon become certainty.

use crate::reader::lookalikes::LOOK_ALIKES;

/// The groups as classes of an alphabet; those of which it has less than two are left out.
pub(super) fn groups(symbols: &[char]) -> Vec<Vec<usize>> {
    let class = |symbol: char| symbols.iter().position(|known| *known == symbol);
    let all = LOOK_ALIKES.iter().map(|group| group.chars().filter_map(class).collect::<Vec<usize>>());
    all.filter(|group| group.len() > 1).collect()
}

/// Shares out what `fused` gives to each group as `mean` does, the weighted mean of the readings.
pub(super) fn share_out(groups: &[Vec<usize>], fused: &mut [f32], mean: &[f32]) {
    for group in groups {
        let (whole, of) = group.iter().fold((0.0, 0.0), |(f, m), &class| (f + fused[class], m + mean[class]));
        if of > 0.0 {
            group.iter().for_each(|&class| fused[class] = whole * mean[class] / of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_look_alikes_change_places() {
        let groups = groups(&['0', '7', 'O', 'X']);
        assert_eq!(groups, [[0, 2]]);
        let mut fused = [0.02, 0.05, 0.9, 0.03];
        share_out(&groups, &mut fused, &[0.2, 0.2, 0.6, 0.0]);
        let expected = [0.23, 0.05, 0.69, 0.03];
        assert!(fused.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{fused:?}");
    }
}
