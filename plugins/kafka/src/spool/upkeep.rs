//! The spool's periodic work: what was delivered leaves, new records are synced, the disk is watched.

use super::{DISK_RESERVE_BYTES, News, Seq, Spool, StoreError, Sync};
use crate::lock::lock;
use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

/// Shortest time between two fsyncs in batch mode: with [`LEAST_REST`], the most that a power cut can cost.
pub(super) const SYNC_INTERVAL: Duration = Duration::from_millis(100);
/// How often the free space of the disk is looked at,
const FREE_SPACE_INTERVAL: Duration = Duration::from_millis(100);
/// and after how many new bytes: a fast source fills the reserve sooner than the interval ends.
pub(super) const FREE_SPACE_BYTES: u64 = 4 << 20;
/// How often space on the disk is given back.
const RECLAIM_INTERVAL: Duration = Duration::from_secs(1);

/// How long the work may rest while records are held and nothing new is there, and while the spool is empty: then only the
/// removal of its files is to be noticed.
const REST: Duration = Duration::from_millis(100);
const LONG_REST: Duration = Duration::from_secs(1);
/// And at least, while new records are to be synced and that fails.
const LEAST_REST: Duration = Duration::from_millis(10);

impl Spool {
    /// Waits until [`Spool::tidy`] is due. True when reports have come.
    pub(crate) fn wait_for_work(&self, pace: &Pace) -> bool {
        let rest = self.rest(pace);
        let idle = |news: &mut News| news.delivered.is_empty() && !news.awaken;
        let waited = self.work.wait_timeout_while(lock(&self.news), rest, idle);
        let (mut news, _) = waited.unwrap_or_else(PoisonError::into_inner);
        news.awaken = false;
        !news.delivered.is_empty()
    }

    pub(super) fn rest(&self, pace: &Pace) -> Duration {
        let state = lock(&self.state);
        match state.records {
            _ if state.unsynced && self.config.sync == Sync::Batch => {
                let since = pace.synced.map_or(SYNC_INTERVAL, |last| last.elapsed());
                SYNC_INTERVAL.saturating_sub(since).max(LEAST_REST)
            }
            0 => LONG_REST,
            _ => REST,
        }
    }

    /// Ends the wait for work.
    pub(super) fn wake_keeper(&self) {
        lock(&self.news).awaken = true;
        self.work.notify_one();
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
        match self.location() {
            // Last: everything else still works.
            Some(path) if !self.store.is_there() => Err(StoreError::Gone { path: path.to_path_buf() }),
            _ => Ok(()),
        }
    }

    /// Gives the disk back what nobody needs any more.
    pub(super) fn reclaim(&self) -> Result<(), StoreError> {
        for rescue in [false, true] {
            let bytes = {
                let _cursor = lock(&self.cursor);
                let state = lock(&self.state);
                let mut held: Vec<Seq> = state.in_flight.keys().copied().chain(state.lanes.all_held()).collect();
                let (unsent, bytes) = (state.first_unsent(), state.bytes);
                drop(state);
                // Few runs that are in order already.
                held.sort();
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

    /// Notes whether the disk has room for more.
    pub(super) fn look_at_disk(&self) {
        let free = self.store.free_bytes();
        let mut state = lock(&self.state);
        state.disk_full = free.is_some_and(|bytes| bytes < DISK_RESERVE_BYTES);
        state.unlooked = 0;
    }
}

/// When the periodic work was done last.
#[derive(Default)]
pub(crate) struct Pace {
    pub(super) synced: Option<Instant>,
    pub(super) looked: Option<Instant>,
    pub(super) reclaimed: Option<Instant>,
}
