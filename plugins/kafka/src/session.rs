//! What all clients of one run share: the link to the brokers, and what came back undelivered.

use crate::deadletter::{Cause, Rejected};
use crate::link::Link;
use crate::lock::lock;
use crate::spool::Seq;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// Batches that were refused for their size, until their records were sent one by one.
#[derive(Default)]
struct RefusedBatch {
    bytes: u64,
    /// A record of it is too large by itself: the batch was refused because of that one.
    too_large_alone: bool,
}

/// See the module's page.
pub(crate) struct Session {
    pub(crate) link: Link,
    rejected: Mutex<Vec<Rejected>>,
    suspects: Mutex<BTreeSet<Seq>>,
    /// What is known of the batches of those.
    refused: Mutex<RefusedBatch>,
    /// Batches of more bytes were refused for their size; zero: none were. For the rest of the run: a topic's limit seldom
    /// grows, and each try costs two clients.
    batch_limit: AtomicU64,
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
            refused: Mutex::default(),
            batch_limit: AtomicU64::new(0),
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

    /// The rejected records that wait for their place among the dead letters.
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

    /// A record of `bytes` was in a batch that was refused for its size.
    pub(crate) fn note_large_batch(&self, bytes: usize) {
        lock(&self.refused).bytes += bytes as u64;
    }

    /// A record was refused for its size, alone.
    pub(crate) fn note_too_large(&self) {
        lock(&self.refused).too_large_alone = true;
    }

    /// All suspects were sent one by one. When none of them was too large, the batch was: later ones are to be half as large at
    /// most. `batch_size`: the client's own limit. True when there is a new limit.
    pub(crate) fn settle_suspects(&self, batch_size: u64) -> bool {
        lock(&self.suspects).clear();
        let refused = std::mem::take(&mut *lock(&self.refused));
        if refused.bytes == 0 || refused.too_large_alone {
            return false;
        }
        let largest = self.batch_limit().unwrap_or(batch_size).min(refused.bytes);
        self.batch_limit.store((largest / 2).max(1), Relaxed);
        true
    }

    /// Nothing is known of the batches that were refused.
    pub(crate) fn forget_suspects(&self) {
        lock(&self.suspects).clear();
        *lock(&self.refused) = RefusedBatch::default();
    }

    /// Most bytes in a batch, when larger ones were refused.
    pub(crate) fn batch_limit(&self) -> Option<u64> {
        Some(self.batch_limit.load(Relaxed)).filter(|limit| *limit > 0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn batches_become_smaller_when_the_batch_and_not_a_record_was_too_large() {
        let session = Session::new(Link::new(Arc::default(), Arc::new(|_| ()), Arc::default()));
        let refuse = |records: usize, bytes: usize| (0..records).for_each(|_| session.note_large_batch(bytes));
        assert!(!session.settle_suspects(1000), "refused for another reason");
        refuse(10, 300);
        session.note_too_large();
        assert!(!session.settle_suspects(1000) && session.batch_limit().is_none(), "one of them was meant");
        refuse(10, 30);
        assert!(session.settle_suspects(1000));
        assert_eq!(session.batch_limit(), Some(150));
        refuse(30, 30);
        assert!(session.settle_suspects(1000));
        assert_eq!(session.batch_limit(), Some(75), "several batches of at most 150");
        (0..10).for_each(|_| {
            refuse(1, 1);
            session.settle_suspects(1000);
        });
        assert_eq!(session.batch_limit(), Some(1));
    }
}
