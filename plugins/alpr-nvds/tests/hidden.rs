//! Where NVIDIA's library is not at hand, nothing is written, and that is told.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use alpr_nvds::handmade::{self, Frame, Layout, standin};
use alpr_nvds::{WriteError, Writer};

#[test]
fn a_missing_library_is_told_with_what_was_tried() {
    gst::init().unwrap();
    standin::hide();
    let mut buffer = gst::Buffer::new();
    handmade::attach(buffer.make_mut(), Layout::ALL[0], &[Frame::default()]);
    let refused = Writer::new(buffer.make_mut()).err();
    let Some(WriteError::Library(said)) = &refused else { panic!("{refused:?}") };
    assert_eq!(said.matches("libnvds_meta.so: ").count(), 2, "{said}");
    assert!(refused.unwrap().to_string().contains("LD_LIBRARY_PATH"));
}
