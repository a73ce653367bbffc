//! The same scene gives the same event, whoever carries what was found: regions of interest or DeepStream's objects.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::event::Event;
use alpr_nvds::handmade::{self, Class, Frame, Layout, Object};
use alpr_nvds::layout::Bbox;
use common::scene::{CAR, CONFIDENCE, FRAMES, by_followed_vehicles, by_regions, events, line, places};
use common::{Painting, video, wait_for};
use gst_video::{VideoFormat, VideoRegionOfInterestMeta as Roi};

/// What classifiers say of the car: the surest holds, and what does not say what it tells is nothing.
const CLASSES: [Class<'static>; 7] = [
    Class { kind: Some("vehicletypes"), label: "sedan", probability: 0.75 },
    Class { kind: Some("carmake"), label: "fiat", probability: 0.25 },
    Class { kind: Some("vehiclemake"), label: "skoda", probability: 0.75 },
    Class { kind: Some("carmodel"), label: "octavia", probability: 0.75 },
    Class { kind: Some("carcolor"), label: "grey", probability: 0.75 },
    Class { kind: Some("ripeness"), label: "green", probability: 1.0 },
    Class { kind: None, label: "black", probability: 1.0 },
];

/// The same on the car's region of interest.
fn classify(buffer: &mut gst::BufferRef) {
    for mut region in buffer.iter_meta_mut::<Roi>().filter(|region| region.roi_type() == "car") {
        for (name, label) in [("type", "sedan"), ("make", "skoda"), ("model", "octavia"), ("color", "grey")] {
            let said = gst::Structure::builder("classification").field("attribute_name", name).field("label", label);
            region.add_param(said.build());
        }
    }
}

fn by_classified_regions(buffer: &mut gst::BufferRef, number: u64, places: [[u32; 4]; 2]) {
    by_regions(buffer, number, places);
    classify(buffer);
}

fn by_classified_vehicles(buffer: &mut gst::BufferRef, number: u64, places: [[u32; 4]; 2]) {
    by_followed_vehicles(buffer, number, places);
    classify(buffer);
}

fn by_objects(layout: Layout, ntp: impl Fn(u64) -> u64) -> impl Fn(&mut gst::BufferRef, u64, [[u32; 4]; 2]) {
    move |buffer, number, places| {
        let [car, plate] = places.map(|place| {
            let [left, top, width, height] = place.map(|v| v as f32);
            Bbox { left, top, width, height }
        });
        let objects = [
            Object {
                label: "car",
                track: Some(CAR),
                confidence: CONFIDENCE,
                bbox: car,
                parent: None,
                classes: &CLASSES,
            },
            Object { label: "lpd", track: None, confidence: CONFIDENCE, bbox: plate, parent: Some(0), classes: &[] },
        ];
        let (size, ntp) = ((512, 256), ntp(number));
        let frame = Frame { ntp, source_size: size, pipeline_size: size, objects: &objects, ..Frame::default() };
        handmade::attach(buffer, layout, &[frame]);
    }
}

#[test]
fn the_same_scene_gives_the_same_event() {
    let expected = events(by_classified_regions);
    assert_eq!(expected.len(), 1);
    assert_eq!((expected[0].plate.text.as_str(), expected[0].vehicle.kind.as_str()), ("3097", "sedan"));
    let vehicle = [&expected[0].vehicle.make, &expected[0].vehicle.model, &expected[0].vehicle.color];
    assert_eq!(vehicle.map(|told| told.as_deref()), [Some("skoda"), Some("octavia"), Some("grey")]);
    assert_eq!(events(by_classified_vehicles), expected, "the parent's track");
    for layout in Layout::ALL {
        assert_eq!(events(by_objects(layout, |_| 0)), expected, "{layout:?}");
    }
}

#[test]
fn deepstreams_capture_time_is_the_events() {
    let start = 1_767_225_600_000_000_000;
    let event = events(by_objects(Layout::ALL[2], |number| start + number * 40_000_000)).remove(0);
    assert_eq!(event.extras.time_source, "deepstream-ntp");
    assert!(event.captured_at.starts_with("2026-01-01T00:00:00."), "{}", event.captured_at);
}

#[test]
fn a_lorry_and_its_trailer_are_two_events() {
    let info = video(VideoFormat::Nv12, 512, 256);
    let mut harness = line("");
    for number in 0..FRAMES {
        let x = 10 + 8 * number as u32;
        let (lorry, trailer) = ([x, 100, 64, 32], [x + 160, 110, 64, 32]);
        let mut painting = Painting::new(512, 256);
        for (place, digits) in [(lorry, [3, 0, 9, 7]), (trailer, [8, 6, 1, 2])] {
            painting = painting.digits(place[0], place[1], place[2], place[3], digits);
        }
        let mut buffer = painting.buffer(&info, number);
        let boxes = [[x, 40, 240, 120], lorry, trailer].map(|place| {
            let [left, top, width, height] = place.map(|v| v as f32);
            Bbox { left, top, width, height }
        });
        let plate =
            |bbox| Object { label: "lpd", track: None, confidence: CONFIDENCE, bbox, parent: Some(0), classes: &[] };
        let vehicle = Object {
            label: "truck",
            track: Some(CAR),
            confidence: CONFIDENCE,
            bbox: boxes[0],
            parent: None,
            classes: &[],
        };
        let objects = [vehicle, plate(boxes[1]), plate(boxes[2])];
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[0], &[shown(0, &objects)]);
        harness.push(buffer).unwrap();
    }
    harness.push_event(gst::event::Eos::new());
    let lines = std::iter::from_fn(|| harness.try_pull());
    let events = lines.map(|line| serde_json::from_slice::<Event>(&line.map_readable().unwrap()).unwrap());
    let mut texts: Vec<String> = events.map(|event| event.plate.text).collect();
    texts.sort();
    assert_eq!(texts, ["3097", "8612"]);
}

/// A frame of camera `source` with `objects`.
fn shown<'a>(source: u32, objects: &'a [Object<'a>]) -> Frame<'a> {
    Frame { source, source_size: (512, 256), pipeline_size: (512, 256), objects, ..Frame::default() }
}

fn objects(number: u64) -> [Object<'static>; 2] {
    let [car, plate] = places(number).map(|place| {
        let [left, top, width, height] = place.map(|v| v as f32);
        Bbox { left, top, width, height }
    });
    [
        Object { label: "car", track: Some(CAR), confidence: CONFIDENCE, bbox: car, parent: None, classes: &[] },
        Object { label: "lpd", track: None, confidence: CONFIDENCE, bbox: plate, parent: Some(0), classes: &[] },
    ]
}

/// Plays two cameras whose frames come by turns, each a batch of its own. Both see a car of the same track in the same place.
fn by_turns(properties: &str) -> Vec<(String, String)> {
    let info = video(VideoFormat::Nv12, 512, 256);
    let mut harness = line(properties);
    for number in 0..2 * FRAMES {
        let (source, step) = ([4, 9][number as usize % 2], number / 2);
        let [_, [x, y, w, h]] = places(step);
        let digits = if source == 4 { [3, 0, 9, 7] } else { [8, 6, 1, 2] };
        let mut buffer = Painting::new(512, 256).digits(x, y, w, h, digits).buffer(&info, number);
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[2], &[shown(source, &objects(step))]);
        harness.push(buffer).unwrap();
    }
    harness.push_event(gst::event::Eos::new());
    let lines = std::iter::from_fn(|| harness.try_pull());
    let events = lines.map(|line| serde_json::from_slice::<Event>(&line.map_readable().unwrap()).unwrap());
    let mut told: Vec<(String, String)> = events.map(|event| (event.camera_id, event.plate.normalized_text)).collect();
    told.sort();
    told
}

#[test]
fn cameras_of_one_stream_are_not_mixed() {
    let of = |camera: &str, text: &str| (camera.to_owned(), text.to_owned());
    assert_eq!(by_turns(""), [of("CAM1", "3097"), of("CAM1-9", "8612")]);
    assert_eq!(by_turns("camera-id=gate-{source_id}"), [of("gate-4", "3097"), of("gate-9", "8612")]);
}

#[test]
fn a_camera_that_falls_silent_gives_its_event_without_another_picture() {
    let info = video(VideoFormat::Nv12, 512, 256);
    let mut harness = line("emit=final");
    let mut number = 0;
    let mut told = None;
    while told.is_none() && number < 1000 {
        let [_, [x, y, w, h]] = places(number.min(FRAMES));
        let passing = number < FRAMES;
        let painting = Painting::new(512, 256);
        let painting = if passing { painting.digits(x, y, w, h, [3, 0, 9, 7]) } else { painting };
        let mut buffer = painting.buffer(&info, number);
        // the first camera stops behind the car; the second goes on and sees nothing
        let (seen, none) = (objects(number.min(FRAMES)), []);
        let frames = [shown(1, &none), shown(0, &seen)];
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[2], &frames[usize::from(passing)..][..1]);
        harness.push(buffer).unwrap();
        told = harness.try_pull();
        number += 1;
    }
    let line = told.expect("an event before the stream's end");
    let event: Event = serde_json::from_slice(&line.map_readable().unwrap()).unwrap();
    assert_eq!(event.plate.normalized_text, "3097");
    assert!(number > FRAMES, "after {number} frames");
}

/// The event of DeepStream's muxer by which camera `source` ends.
fn ends() -> [fn(u32) -> gst::Event; 4] {
    [
        |source| handmade::event(402, &format!("nv-stream-eos-{source}-0"), source),
        |source| handmade::event(401, "nv-pad-deleted", source),
        |source| handmade::event(404, "told-by-its-number", source),
        |source| {
            gst::event::CustomDownstream::new(
                gst::Structure::builder("nv-stream-reset-9-0").field("source-id", source).build(),
            )
        },
    ]
}

#[test]
fn a_camera_that_ends_gives_its_event_at_once_and_the_others_go_on() {
    for end in ends() {
        let info = video(VideoFormat::Nv12, 512, 256);
        let mut harness = line("emit=final camera-id=gate-{source_id}");
        for number in 0..2 * FRAMES {
            let (source, step) = ([4, 9][number as usize % 2], number / 2);
            let [_, [x, y, w, h]] = places(step);
            let mut buffer = Painting::new(512, 256).digits(x, y, w, h, [3, 0, 9, 7]).buffer(&info, number);
            handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[2], &[shown(source, &objects(step))]);
            harness.push(buffer).unwrap();
        }
        let told = |harness: &mut gst_check::Harness| -> Vec<String> {
            let lines = std::iter::from_fn(|| harness.try_pull());
            lines
                .map(|line| serde_json::from_slice::<Event>(&line.map_readable().unwrap()).unwrap())
                .map(|event| format!("{} {}", event.camera_id, event.plate.normalized_text))
                .collect()
        };
        assert_eq!(told(&mut harness), [""; 0], "both are in view");
        for other in [
            handmade::event(403, "nv-stream-segment-9-0", 9),
            handmade::event(402, "nv-stream-eos-3-0", 3),
            gst::event::CustomDownstream::new(gst::Structure::new_empty("nv-stream-eos-9-0")),
        ] {
            harness.push_event(other);
            assert_eq!(told(&mut harness), [""; 0], "no end of theirs");
        }
        harness.push_event(end(9));
        assert_eq!(told(&mut harness), ["gate-9 3097"], "at once");
        harness.push_event(end(9));
        assert_eq!(told(&mut harness), [""; 0], "once");
        harness.push_event(gst::event::Eos::new());
        assert_eq!(told(&mut harness), ["gate-4 3097"], "the other went on");
    }
}

#[test]
fn every_frame_of_a_batch_is_looked_at() {
    let info = video(VideoFormat::Nv12, 512, 256);
    let mut harness = line("records=vehicles");
    for number in 0..100 {
        let (seen, none) = (objects(number.min(FRAMES)), []);
        let mut buffer = Painting::new(512, 256).buffer(&info, number);
        // the first camera sees nothing; cars without a readable plate pass the other two, later at the third
        let second: &[Object<'_>] = if number < FRAMES { &seen[..1] } else { &none };
        let third: &[Object<'_>] = if (10..FRAMES).contains(&number) { &seen[..1] } else { &none };
        let frames = [shown(0, &none), shown(1, second), shown(2, third)];
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[0], &frames);
        harness.push(buffer).unwrap();
    }
    harness.push_event(gst::event::Eos::new());
    let lines = std::iter::from_fn(|| harness.try_pull());
    let mut cameras: Vec<String> = lines
        .map(|line| serde_json::from_slice::<serde_json::Value>(&line.map_readable().unwrap()).unwrap())
        .map(|record| format!("{} {}", record["kind"].as_str().unwrap(), record["camera_id"].as_str().unwrap()))
        .collect();
    cameras.sort();
    assert_eq!(cameras, ["vehicle CAM1-1", "vehicle CAM1-2"]);
}

#[test]
fn every_camera_of_a_batch_has_its_health_record() {
    let info = video(VideoFormat::Nv12, 512, 256);
    let mut harness = line("records=health silence-timeout=1000000000 health-interval=3600000000000");
    // the second camera stops after three frames
    let mut silent = serde_json::Value::Null;
    let mut number = 0;
    wait_for("the record of a silent camera", || {
        let frames = [shown(0, &[]), shown(1, &[])];
        let mut buffer = Painting::new(512, 256).buffer(&info, number);
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[0], &frames[..if number < 3 { 2 } else { 1 }]);
        harness.push(buffer).unwrap();
        number += 1;
        let record = harness.try_pull().map(|line| serde_json::from_slice(&line.map_readable().unwrap()).unwrap());
        silent = record.unwrap_or_default();
        !silent.is_null()
    });
    assert_eq!((&silent["camera_id"], &silent["camera_silent"]), (&"CAM1-1".into(), &true.into()), "{silent}");
    assert_eq!(silent["frames"], 3);
}
