//! What holds for every input.

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;

/// A frame: milliseconds since the one before, and its detections.
fn frame() -> impl Strategy<Value = (i64, Vec<Detection>)> {
    let number = prop_oneof![8 => -50.0..2000.0_f32, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(0.0_f32)];
    let size = prop_oneof![8 => 4.0..400.0_f32, 1 => Just(0.0_f32), 1 => Just(1e9_f32), 1 => Just(1e-9_f32)];
    let detection = (number, 0.0..1000.0_f32, size, 0.0..1.0_f32).prop_map(|(x, y, w, c)| scored(x, y, w, c));
    let step = prop_oneof![8 => 1..600_i64, 1 => -1000..1_i64, 1 => -100_000..100_000_i64];
    (step, prop::collection::vec(detection, 0..12))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_unique_and_every_detection_is_used_once(frames in prop::collection::vec(frame(), 1..40)) {
        let mut tracker = Tracker::new(TrackerSettings { max_tracks: 8, ..TrackerSettings::default() });
        let (mut time, mut gone, mut live) = (0, HashSet::new(), BTreeSet::new());
        for (step, detections) in frames {
            time += step;
            let tracks = tracker.update(at(time), &detections);
            prop_assert!(tracks.is_sorted_by(|a, b| a.id < b.id));
            prop_assert!(tracks.len() <= 8);
            let used: Vec<usize> = tracks.iter().filter_map(|track| track.detection).collect();
            prop_assert_eq!(used.iter().collect::<HashSet<_>>().len(), used.len());
            for track in &tracks {
                prop_assert!(track.bbox.is_finite(), "{:?}", track);
                if let Some(index) = track.detection {
                    prop_assert_eq!(track.bbox, detections[index].bbox);
                }
            }
            let now: BTreeSet<u64> = ids(&tracks).into_iter().collect();
            gone.extend(live.difference(&now).copied());
            prop_assert!(now.iter().all(|id| !gone.contains(id)), "an id came back");
            live = now;
            prop_assert!(tracker.predict(at(time + 50)).iter().all(|track| track.bbox.is_finite()));
        }
        let s = tracker.stats();
        prop_assert_eq!(s.detections, s.assigned + s.born + s.duplicate + s.weak + s.full + s.invalid);
        prop_assert_eq!(s.born, s.ended + live.len() as u64);
    }
}
