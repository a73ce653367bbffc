//! Photographs that follow one another: each is a stream of its own, at whatever frame rate they come.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::event::Event;
use common::{Painting, data, harness, onnxruntime, play_as_file, stat, video};
use gst::prelude::*;
use gst_video::VideoFormat;

/// Pictures are squares of this side, or of half of it.
const SIZE: u32 = 512;
/// What the plates say: far enough from each other for no two to be one plate. The detector finds what is brighter than 7.
const PLATES: [[u8; 4]; 5] = [[8, 9, 8, 9], [9, 9, 9, 9], [8, 8, 9, 9], [9, 8, 8, 8], [8, 8, 8, 9]];

/// A plate at the same place of a picture of the place `seed`.
fn photograph(seed: u32, digits: [u8; 4], size: u32) -> Painting {
    let unit = size / 16;
    let mut picture = Painting::new(size, size);
    for patch in 0..16 * 16 {
        // well mixed: no picture is another one that has moved
        let mixed = u64::from(patch + 4099 * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let level = ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40 & 127) as u8;
        picture = picture.rect(patch % 16 * unit, patch / 16 * unit, unit, unit, [level; 3]);
    }
    picture.digits(6 * unit, 7 * unit, 4 * unit, 2 * unit, digits)
}

/// Events of the photographs, of `places` and `sizes`, each of which comes `times` times, and how many cuts there were.
fn events(places: fn(u32) -> u32, sizes: fn(u32) -> u32, times: u64, detect: &str) -> (Vec<Event>, u64) {
    common::init();
    let info = |size| video(VideoFormat::I420, size, size);
    let model = |name: &str| {
        let (library, file) = (onnxruntime(), data(name));
        format!("onnxruntime-library={} model-file={file} execution-provider=cpu threads=1", library.display())
    };
    let line = format!(
        "alprdetect name=detect {} {detect} ! queue ! alprocr {} ! queue ! alprdedup camera-id=CAM1 host-id=host \
         start-time=2026-01-01T00:00:00Z duplicate-match=exact",
        model("bright-detector.onnx"),
        model("level-reader.onnx")
    );
    let bin = gst::parse::bin_from_description(&line, true).unwrap();
    let detector = bin.by_name("detect").unwrap();
    let mut harness = harness(bin.upcast_ref(), &info(sizes(0)));
    play_as_file(&harness);
    for (seed, digits) in (0..).zip(PLATES) {
        let info = info(sizes(seed));
        if seed > 0 && sizes(seed) != sizes(seed - 1) {
            harness.set_src_caps(info.to_caps().unwrap());
        }
        for again in 0..times {
            let number = u64::from(seed) * times + again;
            harness.push(photograph(places(seed), digits, info.width()).buffer(&info, number)).unwrap();
        }
    }
    harness.push_event(gst::event::Eos::new());
    while harness.pull_event().unwrap().type_() != gst::EventType::Eos {}
    let lines = std::iter::from_fn(|| harness.try_pull());
    let events = lines.map(|line| serde_json::from_slice(&line.map_readable().unwrap()).unwrap()).collect();
    (events, stat(&detector, "cuts"))
}

fn told(events: &[Event]) -> Vec<(String, Option<i32>)> {
    events.iter().map(|event| (event.plate.normalized_text.clone(), event.extras.frame_number)).collect()
}

#[test]
fn each_photograph_gives_its_event_at_its_time() {
    let texts = PLATES.map(|digits| digits.map(|digit| char::from(b'0' + digit)).iter().collect::<String>());
    let sizes: [fn(u32) -> u32; 2] = [|_| SIZE, |seed| SIZE >> (seed % 2)];
    for (times, sizes) in (1..=3).flat_map(|times| sizes.map(|sizes| (times, sizes))) {
        let (events, cuts) = events(|seed| seed, sizes, times, "");
        let expected: Vec<_> = (0..).zip(&texts).map(|(i, text)| (text.clone(), Some(i * times as i32))).collect();
        assert_eq!((told(&events), cuts), (expected, 4), "{times} of each vehicle, sizes {:?}", [sizes(0), sizes(1)]);
    }
}

#[test]
fn a_film_is_not_cut_by_what_passes() {
    let (of_one_place, cuts) = events(|_| 0, |_| SIZE, 1, "");
    assert_eq!((told(&of_one_place), cuts), (vec![], 0));
    let (without, cuts) = events(|seed| seed, |_| SIZE, 1, "scene-cuts=false");
    assert_eq!((told(&without), cuts), (vec![], 0));
}
