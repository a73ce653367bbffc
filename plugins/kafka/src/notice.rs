//! What happens inside and the application should know.

use crate::spool::{Depth, StoreError};
use std::sync::Arc;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A broker answers.
    Connected,
    /// No broker answers any more; the client goes on trying.
    Disconnected { reason: String },
    /// TLS or SASL was refused. `give_up`: nothing ever worked, so waiting will not help.
    Refused { tls: bool, reason: String, give_up: bool },
    /// The client failed for good; a new one is built and everything unconfirmed is sent again.
    Rebuilding { reason: String },
    /// A record can never be delivered. `kept`: where it is now, `None` when nowhere.
    DeadLetter { topic: String, cause: String, kept: Option<String> },
    /// The spool passed its high-water mark, or fell below the low one.
    HighWater { high: bool, depth: Depth, max_bytes: u64 },
    /// The store failed.
    Store(StoreError),
    /// A thread of the sink ended by a panic: nothing is delivered any more.
    Died { thread: &'static str },
    /// Anything that needs a human but no error.
    Warning(String),
}

/// Takes notices, from any thread.
pub(crate) type NoticeFn = Arc<dyn Fn(Notice) + Send + Sync>;
