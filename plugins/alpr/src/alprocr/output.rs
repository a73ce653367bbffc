//! Plates handed on with the picture.

use gst::subclass::prelude::*;

use super::imp::AlprOcr;
use super::settings::Settings;
use crate::element;
use crate::meta::{self, PlateMeta};

/// What was said on the bus and is not said again.
#[derive(Default)]
pub(super) struct Told {
    /// That plates cannot be published.
    unpublished: bool,
    /// That texts found no room.
    no_room: bool,
    /// Whether plates come through.
    pub(super) passage: element::Passage,
}

impl AlprOcr {
    /// Puts `plates` on `buffer`, in every form that others may look for.
    pub(super) fn hand_on(
        &self,
        buffer: &mut gst::BufferRef,
        plates: &[PlateMeta],
        settings: &Settings,
        told: &mut Told,
    ) {
        let left_out = meta::write_with_texts(buffer, plates, settings.analytics_texts());
        if left_out > 0 && !std::mem::replace(&mut told.no_room, true) {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::NoSpaceLeft,
                (
                    "A text was left out of the GstAnalytics metadata: the process has analytics-texts={} of them, whose \
                     memory is never freed. Set it higher, or read texts from the alpr-plate structure of the region; \
                     events are not concerned",
                    settings.analytics_texts()
                )
            );
        }
        if settings.publish {
            element::publish(&*self.obj(), buffer, plates, &mut told.unpublished);
        }
    }
}
