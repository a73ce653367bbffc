//! Plumbing: properties to settings, plates on buffers to crops for [`super::read`], readings back onto buffers.

use std::sync::{LazyLock, Mutex};

use alpr_core::consensus::{Budget, CropQuality};
use alpr_core::contract;
use alpr_core::image::Frame;
use alpr_core::time::Timestamp;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::output::Told;
use super::read::{self, Reader};
use super::settings::{PROPERTIES, Settings};
use super::stats::Stats;
use super::tracks::{Crop, Key, Tracks};
use crate::element::{self, AUTHOR, Control, lock, surface_templates};
use crate::error::Error;
use crate::frame::{Format, Picture};
use crate::meta::{self, PlateMeta, View};
use crate::runtime;
use crate::stream::{self, FrameTime, PerSource, StreamTime};

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("alprocr", gst::DebugColorFlags::empty(), Some("Licence plate reader")));

/// From start to stop. Only the streaming thread has it, and takes it out of its lock while it works.
struct State {
    reader: Reader,
    tracks: PerSource<Tracks>,
    format: Option<Format>,
    time: StreamTime,
    warned: bool,
    told: Told,
}

/// One picture that is at hand.
#[derive(Clone, Copy)]
struct Shot<'a> {
    time: Timestamp,
    /// Whether it comes too late to be worth reading.
    late: bool,
    /// Plates that may be read.
    budget: Budget,
    buffer: &'a gst::Buffer,
    view: View,
}

/// Lock order: `state` before `stats`; the others are taken alone. None is held during inference.
#[derive(Default)]
pub struct AlprOcr {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    control: Control,
    stats: Mutex<Stats>,
}

#[glib::object_subclass]
impl ObjectSubclass for AlprOcr {
    const NAME: &'static str = "GstAlprOcr";
    type Type = super::AlprOcr;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for AlprOcr {
    fn properties() -> &'static [glib::ParamSpec] {
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let known = lock(&self.settings).set(pspec.name(), value);
        debug_assert!(known, "{} has no field", pspec.name());
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return lock(&self.stats).to_structure().to_value();
        }
        lock(&self.settings).get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for AlprOcr {}

impl ElementImpl for AlprOcr {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Licence plate reader",
                "Filter/Analyzer/Video",
                "Reads licence plates that upstream elements found, and fuses all readings of a track",
                AUTHOR,
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(surface_templates);
        &TEMPLATES
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PausedToReady {
            self.control.cancel();
        }
        self.parent_change_state(transition)
    }
}

impl BaseTransformImpl for AlprOcr {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    // The picture passes through untouched: buffers, pools and allocation are those of the neighbours.
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let (model, contract) =
            settings.model.open(&runtime::READER, &[], contract::reader).map_err(|err| err.message())?;
        gst::info!(CAT, imp = self, "{} by {}: {contract}", model.file().display(), model.provider().name());
        self.control.start(model.canceller());
        *lock(&self.stats) = Stats::default();
        *lock(&self.state) = Some(State {
            reader: Reader::new(model, contract),
            tracks: PerSource::new(Tracks::new(settings.fusion())),
            format: None,
            time: StreamTime::default(),
            warned: false,
            told: Told::default(),
        });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.control.stop();
        if let Some(mut state) = lock(&self.state).take() {
            self.forget(&mut state);
        }
        Ok(())
    }

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let caps = self.parent_transform_caps(direction, caps, filter)?;
        Some(element::preferring_pixels(&*self.obj(), direction, caps))
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        element::without_crop(query);
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let format =
            Format::from_caps(incaps).ok_or_else(|| gst::loggable_error!(CAT, "no raw video in the caps {incaps}"))?;
        if let Some(state) = &mut *lock(&self.state) {
            state.time.set_rate(format.fps());
            state.format = Some(format);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        let cut = self.control.sink_event(&event);
        if let Some(state) = &mut *lock(&self.state) {
            let other =
                matches!(event.view(), gst::EventView::StreamStart(start) if state.time.set_stream(start.stream_id()));
            if cut || other {
                self.forget(state);
            }
            let ended = stream::ended_source(&event).and_then(|source| state.tracks.of_mut(source));
            if let Some(tracks) = ended {
                tracks.clear();
                self.count_ended([tracks]);
            }
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        // one that is not passed on is dealt with
        !self.control.src_event(&*self.obj(), &event) || self.parent_src_event(event)
    }

    fn submit_input_buffer(
        &self,
        is_discont: bool,
        mut inbuf: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let result = element::with(&self.state, |state| self.process(state, is_discont, &mut inbuf));
        element::flow(&*self.obj(), result)?;
        self.parent_submit_input_buffer(is_discont, inbuf)
    }
}

impl AlprOcr {
    /// Ends all tracks.
    fn forget(&self, state: &mut State) {
        state.tracks.all_mut().for_each(Tracks::clear);
        state.time.reset();
        self.count_ended(state.tracks.all_mut());
    }

    /// Counts what ended among `tracks`, those of several cameras.
    fn count_ended<'a>(&self, tracks: impl IntoIterator<Item = &'a mut Tracks>) {
        let mut stats = lock(&self.stats);
        for ended in tracks.into_iter().map(Tracks::take_ended) {
            stats.passes += ended.tracks;
            stats.pass_reads += ended.reads;
            stats.passes_unread += ended.unread;
            stats.passes_sure += ended.sure;
        }
    }

    /// Puts readings on the plates of one buffer.
    fn process(&self, state: &mut State, discont: bool, buffer: &mut gst::Buffer) -> Result<(), Error> {
        let settings = lock(&self.settings).clone();
        let place = element::in_segment(&*self.obj(), buffer);
        let FrameTime { time, .. } = state.time.next(place, discont);
        let mut views: Vec<(View, Vec<PlateMeta>)> =
            meta::views(buffer).into_iter().map(|view| (view, meta::plates(buffer, view))).collect();
        let busy = views.iter().filter(|(_, plates)| !plates.is_empty()).count();
        if let Some(problem) = state.told.passage.problem(buffer, busy > 0) {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("{problem}"));
        }
        let is_wanted = views.iter().flat_map(|(_, plates)| plates).any(|plate| !plate.predicted);
        let late = self.control.is_late(place.running, is_wanted);
        for (view, plates) in &mut views {
            let budget = settings.budget(state.reader.usual_time(), busy);
            let shot = Shot { time, late, budget, buffer, view: *view };
            self.take_in(state, &settings, &shot, plates)?;
        }
        if busy > 0 {
            // Copies no picture: a shared buffer is replaced by one that shares the memory.
            let all: Vec<PlateMeta> = views.into_iter().flat_map(|(_, plates)| plates).collect();
            self.hand_on(buffer.make_mut(), &all, &settings, &mut state.told);
        } else if meta::were_dropped(buffer) {
            // Said here: nobody downstream needs to look for them.
            meta::write(buffer.make_mut(), &[]);
        }
        self.count_ended(state.tracks.all_mut());
        Ok(())
    }

    /// Puts readings on `plates`, those of one picture.
    fn take_in(
        &self,
        state: &mut State,
        settings: &Settings,
        shot: &Shot<'_>,
        plates: &mut [PlateMeta],
    ) -> Result<(), Error> {
        let view = shot.view;
        let mut gone = state.tracks.turn_to(view.id.source, |_| Tracks::new(settings.fusion()));
        gone.iter_mut().for_each(Tracks::clear);
        self.count_ended(&mut gone);
        let tracks = state.tracks.here_mut();
        let keys = tracks.keys(shot.time, plates);
        tracks.see(shot.time, &keys, plates);
        self.count(|stats| {
            stats.frames += 1;
            stats.plates += plates.len() as u64;
            stats.predicted += plates.iter().filter(|plate| plate.predicted).count() as u64;
        });
        if !plates.is_empty() {
            self.read(state, settings, shot, &keys, plates)?;
        }
        let tracks = state.tracks.here_mut();
        for (plate, key) in plates.iter_mut().zip(&keys) {
            plate.consensus = tracks.consensus(*key);
            plate.sure = tracks.is_sure(*key);
            plate.picture = (!view.alone).then_some(view.id);
        }
        tracks.end_frame();
        Ok(())
    }

    /// Reads the crops that are worth it.
    fn read(
        &self,
        state: &mut State,
        settings: &Settings,
        shot: &Shot<'_>,
        keys: &[Key],
        plates: &mut [PlateMeta],
    ) -> Result<(), Error> {
        let Shot { time, late, budget, buffer, view } = *shot;
        let size = state.format.as_ref().map_or((0, 0), Format::size);
        let crop = |index: usize| Crop { plate: index, key: keys[index], quality: read::quality(&plates[index], size) };
        let detected: Vec<Crop> = (0..plates.len()).filter(|&index| !plates[index].predicted).map(crop).collect();
        let found = detected.len();
        let crops: Vec<Crop> = detected.into_iter().filter(|crop| settings.wants_height(crop.quality.height)).collect();
        self.count(|stats| stats.too_small += (found - crops.len()) as u64);
        if late {
            self.count(|stats| stats.skipped_late += crops.len() as u64);
            return Ok(());
        }
        let Some(format) = &state.format else { return Ok(()) };
        let picture = Picture::map(buffer, format, view);
        let frame = match picture.as_ref().map_err(Clone::clone).and_then(Picture::frame) {
            Ok(frame) => frame,
            Err(err) => {
                self.count(|stats| stats.bad_plates += crops.len() as u64);
                if !std::mem::replace(&mut state.warned, true) {
                    gst::element_imp_warning!(
                        self,
                        gst::StreamError::Decode,
                        ("The plates of a picture that cannot be read pass unread: {err}")
                    );
                }
                return Ok(());
            }
        };
        let (chosen, beyond_budget) = state.tracks.here_mut().plan(time, &crops, budget);
        self.count(|stats| {
            stats.beyond_budget += beyond_budget as u64;
            stats.not_due += (crops.len() - chosen.len() - beyond_budget) as u64;
        });
        let chosen: Vec<Crop> = chosen.into_iter().map(|index| crops[index]).collect();
        self.read_chosen(state, settings, &frame, &chosen, plates)
    }

    /// Reads the `chosen` crops of `plates`.
    fn read_chosen(
        &self,
        state: &mut State,
        settings: &Settings,
        frame: &Frame<'_>,
        chosen: &[Crop],
        plates: &mut [PlateMeta],
    ) -> Result<(), Error> {
        if chosen.is_empty() {
            return Ok(());
        }
        let started = std::time::Instant::now();
        let wanted: Vec<&PlateMeta> = chosen.iter().map(|crop| &plates[crop.plate]).collect();
        state.reader.set_margin(settings.crop_margin);
        state.reader.set_views(settings.views());
        let readings = state.reader.read(frame, &wanted, settings.batch())?;
        let mut used = 0;
        for (Crop { plate, key, quality }, reading) in chosen.iter().zip(readings) {
            let plate = &mut plates[*plate];
            let sharpness = state.reader.sharpness(frame, &read::quad(plate));
            let weight = CropQuality { sharpness, ..*quality }.weight();
            used += u64::from(state.tracks.here_mut().add(*key, &reading, weight));
            gst::log!(
                CAT,
                imp = self,
                "{key:?} reads {} ({:.2}), weight {weight:.2}",
                reading.text,
                reading.confidence
            );
            plate.quality = Some(weight);
            plate.reading = Some(reading);
        }
        let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.count(|stats| {
            stats.crops += chosen.len() as u64;
            stats.reads += used;
            stats.read_time += elapsed;
        });
        Ok(())
    }

    fn count(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut lock(&self.stats));
    }
}
