//! Lettering as outlines.

use ab_glyph::{Font as _, FontRef, OutlineCurve, Point};
use std::sync::LazyLock;
use tiny_skia::{Path, PathBuilder, Transform};

/// The typefaces kept in `assets/fonts`, all under the SIL Open Font License.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Narrow and plain, like the letters of many European plates.
    Condensed,
    /// A little wider.
    SemiCondensed,
    /// Wide and bold, for signs and British plates.
    Wide,
    /// Narrow and high, like the letters of North American plates.
    Tall,
    /// All characters equally wide, like letters made hard to forge.
    Mono,
}

static FONTS: LazyLock<[FontRef<'static>; 5]> = LazyLock::new(|| {
    [
        include_bytes!("../../assets/fonts/BarlowCondensed-SemiBold.ttf").as_slice(),
        include_bytes!("../../assets/fonts/BarlowSemiCondensed-SemiBold.ttf"),
        include_bytes!("../../assets/fonts/Overpass-Bold.ttf"),
        include_bytes!("../../assets/fonts/Oswald-Medium.ttf"),
        include_bytes!("../../assets/fonts/B612Mono-Bold.ttf"),
    ]
    .map(|bytes| FontRef::try_from_slice(bytes).expect("the fonts built into this program are sound"))
});

impl Face {
    fn font(self) -> &'static FontRef<'static> {
        &FONTS[self as usize]
    }

    /// Height of a capital H in font units.
    fn cap_units(self) -> f32 {
        let font = self.font();
        font.outline(font.glyph_id('H')).map_or(700.0, |outline| outline.bounds.height().abs())
    }

    /// Width of `text` in units of its capital height, with `tracking` capital heights between the characters.
    pub fn measure(self, text: &str, tracking: f32) -> f32 {
        let (font, cap) = (self.font(), self.cap_units());
        let advances: f32 = text.chars().map(|c| font.h_advance_unscaled(font.glyph_id(c)) / cap).sum();
        advances + tracking * text.chars().count().saturating_sub(1) as f32
    }

    /// The outline of `text` with its baseline's left end at (`x`, `y`), capitals `cap` high, stretched `wide` times.
    ///
    /// Nothing when there is nothing to draw, as in a text of spaces.
    pub fn outline(self, text: &str, x: f32, y: f32, cap: f32, wide: f32, tracking: f32) -> Option<Path> {
        let font = self.font();
        let scale = cap / self.cap_units();
        let mut builder = PathBuilder::new();
        let mut pen = 0.0;
        for c in text.chars() {
            let id = font.glyph_id(c);
            if let Some(outline) = font.outline(id) {
                trace(&outline.curves, pen, &mut builder);
            }
            pen += font.h_advance_unscaled(id) + tracking * self.cap_units();
        }
        builder.finish()?.transform(Transform::from_row(scale * wide, 0.0, 0.0, -scale, x, y))
    }
}

/// Appends a glyph's curves to `builder`, moved `pen` font units to the right.
fn trace(curves: &[OutlineCurve], pen: f32, builder: &mut PathBuilder) {
    let mut last: Option<Point> = None;
    for curve in curves {
        let (from, to) = match curve {
            OutlineCurve::Line(a, b) => (*a, *b),
            OutlineCurve::Quad(a, _, b) => (*a, *b),
            OutlineCurve::Cubic(a, _, _, b) => (*a, *b),
        };
        if last != Some(from) {
            if last.is_some() {
                builder.close();
            }
            builder.move_to(from.x + pen, from.y);
        }
        match curve {
            OutlineCurve::Line(..) => builder.line_to(to.x + pen, to.y),
            OutlineCurve::Quad(_, c, _) => builder.quad_to(c.x + pen, c.y, to.x + pen, to.y),
            OutlineCurve::Cubic(_, c, d, _) => builder.cubic_to(c.x + pen, c.y, d.x + pen, d.y, to.x + pen, to.y),
        }
        last = Some(to);
    }
    if last.is_some() {
        builder.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_has_every_plate_character() {
        for face in [Face::Condensed, Face::SemiCondensed, Face::Wide, Face::Tall, Face::Mono] {
            for c in ('A'..='Z').chain('0'..='9') {
                let path = face.outline(&c.to_string(), 0.0, 100.0, 100.0, 1.0, 0.0).expect("has an outline");
                assert!((70.0..130.0).contains(&path.bounds().height()), "{face:?} {c} {:?}", path.bounds());
            }
        }
    }

    #[test]
    fn tracking_widens_and_spaces_draw_nothing() {
        assert!(Face::Wide.measure("AB", 0.2) > Face::Wide.measure("AB", 0.0));
        assert!(Face::Wide.outline("  ", 0.0, 0.0, 10.0, 1.0, 0.0).is_none());
    }
}
