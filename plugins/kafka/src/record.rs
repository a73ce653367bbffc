//! One Kafka record before it has a partition and an offset, and its form on disk.

use serde::{Deserialize, Serialize};

/// A record as the router makes it and as the spool keeps it.
///
/// On disk it is one MessagePack array in the order of the fields, so that a spool can be read with common tools. New
/// fields go to the end with `#[serde(default)]`: a spool written by an older version must stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Topic the record goes to.
    pub(crate) topic: String,
    /// Message key; `None` lets the partitioner choose.
    #[serde(with = "serde_bytes")]
    pub(crate) key: Option<Vec<u8>>,
    /// Header names and values, in order.
    pub(crate) headers: Vec<(String, serde_bytes::ByteBuf)>,
    /// Record timestamp (CreateTime), milliseconds since 1970 UTC.
    pub(crate) timestamp_ms: i64,
    /// The value, as it goes on the wire.
    #[serde(with = "serde_bytes")]
    pub(crate) value: Vec<u8>,
    /// When `render()` took it, milliseconds since 1970 UTC. Ages and latencies are counted from here.
    pub(crate) received_ms: i64,
    /// The topic it was first meant for, when this is a dead letter.
    #[serde(default)]
    pub(crate) dead_from: Option<String>,
}

impl Record {
    /// What the bookkeeping of one record costs here and in the client, about, so that the limits hold for many small
    /// records too.
    pub(crate) const OVERHEAD_BYTES: u64 = 256;

    /// Bytes this record counts for in `spool-max-bytes`, the in-flight limit and the statistics.
    pub(crate) fn size(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let key = self.key.as_ref().map_or(0, Vec::len);
        (self.topic.len() + key + headers + self.value.len()) as u64 + Self::OVERHEAD_BYTES
    }

    /// First header of that name, if it is UTF-8.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok()
    }

    /// Adds a header, or replaces the one of that name.
    pub(crate) fn set_header(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let value = serde_bytes::ByteBuf::from(value.into());
        match self.headers.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.headers.push((name.to_string(), value)),
        }
    }

    /// The form on disk.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        rmp_serde::to_vec(self)
    }

    /// Reads the form on disk.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            topic: "t".into(),
            key: Some(b"CAM1".to_vec()),
            headers: vec![("kind".into(), serde_bytes::ByteBuf::from("reading"))],
            timestamp_ms: 1,
            value: vec![0, 255, 7],
            received_ms: 2,
            dead_from: None,
        }
    }

    #[test]
    fn disk_form_keeps_every_field() {
        let record = record();
        assert_eq!(Record::decode(&record.encode().unwrap()).unwrap(), record);
    }

    #[test]
    fn a_record_without_the_last_field_is_still_read() {
        // What the first version wrote before `dead_from` existed: an array of six.
        let mut bytes = record().encode().unwrap();
        assert_eq!(bytes[0], 0x97, "an array of seven");
        bytes[0] = 0x96;
        assert_eq!(bytes.pop(), Some(0xc0), "dead_from: nil");
        assert_eq!(Record::decode(&bytes).unwrap(), record());
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = record().encode().unwrap();
        assert!(Record::decode(&bytes[..bytes.len() / 2]).is_err());
    }

    #[test]
    fn size_counts_everything_that_goes_on_the_wire_and_the_bookkeeping() {
        assert_eq!(record().size(), 1 + 4 + 4 + 7 + 3 + 256);
    }
}
