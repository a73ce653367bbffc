//! Detectors with queries in place of anchors.

use super::super::heads::DetectorHead;
use super::super::model::Preset;
use super::super::{Element, FixedInput, Range, Resize};
use super::{Family, contract};

const STRETCHED: Preset = Preset { resize: Resize::Stretch, multiple: 32, ..Preset::LETTERBOX };

/// RT-DETR, D-FINE, DEIM as their authors export them: the size goes in beside the picture, finished boxes come out.
pub(super) const RT_DETR: Family = Family {
    name: "rt-detr",
    sniff: |model| {
        let sizes = model.input("orig_target_sizes")?;
        let picture = model.picture()?;
        let [boxes, scores, labels] = ["boxes", "scores", "labels"].map(|name| model.output(name));
        let head = DetectorHead::Finished {
            boxes: boxes?.name.clone(),
            scores: scores?.name.clone(),
            labels: labels?.name.clone(),
        };
        Some(contract(model, "rt-detr", &picture, &STRETCHED, head).map(|mut c| {
            // With the network's own size boxes come back in network pixels, whatever the order of the pair.
            let (w, h) = (c.input.width, c.input.height);
            let values = vec![w as i64, h as i64];
            c.fixed_inputs.push(FixedInput { name: sizes.name.clone(), shape: vec![1, 2], values });
            if w != h {
                c.notes.push("the size is fed as width, height; not every export of this family agrees on that".into());
            }
            c.notes.push("pictures are stretched; D-FINE's own demo uses resize=letterbox pad-value=0".into());
            c
        }))
    },
};

/// The same networks through Hugging Face's transformers.
pub(super) const TRANSFORMERS: Family = Family {
    name: "detr-transformers",
    sniff: |model| {
        model.input("pixel_values")?;
        let picture = model.picture()?;
        let head = DetectorHead::Queries {
            boxes: model.output("pred_boxes")?.name.clone(),
            logits: model.output("logits")?.name.clone(),
        };
        Some(contract(model, "detr-transformers", &picture, &STRETCHED, head).map(|mut c| {
            c.notes.push("pixels are fed as 0 to 1; set range=imagenet if preprocessor_config.json normalises".into());
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
        let float = |t: &super::super::TensorInfo| t.rank() == 3 && t.element == Element::F32;
        if !float(boxes) || !float(logits) || boxes.dim(2).is_some_and(|c| c != 4) {
            return None;
        }
        let (mean, scale) = Range::ImageNet.normalization();
        let preset = Preset { mean, scale, size: (560, 560), ..STRETCHED };
        let head = DetectorHead::Queries { boxes: boxes.name.clone(), logits: logits.name.clone() };
        Some(contract(model, "rf-detr", &picture, &preset, head))
    },
};
