//! The two threads behind the sink: one hands records to the client, one tidies the spool.

mod send;
mod waiting;
mod worker;

use crate::avro::Encoder;
use crate::closing;
use crate::credentials::Source;
use crate::deadletter::Undertaker;
use crate::error::SinkError;
use crate::keeper::Keeper;
use crate::notice::{Notice, NoticeFn, Part};
use crate::secret::Secret;
use crate::signals::Signals;
use crate::spool::Spool;
use crate::stats::Stats;
use rdkafka::error::KafkaError;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use worker::Worker;

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
        let signals = Arc::new(Signals::default());
        let worker = Worker::new(job, keeper.spool.clone(), keeper.notify.clone(), signals.clone());
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
        let sender = thread(Part::Sender, notify.clone(), work_done, work)?;
        let mut running = Self { signals, spool, threads: vec![sender], done };
        match thread(Part::Keeper, notify, keeper_done, move || keeper.run(&keeper_signals)) {
            Ok(keeper) => running.threads.push(keeper),
            Err(err) => {
                // The sender would hold the spool, and go on sending.
                running.stop();
                return Err(err);
            }
        }
        Ok(running)
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

#[cfg(test)]
mod tests;
