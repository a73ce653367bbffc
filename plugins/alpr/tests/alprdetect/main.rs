//! `alprdetect` on the real runtime, with a network that finds the bright pixels of a picture.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "../common/mod.rs"]
mod common;
mod models;
mod pictures;

use alpr_core::geometry::Rect;
use alpr_nvds::handmade::{self, Frame, Layout};
use common::{Painting, element, harness, plates, stat, video};
use gst::prelude::*;
use gst_video::{VideoFormat, VideoRegionOfInterestMeta as Roi};
use gstalpr::meta::{self, PlateMeta};

const WHITE: [u8; 3] = [255; 3];

fn detector() -> gst::Element {
    element("alprdetect", "bright-detector.onnx")
}

/// The picture that most tests use: a white plate on black, 256 × 256.
fn scene(x: u32) -> Painting {
    Painting::new(256, 256).rect(x, 100, 64, 24, WHITE)
}

#[track_caller]
fn check_box(found: &Rect, expected: (f32, f32, f32, f32), tolerance: f32) {
    let (x, y, w, h) = expected;
    let off = [found.x - x, found.y - y, found.right() - x - w, found.bottom() - y - h];
    assert!(off.iter().all(|d| d.abs() <= tolerance), "{found:?} instead of {expected:?}");
}

#[test]
fn a_moving_plate_keeps_its_id_and_an_interval_is_bridged() {
    let info = video(VideoFormat::I420, 256, 256);
    let element = detector();
    element.set_property("interval", 2u32);
    let mut h = harness(&element, &info);
    for number in 0..12u64 {
        let x = 20 + 4 * number as u32;
        let found = plates(&h.push_and_pull(scene(x).buffer(&info, number)).unwrap());
        assert_eq!((found.len(), found[0].track_id), (1, Some(1)), "frame {number}");
        assert_eq!(found[0].predicted, !number.is_multiple_of(3), "frame {number}");
        // The first predictions know no speed yet.
        check_box(&found[0].bbox, (x as f32, 100.0, 64.0, 24.0), if number < 6 { 10.0 } else { 5.0 });
    }
    assert_eq!((stat(&element, "frames"), stat(&element, "searched")), (12, 4));
    assert_eq!((stat(&element, "skipped-interval"), stat(&element, "inferences")), (8, 4));
}

#[test]
fn every_source_of_a_stream_has_tracks_of_its_own() {
    let info = video(VideoFormat::I420, 256, 256);
    let element = detector();
    let mut h = harness(&element, &info);
    for number in 0..12u32 {
        // two cameras by turns, whose plates come from opposite sides
        let (source, step) = (number % 2, number / 2);
        let x = if source == 0 { 20 + 8 * step } else { 170 - 8 * step };
        let mut buffer = scene(x).buffer(&info, number.into());
        let frame = Frame { source, source_size: (256, 256), pipeline_size: (256, 256), ..Frame::default() };
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[2], &[frame]);
        let found = plates(&h.push_and_pull(buffer).unwrap());
        assert_eq!((found.len(), found[0].track_id), (1, Some(1)), "frame {number}");
        check_box(&found[0].bbox, (x as f32, 100.0, 64.0, 24.0), 5.0);
    }
    assert_eq!(stat(&element, "tracks-started"), 2);
}

#[test]
fn thresholds_and_sizes_change_while_playing() {
    let info = video(VideoFormat::Rgb, 256, 256);
    let element = detector();
    element.set_property("tracking", false);
    let mut h = harness(&element, &info);
    let mut count = |set: &dyn Fn(&gst::Element)| {
        set(&element);
        let found = plates(&h.push_and_pull(scene(80).buffer(&info, 0)).unwrap());
        assert!(found.iter().all(|plate| plate.track_id.is_none()));
        found.len()
    };
    assert_eq!(count(&|_| ()), 1);
    assert_eq!(count(&|e| e.set_property("confidence-threshold", 0.95f32)), 0);
    assert_eq!(count(&|e| e.set_property("confidence-threshold", 0.85f32)), 1);
    assert_eq!(count(&|e| e.set_property("min-plate-width", 65u32)), 0);
    assert_eq!(count(&|e| e.set_property("min-plate-width", 64u32)), 1);
    assert_eq!(count(&|e| e.set_property("max-plate-height", 23u32)), 0);
    assert_eq!(count(&|e| e.set_property("max-plate-height", 24u32)), 1);
    assert_eq!(stat(&element, "unwanted-size"), 2);
}

#[test]
fn caps_may_change_and_ids_go_on() {
    let small = video(VideoFormat::Nv12, 256, 256);
    let large = video(VideoFormat::Bgrx, 512, 512);
    let mut h = harness(&detector(), &small);
    assert_eq!(plates(&h.push_and_pull(scene(80).buffer(&small, 0)).unwrap())[0].track_id, Some(1));
    h.set_src_caps(large.to_caps().unwrap());
    let picture = Painting::new(512, 512).rect(160, 200, 128, 48, WHITE);
    let found = plates(&h.push_and_pull(picture.buffer(&large, 1)).unwrap());
    check_box(&found[0].bbox, (160.0, 200.0, 128.0, 48.0), 0.01);
    assert_eq!(found[0].track_id, Some(2), "places in pixels of the old size mean nothing now");
}

#[test]
fn a_flush_a_new_stream_and_a_jump_end_tracks() {
    let info = video(VideoFormat::Gray8, 256, 256);
    let element = detector();
    let mut h = harness(&element, &info);
    let id = |h: &mut gst_check::Harness, number: u64, discont: bool| {
        let mut buffer = scene(80).buffer(&info, number);
        if discont {
            buffer.get_mut().unwrap().set_flags(gst::BufferFlags::DISCONT);
        }
        plates(&h.push_and_pull(buffer).unwrap())[0].track_id
    };
    assert_eq!(id(&mut h, 0, true), Some(1));
    assert_eq!(id(&mut h, 1, true), Some(1), "a lost packet is no cut");
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::builder(true).build()));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    assert_eq!(id(&mut h, 2, false), Some(2));
    assert!(h.push_event(gst::event::StreamStart::new("another")));
    assert!(h.push_event(gst::event::Caps::new(&info.to_caps().unwrap())));
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    assert_eq!(id(&mut h, 3, false), Some(3));
    assert_eq!(id(&mut h, 100, true), Some(4), "four seconds are missing");
    assert_eq!(id(&mut h, 101, false), Some(4));
    let mut elsewhere = gst::FormattedSegment::<gst::ClockTime>::new();
    elsewhere.set_base(102 * gst::ClockTime::from_mseconds(40));
    assert!(h.push_event(gst::event::Segment::new(&elsewhere)));
    assert_eq!(id(&mut h, 0, true), Some(5), "the stream was sent back without a flush");
    assert!(h.push_event(gst::event::SegmentDone::new(gst::ClockTime::from_mseconds(40))));
    assert_eq!(id(&mut h, 1, false), Some(6), "what was in view has had its outcome");
    assert!(h.push_event(gst::event::Eos::new()));
    assert_eq!(stat(&element, "tracks-started"), 6);
    assert_eq!(stat(&element, "tracks-ended"), 6);
}

#[test]
fn it_starts_again_after_null() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let element = detector();
    for _ in 0..3 {
        let mut h = harness(&element, &info);
        for number in 0..2 {
            let found = plates(&h.push_and_pull(scene(80).buffer(&info, number)).unwrap());
            assert_eq!(found[0].track_id, Some(1), "ids are counted from start to stop");
        }
        assert_eq!(stat(&element, "frames"), 2);
        drop(h);
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn regions_of_upstream_are_searched_and_name_the_vehicle() {
    let info = video(VideoFormat::Rgba, 512, 512);
    let element = detector();
    element.set_property_from_str("inference-region", "roi-list");
    element.set_property("object-class", "car");
    let mut h = harness(&element, &info);
    // Two bright spots; only one lies in a car.
    let picture = Painting::new(512, 512).rect(40, 40, 32, 16, WHITE).rect(300, 350, 32, 16, WHITE);
    let mut buffer = picture.buffer(&info, 0);
    {
        let buffer = buffer.get_mut().unwrap();
        Roi::add(buffer, "person", (0, 0, 128, 128));
        let mut car = Roi::add(buffer, "car", (256, 256, 256, 256));
        car.add_param(gst::Structure::builder("object_id").field("id", 9i32).build());
        Roi::add(buffer, "car", (5000, 0, 100, 100));
    }
    let found = plates(&h.push_and_pull(buffer).unwrap());
    assert_eq!(found.len(), 1);
    check_box(&found[0].bbox, (300.0, 350.0, 32.0, 16.0), 4.0);
    let vehicle = found[0].vehicle.as_ref().unwrap();
    assert_eq!((vehicle.kind.as_deref(), vehicle.id), (Some("car"), Some(9)));
    assert_eq!(stat(&element, "inferences"), 1, "a region outside the picture costs nothing");
}

#[test]
fn a_model_of_plates_and_vehicles_names_the_vehicle() {
    let info = video(VideoFormat::Rgb, 256, 256);
    let street = || element("alprdetect", "street-detector.onnx");
    let element = street();
    let mut h = harness(&element, &info);
    let found = plates(&h.push_and_pull(scene(80).buffer(&info, 0)).unwrap());
    let [plate] = found.as_slice() else { panic!("{found:?}") };
    check_box(&plate.bbox, (80.0, 100.0, 64.0, 24.0), 0.01);
    assert_eq!(plate.label, "License Plate");
    let vehicle = plate.vehicle.as_ref().unwrap();
    assert_eq!((vehicle.kind.as_deref(), vehicle.id), (Some("car"), None));
    check_box(&vehicle.bbox.unwrap(), (48.0, 52.0, 128.0, 104.0), 0.01);
    assert_eq!(stat(&element, "detections"), 1);

    let element = street();
    element.set_property("model-options", gst::Structure::builder("options").field("plate-classes", "person").build());
    let found = plates(&harness(&element, &info).push_and_pull(scene(80).buffer(&info, 0)).unwrap());
    assert_eq!(found.iter().map(|plate| plate.label.as_str()).collect::<Vec<_>>(), ["person"]);
}

#[test]
fn tiles_find_what_the_whole_frame_hides() {
    let info = video(VideoFormat::Gray8, 1024, 1024);
    let picture = Painting::new(1024, 1024).rect(700, 300, 12, 6, WHITE);
    let element = detector();
    element.set_property("tracking", false);
    let mut h = harness(&element, &info);
    assert!(plates(&h.push_and_pull(picture.buffer(&info, 0)).unwrap()).is_empty());
    element.set_property("tile-columns", 4u32);
    element.set_property("tile-rows", 4u32);
    let found = plates(&h.push_and_pull(picture.buffer(&info, 1)).unwrap());
    assert_eq!(found.len(), 1, "{found:?}");
    check_box(&found[0].bbox, (700.0, 300.0, 12.0, 6.0), 6.0);
}

#[test]
fn plates_of_an_earlier_search_are_replaced() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let mut h = harness(&detector(), &info);
    let mut buffer = Painting::new(256, 256).buffer(&info, 0);
    meta::write(
        buffer.get_mut().unwrap(),
        &[PlateMeta { bbox: Rect::new(1.0, 1.0, 5.0, 5.0), ..PlateMeta::default() }],
    );
    assert!(plates(&h.push_and_pull(buffer).unwrap()).is_empty());
}

#[test]
fn late_frames_are_not_searched_but_keep_their_plates() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let element = detector();
    let mut h = harness(&element, &info);
    h.push_and_pull(scene(80).buffer(&info, 0)).unwrap();
    let (late, time) = (40_000_000, gst::ClockTime::from_mseconds(40));
    assert!(h.push_upstream_event(gst::event::Qos::new(gst::QOSType::Underflow, 1.5, late, time)));
    for number in 1..=4 {
        let found = plates(&h.push_and_pull(scene(80).buffer(&info, number)).unwrap());
        assert_eq!((found[0].track_id, found[0].predicted), (Some(1), number <= 3), "frame {number}");
    }
    assert_eq!((stat(&element, "skipped-late"), stat(&element, "searched")), (3, 2));
}

#[test]
fn a_late_sink_skips_nothing_of_a_file() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let element = detector();
    let mut h = harness(&element, &info);
    common::play_as_file(&h);
    h.push_and_pull(scene(80).buffer(&info, 0)).unwrap();
    let before = h.upstream_events_received();
    let (late, time) = (40_000_000, gst::ClockTime::from_mseconds(40));
    assert!(h.push_upstream_event(gst::event::Qos::new(gst::QOSType::Underflow, 1.5, late, time)));
    assert_eq!(h.upstream_events_received(), before, "the decoder must not skip frames either");
    (1..=4).for_each(|number| drop(h.push_and_pull(scene(80).buffer(&info, number)).unwrap()));
    assert_eq!((stat(&element, "skipped-late"), stat(&element, "searched")), (0, 5));
}
