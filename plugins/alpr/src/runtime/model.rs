//! One model in memory: opened, described, run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alpr_core::contract::{Element, ModelInfo, Output, OutputData, Overrides, TensorInfo, explain_load_failure};
use ort::environment::Environment;
use ort::session::builder::SessionBuilder;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, DynValueTypeMarker, Outlet, TensorElementType, TensorRef, ValueRef, ValueType};

use super::options::{ExecutionProvider, Options};
use super::{CAT, environment, files};
use crate::error::Error;

/// ONNX files hold at most this many bytes: a limit of their format.
const MAX_MODEL_BYTES: u64 = 2 << 30;

/// One input tensor of a run.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Name in the graph.
    pub name: &'a str,
    /// Dimensions.
    pub shape: &'a [usize],
    /// Values, row-major.
    pub data: TensorData<'a>,
}

/// The values of an input.
#[derive(Clone, Copy, Debug)]
pub enum TensorData<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// Bytes.
    U8(&'a [u8]),
    /// 64-bit integers.
    I64(&'a [i64]),
}

/// Cuts a running inference short from another thread.
#[derive(Clone)]
pub struct Canceller {
    options: Arc<RunOptions>,
    cancelled: Arc<AtomicBool>,
}

impl Canceller {
    /// Ends the running inference and refuses further ones until [`Self::resume`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Err(err) = self.options.terminate() {
            gst::warning!(CAT, "cannot cut inference short: {err}");
        }
    }

    /// Allows inference again.
    pub fn resume(&self) {
        if let Err(err) = self.options.unterminate() {
            gst::warning!(CAT, "cannot allow inference again: {err}");
        }
        self.cancelled.store(false, Ordering::SeqCst);
    }
}

/// A loaded model with its session.
pub struct Model {
    session: Session,
    canceller: Canceller,
    file: PathBuf,
    info: ModelInfo,
    provider: ExecutionProvider,
}

impl Model {
    /// Loads the file of the first execution provider of `files` that works, and what describes it.
    ///
    /// # Errors
    ///
    /// Those of finding the runtime, [`Error::Model`] when a file cannot be read or is no ONNX model,
    /// [`Error::Provider`] when a named execution provider cannot be had.
    pub fn open(files: &[(ExecutionProvider, PathBuf)], options: &Options) -> Result<Self, Error> {
        files.iter().try_for_each(|(_, file)| check_file(file))?;
        let environment = environment(options.library.as_deref())?;
        let (session, provider, file) = session(&environment, files, options)?;
        let canceller = Canceller {
            options: Arc::new(RunOptions::new().map_err(|err| Error::Runtime(err.to_string()))?),
            cancelled: Arc::default(),
        };
        let info = ModelInfo {
            file_name: file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            inputs: session.inputs().iter().map(describe).collect(),
            outputs: session.outputs().iter().map(describe).collect(),
            metadata: metadata(&session),
            config: files::sidecars(file)?,
            tried: None,
        };
        Ok(Self { session, canceller, file: file.to_path_buf(), info, provider })
    }

    /// Runs the network once on a black picture where only that shows the shapes of its outputs.
    pub fn try_out(&mut self, overrides: &Overrides) {
        let Some(trial) = self.info.trial(overrides) else { return };
        let shape: Vec<usize> = trial.shape.iter().map(|dim| dim.unwrap_or(1)).collect();
        let count = shape.iter().product();
        let (floats, bytes);
        let data = match trial.element {
            Element::F32 => {
                floats = vec![0.0; count];
                TensorData::F32(&floats)
            }
            Element::U8 => {
                bytes = vec![0; count];
                TensorData::U8(&bytes)
            }
            _ => return,
        };
        let shapes = self.run(&[Tensor { name: &trial.name, shape: &shape, data }], |outputs| {
            outputs.iter().map(|output| (output.name.to_owned(), output.shape.to_vec())).collect::<Vec<_>>()
        });
        match shapes {
            Ok(shapes) => self.info.tried(&trial, &shapes),
            Err(err) => gst::info!(CAT, "the outputs of {} stay open: {err}", self.file.display()),
        }
    }

    /// What the model says about itself.
    pub const fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What executes it.
    pub const fn provider(&self) -> ExecutionProvider {
        self.provider
    }

    /// A handle that cuts inference short from another thread.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Runs the network on `inputs` and hands its outputs to `read`, which may borrow them.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] after [`Canceller::cancel`], [`Error::Run`] otherwise.
    pub fn run<R>(&mut self, inputs: &[Tensor<'_>], read: impl FnOnce(&[Output<'_>]) -> R) -> Result<R, Error> {
        if self.canceller.cancelled.load(Ordering::SeqCst) {
            return Err(Error::Cancelled);
        }
        let file = &self.file;
        let failed = |err: ort::Error| Error::Run { file: file.clone(), said: err.to_string() };
        let values = inputs
            .iter()
            .map(|input| Ok((input.name, value(input)?)))
            .collect::<Result<Vec<(&str, SessionInputValue<'_>)>, ort::Error>>()
            .map_err(failed)?;
        let outputs = match self.session.run_with_options(values, &*self.canceller.options) {
            Ok(outputs) => outputs,
            Err(_) if self.canceller.cancelled.load(Ordering::SeqCst) => return Err(Error::Cancelled),
            Err(err) => return Err(failed(err)),
        };
        let values: Vec<(&str, ValueRef<'_, DynValueTypeMarker>)> = outputs.iter().collect();
        let shapes: Vec<Vec<usize>> = values.iter().map(|(_, value)| dims(value)).collect();
        let mut views = Vec::with_capacity(values.len());
        for ((name, value), shape) in values.iter().zip(&shapes) {
            let data = data(value)
                .map_err(|said| Error::Run { file: file.clone(), said: format!("output {name}: {said}") })?;
            views.push(Output { name, shape, data });
        }
        Ok(read(&views))
    }
}

/// Refuses what ONNX Runtime would explain badly.
fn check_file(file: &Path) -> Result<(), Error> {
    let fail = |said: String| Err(Error::Model { file: file.to_path_buf(), said });
    match fs::metadata(file) {
        Err(err) => fail(err.to_string()),
        Ok(meta) if !meta.is_file() => fail("it is not a regular file".into()),
        Ok(meta) if meta.len() == 0 => fail("it is empty".into()),
        Ok(meta) if meta.len() > MAX_MODEL_BYTES => {
            fail(format!("it has {} bytes, and an ONNX file at most {MAX_MODEL_BYTES}", meta.len()))
        }
        Ok(_) => fs::File::open(file).map(drop).or_else(|err| fail(err.to_string())),
    }
}

/// A session by the first execution provider that works.
fn session<'f>(
    environment: &Environment,
    files: &'f [(ExecutionProvider, PathBuf)],
    options: &Options,
) -> Result<(Session, ExecutionProvider, &'f Path), Error> {
    let mut last = Error::Runtime("there is no execution provider to try".into());
    for (provider, file) in files {
        let mut builder = match builder(environment, options, *provider) {
            Ok(builder) => builder,
            Err(err) => {
                gst::info!(CAT, "execution provider {}: {err}", provider.name());
                last = Error::Provider { provider: provider.name(), said: text(&err) };
                continue;
            }
        };
        match builder.commit_from_file(file) {
            Ok(session) => {
                gst::info!(CAT, "{} runs by execution provider {}", file.display(), provider.name());
                return Ok((session, *provider, file));
            }
            Err(err) => {
                gst::info!(CAT, "{} by execution provider {}: {err}", file.display(), provider.name());
                let (file, said) = (file.to_path_buf(), text(&err));
                last = match explain_load_failure(&said) {
                    // A whole file, whatever is wrong with it.
                    Some(advice) => Error::Contract { file, said: format!("{said} ({advice})") },
                    None => Error::Model { file, said },
                };
            }
        }
    }
    Err(last)
}

/// What ONNX Runtime says, to be used inside a sentence.
fn text(err: &ort::Error) -> String {
    err.to_string().trim_end().trim_end_matches('.').to_owned()
}

fn builder(
    environment: &Environment,
    options: &Options,
    provider: ExecutionProvider,
) -> Result<SessionBuilder, ort::Error> {
    let mut builder = Session::builder(environment)?
        .with_optimization_level(options.optimization.level())?
        // Spinning threads take the decoder's cores.
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_log_level(ort::logging::LogLevel::Warning)?;
    if options.threads > 0 {
        builder = builder.with_intra_threads(options.threads as usize)?;
    }
    if let Some(dispatch) = provider.dispatch() {
        builder = builder.with_execution_providers([dispatch])?;
    }
    Ok(builder)
}

fn metadata(session: &Session) -> std::collections::BTreeMap<String, String> {
    let Ok(metadata) = session.metadata() else { return Default::default() };
    let keys = metadata.custom_keys().unwrap_or_default();
    keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value))).collect()
}

fn describe(outlet: &Outlet) -> TensorInfo {
    let (element, shape) = match outlet.dtype() {
        &ValueType::Tensor { ty, ref shape, .. } => {
            (element(ty), shape.iter().map(|dim| usize::try_from(*dim).ok()).collect())
        }
        _ => (Element::Other, Vec::new()),
    };
    TensorInfo { name: outlet.name().to_owned(), shape, element }
}

const fn element(ty: TensorElementType) -> Element {
    match ty {
        TensorElementType::Float32 => Element::F32,
        TensorElementType::Float16 => Element::F16,
        TensorElementType::Uint8 => Element::U8,
        TensorElementType::Int32 => Element::I32,
        TensorElementType::Int64 => Element::I64,
        _ => Element::Other,
    }
}

/// A view for ONNX Runtime; nothing is copied.
fn value<'v>(input: &Tensor<'v>) -> Result<SessionInputValue<'v>, ort::Error> {
    let shape = input.shape.to_vec();
    Ok(match input.data {
        TensorData::F32(data) => TensorRef::from_array_view((shape, data))?.into(),
        TensorData::U8(data) => TensorRef::from_array_view((shape, data))?.into(),
        TensorData::I64(data) => TensorRef::from_array_view((shape, data))?.into(),
    })
}

fn dims(value: &DynValue) -> Vec<usize> {
    value.shape().iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).collect()
}

fn data(value: &DynValue) -> Result<OutputData<'_>, String> {
    let ty = value.data_type();
    let data = match ty {
        TensorElementType::Float32 => value.try_extract_tensor().map(|(_, data)| OutputData::F32(data)),
        TensorElementType::Int64 => value.try_extract_tensor().map(|(_, data)| OutputData::I64(data)),
        TensorElementType::Int32 => value.try_extract_tensor().map(|(_, data)| OutputData::I32(data)),
        TensorElementType::Uint8 => value.try_extract_tensor().map(|(_, data)| OutputData::U8(data)),
        other => return Err(format!("elements of type {other:?} are not supported")),
    };
    data.map_err(|err| err.to_string())
}
