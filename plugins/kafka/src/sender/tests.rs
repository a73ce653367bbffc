use super::*;
use crate::deadletter::DeadLetters;
use crate::error::SinkError;
use crate::record::Record;
use crate::settings::Settings;
use crate::spool::SpoolConfig;
use rdkafka::producer::Producer;
use std::{path::Path, sync::atomic::Ordering::Relaxed};

fn open(path: &Path) -> Result<Spool, SinkError> {
    let opened = Spool::open(SpoolConfig::for_tests(Some(path.to_path_buf())));
    opened.map(|(spool, _)| spool).map_err(closing::open_failed)
}

#[track_caller]
fn check_locked(path: &Path, words: &str) {
    let text = open(path).err().unwrap().to_string();
    assert!(text.contains(words), "{text}");
}

/// What follows a record that was not taken would pass it.
#[test]
fn a_client_that_is_to_be_replaced_gets_no_more_records() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, stats) = (Arc::new(open(dir.path()).unwrap()), Arc::<Stats>::default());
    let notify: NoticeFn = Arc::new(|_| ());
    let undertaker = Undertaker {
        letters: DeadLetters::new(None, None, None),
        spool: spool.clone(),
        stats: stats.clone(),
        notify: notify.clone(),
    };
    let job = Job {
        stats: stats.clone(),
        source: Source::new(Settings::default()),
        token_command: Secret::default(),
        undertaker,
        encoder: None,
        stall_timeout: Duration::ZERO,
        statistics_interval: Duration::ZERO,
    };
    let worker = Worker::new(job, spool, notify, Arc::default());
    let client = worker.build().unwrap();
    let record = Arc::new(Record {
        topic: "t".into(),
        key: None,
        headers: Vec::new(),
        timestamp_ms: 0,
        value: vec![0],
        received_ms: 0,
        dead_from: None,
    });
    let sent = || stats.counters.sent.load(Relaxed);
    worker.send_all(&client, &[(0, record.clone())]);
    assert_eq!(sent(), 1);
    client.client().context().set_broken("on purpose".into());
    worker.send_all(&client, &[(1, record.clone()), (2, record)]);
    assert_eq!(sent(), 1);
}

#[test]
fn a_thread_that_panics_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (told, notices) = mpsc::channel();
    let notify: NoticeFn = Arc::new(move |notice| told.send(format!("{notice:?}")).unwrap());
    let keeper = Keeper { spool: Arc::new(open(dir.path()).unwrap()), notify, max_bytes: 1 << 20 };
    let sender = Sender::spawn(Arc::default(), keeper, || panic!("on purpose")).unwrap();
    let notice = notices.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(notice.contains("Died") && notice.contains("Sender"), "{notice}");
    assert!(sender.stop());
    open(dir.path()).unwrap();
}

#[test]
fn a_spool_that_this_process_still_closes_is_not_said_to_be_anothers() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(dir.path()).unwrap());
    let keeper = Keeper { spool: spool.clone(), notify: Arc::new(|_| ()), max_bytes: 1 << 20 };
    let (let_go, hangs) = mpsc::channel::<()>();
    let sender = Sender::spawn(Arc::default(), keeper, move || {
        // Until the other end is dropped.
        let _ = hangs.recv();
        drop(spool);
    });
    check_locked(dir.path(), "in use by another kafkasink");
    assert!(!sender.unwrap().stop());
    check_locked(dir.path(), "still being closed by this process");
    drop(let_go);
    let deadline = Instant::now() + Duration::from_secs(20);
    while open(dir.path()).is_err() {
        assert!(Instant::now() < deadline, "it must be free by now");
        std::thread::sleep(Duration::from_millis(50));
    }
}
