//! `alprocr` on the real runtime, with a network that reads the brightness of four blocks as digits.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::event::Vehicle;
use alpr_core::geometry::{Point, Quad, Rect};
use common::{
    Painting, data, element, formats, harness, onnxruntime, plates, start_error, stat, video, with_odd_strides,
};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo, VideoRegionOfInterestMeta as Roi};
use gstalpr::meta::{self, PlateMeta};

fn reader() -> gst::Element {
    element("alprocr", "level-reader.onnx")
}

/// A plate at (`x`, `y`) of the size that most tests use.
fn plate(track_id: Option<u64>, x: u32, y: u32) -> PlateMeta {
    PlateMeta { bbox: Rect::new(x as f32, y as f32, 64.0, 32.0), confidence: 0.9, track_id, ..PlateMeta::default() }
}

/// `picture` as frame `number` with `plates` on it.
fn buffer(picture: &Painting, info: &VideoInfo, number: u64, plates: &[PlateMeta]) -> gst::Buffer {
    let mut buffer = picture.buffer(info, number);
    meta::write(buffer.get_mut().unwrap(), plates);
    buffer
}

fn texts(buffer: &gst::Buffer) -> Vec<Option<String>> {
    plates(buffer).into_iter().map(|plate| plate.reading.map(|reading| reading.text)).collect()
}

/// One picture of one plate, again and again.
struct Scene {
    info: VideoInfo,
    picture: Painting,
    number: u64,
}

impl Scene {
    fn new(digits: [u8; 4]) -> Self {
        let picture = Painting::new(256, 256).digits(80, 100, 64, 32, digits);
        Self { info: video(VideoFormat::Nv12, 256, 256), picture, number: 0 }
    }

    fn push(&mut self, harness: &mut Harness, plates: &[PlateMeta]) -> gst::Buffer {
        self.number += 1;
        harness.push_and_pull(buffer(&self.picture, &self.info, self.number, plates)).unwrap()
    }
}

#[test]
fn every_format_reads_the_same() {
    for format in formats() {
        let info = video(format, 256, 256);
        let picture = Painting::new(256, 256).digits(80, 100, 64, 32, [3, 0, 9, 7]);
        let mut h = harness(&reader(), &info);
        let out = h.push_and_pull(buffer(&picture, &info, 0, &[plate(None, 80, 100)])).unwrap();
        assert_eq!(texts(&out), [Some("3097".to_owned())], "{format}");
        let mut padded = with_odd_strides(&picture.buffer(&info, 1), &info, 5);
        meta::write(padded.get_mut().unwrap(), &[plate(None, 80, 100)]);
        assert_eq!(texts(&h.push_and_pull(padded).unwrap()), [Some("3097".to_owned())], "{format}, odd strides");
    }
}

#[test]
fn smallest_and_largest_pictures() {
    for (width, height) in [(1, 1), (2, 2), (3, 1)] {
        let info = video(VideoFormat::I420, width, height);
        let mut h = harness(&reader(), &info);
        let plates = [plate(Some(1), 0, 0), plate(Some(2), 5000, 5000)];
        let out = h.push_and_pull(buffer(&Painting::new(width, height), &info, 0, &plates)).unwrap();
        assert_eq!(common::plates(&out).len(), 2, "{width}x{height}");
    }
    let info = video(VideoFormat::Nv12, 7680, 4320);
    let picture = Painting::new(7680, 4320).digits(6000, 4000, 640, 320, [8, 1, 2, 3]);
    let wide = PlateMeta { bbox: Rect::new(6000.0, 4000.0, 640.0, 320.0), ..plate(None, 0, 0) };
    let mut h = harness(&reader(), &info);
    let out = h.push_and_pull(buffer(&picture, &info, 0, &[wide])).unwrap();
    assert_eq!(texts(&out), [Some("8123".to_owned())]);
}

#[test]
fn crops_follow_the_corners() {
    // The plate leans by half its height.
    let info = video(VideoFormat::Rgb, 256, 256);
    let mut picture = Painting::new(256, 256);
    for column in 0..64u32 {
        let level = [4u8, 8, 0, 6][(column / 16) as usize];
        let gray = (f32::from(level) * 255.0 / 9.0).round() as u8;
        picture = picture.rect(80 + column, 100 + column / 4, 1, 32, [gray; 3]);
    }
    let corners = [(80.0, 100.0), (144.0, 116.0), (144.0, 148.0), (80.0, 132.0)].map(|(x, y)| Point::new(x, y));
    let tilted = PlateMeta { corners: Some(Quad(corners)), bbox: Rect::new(0.0, 0.0, 8.0, 8.0), ..plate(None, 0, 0) };
    let element = reader();
    // another view would be of the box, which is elsewhere here
    element.set_property("views", 1u32);
    let mut h = harness(&element, &info);
    let out = h.push_and_pull(buffer(&picture, &info, 0, &[tilted])).unwrap();
    assert_eq!(texts(&out), [Some("4806".to_owned())]);
}

#[test]
fn readings_of_a_track_add_up_until_it_is_sure() {
    let mut scene = Scene::new([1, 2, 3, 4]);
    let element = reader();
    // The same picture again and again tells nothing new: it never gets surer than this.
    element.set_property("sure-confidence", 0.8f32);
    let mut h = harness(&element, &scene.info);
    let mut reads = Vec::new();
    for _ in 0..20 {
        let found = plates(&scene.push(&mut h, &[plate(Some(5), 80, 100)]));
        let consensus = found[0].consensus.as_ref().unwrap();
        assert_eq!(consensus.text, "1234");
        assert_eq!(found[0].reading.is_some(), found[0].quality.is_some());
        reads.push(consensus.reads);
    }
    assert_eq!(reads[0], 1);
    let last = *reads.last().unwrap();
    assert!((3..=10).contains(&last), "a sure track is left alone: {reads:?}");
    assert_eq!(stat(&element, "crops"), u64::from(last));
    assert_eq!(stat(&element, "not-due"), 20 - u64::from(last));
    h.push_event(gst::event::Eos::new());
    assert_eq!((stat(&element, "passes"), stat(&element, "pass-reads")), (1, u64::from(last)));
    assert_eq!((stat(&element, "passes-sure"), stat(&element, "passes-unread")), (1, 0));
}

#[test]
fn a_track_that_goes_over_to_another_vehicle_begins_anew() {
    let mut scene = Scene::new([1, 2, 3, 4]);
    let element = reader();
    element.set_property("sure-confidence", 0.8f32);
    let mut h = harness(&element, &scene.info);
    let look = |scene: &mut Scene, h: &mut Harness| {
        plates(&scene.push(h, &[plate(Some(5), 80, 100)]))[0].consensus.clone().map(|c| (c.text, c.reads)).unwrap()
    };
    for _ in 0..10 {
        assert_eq!(look(&mut scene, &mut h).0, "1234");
    }
    let before = stat(&element, "reads");
    // Hidden for a while; what comes back under the same track is another plate.
    scene.number += 8;
    scene.picture = Painting::new(256, 256).digits(80, 100, 64, 32, [9, 8, 7, 6]);
    assert_eq!(look(&mut scene, &mut h).0, "1234", "one reading may be a stray");
    assert_eq!(look(&mut scene, &mut h), ("9876".to_owned(), 2), "two that agree are another vehicle");
    h.push_event(gst::event::Eos::new());
    assert_eq!((stat(&element, "passes"), stat(&element, "pass-reads")), (2, before + 2));
}

#[test]
fn plates_that_nothing_follows_are_read_each_on_its_own() {
    let mut scene = Scene::new([5, 5, 5, 5]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    for _ in 0..10 {
        let found = plates(&scene.push(&mut h, &[plate(None, 80, 100)]));
        assert_eq!(found[0].consensus.as_ref().unwrap().reads, 1);
    }
    assert_eq!((stat(&element, "reads"), stat(&element, "passes")), (10, 10));
}

#[test]
fn the_budget_of_a_frame_is_kept_and_everyone_gets_a_turn() {
    let info = video(VideoFormat::Nv12, 512, 512);
    let element = reader();
    element.set_property("max-reads-per-frame", 2u32);
    let mut h = harness(&element, &info);
    let mut picture = Painting::new(512, 512);
    let plates: Vec<PlateMeta> = (0..6u8)
        .map(|i| {
            let (x, y) = (40 + 200 * u32::from(i % 2), 40 + 150 * u32::from(i / 2));
            picture = std::mem::replace(&mut picture, Painting::new(1, 1)).digits(x, y, 64, 32, [i, i, i, i]);
            plate(Some(u64::from(i) + 1), x, y)
        })
        .collect();
    for number in 0..3 {
        let out = h.push_and_pull(buffer(&picture, &info, number, &plates)).unwrap();
        assert_eq!(texts(&out).iter().flatten().count(), 2, "frame {number}");
    }
    assert_eq!((stat(&element, "crops"), stat(&element, "beyond-budget")), (6, 12));
    let out = h.push_and_pull(buffer(&picture, &info, 3, &plates)).unwrap();
    let known: Vec<String> = common::plates(&out).into_iter().filter_map(|p| p.consensus.map(|c| c.text)).collect();
    assert_eq!(known, ["0000", "1111", "2222", "3333", "4444", "5555"]);
}

#[test]
fn a_time_budget_is_kept_by_reading_fewer() {
    let info = video(VideoFormat::Nv12, 512, 512);
    let element = reader();
    element.set_property("max-read-time", 1u64);
    let mut h = harness(&element, &info);
    let picture = Painting::new(512, 512);
    let plates = [plate(Some(1), 0, 0), plate(Some(2), 100, 0), plate(Some(3), 200, 0)];
    for number in 0..4 {
        let out = h.push_and_pull(buffer(&picture, &info, number, &plates)).unwrap();
        // What a crop takes is known after the first frame.
        assert_eq!(texts(&out).iter().flatten().count(), if number == 0 { 3 } else { 1 }, "frame {number}");
    }
}

#[test]
fn a_model_of_fixed_batch_reads_any_number() {
    let info = video(VideoFormat::Rgb, 512, 512);
    let element = element("alprocr", "level-reader-batch2.onnx");
    let mut h = harness(&element, &info);
    let picture = Painting::new(512, 512)
        .digits(0, 0, 64, 32, [1, 1, 1, 1])
        .digits(100, 0, 64, 32, [2, 2, 2, 2])
        .digits(200, 0, 64, 32, [3, 3, 3, 3]);
    let plates = [plate(None, 0, 0), plate(None, 100, 0), plate(None, 200, 0)];
    let out = h.push_and_pull(buffer(&picture, &info, 0, &plates)).unwrap();
    assert_eq!(texts(&out), ["1111", "2222", "3333"].map(|text| Some(text.to_owned())));
}

#[test]
fn predicted_plates_keep_what_is_known_and_are_not_read() {
    let mut scene = Scene::new([7, 7, 7, 7]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    scene.push(&mut h, &[plate(Some(1), 80, 100)]);
    let predicted = PlateMeta { predicted: true, ..plate(Some(1), 80, 100) };
    let found = plates(&scene.push(&mut h, &[predicted]));
    assert!(found[0].reading.is_none() && found[0].predicted);
    assert_eq!(found[0].consensus.as_ref().unwrap().text, "7777");
    assert_eq!((stat(&element, "crops"), stat(&element, "predicted")), (1, 1));
}

#[test]
fn small_plates_are_left_out_and_counted() {
    let mut scene = Scene::new([7, 7, 7, 7]);
    let element = reader();
    element.set_property("min-plate-height", 33u32);
    let mut h = harness(&element, &scene.info);
    assert!(plates(&scene.push(&mut h, &[plate(Some(1), 80, 100)]))[0].reading.is_none());
    element.set_property("min-plate-height", 32u32);
    assert!(plates(&scene.push(&mut h, &[plate(Some(1), 80, 100)]))[0].reading.is_some());
    assert_eq!(stat(&element, "too-small"), 1);
}

#[test]
fn an_empty_reading_is_no_reading() {
    // Dark red is no digit to this reader.
    let info = video(VideoFormat::Rgb, 256, 256);
    let element = reader();
    let mut h = harness(&element, &info);
    let picture = Painting::new(256, 256).rect(80, 100, 64, 32, [120, 0, 0]);
    let found = plates(&h.push_and_pull(buffer(&picture, &info, 0, &[plate(Some(1), 80, 100)])).unwrap());
    assert_eq!(found[0].reading.as_ref().unwrap().text, "");
    assert_eq!(found[0].consensus, None);
    assert_eq!((stat(&element, "crops"), stat(&element, "reads")), (1, 0));
    h.push_event(gst::event::Eos::new());
    assert_eq!(stat(&element, "passes-unread"), 1);
}

#[test]
fn plates_of_other_producers_are_read() {
    let mut scene = Scene::new([0, 2, 4, 6]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    let mut foreign = |h: &mut Harness| {
        scene.number += 1;
        let mut buffer = scene.picture.buffer(&scene.info, scene.number);
        {
            let buffer = buffer.get_mut().unwrap();
            let mut car = Roi::add(buffer, "car", (0, 0, 256, 256));
            car.set_id(1);
            car.add_param(gst::Structure::builder("object_id").field("id", 3i32).build());
            let mut roi = Roi::add(buffer, "license_plate", (80, 100, 64, 32));
            roi.set_id(2);
            roi.set_parent_id(1);
            roi.add_param(gst::Structure::builder("detection").field("confidence", 0.8f64).build());
        }
        plates(&h.push_and_pull(buffer).unwrap())
    };
    foreign(&mut h);
    let found = foreign(&mut h);
    let consensus = found[0].consensus.as_ref().unwrap();
    assert_eq!((consensus.text.as_str(), consensus.reads), ("0246", 2), "its vehicle's track follows it");
    assert_eq!(found[0].vehicle.as_ref().and_then(|v: &Vehicle| v.id), Some(3));
}

#[test]
fn a_flush_and_a_new_stream_forget_and_a_restart_begins_anew() {
    let mut scene = Scene::new([1, 2, 3, 4]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let mut reads =
        |h: &mut Harness| plates(&scene.push(h, &[plate(Some(1), 80, 100)]))[0].consensus.as_ref().unwrap().reads;
    assert_eq!((reads(&mut h), reads(&mut h)), (1, 2));
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::builder(true).build()));
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    assert_eq!(reads(&mut h), 1);
    assert!(h.push_event(gst::event::StreamStart::new("another")));
    let caps = video(VideoFormat::Nv12, 256, 256).to_caps().unwrap();
    assert!(h.push_event(gst::event::Caps::new(&caps)));
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    assert_eq!(reads(&mut h), 1);
    drop(h);
    element.set_state(gst::State::Null).unwrap();
    let mut h = harness(&element, &video(VideoFormat::Nv12, 256, 256));
    assert_eq!(reads(&mut h), 1);
    assert_eq!(stat(&element, "frames"), 1);
}

#[test]
fn tracks_that_are_gone_are_forgotten() {
    let mut scene = Scene::new([1, 2, 3, 4]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    scene.push(&mut h, &[plate(Some(1), 80, 100)]);
    scene.number += 25 * 11;
    scene.push(&mut h, &[]);
    assert_eq!((stat(&element, "passes"), stat(&element, "pass-reads")), (1, 1));
}

#[test]
fn caps_may_change() {
    let mut scene = Scene::new([9, 8, 7, 6]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    scene.push(&mut h, &[plate(Some(1), 80, 100)]);
    let info = video(VideoFormat::Bgr, 512, 300);
    h.set_src_caps(info.to_caps().unwrap());
    let picture = Painting::new(512, 300).digits(400, 200, 64, 32, [9, 8, 7, 6]);
    let out = h.push_and_pull(buffer(&picture, &info, 9, &[plate(Some(1), 400, 200)])).unwrap();
    assert_eq!(plates(&out)[0].consensus.as_ref().unwrap().reads, 2);
}

#[test]
fn late_frames_are_not_read() {
    let mut scene = Scene::new([9, 8, 7, 6]);
    let element = reader();
    let mut h = harness(&element, &scene.info);
    scene.push(&mut h, &[]);
    let time = gst::ClockTime::from_mseconds(40);
    assert!(h.push_upstream_event(gst::event::Qos::new(gst::QOSType::Underflow, 1.5, 20_000_000, time)));
    assert!(plates(&scene.push(&mut h, &[plate(Some(1), 80, 100)]))[0].reading.is_none());
    assert!(plates(&scene.push(&mut h, &[plate(Some(1), 80, 100)]))[0].reading.is_some());
    assert_eq!(stat(&element, "skipped-late"), 1);
}

#[test]
fn a_picture_without_plates_passes_untouched() {
    let mut scene = Scene::new([0; 4]);
    let mut h = harness(&reader(), &scene.info);
    let shared = scene.picture.buffer(&scene.info, 0);
    let out = h.push_and_pull(shared.clone()).unwrap();
    assert_eq!(out.as_ptr(), shared.as_ptr());
    let found = plates(&scene.push(&mut h, &[]));
    assert!(found.is_empty());
}

#[test]
fn a_detector_is_no_reader() {
    let element = reader();
    element.set_property("model-file", data("bright-detector.onnx"));
    let text = start_error(&element);
    assert!(text.contains("bright-detector.onnx cannot be used here"), "{text}");
}

#[test]
fn detected_plates_are_read_in_one_pipeline() {
    common::init();
    let description = format!(
        "alprdetect onnxruntime-library={lib} model-file={detector} execution-provider=cpu ! \
         alprocr onnxruntime-library={lib} model-file={reader} execution-provider=cpu",
        lib = onnxruntime().display(),
        detector = data("bright-detector.onnx"),
        reader = data("level-reader.onnx"),
    );
    let bin = gst::parse::bin_from_description(&description, true).unwrap();
    let info = video(VideoFormat::I420, 256, 256);
    let mut h = harness(bin.upcast_ref(), &info);
    // White blocks at both ends, so that the box of what is bright is the plate.
    let picture = Painting::new(256, 256).digits(80, 100, 64, 32, [9, 4, 6, 9]);
    for number in 0..3 {
        let out = h.push_and_pull(picture.buffer(&info, number)).unwrap();
        let found = plates(&out);
        assert_eq!(found[0].consensus.as_ref().map(|c| (c.text.as_str(), c.reads)), Some(("9469", number as u32 + 1)));
        assert_eq!(found[0].track_id, Some(1));
    }
}
