//! Pixels of a frame: borrowed planes with stride, sampled into tensors and crops.
//!
//! Sampling copies no whole frame: [`resample`] reads the source rows it needs and hands out finished rows of RGB,
//! and [`rectify`] first reduces the surroundings of a plate and then straightens them.

mod color;
mod frame;
mod glance;
mod rectify;
mod resample;
mod sharpness;

pub use color::{Color, Matrix};
pub use frame::{Frame, FrameError, OwnedFrame, PixelFormat, Plane};
pub use glance::Glance;
pub use rectify::{crop, rectify};
pub use resample::resample;
pub use sharpness::sharpness;
