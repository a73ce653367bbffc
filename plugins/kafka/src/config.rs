//! From settings to librdkafka's keys: the one place that knows both names.

use crate::names::Named;
use crate::router::texts;
use crate::secret::SecretError;
use crate::settings::{Acks, SaslMechanism, SecurityProtocol, Settings};
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use std::{fmt, time::Duration};

/// librdkafka's keys that a property (or this sink itself) already decides, with all their aliases.
const OWNED_KEYS: &[(&str, &str)] = &[
    ("bootstrap.servers", "bootstrap-servers"),
    ("metadata.broker.list", "bootstrap-servers"),
    ("client.id", "client-id"),
    ("partitioner", "partitioner"),
    ("acks", "acks"),
    ("request.required.acks", "acks"),
    ("enable.idempotence", "enable-idempotence"),
    ("compression.type", "compression-type"),
    ("compression.codec", "compression-type"),
    ("linger.ms", "linger"),
    ("queue.buffering.max.ms", "linger"),
    (BATCH_KEY, "batch-size"),
    ("message.max.bytes", "max-request-size"),
    ("queue.buffering.max.kbytes", "buffer-memory"),
    ("queue.buffering.max.messages", "buffer-memory"),
    (TIMEOUT_KEY, "message-timeout"),
    ("delivery.timeout.ms", "message-timeout"),
    ("security.protocol", "security-protocol"),
    ("sasl.mechanism", "sasl-mechanism"),
    ("sasl.mechanisms", "sasl-mechanism"),
    ("sasl.username", "sasl-username"),
    ("sasl.password", "sasl-password"),
    ("ssl.ca.location", "ssl-ca-location"),
    ("ssl.certificate.location", "ssl-certificate-location"),
    ("ssl.key.location", "ssl-key-location"),
    ("ssl.key.password", "ssl-key-password"),
    ("statistics.interval.ms", "statistics-interval"),
];
/// Keys that would break what the sink promises.
const REFUSED_KEYS: &[(&str, &str)] = &[
    ("transactional.id", "records are acknowledged one by one, not in transactions"),
    (GAPLESS_KEY, "the sink sets it where the order needs it"),
    ("delivery.report.only.error", "the spool needs every delivery report"),
    ("queuing.strategy", "last in, first out would break the order per key"),
    ("test.mock.num.brokers", "use mode=mock, or a mock cluster's address as bootstrap-servers"),
];
/// Good defaults where librdkafka's are meant for other uses. `config` may change them.
const TUNED_KEYS: &[(&str, &str)] = &[
    (RECONNECT_KEY, "5000"),
    ("socket.keepalive.enable", "true"),
    // A broker that stopped answering: find out in half a minute.
    ("socket.timeout.ms", "30000"),
];
/// Keys with two names.
const RETRY_KEYS: &[&str] = &["retries", "message.send.max.retries"];
const IN_FLIGHT_KEYS: &[&str] = &["max.in.flight.requests.per.connection", "max.in.flight"];
/// The key with which a record that the broker refuses ends the client.
pub(crate) const GAPLESS_KEY: &str = "enable.gapless.guarantee";
/// The key of how long the client tries one record.
const TIMEOUT_KEY: &str = "message.timeout.ms";
/// The key of the largest batch.
const BATCH_KEY: &str = "batch.size";
/// The key of the longest wait between two tries to connect.
const RECONNECT_KEY: &str = "reconnect.backoff.max.ms";

/// What may stand before a broker's address, as in `ssl://host:9093`.
const SCHEMES: &[&str] = &["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];
/// Longest name of a topic, in Kafka itself.
const MAX_TOPIC_BYTES: usize = 249;

/// The client tells this often which brokers are there: the longest time between two of its statistics.
const STATE_INTERVAL: Duration = Duration::from_secs(1);

/// How often the client makes statistics, and how many of them become one that is shown (zero: none is).
pub(crate) fn statistics(interval: Duration) -> (Duration, u32) {
    if interval.is_zero() {
        return (STATE_INTERVAL, 0);
    }
    let parts = interval.as_nanos().div_ceil(STATE_INTERVAL.as_nanos()) as u32;
    (interval / parts, parts)
}

/// The longest wait between two tries to connect.
pub(crate) fn next_try(config: &ClientConfig) -> Duration {
    // What is no number, the client refuses.
    Duration::from_millis(config.get(RECONNECT_KEY).and_then(|ms| ms.parse().ok()).unwrap_or_default())
}

/// Makes a client go on after a refused record. It gives up none by itself then, whatever `retries` and `message-timeout`
/// say: later records of the same partition would pass that one. What hangs is for the stall timeout; this gives how long
/// that is to be when it is not set and there was a limit (zero: there was none).
pub(crate) fn go_on_after_a_refusal(config: &mut ClientConfig) -> Duration {
    let limited = RETRY_KEYS.iter().any(|key| config.get(key).is_some());
    for key in RETRY_KEYS {
        config.remove(key);
    }
    let timeout = Duration::from_millis(config.get(TIMEOUT_KEY).and_then(|ms| ms.parse().ok()).unwrap_or_default());
    config.set(TIMEOUT_KEY, "0");
    if timeout.is_zero() && limited { Settings::default().stall_timeout } else { timeout }
}

/// Makes batches have `limit` bytes at most, if there is one; gives the most that they may have now.
pub(crate) fn limit_batches(config: &mut ClientConfig, limit: Option<u64>) -> u64 {
    let own = config.get(BATCH_KEY).and_then(|bytes| bytes.parse().ok()).unwrap_or(u64::MAX);
    let most = limit.map_or(own, |limit| limit.min(own));
    if most < own {
        config.set(BATCH_KEY, most.to_string());
    }
    most
}

/// Makes a batch that is refused, or a record that the client gives up, end the client, so that nothing passes it: the broker
/// refuses what is on its way behind it by its sequence number, and the client sends nothing more. Without idempotence there
/// are no such numbers.
pub(crate) fn let_nothing_pass(config: &mut ClientConfig) {
    if config.get("enable.idempotence") == Some("true") {
        config.set(GAPLESS_KEY, "true");
    }
}

/// A setting that cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// A key of `config` that a property decides.
    Clash {
        key: String,
        property: &'static str,
    },
    /// A key that would break a promise.
    Refused {
        key: String,
        why: &'static str,
    },
    /// Two settings that exclude each other, or a value out of range; the text names them.
    Invalid(String),
    Secret(SecretError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clash { key, property } => write!(
                f,
                "The key {key} in the property config is the same setting as the property {property}. Remove the key \
                 and set {property}."
            ),
            Self::Refused { key, why } => {
                write!(f, "The key {key} in the property config cannot be used with kafkasink: {why}. Remove it.")
            }
            Self::Invalid(text) => f.write_str(text),
            Self::Secret(err) => err.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<SecretError> for ConfigError {
    fn from(err: SecretError) -> Self {
        Self::Secret(err)
    }
}

/// librdkafka's configuration for these settings.
pub(crate) fn client_config(settings: &Settings) -> Result<ClientConfig, ConfigError> {
    check(settings)?;
    let free = texts("config", settings.config.as_deref()).map_err(ConfigError::Invalid)?;
    check_free_keys(&free)?;
    let mut config = ClientConfig::new();
    // GStreamer's own debug levels decide what is seen; debug lines come only with the key `debug`.
    config.set_log_level(RDKafkaLogLevel::Debug);
    for (key, value) in TUNED_KEYS {
        config.set(*key, *value);
    }
    set_delivery(&mut config, settings);
    set_security(&mut config, settings)?;
    for (key, value) in settings.file_keys.iter().chain(&free) {
        config.set(key, value);
    }
    if !settings.enable_idempotence && IN_FLIGHT_KEYS.iter().all(|key| config.get(key).is_none()) {
        // Without sequence numbers a retried batch would land behind the one that followed it.
        config.set(IN_FLIGHT_KEYS[0], "1");
    }
    Ok(config)
}

fn check(settings: &Settings) -> Result<(), ConfigError> {
    let refuse = |text: String| Err(ConfigError::Invalid(text));
    if settings.bootstrap_servers.split(',').all(|server| server.trim().is_empty()) {
        return refuse(
            "bootstrap-servers names no broker. Set it to the brokers' addresses, such as localhost:9092.".into(),
        );
    }
    check_servers(&settings.bootstrap_servers)?;
    if settings.topic.is_empty() {
        return refuse("topic is empty. Set it to the topic that records without a topic of their own go to.".into());
    }
    check_topics(settings)?;
    if settings.enable_idempotence && settings.acks != Acks::All {
        return refuse(format!(
            "enable-idempotence=true needs acks=all, but acks is {}. Set acks=all or enable-idempotence=false.",
            settings.acks.client_name()
        ));
    }
    let tls = matches!(settings.security_protocol, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl);
    if !tls && (settings.ssl_ca_location.is_some() || settings.ssl_certificate_location.is_some()) {
        return refuse(format!(
            "A certificate is set, but security-protocol is {}, which does not use TLS. Set security-protocol to ssl or \
             sasl-ssl.",
            settings.security_protocol.client_name()
        ));
    }
    if settings.ssl_certificate_location.is_some() != settings.ssl_key_location.is_some() {
        return refuse(
            "Only one of ssl-certificate-location and ssl-key-location is set. A client certificate needs both.".into(),
        );
    }
    if let Some(url) = &settings.schema_registry_url {
        // A URL is shown in errors and by gst-inspect-1.0.
        check_registry_url(url)?;
    }
    check_sasl(settings)
}

/// The client ignores a server whose scheme it does not know, and takes another port for one that is too large: both look like an
/// outage.
fn check_servers(servers: &str) -> Result<(), ConfigError> {
    for server in servers.split(',').map(str::trim).filter(|server| !server.is_empty()) {
        let (scheme, address) = server.split_once("://").map_or((None, server), |(scheme, rest)| (Some(scheme), rest));
        let known = scheme.is_none_or(|scheme| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)));
        let port = match address.rsplit_once(':') {
            // An IPv6 address without a port.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => None,
            found => found.map(|(_, port)| port),
        };
        let good_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if !known || !good_port {
            // Not quoted when it may hold a password.
            let shown = if server.contains('@') { "a server" } else { server };
            return Err(ConfigError::Invalid(format!(
                "bootstrap-servers has {shown}, which is no broker's address: that is HOST:PORT, such as localhost:9092, with a \
                 port from 1 to 65535."
            )));
        }
    }
    Ok(())
}

/// Names that no broker takes.
fn check_topics(settings: &Settings) -> Result<(), ConfigError> {
    let by_kind = texts("topics", settings.topics.as_deref()).map_err(ConfigError::Invalid)?;
    let mut topics: Vec<(&str, &str)> = vec![("topic", &settings.topic)];
    topics.extend(settings.dead_letter_topic.iter().map(|topic| ("dead-letter-topic", topic.as_str())));
    topics.extend(by_kind.iter().map(|(_, topic)| ("topics", topic.as_str())));
    for (property, topic) in topics {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if topic.is_empty()
            || topic.len() > MAX_TOPIC_BYTES
            || !topic.chars().all(allowed)
            || [".", ".."].contains(&topic)
        {
            return Err(ConfigError::Invalid(format!(
                "{property} has \"{topic}\", which Kafka does not allow as the name of a topic: up to {MAX_TOPIC_BYTES} letters, digits, \
                 dots, underscores and hyphens. Correct it."
            )));
        }
    }
    Ok(())
}

fn check_registry_url(url: &str) -> Result<(), ConfigError> {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        // Not quoted: what stands before the address may be a password.
        return Err(ConfigError::Invalid(
            "schema-registry-url does not begin with http:// or https://. Set it to the registry's address, such as \
             http://localhost:8081."
                .into(),
        ));
    };
    if rest.split('/').next().is_some_and(|host| host.contains('@')) {
        return Err(ConfigError::Invalid(
            "schema-registry-url holds a user name or password. Set schema-registry-username and \
             schema-registry-password, and remove them from the URL."
                .into(),
        ));
    }
    Ok(())
}

fn check_sasl(settings: &Settings) -> Result<(), ConfigError> {
    let sasl = matches!(settings.security_protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl);
    if !sasl {
        return if settings.sasl_username.is_some() || settings.sasl_password.is_set() {
            Err(ConfigError::Invalid(format!(
                "sasl-username or sasl-password is set, but security-protocol is {}, which does not use SASL. Set \
                 security-protocol to sasl-ssl (or sasl-plaintext).",
                settings.security_protocol.client_name()
            )))
        } else {
            Ok(())
        };
    }
    let missing = match settings.sasl_mechanism {
        SaslMechanism::OauthBearer if !settings.sasl_token_command.is_set() => "sasl-token-command",
        SaslMechanism::OauthBearer => return Ok(()),
        _ if settings.sasl_username.is_none() => "sasl-username",
        _ if !settings.sasl_password.is_set() => "sasl-password",
        _ => return Ok(()),
    };
    Err(ConfigError::Invalid(format!(
        "security-protocol={} with sasl-mechanism={} needs {missing}, which is not set.",
        settings.security_protocol.client_name(),
        settings.sasl_mechanism.client_name()
    )))
}

fn check_free_keys(keys: &[(String, String)]) -> Result<(), ConfigError> {
    for (key, _) in keys {
        if let Some((_, property)) = OWNED_KEYS.iter().find(|(owned, _)| owned == key) {
            return Err(ConfigError::Clash { key: key.clone(), property });
        }
        if let Some((_, why)) = REFUSED_KEYS.iter().find(|(refused, _)| refused == key) {
            return Err(ConfigError::Refused { key: key.clone(), why });
        }
    }
    Ok(())
}

fn set_delivery(config: &mut ClientConfig, settings: &Settings) {
    // The spool limits what the client holds; its own limits only have to be larger, also while some of it is stuck, and for
    // the largest record: one that does not fit into an empty queue would wait for ever.
    let largest = settings.buffer_bytes.max(settings.max_request_size.into());
    let buffer_kbytes = (largest / 1024 * 3).clamp(1024, 2_147_483_647);
    config
        .set("bootstrap.servers", &settings.bootstrap_servers)
        .set("client.id", &settings.client_id)
        .set("partitioner", settings.partitioner.client_name())
        .set("acks", settings.acks.client_name())
        .set("enable.idempotence", settings.enable_idempotence.to_string())
        .set("compression.type", settings.compression.client_name())
        .set("linger.ms", millis(settings.linger))
        .set(BATCH_KEY, settings.batch_size.to_string())
        .set("message.max.bytes", settings.max_request_size.to_string())
        .set(TIMEOUT_KEY, millis(settings.message_timeout))
        .set("queue.buffering.max.kbytes", buffer_kbytes.to_string())
        .set("queue.buffering.max.messages", "0")
        .set("statistics.interval.ms", millis(statistics(settings.statistics_interval).0));
}

fn set_security(config: &mut ClientConfig, settings: &Settings) -> Result<(), ConfigError> {
    config.set("security.protocol", settings.security_protocol.client_name());
    let locations = [
        ("ssl.ca.location", &settings.ssl_ca_location),
        ("ssl.certificate.location", &settings.ssl_certificate_location),
        ("ssl.key.location", &settings.ssl_key_location),
    ];
    for (key, location) in locations {
        if let Some(location) = location {
            config.set(key, location);
        }
    }
    if let Some(password) = settings.ssl_key_password.reveal("ssl-key-password")? {
        config.set("ssl.key.password", password.as_str());
    }
    if matches!(settings.security_protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl) {
        config.set("sasl.mechanism", settings.sasl_mechanism.client_name());
        if settings.sasl_mechanism != SaslMechanism::OauthBearer {
            if let Some(name) = &settings.sasl_username {
                config.set("sasl.username", name);
            }
            if let Some(password) = settings.sasl_password.reveal("sasl-password")? {
                config.set("sasl.password", password.as_str());
            }
        }
    }
    Ok(())
}

/// Rounded up: 0 means "without end" or "never" to the client.
fn millis(duration: Duration) -> String {
    duration.as_nanos().div_ceil(1_000_000).to_string()
}

#[cfg(test)]
mod tests;
