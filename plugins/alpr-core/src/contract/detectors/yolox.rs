//! YOLOX.

use super::super::heads::DetectorHead;
use super::super::model::Preset;
use super::super::{ColorOrder, Resize};
use super::yolo::{candidates, levels, three_dimensional};
use super::{Family, contract};

/// `[batch, n, 5 + classes]` with one anchor a cell; boxes are offsets to their cell unless exported decoded.
pub(super) const YOLOX: Family = Family {
    name: "yolox",
    sniff: |model| {
        let (picture, output) = (model.picture()?, three_dimensional(model)?);
        let mut rows = candidates(model, "yolox", &picture, output, None)?;
        if model.user.decoded != Some(true) {
            let large = levels(model, &picture, output, 1) == Some(4);
            rows.cells = if large { vec![8, 16, 32, 64] } else { vec![8, 16, 32] };
        }
        let preset = Preset {
            color: ColorOrder::Bgr,
            resize: Resize::LetterboxTopLeft,
            scale: [1.0; 3],
            multiple: 32,
            ..Preset::LETTERBOX
        };
        Some(contract(model, "yolox", &picture, &preset, DetectorHead::Rows(rows)).map(|mut c| {
            c.notes.push(
                "pixels are fed as BGR of 0 to 255; weights older than 0.2 want color-order=rgb range=imagenet".into(),
            );
            c
        }))
    },
};
