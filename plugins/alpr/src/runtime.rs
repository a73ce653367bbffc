//! ONNX Runtime: found and loaded at run time, one environment a process, one session an element.
//!
//! The plugin loads and inspects without it; only going to PAUSED needs it.

mod files;
mod library;
mod model;
mod options;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::element::lock;
use crate::error::{Error, Searched};

pub use files::{DETECTOR, DefaultModel, READER, default_model};
pub use model::{Canceller, Model, Tensor, TensorData};
pub use options::{ExecutionProvider, OptimizationLevel, Options};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("alprruntime", gst::DebugColorFlags::empty(), Some("ONNX Runtime of the ALPR elements"))
});

/// The plugin's own file, known once GStreamer has loaded it from one.
static PLUGIN_FILE: OnceLock<PathBuf> = OnceLock::new();

/// The library in use and its environment. Never dropped: ONNX Runtime must not be unloaded.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Remembers where the plugin lies: runtime and models of a checkout or an installation are found from there.
pub(crate) fn set_plugin_file(file: PathBuf) {
    // A second registration names the same file.
    let _ = PLUGIN_FILE.set(library::absolute(&file));
}

/// Folder of the plugin's file; `None` when it is linked into a program.
fn plugin_dir() -> Option<&'static Path> {
    PLUGIN_FILE.get().and_then(|file| file.parent())
}

/// The environment of this process: loads ONNX Runtime on the first call.
///
/// `library` is the file to load; `None` searches for one, see [`library::candidates`].
///
/// # Errors
///
/// [`Error::NoRuntime`] with every place and what it said, [`Error::OtherRuntime`], [`Error::Runtime`].
fn environment(library: Option<&Path>) -> Result<Environment, Error> {
    let mut loaded = lock(&LOADED);
    if let Some((path, environment)) = &*loaded {
        return match library.map(library::absolute) {
            Some(wanted) if !library::same_file(&wanted, path) => {
                Err(Error::OtherRuntime { wanted, loaded: path.clone() })
            }
            _ => Ok(environment.clone()),
        };
    }
    let mut searched = Searched::default();
    for place in library::candidates(library, plugin_dir()) {
        let candidate = match place {
            Ok(candidate) => candidate,
            Err((place, said)) => {
                searched.add(place, said);
                continue;
            }
        };
        match ort::init_from(&candidate.file) {
            Ok(builder) => {
                let environment = builder
                    .with_name("alpr")
                    .with_telemetry(false)
                    .with_logger(Arc::new(log))
                    .build()
                    .map_err(|err| Error::Runtime(err.to_string()))?;
                gst::info!(CAT, "using ONNX Runtime {} ({})", candidate.file.display(), candidate.place);
                *loaded = Some((candidate.file, environment.clone()));
                return Ok(environment);
            }
            Err(err) => searched.add(format!("{} ({})", candidate.file.display(), candidate.place), reason(&err)),
        }
    }
    Err(Error::NoRuntime(searched))
}

/// Why a library cannot be loaded, in the words of the system's loader.
fn reason(err: &LoadDynamicError) -> String {
    match err {
        LoadDynamicError::Dlopen { error, .. } => {
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    }
}

/// ONNX Runtime's own messages, on our debug category instead of the standard error stream.
fn log(level: LogLevel, category: &str, _id: &str, place: &str, message: &str) {
    let level = match level {
        LogLevel::Verbose => gst::DebugLevel::Trace,
        LogLevel::Info => gst::DebugLevel::Trace,
        LogLevel::Warning => gst::DebugLevel::Info,
        LogLevel::Error | LogLevel::Fatal => gst::DebugLevel::Warning,
    };
    gst::log_with_level!(CAT, level, "{category} {place}: {message}");
}
