//! The other kinds of record. Each names itself in `kind` and carries `schema_version`.

use serde::{Deserialize, Serialize};

use super::{Node, VehicleFields};
use crate::time::Timestamp;

/// `kind` of an [`OutcomeRecord`].
pub const KIND_OUTCOME: &str = "outcome";
/// `kind` of a [`VehicleRecord`].
pub const KIND_VEHICLE: &str = "vehicle";
/// `kind` of a [`HealthRecord`].
pub const KIND_HEALTH: &str = "health";

/// How one track ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Always [`KIND_OUTCOME`].
    pub kind: String,
    /// Version of the payload.
    pub schema_version: u32,
    /// Id of the pass: that of its event, where it had one.
    pub event_id: String,
    /// Capture time of the last sight.
    pub captured_at: String,
    /// The camera; key of the record.
    pub camera_id: String,
    /// `t-` and the track's number.
    pub track_id: String,
    /// The named outcome.
    pub outcome: String,
    /// For duplicates and stitched tracks, the id of the event they belong to.
    pub duplicate_of: Option<String>,
    /// Best text that the track had, normalised (hashed when texts are hashed); absent when there was none.
    pub text: Option<String>,
    /// Its probability, three decimals.
    pub confidence: Option<f64>,
    /// Frames in which the plate was detected.
    pub sightings: u32,
    /// Readings.
    pub reads: u32,
    /// When the track was first seen.
    pub first_seen_at: String,
    /// Milliseconds from first to last sight.
    pub dwell_ms: i64,
    /// Who saw it.
    pub node: Node,
    /// `captured_at` as a number, for the buffer.
    #[serde(skip)]
    pub captured: Timestamp,
}

/// A passing vehicle without a readable plate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VehicleRecord {
    /// Always [`KIND_VEHICLE`].
    pub kind: String,
    /// Version of the payload.
    pub schema_version: u32,
    /// Id of the pass.
    pub event_id: String,
    /// Capture time of the frame in which the vehicle was largest.
    pub captured_at: String,
    /// The camera; key of the record.
    pub camera_id: String,
    /// `v-` and the number of the vehicle's track.
    pub track_id: String,
    /// What is known of it.
    pub vehicle: VehicleFields,
    /// Where it was in that frame.
    pub bbox: super::PlateBox,
    /// How it moved.
    pub tracking: VehicleTracking,
    /// Milliseconds from capture to emission.
    pub latency_ms: i32,
    /// Who saw it.
    pub node: Node,
    /// `captured_at` as a number, for the buffer.
    #[serde(skip)]
    pub captured: Timestamp,
}

/// How a vehicle moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VehicleTracking {
    /// Direction given by the line that was crossed last.
    pub direction: Option<String>,
    /// Seconds from first to last sight.
    pub dwell_time_seconds: f64,
    /// When it was first seen.
    pub first_seen_at: String,
    /// When it was last seen.
    pub last_seen_at: String,
}

/// How the element does, once an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// Always [`KIND_HEALTH`].
    pub kind: String,
    /// Version of the payload.
    pub schema_version: u32,
    /// Wall clock time of the record.
    pub timestamp: String,
    /// The camera; key of the record.
    pub camera_id: String,
    /// Frames per second since the last record.
    pub fps: f64,
    /// Whether no frame came for longer than the limit.
    pub camera_silent: bool,
    /// Frames since the start.
    pub frames: u64,
    /// Passes that are in view.
    pub live_passes: u64,
    /// Tracks since the start.
    pub tracks: u64,
    /// Tracks since the start that were duplicates.
    pub duplicates: u64,
    /// Events since the start.
    pub events: u64,
    /// Mean readings of the passes that ended.
    pub reads_per_pass: f64,
    /// Percentiles of capture-to-emission latency since the last record.
    pub latency_ms: Percentiles,
    /// Frames that wait in queues before the element; `None` where there is no queue.
    pub queue_depth: Option<u64>,
    /// Records that wait in the spool of a sink behind the element; `None` where no sink has one.
    pub spool_depth: Option<u64>,
    /// Who sent it.
    pub node: Node,
}

/// Percentiles, in the unit of what they summarise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of the values are at most this.
    pub p50: f64,
    /// 95 % of the values are at most this.
    pub p95: f64,
    /// 99 % of the values are at most this.
    pub p99: f64,
}

/// Any record as one line of UTF-8 JSON with its line feed.
///
/// # Errors
///
/// When a number is not finite.
pub fn to_json_line<T: Serialize>(record: &T) -> Result<String, serde_json::Error> {
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    Ok(line)
}
