//! SIGKILL at random points, 50 times: after the last restart every event is in the topic at least once and, for a
//! consumer that knows event ids, exactly once and in order.
//!
//! This program is the test and, with the argument `feed`, the process that is killed: `kafkasink` with a spool on disk,
//! fed steadily. It prints the number of an event when the sink has taken it: from then on the event
//! must not get lost.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program with its own main, and still a test")]

mod common;

use common::broker::*;
use common::*;
use gst::prelude::*;
use rdkafka::mocking::MockCluster;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

/// Tells whether it could run here.
type Test = fn() -> bool;

const KILLS: u32 = 50;
const CAMERAS: u32 = 5;
/// Some five thousand events a second: kills hit records on their way, and the broker keeps up.
const FEED_INTERVAL: Duration = Duration::from_micros(150);
/// No run lives longer than this.
const LONGEST_RUN: Duration = Duration::from_millis(300);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("feed") => return feed(&arguments[1], &arguments[2], number(&arguments[3]), number(&arguments[4])),
        Some("starve") => return starve(&arguments[1]),
        Some("fill") => return fill(&arguments[1], &arguments[2]),
        _ => (),
    }
    // `cargo test NAME` gives the name to every test program.
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let tests: [(&str, Test); 4] = [
        ("a_store_that_failed_on_a_full_disk_ends_the_stream", a_store_that_failed_on_a_full_disk_ends_the_stream),
        ("a_full_disk_takes_no_more_and_loses_nothing", a_full_disk_takes_no_more_and_loses_nothing),
        ("a_read_only_disk_is_a_clear_error", a_read_only_disk_is_a_clear_error),
        ("killed_many_times_and_nothing_is_lost", killed_many_times_and_nothing_is_lost),
    ];
    for (name, test) in tests.into_iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter.as_str())))
    {
        println!("test {name} ...");
        println!("test {name} ... {}", if test() { "ok" } else { "ignored" });
    }
}

fn number(text: &str) -> u32 {
    text.parse().unwrap()
}

/// Events until the sink takes no more; prints how many it took and why it stopped. No broker is there.
fn fill(spool: &str, policy: &str) {
    let line =
        format!("bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=0 spool-policy={policy} spool-location={spool}");
    let mut sink = match Sink::try_new(&line, EVENT_CAPS) {
        Ok(sink) => sink,
        Err(error) => return println!("0 events, {error}"),
    };
    let mut taken = 0;
    let text = "x".repeat(10_000);
    while taken < 1_000_000 {
        let event = event(taken, &format!("CAM{}", taken % CAMERAS)).replace('}', &format!(",\"text\":\"{text}\"}}"));
        if sink.push(&event).is_err() {
            break;
        }
        taken += 1;
    }
    println!("{taken} events, {}", sink.error().unwrap_or_default());
}

/// A shell in mount namespaces of its own: for root, and for everybody where user namespaces are allowed.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

fn shell(namespace: &[&str], disk: &std::path::Path, commands: &str) -> Result<String, String> {
    let output = Command::new("unshare")
        .args(namespace)
        .args(["sh", "-ec", commands])
        .env("DISK", disk)
        .env("SINK", std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("unshare {namespace:?}: {out}\n{err}")) }
}

/// Runs shell commands where `$DISK` can be mounted and nobody else sees it; `$SINK` is this program. `None`, said aloud,
/// where the system lets nobody mount: containers, chroots and some distributions forbid it to all but the host's root.
fn in_namespace(disk: &std::path::Path, commands: &str) -> Option<String> {
    let mut reasons = String::new();
    for namespace in NAMESPACES {
        match shell(namespace, disk, "mount -t tmpfs tmpfs $DISK") {
            Ok(_) => return Some(shell(namespace, disk, commands).unwrap()),
            Err(reason) => reasons.push_str(&reason),
        }
    }
    println!("NOT RUN, no disk can be mounted here:\n{reasons}");
    None
}

fn a_full_disk_takes_no_more_and_loses_nothing() -> bool {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let dir = tempfile::tempdir().unwrap();
    let commands = format!(
        "mount -t tmpfs -o size=200m tmpfs $DISK\n\
         $SINK fill $DISK/spool error\n\
         df -k --output=avail $DISK | tail -1\n\
         mount -o remount,size=1g $DISK\n\
         $SINK feed {} $DISK/spool 1000000 1",
        broker.servers()
    );
    let Some(text) = in_namespace(dir.path(), &commands) else { return false };
    let lines: Vec<&str> = text.lines().collect();
    let taken: u32 = lines[0].split(' ').next().unwrap().parse().unwrap();
    assert!(taken > 1000 && lines[0].contains("The disk of spool-location is almost full"), "{text}");
    let free_kib: u64 = lines[1].trim().parse().unwrap();
    assert!(free_kib > 30_000, "it stops before the disk is full: {text}");
    assert!(text.contains("left 0"), "{text}");
    let records = consume(&broker.servers(), "t");
    let mut seen: Vec<u32> =
        numbers_by_camera(&records).into_values().flat_map(|numbers| deduplicated(&numbers)).collect();
    seen.sort_unstable();
    seen.pop();
    assert_eq!(seen, (0..taken).collect::<Vec<_>>(), "every event that was taken arrives once there is room again");
    true
}

/// Something else takes the whole disk while records leave the spool, and gives it back; prints what became of an event that
/// came meanwhile, and how many the disk still has.
fn starve(disk: &str) {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic("t", 1, 1).unwrap();
    mock.broker_down(1).unwrap();
    let mut sink = Sink::new(&format!(
        "bootstrap-servers={} topic=t drain-timeout=0 spool-policy=block spool-location={disk}/spool",
        mock.bootstrap_servers()
    ));
    for n in 0..2000 {
        sink.push_event(n, "CAM");
    }
    let filler = format!("{disk}/filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 1 << 12]).is_ok() {}
    mock.broker_up(1).unwrap();
    sink.wait_stat("delivered", 2000, Duration::from_secs(20));
    std::thread::sleep(Duration::from_secs(3));
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        std::fs::remove_file(filler).unwrap();
        std::thread::sleep(Duration::from_secs(20));
        println!("still waiting");
        std::process::exit(0);
    });
    drop(file);
    let taken = sink.push(&event(2000, "CAM"));
    println!("{taken:?}, warned {:?}, error {}", sink.warnings(), sink.error().unwrap_or_default());
}

fn a_store_that_failed_on_a_full_disk_ends_the_stream() -> bool {
    let dir = tempfile::tempdir().unwrap();
    let commands = "mount -t tmpfs -o size=200m tmpfs $DISK\n$SINK starve $DISK";
    let Some(text) = in_namespace(dir.path(), commands) else { return false };
    println!("{text}");
    assert!(text.contains("Err(Error)") && text.contains("takes no more records after a failed write"), "{text}");
    true
}

fn a_read_only_disk_is_a_clear_error() -> bool {
    let dir = tempfile::tempdir().unwrap();
    let commands = "mount -t tmpfs -o size=200m tmpfs $DISK\nmount -o remount,ro $DISK\n$SINK fill $DISK/spool block";
    let Some(text) = in_namespace(dir.path(), commands) else { return false };
    assert!(text.contains("0 events") && text.contains("read-only: set spool-location to a writable one"), "{text}");
    true
}

/// The process under test: events from `start` on, `count` of them or without end, then end of stream.
fn feed(servers: &str, spool: &str, start: u32, count: u32) {
    let mut sink = Sink::new(&format!(
        "bootstrap-servers={servers} topic=t linger=2000000 drain-timeout=60000000000 spool-location={spool}"
    ));
    let mut out = std::io::stdout();
    let end = if count == u32::MAX { u32::MAX } else { start + count };
    for n in start..end {
        sink.push_event(n, &format!("CAM{}", n % CAMERAS));
        writeln!(out, "{n}").unwrap();
        std::thread::sleep(FEED_INTERVAL);
    }
    sink.eos();
    writeln!(out, "left {}", sink.stat("spool-depth")).unwrap();
    sink.element.set_state(gst::State::Null).unwrap();
}

fn start_feed(servers: &str, spool: &str, start: u32, count: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["feed", servers, spool, &start.to_string(), &count.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn killed_many_times_and_nothing_is_lost() -> bool {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool").display().to_string();
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = seed | 1;
    let mut next = 0;
    for _ in 0..KILLS {
        // xorshift: any spread of times will do.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let life = Duration::from_micros(random % LONGEST_RUN.as_micros() as u64);
        next = run_and_kill(start_feed(&broker.servers(), &spool, next, u32::MAX), life, next);
    }
    assert!(next > 1000, "only {next} events in {KILLS} runs: the kills came too early to prove anything");
    let last = start_feed(&broker.servers(), &spool, next, 10);
    let output = last.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("left 0"), "{text}");
    next += 10;
    check(&broker, next);
    true
}

/// Kills the process `life` after its first event; gives the number of the first event that it did not report.
fn run_and_kill(mut child: Child, life: Duration, start: u32) -> u32 {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut next = start;
    let mut first = None;
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        next = line.trim().parse::<u32>().unwrap_or_else(|_| panic!("the process said {line}")) + 1;
        let first = *first.get_or_insert_with(Instant::now);
        if first.elapsed() >= life {
            // Gone already is as good. What is in the pipe is read to its end.
            let _ = child.kill();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "it was to be killed: {status}");
    next
}

fn check(broker: &Broker, events: u32) {
    let records = consume(&broker.servers(), "t");
    let by_camera = numbers_by_camera(&records);
    for camera in 0..CAMERAS {
        let expected: Vec<u32> = (0..events).filter(|n| n % CAMERAS == camera).collect();
        let seen = deduplicated(&by_camera[&format!("CAM{camera}")]);
        let missing: Vec<_> = expected.iter().filter(|n| !seen.contains(n)).collect();
        assert!(missing.is_empty(), "CAM{camera}: {missing:?} are lost");
        assert_eq!(seen, expected, "CAM{camera}");
    }
    println!("{events} events, {} records, {KILLS} kills", records.len());
}
