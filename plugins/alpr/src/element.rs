//! What the elements have in common.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::frame;

/// Author in element descriptions.
pub(crate) const AUTHOR: &str = "The gst-alpr developers";

/// Always one sink and one source pad, with pictures in system memory.
pub(crate) fn video_templates() -> Vec<gst::PadTemplate> {
    let caps = frame::caps();
    [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
        .into_iter()
        .filter_map(|(name, direction)| gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok())
        .collect()
}

/// Locks `mutex`. A panic of another holder does not spread: GStreamer has already turned it into an element error.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
