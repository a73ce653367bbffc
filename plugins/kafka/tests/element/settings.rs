//! Properties and the configuration file: what is refused, what wins, what stays secret.

use super::*;

#[test]
fn wrong_settings_are_refused_with_what_to_do() {
    check_refused("config=\"config,linger.ms=5\"", &["linger.ms", "the property linger"]);
    check_refused("config=\"config,metadata.broker.list=a\"", &["metadata.broker.list", "bootstrap-servers"]);
    check_refused("config=\"config,sasl.password=hunter2\"", &["sasl.password", "sasl-password"]);
    check_refused("config=\"config,transactional.id=x\"", &["transactional.id", "Remove it"]);
    check_refused("config=\"config,no.such.key=1\"", &["no.such.key"]);
    check_refused("acks=leader", &["enable-idempotence=true needs acks=all", "acks is 1"]);
    for servers in ["", ","] {
        check_refused(&format!("bootstrap-servers=\"{servers}\""), &["bootstrap-servers names no broker"]);
    }
    for servers in ["http://localhost:9092", "localhost:99999", "a:9092,b:0", "a:9092,b:x", "ssl://a:", "[::1]:70000"] {
        check_refused(&format!("bootstrap-servers=\"{servers}\""), &["no broker's address", "localhost:9092"]);
    }
    let error = Sink::try_new("bootstrap-servers=http://me:hunter2@a:9092", EVENT_CAPS).err().unwrap();
    assert!(error.contains("no broker's address") && !error.contains("hunter2"), "{error}");
    for topic in ["a b", "..", "café", &"a".repeat(250)] {
        for property in [format!("topic=\"{topic}\""), format!("dead-letter-topic=\"{topic}\"")] {
            check_refused(&property, &["does not allow", "Correct it"]);
        }
    }
    check_refused("topics=\"topics,x=(string)\\\"a b\\\"\"", &["topics has", "does not allow"]);
    check_refused("config=\"config,socket.timeout.ms=1\"", &["socket.timeout.ms", "value 1 is", "10..300000"]);
    check_refused("sasl-username=a", &["security-protocol", "plaintext"]);
    check_refused("security-protocol=sasl-ssl sasl-username=a", &["needs sasl-password"]);
    check_refused("security-protocol=sasl-ssl sasl-mechanism=oauthbearer", &["needs sasl-token-command"]);
    check_refused("security-protocol=ssl ssl-certificate-location=/c", &["needs both"]);
    check_refused("ssl-ca-location=/ca", &["security-protocol is plaintext"]);
    check_refused("config-file=/nowhere.yaml", &["/nowhere.yaml", "could not be read"]);
    check_refused("value-format=avro", &["schema-registry-url"]);
    check_refused(
        "value-format=avro schema-registry-url=http://me:hunter2@localhost:8081",
        &["schema-registry-url", "schema-registry-username"],
    );
    for url in ["me:hunter2@localhost:8081", "localhost:8081"] {
        let line = format!("value-format=avro schema-registry-url={url}");
        check_refused(&line, &["schema-registry-url does not begin with http"]);
    }
    check_refused("spool-location=/dev/null/x", &["/dev/null/x", "Set spool-location to a directory"]);
    check_refused(
        "security-protocol=sasl-plaintext sasl-username=a sasl-password=env:KAFKASINK_NOT_SET",
        &["sasl-password", "KAFKASINK_NOT_SET", "not set"],
    );
}

#[test]
fn addresses_that_brokers_have_are_taken() {
    for servers in ["a", "a:1, b:65535,", "SSL://a:9093", "[::1]:9092", "::1", "sasl_ssl://[fe80::1]:9093"] {
        let sink = Sink::new(&format!("bootstrap-servers=\"{servers}\" drain-timeout=0"));
        sink.stop();
    }
}

#[test]
fn the_configuration_file_is_used_and_properties_win() {
    let cluster = cluster(&["from-file", "from-property"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "kafka:\n  bootstrap_servers: \"{}\"\n  topics:\n    plate_events: from-file\n  producer:\n    linger_ms: 1\n",
        cluster.bootstrap_servers()
    );
    std::fs::write(file.path(), text).unwrap();
    for (more, topic) in [("", "from-file"), ("topic=from-property", "from-property")] {
        let mut sink = Sink::new(&format!("config-file={} {more}", file.path().display()));
        sink.push_event(0, "CAM1");
        sink.eos();
        assert_eq!(consume(&cluster.bootstrap_servers(), topic).len(), 1, "{topic}");
    }
}

#[test]
fn secrets_show_nowhere() {
    init();
    let secret = "hunter2-never-shown";
    let line = format!(
        "fakesrc num-buffers=0 ! kafkasink name=k mode=mock security-protocol=sasl-plaintext sasl-username=u \
         sasl-password={secret} ssl-key-password={secret} schema-registry-password={secret} \
         sasl-token-command=\"echo {secret}\" config=\"config,ssl.keystore.password={secret}\""
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let _ = pipeline.state(gst::ClockTime::from_seconds(5));
    let dot = pipeline.debug_to_dot_data(gst::DebugGraphDetails::all());
    assert!(dot.contains("sasl-username"), "the dump shows properties");
    assert!(!dot.contains(secret), "{dot}");
    let sink = pipeline.by_name("k").unwrap();
    for spec in sink.list_properties() {
        if spec.flags().contains(glib::ParamFlags::READABLE) {
            let value = format!("{:?}", sink.property_value(spec.name()));
            assert!(!value.contains(secret), "{}: {value}", spec.name());
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    check_refused(
        &format!(
            "security-protocol=sasl-plaintext sasl-username=u sasl-password={secret} config=\"config,socket.timeout.ms=x{secret}\""
        ),
        &["socket.timeout.ms"],
    );
    let error = Sink::try_new(&format!("config=\"config,socket.timeout.ms=x{secret}\""), EVENT_CAPS).err().unwrap();
    assert!(!error.contains(secret), "{error}");
}
