//! Plates and vehicles that DeepStream put on a buffer, read without its libraries.

mod write;

use alpr_core::contract::Attribute;
use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;
use alpr_core::time::Timestamp;
use alpr_nvds::{Frame, Object};
use gst_video::VideoMeta;

use super::{PictureId, PlateMeta, Region, is_plate_type};

pub use write::publish;

/// A frame, and the pixels of the buffer's picture for one pixel of the muxer.
type Scaled<'a> = (Frame<'a>, (f32, f32));

/// The frames of the batch on `buffer` in the order of their surfaces.
fn frames(buffer: &gst::BufferRef) -> Vec<Scaled<'_>> {
    // Converters keep the boxes as they are when they scale the picture.
    let scale = |frame: &Frame<'_>| match (buffer.meta::<VideoMeta>(), frame.pipeline_size()) {
        (Some(video), (w, h)) if w > 0 && h > 0 => (video.width() as f32 / w as f32, video.height() as f32 / h as f32),
        _ => (1.0, 1.0),
    };
    let batch = alpr_nvds::find(buffer);
    let mut frames: Vec<Scaled<'_>> =
        batch.iter().flat_map(alpr_nvds::Batch::frames).map(|frame| (frame, scale(&frame))).collect();
    frames.sort_by_key(|(frame, _)| frame.batch_id());
    frames
}

/// The pictures of the batch on `buffer`; none where there is no batch.
pub(super) fn pictures(buffer: &gst::BufferRef) -> Vec<PictureId> {
    let id = |(frame, _): &Scaled<'_>| PictureId { source: frame.source_id(), surface: frame.batch_id() };
    frames(buffer).iter().map(id).collect()
}

/// The frame whose picture is `id`.
fn frame(buffer: &gst::BufferRef, id: PictureId) -> Option<Scaled<'_>> {
    frames(buffer).into_iter().find(|(frame, _)| frame.batch_id() == id.surface && frame.source_id() == id.source)
}

/// When the picture was taken, where the source or the muxer says so.
pub(super) fn capture_time(buffer: &gst::BufferRef, id: PictureId) -> Option<Timestamp> {
    let (frame, _) = frame(buffer, id)?;
    i64::try_from(frame.ntp_timestamp()?).ok().map(Timestamp)
}

/// The objects of a frame, each with its label.
fn objects((frame, scale): Scaled<'_>) -> impl Iterator<Item = (Object<'_>, &str, (f32, f32))> {
    frame.objects().filter_map(move |object| Some((object, object.label()?, scale)))
}

/// Plates of the picture.
pub(super) fn plates(buffer: &gst::BufferRef, id: PictureId) -> impl Iterator<Item = PlateMeta> {
    frame(buffer, id).into_iter().flat_map(plates_of)
}

/// Objects of the picture that are no plates; only those of class `kind` unless that is empty.
pub(super) fn regions(buffer: &gst::BufferRef, id: PictureId, kind: &str) -> impl Iterator<Item = Region> {
    frame(buffer, id).into_iter().flat_map(move |frame| regions_of(frame, kind))
}

fn plates_of(frame: Scaled<'_>) -> impl Iterator<Item = PlateMeta> {
    objects(frame).filter(|(_, label, _)| is_plate_type(label)).map(|(object, label, scale)| {
        let parent = object.parent();
        PlateMeta {
            bbox: rect(&object, scale),
            confidence: object.confidence().unwrap_or(0.0),
            label: label.to_owned(),
            // What is ours and has no score was not seen in this frame.
            predicted: object.component_id() == alpr_nvds::COMPONENT_ID && object.confidence().is_none(),
            // A detector that runs on vehicles gives plates no track of their own: the vehicle's is theirs.
            track_id: object.track_id().or_else(|| parent?.track_id()),
            vehicle: parent.map(|parent| vehicle(&parent, scale)),
            ..PlateMeta::default()
        }
    })
}

fn regions_of(frame: Scaled<'_>, kind: &str) -> impl Iterator<Item = Region> {
    objects(frame)
        .filter(move |(_, label, _)| !is_plate_type(label) && (kind.is_empty() || *label == kind))
        .map(|(object, label, scale)| Region { id: 0, class: label.to_owned(), vehicle: vehicle(&object, scale) })
}

/// An object as a vehicle, with what classifiers say of it: of several that tell the same, the surest.
fn vehicle(object: &Object<'_>, scale: (f32, f32)) -> Vehicle {
    let said = |wanted: Attribute| {
        let answers = object.classifications().filter(|said| said.kind.and_then(Attribute::of) == Some(wanted));
        let surest = answers.max_by(|a, b| a.probability.total_cmp(&b.probability));
        surest.map(|said| said.label.to_owned())
    };
    Vehicle {
        kind: said(Attribute::Type).or_else(|| object.label().map(str::to_owned)),
        make: said(Attribute::Make),
        model: said(Attribute::Model),
        color: said(Attribute::Color),
        bbox: Some(rect(object, scale)),
        id: object.track_id(),
    }
}

fn rect(object: &Object<'_>, (x, y): (f32, f32)) -> Rect {
    let bbox = object.bbox();
    Rect::new(bbox.left * x, bbox.top * y, bbox.width * x, bbox.height * y)
}
