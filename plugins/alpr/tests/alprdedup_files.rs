//! What `alprdedup` keeps in files: its memory, the plates that someone waits for.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is how a test fails; one test feeds another"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::passes::*;
use common::{init, wait_for};
use gst::prelude::*;

#[test]
fn a_state_file_keeps_plates_over_a_restart() {
    let folder = Folder::new("state");
    let file = folder.path("state");
    for (run, outcome) in [(0, "event"), (1, "duplicate-of")] {
        let mut h = harness(&[("state-file", file.as_str()), ("start-time", "2025-12-27T00:57:03Z")]);
        empty(&mut h, 100 * run, 1);
        pass(&mut h, 1, "ABC123", 100 * run + 1, 5);
        h.push_event(gst::event::Eos::new());
        assert_eq!(stat(&h, outcome), 1, "run {run}");
        h.element().unwrap().set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn a_preview_that_is_taken_back_is_kept_nowhere() {
    let folder = Folder::new("withdrawn");
    let (file, location) = (folder.path("state"), folder.path("evidence"));
    let properties = [("state-file", file.as_str()), ("evidence-location", location.as_str()), ("emit", "preview")];
    for run in 0..2 {
        let mut h = harness(&properties);
        empty(&mut h, 100 * run, 1);
        // in one frame of many: too little for an event
        pass(&mut h, 1, "ABC123", 100 * run + 1, 1);
        let shown = events(&mut h);
        h.push_event(gst::event::Eos::new());
        let closed = events(&mut h);
        assert_eq!((shown.len(), closed.len()), (1, 1), "run {run}: another preview, no duplicate");
        assert_eq!((shown[0].extras.preview, shown[0].extras.withdrawn), (true, false));
        assert_eq!((closed[0].extras.preview, closed[0].extras.withdrawn, closed[0].extras.revision), (false, true, 1));
        assert_eq!((&closed[0].event_id, &closed[0].plate), (&shown[0].event_id, &shown[0].plate));
        assert!(!shown[0].images.plate_url.is_empty() && closed[0].images.plate_url.is_empty());
        for (name, count) in [("too-few-reads", 1), ("event", 0), ("events", 1), ("revisions", 1), ("withdrawn", 1)] {
            assert_eq!(stat(&h, name), count, "{name}");
        }
        h.element().unwrap().set_state(gst::State::Null).unwrap();
    }
}

/// Names the state file to the process that is killed.
const STATE: &str = "ALPRDEDUP_TEST_STATE_FILE";

/// The plate of the `n`-th vehicle: no two are alike.
fn nth_plate(n: u64) -> String {
    format!("K{:03}XY", n * 111 % 1000)
}

/// Lets vehicles pass an element with a state file for as long as it lives, or a few of them when nobody kills it. Prints
/// the plate of each event that downstream took: from then on it must not be forgotten.
#[test]
fn every_event_that_was_taken_is_in_the_state_file_at_once() {
    let folder = Folder::new("feed");
    let (file, vehicles) = std::env::var(STATE).map_or_else(|_| (folder.path("state"), 3), |file| (file, u64::MAX));
    let mut h = harness(&[("state-file", file.as_str()), ("start-time", "2025-12-27T00:57:03Z")]);
    for n in 0..vehicles {
        pass(&mut h, n, &nth_plate(n), 5 * n + 1, 5);
        for event in events(&mut h) {
            let plate = event.plate.normalized_text;
            assert!(std::fs::read_to_string(&file).unwrap().contains(&plate));
            println!("took {plate}");
        }
    }
}

#[test]
fn a_kill_forgets_no_plate_that_gave_an_event() {
    let folder = Folder::new("killed");
    for kill in 1..=3_usize {
        let file = folder.path(&format!("state-{kill}"));
        let mut feeder = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "every_event_that_was_taken_is_in_the_state_file_at_once", "--nocapture"])
            .env(STATE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(feeder.stdout.take().unwrap()).lines().map_while(Result::ok);
        // the first line follows what the test program says itself, without a line break
        let took = lines.filter_map(|line| line.split_once("took ").map(|(_, plate)| plate.to_owned()));
        let plates: Vec<String> = took.take(7 * kill).collect();
        feeder.kill().unwrap();
        feeder.wait().unwrap();
        assert_eq!(plates.len(), 7 * kill, "the feeder ended by itself");

        let mut h = harness(&[("state-file", file.as_str()), ("start-time", "2025-12-27T00:57:33Z")]);
        for (n, plate) in plates.iter().enumerate() {
            pass(&mut h, n as u64, plate, 5 * n as u64 + 1, 5);
        }
        h.push_event(gst::event::Eos::new());
        assert_eq!((stat(&h, "duplicate-of"), stat(&h, "event")), (plates.len() as u64, 0), "after kill {kill}");
        h.element().unwrap().set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn cameras_of_one_site_share_what_they_saw_when_they_are_asked_to() {
    for (scope, site, second) in
        [("site", "yard", "duplicate-of"), ("site", "harbour", "event"), ("camera", "yard", "event")]
    {
        let camera = |id: &str, site: &str| harness(&[("camera-id", id), ("site-id", site), ("scope", scope)]);
        let (mut entry, mut exit) = (camera("entry", "yard"), camera("exit", site));
        pass(&mut entry, 1, "ABC123", 1, 5);
        assert_eq!(events(&mut entry).len(), 1, "{scope} {site}");
        pass(&mut exit, 1, "A8C123", 30, 5);
        empty(&mut exit, 35, 50);
        assert_eq!(stat(&exit, second), 1, "{scope} {site}");
        // a plate that no camera saw is an event at either
        pass(&mut exit, 2, "XYZ789", 90, 5);
        assert_eq!(events(&mut exit).last().map(|e| e.plate.normalized_text.clone()).as_deref(), Some("XYZ789"));
    }
}

#[test]
fn the_rules_of_a_site_are_those_of_its_first_camera() {
    let camera = |id: &str, window: &str| {
        harness(&[("camera-id", id), ("site-id", "rules"), ("scope", "site"), ("time-window", window)])
    };
    let (mut first, second) = (camera("first", "300000000000"), camera("second", "0"));
    for (name, value) in [("min-length", "3"), ("time-window", "1")] {
        second.element().unwrap().set_property_from_str(name, value);
    }
    pass(&mut first, 1, "ABC123", 1, 5);
    empty(&mut first, 6, 200);
    pass(&mut first, 2, "ABC123", 250, 5);
    first.element().unwrap().set_property("min-length", 4u32);
    empty(&mut first, 255, 50);
    assert_eq!((stat(&first, "event"), stat(&first, "duplicate-of")), (1, 1));
    first.element().unwrap().set_property("time-window", 0u64);
    pass(&mut first, 3, "ABC123", 350, 5);
    empty(&mut first, 355, 50);
    assert_eq!(stat(&first, "event"), 2, "the first may change them");
}

#[test]
fn files_that_are_named_in_ready_are_used() {
    let folder = Folder::new("ready");
    let [list, zones, state, location] = ["list", "zones", "state", "evidence"].map(|name| folder.path(name));
    std::fs::write(&list, "ABC123,allow\n").unwrap();
    std::fs::write(&zones, r#"{"zones": [{"name": "all", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}]}"#).unwrap();
    init();
    let element = gst::ElementFactory::make("alprdedup").build().unwrap();
    element.set_state(gst::State::Ready).unwrap();
    for (name, value) in
        [("watchlist-file", &list), ("zones-file", &zones), ("state-file", &state), ("evidence-location", &location)]
    {
        element.set_property(name, value);
    }
    let mut h = around(&element);
    pass(&mut h, 1, "ABC123", 1, 5);
    let event = events(&mut h).remove(0);
    assert_eq!(event.extras.watchlist.map(|hit| hit.tag).as_deref(), Some("allow"));
    assert_eq!(event.extras.roi.as_deref(), Some("all"));
    assert!(std::fs::exists(event.images.plate_url).unwrap());
    assert!(std::fs::read_to_string(&state).unwrap().contains("ABC123"));
    // and what changes later is read again
    std::fs::write(&list, "XYZ789,stolen\n").unwrap();
    let mut track = 2;
    wait_for("a hit of the new list", || {
        pass(&mut h, track, "XYZ789", 100 * track, 5);
        track += 1;
        stat(&h, "watchlist-hits") == 2
    });
}

#[test]
fn a_file_that_went_away_blocks_no_change_of_a_property() {
    let folder = Folder::new("away");
    let file = folder.path("list");
    std::fs::write(&file, "ABC123,allow\n").unwrap();
    let mut h = harness(&[("watchlist-file", file.as_str())]);
    empty(&mut h, 0, 1);
    std::fs::remove_file(&file).unwrap();
    h.element().unwrap().set_property("min-confidence", 1.0);
    pass(&mut h, 1, "ABC123", 1, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!(stat(&h, "low-confidence"), 1);
}

#[test]
fn a_watchlist_that_changes_is_read_again() {
    let folder = Folder::new("watchlist");
    let file = folder.path("list");
    std::fs::write(&file, "ABC123,allow\n").unwrap();
    let mut h = harness(&[("watchlist-file", file.as_str()), ("time-window", "0")]);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    let hits = || -> Vec<String> { bus.iter().filter_map(|m| m.structure()?.get("tag").ok()).collect() };
    assert_eq!(hits(), ["allow"]);
    std::fs::write(&file, "nonsense,x,y\n").unwrap();
    wait_for("a warning", || bus.iter().any(|m| m.type_() == gst::MessageType::Warning));
    std::fs::write(&file, "XYZ789,stolen\n").unwrap();
    let mut track = 2;
    wait_for("a hit of the new list", || {
        pass(&mut h, track, "XYZ789", 100 * track, 5);
        track += 1;
        hits() == ["stolen"]
    });
}

#[test]
fn zones_that_change_are_read_again() {
    let folder = Folder::new("zones");
    let file = folder.path("zones.json");
    std::fs::write(&file, "{}").unwrap();
    let mut h = harness(&[("zones-file", file.as_str()), ("time-window", "0")]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    assert_eq!(events(&mut h).len(), 1);
    let mask = r#"{"zones": [{"name": "all", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "rule": "exclude"}]}"#;
    std::fs::write(&file, mask).unwrap();
    let mut track = 2;
    wait_for("a pass that the new mask hides", || {
        pass(&mut h, track, "XYZ789", 100 * track, 5);
        track += 1;
        stat(&h, "suppressed-by-zone") > 0
    });
}
