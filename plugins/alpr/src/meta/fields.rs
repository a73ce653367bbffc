//! Fields of the `alpr-plate` structure.
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `roi` | array of 4 uint | the carrier's own box when this was written: tells whether the picture was scaled since |
//! | `bbox` | array of 4 float | x, y, width, height in pixels |
//! | `corners` | array of 8 float | x, y of top left, top right, bottom right, bottom left |
//! | `predicted` | boolean | the tracker's prediction, not a detection |
//! | `quality` | float | weight of this frame's crop |
//! | `reading`, `consensus` | structure | text, probabilities per character, region |
//! | `sure` | boolean | whether the consensus needs no more readings |
//! | `vehicle` | structure | type, make, model, color, bbox, id |
//! | `source`, `surface` | uint | camera and index of the picture, in a batch of several |
//!
//! Probabilities travel as bytes (little-endian 32-bit floats) so that they survive exactly and cost one reference.

use alpr_core::consensus::Consensus;
use alpr_core::event::Vehicle;
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::reader::{Alphabet, Lattice, Reading, RegionGuess};

use super::{PictureId, PlateMeta};

type Carrier = (u32, u32, u32, u32);

/// The `alpr-plate` structure of `plate`, whose carrier has the box `carrier`.
pub(super) fn plate(name: &str, plate: &PlateMeta, carrier: Carrier) -> gst::Structure {
    let (x, y, w, h) = carrier;
    gst::Structure::builder(name)
        .field("roi", gst::Array::new([x, y, w, h]))
        .field("bbox", rect_array(&plate.bbox))
        .field_if_some("corners", plate.corners.map(|q| gst::Array::new(q.0.iter().flat_map(|p| [p.x, p.y]))))
        .field("predicted", plate.predicted)
        .field_if_some("quality", plate.quality)
        .field_if_some("reading", plate.reading.as_ref().map(reading))
        .field_if_some("consensus", plate.consensus.as_ref().map(consensus))
        .field("sure", plate.sure)
        .field_if_some("vehicle", plate.vehicle.as_ref().map(vehicle))
        .field_if_some("source", plate.picture.map(|id| id.source))
        .field_if_some("surface", plate.picture.map(|id| id.surface))
        .build()
}

/// Fills `plate` from its `alpr-plate` structure; what is missing or malformed stays as it was.
pub(super) fn read_plate(own: &gst::StructureRef, carrier: Carrier, plate: &mut PlateMeta) {
    let fit = Fit::new(own, carrier);
    if let Some(bbox) = floats::<4>(own, "bbox") {
        plate.bbox = fit.rect(&Rect::new(bbox[0], bbox[1], bbox[2], bbox[3]));
    }
    plate.corners = floats::<8>(own, "corners")
        .map(|c| Quad(std::array::from_fn(|i| fit.point(Point::new(c[2 * i], c[2 * i + 1])))));
    plate.predicted = own.get("predicted").unwrap_or(false);
    plate.quality = float(own, "quality");
    plate.reading = own.get::<gst::Structure>("reading").ok().and_then(|s| read_reading(&s));
    plate.consensus = own.get::<gst::Structure>("consensus").ok().and_then(|s| read_consensus(&s));
    plate.sure = own.get("sure").unwrap_or(false);
    plate.vehicle = own.get::<gst::Structure>("vehicle").ok().map(|s| read_vehicle(&s, &fit));
    plate.picture =
        own.get("source").ok().zip(own.get("surface").ok()).map(|(source, surface)| PictureId { source, surface });
}

/// A structure with a track's id, as a 32-bit integer where it fits because others expect that.
pub(super) fn object_id(name: &str, id: u64) -> gst::Structure {
    let builder = gst::Structure::builder(name);
    match i32::try_from(id) {
        Ok(id) => builder.field("id", id).build(),
        Err(_) => builder.field("id", id).build(),
    }
}

/// The `id` of an object, whatever integer type its producer chose; negative means none.
pub(super) fn id(object: &gst::StructureRef) -> Option<u64> {
    let value = object.value("id").ok()?;
    value
        .get::<i32>()
        .ok()
        .map(i64::from)
        .or_else(|| value.get::<i64>().ok())
        .map(u64::try_from)
        .or_else(|| value.get::<u32>().ok().map(|id| Ok(id.into())))
        .or_else(|| value.get::<u64>().ok().map(Ok))
        .and_then(Result::ok)
}

/// A finite number, single or double precision.
pub(super) fn float(from: &gst::StructureRef, name: &str) -> Option<f32> {
    let value = from.value(name).ok()?;
    value.get::<f32>().ok().or_else(|| value.get::<f64>().ok().map(|v| v as f32)).filter(|v| v.is_finite())
}

/// Takes coordinates along when an element scaled or cropped the picture and moved the carrier with it.
struct Fit {
    from: Rect,
    to: Option<Rect>,
}

impl Fit {
    fn new(own: &gst::StructureRef, (x, y, w, h): Carrier) -> Self {
        let now = Rect::new(x as f32, y as f32, w as f32, h as f32);
        let then = own.get::<gst::Array>("roi").ok().and_then(|a| {
            let v: Vec<u32> = a.as_slice().iter().filter_map(|v| v.get().ok()).collect();
            <[u32; 4]>::try_from(v).ok()
        });
        let from = then.map_or(now, |[x, y, w, h]| Rect::new(x as f32, y as f32, w as f32, h as f32));
        Self { from, to: (from != now && from.area() > 0.0).then_some(now) }
    }

    fn point(&self, p: Point) -> Point {
        self.to.as_ref().map_or(p, |to| {
            Point::new(to.x + (p.x - self.from.x) * to.w / self.from.w, to.y + (p.y - self.from.y) * to.h / self.from.h)
        })
    }

    fn rect(&self, r: &Rect) -> Rect {
        if self.to.is_none() {
            return *r;
        }
        let (a, b) = (self.point(Point::new(r.x, r.y)), self.point(Point::new(r.right(), r.bottom())));
        Rect::from_corners(a.x, a.y, b.x, b.y)
    }
}

fn rect_array(r: &Rect) -> gst::Array {
    gst::Array::new([r.x, r.y, r.w, r.h])
}

fn floats<const N: usize>(from: &gst::StructureRef, name: &str) -> Option<[f32; N]> {
    let array = from.get::<gst::Array>(name).ok()?;
    let values: Vec<f32> =
        array.as_slice().iter().filter_map(|v| v.get::<f32>().ok()).filter(|v| v.is_finite()).collect();
    values.try_into().ok()
}

fn pack(values: &[f32]) -> glib::Bytes {
    glib::Bytes::from_owned(values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
}

fn unpack(from: &gst::StructureRef, name: &str) -> Option<Vec<f32>> {
    let bytes = from.get::<glib::Bytes>(name).ok()?;
    let (values, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| values.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn read_lattice(from: &gst::StructureRef) -> Option<Lattice> {
    let alphabet = Alphabet::new(from.get::<&str>("alphabet").ok()?.chars());
    let lattice = Lattice { alphabet, probs: unpack(from, "probabilities")? };
    let whole = lattice.probs.len().is_multiple_of(lattice.classes());
    (whole && lattice.probs.iter().all(|p| p.is_finite())).then_some(lattice)
}

fn read_region(from: &gst::StructureRef) -> Option<RegionGuess> {
    Some(RegionGuess { code: from.get("region").ok()?, confidence: float(from, "region-confidence")? })
}

/// The fields that a reading and a consensus have in common.
fn text(
    name: &str,
    text: &str,
    confidence: f32,
    lattice: &Lattice,
    region: Option<&RegionGuess>,
) -> gst::structure::Builder {
    gst::Structure::builder(name)
        .field("text", text)
        .field("confidence", confidence)
        .field("alphabet", lattice.alphabet.symbols().iter().collect::<String>())
        .field("probabilities", pack(&lattice.probs))
        .field_if_some("region", region.map(|r| r.code.as_str()))
        .field_if_some("region-confidence", region.map(|r| r.confidence))
}

fn reading(r: &Reading) -> gst::Structure {
    text("reading", &r.text, r.confidence, &r.lattice, r.region.as_ref()).build()
}

fn read_reading(from: &gst::StructureRef) -> Option<Reading> {
    Some(Reading {
        text: from.get("text").ok()?,
        confidence: float(from, "confidence")?,
        lattice: read_lattice(from)?,
        region: read_region(from),
    })
}

fn consensus(c: &Consensus) -> gst::Structure {
    text("consensus", &c.text, c.confidence, &c.lattice, c.region.as_ref())
        .field("char-confidence", pack(&c.char_confidence))
        .field("alternatives", gst::Array::new(c.alternatives.iter().map(|(text, _)| text.as_str())))
        .field("alternative-confidence", pack(&c.alternatives.iter().map(|(_, p)| *p).collect::<Vec<_>>()))
        .field("reads", c.reads)
        .field("agreeing", c.agreeing)
        .build()
}

fn read_consensus(from: &gst::StructureRef) -> Option<Consensus> {
    let texts = from.get::<gst::Array>("alternatives").ok()?;
    let texts = texts.as_slice().iter().filter_map(|v| v.get::<String>().ok());
    Some(Consensus {
        lattice: read_lattice(from)?,
        text: from.get("text").ok()?,
        confidence: float(from, "confidence")?,
        char_confidence: unpack(from, "char-confidence")?,
        alternatives: texts.zip(unpack(from, "alternative-confidence")?).collect(),
        reads: from.get("reads").ok()?,
        agreeing: from.get("agreeing").ok()?,
        region: read_region(from),
    })
}

fn vehicle(v: &Vehicle) -> gst::Structure {
    gst::Structure::builder("vehicle")
        .field_if_some("type", v.kind.as_deref())
        .field_if_some("make", v.make.as_deref())
        .field_if_some("model", v.model.as_deref())
        .field_if_some("color", v.color.as_deref())
        .field_if_some("bbox", v.bbox.as_ref().map(rect_array))
        .field_if_some("id", v.id)
        .build()
}

fn read_vehicle(from: &gst::StructureRef, fit: &Fit) -> Vehicle {
    Vehicle {
        kind: from.get("type").ok(),
        make: from.get("make").ok(),
        model: from.get("model").ok(),
        color: from.get("color").ok(),
        bbox: floats::<4>(from, "bbox").map(|b| fit.rect(&Rect::new(b[0], b[1], b[2], b[3]))),
        id: id(from),
    }
}
