//! How sessions run.

use std::path::PathBuf;

use ort::ep::{CUDA, ExecutionProviderDispatch, OpenVINO, TensorRT};
use ort::session::builder::GraphOptimizationLevel;

/// What executes the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAlprExecutionProvider")]
pub enum ExecutionProvider {
    /// The first of CUDA, OpenVINO and the processor that works. TensorRT must be asked for: it takes minutes to start.
    #[default]
    #[enum_value(name = "The first of CUDA, OpenVINO and the processor that works", nick = "auto")]
    Auto,
    /// The processor.
    #[enum_value(name = "The processor, with ONNX Runtime's own kernels", nick = "cpu")]
    Cpu,
    /// NVIDIA GPUs by CUDA and cuDNN.
    #[enum_value(name = "NVIDIA GPUs, by CUDA and cuDNN", nick = "cuda")]
    Cuda,
    /// NVIDIA GPUs by TensorRT.
    #[enum_value(name = "NVIDIA GPUs, by TensorRT; builds its engine at start, which takes minutes", nick = "tensorrt")]
    TensorRt,
    /// Intel processors and GPUs by OpenVINO.
    #[enum_value(name = "Intel processors and GPUs, by OpenVINO", nick = "openvino")]
    OpenVino,
}

impl ExecutionProvider {
    /// The name for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::OpenVino => "openvino",
        }
    }

    /// Providers to try in this order.
    pub(crate) const fn candidates(self) -> &'static [Self] {
        match self {
            Self::Auto => &[Self::Cuda, Self::OpenVino, Self::Cpu],
            Self::Cpu => &[Self::Cpu],
            Self::Cuda => &[Self::Cuda],
            Self::TensorRt => &[Self::TensorRt],
            Self::OpenVino => &[Self::OpenVino],
        }
    }

    /// For ONNX Runtime, with an error when it cannot be had; `None` where there is nothing to ask for.
    pub(super) fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let provider = match self {
            Self::Auto | Self::Cpu => return None,
            Self::Cuda => CUDA::default().build(),
            Self::TensorRt => TensorRT::default().build(),
            Self::OpenVino => OpenVINO::default().with_device_type("AUTO").build(),
        };
        Some(provider.error_on_failure())
    }
}

/// How much ONNX Runtime rewrites a graph before it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAlprOptimizationLevel")]
pub enum OptimizationLevel {
    /// As it is.
    #[enum_value(name = "Run the graph as it is", nick = "disable-all")]
    DisableAll,
    /// Removal of what has no effect.
    #[enum_value(name = "Remove what has no effect", nick = "enable-basic")]
    EnableBasic,
    /// And fusion of nodes.
    #[enum_value(name = "Also fuse nodes", nick = "enable-extended")]
    EnableExtended,
    /// And memory layout.
    #[default]
    #[enum_value(name = "Also change the memory layout", nick = "enable-all")]
    EnableAll,
}

impl OptimizationLevel {
    pub(super) const fn level(self) -> GraphOptimizationLevel {
        match self {
            Self::DisableAll => GraphOptimizationLevel::Disable,
            Self::EnableBasic => GraphOptimizationLevel::Level1,
            Self::EnableExtended => GraphOptimizationLevel::Level2,
            Self::EnableAll => GraphOptimizationLevel::All,
        }
    }
}

/// How a model is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// File of ONNX Runtime; `None` searches for one.
    pub library: Option<PathBuf>,
    /// Threads of one inference; 0 leaves the number to ONNX Runtime, which takes one a core.
    pub threads: u32,
    /// What executes the network.
    pub provider: ExecutionProvider,
    /// How much the graph is rewritten.
    pub optimization: OptimizationLevel,
}
