use super::*;
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

/// Reports without a client, and what they tell.
fn reports(statistics_interval: Duration) -> (Reports, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = told.clone();
    let notify: NoticeFn = Arc::new(move |notice| notices.lock().unwrap().push(format!("{notice:?}")));
    let spool = Arc::new(memory_spool());
    let (session, signals) = (Arc::default(), Arc::default());
    let command = Secret::default();
    (Reports::new(spool, Arc::default(), notify, command, statistics_interval, session, signals), told)
}

#[test]
fn a_refusal_is_final_only_when_no_broker_answers() {
    for (answers, last) in [(true, "Connected"), (false, "give_up: true")] {
        let (reports, told) = reports(Duration::ZERO);
        reports.refused(false, "no");
        reports.check_refused(|| panic!("it is too early to ask"));
        std::thread::sleep(REFUSED_AFTER);
        reports.check_refused(|| answers);
        assert_eq!(reports.stats.connected.load(Relaxed), answers);
        let told = told.lock().unwrap();
        assert!(told.len() == 2 && told[1].contains(last), "{told:?}");
        reports.check_refused(|| panic!("once is enough"));
    }
}

#[test]
fn statistics_tell_the_state_each_time_and_the_rest_when_it_is_due() {
    for (interval, shown) in [(0, [false; 6]), (1, [true; 6]), (3, [false, false, true, false, false, true])] {
        let (reports, _) = reports(Duration::from_secs(interval));
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
