//! The element: properties to settings, buffers to records, notices to messages.

use super::{buffer::buffer_info, drain, eos, messages, running::Running};
use crate::clock::now_ms;
use crate::config_file;
use crate::error::SinkError;
use crate::lock::lock;
use crate::properties;
use crate::record::Record;
use crate::router::{Routed, StreamInfo};
use crate::settings::{Mode, Settings};
use crate::spool::{NoRoom, Spool};
use crate::stats::{Stats, count};
use glib::subclass::prelude::*;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::{prelude::*, subclass::prelude::*};
use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

pub(super) static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("kafkasink", gst::DebugColorFlags::empty(), Some("Kafka sink")));

/// See the module's page. Lock order: `settings`, `running`, `stream`; none is held while waiting.
#[derive(Default)]
pub struct KafkaSink {
    settings: Mutex<Settings>,
    running: Mutex<Option<Running>>,
    stream: Mutex<Arc<StreamInfo>>,
    stats: Arc<Stats>,
    pub(super) messages: messages::Messages,
    warned_malformed: AtomicBool,
    /// Time that end of stream already waited, so that stopping does not wait as long again.
    drained_for: Mutex<Duration>,
}

#[glib::object_subclass]
impl ObjectSubclass for KafkaSink {
    const NAME: &'static str = "GstKafkaSink";
    type Type = super::KafkaSink;
    type ParentType = gst_base::BaseSink;
}

impl ObjectImpl for KafkaSink {
    fn properties() -> &'static [glib::ParamSpec] {
        &properties::SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        properties::set(&mut lock(&self.settings), spec.name(), value);
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        if spec.name() == "stats" {
            return self.stats_structure().to_value();
        }
        properties::get(&mut lock(&self.settings), spec.name()).unwrap_or_else(|| spec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        // A message sink: records go out when they come, and no preroll waits for the first event.
        let obj = self.obj();
        obj.set_sync(false);
        obj.set_async(false);
    }
}

impl GstObjectImpl for KafkaSink {}

impl ElementImpl for KafkaSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Kafka sink",
                "Sink/Network",
                "Delivers each buffer to Apache Kafka as one record and loses none",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let sink =
                gst::PadTemplate::new("sink", gst::PadDirection::Sink, gst::PadPresence::Always, &gst::Caps::new_any());
            sink.into_iter().collect()
        });
        TEMPLATES.as_ref()
    }
}

impl BaseSinkImpl for KafkaSink {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let failed = |err: SinkError| {
            gst::error!(CAT, imp = self, "{err}");
            err.message()
        };
        // What was said of an earlier run is to be said of this one too.
        self.messages.forget();
        self.warned_malformed.store(false, Relaxed);
        let settings = self.load_settings().map_err(failed)?;
        let running = Running::start(&settings, &self.obj(), &self.stats).map_err(failed)?;
        self.report_opened(&settings, &running);
        *lock(&self.drained_for) = Duration::ZERO;
        *lock(&self.running) = Some(running);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let Some(running) = lock(&self.running).take() else { return Ok(()) };
        let left_to_wait = running.drain_timeout.saturating_sub(*lock(&self.drained_for));
        running.sender.set_draining(true);
        drain::at_stop(&self.obj(), &running.spool, left_to_wait, || self.stats.connected.load(Relaxed));
        if !running.sender.stop() {
            gst::warning!(CAT, imp = self, "The Kafka client did not close in time; it goes on closing by itself");
        }
        self.messages.tell_dead_letters(&self.obj());
        if let Err(err) = running.spool.close() {
            messages::warning(&self.obj(), gst::ResourceError::Write, &err.to_string());
        }
        self.count_left(&running.spool);
        self.stats.disconnected();
        *lock(&self.stream) = Arc::default();
        Ok(())
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.set_flushing(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.set_flushing(false);
        Ok(())
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        gst::debug!(CAT, imp = self, "Caps {caps}");
        *lock(&self.stream) = Arc::new(StreamInfo::from_caps(caps));
        self.parent_set_caps(caps)
    }

    fn event(&self, event: gst::Event) -> bool {
        match event.type_() {
            gst::EventType::Eos => {
                self.drain();
                let taken = self.parent_event(event);
                eos::release(&self.obj());
                return taken;
            }
            // "No event in this time": nothing to deliver. Until the pipeline plays, the base class would hold it, and with
            // it whoever else pushes to this pad, such as another camera by a funnel; what the pipeline waits for may be
            // behind that one. With `async` set by hand a gap takes the place of a first buffer, as in any sink.
            gst::EventType::Gap if !self.obj().is_async() => return true,
            // A stop behind what comes now has not waited for it yet.
            gst::EventType::StreamStart | gst::EventType::FlushStop => *lock(&self.drained_for) = Duration::ZERO,
            _ => (),
        }
        self.parent_event(event)
    }

    fn render(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (spool, router, verbose) = match lock(&self.running).as_ref() {
            Some(running) => (running.spool.clone(), running.router.clone(), running.verbose),
            None => return Err(gst::FlowError::Flushing),
        };
        let map = buffer.map_readable().map_err(|err| {
            gst::element_imp_error!(self, gst::StreamError::Failed, ("Could not read a buffer: {err}"));
            gst::FlowError::Error
        })?;
        count(&self.stats.counters.received);
        self.stats.counters.received_bytes.fetch_add(map.len() as u64, Relaxed);
        let stream = lock(&self.stream).clone();
        let routed = router.route(&map, &stream, &buffer_info(buffer), now_ms());
        if routed.malformed {
            self.note_malformed(map.len());
        }
        drop(map);
        if verbose {
            self.log_record(&routed);
        }
        self.spool(&spool, routed.record)
    }
}

impl KafkaSink {
    /// The properties, and what the configuration file says where no property was set.
    fn load_settings(&self) -> Result<Settings, SinkError> {
        let mut settings = lock(&self.settings).clone();
        if let Some(path) = settings.config_file.clone() {
            for warning in config_file::load(&mut settings, &path).map_err(SinkError::File)? {
                messages::warning(&self.obj(), gst::ResourceError::Settings, &warning);
            }
        }
        Ok(settings)
    }

    /// Says what was found in the spool, and that a spool in memory does not last.
    fn report_opened(&self, settings: &Settings, running: &Running) {
        let Running { ref spool, found, missing, .. } = *running;
        self.stats.counters.recovered.fetch_add(found + missing, Relaxed);
        gst::info!(CAT, imp = self, "{found} records of an earlier run are in the spool");
        if missing > 0 {
            self.stats.counters.lost.fetch_add(missing, Relaxed);
            messages::warning(
                &self.obj(),
                gst::ResourceError::Read,
                &format!(
                    "{missing} records that the spool {} had taken are not in its files any more: the machine stopped \
                     before they were synced (spool-sync), or the files were cut. They are counted as lost; some may \
                     have been delivered before.",
                    settings.spool_location.as_deref().unwrap_or(std::path::Path::new("")).display()
                ),
            );
        }
        if !spool.durable() && settings.mode == Mode::Kafka {
            messages::warning(
                &self.obj(),
                gst::ResourceError::Settings,
                "spool-location is not set: records that are not delivered yet are kept in memory only and are lost when the \
                 process ends.",
            );
        }
    }

    /// Puts a record into the spool, whatever time that takes when the spool is full and the policy says so.
    fn spool(&self, spool: &Spool, record: Record) -> Result<gst::FlowSuccess, gst::FlowError> {
        let say_full = || self.messages.warn_full(&self.obj(), spool);
        loop {
            let error = match spool.make_room(record.size(), &self.stats.counters.dropped, say_full) {
                Ok(()) => break,
                Err(NoRoom::DropNew) => {
                    count(&self.stats.counters.dropped);
                    say_full();
                    return Ok(gst::FlowSuccess::Ok);
                }
                Err(NoRoom::Cancelled) => {
                    // A pause: the buffer waits with the pipeline. A flush or a stop: it is thrown away as in any sink.
                    self.obj().wait_preroll().inspect_err(|_| count(&self.stats.counters.dropped))?;
                    continue;
                }
                Err(NoRoom::Full { bytes, max_bytes, disk_full }) => {
                    SinkError::SpoolFull { bytes, max_bytes, disk_full }
                }
                Err(NoRoom::Store(err)) => SinkError::Store(err),
            };
            return Err(self.refuse(error));
        }
        let topic = record.topic.clone();
        spool.append(record).map_err(|err| self.refuse(SinkError::Store(err)))?;
        count(&self.stats.counters.spooled);
        self.stats.count_topic(&topic);
        Ok(gst::FlowSuccess::Ok)
    }

    fn refuse(&self, error: SinkError) -> gst::FlowError {
        count(&self.stats.counters.refused);
        messages::error(&self.obj(), &error);
        gst::FlowError::Error
    }

    /// `development.verbose_logging`: topic, key and event id, never the plate.
    fn log_record(&self, routed: &Routed) {
        let record = &routed.record;
        let event_id = routed.json.as_ref().and_then(|json| json.get("event_id")?.as_str()).unwrap_or("-");
        let key = record.key.as_deref().map_or("-".into(), String::from_utf8_lossy);
        gst::info!(
            CAT,
            imp = self,
            "topic {} key {key} event id {event_id} ({} bytes)",
            record.topic,
            record.value.len()
        );
    }

    fn note_malformed(&self, bytes: usize) {
        count(&self.stats.counters.malformed);
        if !self.warned_malformed.swap(true, Relaxed) {
            let text = format!(
                "A buffer of {bytes} bytes is no JSON although its caps say so. It is delivered as it is, without key and kind. \
                 Further ones are only counted (malformed in stats)."
            );
            messages::warning(&self.obj(), gst::StreamError::Format, &text);
        }
    }

    /// Waits until everything is delivered, for at most `drain-timeout`.
    fn drain(&self) {
        let (spool, timeout) = {
            let running = lock(&self.running);
            let Some(running) = running.as_ref() else { return };
            running.sender.set_draining(true);
            (running.spool.clone(), running.drain_timeout)
        };
        let start = Instant::now();
        drain::at_end_of_stream(&self.obj(), &spool, timeout, || self.stats.connected.load(Relaxed));
        *lock(&self.drained_for) = start.elapsed();
        if let Some(running) = lock(&self.running).as_ref() {
            running.sender.set_draining(false);
        }
    }

    fn count_left(&self, spool: &Spool) {
        let left = spool.undelivered();
        if left == 0 {
            return;
        }
        let counter = if spool.durable() { &self.stats.counters.left } else { &self.stats.counters.lost };
        counter.fetch_add(left, Relaxed);
        if lock(&self.drained_for).is_zero() || !spool.durable() {
            // The end of the stream has not told it already; what is lost is told to whoever looks at the console in any case.
            messages::say_at_stop(&self.obj(), &format!("{left} record(s) were not delivered. {}", drain::fate(spool)));
        }
        messages::post_left(&self.obj(), left, spool.durable());
    }

    fn set_flushing(&self, flushing: bool) {
        if let Some(running) = lock(&self.running).as_ref() {
            running.spool.set_flushing(flushing);
        }
    }

    fn stats_structure(&self) -> gst::Structure {
        let spool = lock(&self.running).as_ref().map(|running| running.spool.clone());
        let depth = spool.map(|spool| spool.depth()).unwrap_or_default();
        self.stats.to_structure(depth, now_ms())
    }
}
