//! The thread that owns the client.
//!
//! When a record comes back undelivered, or the client fails for good, it drops the client with all it holds, rewinds the
//! spool and sends everything unconfirmed again in order with a new client: that is what keeps the order per key over every
//! kind of failure. A batch that a broker refuses as a whole is sent again record by record, so that only the record that is
//! meant becomes a dead letter.

use super::{Job, waiting::Waiting};
use crate::client::Client;
use crate::config;
use crate::error::SinkError;
use crate::link::Link;
use crate::notice::{Notice, NoticeFn};
use crate::producer::Reports;
use crate::record::Record;
use crate::session::Session;
use crate::signals::Signals;
use crate::spool::{Seq, Spool, StoreError};
use crate::stats::count;
use crate::watchdog::Watchdog;
use rdkafka::{error::RDKafkaErrorCode, producer::Producer};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Records handed to the client before the sender looks at reports again.
const BATCH: usize = 500;
/// After fewer than this the sender waits a moment, so that a fast source does not wake it for each record.
const FEW: usize = 16;
const GATHER: Duration = Duration::from_millis(1);
/// How long the sender sleeps when nothing happens,
const IDLE: Duration = Duration::from_millis(50);
/// and when there is nothing to send: only the connection is looked at.
const LONG_IDLE: Duration = Duration::from_millis(500);
/// Waits between two clients, when the one before delivered nothing.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);
/// The stall timeout grows to this many times itself while new clients do not help either.
const STALL_FACTOR: u32 = 10;
/// Wait between two tries to write dead letters to a place that fails.
const BURIAL_RETRY: Duration = Duration::from_secs(5);
/// The client is asked to send what it holds without waiting for `linger`, this long at a time.
const FLUSH_SLICE: Duration = Duration::from_millis(50);
/// How often the files of a client that cannot connect are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a broker may take for the answer that tells whether any of them lets us in.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    pub(super) job: Job,
    spool: Arc<Spool>,
    pub(super) notify: NoticeFn,
    signals: Arc<Signals>,
    pub(super) session: Arc<Session>,
    /// When dead letters may be written again, after a failure.
    burial: Cell<Option<Instant>>,
    /// When the files of the client were looked at last.
    looked: Cell<Instant>,
    /// The record that got no report for too long, with this client or the one before.
    stalled: Cell<Option<Seq>>,
    /// How long a client that goes on after a refusal would have tried a record: its own limits do not count for it.
    own_limit: Cell<Duration>,
    /// Most bytes in a batch of this client.
    batch_size: Cell<u64>,
    /// It was said that records wait behind others of their partition.
    said_stuck: Cell<bool>,
    pub(super) waiting: RefCell<Waiting>,
}

impl Worker {
    pub(super) fn new(job: Job, spool: Arc<Spool>, notify: NoticeFn, signals: Arc<Signals>) -> Self {
        let link = Link::new(job.stats.clone(), notify.clone(), signals.clone());
        let (session, looked) = (Arc::new(Session::new(link)), Cell::new(Instant::now()));
        Self {
            job,
            spool,
            notify,
            signals,
            session,
            burial: Cell::default(),
            looked,
            stalled: Cell::default(),
            own_limit: Cell::default(),
            batch_size: Cell::default(),
            said_stuck: Cell::default(),
            waiting: RefCell::default(),
        }
    }

    pub(super) fn build(&self) -> Result<Client, SinkError> {
        let job = &self.job;
        let (mut config, warning) = job.source.for_client()?;
        if let Some(warning) = warning {
            (self.notify)(Notice::Warning(warning));
        }
        let reports = self.reports();
        self.batch_size.set(config::limit_batches(&mut config, self.session.batch_limit()));
        if reports.one_by_one {
            // What is refused now is no batch, and a dead letter needs no new client.
            config.set("batch.num.messages", "1");
        }
        if reports.one_by_one || self.session.allows_gaps() {
            self.own_limit.set(config::go_on_after_a_refusal(&mut config));
        } else {
            config::let_nothing_pass(&mut config);
            self.own_limit.set(Duration::ZERO);
        }
        let failed = match Client::new(&config, reports) {
            Ok(client) => {
                job.source.worked();
                return Ok(client);
            }
            Err(err) => SinkError::Client(err),
        };
        let Some(warning) = job.source.use_last_good(&mut config, &failed.to_string()) else { return Err(failed) };
        let client = Client::new(&config, self.reports()).map_err(|_| failed)?;
        (self.notify)(Notice::Warning(warning));
        Ok(client)
    }

    fn reports(&self) -> Reports {
        Reports::new(
            self.spool.clone(),
            self.job.stats.clone(),
            self.job.token_command.clone(),
            self.job.statistics_interval,
            self.session.clone(),
            self.signals.clone(),
        )
    }

    pub(super) fn stopped(&self) -> bool {
        self.signals.stopped()
    }

    pub(super) fn run(&self, mut client: Client) {
        let mut backoff = FIRST_BACKOFF;
        let mut patience = 1;
        loop {
            let stalled_before = self.stalled.take();
            self.serve(&client, self.stall_timeout() * patience);
            if self.stopped() {
                break;
            }
            let reports = client.client().context().clone();
            let refused =
                client.client().fatal_error().is_some_and(|(code, _)| code == RDKafkaErrorCode::GaplessGuarantee);
            if reports.delivered() > 0 {
                backoff = FIRST_BACKOFF;
            }
            // A new client did not help that record, or any: the next one is to disturb the others less often.
            let same = self.stalled.get().is_some_and(|stalled| stalled_before == Some(stalled));
            patience = if same || reports.delivered() == 0 { (patience * 2).min(STALL_FACTOR) } else { 1 };
            count(&self.job.stats.counters.rebuilds);
            // Gone before the spool is rewound: a report of the old client must not meet a record of the new one.
            drop(client);
            // Only now is everything told that came back.
            (self.notify)(Notice::Rebuilding { reason: reports.broken().unwrap_or_default() });
            if refused {
                self.session.ended_by_refusal();
            }
            self.bury_rejected();
            self.waiting.borrow_mut().forget();
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

    /// How long the oldest record may stay unconfirmed; zero: for ever.
    fn stall_timeout(&self) -> Duration {
        if self.job.stall_timeout.is_zero() { self.own_limit.get() } else { self.job.stall_timeout }
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

    pub(super) fn pause(&self, duration: Duration) {
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

    /// Notes that every record of a refused batch was sent by itself; says how it goes on.
    fn settle_refused_batch(&self) -> String {
        let smaller = self.session.settle_suspects(self.batch_size.get());
        match self.session.batch_limit().filter(|_| smaller) {
            Some(bytes) => format!(
                "each record of the refused batch is accepted alone, so later batches have at most {bytes} bytes (until the sink \
                 stops): raise max.message.bytes of that topic, or lower batch-size"
            ),
            None => "the refused batch is settled, back to batches".to_string(),
        }
    }

    /// Says once when records are held back because others of their partition get no report.
    fn tell_stuck(&self) {
        let Some(seq) = self.spool.stuck(|seq| self.waiting.borrow().has(seq)) else {
            return self.said_stuck.set(false);
        };
        if self.said_stuck.replace(true) {
            return;
        }
        match self.spool.get(seq) {
            Ok(Some(record)) => (self.notify)(Notice::Warning(format!(
                "Brokers are there and have confirmed nothing of a partition of {} for a while: it has no leader, or too few \
                 replicas. Its records wait in the spool, in order, and those of other partitions pass them (held-back in stats). \
                 Check the partitions of that topic.",
                record.topic
            ))),
            Ok(None) => (),
            Err(err) => (self.notify)(Notice::Store(err)),
        }
    }

    /// The oldest record that a report is to come for: not one that waits for its place among the dead letters, nor one that
    /// waits for the schema registry.
    fn oldest_on_its_way(&self) -> Option<Seq> {
        let (pending, waiting) = (self.session.pending(), self.waiting.borrow());
        self.spool.oldest_in_flight(|seq| pending.contains(&seq) || waiting.has(seq))
    }

    /// Why a client has failed for good with records on their way: it throws those away that wait in its queue.
    fn failed_for_good(&self, client: &Client) -> Option<String> {
        self.oldest_on_its_way()?;
        let (code, reason) = client.client().fatal_error()?;
        Some(match code {
            RDKafkaErrorCode::ClusterAuthorizationFailed => format!(
                "{reason}. Give the user the right IdempotentWrite on the cluster, or set enable-idempotence=false"
            ),
            _ => reason,
        })
    }

    /// Sends until stopped or until the client must be replaced.
    fn serve(&self, client: &Client, stall_limit: Duration) {
        let reports = client.client().context();
        let mut watchdog = Watchdog::new(stall_limit);
        // A client that sends one by one sends what was refused, with what is before it, and nothing more.
        let suspects = if reports.one_by_one { self.session.suspects() } else { BTreeSet::new() };
        let last = suspects.last().copied().unwrap_or(Seq::MAX);
        let mut was_connected = true;
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
            let before = std::mem::replace(&mut was_connected, connected);
            if connected && !before {
                self.spool.brokers_are_back();
            }
            let oldest = self.oldest_on_its_way();
            if let Some(reason) = watchdog.check(oldest, connected) {
                self.stalled.set(oldest);
                if reports.one_by_one {
                    // Their partition takes nothing, and all others would wait with them. It will refuse them again.
                    self.session.forget_suspects();
                }
                return reports.set_broken(reason);
            }
            self.tell_stuck();
            let due = self.waiting.borrow_mut().take_due(Instant::now());
            self.send_all(client, &due);
            let empty = self.spool.depth().records == 0 && !reports.one_by_one;
            match self.spool.next(BATCH, last, if empty { LONG_IDLE } else { IDLE }) {
                Ok(records) if records.is_empty() => {
                    // Others may be on their way for long, to a partition without a leader: nothing waits for those.
                    let idle = |seq: &Seq| self.waiting.borrow().has(*seq);
                    let sent = || (&suspects - &self.session.pending()).into_iter().filter(|seq| !idle(seq)).collect();
                    if reports.one_by_one && !self.spool.awaits(&sent()) {
                        return reports.set_broken(self.settle_refused_batch());
                    }
                    if let Some(reason) = self.failed_for_good(client) {
                        return reports.set_broken(reason);
                    }
                    if connected {
                        self.spool.let_others_pass();
                    }
                    if self.signals.draining() {
                        // Only ends lingering; what is not out by then is asked for again.
                        let _ = client.flush(FLUSH_SLICE);
                    }
                }
                Ok(records) => {
                    self.send_all(client, &records);
                    if records.len() < FEW {
                        std::thread::sleep(GATHER);
                    }
                }
                Err(err) => {
                    (self.notify)(Notice::Store(err));
                    self.pause(LAST_BACKOFF);
                }
            }
        }
    }

    /// Sends these, until stopped or until one is not taken, which the others must not pass.
    pub(super) fn send_all(&self, client: &Client, records: &[(Seq, Arc<Record>)]) {
        let reports = client.client().context();
        // Each may take a while.
        let goes_on = records.iter().take_while(|_| !self.stopped() && reports.broken().is_none());
        goes_on.for_each(|(seq, record)| {
            if !self.waiting.borrow_mut().join(*seq, record) {
                self.send(client, *seq, record);
            }
        });
    }
}
