//! SIGKILL at random points, 50 times: after the last restart every event is in the topic at least once and, for a
//! consumer that knows event ids, exactly once and in order.
//!
//! This program is the test and, with the argument `feed`, the process that is killed: `kafkasink` with a spool on disk,
//! fed steadily. It prints the number of an event when the sink has taken it: from then on the event
//! must not get lost.

mod common;

use common::broker::*;
use common::*;
use gst::prelude::*;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

const KILLS: u32 = 50;
const CAMERAS: u32 = 5;
/// Some five thousand events a second: kills hit records on their way, and the broker keeps up.
const FEED_INTERVAL: Duration = Duration::from_micros(150);
/// No run lives longer than this.
const LONGEST_RUN: Duration = Duration::from_millis(300);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "feed") {
        return feed(&arguments[1], &arguments[2], arguments[3].parse().unwrap(), arguments[4].parse().unwrap());
    }
    // `cargo test NAME` gives the name to every test program.
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    if arguments.iter().any(|argument| argument == "--list")
        || filter.is_some_and(|name| !"crash".contains(name.as_str()))
    {
        return;
    }
    println!("test killed_{KILLS}_times_and_nothing_is_lost ...");
    killed_many_times_and_nothing_is_lost();
    println!("test killed_{KILLS}_times_and_nothing_is_lost ... ok");
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

fn killed_many_times_and_nothing_is_lost() {
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
