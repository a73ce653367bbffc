//! Consumers of the field keep working: kafka-python, confluent-kafka, Confluent's Avro deserialiser, quixstreams,
//! PostgreSQL. The consumers are the examples in `pipelines/consumers`, started as `pipelines/compose.yaml` starts them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod avro;
#[path = "../common/mod.rs"]
mod common;
mod compose;
mod examples;

use common::broker::*;
use common::*;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::LazyLock,
    time::Duration,
};
use yaml_rust2::{Yaml, YamlLoader};

const SOON: Duration = Duration::from_secs(30);
const TOPIC: &str = "alpr.plates.detected";
/// The broker's address inside `pipelines/compose.yaml`.
const COMPOSE_SERVERS: &str = "kafka:19092";

/// A plate event with every member that consumers know; `second` of the minute, so that windows are predictable.
fn plate(number: u32, camera: &str, captured_at: &str) -> String {
    serde_json::json!({
        "event_id": format!("00000000-0000-5000-8000-{number:012}"),
        "captured_at": captured_at,
        "camera_id": camera,
        "track_id": format!("t-{number}"),
        "plate": {"text": format!("AB {number}"), "normalized_text": format!("AB{number}"), "confidence": 0.912, "region": "US-FL"},
        "vehicle": {"type": "car", "make": null, "model": null, "color": null},
        "images": {"plate_url": "", "vehicle_url": "", "frame_url": ""},
        "latency_ms": 120,
        "node": {"site": "DC1", "host": "edge-1"},
        "extras": {"roi": "lane-2", "direction": "inbound", "quality_score": 0.593, "frame_number": number, "schema_version": 1},
    })
    .to_string()
        + "\n"
}

/// The beginning of a minute ten minutes ago, the same in the whole run: a test may begin in one minute and end in the next.
fn start_of_minute() -> i64 {
    static START: LazyLock<i64> = LazyLock::new(|| now_s() / 60 * 60 - 600);
    *START
}

fn rfc3339(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339()
}

/// A broker whose topic holds `events` plates of three cameras, one every second.
fn broker_with_plates(events: u32) -> Broker {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic(TOPIC);
    let mut sink = Sink::new(&format!("bootstrap-servers={}", broker.servers()));
    for n in 0..events {
        let captured = rfc3339(start_of_minute() + i64::from(n));
        sink.push(&plate(n, &format!("CAM{}", n % 3), &captured)).unwrap();
    }
    sink.eos();
    sink.wait_stat("delivered", events.into(), SOON);
    broker
}

fn pipelines(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines").join(file)
}

fn compose() -> Yaml {
    let text = std::fs::read_to_string(pipelines("compose.yaml")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// The command of a service, as written.
fn command_of(service: &Yaml) -> Vec<String> {
    service["command"].as_vec().unwrap().iter().map(|part| part.as_str().unwrap().to_string()).collect()
}

/// Runs a consumer as its service does, with other addresses, to its end; gives what it printed.
#[track_caller]
fn run_service(name: &str, addresses: &[(&str, &str)], more: &[&str]) -> String {
    let mut command = command_of(&compose()["services"][name]);
    for (from, to) in addresses {
        assert!(command.iter().any(|part| part == from), "{from} is not in {command:?}");
        command.iter_mut().filter(|part| part == from).for_each(|part| *part = to.to_string());
    }
    let mut python = python();
    python.arg(pipelines("consumers").join(&command[0])).args(&command[1..]).args(more);
    run(python)
}

#[track_caller]
fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}\n{err}");
    out.into_owned()
}

/// A helper process that says one line when it is ready, and ends with its standard input.
struct Helper {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    line: String,
}

impl Helper {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child =
            python().arg(script(name)).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{name} did not start");
        Self { child, _stdout: stdout, line: line.trim().to_string() }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if !wait_for(Duration::from_secs(3), || matches!(self.child.try_wait(), Ok(Some(_)))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
