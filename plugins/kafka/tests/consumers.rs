//! Consumers of the field keep working: kafka-python, confluent-kafka, Confluent's Avro deserialiser, quixstreams,
//! PostgreSQL. The consumers are the examples in `pipelines/consumers`, started as `pipelines/compose.yaml` starts them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::broker::*;
use common::*;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
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

/// What else may be on the topic: a record of another kind, which is no event.
fn health(camera: &str, captured_at: &str) -> String {
    serde_json::json!({"kind": "health", "camera_id": camera, "timestamp": captured_at, "fps": 15.0}).to_string() + "\n"
}

/// A record of `event`, the text of a [`plate`], as `emit=preview` sends it.
fn revision(event: &str, revision: u32, preview: bool, withdrawn: bool) -> String {
    let mut event: serde_json::Value = serde_json::from_str(event).unwrap();
    event["plate"]["text"] = format!("R{revision}").into();
    event["extras"]["revision"] = revision.into();
    event["extras"]["preview"] = preview.into();
    if withdrawn {
        event["extras"]["withdrawn"] = true.into();
    }
    event.to_string() + "\n"
}

fn start_of_minute() -> i64 {
    now_s() / 60 * 60 - 600
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

/// Asks the database of `dsn`; the first row, as Python writes it.
#[track_caller]
fn ask(dsn: &str, sql: &str) -> String {
    let query = "import psycopg,sys; c=psycopg.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchone())";
    let mut python = python();
    python.args(["-c", query, dsn, sql]);
    run(python).trim().to_string()
}

#[test]
fn every_event_is_stored_in_postgresql_also_over_a_restart_of_the_consumer() {
    let broker = broker_with_plates(300);
    // Short: the path of a Unix socket has a limit.
    let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
    let postgres = Helper::start("postgres.py", &[dir.path().to_str().unwrap()]);
    let servers = broker.servers();
    let addresses = [(COMPOSE_SERVERS, servers.as_str()), ("postgresql://alpr:alpr@postgres/alpr", &postgres.line)];
    let store = |events: &str| run_service("store", &addresses, &["--events", events]);
    store("100");
    // Whatever the first run took beyond 100, together they must take all: events are repeated, never skipped.
    let ask = |sql: &str| ask(&postgres.line, sql);
    let first: u32 = ask("SELECT count(*) FROM plate_events").trim_matches(['(', ')', ',']).parse().unwrap();
    assert!((100..300).contains(&first), "{first}");
    store(&(300 - first).to_string());
    assert_eq!(ask("SELECT count(*), count(DISTINCT event_id) FROM plate_events"), "(300, 300)");
    assert_eq!(
        ask(
            "SELECT camera_id, track_id, plate_text, plate_region, vehicle_type, roi, frame_number, site_id, latency_ms \
             FROM plate_events WHERE plate_normalized_text = 'AB7'"
        ),
        "('CAM1', 't-7', 'AB 7', 'US-FL', 'car', 'lane-2', 7, 'DC1', 120)"
    );
    let lag = "import sys; from kafka import KafkaConsumer, TopicPartition as P\n\
               c = KafkaConsumer(bootstrap_servers=sys.argv[1], group_id='alpr-storage-consumer')\n\
               parts = [P(sys.argv[2], p) for p in c.partitions_for_topic(sys.argv[2])]\n\
               print(sum(end - (c.committed(p) or 0) for p, end in c.end_offsets(parts).items()))";
    let output = python().args(["-c", lag, &broker.servers(), TOPIC]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn revisions_replace_and_withdraw_what_is_stored() {
    let broker = broker_with_plates(1);
    let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
    let postgres = Helper::start("postgres.py", &[dir.path().to_str().unwrap()]);
    // A table from before there were revisions, as an existing consumer has it.
    let table = std::fs::read_to_string(pipelines("consumers/store.sql")).unwrap();
    let (table, _) = table.split_once("-- Tables that were made before").unwrap();
    let table = table.replace("    revision int NOT NULL DEFAULT 0,\n", "");
    let mut python = python();
    python.args(["-c", "import psycopg,sys\nwith psycopg.connect(sys.argv[1]) as c: c.execute(sys.argv[2])"]);
    python.args([&postgres.line, &table]);
    run(python);
    let mut sink = Sink::new(&format!("bootstrap-servers={}", broker.servers()));
    let time = rfc3339(start_of_minute());
    let event = |number: u32| plate(number, "CAM0", &time);
    for record in [
        health("CAM0", &time),
        revision(&event(1), 0, true, false),
        revision(&event(2), 0, true, false),
        revision(&event(3), 0, true, false),
        revision(&event(1), 1, false, false),
        // Delivered once more: what is older changes nothing.
        revision(&event(1), 0, true, false),
        revision(&event(2), 1, false, true),
        // What is no event, and what the table does not take, is left out.
        "no event\n".to_string(),
        "[1]\n".to_string(),
        "{\"foo\":1}\n".to_string(),
        event(4).replace(&format!("\"{time}\""), "null"),
    ] {
        sink.push(&record).unwrap();
    }
    sink.eos();
    let servers = broker.servers();
    let addresses = [(COMPOSE_SERVERS, servers.as_str()), ("postgresql://alpr:alpr@postgres/alpr", &postgres.line)];
    run_service("store", &addresses, &["--events", "8"]);
    let stored =
        "SELECT string_agg(track_id || ' ' || plate_text || ' ' || revision, ', ' ORDER BY track_id) FROM plate_events";
    assert_eq!(ask(&postgres.line, stored), "('t-0 AB 0 0, t-1 R1 1, t-3 R0 0',)");
}

#[test]
fn a_watched_plate_alerts_once_in_its_cooldown() {
    let broker = broker_with_plates(60);
    let mut sink = Sink::new(&format!("bootstrap-servers={}", broker.servers()));
    // The same plate again, a second and an hour after its first passage.
    for (number, after) in [(100, 13), (101, 3612)] {
        let text =
            plate(number, "CAM0", &rfc3339(start_of_minute() - 3600 + after)).replace(&format!("AB{number}"), "AB12");
        sink.push(&health("CAM0", &rfc3339(start_of_minute()))).unwrap();
        sink.push("no event\n").unwrap();
        sink.push("{\"foo\":1}\n").unwrap();
        sink.push(&text).unwrap();
    }
    sink.eos();
    let servers = broker.servers();
    let addresses = [(COMPOSE_SERVERS, servers.as_str()), ("${WATCHED_PLATES:-ABC123,XYZ789}", "AB12,AB13")];
    let alerts: Vec<serde_json::Value> = run_service("watchlist", &addresses, &["--events", "62"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let plates: Vec<&str> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap()).collect();
    assert_eq!(plates.iter().filter(|plate| **plate == "AB13").count(), 1, "{alerts:?}");
    assert_eq!(
        plates.iter().filter(|plate| **plate == "AB12").count(),
        1,
        "the others are in its cooldown: {alerts:?}"
    );
}

#[test]
fn counts_by_camera_and_minute_are_right() {
    let broker = broker_with_plates(150);
    broker.create_topic("alpr.analytics.camera-counts");
    // None of these is a pass more: another kind, a revision, a preview that is taken back, and what is no event.
    let mut sink = Sink::new(&format!("bootstrap-servers={}", broker.servers()));
    let last = rfc3339(start_of_minute() + 149);
    let (known, withdrawn) = (plate(149, "CAM2", &last), plate(200, "CAM2", &last));
    for record in [
        health("CAM2", &last),
        revision(&known, 1, false, false),
        revision(&withdrawn, 0, true, false),
        revision(&withdrawn, 1, false, true),
        "no event\n".to_string(),
        "[1]\n".to_string(),
    ] {
        sink.push(&record).unwrap();
    }
    sink.eos();
    sink.wait_stat("delivered", 6, SOON);
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let servers = broker.servers();
    let addresses = [(COMPOSE_SERVERS, servers.as_str()), ("/state", state.to_str().unwrap())];
    run_service("counts", &addresses, &["--timeout", "8"]);
    let mut last: BTreeMap<(String, i64), u64> = BTreeMap::new();
    for record in consume(&broker.servers(), "alpr.analytics.camera-counts") {
        let value: serde_json::Value = serde_json::from_str(&record.value).unwrap();
        let camera = value["camera_id"].as_str().unwrap().to_string();
        last.insert((camera, value["start_ms"].as_i64().unwrap()), value["count"].as_u64().unwrap());
    }
    let counts: Vec<u64> = last.values().copied().collect();
    // 150 seconds from a full minute on, one event a second, three cameras in turn: 20, 20 and 10 each.
    assert_eq!(counts, [20, 20, 10, 20, 20, 10, 20, 20, 10], "{last:?}");
}

#[test]
fn compose_names_only_what_is_there() {
    let compose = compose();
    let services = compose["services"].as_hash().unwrap();
    let is_there = |path: &str| assert!(pipelines(path).exists(), "{path}");
    for (name, service) in services {
        let name = name.as_str().unwrap();
        let image = service["image"].as_str().map(|image| image.split_once(':').expect("a version").1);
        assert!(image != Some("latest"), "{name}");
        assert!(
            image.is_some() != (service["build"].as_str() == Some("consumers")),
            "{name}: an image or our consumers"
        );
        for other in service["depends_on"].as_hash().into_iter().flat_map(|map| map.keys()) {
            assert!(services.contains_key(other), "{name} depends on {other:?}");
        }
        for volume in service["volumes"].as_vec().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(file) => is_there(file),
                None => assert!(compose["volumes"].as_hash().unwrap().contains_key(&Yaml::String(source.into()))),
            }
        }
    }
    is_there("consumers/Dockerfile");
    // The topics, as docs/kafka.md lists them for development.
    let script = command_of(&compose["services"]["topics"]).pop().unwrap();
    let docs = std::fs::read_to_string(pipelines("../docs/kafka.md")).unwrap();
    for line in script.lines().filter_map(|line| line.strip_prefix("create ")) {
        let [topic, partitions, retention] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let days = retention.parse::<u64>().unwrap() / 86_400_000;
        let row = docs
            .lines()
            .find(|row| row.starts_with(&format!("| `{topic}` ")) && row.contains(&format!("| {partitions} ")));
        let row = row.unwrap_or_else(|| panic!("docs/kafka.md has no {topic} with {partitions} partitions"));
        assert!(row.contains(&format!("| {days} day")), "{row}");
    }
}

#[test]
fn the_consumers_run_with_the_versions_that_their_image_has() {
    let wanted = std::fs::read_to_string(pipelines("consumers/requirements.txt")).unwrap();
    let versions =
        "import sys, importlib.metadata as m; print(sys.version_info >= (3, 11), [m.version(n) for n in sys.argv[1:]])";
    let lines: Vec<(&str, &str)> = wanted.lines().filter_map(|line| line.split_once("==")).collect();
    assert_eq!(lines.len(), 4);
    let mut python = python();
    python.args(["-c", versions]).args(lines.iter().map(|(name, _)| name.split('[').next().unwrap()));
    let found = run(python);
    // On Python 3.10 older versions of two packages stand in: the image has a newer one.
    if found.starts_with("True") {
        assert!(lines.iter().all(|(_, version)| found.contains(&format!("'{version}'"))), "{found}");
    }
}

#[test]
fn confluents_deserialiser_reads_our_avro() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("alpr.events.plates");
    broker.create_topic("incompatible");
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let dir = tempfile::tempdir().unwrap();
    let line = |more: &str| {
        format!(
            "bootstrap-servers={} topic=alpr.events.plates value-format=avro schema-registry-url={url} \
             topics=\"topics,other=incompatible\" spool-location={} {more}",
            broker.servers(),
            dir.path().display()
        )
    };
    let mut sink = Sink::new(&line(""));
    sink.push(&plate(1, "CAM1", &rfc3339(now_s()))).unwrap();
    // The registry is away: the pipeline goes on and the record waits.
    assert!(wait_for(SOON, || sink.warnings().iter().any(|text| text.contains("does not answer"))));
    assert_eq!(sink.stat("delivered"), 0);
    let _registry = Helper::start("registry.py", &["--port", &port.to_string()]);
    sink.push(&plate(2, "CAM1", &rfc3339(now_s()))).unwrap();
    sink.wait_stat("delivered", 2, SOON);
    // No plate event at all, and a kind without a schema: dead letters with the reason.
    sink.push("{\"camera_id\":\"CAM1\"}\n").unwrap();
    sink.push("{\"camera_id\":\"CAM1\",\"kind\":\"other\"}\n").unwrap();
    sink.wait_stat("dead-lettered", 2, SOON);
    let dead = std::fs::read_to_string(dir.path().join("dead-letters.jsonl")).unwrap();
    assert!(dead.contains("does not fit the schema of kind plate") && dead.contains("no Avro schema"), "{dead}");
    let mut reader = python();
    reader.arg(script("read_avro.py")).args([&broker.servers(), &url, "alpr.events.plates", "2"]);
    let text = run(reader);
    let values: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values[1]["plate"]["normalized_text"], "AB2");
    assert_eq!((&values[1]["latency_ms"], &values[1]["extras"]["frame_number"]), (&120.into(), &2.into()));
    assert!((values[1]["plate"]["confidence"].as_f64().unwrap() - 0.912).abs() < 1e-6);
    assert!(values[1]["extras"].get("schema_version").is_none(), "extensions are left out: {}", values[1]);
}

#[test]
fn an_unregistered_schema_waits_and_an_incompatible_one_is_a_dead_letter() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("alpr.events.plates");
    broker.create_topic("incompatible");
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let _registry = Helper::start("registry.py", &["--port", &port.to_string(), "--credentials", "me:right"]);
    let line = |topic: &str, password: &str, more: &str| {
        format!(
            "bootstrap-servers={} topic={topic} value-format=avro schema-registry-url={url} drain-timeout=0 \
             schema-registry-username=me schema-registry-password={password} {more}",
            broker.servers()
        )
    };
    let waits = |topic: &str, password: &str, more: &str, words: &str| {
        let mut sink = Sink::new(&line(topic, password, more));
        sink.push(&plate(1, "CAM1", &rfc3339(now_s()))).unwrap();
        let mut all = Vec::new();
        let found = wait_for(SOON, || {
            all.extend(sink.warnings());
            all.iter().any(|text| text.contains(words))
        });
        assert!(found, "{words}: {all:?}");
        assert!(all.iter().all(|text| !text.contains(password)), "{all:?}");
        assert_eq!((sink.stat("delivered"), sink.stat("spool-depth")), (0, 1));
    };
    waits("alpr.events.plates", "wrong-password", "", "schema-registry-password");
    waits("alpr.events.plates", "right", "schema-register=false", "set schema-register=true");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dead.jsonl");
    let mut sink = Sink::new(&line("incompatible", "right", &format!("dead-letter-location={}", file.display())));
    sink.push(&plate(1, "CAM1", &rfc3339(now_s()))).unwrap();
    sink.wait_stat("dead-lettered", 1, SOON);
    assert!(std::fs::read_to_string(file).unwrap().contains("not compatible"));
}
