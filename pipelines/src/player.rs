//! Runs a pipeline to its end: errors with their reason, Ctrl-C, and cameras that go away and come back.

use crate::length::CutShort;
use gst::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Name of the `uridecodebin` whose stream is opened again when it ends.
pub const SOURCE: &str = "source";
/// Name of the element right behind it.
pub const BEHIND: &str = "behind";

/// How often [`Player::run`] looks up from the bus.
const TICK: Duration = Duration::from_millis(200);
/// A camera that sends nothing for this long is opened again.
const SILENCE: Duration = Duration::from_secs(15);
/// Waits between attempts to open a camera: the first, doubled up to the last.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How long elements may take to finish their work after the end of the stream was asked for, on top of [`drain_time`].
const FINISH: Duration = Duration::from_secs(20);
/// What is wrong with a file of sound.
const NO_VIDEO: &str = "there is no video in the source";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The stream was over.
    Over,
    /// A person stopped it.
    Stopped,
}

/// A pipeline and what is needed to run it.
pub struct Player {
    pipeline: gst::Pipeline,
    stop: Arc<AtomicBool>,
    camera: Option<Camera>,
    /// Set when a decoder has shown all its streams and none is video.
    no_video: Arc<AtomicBool>,
    /// Set when nobody takes any of them either: a short file then ends without an error and without an end.
    unused: Arc<AtomicBool>,
    cut_short: CutShort,
    warnings: Vec<String>,
}

impl Player {
    /// Builds the pipeline of `description`.
    ///
    /// A `uridecodebin` called [`SOURCE`] with an `rtsp` or `rtsps` address is a live camera: when its stream ends or
    /// fails it is opened again, and the elements behind [`BEHIND`] go on without knowing.
    ///
    /// # Errors
    /// A sentence with the description's fault.
    pub fn new(description: &str) -> Result<Self, String> {
        let pipeline = gst::parse::launch(description)
            .map_err(|e| format!("the pipeline cannot be built: {e}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| "the description has one element only; a pipeline is wanted".to_owned())?;
        let camera = Camera::find(&pipeline)?;
        let (no_video, unused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let cut_short = CutShort::default();
        let decodes = |e: &gst::Element| e.factory().is_some_and(|f| f.name().contains("decodebin"));
        for decoder in pipeline.iterate_elements().into_iter().flatten().filter(decodes) {
            let (found, idle, live) = (no_video.clone(), unused.clone(), camera.is_some());
            decoder.connect_no_more_pads(move |decoder| {
                let pads = decoder.src_pads();
                let none = !pads.iter().any(is_video);
                found.fetch_or(none, Ordering::Relaxed);
                // A camera is opened again instead.
                idle.fetch_or(none && !live && !pads.iter().any(|pad| pad.is_linked()), Ordering::Relaxed);
            });
            if camera.is_none() {
                let (watch, behind) = (cut_short.clone(), Mutex::new(None));
                decoder.connect_pad_added(move |_, pad| {
                    if is_video(pad) {
                        watch.watch(pad);
                        go_on(pad, &mut behind.lock().unwrap_or_else(PoisonError::into_inner));
                    }
                });
            }
        }
        let (stop, warnings) = (Arc::new(AtomicBool::new(false)), Vec::new());
        Ok(Self { pipeline, stop, camera, no_video, unused, cut_short, warnings })
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &gst::Pipeline {
        &self.pipeline
    }

    /// Setting it ends the run: the stream is ended in good order.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Plays to the end. `tick` is called a few times a second and with every message.
    ///
    /// # Errors
    /// What an element said when it failed, and which.
    pub fn run(&mut self, mut tick: impl FnMut(&gst::Pipeline, Option<&gst::Message>)) -> Result<End, String> {
        let bus = self.pipeline.bus().ok_or("the pipeline has no bus")?;
        let started = self.pipeline.set_state(gst::State::Playing);
        let mut stopping: Option<Instant> = None;
        let mut finish = FINISH;
        let mut result = Ok(End::Over);
        loop {
            let message = bus.timed_pop(gst::ClockTime::from_mseconds(TICK.as_millis() as u64));
            tick(&self.pipeline, message.as_ref());
            match message.as_ref().map(|m| m.view()) {
                Some(gst::MessageView::Eos(_)) => break,
                Some(gst::MessageView::Error(error)) if !self.is_cameras(error, stopping.is_some()) => {
                    // What an element says that nobody listens to is the consequence.
                    let no_video = self.no_video.load(Ordering::Relaxed);
                    result = Err(if no_video { NO_VIDEO.to_owned() } else { told(error) });
                    break;
                }
                Some(gst::MessageView::Warning(warning)) => {
                    self.warn(format!("warning of {}: {}", who(warning.src()), warning.error()));
                }
                Some(gst::MessageView::Info(info)) => {
                    self.warn(format!("note of {}: {}", who(info.src()), info.error()));
                }
                _ => {}
            }
            if self.unused.load(Ordering::Relaxed) {
                result = Err(NO_VIDEO.to_owned());
                break;
            }
            if started.is_err() && message.is_none() {
                result = Err("the pipeline does not start and gives no reason".to_owned());
                break;
            }
            if let Some(camera) = &mut self.camera
                && stopping.is_none()
            {
                camera.tend();
            }
            match stopping {
                None if self.stop.load(Ordering::Relaxed) => {
                    stopping = Some(Instant::now());
                    finish = FINISH + drain_time(&self.pipeline);
                    self.end_stream();
                }
                Some(since) if since.elapsed() > finish => {
                    result = Err(format!("elements were not done {} s after the end", finish.as_secs()));
                    break;
                }
                _ => {}
            }
        }
        let _ = self.pipeline.set_state(gst::State::Null);
        if result.is_ok() && stopping.is_some() {
            return Ok(End::Stopped);
        }
        for film in self.cut_short.take() {
            self.warn(format!("warning: {film}"));
        }
        result
    }

    /// What elements warned of and noted so far.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn warn(&mut self, text: String) {
        crate::console::progress_end();
        crate::console::warn(&text);
        self.warnings.push(text);
    }

    /// Whether an error comes from the camera, which is then opened again unless the run is `stopping`.
    fn is_cameras(&mut self, error: &gst::message::Error, stopping: bool) -> bool {
        let Some(camera) = &mut self.camera else { return false };
        let object = error.src();
        // A source that is closed lets go of its parts: what those say last concerns nobody any more.
        if object.is_some_and(|o| !o.has_as_ancestor(&self.pipeline)) {
            return true;
        }
        let ours = camera.owns(object);
        if ours && !stopping {
            camera.silent = false;
            camera.schedule(&error.error().to_string());
        }
        ours
    }

    /// Sends the end of the stream: through the sources, or, where a camera is away, past it.
    fn end_stream(&self) {
        match &self.camera {
            Some(camera) => camera.end_stream(),
            None => {
                self.pipeline.send_event(gst::event::Eos::new());
            }
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The longest time for which a sink of `pipeline` was told to wait at the end of the stream.
fn drain_time(pipeline: &gst::Pipeline) -> Duration {
    let waits = |e: gst::Element| e.find_property("drain-timeout").map(|_| e.property::<u64>("drain-timeout"));
    let longest = pipeline.iterate_recurse().into_iter().flatten().filter_map(waits).max();
    Duration::from_nanos(longest.unwrap_or(0))
}

/// Whether `pad` gives video, as far as it says.
fn is_video(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps().or_else(|| Some(pad.query_caps(None)));
    caps.is_none_or(|caps| caps.structure(0).is_none_or(|s| s.name().starts_with("video/")))
}

/// Links the pictures of `pad` to what is `behind` the decoder, where nobody did. The description's own link is made once, and
/// a recording whose programme changes (films one behind the other in one file) brings a new pad.
fn go_on(pad: &gst::Pad, behind: &mut Option<gst::Pad>) {
    match (pad.peer(), &*behind) {
        (None, Some(sink)) if !sink.is_linked() => {
            let _ = pad.link(sink);
        }
        (Some(sink), None) => *behind = Some(sink),
        _ => (),
    }
}

/// The name of the element that says something.
fn who(object: Option<&gst::Object>) -> String {
    object.map_or_else(|| "the pipeline".to_owned(), |o| o.name().to_string())
}

/// What an error message says, with the element that says it.
pub fn told(error: &gst::message::Error) -> String {
    let (who, reason) = (who(error.src()), error.error());
    match error.debug() {
        Some(debug) => format!("{who}: {reason} ({debug})"),
        None => format!("{who}: {reason}"),
    }
}

/// A live source that is opened again whenever it ends.
struct Camera {
    source: gst::Element,
    after: gst::Pad,
    /// The end of the stream is let through only once it is meant.
    ending: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    /// Buffers seen, to notice silence.
    buffers: Arc<AtomicU64>,
    seen: (u64, Instant),
    wait: Duration,
    retry_at: Option<Instant>,
    /// Silence is why: the camera may still come back by itself.
    silent: bool,
}

impl Camera {
    fn find(pipeline: &gst::Pipeline) -> Result<Option<Self>, String> {
        let Some(source) = pipeline.by_name(SOURCE).filter(|s| s.has_property("uri")) else { return Ok(None) };
        let uri = source.property::<Option<String>>("uri").unwrap_or_default();
        if !uri.starts_with("rtsp://") && !uri.starts_with("rtsps://") {
            return Ok(None);
        }
        let after = pipeline
            .by_name(BEHIND)
            .and_then(|e| e.static_pad("sink"))
            .ok_or_else(|| format!("a live `{SOURCE}` needs an element called `{BEHIND}` behind it"))?;
        let ending = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicBool::new(false));
        let buffers = Arc::new(AtomicU64::new(0));
        let (end_flag, over, count) = (ending.clone(), ended.clone(), buffers.clone());
        after.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER, move |_, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(_)) => {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Some(gst::PadProbeData::Event(event))
                    if event.type_() == gst::EventType::Eos && !end_flag.load(Ordering::Relaxed) =>
                {
                    over.store(true, Ordering::Relaxed);
                    // An event that a probe drops is given up twice by GStreamer before 1.24.8, one that it handled once.
                    return gst::PadProbeReturn::Handled;
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        // The description's own link is made once; a stream that comes back brings a new pad.
        let target = after.clone();
        source.connect_pad_added(move |_, pad| {
            if is_video(pad) && !target.is_linked() {
                let _ = pad.link(&target);
            }
        });
        let seen = (0, Instant::now());
        Ok(Some(Self { source, after, ending, ended, buffers, seen, wait: WAITS.0, retry_at: None, silent: false }))
    }

    /// Whether `object` is this source or a part of it.
    fn owns(&self, object: Option<&gst::Object>) -> bool {
        object.is_some_and(|o| o == self.source.upcast_ref::<gst::Object>() || o.has_as_ancestor(&self.source))
    }

    fn schedule(&mut self, why: &str) {
        if self.retry_at.is_none() {
            crate::console::warn(&format!("the camera is away ({why}); opening it again in {} s", self.wait.as_secs()));
            self.retry_at = Some(Instant::now() + self.wait);
            self.wait = (self.wait * 2).min(WAITS.1);
        }
    }

    /// Notices an end or silence, and opens the source when its time has come.
    fn tend(&mut self) {
        let count = self.buffers.load(Ordering::Relaxed);
        if count != self.seen.0 {
            self.seen = (count, Instant::now());
            if std::mem::take(&mut self.silent) {
                self.retry_at = None;
            }
            if self.retry_at.is_none() {
                self.wait = WAITS.0;
            }
        }
        if self.ended.swap(false, Ordering::Relaxed) {
            self.silent = false;
            self.schedule("its stream ended");
        } else if self.seen.1.elapsed() > SILENCE && self.retry_at.is_none() {
            self.silent = true;
            self.schedule("it sends nothing");
        }
        if self.retry_at.is_some_and(|at| at <= Instant::now()) {
            self.retry_at = None;
            self.silent = false;
            self.seen.1 = Instant::now();
            let _ = self.source.set_state(gst::State::Null);
            if self.source.set_state(gst::State::Playing).is_err() {
                self.schedule("it does not open");
            }
        }
        // Opened again, a live bin stays paused, and only its pipeline's own start would take it further.
        if self.retry_at.is_none() && self.source.current_state() == gst::State::Paused {
            let _ = self.source.set_state(gst::State::Playing);
        }
    }

    fn end_stream(&self) {
        self.ending.store(true, Ordering::Relaxed);
        // From now on nothing comes from the source; what is behind it ends in order.
        if let Some(peer) = self.after.peer() {
            let _ = peer.unlink(&self.after);
        }
        self.after.send_event(gst::event::Eos::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_elements_note_is_told_like_their_warnings() {
        gst::init().unwrap();
        let mut player = Player::new("fakesrc num-buffers=1 ! fakesink name=sink").unwrap();
        let sink = player.pipeline().by_name("sink").unwrap();
        gst::element_warning!(sink, gst::ResourceError::Write, ("no broker answers"));
        gst::element_info!(sink, gst::ResourceError::Write, ("waiting for 3 records"));
        assert_eq!(player.run(|_, _| {}), Ok(End::Over));
        assert_eq!(player.warnings(), ["warning of sink: no broker answers", "note of sink: waiting for 3 records"]);
    }
}
