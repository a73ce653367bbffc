//! Model contracts: what a network wants as input and what its outputs mean.
//!
//! A user brings a model file and writes no code: [`detector`] and [`reader`] look at its tensors, its metadata and the
//! files beside it, and find the family it belongs to. What a file cannot say (the order of colours, say) has a default
//! for each family and can be set by [`Overrides`].

mod alphabet;
mod attributes;
mod classes;
mod detectors;
mod error;
mod family;
mod heads;
mod info;
mod input;
mod model;
mod output;
mod overrides;
mod readers;
mod region;
mod sidecar;
mod trial;
mod trust;

use std::fmt;

pub use alphabet::Alphabet;
pub use attributes::Attribute;
pub use classes::{Classes, Role, is_plate, is_vehicle};
pub use error::{ContractError, explain_load_failure};
pub use heads::{BoxFormat, CornerColumns, DetectorHead, Finished, ReaderHead, Rows, Score, Units};
pub use info::{Element, ModelInfo, SidecarKind, Sidecars, TensorInfo};
pub use input::{ColorOrder, Flexible, Input, InputBuffer, Layout, Mapping, Resize};
pub use output::{DecodeError, Output, OutputData};
pub use overrides::{Overrides, Range};
pub use trust::Trust;

use crate::geometry::{Point, Quad, Rect};
use model::Model;

/// An input besides the picture that has the same values in every run.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedInput {
    /// Name in the graph.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: FixedValues,
}

/// The values of an input besides the picture.
#[derive(Clone, Debug, PartialEq)]
pub enum FixedValues {
    /// 64-bit integers.
    I64(Vec<i64>),
    /// 32-bit floats.
    F32(Vec<f32>),
}

/// How to use a detector.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectorContract {
    /// Name of the family.
    pub family: &'static str,
    /// The picture.
    pub input: Input,
    /// Further inputs.
    pub fixed_inputs: Vec<FixedInput>,
    /// The outputs.
    pub head: DetectorHead,
    /// Names of classes; empty where the model does not say.
    pub labels: Vec<String>,
    /// Which of them are plates, and which vehicles.
    pub classes: Classes,
    /// The threshold that the model was tuned for, where it says so.
    pub confidence_threshold: Option<f32>,
    /// What a user should know: assumptions that could not be verified, built-in thresholds, the licence.
    pub notes: Vec<String>,
}

/// How to use a reader.
#[derive(Clone, Debug, PartialEq)]
pub struct ReaderContract {
    /// Name of the family.
    pub family: &'static str,
    /// The crop.
    pub input: Input,
    /// The outputs.
    pub head: ReaderHead,
    /// Symbols in the order of the model's classes without its pad or blank.
    pub alphabet: Alphabet,
    /// Region codes in the order of the region head; empty text where an entry stands for "unknown".
    pub regions: Vec<String>,
    /// How far crops should reach beyond the plate's box or corners, as a fraction of its width and height on each
    /// side.
    pub crop_margin: f32,
    /// What a user should know.
    pub notes: Vec<String>,
}

/// Finds out how to use a model as a detector. `overrides` win over what the file says.
///
/// # Errors
///
/// [`ContractError`] when no family fits, when the family needs something this program does not have, or when a side
/// file or setting cannot be understood.
pub fn detector(info: &ModelInfo, overrides: &Overrides) -> Result<DetectorContract, ContractError> {
    detectors::find(&Model::new(info, overrides)?)
}

/// Finds out how to use a model as a reader. `overrides` win over what the file says.
///
/// # Errors
///
/// As [`detector`].
pub fn reader(info: &ModelInfo, overrides: &Overrides) -> Result<ReaderContract, ContractError> {
    readers::find(&Model::new(info, overrides)?)
}

/// Names of the families of detectors, and of readers.
pub fn families() -> [Vec<&'static str>; 2] {
    [detectors::names(), readers::names()]
}

/// How much further than [`ReaderContract::crop_margin`] the wider views of a plate reach, in the same unit.
const WIDER: f32 = 0.05;

impl ReaderContract {
    /// Most different views of one plate.
    pub const MAX_VIEWS: usize = 4;

    /// The part of the frame that a reading needs: the plate's corners, or its box where there are none, grown by
    /// [`Self::crop_margin`].
    pub fn crop(&self, bbox: &Rect, corners: Option<&Quad>) -> Quad {
        grown(bbox, corners, self.crop_margin)
    }

    /// The first `count` of the crops from which a plate is best read together: straightened and upright, each as far as
    /// [`Self::crop_margin`] and a little further. A plate without corners has upright ones alone.
    ///
    /// Readers err on margins and straightening more than on glyphs, and each crop errs elsewhere.
    pub fn views(&self, bbox: &Rect, corners: Option<&Quad>, count: usize) -> Vec<Quad> {
        let wide = self.crop_margin + WIDER;
        let straight = corners.is_some().then(|| [self.crop(bbox, corners), grown(bbox, corners, wide)]);
        let [upright, upright_wide] = [self.crop(bbox, None), grown(bbox, None, wide)];
        let views = match straight {
            Some([near, far]) => vec![near, upright, upright_wide, far],
            None => vec![upright, upright_wide],
        };
        views.into_iter().take(count.max(1)).collect()
    }

    /// How many views pay: those of readers with slots can be pooled character by character. With the default models more
    /// than two read no more plates.
    pub const fn usual_views(&self) -> usize {
        match self.head {
            ReaderHead::Slots { .. } => 2,
            ReaderHead::Ctc { .. } | ReaderHead::CtcBest { .. } | ReaderHead::Sequence { .. } => 1,
        }
    }
}

/// The corners, or the box where there are none, moved outwards by `margin` of width and height on each side.
fn grown(bbox: &Rect, corners: Option<&Quad>, margin: f32) -> Quad {
    let Some(Quad([tl, tr, br, bl])) = corners else { return Quad::from_rect(&bbox.expanded(margin)) };
    // Each corner moves outwards along both of its sides.
    let moved = |p: &Point, a: &Point, b: &Point| {
        Point::new(p.x + margin * (2.0 * p.x - a.x - b.x), p.y + margin * (2.0 * p.y - a.y - b.y))
    };
    Quad([moved(tl, tr, bl), moved(tr, tl, br), moved(br, bl, tr), moved(bl, br, tl)])
}

impl fmt::Display for DetectorContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.family, self.input)?;
        for (what, role) in [("plates", Role::Plate), ("vehicles", Role::Vehicle)] {
            let of_role =
                |(class, label): (usize, &String)| (self.classes.role(class as u32) == role).then(|| label.clone());
            let labels: Vec<String> = self.labels.iter().enumerate().filter_map(of_role).collect();
            if !labels.is_empty() {
                write!(f, ", {what} {}", labels.join("|"))?;
            }
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl fmt::Display for ReaderContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {} symbols", self.family, self.input, self.alphabet.symbols().len())?;
        if !self.regions.is_empty() {
            write!(f, ", {} regions", self.regions.len())?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}
