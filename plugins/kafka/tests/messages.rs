//! What the sink tells: messages on the bus, and metrics.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::*;
use gst::prelude::*;
use rdkafka::mocking::MockCluster;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_is_waited_for_is_said_in_the_part_that_gst_launch_prints() {
    let mut sink = Sink::new("bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=600000000");
    sink.push_event(0, "CAM1");
    sink.eos();
    let infos = sink.infos();
    assert!(infos.iter().any(|text| text.contains("up to 0.6 s") && text.contains("1 record(s)")), "{infos:?}");
}

/// `gst-launch-1.0 -q` prints no warning of the bus.
#[test]
fn warnings_are_in_the_debug_log_too() {
    init();
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = lines.clone();
    gst::log::set_threshold_for_name("kafkasink", gst::DebugLevel::Warning);
    let function = gst::log::add_log_function(move |category, level, _, _, _, object, message| {
        if category.name() == "kafkasink" && object.is_some_and(|object| object.to_string().contains("quiet-one")) {
            heard.lock().unwrap().push((level, message.get().map(|text| text.to_string()).unwrap_or_default()));
        }
    });
    let mut sink = Sink::new("name=quiet-one bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=500000000");
    sink.push_event(0, "CAM1");
    sink.wait_warning(&["No broker answers"], SOON);
    sink.eos();
    sink.stop();
    gst::log::remove_log_function(function);
    gst::log::unset_threshold_for_name("kafkasink");
    let lines = lines.lock().unwrap();
    for words in
        ["spool-location is not set", "No broker answers at 127.0.0.1:1", "not delivered within", "are lost when"]
    {
        let found = lines.iter().any(|(level, text)| *level == gst::DebugLevel::Warning && text.contains(words));
        assert!(found, "{words}: {lines:?}");
    }
}

#[test]
fn a_full_spool_that_holds_the_pipeline_is_a_warning_but_not_many() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    for (more, words) in [
        (String::new(), vec!["spool in memory is full", "spool-policy=block", "raise spool-max-bytes"]),
        (format!("spool-location={place}"), vec![place.as_str(), "is full", "bytes are free", "spool-policy=block"]),
    ] {
        let sink = Sink::new(&format!("bootstrap-servers=127.0.0.1:1 spool-max-bytes=5000 drain-timeout=0 {more}"));
        let pad = sink.element.static_pad("sink").unwrap();
        let pushing = std::thread::spawn(move || {
            let push = |n| pad.chain(gst::Buffer::from_slice(event(n, "CAM0").into_bytes()));
            (0..100).map(push).find(Result::is_err)
        });
        sink.wait_warning(&words, SOON);
        std::thread::sleep(Duration::from_millis(2500));
        let more = sink.warnings();
        assert!(!more.iter().any(|text| text.contains("is full")), "{more:?}");
        sink.stop();
        assert!(matches!(pushing.join().unwrap(), Some(Err(gst::FlowError::Flushing))));
    }
}

#[test]
fn the_first_dead_letter_is_a_warning_and_all_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dead.jsonl").display().to_string();
    let mut sink = Sink::new(&format!("mode=mock topic=t max-request-size=1000 dead-letter-location={file}"));
    for _ in 0..20 {
        sink.push(&"x".repeat(2000)).unwrap();
    }
    sink.wait_stat("dead-lettered", 20, SOON);
    let told = std::cell::Cell::new(0);
    let all_told = || {
        let records =
            sink.messages("kafkasink-dead-letter").iter().map(|s| s.get::<u64>("records").unwrap()).sum::<u64>();
        told.set(told.get() + records);
        told.get() == 20
    };
    assert!(wait_for(SOON, all_told), "told of {} although no other dead letter comes", told.get());
    let warnings = sink.warnings();
    let about: Vec<_> = warnings.iter().filter(|text| text.contains("can never be delivered")).collect();
    assert_eq!(about.len(), 1, "{warnings:?}");
    assert!(about[0].contains(&file) && about[0].contains("send them again"), "{about:?}");
}

#[test]
fn a_place_for_dead_letters_that_fails_is_one_warning() {
    // Nothing can be made under a device.
    let mut sink = Sink::new("mode=mock max-request-size=1000 dead-letter-location=/dev/null/dead.jsonl");
    sink.push(&"x".repeat(2000)).unwrap();
    sink.wait_warning(&["/dev/null/dead.jsonl", "is tried again"], SOON);
    std::thread::sleep(Duration::from_millis(1500));
    let more = sink.warnings();
    assert!(!more.iter().any(|text| text.contains("dead.jsonl")), "{more:?}");
}

#[test]
fn metrics_have_the_names_that_dashboards_ask_for() {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("t", 3, 3).unwrap();
    let port = broker::free_port();
    let mut sink = Sink::new(&format!("bootstrap-servers={} topic=t metrics-port={port}", cluster.bootstrap_servers()));
    for n in 0..3 {
        sink.push_event(n, "CAM1");
    }
    sink.eos();
    sink.wait_stat("spool-depth", 0, SOON);
    let text = http_get(port, "/metrics");
    for line in [
        "alpr_events_published_total{camera_id=\"CAM1\"} 3",
        "alpr_multi_topic_events_published_total{topic=\"t\"} 3",
        "alpr_kafka_publish_latency_seconds_count 3",
        "kafkasink_delivered_total 3",
        "kafkasink_connected 1",
        "kafkasink_spool_records 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    for target in ["/metrics/", "/metrics?x=1", "/metrics/?x=1"] {
        assert!(http_get(port, target).starts_with("HTTP/1.1 200"), "{target}");
    }
    for target in ["/", "/metricsx", "/x/metrics", "/metrics/x"] {
        assert!(http_get(port, target).starts_with("HTTP/1.1 404"), "{target}");
    }
    // What the dashboard asks for and the alerts of docs/kafka.md.
    for file in ["pipelines/dashboards/kafkasink.json", "docs/kafka.md"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let asked = std::fs::read_to_string(path).unwrap();
        let words = asked.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names: Vec<&str> =
            words.filter(|word| word.starts_with("kafkasink_") || word.starts_with("alpr_")).collect();
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names.into_iter().filter(|name| *name != "kafkasink_") {
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(text.contains(&format!("# TYPE {name} ")), "{file} asks for {name}, which is not in\n{text}");
        }
    }
    let busy = Sink::try_new(&format!("mode=mock metrics-port={port}"), EVENT_CAPS).err().unwrap();
    assert!(busy.contains("metrics-port") && busy.contains("127.0.0.1"), "{busy}");
}

#[test]
fn every_counter_of_stats_is_a_metric() {
    let port = broker::free_port();
    let mut sink = Sink::new(&format!("mode=mock metrics-port={port}"));
    sink.push_event(0, "CAM1");
    sink.wait_stat("delivered", 1, SOON);
    let text = http_get(port, "/metrics");
    // What is no counter: levels, quantiles, and the age of the oldest record.
    let levels = ["connected", "brokers-up", "oldest-age", "held-back"];
    let is_level = |name: &str| {
        levels.contains(&name)
            || ["spool-", "in-flight", "queue-", "round-trip"].iter().any(|part| name.starts_with(part))
    };
    for (name, _) in sink.element.property::<gst::Structure>("stats").iter().filter(|(name, _)| !is_level(name)) {
        let metric = format!("# TYPE kafkasink_{}_total counter", name.replace('-', "_"));
        assert!(text.contains(&metric), "{metric} is not in\n{text}");
    }
    assert!(text.contains("kafkasink_topics_total{topic=\"alpr.plates.detected\"} 1"), "{text}");
}

#[test]
fn only_plates_and_records_without_a_kind_are_published_events_of_a_camera() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    for place in ["mode=mock".to_string(), format!("bootstrap-servers={}", cluster.bootstrap_servers())] {
        let port = broker::free_port();
        let mut sink = Sink::new(&format!("{place} topic=t kind=\"\" metrics-port={port}"));
        for kind in ["", "\"kind\":\"plate\",", "\"kind\":\"health\",", "\"kind\":\"vehicle\","] {
            sink.push(&format!("{{{kind}\"camera_id\":\"CAM1\"}}\n")).unwrap();
        }
        sink.eos();
        let text = http_get(port, "/metrics");
        for line in ["alpr_events_published_total{camera_id=\"CAM1\"} 2", "kafkasink_delivered_total 4"] {
            assert!(text.lines().any(|found| found == line), "{place}: {line} is not in\n{text}");
        }
    }
}

#[test]
fn a_scraper_that_dawdles_does_not_hold_the_stop() {
    use std::io::Write;
    let port = broker::free_port();
    let sink = Sink::new(&format!("mode=mock metrics-port={port}"));
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let dawdling = std::thread::spawn(move || {
        for _ in 0..40 {
            // The sink may have hung up.
            let _ = stream.write_all(b"G");
            std::thread::sleep(Duration::from_millis(250));
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    let start = std::time::Instant::now();
    sink.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "stopping took {:?}", start.elapsed());
    dawdling.join().unwrap();
}

fn http_get(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
