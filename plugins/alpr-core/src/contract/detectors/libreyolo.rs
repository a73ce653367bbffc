//! LibreYOLO exports, recognised by their metadata: they share words with Ultralytics' and mean other things by them.

use super::super::Resize;
use super::super::heads::{BoxFormat, DetectorHead, Rows};
use super::super::model::Preset;
use super::{Family, contract, yolo, yolox};

/// By the properties `libreyolo_version` and `model_family`.
pub(super) const LIBREYOLO: Family = Family {
    name: "libreyolo",
    sniff: |model| {
        model.prop("libreyolo_version")?;
        let refused = |why: String| {
            Some(Err(
                model.refused(why, "export a YOLOX or YOLOv9 detector, or the same network by its authors' own tool")
            ))
        };
        let (kind, task) = (model.prop("model_family").unwrap_or_default(), model.prop("task").unwrap_or("detect"));
        if task != "detect" {
            return refused(format!("its task is {task}"));
        }
        match kind {
            "yolox" => (yolox::YOLOX.sniff)(model),
            // Two corners where YOLOv9's own exporter has centre and size.
            "yolo9" => {
                let (picture, output) = (model.picture()?, yolo::three_dimensional(model)?);
                let rows = Rows { format: BoxFormat::Corners, ..yolo::columns(model, output)? };
                let top_left = model.prop("letterbox_pad") == Some("topleft");
                let resize = if top_left { Resize::LetterboxTopLeft } else { Resize::Letterbox };
                let preset = Preset { resize, multiple: 32, ..Preset::LETTERBOX };
                Some(contract(model, "libreyolo", &picture, &preset, DetectorHead::Rows(rows)))
            }
            other => refused(format!("LibreYOLO's exports of {other} are not known here")),
        }
    },
};
