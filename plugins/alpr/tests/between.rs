//! Plates survive the elements that people put between ours, and where they cannot, the user is told.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::consensus::Consensus;
use alpr_core::event::Vehicle;
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::reader::{Alphabet, Lattice, Reading, RegionGuess};
use common::{Painting, data, harness, onnxruntime, plates, video};
use gst::prelude::*;
use gst_video::{VideoFormat, VideoRegionOfInterestMeta as Roi};
use gstalpr::meta::{self, PlateMeta, Region};

/// Of the pictures that go in.
const SIDE: u32 = 256;

/// Elements that keep plates, and how large the picture is behind them for one before.
const KEEP: [(&str, (f32, f32)); 15] = [
    ("identity drop-allocation=true", (1.0, 1.0)),
    ("queue", (1.0, 1.0)),
    ("tee", (1.0, 1.0)),
    ("capsfilter caps=video/x-raw", (1.0, 1.0)),
    ("videoconvert ! video/x-raw,format=RGBA", (1.0, 1.0)),
    ("videoscale ! video/x-raw,width=128,height=128", (0.5, 0.5)),
    ("videoscale ! video/x-raw,width=512,height=768", (2.0, 3.0)),
    ("videoconvert ! videoscale ! video/x-raw,format=RGBx,width=512,height=512", (2.0, 2.0)),
    ("videoscale ! video/x-raw,width=512,height=512 ! videoscale ! video/x-raw,width=256,height=256", (1.0, 1.0)),
    ("videorate ! video/x-raw,framerate=25/1", (1.0, 1.0)),
    ("videobalance brightness=0.1", (1.0, 1.0)),
    ("gamma gamma=1.1", (1.0, 1.0)),
    ("timeoverlay", (1.0, 1.0)),
    ("deinterlace", (1.0, 1.0)),
    ("jpegenc ! jpegdec", (1.0, 1.0)),
];

/// Elements that take the regions away, because they move or turn the picture under them.
const DROP: [&str; 2] = ["videocrop left=16", "videobox left=16"];

/// A plate of which everything is known, with whole numbers for coordinates.
fn plate(x: f32, track_id: u64, predicted: bool) -> PlateMeta {
    let alphabet = Alphabet::new("0123".chars());
    let lattice = Lattice { alphabet, probs: vec![0.1, 0.7, 0.1, 0.05, 0.05] };
    let region = Some(RegionGuess { code: "DE".into(), confidence: 0.5 });
    PlateMeta {
        bbox: Rect::new(x, 100.0, 64.0, 32.0),
        corners: Some(Quad([
            Point::new(x, 102.0),
            Point::new(x + 62.0, 100.0),
            Point::new(x + 64.0, 130.0),
            Point::new(x + 2.0, 132.0),
        ])),
        confidence: 0.875,
        label: "plate".into(),
        track_id: Some(track_id),
        predicted,
        quality: Some(0.25),
        reading: Some(Reading { text: "1".into(), confidence: 0.7, lattice: lattice.clone(), region: region.clone() }),
        consensus: Some(Consensus {
            lattice,
            text: "1".into(),
            confidence: 0.7,
            char_confidence: vec![0.7],
            alternatives: vec![("0".into(), 0.1)],
            reads: 3,
            agreeing: 2,
            region,
        }),
        sure: !predicted,
        vehicle: Some(Vehicle {
            kind: Some("car".into()),
            make: Some("Acme".into()),
            bbox: Some(Rect::new(x - 8.0, 40.0, 96.0, 120.0)),
            id: Some(track_id),
            ..Vehicle::default()
        }),
        ..PlateMeta::default()
    }
}

fn scaled(plate: PlateMeta, (x, y): (f32, f32)) -> PlateMeta {
    let rect = |r: Rect| Rect::new(r.x * x, r.y * y, r.w * x, r.h * y);
    PlateMeta {
        bbox: rect(plate.bbox),
        corners: plate.corners.map(|quad| Quad(quad.0.map(|p| Point::new(p.x * x, p.y * y)))),
        vehicle: plate.vehicle.map(|vehicle| Vehicle { bbox: vehicle.bbox.map(rect), ..vehicle }),
        ..plate
    }
}

fn unnumbered(plates: Vec<PlateMeta>) -> Vec<PlateMeta> {
    plates.into_iter().map(|plate| PlateMeta { roi_id: None, ..plate }).collect()
}

/// What comes out of `line`, some frames after `carry` put something on each of those that went in.
fn through(line: &str, carry: impl Fn(&mut gst::BufferRef)) -> gst::Buffer {
    common::init();
    let info = video(VideoFormat::I420, SIDE, SIDE);
    let bin = gst::parse::bin_from_description(&format!("{line} ! identity"), true)
        .unwrap_or_else(|err| panic!("{line}: {err}"));
    let mut h = harness(bin.upcast_ref(), &info);
    for number in 0..4 {
        let mut buffer = Painting::new(SIDE, SIDE).rect(0, 0, SIDE, SIDE, [90; 3]).buffer(&info, number);
        carry(buffer.get_mut().unwrap());
        h.push(buffer).unwrap();
    }
    h.push_event(gst::event::Eos::new());
    h.pull().unwrap_or_else(|err| panic!("{line}: {err}"))
}

#[test]
fn everything_survives() {
    let written = [plate(16.0, 5, false), plate(128.0, 1 << 40, true)];
    for (line, scale) in KEEP {
        let out = through(line, |buffer| meta::write(buffer, &written));
        let expected = written.clone().map(|plate| scaled(plate, scale));
        assert_eq!(unnumbered(meta::read(&out)), expected, "{line}");
    }
}

#[test]
fn what_was_written_twice_is_there_once() {
    let line = KEEP[5].0;
    let out = through(line, |buffer| {
        meta::write(buffer, &[plate(16.0, 5, false), plate(128.0, 6, true)]);
        let mut plates = meta::read(buffer);
        plates.remove(0);
        plates[0].predicted = false;
        meta::write(buffer, &plates);
    });
    let mut out = out;
    let read = meta::read(&out);
    assert_eq!((read.len(), read[0].track_id, read[0].predicted), (1, Some(6), false), "{read:?}");
    // and again behind the scaler, as alprocr does
    meta::write(out.make_mut(), &read);
    assert_eq!(meta::read(&out), read);
}

#[test]
fn what_others_say_survives_too() {
    let id = |id: i32| gst::Structure::builder("object_id").field("id", id).build();
    let color = || gst::Structure::builder("color").field("attribute_name", "color").field("label", "red").build();
    for (plates, plate_id) in [(0, 0), (1, 0), (2, 0), (1, 9)] {
        let out = through(KEEP[5].0, |buffer| {
            let mut car = Roi::add(buffer, "car", (40, 40, 160, 120));
            car.set_id(3);
            car.add_param(id(7));
            car.add_param(color());
            let detected: Vec<PlateMeta> = (0..plates)
                .map(|at| {
                    let mut roi = Roi::add(buffer, "lpd", (80, 100, 64, 32));
                    roi.set_id(plate_id);
                    roi.set_parent_id(3);
                    roi.add_param(gst::Structure::builder("theirs").field("n", 1).build());
                    PlateMeta {
                        bbox: Rect::new(80.0, 100.0, 64.0, 32.0),
                        roi_id: Some(plate_id),
                        ..plate(0.0, 7 + at, false)
                    }
                })
                .collect();
            meta::write(buffer, &detected);
        });
        let regions = meta::regions(&out, "car");
        let [Region { id: 3, vehicle, .. }] = regions.as_slice() else { panic!("{regions:?}") };
        assert_eq!((vehicle.id, vehicle.color.as_deref()), (Some(7), Some("red")), "{plates} plates");
        assert_eq!(vehicle.bbox, Some(Rect::new(20.0, 20.0, 80.0, 60.0)));
        let mut out = out;
        let read = meta::read(&out);
        assert!(read.iter().map(|plate| plate.track_id).eq((0..plates).map(|at| Some(7 + at))), "{read:?}");
        // who writes behind the scaler hands on what others said of the plate
        meta::write(out.make_mut(), &read);
        let theirs = out.iter_meta::<Roi>().filter(|roi| roi.param("theirs").is_some()).count();
        assert_eq!(theirs as u64, plates, "id {plate_id}");
    }
}

/// Detector, `between`, reader and decisions: the events' texts and tracks, and what was warned of.
fn run(between: &str) -> (Vec<(String, String)>, Vec<String>) {
    let lib = onnxruntime();
    let line = format!(
        "alprdetect onnxruntime-library={lib} model-file={} execution-provider=cpu threads=1 ! {between} \
         ! alprocr onnxruntime-library={lib} model-file={} execution-provider=cpu threads=1 \
         ! alprdedup camera-id=CAM1 start-time=2026-01-01T00:00:00Z",
        data("bright-detector.onnx"),
        data("level-reader.onnx"),
        lib = lib.display(),
    );
    common::init();
    let bin = gst::parse::bin_from_description(&line, true).unwrap();
    let info = video(VideoFormat::I420, SIDE, SIDE);
    let mut h = harness(bin.upcast_ref(), &info);
    common::play_as_file(&h);
    let bus = gst::Bus::new();
    bin.set_bus(Some(&bus));
    for number in 0..30 {
        let picture = Painting::new(SIDE, SIDE).rect(20 + 4 * number as u32, 100, 64, 32, [255; 3]);
        h.push(picture.buffer(&info, number)).unwrap();
    }
    h.push_event(gst::event::Eos::new());
    // The end comes behind every event, through queues too.
    while h.pull_event().unwrap().type_() != gst::EventType::Eos {}
    let lines = std::iter::from_fn(|| h.try_pull());
    let events = lines.map(|line| {
        let event: serde_json::Value = serde_json::from_slice(&line.map_readable().unwrap()).unwrap();
        (event["plate"]["normalized_text"].to_string(), event["track_id"].to_string())
    });
    let events = events.collect();
    let warnings = bus.iter().filter_map(|message| match message.view() {
        gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
        _ => None,
    });
    (events, warnings.collect())
}

#[test]
fn the_same_vehicle_gives_the_same_event() {
    let expected = run("identity");
    let [(text, track)] = expected.0.as_slice() else { panic!("{expected:?}") };
    assert_eq!((text.as_str(), track.as_str()), ("\"9999\"", "\"t-1\""));
    let changes = |line: &str| line.contains("timeoverlay") || line.contains("jpegenc");
    for (line, _) in KEEP.into_iter().filter(|(line, _)| !changes(line)) {
        assert_eq!(run(line), expected, "{line}");
    }
}

#[test]
fn the_user_is_told_what_drops_plates() {
    for line in DROP {
        let (events, warnings) = run(line);
        assert_eq!(events, [], "{line}");
        let told: Vec<&String> = warnings.iter().filter(|text| text.contains("videocrop")).collect();
        assert_eq!(told.len(), 1, "{line}: {warnings:?}");
        assert!(told[0].contains("Put it before alprdetect"), "{told:?}");
    }
}

#[test]
fn pictures_without_plates_are_no_reason_to_warn() {
    common::init();
    let reader = common::element("alprocr", "level-reader.onnx");
    let info = video(VideoFormat::I420, SIDE, SIDE);
    let mut h = harness(&reader, &info);
    let bus = gst::Bus::new();
    reader.set_bus(Some(&bus));
    for number in 0..60 {
        let mut buffer = Painting::new(SIDE, SIDE).buffer(&info, number);
        let b = buffer.get_mut().unwrap();
        match number {
            // plates that were withdrawn, on purpose
            0..20 => {
                meta::write(b, &[plate(16.0, 5, false)]);
                meta::write(b, &[]);
            }
            20..40 => meta::write(b, &[plate(16.0, 5, true)]),
            // lost after some came through: who moves the picture may leave out those at its edge
            40..60 => {
                meta::write(b, &[plate(16.0, 5, true)]);
                b.foreach_meta_mut(|mut meta| {
                    let is_region = meta.downcast_ref::<Roi>().is_some();
                    use gst::buffer::BufferMetaForeachAction::{Keep, Remove};
                    std::ops::ControlFlow::Continue(if is_region { Remove } else { Keep })
                });
            }
            _ => {}
        }
        let out = h.push_and_pull(buffer).unwrap();
        // of those that are lost, GstAnalytics may still know
        assert!(number >= 40 || plates(&out).len() == usize::from(number >= 20), "{number}");
    }
    assert!(!bus.iter().any(|message| matches!(message.view(), gst::MessageView::Warning(_))));
}
