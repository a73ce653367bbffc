//! Properties and what they mean.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alpr_core::dedup::{self, DuplicateRules, Hasher, Identity, Matching, Rules, Watchlist, Zones};
use alpr_core::event::limits;
use alpr_core::syntax::Templates;
use alpr_core::time::Timestamp;

use super::enums::{
    DuplicateMatch, Emit, Evidence, EvidenceFor, PlatePrivacy, Records, Scope, StaticPolicy, UnknownRegion, WindowMode,
};
use super::retention::Limits;

/// The properties as they were set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) camera_id: String,
    pub(super) site_id: String,
    pub(super) host_id: String,
    pub(super) emit: Emit,
    pub(super) min_confidence: f64,
    pub(super) confirm_reads: u32,
    pub(super) min_detector_confidence: f64,
    pub(super) min_length: u32,
    pub(super) max_length: u32,
    pub(super) static_policy: StaticPolicy,
    pub(super) region: String,
    pub(super) templates_file: String,
    pub(super) unknown_region: UnknownRegion,
    pub(super) track_timeout: u64,
    pub(super) time_window: u64,
    pub(super) window_mode: WindowMode,
    pub(super) scope: Scope,
    pub(super) duplicate_match: DuplicateMatch,
    pub(super) similarity_threshold: f64,
    pub(super) max_remembered: u32,
    pub(super) state_file: String,
    pub(super) zones_file: String,
    pub(super) watchlist_file: String,
    pub(super) plate_privacy: PlatePrivacy,
    pub(super) privacy_key_file: String,
    pub(super) start_time: String,
    pub(super) evidence: Evidence,
    pub(super) evidence_location: String,
    pub(super) evidence_url_template: String,
    pub(super) evidence_for: EvidenceFor,
    pub(super) evidence_corners: bool,
    pub(super) evidence_quality: u32,
    pub(super) evidence_max_age: u64,
    pub(super) evidence_max_size: u64,
    pub(super) records: Records,
    pub(super) health_interval: u64,
    pub(super) silence_timeout: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let rules = Rules::default();
        let duplicates = DuplicateRules::default();
        Self {
            camera_id: String::new(),
            site_id: "DC1".to_owned(),
            host_id: String::new(),
            emit: Emit::default(),
            min_confidence: two_decimals(rules.min_confidence),
            confirm_reads: rules.confirm_reads,
            min_detector_confidence: two_decimals(rules.min_detector_confidence),
            min_length: rules.min_length as u32,
            max_length: rules.max_length as u32,
            static_policy: StaticPolicy::default(),
            region: String::new(),
            templates_file: String::new(),
            unknown_region: UnknownRegion::default(),
            track_timeout: dedup::Settings::default().track_timeout.as_nanos() as u64,
            time_window: duplicates.window.as_nanos() as u64,
            window_mode: WindowMode::default(),
            scope: Scope::default(),
            duplicate_match: DuplicateMatch::default(),
            similarity_threshold: 0.85,
            max_remembered: duplicates.capacity as u32,
            state_file: String::new(),
            zones_file: String::new(),
            watchlist_file: String::new(),
            plate_privacy: PlatePrivacy::default(),
            privacy_key_file: String::new(),
            start_time: String::new(),
            evidence: Evidence::PLATE,
            evidence_location: String::new(),
            evidence_url_template: String::new(),
            evidence_for: EvidenceFor::default(),
            evidence_corners: false,
            evidence_quality: 85,
            evidence_max_age: 0,
            evidence_max_size: 0,
            records: Records::empty(),
            health_interval: 60_000_000_000,
            silence_timeout: 30_000_000_000,
        }
    }
}

/// Properties that [`Settings::put`] takes.
pub(super) const CHANGEABLE: [&str; 9] = [
    "emit",
    "min-confidence",
    "confirm-reads",
    "min-detector-confidence",
    "min-length",
    "max-length",
    "static",
    "unknown-region",
    "track-timeout",
];

/// A threshold of the core as the number a person would have written.
fn two_decimals(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

/// A setting that cannot be used.
#[derive(Debug)]
pub(super) struct SettingsError(pub(super) String);

impl Settings {
    /// Checks every property and reads the files that hold for a whole run. `name` stands in for a camera without id.
    pub(super) fn resolve(&self, name: &str) -> Result<dedup::Settings, SettingsError> {
        let camera = if self.camera_id.is_empty() { name } else { &self.camera_id };
        let host = if self.host_id.is_empty() { glib::host_name().to_string() } else { self.host_id.clone() };
        for (property, value, limit) in [
            ("camera-id", camera, limits::CAMERA_ID),
            ("site-id", self.site_id.as_str(), limits::SITE),
            ("host-id", host.as_str(), limits::HOST),
        ] {
            check_text(property, value, limit)?;
        }
        self.start()?;
        let templates = Arc::new(self.templates()?);
        let mut core = dedup::Settings {
            identity: Identity { camera: camera.to_owned(), site: self.site_id.clone(), host },
            scope: self.scope.into(),
            regions: self.regions(&templates)?,
            templates,
            zones: Arc::new(self.zones()?),
            watchlist: Arc::new(self.watchlist()?),
            privacy: self.privacy()?,
            ..dedup::Settings::default()
        };
        for property in CHANGEABLE {
            self.put(property, &mut core)?;
        }
        Ok(core)
    }

    /// Puts the value of `property` into `core`, where it may change while the stream plays.
    pub(super) fn put(&self, property: &str, core: &mut dedup::Settings) -> Result<(), SettingsError> {
        let rules = &mut core.rules;
        match property {
            "emit" => core.emit = self.emit.into(),
            "min-confidence" => rules.min_confidence = self.min_confidence as f32,
            "confirm-reads" => rules.confirm_reads = self.confirm_reads,
            "min-detector-confidence" => rules.min_detector_confidence = self.min_detector_confidence as f32,
            "min-length" | "max-length" => (rules.min_length, rules.max_length) = self.lengths()?,
            "static" => rules.static_policy = self.static_policy.into(),
            "unknown-region" => rules.unknown_region = self.unknown_region.into(),
            "track-timeout" => core.track_timeout = Duration::from_nanos(self.track_timeout),
            _ => (),
        }
        Ok(())
    }

    /// Least and most characters of a text.
    fn lengths(&self) -> Result<(usize, usize), SettingsError> {
        let (least, most) = (self.min_length, self.max_length);
        if least > most {
            return Err(SettingsError(format!("min-length={least} is above max-length={most}")));
        }
        Ok((least as usize, most as usize))
    }

    /// How duplicates are found.
    pub(super) fn duplicate_rules(&self) -> DuplicateRules {
        DuplicateRules {
            window: Duration::from_nanos(self.time_window),
            mode: self.window_mode.into(),
            matching: match self.duplicate_match {
                DuplicateMatch::Confusion => Matching::Confusion,
                DuplicateMatch::Ratio => Matching::Ratio(self.similarity_threshold as f32),
                DuplicateMatch::Exact => Matching::Exact,
            },
            capacity: self.max_remembered as usize,
        }
    }

    /// Whether elements of one site share their memory.
    pub(super) fn shares_memory(&self) -> bool {
        self.scope == Scope::Site
    }

    /// `start-time`, where it is set.
    pub(super) fn start(&self) -> Result<Option<Timestamp>, SettingsError> {
        if self.start_time.is_empty() {
            return Ok(None);
        }
        let time = glib::DateTime::from_iso8601(&self.start_time, Some(&glib::TimeZone::utc()));
        let time = time.map_err(|_| {
            let text = &self.start_time;
            SettingsError(format!("start-time={text:?} is no ISO-8601 time; write it as 2026-01-31T12:00:00Z"))
        })?;
        let (seconds, micros) = (time.to_unix(), i64::from(time.microsecond()));
        Ok(Some(Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(micros * 1000))))
    }

    /// The places of `zones-file`.
    pub(super) fn zones(&self) -> Result<Zones, SettingsError> {
        if self.zones_file.is_empty() {
            return Ok(Zones::default());
        }
        let text = read("zones-file", &self.zones_file)?;
        Zones::parse(&text).map_err(|e| unusable("zones-file", &self.zones_file, &e))
    }

    /// The plates of `watchlist-file`.
    pub(super) fn watchlist(&self) -> Result<Watchlist, SettingsError> {
        if self.watchlist_file.is_empty() {
            return Ok(Watchlist::default());
        }
        let text = read("watchlist-file", &self.watchlist_file)?;
        Watchlist::parse(&text).map_err(|e| unusable("watchlist-file", &self.watchlist_file, &e))
    }

    /// How long and how many pictures are kept.
    pub(super) fn retention(&self) -> Limits {
        Limits {
            age: (self.evidence_max_age > 0).then(|| Duration::from_nanos(self.evidence_max_age)),
            size: (self.evidence_max_size > 0).then_some(self.evidence_max_size),
        }
    }

    fn templates(&self) -> Result<Templates, SettingsError> {
        if self.templates_file.is_empty() {
            return Ok(Templates::builtin());
        }
        let text = read("templates-file", &self.templates_file)?;
        let own = Templates::parse(&text).map_err(|e| unusable("templates-file", &self.templates_file, &e))?;
        Ok(Templates::builtin().replaced_by(own))
    }

    fn regions(&self, templates: &Templates) -> Result<Vec<String>, SettingsError> {
        let asked = self.region.split(',').map(str::trim).filter(|code| !code.is_empty());
        asked
            .map(|code| {
                if templates.knows(code) {
                    return Ok(code.to_owned());
                }
                let known: Vec<&str> = templates.regions().map(|(code, _)| code).collect();
                Err(SettingsError(format!("region={code:?} has no formats; known are {}", known.join(", "))))
            })
            .collect()
    }

    fn privacy(&self) -> Result<Option<Hasher>, SettingsError> {
        if self.plate_privacy == PlatePrivacy::None {
            return Ok(None);
        }
        if self.privacy_key_file.is_empty() {
            return Err(SettingsError("plate-privacy=hash needs a key: set privacy-key-file".to_owned()));
        }
        let path = PathBuf::from(&self.privacy_key_file);
        let key = std::fs::read(&path).map_err(|e| unreadable("privacy-key-file", &self.privacy_key_file, &e))?;
        Hasher::new(&key).map(Some).map_err(|e| unusable("privacy-key-file", &self.privacy_key_file, &e))
    }
}

/// Reads the text file that `property` names.
fn read(property: &str, path: &str) -> Result<String, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(property, path, &e))?;
    // Editors on Windows put a byte order mark in front.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn unreadable(property: &str, path: &str, error: &std::io::Error) -> SettingsError {
    SettingsError(format!("{property}={path:?} cannot be read: {error}; check the path and its permissions"))
}

/// A file that was read and makes no sense.
fn unusable(property: &str, path: &str, error: &dyn std::fmt::Display) -> SettingsError {
    SettingsError(format!("{property}={path:?} cannot be used: {error}"))
}

fn check_text(property: &str, value: &str, limit: usize) -> Result<(), SettingsError> {
    let length = value.chars().count();
    if length > limit {
        return Err(SettingsError(format!(
            "{property} has {length} characters and consumers take {limit}: shorten it; it is never cut"
        )));
    }
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(SettingsError(format!("{property}={value:?} is empty or has control characters")));
    }
    Ok(())
}
