//! Closed choices of the properties.

use alpr_core::dedup;

/// When a pass gives its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprEmit")]
#[repr(i32)]
pub enum Emit {
    #[default]
    #[enum_value(name = "Confirmed: as soon as the text is sure, else when the pass ends", nick = "confirmed")]
    Confirmed = 0,
    #[enum_value(name = "Final: when the pass ends, with all readings", nick = "final")]
    Final = 1,
    #[enum_value(name = "Preview: early, then revisions 1, 2, … under the same event_id", nick = "preview")]
    Preview = 2,
}

impl From<Emit> for dedup::Emit {
    fn from(value: Emit) -> Self {
        match value {
            Emit::Confirmed => Self::Confirmed,
            Emit::Final => Self::Final,
            Emit::Preview => Self::Preview,
        }
    }
}

/// Where the same plate counts as seen already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprScope")]
#[repr(i32)]
pub enum Scope {
    #[default]
    #[enum_value(name = "Camera: at the same camera-id of the same site-id", nick = "camera")]
    Camera = 0,
    #[enum_value(name = "Site: at any camera of the site that runs in this process", nick = "site")]
    Site = 1,
    #[enum_value(name = "Zone: in the same zone of the camera", nick = "zone")]
    Zone = 2,
    #[enum_value(name = "Direction: in the same direction at the camera", nick = "direction")]
    Direction = 3,
}

impl From<Scope> for dedup::Scope {
    fn from(value: Scope) -> Self {
        match value {
            Scope::Camera => Self::Camera,
            Scope::Site => Self::Site,
            Scope::Zone => Self::Zone,
            Scope::Direction => Self::Direction,
        }
    }
}

/// What starts the time window of a plate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprWindowMode")]
#[repr(i32)]
pub enum WindowMode {
    #[enum_value(
        name = "Fixed: the event; a parked vehicle gives one per window when it is tracked anew",
        nick = "fixed"
    )]
    Fixed = 0,
    #[enum_value(name = "Sliding: the last time another pass of the plate was seen", nick = "sliding")]
    Sliding = 1,
    #[default]
    #[enum_value(name = "Visit: the last sight of the vehicle", nick = "visit")]
    Visit = 2,
}

impl From<WindowMode> for dedup::WindowMode {
    fn from(value: WindowMode) -> Self {
        match value {
            WindowMode::Fixed => Self::Fixed,
            WindowMode::Sliding => Self::Sliding,
            WindowMode::Visit => Self::Visit,
        }
    }
}

/// When two texts are the same plate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprDuplicateMatch")]
#[repr(i32)]
pub enum DuplicateMatch {
    #[default]
    #[enum_value(name = "Confusion: equal but for one or two look-alikes or one lost character", nick = "confusion")]
    Confusion = 0,
    #[enum_value(
        name = "Ratio: similar by at least similarity-threshold; merges neighbouring fleet plates",
        nick = "ratio"
    )]
    Ratio = 1,
    #[enum_value(name = "Exact: equal", nick = "exact")]
    Exact = 2,
}

/// What to do with texts that never move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprStaticPolicy")]
#[repr(i32)]
pub enum StaticPolicy {
    #[enum_value(name = "Accept: they give events", nick = "accept")]
    Accept = 0,
    #[enum_value(
        name = "Reject From Start: they give none when they were there in the first frame",
        nick = "reject-from-start"
    )]
    RejectFromStart = 1,
    #[default]
    #[enum_value(name = "Reject: they give none", nick = "reject")]
    Reject = 2,
}

impl From<StaticPolicy> for dedup::StaticPolicy {
    fn from(value: StaticPolicy) -> Self {
        match value {
            StaticPolicy::Accept => Self::Accept,
            StaticPolicy::RejectFromStart => Self::RejectFromStart,
            StaticPolicy::Reject => Self::Reject,
        }
    }
}

/// What to do with texts that have no format of the wanted regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprUnknownRegion")]
#[repr(i32)]
pub enum UnknownRegion {
    #[default]
    #[enum_value(name = "Accept: they give events, with extras.format = unknown", nick = "accept")]
    Accept = 0,
    #[enum_value(name = "Reject: they give none and end as unknown-region", nick = "reject")]
    Reject = 1,
}

impl From<UnknownRegion> for dedup::UnknownRegion {
    fn from(value: UnknownRegion) -> Self {
        match value {
            UnknownRegion::Accept => Self::Accept,
            UnknownRegion::Reject => Self::Reject,
        }
    }
}

/// What is published in place of plates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprPlatePrivacy")]
#[repr(i32)]
pub enum PlatePrivacy {
    #[default]
    #[enum_value(name = "None: the plates themselves", nick = "none")]
    None = 0,
    #[enum_value(name = "Hash: HMAC-SHA-256 with the key of privacy-key-file", nick = "hash")]
    Hash = 1,
}

/// Of which passes pictures are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAlprEvidenceFor")]
#[repr(i32)]
pub enum EvidenceFor {
    #[default]
    #[enum_value(name = "All: of every event", nick = "all")]
    All = 0,
    #[enum_value(name = "Listed: of plates on the watchlist", nick = "listed")]
    Listed = 1,
}

/// Pictures to write.
#[glib::flags(name = "GstAlprEvidence")]
pub enum Evidence {
    #[flags_value(name = "The plate, with a margin", nick = "plate")]
    PLATE = 0b001,
    #[flags_value(name = "The vehicle, where upstream knows it", nick = "vehicle")]
    VEHICLE = 0b010,
    #[flags_value(name = "The whole frame", nick = "frame")]
    FRAME = 0b100,
}

/// Records beside the events.
#[glib::flags(name = "GstAlprRecords")]
pub enum Records {
    #[flags_value(name = "The outcome of every track, kind outcome", nick = "outcomes")]
    OUTCOMES = 0b001,
    #[flags_value(name = "Passing vehicles without a readable plate, kind vehicle", nick = "vehicles")]
    VEHICLES = 0b010,
    #[flags_value(name = "How the element does, kind health, every health-interval", nick = "health")]
    HEALTH = 0b100,
}
