//! Two tracks of one vehicle: the tracker lost it for a moment.

use super::distance;
use super::pass::Pass;
use super::published::Published;

/// How far from the expected place a vehicle may come back, in plate widths.
const REACH: f32 = 3.0;

/// How much larger or smaller it may be.
const SCALE: f32 = 1.6;

/// Whether `later` goes on where `earlier` was lost: it began after the last sight, near the place where the plate
/// should be by then, with a like size, and the fused texts are one plate, or one is a part of the other: a post that hides
/// half a plate makes a new track of the other half. What was not read clearly may also have been read as the other: from afar,
/// an F is taken for a P.
pub(super) fn continues(earlier: &Pass, later: &Pass) -> bool {
    let (Some((_, before)), Some((_, after))) = (earlier.motion.last(), later.motion.last()) else { return false };
    let (a, b) = (earlier.text(), later.text());
    if later.first <= earlier.last_seen
        || a.is_empty()
        || b.is_empty()
        || !(distance::same_plate(&a, &b).is_some()
            || distance::is_part(&a, &b)
            || distance::is_part(&b, &a)
            || is_read_as(earlier, &b))
    {
        return false;
    }
    let heights = (before.h.max(1.0), after.h.max(1.0));
    let alike = heights.0 / heights.1 < SCALE && heights.1 / heights.0 < SCALE;
    let reach = REACH * before.w.max(after.w);
    let expected = earlier.motion.predict(later.last_seen);
    // a stopped vehicle stays where it was, whatever its last jitter says
    alike
        && (expected.is_some_and(|place| place.distance(after.center()) <= reach)
            || before.center().distance(after.center()) <= reach)
}

/// Whether a reading of `pass`, whose own text was never read clearly and is no event yet, says exactly `text`, which is much like
/// that.
fn is_read_as(pass: &Pass, text: &str) -> bool {
    let own = pass.text();
    pass.published.as_ref().is_none_or(Published::is_preview)
        && !pass.is_clear(&own)
        && pass.agreeing(text).whole > 0
        && distance::is_like(text, &own)
}
