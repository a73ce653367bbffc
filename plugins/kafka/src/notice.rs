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
    /// A part of the sink failed by a panic.
    Died { part: Part },
    /// Anything that needs a human but no error.
    Warning(String),
}

/// A part of the sink with a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Hands records to the client.
    Sender,
    /// Tidies the spool.
    Keeper,
    /// Takes what the Kafka client tells.
    Client,
}

impl Part {
    /// The name of its thread.
    pub(crate) fn thread(self) -> &'static str {
        match self {
            Self::Sender => "kafkasink-send",
            Self::Keeper => "kafkasink-keep",
            Self::Client => "kafkasink-poll",
        }
    }

    /// What is no longer done after its panic, for people.
    pub(crate) fn effect(self) -> &'static str {
        match self {
            Self::Sender => "No record is sent any more.",
            Self::Keeper => {
                "Delivered records leave the spool only with a new Kafka client or at the stop, so that sending halts again and again."
            }
            Self::Client => {
                "A report of the Kafka client is lost: its record is not known to be delivered and may come again."
            }
        }
    }
}

/// Takes notices, from any thread.
pub(crate) type NoticeFn = Arc<dyn Fn(Notice) + Send + Sync>;
