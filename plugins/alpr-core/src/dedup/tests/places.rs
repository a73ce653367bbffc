//! Zones, masks and lines.

use std::sync::Arc;

use super::*;

#[test]
fn zones_and_lines_say_where_and_which_way() {
    let file = r#"{"zones": [{"name": "lane-2", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]], "rule": "require"}],
        "lines": [{"name": "gate", "from": [0.6, 0], "to": [0.6, 1], "to_left": "inbound", "to_right": "outbound",
        "required": true}]}"#;
    let zones = Arc::new(Zones::parse(file).unwrap());
    for (to, outcome) in [(1100.0, "event"), (700.0, "suppressed-by-zone"), (500.0, "suppressed-by-zone")] {
        let mut scene = Scene::new(Settings { zones: zones.clone(), ..settings() });
        scene.play(6.0, &[Car::new(1, "ABC123", 0.0, 3.0).way((100.0, 300.0), (to, 300.0))]);
        assert_eq!(scene.outcomes(), [outcome], "{to}");
        for event in scene.events() {
            assert_eq!(event.extras.roi.as_deref(), Some("lane-2"));
            assert_eq!(event.extras.direction.as_deref(), Some("inbound"));
        }
    }
}

#[test]
fn no_line_that_was_crossed_is_lost() {
    let file = r#"{"lines": [
        {"name": "exit", "from": [0.8, 0], "to": [0.8, 1], "to_left": "out"},
        {"name": "gate", "from": [0.5, 0], "to": [0.5, 1], "to_left": "in", "required": true},
        {"name": "kerb", "from": [0.6, 0], "to": [0.6, 1]}]}"#;
    let zones = Arc::new(Zones::parse(file).unwrap());
    let way = |track, first, last, from, to| Car::new(track, "ABC123", first, last).way((from, 300.0), (to, 300.0));
    for (what, fps, cars, outcomes, direction) in [
        ("one by one", 25.0, vec![way(1, 0.0, 3.0, 100.0, 900.0)], vec!["event"], "in"),
        ("in one step", 2.0, vec![way(1, 0.0, 1.0, 400.0, 1160.0).confidence(0.97)], vec!["event"], "out"),
        (
            "while it was lost",
            25.0,
            vec![way(1, 0.0, 1.0, 300.0, 550.0), way(2, 1.6, 2.6, 800.0, 940.0)],
            vec!["stitched", "event"],
            "in",
        ),
    ] {
        let mut scene = Scene::new(Settings { zones: zones.clone(), emit: Emit::Final, ..settings() });
        scene.fps = fps;
        scene.play(12.0, &cars);
        assert_eq!(scene.outcomes(), outcomes, "{what}");
        assert_eq!(scene.events()[0].extras.direction.as_deref(), Some(direction), "{what}");
    }
}

#[test]
fn a_place_where_a_plate_is_only_expected_is_no_place_where_it_was() {
    let file = r#"{"zones": [{"name": "yard", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}],
        "lines": [{"name": "gate", "from": [0.5, 0], "to": [0.5, 1], "to_left": "inbound", "required": true}]}"#;
    let zones = Arc::new(Zones::parse(file).unwrap());
    let comes = Car::new(1, "ABC123", 0.0, 2.0).way((100.0, 300.0), (500.0, 300.0));
    let expected = Car::new(1, "ABC123", 2.02, 2.5).way((520.0, 300.0), (720.0, 300.0)).expected();
    let stops = Car::new(1, "ABC123", 2.52, 4.0).way((510.0, 300.0), (510.0, 300.0));
    let goes_on = Car::new(1, "ABC123", 2.52, 4.0).way((720.0, 300.0), (1000.0, 300.0));
    for (what, then, outcome) in [
        ("stops", Some(stops), "suppressed-by-zone"),
        ("is gone", None, "suppressed-by-zone"),
        ("goes on", Some(goes_on), "event"),
    ] {
        let mut scene = Scene::new(Settings { zones: zones.clone(), emit: Emit::Final, ..settings() });
        scene.play(7.0, &[comes.clone(), expected.clone()].into_iter().chain(then).collect::<Vec<_>>());
        assert_eq!(scene.outcomes(), [outcome], "{what}");
        for event in scene.events() {
            assert_eq!(
                (event.extras.roi.as_deref(), event.extras.direction.as_deref()),
                (Some("yard"), Some("inbound"))
            );
        }
    }
}

#[test]
fn masked_places_give_nothing() {
    let file = r#"{"zones": [{"name": "sign", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "rule": "exclude"}]}"#;
    let zones = Arc::new(Zones::parse(file).unwrap());
    let mut scene = Scene::new(Settings { zones, ..settings() });
    scene.play(6.0, &[Car::new(1, "ABC123", 0.0, 3.0)]);
    assert_eq!(scene.outcomes(), ["suppressed-by-zone"]);
}

#[test]
fn what_goes_the_other_way_is_another_passing() {
    let file = r#"{"zones": [{"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]},
        {"name": "right", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}],
        "lines": [{"name": "gate", "from": [0.5, 0], "to": [0.5, 1], "to_left": "in", "to_right": "out"}]}"#;
    let zones = Arc::new(Zones::parse(file).unwrap());
    let way = |track, first, from, to| Car::new(track, "ABC123", first, first + 4.0).way((from, 300.0), (to, 300.0));
    // each is sure of its text long before the line
    let (comes, goes, comes_again) =
        (way(1, 0.0, 100.0, 1100.0), way(2, 10.0, 1100.0, 100.0), way(3, 20.0, 100.0, 1100.0));
    let turns_back = way(3, 20.0, 100.0, 500.0);
    for emit in [Emit::Confirmed, Emit::Preview, Emit::Final] {
        let scene = || Scene::new(Settings { zones: zones.clone(), scope: Scope::Direction, emit, ..settings() });
        let mut both_ways = scene();
        both_ways.play(26.0, &[comes.clone(), goes.clone(), comes_again.clone()]);
        assert_eq!(both_ways.outcomes(), ["event", "event", "duplicate-of"], "{emit:?}");
        let settled = both_ways.events().into_iter().filter(|event| !event.extras.preview && !event.extras.withdrawn);
        let directions: Vec<_> = settled.map(|event| event.extras.direction.as_deref()).collect();
        assert_eq!(directions, [Some("in"), Some("out")], "{emit:?}");
        let mut to_the_line = scene();
        to_the_line.play(26.0, &[comes.clone(), turns_back.clone()]);
        assert_eq!(to_the_line.outcomes(), ["event", "event"], "{emit:?}");
    }
    // a place is known from the first sight on
    let mut scene = Scene::new(Settings { zones, scope: Scope::Zone, ..settings() });
    scene.play(26.0, &[comes, goes, comes_again]);
    assert_eq!(scene.outcomes(), ["event", "event", "duplicate-of"]);
}
