//! What passes: the records are delivered, complete and in order.

use super::*;

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

/// Brokers before 3.0 want a right of its own for that. The client throws away what it holds and says only that it has failed.
#[test]
fn a_broker_that_gives_no_sequence_numbers_is_said_and_asked_again() {
    let cluster = cluster(&["t"]);
    cluster.mock.request_errors(Api::InitProducerId, &[Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 3]);
    let mut sink = cluster.sink("stall-timeout=0");
    push_all(&mut sink, 0..30, 3);
    sink.wait_stat("delivered", 30, SOON);
    sink.wait_warning(&["Cluster authorization failed", "IdempotentWrite", "enable-idempotence=false"], SOON);
    cluster.check_complete(30, 3);
}

/// Nothing comes after it that the failed client would refuse.
#[test]
fn what_a_failed_client_threw_away_is_sent_again_also_when_no_other_record_comes() {
    let cluster = cluster(&["t"]);
    let mut sink = cluster.sink("stall-timeout=0 linger=200000000");
    cluster.mock.request_errors(Api::InitProducerId, &[Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH]);
    sink.push_event(0, "CAM0");
    sink.wait_stat("delivered", 1, SOON);
    cluster.check_complete(1, 1);
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
