//! The painted ends of vehicles: lamps, grilles, bumpers, windows, lettering and the plate.

use super::canvas::{Canvas, Rgb};
use super::font::Face;
use super::plate::Plate;
use super::vehicle::{End, Kind};
use fastrand::Rng;
use tiny_skia::{Pixmap, PixmapPaint, Transform};

/// Resolution of an end's picture.
pub const PX_PER_MM: f32 = 0.8;

/// How bright unlit things are at night.
const NIGHT: f32 = 0.3;
/// How bright a plate is at night in the camera's own light.
const NIGHT_PLATE: f32 = 0.78;

/// Millimetres from the lower edge of an end to its plate's middle.
pub const fn plate_height(kind: Kind, end: End) -> f32 {
    match (kind, end) {
        (Kind::Car, End::Front) => 210.0,
        (Kind::Car, End::Rear) => 430.0,
        (Kind::Van, End::Front) => 260.0,
        (Kind::Van, End::Rear) => 380.0,
        (Kind::Truck, End::Front) => 230.0,
        (Kind::Truck, End::Rear) => 260.0,
    }
}

/// Metres from the lower edge of the end to its lamps; `height` of the end in metres.
pub const fn lamp_height(kind: Kind, end: End, height: f32) -> f32 {
    match (kind, end) {
        (Kind::Car, End::Front) => height * 0.72,
        (Kind::Car, End::Rear) => height * 0.78,
        (Kind::Van, End::Front) => height * 0.66,
        (Kind::Van, End::Rear) => 0.6,
        (Kind::Truck, End::Front) => 0.35,
        (Kind::Truck, End::Rear) => 0.32,
    }
}

/// What an end looks like.
pub struct Design {
    /// Kind of vehicle.
    pub kind: Kind,
    /// Which end.
    pub end: End,
    /// Paint.
    pub color: Rgb,
    /// Seen at night.
    pub night: bool,
    /// Width and height in millimetres.
    pub size: (f32, f32),
}

/// Draws an end with its plate.
pub fn draw(design: &Design, plate: Option<&Plate>, rng: &mut Rng) -> Pixmap {
    let (w, h) = design.size;
    let mut canvas = Canvas::new(w, h, PX_PER_MM);
    body(&mut canvas, design);
    match (design.kind, design.end) {
        (Kind::Car, End::Front) => car_front(&mut canvas, design, rng),
        (Kind::Car, End::Rear) => car_rear(&mut canvas, design, rng),
        (Kind::Van, End::Front) => van_front(&mut canvas, design),
        (Kind::Van, End::Rear) => van_rear(&mut canvas, design, rng),
        (Kind::Truck, End::Front) => truck_front(&mut canvas, design),
        (Kind::Truck, End::Rear) => truck_rear(&mut canvas, design, rng),
    }
    let middle = h - plate_height(design.kind, design.end);
    let holder = plate.map_or((520.0, 110.0), |p| p.style.size_mm);
    let (hw, hh) = (holder.0 + 24.0, holder.1 + 24.0);
    canvas.rounded((w - hw) / 2.0, middle - hh / 2.0, hw, hh, 10.0, Rgb(22, 22, 24).alpha(1.0));
    let mut pixmap = canvas.into_pixmap();
    if design.night {
        darken(&mut pixmap, NIGHT);
    }
    if let Some(plate) = plate {
        let mut drawn = plate.draw(PX_PER_MM * 2.0, rng);
        darken(&mut drawn, if design.night { NIGHT_PLATE } else { 0.8 + rng.f32() * 0.18 });
        let x = (w - plate.style.size_mm.0) / 2.0 * PX_PER_MM;
        let y = (middle - plate.style.size_mm.1 / 2.0) * PX_PER_MM;
        let place = Transform::from_scale(0.5, 0.5).post_translate(x, y);
        let paint = PixmapPaint { quality: tiny_skia::FilterQuality::Bilinear, ..PixmapPaint::default() };
        pixmap.draw_pixmap(0, 0, drawn.as_ref(), &paint, place, None);
    }
    let mut canvas = Lamps { canvas: Canvas::on(pixmap), design };
    canvas.draw();
    canvas.canvas.into_pixmap()
}

fn darken(pixmap: &mut Pixmap, factor: f32) {
    for pixel in pixmap.data_mut().chunks_exact_mut(4) {
        for value in &mut pixel[..3] {
            *value = (f32::from(*value) * factor) as u8;
        }
    }
}

fn body(canvas: &mut Canvas, d: &Design) {
    let (w, h) = d.size;
    let radius = match d.kind {
        Kind::Car => 110.0,
        Kind::Van => 90.0,
        Kind::Truck => 40.0,
    };
    let stops = [
        (0.0, d.color.lit(1.12).alpha(1.0)),
        (0.45, d.color.lit(0.9).alpha(1.0)),
        (0.75, d.color.lit(0.72).alpha(1.0)),
        (1.0, d.color.lit(0.45).alpha(1.0)),
    ];
    canvas.rounded_gradient([0.0, 0.0, w, h], radius, &stops);
}

const DARK: Rgb = Rgb(26, 27, 30);
const CHROME: Rgb = Rgb(190, 195, 200);

fn glass(canvas: &mut Canvas, frame: [f32; 4], radius: f32) {
    let stops =
        [(0.0, Rgb(120, 140, 155).alpha(1.0)), (0.45, Rgb(52, 62, 72).alpha(1.0)), (1.0, Rgb(28, 32, 38).alpha(1.0))];
    canvas.rounded_gradient(frame, radius, &stops);
}

fn grille(canvas: &mut Canvas, frame: [f32; 4], bars: usize) {
    let [x, y, w, h] = frame;
    canvas.rounded(x, y, w, h, h * 0.25, DARK.alpha(1.0));
    for i in 1..=bars {
        let at = y + h * i as f32 / (bars + 1) as f32;
        canvas.rect(x + w * 0.03, at - 4.0, w * 0.94, 8.0, CHROME.lit(0.55).alpha(0.8));
    }
    canvas.border(frame, h * 0.25, 6.0, CHROME.alpha(0.8));
}

fn car_front(canvas: &mut Canvas, d: &Design, rng: &mut Rng) {
    let (w, h) = d.size;
    let bars = rng.usize(2..5);
    let wide = 0.4 + rng.f32() * 0.2;
    grille(canvas, [w * (0.5 - wide / 2.0), h * 0.16, w * wide, h * 0.24], bars);
    canvas.ellipse(w / 2.0, h * 0.2, 48.0, 48.0, CHROME.alpha(1.0));
    canvas.ellipse(w / 2.0, h * 0.2, 34.0, 34.0, Rgb(40, 50, 90).alpha(1.0));
    canvas.rect(w * 0.03, h * 0.48, w * 0.94, 5.0, d.color.lit(0.4).alpha(0.8));
    canvas.rounded(w * 0.22, h * 0.78, w * 0.56, h * 0.17, 30.0, DARK.alpha(1.0));
    for side in [0.09, 0.81] {
        canvas.rounded(w * side, h * 0.72, w * 0.1, h * 0.14, 20.0, DARK.alpha(1.0));
        canvas.ellipse(w * (side + 0.05), h * 0.79, 38.0, 34.0, Rgb(150, 150, 150).alpha(1.0));
    }
}

fn car_rear(canvas: &mut Canvas, d: &Design, rng: &mut Rng) {
    let (w, h) = d.size;
    canvas.rect(w * 0.12, h * 0.03, w * 0.76, 6.0, d.color.lit(0.4).alpha(0.8));
    canvas.rect(w * 0.12, h * 0.66, w * 0.76, 6.0, d.color.lit(0.35).alpha(0.9));
    canvas.rect(w * 0.02, h * 0.7, w * 0.96, 5.0, d.color.lit(0.4).alpha(0.9));
    canvas.rounded(w * 0.06, h * 0.86, w * 0.88, h * 0.13, 30.0, DARK.alpha(1.0));
    canvas.ellipse(w / 2.0, h * 0.18, 42.0, 42.0, CHROME.alpha(1.0));
    let badge = ["1.6 TDI", "XR4", "GT 200", "HYBRID", "2.0 D"][rng.usize(..5)];
    canvas.text(Face::Wide, badge, w * 0.72, h * 0.2, 30.0, CHROME.alpha(0.9));
}

fn van_front(canvas: &mut Canvas, d: &Design) {
    let (w, h) = d.size;
    grille(canvas, [w * 0.22, h * 0.2, w * 0.56, h * 0.24], 4);
    canvas.ellipse(w / 2.0, h * 0.12, 60.0, 60.0, CHROME.alpha(1.0));
    canvas.rounded(0.0, h * 0.56, w, h * 0.44, 60.0, Rgb(48, 49, 52).alpha(1.0));
    canvas.rounded(w * 0.2, h * 0.86, w * 0.6, h * 0.1, 20.0, DARK.alpha(1.0));
}

fn van_rear(canvas: &mut Canvas, d: &Design, rng: &mut Rng) {
    let (w, h) = d.size;
    for x in [0.08, 0.53] {
        glass(canvas, [w * x, h * 0.06, w * 0.39, h * 0.33], 40.0);
    }
    canvas.rect(w * 0.5 - 4.0, 0.0, 8.0, h * 0.9, d.color.lit(0.3).alpha(1.0));
    let (name, call) = [
        ("NORDWIND EXPRESS", "TEL 0800 555 0199"),
        ("PIXEL & SONS", "WWW.PIXEL-SONS.EXAMPLE"),
        ("FRISCH 24", "CALL 555 0142"),
    ][rng.usize(..3)];
    let ink = if d.color.1 > 140 { Rgb(30, 60, 130) } else { Rgb(230, 225, 210) };
    canvas.text_centred(Face::Wide, name, w / 2.0, h * 0.52, 105.0, w * 0.86, ink.alpha(0.9));
    canvas.text_centred(Face::Condensed, call, w / 2.0, h * 0.6, 70.0, w * 0.8, ink.alpha(0.85));
    canvas.rounded(w * 0.02, h * 0.91, w * 0.96, h * 0.09, 20.0, Rgb(48, 49, 52).alpha(1.0));
}

fn truck_front(canvas: &mut Canvas, d: &Design) {
    let (w, h) = d.size;
    glass(canvas, [w * 0.06, h * 0.12, w * 0.88, h * 0.36], 50.0);
    canvas.rect(w * 0.3, h * 0.455, w * 0.25, 10.0, DARK.alpha(1.0));
    canvas.text_centred(Face::Wide, "ATLAS", w / 2.0, h * 0.57, 110.0, w * 0.5, CHROME.alpha(0.95));
    grille(canvas, [w * 0.15, h * 0.6, w * 0.7, h * 0.16], 5);
    canvas.rounded(0.0, h * 0.8, w, h * 0.2, 40.0, Rgb(60, 61, 64).alpha(1.0));
}

fn truck_rear(canvas: &mut Canvas, d: &Design, rng: &mut Rng) {
    let (w, h) = d.size;
    canvas.rect(w * 0.5 - 6.0, 0.0, 12.0, h * 0.82, d.color.lit(0.35).alpha(1.0));
    for x in [0.12, 0.3, 0.68, 0.86] {
        canvas.rect(w * x, h * 0.02, 14.0, h * 0.78, d.color.lit(0.6).alpha(0.9));
    }
    let name = ["KARGO 7 LOGISTICS", "BLUE LINE 360", "TRANS-ALPIN AG"][rng.usize(..3)];
    canvas.text_centred(Face::Wide, name, w / 2.0, h * 0.3, 190.0, w * 0.84, Rgb(40, 60, 110).alpha(0.85));
    canvas.text_centred(Face::Condensed, "MAX 12 T  H 3.60 M", w / 2.0, h * 0.42, 80.0, w * 0.5, DARK.alpha(0.7));
    canvas.rect(0.0, h * 0.82, w, h * 0.18, Rgb(44, 45, 48).alpha(1.0));
    for i in 0..12 {
        let color = if i % 2 == 0 { Rgb(200, 40, 40) } else { Rgb(235, 235, 235) };
        canvas.rect(w * i as f32 / 12.0, h * 0.825, w / 12.0, h * 0.025, color.alpha(1.0));
    }
}

/// Lamps are drawn last: they shine at night.
struct Lamps<'a> {
    canvas: Canvas,
    design: &'a Design,
}

impl Lamps<'_> {
    fn draw(&mut self) {
        let d = self.design;
        let (w, h) = (d.size.0 * PX_PER_MM, d.size.1 * PX_PER_MM);
        let y = h - lamp_height(d.kind, d.end, d.size.1 / 1000.0) * 1000.0 * PX_PER_MM;
        let (lw, lh) = match (d.kind, d.end) {
            (Kind::Car, End::Front) => (w * 0.17, h * 0.2),
            (Kind::Car, End::Rear) => (w * 0.15, h * 0.2),
            (Kind::Van, End::Front) => (w * 0.14, h * 0.2),
            (Kind::Van, End::Rear) => (w * 0.06, h * 0.2),
            (Kind::Truck, End::Front) => (w * 0.1, h * 0.05),
            (Kind::Truck, End::Rear) => (w * 0.09, h * 0.035),
        };
        for x in [w * 0.12, w * 0.88] {
            let frame = [x - lw / 2.0, y - lh / 2.0, lw, lh];
            self.lamp(frame);
        }
    }

    fn lamp(&mut self, frame: [f32; 4]) {
        let [x, y, w, h] = frame;
        let radius = h * 0.35;
        let (bright, body) = match (self.design.end, self.design.night) {
            (End::Front, true) => (Rgb(255, 252, 235), Rgb(250, 244, 215)),
            (End::Front, false) => (Rgb(235, 238, 240), Rgb(150, 160, 168)),
            (End::Rear, true) => (Rgb(255, 90, 70), Rgb(225, 25, 20)),
            (End::Rear, false) => (Rgb(190, 40, 40), Rgb(120, 14, 18)),
        };
        let stops = [(0.0, bright.alpha(1.0)), (0.5, body.alpha(1.0)), (1.0, body.lit(0.75).alpha(1.0))];
        self.canvas.rounded_gradient([x, y, w, h], radius, &stops);
        self.canvas.ellipse(x + w * 0.5, y + h * 0.5, h * 0.28, h * 0.28, bright.alpha(1.0));
        self.canvas.border([x, y, w, h], radius, 3.0, DARK.alpha(0.8));
    }
}
