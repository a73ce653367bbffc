//! Records whose topic has no id of its Avro schema yet: they wait here, in order, and those of other topics go on.
//!
//! To the spool they are in flight and get no report. So it takes their partitions for stuck after a while, holds back what
//! follows in them, and hands out the rest.

use crate::record::Record;
use crate::spool::Seq;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

/// Shortest wait between two questions to the schema registry about one topic.
const RETRY: Duration = Duration::from_secs(1);

struct Topic {
    records: BTreeMap<Seq, Arc<Record>>,
    /// When the registry is asked again.
    next: Instant,
}

/// See the module's page.
#[derive(Default)]
pub(super) struct Waiting {
    topics: BTreeMap<String, Topic>,
    /// Topics that were said to wait, also to an earlier client, and have not gone on since.
    said: BTreeSet<String>,
}

impl Waiting {
    /// A record for which the registry had no id after `asked`: its topic waits at least as long again, so that a registry that
    /// hangs leaves time for other topics. True when that is to be said.
    pub(super) fn begin(&mut self, seq: Seq, record: &Arc<Record>, asked: Duration) -> bool {
        let next = Instant::now() + asked.max(RETRY);
        let topic = Topic { records: BTreeMap::from([(seq, record.clone())]), next };
        self.topics.insert(record.topic.clone(), topic);
        self.said.insert(record.topic.clone())
    }

    /// Adds a record if its topic waits; false if it does not. A dead letter needs no schema.
    pub(super) fn join(&mut self, seq: Seq, record: &Arc<Record>) -> bool {
        let topic = self.topics.get_mut(&record.topic).filter(|_| record.dead_from.is_none());
        topic.map(|topic| topic.records.insert(seq, record.clone())).is_some()
    }

    /// The records of a topic that has waited long enough, in order: it waits no more.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Seq, Arc<Record>)> {
        let due = self.topics.iter().filter(|(_, topic)| topic.next <= now).min_by_key(|(_, topic)| topic.next);
        let Some(name) = due.map(|(name, _)| name.clone()) else { return Vec::new() };
        self.topics.remove(&name).map(|topic| topic.records.into_iter().collect()).unwrap_or_default()
    }

    /// A record of this topic has its form.
    pub(super) fn goes_on(&mut self, topic: &str) {
        self.said.remove(topic);
    }

    /// The spool is about to hand everything out again.
    pub(super) fn forget(&mut self) {
        self.topics.clear();
    }

    pub(super) fn has(&self, seq: Seq) -> bool {
        self.topics.values().any(|topic| topic.records.contains_key(&seq))
    }
}
