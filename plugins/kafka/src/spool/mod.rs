//! The spool: where a record is from `render()` until its delivery report.
//!
//! Guarantees:
//! - A record that [`Spool::append`] took leaves only by [`Spool::delivered`], by [`Spool::replace`] with a dead
//!   letter, by [`Spool::discard`] (counted by the caller), or by the `drop-oldest` policy (counted).
//! - Records are handed out in the order in which they were taken. After [`Spool::rewind`] everything that has no
//!   delivery report is handed out again, in the same order.
//! - Memory is bounded: of a spool on disk at most [`WINDOW_BYTES`] are cached, the rest is read back when its turn comes.
//!
//! Lock order: `cursor` (what is handed out next, what is removed, where it is) before `state`; `turn` (order of appends) before
//! `state`. No lock is held while waiting, except that a `Condvar` releases `state`.

mod disk;
mod full;
mod memory;
mod state;
mod store;

pub(crate) use state::{Depth, NoRoom, SpoolConfig, Sync, WhenFull};
pub(crate) use store::{Seq, Store, StoreError};

use crate::record::Record;
use crate::stats::{Histogram, count};
use disk::{DiskStore, Recovered};
use memory::MemoryStore;
use state::State;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

/// Records of a spool on disk that are also kept in memory, ready to be sent.
const WINDOW_BYTES: u64 = 8 << 20;
/// Bytes read back from disk at once.
const REFILL_BYTES: u64 = 2 << 20;
/// Space on the disk that the spool leaves free: the storage engine needs room to tidy up, and once a write has failed
/// it takes no more.
pub(crate) const DISK_RESERVE_BYTES: u64 = 64 << 20;
/// Shortest time between two fsyncs in batch mode: the most that a power cut can cost.
pub(crate) const SYNC_INTERVAL: Duration = Duration::from_millis(100);
/// How often the free space of the disk is looked at,
const FREE_SPACE_INTERVAL: Duration = Duration::from_millis(100);
/// and after how many new bytes: a fast source fills the reserve sooner than the interval ends.
const FREE_SPACE_BYTES: u64 = 4 << 20;
/// A wait for room is told when it has lasted this long, and then again and again.
const TELL_INTERVAL: Duration = Duration::from_secs(1);
/// How often space on the disk is given back.
const RECLAIM_INTERVAL: Duration = Duration::from_secs(1);

/// See the module's page.
pub(crate) struct Spool {
    config: SpoolConfig,
    store: Box<dyn Store>,
    window: u64,
    turn: Mutex<()>,
    cursor: Mutex<()>,
    state: Mutex<State>,
    delivered: Mutex<Delivered>,
    latency: Histogram,
    /// Something to send, or room to send it.
    sendable: Condvar,
    /// Room for a new record, or empty.
    room: Condvar,
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
            ..State::default()
        };
        let spool = Self {
            config,
            store,
            window,
            turn: Mutex::default(),
            cursor: Mutex::default(),
            state: Mutex::new(state),
            delivered: Mutex::default(),
            latency: Histogram::default(),
            sendable: Condvar::new(),
            room: Condvar::new(),
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

    /// Waits until there is room for `size` more bytes, as the policy says; counts what is dropped for it. To be called
    /// before [`Spool::append`]. `waits` is called, with no lock held, while a wait does not end.
    pub(crate) fn make_room(&self, size: u64, dropped: &AtomicU64, waits: impl Fn()) -> Result<(), NoRoom> {
        let mut told = None;
        let mut state = lock(&self.state);
        while self.is_full(&state, size) {
            if state.flushing || state.stopped {
                return Err(NoRoom::Cancelled);
            }
            match self.config.when_full {
                WhenFull::Block if told.get_or_insert_with(Instant::now).elapsed() >= TELL_INTERVAL => {
                    drop(state);
                    waits();
                    told = None;
                    state = lock(&self.state);
                }
                WhenFull::Block => state = wait(&self.room, state, Duration::from_millis(200)),
                WhenFull::Error => {
                    let (bytes, disk_full) = (state.bytes, state.disk_full);
                    return Err(NoRoom::Full { bytes, max_bytes: self.config.max_bytes, disk_full });
                }
                WhenFull::DropOldest if state.disk_full => return Err(NoRoom::DropNew),
                WhenFull::DropOldest => {
                    drop(state);
                    let found = self.drop_oldest().map_err(NoRoom::Store)?;
                    state = lock(&self.state);
                    if found {
                        count(dropped);
                    } else {
                        state = wait(&self.room, state, Duration::from_millis(20));
                    }
                }
            }
        }
        Ok(())
    }

    fn is_full(&self, state: &State, size: u64) -> bool {
        // A record larger than the whole spool is taken when nothing else is there: the broker decides about it.
        state.disk_full || (state.records > 0 && state.bytes + size > self.config.max_bytes)
    }

    fn drop_oldest(&self) -> Result<bool, StoreError> {
        let _cursor = lock(&self.cursor);
        if lock(&self.state).ready.is_empty() {
            self.refill()?;
        }
        let mut state = lock(&self.state);
        let Some((seq, record)) = state.pop_ready() else { return Ok(false) };
        state.records -= 1;
        state.bytes -= record.size();
        let next = state.next_seq;
        drop(state);
        self.store.remove(&[seq], next)?;
        Ok(true)
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

    /// Notes whether the disk has room for more.
    fn look_at_disk(&self) {
        let free = self.store.free_bytes();
        let mut state = lock(&self.state);
        state.disk_full = free.is_some_and(|bytes| bytes < DISK_RESERVE_BYTES);
        state.unlooked = 0;
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
        state.publish(seq, record, self.window);
        drop(state);
        if idle {
            self.sendable.notify_all();
        }
    }

    /// Hands out the next records, at most `max` and none behind `last`; waits up to `timeout` for the first.
    pub(crate) fn next(&self, max: usize, last: Seq, timeout: Duration) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        let deadline = Instant::now() + timeout;
        loop {
            let mut state = lock(&self.state);
            if !state.stopped {
                let mut batch = Vec::new();
                while batch.len() < max && state.may_hand_out(last, self.config.max_in_flight_bytes) {
                    batch.extend(state.hand_out());
                }
                if !batch.is_empty() {
                    return Ok(batch);
                }
                if state.ready.is_empty() && state.spilled.is_some() {
                    drop(state);
                    let _cursor = lock(&self.cursor);
                    self.refill()?;
                    continue;
                }
            }
            let now = Instant::now();
            if now >= deadline || state.stopped {
                return Ok(Vec::new());
            }
            drop(wait(&self.sendable, state, deadline - now));
        }
    }

    /// Reads the next records back from the store. `cursor` must be held.
    fn refill(&self) -> Result<(), StoreError> {
        let state = lock(&self.state);
        let (Some(from), Some(to)) = (state.spilled, state.newest) else { return Ok(()) };
        drop(state);
        let found = if from <= to { self.store.read(from, to, REFILL_BYTES)? } else { Vec::new() };
        let complete = found.iter().map(|(_, record)| record.size()).sum::<u64>() < REFILL_BYTES;
        let last = if complete { to } else { found.last().map_or(to, |(seq, _)| *seq) };
        let mut state = lock(&self.state);
        for (seq, record) in found {
            state.push_ready(seq, record);
        }
        state.spilled = if state.newest == Some(last) { None } else { Some(last + 1) };
        state.spilled_ms = None;
        Ok(())
    }

    /// Notes the delivery report of a record, which leaves the store with the next [`Spool::settle`]. `count` is called
    /// before that can happen, and not at all when the spool is closed: the record stays in it and is sent again.
    pub(crate) fn delivered(&self, seq: Seq, count: impl FnOnce()) {
        let mut delivered = lock(&self.delivered);
        if !delivered.closed {
            count();
            delivered.seqs.push(seq);
        }
    }

    /// Removes what was delivered from the store. Reports of records that are to be sent again are ignored.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        let _cursor = lock(&self.cursor);
        self.settle_locked()
    }

    fn settle_locked(&self) -> Result<(), StoreError> {
        let mut seqs = std::mem::take(&mut lock(&self.delivered).seqs);
        if seqs.is_empty() {
            return Ok(());
        }
        let state = lock(&self.state);
        seqs.retain(|seq| state.in_flight.contains_key(seq));
        let next = state.next_seq;
        drop(state);
        if let Err(err) = self.store.remove(&seqs, next) {
            lock(&self.delivered).seqs.extend(seqs);
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

    /// Hands out everything without a delivery report again, in order, also when what was delivered cannot be removed
    /// now. The client that had them must be gone.
    pub(crate) fn rewind(&self) -> Result<(), StoreError> {
        let _cursor = lock(&self.cursor);
        let settled = self.settle_locked();
        lock(&self.state).rewind();
        self.sendable.notify_all();
        settled
    }

    /// The periodic work: removes what was delivered, syncs new records in batch mode, watches the disk.
    pub(crate) fn tidy(&self, pace: &mut Pace) -> Result<(), StoreError> {
        let now = Instant::now();
        // First: whoever waits for room on the disk must learn of it, also when the store takes no more writes.
        if pace.looked.is_none_or(|last| now - last >= FREE_SPACE_INTERVAL) {
            self.look_at_disk();
            pace.looked = Some(now);
        }
        self.settle()?;
        if self.config.sync == Sync::Batch && pace.synced.is_none_or(|last| now - last >= SYNC_INTERVAL) {
            self.sync_new()?;
            pace.synced = Some(now);
        }
        if pace.reclaimed.is_none_or(|last| now - last >= RECLAIM_INTERVAL) {
            self.reclaim()?;
            pace.reclaimed = Some(now);
        }
        Ok(())
    }

    /// Gives the disk back what nobody needs any more.
    fn reclaim(&self) -> Result<(), StoreError> {
        for rescue in [false, true] {
            let bytes = {
                let _cursor = lock(&self.cursor);
                let state = lock(&self.state);
                let (held, unsent, bytes) =
                    (state.in_flight.keys().copied().collect::<Vec<_>>(), state.first_unsent(), state.bytes);
                drop(state);
                self.store.advance(&held, unsent, rescue)?;
                bytes
            };
            if !self.store.reclaim(bytes)? {
                break;
            }
        }
        Ok(())
    }

    fn sync_new(&self) -> Result<(), StoreError> {
        if !std::mem::take(&mut lock(&self.state).unsynced) {
            return Ok(());
        }
        let synced = self.store.sync();
        if synced.is_err() {
            lock(&self.state).unsynced = true;
        }
        synced
    }

    /// Removes what was delivered and makes the rest durable, before the spool is dropped. Reports that come later from a
    /// client that did not close in time change nothing.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        lock(&self.delivered).closed = true;
        self.settle()?;
        if self.durable() { self.store.sync() } else { Ok(()) }
    }

    /// Waits until nothing is left, for at most `timeout`. A flush since the moment `until_flush` ends the wait, also one
    /// that is over by now.
    pub(crate) fn wait_empty(&self, timeout: Duration, until_flush: Option<Moment>) -> Waited {
        let deadline = Instant::now() + timeout;
        let mut state = lock(&self.state);
        loop {
            if state.records == 0 {
                return Waited::Empty;
            }
            if until_flush.is_some_and(|moment| state.flushing || state.flushes != moment.0) {
                return Waited::Flushed;
            }
            let now = Instant::now();
            if now >= deadline {
                return Waited::Left;
            }
            state = wait(&self.room, state, deadline - now);
        }
    }

    /// From when on flushes count for [`Spool::wait_empty`].
    pub(crate) fn moment(&self) -> Moment {
        Moment(lock(&self.state).flushes)
    }

    /// Cancels waits of `make_room` and `wait_empty`, or allows them again.
    pub(crate) fn set_flushing(&self, flushing: bool) {
        let mut state = lock(&self.state);
        state.flushing = flushing;
        state.flushes += u64::from(flushing);
        drop(state);
        self.room.notify_all();
    }

    /// Hands out nothing any more and cancels waits for good.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.room.notify_all();
        self.sendable.notify_all();
    }

    /// The oldest record that was handed out and has no report yet.
    pub(crate) fn oldest_in_flight(&self) -> Option<Seq> {
        lock(&self.state).in_flight.keys().next().copied()
    }

    /// Space left on its disk, if it is on one.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.store.free_bytes()
    }

    /// Why there is no room, for people.
    pub(crate) fn describe_full(&self) -> String {
        full::describe(&self.config, self.depth(), self.free_bytes())
    }

    /// How full it is.
    pub(crate) fn depth(&self) -> Depth {
        lock(&self.state).depth()
    }
}

/// How a wait for an empty spool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Nothing is left.
    Empty,
    /// Time was up.
    Left,
    /// A flush ended it.
    Flushed,
}

/// See [`Spool::moment`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

/// Reports that are to be settled.
#[derive(Default)]
struct Delivered {
    seqs: Vec<Seq>,
    closed: bool,
}

/// When the periodic work was done last.
#[derive(Default)]
pub(crate) struct Pace {
    synced: Option<Instant>,
    looked: Option<Instant>,
    reclaimed: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
    condvar.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(test)]
mod tests;
