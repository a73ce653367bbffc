//! Faults of the program that this one replaces. None may come back.

use super::*;

#[test]
fn a_weak_first_read_does_not_silence_the_track() {
    let mut scene = Scene::new(settings());
    let weak = Car::new(1, "A8C123", 0.0, 4.0).reads(&["A8C123", "A8C123", "A8C123"]).confidence(0.55);
    scene.play(0.08, &[weak]);
    assert_eq!(scene.texts(), [""; 0]);
    scene.play(4.0, &[Car::new(1, "ABC123", 0.0, 4.0)]).finish();
    assert_eq!(scene.texts(), ["ABC123"]);
}

#[test]
fn what_was_never_delivered_is_not_remembered() {
    let mut scene = Scene::new(settings());
    scene.delivers = false;
    scene.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
    assert_eq!(scene.passes.tally().of(Outcome::NotDelivered), 1);
    assert!(scene.memory.is_empty());
    scene.delivers = true;
    scene.play(5.0, &[Car::new(2, "ABC123", 5.0, 7.0)]);
    assert_eq!(scene.outcomes(), ["not-delivered", "event"]);
    assert_eq!(scene.texts(), ["ABC123", "ABC123"]);
}

#[test]
fn one_camera_does_not_silence_another() {
    let mut entry = Scene::new(settings());
    entry.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
    let other = Settings { identity: Identity { camera: "CAM2".into(), ..settings().identity }, ..settings() };
    let mut exit = Scene::sharing(other, std::mem::take(&mut entry.memory));
    exit.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
    assert_eq!((entry.texts(), exit.texts()), (vec!["ABC123"], vec!["ABC123"]));
}

#[test]
fn a_site_can_be_one_scope_when_that_is_wanted() {
    let site = Settings { scope: Scope::Site, ..settings() };
    let mut entry = Scene::new(site.clone());
    entry.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
    let other = Settings { identity: Identity { camera: "CAM2".into(), ..site.identity.clone() }, ..site };
    let mut exit = Scene::sharing(other, std::mem::take(&mut entry.memory));
    exit.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
    assert_eq!(exit.outcomes(), ["duplicate-of"]);
}

#[test]
fn a_camera_whose_clock_is_ahead_makes_no_other_forget() {
    for scope in [Scope::Camera, Scope::Site] {
        let settings = Settings { scope, ..settings() };
        let mut right = Scene::new(settings.clone());
        right.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
        let identity = Identity { camera: "CAM2".into(), ..settings.identity.clone() };
        let mut ahead = Scene::sharing(Settings { identity, ..settings }, std::mem::take(&mut right.memory));
        ahead.clock = Duration::from_secs(3600);
        ahead.play(5.0, &[Car::new(1, "XYZ789", 3600.0, 3602.0)]);
        right.memory = std::mem::take(&mut ahead.memory);
        right.play(10.0, &[Car::new(2, "ABC123", 6.0, 8.0)]);
        assert_eq!(right.outcomes(), ["event", "duplicate-of"], "{scope:?}");
        // each frees what is its own
        right.play(320.0, &[]);
        assert_eq!(right.memory.len(), 1);
        ahead.memory = right.memory;
        ahead.play(320.0, &[]);
        assert!(ahead.memory.is_empty());
    }
}

#[test]
fn two_neighbouring_fleet_plates_are_two_vehicles() {
    let mut scene = Scene::new(settings());
    scene.play(20.0, &[Car::new(1, "ABC1234", 0.0, 2.0), Car::new(2, "ABC1235", 6.0, 8.0)]);
    assert_eq!(scene.texts(), ["ABC1234", "ABC1235"]);
}

#[test]
fn the_time_of_an_event_is_capture_time() {
    let mut scene = Scene::new(settings());
    scene.play(5.0, &[Car::new(1, "ABC123", 1.0, 3.0)]);
    let event = scene.events()[0];
    assert_eq!(event.extras.first_seen_at, START.plus(Duration::from_secs(1)).to_iso8601());
    assert!(event.captured_at >= event.extras.first_seen_at);
    assert!(event.captured_at < START.plus(Duration::from_secs(3)).to_iso8601());
    assert_eq!(event.extras.time_source, "stream-time");
}

#[test]
fn a_replay_gives_the_same_events() {
    let run = || {
        let mut scene = Scene::new(settings());
        let cars = [Car::new(1, "ABC123", 0.5, 3.0), Car::new(2, "XYZ789", 1.0, 4.0), Car::new(3, "K1", 2.0, 3.0)];
        scene.play(8.0, &cars).finish();
        scene.events().iter().map(|event| event.to_json_line().unwrap()).collect::<String>()
    };
    assert_eq!(run(), run());
    assert_eq!(run().lines().count(), 2);
}

#[test]
fn a_duplicate_in_view_when_the_frames_stop_is_still_one_when_they_come_back() {
    for emit in [Emit::Confirmed, Emit::Final] {
        let mut scene = Scene::new(Settings { emit, ..settings() });
        let cars = [Car::new(1, "ABC123", 0.0, 2.0), Car::new(2, "ABC123", 10.0, 20.0)];
        // the outage is longer than the window, in which the memory forgets the plate
        scene.play(15.0, &cars);
        scene.clock += Duration::from_secs(400);
        scene.play(1.0, &[]).finish();
        assert_eq!(scene.texts(), ["ABC123"], "{emit:?}");
        assert_eq!(scene.outcomes(), ["event", "duplicate-of"], "{emit:?}");
    }
}

#[test]
fn the_first_read_does_not_win() {
    for emit in [Emit::Confirmed, Emit::Final] {
        let mut scene = Scene::new(Settings { emit, ..settings() });
        scene.play(5.0, &[Car::new(1, "", 0.0, 2.0).reads(&["A8C123", "ABC123"])]);
        assert_eq!(scene.texts(), ["ABC123"], "{emit:?}");
    }
}

#[test]
fn an_unknown_region_is_told_or_rejected() {
    let rules = |unknown_region| Rules { unknown_region, ..Rules::default() };
    for (policy, texts, outcome, format) in [
        (UnknownRegion::Accept, vec!["QQ1"], "event", Some("unknown")),
        (UnknownRegion::Reject, vec![], "unknown-region", None),
    ] {
        let mut scene = Scene::new(Settings { regions: vec!["BR".into()], rules: rules(policy), ..settings() });
        scene.play(5.0, &[Car::new(1, "QQ1", 0.0, 2.0)]);
        assert_eq!(scene.texts(), texts, "{policy:?}");
        assert_eq!(scene.outcomes(), [outcome], "{policy:?}");
        assert_eq!(scene.events().first().and_then(|e| e.extras.format.as_deref()), format, "{policy:?}");
    }
}

#[test]
fn a_plate_of_a_wanted_region_carries_its_region_and_separators() {
    let mut scene = Scene::new(Settings { regions: vec!["BR".into()], ..settings() });
    scene.play(5.0, &[Car::new(1, "ABC1D23", 0.0, 2.0)]);
    let event = scene.events()[0];
    assert_eq!(event.plate.normalized_text, "ABC1D23");
    assert_eq!(event.plate.region.as_deref(), Some("BR"));
    assert_eq!(event.extras.format.as_deref(), Some("fit"));
}

#[test]
fn state_is_freed() {
    let mut scene = Scene::new(settings());
    for n in 0..50u64 {
        let start = n as f64 * 10.0;
        scene.play(10.0, &[Car::new(n, "ABC123", start, start + 1.0)]);
        assert!(scene.passes.live() <= 1);
    }
    scene.play(400.0, &[]);
    assert_eq!(scene.passes.live(), 0);
    assert!(scene.memory.find("x", "y", START.plus(scene.clock), None).is_none());
    assert!(scene.memory.is_empty());
}
