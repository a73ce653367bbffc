//! Avro in front of a schema registry.

use super::*;

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
