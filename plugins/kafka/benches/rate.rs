//! How fast the sink is, beside a bare librdkafka producer with the same settings and the same broker, in one run.
//!
//! `cargo bench -p gst-plugin-kafka --bench rate` (needs `ALPR_TEST_VENV`, see `./dev`). Options after `--`: `--records N`, `--rounds N`;
//! `--memory N`: only the long run that watches memory, with N records, to a broker, or with `--mock` to none.
//!
//! The raw producer is what `rdkafka_performance -P` does: it hands records over as fast as the client takes them and waits
//! for the last delivery report. For the sink the clock runs from the first buffer to the end of stream, drained.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program with its own main, and still a test")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::broker::*;
use common::*;
use gst::prelude::*;
use rdkafka::{
    ClientConfig, ClientContext,
    config::FromClientConfigAndContext,
    error::RDKafkaErrorCode,
    producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer},
};
use std::time::{Duration, Instant};

const RECORD_BYTES: usize = 1000;
/// With an fsync for each record, one in this many records is enough to measure.
const SYNC_PART: u32 = 50;
/// Settings of both, by librdkafka's names and by the sink's.
const CLIENT: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("compression.type", "gzip"),
    ("linger.ms", "10"),
    ("batch.size", "1000000"),
    ("partitioner", "murmur2_random"),
    ("queue.buffering.max.kbytes", "65536"),
    ("queue.buffering.max.messages", "0"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u32>().ok()
    };
    init();
    if let Some(records) = number("--memory") {
        return memory(records, arguments.iter().any(|argument| argument == "--mock"));
    }
    let (records, rounds) = (number("--records").unwrap_or(200_000), number("--rounds").unwrap_or(3));
    println!("{records} records of {RECORD_BYTES} bytes, acks=all, idempotent, gzip; broker: noida-db on this machine");
    println!("best of {rounds} rounds; in each, every line runs once with a fresh broker");
    let kinds = [None, Some(""), Some("none"), Some("batch"), Some("always")];
    let mut best: Vec<Option<Run>> = kinds.iter().map(|_| None).collect();
    for _ in 0..rounds {
        for (kind, best) in kinds.iter().zip(&mut best) {
            let broker = Broker::start(Kind::Noida);
            broker.create_topic("t");
            let run = match kind {
                None => raw(&broker.servers(), records),
                Some("") => sink_run(&broker.servers(), "", records),
                Some(sync) => {
                    let records = if *sync == "always" { records / SYNC_PART } else { records };
                    let dir = tempfile::tempdir_in(spool_parent()).unwrap();
                    let spool = format!("spool-sync={sync} spool-location={}", dir.path().display());
                    sink_run(&broker.servers(), &spool, records)
                }
            };
            if best.as_ref().is_none_or(|best| run.rate() > best.rate()) {
                *best = Some(run);
            }
        }
    }
    let raw_rate = best[0].as_ref().unwrap().rate();
    for (kind, run) in kinds.iter().zip(best.iter().flatten()) {
        let name = match kind {
            None => "librdkafka alone".to_string(),
            Some("") => "kafkasink, memory".to_string(),
            Some(sync) => format!("kafkasink, spool-sync={sync}"),
        };
        run.print(&name, raw_rate);
    }
}

/// On a disk, not on a tmpfs: syncing is what is measured.
fn spool_parent() -> std::path::PathBuf {
    let target = std::env::current_exe().unwrap();
    target.parent().unwrap().to_path_buf()
}

struct Run {
    records: u32,
    time: Duration,
    /// Processor time of this process: what a busy machine does not distort.
    cpu: Duration,
    render_p50: Option<Duration>,
    render_p99: Option<Duration>,
    render_max: Option<Duration>,
}

impl Run {
    fn rate(&self) -> f64 {
        f64::from(self.records) / self.time.as_secs_f64()
    }

    fn print(&self, name: &str, raw_rate: f64) {
        let (rate, of_raw) = (self.rate(), self.rate() / raw_rate);
        let cpu_us = self.cpu.as_secs_f64() * 1e6 / f64::from(self.records);
        print!("{name:28} {rate:8.0} records/s  {of_raw:.2} of librdkafka  {cpu_us:5.1} us of processor a record");
        if let (Some(p50), Some(p99), Some(max)) = (self.render_p50, self.render_p99, self.render_max) {
            print!("  render() p50 {p50:?} p99 {p99:?} max {max:?}");
        }
        println!();
    }
}

struct Ignore;
impl ClientContext for Ignore {}
impl ProducerContext for Ignore {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            panic!("{error}");
        }
    }
}

/// A record of a thousand bytes that compresses as events do: the same members, other values.
fn record(number: u32) -> String {
    let mut text = event(number, &format!("CAM{}", number % 8));
    text.truncate(text.len() - 2);
    text.push_str(",\"text\":\"");
    let mut random = number.wrapping_mul(2_654_435_761) | 1;
    while text.len() < RECORD_BYTES - 2 {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        text.push_str(&format!("\\\"plate_{}\\\":{},", random % 7, random % 1000));
    }
    text.truncate(RECORD_BYTES - 2);
    while text.ends_with('\\') {
        text.pop();
    }
    text.push_str("\"}");
    text
}

fn raw(servers: &str, records: u32) -> Run {
    let mut config = ClientConfig::new();
    for (key, value) in CLIENT {
        config.set(*key, *value);
    }
    config.set("bootstrap.servers", servers);
    let producer = ThreadedProducer::from_config_and_context(&config, Ignore).unwrap();
    let texts: Vec<String> = (0..1000).map(record).collect();
    let (start, cpu_before) = (Instant::now(), cpu());
    for n in 0..records {
        let key = format!("CAM{}", n % 8);
        let value = &texts[n as usize % texts.len()];
        let mut record = BaseRecord::to("t").key(&key).payload(value);
        while let Err((error, again)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
            record = again;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
    Run {
        records,
        time: start.elapsed(),
        cpu: cpu() - cpu_before,
        render_p50: None,
        render_p99: None,
        render_max: None,
    }
}

fn sink_run(servers: &str, more: &str, records: u32) -> Run {
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topic=t drain-timeout=120000000000 {more}"));
    let pad = sink.element.static_pad("sink").unwrap();
    let texts: Vec<String> = (0..1000).map(record).collect();
    let mut renders = Vec::with_capacity(records as usize);
    let (start, cpu_before) = (Instant::now(), cpu());
    for n in 0..records {
        let buffer = gst::Buffer::from_slice(texts[n as usize % texts.len()].clone().into_bytes());
        let before = Instant::now();
        pad.chain(buffer).unwrap();
        renders.push(before.elapsed());
    }
    sink.eos();
    let (time, cpu) = (start.elapsed(), cpu() - cpu_before);
    assert_eq!((sink.stat("delivered"), sink.stat("spool-depth")), (u64::from(records), 0));
    renders.sort_unstable();
    let at = |part: f64| Some(renders[((renders.len() - 1) as f64 * part) as usize]);
    Run { records, time, cpu, render_p50: at(0.5), render_p99: at(0.99), render_max: at(1.0) }
}

/// Resident memory of this process over a long run.
fn memory(records: u32, mock: bool) {
    let dir = tempfile::tempdir_in(spool_parent()).unwrap();
    let broker = (!mock).then(|| Broker::start(Kind::Noida));
    let place = broker.as_ref().map_or("mode=mock".into(), |broker| {
        broker.create_topic("t");
        format!("bootstrap-servers={} topic=t", broker.servers())
    });
    let mut sink = Sink::new(&format!("{place} drain-timeout=600000000000 spool-location={}", dir.path().display()));
    let start = Instant::now();
    let pad = sink.element.static_pad("sink").unwrap();
    let texts: Vec<String> = (0..1000).map(record).collect();
    let bus = sink.bus.clone();
    for n in 0..records {
        pad.chain(gst::Buffer::from_slice(texts[n as usize % texts.len()].clone().into_bytes())).unwrap();
        if n % 1000 == 0 {
            while bus.pop().is_some() {}
        }
        if n % (records / 20).max(1) == 0 {
            let (resident, disk, seconds) = (resident_kib(), disk_kib(dir.path()), start.elapsed().as_secs());
            let held = sink.stat("spool-bytes") / 1024;
            println!(
                "{n:10} records, {resident:6} KiB resident, {held:7} KiB in the spool, {disk:7} KiB on disk, {seconds:4} s"
            );
        }
    }
    sink.eos();
    println!("{records:10} records, {:6} KiB resident, spool depth {}", resident_kib(), sink.stat("spool-depth"));
    assert_eq!((sink.stat("delivered"), sink.stat("spool-depth")), (records.into(), 0));
}

/// User and system time of this process, to a hundredth of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name in parentheses: utime and stime are the 12th and 13th fields.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn disk_kib(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_kib(&entry.path()),
            // Files come and go while the store tidies up.
            meta => meta.map_or(0, |meta| meta.len() / 1024),
        })
        .sum()
}
