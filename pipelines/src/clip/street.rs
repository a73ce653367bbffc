//! The street that vehicles pass: road, kerbs, houses, trees, lamps, signs and shop lettering.

use super::camera::{Camera, World};
use super::canvas::{Canvas, Rgb};
use super::font::Face;
use super::texture::Texture;
use alpr_core::geometry::Point;
use fastrand::Rng;
use tiny_skia::{Pixmap, PremultipliedColorU8};

/// Half the width of the road in metres.
pub const ROAD: f32 = 4.2;
/// Where the pavements end.
const PAVEMENT: f32 = 6.6;
/// Metres between street lamps.
const LAMP_EVERY: f32 = 18.0;

/// What stands along the street.
pub struct Street {
    /// Decides houses, trees and lettering.
    pub seed: u64,
    /// Lit by lamps only.
    pub night: bool,
    /// Signs and lettering close to the camera as well as along the street.
    pub many_signs: bool,
}

impl Street {
    /// Paints the empty street as `camera` sees it.
    pub fn paint(&self, camera: &Camera) -> Pixmap {
        let mut rng = Rng::with_seed(self.seed);
        let mut canvas = Canvas::new(camera.width as f32, camera.height_px as f32, 1.0);
        self.sky(&mut canvas, camera);
        self.ground(canvas.pixmap_mut(), camera);
        // From far to near, so that what is near hides what is far.
        for i in (0..9).rev() {
            for side in [-1.0_f32, 1.0] {
                let z = 4.0 + i as f32 * 12.0;
                self.house(&mut canvas, camera, side, z, &mut rng);
                self.tree(&mut canvas, camera, World::new(side * (PAVEMENT - 0.8), 0.0, z + 6.0), &mut rng);
            }
            self.lamp(&mut canvas, camera, i as f32 * LAMP_EVERY + 3.0);
        }
        self.signs(&mut canvas, camera);
        canvas.into_pixmap()
    }

    fn shade(&self, color: Rgb) -> Rgb {
        if self.night { Rgb(color.0 / 4, color.1 / 4, (f32::from(color.2) * 0.3) as u8) } else { color }
    }

    fn sky(&self, canvas: &mut Canvas, camera: &Camera) {
        let (top, low) =
            if self.night { (Rgb(6, 8, 18), Rgb(24, 24, 34)) } else { (Rgb(120, 160, 205), Rgb(214, 222, 226)) };
        let (w, h) = (camera.width as f32, camera.height_px as f32);
        canvas.rounded_gradient([0.0, 0.0, w, h], 0.0, &[(0.0, top.alpha(1.0)), (0.25, low.alpha(1.0))]);
    }

    fn ground(&self, pixmap: &mut Pixmap, camera: &Camera) {
        let width = pixmap.width();
        for (i, pixel) in pixmap.pixels_mut().iter_mut().enumerate() {
            let (x, y) = ((i as u32 % width) as f32, (i as u32 / width) as f32);
            let mut sum = [0.0_f32; 3];
            let mut hits = 0.0;
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.4), (0.4, 0.75)] {
                if let Some(place) = camera.on_road(Point::new(x + dx, y + dy))
                    && place.z < 140.0
                {
                    let color = self.surface(place);
                    let light = self.light_at(place);
                    hits += 1.0;
                    for (s, (c, l)) in sum.iter_mut().zip([color.0, color.1, color.2].into_iter().zip(light)) {
                        *s += f32::from(c) * l;
                    }
                }
            }
            if hits > 0.0 {
                let [r, g, b] = sum.map(|v| (v / hits).clamp(0.0, 255.0) as u8);
                *pixel = PremultipliedColorU8::from_rgba(r, g, b, 255).unwrap_or(*pixel);
            }
        }
    }

    fn surface(&self, p: World) -> Rgb {
        let grain = noise(p.x * 23.0, p.z * 23.0, self.seed) * 0.5 + noise(p.x * 61.0, p.z * 40.0, self.seed) * 0.5;
        let patches = noise(p.x * 0.5, p.z * 0.22, self.seed + 1);
        let tone = 0.86 + 0.12 * grain + 0.16 * patches;
        let x = p.x.abs();
        let dash = x < 0.07 && p.z.rem_euclid(6.0) < 3.0;
        let edge = (x - (ROAD - 0.3)).abs() < 0.06;
        let crossing = p.z > 31.0 && p.z < 34.0 && x < ROAD && p.x.rem_euclid(1.0) < 0.5;
        let paint = (dash || edge || crossing) && noise(p.x * 9.0, p.z * 9.0, self.seed + 2) > 0.12;
        let base = match x {
            _ if paint => Rgb(214, 214, 208),
            x if x < ROAD => {
                // Tyres darken two tracks in each lane.
                let wheel = ((x - 2.05).abs() - 0.75).abs();
                Rgb(98, 99, 103).lit(1.0 - 0.12 * (1.0 - wheel / 0.35).max(0.0))
            }
            x if x < ROAD + 0.18 => Rgb(150, 148, 144),
            x if x < PAVEMENT => {
                let joint = p.x.rem_euclid(0.6) < 0.03 || p.z.rem_euclid(0.6) < 0.03;
                if joint { Rgb(112, 108, 104) } else { Rgb(158, 152, 146) }
            }
            _ => Rgb(86, 104, 62),
        };
        base.lit(tone)
    }

    /// Light on the road: daylight, or the nearest lamp's pool.
    fn light_at(&self, p: World) -> [f32; 3] {
        if !self.night {
            return [1.0; 3];
        }
        let dz = (p.z - 3.0).rem_euclid(LAMP_EVERY);
        let dz = dz.min(LAMP_EVERY - dz);
        let pool = [-4.6_f32, 4.6].iter().map(|x| (-((p.x - x) / 3.6).powi(2) - (dz / 5.0).powi(2)).exp()).sum::<f32>();
        [0.22 + 0.5 * pool, 0.22 + 0.42 * pool, 0.27 + 0.26 * pool]
    }

    fn house(&self, canvas: &mut Canvas, camera: &Camera, side: f32, z: f32, rng: &mut Rng) {
        let walls = [Rgb(186, 160, 132), Rgb(150, 92, 74), Rgb(200, 196, 186), Rgb(134, 140, 150), Rgb(170, 150, 110)];
        let wall = walls[rng.usize(..walls.len())];
        let (height, length) = (7.0 + rng.f32() * 7.0, 11.6);
        let x = side * (PAVEMENT + 0.6 + rng.f32() * 1.5);
        let name =
            ["BAKERY 24H", "CAFE LUNA", "PHOTO STUDIO", "BIKES & CO", "HOTEL 7 OAKS", "PHARMACY"][rng.usize(..6)];
        let quad = |z1: f32, z2: f32, y1: f32, y2: f32| {
            [World::new(x, y1, z1), World::new(x, y1, z2), World::new(x, y2, z2), World::new(x, y2, z1)]
        };
        let fill = |canvas: &mut Canvas, corners: &[World], color: Rgb| {
            canvas.polygon(&camera.project_polygon(corners), color.alpha(1.0));
        };
        let gable = [
            World::new(x, 0.0, z),
            World::new(x + side * 9.0, 0.0, z),
            World::new(x + side * 9.0, height, z),
            World::new(x, height, z),
        ];
        fill(canvas, &gable, self.shade(wall.lit(0.75)));
        fill(canvas, &quad(z, z + length, 0.0, height), self.shade(wall));
        let mut y = 4.0;
        while y + 1.6 < height {
            for i in 0..5 {
                let at = z + 0.8 + i as f32 * 2.2;
                let lit = self.night && rng.u8(..5) == 0;
                let color = if lit { Rgb(230, 190, 110) } else { self.shade(Rgb(62, 72, 84)) };
                fill(canvas, &quad(at, at + 1.1, y, y + 1.5), color);
            }
            y += 2.8;
        }
        fill(canvas, &quad(z + 0.5, z + length - 0.5, 0.3, 2.6), self.shade(Rgb(70, 74, 78)));
        let sign = lettering(name, 6.0, 0.7, Rgb(40, 60, 90), Rgb(235, 228, 205));
        let (near, far) = if side < 0.0 { (z + 2.0, z + 8.0) } else { (z + 8.0, z + 2.0) };
        let place =
            [World::new(x, 3.5, near), World::new(x, 3.5, far), World::new(x, 2.8, far), World::new(x, 2.8, near)];
        self.hang(canvas, camera, &sign, &place);
    }

    fn tree(&self, canvas: &mut Canvas, camera: &Camera, foot: World, rng: &mut Rng) {
        let Some(low) = camera.project(foot) else { return };
        let scale = camera.pixels_per_metre(foot);
        let trunk = self.shade(Rgb(74, 58, 44));
        canvas.rect(low.x - 0.09 * scale, low.y - 2.4 * scale, 0.18 * scale, 2.4 * scale, trunk.alpha(1.0));
        for _ in 0..40 {
            let (dx, dy) = ((rng.f32() - 0.5) * 2.4, 2.2 + rng.f32() * 2.4);
            let leaf = self.shade(Rgb(50 + rng.u8(..50), 86 + rng.u8(..50), 36 + rng.u8(..24)));
            let r = (0.25 + rng.f32() * 0.4) * scale;
            canvas.ellipse(low.x + dx * scale, low.y - dy * scale, r, r * 0.8, leaf.alpha(0.85));
        }
    }

    fn lamp(&self, canvas: &mut Canvas, camera: &Camera, z: f32) {
        for side in [-1.0_f32, 1.0] {
            let foot = World::new(side * (ROAD + 0.5), 0.0, z);
            let (Some(low), Some(head)) =
                (camera.project(foot), camera.project(World::new(side * (ROAD - 0.4), 6.5, z)))
            else {
                continue;
            };
            let scale = camera.pixels_per_metre(foot);
            let pole = self.shade(Rgb(96, 98, 100));
            canvas.rect(low.x - 0.06 * scale, low.y - 6.5 * scale, 0.12 * scale, 6.5 * scale, pole.alpha(1.0));
            if self.night {
                canvas.glow(head.x, head.y, 2.2 * scale, Rgb(255, 214, 150), 0.9);
            }
        }
    }

    fn signs(&self, canvas: &mut Canvas, camera: &Camera) {
        let mut boards: Vec<Board> = vec![
            ("CENTRUM 3 KM", -5.4, 2.6, 30.0, 2.2, 0.5, Rgb(24, 70, 150), Rgb(240, 240, 240)),
            ("STOP", 5.0, 2.2, 24.0, 0.75, 0.75, Rgb(180, 26, 30), Rgb(245, 245, 245)),
            ("ZONE 30", -5.0, 2.1, 20.0, 0.7, 0.6, Rgb(235, 235, 230), Rgb(30, 30, 34)),
            ("EXIT 12B", 5.6, 3.0, 42.0, 2.4, 0.9, Rgb(20, 110, 60), Rgb(240, 240, 240)),
        ];
        if self.many_signs {
            boards.extend([
                ("P 24H", -3.6, 1.6, 11.0, 0.6, 0.4, Rgb(30, 80, 170), Rgb(245, 245, 245)),
                ("ROAD WORK", 3.4, 1.1, 10.0, 0.9, 0.45, Rgb(240, 170, 30), Rgb(20, 20, 20)),
                ("NO PARKING", 3.7, 2.0, 13.0, 0.6, 0.4, Rgb(240, 240, 240), Rgb(180, 30, 30)),
                ("BUS 145", -3.7, 2.2, 15.0, 0.5, 0.35, Rgb(240, 210, 40), Rgb(20, 20, 20)),
                ("MAX 3.5 T", -2.9, 0.8, 18.0, 0.9, 0.5, Rgb(240, 240, 240), Rgb(20, 20, 20)),
                ("SALE -50%", 4.4, 1.4, 18.0, 1.6, 0.7, Rgb(220, 50, 120), Rgb(250, 250, 250)),
            ]);
        }
        boards.sort_by(|a, b| b.3.total_cmp(&a.3));
        for (text, x, y, z, w, h, ground, ink) in boards {
            let post = World::new(x, 0.0, z);
            if let Some(low) = camera.project(post) {
                let scale = camera.pixels_per_metre(post);
                let metal = self.shade(Rgb(140, 142, 144));
                canvas.rect(low.x - 0.03 * scale, low.y - y * scale, 0.06 * scale, y * scale, metal.alpha(1.0));
            }
            let board = lettering(text, w, h, ground, ink);
            let place = [
                World::new(x - w / 2.0, y + h / 2.0, z),
                World::new(x + w / 2.0, y + h / 2.0, z),
                World::new(x + w / 2.0, y - h / 2.0, z),
                World::new(x - w / 2.0, y - h / 2.0, z),
            ];
            self.hang(canvas, camera, &board, &place);
        }
    }

    fn hang(&self, canvas: &mut Canvas, camera: &Camera, board: &Texture, place: &[World; 4]) {
        let corners: Vec<Point> = place.iter().filter_map(|p| camera.project(*p)).collect();
        if let Ok(corners) = <[Point; 4]>::try_from(corners) {
            board.draw(canvas.pixmap_mut(), &corners, if self.night { 0.3 } else { 0.95 });
        }
    }
}

/// A sign: text, its middle (x, y, z), width and height in metres, ground and ink.
type Board = (&'static str, f32, f32, f32, f32, f32, Rgb, Rgb);

/// A board of `w` × `h` metres with one line of text.
fn lettering(text: &str, w: f32, h: f32, ground: Rgb, ink: Rgb) -> Texture {
    let mut canvas = Canvas::new(w, h, 220.0 / h.max(0.4));
    canvas.rounded(0.0, 0.0, w, h, h * 0.08, ground.alpha(1.0));
    canvas.border([h * 0.04, h * 0.04, w - h * 0.08, h * 0.92], h * 0.06, h * 0.03, ink.alpha(1.0));
    let cap = h * 0.42;
    canvas.text_centred(Face::Wide, text, w / 2.0, h * 0.71, cap, w * 0.86, ink.alpha(1.0));
    Texture::new(canvas.into_pixmap())
}

/// Smooth noise, 0 to 1, of a position on a grid of unit cells.
fn noise(x: f32, y: f32, seed: u64) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (x - x0, y - y0);
    let (fx, fy) = (fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy));
    let at = |dx: i64, dy: i64| hash(x0 as i64 + dx, y0 as i64 + dy, seed);
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * fx;
    let low = at(0, 1) + (at(1, 1) - at(0, 1)) * fx;
    top + (low - top) * fy
}

fn hash(x: i64, y: i64, seed: u64) -> f32 {
    let mut v = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F) ^ seed;
    v ^= v >> 29;
    v = v.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    v ^= v >> 32;
    (v & 0xFFFF) as f32 / 65535.0
}
