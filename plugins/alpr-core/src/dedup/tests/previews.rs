//! What is shown before it is sure, corrected, and taken back.

use super::*;

fn previews() -> Settings {
    Settings { emit: Emit::Preview, ..settings() }
}

/// (text, revision, whether a preview, whether withdrawn) of all events.
fn told(scene: &Scene) -> Vec<(&str, u32, bool, bool)> {
    let told = scene.events().into_iter();
    told.map(|e| (e.plate.normalized_text.as_str(), e.extras.revision, e.extras.preview, e.extras.withdrawn)).collect()
}

#[test]
fn a_preview_is_corrected_under_the_same_id() {
    let mut scene = Scene::new(previews());
    scene.play(5.0, &[Car::new(1, "", 0.0, 2.0).reads(&["A8C123", "ABC123"])]);
    let events = scene.events();
    let seen: Vec<_> =
        events.iter().map(|e| (e.plate.normalized_text.as_str(), e.extras.revision, e.extras.preview)).collect();
    assert_eq!(seen, [("A8C123", 0, true), ("ABC123", 1, true), ("ABC123", 2, false)]);
    assert!(events.iter().all(|e| e.event_id == events[0].event_id && e.captured_at == events[0].captured_at));
    // what is remembered is the corrected text
    scene.play(5.0, &[Car::new(2, "ABC123", 6.0, 8.0)]);
    assert_eq!(scene.outcomes(), ["event", "duplicate-of"]);
}

#[test]
fn what_comes_to_be_a_known_plate_is_taken_back() {
    // a glance of another text is a preview, and some readings of it in a row a sure event
    for (misreads, shown) in [(1, vec![true]), (12, vec![true, false])] {
        let mut reads = vec!["XYZ789"; misreads];
        reads.push("ABC123");
        let again = Car::new(2, "", 6.0, 9.0).reads(&reads);
        let mut scene = Scene::new(previews());
        scene.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
        let first = scene.events()[0].event_id.clone();
        let before = scene.events().len();
        scene.play(8.0, &[again]);
        assert_eq!(scene.outcomes(), ["event", "duplicate-of"], "{misreads}");
        let told = told(&scene).split_off(before);
        let revisions: Vec<_> = shown.iter().zip(0..).map(|(preview, n)| ("XYZ789", n, *preview, false)).collect();
        let closed = ("XYZ789", shown.len() as u32, false, true);
        assert_eq!(told, [revisions, vec![closed]].concat(), "{misreads}");
        let of = scene.decisions.iter().filter_map(|decision| match decision {
            Decision::Outcome(record) => record.duplicate_of.clone(),
            _ => None,
        });
        assert_eq!(of.collect::<Vec<_>>(), [first], "{misreads}");
        assert_eq!(scene.memory.len(), 1, "the misread text is no plate that was seen");
    }
}

#[test]
fn a_preview_that_is_corrected_is_no_duplicate_of_itself() {
    let mut scene = Scene::new(previews());
    scene.play(5.0, &[Car::new(1, "", 0.0, 2.0).reads(&["XYZ789", "ABC123"])]);
    assert_eq!(scene.outcomes(), ["event"]);
    assert_eq!(scene.texts().last(), Some(&"ABC123"));
}

#[test]
fn lettering_gives_no_preview() {
    let mut scene = Scene::new(previews());
    let lettering = Car::new(1, "MAX12T", 0.1, 0.16).confidence(0.97).detector(0.7);
    scene.play(8.0, &[lettering, Car::new(2, "ABC123", 0.1, 2.0)]);
    assert_eq!(scene.outcomes(), ["weak-detection", "event"]);
    assert!(scene.texts().iter().all(|text| *text == "ABC123"), "{:?}", scene.texts());
}

#[test]
fn what_turns_out_to_be_a_sign_is_taken_back() {
    let sign = Car::new(1, "PARK2020", 0.5, 4.0).way((400.0, 60.0), (401.0, 60.0));
    let mut scene = Scene::new(previews());
    scene.play(8.0, &[sign]);
    assert_eq!(told(&scene), [("PARK2020", 0, true, false), ("PARK2020", 1, false, true)]);
    assert_eq!(scene.outcomes(), ["static"]);
    let (shown, closed) = (scene.events()[0], scene.events()[1]);
    assert_eq!((&shown.event_id, &shown.captured_at), (&closed.event_id, &closed.captured_at));
    assert!(scene.memory.is_empty(), "a vehicle with this plate is none that was seen already");
}

#[test]
fn what_is_taken_back_silences_no_later_pass() {
    let glimpse = Car::new(1, "ABC123", 0.5, 0.52).confidence(0.97);
    let passes = Car::new(2, "ABC123", 3.0, 5.0);
    let mut scene = Scene::new(previews());
    scene.play(8.0, &[glimpse, passes]);
    assert_eq!(scene.outcomes(), ["too-few-reads", "event"]);
    assert_eq!(
        told(&scene),
        [
            ("ABC123", 0, true, false),
            ("ABC123", 1, false, true),
            ("ABC123", 0, true, false),
            ("ABC123", 1, false, false),
        ]
    );
}

#[test]
fn what_another_pass_bears_out_stands() {
    // one that waits, and another track of its plate that is over first
    let waits = Car::new(1, "ABC123", 0.5, 6.0).way((400.0, 60.0), (401.0, 60.0));
    let passes = Car::new(2, "ABC123", 1.0, 2.0).way((100.0, 600.0), (1100.0, 600.0));
    let mut scene = Scene::new(previews());
    scene.play(10.0, &[waits, passes]);
    assert_eq!(scene.outcomes(), ["duplicate-of", "event"]);
    assert_eq!(told(&scene), [("ABC123", 0, true, false), ("ABC123", 1, false, false)]);
}

#[test]
fn a_preview_is_closed_when_previews_are_no_longer_wanted() {
    for (car, closed) in [
        (Car::new(1, "ABC123", 0.0, 2.0), ("ABC123", 1, false, false)),
        (Car::new(1, "ABC123", 0.0, 4.0).way((400.0, 60.0), (401.0, 60.0)), ("ABC123", 1, false, true)),
    ] {
        let mut scene = Scene::new(previews());
        scene.play(0.05, std::slice::from_ref(&car));
        scene.passes.set_settings(settings());
        scene.play(8.0, &[car]);
        assert_eq!(told(&scene), [("ABC123", 0, true, false), closed]);
    }
}

#[test]
fn a_preview_that_downstream_refused_is_not_taken_back() {
    let mut scene = Scene::new(previews());
    scene.delivers = false;
    scene.play(8.0, &[Car::new(1, "PARK2020", 0.5, 4.0).way((400.0, 60.0), (401.0, 60.0))]);
    assert_eq!(scene.outcomes(), ["not-delivered"]);
    assert!(told(&scene).iter().all(|(_, _, preview, _)| *preview), "{:?}", told(&scene));
}

#[test]
fn what_was_sure_is_no_preview_again() {
    let mut scene = Scene::new(previews());
    scene.play(1.0, &[Car::new(1, "ABC123", 0.0, 4.0)]);
    assert_eq!(told(&scene), [("ABC123", 0, true, false), ("ABC123", 1, false, false)]);
    // the readings drift: most say something else in the end, which is plausible and not sure
    scene.play(8.0, &[Car::new(1, "ABC128", 0.0, 4.0).seems(0.75)]);
    assert_eq!(told(&scene)[2..], [("ABC128", 2, false, false)]);
    assert_eq!(scene.outcomes(), ["event"]);
}
