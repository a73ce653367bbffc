//! One record from the spool to the client.

use super::worker::Worker;
use crate::avro::AvroError;
use crate::client::Client;
use crate::deadletter::Cause;
use crate::notice::Notice;
use crate::producer::{self, Reports};
use crate::record::Record;
use crate::spool::Seq;
use crate::stats::count;
use rdkafka::{
    error::RDKafkaErrorCode,
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer},
};
use std::time::Duration;

/// Wait between two questions to a schema registry that does not answer.
const REGISTRY_RETRY: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) fn send(&self, client: &Client, seq: Seq, record: &Record) {
        let reports = client.client().context();
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (name, value) in &record.headers {
            headers = headers.insert(Header { key: name, value: Some(value.as_slice()) });
        }
        let encoded = match self.encode(record, reports) {
            Ok(encoded) => encoded,
            Err(Some(cause)) => return reports.reject(seq, cause),
            // Stopped: the record stays in the spool.
            Err(None) => return,
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
