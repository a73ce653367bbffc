//! Number plates of several countries, drawn.

use super::canvas::{Canvas, Rgb};
use super::style::{Band, STYLES, Style};
use fastrand::Rng;
use tiny_skia::Pixmap;

/// One plate: its style and text.
#[derive(Clone, Debug, PartialEq)]
pub struct Plate {
    /// How it looks.
    pub style: &'static Style,
    /// The text as on the plate, with separators; a newline starts the second row.
    pub display: String,
}

impl Plate {
    /// A plate of `style` with a random text of its country's form.
    pub fn random(style: &'static Style, rng: &mut Rng) -> Self {
        let pattern = style.patterns[rng.usize(..style.patterns.len())];
        let letters: Vec<char> = ('A'..='Z').filter(|c| !style.without.contains(*c)).collect();
        let display = pattern
            .chars()
            .map(|c| match c {
                'l' => letters[rng.usize(..letters.len())],
                '9' => char::from(b'0' + rng.u8(..10)),
                other => other,
            })
            .collect();
        Self { style, display }
    }

    /// A plate of the style called `name` with this text, or nothing when there is no such style.
    pub fn named(name: &str, display: &str) -> Option<Self> {
        let style = STYLES.iter().find(|s| s.name == name)?;
        Some(Self { style, display: display.to_owned() })
    }

    /// A-Z and 0-9 only.
    pub fn text(&self) -> String {
        self.display.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    /// Rows of characters, 1 or 2.
    pub fn rows(&self) -> usize {
        self.display.lines().count()
    }

    /// Draws the plate with `scale` pixels a millimetre and a little dirt.
    pub fn draw(&self, scale: f32, rng: &mut Rng) -> Pixmap {
        let style = self.style;
        let (w, h) = style.size_mm;
        let mut canvas = Canvas::new(w, h, scale);
        let top = style.background.alpha(1.0);
        let low = style.background.lit(0.93).alpha(1.0);
        canvas.rounded_gradient([0.0, 0.0, w, h], style.radius, &[(0.0, top), (1.0, low)]);
        self.background(&mut canvas);
        self.characters(&mut canvas);
        dirt(&mut canvas, w, h, rng);
        canvas.into_pixmap()
    }

    fn background(&self, canvas: &mut Canvas) {
        let style = self.style;
        let (w, h) = style.size_mm;
        if let Some(scenery) = style.scenery {
            canvas.ellipse(w * 0.5, h * 1.05, w * 0.55, h * 0.45, scenery.alpha(0.35));
            canvas.ellipse(w * 0.25, h * 1.0, w * 0.3, h * 0.35, scenery.alpha(0.25));
        }
        match style.band {
            Band::None => {}
            Band::Left { code, width, stars } => {
                let blue = Rgb(20, 50, 150);
                canvas.rounded(0.0, 0.0, width, h, style.radius, blue.alpha(1.0));
                if stars {
                    for i in 0..12 {
                        let (s, c) = (i as f32 * std::f32::consts::TAU / 12.0).sin_cos();
                        let r = width * 0.27;
                        let at = (width * 0.5 + c * r, h * 0.3 + s * r);
                        canvas.ellipse(at.0, at.1, width * 0.045, width * 0.045, Rgb(240, 210, 60).alpha(1.0));
                    }
                }
                let white = Rgb(245, 245, 245).alpha(1.0);
                canvas.text_centred(super::font::Face::Wide, code, width / 2.0, h * 0.86, h * 0.17, width * 0.8, white);
            }
            Band::Top { title, height } => {
                canvas.rounded(0.0, 0.0, w, height, style.radius, Rgb(20, 50, 140).alpha(1.0));
                canvas.rect(0.0, height * 0.5, w, height * 0.5, Rgb(20, 50, 140).alpha(1.0));
                let white = Rgb(245, 245, 245).alpha(1.0);
                let base = height * 0.78;
                canvas.text_centred(super::font::Face::Wide, title, w / 2.0, base, height * 0.55, w * 0.5, white);
                canvas.rounded(
                    w - height * 1.5,
                    height * 0.2,
                    height * 1.1,
                    height * 0.6,
                    2.0,
                    Rgb(40, 150, 60).alpha(1.0),
                );
            }
        }
        if let Some((title, ink, cap)) = style.header {
            let base = h * 0.05 + cap;
            canvas.text_centred(super::font::Face::SemiCondensed, title, w / 2.0, base, cap, w * 0.6, ink.alpha(1.0));
        }
        if let Some((title, ink, cap)) = style.footer {
            let base = h * 0.955;
            canvas.text_centred(super::font::Face::SemiCondensed, title, w / 2.0, base, cap, w * 0.6, ink.alpha(1.0));
        }
        if let Some(color) = style.border {
            canvas.border([2.0, 2.0, w - 4.0, h - 4.0], style.radius, style.border_mm, color.alpha(1.0));
        }
    }

    fn characters(&self, canvas: &mut Canvas) {
        let style = self.style;
        let (x1, y1, x2, y2) = style.text_box();
        let rows: Vec<&str> = self.display.lines().collect();
        let row_height = (y2 - y1) / rows.len() as f32;
        let cap = style.cap_mm.min(row_height * 0.9);
        for (i, row) in rows.iter().enumerate() {
            let base = y1 + row_height * i as f32 + (row_height + cap) / 2.0;
            let width = style.face.measure(row, style.tracking) * cap;
            let wide = ((x2 - x1) * 0.96 / width).min(style.wide);
            let x = (x1 + x2) / 2.0 - width * wide / 2.0;
            let outline = |dx: f32| style.face.outline(row, x + dx, base + dx, cap, wide, style.tracking);
            // Pressed characters catch a little light along their upper left edge.
            if let Some(path) = outline(-1.2) {
                canvas.path(&path, style.background.lit(1.15).alpha(0.8));
            }
            if let Some(path) = outline(1.0) {
                canvas.path(&path, style.background.lit(0.55).alpha(0.5));
            }
            if let Some(path) = outline(0.0) {
                canvas.path(&path, style.ink.alpha(1.0));
            }
        }
    }
}

/// Screws, specks and a film of road dirt towards the bottom.
fn dirt(canvas: &mut Canvas, w: f32, h: f32, rng: &mut Rng) {
    for x in [w * 0.16, w * 0.84] {
        if rng.u8(..3) == 0 {
            canvas.ellipse(x, h * 0.5, 5.0, 5.0, Rgb(120, 120, 120).alpha(0.7));
        }
    }
    for _ in 0..rng.usize(4..30) {
        let (x, y, r) = (rng.f32() * w, rng.f32() * h, 0.6 + rng.f32() * 2.0);
        canvas.ellipse(x, y, r, r, Rgb(70, 60, 45).alpha(0.15 + rng.f32() * 0.3));
    }
    let film = rng.f32() * 0.16;
    let clear = Rgb(90, 80, 60).alpha(0.0);
    let thick = Rgb(90, 80, 60).alpha(film);
    canvas.rounded_gradient([0.0, 0.0, w, h], 8.0, &[(0.0, clear), (0.5, clear), (1.0, thick)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_follow_the_pattern_of_their_country() {
        let mut rng = Rng::with_seed(1);
        for style in STYLES {
            for _ in 0..20 {
                let plate = Plate::random(style, &mut rng);
                let text = plate.text();
                assert!((4..=10).contains(&text.len()), "{} {text}", style.name);
                assert!(text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{} {text}", style.name);
                assert!((1..=2).contains(&plate.rows()));
                assert!(style.region.len() <= 10, "{}", style.region);
            }
        }
    }

    #[test]
    fn a_plate_shows_ink_on_its_background() {
        for style in STYLES {
            let plate = Plate::random(style, &mut Rng::with_seed(7));
            let picture = plate.draw(0.5, &mut Rng::with_seed(7));
            let dark = picture.pixels().iter().filter(|p| p.alpha() == 255 && p.green() < 110).count();
            let share = dark as f32 / (picture.width() * picture.height()) as f32;
            assert!((0.05..0.75).contains(&share), "{} {share}", style.name);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plate() {
        let draw = |seed| Plate::random(&STYLES[0], &mut Rng::with_seed(seed));
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!(Plate::named("nowhere", "A").is_none());
    }
}
