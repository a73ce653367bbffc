//! What the background does once a second: reads files that changed, and sweeps pictures once a minute.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use alpr_core::dedup::{Watchlist, Zones};

use super::enums::Records;
use super::files::Changes;
use super::retention::{Limits, sweep};
use super::settings::{Settings, SettingsError};

/// Ticks between two sweeps of pictures.
const SWEEP: u32 = 60;

/// What is to be done.
pub(super) struct Chores {
    /// As they were at the start.
    settings: Settings,
    changes: Changes,
    limits: Limits,
    location: PathBuf,
    ticks: u32,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) zones: Option<Arc<Zones>>,
    pub(super) watchlist: Option<Arc<Watchlist>>,
    /// Pictures that were deleted.
    pub(super) deleted: u64,
}

impl Chores {
    /// Nothing when there is nothing to do. To be made before the files are read for the first time: an edit between that and
    /// the first look at them would be missed.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let limits = settings.retention();
        let sweeps = !limits.keep_all() && !settings.evidence_location.is_empty();
        let files = [&settings.zones_file, &settings.watchlist_file];
        if files.iter().all(|file| file.is_empty()) && !sweeps && !settings.records.contains(Records::HEALTH) {
            return None;
        }
        let mut changes = Changes::default();
        files.iter().filter(|file| !file.is_empty()).for_each(|file| changes.remember(file));
        let location = if sweeps { PathBuf::from(&settings.evidence_location) } else { PathBuf::new() };
        Some(Self { settings: settings.clone(), changes, limits, location, ticks: 0 })
    }

    /// Looks at everything once, as long as it `goes_on`. A file that cannot be used is told once, until it changes again.
    pub(super) fn look(&mut self, goes_on: &dyn Fn() -> bool) -> (Found, Vec<SettingsError>) {
        let (mut found, mut problems) = (Found::default(), Vec::new());
        let settings = &self.settings;
        if !settings.zones_file.is_empty() && self.changes.changed(&settings.zones_file) {
            found.zones = settings.zones().map(Arc::new).map_err(|error| problems.push(error)).ok();
        }
        if !settings.watchlist_file.is_empty() && self.changes.changed(&settings.watchlist_file) {
            found.watchlist = settings.watchlist().map(Arc::new).map_err(|error| problems.push(error)).ok();
        }
        if self.ticks.is_multiple_of(SWEEP) && !self.location.as_os_str().is_empty() {
            found.deleted = sweep(&self.location, self.limits, SystemTime::now(), goes_on);
        }
        self.ticks = self.ticks.wrapping_add(1);
        (found, problems)
    }
}
