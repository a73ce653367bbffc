//! `mode=mock`: no broker is needed.

use super::*;

#[test]
fn mock_mode_checks_counts_and_logs_without_a_broker() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dead.jsonl");
    let mut sink = Sink::new(&format!(
        "mode=mock topics=\"topics,vehicle=v\" max-request-size=2000 dead-letter-location={}",
        file.display()
    ));
    sink.push_event(0, "CAM1");
    sink.push("{\"event_id\":\"v1\",\"camera_id\":\"CAM2\",\"kind\":\"vehicle\"}\n").unwrap();
    sink.push(&format!("{{\"text\":\"{}\"}}", "x".repeat(3000))).unwrap();
    sink.eos();
    assert_eq!((sink.stat("received"), sink.stat("delivered"), sink.stat("dead-lettered")), (3, 2, 1));
    let records = sink.messages("kafkasink-mock-record");
    let seen: Vec<_> = records
        .iter()
        .map(|s| (s.get::<&str>("topic").unwrap(), s.get::<&str>("key").unwrap(), s.get::<&str>("event-id").unwrap()))
        .collect();
    assert_eq!(seen, [("alpr.plates.detected", "CAM1", "CAM1-0"), ("v", "CAM2", "v1")]);
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 1);
}

/// It would take them for delivered, and they would be gone.
#[test]
fn mock_mode_does_not_touch_records_that_wait_for_brokers() {
    let dir = tempfile::tempdir().unwrap();
    let spool = format!("bootstrap-servers=127.0.0.1:1 drain-timeout=0 spool-location={}", dir.path().display());
    let mut sink = Sink::new(&spool);
    sink.push_event(0, "CAM1");
    sink.stop();
    assert_eq!(sink.stat("left"), 1);
    sink.element.set_property_from_str("mode", "mock");
    assert!(sink.element.set_state(gst::State::Playing).is_err());
    let error = sink.error().unwrap();
    assert!(error.contains("holds 1 record(s)") && error.contains("another spool-location"), "{error}");
    sink.stop();
    sink.element.set_property_from_str("mode", "kafka");
    sink.element.set_state(gst::State::Playing).unwrap();
    assert_eq!(sink.stat("recovered"), 1);
}

#[test]
fn mock_mode_has_a_dead_letter_topic_too() {
    let mut sink = Sink::new("mode=mock topic=t max-request-size=2000 dead-letter-topic=dead");
    sink.push(&format!("{{\"text\":\"{}\"}}", "x".repeat(3000))).unwrap();
    sink.eos();
    assert_eq!((sink.stat("dead-lettered"), sink.stat("lost"), sink.stat("delivered")), (1, 0, 0));
    let topics: Vec<String> = sink.messages("kafkasink-mock-record").iter().map(|s| s.get("topic").unwrap()).collect();
    assert_eq!(topics, ["dead"]);
    sink.check_accounts();
}

#[test]
fn mock_mode_refuses_the_sizes_that_the_client_refuses() {
    let cluster = cluster(&["t"]);
    let kafka = format!("bootstrap-servers={}", cluster.bootstrap_servers());
    let largest = |place: &str| {
        let mut sink = Sink::new(&format!("{place} topic=t max-request-size=2000 headers=\"headers,site=DC1\""));
        for bytes in 1800..2000 {
            sink.push(&format!("{{\"camera_id\":\"C\",\"text\":\"{}\"}}", "x".repeat(bytes - 28))).unwrap();
        }
        sink.eos();
        sink.wait_stat("spool-depth", 0, SOON);
        (sink.stat("delivered"), sink.stat("lost"))
    };
    assert_eq!(largest("mode=mock"), largest(&kafka));
}
