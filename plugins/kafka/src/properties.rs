//! The properties: one line each for name, words, range and the setting behind it.

mod forms;

use crate::settings::Settings;
use forms::*;
use glib::{ParamSpec, Value, prelude::*};
use std::{sync::LazyLock, time::Duration};

/// What is said of secrets that each new client gets,
const READ_FOR_A_CLIENT: &str = "env:NAME and file:PATH are read at the start, files again when a login fails.";
/// and of those that the sink itself needs from time to time.
const READ_EACH_TIME: &str = "env:NAME and file:PATH are read each time it is needed.";

/// Everything but `stats`.
static PROPERTIES: LazyLock<Vec<Property>> =
    LazyLock::new(|| [records(), client(), security(), spool(), others()].into_iter().flatten().collect());

/// All specifications. Everything but `stats` is read when the sink starts.
pub(crate) static SPECS: LazyLock<Vec<ParamSpec>> = LazyLock::new(|| {
    let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Stats")
        .blurb("Counters since the element was made, listed in docs/kafka.md")
        .read_only()
        .build();
    PROPERTIES.iter().map(|property| property.spec.clone()).chain([stats]).collect()
});

/// Writes a property.
pub(crate) fn set(settings: &mut Settings, name: &str, value: &Value) {
    if let Some(property) = PROPERTIES.iter().find(|property| property.spec.name() == name) {
        settings.set.insert(name.to_string());
        (property.write)(settings, value);
    }
}

/// Reads a property; `stats` is not a setting.
pub(crate) fn get(settings: &mut Settings, name: &str) -> Option<Value> {
    let property = PROPERTIES.iter().find(|property| property.spec.name() == name)?;
    Some((property.read)(settings))
}

fn records() -> Vec<Property> {
    vec![
        text("topic", "Topic", "Topic of records that nothing else gives a topic", |s| &mut s.topic),
        structure(
            "topics",
            "Topics",
            "Topic by kind of record, such as topics,vehicle=alpr.vehicles.tracked,health=alpr.system.health",
            |s| &mut s.topics,
        ),
        option(
            "topic-field",
            "Topic Field",
            "JSON pointer to a member of the record that names its topic (none: not from the record)",
            |s| &mut s.topic_field,
        ),
        option("key", "Key", "Key of every record (none: from key-field)", |s| &mut s.key),
        text(
            "key-field",
            "Key Field",
            "JSON pointer to the member that is the key; records with equal keys stay in order (empty: none)",
            |s| &mut s.key_field,
        ),
        text("kind", "Kind", "Kind of JSON records that do not say their kind (empty: none)", |s| &mut s.kind),
        text(
            "kind-field",
            "Kind Field",
            "JSON pointer to the member that is the kind; it chooses the topic and is the header kind (empty: none)",
            |s| &mut s.kind_field,
        ),
        text(
            "schema-version-field",
            "Schema Version Field",
            "JSON pointer to the member that is the header schema_version (empty: none)",
            |s| &mut s.schema_version_field,
        ),
        text(
            "timestamp-field",
            "Timestamp Field",
            "JSON pointer to the member with the record's time, RFC 3339 text or milliseconds since 1970 (empty: none); \
             without it the buffer's reference timestamp, else now",
            |s| &mut s.timestamp_field,
        ),
        structure(
            "headers",
            "Headers",
            "Further record headers: fixed text, /a/json/pointer or caps:FIELD, such as headers,site=DC1,track=/track_id",
            |s| &mut s.headers,
        ),
        choice("value-format", "Value Format", "Form of the record value", |s| &mut s.value_format),
    ]
}

fn client() -> Vec<Property> {
    let day = Duration::from_secs(86_400);
    vec![
        text("bootstrap-servers", "Bootstrap Servers", "Brokers to ask first, host:port separated by commas", |s| {
            &mut s.bootstrap_servers
        }),
        text("client-id", "Client Id", "Name of this client in the brokers' logs and quotas", |s| &mut s.client_id),
        choice("partitioner", "Partitioner", "How the key chooses the partition", |s| &mut s.partitioner),
        choice("acks", "Acks", "Which acknowledgement counts as delivered", |s| &mut s.acks),
        flag(
            "enable-idempotence",
            "Enable Idempotence",
            "Retries inside the client never duplicate or reorder records; needs acks=all",
            |s| &mut s.enable_idempotence,
        ),
        choice("compression-type", "Compression Type", "Compression of record batches", |s| &mut s.compression),
        duration(
            "linger",
            "Linger",
            "Longest wait for more records before a batch is sent, in nanoseconds",
            Duration::from_secs(900),
            |s| &mut s.linger,
        ),
        uint("batch-size", "Batch Size", "Largest batch, in bytes", (1, i32::MAX as u32), |s| &mut s.batch_size),
        uint(
            "max-request-size",
            "Max Request Size",
            "Largest record, in bytes; the topic's max.message.bytes must allow it too",
            (1000, 1_000_000_000),
            |s| &mut s.max_request_size,
        ),
        uint64(
            "buffer-memory",
            "Buffer Memory",
            "Most bytes handed to the client at a time (half as much again while a partition takes nothing); the rest waits in the \
             spool",
            (65_536, 1 << 40),
            |s| &mut s.buffer_bytes,
        ),
        duration(
            "message-timeout",
            "Message Timeout",
            "How long the client tries one record before it starts anew from the spool, in nanoseconds (0: without end)",
            day,
            |s| &mut s.message_timeout,
        ),
        duration(
            "drain-timeout",
            "Drain Timeout",
            "How long end of stream and stopping wait for delivery, in nanoseconds; what is left stays in the spool (on disk, an \
             end of stream waits for no partition without a leader, and a stop for no broker that is away, nor for a \
             partition that takes nothing)",
            day,
            |s| &mut s.drain_timeout,
        ),
        duration(
            "stall-timeout",
            "Stall Timeout",
            "How long the oldest record may stay unconfirmed while a broker is connected until a new client tries, in \
             nanoseconds; twice as long each time that this does not help, up to ten times (0: without end)",
            day,
            |s| &mut s.stall_timeout,
        ),
        duration(
            "statistics-interval",
            "Statistics Interval",
            "How often the client reports its statistics, in nanoseconds (0: never)",
            day,
            |s| &mut s.statistics_interval,
        ),
        hidden_structure(
            "config",
            "Config",
            "Further librdkafka settings by their own names, such as config,socket.nagle.disable=true; a setting that is a \
             property is refused here. Cannot be read back: it may hold secrets.",
            |s| &mut s.config,
        ),
        path(
            "config-file",
            "Config File",
            "YAML file with the sections kafka, auth, monitoring, development; properties win over it (none: no file)",
            |s| &mut s.config_file,
        ),
    ]
}

fn security() -> Vec<Property> {
    vec![
        choice("security-protocol", "Security Protocol", "How the connection is secured", |s| &mut s.security_protocol),
        choice("sasl-mechanism", "SASL Mechanism", "How the client proves who it is", |s| &mut s.sasl_mechanism),
        option("sasl-username", "SASL User Name", "User name for plain and scram", |s| &mut s.sasl_username),
        secret("sasl-password", "SASL Password", "Password for plain and scram.", READ_FOR_A_CLIENT, |s| {
            &mut s.sasl_password
        }),
        secret(
            "sasl-token-command",
            "SASL Token Command",
            "Shell command that prints {\"token\":…,\"lifetime_ms\":…,\"principal\":…} for oauthbearer.",
            READ_EACH_TIME,
            |s| &mut s.sasl_token_command,
        ),
        option("ssl-ca-location", "SSL CA Location", "PEM file of the trusted CAs (none: the system's)", |s| {
            &mut s.ssl_ca_location
        }),
        option("ssl-certificate-location", "SSL Certificate Location", "PEM file of the client's certificate", |s| {
            &mut s.ssl_certificate_location
        }),
        option("ssl-key-location", "SSL Key Location", "PEM file of the client's private key", |s| {
            &mut s.ssl_key_location
        }),
        secret(
            "ssl-key-password",
            "SSL Key Password",
            "Password of the client's private key.",
            READ_FOR_A_CLIENT,
            |s| &mut s.ssl_key_password,
        ),
        option("schema-registry-url", "Schema Registry URL", "Confluent schema registry for value-format=avro", |s| {
            &mut s.schema_registry_url
        }),
        option("schema-registry-username", "Schema Registry User Name", "User name for the schema registry", |s| {
            &mut s.schema_registry_username
        }),
        secret(
            "schema-registry-password",
            "Schema Registry Password",
            "Password for the schema registry.",
            READ_EACH_TIME,
            |s| &mut s.schema_registry_password,
        ),
        path(
            "schema-location",
            "Schema Location",
            "Directory with one Avro schema KIND.avsc for each kind of record (none: the schemas of the plugin)",
            |s| &mut s.schema_location,
        ),
        flag(
            "schema-register",
            "Schema Register",
            "Register the schema when the registry does not know it; otherwise that is an error",
            |s| &mut s.schema_register,
        ),
    ]
}

fn spool() -> Vec<Property> {
    vec![
        path(
            "spool-location",
            "Spool Location",
            "Directory that holds records until they are delivered, one for each kafkasink (none: memory only)",
            |s| &mut s.spool_location,
        ),
        uint64(
            "spool-max-bytes",
            "Spool Max Bytes",
            "Most bytes of records held (0: 1 GiB on disk, 64 MiB in memory)",
            (0, u64::MAX),
            |s| &mut s.spool_max_bytes,
        ),
        choice("spool-policy", "Spool Policy", "What happens to a new record when the spool is full", |s| {
            &mut s.spool_policy
        }),
        choice("spool-sync", "Spool Sync", "When spooled records are safe from a power cut", |s| &mut s.spool_sync),
        option(
            "dead-letter-topic",
            "Dead Letter Topic",
            "Topic for records that can never be delivered, with the reason in headers (none: no topic)",
            |s| &mut s.dead_letter_topic,
        ),
        path(
            "dead-letter-location",
            "Dead Letter Location",
            "File that gets records that can never be delivered, one JSON line each (none: dead-letters.jsonl in \
             spool-location when dead-letter-topic is not set)",
            |s| &mut s.dead_letter_location,
        ),
    ]
}

fn others() -> Vec<Property> {
    vec![
        choice("mode", "Mode", "Where records go", |s| &mut s.mode),
        port("metrics-port", "Metrics Port", "TCP port of the Prometheus endpoint /metrics (0: none)", |s| {
            &mut s.metrics_port
        }),
        text("metrics-address", "Metrics Address", "Address that the Prometheus endpoint listens on", |s| {
            &mut s.metrics_address
        }),
    ]
}
