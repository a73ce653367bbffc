//! Detectors that give finished boxes, their scores and their classes as outputs of their own.

use super::super::heads::{BoxFormat, DetectorHead, Finished, Rows, Score, Units};
use super::super::model::{Model, Preset};
use super::super::{ContractError, DetectorContract, FixedInput, FixedValues, Resize, TensorInfo};
use super::{Family, contract, yolo};

/// The note of families whose suppression is inside.
pub(super) const BUILT_IN: &str = "thresholds of its built-in NMS cannot be lowered here";

/// Boxes of two corners in network pixels, unless the user says otherwise.
pub(super) fn pixels(model: &Model<'_>, boxes: &TensorInfo, scores: &TensorInfo, labels: &TensorInfo) -> DetectorHead {
    DetectorHead::Finished(Finished {
        boxes: boxes.name.clone(),
        scores: Some(scores.name.clone()),
        labels: labels.name.clone(),
        format: BoxFormat::Corners,
        units: model.units(),
        background: false,
    })
}

/// A contract of such a head, with the note that its thresholds are fixed.
fn suppressed(
    model: &Model<'_>,
    family: &'static str,
    preset: &Preset,
    head: DetectorHead,
) -> Option<Result<DetectorContract, ContractError>> {
    let picture = model.picture()?;
    Some(contract(model, family, &picture, preset, head).map(|mut c| {
        c.notes.push(BUILT_IN.into());
        c
    }))
}

/// The output called `name`, or `name:0` as TensorFlow's converters write it.
fn output<'a>(model: &Model<'a>, name: &str) -> Option<&'a TensorInfo> {
    model.info.outputs.iter().find(|output| output.name.strip_suffix(":0").unwrap_or(&output.name) == name)
}

/// YOLOv6, YOLOv7 and DAMO-YOLO end to end with a suppression that ONNX Runtime has: a file whose suppression is TensorRT's
/// does not load.
pub(super) const DETS: Family = Family {
    name: "yolo-dets",
    sniff: |model| {
        model.output("num_dets")?;
        let [boxes, scores, labels] = ["det_boxes", "det_scores", "det_classes"].map(|name| model.output(name));
        let head = pixels(model, boxes?, scores?, labels?);
        Some(suppressed(model, "yolo-dets", &Preset::LETTERBOX, head)?.map(|mut c| {
            c.notes.push("YOLOv6 exported --with-preprocess wants color-order=bgr range=0..255".into());
            c
        }))
    },
};

/// TensorFlow's Object Detection API by tf2onnx, whose networks bring pictures of any size to their own.
pub(super) const TENSORFLOW: Family = Family {
    name: "tensorflow",
    sniff: |model| {
        output(model, "num_detections")?;
        let [boxes, scores, labels] = ["detection_boxes", "detection_scores", "detection_classes"]
            .map(|name| Some(output(model, name)?.name.clone()));
        let head = DetectorHead::Finished(Finished {
            boxes: boxes?,
            scores: scores.as_ref()?.clone().into(),
            labels: labels?,
            format: BoxFormat::CornersYx,
            units: Units::Normalized,
            background: true,
        });
        // Its networks take pixels as they are, of a float input too.
        let preset = Preset { scale: [1.0; 3], multiple: 32, ..Preset::LETTERBOX };
        suppressed(model, "tensorflow", &preset, head)
    },
};

/// Azure Custom Vision, whose metadata tell what pixels it wants.
pub(super) const CUSTOM_VISION: Family = Family {
    name: "custom-vision",
    sniff: |model| {
        // One of its two kinds of networks gives what anchors make boxes of.
        if model.only_output().is_some_and(|output| output.name == "model_outputs0" && output.rank() == 4) {
            return Some(Err(model.refused(
                "its output is the network's grid, and the anchors that make boxes of it are not in the file",
                "train it in the domain `General (compact) [S1]` and export that",
            )));
        }
        let [boxes, scores, labels] =
            ["detected_boxes", "detected_scores", "detected_classes"].map(|name| model.output(name));
        let DetectorHead::Finished(head) = pixels(model, boxes?, scores?, labels?) else { return None };
        let units = if model.user.normalized == Some(false) { Units::Pixels } else { Units::Normalized };
        let head = DetectorHead::Finished(Finished { units, ..head });
        let preset = Preset { resize: Resize::Stretch, ..Preset::LETTERBOX };
        suppressed(model, "custom-vision", &preset, head)
    },
};

/// Faster R-CNN, RetinaNet, FCOS and SSD of torchvision: boxes, scores and labels of one picture without a batch.
pub(super) const TORCHVISION: Family = Family {
    name: "torchvision",
    sniff: |model| {
        let outputs = &model.info.outputs;
        let boxes = outputs.iter().find(|t| t.rank() == 2 && t.dim(1) == Some(4) && t.element.is_float())?;
        let scores = outputs.iter().find(|t| t.rank() == 1 && t.element.is_float())?;
        let labels = outputs.iter().find(|t| t.rank() == 1 && t.element.is_index())?;
        if outputs.len() > 4 {
            return None;
        }
        if model.picture().is_none() {
            let advice = "export it with a batch of one picture, such as torch.rand(1, 3, 480, 640)";
            return Some(Err(model.refused("its picture has no batch dimension", advice)));
        }
        let DetectorHead::Finished(head) = pixels(model, boxes, scores, labels) else { return None };
        let head = DetectorHead::Finished(Finished { background: true, ..head });
        suppressed(model, "torchvision", &Preset::LETTERBOX, head)
    },
};

/// What to set where a file beside the model would say how pixels are normalised. A wrong guess finds nothing and tells nobody.
fn range_is_needed(model: &Model<'_>, usual: &str) -> Option<ContractError> {
    let said = model.user.range.is_some() || model.modelinfo.normalization(&model.picture()?.tensor.name).is_some();
    (!said).then(|| model.refused("nothing in the file tells what pixel values it wants", format!("set {usual}")))
}

/// MMDetection's networks by mmdeploy.
pub(super) const MMDEPLOY: Family = Family {
    name: "mmdeploy",
    sniff: |model| {
        let (boxes, labels) = (model.output("dets")?, model.output("labels")?);
        if boxes.dim(2) != Some(5) || !labels.element.is_index() {
            return None;
        }
        if let Some(error) = range_is_needed(
            model,
            "range and color-order as pipeline.json says it: RTMDet range=imagenet color-order=bgr, YOLOX range=0..255 \
             color-order=bgr, YOLOv3 range=0..1, most others range=imagenet",
        ) {
            return Some(Err(error));
        }
        let head = DetectorHead::Finished(Finished {
            boxes: boxes.name.clone(),
            scores: None,
            labels: labels.name.clone(),
            format: BoxFormat::Corners,
            units: model.units(),
            background: false,
        });
        let preset = Preset { resize: Resize::LetterboxTopLeft, multiple: 32, ..Preset::LETTERBOX };
        suppressed(model, "mmdeploy", &preset, head)
    },
};

/// PaddleDetection's networks by paddle2onnx: the scale of the picture goes in beside it, `[n,6]` of class, score and two corners
/// comes out.
pub(super) const PADDLE: Family = Family {
    name: "paddledetection",
    sniff: |model| {
        let picture = model.picture()?;
        let scale = model.input("scale_factor")?;
        let boxes = model.info.outputs.iter().find(|t| t.rank() == 2 && t.dim(1) == Some(6) && t.element.is_float())?;
        if let Some(error) = range_is_needed(
            model,
            "range as infer_cfg.yml says it: range=0..1 where NormalizeImage has norm_type none (PP-YOLOE+), range=imagenet \
             where it has mean and std (PP-YOLOE, PicoDet, RT-DETR has 0 and 1: range=0..1)",
        ) {
            return Some(Err(error));
        }
        let head = DetectorHead::Rows(Rows {
            first: 2,
            format: BoxFormat::Corners,
            score: Score::Best { score: 1, class: 0 },
            ..yolo::plain(model, boxes, 6)
        });
        let preset = Preset { resize: Resize::Stretch, multiple: 32, ..Preset::LETTERBOX };
        Some(contract(model, "paddledetection", &picture, &preset, head).map(|mut c| {
            // A scale of 1 gives boxes in network pixels.
            let mut feed = |tensor: &TensorInfo, values: [f32; 2]| {
                let values = FixedValues::F32(values.to_vec());
                c.fixed_inputs.push(FixedInput { name: tensor.name.clone(), shape: vec![1, 2], values });
            };
            feed(scale, [1.0, 1.0]);
            if let Some(size) = model.input("im_shape") {
                feed(size, [c.input.height as f32, c.input.width as f32]);
            }
            c.notes.push(BUILT_IN.into());
            c
        }))
    },
};
