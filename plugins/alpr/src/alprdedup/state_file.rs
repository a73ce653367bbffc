//! The memory of duplicates on disk: survives a restart and a kill.
//!
//! A log of JSON lines, one appended whenever an event was delivered or withdrawn or a remembered plate was in view again; the
//! last line of an event counts. When the log has grown well beyond what lives, it is written anew beside the old one and
//! renamed over it. A line that was cut by a kill is skipped. A lock file beside it keeps a second element or process
//! out.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alpr_core::dedup::{Entry, Hasher};
use alpr_core::event::EventId;
use alpr_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::settings::{Settings, SettingsError};

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
    lines: usize,
    /// Keeps the lock as long as it lives.
    _lock: File,
}

/// A line for the file, to be written while nothing else is locked: a disk may be slow.
pub(super) struct Note {
    state_file: StateFile,
    line: Line,
}

impl Note {
    /// Writes it; now and then, all that `memory` knows. A failure is counted: the event is out all the same.
    pub(super) fn write(&self, memory: &Memory) {
        let Self { state_file, line } = self;
        let mut log = state_file.log.lock().unwrap_or_else(PoisonError::into_inner);
        let written = append(&mut log.file, line).and_then(|()| {
            log.lines += 1;
            if log.lines <= 2 * memory.lock().len() + SLACK {
                return Ok(());
            }
            let all: Vec<Line> = memory.lock().committed().map(|entry| state_file.line(entry)).collect();
            log.lines = all.len();
            log.file = rewrite(&log.path, all.into_iter())?;
            Ok(())
        });
        if written.is_err() {
            state_file.failures.fetch_add(1, Ordering::Relaxed);
        }
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
        let known = match std::fs::read_to_string(path) {
            Ok(text) => parse(&text, privacy.as_ref()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(fail(path, "read", &error)),
        };
        let lines = {
            let mut memory = memory.lock();
            let mut by_age: Vec<_> = known.iter().collect();
            by_age.sort_by_key(|(_, line)| line.seen);
            for (id, line) in by_age {
                let (since, seen) = (Timestamp(line.since), Timestamp(line.seen));
                memory.restore(&line.camera, &line.scope, &line.plate, *id, since, seen);
            }
            memory.len()
        };
        let file = rewrite(Path::new(path), known.into_values()).map_err(|e| fail(path, "written", &e))?;
        let log = Log { path: path.into(), file, lines, _lock: lock };
        Ok(Self { privacy, log: Arc::new(Mutex::new(log)), failures: Arc::default() })
    }

    /// The same file in a new run, which counts anew.
    pub(super) fn again(self) -> Self {
        Self { failures: Arc::default(), ..self }
    }

    /// Lines that could not be written.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// What is known of `entry` now.
    pub(super) fn note(&self, entry: &Entry) -> Note {
        Note { state_file: self.clone(), line: self.line(entry) }
    }

    /// That the event `event_id` was withdrawn.
    pub(super) fn forget(&self, event_id: &str) -> Note {
        let (camera, scope, plate, event_id) = (String::new(), String::new(), String::new(), event_id.to_owned());
        let line = Line { camera, scope, plate, hashed: true, event_id, since: 0, seen: 0, withdrawn: true };
        Note { state_file: self.clone(), line }
    }

    fn line(&self, entry: &Entry) -> Line {
        // texts that were restored as hashes are hashes already
        let hash = self.privacy.as_ref().filter(|_| !is_hash(&entry.text)).map(|hasher| hasher.hash(&entry.text));
        Line {
            camera: entry.camera.clone(),
            scope: entry.scope.clone(),
            hashed: self.privacy.is_some(),
            plate: hash.unwrap_or_else(|| entry.text.clone()),
            event_id: entry.event_id.to_string(),
            since: entry.since.0,
            seen: entry.seen.0,
            withdrawn: false,
        }
    }
}

/// Hashes are longer than any plate that gives an event can be.
fn is_hash(text: &str) -> bool {
    text.len() == alpr_core::event::limits::PLATE_TEXT
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

fn append(log: &mut File, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    log.write_all(text.as_bytes())
}

fn fail(path: &str, what: &str, error: &dyn std::fmt::Display) -> SettingsError {
    SettingsError(format!("state-file={path:?} cannot be {what}: {error}; choose a file in a writable folder"))
}

/// Writes the log anew and opens it for appending. It is on disk before it replaces the old one.
fn rewrite(path: &Path, lines: impl Iterator<Item = Line>) -> std::io::Result<File> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> EventId {
        EventId::parse(&format!("7f019dc8-0c96-4094-9da0-93b6d50cd3{n:02}")).unwrap()
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("alprdedup-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn open(path: &str, privacy: Option<Hasher>, memory: &Memory) -> StateFile {
        StateFile::open(path, StateFile::lock(path).unwrap(), privacy, memory).unwrap()
    }

    fn new_memory() -> Memory {
        Memory::new(&Settings::default())
    }

    /// An event with `plate` that downstream took.
    fn taken(memory: &Memory, plate: &str, event: EventId) -> Entry {
        let mut memory = memory.lock();
        let entry = memory.insert("cam", "cam", plate, event, Timestamp(5));
        memory.commit(entry);
        memory.get(entry).unwrap().clone()
    }

    #[test]
    fn what_was_delivered_survives_a_kill_and_a_torn_line() {
        let folder = folder("kill");
        let path = folder.join("state").to_string_lossy().into_owned();
        let memory = new_memory();
        let file = open(&path, None, &memory);
        assert!(StateFile::lock(&path).is_err(), "one writer only");
        for (n, plate) in [(1, "ABC123"), (2, "XYZ789"), (3, "PARK2020")] {
            file.note(&taken(&memory, plate, id(n))).write(&memory);
        }
        file.forget(&id(3).to_string()).write(&memory);
        drop(file);
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(br#"{"scope":"cam","plate":"TOR"#).unwrap();
        let memory = new_memory();
        open(&path, None, &memory);
        let memory = memory.lock();
        assert_eq!(memory.len(), 2);
        assert_eq!(memory.find("cam", "ABC123", Timestamp(6), None).map(|found| found.event_id), Some(id(1)));
        assert_eq!(memory.of_event(id(1)).map(|entry| entry.camera.as_str()), Some("cam"), "it grows old by its clock");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_log_stays_bounded() {
        let folder = folder("bounded");
        let path = folder.join("state").to_string_lossy().into_owned();
        let memory = new_memory();
        let file = open(&path, None, &memory);
        let entry = taken(&memory, "ABC123", id(1));
        for _ in 0..5 * SLACK {
            file.note(&entry).write(&memory);
        }
        assert!(std::fs::read_to_string(&path).unwrap().lines().count() <= SLACK + 2);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn under_privacy_no_plate_is_on_disk() {
        let folder = folder("privacy");
        let path = folder.join("state").to_string_lossy().into_owned();
        let hasher = Hasher::new(b"0123456789abcdef").unwrap();
        let memory = new_memory();
        let file = open(&path, None, &memory);
        file.note(&taken(&memory, "ABC123", id(1))).write(&memory);
        drop(file);
        let memory = new_memory();
        drop(open(&path, Some(hasher.clone()), &memory));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("ABC123"), "also plates of a run without privacy");
        assert!(memory.lock().find("cam", &hasher.hash("ABC123"), Timestamp(6), None).is_some());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
