//! Points, boxes and quadrilaterals in pixels of the full-resolution frame.
//!
//! The origin is the frame's top left corner; x grows to the right and y downwards.

/// A position in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

impl Point {
    /// A point at (`x`, `y`).
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Euclidean distance to `other` in pixels.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// An axis-aligned box: top left corner and size, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, never negative.
    pub w: f32,
    /// Height, never negative.
    pub h: f32,
}

impl Rect {
    /// A box at (`x`, `y`) of size `w` × `h`; negative sizes become 0.
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w: w.max(0.0), h: h.max(0.0) }
    }

    /// The box between two opposite corners.
    pub const fn from_corners(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self::new(x1.min(x2), y1.min(y2), (x2 - x1).abs(), (y2 - y1).abs())
    }

    /// Right edge.
    pub const fn right(&self) -> f32 {
        self.x + self.w
    }

    /// Bottom edge.
    pub const fn bottom(&self) -> f32 {
        self.y + self.h
    }

    /// Centre.
    pub const fn center(&self) -> Point {
        Point::new(self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Area in square pixels.
    pub const fn area(&self) -> f32 {
        self.w * self.h
    }

    /// The common part of two boxes; of size 0 when they do not meet.
    pub const fn intersection(&self, other: &Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        Self::new(x, y, self.right().min(other.right()) - x, self.bottom().min(other.bottom()) - y)
    }

    /// Intersection over union, 0 to 1; 0 when either box is empty.
    pub fn iou(&self, other: &Self) -> f32 {
        let common = self.intersection(other).area();
        let union = self.area() + other.area() - common;
        if union > 0.0 { common / union } else { 0.0 }
    }

    /// The part inside a frame of `width` × `height` pixels.
    pub const fn clamped(&self, width: u32, height: u32) -> Self {
        self.intersection(&Self::new(0.0, 0.0, width as f32, height as f32))
    }

    /// Whether the edge of a frame of `width` × `height` pixels cuts it: it ends within a pixel or 2 % of its height of it.
    pub fn is_cut_by(&self, width: u32, height: u32) -> bool {
        let margin = (self.h * 0.02).max(1.0);
        let (right, bottom) = (width as f32 - margin, height as f32 - margin);
        self.x < margin || self.y < margin || self.right() > right || self.bottom() > bottom
    }

    /// Whether `point` lies inside (edges included).
    pub const fn contains(&self, point: Point) -> bool {
        point.x >= self.x && point.x <= self.right() && point.y >= self.y && point.y <= self.bottom()
    }

    /// The box grown by `fraction` of its width and height on every side, about its centre.
    pub const fn expanded(&self, fraction: f32) -> Self {
        Self::new(
            self.x - self.w * fraction,
            self.y - self.h * fraction,
            self.w * (1.0 + 2.0 * fraction),
            self.h * (1.0 + 2.0 * fraction),
        )
    }

    /// The box moved by (`dx`, `dy`).
    pub const fn translated(&self, dx: f32, dy: f32) -> Self {
        Self::new(self.x + dx, self.y + dy, self.w, self.h)
    }

    /// The part of the straight line between two points that lies inside (edges included), by Liang and Barsky's method; `None`
    /// when there is none or a number is not finite.
    pub fn clip(&self, from: Point, to: Point) -> Option<(Point, Point)> {
        let wide = |value: f32| f64::from(value);
        let (dx, dy) = (wide(to.x) - wide(from.x), wide(to.y) - wide(from.y));
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        for (step, room) in [
            (-dx, wide(from.x) - wide(self.x)),
            (dx, wide(self.right()) - wide(from.x)),
            (-dy, wide(from.y) - wide(self.y)),
            (dy, wide(self.bottom()) - wide(from.y)),
        ] {
            if step < 0.0 {
                start = start.max(room / step);
            } else if step > 0.0 {
                end = end.min(room / step);
            } else if room < 0.0 {
                return None;
            }
        }
        let at = |part: f64| Point::new((wide(from.x) + part * dx) as f32, (wide(from.y) + part * dy) as f32);
        let is_finite = dx.is_finite() && dy.is_finite() && self.is_finite();
        (is_finite && start <= end).then(|| (at(start), at(end)))
    }

    /// Whether all four numbers are finite.
    pub const fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.w.is_finite() && self.h.is_finite()
    }
}

/// Four corners of a plate as it appears in the picture: top left, top right, bottom right, bottom left of the *plate*
/// (reading direction), so that a rotated plate has a rotated quadrilateral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// The corners of an upright box.
    pub const fn from_rect(rect: &Rect) -> Self {
        Self([
            Point::new(rect.x, rect.y),
            Point::new(rect.right(), rect.y),
            Point::new(rect.right(), rect.bottom()),
            Point::new(rect.x, rect.bottom()),
        ])
    }

    /// The smallest upright box around the corners.
    pub fn bounding_rect(&self) -> Rect {
        let (mut x1, mut y1, mut x2, mut y2) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        for p in &self.0 {
            x1 = x1.min(p.x);
            y1 = y1.min(p.y);
            x2 = x2.max(p.x);
            y2 = y2.max(p.y);
        }
        Rect::from_corners(x1, y1, x2, y2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_boxes() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        for (b, expected) in [
            (a, 1.0),
            (Rect::new(5.0, 0.0, 10.0, 10.0), 1.0 / 3.0),
            (Rect::new(20.0, 0.0, 10.0, 10.0), 0.0),
            (Rect::new(0.0, 0.0, 0.0, 0.0), 0.0),
        ] {
            assert!((a.iou(&b) - expected).abs() < 1e-6, "{b:?}");
        }
    }

    #[test]
    fn boxes_at_the_edge_are_cut() {
        for (bbox, cut) in [
            (Rect::new(100.0, 100.0, 80.0, 20.0), false),
            (Rect::new(0.0, 100.0, 80.0, 20.0), true),
            (Rect::new(-4.0, 100.0, 80.0, 20.0), true),
            (Rect::new(561.0, 100.0, 79.5, 20.0), true),
            (Rect::new(558.0, 100.0, 80.0, 20.0), false),
            (Rect::new(100.0, 340.0, 80.0, 20.0), true),
        ] {
            assert_eq!(bbox.is_cut_by(640, 360), cut, "{bbox:?}");
        }
    }

    #[test]
    fn a_box_never_has_a_negative_size() {
        let apart = Rect::new(0.0, 0.0, 1.0, 1.0).intersection(&Rect::new(5.0, 5.0, 1.0, 1.0));
        assert_eq!((apart.w, apart.h), (0.0, 0.0));
        assert_eq!(Rect::new(-5.0, -5.0, 10.0, 10.0).clamped(4, 3), Rect::new(0.0, 0.0, 4.0, 3.0));
    }

    #[test]
    fn quad_of_a_box_bounds_it() {
        let r = Rect::new(1.0, 2.0, 3.0, 4.0);
        assert_eq!(Quad::from_rect(&r).bounding_rect(), r);
    }

    #[test]
    fn lines_are_clipped() {
        let area = Rect::new(0.0, 0.0, 10.0, 4.0);
        let clip =
            |x1, y1, x2, y2| area.clip(Point::new(x1, y1), Point::new(x2, y2)).map(|(a, b)| (a.x, a.y, b.x, b.y));
        assert_eq!(clip(1.0, 1.0, 3.0, 2.0), Some((1.0, 1.0, 3.0, 2.0)), "inside");
        assert_eq!(clip(-5.0, 2.0, 20.0, 2.0), Some((0.0, 2.0, 10.0, 2.0)), "through both edges");
        assert_eq!(clip(5.0, 9.0, 5.0, 1.0), Some((5.0, 4.0, 5.0, 1.0)), "from below");
        assert_eq!(clip(-1e6, -1e6, 1e6, 1e6), Some((0.0, 0.0, 4.0, 4.0)), "from far");
        let (a, b) = area.clip(Point::new(-1e38, -1e38), Point::new(1e38, 1e38)).unwrap();
        assert!(area.contains(a) && area.contains(b), "from farther than numbers are exact: {a:?} {b:?}");
        assert_eq!(clip(-1.0, 5.0, 11.0, 6.0), None, "beside it");
        assert_eq!(clip(-3.0, 3.0, 2.0, 8.0), None, "past the corner");
        assert_eq!(clip(f32::NAN, 1.0, 5.0, 1.0), None);
        assert_eq!(clip(1.0, 1.0, f32::INFINITY, 1.0), None);
    }
}
