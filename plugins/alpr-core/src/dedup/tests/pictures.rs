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
