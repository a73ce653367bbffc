//! What the callbacks of the librdkafka client tell.

use crate::config;
use crate::deadletter::Cause;
use crate::lock::lock;
use crate::oauth;
use crate::router::KIND_HEADER;
use crate::secret::Secret;
use crate::session::Session;
use crate::signals::Signals;
use crate::spool::{Seq, Spool};
use crate::stats::{ClientStats, Stats, count};

use rdkafka::{
    ClientContext, Message, Statistics,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedHeaders, BorrowedMessage, Headers},
    producer::{DeliveryResult, ProducerContext},
    statistics::Partition,
};
use std::{
    collections::HashSet,
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("kafkasink-client", gst::DebugColorFlags::empty(), Some("The Kafka client of kafkasink"))
});

/// What librdkafka calls the log lines that say why a connection ended.
const FAILED_CONNECTION: &str = "FAIL";

/// And those about settings.
const CONFIG_WARNING: &str = "CONFWARN";

#[cfg(not(target_pointer_width = "64"))]
compile_error!("record numbers travel through librdkafka as pointers: kafkasink needs a 64-bit target");

/// What a delivery report carries back: the record's number, and whether it is a dead letter.
pub(crate) fn opaque(seq: Seq, dead: bool) -> usize {
    (seq as usize) << 1 | usize::from(dead)
}

/// What the client's callbacks and the sender share. One per client.
pub(crate) struct Reports {
    pub(crate) spool: Arc<Spool>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) token_command: Secret,
    pub(crate) session: Arc<Session>,
    signals: Arc<Signals>,
    shown: Shown,
    /// Each record is in a request of its own, so that a refusal means that record.
    pub(crate) one_by_one: bool,
    broken: Mutex<Option<String>>,
    is_broken: AtomicBool,
    good: AtomicU64,
    /// Topics that took a record from this client.
    known_topics: Mutex<HashSet<String>>,
    /// The last request for a token failed before any broker was asked.
    without_token: AtomicBool,
    /// A callback ended by a panic.
    panicked: AtomicBool,
}

impl Reports {
    pub(crate) fn new(
        spool: Arc<Spool>,
        stats: Arc<Stats>,
        token_command: Secret,
        statistics_interval: Duration,
        session: Arc<Session>,
        signals: Arc<Signals>,
    ) -> Self {
        let one_by_one = !session.suspects().is_empty();
        Self {
            spool,
            stats,
            token_command,
            session,
            signals,
            shown: Shown::new(statistics_interval),
            one_by_one,
            broken: Mutex::default(),
            is_broken: AtomicBool::new(false),
            good: AtomicU64::new(0),
            known_topics: Mutex::default(),
            without_token: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        }
    }

    /// Why this client must be replaced, if it must.
    pub(crate) fn broken(&self) -> Option<String> {
        if !self.is_broken.load(Relaxed) {
            return None;
        }
        lock(&self.broken).clone()
    }

    /// Delivered with this client.
    pub(crate) fn delivered(&self) -> u64 {
        self.good.load(Relaxed)
    }

    pub(crate) fn set_broken(&self, reason: String) {
        lock(&self.broken).get_or_insert(reason);
        self.is_broken.store(true, Relaxed);
    }

    /// The same with the best words for it, also when others came first: a refused batch is told after the end of the client
    /// that it causes.
    fn explain_broken(&self, reason: String) {
        *lock(&self.broken) = Some(reason);
        self.is_broken.store(true, Relaxed);
    }

    /// What is to be said when `code` tells that `topic` does not exist although it took records just now: brokers that
    /// start say so for a moment. The next client waits for the topic before it believes them.
    pub(crate) fn vanished(&self, code: RDKafkaErrorCode, topic: &str) -> Option<String> {
        let missing = matches!(code, RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition);
        let known = missing && lock(&self.known_topics).contains(topic);
        known.then(|| format!("a broker says that the topic {topic}, which took records before, does not exist"))
    }

    fn note_topic(&self, topic: &str) {
        let mut known = lock(&self.known_topics);
        if !known.contains(topic) {
            known.insert(topic.to_string());
        }
    }

    /// The body of a callback. A panic would end the client's thread: rdkafka only logs that, and no record would be
    /// reported any more. The application is told, once.
    fn guarded<T>(&self, body: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(body)).ok();
        if done.is_none() && !self.panicked.swap(true, Relaxed) {
            self.session.link.client_failed();
        }
        done
    }

    /// A record can never be delivered.
    pub(crate) fn reject(&self, seq: Seq, cause: Cause) {
        self.spool.rejected(seq);
        self.session.reject(seq, cause);
    }

    fn record_delivered(&self, message: &BorrowedMessage<'_>, seq: Seq, dead: bool) {
        self.good.fetch_add(1, Relaxed);
        self.note_topic(message.topic());
        self.session.link.set_connected();
        let stats = &self.stats;
        self.spool.delivered(seq, || {
            if dead {
                count(&stats.counters.dead_lettered);
            } else {
                let bytes = message.payload_len() + message.key_len();
                let kind = message.headers().and_then(|headers| header(headers, KIND_HEADER));
                stats.count_delivered(message.topic(), message.key(), kind, bytes);
            }
        });
    }

    fn record_failed(&self, error: &KafkaError, topic: &str, bytes: usize, seq: Seq) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let of_a_batch = refuses_a_batch(code);
        let vanished = self.vanished(code, topic);
        match code {
            // The sink itself threw the client's queue away, to send it again.
            RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => return,
            code if vanished.is_none() && is_permanent(code) && (self.one_by_one || !of_a_batch) => {
                if !of_a_batch {
                    self.session.note_refused_alone();
                } else if Cause::from(code).is_size() {
                    self.session.note_too_large();
                }
                return self.reject(seq, code.into());
            }
            _ => (),
        }
        let cause = format!("{code:?}");
        self.stats.count_failed(&cause);
        self.stats.count_topic_error(topic, &cause);
        if of_a_batch {
            self.session.add_suspect(seq);
            if Cause::from(code).is_size() {
                self.session.note_large_batch(bytes);
            }
            self.explain_broken(format!("a batch for {topic} was refused, its records are sent one by one: {error}"));
        } else {
            self.set_broken(vanished.unwrap_or_else(|| format!("a record was not delivered: {error}")));
        }
    }
}

/// Which of the client's statistics are shown. The sink needs them at least every second for itself.
struct Shown {
    /// One in this many; zero: none.
    every: u32,
    seen: AtomicU32,
}

impl Shown {
    fn new(interval: Duration) -> Self {
        let (_, every) = config::statistics(interval);
        Self { every, seen: AtomicU32::new(0) }
    }

    /// True when the statistics that just came are to be shown.
    fn is_due(&self) -> bool {
        let seen = self.seen.fetch_add(1, Relaxed);
        self.every > 0 && (seen + 1).is_multiple_of(self.every)
    }
}

/// True for errors that this very record will meet each time.
pub(crate) fn is_permanent(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as E;
    matches!(
        code,
        E::MessageSizeTooLarge
            | E::MessageBatchTooLarge
            | E::InvalidMessageSize
            | E::TopicAuthorizationFailed
            | E::UnknownTopic
            | E::UnknownTopicOrPartition
            | E::InvalidTopic
            | E::InvalidRecord
            | E::InvalidTimestamp
            | E::InvalidRequiredAcks
            | E::PolicyViolation
            | E::UnsupportedForMessageFormat
            | E::UnsupportedCompressionType
            | E::InvalidArgument
    )
}

/// True for errors with which a broker refuses a whole batch, whichever of its records is the cause.
fn refuses_a_batch(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as E;
    matches!(
        code,
        E::MessageSizeTooLarge
            | E::MessageBatchTooLarge
            | E::InvalidMessageSize
            | E::InvalidRecord
            | E::InvalidTimestamp
            | E::PolicyViolation
    )
}

impl Reports {
    fn note_log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == FAILED_CONNECTION {
            // Some reasons, such as a peer that hangs up, are in the log only.
            self.session.link.set_reason(message);
        }
        match level {
            // Set on purpose; what it warns of is looked after.
            _ if facility == CONFIG_WARNING && message.contains(config::GAPLESS_KEY) => {
                gst::debug!(CAT, "{facility}: {message}");
            }
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => gst::warning!(CAT, "{facility}: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => gst::info!(CAT, "{facility}: {message}"),
            RDKafkaLogLevel::Debug => gst::debug!(CAT, "{facility}: {message}"),
        }
    }

    fn note_statistics(&self, statistics: &Statistics) {
        if self.signals.stopped() {
            // A client that still closes must not speak for the next run.
            return;
        }
        let client = ClientStats::new(statistics);
        if client.brokers_up > 0 {
            self.session.link.set_connected();
        }
        for (topic, about) in &statistics.topics {
            let known = about.partitions.values().filter(|about| !about.unknown);
            let partitions =
                known.filter_map(|about| Some((about.partition.try_into().ok()?, is_led(about, statistics))));
            self.spool.set_partitions(topic, partitions);
        }
        self.stats.set_client(client, self.shown.is_due());
    }

    fn note_error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        if code == RDKafkaErrorCode::AllBrokersDown {
            // Said at each try to connect; the sink itself warns of it once.
            gst::debug!(CAT, "{error}: {reason}");
        } else {
            gst::warning!(CAT, "{error}: {reason}");
        }
        if code != RDKafkaErrorCode::AllBrokersDown {
            self.session.link.set_reason(reason);
        }
        match code {
            RDKafkaErrorCode::AllBrokersDown => self.session.link.set_disconnected(),
            // The command failed, no broker has refused anything: the client runs it again in a while.
            RDKafkaErrorCode::Authentication if self.without_token.load(Relaxed) => self.session.link.no_token(reason),
            RDKafkaErrorCode::SSL | RDKafkaErrorCode::Authentication => {
                self.session.link.set_refused(code == RDKafkaErrorCode::SSL, reason);
            }
            _ => (),
        }
    }
}

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.guarded(|| self.note_log(level, facility, message));
    }

    fn stats(&self, statistics: Statistics) {
        self.guarded(|| self.note_statistics(&statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.guarded(|| self.note_error(&error, reason));
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let token = self.guarded(|| oauth::token(&self.token_command, &|| self.signals.stopped()));
        let token = token.unwrap_or_else(|| Err("The request for a token failed: this is a bug".into()));
        self.without_token.store(token.is_err(), Relaxed);
        Ok(token?)
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let (seq, dead) = ((opaque >> 1) as Seq, opaque & 1 == 1);
        self.guarded(|| match result {
            Ok(message) => self.record_delivered(message, seq, dead),
            Err((error, message)) => {
                self.record_failed(error, message.topic(), message.payload_len() + message.key_len(), seq);
            }
        });
    }
}

/// True when a partition has a leader that is there, or that nobody has asked for: the client connects only to brokers for which it
/// has something.
fn is_led(about: &Partition, statistics: &Statistics) -> bool {
    let idle = about.msgq_cnt == 0 && about.xmit_msgq_cnt == 0;
    let up = |leader| statistics.brokers.values().any(|broker| broker.nodeid == leader && broker.state == "UP");
    about.leader >= 0 && (idle || up(about.leader))
}

fn header<'a>(headers: &'a BorrowedHeaders, name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.key == name)?.value
}

#[cfg(test)]
mod tests;
