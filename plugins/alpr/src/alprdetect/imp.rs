//! Plumbing: properties to settings, buffers to pictures for [`super::search`], plates back onto buffers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};

use alpr_core::contract;
use alpr_core::image::{Frame, Glance};
use alpr_core::time::Timestamp;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::advice;
use super::search::{self, Detector, Found, Part};
use super::settings::{InferenceRegion, PROPERTIES, Settings};
use super::state::{Camera, Cameras, State};
use super::stats::Stats;
use crate::element::{self, AUTHOR, Control, lock, surface_templates};
use crate::error::Error;
use crate::frame::{Format, Picture};
use crate::meta::{self, PlateMeta, View};
use crate::runtime;
use crate::stream::{self, FrameTime, StreamTime};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("alprdetect", gst::DebugColorFlags::empty(), Some("Licence plate detector"))
});

/// When a buffer comes.
#[derive(Clone, Copy)]
struct Moment {
    time: Timestamp,
    /// Whether it comes too late to be worth an inference.
    late: bool,
}

/// Lock order: `state` before `stats`; the others are taken alone. None is held during inference.
#[derive(Default)]
pub struct AlprDetect {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    control: Control,
    stats: Mutex<Stats>,
    /// Whether it was said that pictures are to be turned.
    told_turned: AtomicBool,
}

#[glib::object_subclass]
impl ObjectSubclass for AlprDetect {
    const NAME: &'static str = "GstAlprDetect";
    type Type = super::AlprDetect;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for AlprDetect {
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

impl GstObjectImpl for AlprDetect {}

impl ElementImpl for AlprDetect {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Licence plate detector",
                "Filter/Analyzer/Video",
                "Finds licence plates in video and follows them from frame to frame",
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

impl BaseTransformImpl for AlprDetect {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    // The picture passes through untouched: buffers, pools and allocation are those of the neighbours.
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let mut extra = Vec::new();
        match (settings.input_width, settings.input_height) {
            (0, 0) => (),
            (width, height) if width > 0 && height > 0 => extra.push(("input-size", format!("{width}x{height}"))),
            (width, height) => {
                return Err(gst::error_msg!(
                    gst::LibraryError::Settings,
                    ("input-width={width} and input-height={height}: one says nothing without the other. Set both, or leave both 0")
                ));
            }
        }
        let (model, contract) =
            settings.model.open(&runtime::DETECTOR, &extra, contract::detector).map_err(|err| err.message())?;
        gst::info!(CAT, imp = self, "{} by {}: {contract}", model.file().display(), model.provider().name());
        self.control.start(model.canceller());
        self.told_turned.store(false, Ordering::Relaxed);
        *lock(&self.stats) = Stats::default();
        *lock(&self.state) = Some(State {
            detector: Detector::new(model, contract),
            cameras: Cameras::new(),
            format: None,
            time: StreamTime::default(),
            warned: false,
            interlaced: false,
            unpublished: false,
        });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.control.stop();
        *lock(&self.state) = None;
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
            if state.format.as_ref().is_none_or(|old| old.size() != format.size()) {
                state.resize(format.size());
            }
            state.time.set_rate(format.fps());
            state.format = Some(format);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Tag(tag) = event.view() {
            self.advise(tag.tag());
        }
        let cut = self.control.sink_event(&event);
        if let Some(state) = &mut *lock(&self.state) {
            let other =
                matches!(event.view(), gst::EventView::StreamStart(start) if state.time.set_stream(start.stream_id()));
            if cut || other {
                state.reset();
            }
            let ended = stream::ended_source(&event).and_then(|source| state.cameras.of_mut(source));
            ended.into_iter().for_each(Camera::reset);
            lock(&self.stats).tracker = state.cameras.stats();
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
        let result = element::with(&self.state, |state| {
            let result = self.process(state, is_discont, &mut inbuf);
            lock(&self.stats).tracker = state.cameras.stats();
            result
        });
        element::flow(&*self.obj(), result)?;
        self.parent_submit_input_buffer(is_discont, inbuf)
    }
}

impl AlprDetect {
    /// Says once that pictures lie on their side.
    fn advise(&self, tags: &gst::TagListRef) {
        let said = self.told_turned.load(Ordering::Relaxed);
        if !said && let Some(advice) = advice::of_tags(tags, self.obj().sink_pad()) {
            self.told_turned.store(true, Ordering::Relaxed);
            gst::element_imp_warning!(self, gst::StreamError::Format, ("{advice}"));
        }
    }

    /// Puts the plates of every picture of a buffer on it.
    fn process(&self, state: &mut State, discont: bool, buffer: &mut gst::Buffer) -> Result<(), Error> {
        let settings = lock(&self.settings).clone();
        let place = element::in_segment(&*self.obj(), buffer);
        let FrameTime { time, cut } = state.time.next(place, discont);
        if cut {
            gst::debug!(CAT, imp = self, "the stream jumps to {time}: all tracks end");
            state.reset();
        }
        let is_interlaced =
            !state.interlaced && state.format.as_ref().is_some_and(|format| format.is_interlaced(buffer));
        if is_interlaced {
            state.interlaced = true;
            gst::element_imp_warning!(self, gst::StreamError::Format, ("{}", advice::INTERLACED));
        }
        let is_due = state.cameras.here().since_search.is_none_or(|since| since >= settings.interval);
        let late = self.control.is_late(place.running, is_due);
        let (mut all, mut read) = (Vec::new(), false);
        for view in meta::views(buffer) {
            let found = self.look(state, &settings, Moment { time, late }, buffer, view)?;
            read |= found.is_some();
            // What was on a picture that cannot be read stays.
            let mut plates = found.unwrap_or_else(|| meta::plates(buffer, view));
            plates.iter_mut().for_each(|plate| plate.picture = (!view.alone).then_some(view.id));
            all.append(&mut plates);
        }
        if read && (!all.is_empty() || meta::has_regions(buffer)) {
            // Copies no picture: a shared buffer is replaced by one that shares the memory.
            let buffer = buffer.make_mut();
            meta::write(buffer, &all);
            if settings.publish {
                element::publish(&*self.obj(), buffer, &all, &mut state.unpublished);
            }
        }
        Ok(())
    }

    /// The plates of the picture `view` of `buffer`; `None` when it cannot be read.
    fn look(
        &self,
        state: &mut State,
        settings: &Settings,
        Moment { time, late }: Moment,
        buffer: &gst::Buffer,
        view: View,
    ) -> Result<Option<Vec<PlateMeta>>, Error> {
        state.cameras.turn_to(view.id.source);
        let sure = state.sure(settings);
        let camera = state.cameras.here_mut();
        camera.tracker.settings_mut().set_threshold(sure);
        let skipped = late || camera.since_search.is_some_and(|since| since < settings.interval);
        self.count(|stats| {
            stats.frames += 1;
            stats.skipped_late += u64::from(late);
            stats.skipped_interval += u64::from(skipped && !late);
        });
        if skipped {
            camera.since_search = camera.since_search.map(|since| since + 1);
            return Ok(Some(state.predicted(settings, time)));
        }
        camera.since_search = Some(0);
        let found = self.search(state, settings, time, buffer, view)?;
        Ok(found.map(|found| state.followed(settings, time, found)))
    }

    /// Plates of a wanted size in the picture `view` of `buffer`; `None` when the picture cannot be read.
    fn search(
        &self,
        state: &mut State,
        settings: &Settings,
        time: Timestamp,
        buffer: &gst::Buffer,
        view: View,
    ) -> Result<Option<Vec<Found>>, Error> {
        let sure = state.sure(settings);
        let Some(format) = &state.format else { return Ok(None) };
        let picture = Picture::map(buffer, format, view);
        let frame = match picture.as_ref().map_err(Clone::clone).and_then(Picture::frame) {
            Ok(frame) => frame,
            Err(err) => {
                self.count(|stats| stats.bad_frames += 1);
                if !std::mem::replace(&mut state.warned, true) {
                    gst::element_imp_warning!(
                        self,
                        gst::StreamError::Decode,
                        ("A picture cannot be read and passes unsearched: {err}")
                    );
                }
                return Ok(None);
            }
        };
        let camera = state.cameras.here_mut();
        let is_cut = settings.scene_cuts && camera.cuts.next(Glance::of(&frame));
        if is_cut {
            self.cut(camera, view.id.source);
        }
        let how = camera.how_to_search(settings, sure, time, is_cut);
        let parts = parts(settings, &frame, buffer, view);
        let started = std::time::Instant::now();
        let (found, inferences) = state.detector.search(&frame, &parts, &how)?;
        let elapsed = started.elapsed();
        let all = found.len();
        let found: Vec<Found> = found.into_iter().filter(|(d, _)| settings.wants_size(&d.bbox)).collect();
        self.count(|stats| {
            stats.searched += 1;
            stats.inferences += inferences;
            stats.inference_time += u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
            stats.detections += found.len() as u64;
            stats.unwanted_size += (all - found.len()) as u64;
        });
        gst::log!(CAT, imp = self, "{} plates in {} parts, {elapsed:?}", found.len(), parts.len());
        Ok(Some(found))
    }

    /// The picture of `camera`, number `source`, has nothing to do with the one before.
    fn cut(&self, camera: &mut Camera, source: u32) {
        gst::debug!(CAT, imp = self, "source {source} shows something else: all its tracks end");
        self.count(|stats| stats.cuts += 1);
        camera.begin_anew();
        // before this buffer, so that all elements behind see it where it is
        self.obj().src_pad().push_event(stream::cut_event(source));
    }

    fn count(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut lock(&self.stats));
    }
}

fn parts(settings: &Settings, frame: &Frame<'_>, buffer: &gst::Buffer, view: View) -> Vec<Part> {
    let (width, height) = (frame.width(), frame.height());
    match settings.inference_region {
        InferenceRegion::FullFrame => search::tiles(width, height, settings.tiling),
        InferenceRegion::RoiList => {
            search::regions(width, height, meta::regions_of(buffer, view, &settings.object_class))
        }
    }
}
