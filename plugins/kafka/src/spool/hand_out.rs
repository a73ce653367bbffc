//! Handing records out, in order for each partition.

use super::{REFILL_BYTES, Seq, Spool, StoreError, partitions::Place, state::State, wait};
use crate::lock::lock;
use crate::record::Record;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

impl Spool {
    /// Hands out the next records, at most `max` and none behind `last`; waits up to `timeout` for the first.
    pub(crate) fn next(&self, max: usize, last: Seq, timeout: Duration) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        let deadline = Instant::now() + timeout;
        let mut refilled = false;
        loop {
            let now = Instant::now();
            // What was held back comes first, but leaves room for others.
            let mut batch = self.resume(max.div_ceil(2), last, now)?;
            let mut state = lock(&self.state);
            if !state.stopped {
                while batch.len() < max
                    && let Some(next) = state.hand_out(last, self.config.max_in_flight_bytes, now)
                {
                    batch.push(next);
                }
                if !batch.is_empty() {
                    return Ok(batch);
                }
                // Others look at the clock too when everything that is read back has to be held.
                let may_refill = !refilled || now < deadline;
                if may_refill && state.ready.is_empty() && state.spilled.is_some() {
                    drop(state);
                    let _cursor = lock(&self.cursor);
                    self.refill()?;
                    refilled = true;
                    continue;
                }
            }
            if now >= deadline || state.stopped {
                return Ok(Vec::new());
            }
            drop(wait(&self.sendable, state, deadline - now));
        }
    }

    /// Hands out records that were held back and may go on.
    fn resume(&self, max: usize, last: Seq, now: Instant) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        let mut state = lock(&self.state);
        state.lanes.review(now, self.config.stuck_after);
        if state.stopped || state.lanes.held() == 0 {
            return Ok(Vec::new());
        }
        drop(state);
        let _cursor = lock(&self.cursor);
        let state = lock(&self.state);
        // After a rewind what comes first may still have to be read, and then to be held in the same lane.
        let next = state.lanes.resumable(max, last.min(state.first_unsent()));
        drop(state);
        let mut batch = Vec::with_capacity(next.len());
        for (lane, seq) in next {
            let record = match self.store.read(seq, seq, 1) {
                Ok(mut found) => found.pop(),
                // Those before are in flight already.
                Err(_) if !batch.is_empty() => break,
                Err(err) => return Err(err),
            };
            let mut state = lock(&self.state);
            if !state.has_room(self.config.max_in_flight_bytes) {
                break;
            }
            state.lanes.release(lane);
            batch.extend(record.map(|(_, record)| {
                let place = state.partitions.place(&record);
                state.send(seq, record, place, now)
            }));
        }
        Ok(batch)
    }

    /// Reads the next records back from the store. `cursor` must be held.
    pub(super) fn refill(&self) -> Result<(), StoreError> {
        let state = lock(&self.state);
        let (Some(from), Some(to)) = (state.spilled, state.newest) else { return Ok(()) };
        drop(state);
        let found = if from <= to { self.store.read(from, to, REFILL_BYTES)? } else { Vec::new() };
        let complete = found.iter().map(|(_, record)| record.size()).sum::<u64>() < REFILL_BYTES;
        let last = if complete { to } else { found.last().map_or(to, |(seq, _)| *seq) };
        let mut state = lock(&self.state);
        // After a rewind some are held back already, or on their way again.
        let held = state.lanes.held_between(from, last);
        for (seq, record) in found {
            if !held.contains(&seq) && !state.in_flight.contains_key(&seq) {
                state.push_ready(seq, record);
            }
        }
        state.spilled = if state.newest == Some(last) { None } else { Some(last + 1) };
        state.spilled_ms = None;
        Ok(())
    }

    /// To be called whenever nothing was handed out although brokers are there: when all that may be in flight has waited long,
    /// other partitions may try.
    pub(crate) fn let_others_pass(&self) {
        let mut state = lock(&self.state);
        if !state.has_room(self.config.max_in_flight_bytes) {
            state.lanes.presume_stuck(Instant::now(), self.config.stuck_after);
        }
    }

    /// The partitions of a topic, and whether each has a leader that is there. How many they are is not noted while something is
    /// held back, which others would pass then.
    pub(crate) fn set_partitions(&self, topic: &str, partitions: impl Iterator<Item = (u32, bool)>) {
        let (mut state, now) = (lock(&self.state), Instant::now());
        let mut count = 0;
        for (partition, led) in partitions {
            state.partitions.set_leader(topic, partition, led, now);
            count += 1;
        }
        if state.lanes.held() == 0 {
            state.set_partitions(topic, count);
        }
    }

    /// True when all that is left is for partitions that have had no leader for longer than one takes to be found.
    pub(crate) fn all_leaderless(&self) -> bool {
        let state = lock(&self.state);
        let lanes = state.partitions.leaderless(Instant::now(), self.config.stuck_after);
        state.records > 0 && state.records == state.lanes.waiting_in(lanes)
    }

    /// Brokers are there after none was.
    pub(crate) fn brokers_are_back(&self) {
        let mut state = lock(&self.state);
        state.lanes.start_again(Instant::now());
        state.partitions.forget_leaders();
    }

    /// A record that was handed out came back for good: nothing waits for it while it waits for its place elsewhere.
    pub(crate) fn rejected(&self, seq: Seq) {
        lock(&self.state).leave_lane(seq);
    }

    /// True when all that is left waits for partitions that take nothing.
    pub(crate) fn all_stuck(&self) -> bool {
        let state = lock(&self.state);
        state.records > 0 && state.records == state.lanes.waiting()
    }

    /// The oldest record that gets no confirmation while others do, when something waits for it and it is not `aside`.
    pub(crate) fn stuck(&self, aside: impl Fn(Seq) -> bool) -> Option<Seq> {
        lock(&self.state).lanes.stuck(aside)
    }
}

impl State {
    fn leave_lane(&mut self, seq: Seq) {
        if let Some((lane, bytes)) = self.lane_of_sent(seq) {
            self.lanes.left(lane, seq, bytes);
        }
    }

    /// The next record, if there is one, it is not behind `last`, and `limit` bytes in flight allow it. What has to wait for
    /// others of its partition is passed by.
    fn hand_out(&mut self, last: Seq, limit: u64, now: Instant) -> Option<(Seq, Arc<Record>)> {
        while self.has_room(limit) {
            let (seq, record) = self.ready.front().filter(|(seq, _)| *seq <= last)?;
            let (seq, place) = (*seq, self.partitions.place(record));
            let lane = self.partitions.lane_of(place);
            let (_, record) = self.pop_ready()?;
            if !self.lanes.holds(lane) {
                return Some(self.send(seq, record, place, now));
            }
            self.lanes.hold(lane, seq);
        }
        None
    }

    /// True when more may be in flight. What is stuck does not count, up to half as much again.
    fn has_room(&self, limit: u64) -> bool {
        let moving = self.in_flight_bytes - self.lanes.stuck_bytes();
        self.in_flight.is_empty() || (moving < limit && self.in_flight_bytes < limit.saturating_add(limit / 2))
    }

    fn send(&mut self, seq: Seq, record: Arc<Record>, place: Place, now: Instant) -> (Seq, Arc<Record>) {
        self.note_sent(seq, &record, place);
        self.lanes.sent(self.partitions.lane_of(place), seq, record.size(), now);
        (seq, record)
    }
}
