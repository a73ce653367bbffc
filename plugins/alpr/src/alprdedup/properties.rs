//! The properties: one table for their specifications and one for their values.

mod forms;

use std::sync::LazyLock;

use glib::prelude::*;

use super::enums::{
    DuplicateMatch, Emit, Evidence, EvidenceFor, PlatePrivacy, Records, Scope, StaticPolicy, UnknownRegion, WindowMode,
};
use super::settings::Settings;
use crate::properties::{fields, plain};
use forms::*;

const READY: glib::ParamFlags = gst::PARAM_FLAG_MUTABLE_READY;
const PLAYING: glib::ParamFlags = gst::PARAM_FLAG_MUTABLE_PLAYING;

/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 24 * 3600 * SECOND;

/// All properties of the element.
pub(super) static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
    let new = Settings::default();
    vec![
        text(
            "camera-id",
            "Camera ID",
            "Names the camera in events and keys, at most 50 characters, {source_id} standing for the number of \
             the source in a batch; empty stands for the element's name",
            &new.camera_id,
        ),
        text("site-id", "Site ID", "Names the site in events, at most 50 characters", &new.site_id),
        text(
            "host-id",
            "Host ID",
            "Names the host in events, at most 100 characters; empty takes the host's name",
            &new.host_id,
        ),
        choice(PLAYING, "emit", "Emit", "When a pass gives its event", new.emit),
        unit(
            PLAYING,
            "min-confidence",
            "Minimum Confidence",
            "Refuses texts whose probability is lower, 0 to 1",
            0.0,
            new.min_confidence,
        ),
        uint(
            PLAYING,
            "confirm-reads",
            "Confirm Reads",
            "Number of readings of exactly the same text that make it sure; more is slower and safer",
            (1, 100),
            new.confirm_reads,
        ),
        unit(
            PLAYING,
            "min-detector-confidence",
            "Minimum Detector Confidence",
            "Refuses tracks on which the plate detector never had at least this score, 0 to 1",
            0.0,
            new.min_detector_confidence,
        ),
        uint(
            PLAYING,
            "min-length",
            "Minimum Length",
            "Refuses shorter texts, in characters without separators",
            (1, 20),
            new.min_length,
        ),
        uint(
            PLAYING,
            "max-length",
            "Maximum Length",
            "Refuses longer texts, in characters without separators",
            (1, 20),
            new.max_length,
        ),
        choice(
            PLAYING,
            "static",
            "Static",
            "What to do with texts that never move: signs, texts on the screen, parked vehicles",
            new.static_policy,
        ),
        text(
            "region",
            "Region",
            "Applies the plate formats of these regions, as codes separated by commas in order of preference \
             (DE,AT or US-FL); empty leaves texts as they were read",
            &new.region,
        ),
        text(
            "templates-file",
            "Templates File",
            "Adds plate formats from this file to the built-in ones; empty for none",
            &new.templates_file,
        ),
        choice(
            PLAYING,
            "unknown-region",
            "Unknown Region",
            "What to do with texts that have no format of the wanted regions",
            new.unknown_region,
        ),
        uint64(
            PLAYING,
            "track-timeout",
            "Track Timeout",
            "Ends a pass when its plate was out of sight for this long, in nanoseconds of capture time, or for \
             ten frames where that is longer",
            (0, 3600 * SECOND),
            new.track_timeout,
        ),
        uint64(
            PLAYING,
            "time-window",
            "Time Window",
            "Suppresses a second event of the same plate for this long, in nanoseconds of capture time; 0 \
             suppresses none but those of the same moment",
            (0, 365 * DAY),
            new.time_window,
        ),
        choice(PLAYING, "window-mode", "Window Mode", "What the time window counts from", new.window_mode),
        choice(READY, "scope", "Scope", "Where the same plate counts as seen already", new.scope),
        choice(READY, "duplicate-match", "Duplicate Match", "When two texts are the same plate", new.duplicate_match),
        unit(
            READY,
            "similarity-threshold",
            "Similarity Threshold",
            "Least similarity, 1 - edits / length, of two texts that are the same plate under duplicate-match=ratio",
            0.75,
            new.similarity_threshold,
        ),
        uint(
            READY,
            "max-remembered",
            "Maximum Remembered",
            "Most plates remembered at a time; beyond, the one not seen for longest is forgotten",
            (1, 10_000_000),
            new.max_remembered,
        ),
        text(
            "state-file",
            "State File",
            "Keeps the remembered plates in this file, so that a restart gives no second events; empty for none",
            &new.state_file,
        ),
        text(
            "zones-file",
            "Zones File",
            "Reads zones, masks and lines from this JSON file, again whenever it changes; empty for none",
            &new.zones_file,
        ),
        text(
            "watchlist-file",
            "Watchlist File",
            "Reads plates and patterns that someone waits for from this file, again whenever it changes; empty \
             for none",
            &new.watchlist_file,
        ),
        choice(READY, "plate-privacy", "Plate Privacy", "What is published in place of plates", new.plate_privacy),
        text(
            "privacy-key-file",
            "Privacy Key File",
            "Reads the key of plate-privacy=hash from this file, at least 16 bytes",
            &new.privacy_key_file,
        ),
        text(
            "start-time",
            "Start Time",
            "Capture time of stream time 0 for files, as 2026-01-31T12:00:00Z; empty for the date in the file's \
             tags, else 1970",
            &new.start_time,
        ),
        choices(
            "evidence",
            "Evidence",
            "Pictures to write of every event, cut from the frame that gave the winning read",
            new.evidence,
        ),
        text(
            "evidence-location",
            "Evidence Location",
            "Writes pictures to this folder; empty writes none",
            &new.evidence_location,
        ),
        text(
            "evidence-url-template",
            "Evidence URL Template",
            "Makes the URLs of pictures in events from {key}, or from {site_id} {camera_id} {date} {event_id} \
             {revision} {kind}; empty for the path of the file",
            &new.evidence_url_template,
        ),
        choice(READY, "evidence-for", "Evidence For", "Of which passes pictures are written", new.evidence_for),
        switch(
            "evidence-corners",
            "Evidence Corners",
            "Draws the corners of the plate on pictures of vehicle and frame",
            new.evidence_corners,
        ),
        uint(READY, "evidence-quality", "Evidence Quality", "JPEG quality of pictures", (1, 100), new.evidence_quality),
        uint64(
            READY,
            "evidence-max-age",
            "Evidence Maximum Age",
            "Deletes pictures older than this, in nanoseconds; 0 keeps them",
            (0, 3650 * DAY),
            new.evidence_max_age,
        ),
        uint64(
            READY,
            "evidence-max-size",
            "Evidence Maximum Size",
            "Deletes the oldest pictures beyond this many bytes in all; 0 keeps them",
            (0, 1 << 60),
            new.evidence_max_size,
        ),
        choices("records", "Records", "Records to send beside the events, each with its own kind", new.records),
        uint64(
            READY,
            "health-interval",
            "Health Interval",
            "Time between health records, in nanoseconds of the system's clock",
            (SECOND, DAY),
            new.health_interval,
        ),
        uint64(
            READY,
            "silence-timeout",
            "Silence Timeout",
            "Reports the camera as silent after this long without a frame, in nanoseconds of the system's clock",
            (SECOND, DAY),
            new.silence_timeout,
        ),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Counts frames, tracks, the outcome of every track, events, records and pictures since the start")
            .read_only()
            .build(),
    ]
});

plain!(
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

fields!(Settings {
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
});

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
