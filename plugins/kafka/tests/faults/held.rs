//! What holds: slow brokers, a full spool, services that do not answer.

use super::*;

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

/// It leads a third of the partitions, and nobody takes its place.
#[test]
fn a_broker_of_three_that_is_down_holds_no_other_and_the_order_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    for more in [String::new(), format!("spool-location={}", dir.path().display())] {
        let cluster = cluster(&["t"]);
        for partition in 0..3 {
            cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
        }
        // Far less than there is for that partition.
        let mut sink = cluster.sink(&format!("buffer-memory=65536 {more}"));
        push_all(&mut sink, 0..300, 30);
        sink.wait_stat("delivered", 300, SOON);
        cluster.mock.broker_down(2).unwrap();
        push_all(&mut sink, 300..3000, 30);
        // Everything else has arrived.
        let waits = |sink: &Sink| sink.stat("delivered") + sink.stat("in-flight") + sink.stat("held-back") == 3000;
        let passed = wait_for(SOON, || sink.stat("held-back") > 100 && sink.stat("in-flight") < 200 && waits(&sink));
        let stats = sink.element.property::<gst::Structure>("stats");
        assert!(passed, "{more}: {stats}");
        let delivered = sink.stat("delivered");
        assert!((1000..2800).contains(&delivered), "{more}: {stats}");
        sink.wait_warning(&["a partition of t", "no leader"], SOON);
        push_all(&mut sink, 3000..3300, 30);
        assert!(wait_for(SOON, || sink.stat("delivered") > delivered + 100), "{more}: what comes now passes too");
        cluster.mock.broker_up(2).unwrap();
        sink.wait_stat("delivered", 3300, SOON);
        sink.wait_stat("spool-depth", 0, SOON);
        assert_eq!((sink.stat("held-back"), sink.stat("dead-lettered"), sink.stat("rebuilds")), (0, 0, 0), "{more}");
        cluster.check_complete(3300, 30);
    }
}

/// Its partition is known before its first record: those that are held back are on disk, and `buffer-memory` is for the others.
#[test]
fn a_broker_of_three_that_is_down_holds_no_other_when_each_record_has_a_key_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = cluster(&["t"]);
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
    }
    let mut sink = cluster.sink(&format!("buffer-memory=65536 spool-location={}", dir.path().display()));
    push_all(&mut sink, 0..300, 300);
    sink.wait_stat("delivered", 300, SOON);
    // The client tells each second how many partitions there are.
    std::thread::sleep(Duration::from_millis(1500));
    cluster.mock.broker_down(2).unwrap();
    let mut pushed = 300;
    for _ in 0..30 {
        push_all(&mut sink, pushed..pushed + 300, 100_000);
        pushed += 300;
        std::thread::sleep(Duration::from_millis(300));
    }
    let all_else =
        |sink: &Sink| sink.stat("delivered") + sink.stat("in-flight") + sink.stat("held-back") == u64::from(pushed);
    let passed = wait_for(SOON, || sink.stat("held-back") > 1000 && all_else(&sink));
    assert!(passed, "{}", sink.element.property::<gst::Structure>("stats"));
    let delivered = sink.stat("delivered");
    assert!(delivered > 5000, "{delivered}");
    cluster.mock.broker_up(2).unwrap();
    sink.wait_stat("delivered", pushed.into(), SOON);
    assert_eq!((sink.stat("held-back"), sink.stat("rebuilds")), (0, 0));
    assert_eq!(numbers_by_camera(&consume(&cluster.servers, "t")).len(), pushed as usize);
}

/// All else is delivered, and what is left is safe: who waits for the end of the stream need not wait for it.
#[test]
fn an_end_of_stream_waits_for_no_partition_without_a_leader() {
    for (on_disk, longest) in [(true, Duration::from_secs(4)), (false, Duration::from_secs(8))] {
        let dir = tempfile::tempdir().unwrap();
        let cluster = cluster(&["t"]);
        for partition in 0..3 {
            cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
        }
        let spool = if on_disk { format!("spool-location={}", dir.path().display()) } else { String::new() };
        let mut sink = cluster.sink(&format!("drain-timeout=6000000000 {spool}"));
        push_all(&mut sink, 0..30, 30);
        sink.wait_stat("delivered", 30, SOON);
        cluster.mock.broker_down(2).unwrap();
        let mut pushed = 30;
        while sink.stat("held-back") == 0 {
            push_all(&mut sink, pushed..pushed + 30, 30);
            pushed += 30;
            std::thread::sleep(Duration::from_millis(200));
        }
        let start = Instant::now();
        sink.eos();
        let took = start.elapsed();
        assert!(took < longest && on_disk == (took < Duration::from_secs(5)), "on disk {on_disk}: {took:?}");
        assert_eq!(sink.stat("delivered") + sink.stat("spool-depth"), u64::from(pushed));
        sink.wait_warning(&["have no leader", "the topic t)"], SOON);
    }
}

/// Nothing passes those records, so that no partition is held back: that brokers know no leader has to do.
#[test]
fn a_stop_waits_for_no_topic_without_a_leader_when_nothing_else_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = cluster(&["t"]);
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, None).unwrap();
    }
    let mut sink = cluster.sink(&format!("drain-timeout=10000000000 spool-location={}", dir.path().display()));
    push_all(&mut sink, 0..3, 3);
    // Longer than a leader takes to be found.
    std::thread::sleep(Duration::from_secs(8));
    let start = Instant::now();
    sink.stop();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// The client connects to a broker when it has something for it: until then its partitions are not without a leader.
#[test]
fn an_end_of_stream_waits_for_a_partition_whose_leader_was_not_needed_yet() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = cluster(&["t"]);
    let mut sink = cluster.sink("");
    push_all(&mut sink, 0..30, 30);
    sink.wait_stat("delivered", 30, SOON);
    let records = consume(&cluster.servers, "t");
    let camera_in = |partition| records.iter().find(|got| got.partition == partition).unwrap().key.clone().unwrap();
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
    }
    // What else the client asks brokers for goes to this one, and to one of the others at most.
    cluster.servers = cluster.servers.split(',').next().unwrap().to_string();
    let mut sink = cluster.sink(&format!("drain-timeout=20000000000 spool-location={}", dir.path().display()));
    for n in 0..80 {
        sink.push_event(n, &camera_in(0));
        std::thread::sleep(Duration::from_millis(100));
    }
    sink.wait_stat("delivered", 80, SOON);
    for partition in [1, 2] {
        cluster.mock.broker_round_trip_time(partition + 1, Duration::from_millis(1500)).unwrap();
        sink.push_event(80, &camera_in(partition));
    }
    sink.eos();
    assert_eq!((sink.stat("delivered"), sink.warnings()), (82, Vec::new()));
}

/// Such a client does not keep to the limits of a record by itself, or later ones would pass it.
#[test]
fn a_client_that_goes_on_after_a_refusal_has_a_time_limit_also_without_a_stall_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = cluster(&["t"]);
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(2)).unwrap();
    }
    let place = dir.path().join("dead.jsonl");
    let limits = "stall-timeout=0 message-timeout=2000000000";
    let mut sink = cluster.sink(&format!("{limits} dead-letter-location={}", place.display()));
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    sink.push_event(0, "CAM0");
    sink.wait_stat("dead-lettered", 1, SOON);
    sink.push_event(1, "CAM0");
    sink.wait_stat("delivered", 1, SOON);
    assert_eq!(sink.stat("rebuilds"), 1);
    cluster.mock.broker_down(2).unwrap();
    sink.push_event(2, "CAM0");
    assert!(wait_for(SOON, || sink.stat("rebuilds") > 1), "two brokers are there, and the record has waited long");
    cluster.mock.broker_up(2).unwrap();
    sink.wait_stat("delivered", 2, SOON);
}

/// A batch is refused, and before its records are sent one by one the broker of some of them is gone.
#[test]
fn a_refused_batch_whose_broker_is_gone_holds_no_other() {
    let cluster = cluster(&["t"]);
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
    }
    let mut sink = cluster.sink("linger=500000000 stall-timeout=2000000000");
    // The one that will be gone is the first to refuse.
    let slow = |time| [1, 3].iter().for_each(|broker| cluster.mock.broker_round_trip_time(*broker, time).unwrap());
    slow(Duration::from_millis(300));
    cluster.mock.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_INVALID_RECORD; 3]);
    push_all(&mut sink, 0..60, 30);
    assert!(wait_for(SOON, || sink.stat("rebuilds") > 0));
    cluster.mock.broker_down(2).unwrap();
    cluster.mock.clear_request_errors(Api::Produce);
    slow(Duration::ZERO);
    push_all(&mut sink, 60..300, 30);
    assert!(wait_for(SOON, || sink.stat("delivered") > 120), "the others wait: {}", sink.stat("delivered"));
    cluster.mock.broker_up(2).unwrap();
    sink.wait_stat("delivered", 300, SOON);
    cluster.check_complete(300, 30);
}

#[test]
fn what_is_held_back_at_a_stop_is_sent_in_order_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = cluster(&["t"]);
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
    }
    let line = format!("buffer-memory=65536 spool-location={}", dir.path().display());
    let mut sink = cluster.sink(&line);
    cluster.mock.broker_down(2).unwrap();
    push_all(&mut sink, 0..2000, 20);
    let all_else = |sink: &Sink| sink.stat("delivered") + sink.stat("in-flight") + sink.stat("held-back") == 2000;
    assert!(wait_for(SOON, || sink.stat("held-back") > 100 && all_else(&sink)));
    let start = Instant::now();
    sink.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "nothing is lost by leaving: {:?}", start.elapsed());
    assert_eq!(sink.stat("left") + sink.stat("delivered"), 2000);
    sink.check_accounts();
    drop(sink);
    cluster.mock.broker_up(2).unwrap();
    let mut sink = cluster.sink(&line);
    push_all(&mut sink, 2000..2100, 20);
    sink.wait_stat("spool-depth", 0, SOON);
    cluster.check_complete(2100, 20);
}

/// Someone tidies up. What is open goes on for a while, which must not look as if all were well.
#[test]
fn a_spool_that_is_removed_while_it_is_in_use_is_said_and_the_accounts_are_right() {
    let cluster = cluster(&["t"]);
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    let mut sink = cluster.sink(&format!("drain-timeout=1000000000 spool-location={}", spool.display()));
    push_all(&mut sink, 0..100, 4);
    sink.wait_stat("delivered", 100, SOON);
    std::fs::remove_dir_all(&spool).unwrap();
    sink.wait_warning(&["was removed while it is in use", "Restart the pipeline"], SOON);
    push_all(&mut sink, 100..200, 4);
    sink.wait_stat("delivered", 200, SOON);
    // More than memory takes: the next table cannot be written.
    let text = "x".repeat(20_000);
    let taken = |sink: &mut Sink, n: u32| {
        sink.push(&format!("{{\"camera_id\":\"C\",\"n\":{n},\"text\":\"{text}\"}}\n")).is_ok()
    };
    assert!((0..3000).any(|n| !taken(&mut sink, n)), "the store cannot go on for ever");
    assert!(sink.error().is_some());
    let spooled = sink.stat("spooled");
    sink.wait_stat("delivered", spooled, SOON);
    sink.stop();
    sink.check_accounts();
    assert_eq!(sink.stat("left"), 0, "all were delivered");
}

/// Each new client sends what the others have in flight again.
#[test]
fn a_broker_that_stays_down_gets_new_clients_less_and_less_often() {
    let cluster = cluster(&["t"]);
    for partition in 0..3 {
        cluster.mock.partition_leader("t", partition, Some(partition + 1)).unwrap();
    }
    let mut sink = cluster.sink("stall-timeout=1000000000");
    cluster.mock.broker_down(2).unwrap();
    let start = Instant::now();
    let mut pushed = 0;
    while start.elapsed() < Duration::from_secs(12) {
        push_all(&mut sink, pushed..pushed + 30, 30);
        pushed += 30;
        std::thread::sleep(Duration::from_millis(100));
    }
    let rebuilds = sink.stat("rebuilds");
    assert!((1..=4).contains(&rebuilds), "{rebuilds} in 12 s, with a limit of 1 s");
    cluster.mock.broker_up(2).unwrap();
    sink.wait_stat("delivered", pushed.into(), SOON);
    cluster.check_complete(pushed, 30);
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
