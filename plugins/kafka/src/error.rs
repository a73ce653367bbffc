//! Failures that end the stream, as GStreamer error messages: what was tried, on what, what came back, what to do.

use crate::config::ConfigError;
use crate::config_file::FileError;
use crate::spool::StoreError;
use rdkafka::error::KafkaError;
use std::{fmt, io};

/// Why the sink could not start or go on.
#[derive(Debug)]
pub(crate) enum SinkError {
    Config(ConfigError),
    File(FileError),
    /// A setting outside the client's configuration; the text says what to change.
    Setting(String),
    /// librdkafka refused the configuration.
    Client(KafkaError),
    Store(StoreError),
    Metrics {
        address: String,
        source: io::Error,
    },
    /// TLS or SASL was refused before anything worked.
    Refused {
        tls: bool,
        servers: String,
        reason: String,
    },
    SpoolFull {
        bytes: u64,
        max_bytes: u64,
        disk_full: bool,
    },
}

impl From<ConfigError> for SinkError {
    fn from(err: ConfigError) -> Self {
        Self::Config(err)
    }
}

impl From<StoreError> for SinkError {
    fn from(err: StoreError) -> Self {
        Self::Store(err)
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(err) => err.fmt(f),
            Self::File(err) => err.fmt(f),
            Self::Setting(text) => f.write_str(text),
            // The value is left out: it may be a secret.
            Self::Client(KafkaError::ClientConfig(_, reason, key, _)) => write!(
                f,
                "The Kafka client refused the setting {key}: {}. Correct it in config or in the property of that name.",
                without_value(reason)
            ),
            Self::Client(err) => write!(f, "The Kafka client could not be made from these settings: {err}."),
            Self::Store(err) => err.fmt(f),
            Self::Metrics { address, source } => write!(
                f,
                "Could not serve metrics on {address}: {source}. Set metrics-address and metrics-port to a free address."
            ),
            Self::Refused { tls: true, servers, reason } => write!(
                f,
                "TLS with {servers} failed: {reason}. Check ssl-ca-location (the CA that signed the broker's \
                 certificate), the host names in bootstrap-servers, the certificates' dates and the client certificate. \
                 Records stay in the spool."
            ),
            Self::Refused { tls: false, servers, reason } => write!(
                f,
                "{servers} refused the login: {reason}. Check sasl-mechanism, sasl-username, sasl-password and \
                 sasl-token-command, and that the port is the one for this mechanism. Records stay in the spool."
            ),
            Self::SpoolFull { disk_full: true, .. } => write!(
                f,
                "The disk of spool-location is almost full, so the record was not taken (spool-policy=error). Free space \
                 on it."
            ),
            Self::SpoolFull { bytes, max_bytes, .. } => write!(
                f,
                "The spool is full ({bytes} of {max_bytes} bytes), so the record was not taken (spool-policy=error). \
                 Check the brokers, raise spool-max-bytes or choose another spool-policy."
            ),
        }
    }
}

/// librdkafka quotes the value in its texts: keep what comes before the quotation.
fn without_value(reason: &str) -> &str {
    reason.split('"').next().unwrap_or_default().trim_end_matches([' ', ':'])
}

impl std::error::Error for SinkError {}

impl SinkError {
    /// The message for the bus.
    pub(crate) fn message(&self) -> gst::ErrorMessage {
        match self {
            Self::Config(_) | Self::File(_) | Self::Setting(_) | Self::Client(_) => {
                gst::error_msg!(gst::ResourceError::Settings, ("{self}"))
            }
            Self::Store(StoreError::Locked { .. }) => gst::error_msg!(gst::ResourceError::Busy, ("{self}")),
            Self::Store(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::StorageFull => {
                gst::error_msg!(gst::ResourceError::NoSpaceLeft, ("{self}"))
            }
            Self::Store(StoreError::Damaged { .. }) => gst::error_msg!(gst::ResourceError::Read, ("{self}")),
            Self::Store(_) => gst::error_msg!(gst::ResourceError::OpenWrite, ("{self}")),
            Self::Metrics { .. } => gst::error_msg!(gst::ResourceError::Busy, ("{self}")),
            Self::Refused { .. } => gst::error_msg!(gst::ResourceError::NotAuthorized, ("{self}")),
            Self::SpoolFull { .. } => gst::error_msg!(gst::ResourceError::NoSpaceLeft, ("{self}")),
        }
    }
}
