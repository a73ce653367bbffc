//! What an operator can choose about events.

use std::sync::Arc;
use std::time::Duration;

use crate::syntax::Templates;

use super::judge::Rules;
use super::privacy::Hasher;
use super::watchlist::Watchlist;
use super::zones::Zones;

/// When a pass gives its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Emit {
    /// As soon as the text is sure, else when the pass ends.
    #[default]
    Confirmed,
    /// When the pass ends.
    Final,
    /// As soon as there is a plausible text, then revisions 1, 2, … under the same id.
    Preview,
}

/// Where the same plate counts as seen already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// At the same camera.
    #[default]
    Camera,
    /// At any camera of the site.
    Site,
    /// In the same zone of the camera.
    Zone,
    /// In the same direction at the camera.
    Direction,
}

/// Who sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Camera, at most [`crate::event::limits::CAMERA_ID`] characters.
    pub camera: String,
    /// Site, at most [`crate::event::limits::SITE`] characters.
    pub site: String,
    /// Host, at most [`crate::event::limits::HOST`] characters.
    pub host: String,
}

/// All choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who sees.
    pub identity: Identity,
    /// When a pass gives its event.
    pub emit: Emit,
    /// The thresholds of an event.
    pub rules: Rules,
    /// Capture time without a sight after which a pass is over; ten frame intervals where those are longer.
    pub track_timeout: Duration,
    /// Where the same plate counts as seen already.
    pub scope: Scope,
    /// Regions whose formats are applied, in order of preference; none leaves texts alone.
    pub regions: Vec<String>,
    /// The formats.
    pub templates: Arc<Templates>,
    /// Named places.
    pub zones: Arc<Zones>,
    /// Plates that someone waits for.
    pub watchlist: Arc<Watchlist>,
    /// Publishes keyed hashes in place of plates.
    pub privacy: Option<Hasher>,
    /// Most passes in view; beyond, the one not seen for longest ends.
    pub most_live: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            emit: Emit::default(),
            rules: Rules::default(),
            track_timeout: Duration::from_secs(1),
            scope: Scope::default(),
            regions: Vec::new(),
            templates: Arc::new(Templates::builtin()),
            zones: Arc::default(),
            watchlist: Arc::default(),
            privacy: None,
            most_live: 1000,
        }
    }
}
