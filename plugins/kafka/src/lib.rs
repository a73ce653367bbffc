//! Kafka elements: `kafkasink`.
//!
//! A buffer goes through these rooms: [`kafkasink`] (the element) asks `router` for its record, which `spool` keeps until its
//! delivery report; two threads of `sender` hand records to the librdkafka `client`, whose callbacks in `producer` answer. What
//! can never be delivered goes to `deadletter`.
//!
//! - Settings: `properties` and `config_file` fill `settings`; `config` and `names` turn them into librdkafka's keys;
//!   `credentials`, `secret` and `oauth` are what a login needs.
//! - Records: `record`, `partition` (which one a key goes to), `avro` and `registry`.
//! - Clients over time: `session` is what all clients of a run share, `link` what is known of the brokers, `watchdog` and `signals`
//!   have a client replaced or stopped, `closing` holds what a stopped sink cannot let go of yet, `keeper` tends the spool.
//! - What is told: `notice` (on the bus), `stats`, `metrics` (Prometheus), `error`.

mod avro;
mod client;
mod clock;
mod closing;
mod config;
mod config_file;
mod credentials;
mod deadletter;
mod error;
pub mod kafkasink;
mod keeper;
mod link;
mod lock;
mod metrics;
mod mock;
mod names;
mod notice;
mod oauth;
mod partition;
mod producer;
mod properties;
mod record;
mod registry;
mod router;
mod secret;
mod sender;
mod session;
mod settings;
mod signals;
mod spool;
mod stats;
mod watchdog;

pub use router::RECORD_META;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    init(Some(plugin))
}

/// Registers the elements without a plugin file, for programs that link this crate.
///
/// # Errors
/// When an element cannot be registered.
pub fn register_static() -> Result<(), glib::BoolError> {
    init(None)
}

fn init(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    // Whoever makes buffers of another kind may have registered it before.
    if !gst::meta::CustomMeta::is_registered(RECORD_META) {
        gst::meta::CustomMeta::register_simple(RECORD_META);
    }
    kafkasink::register(plugin)
}

gst::plugin_define!(
    kafka,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MPL",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_REPOSITORY"),
    env!("BUILD_REL_DATE")
);
