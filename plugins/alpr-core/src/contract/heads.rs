//! What the outputs of detectors and readers mean.

/// How the four numbers of a box are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxFormat {
    /// Centre and size.
    CenterSize,
    /// Two opposite corners.
    Corners,
    /// Two opposite corners, the vertical number before the horizontal one.
    CornersYx,
}

/// What box numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Pixels of the network input.
    Pixels,
    /// Fractions of the network input's width and height.
    Normalized,
}

/// Where the score of a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// One column per class, multiplied by `objectness` where there is one.
    Classes {
        /// Column of the first class.
        first: usize,
        /// Number of classes.
        count: usize,
        /// Column of the objectness.
        objectness: Option<usize>,
    },
    /// One column of score and one of class index.
    Best {
        /// Column of the score.
        score: usize,
        /// Column of the class index.
        class: usize,
    },
}

/// Where the four corners of a row stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CornerColumns {
    /// Column of the first corner's x.
    pub first: usize,
    /// Columns from one corner to the next: 2, or 3 with a visibility.
    pub step: usize,
}

/// One output with one candidate a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Name of the output.
    pub output: String,
    /// Columns of a row.
    pub columns: usize,
    /// Whether columns come first in memory (`[batch, columns, candidates]`).
    pub transposed: bool,
    /// Column of the first of the four box numbers.
    pub first: usize,
    /// Meaning of the box numbers.
    pub format: BoxFormat,
    /// What the box numbers and corners count.
    pub units: Units,
    /// Where the score stands.
    pub score: Score,
    /// Where the corners stand.
    pub corners: Option<CornerColumns>,
    /// Strides of the cells, finest first, where boxes are still offsets to their cell.
    pub cells: Vec<usize>,
}

/// Outputs of finished boxes, one of each a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Name of the output with boxes `[batch, n, 4]`, or `[batch, n, 5]` with the score last.
    pub boxes: String,
    /// Name of the output with scores `[batch, n]`; `None` where they stand beside the boxes.
    pub scores: Option<String>,
    /// Name of the output with classes `[batch, n]`.
    pub labels: String,
    /// Meaning of the box numbers.
    pub format: BoxFormat,
    /// What they count.
    pub units: Units,
    /// Whether class 0 stands for "no object", and so has no name in lists of names.
    pub background: bool,
}

/// The outputs of a detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetectorHead {
    /// One output with everything.
    Rows(Rows),
    /// Query boxes (centre and size, normalised) and class logits.
    Queries {
        /// Name of the output with boxes `[batch, queries, 4]`.
        boxes: String,
        /// Name of the output with logits `[batch, queries, classes]`.
        logits: String,
        /// Whether the last column stands for "no object" and the scores of a query add up to 1 (softmax), rather than each
        /// class having its own (sigmoid).
        no_object: bool,
    },
    /// Finished boxes, scores and class indices as outputs of their own.
    Finished(Finished),
    /// A coarse grid of coverage and box offsets (DetectNet_v2).
    Grid {
        /// Name of the output with coverage `[batch, classes, rows, columns]`.
        coverage: String,
        /// Name of the output with offsets `[batch, 4 * classes, rows, columns]`.
        offsets: String,
        /// Network pixels an offset of 1 stands for.
        unit: u16,
    },
}

/// The outputs of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderHead {
    /// One row of probabilities (or logits) a character slot.
    Slots {
        /// Name of the output.
        output: String,
        /// Number of slots.
        slots: usize,
        /// Class that means "no character".
        pad: usize,
        /// Name of the region head.
        region: Option<String>,
    },
    /// One row of probabilities (or logits) a time step, to be collapsed.
    Ctc {
        /// Name of the output.
        output: String,
        /// Symbol of each class as its index in the alphabet; the alphabet's length for the blank and for what is not
        /// on plates.
        columns: Vec<u32>,
        /// Whether classes come first in memory (`[batch, classes, steps]`).
        transposed: bool,
    },
    /// One row of probabilities (or logits) a character, up to the class that ends the text; what stands behind that means
    /// nothing.
    Sequence {
        /// Name of the output.
        output: String,
        /// Symbol of each class as its index in the alphabet; the alphabet's length for the end and for what is not on
        /// plates.
        columns: Vec<u32>,
        /// The class that ends the text.
        end: usize,
    },
    /// The best class and its probability a time step, to be collapsed. The blank is the class after the last symbol.
    CtcBest {
        /// Name of the output with class indices `[batch, steps]`.
        classes: String,
        /// Name of the output with probabilities `[batch, steps]`.
        scores: String,
    },
}
