//! What the element does beside the stream: files that change, old pictures, health.

use alpr_core::event::records::{HealthRecord, to_json_line};
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::capture::unix_now;
use super::chores::Chores;
use super::files::Background;
use super::health::health_message;
use super::imp::{AlprDedup, CAT};
use super::neighbours;
use super::settings::SettingsError;
use crate::element::lock;

impl AlprDedup {
    /// Starts what reads changed files, deletes old pictures and tells of health, where there are such `chores`.
    pub(super) fn start_background(&self, chores: Option<Chores>) -> Result<(), gst::StateChangeError> {
        let Some(mut chores) = chores else { return Ok(()) };
        let element = self.obj().downgrade();
        let background = Background::start("alprdedup", move |goes_on| {
            if let Some(element) = element.upgrade() {
                element.imp().tick(&mut chores, goes_on);
            }
        });
        let background = background.map_err(|error| {
            gst::element_imp_error!(self, gst::ResourceError::Failed, ("no thread for files and health: {error}"));
            gst::StateChangeError
        })?;
        *lock(&self.background) = Some(background);
        Ok(())
    }

    /// Waits for what is done beside the stream, and ends it.
    pub(super) fn stop_background(&self) {
        let background = lock(&self.background).take();
        drop(background);
    }

    /// Once a second, in the background.
    fn tick(&self, chores: &mut Chores, goes_on: &dyn Fn() -> bool) {
        let (found, problems) = chores.look(goes_on);
        for SettingsError(text) in problems {
            gst::element_imp_warning!(self, gst::ResourceError::Read, ("{text}; what was read before stays in use"));
        }
        let records = {
            let mut state = lock(&self.state);
            let Some(state) = state.as_mut() else { return };
            if let Some(zones) = found.zones {
                state.cameras.set_zones(&zones);
            }
            if let Some(watchlist) = found.watchlist {
                state.cameras.set_watchlist(&watchlist);
            }
            state.output.deleted(found.deleted);
            state.health.due(&state.cameras)
        };
        if records.is_empty() {
            return;
        }
        let (queued, spooled) = (neighbours::queued_before(&self.sinkpad), neighbours::spooled_behind(&self.srcpad));
        for record in records {
            self.send_health(&HealthRecord { queue_depth: queued, spool_depth: spooled, ..record });
        }
    }

    /// Sends a health record between two frames: the stream lock keeps them apart.
    fn send_health(&self, record: &HealthRecord) {
        let Ok(line) = to_json_line(record) else { return };
        self.post(health_message(record, &line));
        let _stream = self.sinkpad.stream_lock();
        let pts = lock(&self.state).as_ref().and_then(|state| state.last_pts);
        if self.srcpad.sticky_event::<gst::event::Segment>(0).is_some()
            && let Err(error) = self.srcpad.push(super::output::buffer(line, unix_now(), pts))
        {
            gst::debug!(CAT, imp = self, "downstream did not take a health record: {error}");
        }
    }
}
