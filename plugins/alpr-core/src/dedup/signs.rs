//! Places of texts that never move: signs and texts on the screen.
//!
//! A sign is there from the first frame on, and that is how it is told from a vehicle that stands. But trackers lose signs
//! and find them again, so their places are remembered: what stays at such a place was there all the time.

use std::collections::VecDeque;

use crate::geometry::Rect;

/// Most places; beyond, the oldest is forgotten.
const MOST: usize = 64;

/// How much two boxes of one sign cover each other at least.
const SAME_PLACE: f32 = 0.4;

/// The places of one camera.
#[derive(Debug, Default)]
pub(super) struct Signs {
    places: VecDeque<Rect>,
    size: (u32, u32),
}

impl Signs {
    /// Frames are of `size` now: places of another size mean nothing.
    pub(super) fn set_size(&mut self, size: (u32, u32)) {
        if self.size != size {
            self.places.clear();
            self.size = size;
        }
    }

    /// Something never moved at `place`.
    pub(super) fn add(&mut self, place: Rect) {
        if self.is_one(&place) {
            return;
        }
        if self.places.len() == MOST {
            self.places.pop_front();
        }
        self.places.push_back(place);
    }

    /// Whether something at `place` was there before and never moved.
    pub(super) fn is_one(&self, place: &Rect) -> bool {
        self.places.iter().any(|sign| sign.iou(place) >= SAME_PLACE)
    }
}
