//! What all readings of one track say together.
//!
//! Not the best single reading and not a vote on whole texts: the probabilities of every character of every reading
//! are aligned and pooled, weighted by the quality of the crops. Readings of neighbouring frames share their errors, so
//! the evidence is tempered by how many independent readings they are worth.

mod align;
mod fusion;
mod lookalikes;
mod quality;
mod region;
mod schedule;

#[cfg(test)]
mod tests;

pub use fusion::{Fusion, FusionSettings, evidence};
pub use quality::CropQuality;
pub use schedule::{Budget, Candidate, ReadSchedule, ScheduleSettings};

use crate::reader::{Lattice, RegionGuess};

/// The fused text of a track.
#[derive(Clone, Debug, PartialEq)]
pub struct Consensus {
    /// Fused probabilities per character position.
    pub lattice: Lattice,
    /// Most probable text.
    pub text: String,
    /// Calibrated probability that `text` is right as a whole, 0 to 1.
    pub confidence: f32,
    /// Probability of each character of `text`.
    pub char_confidence: Vec<f32>,
    /// Up to five other texts with their probabilities, most probable first.
    pub alternatives: Vec<(String, f32)>,
    /// Readings that were fused.
    pub reads: u32,
    /// Readings whose own text equals `text`.
    pub agreeing: u32,
    /// Region by weighted vote of the readings.
    pub region: Option<RegionGuess>,
}
