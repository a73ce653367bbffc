//! Crops of plates, and one run of the reader.

use std::time::{Duration, Instant};

use alpr_core::consensus::CropQuality;
use alpr_core::contract::{InputBuffer, ReaderContract};
use alpr_core::geometry::{Point, Quad};
use alpr_core::image::{Frame, rectify, sharpness};
use alpr_core::reader::{Reading, Trust, decode, pool};

use crate::error::Error;
use crate::meta::PlateMeta;
use crate::runtime::{Model, Tensor, TensorData};

/// Rows of the crop on which sharpness is measured: native up to here, twice what the measure looks at.
const SHARPNESS_ROWS: f32 = 64.0;
/// Columns of it at most.
const SHARPNESS_COLUMNS: f32 = 512.0;
/// Share of a new measurement in the usual time of a plate.
const NEWS: f64 = 0.2;

/// The corners of a plate: those of the detector, else those of its box.
pub(super) fn quad(plate: &PlateMeta) -> Quad {
    plate.corners.unwrap_or_else(|| Quad::from_rect(&plate.bbox))
}

/// Width and height of a quadrilateral in pixels: means of opposite sides.
fn size(quad: &Quad) -> (f32, f32) {
    let [tl, tr, br, bl] = quad.0;
    ((tl.distance(tr) + bl.distance(br)) / 2.0, (tl.distance(bl) + tr.distance(br)) / 2.0)
}

/// What is known of a crop before it is cut.
pub(super) fn quality(plate: &PlateMeta, (width, height): (u32, u32)) -> CropQuality {
    let cut = plate.bbox.is_cut_by(width, height);
    let quad = quad(plate);
    let [tl, tr, br, bl] = quad.0;
    let (_, rows) = size(&quad);
    let base = Point::new(tr.x - tl.x + br.x - bl.x, tr.y - tl.y + br.y - bl.y);
    // A producer that gives no score says nothing about the crop.
    let detector_confidence = if plate.confidence > 0.0 { plate.confidence } else { f32::NAN };
    CropQuality { height: rows, sharpness: f32::NAN, tilt: base.y.atan2(base.x), detector_confidence, cut }
}

/// A reader ready to run.
pub(super) struct Reader {
    model: Model,
    contract: ReaderContract,
    buffer: InputBuffer,
    trust: Trust,
    pixels: Vec<u8>,
    /// The margin around plates that the model was made for.
    margin: f32,
    /// Crops of each plate.
    views: usize,
    /// Usual time of one plate, seconds.
    usual: Option<f64>,
}

impl Reader {
    pub(super) fn new(model: Model, contract: ReaderContract) -> Self {
        let buffer = InputBuffer::new(&contract.input);
        let (margin, views) = (contract.crop_margin, contract.usual_views());
        Self { model, contract, buffer, trust: Trust::default(), pixels: Vec::new(), margin, views, usual: None }
    }

    /// Uses `margin` around plates instead of what the model was made for; negative goes back to that.
    pub(super) const fn set_margin(&mut self, margin: f32) {
        self.contract.crop_margin = if margin >= 0.0 { margin } else { self.margin };
    }

    /// Reads each plate in `views` crops; 0 goes back to as many as pay with this model.
    pub(super) const fn set_views(&mut self, views: usize) {
        self.views = if views > 0 { views } else { self.contract.usual_views() };
    }

    /// Usual time to read one plate; `None` before the first.
    pub(super) fn usual_time(&self) -> Option<Duration> {
        self.usual.map(Duration::from_secs_f64)
    }

    /// Sharpness of a plate as it is in the frame.
    pub(super) fn sharpness(&mut self, frame: &Frame<'_>, quad: &Quad) -> f32 {
        let (width, height) = size(quad);
        let rows = height.round().clamp(1.0, SHARPNESS_ROWS);
        let columns = (width * rows / height.max(1.0)).round().clamp(1.0, SHARPNESS_COLUMNS);
        rectify(frame, quad, columns as usize, rows as usize, &mut self.pixels);
        sharpness(&self.pixels, columns as usize, rows as usize)
    }

    /// Reads `plates`, at most `batch` crops in one run; one reading each, of all its views together.
    ///
    /// # Errors
    ///
    /// Those of [`Model::run`]; [`Error::Contract`] when the outputs are not what the contract says.
    pub(super) fn read(
        &mut self,
        frame: &Frame<'_>,
        plates: &[&PlateMeta],
        batch: usize,
    ) -> Result<Vec<Reading>, Error> {
        let started = Instant::now();
        let view = |plate: &&PlateMeta| self.contract.views(&plate.bbox, plate.corners.as_ref(), self.views);
        let views: Vec<Vec<Quad>> = plates.iter().map(view).collect();
        let crops: Vec<Quad> = views.concat();
        let mut readings = Vec::with_capacity(crops.len());
        for crops in crops.chunks(self.contract.input.batch.unwrap_or(batch).max(1)) {
            readings.extend(self.run(frame, crops)?);
        }
        let mut readings = readings.into_iter();
        let pooled = views.iter().filter_map(|views| pool(readings.by_ref().take(views.len()).collect())).collect();
        let each = started.elapsed().as_secs_f64() / plates.len().max(1) as f64;
        self.usual = Some(self.usual.map_or(each, |usual| usual + NEWS * (each - usual)));
        Ok(pooled)
    }

    /// One run of the network: one reading for each of `crops`.
    fn run(&mut self, frame: &Frame<'_>, crops: &[Quad]) -> Result<Vec<Reading>, Error> {
        let Self { model, contract, buffer, trust, .. } = self;
        buffer.clear();
        for crop in crops {
            contract.input.fill_crop(frame, crop, buffer);
        }
        // A model of fixed batch runs full; the readings of empty pictures are not looked at.
        let n = contract.input.batch.unwrap_or(crops.len());
        let shape = contract.input.shape(n);
        let values = n * contract.input.len();
        let data = match buffer {
            InputBuffer::F32(v) => {
                v.resize(values, 0.0);
                TensorData::F32(v)
            }
            InputBuffer::U8(v) => {
                v.resize(values, 0);
                TensorData::U8(v)
            }
        };
        let inputs = [Tensor { name: &contract.input.name, shape: &shape, data }];
        let decoded = model.run(&inputs, |outputs| decode(contract, outputs, n, trust))?;
        let mut readings =
            decoded.map_err(|err| Error::Contract { file: model.file().to_path_buf(), said: err.to_string() })?;
        readings.truncate(crops.len());
        Ok(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alpr_core::geometry::Rect;

    #[test]
    fn quality_follows_the_corners() {
        let corners =
            Quad([Point::new(0.0, 0.0), Point::new(100.0, 100.0), Point::new(90.0, 110.0), Point::new(-10.0, 10.0)]);
        let plate = PlateMeta { corners: Some(corners), confidence: 0.5, ..PlateMeta::default() };
        let q = quality(&plate, (640, 360));
        assert!((q.tilt - std::f32::consts::FRAC_PI_4).abs() < 1e-5, "{q:?}");
        assert!((q.height - 200f32.sqrt()).abs() < 1e-3, "{q:?}");
        assert_eq!((q.detector_confidence, q.cut), (0.5, true));
        let unknown = PlateMeta { bbox: Rect::new(0.0, 0.0, 50.0, 12.0), ..PlateMeta::default() };
        assert!(quality(&unknown, (640, 360)).detector_confidence.is_nan());
    }
}
