//! How good finds, reads and events are. Plain numbers: no pipelines, no files.

pub mod passes;
pub mod plates;
pub mod text;
