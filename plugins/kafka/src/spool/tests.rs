//! Order, recovery and limits; the rest is in the files below.

mod damage;
mod model;
mod passing;
mod room;

use super::*;
use crate::settings::Partitioner;
use std::{path::PathBuf, sync::atomic::AtomicU64};

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

/// What `records` records of `bytes` bytes count for.
fn size(records: u64, bytes: usize) -> u64 {
    records * record(0, bytes).size()
}

fn number(record: &Record) -> u32 {
    u32::from_be_bytes(record.value[..4].try_into().unwrap())
}

fn config(location: Option<PathBuf>) -> SpoolConfig {
    SpoolConfig::for_tests(location)
}

fn open(config: SpoolConfig) -> Spool {
    let (spool, missing) = Spool::open(config).unwrap();
    assert_eq!(missing, 0);
    spool
}

/// Makes room and takes a record; gives how many were dropped for it.
fn put(spool: &Spool, record: Record) -> Result<u64, NoRoom> {
    let dropped = AtomicU64::new(0);
    spool.make_room(record.size(), &dropped, || ())?;
    spool.append(record).unwrap();
    Ok(dropped.into_inner())
}

fn take(spool: &Spool, max: usize) -> Vec<(Seq, u32)> {
    let records = spool.next(max, Seq::MAX, Duration::ZERO).unwrap();
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
        spool.delivered(*seq, || ());
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
            put(&spool, record(n, 100)).unwrap();
        }
        let first = take(&spool, 4);
        assert_eq!(numbers(&first), [0, 1, 2, 3]);
        assert_eq!(spool.depth().records, 10);
        deliver(&spool, &first);
        let depth = spool.depth();
        assert_eq!((depth.records, depth.in_flight, depth.bytes), (6, 0, size(6, 100)));
        assert_eq!(numbers(&take_all(&spool)), [4, 5, 6, 7, 8, 9]);
        assert_eq!(spool.depth().oldest_ms, Some(4));
    });
}

#[test]
fn a_rewind_hands_out_everything_unconfirmed_again_in_order() {
    both(|config| {
        let spool = open(config());
        for n in 0..6 {
            put(&spool, record(n, 10)).unwrap();
        }
        let sent = take(&spool, 4);
        deliver(&spool, &sent[1..2]);
        spool.rewind().unwrap();
        assert_eq!(spool.depth().in_flight, 0);
        put(&spool, record(6, 10)).unwrap();
        assert_eq!(numbers(&take_all(&spool)), [0, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn a_late_report_of_a_rewound_record_is_ignored() {
    both(|config| {
        let spool = open(config());
        put(&spool, record(0, 10)).unwrap();
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
fn a_report_after_the_close_counts_nothing_and_the_record_stays() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(Some(dir.path().join("s")));
    let spool = open(config.clone());
    for n in 0..3 {
        put(&spool, record(n, 10)).unwrap();
    }
    let (sent, counted) = (take(&spool, 2), std::cell::Cell::new(0));
    let count = || counted.set(counted.get() + 1);
    spool.delivered(sent[0].0, count);
    spool.close().unwrap();
    // A client that did not close in time still reports.
    spool.delivered(sent[1].0, count);
    spool.close().unwrap();
    assert_eq!((counted.get(), spool.depth().records), (1, 2));
    drop(spool);
    assert_eq!(numbers(&take_all(&open(config))), [1, 2]);
}

#[test]
fn more_than_the_window_is_read_back_from_disk_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(config(Some(dir.path().join("s"))));
    let size = 100_000;
    let count = (3 * WINDOW_BYTES / size) as u32;
    for n in 0..count {
        put(&spool, record(n, size as usize)).unwrap();
    }
    assert!(lock(&spool.state).ready_bytes <= WINDOW_BYTES);
    let mut all = take(&spool, count as usize / 2);
    for n in count..count + 10 {
        put(&spool, record(n, size as usize)).unwrap();
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
        put(&spool, record(n, 50)).unwrap();
    }
    let sent = take(&spool, 2);
    deliver(&spool, &sent[..1]);
    drop(spool);
    let spool = open(config.clone());
    assert_eq!((spool.depth().records, spool.depth().bytes), (4, size(4, 50)));
    put(&spool, record(5, 50)).unwrap();
    let all = take_all(&spool);
    assert_eq!(numbers(&all), [1, 2, 3, 4, 5]);
    assert_eq!(all[4].0, 5, "numbers go on after a restart");
    deliver(&spool, &all);
    drop(spool);
    // All gone: the numbers must still not start again.
    let spool = open(config);
    put(&spool, record(6, 50)).unwrap();
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
fn a_dead_letter_takes_the_place_at_the_end() {
    both(|config| {
        let spool = open(config());
        for n in 0..3 {
            put(&spool, record(n, 10)).unwrap();
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
        let spool = open(SpoolConfig { max_in_flight_bytes: size(2, 100) + 50, ..config() });
        for n in 0..9 {
            put(&spool, record(n, 100)).unwrap();
        }
        let sent = take(&spool, 100);
        assert_eq!(numbers(&sent), [0, 1, 2], "the limit is passed by one record at most");
        assert!(take(&spool, 100).is_empty());
        deliver(&spool, &sent[..1]);
        assert_eq!(numbers(&take(&spool, 100)), [3]);
    });
}

#[test]
fn records_behind_a_mark_wait() {
    both(|config| {
        let spool = open(config());
        for n in 0..6 {
            put(&spool, record(n, 10)).unwrap();
        }
        let until =
            |last| spool.next(100, last, Duration::ZERO).unwrap().iter().map(|(seq, _)| *seq).collect::<Vec<_>>();
        assert_eq!(until(2), [0, 1, 2]);
        assert!(until(2).is_empty());
        spool.rewind().unwrap();
        assert_eq!(spool.depth().oldest_ms, Some(0), "the age is known also before anything is read back");
        assert_eq!(until(1), [0, 1]);
        assert_eq!(until(Seq::MAX), [2, 3, 4, 5]);
    });
}

/// A power cut costs what is not synced: work that just missed the time to sync must not rest for as long again.
#[test]
fn the_work_rests_no_longer_than_until_the_next_sync() {
    for (sync, longest) in [(Sync::Batch, 40), (Sync::Always, 100), (Sync::Never, 100)] {
        let spool = open(SpoolConfig { sync, ..config(None) });
        let now = std::time::Instant::now();
        let pace = |ago| Pace { synced: now.checked_sub(Duration::from_millis(ago)), ..Pace::default() };
        let rest = |ago| spool.rest(&pace(ago)).as_millis();
        assert_eq!(rest(60), 1000, "{sync:?}, empty");
        put(&spool, record(0, 10)).unwrap();
        assert!((10..=longest).contains(&rest(60)), "{sync:?}, new");
        assert_eq!(rest(200), if sync == Sync::Batch { 10 } else { 100 }, "{sync:?}, new, and the sync fails");
        spool.tidy(&mut Pace::default()).unwrap();
        assert_eq!(rest(60), 100, "{sync:?}, tidy");
    }
}

/// The keeper sleeps until there is something to do: fifty idle sinks in one process must cost nothing to speak of.
#[test]
fn the_work_rests_until_something_is_there() {
    let spool = Arc::new(open(config(None)));
    let timed = || {
        let start = std::time::Instant::now();
        (spool.wait_for_work(&Pace::default()), start.elapsed())
    };
    let (work, took) = timed();
    assert!(!work && took > Duration::from_millis(900), "empty: {took:?}");
    let (woken, was_woken) = std::sync::mpsc::channel();
    let other = spool.clone();
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        put(&other, record(0, 10)).unwrap();
        was_woken.recv().unwrap();
        let sent = take(&other, 1);
        other.delivered(sent[0].0, || ());
    });
    let (work, took) = timed();
    assert!(!work && took < Duration::from_millis(800), "a record is to be synced: {took:?}");
    woken.send(()).unwrap();
    assert!((0..50).any(|_| timed().0), "a report");
    later.join().unwrap();
    assert!(timed().0, "it is still there");
    spool.settle().unwrap();
    let other = spool.clone();
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        other.stop();
    });
    assert!(timed().1 < Duration::from_millis(800), "a stop ends the wait");
    later.join().unwrap();
}
