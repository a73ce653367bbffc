//! Vehicles that something upstream follows, and what becomes of those whose plate gives no event.

use super::*;

/// Plays `cars`, each on a vehicle of its own unless it has a carrier, and returns the vehicles that are told; vehicles are
/// followed until `end` seconds, and a third one without a plate passes.
fn told(scene: &mut Scene, cars: &[Car], end: f64) -> Vec<(String, String)> {
    let mut records = Vec::new();
    for n in 0..400u32 {
        let time = Duration::from_millis(40) * n;
        let followed = time <= Duration::from_secs_f64(end);
        let vehicles: Vec<_> = cars
            .iter()
            .filter_map(|car| Some((car.carrier.unwrap_or(car.track), car.at(time)?)))
            // the third carries no plate at all
            .chain((n < 50).then_some((3, Rect::new(600.0, 100.0, 10.0, 10.0))))
            .filter(|_| followed)
            .map(|(track, plate)| VehicleObservation {
                track_id: 100 + track,
                vehicle: crate::event::Vehicle { kind: Some("car".into()), ..Default::default() },
                bbox: plate.expanded(2.0),
            })
            .collect();
        let fused = &mut scene.fused;
        let plates: Vec<_> = cars
            .iter()
            .filter_map(|car| {
                let bbox = car.at(time)?;
                let fused = fused.entry(car.track).or_default();
                let text = *car.reads.get(fused.reads as usize).or(car.reads.last())?;
                // tracks of plates are their own here
                Some(Observation { track_id: car.track, ..fused.see(car, bbox, text) })
            })
            .collect();
        let frame = FrameInfo {
            time: START.plus(time),
            time_source: TimeSource::Clock,
            number: u64::from(n),
            width: 1280,
            height: 720,
        };
        scene.passes.observe_vehicles(&frame, &vehicles, &plates);
        let decisions = scene.passes.observe(&mut scene.memory, frame, &plates);
        records.extend(decisions.iter().filter_map(|decision| match decision {
            Decision::Vehicle(record) => Some((record.track_id.clone(), record.vehicle.kind.clone())),
            _ => None,
        }));
        scene.settle(decisions);
    }
    records
}

fn car(track: &str) -> (String, String) {
    (track.to_owned(), "car".to_owned())
}

#[test]
fn a_vehicle_without_a_readable_plate_is_told_once_when_it_left() {
    let mut scene = Scene::new(settings());
    let cars = [Car::new(1, "ABC123", 0.0, 3.0), Car::new(2, "", 0.0, 3.0).way((100.0, 500.0), (1100.0, 500.0))];
    assert_eq!(told(&mut scene, &cars, 16.0), [car("v-103"), car("v-102")]);
    assert_eq!(scene.texts(), ["ABC123"]);
}

#[test]
fn a_vehicle_whose_plate_was_taken_for_a_known_one_for_a_moment_is_told() {
    let mut scene = Scene::new(Settings { emit: Emit::Preview, ..settings() });
    let known = Car::new(2, "XYZ789", 0.0, 2.0).way((100.0, 500.0), (1100.0, 500.0));
    let texts = [["ABC123"; 4].as_slice(), &["XYZ789"; 5], &["ABC123"; 6], &["50"]].concat();
    let doubtful = Car::new(1, "", 3.0, 10.0).reads(&texts).confidence(0.75);
    assert_eq!(told(&mut scene, &[known, doubtful], 5.0), [car("v-103"), car("v-101")]);
    assert_eq!(scene.outcomes(), ["event", "format"]);
    assert!(scene.events().last().is_some_and(|event| event.extras.withdrawn), "the preview is taken back");
}

#[test]
fn a_vehicle_whose_plate_goes_on_as_another_track_is_not_told() {
    let mut scene = Scene::new(settings());
    let early = Car::new(1, "ABC123", 0.0, 2.0).way((100.0, 300.0), (500.0, 300.0));
    let late = Car::new(2, "ABC123", 2.4, 12.0).way((560.0, 300.0), (600.0, 300.0));
    assert_eq!(told(&mut scene, &[early, late], 16.0), [car("v-103")], "neither before nor after");
    assert_eq!(scene.outcomes(), ["stitched", "event"]);
}

#[test]
fn a_vehicle_of_two_tracks_that_give_no_event_together_is_told() {
    let mut scene = Scene::new(settings());
    let early = Car::new(1, "ABC123", 0.0, 1.0).confidence(0.6).way((100.0, 300.0), (350.0, 300.0)).on(1);
    let late = Car::new(2, "ABC12", 1.4, 2.4).confidence(0.55).way((450.0, 300.0), (700.0, 300.0)).on(1);
    assert_eq!(told(&mut scene, &[early, late], 16.0), [car("v-103"), car("v-101")]);
    assert_eq!(scene.outcomes(), ["stitched", "low-confidence"]);
}
