//! The Prometheus endpoint: `GET /metrics` as text, by the standard library alone.
//!
//! The `alpr_…` names are those that existing dashboards ask for; the record's key is their `camera_id`, and their events are
//! the records of kind `plate` or of no kind. Everything else is in `kafkasink_…`.

use crate::spool::Spool;
use crate::stats::{BUCKETS_MS, Stats};
use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The kind of the records that `alpr_events_published_total` counts, beside those without a kind.
pub(crate) const EVENT_KIND: &str = "plate";

const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A client that takes longer for its request is dropped.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_HEAD_BYTES: usize = 8192;

/// The listening thread; dropping it ends it.
pub(crate) struct Endpoint {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on `address` (`host:port`).
    pub(crate) fn start(address: &str, stats: Arc<Stats>, spool: Arc<Spool>, now_ms: fn() -> i64) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("kafkasink-metrics".into()).spawn(move || {
            while !stopped.load(Relaxed) {
                match listener.accept() {
                    // A client that goes away early is its own problem.
                    Ok((stream, _)) => drop(answer(stream, || text(&stats, &spool, now_ms()))),
                    Err(_) => std::thread::sleep(POLL_INTERVAL),
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot panic in a way that matters here.
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, body: impl Fn() -> String) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let request = read_head(&mut stream)?;
    let (status, body) =
        if asks_for_metrics(&request) { ("200 OK", body()) } else { ("404 Not Found", "see /metrics\n".into()) };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// True for `GET /metrics`, with or without a slash at its end and a query: what scrapers and browsers make of the address.
fn asks_for_metrics(request: &[u8]) -> bool {
    let Some(target) = request.strip_prefix(b"GET ") else { return false };
    let path = target.split(|byte| b" ?\r\n".contains(byte)).next().unwrap_or_default();
    path.strip_suffix(b"/").unwrap_or(path) == b"/metrics"
}

/// Reads a request up to the empty line behind its header.
fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + CLIENT_TIMEOUT;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || head.len() > MAX_HEAD_BYTES {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => head.extend(&part[..bytes]),
        }
    }
    Ok(head)
}

/// All metrics as Prometheus reads them.
pub(crate) fn text(stats: &Stats, spool: &Spool, now_ms: i64) -> String {
    let mut out = String::new();
    for (name, help, number) in stats.counters.all() {
        let name = format!("kafkasink_{name}_total");
        head(&mut out, &name, "counter", help);
        line(&mut out, &name, "", number as f64);
    }
    head(&mut out, "kafkasink_retries_total", "counter", "Requests that the client repeated; a new client begins at 0");
    line(&mut out, "kafkasink_retries_total", "", stats.client().retries as f64);
    by_label(&mut out, "kafkasink_topics_total", "Records that the spool took, by topic", "topic", stats.topics());
    gauges(&mut out, stats, spool, now_ms);
    by_label(&mut out, "alpr_events_published_total", "Events delivered", "camera_id", stats.keys());
    let topics = stats.topics_delivered();
    by_label(&mut out, "alpr_multi_topic_events_published_total", "Events delivered by topic", "topic", topics);
    let name = "alpr_multi_topic_publish_errors_total";
    head(&mut out, name, "counter", "Failed deliveries by topic and cause");
    for ((topic, cause), number) in stats.topic_errors() {
        let labels = format!("{{topic=\"{}\",error_type=\"{}\"}}", escape(&topic), escape(&cause));
        line(&mut out, name, &labels, number as f64);
    }
    by_label(&mut out, "kafkasink_failed_total", "Failed deliveries by cause", "cause", stats.failed());
    latency(&mut out, spool);
    out
}

fn gauges(out: &mut String, stats: &Stats, spool: &Spool, now_ms: i64) {
    let depth = spool.depth();
    let client = stats.client();
    let age_s = depth.oldest_ms.map_or(0.0, |oldest| (now_ms - oldest).max(0) as f64 / 1000.0);
    let gauges = [
        ("connected", "1 while a broker answers", f64::from(u8::from(stats.connected.load(Relaxed)))),
        ("spool_records", "Records held", depth.records as f64),
        ("spool_bytes", "Bytes held", depth.bytes as f64),
        ("in_flight_records", "Records handed to the client and not reported yet", depth.in_flight as f64),
        ("held_back_records", "Records behind others of their partition that get no report", depth.held_back as f64),
        ("queue_records", "Records in the client's queues", client.queued as f64),
        ("oldest_age_seconds", "Age of the oldest record held", age_s),
        ("brokers_up", "Brokers with a connection", client.brokers_up as f64),
    ];
    for (name, help, value) in gauges {
        head(out, &format!("kafkasink_{name}"), "gauge", help);
        line(out, &format!("kafkasink_{name}"), "", value);
    }
    let name = "kafkasink_round_trip_seconds";
    head(out, name, "gauge", "Round trips of the busiest broker in the last statistics interval");
    for (quantile, micros) in ["0.5", "0.95", "0.99"].iter().zip(client.round_trip_us) {
        line(out, name, &format!("{{quantile=\"{quantile}\"}}"), micros as f64 / 1e6);
    }
}

fn latency(out: &mut String, spool: &Spool) {
    let name = "alpr_kafka_publish_latency_seconds";
    head(out, name, "histogram", "From the buffer's arrival to its delivery report");
    let (buckets, sum_ms) = spool.latency().snapshot();
    let mut total = 0;
    for (number, limit_ms) in buckets.iter().zip(BUCKETS_MS.iter().map(Some).chain([None])) {
        total += number;
        let limit = limit_ms.map_or("+Inf".to_string(), |ms| (*ms as f64 / 1000.0).to_string());
        line(out, &format!("{name}_bucket"), &format!("{{le=\"{limit}\"}}"), total as f64);
    }
    line(out, &format!("{name}_sum"), "", sum_ms as f64 / 1000.0);
    line(out, &format!("{name}_count"), "", total as f64);
}

fn by_label(out: &mut String, name: &str, help: &str, label: &str, numbers: impl IntoIterator<Item = (String, u64)>) {
    head(out, name, "counter", help);
    for (value, number) in numbers {
        line(out, name, &format!("{{{label}=\"{}\"}}", escape(&value)), number as f64);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(out, "{name}{labels} {value}");
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
