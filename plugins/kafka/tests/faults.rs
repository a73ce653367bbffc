//! What the brokers can do wrong, one by one, with librdkafka's mock cluster: three brokers in this process, real TCP. And
//! services that do not answer.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::*;
use gst::prelude::*;
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code},
};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);

struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    servers: String,
}

fn cluster(topics: &[&str]) -> Cluster {
    let mock = MockCluster::new(3).unwrap();
    for topic in topics {
        mock.create_topic(topic, 3, 3).unwrap();
    }
    let servers = mock.bootstrap_servers();
    Cluster { mock, servers }
}

impl Cluster {
    fn all_brokers(&self, up: bool) {
        for broker in 1..=3 {
            if up { self.mock.broker_up(broker) } else { self.mock.broker_down(broker) }.unwrap();
        }
    }

    fn sink(&self, more: &str) -> Sink {
        Sink::new(&format!("bootstrap-servers={} topic=t linger=1000000 {more}", self.servers))
    }

    /// Every camera's numbers, complete, in order and without a gap, once repetitions are taken out.
    #[track_caller]
    fn check_complete(&self, events: u32, cameras: u32) {
        let by_camera = numbers_by_camera(&consume(&self.servers, "t"));
        for camera in 0..cameras {
            let expected: Vec<u32> = (0..events).filter(|n| n % cameras == camera).collect();
            let seen = by_camera.get(&format!("CAM{camera}")).cloned().unwrap_or_default();
            assert_eq!(deduplicated(&seen), expected, "CAM{camera}");
        }
    }
}

fn push_all(sink: &mut Sink, range: std::ops::Range<u32>, cameras: u32) {
    for n in range {
        sink.push_event(n, &format!("CAM{}", n % cameras));
    }
}

#[test]
fn brokers_down_and_up_in_the_middle() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("");
    push_all(&mut sink, 0..300, 3);
    cluster.all_brokers(false);
    let start = Instant::now();
    push_all(&mut sink, 300..600, 3);
    assert!(start.elapsed() < Duration::from_secs(2), "an outage must not hold the pipeline");
    cluster.all_brokers(true);
    push_all(&mut sink, 600..900, 3);
    sink.wait_stat("delivered", 900, SOON);
    cluster.check_complete(900, 3);
}

#[test]
fn leaders_move() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("");
    for round in 0..6 {
        push_all(&mut sink, round * 100..(round + 1) * 100, 3);
        for partition in 0..3 {
            cluster.mock.partition_leader("t", partition, Some((partition + round as i32) % 3 + 1)).unwrap();
        }
    }
    sink.eos();
    sink.wait_stat("delivered", 600, SOON);
    cluster.check_complete(600, 3);
}

#[test]
fn errors_that_pass_are_retried() {
    for code in [
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    ] {
        let cluster = cluster(&["t"]);
        let mut sink = cluster.sink("");
        cluster.mock.request_errors(Api::Produce, &[code; 4]);
        push_all(&mut sink, 0..100, 3);
        sink.wait_stat("delivered", 100, SOON);
        assert_eq!((sink.stat("dead-lettered"), sink.stat("lost")), (0, 0), "{code:?}");
        cluster.check_complete(100, 3);
    }
}

#[test]
fn a_configuration_file_that_is_gone_stops_no_sink_that_worked() {
    let cluster = cluster(&["t"]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kafka.yaml");
    std::fs::write(&file, "auth:\n  security_protocol: PLAINTEXT\n").unwrap();
    let mut sink = cluster.sink(&format!("config-file={}", file.display()));
    push_all(&mut sink, 0..20, 1);
    sink.wait_stat("delivered", 20, SOON);
    std::fs::remove_file(&file).unwrap();
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    push_all(&mut sink, 20..40, 1);
    sink.wait_stat("delivered", 40, SOON);
    sink.wait_warning(&["kafka.yaml", "could not be read", "what was read before"], SOON);
    assert!(sink.stat("rebuilds") > 0, "the test must have met the case");
    cluster.check_complete(40, 1);
}

#[test]
fn retries_that_end_go_back_to_the_spool_and_keep_the_order() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("config=\"config,retries=1,retry.backoff.ms=10\"");
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 12]);
    push_all(&mut sink, 0..300, 3);
    sink.wait_stat("delivered", 300, SOON);
    assert!(sink.stat("rebuilds") > 0, "the test must have met the case");
    cluster.check_complete(300, 3);
}

/// Clients that go on after a refused record have nothing that ends them before a later record passes one that they give up.
#[test]
fn a_limit_on_retries_keeps_the_order_also_after_a_refused_record() {
    let cluster = cluster(&["t"]);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("dead.jsonl");
    let limits = "config=\"config,retries=1,retry.backoff.ms=10\"";
    let mut sink = cluster.sink(&format!("{limits} dead-letter-location={}", place.display()));
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    sink.push("{\"camera_id\":\"CAM0\"}\n").unwrap();
    sink.wait_stat("dead-lettered", 1, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 12]);
    push_all(&mut sink, 0..300, 3);
    sink.wait_stat("delivered", 300, SOON);
    let states = sink.messages("kafkasink-state");
    assert_eq!(sink.stat("rebuilds"), 1, "{states:?}");
    cluster.check_complete(300, 3);
}

#[test]
fn a_message_timeout_goes_back_to_the_spool_and_keeps_the_order() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("message-timeout=2000000000");
    push_all(&mut sink, 0..30, 3);
    sink.wait_stat("delivered", 30, SOON);
    cluster.all_brokers(false);
    push_all(&mut sink, 30..60, 3);
    assert!(wait_for(SOON, || sink.stat("rebuilds") > 0), "the timeout must have ended the client");
    push_all(&mut sink, 60..90, 3);
    cluster.all_brokers(true);
    sink.wait_stat("delivered", 90, SOON);
    cluster.check_complete(90, 3);
}

#[test]
fn an_acknowledgement_that_comes_too_late_loses_and_reorders_nothing() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("config=\"config,request.timeout.ms=1000,socket.timeout.ms=1000\"");
    push_all(&mut sink, 0..30, 3);
    sink.wait_stat("delivered", 30, SOON);
    // The brokers append, but answer after the client has given the request up.
    cluster.mock.broker_round_trip_time(-1, Duration::from_millis(2500)).unwrap();
    push_all(&mut sink, 30..60, 3);
    std::thread::sleep(Duration::from_millis(3000));
    cluster.mock.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    sink.wait_stat("delivered", 60, SOON);
    cluster.check_complete(60, 3);
}

#[test]
fn a_fatal_error_builds_a_new_client_and_sends_again() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("");
    push_all(&mut sink, 0..30, 3);
    sink.wait_stat("delivered", 30, SOON);
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER; 3]);
    push_all(&mut sink, 30..200, 3);
    sink.wait_stat("delivered", 200, SOON);
    assert!(sink.stat("rebuilds") > 0);
    assert!(sink.messages("kafkasink-state").iter().any(|s| s.get::<&str>("state") == Ok("rebuilding")));
    cluster.check_complete(200, 3);
}

#[test]
fn a_record_that_is_too_large_is_a_dead_letter_and_the_stream_goes_on() {
    let cluster = cluster(&["t", "dead"]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dead.jsonl");
    let mut sink =
        cluster.sink(&format!("max-request-size=2000 dead-letter-topic=dead dead-letter-location={}", file.display()));
    push_all(&mut sink, 0..10, 1);
    let large = format!("{{\"camera_id\":\"CAM0\",\"text\":\"{}\"}}", "x".repeat(3000));
    sink.push(&large).unwrap();
    push_all(&mut sink, 10..20, 1);
    sink.wait_stat("delivered", 20, SOON);
    sink.wait_stat("dead-lettered", 1, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    assert_eq!(sink.failed().get::<u64>("MessageSizeTooLarge"), Ok(1));
    cluster.check_complete(20, 1);
    let dead = consume(&cluster.servers, "dead");
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].headers["dead-letter-topic"], "t");
    assert_eq!(dead[0].headers["dead-letter-cause"], "MessageSizeTooLarge");
    assert_eq!(dead[0].headers["dead-letter-omitted-bytes"], large.len().to_string());
    let line: serde_json::Value = serde_json::from_str(std::fs::read_to_string(file).unwrap().trim()).unwrap();
    assert_eq!(line["original_message"], large);
}

#[test]
fn a_record_larger_than_the_buffer_memory_is_delivered() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("buffer-memory=65536 max-request-size=4000000 compression-type=none");
    push_all(&mut sink, 0..10, 1);
    sink.push(&format!("{{\"camera_id\":\"CAM0\",\"n\":10,\"text\":\"{}\"}}", "x".repeat(3_000_000))).unwrap();
    push_all(&mut sink, 11..20, 1);
    sink.wait_stat("delivered", 20, SOON);
    cluster.check_complete(20, 1);
}

#[test]
fn what_the_broker_finds_too_large_is_a_dead_letter_too() {
    let cluster = cluster(&["t", "dead"]);
    let mut sink = cluster.sink("dead-letter-topic=dead");
    // Once in a batch, once alone.
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 2]);
    push_all(&mut sink, 0..1, 1);
    sink.wait_stat("dead-lettered", 1, SOON);
    push_all(&mut sink, 1..20, 1);
    sink.wait_stat("delivered", 19, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    assert_eq!(consume(&cluster.servers, "dead").len(), 1);
}

#[test]
fn a_topic_that_is_not_allowed_goes_to_the_file_beside_the_spool() {
    let cluster = cluster(&["t", "forbidden"]);
    let dir = tempfile::tempdir().unwrap();
    let mut sink = cluster.sink(&format!("topics=\"topics,secret=forbidden\" spool-location={}", dir.path().display()));
    cluster.mock.topic_error("forbidden", Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
    for n in 0..5 {
        sink.push(&format!("{{\"camera_id\":\"C\",\"kind\":\"secret\",\"n\":{n}}}\n")).unwrap();
    }
    push_all(&mut sink, 0..20, 1);
    sink.wait_stat("delivered", 20, SOON);
    sink.wait_stat("dead-lettered", 5, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    let text = std::fs::read_to_string(dir.path().join("dead-letters.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 5);
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["original_topic"], &line["original_key"]), (&"forbidden".into(), &"C".into()));
        assert_eq!(line["error_type"], "TopicAuthorizationFailed");
    }
    let messages = sink.messages("kafkasink-dead-letter");
    assert!(!messages.is_empty() && messages[0].get::<&str>("topic") == Ok("forbidden"), "{messages:?}");
    cluster.check_complete(20, 1);
}

/// The client ends at the first refusal, so that nothing passes a refused batch. Records that are refused one after another must
/// not end one client after another.
#[test]
fn a_topic_that_may_be_seen_and_not_written_ends_one_client_only() {
    for limit in ["", "config=config,retries=3", "message-timeout=60000000000"] {
        let cluster = cluster(&["t"]);
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("dead.jsonl");
        let mut sink = cluster.sink(&format!("{limit} dead-letter-location={}", place.display()));
        cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 20]);
        for n in 0..6 {
            sink.push_event(n, "CAM0");
            sink.wait_stat("dead-lettered", u64::from(n) + 1, SOON);
        }
        assert_eq!((sink.stat("rebuilds"), sink.stat("spool-depth")), (1, 0), "{limit}");
        sink.check_accounts();
    }
}

#[test]
fn an_unknown_topic_is_a_dead_letter() {
    let cluster = cluster(&["t"]);
    let dir = tempfile::tempdir().unwrap();
    cluster.mock.topic_error("gone", Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let mut sink = cluster.sink(&format!(
        "topics=\"topics,x=gone\" spool-location={} config=\"config,topic.metadata.propagation.max.ms=500\"",
        dir.path().display()
    ));
    sink.push("{\"camera_id\":\"C\",\"kind\":\"x\"}\n").unwrap();
    push_all(&mut sink, 0..20, 1);
    sink.wait_stat("delivered", 20, SOON);
    sink.wait_stat("dead-lettered", 1, SOON);
    let text = std::fs::read_to_string(dir.path().join("dead-letters.jsonl")).unwrap();
    assert!(text.contains("\"original_topic\":\"gone\""), "{text}");
}

#[test]
fn a_topic_that_is_unknown_for_a_moment_costs_no_record() {
    let cluster = cluster(&["t"]);
    let grace = Duration::from_secs(2);
    let mut sink = cluster.sink(&format!(
        "config=\"config,topic.metadata.propagation.max.ms={},topic.metadata.refresh.interval.ms=200\"",
        grace.as_millis()
    ));
    push_all(&mut sink, 0..10, 1);
    sink.wait_stat("delivered", 10, SOON);
    // The client no longer waits for a topic that it has known this long.
    std::thread::sleep(grace * 2);
    cluster.mock.topic_error("t", Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    std::thread::sleep(grace / 2);
    push_all(&mut sink, 10..20, 1);
    assert!(wait_for(SOON, || sink.stat("rebuilds") > 0));
    cluster.mock.topic_error("t", Code::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    push_all(&mut sink, 20..30, 1);
    sink.wait_stat("delivered", 30, SOON);
    assert_eq!((sink.stat("dead-lettered"), sink.stat("lost")), (0, 0));
    cluster.check_complete(30, 1);
}

#[test]
fn without_a_place_for_it_a_hopeless_record_is_counted_and_said() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("max-request-size=1000");
    sink.push(&"x".repeat(2000)).unwrap();
    push_all(&mut sink, 0..5, 1);
    sink.wait_stat("lost", 1, SOON);
    sink.wait_stat("delivered", 5, SOON);
    let warned = sink.warnings().iter().any(|text| text.contains("dead-letter-location"));
    assert!(warned);
}

#[test]
fn a_slow_broker_never_holds_the_pipeline() {
    let cluster = cluster(&["t"]);
    cluster.mock.broker_round_trip_time(-1, Duration::from_secs(2)).unwrap();
    let mut sink = cluster.sink("drain-timeout=500000000");
    let mut slowest = Duration::ZERO;
    for n in 0..2000 {
        let start = Instant::now();
        sink.push_event(n, "CAM0");
        slowest = slowest.max(start.elapsed());
    }
    assert!(slowest < Duration::from_millis(500), "the slowest buffer took {slowest:?}");
    let start = Instant::now();
    sink.eos();
    sink.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "stopping took {:?}", start.elapsed());
    assert!(sink.stat("lost") > 0, "without a spool on disk the rest is lost, and counted");
    sink.check_accounts();
}

#[test]
fn a_full_spool_with_the_error_policy_ends_the_stream_with_a_reason() {
    let mut sink = Sink::new("bootstrap-servers=127.0.0.1:1 spool-max-bytes=5000 spool-policy=error drain-timeout=0");
    let result = (0..100).map(|n| sink.push(&event(n, "CAM0"))).find(Result::is_err);
    assert_eq!(result, Some(Err(gst::FlowError::Error)));
    let error = sink.error().unwrap();
    assert!(error.contains("The spool is full") && error.contains("raise spool-max-bytes"), "{error}");
    assert_eq!((sink.stat("refused"), sink.stat("received")), (1, sink.stat("spooled") + 1));
}

#[test]
fn a_full_spool_that_drops_the_oldest_counts_them() {
    let mut sink =
        Sink::new("bootstrap-servers=127.0.0.1:1 spool-max-bytes=8000 spool-policy=drop-oldest drain-timeout=0");
    push_all(&mut sink, 0..100, 1);
    sink.stop();
    assert!(sink.stat("dropped") > 50);
    sink.check_accounts();
}

#[test]
fn a_blocked_pipeline_can_be_stopped() {
    let sink = Sink::new("bootstrap-servers=127.0.0.1:1 spool-max-bytes=5000 drain-timeout=0");
    let element = sink.element.clone();
    let pad = element.static_pad("sink").unwrap();
    let pushing = std::thread::spawn(move || {
        (0..100).map(|n| pad.chain(gst::Buffer::from_slice(event(n, "CAM0").into_bytes()))).find(Result::is_err)
    });
    assert!(wait_for(SOON, || sink.stat("spooled") > 5));
    std::thread::sleep(Duration::from_millis(200));
    assert!(!pushing.is_finished(), "the full spool blocks");
    let start = Instant::now();
    sink.stop();
    assert!(start.elapsed() < Duration::from_secs(4), "stopping took {:?}", start.elapsed());
    assert!(matches!(pushing.join().unwrap(), Some(Err(gst::FlowError::Flushing))));
}

#[test]
fn a_pause_while_the_full_spool_blocks_loses_nothing() {
    let cluster = cluster(&["t"]);
    cluster.all_brokers(false);
    let mut sink = cluster.sink("spool-max-bytes=5000");
    let element = sink.element.clone();
    let pad = element.static_pad("sink").unwrap();
    let pushing = std::thread::spawn(move || {
        (0..100).all(|n| pad.chain(gst::Buffer::from_slice(event(n, "CAM0").into_bytes())).is_ok())
    });
    assert!(wait_for(SOON, || sink.stat("spooled") > 5));
    std::thread::sleep(Duration::from_millis(200));
    sink.element.set_state(gst::State::Paused).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(!pushing.is_finished(), "a paused sink waits");
    sink.element.set_state(gst::State::Playing).unwrap();
    cluster.all_brokers(true);
    assert!(pushing.join().unwrap(), "every buffer was taken");
    sink.eos();
    assert_eq!((sink.stat("delivered"), sink.stat("dropped")), (100, 0));
    cluster.check_complete(100, 1);
}

#[test]
fn records_beside_one_that_is_refused_are_delivered() {
    let cluster = cluster(&["t", "dead"]);
    let mut sink = cluster.sink("dead-letter-topic=dead linger=300000000");
    // The answer is for the whole batch: which record is meant shows only when each is sent alone.
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    push_all(&mut sink, 0..50, 1);
    sink.wait_stat("delivered", 50, SOON);
    push_all(&mut sink, 50..100, 1);
    sink.wait_stat("delivered", 100, SOON);
    assert_eq!(
        (sink.stat("dead-lettered"), sink.stat("lost"), sink.stat("rebuilds")),
        (0, 0, 2),
        "one by one, and back"
    );
    cluster.check_complete(100, 1);
}

/// What is held up is older than the refused batch and cannot leave: nobody may wait for it.
#[test]
fn a_partition_without_a_leader_holds_no_other_after_a_refused_batch() {
    let cluster = cluster(&["t"]);
    cluster.mock.create_topic("stuck", 1, 1).unwrap();
    cluster.mock.partition_leader("stuck", 0, None).unwrap();
    let mut sink = cluster.sink("topics=\"topics,stuck=stuck\" linger=300000000");
    sink.push("{\"camera_id\":\"C\",\"kind\":\"stuck\"}\n").unwrap();
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    push_all(&mut sink, 0..50, 1);
    sink.wait_stat("delivered", 50, SOON);
    push_all(&mut sink, 50..100, 1);
    sink.wait_stat("delivered", 100, SOON);
    cluster.mock.partition_leader("stuck", 0, Some(1)).unwrap();
    sink.wait_stat("delivered", 101, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    assert_eq!((sink.stat("dead-lettered"), sink.stat("lost")), (0, 0));
    cluster.check_complete(100, 1);
}

#[test]
fn a_dead_letter_that_waits_is_counted_once_also_over_a_restart() {
    let cluster = cluster(&["t", "dead"]);
    let dir = tempfile::tempdir().unwrap();
    let line = format!("dead-letter-topic=dead drain-timeout=500000000 spool-location={}", dir.path().display());
    cluster.mock.topic_error("t", Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
    cluster.mock.topic_error("dead", Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE).unwrap();
    let mut sink = cluster.sink(&line);
    push_all(&mut sink, 0..3, 1);
    assert!(wait_for(SOON, || sink.failed().get::<u64>("TopicAuthorizationFailed") == Ok(3)));
    sink.stop();
    assert_eq!((sink.stat("left"), sink.stat("dead-lettered")), (3, 0));
    sink.check_accounts();
    drop(sink);
    cluster.mock.topic_error("dead", Code::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    let sink = cluster.sink(&line);
    sink.wait_stat("dead-lettered", 3, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    sink.check_accounts();
    assert_eq!(consume(&cluster.servers, "dead").len(), 3);
}

#[test]
fn a_dead_letter_waits_for_its_file() {
    let cluster = cluster(&["t"]);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("place");
    std::fs::write(&place, "in the way of the directory").unwrap();
    let mut sink =
        cluster.sink(&format!("max-request-size=1000 dead-letter-location={}", place.join("dead.jsonl").display()));
    sink.push(&"x".repeat(2000)).unwrap();
    push_all(&mut sink, 0..5, 1);
    sink.wait_stat("delivered", 5, SOON);
    sink.wait_warning(&["dead.jsonl"], SOON);
    sink.wait_stat("spool-depth", 1, SOON);
    assert_eq!((sink.stat("dead-lettered"), sink.stat("lost")), (0, 0));
    std::fs::remove_file(&place).unwrap();
    sink.wait_stat("dead-lettered", 1, SOON);
    sink.wait_stat("spool-depth", 0, SOON);
    sink.check_accounts();
}

#[test]
fn the_spool_says_when_it_fills() {
    let mut sink = Sink::new("bootstrap-servers=127.0.0.1:1 spool-max-bytes=20000 drain-timeout=0");
    push_all(&mut sink, 0..50, 1);
    assert!(wait_for(SOON, || sink.messages("kafkasink-spool").iter().any(|s| s.get::<&str>("level") == Ok("high"))));
}

/// Both are given much longer than a stop may take.
#[test]
fn a_stop_waits_for_no_schema_registry_and_no_token() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = format!("value-format=avro schema-registry-url=http://{}", silent.local_addr().unwrap());
    let token = "security-protocol=sasl-plaintext sasl-mechanism=oauthbearer sasl-token-command=\"sleep 17; echo\"";
    for more in [registry.as_str(), token] {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().display();
        let mut sink =
            Sink::new(&format!("bootstrap-servers=127.0.0.1:1 drain-timeout=0 spool-location={spool} {more}"));
        for n in 0..100 {
            sink.push(PLATE).unwrap();
            assert_eq!(sink.stat("spooled"), n + 1);
        }
        std::thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        sink.stop();
        assert!(start.elapsed() < Duration::from_millis(2500), "{more}: stopping took {:?}", start.elapsed());
        let said = |text: &String| text.contains("refused the connection") || text.contains("is run again");
        let said: Vec<String> = sink.warnings().into_iter().filter(said).collect();
        assert_eq!(said, Vec::<String>::new(), "a stop is no refusal, nor a command that failed");
        assert!(sink.element.set_state(gst::State::Playing).is_ok(), "{more}: {:?}", sink.error());
        assert_eq!(sink.stat("recovered"), 100);
    }
}

/// Fits the schema of its kind.
const PLATE: &str = "{\"event_id\":\"e\",\"captured_at\":\"2026-01-01T00:00:00+00:00\",\"camera_id\":\"C\",\
    \"track_id\":\"t-1\",\"plate\":{\"text\":\"AB 1\",\"normalized_text\":\"AB1\",\"confidence\":0.5,\"region\":\"US-FL\"},\
    \"vehicle\":{\"type\":\"car\",\"make\":null,\"model\":null,\"color\":null},\
    \"images\":{\"plate_url\":\"\",\"vehicle_url\":\"\",\"frame_url\":\"\"},\"latency_ms\":1,\
    \"node\":{\"site\":\"DC1\",\"host\":\"h\"}}";
