//! What the elements have in common.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gst_base::prelude::*;

use crate::error::Error;
use crate::frame;
use crate::meta::{self, PlateMeta};
use crate::runtime::Canceller;
use crate::stream::{InSegment, Lateness};

/// Author in element descriptions.
pub(crate) const AUTHOR: &str = env!("CARGO_PKG_AUTHORS");

/// Most elements that [`neighbours`] gives, and most borders of bins on one link: a pipeline that is larger is not looked through.
const MOST_NEIGHBOURS: usize = 256;

/// Always one sink and one source pad, with pictures in system memory.
pub(crate) fn video_templates() -> Vec<gst::PadTemplate> {
    templates(&frame::caps())
}

/// The same, and DeepStream's surfaces.
pub(crate) fn surface_templates() -> Vec<gst::PadTemplate> {
    templates(&frame::caps_with_surfaces())
}

fn templates(caps: &gst::Caps) -> Vec<gst::PadTemplate> {
    [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
        .into_iter()
        .filter_map(|(name, direction)| gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps).ok())
        .collect()
}

/// `caps` that the pad of `element` opposite to `direction` has for those of the pad in that direction. The sink pad takes DeepStream's
/// surfaces only where upstream or downstream has nothing else: a converter that could bring the pictures into system memory would
/// otherwise leave them in the GPU's.
pub(crate) fn preferring_pixels(
    element: &impl IsA<gst_base::BaseTransform>,
    direction: gst::PadDirection,
    caps: gst::Caps,
) -> gst::Caps {
    if direction != gst::PadDirection::Src {
        return caps;
    }
    let pixels = caps.intersect(&frame::caps());
    let upstream = element.sink_pad().peer_query_caps(None);
    if !upstream.is_any() && upstream.can_intersect(&pixels) { pixels } else { caps }
}

/// Locks `mutex`. A panic of another holder does not spread: GStreamer has already turned it into an element error.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` on what is in `state`, which is out of its lock meanwhile; `None` when the element is stopped.
pub(crate) fn with<S, R>(state: &Mutex<Option<S>>, work: impl FnOnce(&mut S) -> R) -> Option<R> {
    let mut taken = lock(state).take()?;
    let result = work(&mut taken);
    *lock(state) = Some(taken);
    Some(result)
}

/// How work on a buffer ends for upstream; a failure is posted as an error of `element`.
pub(crate) fn flow(element: &impl IsA<gst::Element>, result: Option<Result<(), Error>>) -> Result<(), gst::FlowError> {
    match result {
        Some(Ok(())) => Ok(()),
        None | Some(Err(Error::Cancelled)) => Err(gst::FlowError::Flushing),
        Some(Err(err)) => {
            element.post_error_message(err.message());
            Err(gst::FlowError::Error)
        }
    }
}

/// When `buffer` is in the segment of `element`, and which moment of the stream it shows.
pub(crate) fn in_segment(element: &impl IsA<gst_base::BaseTransform>, buffer: &gst::BufferRef) -> InSegment {
    let segment = element.segment();
    let Some(segment) = segment.downcast_ref::<gst::ClockTime>() else { return InSegment::default() };
    let pace = (segment.rate() * segment.applied_rate()).abs();
    let shown = segment.to_stream_time(buffer.pts()).filter(|_| pace > 0.0);
    let shown = shown.map(|time| gst::ClockTime::from_nseconds((time.nseconds() as f64 / pace) as u64));
    InSegment { running: segment.to_running_time(buffer.pts()), shown }
}

/// Name of the property that turns [`publish`] on.
pub(crate) const PUBLISH: &str = "output-object-meta";

/// Its specification.
pub(crate) fn publish_property() -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(PUBLISH)
        .nick("Output Object Metadata")
        .blurb("Writes plates and texts into the object metadata of a DeepStream batch too, where nvdsosd and nvmsgconv find them")
        .default_value(true)
        .mutable_playing()
        .build()
}

/// Writes `plates` where DeepStream's elements look for them. When that cannot be done, `element` says so once.
pub(crate) fn publish(
    element: &impl IsA<gst::Element>,
    buffer: &mut gst::BufferRef,
    plates: &[PlateMeta],
    warned: &mut bool,
) {
    if let Err(err) = meta::publish(buffer, plates)
        && !std::mem::replace(warned, true)
    {
        gst::element_warning!(
            element,
            gst::LibraryError::Failed,
            ("Plates are not written into DeepStream's batch, so nvdsosd draws none and nvmsgconv sends none: {err}. \
              {PUBLISH}=false does without")
        );
    }
}

/// Watches whether plates come through what stands before an element.
#[derive(Default)]
pub(crate) struct Passage {
    /// Pictures that lost their plates, until one has some.
    lost: u32,
    settled: bool,
}

impl Passage {
    /// Pictures that lost all plates before that is told: one may well leave out those at its edge.
    const PATIENCE: u32 = 10;

    /// What to warn of, once: `buffer`, on which plates are `seen` or not, is one of several that lost theirs, and none came
    /// through before.
    pub(crate) fn problem(&mut self, buffer: &gst::BufferRef, seen: bool) -> Option<&'static str> {
        if self.settled {
            return None;
        }
        self.lost += u32::from(!seen && meta::were_dropped(buffer));
        self.settled = seen || self.lost == Self::PATIENCE;
        (self.settled && !seen).then_some(
            "No plates come through: an element between alprdetect and this one drops regions of interest, as \
             videocrop, videobox and videoflip do. Put it before alprdetect; docs/metadata.md says which elements keep \
             plates",
        )
    }
}

/// Whether what comes to `sink` is live: from a camera, and not from a file that waits until it is asked.
pub(crate) fn is_live(sink: &gst::Pad) -> bool {
    let mut latency = gst::query::Latency::new();
    sink.peer_query(&mut latency) && latency.result().0
}

/// The elements that `pad` is linked to, near and far, the way that the stream goes through them: before a sink pad, behind a source
/// pad. They are looked for as they are asked for.
pub(crate) fn neighbours(pad: &gst::Pad) -> impl Iterator<Item = gst::Element> {
    let (mut seen, mut ahead) = (HashSet::new(), vec![pad.clone()]);
    std::iter::from_fn(move || {
        while let Some(pad) = ahead.pop() {
            let Some(peer) = peer(&pad) else { continue };
            if let Some(element) = peer.parent_element()
                && seen.len() < MOST_NEIGHBOURS
                && seen.insert(element.clone())
            {
                ahead.extend(peer.iterate_internal_links().into_iter().map_while(Result::ok));
                return Some(element);
            }
        }
        None
    })
}

/// The pad of an element at the other end of the link of `pad`, in or out of bins.
fn peer(pad: &gst::Pad) -> Option<gst::Pad> {
    let mut peer = pad.peer()?;
    for _ in 0..MOST_NEIGHBOURS {
        peer = if let Some(ghost) = peer.downcast_ref::<gst::GhostPad>() {
            // into a bin
            ghost.target()?
        } else if let Some(ghost) = peer.parent().and_then(|parent| parent.downcast::<gst::GhostPad>().ok()) {
            // out of one
            ghost.peer()?
        } else {
            return Some(peer);
        };
    }
    None
}

/// Takes back that downstream can cut pictures by itself: an element that passes pictures through would be given whole ones, with
/// what is cut away, and its places would be those of the whole picture.
pub(crate) fn without_crop(allocation: &mut gst::query::Allocation) {
    if let Some(index) = allocation.find_allocation_meta::<gst_video::VideoCropMeta>() {
        allocation.remove_nth_allocation_meta(index);
    }
}

/// What other threads tell the streaming thread of an element with a model: to stop an inference, and that frames come
/// too late.
#[derive(Default)]
pub(crate) struct Control {
    /// Present from start to stop.
    canceller: Mutex<Option<Canceller>>,
    lateness: Mutex<Lateness>,
    /// Whether the stream is live; `None` before it was asked.
    live: Mutex<Option<bool>>,
}

impl Control {
    /// The element starts.
    pub(crate) fn start(&self, canceller: Canceller) {
        *lock(&self.canceller) = Some(canceller);
        *lock(&self.live) = None;
        lock(&self.lateness).reset();
    }

    /// The element has stopped.
    pub(crate) fn stop(&self) {
        *lock(&self.canceller) = None;
    }

    /// Ends a running inference: the streaming thread must not finish it before it can stop.
    pub(crate) fn cancel(&self) {
        if let Some(canceller) = &*lock(&self.canceller) {
            canceller.cancel();
        }
    }

    /// Looks at an event from upstream; `true` when what was before has nothing to do with what follows.
    pub(crate) fn sink_event(&self, event: &gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => self.cancel(),
            gst::EventView::FlushStop(_) => {
                if let Some(canceller) = &*lock(&self.canceller) {
                    canceller.resume();
                }
                lock(&self.lateness).reset();
                return true;
            }
            gst::EventView::Segment(_) => lock(&self.lateness).reset(),
            // `alprdedup` ends its passes there as well: what goes on behind it, in a loop for instance, is another track
            gst::EventView::Eos(_) | gst::EventView::SegmentDone(_) => return true,
            _ => (),
        }
        false
    }

    /// Looks at an event that comes to `element` from downstream; `false` when it shall go no further.
    ///
    /// A sink that says how late its frames are concerns live streams alone: a file gives the same plates at any speed, so neither
    /// this element nor the decoder may leave frames out.
    pub(crate) fn src_event(&self, element: &impl IsA<gst_base::BaseTransform>, event: &gst::Event) -> bool {
        let gst::EventView::Qos(qos) = event.view() else { return true };
        let known = *lock(&self.live);
        let live = known.unwrap_or_else(|| is_live(element.sink_pad()));
        *lock(&self.live) = Some(live);
        if live {
            let (_, _, diff, timestamp) = qos.get();
            lock(&self.lateness).report(timestamp, diff);
        }
        live
    }

    /// Whether a frame of this running time is too late to be worth an inference; see [`Lateness::is_late`].
    pub(crate) fn is_late(&self, running: Option<gst::ClockTime>, wanted: bool) -> bool {
        lock(&self.lateness).is_late(running, wanted)
    }
}
