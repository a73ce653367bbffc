//! What a spool needs from the place where it keeps records, and how that place fails.

use crate::record::Record;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Position of a record in the order in which records were taken. Never used twice, also not after a restart.
pub(crate) type Seq = u64;

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

/// A place for records.
pub(crate) trait Store: Send + Sync {
    /// Adds a record under a new number.
    fn append(&self, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError>;
    /// Removes `old` and adds `record` in one step.
    fn replace(&self, old: Seq, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError>;
    /// Removes records; `next` is the first number not used yet.
    fn remove(&self, seqs: &[Seq], next: Seq) -> Result<(), StoreError>;
    /// Records from `from` to `to`, in order, until `max_bytes` are reached; at least one if there is one.
    fn read(&self, from: Seq, to: Seq, max_bytes: u64) -> Result<Vec<(Seq, Arc<Record>)>, StoreError>;
    /// Tells what is still there: the numbers handed out or held back and not removed, in order, and the lowest of the others,
    /// which are to be handed out. With `rescue` the few that hold up many are put elsewhere.
    fn advance(&self, _held: &[Seq], _unsent: Seq, _rescue: bool) -> Result<(), StoreError> {
        Ok(())
    }
    /// Gives the disk the space of what was removed, as far as [`Store::advance`] allows. True when the records, of
    /// `held_bytes` together, still take far more space than they should.
    fn reclaim(&self, _held_bytes: u64) -> Result<bool, StoreError> {
        Ok(false)
    }
    /// False when its files were removed behind its back: what is written still goes somewhere, and nobody will find it.
    fn is_there(&self) -> bool {
        true
    }
    /// Makes everything durable.
    fn sync(&self) -> Result<(), StoreError>;
    /// True when records survive the process.
    fn durable(&self) -> bool;
    /// Space left on the disk, if it is on one.
    fn free_bytes(&self) -> Option<u64>;
}

/// A failure of the store. Every text says what was tried, on what, what came back and what to do.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// The file system refused.
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// Another process has the directory open.
    Locked { path: PathBuf },
    /// The files are not what was written.
    Damaged { path: PathBuf, what: String },
    /// The storage engine takes no more writes after an earlier failure.
    Refused { path: PathBuf },
    /// Someone removed the directory.
    Gone { path: PathBuf },
    /// A record could not be put into its form on disk.
    Encode(String),
    /// The file of the dead letters cannot be written.
    DeadLetter { path: PathBuf, source: io::Error },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }

    pub(crate) fn damaged(path: &Path, what: &str) -> Self {
        Self::Damaged { path: path.to_path_buf(), what: what.to_string() }
    }

    pub(crate) fn engine(action: &'static str, path: &Path, err: fjall::Error) -> Self {
        match err {
            fjall::Error::Io(source) => Self::io(action, path, source),
            fjall::Error::Locked => Self::Locked { path: path.to_path_buf() },
            fjall::Error::Poisoned => Self::Refused { path: path.to_path_buf() },
            fjall::Error::Storage(lsm) => match io_cause(&lsm) {
                Some(source) => Self::io(action, path, source),
                None => Self::damaged(path, &format!("{lsm:?}")),
            },
            other => Self::damaged(path, &format!("{other:?}")),
        }
    }
}

/// The I/O error under an error of the storage engine, as a copy.
fn io_cause(err: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    let mut next = Some(err);
    while let Some(err) = next {
        if let Some(io) = err.downcast_ref::<io::Error>() {
            return Some(
                io.raw_os_error()
                    .map_or_else(|| io::Error::new(io.kind(), io.to_string()), io::Error::from_raw_os_error),
            );
        }
        next = err.source();
    }
    None
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, source } => {
                write!(f, "Could not {action} the spool {}: {source}. {}", path.display(), advice(source))
            }
            Self::Locked { path } => write!(
                f,
                "The spool {} is in use by another kafkasink. Give each kafkasink its own spool-location.",
                path.display()
            ),
            Self::Damaged { path, what } => write!(
                f,
                "The spool {} is damaged ({what}). Its records were not touched. Move the directory away to start with \
                 an empty spool, and keep it: undamaged records can be read from it with the tools of the fjall crate.",
                path.display()
            ),
            Self::Refused { path } => write!(
                f,
                "The spool {} takes no more records after a failed write. Check the disk (space, health, mount), then \
                 restart the pipeline: every record taken before is still there.",
                path.display()
            ),
            Self::Gone { path } => write!(
                f,
                "The spool {} was removed while it is in use. Records are still delivered, but what is not delivered when this \
                 process ends is lost. Restart the pipeline, which makes the directory anew.",
                path.display()
            ),
            Self::DeadLetter { path, source } => write!(
                f,
                "Could not write a dead letter to {}: {source}. The record waits in the spool and is tried again. {}",
                path.display(),
                dead_letter_advice(source)
            ),
            Self::Encode(err) => write!(f, "Could not put a record into its form on disk: {err}. This is a bug."),
        }
    }
}

fn advice(err: &io::Error) -> &'static str {
    match err.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free space on that disk, or set spool-max-bytes.",
        io::ErrorKind::ReadOnlyFilesystem => "The file system is read-only: set spool-location to a writable one.",
        io::ErrorKind::PermissionDenied => "Give the user of this process write permission, or set spool-location.",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "Set spool-location to a directory.",
        _ => "Check the disk and spool-location.",
    }
}

fn dead_letter_advice(err: &io::Error) -> &'static str {
    match err.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Free space on that disk, or set dead-letter-location to another."
        }
        _ => "Make the file writable, or set dead-letter-location.",
    }
}

impl std::error::Error for StoreError {}
