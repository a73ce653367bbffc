//! The models of the repository read a rendered plate.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::{Painting, harness, onnxruntime, plates, stat, video};
use gst::prelude::*;
use gst_video::VideoFormat;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};

/// A white plate with black text and border: top left corner, and how many pixels a pixel of the font takes.
fn painted(mut painting: Painting, text: &str, x: u32, y: u32, scale: u32) -> (Painting, [f32; 4]) {
    let glyphs: Vec<_> = text.chars().map(|c| get_raster(c, FontWeight::Bold, RasterHeight::Size32).unwrap()).collect();
    let advance = glyphs[0].width() as u32 * scale;
    let (w, h) = (advance * (glyphs.len() as u32 + 1), 28 * scale);
    painting = painting.rect(x, y, w, h, [20; 3]).rect(x + scale, y + scale, w - 2 * scale, h - 2 * scale, [235; 3]);
    for (i, glyph) in (0..).zip(&glyphs) {
        for (row, line) in (0..).zip(glyph.rows()) {
            for (column, &ink) in (0..).zip(line) {
                if ink > 20 {
                    let (px, py) = (x + advance / 2 + i * advance + column * scale, y + row * scale);
                    painting = painting.rect(px, py.saturating_sub(2 * scale), scale, scale, [235 - ink.min(215); 3]);
                }
            }
        }
    }
    (painting, [x as f32, y as f32, w as f32, h as f32])
}

/// The default model `name` in the form that processors get, and as it was exported.
fn forms(name: &str) -> [String; 2] {
    ["int8.onnx", "onnx"].map(|form| format!("{}/../../models/{name}.{form}", env!("CARGO_MANIFEST_DIR")))
}

/// `alprdetect` with the default model.
fn detector() -> gst::Element {
    common::init();
    gst::ElementFactory::make("alprdetect")
        .property("model-file", &forms("plate-detector")[0])
        .property("onnxruntime-library", onnxruntime().to_str().unwrap())
        .property_from_str("execution-provider", "cpu")
        .build()
        .unwrap()
}

/// A grey picture of 1280 × 720 with a plate of this text whose font's pixels take that many pixels; how often `alprdetect`
/// looked, and whether it found the plate.
fn searched(plate: Option<(&str, u32)>, coarse: bool) -> (u64, bool) {
    let detect = detector();
    detect.set_property("coarse-search", coarse);
    let info = video(VideoFormat::Nv12, 1280, 720);
    let mut h = harness(&detect, &info);
    let scene = Painting::new(1280, 720).rect(0, 0, 1280, 720, [60, 62, 65]);
    let (scene, [x, y, w, height]) = match plate {
        Some((text, scale)) => painted(scene, text, 40, 60, scale),
        None => (scene, [0.0; 4]),
    };
    let found = plates(&h.push_and_pull(scene.buffer(&info, 0)).unwrap());
    let plate = alpr_core::geometry::Rect::new(x, y, w, height);
    (stat(&detect, "inferences"), found.iter().any(|found| found.bbox.iou(&plate) > 0.5))
}

/// A picture of `width` × `height` pixels with the rear of a car in its corner: a dark body on a grey road, lamps; the plate
/// belongs at (570, 440).
fn rear_of_a_car(width: u32, height: u32) -> Painting {
    Painting::new(width, height)
        .rect(0, 0, width, height, [120, 122, 125])
        .rect(0, 0, width, 260, [170, 190, 210])
        .rect(360, 180, 560, 420, [40, 50, 90])
        .rect(440, 200, 400, 120, [25, 28, 35])
        .rect(370, 380, 70, 50, [170, 20, 20])
        .rect(840, 380, 70, 50, [170, 20, 20])
        .rect(380, 590, 100, 50, [15; 3])
        .rect(800, 590, 100, 50, [15; 3])
}

#[test]
fn a_small_plate_that_is_half_seen_is_looked_at_from_near() {
    let found = |(width, height): (u32, u32), close: bool| {
        let detect = detector();
        detect.set_property("close-search", close);
        let (scene, [x, y, w, h]) = painted(rear_of_a_car(width, height), "KB123CD", 570, 440, 1);
        let info = video(VideoFormat::Nv12, width, height);
        let mut harness = harness(&detect, &info);
        let found = plates(&harness.push_and_pull(scene.buffer(&info, 0)).unwrap());
        let plate = alpr_core::geometry::Rect::new(x, y, w, h);
        (stat(&detect, "inferences"), found.iter().any(|found| found.bbox.iou(&plate) > 0.5))
    };
    assert_eq!(found((1280, 720), true), (1, true), "a plate of usual size needs one look");
    // here the plate has 12 pixels of the network's 640, and the coarse look comes too
    assert_eq!(found((6656, 3744), false), (2, false));
    assert_eq!(found((6656, 3744), true), (3, true));
}

#[test]
fn what_is_followed_is_looked_at_from_near_now_and_then() {
    let (width, height) = (6656, 3744);
    let (scene, _) = painted(rear_of_a_car(width, height), "KB123CD", 570, 440, 1);
    let info = video(VideoFormat::Nv12, width, height);
    for (tracking, looks) in [(true, [3, 5, 8]), (false, [3, 6, 9])] {
        let detect = detector();
        detect.set_property("tracking", tracking);
        let mut harness = harness(&detect, &info);
        for (number, looks) in [0, 2, 5].into_iter().zip(looks) {
            // of 25 frames a second
            harness.push_and_pull(scene.buffer(&info, number)).unwrap();
            assert_eq!(stat(&detect, "inferences"), looks, "frame {number}, tracking {tracking}");
        }
    }
}

#[test]
fn a_picture_without_a_find_is_searched_again_for_plates_that_fill_it() {
    assert_eq!(searched(None, true), (2, false), "nothing at either size");
    assert_eq!(searched(None, false), (1, false));
    assert_eq!(searched(Some(("KB123CD", 1)), true), (1, true), "a plate of usual size needs one look");
    assert_eq!(searched(Some(("KB1", 17)), false), (1, false), "as large as this it is not seen");
    assert_eq!(searched(Some(("KB1", 17)), true), (2, true));
}

#[test]
fn a_rendered_plate_is_found_and_read() {
    common::init();
    let lib = onnxruntime();
    for (detector, reader) in forms("plate-detector").iter().zip(forms("plate-reader")) {
        let description = format!(
            "alprdetect onnxruntime-library={lib} model-file={detector} execution-provider=cpu ! \
             alprocr onnxruntime-library={lib} model-file={reader} execution-provider=cpu",
            lib = lib.display(),
        );
        let bin = gst::parse::bin_from_description(&description, true).unwrap();
        let info = video(VideoFormat::Nv12, 1280, 720);
        let mut h = harness(bin.upcast_ref(), &info);
        let (scene, [x, y, w, height]) = painted(rear_of_a_car(1280, 720), "KB123CD", 570, 440, 1);
        let mut found = Vec::new();
        for number in 0..4 {
            found = plates(&h.push_and_pull(scene.buffer(&info, number)).unwrap());
        }
        assert_eq!(found.len(), 1, "{detector}: {found:?}");
        let plate = &found[0];
        let iou = plate.bbox.iou(&alpr_core::geometry::Rect::new(x, y, w, height));
        assert!(iou > 0.5, "{detector}: {iou} {:?}", plate.bbox);
        assert_eq!(plate.track_id, Some(1));
        assert_eq!(plate.consensus.as_ref().unwrap().text, "KB123CD", "{reader}");
    }
}
