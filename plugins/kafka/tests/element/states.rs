//! Starts, stops, pauses, ends of stream, gaps.

use super::*;

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

/// The application may have put its messages away, and what was shown of the run before is over.
#[test]
fn a_second_run_says_again_what_is_wrong_and_shows_nothing_of_the_first() {
    let cluster = cluster(&["t"]);
    let mut sink = Sink::new(&format!("bootstrap-servers={} topic=t drain-timeout=0", cluster.bootstrap_servers()));
    sink.push_event(0, "CAM1");
    sink.wait_stat("delivered", 1, SOON);
    assert!(wait_for(SOON, || sink.stat("brokers-up") > 0));
    sink.stop();
    assert_eq!((sink.stat("brokers-up"), sink.stat("queue-depth")), (0, 0));
    sink.element.set_property("bootstrap-servers", "127.0.0.1:1");
    for run in 0..2 {
        sink.element.set_state(gst::State::Playing).unwrap();
        let mut warnings = Vec::new();
        let said = wait_for(SOON, || {
            warnings.extend(sink.warnings());
            warnings.iter().any(|text| text.contains("No broker answers"))
        });
        assert!(said, "run {run}: {warnings:?}");
        std::thread::sleep(Duration::from_millis(500));
        sink.stop();
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

/// The warning at the end of the stream is on the bus only, which `gst-launch-1.0 -q` does not print.
#[test]
fn what_is_lost_at_the_stop_is_said_on_the_console_also_after_an_end_of_stream() {
    let mut sink = Sink::new("bootstrap-servers=127.0.0.1:1 topic=t drain-timeout=300000000");
    sink.push_event(0, "CAM1");
    sink.eos();
    let (said, _) = said_at_stop(&sink);
    assert!(said.contains("1 record(s) were not delivered") && said.contains("are lost when"), "{said}");
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

/// What `gst-launch-1.0` does on a busy machine: it plays while the thread that told it of PAUSED has not gone on yet.
#[test]
fn the_end_of_stream_is_passed_on_however_early_the_pipeline_plays() {
    init();
    let launch = "audiotestsrc num-buffers=3 ! decodebin ! kafkasink mode=mock";
    let pipeline = gst::parse::launch(launch).unwrap().downcast::<gst::Pipeline>().unwrap();
    let bus = pipeline.bus().unwrap();
    let playing = pipeline.downgrade();
    bus.set_sync_handler(move |_, message| {
        let pipeline = playing.upgrade().filter(|pipeline| message.src().is_some_and(|source| source == pipeline));
        if let (gst::MessageView::StateChanged(change), Some(pipeline)) = (message.view(), pipeline)
            && (change.old(), change.current()) == (gst::State::Ready, gst::State::Paused)
        {
            let player = std::thread::spawn(move || pipeline.set_state(gst::State::Playing));
            assert_eq!(player.join().unwrap(), Ok(gst::StateChangeSuccess::Success));
        }
        gst::BusSyncReply::Pass
    });
    pipeline.set_state(gst::State::Paused).unwrap();
    let end =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Eos, gst::MessageType::Error]);
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(end.map(|message| message.type_()), Some(gst::MessageType::Eos));
}
