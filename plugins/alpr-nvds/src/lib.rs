//! NVIDIA DeepStream metadata and surfaces, found at run time.
//!
//! Nothing of NVIDIA's is needed to build: layouts are told apart by the sizes that the metadata pools report.
//! The only crate of the workspace with `unsafe` code.

#![warn(missing_docs)]
#![allow(unsafe_code, reason = "reads and writes the structures of NVIDIA libraries")]
