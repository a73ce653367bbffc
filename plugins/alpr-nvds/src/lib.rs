//! NVIDIA DeepStream metadata and pictures, found at run time.
//!
//! Nothing of NVIDIA's is needed to build, and none of its libraries to read: the batch metadata of a buffer is found
//! by the tag of its type, and its layout is told by the sizes that its pools report (see [`layout`]). Reading only so
//! far.
//!
//! The only crate of the workspace with `unsafe` code.

#![warn(missing_docs)]
#![allow(unsafe_code, reason = "reads the structures of NVIDIA libraries")]

#[cfg(feature = "handmade")]
pub mod handmade;
pub mod layout;
mod meta;
mod surface;

pub use layout::Version;
pub use meta::{Batch, Frame, Object, find};
pub use surface::{FEATURE, Surface, SurfaceError, Surfaces, is_surface};
