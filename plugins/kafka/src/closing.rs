//! Spools that a stopped sink of this process still holds: a client that hangs in the operating system (looking up a
//! name, say) goes on closing by itself, and until then its spool cannot be opened again.

use crate::error::SinkError;
use crate::lock::lock;
use crate::spool::{Spool, StoreError};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Weak},
};

static CLOSING: Mutex<Vec<(PathBuf, Weak<Spool>)>> = Mutex::new(Vec::new());

/// Notes a spool that was to be free by now.
pub(crate) fn note(location: &Path, spool: &Arc<Spool>) {
    let mut closing = lock(&CLOSING);
    closing.retain(|(_, spool)| spool.strong_count() > 0);
    closing.push((location.to_path_buf(), Arc::downgrade(spool)));
}

fn is_closing(location: &Path) -> bool {
    let closing = lock(&CLOSING);
    closing.iter().any(|(path, spool)| path == location && spool.strong_count() > 0)
}

/// Why a spool could not be opened.
pub(crate) fn open_failed(err: StoreError) -> SinkError {
    match err {
        StoreError::Locked { path } if is_closing(&path) => SinkError::StillClosing { path },
        err => SinkError::Store(err),
    }
}
