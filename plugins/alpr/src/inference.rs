//! What every element with a model has: its properties, and its opening.

use std::path::{Path, PathBuf};

use alpr_core::contract::Overrides;
use glib::ParamSpec;
use gst::prelude::*;

use crate::error::Error;
use crate::properties::{fields, plain};
use crate::runtime::{DefaultModel, ExecutionProvider, Model, OptimizationLevel, Options, default_model};

/// Most threads of one inference.
const MAX_THREADS: u32 = 256;

/// Settings of the model of an element; all take effect when it goes to PAUSED.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelSettings {
    /// The ONNX file; `None` is the default model.
    file: Option<PathBuf>,
    /// What the user says about the model where its file does not.
    overrides: Option<gst::Structure>,
    options: Options,
}

plain!(ExecutionProvider, OptimizationLevel);

fields!(ModelSettings {
    "model-file" => file,
    "model-options" => overrides,
    "execution-provider" => options.provider,
    "optimization-level" => options.optimization,
    "threads" => options.threads,
    "onnxruntime-library" => options.library,
});

impl ModelSettings {
    /// The properties, for `what` (`detector` or `reader`) whose default is `default`.
    pub(crate) fn properties(what: &str, default: &DefaultModel) -> Vec<ParamSpec> {
        vec![
            glib::ParamSpecString::builder("model-file")
                .nick("Model File")
                .blurb(&format!(
                    "ONNX file of the {what}; empty takes {} (on the processor {}, its 8-bit form) from ALPR_MODELS, the \
                     checkout or the installation",
                    default.exported, default.int8,
                ))
                .mutable_ready()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("model-options")
                .nick("Model Options")
                .blurb(
                    "What the model file does not say about itself, as a structure: \
                     \"options,color-order=bgr,range=(string)0..255\"; an unknown key lists all keys (default: none)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder::<ExecutionProvider>("execution-provider")
                .nick("Execution Provider")
                .blurb("What executes the network; a named one that cannot be had is an error")
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder::<OptimizationLevel>("optimization-level")
                .nick("Optimization Level")
                .blurb("How much ONNX Runtime rewrites the network before it runs")
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("threads")
                .nick("Threads")
                .blurb("Threads of one inference; 0 takes one for each core")
                .maximum(MAX_THREADS)
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("onnxruntime-library")
                .nick("ONNX Runtime Library")
                .blurb(
                    "File of libonnxruntime.so; empty takes ORT_DYLIB_PATH or searches the checkout, the installation \
                     and the system. One library serves all elements of a process",
                )
                .mutable_ready()
                .build(),
        ]
    }

    /// Opens the model, by default `default`, and makes a contract of what it says of itself with
    /// `contract` (one of the functions of [`alpr_core::contract`]).
    ///
    /// # Errors
    ///
    /// Those of [`default_model`] and [`Model::open`], and [`Error::Contract`].
    pub(crate) fn open<C>(
        &self,
        default: &DefaultModel,
        extra: &[(&str, String)],
        contract: impl Fn(&alpr_core::contract::ModelInfo, &Overrides) -> Result<C, alpr_core::contract::ContractError>,
    ) -> Result<(Model, C), Error> {
        let files = self.files(default)?;
        let refused = |file: &Path, err: alpr_core::contract::ContractError| Error::Contract {
            file: file.to_path_buf(),
            said: err.to_string(),
        };
        let mut pairs = self.pairs();
        pairs.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let overrides = Overrides::parse(pairs).map_err(|err| refused(&files[0].1, err))?;
        let mut model = Model::open(&files, &self.options)?;
        model.try_out(&overrides);
        let contract = contract(model.info(), &overrides).map_err(|err| refused(model.file(), err))?;
        Ok((model, contract))
    }

    /// The execution providers to try in this order, and the file for each.
    fn files(&self, default: &DefaultModel) -> Result<Vec<(ExecutionProvider, PathBuf)>, Error> {
        let file = |provider| self.file.clone().map_or_else(|| default_model(default, provider), Ok);
        self.options.provider.candidates().iter().map(|&provider| Ok((provider, file(provider)?))).collect()
    }

    /// The fields of `model-options` as texts, whatever type their writer chose.
    fn pairs(&self) -> Vec<(String, String)> {
        let Some(options) = &self.overrides else { return Vec::new() };
        options.iter().map(|(key, value)| (key.to_string(), text(value))).collect()
    }
}

fn text(value: &glib::SendValue) -> String {
    if let Ok(text) = value.get::<String>() {
        text
    } else if let Ok(flag) = value.get::<bool>() {
        flag.to_string()
    } else {
        value.serialize().map(Into::into).unwrap_or_default()
    }
}
