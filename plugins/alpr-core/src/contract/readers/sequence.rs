//! Readers with one softmax a character and a class that ends the text: PARSeq, ViTSTR and their like.
//!
//! Their outputs have the shape of readers with time steps and mean another thing: what repeats is repeated, and what stands
//! behind the end is noise.

use super::super::heads::ReaderHead;
use super::super::model::{Model, Preset};
use super::super::{ColorOrder, ContractError, Resize};
use super::Family;
use super::ctc::{self, Steps};

/// Width and height of the pictures that networks for scene text take, in pixels.
const PICTURE: (usize, usize) = (128, 32);

/// Characters and the end, as the authors of PARSeq train all their networks.
const STEPS: usize = 26;

/// The symbols of those networks, of which the first 36, 62 or all are used.
const SCENE_TEXT: &str =
    concat!("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

/// How many of them.
const LISTS: [usize; 3] = [36, 62, 94];

/// PARSeq, ViTSTR, ABINet and TRBA as the authors of PARSeq train them. Others are to be named: nothing in their file tells them from a
/// reader with time steps.
pub(super) const PARSEQ: Family = Family {
    name: "parseq",
    sniff: |model| {
        let (picture, output) = (model.picture()?, ctc::steps(model)?);
        // Time steps of a picture of this width are a power of two, or one more.
        let shaped = (picture.width.zip(picture.height), output.dim(1)) == (Some(PICTURE), Some(STEPS));
        if !(shaped && picture.channels == 3 || model.forced("parseq")) {
            return None;
        }
        let usual = || {
            let count = output.dim(2)?.checked_sub(1).filter(|count| LISTS.contains(count))?;
            Some(SCENE_TEXT.chars().take(count).collect())
        };
        let (symbols, assumed) = match ctc::symbols(model) {
            Some(symbols) => (Some(symbols), false),
            None => (usual(), true),
        };
        let preset = Preset { color: ColorOrder::Rgb, resize: Resize::Stretch, size: PICTURE, ..ctc::SIGNED };
        let known = symbols.map(ctc::general);
        Some(ctc::contract(model, "parseq", &picture, &preset, output, known, Steps::EndFirst).map(|mut c| {
            if assumed {
                c.notes.push("no alphabet beside the model; that of the authors of PARSeq is assumed".into());
            }
            c.notes.push("the end is the first class unless blank=last is set".into());
            c
        }))
    },
};

/// docTR: time steps, of which each stands for four columns of the picture, or characters and an end.
pub(super) const DOCTR: Family = Family {
    name: "doctr",
    sniff: |model| {
        let (picture, output) = (model.picture()?, ctc::steps(model)?);
        let named = model.input("input").is_some() && output.name == "logits";
        let shaped = picture.width.zip(picture.height) == Some(PICTURE) && picture.channels == 3;
        if !(named && shaped || model.forced("doctr")) {
            return None;
        }
        let Some(steps) = output.dim(1) else {
            let advice = "export it with a picture of 128x32, or set family=ctc (CRNN, VIPTR) or family=parseq (ViTSTR, PARSeq), and blank=last";
            return Some(Err(model.refused(format!("its output {output} does not tell its steps"), advice)));
        };
        let kind = if steps * 4 == PICTURE.0 { Steps::BlankLast } else { Steps::EndLast };
        let preset = Preset {
            color: ColorOrder::Rgb,
            resize: Resize::LetterboxTopLeft,
            pad: 0.0,
            mean: [0.694, 0.695, 0.693].map(|mean| mean * 255.0),
            scale: [0.299, 0.296, 0.301].map(|deviation| 1.0 / (deviation * 255.0)),
            size: PICTURE,
            multiple: 1,
        };
        let symbols = ctc::symbols(model).map(ctc::general);
        Some(ctc::contract(model, "doctr", &picture, &preset, output, symbols, kind).map(|mut c| {
            let what = if matches!(c.head, ReaderHead::Sequence { .. }) { "a character" } else { "time" };
            c.notes.push(format!("by its {steps} steps each of them is {what}; blank or end are the last class"));
            c
        }))
    },
};

/// What is said of one half of a network that reads a character a run, such as TrOCR; `None` of others.
pub(super) fn half(model: &Model<'_>) -> Option<ContractError> {
    let decoder = model.input("encoder_hidden_states").is_some() || model.input("input_ids").is_some();
    (decoder || model.output("last_hidden_state").is_some()).then(|| {
        model.refused(
            "it is one half of an encoder and a decoder (TrOCR and others), which run once a character",
            "use a reader that is one network, of the families of the page docs/models.md",
        )
    })
}
