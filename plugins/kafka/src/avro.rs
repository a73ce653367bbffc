//! `value-format=avro`: JSON to Avro in Confluent's framing: a zero byte, the schema's id (4 bytes, big-endian), the body.
//!
//! Encoding happens when a record is sent, not when it is taken: the spool holds JSON, so a registry that is away delays
//! records as a broker does, and never stalls the pipeline.

use crate::lock::lock;
use crate::record::Record;
use crate::registry::{Registry, RegistryError};
use crate::router::KIND_HEADER;
use apache_avro::{Schema, to_avro_datum, types::Value};
use std::{collections::BTreeMap, fmt, path::Path, sync::Mutex};

/// First byte of a framed value.
const MAGIC: u8 = 0;
/// Schemas that come with the plugin, by kind of record; `schema-location` replaces them.
const BUILT_IN: &[(&str, &str)] = &[
    ("plate", include_str!("../schemas/plate.avsc")),
    ("vehicle", include_str!("../schemas/vehicle.avsc")),
    ("metric", include_str!("../schemas/metric.avsc")),
    ("dlq", include_str!("../schemas/dlq.avsc")),
];
/// Ending of schema files in `schema-location`.
const SCHEMA_SUFFIX: &str = ".avsc";

/// Why a record has no Avro form.
#[derive(Debug)]
pub(crate) enum AvroError {
    /// The registry does not answer, or cannot say yet: to be tried again.
    Later(String),
    /// This record will never have one.
    Never(String),
}

impl fmt::Display for AvroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later(text) | Self::Never(text) => f.write_str(text),
        }
    }
}

impl From<RegistryError> for AvroError {
    fn from(err: RegistryError) -> Self {
        if err.passes() { Self::Later(err.to_string()) } else { Self::Never(err.to_string()) }
    }
}

/// Turns values into their framed form.
pub(crate) struct Encoder {
    schemas: BTreeMap<String, (Schema, String)>,
    registry: Registry,
    /// By subject and kind: a topic may have records of several kinds.
    ids: Mutex<BTreeMap<(String, String), u32>>,
}

impl Encoder {
    /// `location`: a directory with one `<kind>.avsc` for each kind, or `None` for the schemas of the plugin.
    ///
    /// # Errors
    /// When the directory cannot be read or a file is no schema; the text names it.
    pub(crate) fn new(location: Option<&Path>, registry: Registry) -> Result<Self, String> {
        let texts = match location {
            None => BUILT_IN.iter().map(|(kind, text)| (kind.to_string(), text.to_string())).collect(),
            Some(path) => read_schemas(path)?,
        };
        let mut schemas = BTreeMap::new();
        for (kind, text) in texts {
            let schema =
                Schema::parse_str(&text).map_err(|err| format!("The schema of kind {kind} is not valid: {err}."))?;
            schemas.insert(kind, (schema, text));
        }
        Ok(Self { schemas, registry, ids: Mutex::default() })
    }

    /// Bytes before the body.
    pub(crate) const FRAME_BYTES: usize = 5;

    /// The framed value of a record whose value is JSON; a wait for the registry ends when `given_up` says so.
    pub(crate) fn encode(&self, record: &Record, given_up: &dyn Fn() -> bool) -> Result<Vec<u8>, AvroError> {
        let (_, text) = self.schema(record)?;
        let body = self.body(record)?;
        let id = self.id(&record.topic, kind(record), text, given_up)?;
        let mut framed = Vec::with_capacity(body.len() + Self::FRAME_BYTES);
        framed.push(MAGIC);
        framed.extend(id.to_be_bytes());
        framed.extend(body);
        Ok(framed)
    }

    /// The value without its frame; this asks no registry.
    pub(crate) fn body(&self, record: &Record) -> Result<Vec<u8>, AvroError> {
        let (schema, _) = self.schema(record)?;
        let parse = || {
            let json = serde_json::from_slice::<serde_json::Value>(&record.value);
            json.map_err(|err| AvroError::Never(format!("the value is no JSON: {err}")))
        };
        let value = Value::from(parse()?).resolve(schema);
        value.and_then(|value| to_avro_datum(schema, value)).map_err(|_| {
            // Not in the encoder's own words: they quote values, and plates among them. Parsed again, so that good records
            // need no copy.
            let members = parse().map(|json| misfits(schema, &json)).unwrap_or_default();
            let which = if members.is_empty() { String::new() } else { format!(": {}", members.join(", ")) };
            AvroError::Never(format!("the value does not fit the schema of kind {}{which}", kind(record)))
        })
    }

    fn schema(&self, record: &Record) -> Result<&(Schema, String), AvroError> {
        let kind = kind(record);
        self.schemas
            .get(kind)
            .ok_or_else(|| AvroError::Never(format!("there is no Avro schema for records of kind \"{kind}\"")))
    }

    fn id(&self, topic: &str, kind: &str, schema: &str, given_up: &dyn Fn() -> bool) -> Result<u32, AvroError> {
        let name = (format!("{topic}-value"), kind.to_string());
        if let Some(id) = lock(&self.ids).get(&name) {
            return Ok(*id);
        }
        let id = self.registry.id(&name.0, schema, given_up)?;
        lock(&self.ids).insert(name, id);
        Ok(id)
    }
}

/// The members that do not fit, as `a.b.c`.
fn misfits(schema: &Schema, json: &serde_json::Value) -> Vec<String> {
    let Schema::Record(record) = schema else { return Vec::new() };
    let mut found = Vec::new();
    for field in &record.fields {
        let member = json.get(&field.name);
        // A schema that is a name alone cannot be asked by itself.
        let named = matches!(field.schema, Schema::Ref { .. });
        if named || (member.is_none() && field.default.is_some()) {
            continue;
        }
        let value = member.cloned().unwrap_or_default();
        if Value::from(value.clone()).resolve(&field.schema).is_err() {
            let inside = misfits(&field.schema, &value);
            let inside = inside.iter().map(|name| format!("{}.{name}", field.name));
            let before = found.len();
            found.extend(inside);
            if found.len() == before {
                found.push(field.name.clone());
            }
        }
    }
    found
}

fn kind(record: &Record) -> &str {
    record.header(KIND_HEADER).unwrap_or_default()
}

fn read_schemas(path: &Path) -> Result<Vec<(String, String)>, String> {
    let failed = |err| format!("schema-location {} could not be read: {err}.", path.display());
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(kind) = name.strip_suffix(SCHEMA_SUFFIX) {
            texts.push((kind.to_string(), std::fs::read_to_string(&file).map_err(failed)?));
        }
    }
    if texts.is_empty() {
        return Err(format!("schema-location {} holds no file KIND{SCHEMA_SUFFIX}.", path.display()));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate() -> serde_json::Value {
        serde_json::json!({
            "event_id": "e", "captured_at": "2026-01-01T00:00:00+00:00", "camera_id": "C", "track_id": "t-1",
            "plate": {"text": "AB 1", "normalized_text": "AB1", "confidence": 0.761, "region": "US-FL"},
            "vehicle": {"type": "car", "make": null, "model": null, "color": null},
            "images": {"plate_url": "", "vehicle_url": "", "frame_url": ""},
            "latency_ms": 12, "node": {"site": "DC1", "host": "h"},
            "extras": {"roi": null, "direction": null, "quality_score": 0.593, "frame_number": 7, "revision": 1},
        })
    }

    fn body(kind: &str, json: serde_json::Value) -> Result<Value, String> {
        let text = BUILT_IN.iter().find(|(name, _)| *name == kind).unwrap().1;
        let schema = Schema::parse_str(text).unwrap();
        let value = Value::from(json).resolve(&schema).map_err(|err| err.to_string())?;
        let bytes = to_avro_datum(&schema, value).map_err(|err| err.to_string())?;
        apache_avro::from_avro_datum(&schema, &mut bytes.as_slice(), None).map_err(|err| err.to_string())
    }

    #[test]
    fn every_built_in_schema_is_valid() {
        for (kind, text) in BUILT_IN {
            Schema::parse_str(text).unwrap_or_else(|err| panic!("{kind}: {err}"));
        }
    }

    #[test]
    fn a_plate_event_fits_and_our_extensions_are_left_out() {
        let back: serde_json::Value = body("plate", plate()).unwrap().try_into().unwrap();
        assert_eq!(back["plate"]["normalized_text"], "AB1");
        assert_eq!(back["extras"]["frame_number"], 7);
        assert!(back["extras"].get("revision").is_none(), "{back}");
    }

    #[test]
    fn extras_may_be_absent() {
        let mut json = plate();
        json.as_object_mut().unwrap().remove("extras");
        let back: serde_json::Value = body("plate", json).unwrap().try_into().unwrap();
        assert!(back["extras"].is_null());
    }

    #[test]
    fn a_missing_mandatory_member_is_an_error() {
        let mut json = plate();
        json.as_object_mut().unwrap().remove("camera_id");
        assert!(body("plate", json).is_err());
    }

    #[test]
    fn what_does_not_fit_is_named_without_its_value() {
        let encoder = Encoder::new(None, registry().0).unwrap();
        let mut json = plate();
        json["plate"]["confidence"] = "AB 1".into();
        json["latency_ms"] = "AB 1".into();
        json.as_object_mut().unwrap().remove("camera_id");
        let mut record = record(json.to_string().as_bytes());
        record.set_header(KIND_HEADER, "plate");
        let text = encoder.body(&record).unwrap_err().to_string();
        assert_eq!(text, "the value does not fit the schema of kind plate: camera_id, plate.confidence, latency_ms");
        record.value = br#""AB 1""#.to_vec();
        let text = encoder.body(&record).unwrap_err().to_string();
        assert!(!text.contains("AB 1"), "{text}");
    }

    fn record(value: &[u8]) -> Record {
        Record {
            topic: "t".into(),
            key: None,
            headers: Vec::new(),
            timestamp_ms: 0,
            value: value.to_vec(),
            received_ms: 0,
            dead_from: None,
        }
    }

    /// A registry on a port of its own that gives a new id to each question, for as many as it is asked.
    fn registry() -> (Registry, std::sync::Arc<std::sync::atomic::AtomicU32>) {
        use std::io::{BufRead, BufReader, Read, Write};
        use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::sync::Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let head: Vec<String> =
                    stream.by_ref().lines().map(Result::unwrap).take_while(|l| !l.is_empty()).collect();
                let length =
                    head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                stream.read_exact(&mut vec![0; length.unwrap()]).unwrap();
                let body = format!("{{\"id\":{}}}", counter.fetch_add(1, Relaxed));
                let answer =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        (Registry::new(&url, None, &crate::secret::Secret::default(), true).unwrap(), asked)
    }

    #[test]
    fn the_registry_is_asked_once_for_each_kind_of_a_topic() {
        let dir = tempfile::tempdir().unwrap();
        for kind in ["a", "b"] {
            let schema = format!(r#"{{"type":"record","name":"{kind}","fields":[{{"name":"n","type":"int"}}]}}"#);
            std::fs::write(dir.path().join(format!("{kind}.avsc")), schema).unwrap();
        }
        let (registry, asked) = registry();
        let encoder = Encoder::new(Some(dir.path()), registry).unwrap();
        let id = |topic: &str, kind: &str| {
            let mut record = Record { topic: topic.into(), ..record(br#"{"n":1}"#) };
            record.set_header(KIND_HEADER, kind);
            encoder.encode(&record, &|| false).unwrap()[4]
        };
        let ids: Vec<u8> = [("t", "a"), ("t", "b"), ("t", "a"), ("t", "b"), ("u", "a"), ("t", "a")]
            .into_iter()
            .map(|(topic, kind)| id(topic, kind))
            .collect();
        assert_eq!(ids, [0, 1, 0, 1, 2, 0]);
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 3);
    }
}
