//! NVIDIA DeepStream metadata and pictures, found at run time.
//!
//! Nothing of NVIDIA's is needed to build, and none of its libraries to read: the batch metadata of a buffer is found
//! by the tag of its type, and its layout is told by the sizes that its pools report (see [`layout`]). Writing calls
//! NVIDIA's functions, which a process with such batches has at hand (see [`Writer`]), and so does reading pictures of
//! Jetson.
//!
//! The only crate of the workspace with `unsafe` code.

#![warn(missing_docs)]
#![allow(unsafe_code, reason = "reads and writes the structures of NVIDIA libraries")]

#[cfg(feature = "handmade")]
pub mod handmade;
pub mod layout;
mod library;
mod mapping;
mod meta;
mod surface;
mod write;

pub use layout::Version;
pub use meta::{Batch, Classification, Frame, Object, ObjectKey, find};
pub use surface::{FEATURE, Surface, SurfaceError, Surfaces, is_surface};
pub use write::{COMPONENT_ID, LICENSE, NewObject, WriteError, Writer};
