//! Readers with one softmax a time step (CTC).

use std::collections::BTreeMap;

use super::super::heads::ReaderHead;
use super::super::model::{Model, Picture, Preset};
use super::super::sidecar::strings;
use super::super::{Alphabet, ColorOrder, ContractError, Element, Layout, ReaderContract, Resize, TensorInfo};
use super::Family;

/// The provinces of mainland China in the order that the public readers use.
const PROVINCES: &str = "京沪津渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新";

/// Other characters on plates of mainland China: schools, police, Hong Kong and Macau, diplomats and others.
const OFFICES: &str = "学警港澳挂使领民航危";

/// Digits and the letters of plates that leave out I and O.
const DIGITS_LETTERS: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Digits and letters of NVIDIA's network for the United States, which leaves out O.
const UNITED_STATES: &str = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ";

/// Crop margin of readers of general text: PP-OCRv4 read 50 of 80 plates with it, 46 without and 41 with twice as much.
const TEXT_MARGIN: f32 = 0.05;

/// Pixels of -1 to 1, padded with 0 on the right.
pub(super) const SIGNED: Preset = Preset {
    color: ColorOrder::Bgr,
    resize: Resize::FitHeight,
    pad: 127.5,
    mean: [127.5; 3],
    scale: [1.0 / 127.5; 3],
    size: (320, 48),
    multiple: 1,
};

/// NVIDIA LPRNet: best class and its probability; the blank follows the dictionary.
pub(super) const NVIDIA: Family = Family {
    name: "nvidia-lprnet",
    sniff: |model| {
        let picture = model.picture()?;
        let classes = model.info.outputs.iter().find(|t| t.element.is_index() && t.rank() == 2)?;
        let scores = model.info.outputs.iter().find(|t| t.element.is_float() && t.rank() == 2)?;
        let named = classes.name.contains("ArgMax") && scores.name.contains("Max");
        if !(named || model.forced("nvidia-lprnet")) {
            return None;
        }
        let (symbols, stated) = symbols(model).map_or((UNITED_STATES.chars().collect(), false), |s| (s, true));
        let head = ReaderHead::CtcBest { classes: classes.name.clone(), scores: scores.name.clone() };
        let preset = Preset { resize: Resize::Stretch, size: (96, 48), ..Preset::LETTERBOX };
        let mut notes = vec!["the model tells only its best symbols: alternatives are not known".to_owned()];
        if !stated {
            notes.push("no dictionary beside the model; that of the United States is assumed".into());
        }
        Some(of_head(model, "nvidia-lprnet", &picture, &preset, head, symbols, notes))
    },
};

/// PaddleOCR: the dictionary is in the metadata or beside the model, the blank is the first class.
pub(super) const PADDLE: Family = Family {
    name: "paddleocr",
    sniff: |model| {
        let picture = model.picture()?;
        let output = steps(model)?;
        let dictionary = model.prop("character").is_some();
        let shaped = picture.channels == 3
            && picture.width.is_none()
            && picture.height.is_none_or(|h| matches!(h, 32 | 48))
            && output.dim(2).is_some_and(|c| c >= 60);
        if !(dictionary || shaped || model.forced("paddleocr")) {
            return None;
        }
        let mut symbols = symbols(model).or_else(|| Some(lines(model.prop("character")?)));
        if let (Some(symbols), Some(classes)) = (&mut symbols, output.dim(2))
            && symbols.len() + 2 == classes
        {
            // Exports with `use_space_char` have the space after the dictionary.
            symbols.push(' ');
        }
        let mut preset = SIGNED;
        // Only networks for crops 32 high, PP-OCRv2 and older, are traced with a crop of 25 steps.
        if output.dim(1) == Some(25) {
            preset.size.1 = 32;
        }
        Some(contract(model, "paddleocr", &picture, &preset, output, symbols.map(general), Steps::BlankFirst).map(
            |mut c| {
                c.crop_margin = TEXT_MARGIN;
                c
            },
        ))
    },
};

/// The public PyTorch LPRNet: classes before steps, the blank last.
pub(super) const LPRNET_PYTORCH: Family = Family {
    name: "lprnet-pytorch",
    sniff: |model| {
        let picture = model.picture()?;
        let output = steps(model)?;
        let shaped = output.dim(1) == Some(68) && (picture.width, picture.height) == (Some(94), Some(24));
        if !(shaped || model.forced("lprnet-pytorch")) {
            return None;
        }
        let preset = Preset { resize: Resize::Stretch, scale: [0.007_812_5; 3], size: (94, 24), ..SIGNED };
        let symbols = symbols(model).unwrap_or_else(|| format!("{PROVINCES}{DIGITS_LETTERS}IO").chars().collect());
        Some(contract(
            model,
            "lprnet-pytorch",
            &picture,
            &preset,
            output,
            Some(exact(symbols)),
            Steps::BlankLastTransposed,
        ))
    },
};

/// The public readers for plates of mainland China with 78 classes, with or without a head for the plate's colour.
pub(super) const CHINESE: Family = Family {
    name: "chinese-plates",
    sniff: |model| {
        let picture = model.picture()?;
        let output = steps(model)?;
        // HyperLPR3's, 160 wide, has as many classes in another order.
        let shaped = output.dim(2) == Some(78) && picture.width.is_none_or(|width| width == 168);
        if !(shaped || model.forced("chinese-plates")) {
            return None;
        }
        let preset = Preset {
            resize: Resize::Stretch,
            mean: [0.588 * 255.0; 3],
            scale: [1.0 / (0.193 * 255.0); 3],
            size: (168, 48),
            ..SIGNED
        };
        let list = format!("{PROVINCES}{OFFICES}{DIGITS_LETTERS}险品");
        let symbols = symbols(model).unwrap_or_else(|| list.chars().collect());
        Some(contract(model, "chinese-plates", &picture, &preset, output, Some(exact(symbols)), Steps::BlankFirst))
    },
};

/// Any other network of time steps whose alphabet the user gives.
pub(super) const PLAIN: Family = Family {
    name: "ctc",
    sniff: |model| {
        let picture = model.picture()?;
        let output = steps(model)?;
        let symbols = symbols(model);
        let fits = symbols.as_ref().is_some_and(|s| output.dim(2).is_none_or(|c| c == s.len() + 1));
        if !(fits || model.forced("ctc")) {
            return None;
        }
        let symbols = symbols.map(exact);
        // TensorFlow has channels last; its readers are fed as Keras' own example of one.
        let (preset, steps, usual) = match (picture.layout, picture.channels) {
            (Layout::Nchw, 1) => (SIGNED, Steps::BlankFirst, "-1 to 1 and the blank is the first class"),
            (Layout::Nchw, _) => (SIGNED, Steps::BlankFirst, "BGR of -1 to 1 and the blank is the first class"),
            _ => {
                let preset = Preset { resize: Resize::Stretch, ..Preset::LETTERBOX };
                (preset, Steps::BlankLast, "0 to 1 of stretched pictures and the blank is the last class")
            }
        };
        Some(contract(model, "ctc", &picture.upright(), &preset, output, symbols, steps).map(|mut c| {
            c.notes.push(format!("pixels are fed as {usual} unless set otherwise"));
            c
        }))
    },
};

/// What the steps of a family are, and where it has the class that is no symbol.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// Time, with the blank first.
    BlankFirst,
    /// Time, with the blank last.
    BlankLast,
    /// As [`Self::BlankLast`], and classes come before steps in memory.
    BlankLastTransposed,
    /// Characters, with the end first.
    EndFirst,
    /// Characters, with the end last.
    EndLast,
}

/// The first float output of three dimensions.
pub(super) fn steps<'a>(model: &Model<'a>) -> Option<&'a TensorInfo> {
    model.info.outputs.iter().find(|t| t.rank() == 3 && t.element == Element::F32)
}

/// The user's symbols, those of the file beside the model, or those of the property `alphabet`.
pub(super) fn symbols(model: &Model<'_>) -> Option<Vec<char>> {
    let listed = |text: &str| strings(text).map(|list| list.iter().map(|s| one_char(s)).collect());
    model
        .user
        .alphabet
        .as_deref()
        .map(|text| text.chars().collect())
        .or_else(|| model.info.config.symbols.as_deref().map(lines))
        .or_else(|| listed(model.prop("alphabet")?).or_else(|| Some(model.prop("alphabet")?.chars().collect())))
}

fn lines(text: &str) -> Vec<char> {
    text.lines().map(one_char).collect()
}

/// Dictionaries hold one symbol a line; the few entries that are more than one cannot be on a plate.
fn one_char(entry: &str) -> char {
    let mut chars = entry.trim_end_matches('\r').chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => c,
        (None, _) => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// A contract of steps over `symbols`, of which `None` are those that no plate has. The user may say that the other class is last
/// (or first).
pub(super) fn contract(
    model: &Model<'_>,
    family: &'static str,
    picture: &Picture<'_>,
    preset: &Preset,
    output: &TensorInfo,
    symbols: Option<Vec<Option<char>>>,
    usual: Steps,
) -> Result<ReaderContract, ContractError> {
    let symbols = symbols.ok_or_else(|| {
        model.refused(
            "its symbols are not in the file",
            "put them beside it as `<model>.txt`, one a line in the order of the classes, or set alphabet",
        )
    })?;
    let transposed = usual == Steps::BlankLastTransposed;
    let ends = matches!(usual, Steps::EndFirst | Steps::EndLast);
    let other = if ends { "end" } else { "blank" };
    let classes = output.dim(if transposed { 1 } else { 2 });
    if let Some(classes) = classes.filter(|c| *c != symbols.len() + 1) {
        return Err(model.refused(
            format!("its output {output} has {classes} classes; its alphabet and {other} are {}", symbols.len() + 1),
            "give the dictionary that it was trained with, or set alphabet",
        ));
    }
    let last = model.user.blank_last.unwrap_or(!matches!(usual, Steps::BlankFirst | Steps::EndFirst));
    let mut classes = symbols;
    let other = if last { classes.len() } else { 0 };
    classes.insert(other, None);
    let mut alphabet: Vec<char> = Vec::new();
    let mut places = BTreeMap::new();
    for symbol in classes.iter().flatten() {
        places.entry(*symbol).or_insert_with(|| {
            alphabet.push(*symbol);
            alphabet.len() - 1
        });
    }
    let place = |symbol: &Option<char>| symbol.map_or(alphabet.len(), |c| places[&c]) as u32;
    let (output, columns) = (output.name.clone(), classes.iter().map(place).collect());
    let head = if ends {
        ReaderHead::Sequence { output, columns, end: other }
    } else {
        ReaderHead::Ctc { output, columns, transposed }
    };
    of_head(model, family, picture, preset, head, alphabet, Vec::new())
}

/// Every symbol for itself: the reader was made for plates.
fn exact(symbols: Vec<char>) -> Vec<Option<char>> {
    symbols.into_iter().map(Some).collect()
}

/// What symbols of a reader of general text mean on a plate: small letters are capitals; punctuation and the thousands
/// of Chinese characters that no plate has are nothing, so that lattices stay small.
pub(super) fn general(symbols: Vec<char>) -> Vec<Option<char>> {
    let on_plates = |c: &char| match c {
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => PROVINCES.contains(*c) || OFFICES.contains(*c),
        c => c.is_alphanumeric(),
    };
    symbols.into_iter().map(|c| Some(c.to_ascii_uppercase()).filter(on_plates)).collect()
}

fn of_head(
    model: &Model<'_>,
    family: &'static str,
    picture: &Picture<'_>,
    preset: &Preset,
    head: ReaderHead,
    symbols: Vec<char>,
    notes: Vec<String>,
) -> Result<ReaderContract, ContractError> {
    Ok(ReaderContract {
        family,
        input: model.fitted(picture, preset)?,
        head,
        alphabet: Alphabet::new(symbols),
        regions: Vec::new(),
        crop_margin: 0.0,
        notes,
    })
}
