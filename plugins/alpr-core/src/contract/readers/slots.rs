//! Readers with one softmax a character slot.

use super::super::heads::ReaderHead;
use super::super::model::{Model, Picture, Preset};
use super::super::sidecar::{PlateConfig, strings};
use super::super::{Alphabet, ColorOrder, ContractError, Element, Layout, ReaderContract, Resize, TensorInfo, region};
use super::Family;

/// Crop margin of models that do not say: fast-plate-ocr's readers gain four points when crops are 10 % larger than
/// boxes.
const CROP_MARGIN: f32 = 0.05;

/// The longest plate that makes a shape look like slots.
const MAX_SLOTS: usize = 16;

/// The alphabet of fast-plate-ocr's published models, with its pad.
const LATIN: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

/// Models that say all of it in their own metadata (`task` is `plate-reader`), as our own do.
pub(super) const PLATE_READER: Family = Family {
    name: "plate-reader",
    sniff: |model| {
        if model.prop("task") != Some("plate-reader") {
            return None;
        }
        Some(from_metadata(model))
    },
};

/// fast-plate-ocr: bytes in, slots out, the alphabet in a file beside the model.
pub(super) const FAST_PLATE_OCR: Family = Family {
    name: "fast-plate-ocr",
    sniff: |model| {
        let picture = model.picture()?;
        let plate = plate_output(model)?;
        let bytes = picture.tensor.element == Element::U8;
        let named = plate.name == "plate" || model.info.config.plate_config.is_some();
        if !(bytes || named || model.forced("fast-plate-ocr")) {
            return None;
        }
        Some(from_config(model, &picture, plate))
    },
};

/// `plate`, or the first output that looks like slots.
fn plate_output<'a>(model: &Model<'a>) -> Option<&'a TensorInfo> {
    let is_slots = |t: &&TensorInfo| match t.rank() {
        3 => t.dim(1).is_some_and(|s| s <= MAX_SLOTS) && t.dim(2).is_some_and(|c| c > MAX_SLOTS),
        // Slots and classes in one dimension: only the side file can part them.
        2 => model.info.config.plate_config.is_some() && t.name != "region",
        _ => false,
    };
    // A free number of rows is a number of time steps.
    let named = model.output("plate").filter(|t| t.rank() == 2 || t.rank() == 3 && t.dim(1).is_some());
    named.or_else(|| model.info.outputs.iter().find(is_slots))
}

fn from_metadata(model: &Model<'_>) -> Result<ReaderContract, ContractError> {
    let missing = |what: &str| model.refused(format!("its task is plate-reader and {what}"), "export it again");
    let picture = model.picture().ok_or_else(|| missing("it has no picture input"))?;
    let plate = plate_output(model).ok_or_else(|| missing("it has no output of slots"))?;
    let alphabet = model.prop("alphabet").ok_or_else(|| missing("its property `alphabet` is missing"))?;
    let regions = match model.prop("regions") {
        Some(text) => strings(text).ok_or_else(|| missing("its property `regions` is not a list of strings"))?,
        None => Vec::new(),
    };
    let source = Source {
        alphabet: alphabet.to_owned(),
        pad: model.prop("pad_char").and_then(|p| p.chars().next()).unwrap_or('_'),
        slots: None,
        regions,
    };
    let margin = model.prop_number("crop_margin").filter(|m| (0.0..=1.0).contains(m));
    let preset =
        Preset { resize: Resize::Stretch, size: (128, 64), mean: [0.0; 3], scale: [1.0; 3], ..Preset::LETTERBOX };
    build(model, "plate-reader", &picture, &preset, plate, source, margin.unwrap_or(CROP_MARGIN))
}

fn from_config(model: &Model<'_>, picture: &Picture<'_>, plate: &TensorInfo) -> Result<ReaderContract, ContractError> {
    let sidecar = |what| ContractError::Sidecar {
        model: model.info.file_name.clone(),
        sidecar: "plate configuration (YAML)",
        what,
    };
    let config = model.info.config.plate_config.as_deref().map(PlateConfig::parse).transpose().map_err(sidecar)?;
    let mut preset = Preset {
        resize: Resize::Stretch,
        size: if picture.channels == 1 { (140, 70) } else { (128, 64) },
        mean: [0.0; 3],
        scale: [1.0; 3],
        ..Preset::LETTERBOX
    };
    let mut source = Source { alphabet: LATIN.into(), pad: '_', slots: None, regions: Vec::new() };
    if let Some(config) = config {
        if config.gray != (picture.channels == 1) {
            return Err(sidecar(format!(
                "it says image_color_mode {} and the model's input has {} channels",
                if config.gray { "grayscale" } else { "rgb" },
                picture.channels
            )));
        }
        preset.size = (config.width.unwrap_or(preset.size.0), config.height.unwrap_or(preset.size.1));
        preset.pad = f32::from(config.padding);
        if config.keep_aspect_ratio {
            preset.resize = Resize::Letterbox;
        }
        source =
            Source { alphabet: config.alphabet, pad: config.pad_char, slots: config.slots, regions: config.regions };
    } else if let Some(text) = &model.info.config.symbols {
        source.alphabet = text.lines().filter_map(|line| line.chars().next()).collect();
    }
    if picture.channels == 1 {
        preset.color = ColorOrder::Gray;
    }
    build(model, "fast-plate-ocr", picture, &preset, plate, source, CROP_MARGIN)
}

/// What the columns of the outputs mean, from wherever it is known.
struct Source {
    /// With or without the pad.
    alphabet: String,
    pad: char,
    slots: Option<usize>,
    /// Names or codes.
    regions: Vec<String>,
}

fn build(
    model: &Model<'_>,
    family: &'static str,
    picture: &Picture<'_>,
    preset: &Preset,
    plate: &TensorInfo,
    source: Source,
    crop_margin: f32,
) -> Result<ReaderContract, ContractError> {
    let mut notes = Vec::new();
    let known = model.user.alphabet.is_some()
        || model.info.config.plate_config.is_some()
        || model.info.config.symbols.is_some()
        || family == "plate-reader";
    let pad_char = model.user.pad_char.unwrap_or(source.pad);
    let mut columns: Vec<char> = model.user.alphabet.as_ref().unwrap_or(&source.alphabet).chars().collect();
    if !columns.contains(&pad_char) {
        columns.push(pad_char);
    }
    let slots = slots(model, plate, columns.len(), source.slots)?;
    if !known {
        notes.push("no alphabet beside the model; 0-9, A-Z and a pad are assumed".into());
    }
    let pad = columns.iter().position(|c| *c == pad_char).unwrap_or(columns.len() - 1);
    let region = model.output("region").filter(|_| plate.name != "region");
    let names = model.user.regions.clone().unwrap_or(source.regions);
    let regions: Vec<String> = names.iter().map(|name| region::code(name)).collect();
    if let Some(head) = region
        && head.dim(1).is_some_and(|n| n != regions.len())
    {
        notes.push(format!("{} regions are named and {head} has others: regions are not told", regions.len()));
    }
    let region = region.filter(|head| !regions.is_empty() && head.dim(1).is_none_or(|n| n == regions.len()));
    let input = model.fitted(picture, preset)?;
    if input.layout == Layout::Nchw && input.element == Element::F32 && family == "fast-plate-ocr" {
        notes.push("pixels are fed as 0 to 255; set range=0..1 if the model wants fractions".into());
    }
    Ok(ReaderContract {
        family,
        input,
        head: ReaderHead::Slots { output: plate.name.clone(), slots, pad, region: region.map(|t| t.name.clone()) },
        alphabet: Alphabet::new(columns.into_iter().filter(|c| *c != pad_char)),
        regions: if region.is_some() { regions } else { Vec::new() },
        crop_margin,
        notes,
    })
}

/// The number of slots of `plate`, whose classes must be `symbols`; `stated` is what the side file says.
fn slots(model: &Model<'_>, plate: &TensorInfo, symbols: usize, stated: Option<usize>) -> Result<usize, ContractError> {
    let slots = match (plate.rank(), plate.dim(1), stated) {
        (3, Some(slots), _) => slots,
        (2, Some(all), None) if all % symbols == 0 => all / symbols,
        (_, _, Some(slots)) => slots,
        _ => {
            return Err(model.refused(
                format!("its output {plate} does not tell its slots"),
                "put its plate configuration (YAML) beside it",
            ));
        }
    };
    let classes = if plate.rank() == 3 { plate.dim(2) } else { plate.dim(1).map(|all| all / slots.max(1)) };
    if let Some(classes) = classes.filter(|c| *c != symbols) {
        return Err(model.refused(
            format!("its output {plate} has {classes} classes and its alphabet {symbols} symbols with the pad"),
            "put its plate configuration (YAML) beside it as `<model>_plate_config.yaml`, or set alphabet and pad-char",
        ));
    }
    Ok(slots)
}
