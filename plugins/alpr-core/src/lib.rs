//! Licence plate recognition in plain Rust.
//!
//! No GStreamer, no inference runtime, no I/O, no threads, no clock and no globals: pixels, tensors and capture times
//! come in as arguments, decisions come out as values. The module list is the order of the pipeline, and no module uses
//! a later one: what an event is comes before what decides that there is one.

#![warn(missing_docs)]

// The empty lines keep rustfmt from sorting the list.

pub mod time;

pub mod geometry;

pub mod image;

pub mod contract;

pub mod detector;

pub mod track;

pub mod reader;

pub mod syntax;

pub mod consensus;

pub mod event;

pub mod dedup;

pub mod stats;

#[cfg(test)]
mod noise;
