//! A car that passes, told by whatever carrier, and the event that `alprocr ! alprdedup` make of it.

use alpr_core::event::Event;
use gst::prelude::*;
use gst_video::{VideoFormat, VideoRegionOfInterestMeta as Roi};

use super::{Painting, data, harness, onnxruntime, play_as_file, video};

/// Frames in which the car is seen.
pub(crate) const FRAMES: u64 = 20;
/// The car's track.
pub(crate) const CAR: u64 = 7;
/// Of the detector.
pub(crate) const CONFIDENCE: f32 = 0.75;

/// Boxes of the car and its plate in a frame: x, y, width, height.
pub(crate) fn places(number: u64) -> [[u32; 4]; 2] {
    let x = 10 + 8 * number as u32;
    [[x, 40, 160, 120], [x + 40, 100, 64, 32]]
}

/// A running line of reader and decisions with `properties` of the latter.
pub(crate) fn line(properties: &str) -> gst_check::Harness {
    let info = video(VideoFormat::Nv12, 512, 256);
    let line = format!(
        "alprocr onnxruntime-library={} model-file={} execution-provider=cpu threads=1 \
         ! alprdedup camera-id=CAM1 host-id=host start-time=2026-01-01T00:00:00Z {properties}",
        onnxruntime().display(),
        data("level-reader.onnx")
    );
    let bin = gst::parse::bin_from_description(&line, true).unwrap();
    let harness = harness(bin.upcast_ref(), &info);
    play_as_file(&harness);
    harness
}

/// Events of the car's pass, which `carry` puts on the buffers: number of the frame, places of car and plate.
pub(crate) fn events(carry: impl Fn(&mut gst::BufferRef, u64, [[u32; 4]; 2])) -> Vec<Event> {
    lines("", carry).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same as they are sent, with `properties` of `alprdedup`.
pub(crate) fn lines(properties: &str, carry: impl Fn(&mut gst::BufferRef, u64, [[u32; 4]; 2])) -> Vec<String> {
    let info = video(VideoFormat::Nv12, 512, 256);
    let mut harness = line(properties);
    for number in 0..FRAMES {
        let [car, plate] = places(number);
        let mut buffer =
            Painting::new(512, 256).digits(plate[0], plate[1], plate[2], plate[3], [3, 0, 9, 7]).buffer(&info, number);
        carry(buffer.get_mut().unwrap(), number, [car, plate]);
        harness.push(buffer).unwrap();
    }
    harness.push_event(gst::event::Eos::new());
    let lines = std::iter::from_fn(|| harness.try_pull());
    lines.map(|line| String::from_utf8(line.map_readable().unwrap().to_vec()).unwrap()).collect()
}

/// Everyone is followed.
pub(crate) fn by_regions(buffer: &mut gst::BufferRef, _number: u64, places: [[u32; 4]; 2]) {
    regions(buffer, places, true);
}

/// Nothing follows plates: the track is the vehicle's.
pub(crate) fn by_followed_vehicles(buffer: &mut gst::BufferRef, _number: u64, places: [[u32; 4]; 2]) {
    regions(buffer, places, false);
}

fn regions(buffer: &mut gst::BufferRef, places: [[u32; 4]; 2], plate_has_id: bool) {
    let [car, plate] = places.map(|[x, y, w, h]| (x, y, w, h));
    let id = || gst::Structure::builder("object_id").field("id", CAR as i32).build();
    let mut region = Roi::add(buffer, "car", car);
    region.set_id(1);
    region.add_param(id());
    let mut region = Roi::add(buffer, "license_plate", plate);
    region.set_id(2);
    region.set_parent_id(1);
    if plate_has_id {
        region.add_param(id());
    }
    region.add_param(gst::Structure::builder("detection").field("confidence", f64::from(CONFIDENCE)).build());
}
