//! Films clips into files.

use super::film::Film;
use super::scenario::{self, Clip, Format};
use crate::truth::Truth;
use gst::prelude::*;
use std::path::{Path, PathBuf};

/// What to film.
#[derive(Clone, Debug)]
pub struct Order {
    /// Name of the scenario.
    pub scenario: String,
    /// Decides texts, colours and streets.
    pub seed: u64,
    /// Frames a second.
    pub fps: u32,
    /// Picture width in pixels, a multiple of 4.
    pub width: u32,
    /// Picture height in pixels, even.
    pub height: u32,
}

/// H.264 encoders by preference, set up alike: about the quality of a surveillance camera.
const ENCODERS: &[(&str, &str)] = &[
    ("x264enc", "x264enc pass=quant quantizer=26 speed-preset=veryfast bframes=0 key-int-max=60 threads=2"),
    ("openh264enc", "openh264enc rate-control=quality bitrate=4000000 gop-size=60 ! h264parse"),
    ("avenc_mpeg4", "avenc_mpeg4 bitrate=6000000 ! mpeg4videoparse"),
];

/// Films a scenario into `out` (an `.mp4` file) and writes the truth file beside it; `progress` hears about every
/// frame (done, all). A scenario of several cameras writes one clip a camera: its id is put before the suffix.
///
/// # Errors
/// A sentence that says what failed: an unknown scenario, a missing encoder, a file that cannot be written.
pub fn film(order: &Order, out: &Path, mut progress: impl FnMut(u32, u32)) -> Result<Vec<PathBuf>, String> {
    // Rows of RGB whose width is a multiple of 4 need no padding.
    if !order.width.is_multiple_of(4)
        || !order.height.is_multiple_of(2)
        || order.width < 64
        || order.height < 64
        || order.fps == 0
    {
        return Err(format!(
            "cannot film {}x{} at {} frames a second: width a multiple of 4, height even, at least 64; rate at least 1",
            order.width, order.height, order.fps
        ));
    }
    gst::init().map_err(|e| format!("GStreamer does not start: {e}"))?;
    let clips = scenario::clips(&order.scenario, order.seed, Format { width: order.width, height: order.height })?;
    let several = clips.len() > 1;
    let mut files = Vec::new();
    for clip in &clips {
        let path = if several { out.with_extension(format!("{}.mp4", clip.camera)) } else { out.to_owned() };
        film_one(order, clip, &path, &mut progress)?;
        files.push(path);
    }
    Ok(files)
}

fn film_one(order: &Order, clip: &Clip, path: &Path, progress: &mut impl FnMut(u32, u32)) -> Result<(), String> {
    let counts: Vec<u32> = clip.shots.iter().map(|s| (s.seconds * order.fps as f32) as u32).collect();
    let all: u32 = counts.iter().sum();
    let mut truth = Truth {
        clip: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        camera: clip.camera.clone(),
        scenario: order.scenario.clone(),
        seed: order.seed,
        width: order.width,
        height: order.height,
        fps: order.fps,
        frames: all,
        passes: Vec::new(),
    };
    let sink = Recorder::start(order, path)?;
    let mut number = 0;
    for (shot, count) in clip.shots.iter().zip(counts) {
        let mut film = Film::new(shot, order.seed.wrapping_add(u64::from(number)));
        for i in 0..count {
            let frame = film.frame(i as f32 / order.fps as f32, number);
            sink.push(frame, number, order.fps)?;
            number += 1;
            progress(number, all);
        }
        truth.passes.extend(film.into_passes());
    }
    sink.finish()?;
    truth.passes.sort_by_key(|p| p.first_frame);
    truth.write(&Truth::path_for(path))
}

/// A pipeline that takes RGB frames and writes a file.
struct Recorder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
}

impl Recorder {
    fn start(order: &Order, path: &Path) -> Result<Self, String> {
        let (_, encoder) = ENCODERS
            .iter()
            .find(|(name, _)| gst::ElementFactory::find(name).is_some())
            .ok_or("no video encoder found: install gstreamer1.0-plugins-ugly (x264enc)")?;
        let description = format!(
            "appsrc name=in format=time block=true max-buffers=8 ! videoconvert n-threads=2 ! video/x-raw,format=I420 \
             ! {encoder} ! mp4mux faststart=true ! filesink name=out"
        );
        let pipeline = gst::parse::launch(&description)
            .map_err(|e| format!("cannot build `{description}`: {e}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| "the description is no pipeline".to_owned())?;
        let source = pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().ok_or("the pipeline has no appsrc")?;
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "RGB")
            .field("width", order.width as i32)
            .field("height", order.height as i32)
            .field("framerate", gst::Fraction::new(order.fps as i32, 1))
            .build();
        source.set_caps(Some(&caps));
        let file = pipeline.by_name("out").ok_or("the pipeline has no filesink")?;
        file.set_property("location", path.to_string_lossy().as_ref());
        pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| format!("cannot write {}: {}", path.display(), first_error(&pipeline)))?;
        Ok(Self { pipeline, source })
    }

    fn push(&self, rgb: Vec<u8>, number: u32, fps: u32) -> Result<(), String> {
        let second = gst::ClockTime::SECOND.nseconds();
        let at = |n: u32| gst::ClockTime::from_nseconds(u64::from(n) * second / u64::from(fps));
        let mut buffer = gst::Buffer::from_mut_slice(rgb);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(at(number));
            buffer.set_duration(at(number + 1) - at(number));
        }
        self.source.push_buffer(buffer).map(|_| ()).map_err(|e| format!("{e}: {}", first_error(&self.pipeline)))
    }

    fn finish(self) -> Result<(), String> {
        self.source.end_of_stream().map_err(|e| format!("cannot end the clip: {e}"))?;
        let bus = self.pipeline.bus().ok_or("the pipeline has no bus")?;
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let result = match bus.timed_pop_filtered(gst::ClockTime::from_seconds(120), &ends) {
            Some(message) if message.type_() == gst::MessageType::Eos => Ok(()),
            Some(message) => Err(format!("encoding failed: {:?}", message.view())),
            None => Err("the encoder did not finish within 120 s".to_owned()),
        };
        let _ = self.pipeline.set_state(gst::State::Null);
        result
    }
}

fn first_error(pipeline: &gst::Pipeline) -> String {
    let message = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Error(e)) => e.error().to_string(),
        _ => "the pipeline gave no reason".to_owned(),
    }
}
