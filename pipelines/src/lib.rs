//! Sample clips with their truth, the demo, the scores and the runner of launch files.

#![warn(missing_docs)]

pub mod annotated;

pub mod broker;

pub mod clip;

pub mod clips;

pub mod command_line;

pub mod console;

pub mod demo;

pub mod installation;

pub mod labels;

pub mod launch;

mod length;

pub mod player;

pub mod report;

pub mod score;

pub mod secrets;

pub mod still;

pub mod stills;

pub mod truth;
