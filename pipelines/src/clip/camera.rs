//! A pinhole camera over a street.
//!
//! World axes in metres: x to the right of the camera, y up from the road, z along the road away from the camera.

use alpr_core::geometry::Point;

/// A position in the world, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct World {
    /// To the right.
    pub x: f32,
    /// Up from the road.
    pub y: f32,
    /// Away from the camera.
    pub z: f32,
}

impl World {
    /// A position.
    pub const fn new(x: f32, y: f32, z: f32) -> Self {
        Self { x, y, z }
    }

    /// The position at `t` (0 to 1) on the way to `other`.
    pub fn towards(self, other: Self, t: f32) -> Self {
        Self::new(self.x + (other.x - self.x) * t, self.y + (other.y - self.y) * t, self.z + (other.z - self.z) * t)
    }
}

/// Nothing nearer than this many metres in front of the lens is drawn.
const NEAR: f32 = 0.6;

/// Where a camera hangs and how it looks.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// Metres to the right of the middle of the road.
    pub x: f32,
    /// Metres above the road.
    pub height: f32,
    /// Radians below the horizon.
    pub pitch: f32,
    /// Radians to the right of the road's direction.
    pub yaw: f32,
    /// Focal length in picture widths.
    pub focal: f32,
    /// Picture width in pixels.
    pub width: u32,
    /// Picture height in pixels.
    pub height_px: u32,
}

impl Camera {
    /// The camera's own axes: right, up, forward.
    fn view(&self, p: World) -> World {
        let (x, y, z) = (p.x - self.x, p.y - self.height, p.z);
        let (sy, cy) = self.yaw.sin_cos();
        let (x, z) = (x * cy - z * sy, x * sy + z * cy);
        let (sp, cp) = self.pitch.sin_cos();
        World::new(x, y * cp + z * sp, z * cp - y * sp)
    }

    fn onto_picture(&self, v: World) -> Point {
        let scale = self.focal * self.width as f32 / v.z;
        Point::new(self.width as f32 / 2.0 + v.x * scale, self.height_px as f32 / 2.0 - v.y * scale)
    }

    /// The pixel of a position, or nothing when it lies behind the lens.
    pub fn project(&self, p: World) -> Option<Point> {
        let v = self.view(p);
        (v.z > NEAR).then(|| self.onto_picture(v))
    }

    /// The pixels of a flat polygon, cut off in front of the lens; empty when it lies behind it.
    pub fn project_polygon(&self, polygon: &[World]) -> Vec<Point> {
        let views: Vec<World> = polygon.iter().map(|p| self.view(*p)).collect();
        let mut out = Vec::with_capacity(views.len() + 2);
        for (i, a) in views.iter().enumerate() {
            let b = views[(i + 1) % views.len()];
            if a.z > NEAR {
                out.push(self.onto_picture(*a));
            }
            if (a.z > NEAR) != (b.z > NEAR) {
                out.push(self.onto_picture(a.towards(b, (NEAR - a.z) / (b.z - a.z))));
            }
        }
        out
    }

    /// Pixels that one metre across takes at `p`.
    pub fn pixels_per_metre(&self, p: World) -> f32 {
        self.focal * self.width as f32 / self.view(p).z.max(NEAR)
    }

    /// The position on the road that a pixel shows, or nothing above the horizon.
    pub fn on_road(&self, pixel: Point) -> Option<World> {
        let f = self.focal * self.width as f32;
        let (x, y) = ((pixel.x - self.width as f32 / 2.0) / f, (self.height_px as f32 / 2.0 - pixel.y) / f);
        let (sp, cp) = self.pitch.sin_cos();
        let (dy, dz) = (y * cp - sp, y * sp + cp);
        if dy >= -1e-4 {
            return None;
        }
        let t = self.height / -dy;
        let (sy, cy) = self.yaw.sin_cos();
        let (dx, dz) = (x * cy + dz * sy, dz * cy - x * sy);
        Some(World::new(self.x + dx * t, 0.0, dz * t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Camera =
        Camera { x: 0.5, height: 2.4, pitch: 0.16, yaw: 0.1, focal: 1.6, width: 1280, height_px: 720 };

    #[test]
    fn a_road_pixel_and_its_place_belong_together() {
        for place in [World::new(-2.0, 0.0, 9.0), World::new(1.5, 0.0, 30.0)] {
            let back = CAMERA.on_road(CAMERA.project(place).unwrap()).unwrap();
            assert!((back.x - place.x).abs() < 0.01 && (back.z - place.z).abs() < 0.05, "{place:?} {back:?}");
        }
        assert_eq!(CAMERA.on_road(Point::new(640.0, -400.0)), None);
    }

    #[test]
    fn what_lies_behind_the_lens_is_cut_off() {
        assert_eq!(CAMERA.project(World::new(0.0, 0.0, -3.0)), None);
        let behind = [World::new(-1.0, 0.0, -5.0), World::new(1.0, 0.0, -5.0), World::new(0.0, 0.0, -2.0)];
        assert!(CAMERA.project_polygon(&behind).is_empty());
        let across = [World::new(-1.0, 0.0, -5.0), World::new(1.0, 0.0, -5.0), World::new(0.0, 0.0, 20.0)];
        assert!(CAMERA.project_polygon(&across).iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }

    #[test]
    fn twice_as_far_is_half_as_large() {
        let level = Camera { pitch: 0.0, yaw: 0.0, ..CAMERA };
        let near = level.pixels_per_metre(World::new(0.0, 0.5, 10.0));
        let far = level.pixels_per_metre(World::new(0.0, 0.5, 20.0));
        assert!((near / far - 2.0).abs() < 1e-3);
    }
}
