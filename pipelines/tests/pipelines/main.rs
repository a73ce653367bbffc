//! Launch files, and cameras that go away, with the real elements.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod camera;
mod common;
mod launch_files;
mod odd_files;
