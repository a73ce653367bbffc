//! The librdkafka client: building it, and what its callbacks tell.

use crate::config;
use crate::deadletter::{Cause, Rejected};
use crate::notice::{Notice, NoticeFn};
use crate::oauth;
use crate::router::KIND_HEADER;
use crate::secret::Secret;
use crate::signals::Signals;
use crate::spool::{Seq, Spool};
use crate::stats::{ClientStats, Stats, count};

use rdkafka::{
    ClientConfig, ClientContext, Message, Statistics,
    client::OAuthToken,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedHeaders, Headers},
    producer::{DeliveryResult, ProducerContext, ThreadedProducer},
};
use std::{
    collections::HashSet,
    error::Error,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("kafkasink-client", gst::DebugColorFlags::empty(), Some("The Kafka client of kafkasink"))
});

/// How long TLS or SASL may fail before any connection came up until the sink gives up: the settings are wrong.
const REFUSED_AFTER: Duration = Duration::from_secs(2);

/// How long it may fail with no broker connected until a new client reads everything again: also what no setting names, such
/// as the system's certificates.
const RENEW_AFTER: Duration = Duration::from_secs(60);

/// What librdkafka calls the log lines that say why a connection ended.
const FAILED_CONNECTION: &str = "FAIL";

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
    pub(crate) notify: NoticeFn,
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
}

/// What all clients of one run share.
#[derive(Default)]
pub(crate) struct Session {
    link: Mutex<Link>,
    rejected: Mutex<Vec<Rejected>>,
    suspect: Mutex<Option<Seq>>,
}

impl Session {
    /// Records rejected since the last call.
    pub(crate) fn take_rejected(&self) -> Vec<Rejected> {
        std::mem::take(&mut *self.rejected.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn reject(&self, seq: Seq, cause: Cause) {
        self.put_back(std::iter::once(Rejected { seq, cause }));
    }

    pub(crate) fn put_back(&self, rejected: impl Iterator<Item = Rejected>) {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).extend(rejected);
    }

    /// How many rejected records wait for their place among the dead letters.
    pub(crate) fn pending(&self) -> u64 {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// The last record of a batch that was refused as a whole, until `clear_suspect`.
    pub(crate) fn suspect(&self) -> Option<Seq> {
        *self.suspect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_suspect(&self, seq: Seq) {
        let mut suspect = self.suspect.lock().unwrap_or_else(PoisonError::into_inner);
        *suspect = (*suspect).max(Some(seq));
    }

    pub(crate) fn clear_suspect(&self) {
        *self.suspect.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What is known about the connection.
#[derive(Default)]
struct Link {
    disconnected: bool,
    ever_connected: bool,
    refused: Option<Refusal>,
    gave_up: bool,
    last_reason: Option<String>,
    wants_reason: bool,
}

struct Refusal {
    tls: bool,
    reason: String,
    since: Instant,
}

impl Reports {
    pub(crate) fn new(
        spool: Arc<Spool>,
        stats: Arc<Stats>,
        notify: NoticeFn,
        token_command: Secret,
        statistics_interval: Duration,
        session: Arc<Session>,
        signals: Arc<Signals>,
    ) -> Self {
        let one_by_one = session.suspect().is_some();
        Self {
            spool,
            stats,
            notify,
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
        }
    }

    /// Why this client must be replaced, if it must.
    pub(crate) fn broken(&self) -> Option<String> {
        if !self.is_broken.load(Relaxed) {
            return None;
        }
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Delivered with this client.
    pub(crate) fn delivered(&self) -> u64 {
        self.good.load(Relaxed)
    }

    pub(crate) fn set_broken(&self, reason: String) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.is_broken.store(true, Relaxed);
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.session.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_connected(&self) {
        // A client that still closes after the stop must not speak for the next run.
        if self.signals.stopped() || self.stats.connected.swap(true, Relaxed) {
            return;
        }
        let mut link = self.link();
        link.disconnected = false;
        link.ever_connected = true;
        link.refused = None;
        link.last_reason = None;
        drop(link);
        (self.notify)(Notice::Connected);
    }

    /// Notes why a connection failed. When "disconnected" was said before the reason was known, it is said again.
    fn set_reason(&self, reason: &str) {
        let mut link = self.link();
        link.last_reason = Some(reason.to_string());
        let say = std::mem::take(&mut link.wants_reason);
        drop(link);
        if say {
            (self.notify)(Notice::Disconnected { reason: reason.to_string() });
        }
    }

    fn set_disconnected(&self) {
        self.stats.connected.store(false, Relaxed);
        let mut link = self.link();
        // The client says this at each try; the application needs it once.
        let known = std::mem::replace(&mut link.disconnected, true);
        link.wants_reason = !known && link.last_reason.is_none();
        let reason = link.last_reason.clone().unwrap_or_else(|| "no connection came up yet".to_string());
        drop(link);
        if !known {
            (self.notify)(Notice::Disconnected { reason });
        }
    }

    /// What is to be said when `code` tells that `topic` does not exist although it took records just now: brokers that
    /// start say so for a moment. The next client waits for the topic before it believes them.
    pub(crate) fn vanished(&self, code: RDKafkaErrorCode, topic: &str) -> Option<String> {
        let missing = matches!(code, RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition);
        let known = missing && self.known_topics.lock().unwrap_or_else(PoisonError::into_inner).contains(topic);
        known.then(|| format!("a broker says that the topic {topic}, which took records before, does not exist"))
    }

    fn note_topic(&self, topic: &str) {
        let mut known = self.known_topics.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(topic) {
            known.insert(topic.to_string());
        }
    }

    fn record_failed(&self, error: &KafkaError, topic: &str, seq: Seq) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let of_a_batch = refuses_a_batch(code);
        let vanished = self.vanished(code, topic);
        match code {
            // The sink itself threw the client's queue away, to send it again.
            RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => return,
            code if vanished.is_none() && is_permanent(code) && (self.one_by_one || !of_a_batch) => {
                return self.session.reject(seq, code.into());
            }
            _ => (),
        }
        let cause = format!("{code:?}");
        self.stats.count_failed(&cause);
        self.stats.count_topic_error(topic, &cause);
        if of_a_batch {
            self.session.set_suspect(seq);
            self.set_broken(format!("a batch for {topic} was refused, its records are sent one by one: {error}"));
        } else {
            self.set_broken(vanished.unwrap_or_else(|| format!("a record was not delivered: {error}")));
        }
    }

    /// The command for tokens failed, unless a stop ended it.
    fn no_token(&self, reason: &str) {
        if !self.signals.stopped() {
            let text = format!("{reason}. Records wait in the spool; the command is run again.");
            (self.notify)(Notice::Warning(text));
        }
    }

    /// TLS or SASL failed: the application is told at once.
    fn refused(&self, tls: bool, reason: &str) {
        // A stop ends the wait for a token: that is no refusal.
        if self.signals.stopped() {
            return;
        }
        let mut link = self.link();
        let since = link.refused.as_ref().map_or_else(Instant::now, |refusal| refusal.since);
        let known = link.refused.replace(Refusal { tls, reason: reason.to_string(), since });
        drop(link);
        if known.is_none_or(|refusal| refusal.reason != reason) {
            (self.notify)(Notice::Refused { tls, reason: reason.to_string(), give_up: false });
        }
    }

    /// True while TLS or SASL is refused, by one broker at least, or no broker answers.
    pub(crate) fn in_trouble(&self) -> bool {
        let link = self.link();
        link.disconnected || link.refused.is_some()
    }

    /// True when TLS or SASL was refused long ago and no broker is there.
    pub(crate) fn refused_for_long(&self) -> bool {
        let link = self.link();
        link.disconnected && link.refused.as_ref().is_some_and(|refusal| refusal.since.elapsed() >= RENEW_AFTER)
    }

    /// What was refused counts no more: another client will try.
    pub(crate) fn forget_refusal(&self) {
        self.link().refused = None;
    }

    /// Gives up when TLS or SASL was refused and nothing has worked since: waiting does not correct settings. The client
    /// itself says the same error only once in a while, so this is to be asked regularly. Another broker may take the
    /// login while the statistics do not show it yet: `answered` asks for a sign of that and may take a moment.
    pub(crate) fn check_refused(&self, answered: impl FnOnce() -> bool) {
        let link = self.link();
        let Some(refusal) = &link.refused else { return };
        if link.ever_connected || link.gave_up || refusal.since.elapsed() < REFUSED_AFTER {
            return;
        }
        drop(link);
        if answered() {
            return self.set_connected();
        }
        let mut link = self.link();
        // Gone when a connection came up meanwhile.
        let Some(refusal) = &link.refused else { return };
        let (tls, reason) = (refusal.tls, refusal.reason.clone());
        link.gave_up = true;
        drop(link);
        (self.notify)(Notice::Refused { tls, reason, give_up: true });
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

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == FAILED_CONNECTION {
            // Some reasons, such as a peer that hangs up, are in the log only.
            self.set_reason(message);
        }
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => gst::warning!(CAT, "{facility}: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => gst::info!(CAT, "{facility}: {message}"),
            RDKafkaLogLevel::Debug => gst::debug!(CAT, "{facility}: {message}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let client = ClientStats::new(&statistics);
        if client.brokers_up > 0 {
            self.set_connected();
        }
        self.stats.set_client(client, self.shown.is_due());
    }

    fn error(&self, error: KafkaError, reason: &str) {
        gst::warning!(CAT, "{error}: {reason}");
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        if code != RDKafkaErrorCode::AllBrokersDown {
            self.set_reason(reason);
        }
        match code {
            RDKafkaErrorCode::AllBrokersDown => self.set_disconnected(),
            // The command failed, no broker has refused anything: the client runs it again in a while.
            RDKafkaErrorCode::Authentication if self.without_token.load(Relaxed) => self.no_token(reason),
            RDKafkaErrorCode::SSL | RDKafkaErrorCode::Authentication => {
                self.refused(code == RDKafkaErrorCode::SSL, reason);
            }
            RDKafkaErrorCode::Fatal => self.set_broken(reason.to_string()),
            _ => (),
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let token = oauth::token(&self.token_command, &|| self.signals.stopped());
        self.without_token.store(token.is_err(), Relaxed);
        Ok(token?)
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let (seq, dead) = ((opaque >> 1) as Seq, opaque & 1 == 1);
        match result {
            Ok(message) => {
                self.good.fetch_add(1, Relaxed);
                self.note_topic(message.topic());
                self.set_connected();
                let stats = &self.stats;
                self.spool.delivered(seq, || {
                    if dead {
                        count(&stats.dead_lettered);
                    } else {
                        let bytes = message.payload_len() + message.key_len();
                        let kind = message.headers().and_then(|headers| header(headers, KIND_HEADER));
                        stats.count_delivered(message.topic(), message.key(), kind, bytes);
                    }
                });
            }
            Err((error, message)) => self.record_failed(error, message.topic(), seq),
        }
    }
}

fn header<'a>(headers: &'a BorrowedHeaders, name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.key == name)?.value
}

/// The client type.
pub(crate) type Client = ThreadedProducer<Reports>;

/// Builds a client. This needs no broker.
pub(crate) fn build(config: &ClientConfig, reports: Reports) -> KafkaResult<Client> {
    ThreadedProducer::from_config_and_context(config, reports)
}

#[cfg(test)]
mod tests;
