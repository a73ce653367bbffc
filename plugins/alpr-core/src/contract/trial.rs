//! What a run on an empty picture tells of a model that leaves its shapes open.
//!
//! Exports with free sizes often leave every axis of the output open, those that never change too. Then only a run shows
//! how many columns its rows have, and so of which family it is.

use super::model::picture;
use super::{Layout, ModelInfo, Overrides, TensorInfo};

/// Width and height of the picture where the model leaves them open: what most detectors are made for.
const SIDE: usize = 640;

impl ModelInfo {
    /// The one input to try the model with, all of its axes fixed, where an output leaves rows and columns open, or its rows though
    /// the picture is fixed. The size is the one that `overrides` name, else a usual one, where the model leaves that open too.
    pub fn trial(&self, overrides: &Overrides) -> Option<TensorInfo> {
        let picture = picture(self).filter(|_| self.inputs.len() == 1)?;
        if !self.outputs.iter().any(|output| is_open(output, picture.is_fixed())) {
            return None;
        }
        let (width, height) = overrides.input_size.unwrap_or((SIDE, SIDE));
        let (width, height) = (picture.width.unwrap_or(width), picture.height.unwrap_or(height));
        let shape = match picture.layout {
            Layout::Nchw => [1, picture.channels, height, width],
            Layout::Nhwc => [1, height, width, picture.channels],
            Layout::Nwhc => [1, width, height, picture.channels],
        };
        let batch = picture.tensor.dim(0).is_none_or(|n| n == 1);
        batch.then(|| TensorInfo::new(&*picture.tensor.name, picture.tensor.element, &shape.map(Some)))
    }

    /// Takes over what a run on the input `trial` showed: names and shapes of the outputs.
    pub fn tried(&mut self, trial: &TensorInfo, shapes: &[(String, Vec<usize>)]) {
        let fixed = picture(self).is_some_and(|picture| picture.is_fixed());
        for output in self.outputs.iter_mut().filter(|output| is_open(output, fixed)) {
            if let Some((_, shape)) = shapes.iter().find(|(name, shape)| *name == output.name && shape.len() == 3) {
                output.shape = vec![output.dim(0), Some(shape[1]), Some(shape[2])];
            }
        }
        let tried = Self { inputs: vec![trial.clone()], ..Self::default() };
        self.tried = picture(&tried).and_then(|picture| picture.width.zip(picture.height));
    }
}

/// Columns of finished boxes, with points and more, are fewer: how many of those there are only the picture tells.
const MOST_COLUMNS_OF_BOXES: usize = 16;

/// Whether an output tells neither its rows nor its columns, or of a picture that is `fixed` not its rows, as exports of networks
/// that read a character after the other do.
fn is_open(output: &TensorInfo, fixed: bool) -> bool {
    let of_one_picture = fixed && output.dim(2).is_some_and(|columns| columns > MOST_COLUMNS_OF_BOXES);
    output.rank() == 3 && output.dim(1).is_none() && (output.dim(2).is_none() || of_one_picture)
}
