//! The two threads behind the sink: one hands records to the client, one tidies the spool.
//!
//! The sender owns the client. When a record comes back undelivered, or the client fails for good, it drops the client
//! with all it holds, rewinds the spool and sends everything unconfirmed again in order with a new client: that is what
//! keeps the order per key over every kind of failure. A batch that a broker refuses as a whole is sent again record by
//! record, so that only the record that is meant becomes a dead letter.

use crate::avro::{AvroError, Encoder};
use crate::closing;
use crate::config;
use crate::credentials::Source;
use crate::deadletter::{Cause, Undertaker};
use crate::error::SinkError;
use crate::keeper::Keeper;
use crate::link::Link;
use crate::notice::{Notice, NoticeFn, Part};
use crate::producer::{self, Client, Reports};
use crate::record::Record;
use crate::secret::Secret;
use crate::session::Session;
use crate::signals::Signals;
use crate::spool::{Seq, Spool, StoreError};
use crate::stats::{Stats, count};
use crate::watchdog::Watchdog;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer},
};
use std::{
    cell::Cell,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Records handed to the client before the sender looks at reports again.
const BATCH: usize = 500;
/// How long the sender sleeps when nothing happens.
const IDLE: Duration = Duration::from_millis(50);
/// Waits between two clients, when the one before delivered nothing.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);
/// The stall timeout grows to this many times itself while new clients do not help either.
const STALL_FACTOR: u32 = 10;
/// Wait between two questions to a schema registry that does not answer.
const REGISTRY_RETRY: Duration = Duration::from_secs(1);
/// Wait between two tries to write dead letters to a place that fails.
const BURIAL_RETRY: Duration = Duration::from_secs(5);
/// The client is asked to send what it holds without waiting for `linger`, this long at a time.
const FLUSH_SLICE: Duration = Duration::from_millis(50);
/// How often the files of a client that cannot connect are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a broker may take for the answer that tells whether any of them lets us in.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long `stop` waits for the threads beyond what the client needs to close.
const JOIN_TIMEOUT: Duration = Duration::from_secs(3);

/// What the sender needs beside the spool.
pub(crate) struct Job {
    pub(crate) stats: Arc<Stats>,
    pub(crate) source: Source,
    pub(crate) token_command: Secret,
    pub(crate) undertaker: Undertaker,
    /// Turns JSON values into Avro, if that is wanted.
    pub(crate) encoder: Option<Encoder>,
    /// How long the oldest record may stay unconfirmed with a broker connected; zero: for ever.
    pub(crate) stall_timeout: Duration,
    /// How often the client's statistics are shown; zero: never.
    pub(crate) statistics_interval: Duration,
}

/// The running threads.
pub(crate) struct Sender {
    signals: Arc<Signals>,
    spool: Arc<Spool>,
    threads: Vec<JoinHandle<()>>,
    done: mpsc::Receiver<()>,
}

impl Sender {
    /// Builds the first client, so that wrong settings are known at once, and starts the threads. No broker is needed.
    pub(crate) fn start(keeper: Keeper, job: Job) -> Result<Self, SinkError> {
        let (spool, notify) = (keeper.spool.clone(), keeper.notify.clone());
        let signals = Arc::new(Signals::default());
        let link = Link::new(job.stats.clone(), notify.clone(), signals.clone());
        let worker = Worker {
            job,
            spool,
            notify,
            signals: signals.clone(),
            session: Arc::new(Session::new(link)),
            burial: Cell::default(),
            looked: Cell::new(Instant::now()),
        };
        let client = worker.build()?;
        Self::spawn(signals, keeper, move || worker.run(client)).map_err(SinkError::Client)
    }

    /// Starts the threads with another worker in place of the Kafka client.
    pub(crate) fn spawn(
        signals: Arc<Signals>,
        keeper: Keeper,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<Self, KafkaError> {
        let (spool, notify) = (keeper.spool.clone(), keeper.notify.clone());
        let (work_done, done) = mpsc::channel();
        let keeper_done = work_done.clone();
        let keeper_signals = signals.clone();
        let threads = vec![
            thread(Part::Sender, notify.clone(), work_done, work)?,
            thread(Part::Keeper, notify, keeper_done, move || keeper.run(&keeper_signals))?,
        ];
        Ok(Self { signals, spool, threads, done })
    }

    /// Makes the client send without waiting for `linger`, while something waits for an empty spool.
    pub(crate) fn set_draining(&self, draining: bool) {
        self.signals.set_draining(draining);
    }

    /// Stops the threads. False when they did not end in time: they end by themselves later.
    pub(crate) fn stop(self) -> bool {
        self.signals.stop();
        self.spool.stop();
        let deadline = Instant::now() + JOIN_TIMEOUT;
        for _ in &self.threads {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.done.recv_timeout(left).is_err() {
                if let Some(location) = self.spool.location() {
                    closing::note(location, &self.spool);
                }
                return false;
            }
        }
        self.threads.into_iter().all(|thread| thread.join().is_ok())
    }
}

/// A thread that tells `done` when it ends, and the application when it ends by a panic: nobody else would notice, and the
/// pipeline would go on as if its records were delivered.
fn thread(
    part: Part,
    notify: NoticeFn,
    done: mpsc::Sender<()>,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, KafkaError> {
    std::thread::Builder::new()
        .name(part.thread().to_string())
        .spawn(move || {
            if catch_unwind(AssertUnwindSafe(body)).is_err() {
                notify(Notice::Died { part });
            }
            // The receiver is gone when `stop` did not wait for us.
            let _ = done.send(());
        })
        .map_err(|err| KafkaError::ClientCreation(format!("the thread {} could not be started: {err}", part.thread())))
}

struct Worker {
    job: Job,
    spool: Arc<Spool>,
    notify: NoticeFn,
    signals: Arc<Signals>,
    session: Arc<Session>,
    /// When dead letters may be written again, after a failure.
    burial: Cell<Option<Instant>>,
    /// When the files of the client were looked at last.
    looked: Cell<Instant>,
}

impl Worker {
    fn build(&self) -> Result<Client, SinkError> {
        let job = &self.job;
        let (mut config, warning) = job.source.for_client()?;
        if let Some(warning) = warning {
            (self.notify)(Notice::Warning(warning));
        }
        let reports = Reports::new(
            self.spool.clone(),
            job.stats.clone(),
            job.token_command.clone(),
            job.statistics_interval,
            self.session.clone(),
            self.signals.clone(),
        );
        if reports.one_by_one {
            // What is refused now is no batch, and a dead letter needs no new client.
            config.set("batch.num.messages", "1");
        }
        if reports.one_by_one || self.session.allows_gaps() {
            config::go_on_after_a_refusal(&mut config);
        } else {
            config::let_nothing_pass(&mut config);
        }
        producer::build(&config, reports).map_err(SinkError::Client)
    }

    fn stopped(&self) -> bool {
        self.signals.stopped()
    }

    fn run(&self, mut client: Client) {
        let mut backoff = FIRST_BACKOFF;
        let mut stall_limit = self.job.stall_timeout;
        loop {
            self.serve(&client, stall_limit);
            if self.stopped() {
                break;
            }
            let reports = client.client().context().clone();
            let refused =
                client.client().fatal_error().is_some_and(|(code, _)| code == RDKafkaErrorCode::GaplessGuarantee);
            if reports.delivered() > 0 {
                backoff = FIRST_BACKOFF;
                stall_limit = self.job.stall_timeout;
            } else {
                stall_limit = (stall_limit * 2).min(self.job.stall_timeout * STALL_FACTOR);
            }
            count(&self.job.stats.counters.rebuilds);
            // Gone before the spool is rewound: a report of the old client must not meet a record of the new one.
            drop(client);
            // Only now is everything told that came back.
            (self.notify)(Notice::Rebuilding { reason: reports.broken().unwrap_or_default() });
            if refused {
                self.session.ended_by_refusal();
            }
            self.bury_rejected();
            self.report(self.spool.rewind());
            // What could not be put to the dead letters is sent, and rejected, again.
            self.session.take_rejected();
            self.pause(backoff);
            backoff = (backoff * 2).min(LAST_BACKOFF);
            client = match self.rebuild() {
                Some(client) => client,
                None => return,
            };
        }
    }

    /// A new client, however often it takes; `None` when stopped.
    fn rebuild(&self) -> Option<Client> {
        loop {
            match self.build() {
                Ok(client) => return Some(client),
                Err(err) => (self.notify)(Notice::Warning(format!("Could not build a Kafka client: {err}"))),
            }
            self.pause(LAST_BACKOFF);
            if self.stopped() {
                return None;
            }
        }
    }

    /// Why a client that cannot connect is to be replaced by one that reads its files again, if it is.
    fn renewal(&self) -> Option<String> {
        if !self.session.link.in_trouble() || self.looked.get().elapsed() < LOOK_INTERVAL {
            return None;
        }
        self.looked.set(Instant::now());
        let why = if self.job.source.has_changed() {
            "no login with the certificates, keys and passwords of before, and they have changed"
        } else if self.session.link.refused_for_long() {
            "the login was refused for a minute: certificates, keys and passwords are read again"
        } else {
            return None;
        };
        self.session.link.forget_refusal();
        Some(why.to_string())
    }

    fn pause(&self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end && !self.stopped() {
            std::thread::sleep(IDLE.min(duration));
        }
    }

    fn report(&self, result: Result<(), StoreError>) {
        if let Err(err) = result {
            (self.notify)(Notice::Store(err));
        }
    }

    /// Puts what can never be delivered to the dead letters; what cannot be put there now is kept for the next try.
    fn bury_rejected(&self) {
        if self.burial.get().is_some_and(|next| Instant::now() < next) {
            return;
        }
        self.burial.set(None);
        let mut rejected = self.session.take_rejected().into_iter();
        while let Some(next) = rejected.next() {
            if let Err(err) = self.job.undertaker.bury(&next) {
                (self.notify)(Notice::Store(err));
                self.session.put_back(std::iter::once(next).chain(rejected));
                return self.burial.set(Some(Instant::now() + BURIAL_RETRY));
            }
        }
    }

    /// Sends until stopped or until the client must be replaced.
    fn serve(&self, client: &Client, stall_limit: Duration) {
        let reports = client.client().context();
        let mut watchdog = Watchdog::new(stall_limit);
        // A client that sends one by one sends what was refused, with what is before it, and nothing more.
        let suspects = if reports.one_by_one { self.session.suspects() } else { BTreeSet::new() };
        let last = suspects.last().copied().unwrap_or(Seq::MAX);
        loop {
            self.bury_rejected();
            if self.stopped() || reports.broken().is_some() {
                return;
            }
            self.session.link.check_refused(|| client.client().fetch_metadata(None, ASK_TIMEOUT).is_ok());
            if let Some(reason) = self.renewal() {
                return reports.set_broken(reason);
            }
            let connected = self.job.stats.connected.load(Relaxed);
            // A record that waits for its place among the dead letters is not on its way.
            let oldest = self.spool.oldest_in_flight().filter(|_| !self.session.has_pending());
            if let Some(reason) = watchdog.check(oldest, connected) {
                return reports.set_broken(reason);
            }
            match self.spool.next(BATCH, last, IDLE) {
                Ok(records) if records.is_empty() => {
                    // Others may be on their way for long, to a partition without a leader: nothing waits for those.
                    if reports.one_by_one && !self.spool.awaits(&(&suspects - &self.session.pending())) {
                        self.session.clear_suspects();
                        return reports.set_broken("the refused batch is settled, back to batches".into());
                    }
                    if self.signals.draining() {
                        // Only ends lingering; what is not out by then is asked for again.
                        let _ = client.flush(FLUSH_SLICE);
                    }
                }
                Ok(records) => {
                    // Each may take a while.
                    let until_stopped = records.iter().take_while(|_| !self.stopped());
                    until_stopped.for_each(|(seq, record)| self.send(client, *seq, record));
                }
                Err(err) => {
                    (self.notify)(Notice::Store(err));
                    self.pause(LAST_BACKOFF);
                }
            }
        }
    }

    fn send(&self, client: &Client, seq: Seq, record: &Record) {
        let reports = client.client().context();
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (name, value) in &record.headers {
            headers = headers.insert(Header { key: name, value: Some(value.as_slice()) });
        }
        let encoded = match self.encode(record, reports) {
            Ok(encoded) => encoded,
            Err(Some(cause)) => return self.session.reject(seq, cause),
            // Stopped: the record stays in the spool.
            Err(None) => return,
        };
        let opaque = producer::opaque(seq, record.dead_from.is_some());
        let mut message = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&record.topic, opaque)
            .payload(encoded.as_deref().unwrap_or(&record.value))
            .timestamp(record.timestamp_ms)
            .headers(headers);
        if let Some(key) = &record.key {
            message = message.key(key);
        }
        loop {
            let (error, returned) = match client.send(message) {
                Ok(()) => return count(&self.job.stats.counters.sent),
                Err(failed) => failed,
            };
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::InvalidTopic);
            match code {
                RDKafkaErrorCode::QueueFull if !self.stopped() && reports.broken().is_none() => {
                    message = returned;
                    std::thread::sleep(Duration::from_millis(2));
                }
                code if producer::is_permanent(code) => {
                    return match reports.vanished(code, &record.topic) {
                        Some(reason) => reports.set_broken(reason),
                        None => self.session.reject(seq, code.into()),
                    };
                }
                _ => {
                    // A client that has failed for good says only that; the reason is elsewhere.
                    let fatal = client.client().fatal_error().map(|(_, reason)| reason);
                    let reason = fatal.unwrap_or_else(|| error.to_string());
                    return reports.set_broken(format!("a record was refused: {reason}"));
                }
            }
        }
    }

    /// The Avro form, if that is wanted; waits for the schema registry as long as it takes.
    fn encode(&self, record: &Record, reports: &Reports) -> Result<Option<Vec<u8>>, Option<Cause>> {
        let Some(encoder) = self.job.encoder.as_ref().filter(|_| record.dead_from.is_none()) else { return Ok(None) };
        let given_up = || self.stopped() || reports.broken().is_some();
        let mut said = false;
        while !given_up() {
            match encoder.encode(record, &given_up) {
                Ok(value) => return Ok(Some(value)),
                Err(AvroError::Never(reason)) => {
                    return Err(Some(Cause::no_avro(reason)));
                }
                Err(AvroError::Later(reason)) => {
                    if !given_up() && !std::mem::replace(&mut said, true) {
                        (self.notify)(Notice::Warning(format!("{reason} Records wait in the spool.")));
                    }
                }
            }
            self.pause(REGISTRY_RETRY);
        }
        Err(None)
    }
}

#[cfg(test)]
mod tests;
