//! The record of a pass with a plate.

use serde::{Deserialize, Serialize};

use super::{SCHEMA_VERSION, Vehicle};
use crate::geometry::Rect;
use crate::time::Timestamp;

/// One passing vehicle. The order of the members is the order in the JSON line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// UUID; all revisions of one pass share it.
    pub event_id: String,
    /// Capture time, ISO-8601 in UTC with offset, of the frame that gave the winning read; revisions keep it.
    pub captured_at: String,
    /// The camera; key of the record.
    pub camera_id: String,
    /// `t-` and the track's number.
    pub track_id: String,
    /// What was read.
    pub plate: Plate,
    /// What carries it.
    pub vehicle: VehicleFields,
    /// Pictures.
    pub images: Images,
    /// Milliseconds from capture to emission; 0 where capture time is not a clock's.
    pub latency_ms: i32,
    /// Who saw it.
    pub node: Node,
    /// Everything else.
    pub extras: Extras,
}

impl Event {
    /// The event as one line of UTF-8 JSON with its line feed.
    ///
    /// # Errors
    ///
    /// When a number is not finite; numbers that went through [`rounded`] always are.
    pub fn to_json_line(&self) -> Result<String, serde_json::Error> {
        super::records::to_json_line(self)
    }
}

/// The text of a plate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// As read, with separators where the format of its region has them.
    pub text: String,
    /// Upper case letters and digits only.
    pub normalized_text: String,
    /// Probability that the text is right, 0 to 1, three decimals.
    pub confidence: f64,
    /// Code of country or state, at most 10 characters; null when unknown.
    pub region: Option<String>,
}

/// What is known of the vehicle; `type` is `unknown` where nothing upstream says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VehicleFields {
    /// `car`, `truck`, `bus`, `motorcycle`, …, `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Manufacturer.
    pub make: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Colour.
    pub color: Option<String>,
}

impl VehicleFields {
    /// The members for `vehicle`. Words of other elements that are longer than the consumers' columns are left out:
    /// half a word would be a wrong word.
    pub fn new(vehicle: Option<&Vehicle>) -> Self {
        use super::limits;
        let take = |text: fn(&Vehicle) -> &Option<String>, limit: usize| {
            vehicle.and_then(|v| text(v).clone()).filter(|t| !t.is_empty() && t.chars().count() <= limit)
        };
        Self {
            kind: take(|v| &v.kind, limits::VEHICLE_TYPE).unwrap_or_else(|| "unknown".to_owned()),
            make: take(|v| &v.make, limits::VEHICLE_NAME),
            model: take(|v| &v.model, limits::VEHICLE_NAME),
            color: take(|v| &v.color, limits::VEHICLE_COLOR),
        }
    }
}

/// Where the pictures are; an empty string where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    /// The plate.
    pub plate_url: String,
    /// The vehicle.
    pub vehicle_url: String,
    /// The whole frame.
    pub frame_url: String,
}

/// Who saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Site.
    pub site: String,
    /// Host.
    pub host: String,
}

/// Members that consumers know (the first four) and our extensions. Extensions without a value are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Extras {
    /// Name of the zone the plate was in.
    pub roi: Option<String>,
    /// Direction given by the line that was crossed last.
    pub direction: Option<String>,
    /// Quality of the winning read's crop, 0 to 1, three decimals.
    pub quality_score: Option<f64>,
    /// Number of the frame that gave the winning read, from 0.
    pub frame_number: Option<i32>,
    /// Version of this payload.
    pub schema_version: u32,
    /// 0 for the first event of a pass, then 1, 2, … for corrections under the same id.
    pub revision: u32,
    /// Whether this was sent before the text was sure; a revision follows then.
    pub preview: bool,
    /// Whether this takes back the preview before it: the pass gives no event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Readings that were fused.
    pub reads: u32,
    /// Readings that said exactly this text.
    pub agreeing_reads: u32,
    /// Other possible texts, most probable first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// Probability of each character of the normalised text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub char_confidence: Vec<f64>,
    /// Where the plate was in that frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_bbox: Option<PlateBox>,
    /// Best score of the plate detector on this track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector_confidence: Option<f64>,
    /// Where capture time came from.
    pub time_source: String,
    /// When the pass began, as `captured_at`.
    pub first_seen_at: String,
    /// Milliseconds from the first sight to this event.
    pub dwell_ms: i64,
    /// Region templates: `fit`, `unknown` (no format of the wanted regions) or absent when none are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The entry of the watchlist that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchlist: Option<WatchlistHit>,
    /// `hmac-sha256` when the texts are keyed hashes and not plates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_privacy: Option<String>,
    /// SHA-256 of the plate picture, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_sha256: Option<String>,
    /// SHA-256 of the vehicle picture, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle_sha256: Option<String>,
    /// SHA-256 of the picture of the whole frame, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_sha256: Option<String>,
}

impl Extras {
    /// Empty extras of the current schema.
    pub fn new() -> Self {
        Self { schema_version: SCHEMA_VERSION, ..Self::default() }
    }
}

/// Another possible text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Normalised text.
    pub text: String,
    /// Its probability, three decimals.
    pub confidence: f64,
}

/// An upright box in whole pixels of the full frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlateBox {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl From<&Rect> for PlateBox {
    fn from(rect: &Rect) -> Self {
        let whole = |v: f32| v.round() as i32;
        Self { x: whole(rect.x), y: whole(rect.y), w: whole(rect.w), h: whole(rect.h) }
    }
}

/// A match with the watchlist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchlistHit {
    /// Tag of the entry, such as `allow` or `stolen`; may be empty.
    pub tag: String,
    /// The entry's plate or pattern; absent when texts are hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Confusion-weighted distance between the entry and the text; 0 for exact and pattern matches.
    pub distance: f64,
}

/// `text` as consumers compare it: upper case, letters A-Z and digits only.
pub fn normalized(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// `value` with three decimals, as consumers expect; 0 for what is not finite.
pub fn rounded(value: f32) -> f64 {
    if value.is_finite() { (f64::from(value) * 1000.0).round() / 1000.0 } else { 0.0 }
}

/// Milliseconds from `captured` to `now`, as the payload's 32-bit number: never negative, at most `i32::MAX`.
pub fn latency_ms(captured: Timestamp, now: Timestamp) -> i32 {
    i32::try_from(now.since(captured).as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn event() -> Event {
        Event {
            event_id: "7f019dc8-0c96-4094-9da0-93b6d50cd369".into(),
            captured_at: Timestamp(1_766_797_023_926_300_000).to_iso8601(),
            camera_id: "CAM1".into(),
            track_id: "t-44".into(),
            plate: Plate {
                text: "ALL 469".into(),
                normalized_text: "ALL469".into(),
                confidence: rounded(0.7612),
                region: Some("US-FL".into()),
            },
            vehicle: VehicleFields::new(Some(&Vehicle { kind: Some("car".into()), ..Vehicle::default() })),
            images: Images::default(),
            latency_ms: 120,
            node: Node { site: "DC1".into(), host: "gate".into() },
            extras: Extras {
                quality_score: Some(rounded(0.593)),
                frame_number: Some(196),
                time_source: "stream-time".into(),
                first_seen_at: Timestamp(0).to_iso8601(),
                ..Extras::new()
            },
        }
    }

    #[test]
    fn the_line_has_exactly_the_members_that_consumers_know() {
        let line = event().to_json_line().unwrap();
        let known = concat!(
            r#"{"event_id":"7f019dc8-0c96-4094-9da0-93b6d50cd369","captured_at":"2025-12-27T00:57:03.926300+00:00","#,
            r#""camera_id":"CAM1","track_id":"t-44","plate":{"text":"ALL 469","normalized_text":"ALL469","#,
            r#""confidence":0.761,"region":"US-FL"},"vehicle":{"type":"car","make":null,"model":null,"color":null},"#,
            r#""images":{"plate_url":"","vehicle_url":"","frame_url":""},"latency_ms":120,"#,
            r#""node":{"site":"DC1","host":"gate"},"extras":{"roi":null,"direction":null,"quality_score":0.593,"#,
            r#""frame_number":196,"schema_version":1,"#,
        );
        assert!(line.starts_with(known), "{line}");
        assert!(line.ends_with("}}\n") && line.matches('\n').count() == 1);
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event());
    }

    #[test]
    fn normalised_texts_hold_upper_case_letters_and_digits() {
        for (text, expected) in
            [("all 469", "ALL469"), ("B-MW·1234", "BMW1234"), ("  ", ""), ("粤B 12345", "B12345"), ("ÄÖ-1", "1")]
        {
            assert_eq!(normalized(text), expected, "{text}");
        }
    }

    #[test]
    fn latency_fits_the_consumers_32_bits() {
        for (captured, now, expected) in
            [(0, 1_999_999, 1), (5_000_000, 0, 0), (0, i64::MAX, i32::MAX), (i64::MIN, i64::MAX, i32::MAX)]
        {
            assert_eq!(latency_ms(Timestamp(captured), Timestamp(now)), expected, "{captured} {now}");
        }
    }

    #[test]
    fn a_word_that_is_too_long_is_left_out_whole() {
        let vehicle = Vehicle { kind: Some("x".repeat(21)), make: Some("y".repeat(50)), ..Vehicle::default() };
        let fields = VehicleFields::new(Some(&vehicle));
        assert_eq!((fields.kind.as_str(), fields.make.map(|m| m.len())), ("unknown", Some(50)));
    }

    #[test]
    fn numbers_have_three_decimals_and_are_finite() {
        for (value, expected) in [(0.761_2, 0.761), (f32::NAN, 0.0), (f32::INFINITY, 0.0), (1.0, 1.0)] {
            assert_eq!(rounded(value), expected, "{value}");
        }
    }
}
