//! Plates found in one frame.

mod carrier;
mod closer;
mod decode;
mod suppress;

pub use crate::contract::{DecodeError, Trust};
pub use carrier::carrier;
pub use closer::Closer;
pub use decode::{Thresholds, decode};
pub use suppress::suppress;

use crate::geometry::{Quad, Rect};

/// One plate, or one vehicle, found in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Where it is, in pixels of the full frame.
    pub bbox: Rect,
    /// Its corners, where the model gives them.
    pub corners: Option<Quad>,
    /// Score of the detector, 0 to 1.
    pub confidence: f32,
    /// Class index of the model.
    pub class: u32,
}
