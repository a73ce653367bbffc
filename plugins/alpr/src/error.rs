//! What can go wrong with models and their runtime, in words an operator can act on, and the GStreamer domain of each.

use std::fmt;
use std::path::PathBuf;

/// Places that were looked at, each with what was found there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searched(Vec<(String, String)>);

impl Searched {
    /// Remembers that `place` had nothing useful, in its own words.
    pub fn add(&mut self, place: impl fmt::Display, said: impl fmt::Display) {
        self.0.push((place.to_string(), said.to_string()));
    }
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, said) in &self.0 {
            write!(f, "\n  {place}: {said}")?;
        }
        Ok(())
    }
}

/// A failure to find, load or run a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No usable ONNX Runtime library.
    NoRuntime(Searched),
    /// Another library than the one asked for already serves this process.
    OtherRuntime {
        /// The library that was asked for.
        wanted: PathBuf,
        /// The one in use.
        loaded: PathBuf,
    },
    /// The library is there but did not start.
    Runtime(String),
    /// No model file.
    NoModel {
        /// Which model.
        what: String,
        /// Where it was looked for.
        searched: Searched,
    },
    /// The file is not a model that can be loaded.
    Model {
        /// The model file.
        file: PathBuf,
        /// What the file system or ONNX Runtime said.
        said: String,
    },
    /// The execution provider that was asked for cannot be had.
    Provider {
        /// Its name.
        provider: &'static str,
        /// What ONNX Runtime said.
        said: String,
    },
    /// The model loads, but what it wants and gives is not what this element can use.
    Contract {
        /// The model file.
        file: PathBuf,
        /// The first difference, and the overrides that settle it.
        said: String,
    },
    /// An inference failed.
    Run {
        /// The model file.
        file: PathBuf,
        /// What ONNX Runtime said.
        said: String,
    },
    /// An inference was cut short by a flush or stop.
    Cancelled,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime(searched) => write!(
                f,
                "No usable ONNX Runtime library (version 1.17 or later) was found. Looked at:{searched}\nInstall \
                 libonnxruntime, or set the property onnxruntime-library or the variable ORT_DYLIB_PATH to its file"
            ),
            Self::OtherRuntime { wanted, loaded } => write!(
                f,
                "ONNX Runtime {} cannot be used: this process already uses {}, and there is one for all elements. Give \
                 all of them the same onnxruntime-library",
                wanted.display(),
                loaded.display()
            ),
            Self::Runtime(said) => write!(f, "ONNX Runtime did not start: {said}"),
            Self::NoModel { what, searched } => {
                write!(f, "No {what} was found. Looked at:{searched}\nSet the property model-file to an ONNX file")
            }
            Self::Model { file, said } => write!(
                f,
                "The model {} cannot be loaded: {said}. Check that it is a whole ONNX file and not a page, an archive \
                 or a pointer to one",
                file.display()
            ),
            Self::Provider { provider, said } => write!(
                f,
                "The execution provider {provider} cannot be had: {said}. Use a build of ONNX Runtime that has it, or \
                 set execution-provider to auto or cpu"
            ),
            Self::Contract { file, said } => write!(f, "The model {} cannot be used here: {said}", file.display()),
            Self::Run { file, said } => write!(f, "Running the model {} failed: {said}", file.display()),
            Self::Cancelled => f.write_str("Inference was cut short by a flush or stop"),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// As an element error, in the domain that fits.
    pub fn message(&self) -> gst::ErrorMessage {
        // A message is a C string, and names in a model's file may be anything.
        let said = self.to_string().replace('\0', "\u{fffd}");
        match self {
            Self::NoRuntime(_) | Self::OtherRuntime { .. } | Self::Runtime(_) => {
                gst::error_msg!(gst::LibraryError::Init, ("{said}"))
            }
            Self::NoModel { .. } => gst::error_msg!(gst::ResourceError::NotFound, ("{said}")),
            Self::Model { .. } => gst::error_msg!(gst::ResourceError::OpenRead, ("{said}")),
            Self::Provider { .. } | Self::Contract { .. } => gst::error_msg!(gst::LibraryError::Settings, ("{said}")),
            Self::Run { .. } | Self::Cancelled => gst::error_msg!(gst::LibraryError::Failed, ("{said}")),
        }
    }
}
