//! What the spool knows beside its records, and the words of its interface.

use super::{
    Seq, StoreError,
    lanes::{LaneId, Lanes},
    partitions::{Partitions, Place},
};
use crate::record::Record;
use crate::settings::Partitioner;
use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// What to do with a new record when the spool is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// Wait for room.
    Block,
    /// Remove the oldest record that is not on its way to the broker.
    DropOldest,
    /// Refuse the new record.
    Error,
}

/// When records on disk are synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Before `append` returns.
    Always,
    /// All new records together, every [`super::upkeep::SYNC_INTERVAL`].
    Batch,
    /// When the operating system likes to.
    Never,
}

/// How a spool is opened.
#[derive(Clone, Debug)]
pub(crate) struct SpoolConfig {
    /// Directory, or `None` for memory only.
    pub(crate) location: Option<PathBuf>,
    /// Most bytes held.
    pub(crate) max_bytes: u64,
    /// Most bytes handed out and not reported yet, and half as much again while some of them are stuck.
    pub(crate) max_in_flight_bytes: u64,
    /// How the client chooses partitions.
    pub(crate) partitioner: Partitioner,
    /// A partition is stuck when it waits for a report this long after later records have got theirs.
    pub(crate) stuck_after: Duration,
    pub(crate) when_full: WhenFull,
    pub(crate) sync: Sync,
}

#[cfg(test)]
impl SpoolConfig {
    /// For tests: nothing is ever full, stuck or synced.
    pub(crate) fn for_tests(location: Option<PathBuf>) -> Self {
        Self {
            location,
            max_bytes: 1 << 40,
            max_in_flight_bytes: 1 << 40,
            partitioner: Partitioner::default(),
            stuck_after: Duration::MAX,
            when_full: WhenFull::Error,
            sync: Sync::Never,
        }
    }
}

/// Why there is no room for a record.
#[derive(Debug)]
pub(crate) enum NoRoom {
    /// The wait for room was cancelled.
    Cancelled,
    /// The spool is full and the policy is `error`.
    Full { bytes: u64, max_bytes: u64, disk_full: bool },
    /// The disk is full and the policy is `drop-oldest`: to remove records would free no space soon, so the new one is the
    /// one to drop.
    DropNew,
    /// The store failed while the oldest record was removed.
    Store(StoreError),
}

/// How full the spool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) in_flight: u64,
    pub(crate) in_flight_bytes: u64,
    /// To be sent, but behind others of their partition that get no report.
    pub(crate) held_back: u64,
    /// When the oldest record was received, milliseconds since 1970 UTC.
    pub(crate) oldest_ms: Option<i64>,
    /// The disk has no room although the spool may.
    pub(crate) disk_full: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Sent {
    size: u64,
    received_ms: i64,
    place: Place,
}

#[derive(Default)]
pub(super) struct State {
    /// First unused sequence number.
    pub(super) next_seq: Seq,
    /// Newest record that is complete in the store.
    pub(super) newest: Option<Seq>,
    /// Next records to send.
    pub(super) ready: VecDeque<(Seq, Arc<Record>)>,
    pub(super) ready_bytes: u64,
    /// First record that is to follow `ready` and is in the store only.
    pub(super) spilled: Option<Seq>,
    /// When the oldest record was received, while that may be one that is in the store only.
    pub(super) spilled_ms: Option<i64>,
    pub(super) in_flight: BTreeMap<Seq, Sent>,
    pub(super) in_flight_bytes: u64,
    pub(super) partitions: Partitions,
    /// What is in flight and held back, by partition.
    pub(super) lanes: Lanes,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) unsynced: bool,
    pub(super) disk_full: bool,
    /// New bytes since the disk was looked at.
    pub(super) unlooked: u64,
    pub(super) flushing: bool,
    /// How often `flushing` was set: a waiter may wake when it is over again.
    pub(super) flushes: u64,
    pub(super) stopped: bool,
}

impl State {
    /// A new record is complete in the store; it is also kept in memory while `window` bytes allow.
    pub(super) fn publish(&mut self, seq: Seq, record: Arc<Record>, window: u64) {
        let size = record.size();
        self.newest = Some(seq);
        self.records += 1;
        self.bytes += size;
        self.unsynced = true;
        self.unlooked += size;
        if self.spilled.is_none() && (self.ready.is_empty() || self.ready_bytes + size <= window) {
            self.push_ready(seq, record);
        } else {
            self.spilled.get_or_insert(seq);
        }
    }

    pub(super) fn push_ready(&mut self, seq: Seq, record: Arc<Record>) {
        self.ready_bytes += record.size();
        self.ready.push_back((seq, record));
    }

    pub(super) fn pop_ready(&mut self) -> Option<(Seq, Arc<Record>)> {
        let (seq, record) = self.ready.pop_front()?;
        self.ready_bytes -= record.size();
        Some((seq, record))
    }

    /// Forgets the next record to send.
    pub(super) fn drop_ready(&mut self) {
        if let Some((_, record)) = self.pop_ready() {
            self.records -= 1;
            self.bytes -= record.size();
        }
    }

    /// A record is in flight now.
    pub(super) fn note_sent(&mut self, seq: Seq, record: &Record, place: Place) {
        let sent = Sent { size: record.size(), received_ms: record.received_ms, place };
        self.in_flight.insert(seq, sent);
        self.in_flight_bytes += sent.size;
        if self.spilled.is_none() {
            // What is held back is handed out from its oldest.
            self.spilled_ms = None;
        }
    }

    /// A topic has so many partitions. Nothing may be held back.
    pub(super) fn set_partitions(&mut self, topic: &str, partitions: u32) {
        if self.partitions.set(topic, partitions) {
            let lane_of = |sent: &Sent| self.partitions.lane_of(sent.place);
            self.lanes.sort_anew(self.in_flight.iter().map(|(seq, sent)| (*seq, lane_of(sent), sent.size)));
        }
    }

    /// Lane and bytes of a record in flight.
    pub(super) fn lane_of_sent(&self, seq: Seq) -> Option<(LaneId, u64)> {
        self.in_flight.get(&seq).map(|sent| (self.partitions.lane_of(sent.place), sent.size))
    }

    /// Forgets a record that was handed out; gives when it was received.
    pub(super) fn settle(&mut self, seq: Seq) -> Option<i64> {
        let sent = self.in_flight.remove(&seq)?;
        self.in_flight_bytes -= sent.size;
        self.records -= 1;
        self.bytes -= sent.size;
        self.lanes.settled(self.partitions.lane_of(sent.place), seq, sent.size, Instant::now());
        Some(sent.received_ms)
    }

    /// The lowest number of those that are to be handed out, now or later, and are not held back.
    pub(super) fn first_unsent(&self) -> Seq {
        let ready = self.ready.front().map(|(seq, _)| *seq);
        // A record that is just being added is behind the newest.
        ready.into_iter().chain(self.spilled).min().unwrap_or(self.newest.map_or(0, |newest| newest + 1))
    }

    /// Everything held is to be handed out again.
    pub(super) fn rewind(&mut self) {
        let oldest_ms = self.depth().oldest_ms;
        let lane_of = |sent: &Sent| self.partitions.lane_of(sent.place);
        let sent = self.lanes.rewind(self.in_flight.iter().map(|(seq, sent)| (*seq, lane_of(sent))));
        let ready = self.ready.front().map(|(seq, _)| *seq);
        self.spilled = [sent, ready, self.spilled].into_iter().flatten().min();
        self.spilled_ms = oldest_ms;
        self.ready.clear();
        self.ready_bytes = 0;
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.partitions.forget_leaders();
    }

    pub(super) fn depth(&self) -> Depth {
        let sent = self.in_flight.values().next().map(|sent| sent.received_ms);
        let ready = self.ready.front().map(|(_, record)| record.received_ms);
        Depth {
            records: self.records,
            bytes: self.bytes,
            in_flight: self.in_flight.len() as u64,
            in_flight_bytes: self.in_flight_bytes,
            held_back: self.lanes.held(),
            oldest_ms: [sent, ready, self.spilled_ms].into_iter().flatten().min(),
            disk_full: self.disk_full,
        }
    }
}
