//! Plates for DeepStream's own elements: `nvdsosd` draws them, `nvmsgconv` sends them.

use alpr_core::geometry::Rect;
use alpr_nvds::layout::Bbox;
use alpr_nvds::{Frame, NewObject, Object, ObjectKey, WriteError, Writer};

use super::super::{PlateMeta, ROI_TYPE, is_plate_type, views};
use super::{frames, rect};

/// Two boxes that have this much in common are one plate.
const SAME_PLATE: f32 = 0.5;
/// The same of vehicles, whose boxes are copied and at most scaled.
const SAME_VEHICLE: f32 = 0.9;

/// Pixels of the muxer as they are.
const MUXER: (f32, f32) = (1.0, 1.0);

/// Makes `plates` the plates of the batch on `buffer`; nothing where there is no batch.
///
/// A plate that a detector of DeepStream's found keeps its object, which gets the text that the track's readings say
/// together. Any other gets an object of ours, part of its vehicle where that is known. Objects of ours that are none of
/// `plates` go.
///
/// # Errors
///
/// [`WriteError`] when the batch cannot be written to.
pub fn publish(buffer: &mut gst::BufferRef, plates: &[PlateMeta]) -> Result<(), WriteError> {
    let views = views(buffer);
    let scales: Vec<(f32, f32)> = frames(buffer).iter().map(|(_, scale)| *scale).collect();
    let Some(mut writer) = Writer::new(buffer)? else { return Ok(()) };
    let mut kept = Vec::new();
    for (view, scale) in views.iter().zip(scales) {
        let is_it = |frame: &Frame<'_>| frame.batch_id() == view.id.surface && frame.source_id() == view.id.source;
        let Some(frame) = writer.frames().find(is_it) else { continue };
        let theirs = plates.iter().filter(|plate| plate.picture.map_or(view.first, |id| view.is(id)));
        kept.extend(write(&writer, &frame, scale, theirs)?);
    }
    writer.retain(&kept);
    Ok(())
}

/// Writes the plates of one frame; returns their objects.
fn write<'w, 'p>(
    writer: &'w Writer<'_>,
    frame: &Frame<'w>,
    scale: (f32, f32),
    plates: impl Iterator<Item = &'p PlateMeta>,
) -> Result<Vec<ObjectKey>, WriteError> {
    let is_plate = |object: &Object<'_>| object.label().is_some_and(is_plate_type);
    let mut known: Vec<Object<'w>> = frame.objects().filter(is_plate).collect();
    let mut kept = Vec::new();
    for plate in plates {
        let place = muxed(&plate.bbox, scale);
        let common = |object: &Object<'_>| rect(object, MUXER).iou(&place);
        let nearest = (0..known.len()).max_by(|a, b| common(&known[*a]).total_cmp(&common(&known[*b])));
        let object = match nearest.filter(|index| common(&known[*index]) >= SAME_PLATE) {
            Some(index) => known.swap_remove(index),
            None => match new_object(frame, plate, &place) {
                Some(new) => writer.add(frame, &new, vehicle(frame, plate, scale).as_ref())?,
                None => continue,
            },
        };
        if let Some(consensus) = plate.consensus.as_ref().filter(|consensus| !consensus.text.is_empty()) {
            writer.set_license(&object, &consensus.text, consensus.confidence)?;
        }
        kept.push(object.key());
    }
    Ok(kept)
}

/// What is added for `plate` at `place`; nothing where that is out of the picture.
fn new_object<'p>(frame: &Frame<'_>, plate: &PlateMeta, place: &Rect) -> Option<NewObject<'p>> {
    let shown = match frame.pipeline_size() {
        (0, _) | (_, 0) => *place,
        (width, height) => place.clamped(width, height),
    };
    (shown.is_finite() && shown.w >= 1.0 && shown.h >= 1.0).then(|| NewObject {
        label: ROI_TYPE,
        track: plate.track_id,
        confidence: plate.confidence,
        predicted: plate.predicted,
        found: bbox(place),
        shown: bbox(&shown),
    })
}

/// The object of the vehicle that carries `plate`: the one of its track, or the one in its place.
fn vehicle<'w>(frame: &Frame<'w>, plate: &PlateMeta, scale: (f32, f32)) -> Option<Object<'w>> {
    let vehicle = plate.vehicle.as_ref()?;
    let others = || frame.objects().filter(|object| !object.label().is_some_and(is_plate_type));
    let followed = vehicle.id.and_then(|id| others().find(|object| object.track_id() == Some(id)));
    let place = vehicle.bbox.map(|bbox| muxed(&bbox, scale));
    followed
        .or_else(|| others().find(|object| place.is_some_and(|place| rect(object, MUXER).iou(&place) >= SAME_VEHICLE)))
}

/// `rect` in pixels of the muxer; `scale` are those of the picture for one of them.
fn muxed(rect: &Rect, (x, y): (f32, f32)) -> Rect {
    Rect::new(rect.x / x, rect.y / y, rect.w / x, rect.h / y)
}

const fn bbox(rect: &Rect) -> Bbox {
    Bbox { left: rect.x, top: rect.y, width: rect.w, height: rect.h }
}
