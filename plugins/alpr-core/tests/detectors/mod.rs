//! Detectors with settings of the user.

use alpr_core::contract::{DetectorContract, ModelInfo, Overrides, detector};

/// The contract of a detector that is taken.
pub(crate) fn open(info: &ModelInfo, settings: &[(&str, &str)]) -> DetectorContract {
    detector(info, &Overrides::parse(settings.iter().copied()).expect("good settings"))
        .unwrap_or_else(|e| panic!("{e}"))
}

/// What is said of a detector that is refused.
pub(crate) fn refusal(info: &ModelInfo, settings: &[(&str, &str)]) -> String {
    detector(info, &Overrides::parse(settings.iter().copied()).expect("good settings"))
        .expect_err("a refusal")
        .to_string()
}
