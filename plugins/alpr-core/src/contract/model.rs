//! A model as the families look at it.

use super::alphabet::printable;
use super::error::describe;
use super::sidecar::{self, Modelinfo, Transformers};
use super::{
    ColorOrder, ContractError, Element, Flexible, Input, Layout, ModelInfo, Overrides, Range, Resize, TensorInfo, Units,
};

/// The picture of a model of Hugging Face's transformers.
pub(super) const TRANSFORMERS_INPUT: &str = "pixel_values";

/// What its detectors give.
pub(super) const TRANSFORMERS_OUTPUTS: [&str; 2] = ["logits", "pred_boxes"];

/// What to do about 16-bit floats, whose files ONNX Runtime takes and whose tensors nobody here fills.
const FLOAT32: &str = "export it with float32 inputs and outputs (no `half`; converters call it keep_io_types)";

/// The model, its understood side file, and the settings of file and user together.
pub(super) struct Model<'a> {
    pub(super) info: &'a ModelInfo,
    pub(super) user: Overrides,
    pub(super) modelinfo: Modelinfo,
    /// Empty for models that are not of that family: its files have names that others use too.
    pub(super) transformers: Transformers,
}

/// The picture input of a model as its shape tells it.
pub(super) struct Picture<'a> {
    pub(super) tensor: &'a TensorInfo,
    pub(super) layout: Layout,
    pub(super) channels: usize,
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
}

impl Picture<'_> {
    /// Whether the model takes one size alone.
    pub(super) const fn is_fixed(&self) -> bool {
        self.width.is_some() && self.height.is_some()
    }

    /// The picture of a reader. One that is higher than wide has its axes exchanged, as Keras' readers have: text runs along the
    /// first.
    pub(super) fn upright(self) -> Self {
        match (self.layout, self.width.zip(self.height)) {
            (Layout::Nhwc, Some((width, height))) if height > width => {
                Self { layout: Layout::Nwhc, width: Some(height), height: Some(width), ..self }
            }
            _ => self,
        }
    }
}

/// What a family does unless told otherwise.
#[derive(Clone)]
pub(super) struct Preset {
    pub(super) color: ColorOrder,
    pub(super) resize: Resize,
    /// Padding, 0 to 255.
    pub(super) pad: f32,
    /// On pixels of 0 to 255, in RGB order.
    pub(super) mean: [f32; 3],
    pub(super) scale: [f32; 3],
    /// Width and height where the model leaves them free.
    pub(super) size: (usize, usize),
    /// Width and height must be multiples of this.
    pub(super) multiple: usize,
}

impl Preset {
    /// RGB of 0 to 1, letterboxed with grey 114: what most detectors take.
    pub(super) const LETTERBOX: Self = Self {
        color: ColorOrder::Rgb,
        resize: Resize::Letterbox,
        pad: 114.0,
        mean: [0.0; 3],
        scale: [1.0 / 255.0; 3],
        size: (640, 640),
        multiple: 1,
    };
}

impl<'a> Model<'a> {
    pub(super) fn new(info: &'a ModelInfo, user: &Overrides) -> Result<Self, ContractError> {
        let error = |sidecar| move |what| ContractError::Sidecar { model: info.file_name.clone(), sidecar, what };
        let modelinfo = match &info.config.modelinfo {
            Some(text) => Modelinfo::parse(text).map_err(error(".modelinfo file"))?,
            None => Modelinfo::default(),
        };
        let gives = |name: &str| info.outputs.iter().any(|output| output.name == name);
        let of_transformers = info.inputs.iter().any(|input| input.name == TRANSFORMERS_INPUT)
            || TRANSFORMERS_OUTPUTS.into_iter().all(gives);
        let transformers = if of_transformers {
            let [config, preprocessor] = [&info.config.transformers, &info.config.preprocessor].map(Option::as_deref);
            Transformers::parse(config, preprocessor).map_err(error("config.json or preprocessor_config.json"))?
        } else {
            Transformers::default()
        };
        let mut file = Overrides::parse(modelinfo.settings())?;
        // Metadata inside the model says more than an id.
        if file.family.is_none() && !info.metadata.contains_key("task") {
            let id = |tensor: &TensorInfo| modelinfo.get(&tensor.name, "id").and_then(family_of_id);
            file.family = info.outputs.iter().find_map(id).map(str::to_owned);
        }
        Ok(Self { info, user: user.or(file), modelinfo, transformers })
    }

    /// Whether the user named this family.
    pub(super) fn forced(&self, family: &str) -> bool {
        self.user.family.as_deref() == Some(family)
    }

    /// What boxes count that are in pixels unless the user says otherwise.
    pub(super) fn units(&self) -> Units {
        if self.user.normalized == Some(true) { Units::Normalized } else { Units::Pixels }
    }

    /// The metadata entry `key`.
    pub(super) fn prop(&self, key: &str) -> Option<&'a str> {
        self.info.metadata.get(key).map(String::as_str)
    }

    /// A metadata entry that is a number.
    pub(super) fn prop_number(&self, key: &str) -> Option<f32> {
        self.prop(key)?.trim().parse().ok().filter(|v: &f32| v.is_finite())
    }

    /// The stride of the network, where the metadata names one.
    pub(super) fn stride(&self) -> Option<usize> {
        self.prop("stride")?.trim().parse().ok().filter(|stride| (1..=256).contains(stride))
    }

    /// Names of classes: the user's, or those of the metadata, without control characters.
    pub(super) fn labels(&self) -> Vec<String> {
        let user = self.user.labels.clone();
        let own = || self.transformers.names.clone().or_else(|| sidecar::class_names(self.prop("names")?));
        let names = user.or_else(own).unwrap_or_default();
        names.iter().map(|name| name.chars().map(printable).collect()).collect()
    }

    /// The output, where there is only one.
    pub(super) fn only_output(&self) -> Option<&'a TensorInfo> {
        match self.info.outputs.as_slice() {
            [output] => Some(output),
            _ => None,
        }
    }

    /// The output called `name`.
    pub(super) fn output(&self, name: &str) -> Option<&'a TensorInfo> {
        self.info.outputs.iter().find(|t| t.name == name)
    }

    /// The input called `name`.
    pub(super) fn input(&self, name: &str) -> Option<&'a TensorInfo> {
        self.info.inputs.iter().find(|t| t.name == name)
    }

    /// The picture of the model.
    pub(super) fn picture(&self) -> Option<Picture<'a>> {
        picture(self.info)
    }

    /// The input of a family that does `preset` unless the file or the user says otherwise.
    pub(super) fn fitted(&self, picture: &Picture<'_>, preset: &Preset) -> Result<Input, ContractError> {
        let element = picture.tensor.element;
        if !matches!(element, Element::F32 | Element::U8) {
            return Err(self.refused(
                format!("its picture input is {}", element.name()),
                "export it with a float32 input (no `half`, no full int8 input)",
            ));
        }
        if let Some(output) = self.info.outputs.iter().find(|output| output.element == Element::F16) {
            return Err(self.refused(format!("its output {output} is {}", output.element.name()), FLOAT32));
        }
        let (width, height) = self.size(picture, preset)?;
        let resize = self.user.resize.unwrap_or(preset.resize);
        let open = picture.width.is_none() && picture.height.is_none() && self.user.input_size.is_none();
        // Without a known stride nobody can say which sizes the network takes, and a stretched picture fits any.
        let letterboxed = matches!(resize, Resize::Letterbox | Resize::LetterboxTopLeft);
        let flexible = (open && letterboxed && preset.multiple > 1)
            .then_some(Flexible { step: preset.multiple, area: width * height });
        let gray = picture.channels == 1;
        let said = self.user.color.or_else(|| self.said_color());
        let color = if gray { ColorOrder::Gray } else { said.unwrap_or(preset.color) };
        if (color == ColorOrder::Gray) != gray {
            return Err(ContractError::Setting {
                key: "color-order".into(),
                value: "gray".into(),
                accepted: "rgb and bgr, because this model's picture has three channels".into(),
            });
        }
        let (mut mean, mut scale) = match (self.user.range, self.modelinfo.normalization(&picture.tensor.name)) {
            (Some(range), _) => range.normalization(),
            // Already in the order of the tensor.
            (None, Some((mean, scale))) => (reversed_if(color, mean), reversed_if(color, scale)),
            (None, None) => self.said_range().map_or((preset.mean, preset.scale), Range::normalization),
        };
        (mean, scale) = (reversed_if(color, mean), reversed_if(color, scale));
        Ok(Input {
            name: picture.tensor.name.clone(),
            layout: picture.layout,
            element,
            color,
            resize,
            pad: self.user.pad.unwrap_or(preset.pad),
            mean,
            scale,
            width,
            height,
            batch: picture.tensor.dim(0),
            flexible,
        })
    }

    /// The order of colours that the metadata name in ONNX's own words for pictures.
    fn said_color(&self) -> Option<ColorOrder> {
        match self.prop("Image.BitmapPixelFormat")? {
            "Bgr8" => Some(ColorOrder::Bgr),
            "Rgb8" => Some(ColorOrder::Rgb),
            _ => None,
        }
    }

    /// What pixel values the metadata name in those words.
    fn said_range(&self) -> Option<Range> {
        match self.prop("Image.NominalPixelRange")? {
            "NominalRange_0_255" => Some(Range::Byte),
            "Normalized_0_1" => Some(Range::Unit),
            "Normalized_1_1" => Some(Range::Signed),
            _ => None,
        }
    }

    fn size(&self, picture: &Picture<'_>, preset: &Preset) -> Result<(usize, usize), ContractError> {
        let (width, height) = self.user.input_size.unwrap_or(preset.size);
        let (w, h) = (picture.width.unwrap_or(width), picture.height.unwrap_or(height));
        let step = preset.multiple.max(1);
        let wrong = |accepted: String| {
            Err(ContractError::Setting { key: "input-size".into(), value: format!("{width}x{height}"), accepted })
        };
        if self.user.input_size.is_some_and(|asked| asked != (w, h)) {
            return wrong(format!("only {w}x{h}, the size this model is made for"));
        }
        if picture.width.is_none() && w % step != 0 || picture.height.is_none() && h % step != 0 {
            return wrong(format!("multiples of {step}, the stride of this model"));
        }
        if w == 0 || h == 0 || w > 8192 || h > 8192 {
            return Err(self.refused(format!("its picture is {w}x{h} pixels"), "export it with sides from 1 to 8192"));
        }
        Ok((w, h))
    }

    pub(super) fn refused(&self, why: impl Into<String>, advice: impl Into<String>) -> ContractError {
        ContractError::refused(self.info, why, advice)
    }

    /// The error for a model that is of none of `families`. Those are known by tensors of float32, and so 16-bit floats alone can
    /// be the reason.
    pub(super) fn unknown(&self, role: &'static str, families: Vec<&'static str>) -> ContractError {
        let mut tensors = self.info.inputs.iter().chain(&self.info.outputs);
        if let Some(half) = tensors.find(|tensor| tensor.element == Element::F16) {
            return self.refused(format!("its {} is {}", half.name, half.element.name()), FLOAT32);
        }
        ContractError::Unknown { role, model: describe(self.info), families }
    }
}

/// The first input that can be a picture: four dimensions with one or three channels.
pub(super) fn picture(info: &ModelInfo) -> Option<Picture<'_>> {
    info.inputs.iter().find_map(|tensor| {
        if tensor.rank() != 4 {
            return None;
        }
        let channels = |index: usize| tensor.dim(index).filter(|c| matches!(c, 1 | 3));
        // Free channels can only be meant where the usual order is kept.
        let (layout, channels, y) = match (channels(1), channels(3)) {
            (Some(c), _) => (Layout::Nchw, c, 2),
            (None, Some(c)) => (Layout::Nhwc, c, 1),
            (None, None) if tensor.dim(1).is_none() && tensor.element != Element::U8 => (Layout::Nchw, 3, 2),
            _ => return None,
        };
        Some(Picture { tensor, layout, channels, width: tensor.dim(y + 1), height: tensor.dim(y) })
    })
}

/// The family that GStreamer's id of an output tensor stands for.
fn family_of_id(id: &str) -> Option<&'static str> {
    match id {
        "yolo-v8-out" => Some("yolov8"),
        "yolo-26-end2end-out" => Some("yolo-nms"),
        "yolox-out" => Some("yolox"),
        _ => None,
    }
}

fn reversed_if(color: ColorOrder, [a, b, c]: [f32; 3]) -> [f32; 3] {
    if color == ColorOrder::Bgr { [c, b, a] } else { [a, b, c] }
}
