//! What is asked of the threads of one run from outside.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Set by the element, looked at by whoever may wait long.
#[derive(Default)]
pub(crate) struct Signals {
    stop: AtomicBool,
    drain: AtomicBool,
}

impl Signals {
    /// Ends every wait, for good.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Something waits for an empty spool.
    pub(crate) fn set_draining(&self, draining: bool) {
        self.drain.store(draining, Relaxed);
    }

    pub(crate) fn draining(&self) -> bool {
        self.drain.load(Relaxed)
    }
}
