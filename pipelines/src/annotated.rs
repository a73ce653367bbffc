//! The annotated clip and the picture taken from it.

use crate::launch::quote;
use alpr_core::event::Event;
use gst::prelude::*;
use std::path::{Path, PathBuf};

/// Encoders for the annotated clip by preference, with the muxer behind them. Matroska can be played even when the run
/// was cut short.
const ENCODERS: &[(&str, &str)] = &[
    ("x264enc", "x264enc speed-preset=ultrafast pass=quant quantizer=24 threads=1 tune=zerolatency ! matroskamux"),
    ("openh264enc", "openh264enc ! h264parse ! matroskamux"),
    ("vp8enc", "vp8enc deadline=1 cpu-used=8 ! matroskamux"),
    ("jpegenc", "jpegenc ! matroskamux"),
];

/// The part of a pipeline description that encodes and muxes.
///
/// # Errors
/// A sentence that says what to install when there is no encoder at all.
pub fn encoder() -> Result<&'static str, String> {
    ENCODERS
        .iter()
        .find(|(name, _)| gst::ElementFactory::find(name).is_some())
        .map(|(_, description)| *description)
        .ok_or_else(|| "no video encoder found: install gstreamer1.0-plugins-ugly (x264enc)".to_owned())
}

/// Saves the frame of `clip` that gave the best event, sure and large, as a JPEG file.
///
/// # Errors
/// A sentence that says why there is no picture.
pub fn picture(clip: &Path, events: &[Event], to: &Path) -> Result<PathBuf, String> {
    let worth = |e: &Event| e.plate.confidence * e.extras.plate_bbox.as_ref().map_or(0.0, |b| f64::from(b.w));
    let best = events.iter().max_by(|a, b| worth(a).total_cmp(&worth(b))).ok_or("no picture: there was no event")?;
    let number = best.extras.frame_number.ok_or("no picture: the event names no frame")?;
    let description = format!(
        "filesrc location={} ! decodebin ! videoconvert ! jpegenc quality=90 ! appsink name=out sync=false",
        quote(&clip.to_string_lossy())
    );
    let pipeline = gst::parse::launch(&description)
        .map_err(|e| format!("no picture: {e}"))?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "no picture: no pipeline")?;
    let sink = pipeline.by_name("out").and_downcast::<gst_app::AppSink>().ok_or("no picture: no appsink")?;
    pipeline.set_state(gst::State::Playing).map_err(|e| format!("no picture: {e}"))?;
    let mut frame = None;
    for _ in 0..=number {
        match sink.try_pull_sample(gst::ClockTime::from_seconds(10)) {
            Some(sample) => frame = Some(sample),
            None => break,
        }
    }
    let _ = pipeline.set_state(gst::State::Null);
    let frame = frame.ok_or("no picture: the annotated clip has no frames")?;
    let map = frame.buffer().and_then(|b| b.map_readable().ok()).ok_or("no picture: an empty frame")?;
    std::fs::write(to, &map).map_err(|e| format!("cannot write {}: {e}", to.display()))?;
    Ok(to.to_owned())
}
