//! The example consumers, with the versions of their image.

use super::*;

/// What else may be on the topic: a record of another kind, which is no event.
fn health(camera: &str, captured_at: &str) -> String {
    serde_json::json!({"kind": "health", "camera_id": camera, "timestamp": captured_at, "fps": 15.0}).to_string() + "\n"
}

/// Looks like an event and has nothing in it.
const PARTS_WITHOUT_FIELDS: &str = "{\"plate\":{},\"extras\":{}}\n";

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
        PARTS_WITHOUT_FIELDS.to_string(),
        event(4).replace(&format!("\"{time}\""), "null"),
        event(5).replace(r#""vehicle":{"#, r#""vehicle":"car","was":{"#),
        event(6).replace(r#""text":"AB 6""#, r#""text":{}"#),
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
        sink.push(PARTS_WITHOUT_FIELDS).unwrap();
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
