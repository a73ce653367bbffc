//! Waiting for delivery, at the end of the stream and at the stop.

use super::{KafkaSink, imp::CAT, messages};
use crate::spool::{Moment, Spool, Waited};
use std::time::{Duration, Instant};

/// A wait that is longer than this is said.
const SAID_AFTER: Duration = Duration::from_millis(300);
/// A wait that is hopeless lasts this long when nothing is lost by leaving: a broker that is just about to answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a wait looks whether it is hopeless.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// At the end of the stream: until everything is delivered, for at most `timeout`, and not for partitions without a leader when the
/// spool is on disk; a flush ends it. `connected` tells whether a broker is there.
pub(super) fn at_end_of_stream(obj: &KafkaSink, spool: &Spool, timeout: Duration, connected: impl Fn() -> bool) {
    let start = Instant::now();
    let say = |text: &str| messages::say(obj, text);
    let waited = wait(spool, timeout, Some(spool.moment()), || connected() && spool.all_leaderless(), say);
    let (took, left) = (start.elapsed(), spool.depth().records);
    if waited == Waited::Left {
        let (seconds, limit) = (took.as_secs_f64(), timeout.as_secs_f64());
        let why = why(spool, connected());
        let fate = fate(spool);
        let text = format!(
            "{left} record(s) were not delivered within {seconds:.1} s (drain-timeout is {limit} s) at the end of the stream: {why} \
             {fate}"
        );
        messages::warning(obj, gst::ResourceError::Write, &text);
    }
    gst::info!(CAT, obj = obj, "Drained for {took:?}, {left} records left");
}

/// At the stop: until everything is delivered, for at most `timeout`, and not for a broker that is away, or a partition that
/// takes nothing, when the spool is on disk. `connected` tells whether a broker is there.
pub(super) fn at_stop(obj: &KafkaSink, spool: &Spool, timeout: Duration, connected: impl Fn() -> bool) {
    let say = |text: &str| messages::say_at_stop(obj, text);
    wait(spool, timeout, None, || !connected() || spool.all_stuck() || spool.all_leaderless(), say);
}

/// Waits until the spool is empty, for at most `timeout`; not for long when that is `hopeless` and nothing is lost by leaving.
fn wait(
    spool: &Spool,
    timeout: Duration,
    until_flush: Option<Moment>,
    hopeless: impl Fn() -> bool,
    say: impl Fn(&str),
) -> Waited {
    let start = Instant::now();
    let mut said = false;
    loop {
        let patience = if spool.durable() && hopeless() { timeout.min(PATIENCE) } else { timeout };
        let left = patience.saturating_sub(start.elapsed());
        let waited = spool.wait_empty(left.min(LOOK_INTERVAL), until_flush);
        if waited != Waited::Left || left.is_zero() {
            return waited;
        }
        let worth_it = start.elapsed() >= SAID_AFTER && patience > start.elapsed() + LOOK_INTERVAL;
        if worth_it && !std::mem::replace(&mut said, true) {
            say(&waiting(spool, patience));
        }
    }
}

fn waiting(spool: &Spool, timeout: Duration) -> String {
    let (left, seconds) = (spool.depth().records, timeout.as_secs_f64());
    let fate =
        if spool.durable() { "the rest stays in the spool" } else { "the rest is lost: spool-location is not set" };
    format!("Waiting up to {seconds} s, at most drain-timeout, for the delivery of {left} record(s); {fate}.")
}

/// Why records are left, as far as that is known.
fn why(spool: &Spool, connected: bool) -> String {
    let topic =
        spool.oldest().map(|record| format!(" (the oldest is for the topic {})", record.topic)).unwrap_or_default();
    if !connected {
        "no broker answers.".to_string()
    } else if spool.all_leaderless() {
        format!("brokers are there, but the partitions of all that is left have no leader{topic}.")
    } else {
        format!("brokers are there and have not confirmed them{topic}: they are slow, or its partitions take nothing.")
    }
}

/// What becomes of records that are left.
pub(super) fn fate(spool: &Spool) -> &'static str {
    if spool.durable() {
        "They stay in the spool and are sent after the next start."
    } else {
        "They are in memory only and are lost when the sink stops: set spool-location to keep such records."
    }
}
