//! Which position of one reading is which character of the plate.
//!
//! Readings differ in length: a character is cut off at the picture's edge, a screw is read as one, two are read as
//! one. Voting by position would then shift every vote. So readings are aligned to a common profile first, as
//! sequences are in biology: by dynamic programming over matches and gaps.

/// A position that is empty with at least this probability says nothing and is left out.
const EMPTY: f32 = 0.95;
/// Score of leaving out a character inside the text. A match scores up to 1, a mismatch down to -1: two gaps are
/// dearer than one mismatch, so a misread character stays in its column.
const GAP: f32 = -1.2;
/// Score of leaving out a character at either end, where plates are cut off and frames are read as characters.
const END_GAP: f32 = -0.6;

/// Distributions over classes (symbols, then the pad), one row a character position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    classes: usize,
    probs: Vec<f32>,
}

impl Rows {
    pub(super) const fn new(classes: usize) -> Self {
        Self { classes, probs: Vec::new() }
    }

    /// The rows of `probs` (row-major, `classes` wide) that are not empty. Broken numbers count as no knowledge.
    pub(super) fn compacted(classes: usize, probs: &[f32]) -> Self {
        let mut rows = Self::new(classes);
        for row in probs.chunks_exact(classes) {
            if row[classes - 1].is_finite() && row[classes - 1] >= EMPTY {
                continue;
            }
            let clean = row.iter().map(|p| if p.is_finite() { p.max(0.0) } else { 0.0 });
            let sum: f32 = clean.clone().sum();
            if sum > 0.0 {
                rows.probs.extend(clean.map(|p| p / sum));
            }
        }
        rows
    }

    pub(super) fn push(&mut self, row: &[f32]) {
        debug_assert_eq!(row.len(), self.classes);
        self.probs.extend_from_slice(row);
    }

    pub(super) const fn len(&self) -> usize {
        self.probs.len() / self.classes
    }

    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.probs[index * self.classes..][..self.classes]
    }

    pub(super) fn iter(&self) -> std::slice::ChunksExact<'_, f32> {
        self.probs.chunks_exact(self.classes)
    }

    pub(super) fn into_probs(self) -> Vec<f32> {
        self.probs
    }

    fn presence(&self, index: usize) -> f32 {
        1.0 - self.row(index)[self.classes - 1]
    }
}

/// Probability that two positions hold the same.
pub(super) fn overlap(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One step of an alignment of `profile` and `read`: indices of the profile's column and the reading's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Both hold this character.
    Both(usize, usize),
    /// The reading left the profile's column out.
    Profile(usize),
    /// The reading has a character that the profile lacks.
    Read(usize),
}

/// The best alignment of `read` to `profile`, from left to right.
pub(super) fn align(profile: &Rows, read: &Rows) -> Vec<Step> {
    let (n, m) = (profile.len(), read.len());
    let width = m + 1;
    let mut score = vec![0.0_f32; (n + 1) * width];
    let skip_profile = |i: usize, j: usize| gap(j == 0 || j == m) * profile.presence(i);
    let skip_read = |i: usize, j: usize| gap(i == 0 || i == n) * read.presence(j);
    let both = |i: usize, j: usize| 2.0_f32.mul_add(overlap(profile.row(i), read.row(j)), -1.0);
    for i in 0..=n {
        for j in 0..=m {
            if i == 0 && j == 0 {
                continue;
            }
            let mut best = f32::MIN;
            if i > 0 && j > 0 {
                best = score[(i - 1) * width + j - 1] + both(i - 1, j - 1);
            }
            if i > 0 {
                best = best.max(score[(i - 1) * width + j] + skip_profile(i - 1, j));
            }
            if j > 0 {
                best = best.max(score[i * width + j - 1] + skip_read(i, j - 1));
            }
            score[i * width + j] = best;
        }
    }
    let mut steps = Vec::with_capacity(n.max(m));
    let (mut i, mut j) = (n, m);
    while i > 0 || j > 0 {
        let here = score[i * width + j];
        let reached = |from: f32, by: f32| (from + by - here).abs() <= f32::EPSILON * 16.0;
        if i > 0 && j > 0 && reached(score[(i - 1) * width + j - 1], both(i - 1, j - 1)) {
            (i, j) = (i - 1, j - 1);
            steps.push(Step::Both(i, j));
        } else if i > 0 && (j == 0 || reached(score[(i - 1) * width + j], skip_profile(i - 1, j))) {
            i -= 1;
            steps.push(Step::Profile(i));
        } else {
            j -= 1;
            steps.push(Step::Read(j));
        }
    }
    steps.reverse();
    steps
}

const fn gap(at_end: bool) -> f32 {
    if at_end { END_GAP } else { GAP }
}

/// All readings in common columns: `columns[k][r]` is the row of reading `r` in column `k`, if it has one there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Alignment {
    pub(super) columns: Vec<Vec<Option<usize>>>,
}

impl Alignment {
    /// Aligns `reads` in `order` to a profile that starts as `start` and grows with every reading by its weight.
    pub(super) fn of(start: &Rows, reads: &[(&Rows, f32)], order: &[usize]) -> Self {
        let mut columns = vec![vec![None; reads.len()]; start.len()];
        let mut profile = start.clone();
        let mut weights = vec![1.0_f32; start.len()];
        for &index in order {
            let (read, weight) = reads[index];
            let mut next_columns = Vec::with_capacity(columns.len() + 1);
            let mut next_profile = Rows::new(profile.classes);
            let mut next_weights = Vec::with_capacity(columns.len() + 1);
            for step in align(&profile, read) {
                match step {
                    Step::Both(column, row) => {
                        let mut members = std::mem::take(&mut columns[column]);
                        members[index] = Some(row);
                        next_columns.push(members);
                        let total = weights[column] + weight;
                        let share = weight / total;
                        let mixed = profile.row(column).iter().zip(read.row(row)).map(|(p, r)| p + share * (r - p));
                        next_profile.probs.extend(mixed);
                        next_weights.push(total);
                    }
                    Step::Profile(column) => {
                        next_columns.push(std::mem::take(&mut columns[column]));
                        next_profile.push(profile.row(column));
                        next_weights.push(weights[column]);
                    }
                    Step::Read(row) => {
                        let mut members = vec![None; reads.len()];
                        members[index] = Some(row);
                        next_columns.push(members);
                        next_profile.push(read.row(row));
                        next_weights.push(weight);
                    }
                }
            }
            (columns, profile, weights) = (next_columns, next_profile, next_weights);
        }
        columns.retain(|members| members.iter().any(Option::is_some));
        Self { columns }
    }

    /// The columns between the first and the last one that reading `read` has a row in.
    pub(super) fn span(&self, read: usize) -> std::ops::Range<usize> {
        let has = |members: &Vec<Option<usize>>| members[read].is_some();
        let first = self.columns.iter().position(has).unwrap_or(0);
        let end = self.columns.iter().rposition(has).map_or(first, |last| last + 1);
        first..end
    }
}
