//! `alprdetect` finds licence plates and follows them.
//!
//! In place: the picture is neither copied nor changed; what is found travels as metadata on the buffer (see
//! [`crate::meta`]). Detection runs on an internal scaled copy, on the whole frame, on tiles of it or on regions that
//! upstream elements found.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect ! alproverlay ! videoconvert ! autovideosink
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect interval=2 threads=2 ! alprocr ! alprdedup ! filesink location=events.jsonl
//! ```
//!
//! Guarantees:
//! - every frame that comes in goes out, in order, unchanged, also when it cannot be read (counted as `bad-frames`);
//! - a plate that is followed has one id from its first frame to its last, also in frames that were not searched
//!   (`interval`, late frames); ids are never used twice between start and stop;
//! - a flush, a new stream, a jump in time and a frame that shows something else as a whole (`scene-cuts`) end all tracks; of the
//!   last, the elements behind learn by an event `alpr-cut` before the buffer.
//!
//! Pictures must lie where the CPU can read them: in system memory, or as DeepStream's surfaces (`memory:NVMM`) in pinned,
//! unified or system memory, then each picture of a batch. For frames in memory of a GPU put
//! `nvvideoconvert ! video/x-raw,format=NV12` before this element.
//!
//! The property `stats` holds counters that only grow, see [`Stats`].

mod advice;
mod imp;
mod search;
mod settings;
mod state;
mod stats;

pub use settings::InferenceRegion;
pub use stats::Stats;

use gst::prelude::*;

use crate::runtime::{ExecutionProvider, OptimizationLevel};

glib::wrapper! {
    /// The element.
    pub struct AlprDetect(ObjectSubclass<imp::AlprDetect>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    for kind in [InferenceRegion::static_type(), ExecutionProvider::static_type(), OptimizationLevel::static_type()] {
        kind.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(Some(plugin), "alprdetect", gst::Rank::NONE, AlprDetect::static_type())
}
