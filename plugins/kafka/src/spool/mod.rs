//! The spool: where a record is from `render()` until its delivery report.
//!
//! Guarantees:
//! - A record that [`Spool::append`] took leaves only by [`Spool::delivered`], by [`Spool::replace`] with a dead
//!   letter, by [`Spool::discard`] (counted by the caller), or by the `drop-oldest` policy (counted).
//! - Records of one partition are handed out in the order in which they were taken, and so are all others unless some get
//!   no report while later ones do: then those that follow in their partition are held back, and the rest passes them.
//!   After [`Spool::rewind`] everything that has no delivery report is handed out again, in order.
//! - Memory is bounded: of a spool on disk at most [`WINDOW_BYTES`] are cached, the rest is read back when its turn comes. Of a
//!   record held back its number is kept.
//!
//! Lock order: `cursor` (what is handed out next, what is removed, where it is) before `state`; `turn` (order of appends) before
//! `state`; the store's own locks are last. No lock is held while waiting, except that a `Condvar` releases `state`.

mod disk;
mod full;
mod hand_out;
mod lanes;
mod memory;
mod partitions;
mod room;
mod state;
mod store;
mod upkeep;

pub(crate) use room::{Moment, Waited};
pub(crate) use state::{Depth, NoRoom, SpoolConfig, Sync, WhenFull};
pub(crate) use store::{Recovered, Seq, Store, StoreError};
pub(crate) use upkeep::Pace;

use crate::lock::lock;
use crate::record::Record;
use crate::stats::Histogram;
use disk::DiskStore;
use memory::MemoryStore;
use partitions::Partitions;
use state::State;
use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use upkeep::FREE_SPACE_BYTES;

/// Records of a spool on disk that are also kept in memory, ready to be sent.
const WINDOW_BYTES: u64 = 8 << 20;
/// Bytes read back from disk at once.
const REFILL_BYTES: u64 = 2 << 20;
/// Space on the disk that the spool leaves free: the storage engine needs room to tidy up, and once a write has failed
/// it takes no more.
pub(crate) const DISK_RESERVE_BYTES: u64 = 64 << 20;

/// See the module's page.
pub(crate) struct Spool {
    config: SpoolConfig,
    store: Box<dyn Store>,
    window: u64,
    turn: Mutex<()>,
    cursor: Mutex<()>,
    state: Mutex<State>,
    news: Mutex<News>,
    latency: Histogram,
    /// Something to send, or room to send it.
    sendable: Condvar,
    /// Room for a new record, or empty.
    room: Condvar,
    /// Something to tidy; goes with `news`.
    work: Condvar,
}

impl Spool {
    /// Opens the spool; the number is that of the records that a crash of the machine or damage took.
    pub(crate) fn open(config: SpoolConfig) -> Result<(Self, u64), StoreError> {
        let (store, window, found): (Box<dyn Store>, u64, Recovered) = match &config.location {
            None => (Box::new(MemoryStore::default()), u64::MAX, Recovered::default()),
            Some(path) => {
                let (store, found) = DiskStore::open(path, config.sync == Sync::Always)?;
                (Box::new(store), WINDOW_BYTES, found)
            }
        };
        let state = State {
            next_seq: found.next_seq,
            newest: found.next_seq.checked_sub(1),
            spilled: found.oldest,
            spilled_ms: found.oldest_ms,
            records: found.records,
            bytes: found.bytes,
            partitions: Partitions::new(config.partitioner),
            ..State::default()
        };
        let spool = Self {
            config,
            store,
            window,
            turn: Mutex::default(),
            cursor: Mutex::default(),
            state: Mutex::new(state),
            news: Mutex::default(),
            latency: Histogram::default(),
            sendable: Condvar::new(),
            room: Condvar::new(),
            work: Condvar::new(),
        };
        Ok((spool, found.missing))
    }

    /// Its directory, if it has one.
    pub(crate) fn location(&self) -> Option<&std::path::Path> {
        self.config.location.as_deref()
    }

    /// True when records survive the process.
    pub(crate) fn durable(&self) -> bool {
        self.store.durable()
    }

    /// Takes a record.
    pub(crate) fn append(&self, record: Record) -> Result<(), StoreError> {
        let record = Arc::new(record);
        let _turn = lock(&self.turn);
        let seq = self.take_seq();
        self.store.append(seq, &record)?;
        self.publish(seq, record);
        if lock(&self.state).unlooked >= FREE_SPACE_BYTES {
            self.look_at_disk();
        }
        Ok(())
    }

    /// Puts `record` (a dead letter) in the place of `old`, which was handed out.
    pub(crate) fn replace(&self, old: Seq, record: Record) -> Result<(), StoreError> {
        let record = Arc::new(record);
        let _cursor = lock(&self.cursor);
        let _turn = lock(&self.turn);
        let seq = self.take_seq();
        self.store.replace(old, seq, &record)?;
        lock(&self.state).settle(old);
        self.publish(seq, record);
        Ok(())
    }

    fn take_seq(&self) -> Seq {
        let mut state = lock(&self.state);
        let seq = state.next_seq;
        state.next_seq += 1;
        seq
    }

    fn publish(&self, seq: Seq, record: Arc<Record>) {
        let mut state = lock(&self.state);
        let idle = state.ready.is_empty();
        // The keeper rests long while there is nothing to sync or to watch.
        let resting = state.records == 0 || !state.unsynced;
        state.publish(seq, record, self.window);
        drop(state);
        if idle {
            self.sendable.notify_all();
        }
        if resting {
            self.wake_keeper();
        }
    }

    /// Notes the delivery report of a record, which leaves the store with the next [`Spool::settle`]. `count` is called
    /// before that can happen, and not at all when the spool is closed: the record stays in it and is sent again.
    pub(crate) fn delivered(&self, seq: Seq, count: impl FnOnce()) {
        let mut news = lock(&self.news);
        if !news.closed {
            count();
            news.delivered.push(seq);
        }
        if news.delivered.len() == 1 {
            self.work.notify_one();
        }
    }

    /// Removes what was delivered from the store. Reports of records that are to be sent again are ignored.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        let _cursor = lock(&self.cursor);
        self.settle_locked()
    }

    fn settle_locked(&self) -> Result<(), StoreError> {
        let mut seqs = std::mem::take(&mut lock(&self.news).delivered);
        if seqs.is_empty() {
            return Ok(());
        }
        let state = lock(&self.state);
        seqs.retain(|seq| state.in_flight.contains_key(seq));
        let next = state.next_seq;
        drop(state);
        if let Err(err) = self.store.remove(&seqs, next) {
            lock(&self.news).delivered.extend(seqs);
            return Err(err);
        }
        let now_ms = crate::clock::now_ms();
        for received_ms in self.forget(&seqs) {
            self.latency.observe(u64::try_from(now_ms - received_ms).unwrap_or(0));
        }
        Ok(())
    }

    fn forget(&self, seqs: &[Seq]) -> Vec<i64> {
        let mut state = lock(&self.state);
        let received = seqs.iter().filter_map(|seq| state.settle(*seq)).collect();
        drop(state);
        self.room.notify_all();
        self.sendable.notify_all();
        received
    }

    /// Times from arrival to delivery report.
    pub(crate) fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// Removes a record that was handed out and can never be delivered. The caller counts it.
    pub(crate) fn discard(&self, seq: Seq) -> Result<(), StoreError> {
        let _cursor = lock(&self.cursor);
        let next = lock(&self.state).next_seq;
        self.store.remove(&[seq], next)?;
        self.forget(&[seq]);
        Ok(())
    }

    /// A record that was handed out, from the store.
    pub(crate) fn get(&self, seq: Seq) -> Result<Option<Arc<Record>>, StoreError> {
        let _cursor = lock(&self.cursor);
        Ok(self.store.read(seq, seq, 1)?.pop().map(|(_, record)| record))
    }

    /// The oldest record that was handed out and has no report yet.
    pub(crate) fn oldest(&self) -> Option<Arc<Record>> {
        self.get(self.oldest_in_flight(|_| false)?).ok().flatten()
    }

    /// Hands out everything without a delivery report again, in order, also when what was delivered cannot be removed
    /// now. The client that had them must be gone.
    pub(crate) fn rewind(&self) -> Result<(), StoreError> {
        let _cursor = lock(&self.cursor);
        let settled = self.settle_locked();
        lock(&self.state).rewind();
        self.sendable.notify_all();
        settled
    }

    /// Removes what was delivered and makes the rest durable, before the spool is dropped. Reports that come later from a
    /// client that did not close in time change nothing.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        lock(&self.news).closed = true;
        self.settle()?;
        if self.durable() { self.store.sync() } else { Ok(()) }
    }

    /// Hands out nothing any more and cancels waits for good.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.room.notify_all();
        self.sendable.notify_all();
        self.wake_keeper();
    }

    /// The number of the oldest record that was handed out and has no report yet, but for those that are `aside`.
    pub(crate) fn oldest_in_flight(&self, aside: impl Fn(Seq) -> bool) -> Option<Seq> {
        lock(&self.state).in_flight.keys().copied().find(|seq| !aside(*seq))
    }

    /// True while one of these records is to be sent or on its way.
    pub(crate) fn awaits(&self, seqs: &BTreeSet<Seq>) -> bool {
        let state = lock(&self.state);
        let unsent = seqs.last().is_some_and(|last| state.first_unsent() <= *last);
        unsent || state.lanes.holds_any(seqs) || seqs.iter().any(|seq| state.in_flight.contains_key(seq))
    }

    /// Space left on its disk, if it is on one.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.store.free_bytes()
    }

    /// Why there is no room, for people.
    pub(crate) fn describe_full(&self) -> String {
        full::describe(&self.config, self.depth(), self.free_bytes())
    }

    /// Records held that are not known to be delivered: some may be, and only could not be removed.
    pub(crate) fn undelivered(&self) -> u64 {
        let news = lock(&self.news);
        let state = lock(&self.state);
        state.records - news.delivered.iter().filter(|seq| state.in_flight.contains_key(seq)).count() as u64
    }

    /// How full it is.
    pub(crate) fn depth(&self) -> Depth {
        lock(&self.state).depth()
    }
}

/// What the keeper has not seen yet.
#[derive(Default)]
struct News {
    /// Reports that are to be settled.
    delivered: Vec<Seq>,
    /// No more of those are taken.
    closed: bool,
    awaken: bool,
}

fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
    condvar.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(test)]
mod tests;
