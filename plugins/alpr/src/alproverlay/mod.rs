//! `alproverlay` draws licence plates on the picture: boxes or corners, ids, texts.
//!
//! For hosts that have no overlay of their own. The plates are those on the buffer, see [`crate::meta`]; buffers without
//! plates pass untouched. A picture that others use as well (a `tee`) is copied before it is drawn on.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect ! alprocr ! alproverlay ! videoconvert ! autovideosink
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect ! alproverlay show-texts=false line-width=4 ! jpegenc ! multifilesink location=frame-%05d.jpg
//! ```
//!
//! The font has Latin letters; any other symbol of a text is drawn as a question mark.

mod canvas;
mod draw;
mod imp;
mod settings;

use gst::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct AlprOverlay(ObjectSubclass<imp::AlprOverlay>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "alproverlay", gst::Rank::NONE, AlprOverlay::static_type())
}
