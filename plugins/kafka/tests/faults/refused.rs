//! What is refused: only the record that is meant becomes a dead letter.

use super::*;

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

/// Nothing can be written to that device: it is always full.
#[test]
fn a_dead_letter_that_cannot_be_written_ends_no_watch_over_the_others() {
    let cluster = cluster(&["t"]);
    let mut sink =
        cluster.sink("max-request-size=2000 stall-timeout=2000000000 dead-letter-location=/dev/full drain-timeout=0");
    sink.push(&format!("{{\"camera_id\":\"CAM0\",\"x\":\"{}\"}}\n", "x".repeat(3000))).unwrap();
    sink.wait_warning(&["/dev/full"], SOON);
    sink.push_event(0, "CAM0");
    sink.wait_stat("delivered", 1, SOON);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((sink.stat("rebuilds"), sink.stat("spool-depth")), (0, 1), "the dead letter alone is not on its way");
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(2)).unwrap();
    }
    cluster.mock.broker_down(2).unwrap();
    sink.push_event(1, "CAM0");
    assert!(wait_for(SOON, || sink.stat("rebuilds") > 0), "two brokers are there, and the record has waited long");
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
