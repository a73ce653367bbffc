//! Crops and straightened plates as RGB bytes.

use super::{Frame, resample};
use crate::geometry::{Point, Quad, Rect};

/// From this reduction on the surroundings are reduced first, so that the straightening never skips pixels.
const REDUCE_FROM: f32 = 1.5;

/// Scales `region` of `frame` to `out_w` × `out_h` pixels of RGB, 3 bytes a pixel, replacing what `out` holds.
///
/// See [`resample`] for how pixels are weighed and what happens at the edges.
pub fn crop(frame: &Frame<'_>, region: &Rect, out_w: usize, out_h: usize, out: &mut Vec<u8>) {
    out.clear();
    out.resize(out_w * out_h * 3, 0);
    resample(frame, region, out_w, out_h, |y, [r, g, b]| {
        let row = &mut out[y * out_w * 3..(y + 1) * out_w * 3];
        for (((pixel, r), g), b) in row.chunks_exact_mut(3).zip(r).zip(g).zip(b) {
            // A float becomes the nearest byte: the cast cuts off.
            pixel.copy_from_slice(&[(r + 0.5) as u8, (g + 0.5) as u8, (b + 0.5) as u8]);
        }
    });
}

/// Straightens the plate inside `quad` to `out_w` × `out_h` pixels of RGB, 3 bytes a pixel, replacing what `out` holds.
///
/// The corners go to the corners of the output. Where the plate is larger than the output, the mean over the area is
/// taken. What lies outside the frame repeats its edge. A quadrilateral that has no area, is not convex or is not
/// finite cannot be straightened; its bounding box is cropped in its place.
pub fn rectify(frame: &Frame<'_>, quad: &Quad, out_w: usize, out_h: usize, out: &mut Vec<u8>) {
    let Some(straighten) = Homography::unit_square_to(quad) else {
        return crop(frame, &quad.bounding_rect(), out_w, out_h, out);
    };
    let [tl, tr, br, bl] = quad.0;
    let bounds = quad.bounding_rect();
    if bounds == Quad::bounding_rect(&Quad([tl, tl, br, br])) && *quad == Quad::from_rect(&bounds) {
        return crop(frame, &bounds, out_w, out_h, out);
    }
    // The part of the frame that is needed, one pixel wider for interpolation, on whole pixels so that it stays crisp.
    let part = on_pixels(&bounds, frame);
    let reduction = |near: f32, far: f32, pixels: usize| {
        let scale = near.max(far) / pixels as f32;
        if scale > REDUCE_FROM { scale } else { 1.0 }
    };
    // The longer of two opposite sides tells; both axes take the weaker reduction when the plate is rotated.
    let (rx, ry) =
        (reduction(tl.distance(tr), bl.distance(br), out_w), reduction(tl.distance(bl), tr.distance(br), out_h));
    let tilted = (tr.y - tl.y).abs() > 0.35 * (tr.x - tl.x).abs();
    let (rx, ry) = if tilted { (rx.min(ry), rx.min(ry)) } else { (rx, ry) };
    let (part_w, part_h) = ((part.w / rx).ceil().max(1.0) as usize, (part.h / ry).ceil().max(1.0) as usize);
    let mut pixels = Vec::new();
    crop(frame, &part, part_w, part_h, &mut pixels);
    let (scale_x, scale_y) = (part_w as f32 / part.w, part_h as f32 / part.h);
    out.clear();
    out.reserve(out_w * out_h * 3);
    for y in 0..out_h {
        for x in 0..out_w {
            let p = straighten.map((x as f32 + 0.5) / out_w as f32, (y as f32 + 0.5) / out_h as f32);
            let (px, py) = ((p.x - part.x) * scale_x - 0.5, (p.y - part.y) * scale_y - 0.5);
            out.extend_from_slice(&bilinear(&pixels, part_w, part_h, px, py));
        }
    }
}

/// `bounds` and a pixel around it, rounded outwards to whole pixels and cut at the frame; at least one pixel.
fn on_pixels(bounds: &Rect, frame: &Frame<'_>) -> Rect {
    let side = |low: f32, high: f32, size: u32| {
        let size = size as f32;
        let from = (low - 1.0).floor().clamp(0.0, size - 1.0);
        (from, (high + 1.0).ceil().clamp(from + 1.0, size))
    };
    let (x1, x2) = side(bounds.x, bounds.right(), frame.width());
    let (y1, y2) = side(bounds.y, bounds.bottom(), frame.height());
    Rect::from_corners(x1, y1, x2, y2)
}

fn bilinear(pixels: &[u8], w: usize, h: usize, x: f32, y: f32) -> [u8; 3] {
    let (x, y) = (x.clamp(0.0, (w - 1) as f32), y.clamp(0.0, (h - 1) as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
    let at = |x: usize, y: usize, c: usize| f32::from(pixels[(y * w + x) * 3 + c]);
    std::array::from_fn(|c| {
        let top = at(x0, y0, c) * (1.0 - fx) + at(x1, y0, c) * fx;
        let bottom = at(x0, y1, c) * (1.0 - fx) + at(x1, y1, c) * fx;
        (top * (1.0 - fy) + bottom * fy + 0.5) as u8
    })
}

/// The projective map of the unit square onto a quadrilateral.
struct Homography {
    x: [f32; 3],
    y: [f32; 3],
    w: [f32; 2],
}

impl Homography {
    /// Nothing where the quadrilateral is not finite, not convex or too thin.
    fn unit_square_to(quad: &Quad) -> Option<Self> {
        let [a, b, c, d] = quad.0;
        let turn = |p: Point, q: Point, r: Point| (q.x - p.x) * (r.y - q.y) - (q.y - p.y) * (r.x - q.x);
        let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
        // A mirrored plate (all turns negative) is still a map; mixed signs or zeros are not.
        if !(turns.iter().all(|t| *t > 0.5) || turns.iter().all(|t| *t < -0.5)) {
            return None;
        }
        let (dx1, dy1) = (b.x - c.x, b.y - c.y);
        let (dx2, dy2) = (d.x - c.x, d.y - c.y);
        let (sx, sy) = (a.x - b.x + c.x - d.x, a.y - b.y + c.y - d.y);
        let det = dx1 * dy2 - dx2 * dy1;
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        let map = Self {
            x: [b.x - a.x + g * b.x, d.x - a.x + h * d.x, a.x],
            y: [b.y - a.y + g * b.y, d.y - a.y + h * d.y, a.y],
            w: [g, h],
        };
        map.x.iter().chain(&map.y).chain(&map.w).all(|v| v.is_finite()).then_some(map)
    }

    fn map(&self, u: f32, v: f32) -> Point {
        let w = self.w[0] * u + self.w[1] * v + 1.0;
        Point::new((self.x[0] * u + self.x[1] * v + self.x[2]) / w, (self.y[0] * u + self.y[1] * v + self.y[2]) / w)
    }
}
