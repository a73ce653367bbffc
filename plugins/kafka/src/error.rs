//! Failures that end the stream, as GStreamer error messages: what was tried, on what, what came back, what to do.

use crate::config::ConfigError;
use crate::config_file::FileError;
use crate::notice::Part;
use crate::spool::StoreError;
use rdkafka::error::KafkaError;
use std::{fmt, io, path::PathBuf};

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
    /// The spool is still held by a sink of this process that was stopped.
    StillClosing {
        path: PathBuf,
    },
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
    /// A part of the sink failed by a panic.
    Died {
        part: Part,
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
                without_value(reason, key)
            ),
            Self::Client(err) => write!(f, "The Kafka client could not be made from these settings: {err}."),
            Self::Store(err) => err.fmt(f),
            Self::StillClosing { path } => write!(
                f,
                "The spool {} is still being closed by this process: the Kafka client of the kafkasink that used it did \
                 not end in time. Start again in some seconds; its records are safe.",
                path.display()
            ),
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
            Self::Died { part } => write!(
                f,
                "The thread {} failed: this is a bug, and its words are on standard error. {} Restart the pipeline; records \
                 in a spool on disk are sent then.",
                part.thread(),
                part.effect()
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

/// How librdkafka's only text begins that ends with the value as it is: `… property "acks": VALUE`.
const UNQUOTED: &str = "Invalid value for ";

/// librdkafka's texts quote the name of the setting, which is kept, and the value, which is not.
fn without_value(reason: &str, key: &str) -> String {
    let text = reason.trim_end().replace(&format!("\"{key}\""), key);
    let text = if text.starts_with(UNQUOTED) { text.split(':').next().unwrap_or_default() } else { &text };
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => format!("{}…{}", &text[..first], &text[last + 1..]),
        (Some(first), _) => format!("{}…", &text[..first]),
        (None, _) => text.to_string(),
    }
}

impl std::error::Error for SinkError {}

impl SinkError {
    /// The message for the bus.
    pub(crate) fn message(&self) -> gst::ErrorMessage {
        match self {
            Self::Config(_) | Self::File(_) | Self::Setting(_) | Self::Client(_) => {
                gst::error_msg!(gst::ResourceError::Settings, ("{self}"))
            }
            Self::Store(StoreError::Locked { .. }) | Self::StillClosing { .. } => {
                gst::error_msg!(gst::ResourceError::Busy, ("{self}"))
            }
            Self::Store(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::StorageFull => {
                gst::error_msg!(gst::ResourceError::NoSpaceLeft, ("{self}"))
            }
            Self::Store(StoreError::Damaged { .. }) => gst::error_msg!(gst::ResourceError::Read, ("{self}")),
            Self::Store(_) => gst::error_msg!(gst::ResourceError::OpenWrite, ("{self}")),
            Self::Metrics { .. } => gst::error_msg!(gst::ResourceError::Busy, ("{self}")),
            Self::Refused { .. } => gst::error_msg!(gst::ResourceError::NotAuthorized, ("{self}")),
            Self::Died { .. } => gst::error_msg!(gst::LibraryError::Failed, ("{self}")),
            Self::SpoolFull { .. } => gst::error_msg!(gst::ResourceError::NoSpaceLeft, ("{self}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reason: &str, key: &str, expected: &str) {
        assert_eq!(without_value(reason, key), expected);
    }

    #[test]
    fn a_reason_keeps_the_name_and_the_range_and_loses_the_value() {
        let range = "Configuration property \"socket.timeout.ms\" value 1 is outside allowed range 10..300000\n";
        check(
            range,
            "socket.timeout.ms",
            "Configuration property socket.timeout.ms value 1 is outside allowed range 10..300000",
        );
        let expected = "Expected bool value for enable.x: true or false";
        check("Expected bool value for \"enable.x\": true or false", "enable.x", expected);
        let quoted = "Invalid value … for configuration property debug";
        check("Invalid value \"hunter2\" for configuration property \"debug\"", "debug", quoted);
        check("Invalid value \"hun\"ter\"2\" for configuration property \"debug\"", "debug", quoted);
        let unquoted = "Invalid value for configuration property a.b";
        check("Invalid value for configuration property \"a.b\": hunter2: \"x\"", "a.b", unquoted);
        check("Invalid value for configuration property \"a.b\"", "a.b", unquoted);
        // The text was cut, or names the setting by its other name.
        check("Invalid value \"hunter2", "debug", "Invalid value …");
        check(
            "Invalid value for configuration property \"a.b\": hunter2",
            "c",
            "Invalid value for configuration property …",
        );
    }

    #[test]
    fn a_panic_is_told_with_what_is_not_done_any_more() {
        for (part, words) in
            [(Part::Sender, "No record is sent"), (Part::Keeper, "leave the spool only"), (Part::Client, "report")]
        {
            let text = SinkError::Died { part }.to_string();
            assert!(text.contains(words) && text.contains(part.thread()), "{text}");
        }
    }

    #[test]
    fn the_clients_own_texts_hold_no_value() {
        use rdkafka::{ClientConfig, producer::BaseProducer};
        for (key, words) in [
            ("socket.timeout.ms", "property socket.timeout.ms"),
            ("debug", "property debug"),
            ("enable.ssl.certificate.verification", "true or false"),
            ("ssl.endpoint.identification.algorithm", "property ssl.endpoint.identification.algorithm"),
            ("partitioner", "property partitioner"),
            ("no.such.key", "No such configuration property"),
        ] {
            let made: Result<BaseProducer, KafkaError> = ClientConfig::new().set(key, "hunter2").create();
            let Err(err) = made else { panic!("{key}=hunter2 was accepted") };
            let text = SinkError::Client(err).to_string();
            assert!(text.contains(words) && !text.contains("hunter2"), "{text}");
        }
    }
}
