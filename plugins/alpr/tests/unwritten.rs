//! Without NVIDIA's library, plates stay in regions of interest, and the user is told why nvdsosd draws none.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_nvds::find;
use alpr_nvds::handmade::{self, Frame, Layout, standin};
use common::{Painting, element, harness, plates, video};
use gst::prelude::*;
use gst_video::VideoFormat;

#[test]
fn a_missing_library_is_told_once_and_only_where_there_is_a_batch() {
    standin::hide();
    let detector = element("alprdetect", "bright-detector.onnx");
    let info = video(VideoFormat::Gray8, 512, 256);
    let mut h = harness(&detector, &info);
    let bus = gst::Bus::new();
    detector.set_bus(Some(&bus));
    let mut told = Vec::new();
    for number in 0..6 {
        let mut buffer = Painting::new(512, 256).rect(60, 100, 64, 24, [255; 3]).buffer(&info, number);
        if number >= 2 {
            let frame = Frame { source_size: (512, 256), pipeline_size: (512, 256), ..Frame::default() };
            handmade::attach(buffer.get_mut().unwrap(), Layout::ALL[2], &[frame]);
        }
        let out = h.push_and_pull(buffer).unwrap();
        assert_eq!(plates(&out).len(), 1, "{number}");
        assert_eq!(find(&out).map_or(0, |batch| batch.frames().next().unwrap().objects().count()), 0, "{number}");
        told.extend(bus.iter().filter_map(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some((number, warning.error().to_string())),
            _ => None,
        }));
    }
    let [(2, text)] = told.as_slice() else { panic!("{told:?}") };
    for word in ["nvdsosd", "libnvds_meta.so", "/opt/nvidia/deepstream", "LD_LIBRARY_PATH", "output-object-meta=false"]
    {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
}
