//! Records that can never be delivered: to a topic with the reason in headers, or to a file with everything.

use crate::clock;
use crate::notice::{Notice, NoticeFn};
use crate::record::Record;
use crate::spool::{DISK_RESERVE_BYTES, Seq, Spool, StoreError};
use crate::stats::{Stats, count, uncount};
use base64::Engine;
use rdkafka::error::RDKafkaErrorCode;
use serde_json::{Map, Value, json};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Headers of a record in the dead letter topic.
pub(crate) const TOPIC_HEADER: &str = "dead-letter-topic";
pub(crate) const CAUSE_HEADER: &str = "dead-letter-cause";
pub(crate) const REASON_HEADER: &str = "dead-letter-reason";
pub(crate) const TIME_HEADER: &str = "dead-letter-time";
/// Set when the value had to be left out because it is what made the record too large.
pub(crate) const SIZE_HEADER: &str = "dead-letter-omitted-bytes";
/// Name of the file in the spool's directory, when no `dead-letter-location` is set.
const DEFAULT_FILE: &str = "dead-letters.jsonl";

/// Why a record can never be delivered.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) code: RDKafkaErrorCode,
    pub(crate) reason: String,
}

impl From<RDKafkaErrorCode> for Cause {
    fn from(code: RDKafkaErrorCode) -> Self {
        Self { code, reason: code.to_string() }
    }
}

impl Cause {
    /// The value has no Avro form.
    pub(crate) fn no_avro(reason: String) -> Self {
        Self { code: RDKafkaErrorCode::ValueSerialization, reason }
    }

    /// The name that failures are counted under.
    pub(crate) fn name(&self) -> String {
        format!("{:?}", self.code)
    }

    /// True when the value's size is the problem.
    pub(crate) fn is_size(&self) -> bool {
        use RDKafkaErrorCode as E;
        matches!(self.code, E::MessageSizeTooLarge | E::MessageBatchTooLarge | E::InvalidMessageSize)
    }
}

/// A record that can never be delivered.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) seq: Seq,
    pub(crate) cause: Cause,
}

/// Moves records from the spool to the dead letters.
pub(crate) struct Undertaker {
    pub(crate) letters: DeadLetters,
    pub(crate) spool: Arc<Spool>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) notify: NoticeFn,
}

impl Undertaker {
    /// Puts a record that was handed out to the dead letters. It counts as dead-lettered when it is in the file or its
    /// topic has confirmed it. After an error the record is where it was.
    pub(crate) fn bury(&self, rejected: &Rejected) -> Result<(), StoreError> {
        let Rejected { seq, ref cause } = *rejected;
        let Some(record) = self.spool.get(seq)? else { return Ok(()) };
        let time = clock::now_text();
        let dead = self.letters.for_topic(&record, cause, &time);
        let free = || self.spool.free_bytes();
        let in_file = self.letters.wants(dead.is_some(), cause) && self.letters.write(&record, cause, &time, free)?;
        let kept = match (&dead, &self.letters.file) {
            (Some(dead), _) => Some(format!("the topic {}", dead.topic)),
            (None, Some(file)) => Some(file.display().to_string()),
            (None, None) => None,
        };
        match dead {
            Some(dead) => self.spool.replace(seq, dead)?,
            None => {
                // Counted first: who sees the spool empty must see the record in its place.
                let counter = if in_file { &self.stats.counters.dead_lettered } else { &self.stats.counters.lost };
                count(counter);
                self.spool.discard(seq).inspect_err(|_| uncount(counter))?;
            }
        }
        self.stats.count_failed(&cause.name());
        self.stats.count_topic_error(&record.topic, &cause.name());
        let topic = record.dead_from.as_ref().unwrap_or(&record.topic).clone();
        (self.notify)(Notice::DeadLetter { topic, cause: cause.reason.clone(), kept });
        Ok(())
    }
}

/// Where dead letters go.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    topic: Option<String>,
    file: Option<PathBuf>,
    file_is_set: bool,
    /// The directory of a spool on disk.
    spool: Option<PathBuf>,
}

impl DeadLetters {
    /// A topic, a file, or, with neither and a spool on disk, a file beside the spool: nothing is lost by default.
    pub(crate) fn new(topic: Option<String>, file: Option<PathBuf>, spool: Option<&Path>) -> Self {
        let file_is_set = file.is_some();
        let file = file.or_else(|| Some(spool?.join(DEFAULT_FILE)));
        Self { topic, file, file_is_set, spool: spool.map(Path::to_path_buf) }
    }

    /// True when the file is to have this record: everything when the user named one, else what the topic cannot hold.
    fn wants(&self, has_topic: bool, cause: &Cause) -> bool {
        !has_topic || self.file_is_set || cause.is_size()
    }

    /// The record for the dead letter topic; `None` without such a topic, or when `record` was one already.
    fn for_topic(&self, record: &Record, cause: &Cause, time: &str) -> Option<Record> {
        let topic = self.topic.clone()?;
        if record.dead_from.is_some() {
            return None;
        }
        let mut dead = record.clone();
        dead.set_header(TOPIC_HEADER, record.topic.clone());
        dead.set_header(CAUSE_HEADER, cause.name());
        dead.set_header(REASON_HEADER, cause.reason.clone());
        dead.set_header(TIME_HEADER, time);
        if cause.is_size() {
            dead.set_header(SIZE_HEADER, record.value.len().to_string());
            dead.value = Vec::new();
        }
        dead.dead_from = Some(std::mem::replace(&mut dead.topic, topic));
        Some(dead)
    }

    /// Appends the whole record to the file as one line of JSON, synced. `Ok(false)` without a file. `free`: the bytes that
    /// the spool's disk has left.
    fn write(
        &self,
        record: &Record,
        cause: &Cause,
        time: &str,
        free: impl Fn() -> Option<u64>,
    ) -> Result<bool, StoreError> {
        let Some(path) = &self.file else { return Ok(false) };
        let mut line = line(record, cause, time).to_string();
        line.push('\n');
        let written = make_parent(path)
            .and_then(|()| self.check_reserve(path, line.len(), free))
            .and_then(|()| append(path, line.as_bytes()));
        written.map_err(|source| StoreError::DeadLetter { path: path.clone(), source })?;
        Ok(true)
    }

    /// Refuses to write into what the spool keeps free of its disk: without it the spool could not even note what has left.
    fn check_reserve(&self, path: &Path, bytes: usize, free: impl Fn() -> Option<u64>) -> io::Result<()> {
        let shared = self.spool.as_deref().is_some_and(|spool| same_disk(spool, path.parent()));
        if shared && free().is_some_and(|free| free < DISK_RESERVE_BYTES + bytes as u64) {
            let text = format!("the last {DISK_RESERVE_BYTES} bytes of its disk are kept for the spool");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok(())
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

/// True when both are on one file system. The directory of a bare file name is empty: the current one.
fn same_disk(one: &Path, other: Option<&Path>) -> bool {
    let other = other.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
    device(one).is_some_and(|found| device(other) == Some(found))
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // Another sink may write to the same file, and its lines are not to be cut off below. Not every file system has locks.
    let locked = file.lock().is_ok();
    let end = file.metadata()?.len();
    // A process that was killed in the middle leaves half a line. Its record is still in the spool and comes again.
    let ended = if is_cut(path, end) { file.write_all(b"\n") } else { Ok(()) };
    let written = ended.and_then(|()| file.write_all(line)).and_then(|()| file.sync_data());
    if written.is_err() && locked {
        // Half a line would spoil the next one; when this fails too, the first error says enough.
        let _ = file.set_len(end);
    }
    written
}

/// True when the file of `length` bytes ends in the middle of a line. One that may be written and not read is left as it is.
fn is_cut(path: &Path, length: u64) -> bool {
    let mut last = [0];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut last, length.saturating_sub(1)));
    length > 0 && read.is_ok() && last != [b'\n']
}

/// Field names as in the dead letter messages that consumers write.
fn line(record: &Record, cause: &Cause, time: &str) -> Value {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_string(), value);
    set("timestamp", json!(time));
    set("original_topic", json!(record.dead_from.as_ref().unwrap_or(&record.topic)));
    set("error_type", json!(cause.name()));
    set("error_message", json!(cause.reason));
    set("record_timestamp_ms", json!(record.timestamp_ms));
    if let Some(key) = &record.key {
        let (name, text) = text_or_base64("original_key", key);
        set(&name, text);
    }
    let (name, text) = text_or_base64("original_message", &record.value);
    set(&name, text);
    let headers: Map<String, Value> =
        record.headers.iter().map(|(name, value)| (name.clone(), json!(String::from_utf8_lossy(value)))).collect();
    set("headers", Value::Object(headers));
    Value::Object(object)
}

/// Text as it is; other bytes as base64 under `<name>_base64`.
fn text_or_base64(name: &str, bytes: &[u8]) -> (String, Value) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (name.to_string(), json!(text)),
        Err(_) => {
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            (format!("{name}_base64"), json!(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: &[u8]) -> Record {
        Record {
            topic: "readings".into(),
            key: Some(b"CAM1".to_vec()),
            headers: vec![("kind".into(), serde_bytes::ByteBuf::from("reading"))],
            timestamp_ms: 5,
            value: value.to_vec(),
            received_ms: 6,
            dead_from: None,
        }
    }

    #[test]
    fn the_topic_gets_the_value_and_the_reason() {
        let letters = DeadLetters::new(Some("dead".into()), None, None);
        let code = &Cause::from(RDKafkaErrorCode::TopicAuthorizationFailed);
        let dead = letters.for_topic(&record(b"{}"), code, "now").unwrap();
        assert_eq!((dead.topic.as_str(), dead.value.as_slice()), ("dead", &b"{}"[..]));
        assert_eq!(dead.header(TOPIC_HEADER), Some("readings"));
        assert_eq!(dead.header(CAUSE_HEADER), Some("TopicAuthorizationFailed"));
        assert!(dead.header(REASON_HEADER).unwrap().contains("authorization failed"), "{dead:?}");
        assert_eq!(dead.header("kind"), Some("reading"));
        assert!(letters.for_topic(&dead, code, "now").is_none(), "a dead letter dies once");
    }

    #[test]
    fn a_value_that_is_too_large_is_left_out_of_the_topic_only() {
        let dir = tempfile::tempdir().unwrap();
        let letters = DeadLetters::new(Some("dead".into()), None, Some(dir.path()));
        let code = &Cause::from(RDKafkaErrorCode::MessageSizeTooLarge);
        let dead = letters.for_topic(&record(b"12345"), code, "now").unwrap();
        assert_eq!((dead.value.len(), dead.header(SIZE_HEADER)), (0, Some("5")));
        assert!(letters.write(&record(b"12345"), code, "now", || None).unwrap());
        let text = std::fs::read_to_string(dir.path().join(DEFAULT_FILE)).unwrap();
        assert!(text.contains(r#""original_message":"12345""#), "{text}");
    }

    #[test]
    fn half_a_line_of_a_killed_process_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DEFAULT_FILE);
        let letters = DeadLetters::new(None, None, Some(dir.path()));
        let write = || letters.write(&record(b"{}"), &RDKafkaErrorCode::InvalidRecord.into(), "now", || None).unwrap();
        write();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
        write();
        write();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
        assert_eq!((read, text.lines().count()), (3, 4), "{text}");
    }

    #[test]
    fn a_line_waits_until_another_sink_has_written_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DEFAULT_FILE);
        let other = File::create(&path).unwrap();
        other.lock().unwrap();
        std::thread::scope(|scope| {
            let append = scope.spawn(|| append(&path, b"{}\n").unwrap());
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert_eq!(other.metadata().unwrap().len(), 0, "it would be cut off if the other one failed now");
            other.unlock().unwrap();
            append.join().unwrap();
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_as_base64() {
        let value = line(&record(&[0xff, 0x00]), &RDKafkaErrorCode::InvalidRecord.into(), "now");
        assert_eq!(value["original_message_base64"], "/wA=");
        assert_eq!(value["original_key"], "CAM1");
        assert_eq!(value["error_type"], "InvalidRecord");
    }

    #[test]
    fn nothing_is_written_without_a_place() {
        let letters = DeadLetters::new(None, None, None);
        assert!(!letters.write(&record(b""), &RDKafkaErrorCode::InvalidRecord.into(), "now", || None).unwrap());
        assert!(letters.for_topic(&record(b""), &RDKafkaErrorCode::InvalidRecord.into(), "now").is_none());
    }

    #[test]
    fn what_the_spool_keeps_free_of_its_disk_is_not_for_dead_letters() {
        let dir = tempfile::tempdir().unwrap();
        let cause = &Cause::from(RDKafkaErrorCode::InvalidRecord);
        let write = |letters: &DeadLetters, free| letters.write(&record(b"{}"), cause, "now", || Some(free));
        let beside = DeadLetters::new(None, None, Some(dir.path()));
        let err = write(&beside, DISK_RESERVE_BYTES + 10).unwrap_err();
        let refused =
            matches!(&err, StoreError::DeadLetter { source, .. } if source.kind() == io::ErrorKind::StorageFull);
        assert!(refused && err.to_string().contains("Free space on that disk"), "{err}");
        assert!(!dir.path().join(DEFAULT_FILE).exists());
        assert!(write(&beside, DISK_RESERVE_BYTES + 10_000).unwrap());
        let elsewhere = DeadLetters::new(None, Some(dir.path().join("own.jsonl")), Some(Path::new("/proc")));
        assert!(write(&elsewhere, 10).unwrap(), "another disk is the user's to fill");
    }
}
