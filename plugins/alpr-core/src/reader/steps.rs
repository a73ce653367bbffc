//! One row of classes a step, as readers with time steps and readers with an end give them.

use crate::contract::{DecodeError, Output};

/// The steps of several crops.
pub(super) struct Steps<'a> {
    values: &'a [f32],
    pub(super) crops: usize,
    pub(super) steps: usize,
    pub(super) classes: usize,
    /// How far it is to the next crop, step and class.
    strides: [usize; 3],
}

impl<'a> Steps<'a> {
    /// The values of `output`: `[crops, steps, classes]`, `[steps, crops, classes]` as the layers of PyTorch that read have them, or
    /// where it is `transposed` `[crops, classes, steps]`.
    pub(super) fn of(
        output: &Output<'a>,
        classes: usize,
        transposed: bool,
        n_crops: usize,
    ) -> Result<Self, DecodeError> {
        let form = if transposed { format!("{classes}, steps") } else { format!("steps, {classes}") };
        let expected = format!("float32 [{n_crops}, {form}]");
        let values = output.floats(&expected)?;
        let (steps, strides) = match (output.shape, transposed) {
            (&[n, steps, c], false) if n == n_crops && c == classes => (steps, [steps * c, c, 1]),
            (&[steps, n, c], false) if n == n_crops && c == classes => (steps, [c, n * c, 1]),
            (&[n, c, steps], true) if n == n_crops && c == classes => (steps, [c * steps, 1, steps]),
            _ => return Err(output.unexpected(expected)),
        };
        Ok(Self { values, crops: n_crops, steps, classes, strides })
    }

    fn at(&self, crop: usize, step: usize, class: usize) -> f32 {
        self.values[crop * self.strides[0] + step * self.strides[1] + class * self.strides[2]]
    }

    /// The values of a crop, row by row.
    pub(super) fn rows(&self, crop: usize) -> Vec<f32> {
        (0..self.steps).flat_map(|step| (0..self.classes).map(move |class| self.at(crop, step, class))).collect()
    }

    /// The best class of each step of a crop; `None` where there is not one clear one.
    pub(super) fn clear_bests(&self, crop: usize) -> impl Iterator<Item = Option<usize>> {
        (0..self.steps).map(move |step| {
            let values = || (0..self.classes).map(|class| self.at(crop, step, class));
            let (best, value) = values().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
            let clear = values().all(f32::is_finite) && values().filter(|other| *other == value).count() == 1;
            clear.then_some(best)
        })
    }

    /// The class (the first or the last one) that ends the text of every crop that has one, where those look like characters one
    /// after the other and not like symbols in time: that class stands neither before nor between the characters, no other does so
    /// often, hardly one is told twice, and most of the picture would be empty behind them. Where it is not `blank`, the class that
    /// should be between symbols, that one is seldom.
    pub(super) fn ended(&self, blank: usize) -> Option<usize> {
        /// Fewer characters show nothing.
        const FEWEST: usize = 4;
        /// A blank is more than one of so many steps.
        const SELDOM: usize = 4;
        let looks_so = |text: &[usize]| {
            let count = |class: &usize| text.iter().filter(|other| *other == class).count();
            let twice = text.windows(2).filter(|pair| pair[0] == pair[1]).count();
            (FEWEST..=self.steps / 2).contains(&text.len())
                && twice * FEWEST <= text.len()
                && text.iter().all(|class| count(class) * 2 < text.len())
        };
        let ends = |end: usize| {
            let mut texts = 0;
            for crop in 0..self.crops {
                let path: Vec<usize> = self.clear_bests(crop).collect::<Option<_>>()?;
                let length = path.iter().position(|class| *class == end)?;
                if path.iter().all(|class| *class == end) {
                    continue;
                }
                let blanks = path.iter().filter(|class| **class == blank).count();
                if !looks_so(&path[..length]) || end != blank && blanks * SELDOM > self.steps {
                    return None;
                }
                texts += 1;
            }
            (texts > 0).then_some(end)
        };
        ends(0).or_else(|| ends(self.classes.checked_sub(1)?))
    }
}
