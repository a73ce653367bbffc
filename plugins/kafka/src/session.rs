//! What all clients of one run share: the link to the brokers, and what came back undelivered.

use crate::deadletter::{Cause, Rejected};
use crate::link::Link;
use crate::lock::lock;
use crate::spool::Seq;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// See the module's page.
pub(crate) struct Session {
    pub(crate) link: Link,
    rejected: Mutex<Vec<Rejected>>,
    suspects: Mutex<BTreeSet<Seq>>,
    /// Records were refused for good that were not meant as a part of a batch, such as those of a topic without the right to
    /// write it.
    refused_alone: AtomicBool,
    /// Clients go on after that: otherwise each such record would end one.
    gaps: AtomicBool,
}

impl Session {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            rejected: Mutex::default(),
            suspects: Mutex::default(),
            refused_alone: false.into(),
            gaps: false.into(),
        }
    }

    /// Records rejected since the last call.
    pub(crate) fn take_rejected(&self) -> Vec<Rejected> {
        std::mem::take(&mut *lock(&self.rejected))
    }

    pub(crate) fn reject(&self, seq: Seq, cause: Cause) {
        self.put_back(std::iter::once(Rejected { seq, cause }));
    }

    pub(crate) fn put_back(&self, rejected: impl Iterator<Item = Rejected>) {
        lock(&self.rejected).extend(rejected);
    }

    /// True when rejected records wait for their place among the dead letters.
    pub(crate) fn has_pending(&self) -> bool {
        !lock(&self.rejected).is_empty()
    }

    /// The records that wait for it.
    pub(crate) fn pending(&self) -> BTreeSet<Seq> {
        lock(&self.rejected).iter().map(|rejected| rejected.seq).collect()
    }

    /// The records of batches that were refused as a whole, until `clear_suspects`.
    pub(crate) fn suspects(&self) -> BTreeSet<Seq> {
        lock(&self.suspects).clone()
    }

    pub(crate) fn add_suspect(&self, seq: Seq) {
        lock(&self.suspects).insert(seq);
    }

    pub(crate) fn clear_suspects(&self) {
        lock(&self.suspects).clear();
    }

    pub(crate) fn note_refused_alone(&self) {
        self.refused_alone.store(true, Relaxed);
    }

    /// A client ended because something was refused. When that was no batch, the next ones are to go on.
    pub(crate) fn ended_by_refusal(&self) {
        if self.refused_alone.swap(false, Relaxed) {
            self.gaps.store(true, Relaxed);
        }
    }

    /// True when clients go on after a refused record.
    pub(crate) fn allows_gaps(&self) -> bool {
        self.gaps.load(Relaxed)
    }
}
