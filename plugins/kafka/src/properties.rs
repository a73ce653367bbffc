//! The properties: their specifications, and how they read and write the settings.

use crate::secret::Secret;
use crate::settings::*;
use glib::{
    ParamFlags, ParamSpec, Value,
    prelude::*,
    translate::{FromGlib, IntoGlib},
};
use std::{path::PathBuf, sync::LazyLock, time::Duration};

const SECRET_FORMS: &str = "env:NAME and file:PATH are read when the sink starts.";

/// Everything but `stats` is read when the sink starts.
pub(crate) static SPECS: LazyLock<Vec<ParamSpec>> = LazyLock::new(|| {
    let default = Settings::default();
    let mut specs = record_specs(&default);
    specs.extend(client_specs(&default));
    specs.extend(security_specs(&default));
    specs.extend(spool_specs(&default));
    specs.extend(other_specs(&default));
    specs
});

fn flags() -> ParamFlags {
    ParamFlags::READWRITE | gst::PARAM_FLAG_MUTABLE_READY
}

fn string(name: &str, nick: &str, blurb: &str, default: Option<&str>) -> ParamSpec {
    glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).default_value(default).flags(flags()).build()
}

/// Write-only: nothing that reads properties (a dot dump, `gst-inspect-1.0`, an application) can show it.
fn secret(name: &str, nick: &str, blurb: &str) -> ParamSpec {
    let flags = ParamFlags::WRITABLE | gst::PARAM_FLAG_MUTABLE_READY;
    let blurb = format!("{blurb} {SECRET_FORMS}");
    glib::ParamSpecString::builder(name).nick(nick).blurb(&blurb).flags(flags).build()
}

fn structure(name: &str, nick: &str, blurb: &str) -> ParamSpec {
    glib::ParamSpecBoxed::builder::<gst::Structure>(name).nick(nick).blurb(blurb).flags(flags()).build()
}

fn boolean(name: &str, nick: &str, blurb: &str, default: bool) -> ParamSpec {
    glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).default_value(default).flags(flags()).build()
}

fn uint(name: &str, nick: &str, blurb: &str, range: (u32, u32), default: u32) -> ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(range.0)
        .maximum(range.1)
        .default_value(default)
        .flags(flags())
        .build()
}

fn uint64(name: &str, nick: &str, blurb: &str, range: (u64, u64), default: u64) -> ParamSpec {
    glib::ParamSpecUInt64::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(range.0)
        .maximum(range.1)
        .default_value(default)
        .flags(flags())
        .build()
}

/// A duration in nanoseconds, as everywhere in GStreamer.
fn duration(name: &str, nick: &str, blurb: &str, max: Duration, default: Duration) -> ParamSpec {
    uint64(name, nick, blurb, (0, nanos(max)), nanos(default))
}

fn choice<T>(name: &str, nick: &str, blurb: &str, default: T) -> ParamSpec
where
    T: StaticType + FromGlib<i32> + IntoGlib<GlibType = i32>,
{
    glib::ParamSpecEnum::builder_with_default(name, default).nick(nick).blurb(blurb).flags(flags()).build()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn record_specs(d: &Settings) -> Vec<ParamSpec> {
    vec![
        string("topic", "Topic", "Topic of records that nothing else gives a topic", Some(&d.topic)),
        structure(
            "topics",
            "Topics",
            "Topic by kind of record, such as topics,vehicle=alpr.vehicles.tracked,health=alpr.system.health",
        ),
        string(
            "topic-field",
            "Topic Field",
            "JSON pointer to a member of the record that names its topic (none: not from the record)",
            None,
        ),
        string("key", "Key", "Key of every record (none: from key-field)", None),
        string(
            "key-field",
            "Key Field",
            "JSON pointer to the member that is the key; records with equal keys stay in order (empty: none)",
            Some(&d.key_field),
        ),
        string("kind", "Kind", "Kind of JSON records that do not say their kind (empty: none)", Some(&d.kind)),
        string(
            "kind-field",
            "Kind Field",
            "JSON pointer to the member that is the kind; it chooses the topic and is the header kind (empty: none)",
            Some(&d.kind_field),
        ),
        string(
            "schema-version-field",
            "Schema Version Field",
            "JSON pointer to the member that is the header schema_version (empty: none)",
            Some(&d.schema_version_field),
        ),
        string(
            "timestamp-field",
            "Timestamp Field",
            "JSON pointer to the member with the record's time, RFC 3339 text or milliseconds since 1970 (empty: none); \
             without it the buffer's reference timestamp, else now",
            Some(&d.timestamp_field),
        ),
        structure(
            "headers",
            "Headers",
            "Further record headers: fixed text, /a/json/pointer or caps:FIELD, such as headers,site=DC1,track=/track_id",
        ),
        choice("value-format", "Value Format", "Form of the record value", d.value_format),
    ]
}

fn client_specs(d: &Settings) -> Vec<ParamSpec> {
    let day = Duration::from_secs(86_400);
    vec![
        string(
            "bootstrap-servers",
            "Bootstrap Servers",
            "Brokers to ask first, host:port separated by commas",
            Some(&d.bootstrap_servers),
        ),
        string("client-id", "Client Id", "Name of this client in the brokers' logs and quotas", Some(&d.client_id)),
        choice("partitioner", "Partitioner", "How the key chooses the partition", d.partitioner),
        choice("acks", "Acks", "Which acknowledgement counts as delivered", d.acks),
        boolean(
            "enable-idempotence",
            "Enable Idempotence",
            "Retries inside the client never duplicate or reorder records; needs acks=all",
            d.enable_idempotence,
        ),
        choice("compression-type", "Compression Type", "Compression of record batches", d.compression),
        duration(
            "linger",
            "Linger",
            "Longest wait for more records before a batch is sent, in nanoseconds",
            Duration::from_secs(900),
            d.linger,
        ),
        uint("batch-size", "Batch Size", "Largest batch, in bytes", (1, i32::MAX as u32), d.batch_size),
        uint(
            "max-request-size",
            "Max Request Size",
            "Largest record, in bytes; the topic's max.message.bytes must allow it too",
            (1000, 1_000_000_000),
            d.max_request_size,
        ),
        uint64(
            "buffer-memory",
            "Buffer Memory",
            "Most bytes handed to the client at a time; the rest waits in the spool",
            (65_536, 1 << 40),
            d.buffer_bytes,
        ),
        duration(
            "message-timeout",
            "Message Timeout",
            "How long the client tries one record before it starts anew from the spool, in nanoseconds (0: without end)",
            day,
            d.message_timeout,
        ),
        duration(
            "drain-timeout",
            "Drain Timeout",
            "How long end of stream and stopping wait for delivery, in nanoseconds; what is left stays in the spool",
            day,
            d.drain_timeout,
        ),
        duration(
            "stall-timeout",
            "Stall Timeout",
            "How long the oldest record may stay unconfirmed while a broker is connected until a new client tries, in \
             nanoseconds (0: without end)",
            day,
            d.stall_timeout,
        ),
        duration(
            "statistics-interval",
            "Statistics Interval",
            "How often the client reports its statistics, in nanoseconds (0: never)",
            day,
            d.statistics_interval,
        ),
        glib::ParamSpecBoxed::builder::<gst::Structure>("config")
            .nick("Config")
            .blurb(
                "Further librdkafka settings by their own names, such as config,socket.nagle.disable=true; a setting \
                 that is a property is refused here. Cannot be read back: it may hold secrets.",
            )
            .flags(ParamFlags::WRITABLE | gst::PARAM_FLAG_MUTABLE_READY)
            .build(),
        string(
            "config-file",
            "Config File",
            "YAML file with the sections kafka, auth, monitoring, development; properties win over it (none: no file)",
            None,
        ),
    ]
}

fn security_specs(d: &Settings) -> Vec<ParamSpec> {
    vec![
        choice("security-protocol", "Security Protocol", "How the connection is secured", d.security_protocol),
        choice("sasl-mechanism", "SASL Mechanism", "How the client proves who it is", d.sasl_mechanism),
        string("sasl-username", "SASL User Name", "User name for plain and scram", None),
        secret("sasl-password", "SASL Password", "Password for plain and scram."),
        secret(
            "sasl-token-command",
            "SASL Token Command",
            "Shell command that prints {\"token\":…,\"lifetime_ms\":…,\"principal\":…} for oauthbearer.",
        ),
        string("ssl-ca-location", "SSL CA Location", "PEM file of the trusted CAs (none: the system's)", None),
        string("ssl-certificate-location", "SSL Certificate Location", "PEM file of the client's certificate", None),
        string("ssl-key-location", "SSL Key Location", "PEM file of the client's private key", None),
        secret("ssl-key-password", "SSL Key Password", "Password of the client's private key."),
        string("schema-registry-url", "Schema Registry URL", "Confluent schema registry for value-format=avro", None),
        string("schema-registry-username", "Schema Registry User Name", "User name for the schema registry", None),
        secret("schema-registry-password", "Schema Registry Password", "Password for the schema registry."),
        string(
            "schema-location",
            "Schema Location",
            "Directory with one Avro schema KIND.avsc for each kind of record (none: the schemas of the plugin)",
            None,
        ),
        boolean(
            "schema-register",
            "Schema Register",
            "Register the schema when the registry does not know it; otherwise that is an error",
            d.schema_register,
        ),
    ]
}

fn spool_specs(d: &Settings) -> Vec<ParamSpec> {
    vec![
        string(
            "spool-location",
            "Spool Location",
            "Directory that holds records until they are delivered, one for each kafkasink (none: memory only)",
            None,
        ),
        uint64(
            "spool-max-bytes",
            "Spool Max Bytes",
            "Most bytes of records held (0: 1 GiB on disk, 64 MiB in memory)",
            (0, u64::MAX),
            d.spool_max_bytes,
        ),
        choice("spool-policy", "Spool Policy", "What happens to a new record when the spool is full", d.spool_policy),
        choice("spool-sync", "Spool Sync", "When spooled records are safe from a power cut", d.spool_sync),
        string(
            "dead-letter-topic",
            "Dead Letter Topic",
            "Topic for records that can never be delivered, with the reason in headers (none: no topic)",
            None,
        ),
        string(
            "dead-letter-location",
            "Dead Letter Location",
            "File that gets records that can never be delivered, one JSON line each (none: dead-letters.jsonl in \
             spool-location when dead-letter-topic is not set)",
            None,
        ),
    ]
}

fn other_specs(d: &Settings) -> Vec<ParamSpec> {
    vec![
        choice("mode", "Mode", "Where records go", d.mode),
        uint(
            "metrics-port",
            "Metrics Port",
            "TCP port of the Prometheus endpoint /metrics (0: none)",
            (0, 65_535),
            u32::from(d.metrics_port),
        ),
        string(
            "metrics-address",
            "Metrics Address",
            "Address that the Prometheus endpoint listens on",
            Some(&d.metrics_address),
        ),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Stats")
            .blurb("Counters since the element was made, see the element's page")
            .read_only()
            .build(),
    ]
}

/// Writes a property.
pub(crate) fn set(s: &mut Settings, name: &str, value: &Value) {
    s.set.insert(name.to_string());
    let text = || value.get::<Option<String>>().ok().flatten();
    let some = || text().filter(|text| !text.is_empty());
    let map = || value.get::<Option<gst::Structure>>().ok().flatten();
    let time = || Duration::from_nanos(value.get().unwrap_or_default());
    macro_rules! take {
        ($field:ident) => {
            if let Ok(value) = value.get() {
                s.$field = value;
            }
        };
    }
    match name {
        "topic" => s.topic = text().unwrap_or_default(),
        "topics" => s.topics = map(),
        "topic-field" => s.topic_field = some(),
        "key" => s.key = some(),
        "key-field" => s.key_field = text().unwrap_or_default(),
        "kind" => s.kind = text().unwrap_or_default(),
        "kind-field" => s.kind_field = text().unwrap_or_default(),
        "schema-version-field" => s.schema_version_field = text().unwrap_or_default(),
        "timestamp-field" => s.timestamp_field = text().unwrap_or_default(),
        "headers" => s.headers = map(),
        "value-format" => take!(value_format),
        "bootstrap-servers" => s.bootstrap_servers = text().unwrap_or_default(),
        "client-id" => s.client_id = text().unwrap_or_default(),
        "partitioner" => take!(partitioner),
        "acks" => take!(acks),
        "enable-idempotence" => take!(enable_idempotence),
        "compression-type" => take!(compression),
        "linger" => s.linger = time(),
        "batch-size" => take!(batch_size),
        "max-request-size" => take!(max_request_size),
        "buffer-memory" => take!(buffer_bytes),
        "message-timeout" => s.message_timeout = time(),
        "drain-timeout" => s.drain_timeout = time(),
        "stall-timeout" => s.stall_timeout = time(),
        "statistics-interval" => s.statistics_interval = time(),
        "config" => s.config = map(),
        "config-file" => s.config_file = some().map(PathBuf::from),
        "security-protocol" => take!(security_protocol),
        "sasl-mechanism" => take!(sasl_mechanism),
        "sasl-username" => s.sasl_username = some(),
        "sasl-password" => s.sasl_password = Secret::new(text()),
        "sasl-token-command" => s.sasl_token_command = Secret::new(text()),
        "ssl-ca-location" => s.ssl_ca_location = some(),
        "ssl-certificate-location" => s.ssl_certificate_location = some(),
        "ssl-key-location" => s.ssl_key_location = some(),
        "ssl-key-password" => s.ssl_key_password = Secret::new(text()),
        "schema-registry-url" => s.schema_registry_url = some(),
        "schema-registry-username" => s.schema_registry_username = some(),
        "schema-registry-password" => s.schema_registry_password = Secret::new(text()),
        "schema-register" => take!(schema_register),
        "schema-location" => s.schema_location = some().map(PathBuf::from),
        "spool-location" => s.spool_location = some().map(PathBuf::from),
        "spool-max-bytes" => take!(spool_max_bytes),
        "spool-policy" => take!(spool_policy),
        "spool-sync" => take!(spool_sync),
        "dead-letter-topic" => s.dead_letter_topic = some(),
        "dead-letter-location" => s.dead_letter_location = some().map(PathBuf::from),
        "mode" => take!(mode),
        "metrics-port" => s.metrics_port = value.get::<u32>().map_or(0, |port| port as u16),
        "metrics-address" => s.metrics_address = text().unwrap_or_default(),
        _ => (),
    }
}

/// Reads a property; secrets, which are write-only, and `stats`, which is not a setting, are none of this.
pub(crate) fn get(s: &Settings, name: &str) -> Option<Value> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned()).to_value();
    // Empty rather than none: what dumps properties does not expect a structure to be absent.
    let structure = |name: &str, value: &Option<gst::Structure>| {
        value.clone().unwrap_or_else(|| gst::Structure::new_empty(name)).to_value()
    };
    Some(match name {
        "topic" => s.topic.to_value(),
        "topics" => structure("topics", &s.topics),
        "topic-field" => s.topic_field.to_value(),
        "key" => s.key.to_value(),
        "key-field" => s.key_field.to_value(),
        "kind" => s.kind.to_value(),
        "kind-field" => s.kind_field.to_value(),
        "schema-version-field" => s.schema_version_field.to_value(),
        "timestamp-field" => s.timestamp_field.to_value(),
        "headers" => structure("headers", &s.headers),
        "value-format" => s.value_format.to_value(),
        "bootstrap-servers" => s.bootstrap_servers.to_value(),
        "client-id" => s.client_id.to_value(),
        "partitioner" => s.partitioner.to_value(),
        "acks" => s.acks.to_value(),
        "enable-idempotence" => s.enable_idempotence.to_value(),
        "compression-type" => s.compression.to_value(),
        "linger" => nanos(s.linger).to_value(),
        "batch-size" => s.batch_size.to_value(),
        "max-request-size" => s.max_request_size.to_value(),
        "buffer-memory" => s.buffer_bytes.to_value(),
        "message-timeout" => nanos(s.message_timeout).to_value(),
        "drain-timeout" => nanos(s.drain_timeout).to_value(),
        "stall-timeout" => nanos(s.stall_timeout).to_value(),
        "statistics-interval" => nanos(s.statistics_interval).to_value(),
        "config-file" => path(&s.config_file),
        "security-protocol" => s.security_protocol.to_value(),
        "sasl-mechanism" => s.sasl_mechanism.to_value(),
        "sasl-username" => s.sasl_username.to_value(),
        "ssl-ca-location" => s.ssl_ca_location.to_value(),
        "ssl-certificate-location" => s.ssl_certificate_location.to_value(),
        "ssl-key-location" => s.ssl_key_location.to_value(),
        "schema-registry-url" => s.schema_registry_url.to_value(),
        "schema-registry-username" => s.schema_registry_username.to_value(),
        "schema-register" => s.schema_register.to_value(),
        "schema-location" => path(&s.schema_location),
        "spool-location" => path(&s.spool_location),
        "spool-max-bytes" => s.spool_max_bytes.to_value(),
        "spool-policy" => s.spool_policy.to_value(),
        "spool-sync" => s.spool_sync.to_value(),
        "dead-letter-topic" => s.dead_letter_topic.to_value(),
        "dead-letter-location" => path(&s.dead_letter_location),
        "mode" => s.mode.to_value(),
        "metrics-port" => u32::from(s.metrics_port).to_value(),
        "metrics-address" => s.metrics_address.to_value(),
        _ => return None,
    })
}
