//! Streams whose frames have no times, or the same.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::passes::*;
use gst::prelude::*;

/// Frame `number` with `plates`, and with nothing that says when it was.
fn untimed(number: u32, plates: &[gstalpr::meta::PlateMeta]) -> gst::Buffer {
    let mut buffer = frame(u64::from(number), plates);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(gst::ClockTime::NONE);
    writable.set_duration(gst::ClockTime::NONE);
    buffer
}

/// Pushes a pass of 20 frames after 50 empty ones, and 200 empty ones after it.
fn push_all(h: &mut gst_check::Harness) {
    for number in 0..270u32 {
        let plates = number.checked_sub(50).filter(|n| *n < 20).map(|n| plate(44, "ALL469", n));
        h.push(untimed(number, plates.as_slice())).unwrap();
    }
}

#[test]
fn frames_of_a_file_follow_its_rate() {
    let mut h = harness(&[("start-time", "2025-12-27T00:57:03Z"), ("emit", "final")]);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    push_all(&mut h);
    let events = events(&mut h);
    assert_eq!(events.len(), 1, "the pass ends while the stream goes on");
    assert_eq!(events[0].captured_at, "2025-12-27T00:57:05.000000+00:00", "frame 50 of 25 a second");
    assert_eq!(events[0].extras.dwell_ms, 760);
    assert_eq!(stat(&h, "frames-without-time"), 270);
    let told: Vec<String> = bus
        .iter()
        .filter_map(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("no timestamps") && told[0].contains("25 a second"), "{told:?}");
}

#[test]
fn one_time_on_all_frames_is_none() {
    let mut h = harness(&[("start-time", "2025-12-27T00:57:03Z"), ("emit", "final")]);
    for number in 0..270u32 {
        let plates = number.checked_sub(50).filter(|n| *n < 20).map(|n| plate(44, "ALL469", n));
        let mut buffer = untimed(number, plates.as_slice());
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        h.push(buffer).unwrap();
    }
    let events = events(&mut h);
    assert_eq!(events.len(), 1);
    // nine frames had been of the first one's moment
    assert_eq!(events[0].captured_at, "2025-12-27T00:57:04.640000+00:00");
    assert_eq!(events[0].extras.dwell_ms, 760);
}

#[test]
fn frames_of_a_camera_are_of_when_they_come() {
    common::init();
    let element = gst::ElementFactory::make("alprdedup").property("camera-id", "CAM1").build().unwrap();
    // a harness says that it is live
    let mut h = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    h.play();
    h.set_src_caps(caps(640));
    let before = glib::DateTime::now_utc().unwrap().to_unix();
    push_all(&mut h);
    h.push_event(gst::event::Eos::new());
    let events = events(&mut h);
    let after = glib::DateTime::now_utc().unwrap().to_unix();
    let captured = glib::DateTime::from_iso8601(&events[0].captured_at, None).unwrap().to_unix();
    // the first ten follow the rate, faster than this test pushes them
    assert!((before..=after + 1).contains(&captured), "{}", events[0].captured_at);
    assert_eq!(events[0].extras.time_source, "clock");
}

#[test]
fn a_picture_is_of_its_own_frame_where_several_have_the_same_time() {
    let folder = Folder::new("same-time");
    let location = folder.path("evidence");
    let properties = [("evidence-location", location.as_str()), ("evidence", "frame"), ("emit", "final")];
    let mut h = harness(&properties);
    for number in 0..12u32 {
        // the best of one vehicle is frame 5, that of the other one frame 6
        let sight = |track, text, first: u32, best| {
            let mut sight = plate(track, text, number.checked_sub(first)?);
            sight.quality = Some(if number == best { 0.99 } else { 0.5 });
            Some(sight)
        };
        let plates: Vec<_> = [sight(1, "ABC123", 1, 5), sight(2, "XYZ789", 5, 6)].into_iter().flatten().collect();
        let mut buffer = gst::Buffer::from_slice(vec![(number * 20) as u8; 640 * 360]);
        buffer.get_mut().unwrap().set_pts(u64::from((number + 1) / 4) * FRAME);
        gstalpr::meta::write(buffer.get_mut().unwrap(), &plates);
        h.push(buffer).unwrap();
    }
    h.push_event(gst::event::Eos::new());
    let events = events(&mut h);
    let frames: Vec<_> = events.iter().map(|event| event.extras.frame_number).collect();
    assert_eq!(frames, [Some(5), Some(6)]);
    let pictures: Vec<_> = events.iter().map(|event| std::fs::read(&event.images.frame_url).unwrap()).collect();
    assert!(pictures[0] != pictures[1], "both are of one frame");
}

#[test]
fn the_end_of_a_segment_ends_what_is_in_view() {
    let mut h = harness(&[("emit", "final")]);
    pass(&mut h, 1, "ABC123", 1, 5);
    h.push_event(gst::event::SegmentDone::new(5 * FRAME));
    assert_eq!((events(&mut h).len(), stat(&h, "live")), (1, 0), "no end of the stream follows in a loop");
}

#[test]
fn a_start_that_a_live_stream_does_not_take_is_told() {
    for (properties, told) in [(&[("start-time", "2025-12-27T00:57:03Z")][..], 1), (&[], 0)] {
        common::init();
        let element = gst::ElementFactory::make("alprdedup").property("camera-id", "CAM1").build().unwrap();
        properties.iter().for_each(|(name, value)| element.set_property_from_str(name, value));
        let bus = gst::Bus::new();
        // a harness says that it is live
        let mut h = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        element.set_bus(Some(&bus));
        h.play();
        h.set_src_caps(caps(640));
        empty(&mut h, 0, 3);
        let warnings = bus.iter().filter_map(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
            _ => None,
        });
        assert_eq!(warnings.filter(|text| text.contains("start-time=2025-12-27T00:57:03")).count(), told);
    }
}
