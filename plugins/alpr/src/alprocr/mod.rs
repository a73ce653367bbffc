//! `alprocr` reads the licence plates that an upstream element found.
//!
//! In place: the picture is neither copied nor changed. Crops come from the full-resolution frame, straightened by the
//! plate's corners where the detector gives them. All readings of one track are fused character by character, weighted
//! by the quality of their crops; a track that is sure is read again only now and then.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect ! alprocr ! alproverlay ! videoconvert ! autovideosink
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect ! alprocr max-reads-per-frame=2 ! alprdedup ! filesink location=events.jsonl
//! ```
//!
//! Guarantees:
//! - work per frame is bounded: at most `max-reads-per-frame` crops, those that promise most first, by default four and those that were
//!   not read before; video never waits for more, and what was left out is counted;
//! - plates of other producers are read as well (regions of interest of type `license-plate`, as DL Streamer writes
//!   them, objects of GstAnalytics and of DeepStream); plates without a track are read frame by frame, each on its own, a plate whose vehicle is tracked is
//!   followed by its vehicle;
//! - what is known of a track is forgotten when the track has not been seen for ten seconds, on a flush and on a new
//!   stream.
//!
//! The property `stats` holds counters that only grow, see [`Stats`].

mod imp;
mod output;
mod read;
mod settings;
mod stats;
mod tracks;

pub use stats::Stats;

use gst::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct AlprOcr(ObjectSubclass<imp::AlprOcr>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "alprocr", gst::Rank::NONE, AlprOcr::static_type())
}
