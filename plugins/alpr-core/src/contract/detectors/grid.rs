//! DetectNet_v2, the form of NVIDIA's LPDNet.

use super::super::heads::DetectorHead;
use super::super::model::Preset;
use super::super::{Resize, TensorInfo};
use super::{Family, contract};

/// Network pixels that an offset of 1 stands for; a constant of the training tool.
const OFFSET_UNIT: u16 = 35;

/// Coverage and offsets on a grid.
pub(super) const DETECTNET: Family = Family {
    name: "detectnet-v2",
    sniff: |model| {
        let picture = model.picture()?;
        let grid = |part: &str| {
            model.info.outputs.iter().find(|t: &&TensorInfo| t.rank() == 4 && t.name.to_lowercase().contains(part))
        };
        let (coverage, offsets) = (grid("cov")?, grid("bbox")?);
        if coverage.dim(1)? * 4 != offsets.dim(1)? {
            return None;
        }
        let head =
            DetectorHead::Grid { coverage: coverage.name.clone(), offsets: offsets.name.clone(), unit: OFFSET_UNIT };
        let preset = Preset { resize: Resize::Stretch, size: (640, 480), ..Preset::LETTERBOX };
        Some(contract(model, "detectnet-v2", &picture, &preset, head).map(|mut c| {
            c.notes
                .push("it is trained on pictures of single vehicles: feed vehicle regions, not the whole frame".into());
            c
        }))
    },
};
