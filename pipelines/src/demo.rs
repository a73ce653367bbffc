//! The demo: a clip or camera in, Kafka records out, read back and compared with the truth.

use crate::broker::{Broker, Record};
use crate::launch::quote;
use crate::player::{BEHIND, End, Player, SOURCE};
use crate::score::passes::{Sighting, Verdict, judge};
use crate::truth::Truth;
use crate::{annotated, command_line, console, report};
use alpr_core::event::Event;
use gst::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Capture time of the first frame of a file without a date of its own.
const START_TIME: &str = "2026-01-01T00:00:00Z";
/// The same for a broker that lasts: the last midnight, because topics keep records by their capture time, most for a week.
const MIDNIGHT: &str = "%Y-%m-%dT00:00:00Z";
/// Name of the camera in the demo's events.
const CAMERA: &str = "gate-1";
/// Topic of the demo.
const TOPIC: &str = "alpr.plates.detected";
/// How long the last records may take to come back.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// File, or address with a scheme.
    pub input: String,
    /// `HOST:PORT` of a broker; an embedded one when there is none.
    pub kafka: Option<String>,
    /// Folder for what is written.
    pub out: PathBuf,
    /// Properties of `alprdetect`, `alprocr`, `alprdedup`, as in a pipeline description.
    pub properties: [String; 3],
}

/// The address that `uridecodebin` takes.
fn uri(input: &str) -> Result<String, String> {
    if input.contains("://") {
        return Ok(input.to_owned());
    }
    let path = std::fs::canonicalize(input).map_err(|e| format!("cannot open {input}: {e}"))?;
    glib::filename_to_uri(path, None).map(Into::into).map_err(|e| format!("cannot open {input}: {e}"))
}

fn start_time(options: &Options) -> Result<String, String> {
    match &options.kafka {
        None => Ok(START_TIME.to_owned()),
        Some(_) => {
            let now = glib::DateTime::now_utc().and_then(|now| now.format(MIDNIGHT));
            Ok(now.map_err(|e| format!("the clock cannot be read: {e}"))?.into())
        }
    }
}

/// The pipeline description of the demo, for a film that begins at `start`.
pub fn description(options: &Options, servers: &str, clip: &Path, start: &str) -> Result<String, String> {
    let [detect, ocr, dedup] = &options.properties;
    let uri = uri(&options.input)?;
    let live = uri.starts_with("rtsp");
    let uri = quote(&uri);
    // A file's capture time is counted from a known moment, a camera's is the clock's.
    let start = if live { String::new() } else { format!(" start-time={start}") };
    let queue = "queue max-size-buffers=4 max-size-time=0 max-size-bytes=0";
    Ok(format!(
        "uridecodebin name={SOURCE} uri={uri} ! {queue} name={BEHIND} ! videoconvert ! deinterlace fields=top \
         ! videoflip video-direction=auto ! alprdetect name=detect {detect} ! alprocr name=ocr {ocr} ! tee name=plates \
         plates. ! {queue} ! alprdedup name=dedup camera-id={CAMERA}{start} {dedup} \
         ! kafkasink name=kafka bootstrap-servers={servers} topic={TOPIC} \
         plates. ! {queue} ! alproverlay ! videoconvert ! {} ! filesink location={} async=false",
        annotated::encoder()?,
        quote(&clip.to_string_lossy()),
    ))
}

/// Runs the demo to its end and prints the summary.
///
/// # Errors
/// A sentence that says what failed.
pub fn run(options: &Options) -> Result<(), String> {
    gst::init().map_err(|e| format!("GStreamer does not start: {e}"))?;
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot create {}: {e}", options.out.display()))?;
    let broker = Broker::new(options.kafka.as_deref())?;
    broker.create_topic(TOPIC)?;
    let clip = options.out.join("annotated.mkv");
    let start = start_time(options)?;
    let description = description(options, &broker.servers, &clip, &start)?;
    let which = if broker.is_embedded() { "embedded broker" } else { "broker" };
    console::say(&format!("{which} at {}, topic {TOPIC}", broker.servers));
    console::say(&format!("{}\n", command_line::shown(&description)));

    let (sender, records) = mpsc::channel();
    let consumer = Consumer::start(&broker, sender)?;
    let mut player = Player::new(&description)?;
    let stop = player.stop_flag();
    // Where another part of this process handles Ctrl-C already, it stays in charge.
    let _ = ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed));
    let mut show = Show::new(player.pipeline());
    let end = player.run(|pipeline, _| show.update(pipeline, &records));
    console::progress_end();
    let delivered = show.delivered(player.pipeline());
    show.last_records(&records, delivered);
    consumer.stop();
    if let Ok(End::Stopped) = end {
        console::say("stopped");
    }
    summary(options, &show, &clip, &start);
    end.map(|_| ())
}

/// The thread that reads records back.
struct Consumer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Consumer {
    fn start(broker: &Broker, sender: mpsc::Sender<Record>) -> Result<Self, String> {
        let records = broker.consume(TOPIC)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Some(record) = records.next(Duration::from_millis(200))
                    && sender.send(record).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// The values that this run sends and that have not come back yet. Others may write to the same topic of a broker that lasts, with
/// the same camera's name too.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<HashSet<String>>>);

impl Sent {
    /// Notes what leaves a pad: one value in each buffer.
    fn watch(&self, pad: &gst::Pad) {
        let sent = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(map) = info.buffer().and_then(|buffer| buffer.map_readable().ok()) {
                sent.values().insert(String::from_utf8_lossy(&map).trim_end().to_owned());
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// True when this run sent it and it comes back for the first time.
    fn take(&self, value: &str) -> bool {
        self.values().remove(value.trim_end())
    }

    fn values(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is shown while the pipeline runs, and what was seen.
struct Show {
    frames: Arc<AtomicU64>,
    started: Instant,
    shown: Instant,
    seconds: f64,
    passes: u64,
    sent: Sent,
    /// Records that came back.
    back: u64,
    events: Vec<Event>,
}

impl Show {
    fn new(pipeline: &gst::Pipeline) -> Self {
        let frames = Arc::new(AtomicU64::new(0));
        if let Some(pad) = pipeline.by_name("ocr").and_then(|e| e.static_pad("src")) {
            let count = frames.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                count.fetch_add(1, Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            });
        }
        let sent = Sent::default();
        if let Some(pad) = pipeline.by_name("dedup").and_then(|e| e.static_pad("src")) {
            sent.watch(&pad);
        }
        let now = Instant::now();
        Self { frames, started: now, shown: now, seconds: 0.0, passes: 0, sent, back: 0, events: Vec::new() }
    }

    fn update(&mut self, pipeline: &gst::Pipeline, records: &mpsc::Receiver<Record>) {
        while let Ok(record) = records.try_recv() {
            self.event(&record);
        }
        if self.shown.elapsed() < Duration::from_millis(250) {
            return;
        }
        self.shown = Instant::now();
        if let Some(position) = pipeline.by_name("ocr").and_then(|e| e.query_position::<gst::ClockTime>()) {
            self.seconds = position.nseconds() as f64 / 1e9;
        }
        self.passes = count(pipeline, "dedup", "tracks");
        let frames = self.frames.load(Ordering::Relaxed);
        let rate = frames as f64 / self.started.elapsed().as_secs_f64();
        console::progress(&format!(
            "{:7.1} s  {frames} frames  {rate:.1} fps  {} tracks ended  {} events",
            self.seconds,
            self.passes,
            self.events.len()
        ));
    }

    fn event(&mut self, record: &Record) {
        if !self.sent.take(&record.value) {
            return;
        }
        self.back += 1;
        console::progress_end();
        let (partition, offset) = record.place;
        match serde_json::from_str::<Event>(&record.value) {
            Ok(event) => {
                let (plate, key) = (&event.plate, &record.key);
                let region = plate.region.as_deref().unwrap_or("region unknown");
                console::say(&format!(
                    "{:<10} {region}, {:.1} % sure, {}, {} reads, key {key}, partition {partition} offset {offset}\n  {}",
                    plate.text,
                    plate.confidence * 100.0,
                    event.captured_at,
                    event.extras.reads,
                    record.value.trim_end()
                ));
                self.events.push(event);
            }
            Err(e) => console::warn(&format!("record {partition}:{offset} is no event: {e}")),
        }
    }

    /// Records that brokers have confirmed.
    fn delivered(&self, pipeline: &gst::Pipeline) -> u64 {
        count(pipeline, "kafka", "delivered")
    }

    /// Waits for records that were delivered and have not come back yet.
    fn last_records(&mut self, records: &mpsc::Receiver<Record>, delivered: u64) {
        let until = Instant::now() + LAST_RECORDS;
        while self.back < delivered && Instant::now() < until {
            if let Ok(record) = records.recv_timeout(Duration::from_millis(100)) {
                self.event(&record);
            }
        }
    }
}

/// A counter of an element's `stats`, 0 when it has none of that name.
fn count(pipeline: &gst::Pipeline, element: &str, field: &str) -> u64 {
    pipeline
        .by_name(element)
        .filter(|e| e.has_property("stats"))
        .and_then(|e| e.property::<Option<gst::Structure>>("stats"))
        .and_then(|s| s.get::<u64>(field).ok())
        .unwrap_or(0)
}

fn summary(options: &Options, show: &Show, clip: &Path, start: &str) {
    let frames = show.frames.load(Ordering::Relaxed);
    let wall = show.started.elapsed().as_secs_f64();
    console::say(&format!(
        "\n{frames} frames in {wall:.1} s ({:.1} frames a second), {} events delivered and read back",
        frames as f64 / wall,
        show.events.len()
    ));
    match annotated::picture(clip, &show.events, &options.out.join("annotated.jpg")) {
        Ok(picture) => console::say(&format!("annotated clip {}, picture {}", clip.display(), picture.display())),
        Err(e) => console::say(&format!("annotated clip {} ({e})", clip.display())),
    }
    let truth = Truth::path_for(Path::new(&options.input));
    if truth.is_file() {
        match Truth::read(&truth) {
            Ok(mut truth) => {
                // A run that was stopped owes nothing for passes that it has not seen whole.
                truth.passes.retain(|p| u64::from(p.last_frame) < frames);
                console::say(report::verdict(&verdict(&truth, &show.events, start)).trim_end());
            }
            Err(e) => console::warn(&e),
        }
    }
}

/// How the events of a film that began at `start` compare with the truth.
fn verdict(truth: &Truth, events: &[Event], start: &str) -> Verdict {
    let sightings: Vec<Sighting> = events.iter().filter_map(|e| crate::clips::sighting(e, start)).collect();
    judge(truth, &sightings, crate::clips::DEFAULT_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: &str) -> Record {
        Record { key: CAMERA.into(), value: value.into(), place: (0, 0) }
    }

    #[test]
    fn records_of_others_in_the_same_topic_are_none_of_the_demos() {
        gst::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("value");
        std::fs::write(&file, "{\"ours\":1}\n").unwrap();
        let line = format!("filesrc name=dedup location={} ! fakesink", quote(&file.to_string_lossy()));
        let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
        let mut show = Show::new(&pipeline);
        pipeline.set_state(gst::State::Playing).unwrap();
        let end =
            pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Eos]);
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(end.is_some());
        let (sender, records) = mpsc::channel();
        for value in ["{\"theirs\":1}", "{\"ours\":1}", "{\"ours\":1}", "{\"theirs\":2}"] {
            sender.send(record(value)).unwrap();
        }
        show.last_records(&records, 1);
        assert_eq!((show.back, records.try_iter().count()), (1, 2), "the wait ends with the one of this run");
        show.event(&record("{\"ours\":1}"));
        assert_eq!(show.back, 1, "sent twice, counted once");
    }
}
