//! Texts that never move: signs and texts on the screen.
//!
//! A sign is there from the first frame on, and that is how it is told from a vehicle that stands. But trackers lose signs
//! and find them again, so they are remembered: what stays at such a place was there all the time, and what says the
//! same there is the sign, whatever its track was before.

use std::collections::VecDeque;

use crate::geometry::Rect;

use super::distance;

/// Most signs; beyond, the oldest is forgotten.
const MOST: usize = 64;

/// How much two boxes of one sign cover each other at least.
const SAME_PLACE: f32 = 0.4;

/// How much of the smaller of two boxes lies in the other one when they are of one thing that stands.
const COVERED: f32 = 0.6;

/// Something that was there in the first frames and never moved.
#[derive(Debug)]
pub(super) struct Sign {
    pub(super) place: Rect,
    /// What it says; empty when that is not known.
    pub(super) text: String,
}

impl Sign {
    /// Whether what says `text` at `place` is this one.
    pub(super) fn says(&self, text: &str, place: &Rect) -> bool {
        is_at(&self.place, place) && !self.text.is_empty() && distance::is_like(text, &self.text)
    }
}

/// Whether two boxes are of one thing that stands, or one of a part of it, the rest of which something hides.
pub(super) fn is_at(a: &Rect, b: &Rect) -> bool {
    a.intersection(b).area() > COVERED * a.area().min(b.area())
}

/// Whether two boxes are of one thing that stands.
fn is_same_place(a: &Rect, b: &Rect) -> bool {
    a.iou(b) >= SAME_PLACE
}

/// The signs of one camera.
#[derive(Debug, Default)]
pub(super) struct Signs {
    signs: VecDeque<Sign>,
    size: (u32, u32),
}

impl Signs {
    /// Frames are of `size` now: places of another size mean nothing.
    pub(super) fn set_size(&mut self, size: (u32, u32)) {
        if self.size != size {
            self.signs.clear();
            self.size = size;
        }
    }

    /// Remembers a sign.
    pub(super) fn add(&mut self, sign: Sign) {
        if let Some(known) = self.signs.iter_mut().find(|known| is_same_place(&known.place, &sign.place)) {
            if known.text.is_empty() {
                known.text = sign.text;
            }
            return;
        }
        if self.signs.len() == MOST {
            self.signs.pop_front();
        }
        self.signs.push_back(sign);
    }

    /// Whether something at `place` was there before and never moved.
    pub(super) fn is_one(&self, place: &Rect) -> bool {
        self.signs.iter().any(|sign| is_same_place(&sign.place, place))
    }

    /// Whether what says `text` at `place` is one of them.
    pub(super) fn say(&self, text: &str, place: &Rect) -> bool {
        self.signs.iter().any(|sign| sign.says(text, place))
    }
}
