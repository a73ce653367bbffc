//! Cars, vans and trucks as flat parts in space.
//!
//! Local axes in metres: x across (0 = middle), y up from the road, z along the vehicle, 0 at the end that the camera
//! sees and growing towards the other end. Only what a camera in front of that end can see is built.

use super::camera::World;
use super::canvas::Rgb;
use super::facade;
use super::plate::Plate;
use super::texture::Texture;
use fastrand::Rng;
use std::sync::Arc;

/// What kind of vehicle, and so which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A saloon or hatchback.
    Car,
    /// A delivery van.
    Van,
    /// A truck with a box.
    Truck,
}

impl Kind {
    /// The name in truth files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Van => "van",
            Self::Truck => "truck",
        }
    }
}

/// Which end the camera sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The vehicle comes nearer.
    Front,
    /// The vehicle goes away.
    Rear,
}

/// What a part of the body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// Painted metal.
    Paint,
    /// A window.
    Glass,
    /// Tyres and plastics.
    Rubber,
}

/// A flat part of the body.
pub struct Part {
    /// Its corners in local axes.
    pub outline: Vec<World>,
    /// What it is made of.
    pub material: Material,
    /// How much light falls on it, 1 = fully lit.
    pub light: f32,
}

/// The measures of a shape.
struct Shape {
    width: f32,
    length: f32,
    /// Height of the lower and upper edge of the end.
    end: (f32, f32),
    /// From the end's upper edge along the top: (z, y, width in vehicle widths, what leads there).
    top: &'static [(f32, f32, f32, Material)],
    /// Side windows as (z, y).
    windows: &'static [&'static [(f32, f32)]],
    /// Wheels as (z, radius).
    wheels: &'static [(f32, f32)],
}

use Material::{Glass, Paint};

const CAR_FRONT: Shape = Shape {
    width: 1.78,
    length: 4.3,
    end: (0.2, 0.74),
    top: &[(1.1, 0.99, 0.93, Paint), (1.95, 1.43, 0.76, Glass), (3.4, 1.42, 0.76, Paint), (4.25, 1.0, 0.9, Glass)],
    windows: &[
        &[(1.35, 1.0), (2.0, 1.36), (2.55, 1.38), (2.55, 1.0)],
        &[(2.63, 1.0), (2.63, 1.38), (3.3, 1.36), (3.7, 1.02)],
    ],
    wheels: &[(0.85, 0.31), (3.45, 0.31)],
};
const CAR_REAR: Shape = Shape {
    width: 1.78,
    length: 4.2,
    end: (0.24, 0.98),
    top: &[(0.55, 1.42, 0.78, Glass), (2.2, 1.45, 0.78, Paint), (3.1, 1.0, 0.9, Glass)],
    windows: &[
        &[(0.55, 1.02), (0.75, 1.36), (1.5, 1.39), (1.5, 1.02)],
        &[(1.58, 1.02), (1.58, 1.39), (2.2, 1.38), (2.9, 1.02)],
    ],
    wheels: &[(0.75, 0.31), (3.35, 0.31)],
};
const VAN_FRONT: Shape = Shape {
    width: 1.95,
    length: 5.2,
    end: (0.25, 1.12),
    top: &[(0.55, 1.3, 0.96, Paint), (1.1, 2.0, 0.86, Glass), (5.2, 2.25, 0.86, Paint)],
    windows: &[&[(0.75, 1.3), (1.2, 1.9), (2.0, 1.95), (2.0, 1.3)]],
    wheels: &[(0.85, 0.34), (4.1, 0.34)],
};
const VAN_REAR: Shape = Shape {
    width: 1.95,
    length: 5.2,
    end: (0.3, 2.15),
    top: &[(0.15, 2.3, 0.9, Paint), (4.5, 2.3, 0.88, Paint)],
    windows: &[],
    wheels: &[(1.0, 0.34), (4.2, 0.34)],
};
const TRUCK_FRONT: Shape = Shape {
    width: 2.45,
    length: 8.5,
    end: (0.35, 3.0),
    top: &[(0.3, 3.1, 0.97, Paint), (2.0, 3.5, 1.0, Paint), (8.5, 3.5, 1.0, Paint)],
    windows: &[&[(0.35, 1.75), (0.35, 2.6), (1.3, 2.6), (1.3, 1.75)]],
    wheels: &[(1.3, 0.5), (6.2, 0.5), (7.4, 0.5)],
};
const TRUCK_REAR: Shape = Shape {
    width: 2.5,
    length: 8.5,
    end: (0.4, 3.4),
    top: &[(8.0, 3.4, 1.0, Paint)],
    windows: &[],
    wheels: &[(1.2, 0.5), (2.4, 0.5), (6.8, 0.5)],
};

const fn shape(kind: Kind, end: End) -> &'static Shape {
    match (kind, end) {
        (Kind::Car, End::Front) => &CAR_FRONT,
        (Kind::Car, End::Rear) => &CAR_REAR,
        (Kind::Van, End::Front) => &VAN_FRONT,
        (Kind::Van, End::Rear) => &VAN_REAR,
        (Kind::Truck, End::Front) => &TRUCK_FRONT,
        (Kind::Truck, End::Rear) => &TRUCK_REAR,
    }
}

/// One vehicle as the camera sees it.
#[derive(Clone)]
pub struct Vehicle {
    /// Kind.
    pub kind: Kind,
    /// The end that the camera sees.
    pub end: End,
    /// Paint.
    pub color: Rgb,
    /// Its plate, unless it has none.
    pub plate: Option<Plate>,
    /// Seen at night: only lights and plate are bright.
    pub night: bool,
    face: Arc<Texture>,
}

impl Vehicle {
    /// A vehicle whose details `rng` decides.
    pub fn new(kind: Kind, end: End, color: Rgb, plate: Option<Plate>, night: bool, rng: &mut Rng) -> Self {
        let shape = shape(kind, end);
        let size = (shape.width * 1000.0, (shape.end.1 - shape.end.0) * 1000.0);
        let design = facade::Design { kind, end, color, night, size };
        let face = Arc::new(Texture::new(facade::draw(&design, plate.as_ref(), rng)));
        Self { kind, end, color, plate, night, face }
    }

    /// Metres from the seen end to the other.
    pub fn length(&self) -> f32 {
        shape(self.kind, self.end).length
    }

    /// Metres across.
    pub fn width(&self) -> f32 {
        shape(self.kind, self.end).width
    }

    /// The drawn picture of the seen end.
    pub fn face(&self) -> &Texture {
        &self.face
    }

    /// Corners of the seen end in local axes: top left, top right, bottom right, bottom left as the camera sees it.
    pub fn face_corners(&self) -> [World; 4] {
        let s = shape(self.kind, self.end);
        let half = s.width / 2.0;
        // The upper edge leans back a little.
        let lean = 0.05;
        [
            World::new(-half, s.end.1, lean),
            World::new(half, s.end.1, lean),
            World::new(half, s.end.0, 0.0),
            World::new(-half, s.end.0, 0.0),
        ]
    }

    /// Corners of the plate in local axes, in the order of [`Self::face_corners`].
    pub fn plate_corners(&self) -> Option<[World; 4]> {
        let plate = self.plate.as_ref()?;
        let s = shape(self.kind, self.end);
        let (w, h) = (plate.style.size_mm.0 / 1000.0, plate.style.size_mm.1 / 1000.0);
        let middle = s.end.0 + facade::plate_height(self.kind, self.end) / 1000.0;
        let face = self.face_corners();
        let at = |x: f32, y: f32| {
            let t = (y - s.end.0) / (s.end.1 - s.end.0);
            World::new(x, y, face[3].towards(face[0], t).z)
        };
        Some([
            at(-w / 2.0, middle + h / 2.0),
            at(w / 2.0, middle + h / 2.0),
            at(w / 2.0, middle - h / 2.0),
            at(-w / 2.0, middle - h / 2.0),
        ])
    }

    /// Where the lamps of the seen end are, in local axes.
    pub fn lamps(&self) -> [World; 2] {
        let s = shape(self.kind, self.end);
        let (x, y) = (s.width * 0.38, s.end.0 + facade::lamp_height(self.kind, self.end, s.end.1 - s.end.0));
        [World::new(-x, y, 0.0), World::new(x, y, 0.0)]
    }

    /// The parts but the seen end, from the farthest to the nearest for a camera on the side of `x` = `viewer` (local).
    pub fn parts(&self, viewer: f32) -> Vec<Part> {
        let s = shape(self.kind, self.end);
        let mut parts = Vec::new();
        let mut nodes = vec![(0.05, s.end.1, 1.0, Paint)];
        nodes.extend_from_slice(s.top);
        for pair in nodes.windows(2).rev() {
            let [a, b] = pair else { continue };
            let (ha, hb) = (s.width * a.2 / 2.0, s.width * b.2 / 2.0);
            let outline = vec![
                World::new(-hb, b.1, b.0),
                World::new(hb, b.1, b.0),
                World::new(ha, a.1, a.0),
                World::new(-ha, a.1, a.0),
            ];
            // The flatter, the more sky it sees.
            let slope = (b.0 - a.0) / (b.0 - a.0).hypot(b.1 - a.1);
            parts.push(Part { outline, material: b.3, light: 0.75 + 0.4 * slope });
        }
        if viewer.abs() > s.width / 2.0 {
            self.side(viewer.signum(), s, &nodes, &mut parts);
        }
        parts
    }

    fn side(&self, sign: f32, s: &Shape, nodes: &[(f32, f32, f32, Material)], parts: &mut Vec<Part>) {
        let light = if sign < 0.0 { 0.8 } else { 0.6 };
        let half = s.width / 2.0;
        let belt = s.end.1.max(1.0);
        let inward =
            |y: f32| half * (1.0 - 0.22 * ((y - belt) / 0.45).clamp(0.0, 1.0) * f32::from(u8::from(belt < 1.3)));
        let at = |z: f32, y: f32| World::new(sign * inward(y), y, z);
        let mut outline = vec![at(0.0, s.end.0)];
        outline.extend(nodes.iter().map(|n| at(n.0, n.1)));
        outline.extend([at(s.length, nodes[nodes.len() - 1].1), at(s.length, s.end.0 + 0.1)]);
        parts.push(Part { outline, material: Paint, light });
        for window in s.windows {
            let outline = window.iter().map(|(z, y)| at(*z, *y)).collect();
            parts.push(Part { outline, material: Glass, light });
        }
        for (z, r) in s.wheels {
            for (radius, material, light) in [(*r, Material::Rubber, 0.5), (r * 0.62, Material::Rubber, 2.6)] {
                let outline = (0..18)
                    .map(|i| {
                        let (sin, cos) = (i as f32 * std::f32::consts::TAU / 18.0).sin_cos();
                        World::new(sign * half, r + radius * sin, z + radius * cos)
                    })
                    .collect();
                parts.push(Part { outline, material, light });
            }
        }
    }

    /// The shadow on the road, in local axes.
    pub fn shadow(&self, grow: f32) -> Vec<World> {
        let (half, l) = (self.width() / 2.0 + grow, self.length() + grow);
        vec![
            World::new(-half, 0.0, -grow),
            World::new(half, 0.0, -grow),
            World::new(half, 0.0, l),
            World::new(-half, 0.0, l),
        ]
    }
}
