//! Which small, weak finds of a search deserve a closer look, and what that look makes of them.
//!
//! A network learns plates of a few pixels last: it half sees them. What it half sees it recognises, or rejects, when the
//! same part of the frame is given to it twice as large. The numbers were chosen on photographs (`models/README.md`).

use std::time::Duration;

use super::{Detection, suppress};
use crate::geometry::Rect;

/// Finds of a lower score are mostly nothing.
const LEAST: f32 = 0.2;
/// Wider finds, in pixels of the network, look no better from near.
const WIDEST: f32 = 32.0;
/// What a closer look finds may be so many times as wide as what led to it.
const GROWTH: f32 = 1.3;
/// Looks a search; each costs a quarter of it.
const MOST: usize = 2;
/// Part of the searched region's width and height that a closer look takes.
const WINDOW: f32 = 0.25;
/// Pixels of the network from a window's edge within which a box is cut.
const CUT: f32 = 1.5;

/// Closer looks after one search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closer {
    /// What was searched, in pixels of the frame.
    pub region: Rect,
    /// Pixels of the network for each pixel of the frame in that search.
    pub scale: f32,
    /// Score from which a find needs no closer look, 0 to 1.
    pub sure: f32,
}

impl Closer {
    /// How many times smaller the network's picture of a closer look is: a quarter of the region's sides on a half of its
    /// pixels is twice as large.
    pub const REDUCTION: usize = 2;

    /// Time between frames with closer looks where plates are followed: a track that has begun goes on with weak finds.
    pub const INTERVAL: Duration = Duration::from_millis(200);

    /// Least score that a search must report for closer looks.
    pub const fn least() -> f32 {
        LEAST
    }

    /// The parts of the frame to look at, for the best of `found` (best first).
    pub fn windows(&self, found: &[Detection]) -> Vec<Rect> {
        let mut windows: Vec<Rect> = Vec::new();
        for doubtful in found.iter().filter(|find| find.confidence >= LEAST && self.is_doubtful(find)) {
            // one beside another is seen together with it, if with as much around it
            let around = doubtful.bbox.expanded(0.5);
            if windows.len() < MOST && !windows.iter().any(|window| holds(window, &around, 0.0)) {
                windows.push(self.window(&doubtful.bbox));
            }
        }
        windows
    }

    /// `found` after a look at `window` that found `near`: what is doubtful there is as that look says.
    pub fn replace(&self, found: Vec<Detection>, window: &Rect, near: Vec<Detection>, iou: f32) -> Vec<Detection> {
        let cut = CUT / self.scale;
        let far = found.into_iter().filter(|find| !(self.is_doubtful(find) && holds(window, &find.bbox, cut)));
        // What the window cuts, and not the region, is half a plate or half of something else.
        let whole = |find: &Detection| {
            let Rect { x, y, .. } = find.bbox;
            let (right, bottom) = (find.bbox.right(), find.bbox.bottom());
            (x > window.x + cut || window.x <= self.region.x)
                && (y > window.y + cut || window.y <= self.region.y)
                && (right < window.right() - cut || window.right() >= self.region.right())
                && (bottom < window.bottom() - cut || window.bottom() >= self.region.bottom())
        };
        let near = near.into_iter().filter(|find| find.bbox.w * self.scale < GROWTH * WIDEST && whole(find));
        suppress(far.chain(near).collect(), iou, usize::MAX)
    }

    fn is_doubtful(&self, find: &Detection) -> bool {
        find.confidence < self.sure && find.bbox.w * self.scale < WIDEST
    }

    /// The window around `bbox`, moved into the region.
    fn window(&self, bbox: &Rect) -> Rect {
        let Rect { x, y, w, h } = self.region;
        let (width, height) = (w * WINDOW, h * WINDOW);
        let center = bbox.center();
        Rect::new(
            (center.x - width / 2.0).clamp(x, x + w - width),
            (center.y - height / 2.0).clamp(y, y + h - height),
            width,
            height,
        )
    }
}

/// Whether `inner` lies in `outer`, further than `margin` from its edges.
fn holds(outer: &Rect, inner: &Rect, margin: f32) -> bool {
    inner.x >= outer.x + margin
        && inner.y >= outer.y + margin
        && inner.right() <= outer.right() - margin
        && inner.bottom() <= outer.bottom() - margin
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of 1280 × 720 pixels on 640 × 360 of the network.
    const CLOSER: Closer = Closer { region: Rect::new(0.0, 0.0, 1280.0, 720.0), scale: 0.5, sure: 0.6 };

    fn find(x: f32, y: f32, w: f32, confidence: f32) -> Detection {
        Detection { bbox: Rect::new(x, y, w, w / 4.0), corners: None, confidence, class: 0 }
    }

    #[test]
    fn small_weak_finds_are_looked_at_and_no_others() {
        for (what, found, windows) in [
            ("sure", vec![find(600.0, 400.0, 30.0, 0.7)], vec![]),
            ("nothing", vec![find(600.0, 400.0, 30.0, 0.1)], vec![]),
            ("large", vec![find(600.0, 400.0, 70.0, 0.5)], vec![]),
            ("small", vec![find(600.0, 396.0, 32.0, 0.5)], vec![(456.0, 310.0)]),
            ("in a corner", vec![find(2.0, 700.0, 30.0, 0.5)], vec![(0.0, 540.0)]),
            (
                "two side by side",
                vec![find(600.0, 396.0, 32.0, 0.5), find(650.0, 396.0, 30.0, 0.4)],
                vec![(456.0, 310.0)],
            ),
            (
                "three far apart",
                vec![find(0.0, 0.0, 30.0, 0.5), find(1250.0, 0.0, 30.0, 0.4), find(1250.0, 700.0, 30.0, 0.3)],
                vec![(0.0, 0.0), (960.0, 0.0)],
            ),
        ] {
            let expected: Vec<Rect> = windows.iter().map(|&(x, y)| Rect::new(x, y, 320.0, 180.0)).collect();
            assert_eq!(CLOSER.windows(&found), expected, "{what}");
        }
    }

    #[test]
    fn the_closer_look_decides() {
        let window = Rect::new(456.0, 310.0, 320.0, 180.0);
        let sure = find(500.0, 350.0, 40.0, 0.8);
        let elsewhere = find(100.0, 100.0, 30.0, 0.3);
        let found = || vec![sure.clone(), find(600.0, 400.0, 30.0, 0.4), elsewhere.clone()];
        let after = |near: Vec<Detection>| CLOSER.replace(found(), &window, near, 0.5);

        assert_eq!(after(vec![]), [sure.clone(), elsewhere.clone()], "what is not seen again is nothing");
        let better = find(602.0, 401.0, 28.0, 0.7);
        assert_eq!(after(vec![better.clone()]), [sure.clone(), better, elsewhere.clone()]);
        let same = find(501.0, 350.0, 40.0, 0.9);
        assert_eq!(after(vec![same.clone()]), [same, elsewhere.clone()], "no plate counts twice");
        let cut = find(456.5, 400.0, 30.0, 0.9);
        assert_eq!(after(vec![cut]), [sure.clone(), elsewhere.clone()], "half of something");
        assert_eq!(
            after(vec![find(600.0, 400.0, 120.0, 0.9)]),
            [sure, elsewhere],
            "the first look knows large ones better"
        );
    }

    #[test]
    fn the_edge_of_the_frame_cuts_nothing_more() {
        let window = Rect::new(0.0, 540.0, 320.0, 180.0);
        let at_the_edge = find(0.0, 600.0, 30.0, 0.7);
        assert_eq!(CLOSER.replace(vec![], &window, vec![at_the_edge.clone()], 0.5), [at_the_edge]);
    }
}
