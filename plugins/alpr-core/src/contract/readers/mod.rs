//! Families of readers.

mod ctc;
mod sequence;
mod slots;

use super::model::Model;
use super::{ContractError, ReaderContract, detectors, family};

type Family = family::Family<ReaderContract>;

/// Certain tests first: names and metadata before shapes.
const FAMILIES: [Family; 9] = [
    ctc::NVIDIA,
    ctc::PADDLE,
    ctc::LPRNET_PYTORCH,
    ctc::CHINESE,
    sequence::PARSEQ,
    sequence::DOCTR,
    slots::PLATE_READER,
    slots::FAST_PLATE_OCR,
    ctc::PLAIN,
];

/// The contract of a reader.
pub(super) fn find(model: &Model<'_>) -> Result<ReaderContract, ContractError> {
    family::find(&FAMILIES, model)?.ok_or_else(|| match detectors::recognize(model) {
        Some(name) => model.refused(
            format!("it is a detector ({name}) and not a reader of plates"),
            "give it to the element that detects, and a reader here",
        ),
        None => sequence::half(model).unwrap_or_else(|| model.unknown("reader", names())),
    })
}

/// Names of all families.
pub(super) fn names() -> Vec<&'static str> {
    family::names(&FAMILIES)
}

/// The family of readers that a model belongs to, whatever the user says about families.
pub(super) fn recognize(model: &Model<'_>) -> Option<&'static str> {
    FAMILIES.iter().find(|f| (f.sniff)(model).is_some()).map(|f| f.name)
}
