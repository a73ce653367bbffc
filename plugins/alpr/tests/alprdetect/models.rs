//! Models and settings that can be used and that cannot, and inferences that fail or are cut short.

use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};

use super::common::{Painting, data, element, harness, plates, start_error, stat, video};
use super::{WHITE, check_box, detector, scene};

#[test]
fn a_model_with_open_axes_is_tried_out() {
    let info = video(VideoFormat::I420, 256, 256);
    let mut h = harness(&element("alprdetect", "open-detector.onnx"), &info);
    let found = plates(&h.push_and_pull(scene(80).buffer(&info, 0)).unwrap());
    assert_eq!(found.len(), 1);
    check_box(&found[0].bbox, (80.0, 100.0, 64.0, 24.0), 0.01);
}

#[test]
fn models_that_cannot_be_used_stop_the_start() {
    let dir = tempdir("models");
    let write = |name: &str, bytes: &[u8]| {
        let file = dir.join(name);
        std::fs::write(&file, bytes).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let good = std::fs::read(data("bright-detector.onnx")).unwrap();
    let huge = dir.join("huge.onnx");
    std::fs::File::create(&huge).unwrap().set_len(3 << 30).unwrap();
    let copy = write("with-bad-sidecar.onnx", &good);
    std::fs::write(format!("{copy}.modelinfo"), "this is no key file\n[[").unwrap();
    for (file, said) in [
        (dir.join("missing.onnx").to_str().unwrap().to_owned(), "No such file"),
        (dir.to_str().unwrap().to_owned(), "not a regular file"),
        (write("empty.onnx", b""), "it is empty"),
        (write("page.onnx", b"<!DOCTYPE html><html><body>Not found</body></html>"), "page.onnx cannot be loaded"),
        (write("cut.onnx", &good[..good.len() / 2]), "cut.onnx cannot be loaded"),
        (
            write("noise.onnx", &(0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>()),
            "noise.onnx cannot be loaded",
        ),
        (huge.to_str().unwrap().to_owned(), "3221225472 bytes"),
        (data("no-contract.onnx"), "x float32 [1,10]"),
        (data("level-reader.onnx"), "cannot be used here"),
        (copy, "with-bad-sidecar.onnx"),
    ] {
        let element = detector();
        element.set_property("model-file", &file);
        let text = start_error(&element);
        assert!(text.contains(said), "{file}: {text}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn files_of_other_programs_beside_a_model_stop_nothing() {
    let dir = tempdir("neighbours");
    let file = dir.join("detector.onnx");
    std::fs::copy(data("bright-detector.onnx"), &file).unwrap();
    std::fs::create_dir(dir.join("config.json")).unwrap();
    std::fs::write(dir.join("preprocessor_config.json"), b"\xff\xfe no text").unwrap();
    let element = detector();
    element.set_property("model-file", file.to_str().unwrap());
    assert!(element.set_state(gst::State::Paused).is_ok());
    element.set_state(gst::State::Null).unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn settings_that_cannot_be_used_stop_the_start() {
    let element = detector();
    element.set_property("model-options", gst::Structure::builder("options").field("color-order", "grb").build());
    let text = start_error(&element);
    assert!(text.contains("color-order=grb") && text.contains("rgb, bgr, gray"), "{text}");
    let element = detector();
    element.set_property_from_str("execution-provider", "cuda");
    let text = start_error(&element);
    assert!(text.contains("cuda") && text.contains("execution-provider to auto or cpu"), "{text}");
    let element = detector();
    element.set_property("input-width", 1280u32);
    let text = start_error(&element);
    assert!(text.contains("input-width=1280 and input-height=0"), "{text}");
}

#[test]
fn model_options_reach_the_network() {
    let info = video(VideoFormat::Rgb, 256, 128);
    let element = detector();
    let options = gst::Structure::builder("options").field("resize", "stretch").field("pad-value", 255i32).build();
    element.set_property("model-options", options);
    let mut h = harness(&element, &info);
    let picture = Painting::new(256, 128).rect(80, 40, 64, 24, WHITE);
    // With a letterbox, the white padding would be one great plate.
    let found = plates(&h.push_and_pull(picture.buffer(&info, 0)).unwrap());
    check_box(&found[0].bbox, (80.0, 40.0, 64.0, 24.0), 0.01);
}

#[test]
fn a_network_that_fails_is_an_error_and_not_a_crash() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let element = element("alprdetect", "failing-detector.onnx");
    let mut h = harness(&element, &info);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(h.push(Painting::new(256, 256).buffer(&info, 0)).is_ok());
    assert_eq!(h.push(scene(80).buffer(&info, 1)), Err(gst::FlowError::Error));
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    assert!(error.error().to_string().contains("failing-detector.onnx failed"), "{error:?}");
    element.set_bus(None);
}

/// Starts an inference that would take hours, does `interrupt` and tells how the push ended and how long that took.
fn interrupted(interrupt: impl FnOnce(&gst::Element, &gst::Pad)) -> (gst::FlowReturn, Duration) {
    let info: VideoInfo = video(VideoFormat::Nv12, 256, 256);
    let element = element("alprdetect", "endless-detector.onnx");
    let source = gst::Pad::builder(gst::PadDirection::Src).name("src").build();
    source.link(&element.static_pad("sink").unwrap()).unwrap();
    element.set_state(gst::State::Playing).unwrap();
    source.set_active(true).unwrap();
    assert!(source.push_event(gst::event::StreamStart::new("stream")));
    assert!(source.push_event(gst::event::Caps::new(&info.to_caps().unwrap())));
    assert!(source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    let buffer = scene(80).buffer(&info, 0);
    let pusher = source.clone();
    let thread = std::thread::spawn(move || {
        let result = pusher.push(buffer);
        (gst::FlowReturn::from(result.map(|_| gst::FlowSuccess::Ok)), Instant::now())
    });
    // The frame is counted before the inference begins.
    while stat(&element, "frames") == 0 {
        std::thread::yield_now();
    }
    let started = Instant::now();
    interrupt(&element, &source);
    let (result, ended) = thread.join().unwrap();
    element.set_state(gst::State::Null).unwrap();
    (result, ended.saturating_duration_since(started))
}

#[test]
fn a_flush_ends_a_running_inference() {
    let (result, time) = interrupted(|_, source| {
        source.push_event(gst::event::FlushStart::new());
    });
    assert_eq!(result, gst::FlowReturn::Flushing);
    assert!(time < Duration::from_secs(5), "{time:?}");
}

#[test]
fn a_stop_ends_a_running_inference() {
    let (result, time) = interrupted(|element, _| {
        element.set_state(gst::State::Null).unwrap();
    });
    assert_eq!(result, gst::FlowReturn::Flushing);
    assert!(time < Duration::from_secs(5), "{time:?}");
}

/// An empty folder of this process for this test.
fn tempdir(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("alprdetect-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
