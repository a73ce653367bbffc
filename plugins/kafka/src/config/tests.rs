use super::*;
use crate::secret::Secret;
use crate::settings::{Compression, Partitioner};

fn config(change: impl FnOnce(&mut Settings)) -> Result<ClientConfig, String> {
    gst::init().unwrap();
    let mut settings = Settings::default();
    change(&mut settings);
    client_config(&settings).map_err(|err| err.to_string())
}

#[track_caller]
fn check(change: impl FnOnce(&mut Settings), key: &str, expected: Option<&str>) {
    assert_eq!(config(change).unwrap().get(key), expected, "{key}");
}

fn structure(text: &str) -> Option<gst::Structure> {
    gst::init().unwrap();
    Some(text.parse().unwrap())
}

#[test]
fn defaults_are_those_of_the_design() {
    for (key, expected) in [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("compression.type", "gzip"),
        ("partitioner", "murmur2_random"),
        ("message.timeout.ms", "0"),
        ("security.protocol", "plaintext"),
    ] {
        check(|_| (), key, Some(expected));
    }
}

#[test]
fn every_choice_has_librdkafkas_name() {
    use rdkafka::config::FromClientConfig;
    for partitioner in [
        Partitioner::Murmur2Random,
        Partitioner::Murmur2,
        Partitioner::ConsistentRandom,
        Partitioner::Consistent,
        Partitioner::Fnv1aRandom,
        Partitioner::Fnv1a,
        Partitioner::Random,
    ] {
        for compression in
            [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
        {
            let config = config(|s| {
                s.partitioner = partitioner;
                s.compression = compression;
            });
            // The client itself is the judge.
            rdkafka::producer::BaseProducer::from_config(&config.unwrap()).map(drop).unwrap();
        }
    }
}

#[test]
fn order_is_kept_also_without_idempotence() {
    let in_flight = "max.in.flight.requests.per.connection";
    check(|_| (), in_flight, None);
    check(|s| s.enable_idempotence = false, in_flight, Some("1"));
    let by_alias = |s: &mut Settings| {
        s.enable_idempotence = false;
        s.config = structure("config,max.in.flight=2");
    };
    check(by_alias, in_flight, None);
}

#[test]
fn a_client_that_gives_records_up_ends_with_the_first_and_one_that_goes_on_gives_none_up() {
    for line in ["config,a=b", "config,retries=3", "config,message.send.max.retries=3"] {
        let bounded = config(|s| {
            s.message_timeout = Duration::from_secs(5);
            s.config = structure(line);
        });
        let (mut strict, mut lenient) = (bounded.clone().unwrap(), bounded.unwrap());
        let_nothing_pass(&mut strict);
        assert_eq!((strict.get(GAPLESS_KEY), strict.get(TIMEOUT_KEY)), (Some("true"), Some("5000")));
        go_on_after_a_refusal(&mut lenient);
        assert_eq!((lenient.get(GAPLESS_KEY), lenient.get(TIMEOUT_KEY)), (None, Some("0")));
        assert!(RETRY_KEYS.iter().all(|key| lenient.get(key).is_none()), "{line}");
    }
    let mut without = config(|s| s.enable_idempotence = false).unwrap();
    let_nothing_pass(&mut without);
    assert_eq!(without.get(GAPLESS_KEY), None);
}

#[test]
fn the_clients_queue_takes_the_largest_record() {
    let queue = "queue.buffering.max.kbytes";
    let small_buffer = |max_request_size| {
        move |s: &mut Settings| {
            s.buffer_bytes = 65_536;
            s.max_request_size = max_request_size;
        }
    };
    check(|_| (), queue, Some("98304"));
    check(small_buffer(1000), queue, Some("1024"));
    check(small_buffer(4 << 20), queue, Some("12288"));
    check(small_buffer(1_000_000_000), queue, Some("2929686"));
    check(|s| s.buffer_bytes = 1 << 42, queue, Some("2147483647"));
}

#[test]
fn what_a_client_that_goes_on_would_have_given_up_after_is_known() {
    let limit = |config: &[(&str, &str)]| {
        let mut client = ClientConfig::new();
        for (key, value) in config {
            client.set(*key, *value);
        }
        let limit = go_on_after_a_refusal(&mut client);
        assert_eq!((client.get("message.timeout.ms"), client.get("retries")), (Some("0"), None));
        limit
    };
    assert_eq!(limit(&[("message.timeout.ms", "0")]), Duration::ZERO);
    assert_eq!(limit(&[("message.timeout.ms", "2000"), ("retries", "3")]), Duration::from_secs(2));
    assert_eq!(limit(&[("message.timeout.ms", "0"), ("retries", "3")]), Settings::default().stall_timeout);
}

#[test]
fn a_duration_that_is_not_zero_is_no_zero_for_the_client() {
    for (duration, expected) in [(0, "0"), (1, "1"), (999_999, "1"), (1_000_000, "1"), (1_000_001, "2")] {
        let duration = Duration::from_nanos(duration);
        check(|s| s.linger = duration, "linger.ms", Some(expected));
        check(|s| s.message_timeout = duration, "message.timeout.ms", Some(expected));
    }
}

#[test]
fn the_client_tells_its_state_each_second_whatever_is_shown() {
    let millis = Duration::from_millis;
    for (interval, (made, shown)) in
        [(0, (1000, 0)), (10, (10, 1)), (1000, (1000, 1)), (1001, (501, 2)), (60_000, (1000, 60))]
    {
        check(|s| s.statistics_interval = millis(interval), "statistics.interval.ms", Some(&made.to_string()));
        assert_eq!(statistics(millis(interval)).1, shown, "{interval}");
    }
}

#[test]
fn some_broker_must_be_named() {
    for servers in ["", " ", ",", " , ,"] {
        let text = config(|s| s.bootstrap_servers = servers.into()).unwrap_err();
        assert!(text.contains("bootstrap-servers names no broker"), "{text}");
    }
    check(|s| s.bootstrap_servers = ",a:1".into(), "bootstrap.servers", Some(",a:1"));
}

#[test]
fn every_clash_names_both() {
    for (key, property) in OWNED_KEYS {
        let text = config(|s| s.config = structure(&format!("config,{key}=1"))).unwrap_err();
        assert!(text.contains(key) && text.contains(property), "{text}");
    }
    for (key, _) in REFUSED_KEYS {
        let text = config(|s| s.config = structure(&format!("config,{key}=1"))).unwrap_err();
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn free_keys_reach_the_client_and_win_over_tuned_ones() {
    check(|s| s.config = structure("config,socket.timeout.ms=1234"), "socket.timeout.ms", Some("1234"));
    check(|s| s.config = structure("config,client.rack=a"), "client.rack", Some("a"));
}

#[test]
fn a_password_is_set_only_where_it_is_used() {
    let sasl = |s: &mut Settings| {
        s.security_protocol = SecurityProtocol::SaslSsl;
        s.sasl_username = Some("u".into());
        s.sasl_password = Secret::new(Some("p".into()));
    };
    check(sasl, "sasl.password", Some("p"));
    let text = config(|s| {
        sasl(s);
        s.security_protocol = SecurityProtocol::Ssl;
    });
    assert!(text.unwrap_err().contains("does not use SASL"));
}
