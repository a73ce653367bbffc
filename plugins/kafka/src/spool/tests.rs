use super::*;

fn record(number: u32, bytes: usize) -> Record {
    let mut value = number.to_be_bytes().to_vec();
    value.resize(bytes.max(4), b'.');
    Record {
        topic: "t".into(),
        key: None,
        headers: Vec::new(),
        timestamp_ms: 0,
        value,
        received_ms: i64::from(number),
        dead_from: None,
    }
}

fn number(record: &Record) -> u32 {
    u32::from_be_bytes(record.value[..4].try_into().unwrap())
}

fn config(location: Option<PathBuf>) -> SpoolConfig {
    SpoolConfig {
        location,
        max_bytes: 1 << 40,
        max_in_flight_bytes: 1 << 40,
        when_full: WhenFull::Error,
        sync: Sync::Never,
    }
}

fn open(config: SpoolConfig) -> Spool {
    let (spool, missing) = Spool::open(config).unwrap();
    assert_eq!(missing, 0);
    spool
}

fn take(spool: &Spool, max: usize) -> Vec<(Seq, u32)> {
    let records = spool.next(max, Duration::ZERO).unwrap();
    records.iter().map(|(seq, record)| (*seq, number(record))).collect()
}

fn take_all(spool: &Spool) -> Vec<(Seq, u32)> {
    let mut all = Vec::new();
    loop {
        let some = take(spool, 100);
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

fn numbers(records: &[(Seq, u32)]) -> Vec<u32> {
    records.iter().map(|(_, number)| *number).collect()
}

fn deliver(spool: &Spool, records: &[(Seq, u32)]) {
    for (seq, _) in records {
        spool.delivered(*seq);
    }
    spool.settle().unwrap();
}

/// Runs a body against a spool in memory and one on disk.
fn both(body: impl Fn(&dyn Fn() -> SpoolConfig)) {
    body(&|| config(None));
    let dir = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    body(&|| {
        number.set(number.get() + 1);
        config(Some(dir.path().join(number.get().to_string())))
    });
}

#[test]
fn records_come_out_in_order_and_leave_when_delivered() {
    both(|config| {
        let spool = open(config());
        for n in 0..10 {
            spool.append(record(n, 100)).unwrap();
        }
        let first = take(&spool, 4);
        assert_eq!(numbers(&first), [0, 1, 2, 3]);
        assert_eq!(spool.depth().records, 10);
        deliver(&spool, &first);
        let depth = spool.depth();
        assert_eq!((depth.records, depth.in_flight, depth.bytes), (6, 0, 6 * 101));
        assert_eq!(numbers(&take_all(&spool)), [4, 5, 6, 7, 8, 9]);
        assert_eq!(spool.depth().oldest_ms, Some(4));
    });
}

#[test]
fn a_rewind_hands_out_everything_unconfirmed_again_in_order() {
    both(|config| {
        let spool = open(config());
        for n in 0..6 {
            spool.append(record(n, 10)).unwrap();
        }
        let sent = take(&spool, 4);
        deliver(&spool, &sent[1..2]);
        spool.rewind().unwrap();
        assert_eq!(spool.depth().in_flight, 0);
        spool.append(record(6, 10)).unwrap();
        assert_eq!(numbers(&take_all(&spool)), [0, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn a_late_report_of_a_rewound_record_is_ignored() {
    both(|config| {
        let spool = open(config());
        spool.append(record(0, 10)).unwrap();
        let sent = take(&spool, 1);
        spool.rewind().unwrap();
        deliver(&spool, &sent);
        assert_eq!(spool.depth().records, 1);
        let again = take(&spool, 1);
        assert_eq!(numbers(&again), [0]);
        deliver(&spool, &again);
        assert_eq!(spool.depth().records, 0);
    });
}

#[test]
fn more_than_the_window_is_read_back_from_disk_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(config(Some(dir.path().join("s"))));
    let size = 100_000;
    let count = (3 * WINDOW_BYTES / size) as u32;
    for n in 0..count {
        spool.append(record(n, size as usize)).unwrap();
    }
    assert!(lock(&spool.state).ready_bytes <= WINDOW_BYTES);
    let mut all = take(&spool, count as usize / 2);
    for n in count..count + 10 {
        spool.append(record(n, size as usize)).unwrap();
    }
    all.extend(take_all(&spool));
    assert_eq!(numbers(&all), (0..count + 10).collect::<Vec<_>>());
    deliver(&spool, &all);
    assert_eq!((spool.depth().records, spool.depth().bytes), (0, 0));
}

#[test]
fn a_spool_on_disk_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(Some(dir.path().join("s")));
    let spool = open(config.clone());
    for n in 0..5 {
        spool.append(record(n, 50)).unwrap();
    }
    let sent = take(&spool, 2);
    deliver(&spool, &sent[..1]);
    drop(spool);
    let spool = open(config.clone());
    assert_eq!((spool.depth().records, spool.depth().bytes), (4, 4 * 51));
    spool.append(record(5, 50)).unwrap();
    let all = take_all(&spool);
    assert_eq!(numbers(&all), [1, 2, 3, 4, 5]);
    assert_eq!(all[4].0, 5, "numbers go on after a restart");
    deliver(&spool, &all);
    drop(spool);
    // All gone: the numbers must still not start again.
    let spool = open(config);
    spool.append(record(6, 50)).unwrap();
    assert_eq!(take_all(&spool), [(6, 6)]);
}

#[test]
fn a_second_user_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(Some(dir.path().join("s")));
    let _first = open(config.clone());
    let Err(err) = Spool::open(config) else { panic!("opened twice") };
    assert!(err.to_string().contains("in use by another kafkasink"), "{err}");
}

#[test]
fn the_error_policy_refuses_and_keeps_what_it_has() {
    both(|config| {
        let spool = open(SpoolConfig { max_bytes: 250, ..config() });
        spool.append(record(0, 100)).unwrap();
        spool.append(record(1, 100)).unwrap();
        let err = spool.append(record(2, 100)).unwrap_err();
        assert!(matches!(err, AppendError::Full { bytes: 202, max_bytes: 250, disk_full: false }), "{err:?}");
        deliver(&spool, &take(&spool, 1));
        spool.append(record(3, 100)).unwrap();
        assert_eq!(numbers(&take_all(&spool)), [1, 3]);
    });
}

#[test]
fn drop_oldest_keeps_what_is_on_its_way() {
    both(|config| {
        let spool = open(SpoolConfig { max_bytes: 350, when_full: WhenFull::DropOldest, ..config() });
        for n in 0..3 {
            spool.append(record(n, 100)).unwrap();
        }
        let sent = take(&spool, 1);
        assert_eq!(spool.append(record(3, 100)).unwrap(), 1, "1 is dropped, 0 is on its way");
        assert_eq!(spool.append(record(4, 100)).unwrap(), 1, "2 is dropped");
        deliver(&spool, &sent);
        assert_eq!(numbers(&take_all(&spool)), [3, 4]);
        assert_eq!(spool.depth().bytes, 202);
    });
}

#[test]
fn the_block_policy_waits_for_room_and_can_be_cancelled() {
    both(|config| {
        let spool = Arc::new(open(SpoolConfig { max_bytes: 150, when_full: WhenFull::Block, ..config() }));
        spool.append(record(0, 100)).unwrap();
        let other = spool.clone();
        let blocked = std::thread::spawn(move || other.append(record(1, 100)).map_err(|err| format!("{err:?}")));
        let sent = take(&spool, 1);
        deliver(&spool, &sent);
        blocked.join().unwrap().unwrap();
        let other = spool.clone();
        let blocked = std::thread::spawn(move || other.append(record(2, 100)).map_err(|err| format!("{err:?}")));
        spool.set_flushing(true);
        assert_eq!(blocked.join().unwrap(), Err("Flushing".to_string()));
        assert_eq!(numbers(&take_all(&spool)), [1]);
    });
}

#[test]
fn one_record_larger_than_the_spool_is_taken_when_it_is_alone() {
    both(|config| {
        let spool = open(SpoolConfig { max_bytes: 10, ..config() });
        spool.append(record(0, 100)).unwrap();
        assert!(spool.append(record(1, 1)).is_err());
        assert_eq!(numbers(&take_all(&spool)), [0]);
    });
}

#[test]
fn a_dead_letter_takes_the_place_at_the_end() {
    both(|config| {
        let spool = open(config());
        for n in 0..3 {
            spool.append(record(n, 10)).unwrap();
        }
        let sent = take(&spool, 2);
        spool.replace(sent[0].0, record(100, 10)).unwrap();
        spool.discard(sent[1].0).unwrap();
        assert_eq!(spool.depth().records, 2);
        assert_eq!(numbers(&take_all(&spool)), [2, 100]);
    });
}

#[test]
fn no_more_is_handed_out_than_the_in_flight_limit() {
    both(|config| {
        let spool = open(SpoolConfig { max_in_flight_bytes: 250, ..config() });
        for n in 0..9 {
            spool.append(record(n, 100)).unwrap();
        }
        let sent = take(&spool, 100);
        assert_eq!(numbers(&sent), [0, 1, 2], "the limit is passed by one record at most");
        assert!(take(&spool, 100).is_empty());
        deliver(&spool, &sent[..1]);
        assert_eq!(numbers(&take(&spool, 100)), [3]);
    });
}

#[test]
fn a_cut_journal_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let spool = open(config(Some(path.clone())));
    for n in 0..100 {
        spool.append(record(n, 1000)).unwrap();
    }
    drop(spool);
    let journal = journal(&path);
    let length = std::fs::metadata(&journal).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(length.min(50_500)).unwrap();
    let (spool, missing) = Spool::open(config(Some(path))).unwrap();
    let left = spool.depth().records;
    assert!((1..100).contains(&left) && left + missing == 100, "{left} left, {missing} missing");
    assert_eq!(numbers(&take_all(&spool)), (0..left as u32).collect::<Vec<_>>());
    spool.append(record(100, 10)).unwrap();
}

#[test]
fn flipped_bits_are_noticed_and_nothing_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let spool = open(config(Some(path.clone())));
    for n in 0..100 {
        spool.append(record(n, 1000)).unwrap();
    }
    drop(spool);
    let journal = journal(&path);
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
