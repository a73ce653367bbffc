//! The element: properties to settings, buffers to records, notices to messages.

use super::messages;
use crate::avro::Encoder;
use crate::clock::now_ms;
use crate::config;
use crate::config_file;
use crate::deadletter::DeadLetters;
use crate::error::SinkError;
use crate::metrics::Endpoint;
use crate::mock::{self, MockJob};
use crate::notice::{Notice, NoticeFn};
use crate::properties;
use crate::record::Record;
use crate::registry::Registry;
use crate::router::{BufferInfo, RECORD_META, Routed, Router, StreamInfo};
use crate::sender::{Job, Keeper, Sender};
use crate::settings::{Mode, Settings, ValueFormat};
use crate::spool::{Spool, SpoolConfig};
use crate::stats::{Stats, count};
use glib::subclass::prelude::*;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::{prelude::*, subclass::prelude::*};
use std::{
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

pub(super) static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("kafkasink", gst::DebugColorFlags::empty(), Some("Kafka sink")));

/// What exists between start and stop. Lock order: `settings`, `running`, `stream`; none is held while waiting.
struct Running {
    spool: Arc<Spool>,
    sender: Sender,
    router: Arc<Router>,
    drain_timeout: Duration,
    verbose: bool,
    _metrics: Option<Endpoint>,
}

/// See the module's page.
#[derive(Default)]
pub struct KafkaSink {
    settings: Mutex<Settings>,
    running: Mutex<Option<Running>>,
    stream: Mutex<Arc<StreamInfo>>,
    stats: Arc<Stats>,
    messages: messages::Messages,
    warned_malformed: AtomicBool,
    /// Time that end of stream already waited, so that stopping does not wait as long again.
    drained_for: Mutex<Duration>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        properties::get(&lock(&self.settings), spec.name()).unwrap_or_else(|| spec.default_value().clone())
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
                "The gst-alpr authors",
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
        let settings = self.load_settings().map_err(|err| err.message())?;
        let running = self.build(&settings).map_err(|err| err.message())?;
        *lock(&self.drained_for) = Duration::ZERO;
        *lock(&self.running) = Some(running);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let Some(running) = lock(&self.running).take() else { return Ok(()) };
        let left_to_wait = running.drain_timeout.saturating_sub(*lock(&self.drained_for));
        running.sender.set_draining(true);
        running.spool.wait_empty(left_to_wait, false);
        if !running.sender.stop() {
            gst::warning!(CAT, imp = self, "The Kafka client did not close in time; it goes on closing by itself");
        }
        if let Err(err) = running.spool.close() {
            gst::element_imp_warning!(self, gst::ResourceError::Write, ("{err}"));
        }
        self.count_left(&running.spool);
        self.stats.connected.store(false, Relaxed);
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
        if event.type_() == gst::EventType::Eos {
            self.drain();
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
        count(&self.stats.received);
        self.stats.received_bytes.fetch_add(map.len() as u64, Relaxed);
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
                gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{warning}"));
            }
        }
        Ok(settings)
    }

    fn build(&self, settings: &Settings) -> Result<Running, SinkError> {
        let client_config = config::client_config(settings)?;
        let router = Router::new(settings).map_err(SinkError::Setting)?;
        let (spool, missing) = Spool::open(SpoolConfig {
            location: settings.spool_location.clone(),
            max_bytes: settings.spool_limit(),
            max_in_flight_bytes: settings.in_flight_limit(),
            when_full: settings.spool_policy.into(),
            sync: settings.spool_sync.into(),
        })?;
        let spool = Arc::new(spool);
        self.report_opened(settings, &spool, missing);
        let notify = self.notify_fn(settings);
        let keeper = Keeper { spool: spool.clone(), notify: notify.clone(), max_bytes: settings.spool_limit() };
        let dead_letters = DeadLetters::new(
            settings.dead_letter_topic.clone(),
            settings.dead_letter_location.clone(),
            settings.spool_location.as_deref(),
        );
        let stats = self.stats.clone();
        let sender = match settings.mode {
            Mode::Mock => mock::start(
                keeper,
                MockJob { stats, dead_letters, max_request_size: settings.max_request_size, log: self.mock_log() },
            ),
            Mode::Kafka => Sender::start(
                keeper,
                Job {
                    stats,
                    config: client_config,
                    token_command: settings.sasl_token_command.clone(),
                    dead_letters,
                    encoder: encoder(settings)?,
                    stall_timeout: settings.stall_timeout,
                },
            ),
        };
        let sender = sender.map_err(SinkError::Client)?;
        let metrics = self.serve_metrics(settings, &spool)?;
        Ok(Running {
            spool,
            sender,
            router: Arc::new(router),
            drain_timeout: settings.drain_timeout,
            verbose: settings.verbose,
            _metrics: metrics,
        })
    }

    fn serve_metrics(&self, settings: &Settings, spool: &Arc<Spool>) -> Result<Option<Endpoint>, SinkError> {
        if settings.metrics_port == 0 {
            return Ok(None);
        }
        self.stats.detailed.store(true, Relaxed);
        let address = format!("{}:{}", settings.metrics_address, settings.metrics_port);
        let endpoint = Endpoint::start(&address, self.stats.clone(), spool.clone(), now_ms);
        endpoint.map(Some).map_err(|source| SinkError::Metrics { address, source })
    }

    /// Says what was found in the spool, and that a spool in memory does not last.
    fn report_opened(&self, settings: &Settings, spool: &Spool, missing: u64) {
        let depth = spool.depth();
        self.stats.recovered.fetch_add(depth.records, Relaxed);
        if depth.records > 0 {
            gst::info!(CAT, imp = self, "{} records of an earlier run are in the spool", depth.records);
        }
        if missing > 0 {
            self.stats.lost.fetch_add(missing, Relaxed);
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Read,
                (
                    "{missing} records that the spool {} had taken are not in its files any more: the machine stopped \
                     before they were synced (spool-sync), or the files were cut. They are counted as lost.",
                    settings.spool_location.as_deref().unwrap_or(std::path::Path::new("")).display()
                )
            );
        }
        if !spool.durable() && settings.mode == Mode::Kafka {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                ("spool-location is not set: records that are not delivered yet are kept in memory only and are lost \
                     when the process ends.")
            );
        }
    }

    fn notify_fn(&self, settings: &Settings) -> NoticeFn {
        let weak = self.obj().downgrade();
        let servers = settings.bootstrap_servers.clone();
        Arc::new(move |notice: Notice| {
            if let Some(obj) = weak.upgrade() {
                obj.imp().messages.post(&obj, &notice, &servers);
            }
        })
    }

    fn mock_log(&self) -> Box<dyn Fn(&Record) + Send> {
        let weak = self.obj().downgrade();
        Box::new(move |record| {
            if let Some(obj) = weak.upgrade() {
                messages::post_mock(&obj, record);
            }
        })
    }

    fn spool(&self, spool: &Spool, record: Record) -> Result<gst::FlowSuccess, gst::FlowError> {
        let topic = record.topic.clone();
        match spool.append(record) {
            Ok(dropped) => {
                count(&self.stats.spooled);
                self.stats.count_topic(&topic);
                self.stats.dropped.fetch_add(dropped, Relaxed);
                Ok(gst::FlowSuccess::Ok)
            }
            Err(err) => match SinkError::from_append(err) {
                None => {
                    // A flush or a stop: the buffer is thrown away as every sink does.
                    count(&self.stats.dropped);
                    Err(gst::FlowError::Flushing)
                }
                Some(err) => {
                    count(&self.stats.refused);
                    self.post_error_message(err.message());
                    Err(gst::FlowError::Error)
                }
            },
        }
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
        count(&self.stats.malformed);
        if !self.warned_malformed.swap(true, Relaxed) {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ("A buffer of {bytes} bytes is no JSON although its caps say so. It is delivered as it is, without key \
                     and kind. Further ones are only counted (malformed in stats).")
            );
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
        let empty = spool.wait_empty(timeout, true);
        *lock(&self.drained_for) = start.elapsed();
        if let Some(running) = lock(&self.running).as_ref() {
            running.sender.set_draining(false);
        }
        gst::info!(CAT, imp = self, "Drained for {:?}, empty: {empty}", start.elapsed());
    }

    fn count_left(&self, spool: &Spool) {
        let left = spool.depth().records;
        self.stats.left.store(left, Relaxed);
        if left == 0 {
            return;
        }
        if spool.durable() {
            gst::info!(CAT, imp = self, "{left} records stay in the spool and are sent after the next start");
            messages::post_left(&self.obj(), left, true);
        } else {
            self.stats.lost.fetch_add(left, Relaxed);
            gst::warning!(CAT, imp = self, "{left} records were not delivered and are lost with the spool in memory");
            messages::post_left(&self.obj(), left, false);
        }
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

fn encoder(settings: &Settings) -> Result<Option<Encoder>, SinkError> {
    if settings.value_format == ValueFormat::Raw {
        return Ok(None);
    }
    let url = settings.schema_registry_url.as_deref().ok_or_else(|| {
        SinkError::Setting("value-format=avro needs schema-registry-url, which is not set.".to_string())
    })?;
    let username = settings.schema_registry_username.as_deref();
    let registry = Registry::new(url, username, &settings.schema_registry_password, settings.schema_register)
        .map_err(|err| SinkError::Config(err.into()))?;
    Encoder::new(settings.schema_location.as_deref(), registry).map(Some).map_err(SinkError::Setting)
}

/// What travels beside the bytes.
fn buffer_info(buffer: &gst::BufferRef) -> BufferInfo {
    let mut info = BufferInfo::default();
    if gst::meta::CustomMeta::is_registered(RECORD_META)
        && let Ok(meta) = gst::meta::CustomMeta::from_buffer(buffer, RECORD_META)
    {
        let text = |name: &str| meta.structure().get::<String>(name).ok();
        info.kind = text("kind");
        info.topic = text("topic");
        info.key = text("key");
        info.schema_version = text("schema-version");
    }
    info.reference_ms = buffer.iter_meta::<gst::ReferenceTimestampMeta>().find_map(|meta| reference_ms(&meta));
    info
}

/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

fn reference_ms(meta: &gst::ReferenceTimestampMeta) -> Option<i64> {
    let ms = meta.timestamp().mseconds();
    let unix_ms = match meta.reference().structure(0)?.name().as_str() {
        "timestamp/x-unix" => ms,
        "timestamp/x-ntp" => ms.checked_sub(NTP_TO_UNIX_S * 1000)?,
        _ => return None,
    };
    i64::try_from(unix_ms).ok()
}
