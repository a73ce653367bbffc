//! What `alprdetect` says of pictures in which plates are hardly found.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::element;
use gst::prelude::*;

/// The warnings of `alprdetect` behind `upstream`, which gives pictures and their tags.
fn warnings(upstream: &str) -> Vec<String> {
    common::init();
    let pipeline = gst::Pipeline::new();
    let source = gst::parse::bin_from_description(&format!("{upstream} ! identity"), true).unwrap();
    let detector = element("alprdetect", "bright-detector.onnx");
    let sink = gst::ElementFactory::make("fakesink").build().unwrap();
    pipeline.add_many([source.upcast_ref(), &detector, &sink]).unwrap();
    gst::Element::link_many([source.upcast_ref(), &detector, &sink]).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let (mut warnings, mut over) = (Vec::new(), false);
    for message in pipeline.bus().unwrap().iter_timed(gst::ClockTime::from_seconds(20)) {
        match message.view() {
            gst::MessageView::Warning(warning) => warnings.push(warning.error().to_string()),
            gst::MessageView::Error(error) => panic!("{upstream}: {} ({:?})", error.error(), error.debug()),
            gst::MessageView::Eos(_) => {
                over = true;
                break;
            }
            _ => (),
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(over, "{upstream}: no end within 20 s");
    warnings
}

const SOURCE: &str = "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=256,height=256";

#[test]
fn the_user_is_told_of_pictures_that_lie_on_their_side() {
    let tagged = |orientation: &str| format!("{SOURCE} ! taginject tags=\"image-orientation={orientation}\"");
    for orientation in ["rotate-90", "rotate-180", "rotate-270", "flip-rotate-0"] {
        let told = warnings(&tagged(orientation));
        assert_eq!(told.len(), 1, "{orientation}: {told:?}");
        assert!(told[0].contains(orientation) && told[0].contains("videoflip"), "{told:?}");
    }
    assert_eq!(warnings(&tagged("rotate-0")), Vec::<String>::new(), "upright");
    let turned = format!("{} ! videoflip video-direction=auto ! queue", tagged("rotate-90"));
    assert_eq!(warnings(&turned), Vec::<String>::new(), "turned already");
    let idle = format!("{} ! videoflip ! queue", tagged("rotate-90"));
    assert_eq!(warnings(&idle).len(), 1, "what could turn them does not");
}

#[test]
fn the_user_is_told_of_interlaced_pictures() {
    let fields = format!("{SOURCE},interlace-mode=interleaved");
    let told = warnings(&fields);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("deinterlace"), "{told:?}");
    assert_eq!(warnings(&format!("{SOURCE},interlace-mode=mixed")), Vec::<String>::new(), "none is of fields");
    assert_eq!(warnings(&format!("{fields} ! deinterlace")), Vec::<String>::new());
}
