//! What a loaded model tells about itself, as plain data.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// Unsigned byte.
    U8,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Anything else; no contract uses it.
    Other,
}

impl Element {
    /// The name ONNX uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::U8 => "uint8",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Other => "another type",
        }
    }

    /// Whether values are floats.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16)
    }

    /// Whether values are integers of at least 32 bits.
    pub const fn is_index(self) -> bool {
        matches!(self, Self::I32 | Self::I64)
    }
}

/// Name, shape and type of one input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name in the graph.
    pub name: String,
    /// Dimensions; `None` where the caller or the data decides.
    pub shape: Vec<Option<usize>>,
    /// Element type.
    pub element: Element,
}

impl TensorInfo {
    /// A tensor of this name, type and shape.
    pub fn new(name: impl Into<String>, element: Element, shape: &[Option<usize>]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), element }
    }

    /// The dimension `index`; `None` where it is free or absent.
    pub fn dim(&self, index: usize) -> Option<usize> {
        self.shape.get(index).copied().flatten()
    }

    /// Number of dimensions.
    pub const fn rank(&self) -> usize {
        self.shape.len()
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} [", self.name, self.element.name())?;
        for (i, dim) in self.shape.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match dim {
                Some(dim) => write!(f, "{comma}{dim}")?,
                None => write!(f, "{comma}?")?,
            }
        }
        f.write_str("]")
    }
}

/// Texts of the files that lie beside a model, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sidecars {
    /// GStreamer's `.modelinfo` key file.
    pub modelinfo: Option<String>,
    /// The `*_plate_config.yaml` of fast-plate-ocr.
    pub plate_config: Option<String>,
    /// A list of symbols, one a line, in the order of the model's classes.
    pub symbols: Option<String>,
    /// The `config.json` of Hugging Face's transformers.
    pub transformers: Option<String>,
    /// The `preprocessor_config.json` of Hugging Face's transformers.
    pub preprocessor: Option<String>,
}

impl Sidecars {
    /// File names to look for beside `model_file_name`, best first, each with the field its text belongs in.
    pub fn candidates(model_file_name: &str) -> Vec<(SidecarKind, String)> {
        let stem = model_file_name.rsplit_once('.').map_or(model_file_name, |(stem, _)| stem);
        vec![
            (SidecarKind::Modelinfo, format!("{model_file_name}.modelinfo")),
            (SidecarKind::Modelinfo, format!("{stem}.modelinfo")),
            (SidecarKind::PlateConfig, format!("{stem}_plate_config.yaml")),
            (SidecarKind::PlateConfig, format!("{stem}_config.yaml")),
            (SidecarKind::PlateConfig, format!("{stem}.yaml")),
            (SidecarKind::Symbols, format!("{stem}.txt")),
            (SidecarKind::Transformers, "config.json".to_owned()),
            (SidecarKind::Preprocessor, "preprocessor_config.json".to_owned()),
        ]
    }

    /// Sets the field of `kind` unless an earlier candidate already did.
    pub fn add(&mut self, kind: SidecarKind, text: String) {
        let field = match kind {
            SidecarKind::Modelinfo => &mut self.modelinfo,
            SidecarKind::PlateConfig => &mut self.plate_config,
            SidecarKind::Symbols => &mut self.symbols,
            SidecarKind::Transformers => &mut self.transformers,
            SidecarKind::Preprocessor => &mut self.preprocessor,
        };
        field.get_or_insert(text);
    }
}

/// Kinds of files beside a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidecarKind {
    /// GStreamer's key file.
    Modelinfo,
    /// Configuration of fast-plate-ocr.
    PlateConfig,
    /// One symbol a line.
    Symbols,
    /// What a model of transformers is.
    Transformers,
    /// What pictures it wants.
    Preprocessor,
}

impl SidecarKind {
    /// Whether files of many programs are called so: one that cannot be read may well be no business of the model's.
    pub const fn has_common_name(self) -> bool {
        matches!(self, Self::Transformers | Self::Preprocessor)
    }

    /// Whether such a file may also lie above the model's `folder`: repositories of Hugging Face's hub keep ONNX files in a folder
    /// of that name, and what describes them above it.
    pub fn may_lie_above(self, folder: &OsStr) -> bool {
        self.has_common_name() && folder == "onnx"
    }
}

/// Everything a loader can say about a model without running it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// File name without folders, for messages.
    pub file_name: String,
    /// Inputs in graph order.
    pub inputs: Vec<TensorInfo>,
    /// Outputs in graph order.
    pub outputs: Vec<TensorInfo>,
    /// ONNX `metadata_props`.
    pub metadata: BTreeMap<String, String>,
    /// Texts of side files.
    pub config: Sidecars,
    /// Width and height of the picture for which the shapes of outputs hold that the file leaves open; see [`Self::trial`].
    pub tried: Option<(usize, usize)>,
}
