//! How a plate moves: enough to tell a vehicle from a sign, and to know it again after a gap.

use crate::geometry::{Point, Rect};
use crate::time::Timestamp;

/// Sights that are averaged, against the jitter of boxes.
const SMOOTH: usize = 3;

/// A plate moved when two opposite edges of its smoothed box did, the same way, by this part of its height. One edge
/// alone tells nothing: detectors now and then see only a part of a long sign.
const MOVED_BY_HEIGHT: f32 = 0.5;

/// It also moved when both its smoothed height and width grew or shrank by this part.
const MOVED_BY_SCALE: f32 = 0.2;

/// The way of one plate: constant size, however long it is in view.
#[derive(Clone, Debug, Default)]
pub(super) struct Motion {
    start: Vec<Rect>,
    recent: Vec<(Timestamp, Rect)>,
    sights: u32,
    moved: bool,
}

impl Motion {
    pub(super) fn add(&mut self, time: Timestamp, bbox: &Rect) {
        self.sights = self.sights.saturating_add(1);
        if self.start.len() < SMOOTH {
            self.start.push(*bbox);
        }
        if self.recent.len() == SMOOTH {
            self.recent.remove(0);
        }
        self.recent.push((time, *bbox));
        if !self.moved && self.sights as usize >= SMOOTH {
            let (a, b) = (mean(self.start.iter()), mean(self.recent.iter().map(|(_, r)| r)));
            self.moved = went(&a, &b) > MOVED_BY_HEIGHT * a.h.max(b.h).max(1.0) || grew(&a, &b) > MOVED_BY_SCALE;
        }
        if !self.moved && (self.sights as usize) < SMOOTH {
            // two sights that lie far apart: a fast vehicle
            let (a, b) = (self.start[0], *bbox);
            self.moved = a.center().distance(b.center()) > 2.0 * a.h.max(b.h);
        }
    }

    /// Whether it moved; `None` while it was seen too seldom to say.
    pub(super) fn moved(&self) -> Option<bool> {
        (self.moved || self.sights as usize > SMOOTH).then_some(self.moved)
    }

    pub(super) fn last(&self) -> Option<(Timestamp, Rect)> {
        self.recent.last().copied()
    }

    /// Where the plate should be at `time` when it goes on as before.
    pub(super) fn predict(&self, time: Timestamp) -> Option<Point> {
        let (t1, b) = self.recent.last()?;
        let (t0, a) = self.recent.first()?;
        let elapsed = t1.since(*t0).as_secs_f32();
        let center = b.center();
        if elapsed <= 0.0 {
            return Some(center);
        }
        let steps = time.since(*t1).as_secs_f32() / elapsed;
        let (from, to) = (a.center(), center);
        Some(Point::new(to.x + (to.x - from.x) * steps, to.y + (to.y - from.y) * steps))
    }

    pub(super) fn join(&mut self, later: Self) {
        if later.sights == 0 {
            return;
        }
        let apart = self
            .last()
            .zip(later.start.first())
            .is_some_and(|((_, a), b)| a.center().distance(b.center()) > 2.0 * a.h.max(b.h));
        self.moved |= later.moved || apart;
        self.sights = self.sights.saturating_add(later.sights);
        self.recent = later.recent;
        if self.start.is_empty() {
            self.start = later.start;
        }
    }
}

/// How far a box went: the way that opposite edges have in common, in pixels.
fn went(a: &Rect, b: &Rect) -> f32 {
    let common = |one: f32, other: f32| if one * other > 0.0 { one.abs().min(other.abs()) } else { 0.0 };
    common(b.x - a.x, b.right() - a.right()).hypot(common(b.y - a.y, b.bottom() - a.bottom()))
}

/// By which part a box grew or shrank in both directions.
fn grew(a: &Rect, b: &Rect) -> f32 {
    let part = |from: f32, to: f32| (to - from) / from.max(to).max(1.0);
    let (width, height) = (part(a.w, b.w), part(a.h, b.h));
    if width * height > 0.0 { width.abs().min(height.abs()) } else { 0.0 }
}

fn mean<'a>(boxes: impl Iterator<Item = &'a Rect>) -> Rect {
    let mut sum = [0.0f32; 4];
    let mut n = 0.0f32;
    for b in boxes {
        for (total, value) in sum.iter_mut().zip([b.x, b.y, b.w, b.h]) {
            *total += value;
        }
        n += 1.0;
    }
    let n = n.max(1.0);
    Rect::new(sum[0] / n, sum[1] / n, sum[2] / n, sum[3] / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(places: &[(f32, f32, f32)]) -> Option<bool> {
        let mut motion = Motion::default();
        for (i, (x, y, h)) in places.iter().enumerate() {
            motion.add(Timestamp(i as i64 * 40_000_000), &Rect::new(*x, *y, h * 4.0, *h));
        }
        motion.moved()
    }

    #[test]
    fn signs_stand_and_vehicles_move() {
        let jitter: Vec<_> = (0..50).map(|i| (100.0 + (i % 3) as f32, 50.0 - (i % 2) as f32, 20.0)).collect();
        assert_eq!(moved(&jitter), Some(false), "a sign whose box trembles");
        let mut partly = Motion::default();
        for i in 0..50i64 {
            let part = if (20..25).contains(&i) { 60.0 } else { 0.0 };
            partly.add(Timestamp(i * 40_000_000), &Rect::new(100.0 + part, 50.0 + part / 20.0, 140.0 - part, 36.0));
        }
        assert_eq!(partly.moved(), Some(false), "a long sign of which only a part is seen for a while");
        let slow: Vec<_> = (0..50).map(|i| (100.0 + 0.5 * i as f32, 50.0, 20.0)).collect();
        assert_eq!(moved(&slow), Some(true), "a slow vehicle");
        let nearer: Vec<_> = (0..50).map(|i| (100.0 - 0.2 * i as f32, 50.0, 20.0 + 0.2 * i as f32)).collect();
        assert_eq!(moved(&nearer), Some(true), "a vehicle that comes straight on");
        assert_eq!(moved(&[(100.0, 50.0, 20.0)]), None, "one sight");
        assert_eq!(moved(&[(100.0, 50.0, 20.0), (300.0, 60.0, 20.0)]), Some(true), "a fast one at two frames a second");
    }

    #[test]
    fn the_way_goes_on_as_before() {
        let mut motion = Motion::default();
        for i in 0..3i64 {
            motion.add(Timestamp(i * 100), &Rect::new(10.0 * i as f32, 0.0, 40.0, 10.0));
        }
        assert_eq!(motion.predict(Timestamp(400)), Some(Point::new(60.0, 5.0)));
    }
}
