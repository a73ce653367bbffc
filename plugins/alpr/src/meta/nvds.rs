//! Plates and vehicles that DeepStream put on a buffer, read without its libraries.

use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;
use alpr_core::time::Timestamp;
use alpr_nvds::{Frame, Object};
use gst_video::VideoMeta;

use super::{PlateMeta, Region, is_plate_type};

/// The frame whose picture is in `buffer`, and the pixels of that picture for one pixel of the muxer.
///
/// A buffer in system memory holds one picture: of a batch, the first.
fn frame(buffer: &gst::BufferRef) -> Option<(Frame<'_>, (f32, f32))> {
    let frame = alpr_nvds::find(buffer)?.frames().min_by_key(Frame::batch_id)?;
    // Converters keep the boxes as they are when they scale the picture.
    let scale = match (buffer.meta::<VideoMeta>(), frame.pipeline_size()) {
        (Some(video), (w, h)) if w > 0 && h > 0 => (video.width() as f32 / w as f32, video.height() as f32 / h as f32),
        _ => (1.0, 1.0),
    };
    Some((frame, scale))
}

/// When the picture was taken, where the source or the muxer says so.
pub(super) fn capture_time(buffer: &gst::BufferRef) -> Option<Timestamp> {
    let (frame, _) = frame(buffer)?;
    i64::try_from(frame.ntp_timestamp()?).ok().map(Timestamp)
}

/// The objects of the picture, each with its label.
fn objects(buffer: &gst::BufferRef) -> impl Iterator<Item = (Object<'_>, &str, (f32, f32))> {
    frame(buffer)
        .into_iter()
        .flat_map(|(frame, scale)| frame.objects().filter_map(move |object| Some((object, object.label()?, scale))))
}

/// Plates of the picture.
pub(super) fn plates(buffer: &gst::BufferRef) -> impl Iterator<Item = PlateMeta> {
    objects(buffer).filter(|(_, label, _)| is_plate_type(label)).map(|(object, label, scale)| {
        let parent = object.parent();
        PlateMeta {
            bbox: rect(&object, scale),
            confidence: object.confidence().unwrap_or(0.0),
            label: label.to_owned(),
            // A detector that runs on vehicles gives plates no track of their own: the vehicle's is theirs.
            track_id: object.track_id().or_else(|| parent?.track_id()),
            vehicle: parent.map(|parent| vehicle(&parent, scale)),
            ..PlateMeta::default()
        }
    })
}

/// Objects that are no plates; only those of class `kind` unless that is empty.
pub(super) fn regions(buffer: &gst::BufferRef, kind: &str) -> impl Iterator<Item = Region> {
    objects(buffer)
        .filter(move |(_, label, _)| !is_plate_type(label) && (kind.is_empty() || *label == kind))
        .map(|(object, _, scale)| Region { id: 0, vehicle: vehicle(&object, scale) })
}

fn vehicle(object: &Object<'_>, scale: (f32, f32)) -> Vehicle {
    Vehicle {
        kind: object.label().map(str::to_owned),
        bbox: Some(rect(object, scale)),
        id: object.track_id(),
        ..Vehicle::default()
    }
}

fn rect(object: &Object<'_>, (x, y): (f32, f32)) -> Rect {
    let bbox = object.bbox();
    Rect::new(bbox.left * x, bbox.top * y, bbox.width * x, bbox.height * y)
}
