//! The element against librdkafka's mock cluster: three brokers in this process, real TCP.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::*;
use gst::prelude::*;
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

#[test]
fn a_start_that_fails_lets_the_spool_go() {
    let dir = tempfile::tempdir().unwrap();
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("bootstrap-servers=127.0.0.1:1 drain-timeout=0 spool-location={}", dir.path().display());
    let port = busy.local_addr().unwrap().port();
    check_refused(&format!("{line} metrics-port={port}"), &["metrics-port", "127.0.0.1"]);
    let mut sink = Sink::new(&line);
    sink.push_event(0, "CAM1");
    sink.check_accounts();
}

#[test]
fn the_accounts_are_right_over_a_restart_of_the_element() {
    let cluster = cluster(&["t"]);
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(&format!(
        "bootstrap-servers={} topic=t spool-location={} drain-timeout=300000000",
        cluster.bootstrap_servers(),
        dir.path().display()
    ));
    for broker in 1..=3 {
        cluster.broker_down(broker).unwrap();
    }
    for n in 0..20 {
        sink.push_event(n, "CAM1");
    }
    sink.stop();
    sink.check_accounts();
    sink.element.set_state(gst::State::Playing).unwrap();
    sink.stop();
    sink.check_accounts();
    for broker in 1..=3 {
        cluster.broker_up(broker).unwrap();
    }
    sink.element.set_state(gst::State::Playing).unwrap();
    sink.wait_stat("delivered", 20, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    assert_eq!((sink.stat("recovered"), sink.stat("left")), (40, 40));
    sink.check_accounts();
}

#[test]
fn a_broker_that_is_away_is_said_with_who_why_and_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    for (more, words) in [
        (String::new(), ["3 record(s)", "memory only"]),
        (format!("spool-location={}", spool.display()), ["3 record(s)", "after the next start"]),
    ] {
        let mut sink = Sink::new(&format!(
            "bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=300000000 \
             config=\"config,reconnect.backoff.max.ms=7000\" {more}"
        ));
        for n in 0..3 {
            sink.push_event(n, "CAM1");
        }
        sink.wait_warning(&["127.0.0.1:1", "Connection refused", "7 s"], SOON);
        let states = sink.messages("kafkasink-state");
        let disconnected = states.iter().find(|s| s.get::<&str>("state") == Ok("disconnected")).unwrap();
        assert_eq!(disconnected.get::<u64>("next-try"), Ok(7_000_000_000));
        sink.eos();
        sink.wait_warning(&words, SOON);
    }
}

/// What the element said on the console while `stop` ran, and how long that took.
fn said_at_stop(sink: &Sink) -> (String, Duration) {
    // The log has one handler, for all tests of this process.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let heard = said.clone();
    let name = sink.element.name();
    let ours = move |text: &str| text.starts_with(&format!("{name}: "));
    let levels = glib::LogLevels::LEVEL_MESSAGE;
    let handler = glib::log_set_handler(Some("kafkasink"), levels, false, false, move |_, _, text| {
        if ours(text) {
            heard.lock().unwrap().push_str(text);
        }
    });
    let start = std::time::Instant::now();
    sink.stop();
    let took = start.elapsed();
    glib::log_remove_handler(Some("kafkasink"), handler);
    let said = said.lock().unwrap().clone();
    (said, took)
}

/// Ctrl-C without end of stream: nobody reads the bus then.
#[test]
fn a_stop_says_what_it_waits_for_and_leaves_when_nothing_is_lost_by_that() {
    let dir = tempfile::tempdir().unwrap();
    let spool = format!("spool-location={}", dir.path().display());
    let cluster = cluster(&["t"]);
    let mut sink = Sink::new(&format!("bootstrap-servers=127.0.0.1:1 topic=t {spool}"));
    for n in 0..3 {
        sink.push_event(n, "CAM1");
    }
    let (said, took) = said_at_stop(&sink);
    assert!(took < Duration::from_secs(5), "on disk, no broker, drain-timeout 10 s: {took:?}");
    assert!(said.contains("up to 1 s") && said.contains("3 record(s) were not delivered. They stay in the"), "{said}");
    assert_eq!((sink.stat("left"), sink.stat("lost")), (3, 0));
    drop(sink);

    let mut sink = Sink::new(&format!("bootstrap-servers={} topic=t {spool}", cluster.bootstrap_servers()));
    sink.wait_stat("delivered", 3, SOON);
    sink.push_event(3, "CAM1");
    let (said, _) = said_at_stop(&sink);
    assert_eq!((sink.stat("delivered"), sink.stat("left")), (4, 0), "a broker that is there is waited for: {said}");
    drop(sink);

    let mut sink = Sink::new("bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=2000000000");
    sink.push_event(0, "CAM1");
    let (said, took) = said_at_stop(&sink);
    assert!(took >= Duration::from_secs(2), "what is in memory only is waited for: {took:?}");
    assert!(said.contains("up to 2 s") && said.contains("the rest is lost") && said.contains("1 record(s)"), "{said}");
    assert_eq!((sink.stat("left"), sink.stat("lost")), (0, 1));
}

#[test]
fn a_stop_after_new_data_waits_as_if_no_stream_had_ended_before() {
    let mut sink = Sink::new("bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=2000000000");
    sink.push_event(0, "CAM1");
    sink.eos();
    for event in [gst::event::FlushStart::new(), gst::event::FlushStop::new(true)] {
        assert!(sink.harness().push_event(event));
    }
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(sink.harness().push_event(gst::event::Segment::new(&segment)));
    sink.push_event(1, "CAM1");
    let (said, took) = said_at_stop(&sink);
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(said.contains("up to 2 s") && said.contains("2 record(s) were not delivered"), "{said}");
}

/// A sink that is paused, with a stream begun, as one of several in a pipeline that starts.
fn paused(properties: &str) -> (gst::Pipeline, gst::Pad) {
    init();
    let pipeline = gst::Pipeline::new();
    let sink = gst::parse::launch(&format!("kafkasink mode=mock {properties}")).unwrap();
    pipeline.add(&sink).unwrap();
    pipeline.set_state(gst::State::Paused).unwrap();
    let pad = sink.static_pad("sink").unwrap();
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    for event in [gst::event::StreamStart::new("s"), gst::event::Segment::new(&segment)] {
        assert!(pad.send_event(event));
    }
    (pipeline, pad)
}

/// Sends "no event here" and tells when that has returned.
fn send_gap(pad: &gst::Pad) -> std::sync::mpsc::Receiver<bool> {
    let (pad, (returned, result)) = (pad.clone(), std::sync::mpsc::channel());
    std::thread::spawn(move || {
        let gap = gst::event::Gap::builder(gst::ClockTime::ZERO).duration(gst::ClockTime::SECOND).build();
        returned.send(pad.send_event(gap))
    });
    result
}

#[test]
fn a_gap_holds_nobody_while_the_pipeline_does_not_play() {
    let (pipeline, pad) = paused("name=k");
    for _ in 0..3 {
        assert_eq!(send_gap(&pad).recv_timeout(SOON), Ok(true), "other branches wait for this pad");
    }
    // A pipeline that has seen gaps alone starts, and takes what comes then.
    assert_eq!(pipeline.state(gst::ClockTime::from_seconds(5)).0, Ok(gst::StateChangeSuccess::Success));
    pipeline.set_state(gst::State::Playing).unwrap();
    assert_eq!(pipeline.state(gst::ClockTime::from_seconds(5)).1, gst::State::Playing);
    assert_eq!(pad.chain(gst::Buffer::from_slice(*b"{}")), Ok(gst::FlowSuccess::Ok));
    let sink = pipeline.by_name("k").unwrap();
    assert_eq!(sink.property::<gst::Structure>("stats").get::<u64>("received"), Ok(1));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_gap_prerolls_a_sink_that_is_told_to_wait_for_its_first_buffer() {
    let (pipeline, pad) = paused("async=true");
    assert_eq!(pipeline.state(gst::ClockTime::ZERO).0, Ok(gst::StateChangeSuccess::Async));
    let gap = send_gap(&pad);
    assert_eq!(pipeline.state(gst::ClockTime::from_seconds(20)).1, gst::State::Paused);
    pipeline.set_state(gst::State::Playing).unwrap();
    assert_eq!(gap.recv_timeout(SOON), Ok(true));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[track_caller]
fn check_refused(properties: &str, words: &[&str]) {
    let Err(error) = Sink::try_new(properties, EVENT_CAPS) else { panic!("{properties} was accepted") };
    for word in words {
        assert!(error.contains(word), "{properties}: \"{error}\" does not say \"{word}\"");
    }
}

#[test]
fn wrong_settings_are_refused_with_what_to_do() {
    check_refused("config=\"config,linger.ms=5\"", &["linger.ms", "the property linger"]);
    check_refused("config=\"config,metadata.broker.list=a\"", &["metadata.broker.list", "bootstrap-servers"]);
    check_refused("config=\"config,sasl.password=hunter2\"", &["sasl.password", "sasl-password"]);
    check_refused("config=\"config,transactional.id=x\"", &["transactional.id", "Remove it"]);
    check_refused("config=\"config,no.such.key=1\"", &["no.such.key"]);
    check_refused("acks=leader", &["enable-idempotence=true needs acks=all", "acks is 1"]);
    for servers in ["", ","] {
        check_refused(&format!("bootstrap-servers=\"{servers}\""), &["bootstrap-servers names no broker"]);
    }
    check_refused("config=\"config,socket.timeout.ms=1\"", &["socket.timeout.ms", "value 1 is", "10..300000"]);
    check_refused("sasl-username=a", &["security-protocol", "plaintext"]);
    check_refused("security-protocol=sasl-ssl sasl-username=a", &["needs sasl-password"]);
    check_refused("security-protocol=sasl-ssl sasl-mechanism=oauthbearer", &["needs sasl-token-command"]);
    check_refused("security-protocol=ssl ssl-certificate-location=/c", &["needs both"]);
    check_refused("ssl-ca-location=/ca", &["security-protocol is plaintext"]);
    check_refused("config-file=/nowhere.yaml", &["/nowhere.yaml", "could not be read"]);
    check_refused("value-format=avro", &["schema-registry-url"]);
    check_refused(
        "value-format=avro schema-registry-url=http://me:hunter2@localhost:8081",
        &["schema-registry-url", "schema-registry-username"],
    );
    for url in ["me:hunter2@localhost:8081", "localhost:8081"] {
        let line = format!("value-format=avro schema-registry-url={url}");
        check_refused(&line, &["schema-registry-url does not begin with http"]);
    }
    check_refused("spool-location=/dev/null/x", &["/dev/null/x", "Set spool-location to a directory"]);
    check_refused(
        "security-protocol=sasl-plaintext sasl-username=a sasl-password=env:KAFKASINK_NOT_SET",
        &["sasl-password", "KAFKASINK_NOT_SET", "not set"],
    );
}

#[test]
fn the_configuration_file_is_used_and_properties_win() {
    let cluster = cluster(&["from-file", "from-property"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "kafka:\n  bootstrap_servers: \"{}\"\n  topics:\n    plate_events: from-file\n  producer:\n    linger_ms: 1\n",
        cluster.bootstrap_servers()
    );
    std::fs::write(file.path(), text).unwrap();
    for (more, topic) in [("", "from-file"), ("topic=from-property", "from-property")] {
        let mut sink = Sink::new(&format!("config-file={} {more}", file.path().display()));
        sink.push_event(0, "CAM1");
        sink.eos();
        assert_eq!(consume(&cluster.bootstrap_servers(), topic).len(), 1, "{topic}");
    }
}

#[test]
fn secrets_show_nowhere() {
    init();
    let secret = "hunter2-never-shown";
    let line = format!(
        "fakesrc num-buffers=0 ! kafkasink name=k mode=mock security-protocol=sasl-plaintext sasl-username=u \
         sasl-password={secret} ssl-key-password={secret} schema-registry-password={secret} \
         sasl-token-command=\"echo {secret}\" config=\"config,ssl.keystore.password={secret}\""
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let _ = pipeline.state(gst::ClockTime::from_seconds(5));
    let dot = pipeline.debug_to_dot_data(gst::DebugGraphDetails::all());
    assert!(dot.contains("sasl-username"), "the dump shows properties");
    assert!(!dot.contains(secret), "{dot}");
    let sink = pipeline.by_name("k").unwrap();
    for spec in sink.list_properties() {
        if spec.flags().contains(glib::ParamFlags::READABLE) {
            let value = format!("{:?}", sink.property_value(spec.name()));
            assert!(!value.contains(secret), "{}: {value}", spec.name());
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    check_refused(
        &format!(
            "security-protocol=sasl-plaintext sasl-username=u sasl-password={secret} config=\"config,socket.timeout.ms=x{secret}\""
        ),
        &["socket.timeout.ms"],
    );
    let error = Sink::try_new(&format!("config=\"config,socket.timeout.ms=x{secret}\""), EVENT_CAPS).err().unwrap();
    assert!(!error.contains(secret), "{error}");
}

#[test]
fn the_partition_of_a_key_is_where_java_puts_it() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topic=t"));
    for camera in ["CAM1", "CAM2", "CAM3", "CAM4", "gate-north"] {
        sink.push_event(0, camera);
    }
    sink.eos();
    for got in consume(&servers, "t") {
        let key = got.key.unwrap();
        assert_eq!(got.partition, (murmur2(key.as_bytes()) & 0x7fff_ffff) as i32 % 3, "{key}");
    }
}

/// Kafka's own `Utils.murmur2`, from its description: MurmurHash2 with this seed.
fn murmur2(data: &[u8]) -> u32 {
    let mix = 0x5bd1_e995u32;
    let mut hash = 0x9747_b28cu32 ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut word = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(mix);
        word ^= word >> 24;
        hash = hash.wrapping_mul(mix) ^ word.wrapping_mul(mix);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ word).wrapping_mul(mix);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(mix);
    hash ^ hash >> 15
}

#[test]
fn text_that_is_no_json_is_delivered_counted_and_said_once() {
    let cluster = cluster(&["t"]);
    let mut sink = Sink::new(&format!("bootstrap-servers={} topic=t", cluster.bootstrap_servers()));
    sink.push("{broken\n").unwrap();
    sink.push("{broken again\n").unwrap();
    sink.eos();
    assert_eq!((sink.stat("malformed"), sink.stat("delivered")), (2, 2));
    let warnings = sink.warnings().iter().filter(|text| text.contains("no JSON")).count();
    assert_eq!(warnings, 1);
}
