//! Which records wait for one another: those that go to one partition, as far as that is known.

use super::lanes::LaneId;
use crate::partition;
use crate::record::Record;
use crate::settings::Partitioner;
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

/// Where a record goes, as hashes: records that meet in one only wait for each other.
#[derive(Clone, Copy)]
pub(super) struct Place {
    topic: u64,
    key: u64,
    /// What the partition is made of; `None`: the client may take any.
    spread: Option<u32>,
}

/// How many partitions topics have, as the client knows.
#[derive(Default)]
pub(super) struct Partitions {
    partitioner: Partitioner,
    counts: HashMap<u64, u32>,
    /// Those without a leader that is there, and since when.
    leaderless: HashMap<LaneId, Instant>,
}

impl Partitions {
    pub(super) fn new(partitioner: Partitioner) -> Self {
        Self { partitioner, ..Self::default() }
    }

    /// Notes what the client knows. Zero is "not known": what was known stays. True when something is new.
    pub(super) fn set(&mut self, topic: &str, partitions: u32) -> bool {
        partitions > 0 && self.counts.insert(hash(topic), partitions) != Some(partitions)
    }

    /// Notes whether a partition has a leader that is there.
    pub(super) fn set_leader(&mut self, topic: &str, partition: u32, led: bool, now: Instant) {
        let lane = lane(hash(topic), partition);
        if led {
            self.leaderless.remove(&lane);
        } else {
            self.leaderless.entry(lane).or_insert(now);
        }
    }

    /// Nothing is known of leaders, as brokers were away or the client is new.
    pub(super) fn forget_leaders(&mut self) {
        self.leaderless.clear();
    }

    /// Partitions that have had no leader for at least as long.
    pub(super) fn leaderless(&self, now: Instant, at_least: Duration) -> impl Iterator<Item = LaneId> {
        let long = self.leaderless.iter().filter(move |(_, since)| now.duration_since(**since) >= at_least);
        long.map(|(lane, _)| *lane)
    }

    pub(super) fn place(&self, record: &Record) -> Place {
        let key = record.key.as_deref();
        Place { topic: hash(&record.topic), key: hash(key), spread: partition::spread(self.partitioner, key) }
    }

    /// Topic and partition, or topic and key while the partition is not known.
    pub(super) fn lane_of(&self, place: Place) -> LaneId {
        match (self.counts.get(&place.topic), place.spread) {
            (Some(count), Some(spread)) => lane(place.topic, spread % count),
            _ => hash((place.topic, place.key)),
        }
    }
}

fn lane(topic: u64, partition: u32) -> LaneId {
    hash((topic, partition))
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
