//! Pictures on flat surfaces, seen in perspective.

use alpr_core::geometry::Point;
use tiny_skia::{Pixmap, PremultipliedColorU8};

/// A picture with its halved copies, so that it can be drawn smaller without shimmer.
pub struct Texture {
    levels: Vec<Pixmap>,
}

impl Texture {
    /// Builds the halved copies of `picture`.
    pub fn new(picture: Pixmap) -> Self {
        let mut levels = vec![picture];
        while let Some(last) = levels.last() {
            let (w, h) = (last.width() / 2, last.height() / 2);
            if w < 4 || h < 4 {
                break;
            }
            levels.push(halved(last, w, h));
        }
        Self { levels }
    }

    /// The picture at full size.
    pub fn picture(&self) -> &Pixmap {
        &self.levels[0]
    }

    /// Draws the picture onto `frame` so that its corners (top left, top right, bottom right, bottom left) come to
    /// `corners`, each colour multiplied by `light` (1 = as it is).
    pub fn draw(&self, frame: &mut Pixmap, corners: &[Point; 4], light: f32) {
        let Some(map) = unit_square_from(corners) else { return };
        let (width, height) = (frame.width(), frame.height());
        let (mut x1, mut y1, mut x2, mut y2) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        for p in corners {
            (x1, y1, x2, y2) = (x1.min(p.x), y1.min(p.y), x2.max(p.x), y2.max(p.y));
        }
        let (left, right) = (x1.floor().clamp(0.0, width as f32) as u32, x2.ceil().clamp(0.0, width as f32) as u32);
        let (top, bottom) = (y1.floor().clamp(0.0, height as f32) as u32, y2.ceil().clamp(0.0, height as f32) as u32);
        let sharp = self.level(corners);
        let (fine, blend) = (sharp.floor() as usize, sharp.fract());
        let coarse = (fine + 1).min(self.levels.len() - 1);
        let pixels = frame.pixels_mut();
        for y in top..bottom {
            for x in left..right {
                let Some((u, v)) = map.at(x as f32 + 0.5, y as f32 + 0.5) else { continue };
                let a = sample(&self.levels[fine], u, v);
                let b = sample(&self.levels[coarse], u, v);
                let c: [f32; 4] = std::array::from_fn(|i| a[i] + (b[i] - a[i]) * blend);
                if c[3] > 0.5 {
                    let slot = &mut pixels[(y * width + x) as usize];
                    *slot = over(c, light, *slot);
                }
            }
        }
    }

    /// Which copy has about one picture element a pixel.
    fn level(&self, corners: &[Point; 4]) -> f32 {
        let [a, b, c, d] = corners;
        let area = ((c.x - a.x) * (d.y - b.y) - (d.x - b.x) * (c.y - a.y)).abs() / 2.0;
        let texels = self.picture().width() as f32 * self.picture().height() as f32;
        ((texels / area.max(1.0)).log2() / 2.0).clamp(0.0, (self.levels.len() - 1) as f32)
    }
}

fn halved(from: &Pixmap, w: u32, h: u32) -> Pixmap {
    let mut to = Pixmap::new(w, h).expect("a size above zero");
    let (stride, source) = (from.width() as usize * 4, from.data());
    for (i, out) in to.data_mut().chunks_exact_mut(4).enumerate() {
        let (x, y) = (i % w as usize, i / w as usize);
        let at = y * 2 * stride + x * 8;
        for (c, value) in out.iter_mut().enumerate() {
            let sum: u32 = [at, at + 4, at + stride, at + stride + 4].iter().map(|k| u32::from(source[k + c])).sum();
            *value = ((sum + 2) / 4) as u8;
        }
    }
    to
}

/// The colour at (`u`, `v`) in 0..1, blended of four elements; clear outside.
fn sample(picture: &Pixmap, u: f32, v: f32) -> [f32; 4] {
    let (w, h) = (picture.width() as i32, picture.height() as i32);
    let (x, y) = (u * w as f32 - 0.5, v * h as f32 - 0.5);
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (x - x0, y - y0);
    let data = picture.data();
    let mut out = [0.0; 4];
    for (dx, dy, weight) in
        [(0, 0, (1.0 - fx) * (1.0 - fy)), (1, 0, fx * (1.0 - fy)), (0, 1, (1.0 - fx) * fy), (1, 1, fx * fy)]
    {
        let (px, py) = (x0 as i32 + dx, y0 as i32 + dy);
        if px >= 0 && py >= 0 && px < w && py < h {
            let at = ((py * w + px) * 4) as usize;
            for (o, value) in out.iter_mut().zip(&data[at..at + 4]) {
                *o += f32::from(*value) * weight;
            }
        }
    }
    out
}

fn over(c: [f32; 4], light: f32, below: PremultipliedColorU8) -> PremultipliedColorU8 {
    let keep = 1.0 - c[3] / 255.0;
    let mix = |value: f32, old: u8| (value * light + f32::from(old) * keep).clamp(0.0, 255.0) as u8;
    let (r, g, b) = (mix(c[0], below.red()), mix(c[1], below.green()), mix(c[2], below.blue()));
    PremultipliedColorU8::from_rgba(r, g, b, 255).unwrap_or(below)
}

/// Maps pixels of the frame to positions in the picture, both in 0..1.
struct Homography([f32; 9]);

impl Homography {
    fn at(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let m = &self.0;
        let w = m[6] * x + m[7] * y + m[8];
        let (u, v) = ((m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w);
        ((-0.02..=1.02).contains(&u) && (-0.02..=1.02).contains(&v)).then_some((u, v))
    }
}

/// The map from `corners` to the unit square: the inverse of the square's projection onto four points.
fn unit_square_from(corners: &[Point; 4]) -> Option<Homography> {
    let [a, b, c, d] = *corners;
    let (dx1, dx2, sx) = (b.x - c.x, d.x - c.x, a.x - b.x + c.x - d.x);
    let (dy1, dy2, sy) = (b.y - c.y, d.y - c.y, a.y - b.y + c.y - d.y);
    let det = dx1 * dy2 - dx2 * dy1;
    if det.abs() < 1e-3 {
        return None;
    }
    let (g, h) = ((sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det);
    let m = [b.x - a.x + g * b.x, d.x - a.x + h * d.x, a.x, b.y - a.y + g * b.y, d.y - a.y + h * d.y, a.y, g, h, 1.0];
    // The adjugate serves as the inverse: a projective map has no scale.
    Some(Homography([
        m[4] * m[8] - m[5] * m[7],
        m[2] * m[7] - m[1] * m[8],
        m[1] * m[5] - m[2] * m[4],
        m[5] * m[6] - m[3] * m[8],
        m[0] * m[8] - m[2] * m[6],
        m[2] * m[3] - m[0] * m[5],
        m[3] * m[7] - m[4] * m[6],
        m[1] * m[6] - m[0] * m[7],
        m[0] * m[4] - m[1] * m[3],
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_map_to_the_corners_of_the_picture() {
        let corners =
            [Point::new(10.0, 12.0), Point::new(110.0, 20.0), Point::new(105.0, 70.0), Point::new(14.0, 60.0)];
        let map = unit_square_from(&corners).unwrap();
        for (p, expected) in corners.iter().zip([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]) {
            let (u, v) = map.at(p.x, p.y).unwrap();
            assert!((u - expected.0).abs() < 1e-3 && (v - expected.1).abs() < 1e-3, "{p:?} {u} {v}");
        }
        assert!(map.at(300.0, 30.0).is_none());
    }

    #[test]
    fn a_picture_drawn_small_keeps_its_mean_colour() {
        let mut checker = Pixmap::new(64, 64).unwrap();
        for (i, p) in checker.pixels_mut().iter_mut().enumerate() {
            let value = if (i % 64 + i / 64) % 2 == 0 { 255 } else { 0 };
            *p = PremultipliedColorU8::from_rgba(value, value, value, 255).unwrap();
        }
        let mut frame = Pixmap::new(20, 20).unwrap();
        let corners = [Point::new(2.0, 2.0), Point::new(18.0, 2.0), Point::new(18.0, 18.0), Point::new(2.0, 18.0)];
        Texture::new(checker).draw(&mut frame, &corners, 1.0);
        let middle = frame.pixel(10, 10).unwrap().red();
        assert!((120..136).contains(&middle), "{middle}");
        assert_eq!(frame.pixel(0, 0).unwrap().alpha(), 0);
    }
}
