//! Plates and vehicles in GStreamer's own analytics metadata, `GstAnalyticsRelationMeta`.
//!
//! | there | here |
//! |---|---|
//! | object whose type is one of plates | plate; any other is a region |
//! | object –relates to→ tracking | its track; a lost one is a prediction |
//! | plate –is part of, or any other relation, in either direction– object | its vehicle |
//! | object –contains→ classification | color or type of a vehicle, where the label tells; the text of a plate |
//!
//! An entry is never taken away again: a plate that is written anew finds the object that it has, and one that is no plate
//! any more is classified so. Classes are quarks, which live as long as the process: only texts that are sure become one,
//! and only so many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use alpr_core::contract::{Attribute, is_vehicle};
use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;
use gst_analytics::prelude::*;
use gst_analytics::{
    AnalyticsClassificationMtd as Class, AnalyticsMtd, AnalyticsMtdRef, AnalyticsODMtd as Object,
    AnalyticsRelationMeta as Relations, AnalyticsTrackingMtd as Tracking, RelTypes,
};

use super::{PlateMeta, ROI_TYPE, Region, is_plate_type, outer_rect};

/// Boxes that share this part of their union are of one object: two plates never do, and whole pixels change small ones much.
const SAME: f32 = 0.3;

/// How a producer may say that a plate belongs to a vehicle, in either direction.
const BELONGS: RelTypes = RelTypes::IS_PART_OF.union(RelTypes::CONTAIN).union(RelTypes::RELATE_TO);

/// Class of an object that is taken for no plate.
const UNCONFIRMED: &str = "unconfirmed";

/// Texts that became quarks: the process has them as long as it lives.
static TEXTS: AtomicUsize = AtomicUsize::new(0);

type Meta<'a> = gst::MetaRef<'a, Relations>;
type Entry<'a, T> = AnalyticsMtdRef<'a, T>;

/// The plates on `buffer`, in the order they were added.
pub(super) fn plates(buffer: &gst::BufferRef) -> Vec<PlateMeta> {
    let Some(meta) = buffer.meta::<Relations>() else { return Vec::new() };
    confirmed(&meta).filter_map(|object| plate(&meta, &object)).collect()
}

/// Objects that are no plates; only those of class `kind` unless that is empty.
pub(super) fn regions(buffer: &gst::BufferRef, kind: &str) -> Vec<Region> {
    let Some(meta) = buffer.meta::<Relations>() else { return Vec::new() };
    let wanted = |object: &Entry<'_, Object>| !is_plate(object) && (kind.is_empty() || class(object) == kind);
    let region = |object: Entry<'_, Object>| {
        let (id, class) = (i32::try_from(object.id()).unwrap_or(0), class(&object).to_owned());
        Some(Region { id, class, vehicle: vehicle(&meta, &object)? })
    };
    meta.iter::<Object>().filter(wanted).filter_map(region).collect()
}

/// The plate that is the object of identity `id` in the place `bbox`.
pub(super) fn plate_of(buffer: &gst::BufferRef, id: i32, bbox: &Rect) -> Option<PlateMeta> {
    let meta = buffer.meta::<Relations>()?;
    let object = confirmed(&meta).find(|object| is_there(object, id, bbox))?;
    plate(&meta, &object)
}

/// The vehicle that is the object of identity `id` in the place `bbox`.
pub(super) fn vehicle_of(buffer: &gst::BufferRef, id: i32, bbox: &Rect) -> Option<Vehicle> {
    let meta = buffer.meta::<Relations>()?;
    let object = meta.iter::<Object>().find(|object| !is_plate(object) && is_there(object, id, bbox))?;
    vehicle(&meta, &object)
}

fn is_there(object: &Entry<'_, Object>, id: i32, bbox: &Rect) -> bool {
    i32::try_from(object.id()) == Ok(id) && rect(object).is_some_and(|place| place.iou(bbox) >= SAME)
}

/// Sees to it that each of `plates` has an object, with its track, its vehicle and, once that is sure, its text; no more than
/// `most_texts` new ones in this process. Nothing is written for the pictures of a batch: here, all are on one.
///
/// Returns the identity of each plate's object, and how many texts found no room.
pub(super) fn write(buffer: &mut gst::BufferRef, plates: &[PlateMeta], most_texts: usize) -> (Vec<Option<i32>>, usize) {
    if plates.iter().any(|plate| plate.picture.is_some()) {
        return (vec![None; plates.len()], 0);
    }
    if plates.is_empty() {
        refuse(buffer);
    }
    let mut left_out = 0;
    let objects = claimed(buffer, plates);
    let write = |(plate, object): (&PlateMeta, Option<u32>)| {
        let id = write_object(buffer, plate, object).ok()?;
        if let Some(consensus) = plate.consensus.as_ref().filter(|_| plate.sure && most_texts > 0) {
            match text_quark(&consensus.text, most_texts) {
                // DL Streamer looks at what an object contains, GStreamer's own overlay at what it relates to.
                Some(text) => {
                    let kind = RelTypes::CONTAIN | RelTypes::RELATE_TO;
                    write_class(buffer, id, kind, text, consensus.confidence).ok()?;
                }
                None => left_out += 1,
            }
        }
        i32::try_from(id).ok()
    };
    (plates.iter().zip(objects).map(write).collect(), left_out)
}

/// The object that each of `plates` has already: the one that it covers most.
fn claimed(buffer: &gst::BufferRef, plates: &[PlateMeta]) -> Vec<Option<u32>> {
    let Some(meta) = buffer.meta::<Relations>() else { return vec![None; plates.len()] };
    let mut free: Vec<(u32, Rect)> =
        confirmed(&meta).filter_map(|object| Some((object.id(), rect(&object)?))).collect();
    let claim = |plate: &PlateMeta| {
        let (x, y, w, h) = outer_rect(&plate.bbox);
        let own = Rect::new(x as f32, y as f32, w as f32, h as f32);
        let overlaps = free.iter().map(|(_, rect)| own.iou(rect)).enumerate();
        let (index, _) = overlaps.filter(|(_, iou)| *iou >= SAME).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(free.swap_remove(index).0)
    };
    plates.iter().map(claim).collect()
}

/// Writes the object of `plate`, unless it has one, and what it is related to.
fn write_object(buffer: &mut gst::BufferRef, plate: &PlateMeta, object: Option<u32>) -> Result<u32, glib::BoolError> {
    let id = match object {
        Some(id) => id,
        None => {
            let (x, y, w, h) = outer_rect(&plate.bbox);
            let [x, y, w, h] = [x, y, w, h].map(|v| i32::try_from(v).unwrap_or(i32::MAX));
            let kind = glib::Quark::from_str(ROI_TYPE);
            Relations::add(buffer).add_od_mtd(kind, x, y, w, h, plate.confidence)?.id()
        }
    };
    if let Some(track) = plate.track_id {
        write_track(buffer, id, track)?;
    }
    if let Some(bbox) = plate.vehicle.as_ref().and_then(|vehicle| vehicle.bbox) {
        write_vehicle(buffer, id, bbox)?;
    }
    Ok(id)
}

/// Makes `track` the one of the object `id`.
fn write_track(buffer: &mut gst::BufferRef, id: u32, track: u64) -> Result<(), glib::BoolError> {
    // What is known here is when this picture is, not when the track began.
    let time = buffer.pts().unwrap_or_default();
    let mut meta = Relations::add(buffer);
    let told: Vec<(u32, bool)> = {
        let known = related::<Tracking>(meta.as_ref(), id, RelTypes::RELATE_TO);
        known.map(|tracking| (tracking.id(), info(&tracking).is_some_and(|(known, _)| known == track))).collect()
    };
    if told.iter().any(|(_, same)| *same) {
        return Ok(());
    }
    for (other, _) in told {
        meta.set_relation(RelTypes::NONE, id, other)?;
        meta.set_relation(RelTypes::NONE, other, id)?;
    }
    let tracking = meta.add_tracking_mtd(track, time)?.id();
    meta.set_relation(RelTypes::RELATE_TO, id, tracking)
}

/// Makes the plate `id` a part of the vehicle in `bbox`, unless it belongs to one or nobody wrote that one here.
fn write_vehicle(buffer: &mut gst::BufferRef, id: u32, bbox: Rect) -> Result<(), glib::BoolError> {
    let mut meta = Relations::add(buffer);
    let vehicle = {
        let meta: &Meta<'_> = meta.as_ref();
        let has_one = related::<Object>(meta, id, BELONGS).any(|other| !is_plate(&other));
        let mut vehicles = meta.iter::<Object>().filter(|other| !has_one && !is_plate(other));
        vehicles.find(|other| rect(other) == Some(bbox)).map(|other| other.id())
    };
    let Some(vehicle) = vehicle else { return Ok(()) };
    meta.set_relation(RelTypes::IS_PART_OF, id, vehicle)?;
    meta.set_relation(RelTypes::CONTAIN, vehicle, id)
}

/// Says that no object is a plate.
fn refuse(buffer: &mut gst::BufferRef) {
    let Some(meta) = buffer.meta::<Relations>() else { return };
    let objects: Vec<u32> = confirmed(&meta).map(|object| object.id()).collect();
    for id in objects {
        write_class(buffer, id, RelTypes::RELATE_TO, glib::Quark::from_str(UNCONFIRMED), 1.0).ok();
    }
}

/// Gives the object `id` a class, related to it as `kind` says.
fn write_class(
    buffer: &mut gst::BufferRef,
    id: u32,
    kind: RelTypes,
    name: glib::Quark,
    confidence: f32,
) -> Result<(), glib::BoolError> {
    let mut meta = Relations::add(buffer);
    if has_class(meta.as_ref(), id, name) {
        return Ok(());
    }
    let class = meta.add_one_cls_mtd(confidence, name)?.id();
    meta.set_relation(kind, id, class)?;
    meta.set_relation(RelTypes::IS_PART_OF, class, id)
}

/// `text` as a quark; `None` where it is none yet and the process has `most` of them.
fn text_quark(text: &str, most: usize) -> Option<glib::Quark> {
    glib::Quark::try_from_str(text).or_else(|| {
        let count = |count: usize| (count < most).then_some(count + 1);
        TEXTS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).ok()?;
        Some(glib::Quark::from_str(text))
    })
}

/// Entries of a kind that are related to the entry `id` by one of `types`, in either direction.
fn related<'a, T: AnalyticsMtd + 'a>(
    meta: &'a Meta<'a>,
    id: u32,
    types: RelTypes,
) -> impl Iterator<Item = Entry<'a, T>> {
    let are_related = move |a: u32, b: u32| meta.relation(a, b).intersects(types);
    meta.iter::<T>()
        .filter(move |other| other.id() != id)
        .filter(move |other| are_related(id, other.id()) || are_related(other.id(), id))
}

/// Objects that are plates.
fn confirmed<'a>(meta: &'a Meta<'a>) -> impl Iterator<Item = Entry<'a, Object>> {
    let refused = glib::Quark::from_str(UNCONFIRMED);
    meta.iter::<Object>().filter(is_plate).filter(move |object| !has_class(meta, object.id(), refused))
}

fn has_class(meta: &Meta<'_>, id: u32, name: glib::Quark) -> bool {
    related::<Class>(meta, id, BELONGS).any(|class| class.len() == 1 && class.quark(0) == name)
}

fn plate(meta: &Meta<'_>, object: &Entry<'_, Object>) -> Option<PlateMeta> {
    let track = track(meta, object.id());
    let vehicles = related::<Object>(meta, object.id(), BELONGS).filter(|other| !is_plate(other));
    let carrier = vehicles.min_by_key(|other| !is_vehicle(class(other)));
    let vehicle = carrier.and_then(|carrier| vehicle(meta, &carrier));
    let confidence = object.confidence_level();
    Some(PlateMeta {
        bbox: rect(object)?,
        confidence: if confidence.is_finite() { confidence.clamp(0.0, 1.0) } else { 0.0 },
        label: class(object).to_owned(),
        // One event of one vehicle: where only that is followed, its track is the plate's.
        track_id: track.map(|(id, _)| id).or_else(|| vehicle.as_ref()?.id),
        predicted: track.is_some_and(|(_, lost)| lost),
        vehicle,
        ..PlateMeta::default()
    })
}

fn vehicle(meta: &Meta<'_>, object: &Entry<'_, Object>) -> Option<Vehicle> {
    let mut vehicle =
        Vehicle { bbox: Some(rect(object)?), id: track(meta, object.id()).map(|(id, _)| id), ..Vehicle::default() };
    for class in related::<Class>(meta, object.id(), BELONGS) {
        // A list of all that a model knows, without scores, is no answer.
        let scored = class.iterate().filter(|(_, score)| *score > 0.0);
        let Some((label, _)) = scored.max_by(|(_, a), (_, b)| a.total_cmp(b)) else { continue };
        let field = match Attribute::of_label(label.as_str()) {
            Some(Attribute::Type) => &mut vehicle.kind,
            Some(Attribute::Color) => &mut vehicle.color,
            _ => continue,
        };
        field.get_or_insert_with(|| label.as_str().to_string());
    }
    vehicle.kind.get_or_insert_with(|| class(object).to_owned());
    Some(vehicle)
}

/// The track of an object and whether it is lost.
fn track(meta: &Meta<'_>, object: u32) -> Option<(u64, bool)> {
    let tracks = related::<Tracking>(meta, object, RelTypes::RELATE_TO);
    tracks.filter_map(|tracking| info(&tracking)).min_by_key(|(_, lost)| *lost)
}

/// Identity of a track and whether it is lost; `None` where its times are not set, which the bindings take for an error of ours.
fn info(tracking: &Entry<'_, Tracking>) -> Option<(u64, bool)> {
    let (id, _, _, lost) = catch_unwind(AssertUnwindSafe(|| tracking.info())).ok()?;
    Some((id, lost))
}

fn class(object: &Entry<'_, Object>) -> &'static str {
    object.obj_type().map_or("", |class| class.as_str().as_str())
}

fn is_plate(object: &Entry<'_, Object>) -> bool {
    is_plate_type(class(object))
}

/// The box of an object; `None` for one without area.
fn rect(object: &Entry<'_, Object>) -> Option<Rect> {
    let place = object.location().ok().filter(|place| place.w > 0 && place.h > 0)?;
    Some(Rect::new(place.x as f32, place.y as f32, place.w as f32, place.h as f32))
}
