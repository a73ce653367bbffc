//! `config-file`: the `config/kafka.yaml` form that existing deployments have, with kafka-python's names.
//!
//! [`KEYS`] is the whole mapping. A property that is set on the element wins over the file; a key that is not in the
//! table is one warning. `${VAR}` in any text is taken from the environment.

use crate::names::Named;
use crate::secret::Secret;
use crate::settings::{Acks, Compression, Mode, Settings, structure_with};
use std::{fmt, path::Path, time::Duration};
use yaml_rust2::{Yaml, YamlLoader};

/// Kinds of record that `kafka.topics` names.
const VEHICLE_KIND: &str = "vehicle";
const HEALTH_KIND: &str = "health";

type Apply = fn(&mut Settings, &str) -> Result<(), String>;

/// Path in the file, property that decides the same (empty: none), and what the value does.
const KEYS: &[(&str, &str, Apply)] = &[
    ("kafka.bootstrap_servers", "bootstrap-servers", |s, v| set(&mut s.bootstrap_servers, v)),
    ("kafka.client_id", "client-id", |s, v| set(&mut s.client_id, v)),
    ("kafka.topics.plate_events", "topic", |s, v| set(&mut s.topic, v)),
    ("kafka.topics.vehicle_tracks", "topics", |s, v| topic(s, VEHICLE_KIND, v)),
    ("kafka.topics.system_health", "topics", |s, v| topic(s, HEALTH_KIND, v)),
    ("kafka.producer.compression_type", "compression-type", |s, v| {
        // Empty is none to kafka-python.
        choice(&mut s.compression, if v.is_empty() { Compression::None.client_name() } else { v })
    }),
    ("kafka.producer.acks", "acks", |s, v| {
        // -1 is all, as in Kafka itself.
        choice(&mut s.acks, if v == "-1" { Acks::All.client_name() } else { v })
            .map_err(|names| format!("{names} (or -1, which is all)"))
    }),
    ("kafka.producer.retries", "", |s, v| client_key(s, "retries", v)),
    ("kafka.producer.retry_backoff_ms", "", |s, v| client_key(s, "retry.backoff.ms", v)),
    ("kafka.producer.enable_idempotence", "enable-idempotence", |s, v| flag(&mut s.enable_idempotence, v)),
    ("kafka.producer.batch_size", "batch-size", |s, v| number(&mut s.batch_size, v)),
    ("kafka.producer.linger_ms", "linger", |s, v| millis(&mut s.linger, v)),
    ("kafka.producer.buffer_memory", "buffer-memory", |s, v| number(&mut s.buffer_bytes, v)),
    ("kafka.producer.max_request_size", "max-request-size", |s, v| number(&mut s.max_request_size, v)),
    ("kafka.producer.request_timeout_ms", "", |s, v| client_key(s, "request.timeout.ms", v)),
    ("kafka.producer.delivery_timeout_ms", "message-timeout", |s, v| millis(&mut s.message_timeout, v)),
    ("auth.security_protocol", "security-protocol", |s, v| choice(&mut s.security_protocol, v)),
    ("auth.sasl_mechanism", "sasl-mechanism", |s, v| choice(&mut s.sasl_mechanism, v)),
    ("auth.sasl_username", "sasl-username", |s, v| optional(&mut s.sasl_username, v)),
    ("auth.sasl_password", "sasl-password", |s, v| {
        s.sasl_password = Secret::new(Some(v.to_string()));
        Ok(())
    }),
    ("auth.ssl_ca_location", "ssl-ca-location", |s, v| optional(&mut s.ssl_ca_location, v)),
    ("auth.ssl_cert_location", "ssl-certificate-location", |s, v| optional(&mut s.ssl_certificate_location, v)),
    ("auth.ssl_key_location", "ssl-key-location", |s, v| optional(&mut s.ssl_key_location, v)),
    ("monitoring.enable_metrics", "statistics-interval", |s, v| {
        let mut enabled = true;
        flag(&mut enabled, v)?;
        if !enabled {
            s.statistics_interval = Duration::ZERO;
        }
        Ok(())
    }),
    ("monitoring.metrics_interval", "statistics-interval", |s, v| {
        let seconds: u32 = v.parse().map_err(|_| "a number of seconds".to_string())?;
        if !s.statistics_interval.is_zero() {
            s.statistics_interval = Duration::from_secs(seconds.into());
        }
        Ok(())
    }),
    ("development.use_mock", "mode", |s, v| {
        let mut mock = false;
        flag(&mut mock, v)?;
        s.mode = if mock { Mode::Mock } else { Mode::Kafka };
        Ok(())
    }),
    ("development.verbose_logging", "", |s, v| flag(&mut s.verbose, v)),
];

/// Keys whose values are taken to the letter. YAML reads a number without quotes as its value: 0123 as 123.
const AUTH_SECTION: &str = "auth.";

/// One leaf of the file.
struct Entry {
    path: String,
    value: String,
    /// Written as text, not as a number, a list or true/false.
    is_text: bool,
}

/// A file that cannot be used.
#[derive(Debug)]
pub(crate) struct FileError(String);

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FileError {}

/// Puts the file's values into the settings; gives one warning for each key that means nothing here.
pub(crate) fn load(settings: &mut Settings, path: &Path) -> Result<Vec<String>, FileError> {
    apply(settings, &read(path)?, environment).map_err(|what| failed(path, &what))
}

/// The same of the section `auth` alone, without warnings.
pub(crate) fn load_login(settings: &mut Settings, path: &Path) -> Result<(), FileError> {
    let mut entries = read(path)?;
    entries.retain(|entry| entry.path.starts_with(AUTH_SECTION));
    apply(settings, &entries, environment).map(|_| ()).map_err(|what| failed(path, &what))
}

fn failed(path: &Path, what: &str) -> FileError {
    FileError(format!("The configuration file {}: {what}", path.display()))
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read(path: &Path) -> Result<Vec<Entry>, FileError> {
    let text = std::fs::read_to_string(path).map_err(|err| failed(path, &format!("could not be read: {err}.")))?;
    // The parser's texts quote no values.
    let documents = YamlLoader::load_from_str(&text).map_err(|err| failed(path, &format!("is no YAML: {err}.")))?;
    let mut entries = Vec::new();
    flatten("", documents.first().unwrap_or(&Yaml::Null), &mut entries);
    Ok(entries)
}

fn apply(
    settings: &mut Settings,
    entries: &[Entry],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    // In the order of the table, whatever the order of the file: `enable_metrics` is before its interval.
    for (path, property, action) in KEYS {
        let Some(entry) = entries.iter().find(|entry| entry.path == *path) else { continue };
        if !settings.set.contains(*property) {
            if path.starts_with(AUTH_SECTION) && !entry.is_text {
                return Err(format!("{path} must be text: put it in quotes."));
            }
            let value = expand(&entry.value, &environment).map_err(|what| format!("{path}: {what}"))?;
            action(settings, &value).map_err(|expected| format!("{path} must be {expected}."))?;
        }
    }
    for Entry { path: key, .. } in entries {
        if !KEYS.iter().any(|(path, ..)| path == key) {
            warnings
                .push(format!("The key {key} of the configuration file means nothing to kafkasink; it is ignored."));
        }
    }
    Ok(warnings)
}

/// Leaves as `a.b.c` and text; a list becomes a comma list, null nothing at all.
fn flatten(prefix: &str, value: &Yaml, entries: &mut Vec<Entry>) {
    match value {
        Yaml::Hash(map) => {
            for (key, value) in map {
                let key = scalar(key).unwrap_or_default();
                let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                flatten(&path, value, entries);
            }
        }
        Yaml::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(scalar).collect();
            entries.push(Entry { path: prefix.to_string(), value: items.join(","), is_text: false });
        }
        other => entries.extend(scalar(other).map(|value| Entry {
            path: prefix.to_string(),
            value,
            is_text: matches!(other, Yaml::String(_)),
        })),
    }
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Replaces each `${NAME}`.
fn expand(text: &str, environment: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or("\"${\" without \"}\".")?;
        out.push_str(before);
        out.push_str(&environment(name).ok_or_else(|| format!("the environment variable {name} is not set."))?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn set(field: &mut String, value: &str) -> Result<(), String> {
    *field = value.to_string();
    Ok(())
}

fn optional(field: &mut Option<String>, value: &str) -> Result<(), String> {
    *field = Some(value.to_string()).filter(|value| !value.is_empty());
    Ok(())
}

fn flag(field: &mut bool, value: &str) -> Result<(), String> {
    *field = value.parse().map_err(|_| "true or false".to_string())?;
    Ok(())
}

fn number<T: std::str::FromStr>(field: &mut T, value: &str) -> Result<(), String> {
    *field = value.parse().map_err(|_| "a number of bytes".to_string())?;
    Ok(())
}

fn millis(field: &mut Duration, value: &str) -> Result<(), String> {
    *field = Duration::from_millis(value.parse().map_err(|_| "a number of milliseconds".to_string())?);
    Ok(())
}

fn client_key(settings: &mut Settings, key: &str, value: &str) -> Result<(), String> {
    let number: u32 = value.parse().map_err(|_| "a whole number".to_string())?;
    settings.file_keys.push((key.to_string(), number.to_string()));
    Ok(())
}

fn topic(settings: &mut Settings, kind: &str, value: &str) -> Result<(), String> {
    settings.topics = Some(structure_with(settings.topics.take(), kind, value));
    Ok(())
}

/// A choice by the client's name.
fn choice<T: Named>(field: &mut T, value: &str) -> Result<(), String> {
    *field = T::from_client_name(value).map_err(|names| format!("one of {names}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::client_config;

    fn entry(path: &str, value: &str) -> Entry {
        Entry { path: path.to_string(), value: value.to_string(), is_text: true }
    }

    fn load_text(settings: &mut Settings, text: &str) -> Result<Vec<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(settings, file.path()).map_err(|err| err.to_string())
    }

    /// Loads one key and gives librdkafka's value of another.
    #[track_caller]
    fn check(path: &str, value: &str, key: &str, expected: &str) {
        let mut settings = Settings::default();
        let mut entries = vec![entry(path, value)];
        if path.starts_with("auth.ssl") {
            entries.push(entry("auth.security_protocol", "SSL"));
            settings.ssl_certificate_location = Some("c".into());
            settings.ssl_key_location = Some("k".into());
        }
        if path.starts_with("auth.sasl") {
            entries.push(entry("auth.security_protocol", "SASL_SSL"));
            settings.sasl_username = Some("u".into());
            settings.sasl_password = Secret::new(Some("p".into()));
        }
        if key == "acks" && expected != "all" {
            settings.enable_idempotence = false;
        }
        let warnings = apply(&mut settings, &entries, |_| None).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        let config = client_config(&settings).unwrap_or_else(|err| panic!("{path}: {err}"));
        assert_eq!(config.get(key), Some(expected), "{path} = {value}");
    }

    #[test]
    fn every_client_setting_reaches_librdkafka() {
        check("kafka.bootstrap_servers", "a:1,b:2", "bootstrap.servers", "a:1,b:2");
        check("kafka.client_id", "alpr-CAM1", "client.id", "alpr-CAM1");
        for codec in ["gzip", "snappy", "lz4", "zstd", "none"] {
            check("kafka.producer.compression_type", codec, "compression.type", codec);
        }
        for (value, expected) in [("all", "all"), ("-1", "all"), ("1", "1"), ("0", "0")] {
            check("kafka.producer.acks", value, "acks", expected);
        }
        check("kafka.producer.retries", "3", "retries", "3");
        check("kafka.producer.retry_backoff_ms", "100", "retry.backoff.ms", "100");
        check("kafka.producer.enable_idempotence", "false", "enable.idempotence", "false");
        check("kafka.producer.batch_size", "16384", "batch.size", "16384");
        check("kafka.producer.linger_ms", "25", "linger.ms", "25");
        check("kafka.producer.buffer_memory", "33554432", "queue.buffering.max.kbytes", "98304");
        check("kafka.producer.max_request_size", "2000000", "message.max.bytes", "2000000");
        check("kafka.producer.request_timeout_ms", "30000", "request.timeout.ms", "30000");
        check("kafka.producer.delivery_timeout_ms", "120000", "message.timeout.ms", "120000");
        check("auth.security_protocol", "PLAINTEXT", "security.protocol", "plaintext");
        check("auth.security_protocol", "SSL", "security.protocol", "ssl");
        check("auth.sasl_mechanism", "SCRAM-SHA-512", "sasl.mechanism", "SCRAM-SHA-512");
        check("auth.sasl_username", "me", "sasl.username", "me");
        check("auth.sasl_password", "secret", "sasl.password", "secret");
        check("auth.ssl_ca_location", "/ca.pem", "ssl.ca.location", "/ca.pem");
        check("auth.ssl_cert_location", "/c.pem", "ssl.certificate.location", "/c.pem");
        check("auth.ssl_key_location", "/k.pem", "ssl.key.location", "/k.pem");
    }

    #[test]
    fn the_interval_of_the_statistics_is_in_seconds_and_can_be_off() {
        for (entries, expected) in [
            (vec![entry("monitoring.metrics_interval", "60")], 60),
            (vec![entry("monitoring.metrics_interval", "60"), entry("monitoring.enable_metrics", "false")], 0),
        ] {
            let mut settings = Settings::default();
            apply(&mut settings, &entries, |_| None).unwrap();
            assert_eq!(settings.statistics_interval, Duration::from_secs(expected));
        }
    }

    #[test]
    fn a_whole_file() {
        gst::init().unwrap();
        let text = "kafka:\n  bootstrap_servers: [\"a:1\", \"b:2\"]\n  topics:\n    plate_events: p\n    vehicle_tracks: v\n    \
                    system_health: h\n  producer:\n    acks: all\n    batch_sizes: 1\nauth:\n  sasl_mechanism: null\n\
                    development:\n  use_mock: true\n  verbose_logging: true\nelsewhere:\n  x: 1\n";
        let mut settings = Settings::default();
        let warnings = load_text(&mut settings, text).unwrap();
        assert_eq!((settings.bootstrap_servers.as_str(), settings.topic.as_str()), ("a:1,b:2", "p"));
        let topics = settings.topics.unwrap();
        assert_eq!((topics.get("vehicle"), topics.get("health")), (Ok("v"), Ok("h")));
        assert_eq!((settings.mode, settings.verbose), (Mode::Mock, true));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("kafka.producer.batch_sizes") && warnings[1].contains("elsewhere.x"));
    }

    #[test]
    fn a_property_wins_over_the_file() {
        let mut settings = Settings::default();
        settings.set.insert("topic".into());
        apply(&mut settings, &[entry("kafka.topics.plate_events", "other")], |_| None).unwrap();
        assert_eq!(settings.topic, Settings::default().topic);
    }

    #[test]
    fn secrets_come_from_the_environment_and_stay_out_of_errors() {
        let entries = [entry("auth.sasl_password", "${PASSWORD}")];
        let mut settings = Settings::default();
        apply(&mut settings, &entries, |name| (name == "PASSWORD").then(|| "hunter2".into())).unwrap();
        assert_eq!(settings.sasl_password.reveal("p").unwrap().unwrap().as_str(), "hunter2");
        let err = apply(&mut settings, &entries, |_| None).unwrap_err();
        assert_eq!(err, "auth.sasl_password: the environment variable PASSWORD is not set.");
    }

    #[test]
    fn a_password_that_looks_like_a_number_must_be_in_quotes() {
        let password = |text: &str| {
            let mut settings = Settings::default();
            load_text(&mut settings, &format!("auth:\n  sasl_password: {text}\n"))?;
            Ok(settings.sasl_password.reveal("p").unwrap().map(|password| password.to_string()))
        };
        for text in ["0123", "0x1F", "00700", "+12", "12", "1.50", "1e3", "True", "[0123]"] {
            let err: String = password(text).unwrap_err();
            assert!(err.ends_with("auth.sasl_password must be text: put it in quotes."), "{err}");
            let in_quotes = password(&format!("'{text}'"));
            assert_eq!(in_quotes, Ok(Some(text.to_string())));
        }
        assert_eq!(password("0123a"), Ok(Some("0123a".into())));
        assert_eq!(password("null"), Ok(None));
        let mut settings = Settings::default();
        settings.set.insert("sasl-password".into());
        assert_eq!(load_text(&mut settings, "auth:\n  sasl_password: 0123\n"), Ok(Vec::new()), "it is not used");
    }

    #[test]
    fn a_wrong_value_names_the_key() {
        let entries = [entry("kafka.producer.acks", "most")];
        let err = apply(&mut Settings::default(), &entries, |_| None).unwrap_err();
        assert_eq!(err, "kafka.producer.acks must be one of all, 1, 0 (or -1, which is all).");
        let err = load(&mut Settings::default(), Path::new("/nowhere.yaml")).unwrap_err().to_string();
        assert!(err.contains("/nowhere.yaml") && err.contains("could not be read"), "{err}");
    }
}
