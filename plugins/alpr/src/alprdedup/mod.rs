//! `alprdedup`: one event of every passing vehicle.
//!
//! Takes video whose frames carry plates (what `alprocr` and others put there) and gives one line of JSON for every
//! passing vehicle: `application/x-json, format=(string)alpr-event`, one buffer an event. It ends the picture branch;
//! put a `tee` before it to keep the picture.
//!
//! ## Guarantees
//!
//! - Every track ends in exactly one named outcome; `stats` counts them, and their sum is the number of tracks.
//! - Decisions use capture time only. The same file gives the same bytes, however fast it is played.
//! - A plate is remembered as sent only when downstream took its event.
//! - A buffer's presentation time is that of the frame that was at hand when the event was decided; capture time is in
//!   the event and in the buffer's reference timestamp (`timestamp/x-unix`).
//! - Frames without an event become GAP events, so that sinks neither wait nor stall.
//!
//! ## Messages
//!
//! Element messages, for applications that need no broker:
//!
//! | name | when | fields |
//! |---|---|---|
//! | `alpr-event` | downstream took an event | `event-id`, `camera-id`, `track-id`, `plate`, `confidence`, `captured-at`, `revision`, `withdrawn`, `json` |
//! | `alpr-watchlist` | a plate of the watchlist is sure, at once, also when the event is a duplicate or comes later | `event-id`, `camera-id`, `track-id`, `plate`, `tag`, `entry`, `distance`, `confidence`, `captured-at`, `roi`, `direction` |
//! | `alpr-outcome` | a track ended | `event-id`, `camera-id`, `track-id`, `outcome`, `json` |
//! | `alpr-vehicle` | a vehicle passed without a readable plate (with `records=vehicles`) | `event-id`, `camera-id`, `track-id`, `json` |
//! | `alpr-health` | every `health-interval` (with `records=health`) | `camera-id`, `camera-silent`, `fps`, `json` |
//!
//! ## Statistics
//!
//! The property `stats` counts since the element went to PAUSED: `frames`, `tracks`, `live`, one counter for each outcome (`event`,
//! `duplicate-of`, `stitched`, `no-read`, `too-few-reads`, `low-confidence`, `format`, `unknown-region`,
//! `weak-detection`, `lettering`, `half-seen`, `static`, `suppressed-by-zone`, `not-delivered`, `interrupted`); `events` and
//! `revisions` that downstream took; `withdrawn` (revisions that took one back); `watchlist-hits`; `reads` and `passes-read` (their ratio is readings a pass);
//! `late-changes` (texts that changed after their event); `untracked` (plates that nothing upstream follows, and what was found on a followed vehicle beside its plates);
//! `unnamed-cameras` (frames of cameras of a batch whose id would be too long);
//! `remembered` and `forgotten-early` (plates in the memory, and those it had no room for); `clock-steps` and
//! `frames-without-time`; `pictures-written`, `-bytes`, `-failed`, `-unreadable`, `-unkept`, `-deleted`;
//! `state-file-failures` and `serialization-failures`.
//!
//! ## Launch lines
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! alprdetect ! alprocr ! alprdedup camera-id=gate-1 ! filesink location=events.jsonl
//! gst-launch-1.0 -m videotestsrc num-buffers=30 ! alprdedup camera-id=test ! fakesink
//! ```

mod background;
mod capture;
mod carry;
mod chores;
mod enums;
mod evidence;
mod files;
mod health;
mod imp;
mod memory;
mod naming;
mod neighbours;
mod output;
mod properties;
mod retention;
mod settings;
mod state;
mod state_file;

use gst::prelude::*;

pub use enums::{
    DuplicateMatch, Emit, Evidence, EvidenceFor, PlatePrivacy, Records, Scope, StaticPolicy, UnknownRegion, WindowMode,
};

glib::wrapper! {
    /// The element.
    pub struct AlprDedup(ObjectSubclass<imp::AlprDedup>) @extends gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
///
/// # Errors
///
/// When GStreamer refuses the name or the types.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    for kind in [
        DuplicateMatch::static_type(),
        Emit::static_type(),
        Evidence::static_type(),
        EvidenceFor::static_type(),
        PlatePrivacy::static_type(),
        Records::static_type(),
        Scope::static_type(),
        StaticPolicy::static_type(),
        UnknownRegion::static_type(),
        WindowMode::static_type(),
    ] {
        kind.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(Some(plugin), "alprdedup", gst::Rank::NONE, AlprDedup::static_type())
}
