//! What a pass has sent.

use crate::event::Event;
use crate::time::Timestamp;

use super::duplicates::EntryId;

/// The event that was sent.
#[derive(Clone, Debug)]
pub(super) struct Published {
    /// Its last revision.
    pub(super) shown: Box<Event>,
    pub(super) text: String,
    pub(super) captured: Timestamp,
    pub(super) entry: EntryId,
    /// Whether downstream took any revision.
    pub(super) taken: bool,
    /// Revisions of which it is not known yet.
    pub(super) open: u32,
}

impl Published {
    /// Whether what was shown last is not sure yet.
    pub(super) const fn is_preview(&self) -> bool {
        self.shown.extras.preview
    }

    /// Downstream said whether it took a revision.
    pub(super) const fn settle(&mut self, taken: bool) {
        self.taken |= taken;
        self.open = self.open.saturating_sub(1);
    }

    /// Whether all revisions were refused.
    pub(super) const fn is_refused(&self) -> bool {
        self.open == 0 && !self.taken
    }
}
