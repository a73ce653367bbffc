//! Batches of DeepStream that hold the pictures of several cameras: found, read and cut out each in its own picture.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::event::Event;
use alpr_nvds::handmade::{self, Frame, Layout, Object, Pixels, standin};
use alpr_nvds::layout::Bbox;
use common::passes::Folder;
use common::{Painting, data, element, harness, onnxruntime, play_as_file, stat, video, wait_for};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo};
use gstalpr::meta;

const SIZE: (u32, u32) = (512, 256);
/// Number of each camera, and the plate that passes it.
const CAMERAS: [(u32, [u8; 4]); 2] = [(4, [3, 0, 9, 7]), (9, [8, 6, 1, 2])];
const FRAMES: u64 = 20;
/// Memory of surfaces that the CPU reads, and that of a GPU.
const SYSTEM: i32 = 6;
const DEVICE: i32 = 2;
/// Memory of Jetson, which NVIDIA's functions bring to the CPU.
const JETSON: i32 = 4;

fn info() -> VideoInfo {
    video(VideoFormat::Nv12, SIZE.0, SIZE.1)
}

/// Box of the plate in a frame of any camera; both cameras see it in the same place.
fn place(number: u64) -> (u32, u32, u32, u32) {
    (50 + 8 * number as u32, 100, 64, 32)
}

fn objects(number: u64) -> [Object<'static>; 2] {
    let (x, y, w, h) = place(number);
    let bbox = |x, y, w, h| Bbox { left: x as f32, top: y as f32, width: w as f32, height: h as f32 };
    let car = bbox(x - 40, y - 60, 160, 120);
    [
        Object { label: "car", track: Some(7), confidence: 0.75, bbox: car, parent: None, classes: &[] },
        Object { label: "lpd", track: None, confidence: 0.75, bbox: bbox(x, y, w, h), parent: Some(0), classes: &[] },
    ]
}

fn frame<'a>(source: u32, objects: &'a [Object<'a>]) -> Frame<'a> {
    Frame { source, source_size: SIZE, pipeline_size: SIZE, objects, ..Frame::default() }
}

/// What a camera shows, in system memory.
fn picture(digits: [u8; 4], number: u64) -> gst::Buffer {
    let (x, y, w, h) = place(number);
    Painting::new(SIZE.0, SIZE.1).digits(x, y, w, h, digits).buffer(&info(), number)
}

/// The pixels of `picture` as a surface has them, 32 bytes more in every row.
fn surface(picture: &gst::Buffer) -> Pixels {
    let (map, info) = (picture.map_readable().unwrap(), info());
    let planes = [SIZE.1, SIZE.1 / 2].into_iter().enumerate().map(|(plane, rows)| {
        let stride = info.stride()[plane] as usize;
        let start = info.offset()[plane];
        let rows = map[start..start + stride * rows as usize].chunks(stride);
        (rows.flat_map(|row| row.iter().copied().chain([0xa5; 32])).collect(), stride + 32)
    });
    Pixels { size: SIZE, color_format: 6, planes: planes.collect() }
}

/// A batch of the pictures of all cameras in memory `mem_type`.
fn batch(layout: Layout, mem_type: i32, number: u64) -> gst::Buffer {
    let pictures = CAMERAS.map(|(_, digits)| picture(digits, number));
    let mut buffer = handmade::surfaces(layout, mem_type, &pictures.each_ref().map(surface));
    {
        let buffer = buffer.get_mut().unwrap();
        buffer.set_pts(pictures[0].pts());
        buffer.set_duration(pictures[0].duration());
        let objects = objects(number);
        handmade::attach(buffer, layout, &CAMERAS.map(|(source, _)| frame(source, &objects)));
    }
    buffer
}

/// Goes over to surfaces.
fn take_surfaces(harness: &mut Harness) {
    let mut caps = info().to_caps().unwrap();
    caps.make_mut().set_features(0, Some(gst::CapsFeatures::new(["memory:NVMM"])));
    harness.set_src_caps(caps);
}

/// A running line of reader and decisions with `properties` of the latter, which writes evidence to `folder`; and its bus.
fn line(folder: &Folder, properties: &str) -> (Harness, gst::Bin, gst::Bus) {
    let line = format!(
        "alprocr name=reader onnxruntime-library={} model-file={} execution-provider=cpu threads=1 \
         ! alprdedup name=events camera-id=gate-{{source_id}} host-id=host start-time=2026-01-01T00:00:00Z \
         evidence=plate+vehicle+frame evidence-url-template={{kind}} evidence-location={} {properties}",
        onnxruntime().display(),
        data("level-reader.onnx"),
        folder.path("evidence"),
    );
    common::init();
    let bin = gst::parse::bin_from_description(&line, true).unwrap();
    let harness = harness(bin.upcast_ref(), &info());
    play_as_file(&harness);
    let bus = gst::Bus::new();
    for name in ["reader", "events"] {
        bin.by_name(name).unwrap().set_bus(Some(&bus));
    }
    (harness, bin, bus)
}

/// The events when the stream has ended, by camera.
fn events(harness: &mut Harness) -> Vec<Event> {
    harness.push_event(gst::event::Eos::new());
    let lines = std::iter::from_fn(|| harness.try_pull());
    let mut events: Vec<Event> =
        lines.map(|line| serde_json::from_slice(&line.map_readable().unwrap()).unwrap()).collect();
    events.sort_by(|a, b| a.camera_id.cmp(&b.camera_id));
    events
}

/// What the cameras give when each has a stream of its own, in system memory.
fn alone() -> Vec<Event> {
    let each = CAMERAS.map(|(source, digits)| {
        let folder = Folder::new("batch-alone");
        let (mut harness, ..) = line(&folder, "");
        for number in 0..FRAMES {
            let mut buffer = picture(digits, number);
            handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[0], &[frame(source, &objects(number))]);
            harness.push(buffer).unwrap();
        }
        events(&mut harness)
    });
    each.concat()
}

fn warnings(bus: &gst::Bus) -> Vec<String> {
    let warning = |message: gst::Message| match message.view() {
        gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
        _ => None,
    };
    bus.iter().filter_map(warning).collect()
}

#[test]
fn each_camera_of_a_batch_gives_the_event_and_the_pictures_that_it_gives_alone() {
    let expected = alone();
    let told: Vec<_> = expected.iter().map(|event| (event.camera_id.as_str(), event.plate.text.as_str())).collect();
    assert_eq!(told, [("gate-4", "3097"), ("gate-9", "8612")]);
    for event in &expected {
        let hashes = [&event.extras.plate_sha256, &event.extras.vehicle_sha256, &event.extras.frame_sha256];
        assert!(hashes.iter().all(|hash| hash.is_some()), "{event:?}");
    }
    assert_ne!(expected[0].extras.frame_sha256, expected[1].extras.frame_sha256);
    standin::surfaces();
    for (layout, memory) in Layout::ALL.into_iter().flat_map(|layout| [(layout, SYSTEM), (layout, JETSON)]) {
        let folder = Folder::new("batch");
        let (mut harness, bin, bus) = line(&folder, "");
        take_surfaces(&mut harness);
        for number in 0..FRAMES {
            harness.push(batch(layout, memory, number)).unwrap();
        }
        assert_eq!(events(&mut harness), expected, "{layout:?} {memory}");
        assert_eq!(standin::mapped(), (0, 0), "all is unmapped");
        let sink = bin.by_name("events").unwrap();
        assert_eq!((stat(&sink, "pictures-written"), stat(&sink, "pictures-unreadable")), (6, 0));
        assert_eq!(warnings(&bus), [""; 0]);
    }
}

#[test]
fn pictures_in_memory_of_the_gpu_are_counted_and_warned_of() {
    let folder = Folder::new("batch-gpu");
    let (mut harness, bin, bus) = line(&folder, "");
    take_surfaces(&mut harness);
    for number in 0..FRAMES {
        harness.push(batch(Layout::ALL[2], DEVICE, number)).unwrap();
    }
    assert_eq!(events(&mut harness), []);
    assert_eq!(stat(&bin.by_name("reader").unwrap(), "bad-plates"), 2 * FRAMES);
    let warnings = warnings(&bus);
    assert!(warnings.len() == 1 && warnings[0].contains("nvbuf-mem-cuda-unified"), "{warnings:?}");
}

#[test]
fn of_a_batch_in_system_memory_the_first_picture_is_used_and_the_others_are_counted() {
    let folder = Folder::new("batch-plain");
    let (mut harness, bin, bus) = line(&folder, "");
    for number in 0..FRAMES {
        let mut buffer = picture(CAMERAS[0].1, number);
        let objects = objects(number);
        handmade::attach(
            buffer.get_mut().unwrap(),
            Layout::ALL[2],
            &CAMERAS.map(|(source, _)| frame(source, &objects)),
        );
        harness.push(buffer).unwrap();
    }
    assert_eq!(events(&mut harness), alone()[..1]);
    assert_eq!(stat(&bin.by_name("reader").unwrap(), "bad-plates"), FRAMES);
    let warnings = warnings(&bus);
    assert!(warnings.len() == 1 && warnings[0].contains("source 9"), "{warnings:?}");
}

#[test]
fn evidence_is_never_cut_from_the_picture_of_another_camera() {
    let folder = Folder::new("batch-evidence");
    let location = folder.path("evidence");
    let date = ("start-time", "2025-12-27T00:57:03Z");
    let mut h = common::passes::harness(&[("evidence-location", location.as_str()), date]);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    for n in 1..=5 {
        let pixels = vec![0; 640 * 360];
        let mut buffer = gst::Buffer::from_mut_slice(pixels);
        let writable = buffer.get_mut().unwrap();
        writable.set_pts(common::passes::FRAME * u64::from(n));
        handmade::attach(writable, Layout::ALL[2], &CAMERAS.map(|(source, _)| frame(source, &[])));
        // something that can read this batch put a plate on its second picture
        let picture = meta::views(writable)[1].id;
        let plate = meta::PlateMeta { picture: Some(picture), ..common::passes::plate(1, "ABC123", n) };
        meta::write(writable, &[plate]);
        h.push(buffer).unwrap();
    }
    h.push_event(gst::event::Eos::new());
    let event: Event = serde_json::from_slice(&h.pull().unwrap().map_readable().unwrap()).unwrap();
    assert_eq!((event.camera_id.as_str(), event.images.plate_url.as_str()), ("CAM1-9", ""));
    let unreadable = common::passes::stat(&h, "pictures-unreadable");
    assert!(unreadable > 0 && common::passes::stat(&h, "pictures-written") == 0, "{unreadable}");
    let warnings = warnings(&bus);
    assert!(warnings.len() == 1 && warnings[0].contains("pictures-unreadable"), "{warnings:?}");
}

#[test]
fn health_of_each_camera_of_a_batch_is_its_own() {
    let folder = Folder::new("batch-health");
    let (mut harness, ..) = line(&folder, "records=health health-interval=1000000000");
    take_surfaces(&mut harness);
    let mut number = 0;
    let mut told = std::collections::BTreeMap::new();
    wait_for("health of both cameras after the pass", || {
        let pictures = CAMERAS.map(|(_, digits)| picture(digits, number.min(FRAMES)));
        let mut buffer = handmade::surfaces(Layout::ALL[0], SYSTEM, &pictures.each_ref().map(surface));
        // a car passes the first camera alone
        let objects = if number < FRAMES { objects(number).to_vec() } else { Vec::new() };
        let shown = [frame(CAMERAS[0].0, &objects), frame(CAMERAS[1].0, &[])];
        let writable = buffer.get_mut().unwrap();
        writable.set_pts(gst::ClockTime::from_mseconds(40 * number));
        handmade::attach(writable, Layout::ALL[0], &shown);
        harness.push(buffer).unwrap();
        number += 1;
        let lines = std::iter::from_fn(|| harness.try_pull());
        for line in lines {
            let record: serde_json::Value = serde_json::from_slice(&line.map_readable().unwrap()).unwrap();
            if record["kind"] == "health" {
                told.insert(record["camera_id"].as_str().unwrap().to_owned(), record);
            }
        }
        told.len() == 2 && told.get("gate-4").is_some_and(|record| record["live_passes"] == 0 && record["events"] == 1)
    });
    let (first, second) = (&told["gate-4"], &told["gate-9"]);
    assert!(first["reads_per_pass"].as_f64().unwrap() >= 2.0 && first["tracks"] == 1, "{first}");
    assert!(second["reads_per_pass"] == 0.0 && second["tracks"] == 0 && second["events"] == 0, "{second}");
    for record in [first, second] {
        assert!(record["fps"].as_f64().unwrap() > 0.0 && record["camera_silent"] == false, "{record}");
        assert!(record["queue_depth"].is_null() && record["spool_depth"].is_null(), "{record}");
    }
}

#[test]
fn every_picture_of_a_batch_is_searched() {
    let detector = element("alprdetect", "bright-detector.onnx");
    let info = video(VideoFormat::Gray8, 256, 256);
    let mut h = harness(&detector, &info);
    let mut caps = info.to_caps().unwrap();
    caps.make_mut().set_features(0, Some(gst::CapsFeatures::new(["memory:NVMM"])));
    h.set_src_caps(caps);
    for number in 0..6 {
        // two cameras whose plates come from opposite sides
        let places = [20 + 8 * number, 170 - 8 * number];
        let pixels = places.map(|x| {
            let picture = Painting::new(256, 256).rect(x, 100, 64, 24, [255; 3]).buffer(&info, number.into());
            let bytes = picture.map_readable().unwrap().to_vec();
            Pixels { size: (256, 256), color_format: 1, planes: vec![(bytes, 256)] }
        });
        let mut buffer = handmade::surfaces(Layout::ALL[1], SYSTEM, &pixels);
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[1], &[frame(4, &[]), frame(9, &[])]);
        let out = h.push_and_pull(buffer).unwrap();
        let views = meta::views(&out);
        for (view, x) in views.iter().zip(places) {
            let found = meta::plates(&out, *view);
            assert_eq!((found.len(), found[0].track_id, found[0].picture), (1, Some(1), Some(view.id)));
            assert!((found[0].bbox.x - x as f32).abs() < 5.0, "{found:?}");
        }
        // a demuxer leaves one of the frames, at another place
        let mut demuxed = gst::Buffer::new();
        let rois = gst::BufferCopyFlags::META;
        out.copy_into(demuxed.get_mut().unwrap(), rois, ..).unwrap();
        leave_only(&mut demuxed, 9);
        assert_eq!(meta::read(&demuxed), meta::plates(&out, views[1]));
    }
    assert_eq!((stat(&detector, "frames"), stat(&detector, "tracks-started")), (12, 2));
}

#[test]
fn the_tracks_of_a_camera_that_ends_end_with_it() {
    let detector = element("alprdetect", "bright-detector.onnx");
    let reader = element("alprocr", "level-reader.onnx");
    let bin = gst::Bin::new();
    bin.add_many([&detector, &reader]).unwrap();
    detector.link(&reader).unwrap();
    for (element, name) in [(&detector, "sink"), (&reader, "src")] {
        bin.add_pad(&gst::GhostPad::with_target(&element.static_pad(name).unwrap()).unwrap()).unwrap();
    }
    let info = video(VideoFormat::Gray8, 256, 256);
    let mut h = harness(bin.upcast_ref(), &info);
    let mut caps = info.to_caps().unwrap();
    caps.make_mut().set_features(0, Some(gst::CapsFeatures::new(["memory:NVMM"])));
    h.set_src_caps(caps);
    let mut tracks = Vec::new();
    for number in 0..6 {
        if number == 3 {
            h.push_event(handmade::event(402, "nv-stream-eos-9-0", 9));
            assert_eq!((stat(&reader, "passes"), stat(&detector, "tracks-started")), (1, 2));
        }
        let pixels = [4, 9].map(|_| {
            let picture = Painting::new(256, 256).rect(100, 100, 64, 24, [255; 3]).buffer(&info, number);
            let bytes = picture.map_readable().unwrap().to_vec();
            Pixels { size: (256, 256), color_format: 1, planes: vec![(bytes, 256)] }
        });
        let mut buffer = handmade::surfaces(Layout::ALL[0], SYSTEM, &pixels);
        handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[0], &[frame(4, &[]), frame(9, &[])]);
        let out = h.push_and_pull(buffer).unwrap();
        let found = meta::views(&out).into_iter().map(|view| meta::plates(&out, view)[0].clone());
        tracks.push(found.map(|plate| (plate.track_id.unwrap(), plate.consensus.unwrap().reads)).collect::<Vec<_>>());
    }
    let ids: Vec<Vec<u64>> = tracks.iter().map(|frame| frame.iter().map(|(id, _)| *id).collect()).collect();
    assert_eq!(ids, [[1, 1], [1, 1], [1, 1], [1, 2], [1, 2], [1, 2]]);
    assert_eq!(tracks[3][1].1, 1, "its readings began anew: {tracks:?}");
    assert!(tracks[3][0].1 > 1, "the other's go on: {tracks:?}");
}

/// Leaves the frame of `source` alone in the batch of `buffer`, as a demuxer does.
fn leave_only(buffer: &mut gst::Buffer, source: u32) {
    let writable = buffer.make_mut();
    writable.foreach_meta_mut(|mut meta| {
        let is_roi = meta.downcast_ref::<gst_video::VideoRegionOfInterestMeta>().is_some();
        let action = if is_roi {
            gst::buffer::BufferMetaForeachAction::Keep
        } else {
            gst::buffer::BufferMetaForeachAction::Remove
        };
        std::ops::ControlFlow::Continue(action)
    });
    handmade::attach(writable, Layout::ALL[1], &[frame(source, &[])]);
}

#[test]
fn surfaces_are_taken_only_where_the_neighbours_have_nothing_else() {
    common::init();
    let (surfaces, pixels) = ("video/x-raw(memory:NVMM),format=NV12", "video/x-raw,format=NV12");
    let both = format!("{surfaces};{pixels}");
    let filter = |caps: &str| {
        let caps: gst::Caps = caps.parse().unwrap();
        gst::ElementFactory::make("capsfilter").property("caps", caps).build().unwrap()
    };
    for kind in ["alprdetect", "alprocr"] {
        for (before, behind, expected) in
            [(surfaces, &*both, true), (&*both, &*both, false), (&*both, surfaces, true), (pixels, &*both, false)]
        {
            let element = gst::ElementFactory::make(kind).build().unwrap();
            let (upstream, downstream) = (filter(before), filter(behind));
            let bin = gst::Bin::new();
            bin.add_many([&upstream, &element, &downstream]).unwrap();
            gst::Element::link_many([&upstream, &element, &downstream]).unwrap();
            let taken = element.static_pad("sink").unwrap().query_caps(None);
            let any = taken.iter_with_features().any(|(_, features)| features.contains("memory:NVMM"));
            assert!(!taken.is_empty() && any == expected, "{kind} between {before} and {behind}: {taken}");
        }
    }
}
