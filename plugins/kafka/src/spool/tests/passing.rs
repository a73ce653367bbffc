//! Some records get no report while others do.

use super::*;
use crate::partition;

/// Nobody waits in these tests: whatever was handed out before a confirmed record is late.
const AT_ONCE: Duration = Duration::from_nanos(1);

/// A record with a key of its own numbers: those of a key that begins with `s` get no report here.
fn of(key: &str, number: u32) -> Record {
    Record { key: Some(key.into()), ..record(number, 100) }
}

fn is_stuck(number: u32) -> bool {
    number.is_multiple_of(4)
}

fn fill(spool: &Spool, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let key = if is_stuck(n) { format!("s{}", n % 8) } else { format!("k{}", n % 4) };
        put(spool, of(&key, n)).unwrap();
    }
}

/// Takes what comes and confirms what is not stuck, until nothing comes any more; gives all that was taken.
fn pump(spool: &Spool) -> Vec<(Seq, u32)> {
    let mut all = Vec::new();
    for _ in 0..2000 {
        let some = take(spool, 10);
        let good: Vec<_> = some.iter().copied().filter(|(_, n)| !is_stuck(*n)).collect();
        deliver(spool, &good);
        // As the sender does when nothing comes.
        if some.is_empty() {
            spool.let_others_pass();
        }
        lock(&spool.state).lanes.look_now();
        all.extend(some);
        if all.last().is_some() && lock(&spool.state).ready.is_empty() && lock(&spool.state).spilled.is_none() {
            break;
        }
    }
    all
}

fn limited(config: SpoolConfig) -> SpoolConfig {
    SpoolConfig { max_in_flight_bytes: of("k1", 0).size() * 40, stuck_after: AT_ONCE, ..config }
}

fn of_stuck(numbers: &[u32]) -> Vec<u32> {
    numbers.iter().copied().filter(|n| is_stuck(*n)).collect()
}

#[test]
fn what_is_stuck_holds_only_what_follows_in_its_lane() {
    both(|config| {
        let spool = open(limited(config()));
        fill(&spool, 0..1000);
        let sent = numbers(&pump(&spool));
        let healthy: Vec<u32> = sent.iter().copied().filter(|n| !is_stuck(*n)).collect();
        assert_eq!(healthy, (0..1000).filter(|n| !is_stuck(*n)).collect::<Vec<_>>(), "all others came, in order");
        let stuck = of_stuck(&sent);
        let depth = spool.depth();
        assert!(depth.in_flight_bytes <= spool.config.max_in_flight_bytes * 3 / 2 + size(1, 102), "{depth:?}");
        assert_eq!((depth.records, depth.in_flight + depth.held_back), (250, 250), "{depth:?}");
        assert!(depth.held_back >= 190 && spool.stuck(|_| false).is_some(), "{depth:?}");
        // The partition is there again.
        let in_flight: Vec<(Seq, u32)> = stuck.iter().map(|n| (u64::from(*n), *n)).collect();
        deliver(&spool, &in_flight);
        lock(&spool.state).lanes.look_now();
        fill(&spool, 1000..1008);
        let mut rest = Vec::new();
        loop {
            let some = take(&spool, 10);
            if some.is_empty() {
                break;
            }
            deliver(&spool, &some);
            lock(&spool.state).lanes.look_now();
            rest.extend(some);
        }
        for key in [0, 4] {
            let all: Vec<u32> =
                stuck.iter().copied().chain(of_stuck(&numbers(&rest))).filter(|n| n % 8 == key).collect();
            assert_eq!(all, (0..1008).filter(|n| n % 8 == key).collect::<Vec<_>>(), "s{key}, in order and complete");
        }
        assert_eq!((spool.depth().records, spool.depth().held_back, spool.stuck(|_| false)), (0, 0, None));
    });
}

#[test]
fn a_rewind_sends_what_was_held_back_in_its_place() {
    both(|config| {
        let spool = open(limited(config()));
        fill(&spool, 0..1000);
        pump(&spool);
        assert!(spool.depth().held_back > 0, "the test must have met the case");
        spool.rewind().unwrap();
        let depth = spool.depth();
        assert_eq!((depth.held_back, depth.in_flight, depth.oldest_ms), (250, 0, Some(0)), "what is known to be stuck");
        let mut all = Vec::new();
        loop {
            let some = take(&spool, 10);
            if some.is_empty() {
                break;
            }
            deliver(&spool, &some);
            all.extend(some);
        }
        for key in [0, 4] {
            let of_key: Vec<u32> = numbers(&all).into_iter().filter(|n| n % 8 == key).collect();
            assert_eq!(of_key, (0..1000).filter(|n| n % 8 == key).collect::<Vec<_>>(), "s{key}");
        }
        let depth = spool.depth();
        assert_eq!((all.len(), depth.records, depth.oldest_ms), (250, 0, None), "each once");
    });
}

/// A new client after another failure.
#[test]
fn a_rewind_holds_nobody_up_with_what_is_known_to_be_stuck() {
    both(|config| {
        let spool = open(limited(config()));
        fill(&spool, 0..1000);
        pump(&spool);
        for round in 1..4 {
            spool.rewind().unwrap();
            fill(&spool, round * 1000..(round + 1) * 1000);
            let before = spool.depth();
            let first = take(&spool, 10);
            assert!(first.iter().any(|(_, n)| !is_stuck(*n)), "{first:?} of {before:?}");
            deliver(&spool, &first.into_iter().filter(|(_, n)| !is_stuck(*n)).collect::<Vec<_>>());
            pump(&spool);
            let depth = spool.depth();
            assert_eq!(u64::from(round + 1) * 250, depth.in_flight + depth.held_back, "{depth:?}");
        }
    });
}

/// Nothing holds back a key that never waited, but the partition is known.
#[test]
fn a_partition_that_is_stuck_holds_also_keys_that_are_new() {
    both(|config| {
        let spool = open(limited(config()));
        let partition = |n: u32| partition::spread(Partitioner::default(), Some(n.to_string().as_bytes())).unwrap() % 4;
        spool.set_partitions("t", (0..4).map(|partition| (partition, true)));
        let mut sent: Vec<(Seq, u32)> = Vec::new();
        for n in 0..2000 {
            put(&spool, of(&n.to_string(), n)).unwrap();
            let some = take(&spool, 10);
            deliver(&spool, &some.iter().copied().filter(|(_, n)| partition(*n) != 1).collect::<Vec<_>>());
            lock(&spool.state).lanes.look_now();
            sent.extend(some);
        }
        let healthy: Vec<u32> = numbers(&sent).into_iter().filter(|n| partition(*n) != 1).collect();
        assert_eq!(healthy, (0..2000).filter(|n| partition(*n) != 1).collect::<Vec<_>>(), "all others came, in order");
        let depth = spool.depth();
        assert!(depth.in_flight < 20 && depth.held_back > 400, "{depth:?}");
        assert_eq!(lock(&spool.state).lanes.count(), 1);
    });
}

#[test]
fn how_long_a_partition_has_no_leader_counts_anew_after_an_outage_and_with_a_new_client() {
    let spool = open(limited(config(None)));
    put(&spool, of("k1", 0)).unwrap();
    let no_leader = || {
        spool.set_partitions("t", [(0, false)].into_iter());
        take(&spool, 1);
        std::thread::sleep(Duration::from_millis(1));
        spool.all_leaderless()
    };
    assert!(no_leader());
    spool.brokers_are_back();
    assert!(!spool.all_leaderless());
    assert!(no_leader());
    spool.rewind().unwrap();
    take(&spool, 1);
    assert!(!spool.all_leaderless());
    assert!(no_leader());
}

/// Such as a dead letter whose file cannot be written: order means nothing for it.
#[test]
fn a_record_that_was_rejected_holds_no_other_while_it_waits() {
    both(|config| {
        let spool = open(limited(config()));
        put(&spool, of("s0", 0)).unwrap();
        let dead = take(&spool, 1);
        spool.rejected(dead[0].0);
        for n in 1..100 {
            put(&spool, of(if n % 2 == 0 { "s0" } else { "k1" }, n)).unwrap();
            let some = take(&spool, 10);
            assert_eq!(numbers(&some), [n]);
            deliver(&spool, &some);
            lock(&spool.state).lanes.look_now();
        }
        spool.discard(dead[0].0).unwrap();
        let depth = spool.depth();
        assert_eq!((depth.records, depth.bytes, depth.in_flight_bytes), (0, 0, 0));
    });
}

#[test]
fn the_oldest_is_dropped_also_when_it_is_held_back() {
    both(|config| {
        let max_bytes = of("k1", 0).size() * 300;
        let spool = open(SpoolConfig { when_full: WhenFull::DropOldest, max_bytes, ..limited(config()) });
        fill(&spool, 0..300);
        let sent = numbers(&pump(&spool));
        let held: Vec<u32> = (0..300).filter(|n| is_stuck(*n) && !sent.contains(n)).collect();
        assert!(held.len() > 5, "{held:?}");
        // Full again, and two too many.
        for n in 0..227 {
            assert_eq!(put(&spool, of("k1", 1001 + 4 * n)).unwrap(), u64::from(n >= 225), "{n}");
        }
        let left: BTreeSet<Seq> = lock(&spool.state).lanes.all_held().collect();
        assert_eq!(
            left,
            held[2..].iter().map(|n| u64::from(*n)).collect(),
            "the two oldest that may be dropped are gone"
        );
        let depth = spool.depth();
        assert_eq!((depth.records, depth.held_back), (300, held.len() as u64 - 2));
        assert!(depth.bytes <= max_bytes, "{depth:?}");
    });
}

#[test]
fn the_disk_space_of_what_passed_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = limited(config(Some(dir.path().join("s"))));
    config.max_in_flight_bytes = 8 << 20;
    let spool = open(config);
    // One of five is stuck, 10 kB each: 400 MB pass.
    for _ in 0..50 {
        for n in 0..1000 {
            let (key, number) = if n % 5 == 0 { ("s0", 0) } else { ("k1", 1) };
            put(&spool, Record { key: Some(key.into()), ..record(number, 10_000) }).unwrap();
        }
        loop {
            let some = take(&spool, 100);
            let good: Vec<_> = some.iter().copied().filter(|(_, n)| !is_stuck(*n)).collect();
            deliver(&spool, &good);
            lock(&spool.state).lanes.look_now();
            if some.is_empty() {
                break;
            }
        }
        spool.reclaim().unwrap();
    }
    let held = spool.depth().bytes;
    assert_eq!(spool.depth().records, 10_000);
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let files = loop {
        spool.reclaim().unwrap();
        let files = disk_bytes(dir.path());
        if files < held * 4 || std::time::Instant::now() > deadline {
            break files;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(files < held * 4 + (200 << 20), "{files} bytes on disk for {held}");
    assert!(files < 50 * 1000 * 10_000 * 9 / 10, "{files} bytes on disk: nothing was given back");
    spool.rewind().unwrap();
    let mut left = 0;
    while let some = take(&spool, 100)
        && !some.is_empty()
    {
        left += some.len();
        deliver(&spool, &some);
    }
    assert_eq!(left, 10_000, "what was copied out of the way is all there");
}

/// On a disk that was full nothing else is written until there is room again.
#[test]
fn an_empty_spool_gives_the_disk_back_although_nothing_more_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(config(Some(dir.path().join("s"))));
    for n in 0..10_000 {
        put(&spool, record(n, 10_000)).unwrap();
    }
    std::thread::sleep(Duration::from_secs(1));
    let full = disk_bytes(dir.path());
    assert!(full > 100_000_000, "the test must have met the case: {full}");
    let all = take_all(&spool);
    deliver(&spool, &all);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while disk_bytes(dir.path()) > 90_000_000 && std::time::Instant::now() < deadline {
        spool.reclaim().unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    // A journal is made with 64 MiB.
    assert!(disk_bytes(dir.path()) < 90_000_000, "{} of {full} bytes are left", disk_bytes(dir.path()));
}

fn disk_bytes(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
            meta => meta.map_or(0, |meta| meta.len()),
        })
        .sum()
}
