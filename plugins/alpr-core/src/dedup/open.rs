//! Passes that are over while it is not known yet whether downstream took their event.

use super::observation::PassId;
use super::published::Published;

/// Those passes, each with what it sent.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<(PassId, Published)>);

impl Open {
    /// A pass ended; one whose every revision is known is not kept.
    pub(super) fn add(&mut self, id: PassId, published: &Published) {
        if published.open > 0 {
            self.0.push((id, published.clone()));
        }
    }

    /// Downstream said whether it took a revision of `id`. Returns what is known of that by now.
    pub(super) fn settle(&mut self, id: PassId, taken: bool) -> Option<Published> {
        let index = self.0.iter().position(|(ended, _)| *ended == id)?;
        self.0[index].1.settle(taken);
        Some(if self.0[index].1.open == 0 { self.0.remove(index).1 } else { self.0[index].1.clone() })
    }
}
