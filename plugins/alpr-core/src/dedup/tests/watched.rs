//! Plates that someone waits for, and plates that nobody may read.

use std::sync::Arc;

use super::*;

fn hits(scene: &Scene) -> Vec<&WatchlistDecision> {
    scene
        .decisions
        .iter()
        .filter_map(|d| match d {
            Decision::Watchlist(hit) => Some(&**hit),
            _ => None,
        })
        .collect()
}

#[test]
fn a_watched_plate_is_told_at_once_for_duplicates_too() {
    let watchlist = Arc::new(Watchlist::parse("A8C123,allow\n").unwrap());
    let mut scene = Scene::new(Settings { watchlist, emit: Emit::Final, ..settings() });
    let cars = [Car::new(1, "ABC123", 0.0, 3.0), Car::new(2, "ABC123", 20.0, 23.0), Car::new(3, "XYZ789", 20.0, 23.0)];
    scene.play(1.0, &cars);
    assert_eq!(hits(&scene).len(), 1, "before the event, which comes at the end of the pass");
    assert_eq!(scene.events().len(), 0);
    let delay = hits(&scene)[0].captured.since(START);
    assert!(delay < Duration::from_millis(300), "{delay:?}");
    scene.play(30.0, &cars);
    let told: Vec<_> = hits(&scene).iter().map(|hit| (hit.track_id.as_str(), hit.hit.tag.as_str())).collect();
    assert_eq!(told, [("t-1", "allow"), ("t-2", "allow")]);
    assert_eq!(scene.events()[0].extras.watchlist.as_ref().map(|w| w.tag.as_str()), Some("allow"));
}

#[test]
fn the_watchlist_is_asked_when_somebody_is_told_and_not_in_every_frame() {
    let watchlist = Arc::new(Watchlist::parse("ABC123,allow\n").unwrap());
    for (text, told) in [("ABC123", 1), ("XYZ789", 0)] {
        for emit in [Emit::Confirmed, Emit::Final, Emit::Preview] {
            let mut scene = Scene::new(Settings { watchlist: watchlist.clone(), emit, ..settings() });
            let before = watchlist::LOOKUPS.get();
            scene.play(6.0, &[Car::new(1, text, 0.0, 4.0)]);
            let lookups = watchlist::LOOKUPS.get() - before;
            assert!((1..=2).contains(&lookups), "{emit:?}: {lookups} in 100 frames");
            assert_eq!((hits(&scene).len(), scene.outcomes()), (told, vec!["event"]), "{emit:?}");
        }
    }
}

#[test]
fn privacy_leaves_no_plate_in_anything_that_is_published() {
    let privacy = Some(Hasher::new(b"a key of sixteen").unwrap());
    let watchlist = Arc::new(Watchlist::parse("ABC123,allow\n").unwrap());
    let mut scene = Scene::new(Settings { privacy, watchlist, ..settings() });
    scene.play(30.0, &[Car::new(1, "ABC123", 0.0, 3.0), Car::new(2, "ABC123", 20.0, 23.0)]);
    assert_eq!(scene.outcomes(), ["event", "duplicate-of"]);
    let event = scene.events()[0].to_json_line().unwrap();
    assert!(event.contains("hmac-sha256") && !event.contains("ABC123"), "{event}");
    for decision in &scene.decisions {
        match decision {
            Decision::Outcome(record) => assert!(!format!("{record:?}").contains("ABC123")),
            Decision::Watchlist(hit) => assert!(!format!("{hit:?}").contains("ABC123")),
            _ => (),
        }
    }
}
