//! One record from the spool to the client.

use super::worker::Worker;
use crate::avro::AvroError;
use crate::client::Client;
use crate::deadletter::Cause;
use crate::notice::Notice;
use crate::producer;
use crate::record::Record;
use crate::spool::Seq;
use crate::stats::count;
use rdkafka::{
    error::RDKafkaErrorCode,
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

impl Worker {
    pub(super) fn send(&self, client: &Client, seq: Seq, record: &Arc<Record>) {
        let reports = client.client().context();
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (name, value) in &record.headers {
            headers = headers.insert(Header { key: name, value: Some(value.as_slice()) });
        }
        let asked = Instant::now();
        let given_up = || self.stopped() || reports.broken().is_some();
        let encoded = match self.encode(record, &given_up) {
            Ok(encoded) => encoded,
            Err(AvroError::Never(reason)) => return reports.reject(seq, Cause::no_avro(reason)),
            // The record stays in the spool.
            Err(AvroError::Later(_)) if given_up() => return,
            Err(AvroError::Later(reason)) => return self.let_wait(seq, record, asked.elapsed(), &reason),
        };
        let opaque = producer::opaque(seq, record.dead_from.is_some());
        let mut message = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&record.topic, opaque)
            .payload(encoded.as_deref().unwrap_or(&record.value))
            // 0 is "now" to the client, and another one each time the record is repeated.
            .timestamp(record.timestamp_ms.max(1))
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
                        None => reports.reject(seq, code.into()),
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

    /// The Avro form, if that is wanted. A wait for the registry's answer ends when `given_up` says so.
    fn encode(&self, record: &Record, given_up: &dyn Fn() -> bool) -> Result<Option<Vec<u8>>, AvroError> {
        let Some(encoder) = self.job.encoder.as_ref().filter(|_| record.dead_from.is_none()) else { return Ok(None) };
        let value = encoder.encode(record, given_up)?;
        self.waiting.borrow_mut().goes_on(&record.topic);
        Ok(Some(value))
    }

    /// The registry had no id for this record, and may have one later: nothing of its topic may pass it.
    fn let_wait(&self, seq: Seq, record: &Arc<Record>, asked: Duration, reason: &str) {
        if self.waiting.borrow_mut().begin(seq, record, asked) {
            (self.notify)(Notice::Warning(format!(
                "{reason} Records of the topic {} wait in the spool, in order; the registry is asked again every second or so.",
                record.topic
            )));
        }
    }
}
