//! Element messages: what an application can act on.

use super::{KafkaSink, imp::CAT};
use crate::error::SinkError;
use crate::lock::lock;
use crate::notice::Notice;
use crate::record::Record;
use crate::spool::Spool;
use glib::subclass::prelude::*;
use gst::prelude::*;
use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Name of the message about the connection: `state` is `connected`, `disconnected`, `refused` or `rebuilding`.
pub(super) const STATE_MESSAGE: &str = "kafkasink-state";
/// Name of the message about records that can never be delivered.
pub(super) const DEAD_LETTER_MESSAGE: &str = "kafkasink-dead-letter";
/// Name of the message about the fill level of the spool: `level` is `high` or `low`.
pub(super) const SPOOL_MESSAGE: &str = "kafkasink-spool";
/// Name of the message about records that are still held when the sink stops.
pub(super) const LEFT_MESSAGE: &str = "kafkasink-left";
/// Name of the message about each record in `mode=mock`.
pub(super) const MOCK_MESSAGE: &str = "kafkasink-mock-record";

/// Dead letters come in masses when a topic is missing: one message this often, with the number since the last.
const DEAD_LETTER_INTERVAL: Duration = Duration::from_secs(1);

/// What fails in the same way again and again is one warning this often.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Posts messages, and remembers what must not flood the bus.
#[derive(Default)]
pub(super) struct Messages {
    dead: Mutex<DeadLetterPace>,
    /// What was warned of in the last minute.
    warned: Mutex<BTreeMap<String, Instant>>,
}

/// Dead letters since the last message about them.
#[derive(Default)]
struct DeadLetterPace {
    last: Option<Instant>,
    number: u64,
    latest: Option<DeadLetter>,
    /// A timer will tell of them.
    timed: bool,
}

struct DeadLetter {
    topic: String,
    cause: String,
    kept: Option<String>,
}

impl Messages {
    /// `next_try`: the longest wait between two tries to connect.
    pub(super) fn post(&self, obj: &KafkaSink, notice: &Notice, servers: &str, next_try: Duration) {
        match notice {
            Notice::Connected => {
                gst::info!(CAT, obj = obj, "Connected to {servers}");
                post_state(obj, "connected", None, None);
            }
            Notice::Disconnected { reason } => {
                post_state(obj, "disconnected", Some(reason), Some(next_try));
                let text = format!(
                    "No broker answers at {servers} ({reason}). Records wait in the spool; the next try is within {} s. \
                     Check bootstrap-servers, the network and the brokers.",
                    next_try.as_secs_f64()
                );
                self.warn(obj, gst::ResourceError::OpenWrite, &text);
            }
            Notice::Refused { tls, reason, give_up } => {
                post_state(obj, "refused", Some(reason), Some(next_try));
                if *give_up {
                    let err = SinkError::Refused { tls: *tls, servers: servers.to_string(), reason: reason.clone() };
                    error(obj, &err);
                } else {
                    let text = format!("{servers} refused the connection: {reason}");
                    self.warn(obj, gst::ResourceError::NotAuthorized, &text);
                }
            }
            Notice::Rebuilding { reason } => {
                post_state(obj, "rebuilding", Some(reason), None);
                let text = format!("A new Kafka client sends everything unconfirmed again: {reason}");
                self.warn(obj, gst::ResourceError::Write, &text);
            }
            Notice::DeadLetter { topic, cause, kept } => {
                let letter = DeadLetter { topic: topic.clone(), cause: cause.clone(), kept: kept.clone() };
                self.note_dead_letter(obj, letter);
            }
            Notice::HighWater { high, depth, max_bytes } => {
                let level = if *high { "high" } else { "low" };
                gst::info!(CAT, obj = obj, "Spool is {level}: {} of {max_bytes} bytes", depth.bytes);
                let structure = gst::Structure::builder(SPOOL_MESSAGE)
                    .field("level", level)
                    .field("records", depth.records)
                    .field("bytes", depth.bytes)
                    .field("max-bytes", *max_bytes)
                    .field("disk-full", depth.disk_full)
                    .build();
                post(obj, structure);
            }
            Notice::Store(err) => self.warn(obj, gst::ResourceError::Write, &err.to_string()),
            Notice::Died { part } => error(obj, &SinkError::Died { part: *part }),
            Notice::Warning(text) => self.warn(obj, gst::ResourceError::Failed, text),
        }
    }

    /// Nothing was warned of yet.
    pub(super) fn forget(&self) {
        lock(&self.warned).clear();
    }

    /// A warning on the bus, unless the same was said not long ago.
    fn warn(&self, obj: &KafkaSink, error: gst::ResourceError, text: &str) {
        // The client ends its reasons with how long it took: "(after 3ms in state CONNECT)".
        let (what, _) = text.split_once(" (after ").unwrap_or((text, ""));
        if self.is_due(what) {
            warning(obj, error, text);
        } else {
            gst::info!(CAT, obj = obj, "{text}");
        }
    }

    /// Notes that `what` is warned of now; false when it was not long ago.
    fn is_due(&self, what: &str) -> bool {
        let mut warned = lock(&self.warned);
        warned.retain(|_, at| at.elapsed() < WARNING_INTERVAL);
        if warned.contains_key(what) {
            return false;
        }
        warned.insert(what.to_string(), Instant::now());
        true
    }

    /// Says that the spool has no room, and what that does to the pipeline.
    pub(super) fn warn_full(&self, obj: &KafkaSink, spool: &Spool) {
        // The text tells numbers that change: it is no name for what it is about.
        if self.is_due("the spool is full") {
            warning(obj, gst::ResourceError::NoSpaceLeft, &spool.describe_full());
        }
    }

    /// Tells of a dead letter, now or, with those that come until then, when the last message is a second ago.
    fn note_dead_letter(&self, obj: &KafkaSink, letter: DeadLetter) {
        let mut pace = lock(&self.dead);
        pace.number += 1;
        pace.latest = Some(letter);
        let elapsed = pace.last.map_or(DEAD_LETTER_INTERVAL, |last| last.elapsed());
        if elapsed >= DEAD_LETTER_INTERVAL {
            drop(pace);
            self.tell_dead_letters(obj);
        } else if !std::mem::replace(&mut pace.timed, true) {
            drop(pace);
            tell_dead_letters_after(obj, DEAD_LETTER_INTERVAL - elapsed);
        }
    }

    /// Tells of the dead letters that nobody has told of yet.
    pub(super) fn tell_dead_letters(&self, obj: &KafkaSink) {
        let (letter, number) = {
            let mut pace = lock(&self.dead);
            let Some(letter) = pace.latest.take() else { return };
            pace.last = Some(Instant::now());
            (letter, std::mem::take(&mut pace.number))
        };
        post_dead_letters(obj, &letter, number);
        self.warn_of_dead_letter(obj, &letter);
    }

    fn warn_of_dead_letter(&self, obj: &KafkaSink, letter: &DeadLetter) {
        let DeadLetter { topic, cause, kept } = letter;
        let fate = match kept {
            Some(place) => format!(
                "is kept in {place}, as are further ones (dead-lettered in stats): remove the cause and send them again."
            ),
            None => {
                "is lost, as are further ones (lost in stats). Set dead-letter-topic or dead-letter-location to keep \
                     such records."
                    .to_string()
            }
        };
        let text = format!("A record for {topic} can never be delivered ({cause}) and {fate}");
        self.warn(obj, gst::ResourceError::Write, &text);
    }
}

/// By a timer, because no further dead letter may come.
fn tell_dead_letters_after(obj: &KafkaSink, wait: Duration) {
    let weak = obj.downgrade();
    let clock = gst::SystemClock::obtain();
    let told = gst::ClockTime::from_nseconds(wait.as_nanos() as u64);
    let timer = clock.new_single_shot_id(clock.time() + told);
    let tell = |obj: &KafkaSink| {
        let messages = &obj.imp().messages;
        lock(&messages.dead).timed = false;
        messages.tell_dead_letters(obj);
    };
    let set = timer.wait_async(move |_, _, _| {
        if let Some(obj) = weak.upgrade() {
            tell(&obj);
        }
    });
    if set.is_err() {
        // Better too soon than never.
        tell(obj);
    }
}

fn post_dead_letters(obj: &KafkaSink, letter: &DeadLetter, number: u64) {
    let DeadLetter { topic, cause, kept } = letter;
    let place = kept.as_deref().unwrap_or("nowhere: set dead-letter-topic or dead-letter-location");
    gst::warning!(CAT, obj = obj, "{number} record(s) for {topic} can never be delivered ({cause}), kept in {place}");
    let structure = gst::Structure::builder(DEAD_LETTER_MESSAGE)
        .field("topic", topic)
        .field("cause", cause)
        .field("kept-in", kept.as_deref())
        .field("records", number)
        .build();
    post(obj, structure);
}

fn post_state(obj: &KafkaSink, state: &str, reason: Option<&str>, next_try: Option<Duration>) {
    let mut builder = gst::Structure::builder(STATE_MESSAGE).field("state", state);
    if let Some(reason) = reason {
        builder = builder.field("reason", reason);
    }
    if let Some(next_try) = next_try {
        builder = builder.field("next-try", next_try.as_nanos() as u64);
    }
    post(obj, builder.build());
}

/// A warning on the bus, and in the debug log: `gst-launch-1.0 -q` and many applications show no warnings of the bus.
pub(super) fn warning(obj: &KafkaSink, error: impl MessageErrorDomain, text: &str) {
    gst::warning!(CAT, obj = obj, "{text}");
    gst::element_warning!(obj, error, ("{text}"));
}

/// An error on the bus, and in the debug log.
pub(super) fn error(obj: &KafkaSink, error: &SinkError) {
    gst::error!(CAT, obj = obj, "{error}");
    obj.post_error_message(error.message());
}

/// Says something that is no warning. `gst-launch-1.0` prints of such a message what is meant for debugging, and that alone.
pub(super) fn say(obj: &KafkaSink, text: &str) {
    gst::element_info!(obj, gst::ResourceError::Write, ("{text}"), ["{text}"]);
}

/// Says something while the sink stops. Then `gst-launch-1.0` does not read its bus any more, as most applications do not:
/// GLib's log comes to whoever looks at the console.
pub(super) fn say_at_stop(obj: &KafkaSink, text: &str) {
    say(obj, text);
    gst::warning!(CAT, obj = obj, "{text}");
    glib::g_message!("kafkasink", "{}: {text}", obj.name());
}

/// Says what is left when the sink stops.
pub(super) fn post_left(obj: &KafkaSink, records: u64, kept: bool) {
    post(obj, gst::Structure::builder(LEFT_MESSAGE).field("records", records).field("kept", kept).build());
}

/// Says what would have been sent.
pub(super) fn post_mock(obj: &KafkaSink, record: &Record) {
    let key = record.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned());
    let event_id = serde_json::from_slice::<serde_json::Value>(&record.value)
        .ok()
        .and_then(|value| Some(value.get("event_id")?.as_str()?.to_string()));
    gst::info!(
        CAT,
        obj = obj,
        "mock: topic {} key {} event id {} ({} bytes)",
        record.topic,
        key.as_deref().unwrap_or("-"),
        event_id.as_deref().unwrap_or("-"),
        record.value.len()
    );
    let structure = gst::Structure::builder(MOCK_MESSAGE)
        .field("topic", &record.topic)
        .field("key", key)
        .field("event-id", event_id)
        .field("bytes", record.value.len() as u64)
        .field("timestamp-ms", record.timestamp_ms)
        .build();
    post(obj, structure);
}

fn post(obj: &KafkaSink, structure: gst::Structure) {
    // Nobody listens when the element is in no pipeline; that is no error.
    let _ = obj.post_message(gst::message::Element::builder(structure).src(obj).build());
}
