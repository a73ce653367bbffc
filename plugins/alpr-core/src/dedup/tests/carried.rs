//! Plates that share the track of the vehicle that carries them.

use super::*;

/// The vehicle that carries the plates.
const LORRY: u64 = 7;

fn on_lorry(track: u64, text: &'static str, below: f32) -> Car {
    Car::new(track, text, 0.1, 3.0).way((100.0, 300.0 + below), (1100.0, 400.0 + below)).on(LORRY)
}

#[test]
fn what_counts_as_a_plate_of_its_own() {
    let lorry = on_lorry(1, "ABC123", 0.0);
    for (what, others, texts, outcomes) in [
        ("one plate", vec![], vec!["ABC123"], vec!["event"]),
        ("the plate of a trailer", vec![on_lorry(2, "XYZ789", 150.0)], vec!["ABC123", "XYZ789"], vec!["event"; 2]),
        (
            "a transporter",
            vec![on_lorry(2, "XYZ789", 150.0), on_lorry(3, "KLM456", -150.0)],
            vec!["ABC123", "KLM456", "XYZ789"],
            vec!["event"; 3],
        ),
        ("a second box on the plate", vec![on_lorry(2, "ABC123", 5.0)], vec!["ABC123"], vec!["event"]),
        (
            "the same plate twice, at the front and in a mirror",
            vec![on_lorry(2, "ABC123", 150.0)],
            vec!["ABC123"],
            vec!["event", "duplicate-of"],
        ),
        (
            "lettering beside it that is never read",
            vec![on_lorry(2, "", 150.0)],
            vec!["ABC123"],
            vec!["event", "no-read"],
        ),
        (
            "lettering that is seen for a moment",
            vec![Car::new(2, "MAX12T", 1.0, 1.06).way((500.0, 200.0), (510.0, 200.0)).on(LORRY)],
            vec!["ABC123"],
            vec!["event"],
        ),
        (
            "another vehicle beside it",
            vec![on_lorry(2, "XYZ789", 150.0).on(8)],
            vec!["ABC123", "XYZ789"],
            vec!["event"; 2],
        ),
    ] {
        let mut scene = Scene::new(settings());
        scene.play(6.0, &[vec![lorry.clone()], others].concat());
        let (mut told, mut ends) = (scene.texts(), scene.outcomes());
        told.sort_unstable();
        ends.sort_unstable_by_key(|outcome| std::cmp::Reverse(*outcome == "event"));
        assert_eq!((told, ends), (texts, outcomes), "{what}");
        let tracks: std::collections::BTreeSet<_> = scene.events().iter().map(|event| &event.track_id).collect();
        assert_eq!(tracks.len(), scene.events().len(), "{what}: each has a track of its own");
        assert_eq!(scene.passes.tally().tracks(), scene.passes.tally().ends(), "{what}");
    }
}

#[test]
fn a_plate_whose_box_jumps_is_one_pass() {
    // every other frame, the box is that of something else on the lorry
    let mut scene = Scene::new(settings());
    let (here, there) = (on_lorry(1, "ABC123", 0.0), on_lorry(1, "ABC123", 150.0));
    for frame in 0..60 {
        scene.play(0.04, &[if frame % 2 == 0 { here.clone() } else { there.clone() }]);
    }
    scene.finish();
    assert_eq!((scene.texts(), scene.outcomes()), (vec!["ABC123"], vec!["event"]));
}

#[test]
fn a_stream_that_begins_anew_gives_the_same_events() {
    type End = fn(&mut Scene);
    let ends: [(&str, End); 2] =
        [("cut", |scene| drop(scene.passes.reset())), ("ended", |scene| drop(scene.passes.finish(&mut scene.memory)))];
    let cars = [on_lorry(1, "ABC123", 0.0), on_lorry(2, "XYZ789", 150.0)];
    let mut fresh = Scene::new(settings());
    let first: Vec<Event> = fresh.play(2.0, &cars).events().into_iter().cloned().collect();
    assert_eq!(first.len(), 2);
    for (what, end) in ends {
        let mut scene = Scene::new(settings());
        scene.play(2.0, &cars);
        end(&mut scene);
        let mut again = Scene::new(settings());
        again.passes = scene.passes;
        let second: Vec<Event> = again.play(2.0, &cars).events().into_iter().cloned().collect();
        assert_eq!(second, first, "{what}");
    }
}
