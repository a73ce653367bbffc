//! Work in the background: files that are read again when they change, pictures that grow old, a regular pulse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::element::lock;

/// How often the background looks.
const TICK: Duration = Duration::from_secs(1);

/// A thread that looks at files once a second. It ends when this is dropped.
pub(super) struct Background {
    stop: Arc<(Mutex<bool>, Condvar)>,
    /// The same for who must not wait for the lock.
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Calls `tick` once a second until this is dropped; it is waited for, so what may take long asks now and then whether it
    /// is to go on.
    pub(super) fn start(name: &str, mut tick: impl FnMut(&dyn Fn() -> bool) + Send + 'static) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (stopped, ends) = (stop.clone(), stopping.clone());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let (flag, wake) = &*stopped;
            let mut stop = lock(flag);
            while !*stop {
                let (guard, wait) = wake.wait_timeout(stop, TICK).unwrap_or_else(PoisonError::into_inner);
                stop = guard;
                if wait.timed_out() && !*stop {
                    drop(stop);
                    tick(&|| !ends.load(Relaxed));
                    stop = lock(flag);
                }
            }
        })?;
        Ok(Self { stop, stopping, thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stopping.store(true, Relaxed);
        *lock(&self.stop.0) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // a panic in there was reported by its own message
            thread.join().ok();
        }
    }
}

/// Tells when files change: by time of modification and length.
#[derive(Default)]
pub(super) struct Changes(HashMap<String, Option<(SystemTime, u64)>>);

impl Changes {
    /// Remembers how `path` is now.
    pub(super) fn remember(&mut self, path: &str) {
        self.0.insert(path.to_owned(), look(path));
    }

    /// Whether `path` changed since it was asked for or remembered last, and is there.
    pub(super) fn changed(&mut self, path: &str) -> bool {
        let now = look(path);
        let before = self.0.insert(path.to_owned(), now);
        now.is_some() && before != Some(now)
    }
}

fn look(path: &str) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_learns_that_it_is_to_end() {
        let (began, has_begun) = std::sync::mpsc::channel();
        let background = Background::start("long", move |goes_on| {
            began.send(()).ok();
            let end = std::time::Instant::now() + Duration::from_secs(20);
            while goes_on() && std::time::Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        has_begun.recv_timeout(Duration::from_secs(10)).unwrap();
        let start = std::time::Instant::now();
        drop(background.unwrap());
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }

    #[test]
    fn a_change_is_told_once() {
        let path = std::env::temp_dir().join(format!("alprdedup-changes-{}", std::process::id()));
        let name = path.to_string_lossy().into_owned();
        let mut changes = Changes::default();
        changes.remember(&name);
        assert!(!changes.changed(&name), "not there");
        std::fs::write(&path, "a").unwrap();
        assert!(changes.changed(&name) && !changes.changed(&name));
        std::fs::write(&path, "ab").unwrap();
        assert!(changes.changed(&name) && !changes.changed(&name));
        std::fs::remove_file(&path).unwrap();
        assert!(!changes.changed(&name), "a file that went away keeps its last content in use");
    }
}
