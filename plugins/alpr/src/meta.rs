//! Plates on buffers: the one place that reads and writes metadata.
//!
//! The carrier is `GstVideoRegionOfInterestMeta` of type `license-plate` with three parameter structures:
//!
//! | structure | fields | for |
//! |---|---|---|
//! | `detection` | `confidence` (double), `label` (string) | everyone; DL Streamer's form |
//! | `object_id` | `id` (int, or uint64 when it does not fit) | everyone; DL Streamer's form |
//! | `alpr-plate` | see [`fields`] | our own elements: exact box, corners, readings, consensus, vehicle |
//!
//! Plates of other producers (a region whose type is named as plates are) are read as well. Their parent region, if
//! there is one, becomes the vehicle. A copy of all parameters ([`kept`]) stands in where an element dropped them. Where
//! a buffer has no such region, GStreamer's analytics metadata is read, which is written too, and where that has none,
//! DeepStream's object metadata; what is written there ([`publish`]) is for DeepStream's own elements.

#[cfg_attr(not(feature = "v1_24"), path = "meta/no_analytics.rs")]
mod analytics;
mod fields;
mod kept;
mod nvds;

use std::ops::ControlFlow;

use alpr_core::consensus::Consensus;
use alpr_core::event::Vehicle;
use alpr_core::geometry::{Quad, Rect};
use alpr_core::reader::Reading;
use alpr_core::time::Timestamp;
use gst::buffer::BufferMetaForeachAction;
use gst_video::VideoRegionOfInterestMeta as Roi;

use kept::Params;
pub use nvds::publish;

/// Region type that we write.
pub const ROI_TYPE: &str = "license-plate";

const DETECTION: &str = "detection";
const OBJECT_ID: &str = "object_id";
const PLATE: &str = "alpr-plate";

/// One plate on one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct PlateMeta {
    /// Where it is, in pixels of the frame.
    pub bbox: Rect,
    /// Its corners, where the detector gives them.
    pub corners: Option<Quad>,
    /// Score of the detector, 0 to 1.
    pub confidence: f32,
    /// Class name of the detector.
    pub label: String,
    /// The track, unique per stream and run; `None` when nothing upstream follows plates.
    pub track_id: Option<u64>,
    /// Whether the place is a tracker's prediction: nothing was detected in this frame.
    pub predicted: bool,
    /// Weight of this frame's crop, 0 to 1; `None` when it was not looked at.
    pub quality: Option<f32>,
    /// What was read in this frame.
    pub reading: Option<Reading>,
    /// What all readings of the track say together.
    pub consensus: Option<Consensus>,
    /// Whether that is sure: more readings of the track are not needed.
    pub sure: bool,
    /// The vehicle that carries it, where something upstream says so.
    pub vehicle: Option<Vehicle>,
    /// Which picture of the buffer it is on, where that holds several; `None` is the first.
    pub picture: Option<PictureId>,
    /// Identity of the carrier it was read from: keeps the parameters that others put there. `None` for a new plate.
    pub roi_id: Option<i32>,
}

impl Default for PlateMeta {
    fn default() -> Self {
        Self {
            bbox: Rect::default(),
            corners: None,
            confidence: 0.0,
            label: ROI_TYPE.to_owned(),
            track_id: None,
            predicted: false,
            quality: None,
            reading: None,
            consensus: None,
            sure: false,
            vehicle: None,
            picture: None,
            roi_id: None,
        }
    }
}

/// A region of interest that is no plate, such as a vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Identity on this buffer; 0 when its producer gave none.
    pub id: i32,
    /// What its detector calls it. A classifier may say more in the vehicle's kind.
    pub class: String,
    /// What it is: its type is the vehicle's kind, its box and track the vehicle's.
    pub vehicle: Vehicle,
}

/// A picture among those of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureId {
    /// Number of the camera among those of the stream; 0 where there is one.
    pub source: u32,
    /// Index of the picture in the batch.
    pub surface: u32,
}

/// One picture of a buffer: there is one, unless DeepStream put those of several cameras into one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Which.
    pub id: PictureId,
    /// Whether it is the first of the buffer: regions of interest that name no picture are on it.
    pub first: bool,
    /// Whether the buffer has no other.
    pub alone: bool,
}

impl View {
    /// Whether it is the picture that `id` meant when it was written: a demuxed one may be at another place by now.
    fn is(&self, id: PictureId) -> bool {
        id.source == self.id.source && (self.alone || id.surface == self.id.surface)
    }
}

/// What one camera shows on a buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its picture.
    pub view: View,
    /// Capture time that the metadata names.
    pub time: Option<Timestamp>,
    /// Its plates.
    pub plates: Vec<PlateMeta>,
    /// Its regions that are no plates.
    pub regions: Vec<Region>,
}

/// The pictures of `buffer`, at least one.
pub fn views(buffer: &gst::BufferRef) -> Vec<View> {
    let mut ids = nvds::pictures(buffer);
    if ids.is_empty() {
        ids.push(PictureId::default());
    }
    let alone = ids.len() == 1;
    ids.into_iter().enumerate().map(|(index, id)| View { id, first: index == 0, alone }).collect()
}

/// What every camera shows on `buffer`.
pub fn shown(buffer: &gst::BufferRef) -> Vec<Shown> {
    let shown = |view: View| Shown {
        view,
        time: nvds::capture_time(buffer, view.id),
        plates: plates(buffer, view),
        regions: regions_of(buffer, view, ""),
    };
    views(buffer).into_iter().map(shown).collect()
}

/// The plates on the first picture of `buffer`, in the order they were added.
pub fn read(buffer: &gst::BufferRef) -> Vec<PlateMeta> {
    views(buffer).first().map(|view| plates(buffer, *view)).unwrap_or_default()
}

/// The plates on the picture `view` of `buffer`, in the order they were added.
pub fn plates(buffer: &gst::BufferRef, view: View) -> Vec<PlateMeta> {
    let all: Vec<PlateMeta> =
        buffer.iter_meta::<Roi>().filter(|roi| is_plate(roi)).map(|roi| read_one(buffer, &roi)).collect();
    // Who names pictures has looked at all of them; who names none knew of the first alone.
    let told = all.iter().any(|plate| view.first || plate.picture.is_some());
    if !told {
        let found = if view.first { analytics::plates(buffer) } else { Vec::new() };
        return if found.is_empty() { nvds::plates(buffer, view.id).collect() } else { found };
    }
    all.into_iter().filter(|plate| plate.picture.map_or(view.first, |id| view.is(id))).collect()
}

/// Whether `buffer` has anything that [`write`] would replace or keep: plates, and what others say of vehicles.
pub fn has_regions(buffer: &gst::BufferRef) -> bool {
    buffer.iter_meta::<Roi>().next().is_some() || !analytics::plates(buffer).is_empty()
}

/// Whether plates were put on `buffer` that something between our elements dropped.
pub fn were_dropped(buffer: &gst::BufferRef) -> bool {
    kept::were_dropped(buffer)
}

/// All regions on the first picture that are not plates; only those of type `kind` unless that is empty.
pub fn regions(buffer: &gst::BufferRef, kind: &str) -> Vec<Region> {
    views(buffer).first().map(|view| regions_of(buffer, *view, kind)).unwrap_or_default()
}

/// The same of the picture `view`.
pub fn regions_of(buffer: &gst::BufferRef, view: View, kind: &str) -> Vec<Region> {
    let wanted = |roi: &Roi| view.first && !is_plate(roi) && (kind.is_empty() || roi.roi_type() == kind);
    let rois = buffer.iter_meta::<Roi>().filter(|roi| wanted(roi));
    let region =
        |roi: &Roi| Region { id: roi.id(), class: roi.roi_type().to_owned(), vehicle: vehicle_of(buffer, roi) };
    let mut found: Vec<Region> = rois.map(|roi| region(&roi)).collect();
    if found.is_empty() && view.first {
        found = analytics::regions(buffer, kind);
    }
    if found.is_empty() { nvds::regions(buffer, view.id, kind).collect() } else { found }
}

/// Makes `plates` the plates of `buffer`: those that it had are replaced.
///
/// A plate with a `roi_id` keeps the parent and the foreign parameter structures of the region it was read from.
pub fn write(buffer: &mut gst::BufferRef, plates: &[PlateMeta]) {
    write_with_texts(buffer, plates, 0);
}

/// The same; sure texts become classes of analytics metadata too, at most `most_texts` new ones in this process, because
/// their memory is never freed. Returns how many found no room.
pub fn write_with_texts(buffer: &mut gst::BufferRef, plates: &[PlateMeta], most_texts: usize) -> usize {
    let (objects, left_out) = analytics::write(buffer, plates, most_texts);
    let mut foreign = take_foreign(buffer);
    let mut used: Vec<i32> =
        buffer.iter_meta::<Roi>().map(|roi| roi.id()).chain(foreign.iter().map(|f| f.id)).collect();
    for (plate, object) in plates.iter().zip(objects) {
        let rect = outer_rect(&plate.bbox);
        let mut roi = Roi::add(buffer, ROI_TYPE, rect);
        roi.add_param(
            gst::Structure::builder(DETECTION)
                .field("confidence", f64::from(plate.confidence))
                .field("label", plate.label.as_str())
                .build(),
        );
        if let Some(id) = plate.track_id {
            roi.add_param(fields::object_id(OBJECT_ID, id));
        }
        roi.add_param(fields::plate(PLATE, plate, rect));
        // Producers that give no ids have several regions of id 0: the first that is left is the one, in order.
        if let Some(at) = foreign.iter().position(|f| Some(f.id) == plate.roi_id) {
            let known = foreign.remove(at);
            roi.set_id(known.id);
            roi.set_parent_id(known.parent);
            known.params.into_iter().for_each(|param| roi.add_param(param));
        } else {
            // DL Streamer takes a region and an object of one id for the same.
            let free = object.filter(|id| !used.contains(id));
            let id = free.unwrap_or_else(|| used.iter().max().map_or(1, |id| id.saturating_add(1)).max(1));
            roi.set_id(id);
            used.push(id);
        }
    }
    kept::keep(buffer);
    left_out
}

/// What others said about a plate.
struct Foreign {
    id: i32,
    parent: i32,
    params: Vec<gst::Structure>,
}

/// Removes the plates of `buffer` and returns what others had written on them.
fn take_foreign(buffer: &mut gst::BufferRef) -> Vec<Foreign> {
    let foreign = |roi: &Roi| Foreign {
        id: roi.id(),
        parent: roi.parent_id(),
        params: Params::of(buffer, roi).iter().filter(|p| !is_ours(p.name())).map(ToOwned::to_owned).collect(),
    };
    let taken = buffer.iter_meta::<Roi>().filter(|roi| is_plate(roi)).map(|roi| foreign(&roi)).collect();
    buffer.foreach_meta_mut(|mut meta| {
        let taken = meta.downcast_ref::<Roi>().is_some_and(|roi| is_plate(roi));
        ControlFlow::Continue(if taken { BufferMetaForeachAction::Remove } else { BufferMetaForeachAction::Keep })
    });
    taken
}

fn is_plate(roi: &Roi) -> bool {
    is_plate_type(roi.roi_type())
}

fn is_plate_type(kind: &str) -> bool {
    alpr_core::contract::is_plate(kind)
}

fn is_ours(param: &str) -> bool {
    [DETECTION, OBJECT_ID, PLATE].contains(&param)
}

fn read_one(buffer: &gst::BufferRef, roi: &Roi) -> PlateMeta {
    let params = Params::of(buffer, roi);
    // Where nothing is left of what a region said, the object of the same identity may know.
    let object = if params.is_empty() { analytics::plate_of(buffer, roi.id(), &rect_of(roi)) } else { None };
    let mut plate = PlateMeta { bbox: rect_of(roi), roi_id: Some(roi.id()), ..object.unwrap_or_default() };
    if let Some(detection) = params.get(DETECTION) {
        plate.confidence = fields::float(detection, "confidence").unwrap_or(0.0).clamp(0.0, 1.0);
        if let Ok(label) = detection.get::<String>("label") {
            plate.label = label;
        }
    }
    plate.track_id = params.get(OBJECT_ID).and_then(fields::id).or(plate.track_id);
    if let Some(own) = params.get(PLATE) {
        fields::read_plate(own, roi.rect(), &mut plate);
    }
    if plate.vehicle.is_none() {
        plate.vehicle = parent_of(buffer, roi);
    }
    // One event of one vehicle: where only that is followed, its track is the plate's.
    plate.track_id = plate.track_id.or_else(|| plate.vehicle.as_ref()?.id);
    plate
}

/// The vehicle of a plate: the region whose id is the plate's parent.
fn parent_of(buffer: &gst::BufferRef, plate: &Roi) -> Option<Vehicle> {
    let wanted = plate.parent_id();
    if wanted == 0 || wanted == plate.id() {
        return None;
    }
    let roi = buffer.iter_meta::<Roi>().find(|roi| roi.id() == wanted && !is_plate(roi))?;
    Some(vehicle_of(buffer, &roi))
}

/// A region as a vehicle, with the attributes that classifiers put on it.
fn vehicle_of(buffer: &gst::BufferRef, roi: &Roi) -> Vehicle {
    let params = Params::of(buffer, roi);
    if params.is_empty()
        && let Some(vehicle) = analytics::vehicle_of(buffer, roi.id(), &rect_of(roi))
    {
        return vehicle;
    }
    let attribute = |name: &str| {
        params
            .iter()
            .find(|p| p.get::<&str>("attribute_name").is_ok_and(|n| n == name))
            .and_then(|p| p.get::<String>("label").ok())
    };
    Vehicle {
        kind: attribute("type").or_else(|| Some(roi.roi_type().to_owned())),
        make: attribute("make"),
        model: attribute("model"),
        color: attribute("color"),
        bbox: Some(rect_of(roi)),
        id: params.get(OBJECT_ID).and_then(fields::id),
    }
}

fn rect_of(roi: &Roi) -> Rect {
    let (x, y, w, h) = roi.rect();
    Rect::new(x as f32, y as f32, w as f32, h as f32)
}

/// The smallest box of whole pixels around `rect`, cut off at 0.
fn outer_rect(rect: &Rect) -> (u32, u32, u32, u32) {
    let (left, top) = (rect.x.max(0.0).floor(), rect.y.max(0.0).floor());
    let size = |low: f32, high: f32| (high.ceil() - low).max(0.0) as u32;
    (left as u32, top as u32, size(left, rect.right()), size(top, rect.bottom()))
}
