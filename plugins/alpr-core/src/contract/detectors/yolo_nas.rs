//! YOLO-NAS and its relatives as SuperGradients exports them, recognised by the names of their outputs.

use super::super::TensorInfo;
use super::super::heads::{BoxFormat, DetectorHead, Rows, Score};
use super::super::model::{Model, Preset};
use super::finished::{self, BUILT_IN};
use super::{Family, contract, yolo};

/// Finished boxes in one output or in several. A graph in front of the names tells of which part of the export they are.
pub(super) const YOLO_NAS: Family = Family {
    name: "yolo-nas",
    sniff: |model| {
        let picture = model.picture()?;
        let head = flat(model).or_else(|| batched(model))?;
        Some(contract(model, "yolo-nas", &picture, &Preset::LETTERBOX, head).map(|mut c| {
            c.notes.push(BUILT_IN.into());
            c
        }))
    },
};

fn named<'a>(model: &Model<'a>, end: &str) -> Option<&'a TensorInfo> {
    model.info.outputs.iter().find(|output| output.name.ends_with(end))
}

/// `[n,7]` with the score before the class, which YOLOv7's rows of seven have the other way round.
fn flat(model: &Model<'_>) -> Option<DetectorHead> {
    let output = named(model, "flat_predictions").filter(|output| output.dim(1) == Some(7))?;
    let score = Score::Best { score: 5, class: 6 };
    Some(DetectorHead::Rows(Rows { first: 1, format: BoxFormat::Corners, score, ..yolo::plain(model, output, 7) }))
}

/// Boxes, scores and classes with as many places as the exporter keeps boxes; empty ones have a score of 0.
fn batched(model: &Model<'_>) -> Option<DetectorHead> {
    named(model, "num_predictions")?;
    let [boxes, scores, labels] = ["pred_boxes", "pred_scores", "pred_classes"].map(|end| named(model, end));
    Some(finished::pixels(model, boxes?, scores?, labels?))
}
