//! Movement that is too little to see in any two sights, but goes on in all of them: a vehicle that comes straight on, slowly.

use crate::geometry::Rect;
use crate::time::Timestamp;

/// A plate moves when two opposite edges of its box go the same way by this part of its height, as straight lines through
/// all sights tell.
const MOVED_BY_HEIGHT: f64 = 0.3;

/// It also moves when its width and its height both grow or shrink by this part, see [`alike`].
const MOVED_BY_SCALE: f64 = 0.1;

/// Width and height of what comes nearer grow by the same part; as boxes are not exact, one by at most so many times that of
/// the other. Of what comes into view behind something, one grows much more.
const ALIKE: f64 = 3.0;

/// The same where the left or the right edge stays: that speaks for something that comes into view.
const ALIKE_BESIDE: f64 = 1.5;

/// An edge stays that moves by less than this part of the way of the opposite one.
const STAYS: f64 = 0.125;

/// A line must be so surely not level: its slope in standard errors of the slope (Student's t).
const SIGNIFICANT: f64 = 4.0;

/// And it must be so much of what changes: the square of the correlation with time. Errors of neighbouring frames are alike, so
/// that among hundreds of sights a slope that says little is significant.
const EXPLAINED: f64 = 0.5;

/// The straight lines through the edges and sizes of all boxes: constant size, however long it is in view.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trend {
    first: Option<Timestamp>,
    /// Seconds from the first sight to the last.
    last: f64,
    /// Sights, and the sums of their times (seconds since the first) and of the squares of those.
    count: f64,
    time: f64,
    time_squared: f64,
    /// Left, right, top, bottom in pixels; logarithms of width and height.
    values: [Sums; 6],
}

/// Sums over all sights: of a value, its square, its product with the time.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    value: f64,
    squared: f64,
    by_time: f64,
}

impl Trend {
    pub(super) fn add(&mut self, time: Timestamp, bbox: &Rect) {
        let t = time.since(*self.first.get_or_insert(time)).as_secs_f64();
        self.last = self.last.max(t);
        self.count += 1.0;
        self.time += t;
        self.time_squared += t * t;
        let (width, height) = (bbox.w.max(1.0).ln(), bbox.h.max(1.0).ln());
        for (sums, value) in
            self.values.iter_mut().zip([bbox.x, bbox.right(), bbox.y, bbox.bottom(), width, height].map(f64::from))
        {
            sums.value += value;
            sums.squared += value * value;
            sums.by_time += value * t;
        }
    }

    /// Whether it moves.
    pub(super) fn moves(&self) -> bool {
        let [left, right, top, bottom, width, height] = self.values.map(|sums| self.change(sums));
        let height_in_pixels = (self.values[5].value / self.count).exp();
        let went = common(left, right).hypot(common(top, bottom));
        let grew = alike(width, height, stays(left, right));
        went > MOVED_BY_HEIGHT * height_in_pixels || grew > MOVED_BY_SCALE
    }

    /// By how much a value changed from the first to the last sight; 0 where nothing says so.
    fn change(&self, sums: Sums) -> f64 {
        let n = self.count;
        let spread = self.time_squared - self.time * self.time / n;
        let covariance = sums.by_time - sums.value * self.time / n;
        let variance = sums.squared - sums.value * sums.value / n;
        if n < 4.0 || spread <= 0.0 || variance <= 0.0 {
            return 0.0;
        }
        let explained = (covariance * covariance / (spread * variance)).min(1.0);
        let significant = explained * (n - 2.0) >= SIGNIFICANT * SIGNIFICANT * (1.0 - explained);
        if significant && explained >= EXPLAINED { covariance / spread * self.last } else { 0.0 }
    }
}

/// What two changes of scale have in common; 0 where they are not of one thing that comes nearer or goes away. One of its edges
/// may have `stayed`.
pub(super) fn alike(width: f64, height: f64, stayed: bool) -> f64 {
    let (less, more) = (width.abs().min(height.abs()), width.abs().max(height.abs()));
    if more <= if stayed { ALIKE_BESIDE } else { ALIKE } * less { common(width, height) } else { 0.0 }
}

/// Whether, of the changes of its left and its right edge, one is next to none: something may move away from before it. Of what
/// comes nearer all edges move, but for one on the optical axis.
pub(super) fn stays(left: f64, right: f64) -> bool {
    left.abs().min(right.abs()) < STAYS * left.abs().max(right.abs())
}

/// What two changes have in common.
pub(super) fn common(one: f64, other: f64) -> f64 {
    if one * other > 0.0 { one.abs().min(other.abs()) } else { 0.0 }
}
