//! Waiting for delivery, at the end of the stream and at the stop.

use super::{KafkaSink, imp::CAT, messages};
use crate::spool::{Spool, Waited};
use std::time::{Duration, Instant};

/// A wait that is longer than this is said.
const SAID_AFTER: Duration = Duration::from_millis(300);
/// Without a broker a stop waits this long when nothing is lost by leaving: one that is just about to answer is waited for.
const BROKER_PATIENCE: Duration = Duration::from_secs(1);
/// How often a stop looks whether a broker is there.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// At the end of the stream: until everything is delivered, for at most `timeout`; a flush ends it.
pub(super) fn at_end_of_stream(obj: &KafkaSink, spool: &Spool, timeout: Duration) {
    let (start, moment) = (Instant::now(), Some(spool.moment()));
    let mut waited = spool.wait_empty(timeout.min(SAID_AFTER), moment);
    if waited == Waited::Left && timeout > SAID_AFTER {
        messages::say(obj, &waiting(spool, timeout));
        waited = spool.wait_empty(timeout.saturating_sub(start.elapsed()), moment);
    }
    let left = spool.depth().records;
    if waited == Waited::Left {
        let seconds = timeout.as_secs_f64();
        let text = format!(
            "{left} record(s) were not delivered within drain-timeout ({seconds} s) at the end of the stream. {}",
            fate(spool)
        );
        messages::warning(obj, gst::ResourceError::Write, &text);
    }
    gst::info!(CAT, obj = obj, "Drained for {:?}, {left} records left", start.elapsed());
}

/// At the stop: until everything is delivered, for at most `timeout`, and not for a broker that is away, or a partition that
/// takes nothing, when the spool is on disk: nothing is lost by leaving. `connected` tells whether a broker is there.
pub(super) fn at_stop(obj: &KafkaSink, spool: &Spool, timeout: Duration, connected: impl Fn() -> bool) {
    let start = Instant::now();
    let mut said = false;
    loop {
        let hopeless = !connected() || spool.all_stuck();
        let patience = if spool.durable() && hopeless { timeout.min(BROKER_PATIENCE) } else { timeout };
        let left = patience.saturating_sub(start.elapsed());
        if spool.wait_empty(left.min(LOOK_INTERVAL), None) == Waited::Empty || left.is_zero() {
            return;
        }
        let worth_it = start.elapsed() >= SAID_AFTER && patience > start.elapsed() + LOOK_INTERVAL;
        if worth_it && !std::mem::replace(&mut said, true) {
            messages::say_at_stop(obj, &waiting(spool, patience));
        }
    }
}

fn waiting(spool: &Spool, timeout: Duration) -> String {
    let (left, seconds) = (spool.depth().records, timeout.as_secs_f64());
    let fate =
        if spool.durable() { "the rest stays in the spool" } else { "the rest is lost: spool-location is not set" };
    format!("Waiting up to {seconds} s, at most drain-timeout, for the delivery of {left} record(s); {fate}.")
}

/// What becomes of records that are left.
pub(super) fn fate(spool: &Spool) -> &'static str {
    if spool.durable() {
        "They stay in the spool and are sent after the next start."
    } else {
        "They are in memory only and are lost when the sink stops: set spool-location to keep such records."
    }
}
