//! What is drawn for a plate.

use alpr_core::geometry::{Point, Quad, Rect};

use super::canvas::{Canvas, TextSize};
use super::settings::Settings;
use crate::meta::PlateMeta;

/// Height of text as a part of the frame's height, and its least height in pixels.
const TEXT_HEIGHT: (f32, f32) = (1.0 / 36.0, 16.0);
/// Width of lines as a part of the frame's height.
const LINE_WIDTH: f32 = 1.0 / 400.0;
/// Behind texts: black, three quarters opaque.
const BACKGROUND: u32 = 0xc000_0000;
const TEXT: u32 = 0xffff_ffff;
/// Corners of a plate larger than this are drawn as a box: plates are small, and memory is not endless.
const MAX_CANVAS: f32 = 4_000_000.0;
/// Texts are cut here: longer ones are no plates.
const MAX_TEXT: usize = 40;

/// A small picture and where its top left corner lies in the frame.
pub(super) struct Sprite {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) canvas: Canvas,
}

/// Everything to draw for `plate` on a frame of `width` × `height` pixels.
pub(super) fn sprites(plate: &PlateMeta, settings: &Settings, width: u32, height: u32) -> Vec<Sprite> {
    if plate.predicted && !settings.show_predicted {
        return Vec::new();
    }
    let mut sprites = Vec::new();
    if settings.show_boxes {
        let line = match settings.line_width {
            0 => (height as f32 * LINE_WIDTH).round().max(1.0) as usize,
            given => given as usize,
        };
        sprites.extend(outline(plate, line, settings.color, width, height));
    }
    let label = label(plate, settings);
    if !label.is_empty() {
        let size = TextSize::new((height as f32 * TEXT_HEIGHT.0).max(TEXT_HEIGHT.1) * settings.text_scale);
        sprites.push(tag(&label, &plate.bbox, size, width, height));
    }
    sprites
}

/// Id, text and certainty of a plate, as far as they are wanted and known.
fn label(plate: &PlateMeta, settings: &Settings) -> String {
    let mut parts = Vec::new();
    if settings.show_ids {
        parts.extend(plate.track_id.map(|id| format!("#{id}")));
    }
    if settings.show_texts {
        let read = plate.consensus.as_ref().map(|c| (&c.text, c.confidence));
        let read = read.or_else(|| plate.reading.as_ref().map(|r| (&r.text, r.confidence)));
        parts.extend(read.map(|(text, confidence)| format!("{text} {:.0}%", confidence * 100.0)));
    }
    parts.join(" ").chars().take(MAX_TEXT).collect()
}

/// The corners of a plate, or its box.
fn outline(plate: &PlateMeta, line: usize, color: u32, width: u32, height: u32) -> Vec<Sprite> {
    let margin = line as f32;
    if let Some(quad) = &plate.corners {
        let bounds = quad.bounding_rect();
        let area = Rect::new(bounds.x - margin, bounds.y - margin, bounds.w + 2.0 * margin, bounds.h + 2.0 * margin)
            .clamped(width, height);
        if area.is_finite() && area.area() >= 1.0 && area.area() <= MAX_CANVAS {
            return vec![polygon(quad, &area, line, color)];
        }
    }
    let inside = plate.bbox.clamped(width, height);
    if !inside.is_finite() || inside.area() < 1.0 {
        return Vec::new();
    }
    let (x, y) = (inside.x as i32, inside.y as i32);
    let (w, h) = (inside.w.ceil() as usize, inside.h.ceil() as usize);
    let (thick_x, thick_y) = (line.min(w), line.min(h));
    let strip = |x: i32, y: i32, w: usize, h: usize| Sprite { x, y, canvas: Canvas::new(w, h, color) };
    vec![
        strip(x, y, w, thick_y),
        strip(x, y + (h - thick_y) as i32, w, thick_y),
        strip(x, y, thick_x, h),
        strip(x + (w - thick_x) as i32, y, thick_x, h),
    ]
}

fn polygon(quad: &Quad, area: &Rect, line: usize, color: u32) -> Sprite {
    let (x, y) = (area.x.floor(), area.y.floor());
    let size = |low: f32, high: f32| (high.ceil() - low).max(1.0) as usize;
    let mut canvas = Canvas::new(size(x, area.right()), size(y, area.bottom()), 0);
    let local = quad.0.map(|p| Point::new(p.x - x, p.y - y));
    for (i, from) in local.iter().enumerate() {
        canvas.line(*from, local[(i + 1) % 4], line, color);
    }
    Sprite { x: x as i32, y: y as i32, canvas }
}

/// A line of text above the plate, or below where there is no room.
fn tag(label: &str, bbox: &Rect, size: TextSize, width: u32, height: u32) -> Sprite {
    let pad = size.height() / 8;
    let (w, h) = (size.width(label) + 2 * pad, size.height() + 2 * pad);
    let mut canvas = Canvas::new(w, h, BACKGROUND);
    canvas.text(pad, pad, label, size, TEXT);
    let above = bbox.y - h as f32;
    let y = if above >= 0.0 { above } else { bbox.bottom().min((height as f32 - h as f32).max(0.0)) };
    let x = bbox.x.min(width as f32 - w as f32).max(0.0);
    Sprite { x: x as i32, y: y as i32, canvas }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate(x: f32, y: f32) -> PlateMeta {
        PlateMeta { bbox: Rect::new(x, y, 100.0, 30.0), track_id: Some(7), ..PlateMeta::default() }
    }

    #[test]
    fn labels_stay_in_the_picture() {
        for (x, y) in [(0.0, 0.0), (600.0, 460.0), (300.0, 2.0), (-50.0, 470.0)] {
            let sprites = sprites(&plate(x, y), &Settings { show_boxes: false, ..Settings::default() }, 640, 480);
            assert_eq!(sprites.len(), 1);
            let s = &sprites[0];
            assert!(s.x >= 0 && s.x as usize + s.canvas.width <= 640, "{x} {}", s.x);
            assert!(s.y >= 0 && s.y as usize + s.canvas.height <= 480, "{y} {}", s.y);
        }
    }

    #[test]
    fn a_wild_box_costs_no_memory() {
        let wild = PlateMeta {
            bbox: Rect::new(-1e9, -1e9, 2e9, 2e9),
            corners: Some(Quad::from_rect(&Rect::new(-1e9, -1e9, 2e9, f32::NAN))),
            ..PlateMeta::default()
        };
        let pixels: usize =
            sprites(&wild, &Settings::default(), 7680, 4320).iter().map(|s| s.canvas.width * s.canvas.height).sum();
        assert!(pixels < 1_000_000, "{pixels}");
    }

    #[test]
    fn predicted_plates_may_be_hidden() {
        let plate = PlateMeta { predicted: true, ..plate(10.0, 100.0) };
        let hidden = Settings { show_predicted: false, ..Settings::default() };
        assert!(sprites(&plate, &hidden, 640, 480).is_empty());
        assert!(!sprites(&plate, &Settings::default(), 640, 480).is_empty());
    }
}
