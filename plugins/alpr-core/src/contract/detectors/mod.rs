//! Families of detectors.

mod detr;
mod finished;
mod grid;
mod libreyolo;
mod refused;
mod ultralytics;
mod yolo;
mod yolo_nas;
mod yolox;

use super::classes::is_no_plate;
use super::model::{Model, Picture, Preset};
use super::{Classes, ContractError, DetectorContract, DetectorHead, Finished, Score, family, readers};

type Family = family::Family<DetectorContract>;

/// Certain tests first: names and metadata before shapes.
const FAMILIES: [Family; 21] = [
    refused::TENSORRT,
    refused::NANODET,
    finished::DETS,
    finished::TENSORFLOW,
    finished::CUSTOM_VISION,
    finished::TORCHVISION,
    finished::MMDEPLOY,
    finished::PADDLE,
    detr::RT_DETR,
    detr::TRANSFORMERS,
    libreyolo::LIBREYOLO,
    ultralytics::ULTRALYTICS,
    yolo_nas::YOLO_NAS,
    yolo::END2END,
    yolo::CORNERS,
    yolo::V5,
    yolo::SUPPRESSED,
    yolo::V8,
    yolox::YOLOX,
    detr::RF_DETR,
    grid::DETECTNET,
];

/// What lists of names call the class 0 that stands for no object, where they have it: torchvision's and TensorFlow's.
const BACKGROUND: [&str; 4] = ["background", "__background__", "???", "n/a"];

/// The contract of a detector.
pub(super) fn find(model: &Model<'_>) -> Result<DetectorContract, ContractError> {
    if let Some(contract) = family::find(&FAMILIES, model)? {
        let fed = |name: &str| name == contract.input.name || contract.fixed_inputs.iter().any(|f| f.name == name);
        return match model.info.inputs.iter().find(|input| !fed(&input.name)) {
            Some(more) => Err(model.refused(
                format!("beside the picture it wants the input {more}, and nothing tells what belongs there"),
                "export it with the picture as its only input",
            )),
            None => Ok(contract),
        };
    }
    match readers::recognize(model) {
        Some(name) => Err(model.refused(
            format!("it is a reader of plates ({name}) and not a detector"),
            "give it to the element that reads, and a detector here",
        )),
        None => Err(refused::grids(model).unwrap_or_else(|| model.unknown("detector", names()))),
    }
}

/// The family of detectors that a model surely belongs to; shapes that readers have too tell none.
pub(super) fn recognize(model: &Model<'_>) -> Option<&'static str> {
    let vague = [yolo::V8.name, yolo::SUPPRESSED.name];
    FAMILIES.iter().filter(|f| !vague.contains(&f.name)).find(|f| (f.sniff)(model).is_some()).map(|f| f.name)
}

/// Names of all families.
pub(super) fn names() -> Vec<&'static str> {
    family::names(&FAMILIES)
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
    let mut labels = model.labels();
    if let (DetectorHead::Finished(Finished { background: true, .. }), false) = (&head, labels.is_empty())
        && !BACKGROUND.iter().any(|name| labels[0].eq_ignore_ascii_case(name))
    {
        labels.insert(0, "background".into());
    }
    let classes = classes(model, &labels, &head, &mut notes)?;
    Ok(DetectorContract {
        family,
        input,
        fixed_inputs: Vec::new(),
        head,
        labels,
        classes,
        confidence_threshold: model.prop_number("confidence_threshold").filter(|t| (0.0..=1.0).contains(t)),
        notes,
    })
}

/// Which classes are plates: those the user names, else those whose names tell.
fn classes(
    model: &Model<'_>,
    labels: &[String],
    head: &DetectorHead,
    notes: &mut Vec<String>,
) -> Result<Classes, ContractError> {
    if let Some(wanted) = &model.user.plate_classes {
        return Classes::chosen(labels, wanted).map_err(|class| ContractError::Setting {
            key: "plate-classes".into(),
            value: class,
            accepted: match labels {
                [] => "indices of classes, because this model does not name its classes".into(),
                labels => format!("the classes of this model, {}, and their indices", labels.join(", ")),
            },
        });
    }
    if let Some(classes) = Classes::by_name(labels) {
        // Two classes beside corners are plates of one and of two rows.
        if let DetectorHead::Rows(rows) = head
            && let Score::Classes { count: count @ 2.., .. } = rows.score
            && labels.is_empty()
            && rows.corners.is_none()
        {
            notes.push(format!(
                "its {count} classes have no names: all are taken for plates; set plate-classes to the indices that are"
            ));
        }
        return Ok(classes);
    }
    let shown = labels.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    if labels.iter().any(|label| is_no_plate(label)) {
        let more = if labels.len() > 8 { ", …" } else { "" };
        return Err(model.refused(
            format!("its classes are {shown}{more}, and none of them is named as plates are"),
            "use a detector of plates; where a class is plates under another name, set plate-classes to it",
        ));
    }
    notes.push(format!("all its classes ({shown}) are taken for plates; set plate-classes to those that are"));
    Ok(Classes::default())
}
