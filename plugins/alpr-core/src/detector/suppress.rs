//! Non-maximum suppression.

use super::Detection;

/// Candidates that are looked at, best first; a picture with more has other troubles, and time must be bounded.
const MAX_CANDIDATES: usize = 2000;

/// Sorts `candidates` by confidence, drops those that overlap a better one of the same class by more than `iou`, and
/// keeps at most `max`.
pub fn suppress(mut candidates: Vec<Detection>, iou: f32, max: usize) -> Vec<Detection> {
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    candidates.truncate(MAX_CANDIDATES);
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in candidates {
        if kept.len() == max {
            break;
        }
        if !kept.iter().any(|k| k.class == candidate.class && k.bbox.iou(&candidate.bbox) > iou) {
            kept.push(candidate);
        }
    }
    kept
}
