use super::*;
use crate::client::Client;
use crate::link::Link;
use crate::notice::{Notice, NoticeFn, Part};
use crate::record::Record;
use crate::spool::SpoolConfig;
use rdkafka::{
    ClientConfig,
    producer::{BaseRecord, Producer},
};
use std::time::Instant;

fn memory_spool() -> Spool {
    let config = SpoolConfig::for_tests(None);
    Spool::open(config).unwrap().0
}

/// Reports without a client.
fn reports(statistics_interval: Duration) -> Reports {
    reports_to(Arc::new(|_| ()), statistics_interval)
}

fn reports_to(notify: NoticeFn, statistics_interval: Duration) -> Reports {
    let stats: Arc<Stats> = Arc::default();
    let link = Link::new(stats.clone(), notify, Arc::default());
    let (spool, session) = (Arc::new(memory_spool()), Arc::new(Session::new(link)));
    Reports::new(spool, stats, Secret::default(), statistics_interval, session, Arc::default())
}

#[test]
fn statistics_tell_the_state_each_time_and_the_rest_when_it_is_due() {
    for (interval, shown) in [(0, [false; 6]), (1, [true; 6]), (3, [false, false, true, false, false, true])] {
        let reports = reports(Duration::from_secs(interval));
        for (seen, due) in shown.into_iter().enumerate() {
            let number = seen as u64 + 1;
            let brokers = [("b".to_string(), rdkafka::statistics::Broker { state: "UP".into(), ..Default::default() })];
            let brokers = brokers.into_iter().collect();
            reports.stats.set_client(ClientStats::default(), true);
            reports.stats(Statistics { msg_cnt: number, brokers, ..Statistics::default() });
            let client = reports.stats.client();
            assert_eq!((client.brokers_up, client.queued == number), (1, due), "{interval} s, the {number}th");
            assert!(reports.stats.connected.load(Relaxed));
        }
    }
}

/// Connections are made when there is something to send: a partition with nothing to send misses nobody.
#[test]
fn a_partition_has_a_leader_when_one_is_there_or_was_not_asked_for_yet() {
    let broker = rdkafka::statistics::Broker { nodeid: 1, state: "UP".into(), ..Default::default() };
    let other = rdkafka::statistics::Broker { nodeid: 2, state: "INIT".into(), ..Default::default() };
    let brokers = [("a".to_string(), broker), ("b".to_string(), other)].into_iter().collect();
    let statistics = Statistics { brokers, ..Statistics::default() };
    for (leader, msgq_cnt, xmit_msgq_cnt, led) in [
        (1, 0, 0, true),
        (1, 3, 3, true),
        (2, 0, 0, true),
        (2, 1, 0, false),
        (2, 0, 1, false),
        (3, 1, 0, false),
        (-1, 0, 0, false),
        (-1, 1, 0, false),
    ] {
        let about = Partition { leader, msgq_cnt, xmit_msgq_cnt, ..Partition::default() };
        assert_eq!(is_led(&about, &statistics), led, "leader {leader}, {msgq_cnt} and {xmit_msgq_cnt} to send");
    }
}

/// Takes notices, and panics at all but the one about that.
fn panicking() -> (NoticeFn, Arc<AtomicU32>) {
    let told: Arc<AtomicU32> = Arc::default();
    let counter = told.clone();
    let notify: NoticeFn = Arc::new(move |notice| match notice {
        Notice::Died { part: Part::Client } => drop(counter.fetch_add(1, Relaxed)),
        other => panic!("on purpose: {other:?}"),
    });
    (notify, told)
}

#[test]
fn a_callback_that_panics_is_told_once_and_the_next_reports_still_come() {
    let (notify, told) = panicking();
    let reports = reports_to(notify, Duration::ZERO);
    let spool = reports.spool.clone();
    for _ in 0..2 {
        let record = Record {
            topic: "t".into(),
            key: None,
            headers: Vec::new(),
            timestamp_ms: 0,
            value: Vec::new(),
            received_ms: 0,
            dead_from: None,
        };
        spool.append(record).unwrap();
    }
    let records = spool.next(2, Seq::MAX, Duration::ZERO).unwrap();
    let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let client =
        Client::new(ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()), reports).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    for (delivered, (seq, record)) in records.iter().enumerate() {
        // The first report says that a broker is there, and meets the panic.
        let message = BaseRecord::<[u8], [u8], usize>::with_opaque_to("t", opaque(*seq, false)).payload(&record.value);
        assert!(client.send(message).is_ok());
        while client.client().context().delivered() <= delivered as u64 || told.load(Relaxed) == 0 {
            assert!(Instant::now() < deadline, "no report of record {seq}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    drop(client);
    spool.settle().unwrap();
    assert_eq!((spool.depth().records, told.load(Relaxed)), (1, 1), "the report of the first is lost, no other");
}

#[test]
fn no_callback_lets_a_panic_through() {
    let failed = KafkaError::Global(RDKafkaErrorCode::AllBrokersDown);
    let brokers = [("b".to_string(), rdkafka::statistics::Broker { state: "UP".into(), ..Default::default() })];
    let statistics = Statistics { brokers: brokers.into_iter().collect(), ..Statistics::default() };
    let (notify, told) = panicking();
    let reports = reports_to(notify, Duration::ZERO);
    reports.stats(statistics);
    reports.error(failed.clone(), "no");
    assert_eq!(told.load(Relaxed), 1, "once is enough");
    let (notify, told) = panicking();
    let reports = reports_to(notify, Duration::ZERO);
    reports.error(failed, "no");
    assert_eq!(told.load(Relaxed), 1);
    reports.log(RDKafkaLogLevel::Error, FAILED_CONNECTION, "no");
}
