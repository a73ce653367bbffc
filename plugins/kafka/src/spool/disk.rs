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
//! A tree of sorted tables frees the space of a removed record only when it happens to rewrite the table, and for a queue
//! that is never: the newest records always come first. Here nothing is removed. What leaves is noted (`gone`), and
//! tables are dropped whole once everything in them has left. A record that cannot leave while thousands behind it do (a
//! partition without a leader) is copied out of their way (`rescued`).
//!
//! What fjall does not do, this file adds: a journal whose end is cut off is accepted by fjall as an unfinished write,
//! so the last sequence number is also kept in a small file beside it and a difference is reported; a damaged file can
//! make it panic, so opening is guarded; after a full disk it refuses all writes until it is opened again, so the
//! spool stops accepting records before the disk is full; and its one way to move records from memory to tables can
//! block for ever when it is asked faster than it works (fjall issue 260 and pull request 323), after which memory
//! grows with the backlog: here each memtable is sealed once, before fjall would ask.

use super::{Recovered, Seq, Store, StoreError};
use crate::record::Record;
use fjall::{
    AbstractTree, Database, Guard, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, UserKey,
    config::FilterPolicy,
};
use std::{
    fs::{File, OpenOptions},
    ops::RangeInclusive,
    os::unix::fs::{FileExt, MetadataExt},
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
/// What the note about a record that left costs there.
const NOTE_BYTES: u64 = 64;
/// Records that stay are copied out of the way of those that left when the tables are larger than twice what is held, and
/// this.
const RESCUE_BYTES: u64 = 64 << 20;
/// And when of the records between the oldest and the next to be sent no more than one in this many is still held.
const RESCUE_PART: u64 = 2;
/// Largest size of the journals together.
const JOURNAL_BYTES: u64 = 128 << 20;
/// Name of the storage engine's own directory.
const DATABASE: &str = "db";
/// Name of the file that holds the last accepted sequence number.
const HIGH_WATER_FILE: &str = "accepted";
/// Key of the first sequence number that was never used, in the keyspace of facts.
const NEXT_KEY: &str = "next";
/// Key of the first sequence number that counts in `records`.
const FIRST_KEY: &str = "first";

/// Records in a directory.
pub(crate) struct DiskStore {
    db: Database,
    /// Every record by number, in the order in which they came. Below `first` they do not count.
    records: Keyspace,
    /// Numbers of those that left, from `first` on.
    gone: Keyspace,
    /// Copies of those below `first` that have not left.
    rescued: Keyspace,
    facts: Keyspace,
    first: AtomicU64,
    /// `first` when tables were dropped last.
    dropped: AtomicU64,
    accepted: File,
    path: PathBuf,
    sync_each: bool,
    /// Bytes since the memtables were sealed.
    unsealed: AtomicU64,
    #[cfg(test)]
    sync_fails: std::sync::atomic::AtomicBool,
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
            let store = Self::open_database(path, accepted, sync_each)?;
            let recovered = store.scan()?;
            Ok((store, recovered))
        }));
        opened.unwrap_or_else(|_| Err(StoreError::damaged(path, "the storage engine gave up while it read the files")))
    }

    fn open_database(path: &Path, accepted: File, sync_each: bool) -> Result<Self, StoreError> {
        let refused = |err| StoreError::engine("open", path, err);
        let db = Database::builder(path.join(DATABASE))
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(1)
            .open()
            .map_err(refused)?;
        // Nothing is ever looked for that may not be there.
        let options = || KeyspaceCreateOptions::default().filter_policy(FilterPolicy::disabled());
        let open = |name| db.keyspace(name, options).map_err(refused);
        let (records, gone, rescued, facts) = (open("records")?, open("gone")?, open("rescued")?, open("facts")?);
        let store = Self {
            db,
            records,
            gone,
            rescued,
            facts,
            first: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            accepted,
            path: path.to_path_buf(),
            sync_each,
            unsealed: AtomicU64::new(0),
            #[cfg(test)]
            sync_fails: false.into(),
        };
        store.first.store(store.fact(FIRST_KEY)?.unwrap_or(0), Relaxed);
        Ok(store)
    }

    fn fact(&self, key: &str) -> Result<Option<Seq>, StoreError> {
        let Some(value) = self.facts.get(key).map_err(|err| self.failed("read", err))? else { return Ok(None) };
        self.parse_seq(&value).map(Some)
    }

    /// Reads everything once: counts it, and finds damage now rather than in the middle of an outage.
    fn scan(&self) -> Result<Recovered, StoreError> {
        let next_seq = self.fact(NEXT_KEY)?.unwrap_or(0).max(self.first.load(Relaxed));
        let mut found = Recovered { next_seq, ..Recovered::default() };
        self.visit(0, Seq::MAX, |seq, record| {
            found.records += 1;
            found.bytes += record.size();
            found.oldest.get_or_insert(seq);
            found.oldest_ms.get_or_insert(record.received_ms);
            found.next_seq = found.next_seq.max(seq + 1);
            true
        })?;
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

    /// Shows the records from `from` to `to` that have not left, in order, until `take` says that it has enough.
    fn visit(&self, from: Seq, to: Seq, mut take: impl FnMut(Seq, Record) -> bool) -> Result<(), StoreError> {
        let first = self.first.load(Relaxed);
        if from < first {
            for item in self.rescued.range(keys(from, to.min(first - 1))) {
                let (seq, record) = self.parse(item)?;
                if !take(seq, record) {
                    return Ok(());
                }
            }
        }
        let from = from.max(first);
        if from > to {
            return Ok(());
        }
        let mut gone = self.gone.range(keys(from, to));
        let mut next_gone = || gone.next().map(|item| self.parse_seq(&self.key(item)?)).transpose();
        let mut left = next_gone()?;
        for item in self.records.range(keys(from, to)) {
            let (seq, record) = self.parse(item)?;
            while left.is_some_and(|left| left < seq) {
                left = next_gone()?;
            }
            if left != Some(seq) && !take(seq, record) {
                break;
            }
        }
        Ok(())
    }

    fn key(&self, item: Guard) -> Result<UserKey, StoreError> {
        item.key().map_err(|err| self.failed("read", err))
    }

    fn parse_seq(&self, bytes: &[u8]) -> Result<Seq, StoreError> {
        Ok(Seq::from_be_bytes(bytes.try_into().map_err(|_| self.damaged("a number has a wrong length"))?))
    }

    fn parse(&self, item: Guard) -> Result<(Seq, Record), StoreError> {
        let (key, value) = item.into_inner().map_err(|err| self.failed("read", err))?;
        let seq = self.parse_seq(&key)?;
        let record = Record::decode(&value).map_err(|err| self.damaged(&format!("record {seq}: {err}")))?;
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
        // All: a journal can go when everything in it is in tables.
        for keyspace in [&self.records, &self.gone, &self.rescued, &self.facts] {
            keyspace.rotate_memtable().map_err(|err| self.failed("write to", err))?;
        }
        Ok(())
    }

    /// Notes that every number below `next` was given to an accepted record. It serves to notice later that records are
    /// missing; where it cannot be written, the record is in the store all the same.
    fn note_accepted(&self, next: Seq) {
        let _ = self.accepted.write_all_at(&next.to_be_bytes(), 0);
    }

    fn note_gone(&self, batch: &mut OwnedWriteBatch, seq: Seq) {
        if seq < self.first.load(Relaxed) {
            batch.remove(&self.rescued, seq.to_be_bytes());
        } else {
            batch.insert(&self.gone, seq.to_be_bytes(), []);
        }
    }

    fn failed(&self, action: &'static str, err: fjall::Error) -> StoreError {
        StoreError::engine(action, &self.path, err)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::damaged(&self.path, what)
    }
}

/// The keys of the numbers from `from` to `to`.
fn keys(from: Seq, to: Seq) -> RangeInclusive<[u8; 8]> {
    from.to_be_bytes()..=to.to_be_bytes()
}

impl Store for DiskStore {
    fn append(&self, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        let value = Self::encode(record)?;
        self.seal_full_memtables(value.len() as u64 + NOTE_BYTES)?;
        self.records.insert(seq.to_be_bytes(), value).map_err(|err| self.failed("write to", err))?;
        if self.sync_each {
            // After a failure the engine takes nothing more in this run. The record may be on the disk, and is sent after
            // the next start if it is: rather once too often than lost.
            self.sync()?;
        }
        self.note_accepted(seq + 1);
        Ok(())
    }

    fn replace(&self, old: Seq, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        let value = Self::encode(record)?;
        self.seal_full_memtables(value.len() as u64 + 2 * NOTE_BYTES)?;
        let mut batch = self.db.batch();
        self.note_gone(&mut batch, old);
        batch.insert(&self.records, seq.to_be_bytes(), value);
        batch.commit().map_err(|err| self.failed("write to", err))?;
        self.note_accepted(seq + 1);
        Ok(())
    }

    fn remove(&self, seqs: &[Seq], next: Seq) -> Result<(), StoreError> {
        self.seal_full_memtables((seqs.len() as u64 + 1) * NOTE_BYTES)?;
        let mut batch = self.db.batch();
        seqs.iter().for_each(|seq| self.note_gone(&mut batch, *seq));
        batch.insert(&self.facts, NEXT_KEY, next.to_be_bytes());
        batch.commit().map_err(|err| self.failed("write to", err))
    }

    fn read(&self, from: Seq, to: Seq, max_bytes: u64) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        let mut found = Vec::new();
        let mut bytes = 0;
        self.visit(from, to, |seq, record| {
            bytes += record.size();
            found.push((seq, Arc::new(record)));
            bytes < max_bytes
        })?;
        Ok(found)
    }

    fn advance(&self, held: &[Seq], unsent: Seq, rescue: bool) -> Result<(), StoreError> {
        let old = self.first.load(Relaxed);
        let held = &held[held.partition_point(|seq| *seq < old)..];
        let few = held.len() as u64 * RESCUE_PART < unsent.saturating_sub(old);
        let first = match held.first() {
            Some(oldest) if !(rescue && few) => *oldest.min(&unsent),
            _ => unsent,
        };
        if first <= old {
            return Ok(());
        }
        let failed = |err| self.failed("write to", err);
        let mut batch = self.db.batch();
        let copied = &held[..held.partition_point(|seq| *seq < first)];
        for seq in copied.iter().map(|seq| seq.to_be_bytes()) {
            let Some(value) = self.records.get(seq).map_err(failed)? else { continue };
            batch.insert(&self.rescued, seq, value);
        }
        batch.insert(&self.facts, FIRST_KEY, first.to_be_bytes());
        batch.commit().map_err(failed)?;
        if !copied.is_empty() {
            // The tables with the originals may go before the copies would be synced by themselves.
            self.sync()?;
        }
        self.first.store(first, Relaxed);
        Ok(())
    }

    fn reclaim(&self, held_bytes: u64) -> Result<bool, StoreError> {
        let first = self.first.load(Relaxed);
        if self.dropped.swap(first, Relaxed) != first {
            let space = || self.records.disk_space() + self.gone.disk_space();
            let before = space();
            for keyspace in [&self.records, &self.gone] {
                // Doc-hidden, and the reason why the version of fjall is fixed: its public interface removes one by one.
                let dropped = keyspace.tree.drop_range(..first.to_be_bytes());
                dropped.map_err(|err| self.failed("write to", fjall::Error::Storage(err)))?;
            }
            if space() < before {
                // fjall keeps the files until a memtable is sealed, and on a full disk nothing would be written any more that fills
                // one. The fact that `first` has moved is in this one.
                self.facts.rotate_memtable().map_err(|err| self.failed("write to", err))?;
            }
        }
        Ok(self.records.disk_space() > held_bytes * 2 + RESCUE_BYTES)
    }

    fn is_there(&self) -> bool {
        self.accepted.metadata().map_or(true, |found| found.nlink() > 0)
    }

    fn sync(&self) -> Result<(), StoreError> {
        #[cfg(test)]
        if self.sync_fails.load(Relaxed) {
            return Err(StoreError::io("sync", &self.path, std::io::ErrorKind::StorageFull.into()));
        }
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
mod tests;
