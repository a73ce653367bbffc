//! `alprdedup` with metadata as `alprocr` writes it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::event::Event;
use common::init;
use common::passes::*;
use gst::prelude::*;

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
fn a_gap_leaves_passes_whole_whatever_the_clock_of_the_camera_says() {
    let mut h = harness(&[("emit", "final")]);
    let gap = |h: &mut gst_check::Harness, pts| h.push_event(gst::event::Gap::builder(pts).duration(FRAME / 2).build());
    for n in 0..10u32 {
        let mut buffer = frame(u64::from(n), &[plate(1, "ABC123", n)]);
        let unix = gst::ClockTime::from_seconds(1_766_797_023) + u64::from(n) * FRAME;
        let caps = gst::Caps::new_empty_simple("timestamp/x-unix");
        gst::ReferenceTimestampMeta::add(buffer.get_mut().unwrap(), &caps, unix, gst::ClockTime::NONE);
        h.push(buffer).unwrap();
        assert!(gap(&mut h, u64::from(n) * FRAME + FRAME / 2));
    }
    assert_eq!((stat(&h, "tracks"), stat(&h, "live")), (1, 1));
    gap(&mut h, 100 * FRAME);
    assert_eq!((stat(&h, "live"), stat(&h, "event"), events(&mut h).len()), (0, 1, 1), "a long gap ends it");
}

#[test]
fn every_stream_has_its_own_recording_date() {
    let mut h = harness(&[]);
    let date = gst::DateTime::from_iso8601_string("2025-12-27T00:00:00Z").unwrap();
    let mut tags = gst::TagList::new();
    tags.get_mut().unwrap().add::<gst::tags::DateTime>(&date, gst::TagMergeMode::Append);
    begin(&mut h, "one");
    h.push_event(gst::event::Tag::new(tags));
    pass(&mut h, 1, "ABC123", 0, 5);
    begin(&mut h, "one");
    pass(&mut h, 2, "M11MMM", 100, 5);
    let element = h.element().unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    begin(&mut h, "two");
    pass(&mut h, 3, "XYZ789", 0, 5);
    let warnings: Vec<String> = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning]))
        .map(|message| {
            if let gst::MessageView::Warning(warning) = message.view() {
                warning.error().to_string()
            } else {
                unreachable!()
            }
        })
        .collect();
    assert!(warnings.len() == 1 && warnings[0].contains("Set start-time"), "{warnings:?}");
    element.set_bus(None);
    let days: Vec<String> = events(&mut h).into_iter().map(|event| event.captured_at[..10].to_owned()).collect();
    assert_eq!(days, ["2025-12-27", "2025-12-27", "1970-01-01"]);
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

/// What the first message of `kind` on `bus` says.
fn told(bus: &gst::Bus, kind: gst::MessageType) -> String {
    let message = bus.pop_filtered(&[kind]).expect("a message");
    match message.view() {
        gst::MessageView::Error(error) => error.error().to_string(),
        gst::MessageView::Warning(warning) => warning.error().to_string(),
        _ => unreachable!(),
    }
}

#[test]
fn what_is_set_after_a_stop_to_ready_counts() {
    let mut h = harness(&[("start-time", "2025-12-27T00:57:03Z")]);
    pass(&mut h, 1, "ABC123", 1, 5);
    assert_eq!(events(&mut h)[0].camera_id, "CAM1");
    let element = h.element().unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    element.set_state(gst::State::Ready).unwrap();
    assert_eq!((stat(&h, "events"), stat(&h, "live")), (1, 0), "what it counted is told until the next start");

    element.set_property("start-time", "yesterday");
    assert!(element.set_state(gst::State::Playing).is_err());
    assert!(told(&bus, gst::MessageType::Error).contains("start-time=\"yesterday\" is no ISO-8601 time"));

    for (name, value) in [("start-time", "2025-12-27T00:58:03Z"), ("site-id", "YARD"), ("records", "outcomes")] {
        element.set_property_from_str(name, value);
    }
    element.set_state(gst::State::Playing).unwrap();
    begin(&mut h, "again");
    pass(&mut h, 1, "ABC123", 1, 5);
    pass(&mut h, 2, "XYZ789", 100, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!((stat(&h, "frames"), stat(&h, "event")), (10, 2), "another site: another plate");
    let lines: Vec<serde_json::Value> =
        lines(&mut h).iter().map(|(line, _)| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "two events and two outcomes");
    assert_eq!(
        (&lines[0]["node"]["site"], &lines[0]["captured_at"]),
        (&"YARD".into(), &"2025-12-27T00:58:03.040000+00:00".into())
    );
}

#[test]
fn plates_are_remembered_over_a_stop_to_ready() {
    let mut h = harness(&[("start-time", "2025-12-27T00:57:03Z")]);
    pass(&mut h, 1, "ABC123", 1, 5);
    let element = h.element().unwrap();
    element.set_state(gst::State::Ready).unwrap();
    element.set_property("confirm-reads", 2u32);
    element.set_state(gst::State::Playing).unwrap();
    begin(&mut h, "again");
    pass(&mut h, 1, "ABC123", 100, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!((stat(&h, "tracks"), stat(&h, "duplicate-of")), (1, 1));
}

#[test]
fn a_pair_that_does_not_fit_is_told_and_blocks_no_other_change() {
    let mut h = harness(&[("max-length", "10"), ("start-time", "2025-12-27T00:57:03Z")]);
    let (element, bus) = (h.element().unwrap(), gst::Bus::new());
    element.set_bus(Some(&bus));
    element.set_property("min-length", 15u32);
    assert!(told(&bus, gst::MessageType::Warning).contains("min-length=15 is above max-length=10"));
    element.set_property("min-confidence", 1.0);
    pass(&mut h, 1, "ABC123", 1, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!((stat(&h, "low-confidence"), stat(&h, "format")), (1, 0));
    assert_eq!(bus.iter().filter(|message| message.type_() == gst::MessageType::Warning).count(), 0);
    element.set_property("max-length", 16u32);
    element.set_property("min-confidence", 0.5);
    begin(&mut h, "again");
    pass(&mut h, 2, "XYZ789", 100, 5);
    h.push_event(gst::event::Eos::new());
    assert_eq!(stat(&h, "format"), 1, "now the pair fits");
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
