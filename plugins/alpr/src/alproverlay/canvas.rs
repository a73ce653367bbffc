//! A small picture with transparency, to be blended into a frame.

use alpr_core::geometry::{Point, Rect};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Drawn for symbols that the font lacks.
const UNKNOWN: char = '?';

/// Pixels of 0xAARRGGBB, transparent at first.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pixels: Vec<u32>,
}

/// A size of text: rows of the font, and how many times they are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextSize {
    rows: RasterHeight,
    times: usize,
}

impl TextSize {
    /// The size nearest to `height` pixels.
    pub(super) fn new(height: f32) -> Self {
        let (rows, own) = match height {
            h if h < 20.0 => (RasterHeight::Size16, 16.0),
            h if h < 28.0 => (RasterHeight::Size24, 24.0),
            _ => (RasterHeight::Size32, 32.0),
        };
        Self { rows, times: (height / own).round().max(1.0) as usize }
    }

    /// Height of a line in pixels.
    pub(super) const fn height(self) -> usize {
        self.rows.val() * self.times
    }

    /// Width of `text` in pixels.
    pub(super) fn width(self, text: &str) -> usize {
        text.chars().count() * get_raster_width(FontWeight::Bold, self.rows) * self.times
    }
}

impl Canvas {
    /// A canvas of one colour.
    pub(super) fn new(width: usize, height: usize, color: u32) -> Self {
        Self { width, height, pixels: vec![color; width * height] }
    }

    /// The pixels as bytes in memory order.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.pixels.iter().flat_map(|p| p.to_ne_bytes()).collect()
    }

    /// A line of `width` pixels between two points, however far outside they are.
    pub(super) fn line(&mut self, from: Point, to: Point, width: usize, color: u32) {
        let half = width as f32 / 2.0;
        let area = Rect::new(-half, -half, self.width as f32 + width as f32, self.height as f32 + width as f32);
        let Some((from, to)) = area.clip(from, to) else { return };
        let steps = from.distance(to).ceil().max(1.0);
        for step in 0..=steps as usize {
            let t = step as f32 / steps;
            let (x, y) = (from.x + (to.x - from.x) * t - half, from.y + (to.y - from.y) * t - half);
            self.fill(x.round() as isize, y.round() as isize, width, color);
        }
    }

    /// A square; what lies outside is cut off.
    fn fill(&mut self, x: isize, y: isize, side: usize, color: u32) {
        let range = |at: isize, limit: usize| {
            let clamp = |v: isize| usize::try_from(v).unwrap_or(0).min(limit);
            clamp(at)..clamp(at.saturating_add_unsigned(side))
        };
        for row in range(y, self.height) {
            let columns = range(x, self.width);
            self.pixels[row * self.width + columns.start..row * self.width + columns.end].fill(color);
        }
    }

    /// A text with its top left corner at (`x`, `y`), over what is there.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str, size: TextSize, color: u32) {
        let mut left = x;
        for symbol in text.chars() {
            let glyph = get_raster(symbol, FontWeight::Bold, size.rows)
                .or_else(|| get_raster(UNKNOWN, FontWeight::Bold, size.rows));
            let Some(glyph) = glyph else { continue };
            for (row, line) in glyph.rows().enumerate() {
                for (column, &intensity) in line.iter().enumerate() {
                    for i in 0..size.times * size.times {
                        let px = left + column * size.times + i % size.times;
                        let py = y + row * size.times + i / size.times;
                        if px < self.width && py < self.height {
                            let pixel = &mut self.pixels[py * self.width + px];
                            *pixel = mixed(*pixel, color, u32::from(intensity));
                        }
                    }
                }
            }
            left += glyph.width() * size.times;
        }
    }
}

/// `share` of 255 parts of `over`, the rest `under`, channel by channel.
fn mixed(under: u32, over: u32, share: u32) -> u32 {
    let channel = |shift: u32| {
        let (a, b) = (under >> shift & 0xff, over >> shift & 0xff);
        ((a * (255 - share) + b * share + 127) / 255) << shift
    };
    channel(0) | channel(8) | channel(16) | channel(24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_drawn_where_it_lies_and_cut_off_outside() {
        let mut canvas = Canvas::new(8, 8, 0);
        canvas.line(Point::new(-5.0, 4.0), Point::new(20.0, 4.0), 2, 0xff00_0001);
        let rows: Vec<usize> =
            (0..8).filter(|row| canvas.pixels[row * 8..row * 8 + 8].iter().all(|p| *p == 0xff00_0001)).collect();
        assert_eq!(rows, [3, 4]);
        canvas.line(Point::new(-1e6, -1e6), Point::new(1e6, 1e6), 1, 0xff00_0002);
        canvas.line(Point::new(-1e38, -1e38), Point::new(1e38, 1e38), 1, 0xff00_0002);
        assert_eq!(canvas.pixels[8 * 5 + 5], 0xff00_0002);
        canvas.line(Point::new(f32::NAN, 0.0), Point::new(f32::INFINITY, 4.0), 1, 0xff00_0003);
        assert!(!canvas.pixels.contains(&0xff00_0003));
    }

    #[test]
    fn every_symbol_takes_the_width_it_is_said_to() {
        let size = TextSize::new(24.0);
        let mut canvas = Canvas::new(size.width("8京"), size.height(), 0);
        canvas.text(0, 0, "8京", size, 0xffff_ffff);
        let ink = |from: usize, to: usize| {
            (0..canvas.height)
                .any(|y| canvas.pixels[y * canvas.width + from..y * canvas.width + to].iter().any(|p| *p != 0))
        };
        assert!(ink(0, canvas.width / 2) && ink(canvas.width / 2, canvas.width));
    }

    #[test]
    fn sizes_reach_from_small_to_4k() {
        let heights: Vec<usize> = [5.0, 16.0, 24.0, 33.0, 64.0, 100.0].map(|h| TextSize::new(h).height()).to_vec();
        assert_eq!(heights, [16, 16, 24, 32, 64, 96]);
    }
}
