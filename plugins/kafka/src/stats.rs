//! Counters of one sink, and what librdkafka's own statistics say.
//!
//! `received + recovered = delivered + dead-lettered + dropped + lost + refused + left + held`, where `held` is what is in
//! the spool. Counters only grow while the element exists.

use crate::lock::lock;
use crate::spool::Depth;
use rdkafka::statistics::{Statistics, Window};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// Name of the structure in the `stats` property.
pub(crate) const STATS_NAME: &str = "kafkasink-stats";

/// Declares the counters: their fields, their names (with `-` in the `stats` property, with `_` in the metrics) and what
/// they count.
macro_rules! counters {
    ($($field:ident: $what:literal;)*) => {
        /// Counters. All are events, except where the name says bytes.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(#[doc = $what] pub(crate) $field: AtomicU64,)*
        }

        impl Counters {
            /// Name, what it counts, and the number, of each.
            pub(crate) fn all(&self) -> [(&'static str, &'static str, u64); [$(stringify!($field)),*].len()] {
                [$((stringify!($field), $what, self.$field.load(Relaxed))),*]
            }
        }
    };
}

counters! {
    received: "Buffers that came in";
    received_bytes: "Bytes of those buffers";
    spooled: "Records that the spool took";
    recovered: "Records that an earlier run had left in the spool";
    sent: "Records handed to the client, repetitions included";
    delivered: "Records with a good delivery report";
    delivered_bytes: "Bytes of those records";
    dead_lettered: "Records in a dead letter file, or confirmed by the dead letter topic";
    dropped: "Records dropped by the full spool, a flush or a stop";
    lost: "Records without a place for dead letters, taken by damage, or in memory only at the stop";
    refused: "Buffers not taken: the spool was full or failed";
    malformed: "Buffers that are no JSON although their caps say so";
    rebuilds: "Clients built anew after an error";
    left: "Records that stayed in a spool on disk when the sink stopped";
}

/// What is counted and known.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) counters: Counters,
    pub(crate) connected: AtomicBool,
    /// Count by topic too, and by key the records of this kind and of none; only the metrics endpoint wants it.
    pub(crate) counted_kind: OnceLock<&'static str>,
    detail: Mutex<Detail>,
    failed: Mutex<BTreeMap<String, u64>>,
    topics: Mutex<BTreeMap<String, u64>>,
    client: Mutex<ClientStats>,
}

/// Delivered by key and topic, failed by topic and cause.
#[derive(Debug, Default)]
struct Detail {
    keys: BTreeMap<String, u64>,
    topics: BTreeMap<String, u64>,
    errors: BTreeMap<(String, String), u64>,
}

/// Keys, topics and causes counted by themselves; more of them are counted together, so that names without end cost no
/// memory.
const MAX_NAMES: usize = 1000;
/// Under this name.
const OTHER_NAMES: &str = "other";

/// Adds one under a name.
fn count_name(numbers: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(number) = numbers.get_mut(name) {
        *number += 1;
        return;
    }
    let name = if numbers.len() < MAX_NAMES { name } else { OTHER_NAMES };
    *numbers.entry(name.to_string()).or_default() += 1;
}

/// Upper limits of the latency buckets, milliseconds; one more is without limit.
pub(crate) const BUCKETS_MS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000, 300_000, 3_600_000];

/// A histogram of latencies.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe(&self, ms: u64) {
        let bucket = BUCKETS_MS.iter().position(|limit| ms <= *limit).unwrap_or(BUCKETS_MS.len());
        count(&self.buckets[bucket]);
        self.sum_ms.fetch_add(ms, Relaxed);
    }

    /// Numbers by bucket, and the sum of all.
    pub(crate) fn snapshot(&self) -> (Vec<u64>, u64) {
        (self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect(), self.sum_ms.load(Relaxed))
    }
}

/// The interesting part of librdkafka's statistics.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientStats {
    /// Records and bytes in the client's queues.
    pub(crate) queued: u64,
    pub(crate) queued_bytes: u64,
    pub(crate) brokers_up: u64,
    /// Round trips of the busiest broker, microseconds: p50, p95, p99.
    pub(crate) round_trip_us: [i64; 3],
    /// Time in the client's queue before the request, microseconds: p50, p95, p99.
    pub(crate) queue_us: [i64; 3],
    pub(crate) retries: u64,
}

impl ClientStats {
    pub(crate) fn new(stats: &Statistics) -> Self {
        let percentiles = |window: Option<&Window>| window.map_or([0; 3], |w| [w.p50, w.p95, w.p99]);
        let busiest = stats.brokers.values().max_by_key(|broker| broker.tx);
        Self {
            queued: stats.msg_cnt,
            queued_bytes: stats.msg_size,
            brokers_up: stats.brokers.values().filter(|broker| broker.state == "UP").count() as u64,
            round_trip_us: percentiles(busiest.and_then(|broker| broker.rtt.as_ref())),
            queue_us: percentiles(busiest.and_then(|broker| broker.int_latency.as_ref())),
            retries: stats.brokers.values().map(|broker| broker.txretries).sum(),
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// Takes back one that was added too early.
pub(crate) fn uncount(counter: &AtomicU64) {
    counter.fetch_sub(1, Relaxed);
}

impl Stats {
    /// Counts a record or an attempt that failed, by the client's name of the error.
    pub(crate) fn count_failed(&self, cause: &str) {
        count_name(&mut lock(&self.failed), cause);
    }

    fn detail(&self) -> std::sync::MutexGuard<'_, Detail> {
        lock(&self.detail)
    }

    /// Counts a delivered record, and, if wanted, by its key and topic.
    pub(crate) fn count_delivered(&self, topic: &str, key: Option<&[u8]>, kind: Option<&[u8]>, bytes: usize) {
        count(&self.counters.delivered);
        self.counters.delivered_bytes.fetch_add(bytes as u64, Relaxed);
        let Some(counted) = self.counted_kind.get() else { return };
        let mut detail = self.detail();
        count_name(&mut detail.topics, topic);
        let counts = kind.is_none_or(|kind| kind == counted.as_bytes());
        if let Some(key) = key.filter(|_| counts) {
            count_name(&mut detail.keys, &String::from_utf8_lossy(key));
        }
    }

    /// Counts a failed delivery by topic and cause.
    pub(crate) fn count_topic_error(&self, topic: &str, cause: &str) {
        if self.counted_kind.get().is_none() {
            return;
        }
        let mut detail = self.detail();
        let name = (topic.to_string(), cause.to_string());
        let known = detail.errors.len() < MAX_NAMES || detail.errors.contains_key(&name);
        let name = if known { name } else { (OTHER_NAMES.to_string(), cause.to_string()) };
        *detail.errors.entry(name).or_default() += 1;
    }

    pub(crate) fn keys(&self) -> BTreeMap<String, u64> {
        self.detail().keys.clone()
    }

    pub(crate) fn topics_delivered(&self) -> BTreeMap<String, u64> {
        self.detail().topics.clone()
    }

    pub(crate) fn topic_errors(&self) -> BTreeMap<(String, String), u64> {
        self.detail().errors.clone()
    }

    /// Counts a record by its topic.
    pub(crate) fn count_topic(&self, topic: &str) {
        count_name(&mut lock(&self.topics), topic);
    }

    /// Takes the client's statistics; all but the connections only when they are to be `shown`.
    pub(crate) fn set_client(&self, client: ClientStats, shown: bool) {
        let mut known = lock(&self.client);
        if shown {
            *known = client;
        } else {
            known.brokers_up = client.brokers_up;
        }
    }

    /// There is no client any more.
    pub(crate) fn disconnected(&self) {
        self.connected.store(false, Relaxed);
        *lock(&self.client) = ClientStats::default();
    }

    pub(crate) fn client(&self) -> ClientStats {
        lock(&self.client).clone()
    }

    pub(crate) fn failed(&self) -> BTreeMap<String, u64> {
        lock(&self.failed).clone()
    }

    pub(crate) fn topics(&self) -> BTreeMap<String, u64> {
        lock(&self.topics).clone()
    }

    /// The `stats` property.
    pub(crate) fn to_structure(&self, depth: Depth, now_ms: i64) -> gst::Structure {
        let client = self.client();
        let by_name = |name: &'static str, numbers: BTreeMap<String, u64>| {
            let mut structure = gst::Structure::new_empty(name);
            for (cause, number) in numbers {
                structure.set(field_name(&cause), number);
            }
            structure
        };
        let age_ms = depth.oldest_ms.map_or(0, |oldest| (now_ms - oldest).max(0));
        let counters = self.counters.all().map(|(name, _, number)| (name.replace('_', "-"), number));
        let builder = gst::Structure::builder(STATS_NAME);
        counters
            .into_iter()
            .fold(builder, |builder, (name, number)| builder.field(name, number))
            .field("failed", by_name("failed", self.failed()))
            .field("topics", by_name("topics", self.topics()))
            .field("connected", self.connected.load(Relaxed))
            .field("spool-depth", depth.records)
            .field("spool-bytes", depth.bytes)
            .field("in-flight", depth.in_flight)
            .field("in-flight-bytes", depth.in_flight_bytes)
            .field("held-back", depth.held_back)
            .field("oldest-age", age_ms as u64 * 1_000_000)
            .field("queue-depth", client.queued)
            .field("queue-bytes", client.queued_bytes)
            .field("brokers-up", client.brokers_up)
            .field("retries", client.retries)
            .field("round-trip-p50", nanos(client.round_trip_us[0]))
            .field("round-trip-p95", nanos(client.round_trip_us[1]))
            .field("round-trip-p99", nanos(client.round_trip_us[2]))
            .field("queue-time-p50", nanos(client.queue_us[0]))
            .field("queue-time-p95", nanos(client.queue_us[1]))
            .field("queue-time-p99", nanos(client.queue_us[2]))
            .build()
    }
}

fn nanos(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0) * 1000
}

/// A field name of a structure: letters, digits and a few signs only.
fn field_name(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "/-_.:+".contains(c) { c } else { '_' };
    text.chars().map(allowed).collect()
}
