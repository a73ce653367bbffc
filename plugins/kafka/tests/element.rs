//! The element against librdkafka's mock cluster: three brokers in this process, real TCP.

mod common;

use common::*;
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn cluster(topics: &[&str]) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    for topic in topics {
        cluster.create_topic(topic, 3, 3).unwrap();
    }
    cluster
}

#[test]
fn an_event_arrives_with_key_headers_and_capture_time() {
    let cluster = cluster(&["alpr.plates.detected"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers}"));
    sink.push(
        "{\"event_id\":\"a\",\"captured_at\":\"2026-01-02T03:04:05.678+00:00\",\"camera_id\":\"CAM1\",\
         \"extras\":{\"schema_version\":3}}\n",
    )
    .unwrap();
    sink.eos();
    assert_eq!((sink.stat("received"), sink.stat("delivered"), sink.stat("spool-depth")), (1, 1, 0));
    let got = consume(&servers, "alpr.plates.detected");
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].key.as_deref(), Some("CAM1"));
    assert!(got[0].value.ends_with("}}"), "one line feed is stripped: {}", got[0].value);
    assert_eq!(got[0].timestamp_ms, Some(1_767_323_045_678));
    assert_eq!(got[0].headers["kind"], "plate");
    assert_eq!(got[0].headers["schema_version"], "3");
}

#[test]
fn any_bytes_are_delivered_as_they_are() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::try_new(&format!("bootstrap-servers={servers} topic=t"), "text/plain").unwrap();
    sink.push("not json\n").unwrap();
    sink.eos();
    let got = consume(&servers, "t");
    assert_eq!((got[0].value.as_str(), got[0].key.as_deref(), got[0].headers.len()), ("not json\n", None, 0));
}

#[test]
fn kinds_go_to_their_own_topics() {
    let cluster = cluster(&["alpr.plates.detected", "v", "h"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topics=\"topics,vehicle=v,health=h\""));
    sink.push("{\"camera_id\":\"C\",\"n\":1}\n").unwrap();
    sink.push("{\"camera_id\":\"C\",\"kind\":\"vehicle\",\"n\":2}\n").unwrap();
    let mut buffer = gst::Buffer::from_slice(b"{\"n\":3}\n");
    {
        let mut meta = gst::meta::CustomMeta::add(buffer.get_mut().unwrap(), gstkafka::RECORD_META).unwrap();
        meta.mut_structure().set("kind", "health");
        meta.mut_structure().set("key", "host-1");
    }
    sink.harness().push(buffer).unwrap();
    sink.eos();
    for (topic, number, kind, key) in
        [("alpr.plates.detected", 1, "plate", "C"), ("v", 2, "vehicle", "C"), ("h", 3, "health", "host-1")]
    {
        let got = consume(&servers, topic);
        assert_eq!(got.len(), 1, "{topic}");
        assert!(got[0].value.contains(&format!("\"n\":{number}")), "{topic}: {}", got[0].value);
        assert_eq!((got[0].headers["kind"].as_str(), got[0].key.as_deref()), (kind, Some(key)));
    }
}

#[test]
fn order_is_kept_per_camera() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topic=t"));
    for n in 0..1000 {
        sink.push_event(n, &format!("CAM{}", n % 5));
    }
    sink.eos();
    sink.wait_stat("delivered", 1000, SOON);
    let by_camera = numbers_by_camera(&consume(&servers, "t"));
    assert_eq!(by_camera.len(), 5);
    for (camera, numbers) in by_camera {
        let first: u32 = camera[3..].parse().unwrap();
        assert_eq!(numbers, (0..200).map(|n| first + 5 * n).collect::<Vec<_>>(), "{camera}");
    }
}

#[test]
fn starts_without_a_broker_and_delivers_when_it_comes() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    for broker in 1..=3 {
        cluster.broker_down(broker).unwrap();
    }
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topic=t"));
    for n in 0..50 {
        sink.push_event(n, "CAM1");
    }
    assert!(wait_for(SOON, || sink.messages("kafkasink-state").iter().any(|s| {
        s.get::<&str>("state") == Ok("disconnected") && s.has_field("reason") && s.has_field("next-try")
    })));
    assert_eq!(sink.stat("delivered"), 0);
    for broker in 1..=3 {
        cluster.broker_up(broker).unwrap();
    }
    sink.wait_stat("delivered", 50, SOON);
    assert!(sink.messages("kafkasink-state").iter().any(|s| s.get::<&str>("state") == Ok("connected")));
    assert_eq!(numbers_by_camera(&consume(&servers, "t"))["CAM1"], (0..50).collect::<Vec<_>>());
}

#[test]
fn what_is_left_at_stop_stays_in_the_spool_and_is_sent_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    let line = |servers: &str, drain: u64| {
        format!("bootstrap-servers={servers} topic=t spool-location={} drain-timeout={drain}", spool.display())
    };
    let mut sink = Sink::new(&line("127.0.0.1:1", 300_000_000));
    for n in 0..20 {
        sink.push_event(n, "CAM1");
    }
    let start = std::time::Instant::now();
    sink.eos();
    sink.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "stop took {:?}", start.elapsed());
    assert_eq!((sink.stat("left"), sink.stat("lost")), (20, 0));
    drop(sink);
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&line(&servers, 10_000_000_000));
    assert_eq!(sink.stat("recovered"), 20);
    sink.push_event(20, "CAM1");
    sink.eos();
    assert_eq!((sink.stat("delivered"), sink.stat("spool-depth")), (21, 0));
    assert_eq!(numbers_by_camera(&consume(&servers, "t"))["CAM1"], (0..=20).collect::<Vec<_>>());
}
