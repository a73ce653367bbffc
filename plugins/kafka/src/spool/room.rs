//! Waiting for the spool: for room in it, and until it is empty.

use super::{NoRoom, Seq, Spool, StoreError, WhenFull, lanes::LaneId, state::State, wait};
use crate::lock::lock;
use crate::stats::count;
use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

/// A wait for room is told when it has lasted this long, and then again and again.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

impl Spool {
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
        let mut state = lock(&self.state);
        while state.ready.is_empty() && state.spilled.is_some() {
            drop(state);
            self.refill()?;
            state = lock(&self.state);
        }
        let ready = state.ready.front().map(|(seq, _)| *seq);
        if let Some((held, lane)) = state.lanes.first_held().filter(|(held, _)| ready.is_none_or(|ready| *held < ready))
        {
            drop(state);
            return self.drop_held(held, lane);
        }
        let Some(seq) = ready else { return Ok(false) };
        // With `state` locked: until it is known whether this record goes or stays, the sender may have neither it nor the
        // next one, which it would pass.
        self.store.remove(&[seq], state.next_seq)?;
        state.drop_ready();
        Ok(true)
    }

    /// Drops the first record that is held back in a lane. `cursor` must be held: nobody hands it out meanwhile.
    fn drop_held(&self, seq: Seq, lane: LaneId) -> Result<bool, StoreError> {
        let size = self.store.read(seq, seq, 1)?.first().map_or(0, |(_, record)| record.size());
        let next = lock(&self.state).next_seq;
        self.store.remove(&[seq], next)?;
        let mut state = lock(&self.state);
        state.lanes.release(lane);
        state.records -= 1;
        state.bytes -= size;
        Ok(true)
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
