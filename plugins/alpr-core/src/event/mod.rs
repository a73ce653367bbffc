//! The event payload: one JSON line of one passing vehicle, in the shape its consumers already read.
//!
//! [`Event`] is the record of a pass with a plate and keeps exactly the members that consumers know; everything new
//! lies inside [`Extras`]. The other kinds of record ([`records`]) say in their own `kind` member what they are.

mod id;
mod payload;
pub mod records;

pub use id::{EventId, pass_id};
pub use payload::{
    Alternative, Event, Extras, Images, Node, Plate, PlateBox, VehicleFields, WatchlistHit, latency_ms, normalized,
    rounded,
};

#[cfg(test)]
pub(crate) use payload::tests::event as example;

use crate::geometry::Rect;

/// Version of all payloads, in `extras.schema_version` of events and `schema_version` of the other kinds.
pub const SCHEMA_VERSION: u32 = 1;

/// Longest values, in characters, that the consumers' tables take.
pub mod limits {
    /// `camera_id`.
    pub const CAMERA_ID: usize = 50;
    /// `plate.text` and `plate.normalized_text`.
    pub const PLATE_TEXT: usize = 20;
    /// `plate.region`.
    pub const REGION: usize = 10;
    /// `vehicle.type`.
    pub const VEHICLE_TYPE: usize = 20;
    /// `vehicle.make` and `vehicle.model`.
    pub const VEHICLE_NAME: usize = 50;
    /// `vehicle.color`.
    pub const VEHICLE_COLOR: usize = 30;
    /// `node.site`.
    pub const SITE: usize = 50;
    /// `node.host`.
    pub const HOST: usize = 100;
    /// `extras.roi`.
    pub const ROI: usize = 50;
    /// `extras.direction`.
    pub const DIRECTION: usize = 20;
}

/// The vehicle that carries a plate, as upstream elements describe it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vehicle {
    /// Class, such as `car`, `truck`, `bus`, `motorcycle`.
    pub kind: Option<String>,
    /// Manufacturer.
    pub make: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Colour.
    pub color: Option<String>,
    /// Where it is, in pixels of the full frame.
    pub bbox: Option<Rect>,
    /// Its track id upstream.
    pub id: Option<u64>,
}
