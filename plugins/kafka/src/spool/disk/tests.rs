use super::*;
use crate::spool::{Spool, SpoolConfig};
use std::time::{Duration, Instant};

const KIB: usize = 1000;

fn record() -> Record {
    Record {
        topic: "t".into(),
        key: None,
        headers: Vec::new(),
        timestamp_ms: 0,
        value: vec![b'.'; KIB],
        received_ms: 0,
        dead_from: None,
    }
}

#[test]
fn a_long_outage_is_on_disk_and_not_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = DiskStore::open(dir.path(), false).unwrap();
    let record = Arc::new(record());
    // As fast as it goes: fjall's worker has no time to breathe.
    for seq in 0..200_000 {
        store.append(seq, &record).unwrap();
        let in_memory = store.db.write_buffer_size();
        assert!(in_memory < 8 * MEMTABLE_BYTES, "{in_memory} bytes are in memory after {seq} records");
    }
}

fn seqs(store: &DiskStore) -> Vec<Seq> {
    store.read(0, Seq::MAX, u64::MAX).unwrap().iter().map(|(seq, _)| *seq).collect()
}

#[test]
fn a_record_that_could_not_be_synced_is_an_error_and_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = DiskStore::open(dir.path(), true).unwrap();
    let record = Arc::new(record());
    store.append(0, &record).unwrap();
    store.sync_fails.store(true, Relaxed);
    let err = store.append(1, &record).unwrap_err();
    assert!(err.to_string().contains("Could not sync the spool"), "{err}");
    drop(store);
    let (store, found) = DiskStore::open(dir.path(), true).unwrap();
    assert_eq!((seqs(&store), found.records, found.missing, found.next_seq), (vec![0, 1], 2, 0, 2));
}

#[test]
fn a_high_water_mark_that_cannot_be_written_loses_no_record_and_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = DiskStore::open(dir.path(), false).unwrap();
    let record = Arc::new(record());
    store.append(0, &record).unwrap();
    store.accepted = File::open(dir.path().join(HIGH_WATER_FILE)).unwrap(); // not for writing
    store.append(1, &record).unwrap();
    store.replace(1, 2, &record).unwrap();
    drop(store);
    let (store, found) = DiskStore::open(dir.path(), false).unwrap();
    assert_eq!((seqs(&store), found.next_seq, found.missing), (vec![0, 2], 3, 0));
}

fn open(path: &Path) -> Spool {
    let config = SpoolConfig::for_tests(Some(path.to_path_buf()));
    Spool::open(config).unwrap().0
}

/// Takes in and delivers as many records as `rounds` thousands, with `backlog` thousands behind them.
fn pass_through(spool: &Spool, rounds: usize, backlog: usize) {
    for round in 0..rounds + backlog {
        for _ in 0..1000 {
            spool.append(record()).unwrap();
        }
        if round >= backlog {
            deliver(spool, 1000);
            spool.reclaim().unwrap();
        }
    }
}

fn deliver(spool: &Spool, mut records: usize) {
    while records > 0 {
        let sent = spool.next(records, Seq::MAX, Duration::ZERO).unwrap();
        sent.iter().for_each(|(seq, _)| spool.delivered(*seq, || ()));
        records -= sent.len();
    }
    spool.settle().unwrap();
}

fn all(spool: &Spool) -> Vec<Seq> {
    let next = || spool.next(1000, Seq::MAX, Duration::ZERO).unwrap();
    std::iter::from_fn(|| Some(next()).filter(|records| !records.is_empty())).flatten().map(|(seq, _)| seq).collect()
}

/// Tables in the directory, once those that are dropped are gone: fjall deletes them in its own time.
#[track_caller]
fn check_tables(path: &Path, spool: &Spool, most: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        spool.reclaim().unwrap();
        let bytes = size(&path.join(DATABASE).join("keyspaces"));
        if bytes < most {
            return;
        }
        assert!(Instant::now() < deadline, "{bytes} bytes of tables, want {most} at most");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn size(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.metadata().map_or(0, |m| if m.is_dir() { size(&entry.path()) } else { m.len() })).sum()
}

#[test]
fn what_left_is_gone_from_the_disk_while_a_backlog_stays() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    pass_through(&spool, 150, 20);
    assert_eq!(spool.depth().records, 20_000);
    check_tables(dir.path(), &spool, 20_000 * KIB as u64 + 4 * MEMTABLE_BYTES);
    spool.close().unwrap();
    drop(spool);
    let spool = open(dir.path());
    assert_eq!(all(&spool), (150_000..170_000).collect::<Vec<_>>());
}

#[test]
fn a_record_that_stays_does_not_hold_those_that_leave_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for _ in 0..3 {
        spool.append(record()).unwrap();
    }
    let stuck = spool.next(3, Seq::MAX, Duration::ZERO).unwrap();
    pass_through(&spool, 150, 5);
    assert_eq!(spool.depth().records, 5003);
    check_tables(dir.path(), &spool, RESCUE_BYTES + 5000 * KIB as u64 + 4 * MEMTABLE_BYTES);
    // One arrives after all, one is handed out again, one survives the process too.
    spool.delivered(stuck[1].0, || ());
    spool.rewind().unwrap();
    assert_eq!(spool.get(0).unwrap().map(|record| record.value.len()), Some(KIB));
    let sent = spool.next(1, Seq::MAX, Duration::ZERO).unwrap();
    assert_eq!(sent[0].0, 0);
    spool.delivered(0, || ());
    spool.close().unwrap();
    drop(spool);
    let spool = open(dir.path());
    let expected: Vec<Seq> = std::iter::once(2).chain(150_003..155_003).collect();
    assert_eq!(all(&spool), expected);
    expected.iter().for_each(|seq| spool.delivered(*seq, || ()));
    spool.settle().unwrap();
    assert_eq!((spool.depth().records, spool.depth().bytes), (0, 0));
    drop(spool);
    assert_eq!(all(&open(dir.path())), Vec::<Seq>::new());
}

#[test]
fn a_spool_of_the_first_form_is_still_read() {
    let dir = tempfile::tempdir().unwrap();
    {
        // Before `gone` and `first` existed, records were removed one by one.
        let db = Database::builder(dir.path().join(DATABASE)).open().unwrap();
        let records = db.keyspace("records", KeyspaceCreateOptions::default).unwrap();
        let facts = db.keyspace("facts", KeyspaceCreateOptions::default).unwrap();
        for seq in 0_u64..10 {
            records.insert(seq.to_be_bytes(), DiskStore::encode(&record()).unwrap()).unwrap();
        }
        for seq in [0_u64, 1, 2, 5] {
            records.remove_weak(seq.to_be_bytes()).unwrap();
        }
        facts.insert(NEXT_KEY, 10_u64.to_be_bytes()).unwrap();
    }
    let spool = open(dir.path());
    assert_eq!(all(&spool), [3, 4, 6, 7, 8, 9]);
    spool.delivered(3, || ());
    spool.settle().unwrap();
    spool.reclaim().unwrap();
    spool.rewind().unwrap();
    assert_eq!(all(&spool), [4, 6, 7, 8, 9]);
}
