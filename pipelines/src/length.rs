//! Notices films that end before they said they would. Demultiplexers take the end of a file for the end of the film, whatever
//! its head says, and report nothing.

use gst::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How much shorter than announced a picture may be: the sound may run on a little longer.
const SLACK: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// What was noticed, a sentence for each film.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutShort(Arc<Mutex<Vec<String>>>);

impl CutShort {
    /// Looks at the pictures that a decoder gives on `pad`.
    pub(crate) fn watch(&self, pad: &gst::Pad) {
        let (found, reached) = (self.clone(), AtomicU64::new(0));
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let end = end(pad, buffer).map_or(0, gst::ClockTime::nseconds);
                    reached.fetch_max(end, Ordering::Relaxed);
                }
                Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                    let reached = gst::ClockTime::from_nseconds(reached.load(Ordering::Relaxed));
                    let announced = pad.query_duration::<gst::ClockTime>();
                    if let Some(announced) = announced.filter(|announced| *announced > reached + SLACK) {
                        found.add(pad, announced, reached);
                    }
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn add(&self, pad: &gst::Pad, announced: gst::ClockTime, reached: gst::ClockTime) {
        let mut query = gst::query::Uri::new();
        let place = pad.query(&mut query).then(|| query.uri()).flatten();
        let seconds = |time: gst::ClockTime| time.nseconds() as f64 / 1e9;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!(
            "{} announces a film of {:.1} s, and its pictures ended after {:.1} s: it looks cut off. What was on the rest is missing \
             in the events; fetch the file again if it is longer elsewhere",
            place.as_deref().unwrap_or("the source"),
            seconds(announced),
            seconds(reached),
        ));
    }

    /// The sentences so far; takes them.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When the picture ends, counted from the beginning of the film.
fn end(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let begin = segment.segment().downcast_ref::<gst::ClockTime>()?.to_stream_time(buffer.pts()?)?;
    Some(begin + buffer.duration().unwrap_or_default())
}
