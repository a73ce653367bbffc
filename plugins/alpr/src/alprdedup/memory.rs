//! The memory of duplicates, which the elements of one site share when they are asked to.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use alpr_core::dedup::{DuplicateRules, Duplicates};

/// A memory that several elements may hold.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<Mutex<Duplicates>>);

/// Memories in use, by site.
static SITES: LazyLock<Mutex<HashMap<String, Weak<Mutex<Duplicates>>>>> = LazyLock::new(Mutex::default);

impl Memory {
    /// A memory of one's own.
    pub(super) fn own(rules: DuplicateRules) -> Self {
        Self(Arc::new(Mutex::new(Duplicates::new(rules))))
    }

    /// The memory of `site` in this process; its rules are those of the element that came first.
    pub(super) fn of_site(site: &str, rules: DuplicateRules) -> Self {
        let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
        sites.retain(|_, memory| memory.strong_count() > 0);
        if let Some(memory) = sites.get(site).and_then(Weak::upgrade) {
            return Self(memory);
        }
        let memory = Self::own(rules);
        sites.insert(site.to_owned(), Arc::downgrade(&memory.0));
        memory
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Duplicates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
