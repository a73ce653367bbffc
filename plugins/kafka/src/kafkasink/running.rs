//! What exists between start and stop, and how it is built.

use super::{KafkaSink, messages};
use crate::avro::Encoder;
use crate::clock::now_ms;
use crate::closing;
use crate::config;
use crate::credentials::Source;
use crate::deadletter::{DeadLetters, Undertaker};
use crate::error::SinkError;
use crate::keeper::Keeper;
use crate::metrics::{EVENT_KIND, Endpoint};
use crate::mock::{self, MockJob};
use crate::notice::{Notice, NoticeFn};
use crate::registry::Registry;
use crate::router::Router;
use crate::sender::{Job, Sender};
use crate::settings::{Mode, Settings, ValueFormat};
use crate::spool::{Spool, SpoolConfig};
use crate::stats::Stats;
use glib::subclass::prelude::*;
use gst::prelude::*;
use std::{sync::Arc, time::Duration};

/// The parts at work.
pub(super) struct Running {
    pub(super) spool: Arc<Spool>,
    pub(super) sender: Sender,
    pub(super) router: Arc<Router>,
    pub(super) drain_timeout: Duration,
    pub(super) verbose: bool,
    /// Records that the spool held at the start.
    pub(super) found: u64,
    /// Records that its files do not hold any more.
    pub(super) missing: u64,
    _metrics: Option<Endpoint>,
}

impl Running {
    /// Builds and starts everything. No broker is needed.
    pub(super) fn start(settings: &Settings, obj: &KafkaSink, stats: &Arc<Stats>) -> Result<Self, SinkError> {
        let source = Source::new(settings.clone());
        let next_try = config::next_try(&source.read()?.config);
        let router = Router::new(settings).map_err(SinkError::Setting)?;
        let encoder = encoder(settings)?;
        let (spool, missing) = Spool::open(SpoolConfig {
            location: settings.spool_location.clone(),
            max_bytes: settings.spool_limit(),
            max_in_flight_bytes: settings.in_flight_limit(),
            partitioner: settings.partitioner,
            stuck_after: settings.stuck_after(),
            when_full: settings.spool_policy.into(),
            sync: settings.spool_sync.into(),
        })
        .map_err(closing::open_failed)?;
        let found = spool.depth().records;
        if let (Mode::Mock, Some(location), 1..) = (settings.mode, &settings.spool_location, found) {
            return Err(SinkError::Setting(format!(
                "The spool {} holds {found} record(s) that were not delivered, and mode=mock would take them for delivered. Send them \
                 with mode=kafka first, or set another spool-location.",
                location.display()
            )));
        }
        let spool = Arc::new(spool);
        let metrics = serve_metrics(settings, &spool, stats)?;
        let notify = notify_fn(settings, obj, next_try);
        let undertaker = Undertaker {
            letters: DeadLetters::new(
                settings.dead_letter_topic.clone(),
                settings.dead_letter_location.clone(),
                settings.spool_location.as_deref(),
            ),
            spool: spool.clone(),
            stats: stats.clone(),
            notify: notify.clone(),
        };
        let keeper = Keeper { spool: spool.clone(), notify, max_bytes: settings.spool_limit() };
        let stats = stats.clone();
        // Last: what fails before leaves no thread behind.
        let sender = match settings.mode {
            Mode::Mock => {
                let log = mock_log(obj);
                let max_request_size = settings.max_request_size;
                mock::start(keeper, MockJob { stats, undertaker, encoder, max_request_size, log })
                    .map_err(SinkError::Client)
            }
            Mode::Kafka => Sender::start(
                keeper,
                Job {
                    stats,
                    source,
                    token_command: settings.sasl_token_command.clone(),
                    undertaker,
                    encoder,
                    stall_timeout: settings.stall_timeout,
                    statistics_interval: settings.statistics_interval,
                },
            ),
        };
        Ok(Self {
            spool,
            sender: sender?,
            router: Arc::new(router),
            drain_timeout: settings.drain_timeout,
            verbose: settings.verbose,
            found,
            missing,
            _metrics: metrics,
        })
    }
}

fn serve_metrics(settings: &Settings, spool: &Arc<Spool>, stats: &Arc<Stats>) -> Result<Option<Endpoint>, SinkError> {
    if settings.metrics_port == 0 {
        return Ok(None);
    }
    stats.counted_kind.get_or_init(|| EVENT_KIND);
    let address = format!("{}:{}", settings.metrics_address, settings.metrics_port);
    let endpoint = Endpoint::start(&address, stats.clone(), spool.clone(), now_ms);
    endpoint.map(Some).map_err(|source| SinkError::Metrics { address, source })
}

fn notify_fn(settings: &Settings, obj: &KafkaSink, next_try: Duration) -> NoticeFn {
    let weak = obj.downgrade();
    let servers = settings.bootstrap_servers.clone();
    Arc::new(move |notice: Notice| {
        if let Some(obj) = weak.upgrade() {
            obj.imp().messages.post(&obj, &notice, &servers, next_try);
        }
    })
}

fn mock_log(obj: &KafkaSink) -> Box<dyn Fn(&crate::record::Record) + Send> {
    let weak = obj.downgrade();
    Box::new(move |record| {
        if let Some(obj) = weak.upgrade() {
            messages::post_mock(&obj, record);
        }
    })
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
