//! The memory of duplicates on disk: survives a restart and a kill.
//!
//! A log of JSON lines, one appended whenever an event was delivered or withdrawn or a remembered plate was in view again; the
//! last line of an event counts. When the log has grown well beyond what lives, it is written anew beside the old one and
//! renamed over it. A line that was cut by a kill or a full disk is skipped. A lock file beside it keeps a second element or
//! process out.
//!
//! Cameras that share a memory have a file each: each file holds what its own element told of, so that it does not grow with the
//! number of cameras, and an event that was withdrawn does not live on in the files of others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alpr_core::dedup::{Hasher, Remembered};
use alpr_core::event::EventId;
use alpr_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::settings::{Settings, SettingsError};
use crate::element::lock;

/// Lines beyond twice the living entries that are suffered before the log is written anew.
const SLACK: usize = 1000;

/// How long another holder of the lock is waited for: a process that is just ending, or one that this process is just starting and that
/// has its open files until it runs its program.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
struct Line {
    /// Whose clock the times are of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    camera: String,
    scope: String,
    plate: String,
    /// Whether `plate` is a keyed hash.
    #[serde(default)]
    hashed: bool,
    event_id: String,
    since: i64,
    seen: i64,
    /// Whether the event was withdrawn: the plate is not remembered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
}

/// An open state file. Each that is cloned from it writes to the same file.
#[derive(Clone)]
pub(super) struct StateFile {
    privacy: Option<Hasher>,
    log: Arc<Mutex<Log>>,
    failures: Arc<AtomicU64>,
}

/// The file itself.
struct Log {
    path: PathBuf,
    file: File,
    /// Whether the last line in it may be half of one: a write failed.
    torn: bool,
    lines: usize,
    /// Events that it tells of.
    told: BTreeSet<EventId>,
    /// Keeps the lock as long as it lives.
    _lock: File,
}

/// A line for the file, to be written while nothing else is locked: a disk may be slow.
pub(super) struct Note {
    state_file: StateFile,
    line: Line,
}

impl Note {
    /// Writes it; now and then, all that `memory` knows of the events in the file. A failure is counted: the event is out all
    /// the same.
    pub(super) fn write(&self, memory: &Memory) {
        let Self { state_file, line } = self;
        let mut log = lock(&state_file.log);
        if log.write(line).and_then(|()| log.tidy(state_file, memory)).is_err() {
            state_file.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Log {
    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        append(&mut self.file, &mut self.torn, line)?;
        self.lines += 1;
        if let Some(id) = EventId::parse(&line.event_id) {
            if line.withdrawn {
                self.told.remove(&id)
            } else {
                self.told.insert(id)
            };
        }
        Ok(())
    }

    /// Writes the log anew when it has grown well beyond what `memory` still knows.
    fn tidy(&mut self, state_file: &StateFile, memory: &Memory) -> std::io::Result<()> {
        if self.lines <= 2 * memory.lock().len() + SLACK {
            return Ok(());
        }
        let all: Vec<Line> = {
            let memory = memory.lock();
            let known = self.told.iter().filter_map(|id| memory.of_event(*id));
            known.map(|plate| state_file.line(plate)).collect()
        };
        // after a failure too: a disk that is full is not asked for this at every event
        self.lines = all.len();
        self.told = all.iter().filter_map(|line| EventId::parse(&line.event_id)).collect();
        self.file = rewrite(&self.path, all.into_iter())?;
        self.torn = false;
        Ok(())
    }
}

impl StateFile {
    /// Opens the state file of `settings`; `memory` takes what it remembers.
    pub(super) fn new(
        settings: &Settings,
        privacy: Option<Hasher>,
        memory: &Memory,
    ) -> Result<Option<Self>, SettingsError> {
        let path = settings.state_file.as_str();
        if path.is_empty() {
            return Ok(None);
        }
        Self::open(path, Self::lock(path)?, privacy, memory).map(Some)
    }

    /// Takes the lock of `path`, with some patience.
    fn lock(path: &str) -> Result<File, SettingsError> {
        let lock = File::create(format!("{path}.lock")).map_err(|e| fail(path, "locked", &e))?;
        let end = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(LOCK_PATIENCE / 50),
                Err(error) => return Err(fail(path, "locked (does another element use it?)", &error)),
            }
        }
    }

    /// Takes what `path` remembers into `memory` and goes on writing there; `lock` is [its own](Self::lock). Other cameras may
    /// share the memory: it is locked for the taking only.
    fn open(path: &str, lock: File, privacy: Option<Hasher>, memory: &Memory) -> Result<Self, SettingsError> {
        let known = match std::fs::read(path) {
            // a line may have been cut in the middle of a character
            Ok(bytes) => parse(&String::from_utf8_lossy(&bytes), privacy.as_ref()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(fail(path, "read", &error)),
        };
        {
            let mut memory = memory.lock();
            let mut by_age: Vec<_> = known.iter().collect();
            by_age.sort_by_key(|(_, line)| line.seen);
            by_age.into_iter().for_each(|(id, line)| memory.restore(line.remembered(*id)));
        }
        let (lines, told) = (known.len(), known.keys().copied().collect());
        let file = rewrite(Path::new(path), known.into_values()).map_err(|e| fail(path, "written", &e))?;
        let log = Log { path: path.into(), file, torn: false, lines, told, _lock: lock };
        Ok(Self { privacy, log: Arc::new(Mutex::new(log)), failures: Arc::default() })
    }

    /// The same file in a new run, which counts anew; the key of its `privacy` may be another one.
    pub(super) fn again(self, privacy: Option<Hasher>) -> Self {
        Self { privacy, failures: Arc::default(), ..self }
    }

    /// Lines that could not be written.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// What is remembered of `plate` now.
    pub(super) fn note(&self, plate: &Remembered) -> Note {
        Note { state_file: self.clone(), line: self.line(plate) }
    }

    /// That the event `event_id` was withdrawn.
    pub(super) fn forget(&self, event_id: &str) -> Note {
        let (camera, scope, plate, event_id) = (String::new(), String::new(), String::new(), event_id.to_owned());
        let line = Line { camera, scope, plate, hashed: true, event_id, since: 0, seen: 0, withdrawn: true };
        Note { state_file: self.clone(), line }
    }

    fn line(&self, plate: &Remembered) -> Line {
        let hash = self.privacy.as_ref().filter(|_| !plate.hashed).map(|hasher| hasher.hash(&plate.text));
        Line {
            camera: plate.camera.clone(),
            scope: plate.scope.clone(),
            hashed: plate.hashed || hash.is_some(),
            plate: hash.unwrap_or_else(|| plate.text.clone()),
            event_id: plate.event_id.to_string(),
            since: plate.since.0,
            seen: plate.seen.0,
            withdrawn: false,
        }
    }
}

impl Line {
    /// What it says of the event `event_id`.
    fn remembered(&self, event_id: EventId) -> Remembered {
        Remembered {
            camera: self.camera.clone(),
            scope: self.scope.clone(),
            text: self.plate.clone(),
            hashed: self.hashed,
            event_id,
            since: Timestamp(self.since),
            seen: Timestamp(self.seen),
        }
    }
}

/// The last line of every event. Under privacy, plates of an earlier run without it are hashed now.
fn parse(text: &str, privacy: Option<&Hasher>) -> BTreeMap<EventId, Line> {
    let mut known = BTreeMap::new();
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        let Some(id) = EventId::parse(&line.event_id) else { continue };
        if line.withdrawn {
            known.remove(&id);
            continue;
        }
        let line = match privacy {
            Some(hasher) if !line.hashed => Line { plate: hasher.hash(&line.plate), hashed: true, ..line },
            _ => line,
        };
        known.insert(id, line);
    }
    known
}

/// Writes `line` behind what is in `log`. `torn`: whether that ends in the middle of a line, which must not spoil this one.
fn append(log: &mut impl Write, torn: &mut bool, line: &Line) -> std::io::Result<()> {
    let mut text = if *torn { "\n".to_owned() } else { String::new() };
    text.push_str(&serde_json::to_string(line)?);
    text.push('\n');
    let written = log.write_all(text.as_bytes());
    *torn = written.is_err();
    written
}

fn fail(path: &str, what: &str, error: &dyn std::fmt::Display) -> SettingsError {
    SettingsError(format!("state-file={path:?} cannot be {what}: {error}; choose a file in a writable folder"))
}

/// Writes the log anew, and returns it for appending. It is on disk before it replaces the old one.
fn rewrite(path: &Path, lines: impl Iterator<Item = Line>) -> std::io::Result<File> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let written = write_new(Path::new(&new), lines).and_then(|file| {
        std::fs::rename(&new, path)?;
        Ok(file)
    });
    written.inspect_err(|_| {
        // it would take room that a full disk does not have
        std::fs::remove_file(&new).ok();
    })
}

/// Opened once: who had to open the file again after it replaced the old one might not get to, and write into the old one.
fn write_new(path: &Path, lines: impl Iterator<Item = Line>) -> std::io::Result<File> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.set_len(0)?;
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests;
