//! Families of readers and how to tell them apart: a table of small tests, tried in order.

mod ctc;
mod slots;

use super::model::Model;
use super::{ContractError, ReaderContract};

/// A family: its name, and its test, which is `None` when the model is not one of it.
struct Family {
    name: &'static str,
    sniff: fn(&Model<'_>) -> Option<Result<ReaderContract, ContractError>>,
}

/// Certain tests first: names and metadata before shapes.
const FAMILIES: [Family; 7] = [
    ctc::NVIDIA,
    ctc::PADDLE,
    ctc::LPRNET_PYTORCH,
    ctc::CHINESE,
    slots::PLATE_READER,
    slots::FAST_PLATE_OCR,
    ctc::PLAIN,
];

/// Tries every family in turn, or only the one the user names.
pub(super) fn find(model: &Model<'_>) -> Result<ReaderContract, ContractError> {
    let names = || FAMILIES.iter().map(|f| f.name).collect::<Vec<_>>();
    if let Some(family) = &model.user.family
        && !FAMILIES.iter().any(|f| f.name == family)
    {
        return Err(ContractError::Setting {
            key: "family".into(),
            value: family.clone(),
            accepted: names().join(", "),
        });
    }
    let wanted = |f: &&Family| model.user.family.is_none() || model.forced(f.name);
    FAMILIES
        .iter()
        .filter(wanted)
        .find_map(|f| (f.sniff)(model))
        .unwrap_or_else(|| Err(model.unknown("reader", names())))
}

/// The family of readers that a model belongs to, whatever the user says about families.
pub(super) fn recognize(model: &Model<'_>) -> Option<&'static str> {
    FAMILIES.iter().find(|f| (f.sniff)(model).is_some()).map(|f| f.name)
}
