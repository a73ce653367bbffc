//! Ultralytics exports, recognised by their metadata: YOLOv8 to YOLO26, RT-DETR, plates with corners as poses.

use super::super::heads::{BoxFormat, CornerColumns, DetectorHead, Rows, Score, Units};
use super::super::model::{Model, Picture, Preset};
use super::super::sidecar::numbers;
use super::super::{ContractError, DetectorContract, Resize, TensorInfo};
use super::finished::BUILT_IN;
use super::yolo::MOST_FINISHED;
use super::{Family, contract};

/// By the properties `task` and `head`.
pub(super) const ULTRALYTICS: Family = Family {
    name: "ultralytics",
    sniff: |model| {
        let task = model.prop("task")?;
        let picture = model.picture()?;
        let output = model.info.outputs.first().filter(|t| t.rank() == 3)?;
        match task {
            "detect" | "segment" | "pose" => Some(accept(model, task, &picture, output)),
            "obb" => Some(Err(model.refused(
                "its boxes are rotated (task obb)",
                "train and export a `pose` model with 4 corner keypoints, or a `detect` model",
            ))),
            "classify" => Some(Err(model.refused("it classifies whole pictures", "export a `detect` or `pose` model"))),
            // Other programs use the word as well; shapes may still tell.
            _ => None,
        }
    },
};

fn accept(
    model: &Model<'_>,
    task: &str,
    picture: &Picture<'_>,
    output: &TensorInfo,
) -> Result<DetectorContract, ContractError> {
    let (corners, extra) = keypoints(model, task)?;
    let head = if model.prop("head") == Some("RTDETRDecoder") {
        queries(model, output)?
    } else {
        boxes(model, task, output, corners, extra)?
    };
    let normalized = head.units == Units::Normalized;
    let mut preset = Preset { multiple: 32, ..Preset::LETTERBOX };
    if normalized {
        preset.resize = Resize::Stretch;
    }
    preset.multiple = model.stride().unwrap_or(preset.multiple);
    if let Some([height, width]) = model.prop("imgsz").and_then(numbers).as_deref() {
        preset.size = (*width, *height);
    }
    let suppressed = matches!(head.score, Score::Best { .. });
    let mut contract = contract(model, "ultralytics", picture, &preset, DetectorHead::Rows(head))?;
    if suppressed && suppresses(model) {
        contract.notes.push(BUILT_IN.into());
    }
    if task == "segment" {
        contract.notes.push("masks are not used".into());
    }
    Ok(contract)
}

/// Whether the exporter was told to put its suppression in.
fn suppresses(model: &Model<'_>) -> bool {
    model.prop("args").is_some_and(|args| args.contains("'nms': True"))
}

/// Where corners stand relative to the end of a row, and how many columns follow box and score.
fn keypoints(model: &Model<'_>, task: &str) -> Result<(Option<usize>, usize), ContractError> {
    match task {
        "pose" => {}
        // Mask coefficients.
        "segment" => return Ok((None, 32)),
        _ => return Ok((None, 0)),
    }
    match model.prop("kpt_shape").and_then(numbers).as_deref() {
        Some([4, step @ (2 | 3)]) => Ok((Some(*step), 4 * step)),
        Some([count, step @ (2 | 3)]) => Ok((None, count * step)),
        _ => Err(model.refused(
            "its task is pose and its property `kpt_shape` is not of the form [4, 2] or [4, 3]",
            "export it again with the property, 4 keypoints being the corners of the plate",
        )),
    }
}

fn boxes(
    model: &Model<'_>,
    task: &str,
    output: &TensorInfo,
    corners: Option<usize>,
    extra: usize,
) -> Result<Rows, ContractError> {
    let classes = model.labels().len();
    let finished = 6 + extra;
    let raw = |columns: usize| columns > 4 + extra && (classes == 0 || columns == 4 + classes + extra);
    let wrong = || {
        model.refused(
            format!("its metadata (task {task}, {classes} names) does not fit its output {output}"),
            "export it again, or remove the metadata so that shapes alone decide",
        )
    };
    let end2end = model.prop("end2end").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let told = end2end || suppresses(model);
    let (first, last) = (output.dim(1), output.dim(2));
    // Exports with free axes may leave all of them open; then the metadata alone decides.
    let open = (first, last) == (None, None) && classes > 0;
    let is_raw = !end2end && (open || first.is_some_and(raw) && first < last.or(Some(usize::MAX)));
    let (columns, score, corners_at) = if is_raw {
        let columns = first.unwrap_or(4 + classes + extra);
        let count = columns - 4 - extra;
        (columns, Score::Classes { first: 4, count, objectness: None }, 4 + count)
    } else if (last == Some(finished) && (told || first.is_none_or(|rows| rows <= MOST_FINISHED))) || (open && end2end)
    {
        (finished, Score::Best { score: 4, class: 5 }, 6)
    } else {
        return Err(wrong());
    };
    Ok(Rows {
        output: output.name.clone(),
        columns,
        transposed: is_raw,
        first: 0,
        format: if is_raw { BoxFormat::CenterSize } else { BoxFormat::Corners },
        units: model.units(),
        score,
        corners: corners.map(|step| CornerColumns { first: corners_at, step }),
        cells: Vec::new(),
    })
}

/// The RT-DETR head: normalised boxes, then score and class, or in older exports one score a class.
fn queries(model: &Model<'_>, output: &TensorInfo) -> Result<Rows, ContractError> {
    let columns = output.dim(2).filter(|c| *c > 4).ok_or_else(|| {
        model.refused(format!("its output {output} has no boxes and scores"), "export it again with a fixed shape")
    })?;
    let score = if columns == 6 {
        Score::Best { score: 4, class: 5 }
    } else {
        Score::Classes { first: 4, count: columns - 4, objectness: None }
    };
    Ok(Rows {
        output: output.name.clone(),
        columns,
        transposed: false,
        first: 0,
        format: BoxFormat::CenterSize,
        units: if model.user.normalized == Some(false) { Units::Pixels } else { Units::Normalized },
        score,
        corners: None,
        cells: Vec::new(),
    })
}
