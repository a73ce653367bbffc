//! Pictures of every format, size and layout in memory, and those that cannot be read.

use std::sync::Arc;

use gst::prelude::*;
use gst_video::VideoFormat;

use super::common::{Painting, element, formats, harness, plates, stat, video, with_odd_strides};
use super::{WHITE, check_box, detector, scene};

#[test]
fn every_format_gives_the_same_plate() {
    for format in formats() {
        let info = video(format, 256, 256);
        let mut h = harness(&detector(), &info);
        let out = h.push_and_pull(scene(80).buffer(&info, 0)).unwrap();
        let found = plates(&out);
        assert_eq!(found.len(), 1, "{format}");
        check_box(&found[0].bbox, (80.0, 100.0, 64.0, 24.0), 0.01);
        assert!((found[0].confidence - 0.9).abs() < 1e-3 && found[0].track_id == Some(1), "{format} {found:?}");
    }
}

#[test]
fn strides_and_offsets_of_the_buffer_count() {
    for format in formats() {
        for (width, height) in [(256, 256), (253, 251)] {
            let info = video(format, width, height);
            let picture = Painting::new(width, height).rect(80, 100, 64, 24, WHITE).buffer(&info, 0);
            let mut h = harness(&detector(), &info);
            let expected = plates(&h.push_and_pull(picture.clone()).unwrap())[0].bbox;
            check_box(&expected, (80.0, 100.0, 64.0, 24.0), 4.0);
            let mut h = harness(&detector(), &info);
            let found = plates(&h.push_and_pull(with_odd_strides(&picture, &info, 7)).unwrap());
            assert_eq!(found[0].bbox, expected, "{format} {width}x{height}");
        }
    }
}

#[test]
fn smallest_and_largest_pictures() {
    for format in [VideoFormat::Nv12, VideoFormat::I420, VideoFormat::Yuy2, VideoFormat::Rgb, VideoFormat::Gray8] {
        for (width, height) in [(1, 1), (2, 2), (3, 1)] {
            let info = video(format, width, height);
            let mut h = harness(&detector(), &info);
            let out = h.push_and_pull(Painting::new(width, height).buffer(&info, 0)).unwrap();
            assert!(plates(&out).is_empty(), "{format} {width}x{height}");
        }
    }
    let info = video(VideoFormat::Nv12, 7680, 4320);
    let mut h = harness(&detector(), &info);
    let picture = Painting::new(7680, 4320).rect(1920, 1440, 1920, 960, WHITE);
    let found = plates(&h.push_and_pull(picture.buffer(&info, 0)).unwrap());
    check_box(&found[0].bbox, (1920.0, 1440.0, 1920.0, 960.0), 120.0);
}

#[test]
fn a_shared_picture_is_not_copied_and_not_touched() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let mut h = harness(&detector(), &info);
    let shared = scene(80).buffer(&info, 0);
    let out = h.push_and_pull(shared.clone()).unwrap();
    assert_eq!((plates(&shared).len(), plates(&out).len()), (0, 1));
    let address = |buffer: &gst::Buffer| buffer.peek_memory(0).as_ptr();
    assert_eq!(address(&out), address(&shared));
}

#[test]
fn pictures_are_not_left_to_be_cut_by_others() {
    for name in ["alprdetect", "alprocr", "alproverlay"] {
        let model = if name == "alprocr" { "level-reader.onnx" } else { "bright-detector.onnx" };
        let info = video(VideoFormat::Nv12, 256, 256);
        let element =
            if name == "alproverlay" { gst::ElementFactory::make(name).build().unwrap() } else { element(name, model) };
        let mut h = harness(&element, &info);
        h.add_propose_allocation_meta(gst_video::VideoCropMeta::meta_api(), None);
        h.add_propose_allocation_meta(gst_video::VideoMeta::meta_api(), None);
        h.push_and_pull(scene(80).buffer(&info, 0)).unwrap();
        let mut query = gst::query::Allocation::new(Some(&info.to_caps().unwrap()), false);
        assert!(element.static_pad("sink").unwrap().query(&mut query), "{name}");
        assert!(query.find_allocation_meta::<gst_video::VideoMeta>().is_some(), "{name}");
        assert!(query.find_allocation_meta::<gst_video::VideoCropMeta>().is_none(), "{name}");
    }
}

/// Bytes that are counted as long as they are not freed.
struct Part {
    bytes: Vec<u8>,
    _counted: Arc<()>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[test]
fn planes_may_span_memories() {
    for format in formats() {
        let kept = Arc::new(());
        let info = video(format, 256, 256);
        let picture = scene(80).buffer(&info, 0);
        let bytes = picture.map_readable().unwrap().to_vec();
        let mut parts = gst::Buffer::new();
        for part in bytes.chunks(bytes.len() / 10 + 1) {
            parts
                .get_mut()
                .unwrap()
                .append_memory(gst::Memory::from_slice(Part { bytes: part.to_vec(), _counted: kept.clone() }));
        }
        parts.get_mut().unwrap().set_pts(picture.pts());
        let mut h = harness(&detector(), &info);
        assert_eq!(parts.n_memory(), 10, "{format}");
        let found = plates(&h.push_and_pull(parts).unwrap());
        check_box(&found[0].bbox, (80.0, 100.0, 64.0, 24.0), 0.01);
        drop(h);
        assert_eq!(Arc::strong_count(&kept), 1, "{format}: memory was never freed");
    }
}

#[test]
fn a_picture_that_is_too_short_passes_and_is_counted() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let element = detector();
    let mut h = harness(&element, &info);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    for number in 0..3u64 {
        let mut buffer = gst::Buffer::with_size(1000).unwrap();
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(number * 40));
        assert!(plates(&h.push_and_pull(buffer).unwrap()).is_empty());
    }
    assert_eq!(stat(&element, "bad-frames"), 3);
    let warnings = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning])).count();
    assert_eq!(warnings, 1, "one warning, not one a frame");
    element.set_bus(None);
}
