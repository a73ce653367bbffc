//! Stores that fail, and files that are not what was written.

use super::*;

/// A store that can be told to fail when records are removed.
#[derive(Default)]
struct Faulty {
    memory: MemoryStore,
    failing: std::sync::atomic::AtomicBool,
    /// Called before a removal fails.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Store for Arc<Faulty> {
    fn append(&self, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        self.memory.append(seq, record)
    }
    fn replace(&self, old: Seq, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        self.memory.replace(old, seq, record)
    }
    fn remove(&self, seqs: &[Seq], next: Seq) -> Result<(), StoreError> {
        match self.failing.load(std::sync::atomic::Ordering::Relaxed) {
            true => {
                if let Some(meanwhile) = lock(&self.meanwhile).take() {
                    meanwhile();
                }
                Err(StoreError::Refused { path: "faulty".into() })
            }
            false => self.memory.remove(seqs, next),
        }
    }
    fn read(&self, from: Seq, to: Seq, max_bytes: u64) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        self.memory.read(from, to, max_bytes)
    }
    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
    fn durable(&self) -> bool {
        false
    }
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

#[test]
fn a_store_that_fails_for_a_while_holds_nothing_back() {
    let faulty = Arc::new(Faulty::default());
    let mut spool = open(config(None));
    spool.store = Box::new(faulty.clone());
    for n in 0..4 {
        put(&spool, record(n, 10)).unwrap();
    }
    let sent = take(&spool, 3);
    faulty.failing.store(true, std::sync::atomic::Ordering::Relaxed);
    spool.delivered(sent[0].0, || ());
    assert!(spool.settle().is_err() && spool.rewind().is_err());
    assert_eq!(spool.depth().in_flight, 0);
    faulty.failing.store(false, std::sync::atomic::Ordering::Relaxed);
    let again = take_all(&spool);
    assert_eq!(numbers(&again), [0, 1, 2, 3], "one comes twice, none is forgotten");
    deliver(&spool, &again);
    assert_eq!((spool.depth().records, spool.depth().bytes), (0, 0));
}

/// A spool that drops the oldest, full with three records.
fn full_on_a_faulty_store() -> (Arc<Faulty>, Spool) {
    let faulty = Arc::new(Faulty::default());
    let mut spool = open(SpoolConfig { max_bytes: size(3, 10), when_full: WhenFull::DropOldest, ..config(None) });
    spool.store = Box::new(faulty.clone());
    for n in 0..3 {
        put(&spool, record(n, 10)).unwrap();
    }
    (faulty, spool)
}

#[test]
fn the_oldest_that_cannot_be_dropped_stays_and_counts() {
    let (faulty, spool) = full_on_a_faulty_store();
    let before = spool.depth();
    faulty.failing.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(put(&spool, record(3, 10)), Err(NoRoom::Store(_))));
    assert_eq!(spool.depth(), before);
    assert_eq!(numbers(&take_all(&spool)), [0, 1, 2]);
}

#[test]
fn nothing_passes_the_oldest_while_it_cannot_be_dropped() {
    let (faulty, spool) = full_on_a_faulty_store();
    let spool = Arc::new(spool);
    let (told, taken) = std::sync::mpsc::channel();
    let sender = spool.clone();
    *lock(&faulty.meanwhile) = Some(Box::new(move || {
        std::thread::spawn(move || told.send(take(&sender, 1)).unwrap());
        // Time enough for that thread to take what it can get.
        std::thread::sleep(Duration::from_millis(200));
    }));
    faulty.failing.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(put(&spool, record(3, 10)), Err(NoRoom::Store(_))));
    let mut all = taken.recv_timeout(Duration::from_secs(10)).unwrap();
    all.extend(take_all(&spool));
    assert_eq!(numbers(&all), [0, 1, 2]);
}

/// Leaves a hundred records in the spool at `path`; the file that has them.
fn left_by_another_run(path: &std::path::Path) -> PathBuf {
    let spool = open(config(Some(path.to_path_buf())));
    for n in 0..100 {
        put(&spool, record(n, 1000)).unwrap();
    }
    drop(spool);
    journal(path)
}

#[test]
fn a_cut_journal_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let journal = left_by_another_run(&path);
    let length = std::fs::metadata(&journal).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(length.min(50_500)).unwrap();
    let (spool, missing) = Spool::open(config(Some(path))).unwrap();
    let left = spool.depth().records;
    assert!((1..100).contains(&left) && left + missing == 100, "{left} left, {missing} missing");
    assert_eq!(numbers(&take_all(&spool)), (0..left as u32).collect::<Vec<_>>());
    put(&spool, record(100, 10)).unwrap();
}

#[test]
fn what_is_missing_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let journal = left_by_another_run(&path);
    std::fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(50_500).unwrap();
    let (spool, missing) = Spool::open(config(Some(path.clone()))).unwrap();
    assert!(missing > 0);
    drop(spool);
    let (_, missing) = Spool::open(config(Some(path))).unwrap();
    assert_eq!(missing, 0);
}

#[test]
fn a_full_disk_does_not_empty_the_spool() {
    both(|config| {
        let spool = open(SpoolConfig { when_full: WhenFull::DropOldest, ..config() });
        for n in 0..5 {
            put(&spool, record(n, 100)).unwrap();
        }
        lock(&spool.state).disk_full = true;
        let err = put(&spool, record(5, 100)).unwrap_err();
        assert!(matches!(err, NoRoom::DropNew), "removing records frees no space soon: {err:?}");
        assert_eq!(numbers(&take_all(&spool)), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn flipped_bits_are_noticed_and_nothing_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let journal = left_by_another_run(&path);
    let mut bytes = std::fs::read(&journal).unwrap();
    for byte in &mut bytes[50_100..50_200] {
        *byte ^= 0x5a;
    }
    std::fs::write(&journal, &bytes).unwrap();
    let before = bytes.len();
    match Spool::open(config(Some(path))) {
        Err(err) => {
            assert!(err.to_string().contains("is damaged"), "{err}");
            assert_eq!(std::fs::read(&journal).unwrap().len(), before, "the files were not touched");
        }
        Ok((spool, missing)) => assert_eq!(spool.depth().records + missing, 100),
    }
}

fn journal(path: &std::path::Path) -> PathBuf {
    let mut journals: Vec<_> = std::fs::read_dir(path.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jnl"))
        .collect();
    journals.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
    journals.pop().expect("a journal")
}

#[test]
fn a_place_that_is_no_directory_is_a_clear_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let Err(err) = Spool::open(config(Some(file.path().to_path_buf()))) else { panic!("opened a file") };
    assert!(err.to_string().contains("Set spool-location to a directory"), "{err}");
}
