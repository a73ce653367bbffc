//! Families of detectors.

mod detr;
mod grid;
mod refused;
mod ultralytics;
mod yolo;
mod yolox;

use super::model::{Model, Picture, Preset};
use super::{ContractError, DetectorContract, DetectorHead, family, readers};

type Family = family::Family<DetectorContract>;

/// Certain tests first: names and metadata before shapes.
const FAMILIES: [Family; 12] = [
    refused::TENSORRT,
    detr::RT_DETR,
    detr::TRANSFORMERS,
    ultralytics::ULTRALYTICS,
    yolo::END2END,
    yolo::SUPPRESSED,
    yolo::V8,
    yolo::CORNERS,
    yolox::YOLOX,
    yolo::V5,
    detr::RF_DETR,
    grid::DETECTNET,
];

/// The contract of a detector.
pub(super) fn find(model: &Model<'_>) -> Result<DetectorContract, ContractError> {
    if let Some(contract) = family::find(&FAMILIES, model)? {
        return Ok(contract);
    }
    match readers::recognize(model) {
        Some(name) => Err(model.refused(
            format!("it is a reader of plates ({name}) and not a detector"),
            "give it to the element that reads, and a detector here",
        )),
        None => Err(model.unknown("detector", family::names(&FAMILIES))),
    }
}

/// A contract of `family` with one picture and no extras.
fn contract(
    model: &Model<'_>,
    family: &'static str,
    picture: &Picture<'_>,
    preset: &Preset,
    head: DetectorHead,
) -> Result<DetectorContract, ContractError> {
    let mut notes = Vec::new();
    // Copyleft reaches the programs a model is shipped with; its user should know.
    if let Some(license) = model.prop("license").filter(|l| l.contains("GPL")) {
        notes.push(format!("licence of the model: {license}"));
    }
    let input = model.fitted(picture, preset)?;
    if let Some(batch) = input.batch.filter(|n| *n != 1) {
        return Err(
            model.refused(format!("it wants {batch} pictures at once"), "export it with a batch of 1 or a free one")
        );
    }
    Ok(DetectorContract {
        family,
        input,
        fixed_inputs: Vec::new(),
        head,
        labels: model.labels(),
        confidence_threshold: model.prop_number("confidence_threshold").filter(|t| (0.0..=1.0).contains(t)),
        notes,
    })
}
