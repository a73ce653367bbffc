//! The scenarios: which vehicles pass which camera, and when.

use super::camera::Camera;
use super::canvas::Rgb;
use super::film::{Pillar, Shot, Traffic};
use super::path::Drive;
use super::plate::Plate;
use super::street::Street;
use super::style::STYLES;
use super::vehicle::{End, Kind, Vehicle};
use fastrand::Rng;

/// What a clip is made of: the takes of one camera, one after the other.
pub struct Clip {
    /// Camera id of the truth file.
    pub camera: String,
    /// Its takes.
    pub shots: Vec<Shot>,
}

/// How pictures are taken.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Every scenario: its name and what happens in it.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("sample", "twelve vehicles of many countries, by day and then at night"),
    ("occlusion", "posts and a parked van hide plates for a part of the way"),
    ("crossing", "vehicles of both directions hide one another"),
    ("stop-and-go", "vehicles stop in view and drive on"),
    ("re-entry", "one vehicle comes by at 0, 9 and 30 seconds"),
    ("two-cameras", "the same vehicles at two cameras: two clips"),
    ("signs", "signs, lettering and vehicles without plates: no event is owed"),
    ("fleet", "vehicles with neighbouring numbers, some side by side"),
];

/// The clips of a scenario.
///
/// # Errors
/// A sentence that lists the scenarios when there is none of that name.
pub fn clips(name: &str, seed: u64, format: Format) -> Result<Vec<Clip>, String> {
    let mut set = Set { rng: Rng::with_seed(seed), format, seed };
    let one = |shots| vec![Clip { camera: "gate-1".to_owned(), shots }];
    Ok(match name {
        "sample" => one(vec![set.mixed(false), set.mixed(true)]),
        "occlusion" => one(vec![set.occlusion()]),
        "crossing" => one(vec![set.crossing()]),
        "stop-and-go" => one(vec![set.stop_and_go()]),
        "re-entry" => one(vec![set.re_entry()]),
        "two-cameras" => set.two_cameras(),
        "signs" => one(vec![set.signs()]),
        "fleet" => one(vec![set.fleet()]),
        other => {
            let known: Vec<&str> = SCENARIOS.iter().map(|s| s.0).collect();
            return Err(format!("there is no scenario `{other}`; choose one of {}", known.join(", ")));
        }
    })
}

const PAINTS: [Rgb; 9] = [
    Rgb(214, 216, 218),
    Rgb(168, 172, 176),
    Rgb(40, 42, 48),
    Rgb(150, 28, 34),
    Rgb(34, 62, 124),
    Rgb(96, 100, 104),
    Rgb(36, 84, 62),
    Rgb(196, 178, 140),
    Rgb(226, 226, 222),
];

/// Middle of the lane of vehicles that come nearer.
const TOWARDS: f32 = -2.05;
/// Middle of the lane of vehicles that go away.
const AWAY: f32 = 2.05;
/// Where vehicles that come nearer begin, in metres from the camera.
const FAR: f32 = 42.0;
/// Where vehicles that go away begin: just out of the picture.
const CLOSE: f32 = 2.6;

pub(super) struct Set {
    pub(super) rng: Rng,
    pub(super) format: Format,
    pub(super) seed: u64,
}

impl Set {
    /// A camera above the middle of the road.
    pub(super) fn camera(&self) -> Camera {
        let Format { width, height } = self.format;
        Camera { x: 0.0, height: 2.5, pitch: 0.155, yaw: 0.0, focal: 1.5, width, height_px: height }
    }

    pub(super) fn shot(&self, night: bool, seconds: f32, traffic: Vec<Traffic>) -> Shot {
        let street = Street { seed: self.seed, night, many_signs: false };
        // Faster shutters than a photographer's: cameras for plates are set up so.
        let (shutter, noise) = if night { (1.0 / 250.0, 7.0) } else { (1.0 / 500.0, 3.0) };
        Shot { camera: self.camera(), street, seconds, traffic, pillars: Vec::new(), shutter, noise }
    }

    pub(super) fn vehicle(&mut self, kind: Kind, end: End, plate: Option<Plate>, night: bool) -> Vehicle {
        let color = PAINTS[self.rng.usize(..PAINTS.len())];
        Vehicle::new(kind, end, color, plate, night, &mut self.rng)
    }

    pub(super) fn plate(&mut self, style: &str) -> Option<Plate> {
        let style = STYLES.iter().find(|s| s.name == style)?;
        Some(Plate::random(style, &mut self.rng))
    }

    fn towards(&mut self, kind: Kind, style: &str, start: f32, speed: f32, night: bool) -> Traffic {
        let plate = self.plate(style);
        let vehicle = self.vehicle(kind, End::Front, plate, night);
        Traffic { vehicle, drive: Drive::steady(start, FAR, TOWARDS, -speed) }
    }

    fn away(&mut self, kind: Kind, style: &str, start: f32, speed: f32, night: bool) -> Traffic {
        let plate = self.plate(style);
        let vehicle = self.vehicle(kind, End::Rear, plate, night);
        Traffic { vehicle, drive: Drive::steady(start, CLOSE, AWAY, speed) }
    }

    fn mixed(&mut self, night: bool) -> Shot {
        let plan: [(Kind, &str, bool, f32, f32); 6] = if night {
            [
                (Kind::Car, "pl", true, 0.0, 13.0),
                (Kind::Car, "us-ny", false, 1.5, 6.0),
                (Kind::Van, "nl", true, 3.5, 12.0),
                (Kind::Car, "gb-rear", false, 6.0, 6.5),
                (Kind::Car, "br", true, 7.5, 13.0),
                (Kind::Truck, "de-two-rows", false, 10.0, 6.0),
            ]
        } else {
            [
                (Kind::Car, "de", true, 0.0, 12.0),
                (Kind::Van, "us-ca", false, 0.8, 5.5),
                (Kind::Car, "gb-front", true, 3.5, 13.0),
                (Kind::Car, "br-two-rows", false, 6.0, 6.0),
                (Kind::Truck, "fr", true, 7.0, 12.0),
                (Kind::Car, "in", false, 10.5, 6.0),
            ]
        };
        let traffic = plan
            .iter()
            .map(|(kind, style, nearer, start, speed)| {
                if *nearer {
                    self.towards(*kind, style, *start, *speed, night)
                } else {
                    self.away(*kind, style, *start, *speed, night)
                }
            })
            .collect();
        self.shot(night, 16.0, traffic)
    }

    fn occlusion(&mut self) -> Shot {
        let mut traffic = vec![
            self.towards(Kind::Car, "de", 0.0, 9.0, false),
            self.away(Kind::Car, "fr", 2.0, 5.0, false),
            self.towards(Kind::Van, "es", 4.5, 9.0, false),
            self.away(Kind::Car, "us-fl", 7.0, 5.0, false),
            self.towards(Kind::Car, "it", 9.0, 9.0, false),
        ];
        let parked = self.vehicle(Kind::Van, End::Rear, None, false);
        traffic.push(Traffic { vehicle: parked, drive: Drive { sway: 0.0, ..Drive::steady(0.0, 15.0, 4.9, 0.0) } });
        let pillars = vec![Pillar { x: -0.9, z: 6.0, width: 0.22 }, Pillar { x: 1.2, z: 7.0, width: 0.25 }];
        Shot { pillars, ..self.shot(false, 16.0, traffic) }
    }

    fn crossing(&mut self) -> Shot {
        let traffic = vec![
            self.towards(Kind::Car, "pl", 0.0, 10.0, false),
            self.away(Kind::Truck, "nl", 1.6, 6.0, false),
            self.towards(Kind::Car, "ro", 4.0, 10.0, false),
            self.away(Kind::Van, "de", 6.0, 6.0, false),
            self.towards(Kind::Car, "au-nsw", 8.0, 10.0, false),
            self.away(Kind::Car, "us-tx", 9.5, 6.0, false),
        ];
        let shot = self.shot(false, 16.0, traffic);
        // From the right kerb, so that the near lane's traffic hides the far lane's.
        Shot { camera: Camera { x: 5.2, yaw: -0.28, height: 2.3, ..shot.camera }, ..shot }
    }

    fn stop_and_go(&mut self) -> Shot {
        let mut traffic = Vec::new();
        for (i, style) in ["de", "gb-front", "br"].iter().enumerate() {
            let plate = self.plate(style);
            let vehicle = self.vehicle(Kind::Car, End::Front, plate, false);
            // Each stops behind the place where the one before stood and follows when it has gone.
            let drive = Drive::with_stop(i as f32 * 8.5, FAR, TOWARDS, -8.0, 4.3, 3.5);
            traffic.push(Traffic { vehicle, drive });
        }
        let plate = self.plate("us-va");
        let vehicle = self.vehicle(Kind::Car, End::Rear, plate, false);
        traffic.push(Traffic { vehicle, drive: Drive::with_stop(2.0, CLOSE, AWAY, 5.0, 2.2, 6.0) });
        self.shot(false, 30.0, traffic)
    }

    fn re_entry(&mut self) -> Shot {
        let plate = self.plate("de");
        let vehicle = self.vehicle(Kind::Car, End::Front, plate, false);
        let mut traffic: Vec<Traffic> = [0.0, 9.0, 30.0]
            .iter()
            .map(|start| Traffic { vehicle: vehicle.clone(), drive: Drive::steady(*start, FAR, TOWARDS, -11.0) })
            .collect();
        traffic.push(self.away(Kind::Car, "pl", 4.0, 6.0, false));
        self.shot(false, 36.0, traffic)
    }

    fn two_cameras(&mut self) -> Vec<Clip> {
        let styles = ["de", "us-ca", "gb-front", "fr"];
        let vehicles: Vec<Vehicle> = styles
            .iter()
            .map(|style| {
                let plate = self.plate(style);
                self.vehicle(Kind::Car, End::Front, plate, false)
            })
            .collect();
        let pass = |start: f32, speed: f32| -> Vec<Traffic> {
            vehicles
                .iter()
                .enumerate()
                .map(|(i, v)| {
                    let drive = Drive::steady(start + i as f32 * 3.5, FAR, TOWARDS, -speed);
                    Traffic { vehicle: v.clone(), drive }
                })
                .collect()
        };
        let first = self.shot(false, 17.0, pass(0.0, 11.0));
        let second = self.shot(false, 20.0, pass(2.5, 9.0));
        let second = Shot {
            camera: Camera { x: -4.6, yaw: 0.1, height: 3.2, pitch: 0.19, ..second.camera },
            street: Street { seed: self.seed + 100, ..second.street },
            ..second
        };
        vec![
            Clip { camera: "gate-1".to_owned(), shots: vec![first] },
            Clip { camera: "gate-2".to_owned(), shots: vec![second] },
        ]
    }

    fn signs(&mut self) -> Shot {
        let mut traffic = Vec::new();
        for (i, (kind, end)) in
            [(Kind::Van, End::Rear), (Kind::Truck, End::Front), (Kind::Truck, End::Rear), (Kind::Car, End::Front)]
                .into_iter()
                .enumerate()
        {
            let vehicle = self.vehicle(kind, end, None, false);
            let start = i as f32 * 3.0;
            let drive = match end {
                End::Front => Drive::steady(start, FAR, TOWARDS, -11.0),
                End::Rear => Drive::steady(start, CLOSE, AWAY, 6.0),
            };
            traffic.push(Traffic { vehicle, drive });
        }
        let shot = self.shot(false, 16.0, traffic);
        Shot { street: Street { many_signs: true, ..shot.street }, ..shot }
    }

    fn fleet(&mut self) -> Shot {
        let mut traffic = Vec::new();
        let number = self.rng.u32(1000..9000);
        for i in 0..6_u32 {
            let plate = Plate::named("de", &format!("KA TX {}", number + i));
            let (kind, start) = (if i % 3 == 0 { Kind::Van } else { Kind::Car }, (i / 2) as f32 * 5.0);
            let (end, drive) = if i % 2 == 0 {
                (End::Front, Drive::steady(start, FAR, TOWARDS, -11.0))
            } else {
                (End::Rear, Drive::steady(start + 1.0, CLOSE, AWAY, 6.0))
            };
            let vehicle = Vehicle::new(kind, end, Rgb(226, 180, 40), plate, false, &mut self.rng);
            traffic.push(Traffic { vehicle, drive });
        }
        self.shot(false, 18.0, traffic)
    }
}
