//! Streams that are one picture each.

use super::*;

fn seen_in(frames: u32, confidence: f32) -> Scene {
    let mut scene = Scene::new(settings());
    scene.play(f64::from(frames) / 25.0, &[Car::new(1, "ABC123", 0.0, 1.0).confidence(confidence)]);
    scene.finish();
    scene
}

#[test]
fn a_plate_of_the_only_picture_is_an_event() {
    assert_eq!(seen_in(1, 0.75).outcomes(), ["event"], "no second reading can come");
    assert_eq!(seen_in(1, 0.65).outcomes(), ["low-confidence"]);
    assert_eq!(seen_in(2, 0.75).outcomes(), ["too-few-reads"], "a film");
}

#[test]
fn streams_of_one_picture_each_follow_one_another() {
    let mut scene = Scene::new(settings());
    for track in 1..=3 {
        scene.play(0.04, &[Car::new(track, "ABC123", 0.0, 1.0).confidence(0.75)]);
        scene.finish();
    }
    assert_eq!(scene.outcomes(), ["event", "duplicate-of", "duplicate-of"]);
}

/// A vehicle that stands at the same place in `frames` pictures from `clock` on, read with probability 0.75.
fn photographed(track: u64, text: &'static str, clock: f64, frames: u32) -> Car {
    let last = clock + f64::from(frames) / 25.0;
    Car::new(track, text, (clock - 0.01).max(0.0), last).confidence(0.75).way((500.0, 300.0), (500.0, 300.0))
}

#[test]
fn photographs_that_follow_one_another_give_an_event_each() {
    for frames in 1..=4 {
        let mut scene = Scene::new(settings());
        for (track, text) in [(1, "ABC123"), (2, "XYZ789"), (3, "KLM456")] {
            let car = photographed(track, text, scene.clock.as_secs_f64(), frames);
            scene.play(f64::from(frames) / 25.0 - 0.001, &[car]).cut();
        }
        scene.check_pictures();
        let expected: &[&str] = if frames < 4 { &["ABC123", "XYZ789", "KLM456"] } else { &[] };
        assert_eq!(scene.texts(), expected, "{frames} of each: {:?}", scene.outcomes());
    }
}

#[test]
fn a_glimpse_between_two_films_is_no_photograph() {
    let mut scene = Scene::new(settings());
    scene.play(2.0, &[]).cut();
    let car = photographed(1, "ABC123", 2.0, 1);
    scene.play(0.03, &[car]).cut();
    assert_eq!(scene.outcomes(), ["too-few-reads"]);
}

#[test]
fn where_all_are_alone_an_event_waits_for_no_other_picture() {
    let mut scene = Scene::new(settings());
    let mut told = Vec::new();
    for (track, text) in [(1, "ABC123"), (2, "XYZ789"), (3, "KLM456"), (4, "PRS012"), (5, "DEF345")] {
        let car = photographed(track, text, scene.clock.as_secs_f64(), 1);
        scene.cut().play(0.03, &[car]);
        told.push(scene.events().len());
    }
    assert_eq!(told, [0, 1, 2, 4, 5], "the first three when the next one comes");
    scene.finish();
    assert_eq!(scene.events().len(), 5, "no event twice");
}

#[test]
fn of_photographs_too_each_plate_gives_one_event() {
    let mut scene = Scene::new(settings());
    for track in 1..=5 {
        let car = photographed(track, "ABC123", scene.clock.as_secs_f64(), 1);
        scene.cut().play(0.03, &[car]);
    }
    scene.finish();
    assert_eq!(scene.texts(), ["ABC123"]);
}

#[test]
fn what_stood_in_pictures_is_no_sign_when_it_comes_again() {
    let mut scene = Scene::sharing(
        settings(),
        Duplicates::new(DuplicateRules { window: Duration::ZERO, ..DuplicateRules::default() }),
    );
    scene.fps = 1.0;
    for track in 1..=3 {
        let clock = scene.clock.as_secs_f64();
        let car = Car::new(track, "ABC123", (clock - 0.1).max(0.0), clock + 2.5).way((500.0, 300.0), (500.0, 300.0));
        scene.play(2.9, &[car]).cut();
    }
    assert_eq!(scene.outcomes(), ["event"; 3]);
}
