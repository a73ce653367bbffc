//! Where to search, and one search.

use alpr_core::contract::{DetectorContract, FixedValues, InputBuffer, Role};
use alpr_core::detector::{Closer, Detection, Thresholds, Trust, carrier, decode, suppress};
use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;
use alpr_core::image::Frame;

use crate::error::Error;
use crate::meta::Region;
use crate::runtime::{Model, Tensor, TensorData};

/// Share of its width and height that a tile has in common with its neighbour: a plate on the seam is whole in one.
const OVERLAP: f32 = 0.2;
/// Part of the smaller box that lies in the other one when two searches found the same plate, one of them cut.
const SAME_PLATE: f32 = 0.7;

/// How many times smaller the picture of a coarse search is. Plates of a third of a picture's width and more look to the
/// network as the usual ones do, for a quarter of the computation.
const COARSE: usize = 2;

/// Into how many tiles a frame is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tiling {
    pub(super) columns: u32,
    pub(super) rows: u32,
}

/// A part of a frame to search.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) region: Rect,
    /// The vehicle whose region it is.
    pub(super) vehicle: Option<Vehicle>,
}

/// Tiles of a frame of `width` × `height` pixels.
pub(super) fn tiles(width: u32, height: u32, tiling: Tiling) -> Vec<Part> {
    let cut = |length: u32, n: u32| {
        // n tiles that share OVERLAP of their length with the next one cover the whole length.
        let size = length as f32 / (n as f32 - (n as f32 - 1.0) * OVERLAP);
        (0..n).map(move |i| (i as f32 * size * (1.0 - OVERLAP), size))
    };
    cut(height, tiling.rows)
        .flat_map(|(y, h)| {
            cut(width, tiling.columns).map(move |(x, w)| Part { region: Rect::new(x, y, w, h), vehicle: None })
        })
        .collect()
}

/// Parts of a frame of `width` × `height` pixels that upstream elements marked; those without area are left out.
pub(super) fn regions(width: u32, height: u32, regions: Vec<Region>) -> Vec<Part> {
    regions
        .into_iter()
        .map(|region| Part {
            region: region.vehicle.bbox.unwrap_or_default().clamped(width, height),
            vehicle: Some(region.vehicle),
        })
        .filter(|part| part.region.w >= 1.0 && part.region.h >= 1.0)
        .collect()
}

/// Which further looks follow where the first one leaves something open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Further {
    /// A smaller one where nothing was found, for plates that nearly fill the part.
    pub(super) coarse: bool,
    /// Closer ones at small weak finds.
    pub(super) close: bool,
}

/// How to search one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Search {
    /// What is of any use.
    pub(super) thresholds: Thresholds,
    /// The score from which a find is a plate; a weaker one only continues a track.
    pub(super) sure: f32,
    pub(super) further: Further,
}

/// What one inference found, best first.
struct Look {
    plates: Vec<Detection>,
    vehicles: Vec<Detection>,
    /// Pixels of the network for each pixel of the frame.
    scale: f32,
}

/// A detector ready to run.
pub(super) struct Detector {
    model: Model,
    contract: DetectorContract,
    buffer: InputBuffer,
    trust: Trust,
}

/// A plate, and the vehicle in whose region it was found or that the model found around it.
pub(super) type Found = (Detection, Option<Vehicle>);

impl Detector {
    pub(super) fn new(model: Model, contract: DetectorContract) -> Self {
        let buffer = InputBuffer::new(&contract.input);
        Self { model, contract, buffer, trust: Trust::default() }
    }

    pub(super) const fn contract(&self) -> &DetectorContract {
        &self.contract
    }

    /// The class name of a detection.
    pub(super) fn label(&self, class: u32) -> Option<&str> {
        self.contract.labels.get(class as usize).map(String::as_str)
    }

    /// Searches `parts` of `frame`, one inference each, and a single part again as [`Search::further`] says, where the model takes
    /// pictures of any size.
    ///
    /// Returns what was found and the number of inferences.
    ///
    /// # Errors
    ///
    /// Those of [`Model::run`]; [`Error::Contract`] when the outputs are not what the contract says.
    pub(super) fn search(
        &mut self,
        frame: &Frame<'_>,
        parts: &[Part],
        &Search { thresholds, sure, further }: &Search,
    ) -> Result<(Vec<Found>, u64), Error> {
        let single = parts.len() == 1 && self.contract.input.flexible.is_some();
        let least = if single && further.close { Closer::least() } else { thresholds.confidence };
        let first = Thresholds { confidence: least.min(thresholds.confidence), ..thresholds };
        let mut found: Vec<Found> = Vec::new();
        let mut vehicles: Vec<Found> = Vec::new();
        let mut inferences = 0;
        for part in parts {
            let Look { mut plates, vehicles: mut around, scale } = self.look(frame, &part.region, 1, &first)?;
            inferences += 1;
            if single && further.coarse && plates.iter().all(|plate| plate.confidence < sure) {
                let mut large = self.look(frame, &part.region, COARSE, &first)?;
                inferences += 1;
                plates.append(&mut large.plates);
                around.append(&mut large.vehicles);
                plates = suppress(plates, thresholds.iou, thresholds.max);
            }
            if single && further.close {
                let closer = Closer { region: part.region, scale, sure };
                for window in closer.windows(&plates) {
                    let near = self.look(frame, &window, Closer::REDUCTION, &first)?;
                    inferences += 1;
                    plates = closer.replace(plates, &window, near.plates, thresholds.iou);
                }
            }
            found.extend(plates.into_iter().map(|plate| (plate, part.vehicle.clone())));
            let around = around.into_iter().filter(|vehicle| vehicle.confidence >= sure);
            vehicles.extend(around.map(|vehicle| (vehicle, None)));
        }
        found.retain(|(plate, _)| plate.confidence >= thresholds.confidence);
        if inferences > 1 {
            [found, vehicles] = [found, vehicles].map(|found| merge(found, &thresholds, sure));
        }
        let vehicles: Vec<Detection> = vehicles.into_iter().map(|(vehicle, _)| vehicle).collect();
        for (plate, vehicle) in found.iter_mut().filter(|(_, vehicle)| vehicle.is_none()) {
            *vehicle = carrier(&plate.bbox, &vehicles).map(|found| self.vehicle(found));
        }
        Ok((found, inferences))
    }

    /// A vehicle that the model found.
    fn vehicle(&self, found: &Detection) -> Vehicle {
        let kind = self.label(found.class).map(str::to_lowercase);
        Vehicle { kind, bbox: Some(found.bbox), ..Vehicle::default() }
    }

    /// One inference, on a picture that is `reduction` times smaller than usual.
    fn look(
        &mut self,
        frame: &Frame<'_>,
        region: &Rect,
        reduction: usize,
        thresholds: &Thresholds,
    ) -> Result<Look, Error> {
        let Self { model, contract, buffer, trust } = self;
        buffer.clear();
        contract.input.adapt(region.w, region.h, reduction);
        let mapping = contract.input.fill(frame, region, buffer);
        let shape = contract.input.shape(1);
        let data = match &*buffer {
            InputBuffer::F32(values) => TensorData::F32(values),
            InputBuffer::U8(values) => TensorData::U8(values),
        };
        let mut inputs = vec![Tensor { name: &contract.input.name, shape: &shape, data }];
        for fixed in &contract.fixed_inputs {
            let data = match &fixed.values {
                FixedValues::I64(values) => TensorData::I64(values),
                FixedValues::F32(values) => TensorData::F32(values),
            };
            inputs.push(Tensor { name: &fixed.name, shape: &fixed.shape, data });
        }
        let decoded = model.run(&inputs, |outputs| decode(contract, outputs, &mapping, thresholds, trust))?;
        let found =
            decoded.map_err(|err| Error::Contract { file: model.file().to_path_buf(), said: err.to_string() })?;
        let (plates, vehicles) = found.into_iter().partition(|found| contract.classes.role(found.class) == Role::Plate);
        Ok(Look { plates, vehicles, scale: mapping.scale_x.recip() })
    }
}

/// One detection of every plate that several parts show: overlaps as within one search, and a plate that the edge of
/// one part cut gives way to the whole one. What is neither `sure` nor surer than what it covers is no whole plate.
fn merge(mut found: Vec<Found>, thresholds: &Thresholds, sure: f32) -> Vec<Found> {
    found.sort_by(|(a, _), (b, _)| b.bbox.area().total_cmp(&a.bbox.area()));
    let mut whole: Vec<Found> = Vec::new();
    for (detection, vehicle) in found {
        let is_part_of = |other: &Detection| {
            other.class == detection.class
                && other.confidence >= sure.min(detection.confidence)
                && detection.bbox.intersection(&other.bbox).area() >= SAME_PLATE * detection.bbox.area()
                && detection.bbox.iou(&other.bbox) <= thresholds.iou
        };
        if !whole.iter().any(|(other, _)| is_part_of(other)) {
            whole.push((detection, vehicle));
        }
    }
    let kept = suppress(whole.iter().map(|(d, _)| d.clone()).collect(), thresholds.iou, thresholds.max);
    kept.into_iter()
        .map(|detection| {
            let vehicle = whole.iter().find(|(d, _)| *d == detection).and_then(|(_, vehicle)| vehicle.clone());
            (detection, vehicle)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_frame_and_overlap() {
        let one = tiles(640, 480, Tiling { columns: 1, rows: 1 });
        assert_eq!(one, [Part { region: Rect::new(0.0, 0.0, 640.0, 480.0), vehicle: None }]);
        let parts = tiles(1800, 1000, Tiling { columns: 2, rows: 1 });
        let xs: Vec<_> = parts.iter().map(|p| (p.region.x, p.region.right())).collect();
        assert_eq!(xs, [(0.0, 1000.0), (800.0, 1800.0)]);
        let parts = tiles(7680, 4320, Tiling { columns: 3, rows: 4 });
        assert_eq!(parts.len(), 12);
        let last = parts.last().unwrap().region;
        assert!((last.right() - 7680.0).abs() < 0.01 && (last.bottom() - 4320.0).abs() < 0.01);
    }

    #[test]
    fn a_plate_cut_by_a_seam_counts_once() {
        let detection = |x: f32, w: f32, confidence: f32| {
            let bbox = Rect::new(x, 10.0, w, 20.0);
            (Detection { bbox, corners: None, confidence, class: 0 }, None)
        };
        let thresholds = Thresholds { confidence: 0.1, iou: 0.5, max: 10 };
        let merged = |cut: f32, whole: f32| {
            let found = vec![detection(100.0, 30.0, cut), detection(70.0, 90.0, whole), detection(400.0, 90.0, 0.5)];
            let mut xs: Vec<_> = merge(found, &thresholds, 0.6).iter().map(|(d, _)| d.bbox.x).collect();
            xs.sort_by(f32::total_cmp);
            xs
        };
        // Whole in one tile, a third of it (and more confident) in the next; another plate far off.
        assert_eq!(merged(0.9, 0.6), [70.0, 400.0]);
        assert_eq!(merged(0.2, 0.3), [70.0, 400.0], "both weak");
        assert_eq!(merged(0.9, 0.2), [70.0, 100.0, 400.0], "a weak find around a sure plate takes nothing away");
    }
}
