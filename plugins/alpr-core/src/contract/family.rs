//! Families of models and how to tell them apart: a table of small tests, tried in order.

use super::ContractError;
use super::model::Model;

/// A family whose models have contracts of type `C`.
pub(super) struct Family<C> {
    pub(super) name: &'static str,
    /// Its test: `None` when the model is not one of it.
    pub(super) sniff: fn(&Model<'_>) -> Option<Result<C, ContractError>>,
}

/// Tries every family in turn, or only the one the user names; `None` when the model is of none of them.
pub(super) fn find<C>(families: &[Family<C>], model: &Model<'_>) -> Result<Option<C>, ContractError> {
    if let Some(wanted) = &model.user.family
        && !families.iter().any(|f| f.name == wanted)
    {
        return Err(ContractError::Setting {
            key: "family".into(),
            value: wanted.clone(),
            accepted: names(families).join(", "),
        });
    }
    let wanted = |f: &&Family<C>| model.user.family.is_none() || model.forced(f.name);
    families.iter().filter(wanted).find_map(|f| (f.sniff)(model)).transpose()
}

/// Names of `families`, in their order.
pub(super) fn names<C>(families: &[Family<C>]) -> Vec<&'static str> {
    families.iter().map(|f| f.name).collect()
}
