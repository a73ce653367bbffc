use super::*;
use crate::link::Link;
use crate::spool::{SpoolConfig, Sync, WhenFull};

fn memory_spool() -> Spool {
    let config = SpoolConfig {
        location: None,
        max_bytes: 1 << 20,
        max_in_flight_bytes: 1 << 20,
        when_full: WhenFull::Block,
        sync: Sync::Never,
    };
    Spool::open(config).unwrap().0
}

/// Reports without a client.
fn reports(statistics_interval: Duration) -> Reports {
    let stats: Arc<Stats> = Arc::default();
    let link = Link::new(stats.clone(), Arc::new(|_| ()), Arc::default());
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
