//! What goes into [`super::Passes`] and what comes out.

use crate::consensus::Consensus;
use crate::event::records::{OutcomeRecord, VehicleRecord};
use crate::event::{Event, EventId, Vehicle, WatchlistHit};
use crate::geometry::{Quad, Rect};
use crate::reader::Reading;
use crate::time::{TimeSource, Timestamp};

use super::duplicates::EntryId;

/// The frame that is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameInfo {
    /// Capture time.
    pub time: Timestamp,
    /// Where the capture time comes from.
    pub time_source: TimeSource,
    /// Its number, from 0.
    pub number: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One plate on the frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Its track, unique per camera and run.
    pub track_id: u64,
    /// Where it is, in pixels.
    pub bbox: Rect,
    /// Its corners.
    pub corners: Option<Quad>,
    /// Score of the detector, 0 to 1.
    pub detector_confidence: f32,
    /// Whether the place is a prediction and nothing was detected.
    pub predicted: bool,
    /// Weight of this frame's crop, 0 to 1.
    pub quality: Option<f32>,
    /// What was read in this frame.
    pub reading: Option<Reading>,
    /// What all readings of the track say together.
    pub consensus: Option<Consensus>,
    /// The vehicle that carries it.
    pub vehicle: Option<Vehicle>,
}

/// One vehicle on the frame, with or without a plate.
#[derive(Clone, Debug, PartialEq)]
pub struct VehicleObservation {
    /// Its track upstream.
    pub track_id: u64,
    /// What and where it is.
    pub vehicle: Vehicle,
    /// The place, in pixels.
    pub bbox: Rect,
}

/// Names a pass while it lives: the id of its event.
pub type PassId = EventId;

/// What to do now, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Keep a picture of this frame for the pass, in place of the one kept before.
    Keep(Keep),
    /// Hand this event downstream, then call [`super::Passes::delivered`] or [`super::Passes::refused`].
    Event(Box<EventDecision>),
    /// A plate of the watchlist is in view: tell the application at once.
    Watchlist(Box<WatchlistDecision>),
    /// A track ended.
    Outcome(Box<OutcomeRecord>),
    /// A vehicle without a readable plate passed.
    Vehicle(Box<VehicleRecord>),
    /// Two passes are one: the picture of `from` is `to`'s now, in place of what that had.
    Adopt {
        /// The pass that is no more.
        from: PassId,
        /// The pass that goes on.
        to: PassId,
    },
    /// The pass is over: its picture is not needed any more.
    Forget(PassId),
}

/// A picture to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// For whom.
    pub pass: PassId,
    /// Place of the plate.
    pub plate: Rect,
    /// Its corners.
    pub corners: Option<Quad>,
    /// Place of the vehicle.
    pub vehicle: Option<Rect>,
}

/// An event to hand downstream.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDecision {
    /// The pass.
    pub pass: PassId,
    /// Its entry in the memory of duplicates.
    pub entry: EntryId,
    /// The event; latency and images are still empty.
    pub event: Event,
    /// Capture time of the winning read.
    pub captured: Timestamp,
    /// Whether the plate is on the watchlist.
    pub listed: bool,
}

/// A plate of the watchlist in view.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchlistDecision {
    /// The pass.
    pub pass: PassId,
    /// The camera.
    pub camera: String,
    /// What matched.
    pub hit: WatchlistHit,
    /// The plate, normalised; hashed when texts are hashed.
    pub plate: String,
    /// Probability of the text.
    pub confidence: f32,
    /// Capture time of the confirming frame.
    pub captured: Timestamp,
    /// `t-` and the track's number.
    pub track_id: String,
    /// Zone.
    pub roi: Option<String>,
    /// Direction.
    pub direction: Option<String>,
}
