//! Which detection belongs to which track.

use pathfinding::matrix::Matrix;
use pathfinding::prelude::kuhn_munkres_min;

use super::motion::{Distance, Motion, Reach};
use crate::geometry::Rect;

/// Squared Mahalanobis distance of place and form together (five degrees of freedom) that 1 in 150 true pairs exceed: a
/// track that is lost for a moment costs less than one that goes over to another vehicle.
const GATE: f32 = 16.0;
/// The assignment works on integers: this many steps per unit of cost.
const STEPS: f32 = 1024.0;

/// Pairs of (track, detection), each at most once, so that the sum of log-likelihoods is greatest.
///
/// A pair outside the gate is never made. Leaving a track without detection costs as much as the worst pair inside
/// the gate, so that a pair is made when there is one, and contested detections go where they fit best.
/// No prediction counts as more uncertain than the reach of its track, however long ago that was seen.
pub(super) fn assign(tracks: &[(Motion, Reach)], boxes: &[Rect]) -> Vec<(usize, usize)> {
    if tracks.is_empty() || boxes.is_empty() {
        return Vec::new();
    }
    let distances: Vec<Vec<Distance>> =
        tracks.iter().map(|(track, reach)| boxes.iter().map(|bbox| track.distance(bbox, *reach)).collect()).collect();
    let vaguest = distances.iter().filter_map(|row| row.first()).map(|d| d.vagueness).fold(f32::MIN, f32::max);
    let unassigned = steps(GATE + vaguest);
    // One column for every detection, then one for every track that stays without.
    let costs = Matrix::from_fn(tracks.len(), boxes.len() + tracks.len(), |(row, column)| {
        distances[row].get(column).map_or(unassigned, |d| {
            let inside = d.position + d.size <= GATE;
            if inside { steps(d.position + d.size + d.vagueness) } else { unassigned + 1 }
        })
    });
    let (_, columns) = kuhn_munkres_min(&costs);
    columns
        .into_iter()
        .enumerate()
        .filter(|&(row, column)| column < boxes.len() && costs[(row, column)] <= unassigned)
        .collect()
}

fn steps(cost: f32) -> i64 {
    (cost * STEPS) as i64
}
