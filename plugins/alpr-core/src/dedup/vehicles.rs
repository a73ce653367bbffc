//! Vehicles that pass without a readable plate.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::records::{KIND_VEHICLE, VehicleRecord, VehicleTracking};
use crate::event::{EventId, PlateBox, SCHEMA_VERSION, Vehicle, VehicleFields, pass_id};
use crate::geometry::Rect;
use crate::time::Timestamp;

use super::compose;
use super::observation::{FrameInfo, Observation, VehicleObservation};
use super::settings::Settings;
use super::way::Way;

/// Sights that make a vehicle: fewer are a detector's whim.
const LEAST_SIGHTS: u32 = 3;

/// Set apart from plate tracks, so that ids of passes never meet.
const VEHICLE_SITE: &str = "\u{1e}vehicles";

/// Most vehicles in view; beyond, new ones are not followed.
const MOST: usize = 1000;

/// The vehicles in view.
#[derive(Debug, Default)]
pub(super) struct Vehicles {
    live: BTreeMap<u64, Seen>,
}

#[derive(Debug)]
struct Seen {
    id: EventId,
    first: Timestamp,
    last: Timestamp,
    sights: u32,
    best: (Timestamp, Rect),
    vehicle: Vehicle,
    way: Way,
    /// Plate tracks that were seen on it.
    plates: BTreeSet<u64>,
    /// Whether one of them was read.
    read: bool,
}

impl Vehicles {
    /// Takes in the vehicles and plates of one frame.
    pub(super) fn observe(
        &mut self,
        frame: &FrameInfo,
        vehicles: &[VehicleObservation],
        plates: &[Observation],
        settings: &Settings,
    ) {
        let size = (frame.width, frame.height);
        for new in vehicles {
            if self.live.len() >= MOST && !self.live.contains_key(&new.track_id) {
                continue;
            }
            let seen = self.live.entry(new.track_id).or_insert_with(|| {
                let site = format!("{}{VEHICLE_SITE}", settings.identity.site);
                Seen {
                    id: pass_id(&site, &settings.identity.camera, frame.time, new.track_id),
                    first: frame.time,
                    last: frame.time,
                    sights: 0,
                    best: (frame.time, new.bbox),
                    vehicle: Vehicle::default(),
                    way: Way::default(),
                    plates: BTreeSet::new(),
                    read: false,
                }
            });
            seen.last = frame.time;
            seen.sights = seen.sights.saturating_add(1);
            if new.bbox.area() > seen.best.1.area() {
                seen.best = (frame.time, new.bbox);
            }
            seen.vehicle = new.vehicle.clone();
            seen.way.go(new.bbox.center(), size, &settings.zones);
        }
        for plate in plates {
            let by_id = plate.vehicle.as_ref().and_then(|v| v.id);
            // the smallest vehicle around a plate is the one that carries it
            let around = vehicles.iter().filter(|v| v.bbox.contains(plate.bbox.center()));
            let smallest = around.min_by(|a, b| a.bbox.area().total_cmp(&b.bbox.area())).map(|v| v.track_id);
            if let Some(seen) = by_id.or(smallest).and_then(|id| self.live.get_mut(&id)) {
                seen.plates.insert(plate.track_id);
            }
        }
    }

    /// The plate track `later` goes on in the pass of the plate track `first`.
    pub(super) fn join(&mut self, later: u64, first: u64) {
        for seen in self.live.values_mut().filter(|seen| seen.plates.contains(&later)) {
            seen.plates.insert(first);
        }
    }

    /// The plate track `plate` gave an event, or belongs to one.
    pub(super) fn read(&mut self, plate: u64) {
        self.live.values_mut().filter(|seen| seen.plates.contains(&plate)).for_each(|seen| seen.read = true);
    }

    /// The vehicles that were out of sight for longer than `timeout` at `time`, all of them for `None`, except those
    /// whose plate was read, or is in view and `is_told`.
    pub(super) fn ended(
        &mut self,
        time: Option<Timestamp>,
        timeout: Duration,
        is_told: &dyn Fn(u64) -> bool,
        settings: &Settings,
    ) -> Vec<VehicleRecord> {
        let over = |seen: &Seen| time.is_none_or(|time| time.since(seen.last) > timeout);
        let tracks: Vec<u64> = self.live.iter().filter(|(_, seen)| over(seen)).map(|(track, _)| *track).collect();
        let ended = tracks.into_iter().filter_map(|track| Some((track, self.live.remove(&track)?)));
        ended
            .filter(|(_, seen)| !seen.read && !seen.plates.iter().any(|plate| is_told(*plate)))
            .filter(|(_, seen)| seen.sights >= LEAST_SIGHTS && seen.way.satisfies(&settings.zones))
            .map(|(track, seen)| record(track, &seen, settings))
            .collect()
    }

    /// Whether no vehicle is followed.
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.live.clear();
    }
}

fn record(track: u64, seen: &Seen, settings: &Settings) -> VehicleRecord {
    let dwell = seen.last.since(seen.first).as_secs_f64();
    VehicleRecord {
        kind: KIND_VEHICLE.to_owned(),
        schema_version: SCHEMA_VERSION,
        event_id: seen.id.to_string(),
        captured_at: seen.best.0.to_iso8601(),
        camera_id: settings.identity.camera.clone(),
        track_id: format!("v-{track}"),
        vehicle: VehicleFields::new(Some(&seen.vehicle)),
        bbox: PlateBox::from(&seen.best.1),
        tracking: VehicleTracking {
            direction: seen.way.direction.clone(),
            dwell_time_seconds: (dwell * 1000.0).round() / 1000.0,
            first_seen_at: seen.first.to_iso8601(),
            last_seen_at: seen.last.to_iso8601(),
        },
        latency_ms: 0,
        node: compose::node(settings),
        captured: seen.best.0,
    }
}
