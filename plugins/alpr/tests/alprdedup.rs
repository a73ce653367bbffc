//! `alprdedup` with metadata as `alprocr` writes it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::sync::Once;

use alpr_core::consensus::Consensus;
use alpr_core::event::Event;
use alpr_core::geometry::Rect;
use alpr_core::reader::{Alphabet, Lattice, Reading};
use gst::prelude::*;
use gstalpr::meta::{self, PlateMeta};

const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);

fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstalpr::plugin_register_static().unwrap();
    });
}

fn caps(width: i32) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "GRAY8")
        .field("width", width)
        .field("height", 360)
        .field("framerate", gst::Fraction::new(25, 1))
        .build()
}

/// A running `alprdedup` with `properties`.
fn harness(properties: &[(&str, &str)]) -> gst_check::Harness {
    init();
    let element = gst::ElementFactory::make("alprdedup").property("camera-id", "CAM1").build().unwrap();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    around(&element)
}

/// A harness around `element`, which may have run before.
fn around(element: &gst::Element) -> gst_check::Harness {
    let mut harness = gst_check::Harness::with_element(element, Some("sink"), Some("src"));
    // a harness says that it is live; we want a file
    harness.srcpad().unwrap().add_probe(gst::PadProbeType::QUERY_UPSTREAM, |_, info| {
        if let Some(gst::QueryViewMut::Latency(latency)) = info.query_mut().map(|query| query.view_mut()) {
            latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
    harness.play();
    harness.set_src_caps(caps(640));
    harness
}

fn lattice(text: &str) -> Lattice {
    let alphabet = Alphabet::latin();
    let symbols = alphabet.symbols().to_vec();
    let row = |c: char| {
        let place = symbols.iter().position(|s| *s == c).unwrap();
        (0..=symbols.len()).map(move |i| if i == place { 0.964 } else { 0.001 })
    };
    Lattice { probs: text.chars().flat_map(row).collect(), alphabet }
}

/// Track `track` at its `n`-th frame, with `text` read `n + 1` times.
fn plate(track: u64, text: &str, n: u32) -> PlateMeta {
    let consensus = Consensus {
        lattice: lattice(text),
        text: text.into(),
        confidence: 0.95,
        char_confidence: vec![0.99; text.len()],
        alternatives: vec![("ALTER1".into(), 0.02)],
        reads: n + 1,
        agreeing: n + 1,
        region: None,
    };
    PlateMeta {
        bbox: Rect::new(50.0 + 20.0 * n as f32, 100.0 + 20.0 * (track % 10) as f32, 80.0, 20.0),
        confidence: 0.8,
        track_id: Some(track),
        quality: Some(0.7),
        reading: Some(Reading { text: text.into(), confidence: 0.95, lattice: lattice(text), region: None }),
        consensus: Some(consensus),
        ..PlateMeta::default()
    }
}

fn frame(number: u64, plates: &[PlateMeta]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(vec![128u8; 640 * 360]);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(number * FRAME);
    writable.set_duration(FRAME);
    meta::write(writable, plates);
    buffer
}

/// Pushes `count` frames from number `first` on, with `text` on track `track` in each.
fn pass(harness: &mut gst_check::Harness, track: u64, text: &str, first: u64, count: u32) {
    for n in 0..count {
        harness.push(frame(first + u64::from(n), &[plate(track, text, n)])).unwrap();
    }
}

fn empty(harness: &mut gst_check::Harness, first: u64, count: u64) {
    for n in 0..count {
        harness.push(frame(first + n, &[])).unwrap();
    }
}

/// All lines that came out, and their presentation times.
fn lines(harness: &mut gst_check::Harness) -> Vec<(String, Option<gst::ClockTime>)> {
    std::iter::from_fn(|| harness.try_pull())
        .map(|buffer| {
            let map = buffer.map_readable().unwrap();
            (String::from_utf8(map.to_vec()).unwrap(), buffer.pts())
        })
        .collect()
}

fn events(harness: &mut gst_check::Harness) -> Vec<Event> {
    lines(harness).iter().map(|(line, _)| serde_json::from_str(line).unwrap()).collect()
}

fn stat(harness: &gst_check::Harness, name: &str) -> u64 {
    harness.element().unwrap().property::<gst::Structure>("stats").get(name).unwrap()
}

#[test]
fn one_line_of_json_for_one_pass() {
    let mut h = harness(&[("start-time", "2025-12-27T00:57:03Z"), ("site-id", "DC1"), ("host-id", "gate")]);
    empty(&mut h, 0, 30);
    pass(&mut h, 44, "ALL469", 30, 20);
    empty(&mut h, 50, 30);
    h.push_event(gst::event::Eos::new());
    let lines = lines(&mut h);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (line, pts) = &lines[0];
    assert!(line.ends_with("}\n") && line.matches('\n').count() == 1);
    assert_eq!(*pts, Some(33 * FRAME), "the third reading makes it sure, the fourth sight shows that it moves");
    let event: Event = serde_json::from_str(line).unwrap();
    assert_eq!(event.captured_at, "2025-12-27T00:57:04.200000+00:00", "the first of the equal readings won");
    assert_eq!((event.camera_id.as_str(), event.track_id.as_str()), ("CAM1", "t-44"));
    assert_eq!((event.plate.normalized_text.as_str(), event.plate.confidence), ("ALL469", 0.95));
    assert_eq!((event.latency_ms, event.extras.frame_number), (0, Some(30)));
    assert_eq!((event.node.site.as_str(), event.node.host.as_str()), ("DC1", "gate"));
    for (name, count) in [("frames", 80), ("tracks", 1), ("event", 1), ("events", 1), ("live", 0)] {
        assert_eq!(stat(&h, name), count, "{name}");
    }
}

#[test]
fn frames_without_an_event_become_gaps() {
    let mut h = harness(&[]);
    empty(&mut h, 0, 3);
    let mut seen = Vec::new();
    while let Ok(event) = h.try_pull_event().ok_or(()) {
        seen.push(event.type_());
    }
    assert_eq!(&seen[..3], [gst::EventType::StreamStart, gst::EventType::Caps, gst::EventType::Segment]);
    assert_eq!(&seen[3..], [gst::EventType::Gap; 3]);
}

#[test]
fn caps_change_flush_eos_and_restart() {
    let mut h = harness(&[]);
    pass(&mut h, 1, "ABC123", 1, 2);
    h.set_src_caps(caps(320));
    assert_eq!(
        h.sinkpad().unwrap().current_caps().unwrap().to_string(),
        "application/x-json, format=(string)alpr-event"
    );
    h.push_event(gst::event::FlushStart::new());
    h.push_event(gst::event::FlushStop::new(true));
    assert_eq!(stat(&h, "interrupted"), 1, "the track was cut before it was sure");
    h.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    pass(&mut h, 1, "ABC123", 1, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!(events(&mut h).len(), 1);
    assert_eq!((stat(&h, "tracks"), stat(&h, "event"), stat(&h, "interrupted")), (2, 1, 1));

    let element = h.element().unwrap();
    element.set_state(gst::State::Null).unwrap();
    assert_eq!(element.property::<gst::Structure>("stats").n_fields(), 0, "nothing is left of the run");
    drop(h);
    let mut h = around(&element);
    pass(&mut h, 1, "ABC123", 1, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!(events(&mut h).len(), 1, "a new run remembers nothing without a state file");
}

#[test]
fn a_replay_is_byte_identical_however_fast_it_is_played() {
    let run = |pause: std::time::Duration| {
        let mut h = harness(&[]);
        for n in 0..30u32 {
            let plates = [plate(1, "ABC123", n), plate(2, "XYZ789", n), plate(3, "M11MMM", n)];
            h.push(frame(u64::from(n), &plates)).unwrap();
            std::thread::sleep(pause);
        }
        h.push_event(gst::event::Eos::new());
        lines(&mut h)
    };
    let fast = run(std::time::Duration::ZERO);
    assert_eq!(fast.len(), 3);
    assert_eq!(fast, run(std::time::Duration::from_millis(3)));
}

#[test]
fn the_reference_timestamp_is_the_capture_time() {
    let mut h = harness(&[]);
    for n in 0..5u32 {
        let mut buffer = frame(u64::from(n), &[plate(1, "ABC123", n)]);
        // NTP time of 2025-12-27T00:57:03Z
        let ntp = gst::ClockTime::from_seconds(1_766_797_023 + 2_208_988_800) + u64::from(n) * FRAME;
        let caps = gst::Caps::new_empty_simple("timestamp/x-ntp");
        gst::ReferenceTimestampMeta::add(buffer.get_mut().unwrap(), &caps, ntp, gst::ClockTime::NONE);
        h.push(buffer).unwrap();
    }
    let buffer = h.pull().unwrap();
    let meta = buffer.meta::<gst::ReferenceTimestampMeta>().unwrap();
    assert_eq!(meta.timestamp(), gst::ClockTime::from_seconds(1_766_797_023));
    let event: Event = serde_json::from_slice(&buffer.map_readable().unwrap()).unwrap();
    assert_eq!(event.captured_at, "2025-12-27T00:57:03.000000+00:00");
    assert_eq!(event.extras.time_source, "reference");
}

#[test]
fn unusable_settings_stop_the_start_and_say_why() {
    init();
    let long = "x".repeat(51);
    for (name, value, expected) in [
        ("camera-id", long.as_str(), "camera-id has 51 characters and consumers take 50"),
        ("site-id", long.as_str(), "site-id has 51 characters"),
        ("host-id", &"y".repeat(101), "host-id has 101 characters"),
        ("start-time", "yesterday", "start-time=\"yesterday\" is no ISO-8601 time"),
        ("region", "QQ", "region=\"QQ\" has no formats"),
        ("templates-file", "/no/such/file", "templates-file=\"/no/such/file\" cannot be read"),
        ("zones-file", "/no/such/zones", "zones-file=\"/no/such/zones\" cannot be read"),
        ("watchlist-file", "/no/such/list", "watchlist-file=\"/no/such/list\" cannot be read"),
        ("plate-privacy", "hash", "set privacy-key-file"),
    ] {
        let element = gst::ElementFactory::make("alprdedup").build().unwrap();
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        element.set_property_from_str(name, value);
        assert!(element.set_state(gst::State::Ready).is_err(), "{name}");
        let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
        let gst::MessageView::Error(error) = message.view() else { unreachable!() };
        assert!(error.error().matches(gst::LibraryError::Settings));
        assert!(error.error().message().contains(expected), "{name}: {}", error.error().message());
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn applications_hear_of_events_and_outcomes_on_the_bus() {
    let mut h = harness(&[]);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    pass(&mut h, 1, "ABC123", 1, 5);
    pass(&mut h, 2, "", 10, 5);
    h.push_event(gst::event::Eos::new());
    let messages: Vec<gst::Structure> = bus
        .iter()
        .filter_map(|m| m.structure().filter(|s| s.name().starts_with("alpr-")).map(|s| s.to_owned()))
        .collect();
    let names: Vec<_> = messages.iter().map(|s| s.name().to_string()).collect();
    assert_eq!(names, ["alpr-event", "alpr-outcome", "alpr-outcome"]);
    assert_eq!(messages[0].get::<&str>("plate").unwrap(), "ABC123");
    let outcomes: Vec<_> = messages[1..].iter().map(|s| s.get::<&str>("outcome").unwrap()).collect();
    assert_eq!(outcomes, ["event", "no-read"]);
}

#[test]
fn a_refused_event_is_not_remembered() {
    let mut h = harness(&[]);
    h.sinkpad().unwrap().set_active(false).unwrap();
    for n in 0..5 {
        h.push(frame(u64::from(n), &[plate(1, "ABC123", n)])).ok();
    }
    assert_eq!((stat(&h, "remembered"), stat(&h, "events")), (0, 0));
}

/// Runs a whole pipeline to its end.
fn run(description: &str) {
    init();
    let pipeline = gst::parse::launch(description).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &ends);
    pipeline.set_state(gst::State::Null).unwrap();
    let message = message.expect("neither end nor error within 30 seconds");
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
}

#[test]
fn sinks_neither_wait_nor_stall_when_there_is_no_event() {
    for sink in ["fakesink", "fakesink sync=true", "fakesink async=false", "fakesink sync=true async=false"] {
        run(&format!("videotestsrc num-buffers=10 ! video/x-raw,framerate=50/1 ! alprdedup ! {sink}"));
    }
    run("videotestsrc num-buffers=5 ! video/x-raw,format=NV12,width=2,height=2 ! alprdedup ! fakesink");
    run("videotestsrc is-live=true num-buffers=5 ! tee name=t t. ! queue ! fakesink t. ! queue ! alprdedup ! fakesink");
}

#[test]
fn a_live_stream_has_clock_time_and_a_latency() {
    init();
    let element = gst::ElementFactory::make("alprdedup").property("camera-id", "CAM1").build().unwrap();
    let mut h = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    h.play();
    h.set_src_caps(caps(640));
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    pass(&mut h, 1, "ABC123", 0, 10);
    let event = events(&mut h).remove(0);
    assert_eq!(event.extras.time_source, "clock");
    let captured = glib::DateTime::from_iso8601(&event.captured_at, None).unwrap().to_unix() as u64;
    assert!(captured.abs_diff(before) <= 60, "{}", event.captured_at);
}

/// A folder of this test's own, which is gone when the test is over.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("alprdedup-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn pictures_are_there_before_the_event_and_hashed_in_it() {
    use sha2::Digest;
    let folder = Folder::new("pictures");
    let location = folder.path("evidence");
    let mut h = harness(&[
        ("evidence-location", location.as_str()),
        ("evidence", "plate+frame"),
        ("evidence-url-template", "s3://alpr-plate-images/{key}"),
        ("start-time", "2025-12-27T00:57:03Z"),
    ]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    let event = events(&mut h).remove(0);
    let key = format!("DC1/CAM1/2025-12-27/{}-plate.jpg", event.event_id);
    assert_eq!(event.images.plate_url, format!("s3://alpr-plate-images/{key}"));
    assert_eq!(event.images.vehicle_url, "");
    let jpeg = std::fs::read(format!("{location}/{key}")).unwrap();
    let hash: String = sha2::Sha256::digest(&jpeg).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(event.extras.plate_sha256, Some(hash));
    assert_eq!(&jpeg[..2], [0xff, 0xd8]);
    let files = std::fs::read_dir(format!("{location}/DC1/CAM1/2025-12-27")).unwrap().count();
    assert_eq!(files, 2, "plate and frame, and nothing half written");
    assert_eq!((stat(&h, "pictures-written"), stat(&h, "pictures-failed")), (2, 0));
}

#[test]
fn a_full_disk_costs_the_picture_and_not_the_event() {
    let folder = Folder::new("full");
    let location = folder.path("evidence");
    let mut h = harness(&[("evidence-location", location.as_str())]);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    // a file where the folder of the site should be
    std::fs::write(format!("{location}/DC1"), "in the way").unwrap();
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    pass(&mut h, 2, "XYZ789", 6, 5);
    let events = events(&mut h);
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.images.plate_url.is_empty() && event.extras.plate_sha256.is_none()));
    assert_eq!(stat(&h, "pictures-failed"), 2);
    let warnings = bus.iter().filter(|message| message.type_() == gst::MessageType::Warning).count();
    assert_eq!(warnings, 1, "once, not for every picture");
}

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

/// Waits until `done`, at most ten seconds: the background looks once a second.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < end, "{what} did not happen");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
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
fn health_tells_of_a_silent_camera() {
    let mut h =
        harness(&[("records", "health"), ("silence-timeout", "1000000000"), ("health-interval", "3600000000000")]);
    empty(&mut h, 0, 3);
    let mut record = None;
    wait_for("a health record", || {
        record = lines(&mut h).pop();
        record.is_some()
    });
    let record: serde_json::Value = serde_json::from_str(&record.unwrap().0).unwrap();
    assert_eq!((&record["kind"], &record["camera_silent"]), (&"health".into(), &true.into()));
    assert_eq!(record["frames"], 3);
}

#[test]
fn outcomes_are_records_when_they_are_asked_for() {
    let mut h = harness(&[("records", "outcomes")]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "", 1, 5);
    h.push_event(gst::event::Eos::new());
    let record: serde_json::Value = serde_json::from_str(&lines(&mut h)[0].0).unwrap();
    assert_eq!((&record["kind"], &record["outcome"]), (&"outcome".into(), &"no-read".into()));
}
