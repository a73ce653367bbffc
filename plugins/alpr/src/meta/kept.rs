//! What regions say, once more, for elements that keep a region but not its words: GStreamer's scalers copy a region's box and
//! identity without its parameter structures.
//!
//! A custom metadata without tags, which filters copy whatever they do to the picture. It is read only where a region has no
//! parameters of its own, and where the regions themselves are gone it tells that something dropped them.

use std::sync::Once;

use gst::meta::CustomMeta;
use gst_video::VideoRegionOfInterestMeta as Roi;

use super::{is_plate, is_plate_type};

/// Name of the metadata and of its structure.
const NAME: &str = "alpr-regions";

const REGIONS: &str = "regions";
const ID: &str = "id";
const TYPE: &str = "type";
const PARAMS: &str = "params";

/// Parameter structures of a region, its own or those that were kept.
pub(super) struct Params<'a> {
    roi: &'a Roi,
    kept: Vec<gst::Structure>,
}

impl<'a> Params<'a> {
    /// Those of `roi` on `buffer`.
    pub(super) fn of(buffer: &gst::BufferRef, roi: &'a Roi) -> Self {
        let lost = roi.params().next().is_none();
        Self { roi, kept: if lost { kept(buffer, roi) } else { Vec::new() } }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &gst::StructureRef> {
        self.roi.params().chain(self.kept.iter().map(AsRef::as_ref))
    }

    pub(super) fn get(&self, name: &str) -> Option<&gst::StructureRef> {
        self.iter().find(|param| param.name() == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Keeps what the regions of `buffer` say now, in place of what was kept before.
pub(super) fn keep(buffer: &mut gst::BufferRef) {
    let regions: Vec<gst::Structure> = buffer.iter_meta::<Roi>().map(|roi| region(buffer, &roi)).collect();
    if let Ok(mut meta) = CustomMeta::from_mut_buffer(buffer, name()) {
        meta.mut_structure().set(REGIONS, gst::Array::new(regions));
    } else if !regions.is_empty()
        // A name that is registered has its metadata.
        && let Ok(mut meta) = CustomMeta::add(buffer, name())
    {
        meta.mut_structure().set(REGIONS, gst::Array::new(regions));
    }
}

/// Whether plates were put on `buffer` whose regions something took away since.
pub(super) fn were_dropped(buffer: &gst::BufferRef) -> bool {
    let is_plate_kept = |region: &&gst::StructureRef| region.get::<&str>(TYPE).is_ok_and(is_plate_type);
    let had = with_regions(buffer, |regions| regions.iter().any(is_plate_kept));
    had == Some(true) && !buffer.iter_meta::<Roi>().any(|roi| is_plate(&roi))
}

/// What is kept of a region.
fn region(buffer: &gst::BufferRef, roi: &Roi) -> gst::Structure {
    gst::Structure::builder("region")
        .field(ID, roi.id())
        .field(TYPE, roi.roi_type())
        .field(PARAMS, gst::Array::new(Params::of(buffer, roi).iter().map(ToOwned::to_owned)))
        .build()
}

/// What was kept of `roi`. Producers that give no identities have several regions of one: they are told apart by their order,
/// as long as all of them are there.
fn kept(buffer: &gst::BufferRef, roi: &Roi) -> Vec<gst::Structure> {
    let now: Vec<_> = buffer.iter_meta::<Roi>().filter(|other| key(other) == key(roi)).collect();
    let place = now.iter().position(|other| std::ptr::eq::<Roi>(&**other, roi));
    let of = |regions: &[&gst::StructureRef]| {
        let then: Vec<_> =
            regions.iter().filter(|region| region.get(ID).ok().zip(region.get(TYPE).ok()) == Some(key(roi))).collect();
        let region = place.filter(|_| then.len() == now.len()).and_then(|place| then.get(place));
        let copied = |params: &[&gst::StructureRef]| params.iter().map(|param| (*param).to_owned()).collect();
        region.map(|region| with_structures(region, PARAMS, copied)).unwrap_or_default()
    };
    with_regions(buffer, of).unwrap_or_default()
}

fn key(roi: &Roi) -> (i32, &str) {
    (roi.id(), roi.roi_type())
}

/// The answer of `of` to the regions that are kept; `None` where nothing is.
fn with_regions<R>(buffer: &gst::BufferRef, of: impl FnOnce(&[&gst::StructureRef]) -> R) -> Option<R> {
    let meta = CustomMeta::from_buffer(buffer, name()).ok()?;
    Some(with_structures(meta.structure(), REGIONS, of))
}

/// The answer of `of` to the structures in a list, which are not copied.
fn with_structures<R>(from: &gst::StructureRef, name: &str, of: impl FnOnce(&[&gst::StructureRef]) -> R) -> R {
    let list = from.get::<gst::ArrayRef<'_>>(name);
    let values = list.as_ref().map(gst::ArrayRef::as_slice).unwrap_or_default();
    of(&values.iter().filter_map(|value| value.get().ok()).collect::<Vec<_>>())
}

/// [`NAME`], once it is registered in this process.
fn name() -> &'static str {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A second copy of this library may have done it.
        if !CustomMeta::is_registered(NAME) {
            CustomMeta::register(NAME, &[]);
        }
    });
    NAME
}
