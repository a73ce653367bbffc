//! Sample clips with their truth, the demo, the scores and the runner of launch files.

#![warn(missing_docs)]

pub mod clip;

pub mod console;

pub mod truth;
