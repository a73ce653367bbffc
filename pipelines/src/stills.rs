//! Scores of stills: labelled pictures through the real elements.

use crate::clips::Properties;
use crate::labels::Picture;
use crate::player::told;
use crate::score::plates::{Found, Label, Tally, score};
use crate::still::{self, Still};
use alpr_core::geometry::Rect;
use gst::prelude::*;
use gstalpr::meta::{self, PlateMeta};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Pictures are an hour apart in the stream: elements end all tracks at such a jump, so that nothing is carried over.
const APART: gst::ClockTime = gst::ClockTime::from_seconds(3600);
/// How long one picture may take.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);
/// Pictures decoded ahead.
const AHEAD: usize = 4;

/// How to score.
#[derive(Clone, Debug)]
pub struct Options {
    /// Properties of the elements.
    pub properties: Properties,
    /// Hand the labelled boxes to the reader instead of searching.
    pub given_boxes: bool,
    /// Confidence from which a reading on no labelled plate is a false read.
    pub confidence: f32,
}

/// The counts of all pictures and of every group of them.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// All pictures.
    pub all: Tally,
    /// By set.
    pub sets: BTreeMap<String, Tally>,
    /// By region.
    pub regions: BTreeMap<String, Tally>,
    /// By plate width, index into [`crate::score::plates::WIDTHS`].
    pub widths: BTreeMap<usize, Tally>,
    /// Pictures that could not be decoded, with the reason.
    pub unusable: Vec<String>,
    /// Time in the elements, decoding of files left out.
    pub busy: Duration,
}

/// The elements in a pipeline that takes one picture at a time.
struct Line {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    pushed: u64,
}

impl Line {
    fn start(options: &Options) -> Result<Self, String> {
        let Properties { detect, ocr, .. } = &options.properties;
        // Every plate of a picture is read, however many there are: there is no next frame to read the rest in.
        let ocr = format!("alprocr max-reads-per-frame=64 max-read-time=0 {ocr}");
        let detect = match options.given_boxes {
            true => String::new(),
            false => format!("alprdetect tracking=false {detect} !"),
        };
        let description = format!(
            "appsrc name=in format=time max-buffers=1 block=true ! {detect} {ocr} ! appsink name=out sync=false"
        );
        let pipeline = gst::parse::launch(&description)
            .map_err(|e| format!("cannot build `{description}`: {e}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| "no pipeline")?;
        let source = pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().ok_or("no appsrc")?;
        let sink = pipeline.by_name("out").and_downcast::<gst_app::AppSink>().ok_or("no appsink")?;
        let line = Self { pipeline, source, sink, pushed: 0 };
        line.pipeline.set_state(gst::State::Playing).map_err(|_| line.reason())?;
        Ok(line)
    }

    /// What the elements say when they fail.
    fn reason(&self) -> String {
        let bus = self.pipeline.bus();
        let wait = gst::ClockTime::from_seconds(1);
        let message = bus.and_then(|bus| bus.timed_pop_filtered(wait, &[gst::MessageType::Error]));
        match message.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) => told(error),
            _ => "the elements gave no picture back and no reason".to_owned(),
        }
    }

    fn plates(&mut self, still: &Still, given: Option<&[Label]>) -> Result<Vec<Found>, String> {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, still.width, still.height)
            .fps(gst::Fraction::new(0, 1))
            .build()
            .map_err(|e| e.to_string())?;
        let caps = info.to_caps().map_err(|e| e.to_string())?;
        let mut buffer = gst::Buffer::from_mut_slice(padded(still, info.stride()[0] as usize));
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(APART * self.pushed);
            if let Some(labels) = given {
                meta::write(buffer, &labels.iter().map(|label| as_plate(label, still)).collect::<Vec<_>>());
            }
        }
        self.pushed += 1;
        let sample = gst::Sample::builder().buffer(&buffer).caps(&caps).build();
        drop(buffer);
        self.source.push_sample(&sample).map_err(|_| self.reason())?;
        let sample = self.sink.try_pull_sample(PATIENCE).ok_or_else(|| self.reason())?;
        let buffer = sample.buffer().ok_or("a sample without a picture")?;
        Ok(meta::read(buffer).into_iter().map(as_found).collect())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The plate of a label; one without a place fills the picture.
fn as_plate(label: &Label, still: &Still) -> PlateMeta {
    let whole = Rect::new(0.0, 0.0, still.width as f32, still.height as f32);
    PlateMeta { bbox: label.bbox.unwrap_or(whole), confidence: 1.0, ..PlateMeta::default() }
}

fn as_found(plate: PlateMeta) -> Found {
    let read = plate.consensus.map(|c| (c.text, c.confidence));
    let (text, conf) = read.or_else(|| plate.reading.map(|r| (r.text, r.confidence))).unwrap_or_default();
    let text = alpr_core::event::normalized(&text);
    Found { bbox: plate.bbox, det_conf: plate.confidence, text, conf }
}

/// The picture with rows of `stride` bytes.
fn padded(still: &Still, stride: usize) -> Vec<u8> {
    let row = still.width as usize * 3;
    let mut data = vec![0; stride * still.height as usize];
    for (to, from) in data.chunks_exact_mut(stride).zip(still.rgb.chunks_exact(row)) {
        to[..row].copy_from_slice(from);
    }
    data
}

/// Sends `pictures` through the elements and counts; writes one line a picture to `predictions`: `{"image", "plates":
/// [{"text", "conf", "bbox": [x, y, w, h], "det_conf"}]}`. `progress` hears how many are done.
///
/// # Errors
/// A sentence that says which element failed and why, or that the predictions cannot be written.
pub fn run(
    pictures: &[Picture],
    options: &Options,
    predictions: &Path,
    mut progress: impl FnMut(usize),
) -> Result<Scores, String> {
    gst::init().map_err(|e| format!("GStreamer does not start: {e}"))?;
    let failed = |e: std::io::Error| format!("cannot write {}: {e}", predictions.display());
    let mut out = std::io::BufWriter::new(std::fs::File::create(predictions).map_err(failed)?);
    let mut line = Line::start(options)?;
    let mut scores = Scores::default();
    std::thread::scope(|scope| {
        let (sender, decoded) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            for picture in pictures {
                if sender.send((picture, still::read(&picture.path))).is_err() {
                    break;
                }
            }
        });
        for (done, (picture, still)) in decoded.into_iter().enumerate() {
            match still {
                Ok(still) => {
                    let started = Instant::now();
                    let found = line.plates(&still, options.given_boxes.then_some(picture.plates.as_slice()))?;
                    scores.busy += started.elapsed();
                    scores.add(picture, &found, options.confidence);
                    writeln!(out, "{}", prediction(&picture.name, &found)).map_err(failed)?;
                }
                Err(reason) => scores.unusable.push(reason),
            }
            progress(done + 1);
        }
        out.flush().map_err(failed)
    })?;
    Ok(scores)
}

fn prediction(image: &str, found: &[Found]) -> serde_json::Value {
    let plates: Vec<serde_json::Value> = found
        .iter()
        .map(|f| {
            let bbox = [f.bbox.x, f.bbox.y, f.bbox.w, f.bbox.h];
            json!({"text": f.text, "conf": f.conf, "bbox": bbox, "det_conf": f.det_conf})
        })
        .collect();
    json!({"image": image, "plates": plates})
}

impl Scores {
    fn add(&mut self, picture: &Picture, found: &[Found], confidence: f32) {
        let (tally, widths) = score(&picture.plates, found, confidence);
        self.all.join(&tally);
        self.sets.entry(picture.set.clone()).or_default().join(&tally);
        self.regions.entry(picture.region.clone()).or_default().join(&tally);
        for (bucket, tally) in widths {
            self.widths.entry(bucket).or_default().join(&tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_padded_to_the_stride() {
        let still = Still { width: 1, height: 2, rgb: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(padded(&still, 4), [1, 2, 3, 0, 4, 5, 6, 0]);
    }

    #[test]
    fn a_label_without_a_place_is_the_whole_picture() {
        let still = Still { width: 30, height: 10, rgb: vec![0; 900] };
        let (place, text) = (Rect::new(1.0, 2.0, 9.0, 3.0), Some("A1".to_owned()));
        let label = |bbox| Label { bbox, text: text.clone(), silver: None };
        assert_eq!(as_plate(&label(Some(place)), &still).bbox, place);
        assert_eq!(as_plate(&label(None), &still).bbox, Rect::new(0.0, 0.0, 30.0, 10.0));
    }

    #[test]
    fn predictions_have_their_form() {
        let bbox = Rect::new(1.0, 2.0, 3.5, 4.0);
        let found = Found { bbox, det_conf: 0.5, text: "AB1".into(), conf: 0.25 };
        assert_eq!(
            prediction("a.jpg", &[found]).to_string(),
            r#"{"image":"a.jpg","plates":[{"bbox":[1.0,2.0,3.5,4.0],"conf":0.25,"det_conf":0.5,"text":"AB1"}]}"#
        );
    }
}
