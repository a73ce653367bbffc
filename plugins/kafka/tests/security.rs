//! TLS and SASL for real: a proxy that ends TLS and asks for SASL stands before a broker.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::broker::*;
use common::*;
use gst::prelude::*;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(20);
/// An operator must not wait longer for the reason.
const SECONDS: Duration = Duration::from_secs(15);

struct Setup {
    broker: Broker,
    dir: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let broker = Broker::start(Kind::Noida);
        broker.create_topic("t");
        let dir = tempfile::tempdir().unwrap();
        let status = python().arg(script("certificates.py")).arg(dir.path()).status().unwrap();
        assert!(status.success());
        Self { broker, dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tls_proxy(&self, server: &str, more: &[&str]) -> Proxy {
        self.tls_proxy_at(free_port(), server, more)
    }

    fn tls_proxy_at(&self, port: u16, server: &str, more: &[&str]) -> Proxy {
        let (cert, key) = (self.file(&format!("{server}.pem")), self.file(&format!("{server}.key")));
        let mut options = vec!["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
        options.extend(more);
        Proxy::start_at(port, self.broker.port, &options)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The record arrives.
#[track_caller]
fn check_delivers(proxy: &Proxy, properties: &str) {
    let mut sink = Sink::new(&format!("bootstrap-servers={} topic=t {properties}", proxy.servers()));
    sink.push_event(0, "CAM1");
    sink.wait_stat("delivered", 1, SOON);
    assert_eq!(sink.error(), None);
}

/// An error message within seconds, with these words; the record is not lost.
#[track_caller]
fn check_error(proxy: &Proxy, properties: &str, words: &[&str]) {
    let mut sink =
        Sink::new(&format!("bootstrap-servers={} topic=t drain-timeout=100000000 {properties}", proxy.servers()));
    let start = Instant::now();
    sink.push_event(0, "CAM1");
    let mut error = None;
    assert!(wait_for(SECONDS, || {
        error = error.take().or_else(|| sink.error());
        error.is_some()
    }));
    let error = error.unwrap();
    for word in words {
        assert!(error.contains(word), "\"{error}\" does not say \"{word}\"");
    }
    assert!(start.elapsed() < SECONDS);
    assert_eq!((sink.stat("delivered"), sink.stat("spool-depth")), (0, 1));
    sink.element.set_state(gst::State::Null).unwrap();
}

#[test]
fn tls_with_the_right_ca_and_a_client_certificate() {
    let setup = Setup::new();
    let ca = text(&setup.file("ca.pem"));
    let proxy = setup.tls_proxy("server", &["--client-ca", &ca]);
    let tls = format!("security-protocol=ssl ssl-ca-location={ca}");
    let client = format!(
        "ssl-certificate-location={} ssl-key-location={}",
        text(&setup.file("client.pem")),
        text(&setup.file("client.key"))
    );
    check_delivers(&proxy, &format!("{tls} {client}"));
    // This peer just hangs up on a client without a certificate, as a load balancer without a broker would: no reason to
    // give up, but one to name.
    let sink = Sink::new(&format!("bootstrap-servers={} topic=t {tls}", proxy.servers()));
    let mut reasons = Vec::new();
    let told = wait_for(SECONDS, || {
        let states =
            sink.messages("kafkasink-state").into_iter().filter(|s| s.get::<&str>("state") == Ok("disconnected"));
        reasons.extend(states.filter_map(|s| s.get::<String>("reason").ok()));
        // Which one depends on whether the peer's last word or its reset is read first.
        let words = ["SSL connection closed by peer", "connection reset by peer"];
        reasons.iter().any(|reason| words.iter().any(|words| reason.contains(words)))
    });
    assert!(told, "{reasons:?}");
}

#[test]
fn tls_that_cannot_work_says_why_within_seconds() {
    let setup = Setup::new();
    let tls = |ca: &str| format!("security-protocol=ssl ssl-ca-location={}", text(&setup.file(ca)));
    let good = setup.tls_proxy("server", &[]);
    check_delivers(&good, &tls("ca.pem"));
    check_error(&good, &tls("other-ca.pem"), &["certificate verify failed", "ssl-ca-location"]);
    check_error(&setup.tls_proxy("wrong-host", &[]), &tls("ca.pem"), &["certificate verify failed", "host names"]);
    check_error(&setup.tls_proxy("expired", &[]), &tls("ca.pem"), &["certificate verify failed", "dates"]);
}

#[test]
fn sasl_plain_and_scram_over_tls() {
    let setup = Setup::new();
    let proxy = setup
        .tls_proxy("server", &["--sasl", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", "--user", "alpr", "--password", "right"]);
    let sasl = |mechanism: &str, password: &str| {
        format!(
            "security-protocol=sasl-ssl ssl-ca-location={} sasl-mechanism={mechanism} sasl-username=alpr \
             sasl-password={password}",
            text(&setup.file("ca.pem"))
        )
    };
    let file = setup.file("password");
    std::fs::write(&file, "right\n").unwrap();
    check_delivers(&proxy, &sasl("plain", "right"));
    check_delivers(&proxy, &sasl("scram-sha-256", "right"));
    check_delivers(&proxy, &sasl("scram-sha-512", &format!("file:{}", file.display())));
    for mechanism in ["plain", "scram-sha-512"] {
        check_error(&proxy, &sasl(mechanism, "hunter2"), &["refused the login", "sasl-password"]);
    }
}

/// The broker gets another certificate of another CA and another password, as on a day of rotation: first one, then the other,
/// and each time the client's files follow when it is locked out already.
#[test]
fn certificates_and_passwords_change_without_a_restart() {
    let setup = Setup::new();
    let (ca, password) = (setup.file("trusted.pem"), setup.file("password"));
    std::fs::copy(setup.file("ca.pem"), &ca).unwrap();
    std::fs::write(&password, "first-secret").unwrap();
    let proxy = |port: u16, server: &str, password: &str| {
        setup.tls_proxy_at(port, server, &["--sasl", "SCRAM-SHA-512", "--user", "alpr", "--password", password])
    };
    let first = proxy(free_port(), "server", "first-secret");
    let port = first.port;
    let mut sink = Sink::new(&format!(
        "bootstrap-servers={} topic=t security-protocol=sasl-ssl ssl-ca-location={} sasl-mechanism=scram-sha-512 \
         sasl-username=alpr sasl-password=file:{}",
        first.servers(),
        text(&ca),
        text(&password)
    ));
    sink.push_event(0, "CAM1");
    sink.wait_stat("delivered", 1, SOON);
    let refused = |sink: &Sink| {
        wait_for(SOON, || sink.messages("kafkasink-state").iter().any(|s| s.get::<&str>("state") == Ok("refused")))
    };
    drop(first);
    let second = proxy(port, "other-server", "first-secret");
    sink.push_event(1, "CAM1");
    assert!(refused(&sink), "the certificate");
    std::fs::copy(setup.file("other-ca.pem"), &ca).unwrap();
    sink.wait_stat("delivered", 2, SOON);
    drop(second);
    let _third = proxy(port, "other-server", "second-secret");
    sink.push_event(2, "CAM1");
    assert!(refused(&sink), "the password");
    let rebuilds = sink.stat("rebuilds");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sink.stat("rebuilds"), rebuilds, "a client that would be the same is not built");
    std::fs::write(&password, "second-secret").unwrap();
    sink.wait_stat("delivered", 3, SOON);
    assert_eq!(sink.error(), None);
    let warnings = sink.warnings();
    assert!(warnings.iter().any(|text| text.contains("have changed")), "{warnings:?}");
    assert!(!warnings.iter().any(|text| text.contains("-secret")), "{warnings:?}");
}

/// The broker asks for a certificate of another CA. This peer hangs up on the old one, so the client knows of no refusal. The new
/// files come one after the other, and between them no client can be built.
#[test]
fn a_client_certificate_and_its_key_change_without_a_restart() {
    let setup = Setup::new();
    let (certificate, key) = (setup.file("used.pem"), setup.file("used.key"));
    let copy = |from: &str, to: &Path| {
        std::fs::copy(setup.file(from), to).unwrap();
    };
    copy("client.pem", &certificate);
    copy("client.key", &key);
    let first = setup.tls_proxy("server", &["--client-ca", &text(&setup.file("ca.pem"))]);
    let port = first.port;
    let mut sink = Sink::new(&format!(
        "bootstrap-servers={} topic=t security-protocol=ssl ssl-ca-location={} ssl-certificate-location={} \
         ssl-key-location={}",
        first.servers(),
        text(&setup.file("ca.pem")),
        text(&certificate),
        text(&key)
    ));
    sink.push_event(0, "CAM1");
    sink.wait_stat("delivered", 1, SOON);
    drop(first);
    let _second = setup.tls_proxy_at(port, "server", &["--client-ca", &text(&setup.file("other-ca.pem"))]);
    sink.push_event(1, "CAM1");
    let connected = || sink.element.property::<gst::Structure>("stats").get::<bool>("connected").unwrap();
    assert!(wait_for(SOON, || !connected()));
    copy("other-client.pem", &certificate);
    sink.wait_warning(&["Could not build a Kafka client"], SOON);
    copy("other-client.key", &key);
    sink.wait_stat("delivered", 2, SOON);
    assert_eq!(sink.error(), None);
}

/// Someone tidies up, or a mounted secret is gone: what needs a new client then must not need the files.
#[test]
fn certificates_that_are_gone_stop_no_sink_that_worked() {
    let setup = Setup::new();
    setup.broker.create_topic_with("small", Some(("max.message.bytes", "2000")));
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::copy(setup.file(name), setup.file(&format!("my-{name}"))).unwrap();
    }
    let mine = |name: &str| setup.file(&format!("my-{name}"));
    let proxy = setup.tls_proxy("server", &["--client-ca", &text(&setup.file("ca.pem"))]);
    let line = format!(
        "bootstrap-servers={} topic=small linger=300000000 compression-type=none security-protocol=ssl ssl-ca-location={} \
         ssl-certificate-location={} ssl-key-location={}",
        proxy.servers(),
        text(&mine("ca.pem")),
        text(&mine("client.pem")),
        text(&mine("client.key"))
    );
    let mut sink = Sink::new(&line);
    sink.push_event(0, "CAM1");
    sink.wait_stat("delivered", 1, SOON);
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::remove_file(mine(name)).unwrap();
    }
    // A batch that is refused needs new clients.
    for n in 1..100 {
        sink.push_event(n, "CAM1");
    }
    sink.wait_stat("delivered", 100, SOON);
    assert!(sink.stat("rebuilds") > 0, "the test must have met the case");
    let warnings = sink.warnings();
    assert!(warnings.iter().any(|text| text.contains("goes on with what ssl-ca-location")), "{warnings:?}");
    assert!(!warnings.iter().any(|text| text.contains("BEGIN")), "{warnings:?}");
    sink.stop();
    let Err(error) = Sink::try_new(&line, EVENT_CAPS) else { panic!("a start without the files") };
    assert!(error.contains("could not be made"), "{error}");
}

#[test]
fn oauthbearer_takes_its_token_from_a_command() {
    let setup = Setup::new();
    let proxy = Proxy::start(setup.broker.port, &["--sasl", "OAUTHBEARER", "--token", "good.token"]);
    let sasl = |token: &str| {
        let script = setup.file("token.sh");
        let json =
            format!("{{\"token\":\"{token}\",\"lifetime_ms\":{},\"principal\":\"alpr\"}}", (now_s() + 900) * 1000);
        std::fs::write(&script, format!("echo '{json}'\n")).unwrap();
        format!(
            "security-protocol=sasl-plaintext sasl-mechanism=oauthbearer sasl-token-command=\"sh {}\"",
            script.display()
        )
    };
    check_delivers(&proxy, &sasl("good.token"));
    check_error(&proxy, &sasl("bad.token"), &["refused the login", "sasl-token-command"]);
}

#[test]
fn a_token_command_that_fails_for_a_while_is_no_refused_login() {
    let setup = Setup::new();
    let proxy = Proxy::start(setup.broker.port, &["--sasl", "OAUTHBEARER", "--token", "good.token"]);
    let (script, token) = (setup.file("token.sh"), setup.file("token.json"));
    std::fs::write(&script, format!("cat {}\n", token.display())).unwrap();
    let mut sink = Sink::new(&format!(
        "bootstrap-servers={} topic=t security-protocol=sasl-plaintext sasl-mechanism=oauthbearer \
         sasl-token-command=\"sh {}\"",
        proxy.servers(),
        script.display()
    ));
    sink.push_event(0, "CAM1");
    // Longer than it takes to give up a login that brokers refuse.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(sink.error(), None);
    let warnings = sink.warnings();
    assert!(warnings.iter().any(|text| text.contains("the command is run again")), "{warnings:?}");
    let json =
        format!("{{\"token\":\"good.token\",\"lifetime_ms\":{},\"principal\":\"alpr\"}}", (now_s() + 900) * 1000);
    std::fs::write(&token, json).unwrap();
    sink.wait_stat("delivered", 1, SOON);
}

/// The client asks one of the brokers first, whichever, and learns later that another takes the login.
#[test]
fn a_login_that_one_broker_refuses_is_no_error_while_another_takes_it() {
    let broker = Broker::start(Kind::Noida);
    broker.create_topic("t");
    let proxy = |password: &str| Proxy::start(broker.port, &["--sasl", "PLAIN", "--password", password]);
    let (other, right) = (proxy("other"), proxy("right"));
    for interval in ["0", "60000000000"] {
        let line = format!(
            "bootstrap-servers={},{} topic=t security-protocol=sasl-plaintext sasl-username=alpr sasl-password=right \
             statistics-interval={interval}",
            other.servers(),
            right.servers()
        );
        let met_a_refusal = (0..20).any(|_| {
            let sink = Sink::new(&line);
            let brokers_up = || sink.element.property::<gst::Structure>("stats").get::<u64>("brokers-up").unwrap();
            assert!(wait_for(SOON, || brokers_up() > 0), "statistics-interval={interval}");
            let connected = sink.element.property::<gst::Structure>("stats").get::<bool>("connected");
            assert_eq!(connected, Ok(true));
            // Longer than a refusal is waited for.
            std::thread::sleep(Duration::from_secs(3));
            assert_eq!(sink.error(), None, "statistics-interval={interval}");
            sink.messages("kafkasink-state").iter().any(|s| s.get::<&str>("state") == Ok("refused"))
        });
        assert!(met_a_refusal, "the test must have met the case");
    }
}
