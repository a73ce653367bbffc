//! Plumbing: properties to settings, buffers to observations, decisions to [`super::output`].

use std::sync::{LazyLock, Mutex};

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::carry::unseen;
use super::chores::Chores;
use super::evidence;
use super::files::Background;
use super::properties::PROPERTIES;
use super::settings::{Settings, SettingsError};
use super::state::{STATS, State};
use crate::element::{AUTHOR, is_live, lock};
use crate::stream;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("alprdedup", gst::DebugColorFlags::empty(), Some("One event of every passing vehicle"))
});

/// Lock order: `settings` before `state` before the memory inside it. The log of the state file is locked before the memory too,
/// while neither of the others is held: its disk may be slow. None is held while pushing or posting.
pub struct AlprDedup {
    pub(super) sinkpad: gst::Pad,
    pub(super) srcpad: gst::Pad,
    pub(super) settings: Mutex<Settings>,
    pub(super) state: Mutex<Option<State>>,
    /// Dropped without any lock held: dropping waits for it.
    pub(super) background: Mutex<Option<Background>>,
}

#[glib::object_subclass]
impl ObjectSubclass for AlprDedup {
    const NAME: &'static str = "GstAlprDedup";
    type Type = super::AlprDedup;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let pad = |name| klass.pad_template(name).map(|template| gst::Pad::builder_from_template(&template));
        let (Some(sink), Some(src)) = (pad("sink"), pad("src")) else { unreachable!("both templates are declared") };
        let sinkpad = sink
            .chain_function(|pad, parent, buffer| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.chain(pad, buffer))
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_query(pad, query))
            })
            .build();
        let srcpad = src
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_event(pad, event))
            })
            .build();
        Self { sinkpad, srcpad, settings: Mutex::default(), state: Mutex::default(), background: Mutex::default() }
    }
}

impl ObjectImpl for AlprDedup {
    fn properties() -> &'static [glib::ParamSpec] {
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let changed = {
            let mut settings = lock(&self.settings);
            let known = settings.set(pspec.name(), value);
            debug_assert!(known, "{} has no field", pspec.name());
            lock(&self.state).as_mut().map_or(Ok(()), |state| state.change(pspec.name(), &settings))
        };
        if let Err(SettingsError(text)) = changed {
            gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{text}; the old values stay in use"));
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            let stats = lock(&self.state).as_ref().map(State::stats);
            return stats.unwrap_or_else(|| gst::Structure::new_empty(STATS)).to_value();
        }
        lock(&self.settings).get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sinkpad, &self.srcpad] {
            if self.obj().add_pad(pad).is_err() {
                gst::error!(CAT, imp = self, "pad {} exists already", pad.name());
            }
        }
    }
}

impl GstObjectImpl for AlprDedup {}

impl ElementImpl for AlprDedup {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Licence plate events",
                "Filter/Analyzer/Video",
                "Makes one event of every passing vehicle whose plate was read",
                AUTHOR,
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            // Pixels are looked at for evidence only, so any memory will do.
            let video = gst::Caps::builder("video/x-raw").any_features().build();
            [(gst::PadDirection::Sink, "sink", video), (gst::PadDirection::Src, "src", event_caps())]
                .into_iter()
                .filter_map(|(direction, name, caps)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => self.check()?,
            gst::StateChange::ReadyToPaused => self.start()?,
            _ => (),
        }
        let result = self.parent_change_state(transition);
        match (transition, &result) {
            (gst::StateChange::ReadyToPaused, Err(_)) => self.stop_background(),
            (gst::StateChange::PausedToReady, Ok(_)) => {
                self.stop_background();
                self.cut();
            }
            (gst::StateChange::ReadyToNull, Ok(_)) => {
                self.stop_background();
                drop(lock(&self.state).take());
            }
            _ => (),
        }
        result
    }
}

fn event_caps() -> gst::Caps {
    gst::Caps::builder("application/x-json").field("format", "alpr-event").build()
}

impl AlprDedup {
    /// Checks the settings; what is set in READY is not known yet.
    fn check(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let checked = settings.resolve(&self.obj().name()).and_then(|_| evidence::check(&settings));
        checked.map_err(|error| self.refuse(&error))
    }

    /// Begins a run: reads the settings and opens files.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let chores = Chores::new(&settings);
        let mut old = lock(&self.state).take();
        let new = State::new(&settings, &self.obj().name(), &mut old);
        let refused = new.as_ref().err().map(|error| self.refuse(error));
        *lock(&self.state) = new.ok().or(old);
        refused.map_or_else(|| self.start_background(chores), Err)
    }

    fn refuse(&self, SettingsError(text): &SettingsError) -> gst::StateChangeError {
        gst::element_imp_error!(self, gst::LibraryError::Settings, ("{text}"));
        gst::StateChangeError
    }

    /// Takes in one buffer: sends what is decided of it, or says that time goes on.
    fn chain(&self, _pad: &gst::Pad, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let pts = buffer.pts();
        self.ask_whether_live();
        let (decisions, problems) = {
            let mut state = lock(&self.state);
            let state = state.as_mut().ok_or(gst::FlowError::Flushing)?;
            let decisions = state.take_in(&buffer, self.obj().upcast_ref());
            (decisions, state.problems(&buffer))
        };
        for problem in problems {
            gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{problem}"));
        }
        let sent = self.carry_out(decisions, pts)?;
        if sent == 0
            && let Some(pts) = pts
        {
            let gap = gst::event::Gap::builder(pts).duration(buffer.duration()).build();
            self.srcpad.push_event(gap);
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Asks upstream, once a run and without a lock: the answer may take long.
    fn ask_whether_live(&self) {
        let is_known = lock(&self.state).as_ref().is_none_or(|state| state.capture.is_live().is_some());
        if is_known {
            return;
        }
        let live = is_live(&self.sinkpad);
        if let Some(state) = lock(&self.state).as_mut() {
            state.capture.set_live(live);
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        match event.view() {
            EventView::StreamStart(start) => {
                if let Some(state) = lock(&self.state).as_mut() {
                    state.capture.begin_stream(start.stream_id());
                }
                let id = self.srcpad.create_stream_id(&*self.obj(), Some("events"));
                let new = gst::event::StreamStart::builder(id.as_str())
                    .flags(gst::StreamFlags::SPARSE)
                    .group_id_if_some(start.group_id())
                    .seqnum(event.seqnum())
                    .build();
                self.srcpad.push_event(new)
            }
            EventView::Caps(caps) => {
                self.take_caps(caps.caps());
                self.srcpad.push_event(gst::event::Caps::new(&event_caps()))
            }
            EventView::Segment(segment) => {
                if let (Some(state), Some(segment)) =
                    (lock(&self.state).as_mut(), segment.segment().downcast_ref::<gst::ClockTime>())
                {
                    state.segment = segment.clone();
                }
                self.srcpad.push_event(event)
            }
            EventView::Tag(tag) => {
                if let Some(state) = lock(&self.state).as_mut() {
                    state.capture.take_tags(tag.tag());
                }
                // tags of the picture say nothing about events
                true
            }
            EventView::Gap(gap) => {
                self.advance(gap);
                self.srcpad.push_event(event)
            }
            EventView::FlushStop(_) => {
                self.cut();
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            EventView::Eos(_) | EventView::SegmentDone(_) => {
                self.finish(None);
                self.srcpad.push_event(event)
            }
            _ => {
                stream::ended_source(&event).into_iter().for_each(|source| self.finish(Some(source)));
                if let (Some(source), Some(state)) = (stream::removed_source(&event), lock(&self.state).as_mut()) {
                    state.remove(source);
                }
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
        }
    }

    fn take_caps(&self, caps: &gst::CapsRef) {
        let Some(structure) = caps.structure(0) else { return };
        let size = |name: &str| structure.get::<i32>(name).ok().and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        if let Some(state) = lock(&self.state).as_mut() {
            (state.width, state.height) = (size("width"), size("height"));
            state.capture.set_rate(structure.get("framerate").unwrap_or(gst::Fraction::new(0, 1)));
            state.output.take_caps(caps);
        }
    }

    /// Upstream says that nothing comes until the end of the gap.
    fn advance(&self, gap: &gst::event::Gap) {
        let (pts, duration) = gap.get();
        let decisions = {
            let mut state = lock(&self.state);
            let Some(State { cameras, memory, .. }) = state.as_mut() else { return };
            cameras.advance(&mut memory.lock(), pts.saturating_add(duration.unwrap_or_default()).into())
        };
        self.carry_out(unseen(decisions), Some(pts)).ok();
    }

    /// The stream of the camera `source`, or of all, is over: what is in view ends now.
    fn finish(&self, source: Option<u32>) {
        let decisions = {
            let mut state = lock(&self.state);
            let Some(State { cameras, memory, .. }) = state.as_mut() else { return };
            let mut memory = memory.lock();
            match source {
                Some(source) => cameras.end(&mut memory, source),
                None => cameras.finish(&mut memory),
            }
        };
        let pts = lock(&self.state).as_ref().and_then(|state| state.last_pts);
        self.carry_out(unseen(decisions), pts).ok();
    }

    /// The stream was cut by a flush or a stop: what is in view is lost, and counted.
    fn cut(&self) {
        let decisions = {
            let mut state = lock(&self.state);
            let Some(state) = state.as_mut() else { return };
            state.segment = gst::FormattedSegment::new();
            state.cameras.reset()
        };
        self.tell(decisions);
    }

    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(allocation) = query.view_mut() {
            // any stride and offset is fine: pixels are read through video info and video meta
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return true;
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if event.type_() == gst::EventType::Qos {
            // an event that is late is no reason to drop frames
            return true;
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }
}
