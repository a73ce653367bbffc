//! What the properties say. Each default is written here once.

use crate::secret::Secret;
use crate::spool::{Sync, WhenFull};
use std::{path::PathBuf, time::Duration};

/// Name of the caps whose buffers are JSON.
pub(crate) const JSON_CAPS: &str = "application/x-json";
/// Most bytes in a spool on disk when `spool-max-bytes` is 0.
pub(crate) const DEFAULT_DISK_BYTES: u64 = 1 << 30;
/// Most bytes in a spool in memory when `spool-max-bytes` is 0.
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 64 << 20;
/// Records that the client holds at most; the rest waits in the spool.
pub(crate) const DEFAULT_BUFFER_BYTES: u64 = 32 << 20;
/// Others pass a partition that waits for its report this long after later records have got theirs: longer than a
/// partition takes to find a new leader by itself.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// Where records go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkMode")]
pub enum Mode {
    /// To the brokers.
    #[default]
    #[enum_value(name = "Deliver to the brokers", nick = "kafka")]
    Kafka = 0,
    /// Nowhere: checks and counts as if, logs each record.
    #[enum_value(name = "Check, count and log each record; no broker is needed", nick = "mock")]
    Mock = 1,
}

/// Which acknowledgement counts as delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkAcks")]
pub enum Acks {
    /// All in-sync replicas.
    #[default]
    #[enum_value(name = "All in-sync replicas have the record", nick = "all")]
    All = -1,
    /// None: a lost connection loses records.
    #[enum_value(name = "None: what is lost on the way is not noticed", nick = "none")]
    None = 0,
    /// The leader alone.
    #[enum_value(name = "The partition leader has the record", nick = "leader")]
    Leader = 1,
}

/// Compression of record batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkCompression")]
pub enum Compression {
    #[enum_value(name = "No compression", nick = "none")]
    None = 0,
    #[default]
    #[enum_value(name = "gzip", nick = "gzip")]
    Gzip = 1,
    #[enum_value(name = "snappy", nick = "snappy")]
    Snappy = 2,
    #[enum_value(name = "LZ4", nick = "lz4")]
    Lz4 = 3,
    #[enum_value(name = "Zstandard", nick = "zstd")]
    Zstd = 4,
}

/// How a key chooses the partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkPartitioner")]
pub enum Partitioner {
    #[default]
    #[enum_value(name = "murmur2, as Java and kafka-python; no key: any partition", nick = "murmur2-random")]
    Murmur2Random = 0,
    #[enum_value(name = "murmur2; no key: always the same partition", nick = "murmur2")]
    Murmur2 = 1,
    #[enum_value(name = "CRC32, as librdkafka by itself; no key: any partition", nick = "consistent-random")]
    ConsistentRandom = 2,
    #[enum_value(name = "CRC32; no key: always the same partition", nick = "consistent")]
    Consistent = 3,
    #[enum_value(name = "FNV-1a, as Go's sarama; no key: any partition", nick = "fnv1a-random")]
    Fnv1aRandom = 4,
    #[enum_value(name = "FNV-1a; no key: always the same partition", nick = "fnv1a")]
    Fnv1a = 5,
    #[enum_value(name = "Any partition, whatever the key", nick = "random")]
    Random = 6,
}

/// How the connection is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkSecurityProtocol")]
pub enum SecurityProtocol {
    #[default]
    #[enum_value(name = "Plain text, no authentication", nick = "plaintext")]
    Plaintext = 0,
    #[enum_value(name = "TLS, with a client certificate if one is set", nick = "ssl")]
    Ssl = 1,
    #[enum_value(name = "SASL over plain text", nick = "sasl-plaintext")]
    SaslPlaintext = 2,
    #[enum_value(name = "SASL over TLS", nick = "sasl-ssl")]
    SaslSsl = 3,
}

/// How the client proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkSaslMechanism")]
pub enum SaslMechanism {
    #[default]
    #[enum_value(name = "User name and password", nick = "plain")]
    Plain = 0,
    #[enum_value(name = "Salted challenge with SHA-256", nick = "scram-sha-256")]
    ScramSha256 = 1,
    #[enum_value(name = "Salted challenge with SHA-512", nick = "scram-sha-512")]
    ScramSha512 = 2,
    #[enum_value(name = "Token from sasl-token-command (AWS MSK IAM and others)", nick = "oauthbearer")]
    OauthBearer = 3,
}

/// What happens to a new record when the spool is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkSpoolPolicy")]
pub enum SpoolPolicy {
    #[default]
    #[enum_value(name = "Wait for room: the pipeline stands still", nick = "block")]
    Block = 0,
    #[enum_value(name = "Drop the oldest record, counted", nick = "drop-oldest")]
    DropOldest = 1,
    #[enum_value(name = "Stop the pipeline with an error", nick = "error")]
    Error = 2,
}

impl From<SpoolPolicy> for WhenFull {
    fn from(policy: SpoolPolicy) -> Self {
        match policy {
            SpoolPolicy::Block => Self::Block,
            SpoolPolicy::DropOldest => Self::DropOldest,
            SpoolPolicy::Error => Self::Error,
        }
    }
}

/// When records in the spool are safe from a power cut. All three survive a killed process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkSpoolSync")]
pub enum SpoolSync {
    #[enum_value(name = "Each record before the next buffer is taken", nick = "always")]
    Always = 0,
    #[default]
    #[enum_value(name = "All new records together, ten times a second", nick = "batch")]
    Batch = 1,
    #[enum_value(name = "When the operating system writes them", nick = "none")]
    None = 2,
}

impl From<SpoolSync> for Sync {
    fn from(sync: SpoolSync) -> Self {
        match sync {
            SpoolSync::Always => Self::Always,
            SpoolSync::Batch => Self::Batch,
            SpoolSync::None => Self::Never,
        }
    }
}

/// The form of the record value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstKafkaSinkValueFormat")]
pub enum ValueFormat {
    #[default]
    #[enum_value(name = "The bytes of the buffer", nick = "raw")]
    Raw = 0,
    #[enum_value(name = "JSON to Avro, framed for a Confluent schema registry", nick = "avro")]
    Avro = 1,
}

/// All settings. A `None` means "not set": the configuration file or the client's default decides.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) bootstrap_servers: String,
    pub(crate) topic: String,
    pub(crate) topics: Option<gst::Structure>,
    pub(crate) topic_field: Option<String>,
    pub(crate) client_id: String,
    pub(crate) key: Option<String>,
    pub(crate) key_field: String,
    pub(crate) kind: String,
    pub(crate) kind_field: String,
    pub(crate) schema_version_field: String,
    pub(crate) timestamp_field: String,
    pub(crate) headers: Option<gst::Structure>,
    pub(crate) partitioner: Partitioner,
    pub(crate) acks: Acks,
    pub(crate) enable_idempotence: bool,
    pub(crate) compression: Compression,
    pub(crate) linger: Duration,
    pub(crate) batch_size: u32,
    pub(crate) max_request_size: u32,
    pub(crate) buffer_bytes: u64,
    /// Zero: no limit.
    pub(crate) message_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    /// Zero: never.
    pub(crate) stall_timeout: Duration,
    pub(crate) security_protocol: SecurityProtocol,
    pub(crate) sasl_mechanism: SaslMechanism,
    pub(crate) sasl_username: Option<String>,
    pub(crate) sasl_password: Secret,
    pub(crate) sasl_token_command: Secret,
    pub(crate) ssl_ca_location: Option<String>,
    pub(crate) ssl_certificate_location: Option<String>,
    pub(crate) ssl_key_location: Option<String>,
    pub(crate) ssl_key_password: Secret,
    pub(crate) statistics_interval: Duration,
    pub(crate) config: Option<gst::Structure>,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) spool_location: Option<PathBuf>,
    /// Zero: [`DEFAULT_DISK_BYTES`] or [`DEFAULT_MEMORY_BYTES`].
    pub(crate) spool_max_bytes: u64,
    pub(crate) spool_policy: SpoolPolicy,
    pub(crate) spool_sync: SpoolSync,
    pub(crate) dead_letter_topic: Option<String>,
    pub(crate) dead_letter_location: Option<PathBuf>,
    pub(crate) mode: Mode,
    pub(crate) value_format: ValueFormat,
    pub(crate) schema_registry_url: Option<String>,
    pub(crate) schema_registry_username: Option<String>,
    pub(crate) schema_registry_password: Secret,
    pub(crate) schema_register: bool,
    pub(crate) schema_location: Option<PathBuf>,
    pub(crate) metrics_port: u16,
    pub(crate) metrics_address: String,
    /// Log each record that is taken.
    pub(crate) verbose: bool,
    /// Free client keys that come from the configuration file.
    pub(crate) file_keys: Vec<(String, String)>,
    /// Names of the properties that were set on the element: they win over the file.
    pub(crate) set: std::collections::BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bootstrap_servers: "localhost:9092".into(),
            topic: "alpr.plates.detected".into(),
            topics: None,
            topic_field: None,
            client_id: "gst-kafkasink".into(),
            key: None,
            key_field: "camera_id".into(),
            kind: "plate".into(),
            kind_field: "kind".into(),
            schema_version_field: "extras/schema_version".into(),
            timestamp_field: "captured_at".into(),
            headers: None,
            partitioner: Partitioner::default(),
            acks: Acks::default(),
            enable_idempotence: true,
            compression: Compression::default(),
            linger: Duration::from_millis(10),
            batch_size: 1_000_000,
            max_request_size: 1_048_576,
            buffer_bytes: DEFAULT_BUFFER_BYTES,
            message_timeout: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(60),
            security_protocol: SecurityProtocol::default(),
            sasl_mechanism: SaslMechanism::default(),
            sasl_username: None,
            sasl_password: Secret::default(),
            sasl_token_command: Secret::default(),
            ssl_ca_location: None,
            ssl_certificate_location: None,
            ssl_key_location: None,
            ssl_key_password: Secret::default(),
            statistics_interval: Duration::from_secs(1),
            config: None,
            config_file: None,
            spool_location: None,
            spool_max_bytes: 0,
            spool_policy: SpoolPolicy::default(),
            spool_sync: SpoolSync::default(),
            dead_letter_topic: None,
            dead_letter_location: None,
            mode: Mode::default(),
            value_format: ValueFormat::default(),
            schema_registry_url: None,
            schema_registry_username: None,
            schema_registry_password: Secret::default(),
            schema_register: true,
            schema_location: None,
            metrics_port: 0,
            metrics_address: "127.0.0.1".into(),
            verbose: false,
            file_keys: Vec::new(),
            set: Default::default(),
        }
    }
}

impl Settings {
    /// Most bytes in the spool.
    pub(crate) fn spool_limit(&self) -> u64 {
        match (self.spool_max_bytes, &self.spool_location) {
            (0, Some(_)) => DEFAULT_DISK_BYTES,
            (0, None) => DEFAULT_MEMORY_BYTES,
            (bytes, _) => bytes,
        }
    }

    /// Most bytes handed to the client: never the whole spool, so that `drop-oldest` finds something to drop.
    pub(crate) fn in_flight_limit(&self) -> u64 {
        self.buffer_bytes.min(self.spool_limit() / 2)
    }

    /// How long a partition may wait behind others before they pass it. A batch that is not full waits for `linger`.
    pub(crate) fn stuck_after(&self) -> Duration {
        STUCK_AFTER + self.linger * 2
    }
}

/// A structure with one more text field.
pub(crate) fn structure_with(structure: Option<gst::Structure>, field: &str, text: &str) -> gst::Structure {
    let mut structure = structure.unwrap_or_else(|| gst::Structure::new_empty("topics"));
    structure.set(field, text);
    structure
}
