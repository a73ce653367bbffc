//! Scores of clips: the whole line of elements over a clip with a truth file.

use crate::launch::quote;
use crate::player::Player;
use crate::score::passes::{Sighting, Verdict, judge};
use crate::truth::Truth;
use alpr_core::event::Event;
use gst::prelude::*;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Seconds within which the same plate owes no second event: the default of `alprdedup`.
pub const DEFAULT_WINDOW: f64 = 300.0;
/// Capture time of the first frame.
const START_TIME: &str = "2026-01-01T00:00:00Z";

/// Properties of the three elements, written as in a pipeline description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Of `alprdetect`.
    pub detect: String,
    /// Of `alprocr`.
    pub ocr: String,
    /// Of `alprdedup`.
    pub dedup: String,
}

/// What came of a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every event, in order.
    pub events: Vec<Event>,
    /// The comparison with the truth.
    pub verdict: Verdict,
    /// Frames that went through.
    pub frames: u64,
    /// How long it took.
    pub wall: Duration,
}

/// Seconds of the clip at which an event was captured, when the clip began at `start`; nothing when its time is none.
pub fn sighting(event: &Event, start: &str) -> Option<Sighting> {
    let at = |text: &str| {
        let time = glib::DateTime::from_iso8601(text, Some(&glib::TimeZone::utc())).ok()?;
        Some(time.to_unix() as f64 + time.microsecond() as f64 / 1e6)
    };
    Some(Sighting { text: event.plate.normalized_text.clone(), seconds: at(&event.captured_at)? - at(start)? })
}

/// Runs the elements over a clip and compares the events with its truth.
///
/// `window` is the duplicate window in seconds; it is set on `alprdedup`.
///
/// # Errors
/// A sentence that says what failed: no truth file, an element that is missing or fails.
pub fn score(clip: &Path, properties: &Properties, window: f64) -> Result<Outcome, String> {
    gst::init().map_err(|e| format!("GStreamer does not start: {e}"))?;
    let truth = Truth::read(&Truth::path_for(clip))?;
    let Properties { detect, ocr, dedup } = properties;
    let description = format!(
        "filesrc location={} ! decodebin ! videoconvert ! queue max-size-buffers=4 ! alprdetect name=detect {detect} \
         ! alprocr {ocr} ! alprdedup camera-id={} start-time={START_TIME} time-window={} {dedup} \
         ! appsink name=events sync=false",
        quote(&clip.to_string_lossy()),
        quote(&truth.camera),
        (window * 1e9) as u64,
    );
    let started = Instant::now();
    let mut player = Player::new(&description)?;
    let events = collect(player.pipeline())?;
    let frames = counted(player.pipeline());
    player.run(|_, _| {})?;
    let events = std::mem::take(&mut *events.lock().map_err(|_| "reading events failed")?);
    let sightings: Vec<Sighting> = events.iter().filter_map(|e| sighting(e, START_TIME)).collect();
    let verdict = judge(&truth, &sightings, window);
    let frames = frames.load(std::sync::atomic::Ordering::Relaxed);
    Ok(Outcome { events, verdict, frames, wall: started.elapsed() })
}

/// Gathers the events that reach the appsink.
fn collect(pipeline: &gst::Pipeline) -> Result<Arc<Mutex<Vec<Event>>>, String> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = pipeline.by_name("events").and_downcast::<gst_app::AppSink>().ok_or("the pipeline has no appsink")?;
    let list = events.clone();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let map = sample.buffer().and_then(|b| b.map_readable().ok()).ok_or(gst::FlowError::Error)?;
        // Other kinds of records say in `kind` what they are; events have none.
        if let (Ok(event), Ok(mut list)) = (serde_json::from_slice::<Event>(&map), list.lock()) {
            list.push(event);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
    Ok(events)
}

fn counted(pipeline: &gst::Pipeline) -> Arc<std::sync::atomic::AtomicU64> {
    let frames = Arc::new(std::sync::atomic::AtomicU64::new(0));
    if let Some(pad) = pipeline.by_name("detect").and_then(|e| e.static_pad("sink")) {
        let count = frames.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
    frames
}
