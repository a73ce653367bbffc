//! `mode=mock`: everything but the network. The same routing, spool, checks and counts; each record is logged.

use crate::avro::Encoder;
use crate::deadletter::{Cause, Rejected, Undertaker};
use crate::keeper::Keeper;
use crate::notice::Notice;
use crate::record::Record;
use crate::router::KIND_HEADER;
use crate::sender::Sender;
use crate::signals::Signals;
use crate::spool::{Seq, StoreError};
use crate::stats::{Stats, count};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::{sync::Arc, time::Duration};

/// Records taken at once.
const BATCH: usize = 100;
const IDLE: Duration = Duration::from_millis(50);
/// Wait after a failure of the spool or of the place for dead letters.
const RETRY: Duration = Duration::from_millis(500);
/// What the client adds to key, value and headers when it compares a record with `max-request-size`: the lengths as the
/// longest numbers of the wire format (`RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD`).
const RECORD_OVERHEAD: usize = 36;

/// What the mock needs.
pub(crate) struct MockJob {
    pub(crate) stats: Arc<Stats>,
    pub(crate) undertaker: Undertaker,
    /// Tells which values have no Avro form, if Avro is wanted.
    pub(crate) encoder: Option<Encoder>,
    pub(crate) max_request_size: u32,
    /// Called with each record that would be sent.
    pub(crate) log: Box<dyn Fn(&Record) + Send>,
}

/// Starts the threads of mock mode.
pub(crate) fn start(keeper: Keeper, job: MockJob) -> Result<Sender, KafkaError> {
    let signals = Arc::new(Signals::default());
    let (spool, notify) = (keeper.spool.clone(), keeper.notify.clone());
    let worker_signals = signals.clone();
    Sender::spawn(signals, keeper, move || {
        while !worker_signals.stopped() {
            let records = spool.next(BATCH, Seq::MAX, IDLE);
            let taken = records.and_then(|records| records.iter().try_for_each(|(seq, record)| job.take(*seq, record)));
            if let Err(err) = taken {
                notify(Notice::Store(err));
                std::thread::sleep(RETRY);
                // What was handed out and not taken comes again.
                if let Err(err) = spool.rewind() {
                    notify(Notice::Store(err));
                }
            }
        }
    })
}

impl MockJob {
    fn take(&self, seq: Seq, record: &Record) -> Result<(), StoreError> {
        count(&self.stats.counters.sent);
        if let Some(cause) = self.cause_to_refuse(record) {
            return self.undertaker.bury(&Rejected { seq, cause });
        }
        (self.log)(record);
        self.undertaker.spool.delivered(seq, || {
            if record.dead_from.is_some() {
                count(&self.stats.counters.dead_lettered);
            } else {
                let bytes = record.value.len() + record.key.as_ref().map_or(0, Vec::len);
                let kind = record.header(KIND_HEADER).map(str::as_bytes);
                self.stats.count_delivered(&record.topic, record.key.as_deref(), kind, bytes);
            }
        });
        Ok(())
    }

    fn cause_to_refuse(&self, record: &Record) -> Option<Cause> {
        let mut bytes = record.value.len();
        if let Some(encoder) = self.encoder.as_ref().filter(|_| record.dead_from.is_none()) {
            match encoder.body(record) {
                Ok(body) => bytes = body.len() + Encoder::FRAME_BYTES,
                Err(err) => return Some(Cause::no_avro(err.to_string())),
            }
        }
        let with_length = |bytes: usize| bytes + varint_bytes(bytes);
        let headers: usize =
            record.headers.iter().map(|(name, value)| with_length(name.len()) + with_length(value.len())).sum();
        let size = bytes + record.key.as_ref().map_or(0, Vec::len) + headers + RECORD_OVERHEAD;
        (size > self.max_request_size as usize).then(|| RDKafkaErrorCode::MessageSizeTooLarge.into())
    }
}

/// Bytes of a length in the wire format: seven bits a byte, after one bit for the sign.
fn varint_bytes(length: usize) -> usize {
    let bits = usize::BITS - (length << 1 | 1).leading_zeros();
    bits.div_ceil(7) as usize
}
