//! How a vehicle moves along the road.

use super::camera::World;

/// A drive along one lane: where it starts and how fast it is when.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// Seconds of the shot at which the drive begins.
    pub start: f32,
    /// Metres from the camera then.
    pub from: f32,
    /// Metres to the right of the middle of the road.
    pub lane: f32,
    /// Metres by which it sways to either side.
    pub sway: f32,
    /// Speed in metres a second (positive = away from the camera) at seconds since `start`; straight in between and
    /// constant after the last. Never empty.
    pub speeds: Vec<(f32, f32)>,
}

impl Drive {
    /// A drive at constant `speed`.
    pub fn steady(start: f32, from: f32, lane: f32, speed: f32) -> Self {
        Self { start, from, lane, sway: 0.08, speeds: vec![(0.0, speed)] }
    }

    /// A drive that comes to stand after `until` seconds, waits `wait` seconds and drives on.
    pub fn with_stop(start: f32, from: f32, lane: f32, speed: f32, until: f32, wait: f32) -> Self {
        let speeds = vec![
            (0.0, speed),
            ((until - 1.0).max(0.1), speed),
            (until, 0.0),
            (until + wait, 0.0),
            (until + wait + 1.5, speed * 0.8),
        ];
        Self { start, from, lane, sway: 0.0, speeds }
    }

    /// Metres from the camera at `time` seconds of the shot, or nothing before the drive begins.
    pub fn distance(&self, time: f32) -> Option<f32> {
        let t = time - self.start;
        if t < 0.0 {
            return None;
        }
        let mut at = self.from;
        for pair in self.speeds.windows(2) {
            let [(t0, v0), (t1, v1)] = pair else { continue };
            if t <= *t0 {
                return Some(at);
            }
            let dt = t.min(*t1) - t0;
            let v = v0 + (v1 - v0) * dt / (t1 - t0);
            at += (v0 + v) / 2.0 * dt;
        }
        let (last, v) = self.speeds[self.speeds.len() - 1];
        Some(at + (t - last).max(0.0) * v)
    }

    /// Where the middle of the vehicle's seen end stands on the road at `time`.
    pub fn place(&self, time: f32) -> Option<World> {
        let z = self.distance(time)?;
        Some(World::new(self.lane + self.sway * (z * 0.35).sin(), 0.0, z))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_along_a_drive() {
        let stop = Drive::with_stop(1.0, 20.0, 2.0, -4.0, 3.0, 2.0);
        for (drive, time, expected) in [
            (Drive::steady(2.0, 30.0, -2.0, -10.0), 1.9, None),
            (Drive::steady(2.0, 30.0, -2.0, -10.0), 2.0, Some(30.0)),
            (Drive::steady(2.0, 30.0, -2.0, -10.0), 4.0, Some(10.0)),
            // Two seconds at 4 m/s, one second braking, then standing.
            (stop.clone(), 4.0, Some(10.0)),
            (stop.clone(), 5.5, Some(10.0)),
            (stop, 7.5, Some(10.0 - 0.5 * 3.2 * 1.5)),
        ] {
            match (drive.distance(time), expected) {
                (None, None) => {}
                (Some(a), Some(b)) => assert!((a - b).abs() < 1e-3, "{drive:?} {time} {a} {b}"),
                other => panic!("{drive:?} {time} {other:?}"),
            }
        }
    }
}
