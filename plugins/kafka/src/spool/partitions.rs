//! Which records wait for one another: those that go to one partition, as far as that is known.

use super::lanes::LaneId;
use crate::partition;
use crate::record::Record;
use crate::settings::Partitioner;
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
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
}

impl Partitions {
    pub(super) fn new(partitioner: Partitioner) -> Self {
        Self { partitioner, counts: HashMap::new() }
    }

    /// Notes what the client knows. Zero is "not known": what was known stays. True when something is new.
    pub(super) fn set(&mut self, topic: &str, partitions: u32) -> bool {
        partitions > 0 && self.counts.insert(hash(topic), partitions) != Some(partitions)
    }

    pub(super) fn place(&self, record: &Record) -> Place {
        let key = record.key.as_deref();
        Place { topic: hash(&record.topic), key: hash(key), spread: partition::spread(self.partitioner, key) }
    }

    /// Topic and partition, or topic and key while the partition is not known.
    pub(super) fn lane_of(&self, place: Place) -> LaneId {
        match (self.counts.get(&place.topic), place.spread) {
            (Some(count), Some(spread)) => hash((place.topic, spread % count)),
            _ => hash((place.topic, place.key)),
        }
    }
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
