//! Exports that no plain ONNX runtime can run.

use super::super::model::Model;
use super::super::{ContractError, Element, TensorInfo};
use super::{Family, yolo};

/// Outputs of TensorRT's own box suppression.
pub(super) const TENSORRT: Family = Family {
    name: "tensorrt-nms",
    sniff: |model| {
        let names = ["BatchedNMS", "BatchedNMS_1"];
        let output = model.info.outputs.iter().find(|t| names.contains(&t.name.as_str()))?;
        Some(Err(model.refused(
            format!("its output {} comes from TensorRT's NMS plugin, which ONNX Runtime does not have", output.name),
            "export with the ONNX Runtime end-to-end form (output [n,7]) or without built-in NMS",
        )))
    },
};

/// NanoDet: sides as distributions, in rows that look like those of YOLOX.
pub(super) const NANODET: Family = Family {
    name: "nanodet",
    sniff: |model| {
        let (picture, output) = (model.input("data")?, yolo::three_dimensional(model)?);
        let (width, height) = (picture.dim(3)?, picture.dim(2)?);
        let cells: usize = [8, 16, 32, 64].map(|stride| width.div_ceil(stride) * height.div_ceil(stride)).iter().sum();
        (output.dim(1) == Some(cells) && output.dim(2).is_some_and(|columns| columns > 4 * 8)).then(|| {
            Err(model.refused(
                "its boxes are NanoDet's distributions, which are not known here",
                "use a network of another family of the page docs/models.md",
            ))
        })
    },
};

/// Why a detector that gives its grids as they are, three or four of them and each half as fine as the one before, cannot be used.
pub(super) fn grids(model: &Model<'_>) -> Option<ContractError> {
    let floats = || model.info.outputs.iter().filter(|output| output.element == Element::F32);
    // Rows and columns stand last, or before the numbers of an anchor: [1,3,80,80,85]. Beside those may be what auxiliary heads of
    // YOLOv7 are made of.
    let of_anchors = floats().any(|output| output.rank() == 5);
    let is_grid = |output: &&TensorInfo| match output.rank() {
        5 => output.dim(1) == Some(3),
        rank => rank == 4 && !of_anchors,
    };
    let sides: Vec<usize> = floats().filter(is_grid).filter_map(|output| output.dim(2)).collect();
    let all = of_anchors || sides.len() == model.info.outputs.len();
    let halved = sides.windows(2).all(|pair| pair[0] == 2 * pair[1]);
    (all && (3..=4).contains(&sides.len()) && halved).then(|| {
        model.refused(
            "its outputs are the network's grids, and what anchors and strides make of them is missing",
            "export it with that inside (YOLOv7: --grid; YOLOv5: without --train)",
        )
    })
}
