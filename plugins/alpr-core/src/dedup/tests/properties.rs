//! What holds whatever happens.

use proptest::prelude::*;

use super::*;

/// What one track does in a random scene.
fn track() -> impl Strategy<Value = (u64, usize, f64, f64, f32, f32, bool)> {
    (0..12u64, 0..6usize, 0.0..8.0f64, 0.0..3.0f64, 0.3..1.0f32, 0.3..1.0f32, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_track_ends_in_exactly_one_outcome(
        tracks in proptest::collection::vec(track(), 0..12),
        emit in prop_oneof![Just(Emit::Confirmed), Just(Emit::Final), Just(Emit::Preview)],
        delivers in any::<bool>(),
        cut in any::<bool>(),
        most_live in 1..8usize,
        shared in any::<bool>(),
    ) {
        let texts = ["ABC123", "A8C123", "XYZ789", "", "50", "ABC124"];
        let cars: Vec<Car> = tracks
            .iter()
            .map(|(track, text, start, length, confidence, detector, moves)| {
                // plates that share a vehicle's track lie beside each other, or in the same place
                let y = if shared { 300.0 + 60.0 * (*track % 4) as f32 } else { 300.0 };
                let to = if *moves { (1000.0, y) } else { (101.0, y) };
                let car = Car::new(*track, texts[*text], *start, *start + *length)
                    .confidence(*confidence).detector(*detector).way((100.0, y), to);
                if shared { car.on(*track % 3) } else { car }
            })
            .collect();
        // a track is in a frame at most once
        let mut seen = std::collections::BTreeSet::new();
        let cars: Vec<Car> = cars.into_iter().filter(|car| seen.insert(car.track)).collect();
        let mut scene = Scene::new(Settings { emit, most_live, ..settings() });
        scene.fps = 8.0;
        scene.delivers = delivers;
        scene.play(6.0, &cars);
        let tally = scene.passes.tally();
        prop_assert_eq!(tally.tracks(), tally.ends() + scene.passes.live() as u64);
        scene.play(6.0, &cars);
        if cut {
            let decisions = scene.passes.reset();
            scene.settle(decisions);
        } else {
            scene.finish();
        }
        let tally = scene.passes.tally();
        prop_assert_eq!(scene.passes.live(), 0);
        prop_assert_eq!(tally.tracks(), tally.ends());
        prop_assert_eq!(scene.outcomes().len() as u64, tally.tracks());
        if delivers {
            // by the last revision of each
            let events: BTreeMap<_, _> = scene.events().iter().map(|e| (e.event_id.clone(), &e.extras)).collect();
            let last = events.values().filter(|extras| !extras.withdrawn).count();
            prop_assert_eq!(last as u64, tally.of(Outcome::Event));
            prop_assert!(cut || events.values().all(|extras| !extras.preview));
            prop_assert_eq!(tally.of(Outcome::NotDelivered), 0);
        } else {
            prop_assert_eq!(tally.of(Outcome::Event), 0);
            prop_assert_eq!(scene.memory.len(), 0);
        }
    }
}
