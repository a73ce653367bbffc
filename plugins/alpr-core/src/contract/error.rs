//! Why a model or a setting cannot be used.

use std::fmt;

use super::{ModelInfo, overrides};

/// Why no contract could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractError {
    /// No known family has such tensors.
    Unknown {
        /// `detector` or `reader`.
        role: &'static str,
        /// File and tensors, a line each.
        model: String,
        /// Families that were tried.
        families: Vec<&'static str>,
    },
    /// The family is known and cannot be used as it is.
    Refused {
        /// File and tensors, a line each.
        model: String,
        /// What is in the way.
        why: String,
        /// What to do.
        advice: String,
    },
    /// A setting has an unknown key or value.
    Setting {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What would be accepted.
        accepted: String,
    },
    /// A file beside the model cannot be understood.
    Sidecar {
        /// File name of the model.
        model: String,
        /// Which file.
        sidecar: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl ContractError {
    pub(super) fn refused(model: &ModelInfo, why: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Refused { model: describe(model), why: why.into(), advice: advice.into() }
    }
}

/// The model's file and every tensor, a line each.
pub(super) fn describe(model: &ModelInfo) -> String {
    let mut text = model.file_name.clone();
    for (kind, tensors) in [("input", &model.inputs), ("output", &model.outputs)] {
        for tensor in tensors {
            text.push_str(&format!("\n  {kind} {tensor}"));
        }
    }
    text
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { role, model, families } => write!(
                f,
                "cannot tell how to use this model as a {role}: {model}\ntried: {}\nexport it in one of these forms, or \
                 name its family and what else cannot be told from the file; the keys are {}",
                families.join(", "),
                overrides::keys()
            ),
            Self::Refused { model, why, advice } => write!(f, "cannot use this model: {model}\n{why}; {advice}"),
            Self::Setting { key, value, accepted } => {
                write!(f, "cannot use the model setting {key}={value}: accepted are {accepted}")
            }
            Self::Sidecar { model, sidecar, what } => {
                write!(f, "cannot use the {sidecar} beside {model}: {what}; correct it or remove it")
            }
        }
    }
}

impl std::error::Error for ContractError {}

/// Advice for a model that the runtime could not load, where its message `message` shows a known cause.
///
/// ONNX Runtime fails on operators that it does not have before any tensor can be seen.
pub fn explain_load_failure(message: &str) -> Option<&'static str> {
    const OPERATORS: [(&str, &str); 4] = [
        (
            "EfficientNMS_TRT",
            "the file needs TensorRT's plugin EfficientNMS_TRT; export with the ONNX Runtime end-to-end form (output \
             [n,7]) or without built-in NMS",
        ),
        ("BatchedNMS", "the file needs TensorRT's plugin BatchedNMS; export without built-in NMS"),
        ("TRT", "the file needs a TensorRT plugin; export without TensorRT operators"),
        (
            "",
            "the file needs an operator, or one for its type of numbers, that this ONNX Runtime does not have; use a newer \
             one, export with float32 and opset 17, or simplify the file (onnxslim), which works out what is constant",
        ),
    ];
    // Names of files may hold any of these words: only messages about operators and versions count.
    let said = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    if said(&[
        "is not a registered function/op",
        "No Op registered for",
        "No opset import for domain",
        // Known by name and not for these types: RT-DETR's cosine of 64-bit floats, say.
        "Could not find an implementation for",
    ]) {
        return OPERATORS.iter().find(|(word, _)| message.contains(word)).map(|(_, advice)| *advice);
    }
    // The model itself was there before it was loaded: what is missing is a file that it names, as exporters write large weights.
    if said(&["cannot get file size: No such file", "External data path does not exist"]) {
        return Some(
            "its weights are in a file of their own; put that beside it under the very name that the message tells",
        );
    }
    if said(&["does not match expected type"]) {
        return Some(
            "its types of numbers do not agree, as after a conversion to float16 that went wrong; use it as float32",
        );
    }
    said(&["till opset", "Unsupported model IR version"])
        .then_some("the file is newer than this ONNX Runtime; use a newer one or export with opset 17")
}
