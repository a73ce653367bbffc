//! From a buffer to a record: topic, key, headers and timestamp.
//!
//! All that is known about the content is in JSON pointers, which are settings. A buffer that is not JSON is delivered
//! as it is.

use crate::record::Record;
use crate::settings::{JSON_CAPS, Settings};
use serde_json::Value;
use std::collections::BTreeMap;

/// Name of the `GstCustomMeta` that can say where a buffer goes: fields `kind`, `topic`, `key`, `schema-version`, all
/// strings and all optional. It wins over what the buffer's bytes say.
pub const RECORD_META: &str = "kafka-record";
/// Header with the kind of the record.
pub(crate) const KIND_HEADER: &str = "kind";
/// Header with the version of the payload's schema.
pub(crate) const SCHEMA_VERSION_HEADER: &str = "schema_version";

/// Where the value of a free header comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HeaderSource {
    Fixed(String),
    Pointer(String),
    Caps(String),
}

/// What the caps of the stream say.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamInfo {
    is_json: bool,
    fields: BTreeMap<String, String>,
}

impl StreamInfo {
    /// Reads the first structure of the caps.
    pub(crate) fn from_caps(caps: &gst::CapsRef) -> Self {
        let Some(structure) = caps.structure(0) else { return Self::default() };
        let text = |(name, value): (&glib::GStr, &glib::SendValue)| Some((name.to_string(), value_text(value)?));
        Self { is_json: structure.name() == JSON_CAPS, fields: structure.iter().filter_map(text).collect() }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// What travels beside the bytes of one buffer.
#[derive(Clone, Debug, Default)]
pub(crate) struct BufferInfo {
    pub(crate) kind: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) schema_version: Option<String>,
    /// Capture time from a reference timestamp meta, milliseconds since 1970 UTC.
    pub(crate) reference_ms: Option<i64>,
}

/// A routed buffer.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) record: Record,
    /// The parsed value, when it is JSON.
    pub(crate) json: Option<Value>,
    /// The caps promised JSON and the bytes are none.
    pub(crate) malformed: bool,
}

/// Decides where buffers go.
#[derive(Debug)]
pub(crate) struct Router {
    topic: String,
    topics: BTreeMap<String, String>,
    topic_field: Option<String>,
    key: Option<String>,
    key_field: String,
    kind: String,
    kind_is_set: bool,
    kind_field: String,
    schema_version_field: String,
    timestamp_field: String,
    headers: Vec<(String, HeaderSource)>,
}

impl Router {
    /// # Errors
    /// When a `topics` or `headers` field has a type without a text form; the text names it.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let topics = texts("topics", settings.topics.as_deref())?;
        let headers = texts("headers", settings.headers.as_deref())?;
        Ok(Self {
            topic: settings.topic.clone(),
            topics: topics.into_iter().collect(),
            topic_field: settings.topic_field.as_deref().map(pointer),
            key: settings.key.clone(),
            key_field: pointer(&settings.key_field),
            kind: settings.kind.clone(),
            kind_is_set: settings.set.contains("kind"),
            kind_field: pointer(&settings.kind_field),
            schema_version_field: pointer(&settings.schema_version_field),
            timestamp_field: pointer(&settings.timestamp_field),
            headers: headers.into_iter().map(|(name, text)| (name, header_source(&text))).collect(),
        })
    }

    /// Makes the record of a buffer. `now_ms` is milliseconds since 1970 UTC.
    pub(crate) fn route(&self, bytes: &[u8], stream: &StreamInfo, buffer: &BufferInfo, now_ms: i64) -> Routed {
        let looks_like_json = stream.is_json || (stream.fields.is_empty() && bytes.first() == Some(&b'{'));
        let value = if stream.is_json { bytes.strip_suffix(b"\n").unwrap_or(bytes) } else { bytes };
        let json: Option<Value> = if looks_like_json { serde_json::from_slice(value).ok() } else { None };
        let malformed = stream.is_json && json.is_none();
        let kind = self.kind(json.as_ref(), stream, buffer);
        let record = Record {
            topic: self.topic(json.as_ref(), stream, buffer, kind.as_deref()),
            key: self.key(json.as_ref(), stream, buffer).map(String::into_bytes),
            headers: self.headers(json.as_ref(), stream, buffer, kind.as_deref()),
            timestamp_ms: self.timestamp(json.as_ref(), buffer).unwrap_or(now_ms),
            value: value.to_vec(),
            received_ms: now_ms,
            dead_from: None,
        };
        Routed { record, json, malformed }
    }

    fn kind(&self, json: Option<&Value>, stream: &StreamInfo, buffer: &BufferInfo) -> Option<String> {
        let default = (json.is_some() || self.kind_is_set).then(|| self.kind.clone());
        buffer
            .kind
            .clone()
            .or_else(|| find(json, &self.kind_field))
            .or_else(|| stream.field("kind").map(str::to_string))
            .or(default)
            .filter(|kind| !kind.is_empty())
    }

    fn topic(&self, json: Option<&Value>, stream: &StreamInfo, buffer: &BufferInfo, kind: Option<&str>) -> String {
        buffer
            .topic
            .clone()
            .or_else(|| find(json, self.topic_field.as_deref()?))
            .or_else(|| kind.and_then(|kind| self.topics.get(kind)).cloned())
            .or_else(|| stream.field("topic").map(str::to_string))
            .unwrap_or_else(|| self.topic.clone())
    }

    fn key(&self, json: Option<&Value>, stream: &StreamInfo, buffer: &BufferInfo) -> Option<String> {
        buffer
            .key
            .clone()
            .or_else(|| self.key.clone())
            .or_else(|| find(json, &self.key_field))
            .or_else(|| stream.field("key").map(str::to_string))
    }

    fn timestamp(&self, json: Option<&Value>, buffer: &BufferInfo) -> Option<i64> {
        let from_field = match value_at(json, &self.timestamp_field) {
            Some(Value::String(text)) => {
                chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
            }
            Some(Value::Number(number)) => number.as_i64(),
            _ => None,
        };
        // Kafka has no record times before 1970.
        let possible = |ms: &i64| *ms >= 0;
        from_field.filter(possible).or(buffer.reference_ms.filter(possible))
    }

    fn headers(
        &self,
        json: Option<&Value>,
        stream: &StreamInfo,
        buffer: &BufferInfo,
        kind: Option<&str>,
    ) -> Vec<(String, serde_bytes::ByteBuf)> {
        let version = buffer
            .schema_version
            .clone()
            .or_else(|| find(json, &self.schema_version_field))
            .or_else(|| stream.field("schema-version").map(str::to_string))
            .or_else(|| stream.field("schema_version").map(str::to_string));
        let mut headers: Vec<(&str, String)> = Vec::new();
        headers.extend(kind.map(|kind| (KIND_HEADER, kind.to_string())));
        headers.extend(version.map(|version| (SCHEMA_VERSION_HEADER, version)));
        for (name, source) in &self.headers {
            let text = match source {
                HeaderSource::Fixed(text) => Some(text.clone()),
                HeaderSource::Pointer(pointer) => find(json, pointer),
                HeaderSource::Caps(field) => stream.field(field).map(str::to_string),
            };
            headers.extend(text.map(|text| (name.as_str(), text)));
        }
        headers.into_iter().map(|(name, text)| (name.to_string(), serde_bytes::ByteBuf::from(text))).collect()
    }
}

/// `name` and `/name` are the same pointer.
fn pointer(setting: &str) -> String {
    if setting.is_empty() || setting.starts_with('/') { setting.to_string() } else { format!("/{setting}") }
}

/// What is at a pointer. An empty pointer is "nothing there", not the whole document.
fn value_at<'a>(json: Option<&'a Value>, pointer: &str) -> Option<&'a Value> {
    if pointer.is_empty() { None } else { json?.pointer(pointer) }
}

/// The text at a pointer. Null, an array or an object is "nothing there".
fn find(json: Option<&Value>, pointer: &str) -> Option<String> {
    match value_at(json, pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn header_source(text: &str) -> HeaderSource {
    match text.strip_prefix("caps:") {
        Some(field) => HeaderSource::Caps(field.to_string()),
        None if text.starts_with('/') => HeaderSource::Pointer(text.to_string()),
        None => HeaderSource::Fixed(text.to_string()),
    }
}

/// A value as text: what a header or a client setting can hold.
pub(crate) fn value_text(value: &glib::Value) -> Option<String> {
    if let Ok(text) = value.get::<Option<String>>() {
        return text;
    }
    if let Ok(flag) = value.get::<bool>() {
        return Some(flag.to_string());
    }
    value.transform::<String>().ok()?.get::<Option<String>>().ok()?
}

/// The fields of a structure property as texts, in order.
pub(crate) fn texts(property: &str, structure: Option<&gst::StructureRef>) -> Result<Vec<(String, String)>, String> {
    let Some(structure) = structure else { return Ok(Vec::new()) };
    structure
        .iter()
        .map(|(name, value)| match value_text(value) {
            Some(text) => Ok((name.to_string(), text)),
            None => Err(format!(
                "The field {name} of the property {property} is a {}; it must be a text, a number or true/false.",
                value.type_()
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests;
