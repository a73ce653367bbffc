//! `mode=mock`: everything but the network. The same routing, spool, checks and counts; each record is logged.

use crate::clock;
use crate::deadletter::{Cause, DeadLetters};
use crate::record::Record;
use crate::sender::{Keeper, Sender, Signals};
use crate::spool::{Seq, Spool};
use crate::stats::{Stats, count};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::{
    sync::{Arc, LazyLock, atomic::Ordering::Relaxed},
    time::Duration,
};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("kafkasink-mock", gst::DebugColorFlags::empty(), Some("Records of kafkasink mode=mock"))
});

/// Records taken at once.
const BATCH: usize = 100;
const IDLE: Duration = Duration::from_millis(50);
/// Bytes that a record needs beside its parts, as the client counts them (record batch overhead).
const RECORD_OVERHEAD: u64 = 512;

/// What the mock needs.
pub(crate) struct MockJob {
    pub(crate) stats: Arc<Stats>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) max_request_size: u32,
    /// Called with topic, key, event id, timestamp and size text of each record.
    pub(crate) log: Box<dyn Fn(&Record) + Send>,
}

/// Starts the threads of mock mode.
pub(crate) fn start(keeper: Keeper, job: MockJob) -> Result<Sender, KafkaError> {
    let signals = Arc::new(Signals::default());
    let spool = keeper.spool.clone();
    let worker_signals = signals.clone();
    Sender::spawn(signals, keeper, move || {
        while !worker_signals.stopped() {
            match spool.next(BATCH, IDLE) {
                Ok(records) => records.iter().for_each(|(seq, record)| job.take(&spool, *seq, record)),
                Err(err) => {
                    gst::warning!(CAT, "{err}");
                    std::thread::sleep(IDLE);
                }
            }
        }
    })
}

impl MockJob {
    fn take(&self, spool: &Spool, seq: Seq, record: &Record) {
        count(&self.stats.sent);
        if record.size() + RECORD_OVERHEAD > u64::from(self.max_request_size) {
            return self.reject(spool, seq, record, RDKafkaErrorCode::MessageSizeTooLarge);
        }
        (self.log)(record);
        count(&self.stats.delivered);
        let bytes = record.value.len() + record.key.as_ref().map_or(0, Vec::len);
        self.stats.delivered_bytes.fetch_add(bytes as u64, Relaxed);
        self.stats.count_published(&record.topic, record.key.as_deref());
        spool.delivered(seq);
    }

    fn reject(&self, spool: &Spool, seq: Seq, record: &Record, code: RDKafkaErrorCode) {
        let cause = Cause::from(code);
        self.stats.count_failed(&cause.name());
        let written = self.dead_letters.write(record, &cause, &clock::now_text());
        let counter = if matches!(written, Ok(true)) { &self.stats.dead_lettered } else { &self.stats.lost };
        count(counter);
        gst::warning!(CAT, "record for {} of {} bytes: {code}, {written:?}", record.topic, record.size());
        if let Err(err) = spool.discard(seq) {
            gst::warning!(CAT, "{err}");
        }
    }
}
