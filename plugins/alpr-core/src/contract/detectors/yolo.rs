//! YOLO exports without metadata, recognised by the shape of their output.

use super::super::heads::{BoxFormat, CornerColumns, DetectorHead, Rows, Score};
use super::super::model::{Model, Picture, Preset};
use super::super::sidecar::class_names;
use super::super::{Element, TensorInfo};
use super::finished::BUILT_IN;
use super::{Family, contract};

/// Most boxes that exports keep of a picture: more rows are those of a network whose boxes are not finished.
pub(super) const MOST_FINISHED: usize = 1000;

/// YOLOv7 and YOLOv9 with ONNX Runtime's NMS inside, open-image-models: `[n,7]`, class before score.
pub(super) const END2END: Family = Family {
    name: "yolo-end2end",
    sniff: |model| {
        let (picture, output) = (model.picture()?, model.only_output()?);
        if output.rank() != 2 || output.dim(1) != Some(7) || output.dim(0).is_some_and(|n| n < 2) {
            return None;
        }
        let rows = Rows {
            first: 1,
            format: BoxFormat::Corners,
            score: Score::Best { score: 6, class: 5 },
            ..plain(model, output, 7)
        };
        Some(contract(model, "yolo-end2end", &picture, &Preset::LETTERBOX, DetectorHead::Rows(rows)).map(|mut c| {
            c.notes.push(BUILT_IN.into());
            c
        }))
    },
};

/// Finished boxes `[batch, n, 6]`: two corners, score, class.
pub(super) const SUPPRESSED: Family = Family {
    name: "yolo-nms",
    sniff: |model| {
        let (picture, output) = (model.picture()?, three_dimensional(model)?);
        let likely = output.dim(1).is_none_or(|n| (100..=MOST_FINISHED).contains(&n));
        if output.dim(2) != Some(6) || !(likely || model.forced("yolo-nms")) {
            return None;
        }
        // Fractions come from detectors with queries, whose boxes are centre and size.
        let fractions = model.user.normalized == Some(true);
        let format = if fractions { BoxFormat::CenterSize } else { BoxFormat::Corners };
        let rows = Rows { format, score: Score::Best { score: 4, class: 5 }, ..plain(model, output, 6) };
        Some(contract(model, "yolo-nms", &picture, &Preset::LETTERBOX, DetectorHead::Rows(rows)).map(|mut c| {
            c.notes.push("boxes are taken for two corners in pixels; set boxes=normalized if they are centre and size as fractions".into());
            c
        }))
    },
};

/// `[batch, 4 + classes, n]`: the form of YOLOv8 and later.
pub(super) const V8: Family = Family {
    name: "yolov8",
    sniff: |model| {
        let twin = twin(model);
        let (picture, output) = (model.picture()?, twin.or_else(|| three_dimensional(model))?);
        let rows = columns(model, output)?;
        // Readers have steps and classes where these have columns and cells.
        let sure = model.forced("yolov8") || model.prop("names").is_some();
        if !(sure || of_cells(model, &picture, output).unwrap_or(true)) {
            return None;
        }
        let preset = Preset { multiple: 32, ..Preset::LETTERBOX };
        Some(contract(model, "yolov8", &picture, &preset, DetectorHead::Rows(rows)).map(|mut c| {
            c.notes.extend(twin.map(|last| format!("of its two heads that of {} is used", last.name)));
            c
        }))
    },
};

/// Columns that stand one after the other: a box, then a score for each class.
pub(super) fn columns(model: &Model<'_>, output: &TensorInfo) -> Option<Rows> {
    let columns = output.dim(1).filter(|c| *c >= 5)?;
    if output.dim(2).is_some_and(|n| n <= columns) {
        return None;
    }
    let score = Score::Classes { first: 4, count: columns - 4, objectness: None };
    Some(Rows { transposed: true, score, ..plain(model, output, columns) })
}

/// `[batch, n, 15]`: box, objectness, four corners, two classes (plates of one and of two rows); another number of classes where
/// the user names the family, because those rows are YOLOv5's with more classes as well.
pub(super) const CORNERS: Family = Family {
    name: "yolo-corners",
    sniff: |model| {
        let (picture, output) = (model.picture()?, three_dimensional(model)?);
        let rows = candidates(model, "yolo-corners", &picture, output, Some(3))?;
        let count =
            rows.columns.checked_sub(13).filter(|count| *count == 2 || *count > 0 && model.forced("yolo-corners"))?;
        let rows = Rows {
            score: Score::Classes { first: 13, count, objectness: Some(4) },
            corners: Some(CornerColumns { first: 5, step: 2 }),
            ..rows
        };
        Some(contract(model, "yolo-corners", &picture, &Preset::LETTERBOX, DetectorHead::Rows(rows)))
    },
};

/// What YOLOv6's exporter calls its output: rows as YOLOv5's, and as many as YOLOX's.
const V6_OUTPUT: &str = "outputs";

/// `[batch, n, 5 + classes]` with three anchors a cell: YOLOv5 and YOLOv7; with one, and by its name, YOLOv6.
pub(super) const V5: Family = Family {
    name: "yolov5",
    sniff: |model| {
        let (picture, output) = (model.picture()?, three_dimensional(model)?);
        let told = exported_by_v5(model, output);
        let (multiple, rows, anchors) = match told {
            Some((stride, columns)) => (stride, objects(model, output, columns), 3),
            None => {
                let three = output.name != V6_OUTPUT || levels(model, &picture, output, 3).is_some();
                let anchors = if three { 3 } else { 1 };
                let rows = candidates(model, "yolov5", &picture, output, Some(anchors))?;
                (levels(model, &picture, output, anchors).map_or(1, coarsest), rows, anchors)
            }
        };
        let preset = Preset { multiple, ..Preset::LETTERBOX };
        Some(contract(model, "yolov5", &picture, &preset, DetectorHead::Rows(rows)).map(|mut c| {
            if anchors == 1 {
                c.notes.push("by the name of its output it is YOLOv6; a YOLOX of that name needs family=yolox".into());
            }
            c
        }))
    },
};

/// Stride and columns, where the metadata are those of YOLOv5's own exporter: `stride` and `names` and no `task`. Free axes tell
/// nothing, and rows of one class look like finished boxes.
fn exported_by_v5(model: &Model<'_>, output: &TensorInfo) -> Option<(usize, usize)> {
    let columns = 5 + model.prop("names").and_then(class_names)?.len();
    let many = output.dim(1).is_none_or(|rows| rows > MOST_FINISHED);
    let fits = many && model.prop("task").is_none() && output.dim(2).is_none_or(|dim| dim == columns);
    model.stride().filter(|_| fits).map(|stride| (stride, columns))
}

/// The output of three dimensions, where it is the only one, or where the others are the grids that it was made of: YOLOv5 up to
/// version 5 and YOLOv7 give those as well.
pub(super) fn three_dimensional<'a>(model: &Model<'a>) -> Option<&'a TensorInfo> {
    let is_grid = |t: &&TensorInfo| t.rank() == 5 && t.dim(1) == Some(3);
    let outputs = &model.info.outputs;
    let output = if outputs.iter().filter(is_grid).count() >= 3 { outputs.first() } else { model.only_output() };
    output.filter(|t| t.rank() == 3 && t.element == Element::F32)
}

/// The last of two outputs that are alike: YOLOv9 has its auxiliary head first until that is taken out.
fn twin<'a>(model: &Model<'a>) -> Option<&'a TensorInfo> {
    match model.info.outputs.as_slice() {
        [first, last] if first.rank() == 3 && first.element == Element::F32 => {
            (first.element == last.element && first.shape == last.shape).then_some(last)
        }
        _ => None,
    }
}

/// `[batch, n, 5 + classes]` where `n` is what the input's size and `anchors` a cell (strides 8, 16, 32 and maybe 64)
/// make it, or where the user names the family.
pub(super) fn candidates(
    model: &Model<'_>,
    family: &str,
    picture: &Picture<'_>,
    output: &TensorInfo,
    anchors: Option<usize>,
) -> Option<Rows> {
    let columns = output.dim(2).filter(|c| *c >= 6)?;
    if levels(model, picture, output, anchors.unwrap_or(1)).is_none() && !model.forced(family) {
        return None;
    }
    Some(objects(model, output, columns))
}

/// Of how many grids with `anchors` a cell the rows of `output` are.
pub(super) fn levels(model: &Model<'_>, picture: &Picture<'_>, output: &TensorInfo, anchors: usize) -> Option<u32> {
    let (w, h) = picture.width.zip(picture.height).or(model.info.tried)?;
    [3, 4].into_iter().find(|&levels| output.dim(1) == Some(anchors * cells(w, h, levels)))
}

/// Whether `output` has a column for each cell of one or more grids, each half as fine as the one before; `None` where sizes are
/// free. A grid alone has more rows than a strip of text: as many columns as that has cells can be a reader's classes.
fn of_cells(model: &Model<'_>, picture: &Picture<'_>, output: &TensorInfo) -> Option<bool> {
    let (w, h) = picture.width.zip(picture.height).or(model.info.tried)?;
    let n = output.dim(2)?;
    let of_strides = |first: u32, last: u32| (first..=last).map(|shift| (w >> shift) * (h >> shift)).sum::<usize>();
    let alone = |shift: u32| w.min(h) >> shift >= 10 && of_strides(shift, shift) == n;
    Some((3..6).any(alone) || (2..6).any(|first| (first + 1..=6).any(|last| of_strides(first, last) == n)))
}

/// The stride of the last of so many grids.
const fn coarsest(levels: u32) -> usize {
    4 << levels
}

/// Rows of a box, its objectness and a score for each class.
fn objects(model: &Model<'_>, output: &TensorInfo, columns: usize) -> Rows {
    let score = Score::Classes { first: 5, count: columns - 5, objectness: Some(4) };
    Rows { score, ..plain(model, output, columns) }
}

/// Cells of a picture at the strides 8, 16, 32 and so on.
fn cells(width: usize, height: usize, levels: u32) -> usize {
    (3..3 + levels).map(|shift| (width >> shift) * (height >> shift)).sum()
}

/// Rows of centre, size and something; the caller says what.
pub(super) fn plain(model: &Model<'_>, output: &TensorInfo, columns: usize) -> Rows {
    Rows {
        output: output.name.clone(),
        columns,
        transposed: false,
        first: 0,
        format: BoxFormat::CenterSize,
        units: model.units(),
        score: Score::Best { score: 4, class: 5 },
        corners: None,
        cells: Vec::new(),
    }
}
