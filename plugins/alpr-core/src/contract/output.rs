//! Outputs of one run of a network.

use std::fmt;

use super::Element;

/// One output of one run.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// Name in the graph.
    pub name: &'a str,
    /// Dimensions of this run.
    pub shape: &'a [usize],
    /// Values, row-major.
    pub data: OutputData<'a>,
}

/// The values of an output.
#[derive(Clone, Copy, Debug)]
pub enum OutputData<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 64-bit integers.
    I64(&'a [i64]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// Bytes.
    U8(&'a [u8]),
}

impl OutputData<'_> {
    /// Number of values.
    pub const fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type.
    pub const fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::I64(_) => Element::I64,
            Self::I32(_) => Element::I32,
            Self::U8(_) => Element::U8,
        }
    }
}

/// Outputs that are not what the contract says.
#[derive(Clone, Debug, PartialEq)]
pub enum DecodeError {
    /// An output is not there.
    Missing {
        /// Name of the output.
        output: String,
        /// Names that are there.
        given: Vec<String>,
    },
    /// An output has another shape or type.
    Shape {
        /// Name of the output.
        output: String,
        /// What was expected.
        expected: String,
        /// What came.
        given: String,
    },
    /// Columns of scores hold something else.
    Scores {
        /// Name of the output.
        output: String,
        /// A number that is none.
        strange: f32,
    },
    /// Boxes are fractions where pixels should be.
    Fractions,
    /// Boxes are of a class that has no name, and none of the first class that has one.
    Names {
        /// How many classes have names.
        names: usize,
    },
    /// Boxes are of class 0 alone, which stands for no object.
    NoObject,
    /// The last class of a detector with queries stands for no object, and its scores are not read so.
    Softmax {
        /// Name of the output.
        output: String,
    },
    /// The blank of a reader with time steps is the class at the other end.
    Blank {
        /// Name of the output.
        output: String,
        /// `first` or `last`.
        end: &'static str,
    },
    /// What should be time steps are characters, and a class ends them.
    Ended {
        /// Name of the output.
        output: String,
        /// `first` or `last`: which class.
        end: &'static str,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { output, given } => {
                write!(
                    f,
                    "cannot decode the output {output}: the run gave only {}; open the model again",
                    given.join(", ")
                )
            }
            Self::Shape { output, expected, given } => write!(
                f,
                "cannot decode the output {output}: expected {expected}, got {given}; the model is not of the family that \
                 its tensors suggest: set family"
            ),
            Self::Scores { output, strange } => write!(
                f,
                "cannot decode the output {output}: where scores of classes of 0 to 1 should be it has numbers such as \
                 {strange}; the model is not of the family that its tensors suggest: set family (yolo-corners where rows have \
                 four corners), or export it with its scores finished"
            ),
            Self::Fractions => f.write_str(
                "cannot use the boxes of this model: all of them lie within its first pixel, as fractions of the picture do; \
                 set boxes=normalized (which in yolo-nms means centre and size), or export it with boxes in pixels",
            ),
            Self::Names { names } => write!(
                f,
                "cannot tell the classes of this model: it finds things of class {names} and none of class 0, and its names are those \
                 of the classes 0 to {}; set labels to the names of all of its classes, with background before them where \
                 they count from 1 (EfficientDet)",
                names.saturating_sub(1)
            ),
            Self::NoObject => f.write_str(
                "cannot tell the classes of this model: all that it finds is of class 0, which stands for no object in its family; it \
                 seems to be trained with classes that count from 0: leave labels out and set plate-classes=0, or what counts \
                 from 0 is a plate",
            ),
            Self::Softmax { output } => write!(
                f,
                "cannot decode the output {output}: most queries are sure of its last class, as those of DETR and YOLOS are \
                 of \"no object\"; set scores=softmax, or put the model's config.json beside it"
            ),
            Self::Blank { output, end } => write!(
                f,
                "cannot decode the output {output}: the class that should be the blank never is the best one and the \
                 {end} class mostly is; set blank={end}"
            ),
            Self::Ended { output, end } => write!(
                f,
                "cannot decode the output {output}: its steps are one character each up to the {end} class, as those of PARSeq and \
                 ViTSTR are, and not time as the family says; set family=parseq blank={end}"
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

impl<'a> Output<'a> {
    /// The output called `name`.
    pub(crate) fn find(outputs: &[Self], name: &str) -> Result<Self, DecodeError> {
        outputs.iter().find(|o| o.name == name).copied().ok_or_else(|| DecodeError::Missing {
            output: name.to_owned(),
            given: outputs.iter().map(|o| o.name.to_owned()).collect(),
        })
    }

    /// The values, where they are floats and as many as the shape says; otherwise an error that tells `expected`.
    pub(crate) fn floats(&self, expected: &str) -> Result<&'a [f32], DecodeError> {
        match self.data {
            OutputData::F32(values) if self.is_whole() => Ok(values),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Whether there are as many values as the shape says.
    pub(crate) fn is_whole(&self) -> bool {
        self.data.len() == self.shape.iter().product::<usize>()
    }

    /// The value `index` of whatever type, as a float.
    pub(crate) fn number(&self, index: usize) -> f32 {
        match self.data {
            OutputData::F32(v) => v[index],
            OutputData::I64(v) => v[index] as f32,
            OutputData::I32(v) => v[index] as f32,
            OutputData::U8(v) => f32::from(v[index]),
        }
    }

    /// An error that tells `expected` from what this output is.
    pub(crate) fn unexpected(&self, expected: impl Into<String>) -> DecodeError {
        DecodeError::Shape {
            output: self.name.to_owned(),
            expected: expected.into(),
            given: format!("{} {:?} with {} values", self.data.element().name(), self.shape, self.data.len()),
        }
    }
}
