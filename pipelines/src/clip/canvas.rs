//! Drawing in colours and millimetres.

use super::font::Face;
use alpr_core::geometry::Point;
use tiny_skia::{
    BlendMode, Color, FillRule, GradientStop, LinearGradient, Paint, Path, PathBuilder, Pixmap, RadialGradient, Rect,
    Shader, SpreadMode, Stroke, Transform,
};

/// Red, green and blue, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// The colour made `factor` times as bright.
    pub fn lit(self, factor: f32) -> Self {
        let part = |v: u8| (f32::from(v) * factor).clamp(0.0, 255.0) as u8;
        Self(part(self.0), part(self.1), part(self.2))
    }

    /// The colour `t` (0 to 1) of the way to `other`.
    pub fn mix(self, other: Self, t: f32) -> Self {
        let part = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * t).clamp(0.0, 255.0) as u8;
        Self(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }

    /// With an opacity, 0 to 1.
    pub fn alpha(self, alpha: f32) -> Color {
        Color::from_rgba8(self.0, self.1, self.2, (alpha.clamp(0.0, 1.0) * 255.0) as u8)
    }
}

/// A drawing whose units are `scale` pixels long.
pub struct Canvas {
    pixmap: Pixmap,
    scale: f32,
}

fn solid(color: Color) -> Paint<'static> {
    Paint { shader: Shader::SolidColor(color), anti_alias: true, ..Paint::default() }
}

impl Canvas {
    /// A clear canvas of `width` × `height` units.
    pub fn new(width: f32, height: f32, scale: f32) -> Self {
        let size = |units: f32| ((units * scale).round() as u32).max(1);
        let pixmap = Pixmap::new(size(width), size(height)).expect("a size above zero");
        Self { pixmap, scale }
    }

    /// Goes on drawing on a picture.
    pub fn on(pixmap: Pixmap) -> Self {
        Self { pixmap, scale: 1.0 }
    }

    /// The drawing.
    pub fn into_pixmap(self) -> Pixmap {
        self.pixmap
    }

    /// The drawing so far.
    pub fn pixmap_mut(&mut self) -> &mut Pixmap {
        &mut self.pixmap
    }

    fn transform(&self) -> Transform {
        Transform::from_scale(self.scale, self.scale)
    }

    fn fill(&mut self, path: &Path, paint: &Paint<'_>) {
        self.pixmap.fill_path(path, paint, FillRule::Winding, self.transform(), None);
    }

    /// Fills an outline.
    pub fn path(&mut self, path: &Path, color: Color) {
        self.fill(path, &solid(color));
    }

    /// Fills a rectangle.
    pub fn rect(&mut self, x: f32, y: f32, w: f32, h: f32, color: Color) {
        if let Some(rect) = Rect::from_xywh(x, y, w, h) {
            self.fill(&PathBuilder::from_rect(rect), &solid(color));
        }
    }

    /// Fills a rectangle with corners of radius `r`.
    pub fn rounded(&mut self, x: f32, y: f32, w: f32, h: f32, r: f32, color: Color) {
        if let Some(path) = rounded_path(x, y, w, h, r) {
            self.fill(&path, &solid(color));
        }
    }

    /// Fills a rounded rectangle with colours running from its top to its bottom.
    pub fn rounded_gradient(&mut self, frame: [f32; 4], r: f32, stops: &[(f32, Color)]) {
        let [x, y, w, h] = frame;
        let Some(path) = rounded_path(x, y, w, h, r) else { return };
        let from = tiny_skia::Point::from_xy(x, y);
        let to = tiny_skia::Point::from_xy(x, y + h);
        self.fill(&path, &gradient(from, to, stops, BlendMode::SourceOver));
    }

    /// Draws the border of a rounded rectangle, `pen` wide, inside its edge.
    pub fn border(&mut self, frame: [f32; 4], r: f32, pen: f32, color: Color) {
        let [x, y, w, h] = frame;
        let inner = pen / 2.0;
        if let Some(path) = rounded_path(x + inner, y + inner, w - pen, h - pen, (r - inner).max(0.0)) {
            let stroke = Stroke { width: pen, ..Stroke::default() };
            self.pixmap.stroke_path(&path, &solid(color), &stroke, self.transform(), None);
        }
    }

    /// Fills an ellipse about (`x`, `y`).
    pub fn ellipse(&mut self, x: f32, y: f32, rx: f32, ry: f32, color: Color) {
        let oval = Rect::from_xywh(x - rx, y - ry, rx * 2.0, ry * 2.0).and_then(PathBuilder::from_oval);
        if let Some(path) = oval {
            self.fill(&path, &solid(color));
        }
    }

    /// Adds light that fades from (`x`, `y`) to nothing at `radius`.
    pub fn glow(&mut self, x: f32, y: f32, radius: f32, color: Rgb, strength: f32) {
        let Some(oval) =
            Rect::from_xywh(x - radius, y - radius, radius * 2.0, radius * 2.0).and_then(PathBuilder::from_oval)
        else {
            return;
        };
        let center = tiny_skia::Point::from_xy(x, y);
        let stops = [(0.0, 1.0), (0.12, 0.7), (0.35, 0.2), (1.0, 0.0)]
            .map(|(at, part)| GradientStop::new(at, color.alpha(strength * part)));
        let shader =
            RadialGradient::new(center, 0.0, center, radius, stops.to_vec(), SpreadMode::Pad, Transform::identity());
        if let Some(shader) = shader {
            let paint = Paint { shader, anti_alias: true, blend_mode: BlendMode::Plus, ..Paint::default() };
            self.fill(&oval, &paint);
        }
    }

    /// Fills a polygon.
    pub fn polygon(&mut self, points: &[Point], color: Color) {
        if let Some(path) = polygon_path(points) {
            self.fill(&path, &solid(color));
        }
    }

    /// Fills a polygon with colours running from `from` to `to`.
    pub fn polygon_gradient(&mut self, points: &[Point], from: Point, to: Point, stops: &[(f32, Color)]) {
        let Some(path) = polygon_path(points) else { return };
        let (a, b) = (tiny_skia::Point::from_xy(from.x, from.y), tiny_skia::Point::from_xy(to.x, to.y));
        self.fill(&path, &gradient(a, b, stops, BlendMode::SourceOver));
    }

    /// Writes `text` with its baseline's left end at (`x`, `y`).
    pub fn text(&mut self, face: Face, text: &str, x: f32, y: f32, cap: f32, color: Color) {
        if let Some(path) = face.outline(text, x, y, cap, 1.0, 0.0) {
            self.path(&path, color);
        }
    }

    /// Writes `text` about the middle `x`, narrowed where it would be wider than `room`.
    #[allow(clippy::too_many_arguments, reason = "place, size and look of one line of text")]
    pub fn text_centred(&mut self, face: Face, text: &str, x: f32, y: f32, cap: f32, room: f32, color: Color) {
        let width = face.measure(text, 0.04) * cap;
        let wide = (room / width.max(1e-3)).min(1.0);
        if let Some(path) = face.outline(text, x - width * wide / 2.0, y, cap, wide, 0.04) {
            self.path(&path, color);
        }
    }
}

fn gradient<'a>(from: tiny_skia::Point, to: tiny_skia::Point, stops: &[(f32, Color)], blend: BlendMode) -> Paint<'a> {
    let list: Vec<GradientStop> = stops.iter().map(|(at, color)| GradientStop::new(*at, *color)).collect();
    let fallback = Shader::SolidColor(stops.first().map_or(Color::BLACK, |s| s.1));
    let shader = LinearGradient::new(from, to, list, SpreadMode::Pad, Transform::identity()).unwrap_or(fallback);
    Paint { shader, anti_alias: true, blend_mode: blend, ..Paint::default() }
}

fn polygon_path(points: &[Point]) -> Option<Path> {
    let (first, rest) = points.split_first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.x, first.y);
    for p in rest {
        builder.line_to(p.x, p.y);
    }
    builder.close();
    builder.finish()
}

fn rounded_path(x: f32, y: f32, w: f32, h: f32, r: f32) -> Option<Path> {
    let r = r.min(w / 2.0).min(h / 2.0);
    if r <= 0.0 {
        return Rect::from_xywh(x, y, w, h).map(PathBuilder::from_rect);
    }
    // How far a cubic curve's handles reach to look like a quarter circle.
    let k = r * 0.5523;
    let mut b = PathBuilder::new();
    b.move_to(x + r, y);
    b.line_to(x + w - r, y);
    b.cubic_to(x + w - r + k, y, x + w, y + r - k, x + w, y + r);
    b.line_to(x + w, y + h - r);
    b.cubic_to(x + w, y + h - r + k, x + w - r + k, y + h, x + w - r, y + h);
    b.line_to(x + r, y + h);
    b.cubic_to(x + r - k, y + h, x, y + h - r + k, x, y + h - r);
    b.line_to(x, y + r);
    b.cubic_to(x, y + r - k, x + r - k, y, x + r, y);
    b.close();
    b.finish()
}
