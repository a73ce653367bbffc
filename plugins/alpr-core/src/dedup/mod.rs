//! One event of every passing vehicle.
//!
//! [`Passes`] is told frame by frame what is in view and answers with [`Decision`]s. A pass is one track, or several
//! that were one vehicle; it ends when it was out of view for a while, and every track ends in exactly one [`Outcome`].
//! Time is capture time and comes in as an argument: the same frames always give the same decisions.
//!
//! A stream may be of several cameras: [`Cameras`] has the passes of each.
//!
//! Plates that gave an event are remembered in [`Duplicates`], which several cameras may share. An event is decided
//! first and remembered for good only when the caller says that it was delivered.

mod cameras;
mod case;
mod compose;
pub mod distance;
mod duplicates;
pub mod judge;
mod lettering;
mod matching;
mod motion;
mod observation;
mod open;
mod outcome;
mod pace;
mod pass;
mod passes;
pub mod privacy;
mod published;
mod scores;
mod settings;
mod signs;
mod stitch;
mod texts;
mod vehicles;
pub mod watchlist;
mod way;
mod winner;
mod zones;

#[cfg(test)]
mod tests;

pub use cameras::{Cameras, SOURCE};
pub use duplicates::{Duplicates, EntryId, Found, Remembered, Rules as DuplicateRules, WindowMode};
pub use judge::{Rules, StaticPolicy, UnknownRegion};
pub use matching::Matching;
pub use observation::{
    Decision, EventDecision, FrameInfo, Keep, Observation, PassId, VehicleObservation, WatchlistDecision,
};
pub use outcome::{Outcome, Tally};
pub use passes::Passes;
pub use privacy::Hasher;
pub use settings::{Emit, Identity, Scope, Settings};
pub use watchlist::{Hit, Watchlist};
pub use zones::{Line, Units, Zone, ZoneRule, Zones, ZonesError};
