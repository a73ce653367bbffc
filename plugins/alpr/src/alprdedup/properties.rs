//! The properties: one table for their specifications and one for their values.

use std::sync::LazyLock;

use glib::prelude::*;
use gst::prelude::*;

use super::enums::{
    DuplicateMatch, Emit, Evidence, EvidenceFor, PlatePrivacy, Records, Scope, StaticPolicy, UnknownRegion, WindowMode,
};
use super::settings::Settings;

/// All properties of the element.
pub(super) static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
    let new = Settings::default();
    vec![
        glib::ParamSpecString::builder("camera-id").default_value(Some(new.camera_id.as_str())).nick("Camera ID").blurb("Names the camera in events and keys, at most 50 characters, {source_id} standing for the number of the source in a batch; empty stands for the element's name").mutable_ready().build(),
        glib::ParamSpecString::builder("site-id").default_value(Some(new.site_id.as_str())).nick("Site ID").blurb("Names the site in events, at most 50 characters").mutable_ready().build(),
        glib::ParamSpecString::builder("host-id").default_value(Some(new.host_id.as_str())).nick("Host ID").blurb("Names the host in events, at most 100 characters; empty takes the host's name").mutable_ready().build(),
        glib::ParamSpecEnum::builder_with_default("emit", new.emit).nick("Emit").blurb("When a pass gives its event").mutable_playing().build(),
        glib::ParamSpecDouble::builder("min-confidence").minimum(0.0).maximum(1.0).default_value(new.min_confidence).nick("Minimum Confidence").blurb("Refuses texts whose probability is lower, 0 to 1").mutable_playing().build(),
        glib::ParamSpecUInt::builder("confirm-reads").minimum(1).maximum(100).default_value(new.confirm_reads).nick("Confirm Reads").blurb("Number of readings of exactly the same text that make it sure; more is slower and safer").mutable_playing().build(),
        glib::ParamSpecDouble::builder("min-detector-confidence").minimum(0.0).maximum(1.0).default_value(new.min_detector_confidence).nick("Minimum Detector Confidence").blurb("Refuses tracks on which the plate detector never had at least this score, 0 to 1").mutable_playing().build(),
        glib::ParamSpecUInt::builder("min-length").minimum(1).maximum(20).default_value(new.min_length).nick("Minimum Length").blurb("Refuses shorter texts, in characters without separators").mutable_playing().build(),
        glib::ParamSpecUInt::builder("max-length").minimum(1).maximum(20).default_value(new.max_length).nick("Maximum Length").blurb("Refuses longer texts, in characters without separators").mutable_playing().build(),
        glib::ParamSpecEnum::builder_with_default("static", new.static_policy).nick("Static").blurb("What to do with texts that never move: signs, texts on the screen, parked vehicles").mutable_playing().build(),
        glib::ParamSpecString::builder("region").default_value(Some(new.region.as_str())).nick("Region").blurb("Applies the plate formats of these regions, as codes separated by commas in order of preference (DE,AT or US-FL); empty leaves texts as they were read").mutable_ready().build(),
        glib::ParamSpecString::builder("templates-file").default_value(Some(new.templates_file.as_str())).nick("Templates File").blurb("Adds plate formats from this file to the built-in ones; empty for none").mutable_ready().build(),
        glib::ParamSpecEnum::builder_with_default("unknown-region", new.unknown_region).nick("Unknown Region").blurb("What to do with texts that have no format of the wanted regions").mutable_playing().build(),
        glib::ParamSpecUInt64::builder("track-timeout").minimum(0).maximum(3600000000000).default_value(new.track_timeout).nick("Track Timeout").blurb("Ends a pass when its plate was out of sight for this long, in nanoseconds of capture time, or for ten frames where that is longer").mutable_playing().build(),
        glib::ParamSpecUInt64::builder("time-window").minimum(0).maximum(31536000000000000).default_value(new.time_window).nick("Time Window").blurb("Suppresses a second event of the same plate for this long, in nanoseconds of capture time; 0 suppresses none but those of the same moment").mutable_playing().build(),
        glib::ParamSpecEnum::builder_with_default("window-mode", new.window_mode).nick("Window Mode").blurb("What the time window counts from").mutable_playing().build(),
        glib::ParamSpecEnum::builder_with_default("scope", new.scope).nick("Scope").blurb("Where the same plate counts as seen already").mutable_ready().build(),
        glib::ParamSpecEnum::builder_with_default("duplicate-match", new.duplicate_match).nick("Duplicate Match").blurb("When two texts are the same plate").mutable_ready().build(),
        glib::ParamSpecDouble::builder("similarity-threshold").minimum(0.75).maximum(1.0).default_value(new.similarity_threshold).nick("Similarity Threshold").blurb("Least similarity, 1 - edits / length, of two texts that are the same plate under duplicate-match=ratio").mutable_ready().build(),
        glib::ParamSpecUInt::builder("max-remembered").minimum(1).maximum(10000000).default_value(new.max_remembered).nick("Maximum Remembered").blurb("Most plates remembered at a time; beyond, the one not seen for longest is forgotten").mutable_ready().build(),
        glib::ParamSpecString::builder("state-file").default_value(Some(new.state_file.as_str())).nick("State File").blurb("Keeps the remembered plates in this file, so that a restart gives no second events; empty for none").mutable_ready().build(),
        glib::ParamSpecString::builder("zones-file").default_value(Some(new.zones_file.as_str())).nick("Zones File").blurb("Reads zones, masks and lines from this JSON file, again whenever it changes; empty for none").mutable_ready().build(),
        glib::ParamSpecString::builder("watchlist-file").default_value(Some(new.watchlist_file.as_str())).nick("Watchlist File").blurb("Reads plates and patterns that someone waits for from this file, again whenever it changes; empty for none").mutable_ready().build(),
        glib::ParamSpecEnum::builder_with_default("plate-privacy", new.plate_privacy).nick("Plate Privacy").blurb("What is published in place of plates").mutable_ready().build(),
        glib::ParamSpecString::builder("privacy-key-file").default_value(Some(new.privacy_key_file.as_str())).nick("Privacy Key File").blurb("Reads the key of plate-privacy=hash from this file, at least 16 bytes").mutable_ready().build(),
        glib::ParamSpecString::builder("start-time").default_value(Some(new.start_time.as_str())).nick("Start Time").blurb("Capture time of stream time 0 for files, as 2026-01-31T12:00:00Z; empty for the date in the file's tags, else 1970").mutable_ready().build(),
        glib::ParamSpecFlags::builder::<Evidence>("evidence").default_value(new.evidence).nick("Evidence").blurb("Pictures to write of every event, cut from the frame that gave the winning read").mutable_ready().build(),
        glib::ParamSpecString::builder("evidence-location").default_value(Some(new.evidence_location.as_str())).nick("Evidence Location").blurb("Writes pictures to this folder; empty writes none").mutable_ready().build(),
        glib::ParamSpecString::builder("evidence-url-template").default_value(Some(new.evidence_url_template.as_str())).nick("Evidence URL Template").blurb("Makes the URLs of pictures in events from {key}, or from {site_id} {camera_id} {date} {event_id} {revision} {kind}; empty for the path of the file").mutable_ready().build(),
        glib::ParamSpecEnum::builder_with_default("evidence-for", new.evidence_for).nick("Evidence For").blurb("Of which passes pictures are written").mutable_ready().build(),
        glib::ParamSpecBoolean::builder("evidence-corners").default_value(new.evidence_corners).nick("Evidence Corners").blurb("Draws the corners of the plate on pictures of vehicle and frame").mutable_ready().build(),
        glib::ParamSpecUInt::builder("evidence-quality").minimum(1).maximum(100).default_value(new.evidence_quality).nick("Evidence Quality").blurb("JPEG quality of pictures").mutable_ready().build(),
        glib::ParamSpecUInt64::builder("evidence-max-age").minimum(0).maximum(315360000000000000).default_value(new.evidence_max_age).nick("Evidence Maximum Age").blurb("Deletes pictures older than this, in nanoseconds; 0 keeps them").mutable_ready().build(),
        glib::ParamSpecUInt64::builder("evidence-max-size").minimum(0).maximum(1152921504606846976).default_value(new.evidence_max_size).nick("Evidence Maximum Size").blurb("Deletes the oldest pictures beyond this many bytes in all; 0 keeps them").mutable_ready().build(),
        glib::ParamSpecFlags::builder::<Records>("records").default_value(new.records).nick("Records").blurb("Records to send beside the events, each with its own kind").mutable_ready().build(),
        glib::ParamSpecUInt64::builder("health-interval").minimum(1000000000).maximum(86400000000000).default_value(new.health_interval).nick("Health Interval").blurb("Time between health records, in nanoseconds of the system's clock").mutable_ready().build(),
        glib::ParamSpecUInt64::builder("silence-timeout").minimum(1000000000).maximum(86400000000000).default_value(new.silence_timeout).nick("Silence Timeout").blurb("Reports the camera as silent after this long without a frame, in nanoseconds of the system's clock").mutable_ready().build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Counts frames, tracks, the outcome of every track, events, records and pictures since the start")
            .read_only()
            .build(),
    ]
});

/// A value of a property, read from glib's box.
trait FromValue: Sized {
    fn from_value(value: &glib::Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($kind:ty),+) => {$(
        impl FromValue for $kind {
            fn from_value(value: &glib::Value) -> Option<Self> {
                value.get().ok()
            }
        }
    )+};
}

from_value!(
    bool,
    u32,
    u64,
    f64,
    DuplicateMatch,
    Emit,
    Evidence,
    EvidenceFor,
    PlatePrivacy,
    Records,
    Scope,
    StaticPolicy,
    UnknownRegion,
    WindowMode
);

/// A string that was set to NULL is empty.
impl FromValue for String {
    fn from_value(value: &glib::Value) -> Option<Self> {
        value.get::<Option<Self>>().ok().map(Option::unwrap_or_default)
    }
}

macro_rules! fields {
    ($($name:literal => $field:ident),+ $(,)?) => {
        impl Settings {
            /// Takes the value of a property; `false` when it has none of this name and type.
            pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
                match name {
                    $($name => FromValue::from_value(value).map(|value| self.$field = value).is_some(),)+
                    _ => false,
                }
            }

            /// The value of a property.
            pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
                match name {
                    $($name => Some(self.$field.to_value()),)+
                    _ => None,
                }
            }
        }
    };
}

fields!(
    "camera-id" => camera_id,
    "site-id" => site_id,
    "host-id" => host_id,
    "emit" => emit,
    "min-confidence" => min_confidence,
    "confirm-reads" => confirm_reads,
    "min-detector-confidence" => min_detector_confidence,
    "min-length" => min_length,
    "max-length" => max_length,
    "static" => static_policy,
    "region" => region,
    "templates-file" => templates_file,
    "unknown-region" => unknown_region,
    "track-timeout" => track_timeout,
    "time-window" => time_window,
    "window-mode" => window_mode,
    "scope" => scope,
    "duplicate-match" => duplicate_match,
    "similarity-threshold" => similarity_threshold,
    "max-remembered" => max_remembered,
    "state-file" => state_file,
    "zones-file" => zones_file,
    "watchlist-file" => watchlist_file,
    "plate-privacy" => plate_privacy,
    "privacy-key-file" => privacy_key_file,
    "start-time" => start_time,
    "evidence" => evidence,
    "evidence-location" => evidence_location,
    "evidence-url-template" => evidence_url_template,
    "evidence-for" => evidence_for,
    "evidence-corners" => evidence_corners,
    "evidence-quality" => evidence_quality,
    "evidence-max-age" => evidence_max_age,
    "evidence-max-size" => evidence_max_size,
    "records" => records,
    "health-interval" => health_interval,
    "silence-timeout" => silence_timeout,
);

#[cfg(test)]
mod tests {
    use super::super::settings::CHANGEABLE;
    use super::*;

    #[test]
    fn every_property_has_a_field_and_its_default() {
        let mut settings = Settings::default();
        for property in PROPERTIES.iter().filter(|p| p.flags().contains(glib::ParamFlags::WRITABLE)) {
            let value = settings.get(property.name()).unwrap_or_else(|| panic!("{} has no field", property.name()));
            let text = |value: &glib::Value| format!("{value:?}");
            assert_eq!(text(&value), text(property.default_value()), "{}", property.name());
            assert!(settings.set(property.name(), &value), "{}", property.name());
        }
    }

    #[test]
    fn what_may_change_while_playing_is_taken_then() {
        for property in PROPERTIES.iter() {
            let name = property.name();
            let is_taken = CHANGEABLE.contains(&name) || ["time-window", "window-mode"].contains(&name);
            assert_eq!(property.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING), is_taken, "{name}");
        }
    }
}
