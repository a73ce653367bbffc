//! Pictures, models and harnesses of the element tests.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its part; a failed unwrap is how a test fails")]

pub(crate) mod passes;
pub(crate) mod scene;

use std::path::{Path, PathBuf};

use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoColorimetry, VideoFormat, VideoFrame, VideoInfo, VideoMeta};
use gstalpr::frame::FORMATS;
use gstalpr::meta::{self, PlateMeta};

/// Prepares GStreamer and the elements.
pub(crate) fn init() {
    use std::sync::Once;
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstalpr::plugin_register_static().unwrap();
    });
}

/// A file beside the tests.
pub(crate) fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The ONNX Runtime that `./dev` keeps, or the one that the environment names.
pub(crate) fn onnxruntime() -> PathBuf {
    if let Some(file) = std::env::var_os("ORT_DYLIB_PATH") {
        return file.into();
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/onnxruntime");
    let files = std::fs::read_dir(&dir).unwrap_or_else(|err| panic!("{}: {err}; run ./dev env once", dir.display()));
    files
        .map(|entry| entry.unwrap().path())
        .find(|file| file.file_name().unwrap().to_string_lossy().starts_with("libonnxruntime.so"))
        .unwrap_or_else(|| panic!("no libonnxruntime.so in {}; run ./dev env once", dir.display()))
}

/// An element with a model, as everyone uses it, and with the runtime set.
pub(crate) fn element(name: &str, model: &str) -> gst::Element {
    init();
    gst::ElementFactory::make(name)
        .property("onnxruntime-library", onnxruntime().to_str().unwrap())
        .property("model-file", data(model))
        .property_from_str("execution-provider", "cpu")
        .property("threads", 1u32)
        .build()
        .unwrap()
}

/// A harness around `element` with a stream of `info` begun.
pub(crate) fn harness(element: &gst::Element, info: &VideoInfo) -> Harness {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    if element.set_state(gst::State::Paused).is_err() {
        panic!("{}", error_text(&bus));
    }
    element.set_bus(None);
    let mut harness = Harness::with_element(element, Some("sink"), Some("src"));
    harness.set_src_caps(info.to_caps().unwrap());
    harness.play();
    harness
}

/// Answers that the stream of `harness` is not live: a harness says that it is.
pub(crate) fn play_as_file(harness: &Harness) {
    harness.srcpad().unwrap().add_probe(gst::PadProbeType::QUERY_UPSTREAM, |_, info| {
        if let Some(gst::QueryViewMut::Latency(latency)) = info.query_mut().map(|query| query.view_mut()) {
            latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

/// 25 frames a second.
pub(crate) fn video(format: VideoFormat, width: u32, height: u32) -> VideoInfo {
    init();
    VideoInfo::builder(format, width, height).fps(gst::Fraction::new(25, 1)).build().unwrap()
}

/// All formats that the elements read.
pub(crate) fn formats() -> Vec<VideoFormat> {
    FORMATS.iter().map(|(format, _)| *format).collect()
}

/// A picture in RGB to paint on.
pub(crate) struct Painting {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Painting {
    /// All black.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; (width * height * 3) as usize] }
    }

    /// Paints a box.
    pub(crate) fn rect(mut self, x: u32, y: u32, w: u32, h: u32, color: [u8; 3]) -> Self {
        for row in y..(y + h).min(self.height) {
            for column in x..(x + w).min(self.width) {
                let at = ((row * self.width + column) * 3) as usize;
                self.pixels[at..at + 3].copy_from_slice(&color);
            }
        }
        self
    }

    /// Paints a plate that the test reader reads as `digits`: four grey blocks, each a quarter of the width.
    pub(crate) fn digits(self, x: u32, y: u32, w: u32, h: u32, digits: [u8; 4]) -> Self {
        let mut painting = self;
        for (i, digit) in (0..).zip(digits) {
            let level = (f32::from(digit) * 255.0 / 9.0).round() as u8;
            painting = painting.rect(x + i * w / 4, y, w / 4, h, [level; 3]);
        }
        painting
    }

    /// A buffer of frame `number` in `info`'s format, converted by GStreamer.
    pub(crate) fn buffer(&self, info: &VideoInfo, number: u64) -> gst::Buffer {
        let rgb = VideoInfo::builder(VideoFormat::Rgb, self.width, self.height)
            .fps(info.fps())
            .colorimetry(&"sRGB".parse::<VideoColorimetry>().unwrap())
            .build()
            .unwrap();
        let mut source = gst::Buffer::with_size(rgb.size()).unwrap();
        {
            let mut map = source.get_mut().unwrap().map_writable().unwrap();
            let row = (self.width * 3) as usize;
            for (line, pixels) in map.chunks_mut(rgb.stride()[0] as usize).zip(self.pixels.chunks(row)) {
                line[..row].copy_from_slice(pixels);
            }
        }
        let target = gst::Buffer::with_size(info.size()).unwrap();
        let source = VideoFrame::from_buffer_readable(source, &rgb).unwrap();
        let mut frame = VideoFrame::from_buffer_writable(target, info).unwrap();
        gst_video::VideoConverter::new(&rgb, info, None).unwrap().frame(&source, &mut frame);
        let mut buffer = frame.into_buffer();
        {
            let buffer = buffer.get_mut().unwrap();
            buffer.set_pts(gst::ClockTime::from_mseconds(40 * number));
            buffer.set_duration(gst::ClockTime::from_mseconds(40));
        }
        buffer
    }
}

/// The same picture with `extra` bytes more in every row, at odd offsets, described by a video meta.
pub(crate) fn with_odd_strides(buffer: &gst::Buffer, info: &VideoInfo, extra: usize) -> gst::Buffer {
    let map = buffer.map_readable().unwrap();
    let mut bytes = vec![0xa5u8; 3];
    let (mut offsets, mut strides) = (Vec::new(), Vec::new());
    for plane in 0..info.n_planes() as usize {
        let stride = info.stride()[plane] as usize;
        let rows = info.comp_height(
            (0..info.n_components()).find(|c| info.format_info().plane()[*c as usize] as usize == plane).unwrap() as u8,
        );
        offsets.push(bytes.len());
        strides.push((stride + extra) as i32);
        for row in 0..rows as usize {
            let start = info.offset()[plane] + row * stride;
            bytes.extend_from_slice(&map[start..start + stride]);
            bytes.extend(std::iter::repeat_n(0xa5, extra));
        }
    }
    drop(map);
    let mut padded = gst::Buffer::from_mut_slice(bytes);
    {
        let padded = padded.get_mut().unwrap();
        padded.set_pts(buffer.pts());
        let flags = gst_video::VideoFrameFlags::empty();
        VideoMeta::add_full(padded, flags, info.format(), info.width(), info.height(), &offsets, &strides).unwrap();
    }
    padded
}

/// The plates on a buffer.
pub(crate) fn plates(buffer: &gst::BufferRef) -> Vec<PlateMeta> {
    meta::read(buffer)
}

/// Starts `element` on its own and returns the text of the error with which it refuses to.
pub(crate) fn start_error(element: &gst::Element) -> String {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let change = element.set_state(gst::State::Paused);
    assert!(change.is_err(), "the element started");
    let text = error_text(&bus);
    element.set_bus(None);
    element.set_state(gst::State::Null).unwrap();
    text
}

/// What the first error on `bus` says.
fn error_text(bus: &gst::Bus) -> String {
    let message = bus.pop_filtered(&[gst::MessageType::Error]).expect("an error message");
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    format!("{}\n{}", error.error(), error.debug().unwrap_or_default())
}

/// A counter of an element's `stats`.
pub(crate) fn stat(element: &gst::Element, name: &str) -> u64 {
    element.property::<gst::Structure>("stats").get(name).unwrap()
}

/// Waits until `done`, at most ten seconds: the background looks once a second.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < end, "{what} did not happen");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
