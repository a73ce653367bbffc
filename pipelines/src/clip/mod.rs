//! The repository's own pictures: clips and stills of vehicles in a street, drawn here, with the truth about them.
//!
//! Everything is decided by a seed, so the same command gives the same pictures.

pub mod camera;
pub mod canvas;
pub mod encode;
pub mod facade;
pub mod film;
pub mod font;
pub mod path;
pub mod plate;
pub mod scenario;
pub mod stills;
pub mod street;
pub mod style;
pub mod texture;
pub mod vehicle;
