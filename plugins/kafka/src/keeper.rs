//! Looks after the spool while the sender sends.

use crate::notice::{Notice, NoticeFn};
use crate::signals::Signals;
use crate::spool::{Pace, Spool};
use std::{sync::Arc, time::Duration};

/// Reports of this long are settled together.
const GATHER: Duration = Duration::from_millis(10);

/// Tidies the spool when there is something to tidy.
pub(crate) struct Keeper {
    pub(crate) spool: Arc<Spool>,
    pub(crate) notify: NoticeFn,
    pub(crate) max_bytes: u64,
}

impl Keeper {
    pub(crate) fn run(&self, signals: &Signals) {
        let mut pace = Pace::default();
        let mut high = false;
        // What failed, until the work succeeds again: a second cause is said too.
        let mut failing: Option<String> = None;
        while !signals.stopped() {
            match self.spool.tidy(&mut pace) {
                Ok(()) => failing = None,
                Err(err) => {
                    let text = err.to_string();
                    if failing.replace(text.clone()).is_none_or(|before| before != text) {
                        (self.notify)(Notice::Store(err));
                    }
                }
            }
            let depth = self.spool.depth();
            // High at four fifths, low at half: no flood of messages in between.
            let mark = if high { self.max_bytes / 2 } else { self.max_bytes / 5 * 4 };
            let now_high = depth.disk_full || depth.bytes > mark;
            if now_high != high {
                high = now_high;
                (self.notify)(Notice::HighWater { high, depth, max_bytes: self.max_bytes });
            }
            if self.spool.wait_for_work(&pace) {
                std::thread::sleep(GATHER);
            }
        }
    }
}
