//! How a plate moves: enough to tell a vehicle from a sign, and to know it again after a gap.

use std::time::Duration;

use crate::geometry::{Point, Rect};
use crate::time::Timestamp;

mod trend;

use trend::Trend;

/// Sights of which the middle one counts, against the jitter of boxes and against a box of something else: at few frames a
/// second a tracker now and then takes a passing vehicle for the sign that it follows.
const SMOOTH: usize = 3;

/// A plate moved when two opposite edges of its smoothed box did, the same way, by this part of its height. One edge
/// alone tells nothing: detectors now and then see only a part of a long sign.
const MOVED_BY_HEIGHT: f32 = 0.5;

/// A plate that was lost moved when it was found again so many widths away.
const APART: f32 = 1.5;

/// Time after which even a few sights tell that something stands.
pub(super) const LONG: Duration = Duration::from_millis(900);

/// So far, in heights, the centre of a plate that was seen too seldom for that must have gone.
const MOVED_AT_ONCE: f32 = 2.0;

/// It also moved when both its smoothed height and width grew or shrank by this part.
const MOVED_BY_SCALE: f32 = 0.2;

/// The way of one plate: constant size, however long it is in view.
#[derive(Clone, Debug, Default)]
pub(super) struct Motion {
    start: Vec<Rect>,
    recent: Vec<(Timestamp, Rect)>,
    /// The largest smoothed box.
    largest: Option<Rect>,
    trend: Trend,
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
        self.trend.add(time, bbox);
        let b = middle(self.recent.iter().map(|(_, r)| r));
        self.largest = larger(self.largest, Some(b));
        if !self.moved && self.sights as usize > SMOOTH && self.start.len() == SMOOTH {
            let a = middle(self.start.iter());
            self.moved = went(&a, &b) > MOVED_BY_HEIGHT * a.h.max(b.h).max(1.0)
                || grew(&a, &b) > MOVED_BY_SCALE
                || self.goes_on();
        }
    }

    /// Whether it moved; `None` while it was seen too seldom to say.
    pub(super) fn moved(&self) -> Option<bool> {
        if self.moved || self.sights as usize > SMOOTH {
            return Some(self.moved);
        }
        let ((first, a), (last, b)) = self.recent.first().zip(self.recent.last())?;
        let height = a.h.max(b.h).max(1.0);
        if a.center().distance(b.center()) > MOVED_AT_ONCE * height {
            return Some(true);
        }
        // few sights, but enough time for any vehicle that is on its way
        let stood = went(a, b) < MOVED_BY_HEIGHT * height && grew(a, b) < MOVED_BY_SCALE;
        (stood && last.since(*first) >= LONG).then_some(false)
    }

    /// Whether all sights together tell that it moves, however little between any two.
    pub(super) fn goes_on(&self) -> bool {
        self.trend.moves()
    }

    pub(super) fn last(&self) -> Option<(Timestamp, Rect)> {
        self.recent.last().copied()
    }

    /// Where it stands when it never moved: the largest box, for of a sign only a part may be seen in the end.
    pub(super) fn stands_at(&self) -> Option<Rect> {
        self.largest.filter(|_| self.moved() == Some(false))
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
        // the halves of a long sign lie beside each other
        let apart = self
            .last()
            .zip(later.start.first())
            .is_some_and(|((_, a), b)| a.center().distance(b.center()) > APART * a.w.max(b.w));
        self.moved |= later.moved || apart;
        self.sights = self.sights.saturating_add(later.sights);
        self.recent = later.recent;
        self.largest = larger(self.largest, later.largest);
        // what stands is compared with itself alone: of a sign, each track may have seen another part
        self.start = later.start;
        self.trend = later.trend;
    }
}

fn larger(a: Option<Rect>, b: Option<Rect>) -> Option<Rect> {
    a.into_iter().chain(b).max_by(|a, b| a.area().total_cmp(&b.area()))
}

/// How far a box went: the way that opposite edges have in common, in pixels.
fn went(a: &Rect, b: &Rect) -> f32 {
    let common = |one: f32, other: f32| trend::common(one.into(), other.into()) as f32;
    common(b.x - a.x, b.right() - a.right()).hypot(common(b.y - a.y, b.bottom() - a.bottom()))
}

/// By which part a box grew or shrank in both directions.
fn grew(a: &Rect, b: &Rect) -> f32 {
    let stayed = trend::stays((b.x - a.x).into(), (b.right() - a.right()).into());
    let part = |from: f32, to: f32| f64::from((to - from) / from.max(to).max(1.0));
    trend::alike(part(a.w, b.w), part(a.h, b.h), stayed) as f32
}

/// The middle value of every side of some boxes.
fn middle<'a>(boxes: impl Iterator<Item = &'a Rect> + Clone) -> Rect {
    let side = |value: fn(&Rect) -> f32| {
        let mut values: Vec<f32> = boxes.clone().map(value).collect();
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    Rect::new(side(|b| b.x), side(|b| b.y), side(|b| b.w), side(|b| b.h))
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
        let mut revealed = Motion::default();
        for i in 0..8i64 {
            let width = 40.0 + 8.0 * i as f32;
            let height = 32.0 + 0.8 * i as f32;
            revealed.add(Timestamp(i * 66_000_000), &Rect::new(200.0 - width, 50.0, width, height));
        }
        assert_eq!(revealed.moved(), Some(false), "a sign that comes out behind a lorry");
        let mut jumps = Motion::default();
        let sides = [(462.0, 505.0), (463.8, 532.9), (462.8, 555.1), (455.6, 585.8), (459.5, 591.5), (461.0, 588.0)];
        for (i, (left, right)) in sides.into_iter().chain([(461.2, 587.8); 20]).enumerate() {
            let (top, height) = if i < 5 { (27.0, 26.0 + 0.7 * i as f32) } else { (22.4, 36.0) };
            jumps.add(Timestamp(i as i64 * 100_000_000), &Rect::new(left, top, right - left, height));
        }
        assert_eq!(jumps.moved(), Some(false), "the same, when the box becomes higher in the end");
        let slow: Vec<_> = (0..50).map(|i| (100.0 + 0.5 * i as f32, 50.0, 20.0)).collect();
        assert_eq!(moved(&slow), Some(true), "a slow vehicle");
        let nearer: Vec<_> = (0..50).map(|i| (100.0 - 0.2 * i as f32, 50.0, 20.0 + 0.2 * i as f32)).collect();
        assert_eq!(moved(&nearer), Some(true), "a vehicle that comes straight on");
        let slowly: Vec<_> =
            (0..50).map(|i| (100.0 + (i % 3) as f32, 50.0, 20.0 + 0.06 * i as f32 + 0.4 * (i % 2) as f32)).collect();
        assert_eq!(moved(&slowly), Some(true), "one that comes straight on slowly, its box trembles");
        let seldom: Vec<_> = (0..5).map(|i| (100.0 - 2.0 * i as f32, 50.0, 20.0 + 0.9 * i as f32)).collect();
        assert_eq!(moved(&seldom), Some(true), "the same, seen five times");
        let taken: Vec<_> = (0..50).map(|i| if i == 20 { (600.0, 300.0, 20.0) } else { (100.0, 50.0, 20.0) }).collect();
        assert_eq!(moved(&taken), Some(false), "a sign for which a passing vehicle was taken once");
        let mut uneven = Motion::default();
        let heights = [113.9, 120.5, 121.0, 131.4, 149.6];
        for (i, h) in heights.into_iter().enumerate() {
            uneven.add(
                Timestamp(i as i64 * 333_000_000),
                &Rect::new(325.0 + 4.0 * i as f32, 216.0 - 0.9 * (h - 114.0), 1.75 * h, h),
            );
        }
        assert_eq!(uneven.moved(), Some(true), "boxes of a vehicle as a detector gives them");
        let mut sparse = Motion::default();
        (0..3).for_each(|i| sparse.add(Timestamp(i * 500_000_000), &Rect::new(100.0, 50.0 + i as f32, 80.0, 20.0)));
        assert_eq!(sparse.moved(), Some(false), "three sights within a second");
        assert_eq!(moved(&[(100.0, 50.0, 20.0)]), None, "one sight");
        assert_eq!(moved(&[(100.0, 50.0, 20.0), (112.0, 50.0, 20.0), (124.0, 50.0, 20.0)]), None, "hardly moved");
        assert_eq!(moved(&[(100.0, 50.0, 20.0), (300.0, 60.0, 20.0)]), Some(true), "a fast one at two frames a second");
    }

    #[test]
    fn halves_of_a_sign_are_one_place() {
        let halves = |first: f32, second: f32| {
            let mut all = [Motion::default(), Motion::default()];
            for i in 0..5i64 {
                all[0].add(Timestamp(i * 500_000_000), &Rect::new(225.0, 37.0, 134.0, 30.0));
            }
            all[0].add(Timestamp(2_500_000_000), &Rect::new(first, 37.0, 60.0, 30.0));
            for i in 6..8i64 {
                all[1].add(Timestamp(i * 500_000_000), &Rect::new(second, 37.0, 60.0, 30.0));
            }
            let [mut sign, later] = all;
            sign.join(later);
            sign.moved()
        };
        assert_eq!(halves(225.0, 299.0), Some(false), "a lorry passes before it");
        assert_eq!(halves(225.0, 425.0), Some(true), "it is gone from its place");
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
