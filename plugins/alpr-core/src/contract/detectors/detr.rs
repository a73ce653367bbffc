//! Detectors with queries in place of anchors.

use super::super::heads::DetectorHead;
use super::super::model::{Model, Preset, TRANSFORMERS_INPUT, TRANSFORMERS_OUTPUTS};
use super::super::{Element, FixedInput, FixedValues, Range, Resize, TensorInfo};
use super::{Family, contract, finished};

const STRETCHED: Preset = Preset { resize: Resize::Stretch, multiple: 32, ..Preset::LETTERBOX };

/// RT-DETR, D-FINE, DEIM as their authors export them: the size goes in beside the picture, finished boxes come out.
pub(super) const RT_DETR: Family = Family {
    name: "rt-detr",
    sniff: |model| {
        let sizes = model.input("orig_target_sizes")?;
        let picture = model.picture()?;
        let [boxes, scores, labels] = ["boxes", "scores", "labels"].map(|name| model.output(name));
        let head = finished::pixels(model, boxes?, scores?, labels?);
        Some(contract(model, "rt-detr", &picture, &STRETCHED, head).map(|mut c| {
            // With the network's own size boxes come back in network pixels, whatever the order of the pair.
            let (w, h) = (c.input.width, c.input.height);
            let values = FixedValues::I64(vec![w as i64, h as i64]);
            c.fixed_inputs.push(FixedInput { name: sizes.name.clone(), shape: vec![1, 2], values });
            if w != h {
                c.notes.push("the size is fed as width, height; not every export of this family agrees on that".into());
            }
            c.notes.push("pictures are stretched; D-FINE's own demo uses resize=letterbox pad-value=0".into());
            if model.user.range.is_none() {
                c.notes.push("pixels are fed as 0 to 1; DEIMv2 with DINOv3 wants range=imagenet".into());
            }
            c
        }))
    },
};

/// Logits and boxes of transformers: by their names or, where the exporter was told none (`dynamo=True` calls them after the
/// operators that made them), by the order that transformers gives them in.
fn logits_and_boxes<'a>(model: &Model<'a>) -> Option<[&'a TensorInfo; 2]> {
    if let [Some(logits), Some(boxes)] = TRANSFORMERS_OUTPUTS.map(|name| model.output(name)) {
        return Some([logits, boxes]);
    }
    model.input(TRANSFORMERS_INPUT)?;
    let [logits, boxes, ..] = model.info.outputs.as_slice() else { return None };
    let of_queries = |t: &TensorInfo| t.rank() == 3 && t.element == Element::F32;
    let fit = of_queries(logits) && of_queries(boxes) && boxes.dim(2) == Some(4) && boxes.dim(1) == logits.dim(1);
    fit.then_some([logits, boxes])
}

/// The same networks through Hugging Face's transformers.
pub(super) const TRANSFORMERS: Family = Family {
    name: "detr-transformers",
    sniff: |model| {
        let [logits, boxes] = logits_and_boxes(model)?;
        let picture = model.picture()?;
        let said = &model.transformers;
        let head = DetectorHead::Queries {
            boxes: boxes.name.clone(),
            logits: logits.name.clone(),
            no_object: model.user.no_object.unwrap_or(said.no_object),
        };
        let mut preset = STRETCHED;
        if let Some((mean, std)) = said.normalization {
            (preset.mean, preset.scale) = (mean.map(|m| m * 255.0), std.map(|s| 1.0 / (s * 255.0)));
        }
        if let Some(shortest) = said.shortest.filter(|side| (64..=2048).contains(side)) {
            // Whole pictures in their own ratio, for which a picture of 4:3 stands here.
            let side = |length: usize| length.next_multiple_of(preset.multiple);
            preset = Preset { resize: Resize::Letterbox, size: (side(shortest * 4 / 3), side(shortest)), ..preset };
        }
        if let Some(size) = said.size {
            preset = Preset { size, multiple: 1, ..preset };
        }
        Some(contract(model, "detr-transformers", &picture, &preset, head).map(|mut c| {
            if model.info.config.transformers.is_none() && model.user.no_object.is_none() {
                c.notes.push(
                    "each class is scored for itself; put config.json beside the model, or set scores=softmax if it is DETR or YOLOS"
                        .into(),
                );
            }
            if said.normalization.is_none() {
                c.notes.push(
                    "pixels are fed as 0 to 1; put config.json and preprocessor_config.json beside the model, or set \
                     range=imagenet if it normalises"
                        .into(),
                );
            }
            c
        }))
    },
};

/// RF-DETR: two float outputs whose `labels` are logits.
pub(super) const RF_DETR: Family = Family {
    name: "rf-detr",
    sniff: |model| {
        let picture = model.picture()?;
        let (boxes, logits) = (model.output("dets")?, model.output("labels")?);
        let float = |t: &TensorInfo| t.rank() == 3 && t.element == Element::F32;
        if !float(boxes) || !float(logits) || boxes.dim(2).is_some_and(|c| c != 4) {
            return None;
        }
        let (mean, scale) = Range::ImageNet.normalization();
        let preset = Preset { mean, scale, size: (560, 560), ..STRETCHED };
        let no_object = model.user.no_object.unwrap_or(false);
        let head = DetectorHead::Queries { boxes: boxes.name.clone(), logits: logits.name.clone(), no_object };
        Some(contract(model, "rf-detr", &picture, &preset, head))
    },
};
