//! The memory of duplicates, which the elements of one site share when they are asked to.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use alpr_core::dedup::{DuplicateRules, Duplicates};

use super::enums::PlatePrivacy;
use super::settings::Settings;
use crate::element::lock;

/// A memory that several elements may hold.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    duplicates: Arc<Mutex<Duplicates>>,
    place: Arc<Place>,
    /// Whether the rules are this element's: it came first.
    rules_are_own: bool,
}

/// Where a memory belongs: settings that name another place ask for another memory.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// Whose elements share it.
    site: Option<String>,
    file: String,
    privacy: (PlatePrivacy, String),
}

impl Place {
    fn of(settings: &Settings) -> Self {
        Self {
            site: settings.shares_memory().then(|| settings.site_id.clone()),
            file: settings.state_file.clone(),
            privacy: (settings.plate_privacy, settings.privacy_key_file.clone()),
        }
    }
}

/// Memories in use, by site.
static SITES: LazyLock<Mutex<HashMap<String, Weak<Mutex<Duplicates>>>>> = LazyLock::new(Mutex::default);

impl Memory {
    /// The memory that `settings` ask for: one of their own, or that of their site in this process, whose rules are those of
    /// the element that came first.
    pub(super) fn new(settings: &Settings) -> Self {
        let place = Arc::new(Place::of(settings));
        let own = || Arc::new(Mutex::new(Duplicates::new(settings.duplicate_rules())));
        let Some(site) = &place.site else { return Self { duplicates: own(), place, rules_are_own: true } };
        let mut sites = lock(&SITES);
        sites.retain(|_, memory| memory.strong_count() > 0);
        if let Some(duplicates) = sites.get(site).and_then(Weak::upgrade) {
            return Self { duplicates, place, rules_are_own: false };
        }
        let duplicates = own();
        sites.insert(site.clone(), Arc::downgrade(&duplicates));
        Self { duplicates, place, rules_are_own: true }
    }

    /// Whether this is the memory that `settings` ask for.
    pub(super) fn is_of(&self, settings: &Settings) -> bool {
        *self.place == Place::of(settings)
    }

    /// Changes the rules by `change`; those of a site are left to the element that came first.
    pub(super) fn change_rules(&self, change: impl FnOnce(DuplicateRules) -> DuplicateRules) {
        if self.rules_are_own {
            let mut duplicates = self.lock();
            let rules = change(duplicates.rules().clone());
            duplicates.set_rules(rules);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Duplicates> {
        lock(&self.duplicates)
    }
}
