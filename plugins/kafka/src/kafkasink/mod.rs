//! `kafkasink`: bytes in, Kafka records out, and none is lost.
//!
//! # What it does
//!
//! Each buffer becomes one record. Buffers with caps `application/x-json` lose one line feed at their end and may give
//! the record's key, kind, topic, headers and timestamp by JSON pointers; all other buffers are delivered as they are.
//!
//! # Guarantees
//!
//! - A buffer is put into the spool and the pipeline goes on: no broker, slow or dead, stalls it until the spool is full.
//! - A record leaves the spool when its delivery report says that it arrived (at least once). Local patience is endless.
//! - With `spool-location` this survives a killed process; what `spool-sync` adds is about power cuts only.
//! - Records with equal keys arrive in the order in which they came in, over every failure; a repeated record repeats
//!   with all that followed it.
//! - A partition that takes nothing (its broker is down) holds only the keys that go to it: all others go on.
//! - A record that can never be delivered goes to `dead-letter-topic`, `dead-letter-location`, or a file beside the
//!   spool, with the reason, and the stream goes on.
//! - End of stream and stopping wait `drain-timeout` at most in sum; the rest stays in the spool and is counted (`left`).
//!   When the spool is on disk, an end of stream waits for no partition without a leader, and a stop without one neither for
//!   a broker that is away nor for a partition that takes nothing. A wait is said.
//!
//! # Examples
//!
//! ```text
//! gst-launch-1.0 filesrc location=Cargo.toml ! kafkasink mode=mock
//! gst-launch-1.0 … ! alprdedup ! kafkasink bootstrap-servers=localhost:9092 spool-location=/var/lib/alpr/spool
//! ```
//!
//! # Messages
//!
//! Element messages `kafkasink-state`, `kafkasink-spool`, `kafkasink-dead-letter`, `kafkasink-left` and, in mock mode,
//! `kafkasink-mock-record`; `docs/kafka.md` lists their fields and those of `stats`.

mod buffer;
mod drain;
mod eos;
mod imp;
mod messages;
mod running;

use crate::settings::{
    Acks, Compression, Mode, Partitioner, SaslMechanism, SecurityProtocol, SpoolPolicy, SpoolSync, ValueFormat,
};
use gst::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct KafkaSink(ObjectSubclass<imp::KafkaSink>) @extends gst_base::BaseSink, gst::Element, gst::Object;
}

/// Makes the element known to the plugin, or, without one, to the process.
///
/// # Errors
/// When the element cannot be registered.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    for kind in [
        Mode::static_type(),
        Acks::static_type(),
        Compression::static_type(),
        Partitioner::static_type(),
        SecurityProtocol::static_type(),
        SaslMechanism::static_type(),
        SpoolPolicy::static_type(),
        SpoolSync::static_type(),
        ValueFormat::static_type(),
    ] {
        kind.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(plugin, "kafkasink", gst::Rank::NONE, KafkaSink::static_type())
}
