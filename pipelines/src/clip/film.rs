//! Films a street: vehicles in perspective, motion blur, lens softness and sensor noise.

use super::camera::{Camera, World};
use super::canvas::{Canvas, Rgb};
use super::path::Drive;
use super::street::Street;
use super::vehicle::{End, Kind, Material, Part, Vehicle};
use crate::truth::{Pass, Place};
use alpr_core::geometry::Point;
use fastrand::Rng;
use tiny_skia::Pixmap;

/// Pictures averaged into one frame while the shutter is open.
const EXPOSURES: usize = 3;
/// How bright unlit paint is at night.
const NIGHT: f32 = 0.3;

/// A vehicle and how it moves.
#[derive(Clone)]
pub struct Traffic {
    /// The vehicle.
    pub vehicle: Vehicle,
    /// Its way.
    pub drive: Drive,
}

/// A post that hides what passes behind it.
#[derive(Clone, Copy, Debug)]
pub struct Pillar {
    /// Metres to the right of the middle of the road.
    pub x: f32,
    /// Metres from the camera.
    pub z: f32,
    /// Metres across.
    pub width: f32,
}

/// One take: a camera, a street and who drives there.
pub struct Shot {
    /// The camera.
    pub camera: Camera,
    /// The street.
    pub street: Street,
    /// Length in seconds.
    pub seconds: f32,
    /// Who drives.
    pub traffic: Vec<Traffic>,
    /// What stands in the way.
    pub pillars: Vec<Pillar>,
    /// Seconds for which the shutter is open.
    pub shutter: f32,
    /// Standard deviation of the sensor noise, in levels of 255.
    pub noise: f32,
}

/// A shot being filmed.
pub struct Film<'a> {
    shot: &'a Shot,
    empty: Pixmap,
    grain: Vec<i8>,
    rng: Rng,
    passes: Vec<Pass>,
}

impl<'a> Film<'a> {
    /// Paints the street and gets ready to film.
    pub fn new(shot: &'a Shot, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let empty = shot.street.paint(&shot.camera);
        let grain = (0..1 << 16)
            .map(|_| {
                let sum: f32 = (0..6).map(|_| rng.f32() - 0.5).sum();
                // Six evenly spread numbers add up to a bell of standard deviation √½.
                (sum * std::f32::consts::SQRT_2 * shot.noise).clamp(-100.0, 100.0) as i8
            })
            .collect();
        let passes = shot.traffic.iter().map(|t| named_pass(&t.vehicle)).collect();
        Self { shot, empty, grain, rng, passes }
    }

    /// The frame at `time` seconds of the shot as rows of RGB bytes; `number` counts frames of the whole clip.
    pub fn frame(&mut self, time: f32, number: u32) -> Vec<u8> {
        let mut sum = vec![0_u16; self.empty.data().len() / 4 * 3];
        for i in 0..EXPOSURES {
            let t = time + self.shot.shutter * (i as f32 / (EXPOSURES - 1) as f32 - 0.5);
            let picture = self.picture(t);
            for (s, p) in sum.chunks_exact_mut(3).zip(picture.data().chunks_exact(4)) {
                for (s, p) in s.iter_mut().zip(p) {
                    *s += u16::from(*p);
                }
            }
        }
        for place in self.places(time, number) {
            self.passes[place.0].see(place.1);
        }
        self.develop(&sum)
    }

    /// The passes seen so far: vehicles with plates that came into the picture.
    pub fn into_passes(self) -> Vec<Pass> {
        self.passes.into_iter().filter(|p| !p.places.is_empty() && !p.text.is_empty()).collect()
    }

    /// Vehicles on the road at `time`, the farthest first.
    fn present(&self, time: f32) -> Vec<(usize, World)> {
        let traffic = self.shot.traffic.iter().enumerate();
        let mut on_road: Vec<(usize, World)> = traffic
            .filter_map(|(i, t)| t.drive.place(time).map(|p| (i, p)))
            .filter(|(i, p)| p.z + self.shot.traffic[*i].vehicle.length() > 1.0 && p.z < 70.0)
            .collect();
        on_road.sort_by(|a, b| b.1.z.total_cmp(&a.1.z));
        on_road
    }

    fn picture(&self, time: f32) -> Pixmap {
        let mut canvas = Canvas::on(self.empty.clone());
        let mut pillars: Vec<&Pillar> = self.shot.pillars.iter().collect();
        pillars.sort_by(|a, b| b.z.total_cmp(&a.z));
        let mut pillars = pillars.into_iter().peekable();
        for (i, place) in self.present(time) {
            while let Some(pillar) = pillars.next_if(|p| p.z > place.z) {
                self.draw_pillar(&mut canvas, pillar);
            }
            self.draw_vehicle(&mut canvas, &self.shot.traffic[i].vehicle, place);
        }
        for pillar in pillars {
            self.draw_pillar(&mut canvas, pillar);
        }
        canvas.into_pixmap()
    }

    fn draw_pillar(&self, canvas: &mut Canvas, pillar: &Pillar) {
        let outline = self.shot.camera.project_polygon(&pillar_outline(pillar));
        let grey = if self.shot.street.night { Rgb(24, 25, 28) } else { Rgb(128, 130, 128) };
        canvas.polygon(&outline, grey.alpha(1.0));
    }

    fn draw_vehicle(&self, canvas: &mut Canvas, vehicle: &Vehicle, place: World) {
        let camera = &self.shot.camera;
        for grow in [0.35, 0.2, 0.08] {
            let shadow = to_world(&vehicle.shadow(grow), place);
            canvas.polygon(&camera.project_polygon(&shadow), Rgb(8, 9, 12).alpha(0.28));
        }
        for part in vehicle.parts(camera.x - place.x) {
            draw_part(canvas, camera, vehicle, &part, place);
        }
        let corners: Vec<Point> =
            to_world(&vehicle.face_corners(), place).iter().filter_map(|p| camera.project(*p)).collect();
        let Ok(corners) = <[Point; 4]>::try_from(corners) else { return };
        vehicle.face().draw(canvas.pixmap_mut(), &corners, 1.0);
        if vehicle.night {
            self.shine(canvas, vehicle, place);
        }
    }

    fn shine(&self, canvas: &mut Canvas, vehicle: &Vehicle, place: World) {
        let camera = &self.shot.camera;
        let scale = camera.pixels_per_metre(place);
        let (color, radius, strength) = match vehicle.end {
            End::Front => (Rgb(255, 246, 220), 0.75, 0.75),
            End::Rear => (Rgb(255, 40, 30), 0.4, 0.4),
        };
        for lamp in to_world(&vehicle.lamps(), place) {
            if let Some(p) = camera.project(lamp) {
                canvas.glow(p.x, p.y, radius * scale, color, strength);
            }
            let ahead = World::new(lamp.x, 0.0, lamp.z - 2.2);
            if let (End::Front, Some(p)) = (vehicle.end, camera.project(ahead)) {
                canvas.glow(p.x, p.y, 1.3 * scale, color, 0.16);
            }
        }
    }

    /// Where the plates are at `time`: index of the traffic and place.
    fn places(&self, time: f32, number: u32) -> Vec<(usize, Place)> {
        let camera = &self.shot.camera;
        let present = self.present(time);
        let mut places = Vec::new();
        for (n, (i, place)) in present.iter().enumerate() {
            let Some(local) = self.shot.traffic[*i].vehicle.plate_corners() else { continue };
            let corners: Vec<Point> = to_world(&local, *place).iter().filter_map(|p| camera.project(*p)).collect();
            let Ok(corners) = <[Point; 4]>::try_from(corners) else { continue };
            let mut hiding: Vec<Vec<Point>> =
                present[n + 1..].iter().flat_map(|(j, at)| self.silhouette(*j, *at)).collect();
            let nearer = self.shot.pillars.iter().filter(|p| p.z < place.z);
            hiding.extend(nearer.map(|p| camera.project_polygon(&pillar_outline(p))));
            let visible = visible_part(&corners, &hiding, camera.width as f32, camera.height_px as f32);
            places.push((*i, Place { frame: number, corners: corners.map(|p| [p.x, p.y]), visible }));
        }
        places
    }

    fn silhouette(&self, traffic: usize, place: World) -> Vec<Vec<Point>> {
        let (camera, vehicle) = (&self.shot.camera, &self.shot.traffic[traffic].vehicle);
        let mut outlines: Vec<Vec<World>> = vehicle.parts(camera.x - place.x).into_iter().map(|p| p.outline).collect();
        outlines.push(vehicle.face_corners().to_vec());
        outlines.iter().map(|o| camera.project_polygon(&to_world(o, place))).collect()
    }

    /// Lens softness and sensor noise.
    fn develop(&mut self, sum: &[u16]) -> Vec<u8> {
        let width = self.empty.width() as usize * 3;
        let scale = EXPOSURES as f32;
        let rows: Vec<&[u16]> = sum.chunks_exact(width).collect();
        let mut out = Vec::with_capacity(sum.len());
        for (y, row) in rows.iter().enumerate() {
            let above = rows[y.saturating_sub(1)];
            let below = rows[(y + 1).min(rows.len() - 1)];
            let grain = self.rng.usize(..self.grain.len() - width);
            let grain = &self.grain[grain..grain + width];
            for x in 0..width {
                let left = row[x.saturating_sub(3).max(x % 3)];
                let right = row[if x + 3 < width { x + 3 } else { x }];
                let around = u32::from(above[x]) + u32::from(below[x]) + u32::from(left) + u32::from(right);
                let value = (f32::from(row[x]) * 6.0 + around as f32) / (10.0 * scale);
                // The three colours of a pixel share most of their noise.
                let noise = f32::from(grain[x / 3]) * 0.8 + f32::from(grain[x]) * 0.5;
                out.push((value + noise).clamp(0.0, 255.0) as u8);
            }
        }
        out
    }
}

fn named_pass(vehicle: &Vehicle) -> Pass {
    let plate = vehicle.plate.as_ref();
    Pass {
        text: plate.map(super::plate::Plate::text).unwrap_or_default(),
        display: plate.map(|p| p.display.clone()).unwrap_or_default(),
        region: plate.map_or("", |p| p.style.region).to_owned(),
        vehicle: vehicle.kind.name().to_owned(),
        night: vehicle.night,
        ..Pass::default()
    }
}

fn pillar_outline(p: &Pillar) -> [World; 4] {
    let (left, right) = (p.x - p.width / 2.0, p.x + p.width / 2.0);
    [World::new(left, 4.0, p.z), World::new(right, 4.0, p.z), World::new(right, 0.0, p.z), World::new(left, 0.0, p.z)]
}

fn to_world(local: &[World], place: World) -> Vec<World> {
    local.iter().map(|p| World::new(p.x + place.x, p.y, p.z + place.z)).collect()
}

fn draw_part(canvas: &mut Canvas, camera: &Camera, vehicle: &Vehicle, part: &Part, place: World) {
    let world = to_world(&part.outline, place);
    let points = camera.project_polygon(&world);
    if points.len() < 3 {
        return;
    }
    let ambient = if vehicle.night { NIGHT } else { 1.0 };
    let light = part.light * ambient;
    let (near, far) = match part.material {
        Material::Paint => {
            (vehicle.color.lit(light), vehicle.color.lit(light * 1.06).mix(Rgb(200, 215, 230).lit(ambient), 0.18))
        }
        Material::Glass => (Rgb(40, 48, 56).lit(ambient), Rgb(120, 140, 155).lit(ambient * part.light)),
        Material::Rubber => (Rgb(30, 30, 32).lit(light), Rgb(46, 46, 48).lit(light)),
    };
    let top = points.iter().map(|p| p.y).fold(f32::MAX, f32::min);
    let low = points.iter().map(|p| p.y).fold(f32::MIN, f32::max);
    let stops = [(0.0, far.alpha(1.0)), (1.0, near.alpha(1.0))];
    canvas.polygon_gradient(&points, Point::new(0.0, top), Point::new(0.0, low + 0.1), &stops);
    if vehicle.kind == Kind::Car && part.material == Material::Paint {
        let edge = [points[0], points[1 % points.len()]];
        let lip = [edge[0], edge[1], Point::new(edge[1].x, edge[1].y + 1.0), Point::new(edge[0].x, edge[0].y + 1.0)];
        canvas.polygon(&lip, Rgb(10, 10, 12).alpha(0.4));
    }
}

/// The part of a plate that is inside the picture and behind nothing, by a grid of points on it.
fn visible_part(corners: &[Point; 4], hiding: &[Vec<Point>], width: f32, height: f32) -> f32 {
    let [a, b, c, d] = corners;
    let (columns, rows) = (13, 5);
    let mut seen = 0;
    for i in 0..columns {
        for j in 0..rows {
            let (u, v) = (i as f32 / (columns - 1) as f32, j as f32 / (rows - 1) as f32);
            let mix =
                |p: f32, q: f32, r: f32, s: f32| (p * (1.0 - u) + q * u) * (1.0 - v) + (s * (1.0 - u) + r * u) * v;
            let (x, y) = (mix(a.x, b.x, c.x, d.x), mix(a.y, b.y, c.y, d.y));
            let inside = x >= 0.0 && y >= 0.0 && x < width && y < height;
            if inside && !hiding.iter().any(|h| contains(h, x, y)) {
                seen += 1;
            }
        }
    }
    seen as f32 / (columns * rows) as f32
}

/// Whether (`x`, `y`) lies inside a polygon: it crosses an odd number of edges on the way out.
fn contains(polygon: &[Point], x: f32, y: f32) -> bool {
    let mut inside = false;
    for (i, a) in polygon.iter().enumerate() {
        let b = polygon[(i + 1) % polygon.len()];
        if (a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_half_behind_something_is_half_visible() {
        let plate = [Point::new(10.0, 10.0), Point::new(70.0, 10.0), Point::new(70.0, 30.0), Point::new(10.0, 30.0)];
        let post = vec![Point::new(40.0, 0.0), Point::new(90.0, 0.0), Point::new(90.0, 90.0), Point::new(40.0, 90.0)];
        for (hiding, width, expected) in
            [(vec![], 100.0, 1.0), (vec![post.clone()], 100.0, 0.5), (vec![], 40.0, 0.5), (vec![post], 5.0, 0.0)]
        {
            let seen = visible_part(&plate, &hiding, width, 100.0);
            assert!((seen - expected).abs() < 0.1, "{expected} {seen}");
        }
    }
}
