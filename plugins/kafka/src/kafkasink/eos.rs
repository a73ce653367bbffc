//! The end of the stream, on its way from this sink to the application.

use super::{KafkaSink, imp::CAT};
use gst::prelude::*;

/// Lets a pipeline that plays pass on an end of stream that it holds back.
///
/// `GstBin` passes the end of its sinks on once it has noted that its state change to PLAYING is on the bus, and takes the note
/// back when it posts another state. It notes after it posts: an application that plays as soon as it hears of PAUSED, as
/// `gst-launch-1.0` does, can have PLAYING noted before the thread that posted PAUSED has come to its own note, which then undoes
/// the other for good (`gst_bin_post_message` in GStreamer 1.22; one run in ten with `decodebin` and two busy cores).
/// Other sinks cannot meet it, as the lock of their preroll is between the two; this one does not preroll. The same message
/// once more, as setting a state again posts it, puts the note right; where nothing was held back it changes nothing.
pub(super) fn release(obj: &KafkaSink) {
    let Some(pipeline) = top_level(obj) else { return };
    if pipeline.current_state() != gst::State::Playing || pipeline.pending_state() != gst::State::VoidPending {
        return;
    }
    let playing =
        gst::message::StateChanged::builder(gst::State::Playing, gst::State::Playing, gst::State::VoidPending)
            .src(&pipeline)
            .build();
    if pipeline.post_message(playing).is_err() {
        gst::debug!(CAT, obj = obj, "{} has no bus", pipeline.name());
    }
}

/// The bin that has no parent: the only one whose state an application changes while another thread may be posting the last.
fn top_level(obj: &KafkaSink) -> Option<gst::Bin> {
    let parents = std::iter::successors(obj.parent(), |object| object.parent());
    parents.last().and_then(|object| object.downcast().ok())
}
