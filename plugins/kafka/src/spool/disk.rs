//! The store on disk: records survive the process and, when synced, the machine.
//!
//! # Why fjall
//!
//! A queue in front of Kafka writes every record once, reads few of them back and removes all of them soon. Three
//! embedded stores were measured with 1000-byte records, one write a record that survives a killed process, removals in
//! batches of 500 (release build, two busy cores of an AMD EPYC, virtual disk; records a second, time of one write):
//!
//! | store | rate | p50 | p99 |
//! |---|---|---|---|
//! | fjall 3.1, journal append | 76,000 | 1 us | 7 us |
//! | SQLite, WAL, `synchronous=NORMAL` | 32,000 | 3 us | 14 us |
//! | redb 4, durable commit | 4,400 | 210 us | 342 us |
//!
//! - **redb** has no commit between "lost when the process dies" and "fsync".
//! - **SQLite** survives a kill after each commit, but each commit rewrites whole pages.
//! - **fjall** appends the record to a checksummed journal with one `write()` and puts it into a memtable; the fsync can be
//!   shared by all records of a tenth of a second. It is plain Rust and compiles without a C compiler.
//!
//! What fjall does not do, this file adds: a journal whose end is cut off is accepted by fjall as an unfinished write,
//! so the last sequence number is also kept in a small file beside it and a difference is reported; a damaged file can
//! make it panic, so opening is guarded; after a full disk it refuses all writes until it is opened again, so the
//! spool stops accepting records before the disk is full; and its one way to move records from memory to tables can
//! block for ever when it is asked faster than it works (fjall issue 260 and pull request 323), after which memory
//! grows with the backlog: here each memtable is sealed once, before fjall would ask.

use super::{Seq, Store, StoreError};
use crate::record::Record;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Memory for cached blocks: records are read back once, in order, so a small cache is enough.
const CACHE_BYTES: u64 = 8 << 20;
/// Records that are in the journal but not yet in a table file are sealed when they have this many bytes; fjall holds
/// writes when four sealed ones wait to be written.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// What a removed record costs there.
const TOMBSTONE_BYTES: u64 = 64;
/// Largest size of the journals together.
const JOURNAL_BYTES: u64 = 128 << 20;
/// Name of the storage engine's own directory.
const DATABASE: &str = "db";
/// Name of the file that holds the last accepted sequence number.
const HIGH_WATER_FILE: &str = "accepted";
/// Key of the first sequence number that was never used, in the keyspace of facts.
const NEXT_KEY: &str = "next";

/// What was found in an existing spool.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Records found.
    pub(crate) records: u64,
    /// Their bytes, as [`Record::size`] counts.
    pub(crate) bytes: u64,
    /// First sequence number not used yet.
    pub(crate) next_seq: Seq,
    /// Sequence number of the oldest record.
    pub(crate) oldest: Option<Seq>,
    /// When that one was received, milliseconds since 1970 UTC.
    pub(crate) oldest_ms: Option<i64>,
    /// Records that had been accepted and are not in the files any more: lost by a crash of the machine or by damage.
    pub(crate) missing: u64,
}

/// Records in a directory.
pub(crate) struct DiskStore {
    db: Database,
    records: Keyspace,
    facts: Keyspace,
    accepted: File,
    path: PathBuf,
    sync_each: bool,
    /// Bytes since the memtables were sealed.
    unsealed: AtomicU64,
}

impl DiskStore {
    /// Opens or creates the spool in `path` and checks every record in it.
    ///
    /// `sync_each` makes every append durable before it returns.
    ///
    /// # Errors
    /// When the directory cannot be created or written, is used by another process, or holds damaged files.
    pub(crate) fn open(path: &Path, sync_each: bool) -> Result<(Self, Recovered), StoreError> {
        std::fs::create_dir_all(path).map_err(|err| StoreError::io("create the directory", path, err))?;
        let accepted_path = path.join(HIGH_WATER_FILE);
        let accepted = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&accepted_path)
            .map_err(|err| StoreError::io("open", &accepted_path, err))?;
        // A damaged file can make the storage engine panic; the pipeline must get an error instead.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let (db, records, facts) = Self::open_database(path)?;
            let unsealed = AtomicU64::new(0);
            let store = Self { db, records, facts, accepted, path: path.to_path_buf(), sync_each, unsealed };
            let recovered = store.scan()?;
            Ok((store, recovered))
        }));
        opened.unwrap_or_else(|_| Err(StoreError::damaged(path, "the storage engine gave up while it read the files")))
    }

    fn open_database(path: &Path) -> Result<(Database, Keyspace, Keyspace), StoreError> {
        let refused = |err| StoreError::engine("open", path, err);
        let db = Database::builder(path.join(DATABASE))
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(1)
            .open()
            .map_err(refused)?;
        let records = db.keyspace("records", KeyspaceCreateOptions::default).map_err(refused)?;
        let facts = db.keyspace("facts", KeyspaceCreateOptions::default).map_err(refused)?;
        Ok((db, records, facts))
    }

    /// Reads everything once: counts it, and finds damage now rather than in the middle of an outage.
    fn scan(&self) -> Result<Recovered, StoreError> {
        let mut found = Recovered::default();
        let next = self.facts.get(NEXT_KEY).map_err(|err| self.failed("read", err))?;
        if let Some(next) = next {
            found.next_seq = parse_seq(&next).ok_or_else(|| self.damaged("a sequence number has a wrong length"))?;
        }
        for item in self.records.iter() {
            let (key, value) = item.into_inner().map_err(|err| self.failed("read", err))?;
            let (seq, record) = self.parse(&key, &value)?;
            found.records += 1;
            found.bytes += record.size();
            found.oldest.get_or_insert(seq);
            found.oldest_ms.get_or_insert(record.received_ms);
            found.next_seq = found.next_seq.max(seq + 1);
        }
        let mut accepted = [0; 8];
        if self.accepted.read_exact_at(&mut accepted, 0).is_ok() {
            let accepted = Seq::from_be_bytes(accepted);
            found.missing = accepted.saturating_sub(found.next_seq);
            found.next_seq = found.next_seq.max(accepted);
        }
        if found.missing > 0 {
            // Told once: the numbers go on behind the gap.
            let next = found.next_seq.to_be_bytes();
            self.facts.insert(NEXT_KEY, next).map_err(|err| self.failed("write to", err))?;
        }
        Ok(found)
    }

    fn parse(&self, key: &[u8], value: &[u8]) -> Result<(Seq, Record), StoreError> {
        let seq = parse_seq(key).ok_or_else(|| self.damaged("a key has a wrong length"))?;
        let record = Record::decode(value).map_err(|err| self.damaged(&format!("record {seq}: {err}")))?;
        Ok((seq, record))
    }

    fn encode(record: &Record) -> Result<Vec<u8>, StoreError> {
        record.encode().map_err(|err| StoreError::Encode(err.to_string()))
    }

    /// Makes room for `bytes` more in memory.
    fn seal_full_memtables(&self, bytes: u64) -> Result<(), StoreError> {
        if self.unsealed.fetch_add(bytes, Relaxed) + bytes < MEMTABLE_BYTES {
            return Ok(());
        }
        self.unsealed.store(bytes, Relaxed);
        // Both: a journal can go when everything in it is in tables.
        for keyspace in [&self.records, &self.facts] {
            keyspace.rotate_memtable().map_err(|err| self.failed("write to", err))?;
        }
        Ok(())
    }

    /// Notes that every number below `next` was given to an accepted record.
    fn note_accepted(&self, next: Seq) -> Result<(), StoreError> {
        self.accepted
            .write_all_at(&next.to_be_bytes(), 0)
            .map_err(|err| StoreError::io("write", &self.path.join(HIGH_WATER_FILE), err))
    }

    fn failed(&self, action: &'static str, err: fjall::Error) -> StoreError {
        StoreError::engine(action, &self.path, err)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::damaged(&self.path, what)
    }
}

fn parse_seq(bytes: &[u8]) -> Option<Seq> {
    Some(Seq::from_be_bytes(bytes.try_into().ok()?))
}

impl Store for DiskStore {
    fn append(&self, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        let value = Self::encode(record)?;
        self.seal_full_memtables(value.len() as u64 + TOMBSTONE_BYTES)?;
        self.records.insert(seq.to_be_bytes(), value).map_err(|err| self.failed("write to", err))?;
        if self.sync_each {
            self.sync()?;
        }
        if let Err(err) = self.note_accepted(seq + 1) {
            // The caller hears that the record was not taken, so it must not turn up later.
            self.records.remove(seq.to_be_bytes()).map_err(|err| self.failed("write to", err))?;
            return Err(err);
        }
        Ok(())
    }

    fn replace(&self, old: Seq, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        let value = Self::encode(record)?;
        self.seal_full_memtables(value.len() as u64 + 2 * TOMBSTONE_BYTES)?;
        let mut batch = self.db.batch();
        batch.remove_weak(&self.records, old.to_be_bytes());
        batch.insert(&self.records, seq.to_be_bytes(), value);
        batch.commit().map_err(|err| self.failed("write to", err))?;
        self.note_accepted(seq + 1)
    }

    fn remove(&self, seqs: &[Seq], next: Seq) -> Result<(), StoreError> {
        self.seal_full_memtables((seqs.len() as u64 + 1) * TOMBSTONE_BYTES)?;
        let mut batch = self.db.batch();
        for seq in seqs {
            // Weak: every key is written once only, so the tombstone can go with the record.
            batch.remove_weak(&self.records, seq.to_be_bytes());
        }
        batch.insert(&self.facts, NEXT_KEY, next.to_be_bytes());
        batch.commit().map_err(|err| self.failed("write to", err))
    }

    fn read(&self, from: Seq, to: Seq, max_bytes: u64) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        let mut found = Vec::new();
        let mut bytes = 0;
        for item in self.records.range(from.to_be_bytes()..=to.to_be_bytes()) {
            let (key, value) = item.into_inner().map_err(|err| self.failed("read", err))?;
            let (seq, record) = self.parse(&key, &value)?;
            bytes += record.size();
            found.push((seq, Arc::new(record)));
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(found)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::SyncData).map_err(|err| self.failed("sync", err))
    }

    fn durable(&self) -> bool {
        true
    }

    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_outage_is_on_disk_and_not_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = DiskStore::open(dir.path(), false).unwrap();
        let record = Arc::new(Record {
            topic: "t".into(),
            key: None,
            headers: Vec::new(),
            timestamp_ms: 0,
            value: vec![b'.'; 1000],
            received_ms: 0,
            dead_from: None,
        });
        // As fast as it goes: fjall's worker has no time to breathe.
        for seq in 0..200_000 {
            store.append(seq, &record).unwrap();
            let in_memory = store.db.write_buffer_size();
            assert!(in_memory < 8 * MEMTABLE_BYTES, "{in_memory} bytes are in memory after {seq} records");
        }
    }
}
