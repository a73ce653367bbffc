//! Exports that no plain ONNX runtime can run.

use super::Family;

/// Outputs of TensorRT's own box suppression.
pub(super) const TENSORRT: Family = Family {
    name: "tensorrt-nms",
    sniff: |model| {
        let names = ["num_dets", "num_detections", "BatchedNMS", "BatchedNMS_1"];
        let output = model.info.outputs.iter().find(|t| names.contains(&t.name.as_str()))?;
        Some(Err(model.refused(
            format!("its output {} comes from TensorRT's NMS plugin, which ONNX Runtime does not have", output.name),
            "export with the ONNX Runtime end-to-end form (output [n,7]) or without built-in NMS",
        )))
    },
};
