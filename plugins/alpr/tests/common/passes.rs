//! Frames with plates as `alprocr` leaves them, and what `alprdedup` makes of them.

use alpr_core::consensus::Consensus;
use alpr_core::event::Event;
use alpr_core::geometry::Rect;
use alpr_core::reader::{Alphabet, Lattice, Reading};
use gst::prelude::*;
use gstalpr::meta::{self, PlateMeta};

use super::init;

pub(crate) const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);

pub(crate) fn caps(width: i32) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "GRAY8")
        .field("width", width)
        .field("height", 360)
        .field("framerate", gst::Fraction::new(25, 1))
        .build()
}

/// A running `alprdedup` with `properties`.
pub(crate) fn harness(properties: &[(&str, &str)]) -> gst_check::Harness {
    init();
    let element = gst::ElementFactory::make("alprdedup").property("camera-id", "CAM1").build().unwrap();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    around(&element)
}

/// A harness around `element`, which may have run before.
pub(crate) fn around(element: &gst::Element) -> gst_check::Harness {
    let mut harness = gst_check::Harness::with_element(element, Some("sink"), Some("src"));
    // a harness says that it is live; we want a file
    harness.srcpad().unwrap().add_probe(gst::PadProbeType::QUERY_UPSTREAM, |_, info| {
        if let Some(gst::QueryViewMut::Latency(latency)) = info.query_mut().map(|query| query.view_mut()) {
            latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
    harness.play();
    harness.set_src_caps(caps(640));
    harness
}

/// Begins the stream `id`.
pub(crate) fn begin(harness: &mut gst_check::Harness, id: &str) {
    harness.push_event(gst::event::StreamStart::new(id));
    harness.push_event(gst::event::Caps::new(&caps(640)));
    harness.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
}

pub(crate) fn lattice(text: &str) -> Lattice {
    let alphabet = Alphabet::latin();
    let symbols = alphabet.symbols().to_vec();
    let row = |c: char| {
        let place = symbols.iter().position(|s| *s == c).unwrap();
        (0..=symbols.len()).map(move |i| if i == place { 0.964 } else { 0.001 })
    };
    Lattice { probs: text.chars().flat_map(row).collect(), alphabet }
}

/// Track `track` at its `n`-th frame, with `text` read `n + 1` times.
pub(crate) fn plate(track: u64, text: &str, n: u32) -> PlateMeta {
    let consensus = Consensus {
        lattice: lattice(text),
        text: text.into(),
        confidence: 0.95,
        char_confidence: vec![0.99; text.len()],
        alternatives: vec![("ALTER1".into(), 0.02)],
        reads: n + 1,
        agreeing: n + 1,
        region: None,
    };
    PlateMeta {
        bbox: Rect::new(50.0 + 20.0 * n as f32, 100.0 + 20.0 * (track % 10) as f32, 80.0, 20.0),
        confidence: 0.8,
        track_id: Some(track),
        quality: Some(0.7),
        reading: Some(Reading { text: text.into(), confidence: 0.95, lattice: lattice(text), region: None }),
        consensus: Some(consensus),
        ..PlateMeta::default()
    }
}

pub(crate) fn frame(number: u64, plates: &[PlateMeta]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(vec![128u8; 640 * 360]);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(number * FRAME);
    writable.set_duration(FRAME);
    meta::write(writable, plates);
    buffer
}

/// Pushes `count` frames from number `first` on, with `text` on track `track` in each.
pub(crate) fn pass(harness: &mut gst_check::Harness, track: u64, text: &str, first: u64, count: u32) {
    for n in 0..count {
        harness.push(frame(first + u64::from(n), &[plate(track, text, n)])).unwrap();
    }
}

pub(crate) fn empty(harness: &mut gst_check::Harness, first: u64, count: u64) {
    for n in 0..count {
        harness.push(frame(first + n, &[])).unwrap();
    }
}

/// All lines that came out, and their presentation times.
pub(crate) fn lines(harness: &mut gst_check::Harness) -> Vec<(String, Option<gst::ClockTime>)> {
    std::iter::from_fn(|| harness.try_pull())
        .map(|buffer| {
            let map = buffer.map_readable().unwrap();
            (String::from_utf8(map.to_vec()).unwrap(), buffer.pts())
        })
        .collect()
}

pub(crate) fn events(harness: &mut gst_check::Harness) -> Vec<Event> {
    lines(harness).iter().map(|(line, _)| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn stat(harness: &gst_check::Harness, name: &str) -> u64 {
    harness.element().unwrap().property::<gst::Structure>("stats").get(name).unwrap()
}

/// A folder of this test's own, which is gone when the test is over.
pub(crate) struct Folder(std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("alprdedup-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
