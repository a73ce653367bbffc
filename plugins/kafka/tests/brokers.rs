//! Outages in front of real brokers in processes of their own: noida-db and tansu, two independent implementations.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is how a test fails; numbers for who asks"
)]

mod common;

use common::broker::*;
use common::*;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(120);

fn sink(servers: &str, more: &str) -> Sink {
    Sink::new(&format!("bootstrap-servers={servers} topic=t drain-timeout=60000000000 {more}"))
}

fn push_all(sink: &mut Sink, range: std::ops::Range<u32>, cameras: u32) {
    for n in range {
        sink.push_event(n, &format!("CAM{}", n % cameras));
    }
}

/// Every camera's numbers, complete and in order, once repetitions are taken out.
#[track_caller]
fn check_complete(broker: &Broker, events: u32, cameras: u32) -> usize {
    let records = match broker.kind {
        Kind::Noida => consume(&broker.servers(), "t"),
        // Its end offsets are too small when a batch has more than one record.
        Kind::Tansu => consume_until_idle(&broker.servers(), "t", Duration::from_secs(3)),
    };
    let by_camera = numbers_by_camera(&records);
    for camera in 0..cameras {
        let expected: Vec<u32> = (0..events).filter(|n| n % cameras == camera).collect();
        let seen = by_camera.get(&format!("CAM{camera}")).cloned().unwrap_or_default();
        assert_eq!(deduplicated(&seen).len(), expected.len(), "CAM{camera}");
        assert_eq!(deduplicated(&seen), expected, "CAM{camera}");
    }
    records.len()
}

fn outages(kind: Kind) {
    let broker = Broker::start(kind);
    broker.create_topic("t");
    let mut proxy = Proxy::start(broker.port, &[]);
    let dir = tempfile::tempdir().unwrap();
    let mut sink = sink(&proxy.servers(), &format!("spool-location={}", dir.path().display()));
    let mut pushed = 0;
    // Cut connections, a black hole, and a broker that stands still, each while records keep coming.
    for outage in ["cut", "stall", "freeze"] {
        push_all(&mut sink, pushed..pushed + 1000, 4);
        match outage {
            "freeze" => broker.freeze(true),
            command => proxy.command(command),
        }
        let start = Instant::now();
        push_all(&mut sink, pushed + 1000..pushed + 2000, 4);
        assert!(start.elapsed() < Duration::from_secs(5), "{outage}: the pipeline stood still");
        std::thread::sleep(Duration::from_secs(1));
        match outage {
            "freeze" => broker.freeze(false),
            _ => proxy.command("open"),
        }
        pushed += 2000;
    }
    sink.eos();
    sink.wait_stat("spool-depth", 0, LONG);
    assert_eq!((sink.stat("lost"), sink.stat("dropped"), sink.stat("dead-lettered")), (0, 0, 0));
    check_complete(&broker, pushed, 4);
}

#[test]
fn outages_of_noida_db() {
    outages(Kind::Noida);
}

#[test]
fn outages_of_tansu() {
    outages(Kind::Tansu);
}

/// The broker compares its limit with the batch. What is on its way behind a batch that it refuses, it refuses by the sequence
/// number.
#[test]
fn nothing_passes_a_batch_that_is_refused() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic_with("t", Some(("max.message.bytes", "20000")));
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("dead.jsonl");
    let more = format!("linger=5000000 compression-type=none dead-letter-location={}", place.display());
    let mut sink = sink(&broker.servers(), &more);
    let mut pushed = 0;
    for _ in 0..8 {
        push_all(&mut sink, pushed..pushed + 200, 1);
        // This one is too large by itself.
        sink.push(&format!("{{\"camera_id\":\"CAM0\",\"text\":\"{}\"}}", "x".repeat(30_000))).unwrap();
        push_all(&mut sink, pushed + 200..pushed + 400, 1);
        // Small batches behind a large one, at the pace at which they are sent.
        for n in pushed + 400..pushed + 500 {
            sink.push_event(n, "CAM0");
            std::thread::sleep(Duration::from_millis(2));
        }
        pushed += 500;
    }
    sink.eos();
    sink.wait_stat("delivered", pushed.into(), LONG);
    assert!(sink.stat("rebuilds") > 0, "the test must have met the case");
    assert_eq!((sink.stat("lost"), sink.stat("dead-lettered")), (0, 8));
    assert!(sink.warnings().iter().any(|text| text.contains("a batch for t was refused")));
    check_complete(&broker, pushed, 1);
}

/// A limit of the topic that is far below the batch size costs a few clients at first, and none later.
#[test]
fn a_topic_that_takes_small_batches_only_is_remembered() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic_with("t", Some(("max.message.bytes", "20000")));
    let mut sink = sink(&broker.servers(), "linger=20000000 compression-type=none");
    let mut pushed = 0;
    let mut rebuilds = Vec::new();
    for _ in 0..6 {
        // Much more than a batch of that topic.
        push_all(&mut sink, pushed..pushed + 1000, 1);
        pushed += 1000;
        sink.wait_stat("delivered", pushed.into(), LONG);
        rebuilds.push(sink.stat("rebuilds"));
    }
    assert!(rebuilds[0] > 0 && rebuilds[2..].iter().all(|number| *number == rebuilds[2]), "{rebuilds:?}");
    assert_eq!((sink.stat("lost"), sink.stat("dead-lettered")), (0, 0));
    sink.wait_warning(&["later batches have at most", "raise max.message.bytes"], LONG);
    check_complete(&broker, pushed, 1);
}

/// This broker makes a topic anew when someone asks for it, as brokers with `auto.create.topics.enable` do, with as many
/// partitions as it likes.
#[test]
fn a_topic_that_is_deleted_and_made_anew_takes_what_comes_then() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let mut sink = sink(&broker.servers(), "stall-timeout=5000000000");
    push_all(&mut sink, 0..100, 3);
    sink.wait_stat("delivered", 100, LONG);
    broker.delete_topic("t");
    push_all(&mut sink, 100..200, 3);
    sink.wait_stat("delivered", 200, LONG);
    push_all(&mut sink, 200..300, 3);
    sink.wait_stat("delivered", 300, LONG);
    assert_eq!((sink.stat("lost"), sink.stat("dead-lettered")), (0, 0));
    let by_camera = numbers_by_camera(&consume(&broker.servers(), "t"));
    for camera in 0..3 {
        let expected: Vec<u32> = (100..300).filter(|n| n % 3 == camera).collect();
        assert_eq!(deduplicated(&by_camera[&format!("CAM{camera}")]), expected, "CAM{camera}");
    }
}

#[test]
fn thirty_seconds_without_a_broker_in_the_middle_of_a_hundred_thousand_events() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let mut proxy = Proxy::start(broker.port, &[]);
    let dir = tempfile::tempdir().unwrap();
    let mut sink = sink(&proxy.servers(), &format!("spool-location={}", dir.path().display()));
    push_all(&mut sink, 0..30_000, 7);
    proxy.command("cut");
    let cut = Instant::now();
    push_all(&mut sink, 30_000..70_000, 7);
    assert!(cut.elapsed() < Duration::from_secs(25), "the pipeline stood still: {:?}", cut.elapsed());
    assert!(sink.stat("spool-depth") >= 40_000);
    std::thread::sleep(Duration::from_secs(30).saturating_sub(cut.elapsed()));
    proxy.command("open");
    push_all(&mut sink, 70_000..100_000, 7);
    sink.eos();
    sink.wait_stat("spool-depth", 0, LONG);
    assert_eq!((sink.stat("received"), sink.stat("delivered")), (100_000, 100_000));
    let repeated = check_complete(&broker, 100_000, 7) - 100_000;
    assert!(repeated < 50_000, "{repeated} records came twice");
}

#[test]
fn a_killed_broker_that_forgets_causes_the_fatal_error_and_all_later_records_arrive() {
    // The broker writes its state now and then; a kill under load takes the rest. What it forgets differs: it takes some
    // tries until it remembers the topic but not the sequence numbers that it had confirmed.
    let fatal = (0..12).any(|_| kill_under_load());
    assert!(fatal, "no kill led to the error that ends an idempotent client");
}

/// Kills a broker under load and checks that nothing is lost but what that broker had confirmed and forgot. True when
/// the client ended with the fatal out-of-sequence error.
fn kill_under_load() -> bool {
    const CAMERAS: u32 = 4;
    let mut broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let mut sink = sink(&broker.servers(), "linger=1000000 stall-timeout=5000000000");
    let mut pushed = 0;
    let mut push = |sink: &mut Sink, bursts: u32, records: u32| {
        for _ in 0..bursts {
            std::thread::sleep(Duration::from_millis(3));
            push_all(sink, pushed..pushed + records, CAMERAS);
            pushed += records;
        }
        pushed
    };
    // Long enough for the topic to be on the broker's disk.
    push(&mut sink, 50, 20);
    std::thread::sleep(Duration::from_secs(2));
    push(&mut sink, 100, 20);
    push(&mut sink, 1, 5000);
    broker.kill();
    push(&mut sink, 20, 20);
    // Reports that were on their way are in by now.
    std::thread::sleep(Duration::from_millis(300));
    let confirmed = sink.stat("delivered");
    broker.restart();
    let pushed = push(&mut sink, 50, 20);
    sink.eos();
    sink.wait_stat("spool-depth", 0, LONG);
    assert_eq!((sink.stat("delivered"), sink.stat("lost")), (pushed.into(), 0));
    sink.check_accounts();
    let by_camera = numbers_by_camera(&consume(&broker.servers(), "t"));
    let mut may_be_missing = 0;
    for camera in 0..CAMERAS {
        let expected: Vec<u32> = (0..pushed).filter(|n| n % CAMERAS == camera).collect();
        let seen = deduplicated(&by_camera[&format!("CAM{camera}")]);
        assert!(seen.is_sorted(), "CAM{camera}: {seen:?}");
        may_be_missing += expected.iter().rposition(|n| !seen.contains(n)).map_or(0, |last| last + 1) as u64;
    }
    assert!(may_be_missing <= confirmed, "{may_be_missing} records may be missing, {confirmed} were confirmed before");
    let states = sink.messages("kafkasink-state");
    let reasons: Vec<&str> = states
        .iter()
        .filter(|state| state.get::<&str>("state") == Ok("rebuilding"))
        .map(|state| state.get::<&str>("reason").unwrap())
        .collect();
    println!(
        "{pushed} records, {confirmed} confirmed before the kill, up to {may_be_missing} of them forgotten: {reasons:?}"
    );
    reasons.iter().any(|reason| reason.contains("out of order sequence"))
}

#[test]
fn a_topic_that_comes_back_with_fewer_partitions_does_not_hold_records_for_ever() {
    let mut broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let mut sink = sink(&broker.servers(), "stall-timeout=2000000000");
    push_all(&mut sink, 0..2000, 4);
    // Killed at once, it forgets the topic and makes one with a single partition when it is asked for it.
    broker.kill();
    broker.restart();
    push_all(&mut sink, 2000..4000, 4);
    sink.eos();
    sink.wait_stat("spool-depth", 0, LONG);
    assert_eq!(sink.stat("delivered"), 4000);
}
