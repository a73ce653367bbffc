//! Per-character fusion of all readings of one track.

use std::time::Duration;

use super::align::{Alignment, Rows, Step, align, overlap};

use super::{Consensus, lookalikes, region};
use crate::reader::{Alphabet, Lattice, Reading, RegionGuess};
use crate::syntax::k_best;

/// Part of every distribution that is given to "anything", so that no single reading can rule a character out:
/// for a reading of weight 1, and what is added for one of weight 0.
const DOUBT: (f32, f32) = (0.003, 0.05);
/// A reading that does not reach a column at the plate's ends may be cut off: its "no character" counts this much.
const CUT_OFF: f32 = 0.4;
/// Total variation between two readings (summed over characters) that makes them tell about half as much again.
const INDEPENDENT: f32 = 0.5;
/// Agreement with the other readings below which a reading is of another plate, and above which it is not.
const AGREEMENT: (f32, f32) = (0.3, 0.6);
/// Where readings say little about a column, it is empty with this probability.
const PRIOR_EMPTY: f32 = 0.7;
/// Probability that the whole track is misread in a way no reading shows.
const UNSEEN_RISK: f32 = 0.003;
/// How much a reading's own doubt takes from its weight: the weight times (probability of its text) to this power. Without
/// it, many poor readings outweigh a few clear ones, because the evidence of all together is bounded.
const CLARITY: f32 = 0.25;
/// Least part of its weight that a doubtful reading keeps.
const LEAST_CLARITY: f32 = 0.1;
/// Columns that are empty with at least this probability are not characters of the plate.
const EMPTY: f32 = 0.98;
/// Readings in a row that must be of another plate before the vehicle has changed.
const CHANGE: usize = 2;
/// Characters beyond which a text and a reading that has none of it are not two parts of one plate.
const LONGEST_JOINED: usize = 8;
/// Least [`evidence`] of a single reading that tells of a change in a track that was out of sight, and least confidence of the
/// text before a change.
const CLEAR: (f32, f32) = (0.4, 0.7);
/// Alternatives kept beside the best text.
const ALTERNATIVES: usize = 5;

/// What the fusion may be told.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionSettings {
    /// Readings that must agree with the fused text before it is [`Fusion::sure`].
    pub agreeing: u32,
    /// What the [`evidence`] of the agreeing readings must add up to before it is sure: readings of poor crops agree in the
    /// same error, and a vehicle that comes nearer gives better ones.
    pub evidence: f32,
    /// Confidence from which the fused text is sure, 0 to 1.
    pub confidence: f32,
    /// Readings in a row that must leave the fused text unchanged before it is sure.
    pub stable: u32,
    /// Least correlation of the errors of two readings, 0 (independent) to 1 (the second tells nothing new). `n`
    /// readings then count as at most `n / (1 + (n - 1) correlation)` independent ones.
    pub correlation: f32,
    /// Readings kept; of more, those of least weight are dropped.
    pub max_reads: usize,
}

impl Default for FusionSettings {
    fn default() -> Self {
        Self { agreeing: 3, evidence: 1.6, confidence: 0.9, stable: 2, correlation: 0.25, max_reads: 24 }
    }
}

#[derive(Clone, Debug)]
struct Read {
    rows: Rows,
    text: String,
    weight: f32,
    /// See [`evidence`].
    evidence: f32,
    region: Option<RegionGuess>,
}

/// How much a reading of probability `confidence` of a crop of `weight` says, 0 to 1: poor crops are read with the same
/// error again and again, and then the reader is seldom sure of it.
pub fn evidence(weight: f32, confidence: f32) -> f32 {
    weight * confidence.clamp(0.0, 1.0).sqrt()
}

/// All readings of one track and the text they make together.
#[derive(Clone, Debug)]
pub struct Fusion {
    settings: FusionSettings,
    alphabet: Option<Alphabet>,
    reads: Vec<Read>,
    /// Readings ever added.
    added: u32,
    /// Readings in a row that left the text unchanged.
    stable: u32,
    /// Latest readings in a row that are of another plate than the fused text.
    strangers: usize,
    /// The fused text when enough readings last agreed with it, or when it was confident before the track went out of sight.
    known: Option<Consensus>,
    /// Whether the track was out of sight since the last reading.
    away: bool,
    /// The fused text before a clear reading of another plate that followed a time out of sight.
    left: Option<Consensus>,
    consensus: Option<Consensus>,
}

impl Fusion {
    /// A track that was out of sight for this long [was away](Self::was_away).
    pub const AWAY: Duration = Duration::from_millis(250);

    /// A fusion of no readings.
    pub const fn new(settings: FusionSettings) -> Self {
        Self {
            settings,
            alphabet: None,
            reads: Vec::new(),
            added: 0,
            stable: 0,
            strangers: 0,
            known: None,
            away: false,
            left: None,
            consensus: None,
        }
    }

    /// Adds a reading with its `weight`, 0 to 1 (see [`super::CropQuality::weight`]).
    ///
    /// Returns whether it was used: a reading without any character, or in another alphabet than the first one, is
    /// not.
    pub fn add(&mut self, reading: &Reading, weight: f32) -> bool {
        let alphabet = self.alphabet.get_or_insert_with(|| reading.lattice.alphabet.clone());
        let rows = Rows::compacted(reading.lattice.classes(), &reading.lattice.probs);
        if *alphabet != reading.lattice.alphabet || rows.len() == 0 {
            return false;
        }
        let clear: f32 = rows.iter().map(|row| row.iter().fold(0.0, |a: f32, &b| a.max(b))).product();
        let weight = if weight.is_finite() { weight.clamp(0.01, 1.0) } else { 0.01 };
        let evidence = evidence(weight, clear);
        let weight = weight * clear.powf(CLARITY).max(LEAST_CLARITY);
        self.reads.push(Read { rows, text: reading.text.clone(), weight, evidence, region: reading.region.clone() });
        self.added += 1;
        if self.reads.len() > self.settings.max_reads.max(CHANGE + 1) {
            // The latest ones stay: they tell whether the vehicle changed.
            let older = 0..self.reads.len() - CHANGE;
            let least = older.min_by(|&a, &b| self.reads[a].weight.total_cmp(&self.reads[b].weight));
            least.map(|index| self.reads.remove(index));
        }
        self.update();
        true
    }

    /// The track was out of sight for so long, or frames are so far apart, that another vehicle may have taken its place:
    /// one clear reading of another plate is enough to tell.
    pub const fn was_away(&mut self) {
        self.away = true;
    }

    /// The fused text of the vehicle before, when the latest readings tell that the track went over to another one: a
    /// confident text that enough readings agreed with, then at least two in a row that agree with each other and not with
    /// it; or, in a track that [`Self::was_away`], a confident text and one clear reading of another plate.
    ///
    /// From then on this is the fusion of the new vehicle's readings alone. Trackers swap vehicles where one hides the
    /// other, or where one frame in a second is all they see.
    pub fn take_change(&mut self) -> Option<Consensus> {
        if let Some(old) = self.left.take() {
            self.begin_anew(1);
            return Some(old);
        }
        let [.., before, last] = self.reads.as_slice() else { return None };
        let changed =
            self.known.is_some() && self.strangers >= CHANGE && agreement(&before.rows, &last.rows) >= AGREEMENT.1;
        if !changed {
            return None;
        }
        let old = self.known.take();
        self.begin_anew(self.strangers);
        old
    }

    /// Keeps the last `kept` readings alone.
    fn begin_anew(&mut self, kept: usize) {
        let alphabet = self.alphabet.take();
        let reads = self.reads.split_off(self.reads.len() - kept.min(self.reads.len()));
        *self = Self { alphabet, added: reads.len() as u32, reads, ..Self::new(self.settings.clone()) };
        self.update();
    }

    fn update(&mut self) {
        let before = self.consensus.take();
        self.consensus = self.fused();
        let unchanged = before.as_ref().zip(self.consensus.as_ref()).is_some_and(|(old, new)| old.text == new.text);
        self.stable = if unchanged { self.stable + 1 } else { 0 };
        let clear = self.reads.last().is_some_and(|last| last.evidence >= CLEAR.0);
        let doubted = before.filter(|old| self.away && old.confidence >= CLEAR.1);
        if doubted.is_some() {
            self.known.clone_from(&doubted);
        }
        self.left = doubted.filter(|old| clear && self.last_is_another(&old.rows()));
        self.strangers = if self.last_is_stranger() { self.strangers + 1 } else { 0 };
        self.away = false;
        if self.strangers == 0 {
            let (readings, confidence) = (self.settings.agreeing, CLEAR.1);
            let is_known = |text: &Consensus| text.agreeing >= readings && text.confidence >= confidence;
            self.known = self.consensus.clone().filter(is_known).or(self.known.take());
        }
    }

    /// Whether the latest reading is of another plate than the readings before.
    fn last_is_stranger(&self) -> bool {
        let Some(fused) = self.consensus.as_ref().map(Consensus::rows) else { return false };
        // clear readings of another plate outvote the text that was known, or stand behind it as if both were parts of one
        // plate: they agree with what all say together then
        let is_gone = |known: Rows| {
            let longest = known.len().max(self.reads.last().map_or(0, |last| last.rows.len())).max(LONGEST_JOINED);
            self.last_is_strange_to(&known) && (fused.len() > longest || agreement(&fused, &known) < AGREEMENT.0)
        };
        self.last_is_strange_to(&fused) || self.known.as_ref().map(Consensus::rows).is_some_and(is_gone)
    }

    /// Whether the latest reading alone tells that it is of another plate than `text`, and not of what a post hid of that.
    fn last_is_another(&self, text: &Rows) -> bool {
        let both = text.len() + self.reads.last().map_or(0, |last| last.rows.len());
        both > LONGEST_JOINED && self.last_is_strange_to(text)
    }

    /// Whether the latest reading has next to nothing of `text`.
    fn last_is_strange_to(&self, text: &Rows) -> bool {
        self.reads.last().is_some_and(|last| agreement(text, &last.rows) < AGREEMENT.0)
    }

    /// The fused text; `None` before the first usable reading.
    pub fn consensus(&self) -> Option<Consensus> {
        self.consensus.clone()
    }

    /// Whether more readings are not needed: enough of them agree, of good enough crops, the fused text is confident and
    /// stable, and the latest reading is not of another plate.
    pub fn sure(&self) -> bool {
        self.strangers == 0
            && self.consensus.as_ref().is_some_and(|consensus| {
                let agree = self.reads.iter().filter(|read| read.text == consensus.text);
                consensus.agreeing >= self.settings.agreeing
                    && agree.map(|read| read.evidence).sum::<f32>() >= self.settings.evidence
                    && consensus.confidence >= self.settings.confidence
                    && self.stable >= self.settings.stable
            })
    }

    fn fused(&self) -> Option<Consensus> {
        let alphabet = self.alphabet.clone()?;
        let mut weights: Vec<f32> = self.reads.iter().map(|read| read.weight).collect();
        let pivot = self.order(&weights).first().map(|&index| self.reads[index].rows.clone())?;
        let first = self.fuse(&pivot, &weights);
        // The first round tells which readings are of this plate at all, and which columns are characters.
        let trusted: Vec<f32> =
            self.reads.iter().zip(&weights).map(|(read, weight)| weight * trust(&first, &read.rows)).collect();
        if trusted.iter().any(|&weight| weight > 0.0) {
            weights = trusted;
        }
        let mut start = Rows::new(alphabet.symbols().len() + 1);
        first.iter().filter(|row| row[row.len() - 1] < EMPTY).for_each(|row| start.push(row));
        let fused = self.fuse(&start, &weights);
        self.summary(alphabet, &fused, &weights)
    }

    /// Indices of the readings of any weight, best first.
    fn order(&self, weights: &[f32]) -> Vec<usize> {
        let clarity = |index: usize| {
            let rows = &self.reads[index].rows;
            let clear: f32 = rows.iter().map(|row| row.iter().fold(0.0, |a: f32, &b| a.max(b))).product();
            weights[index] * clear
        };
        let used = (0..self.reads.len()).filter(|&index| weights[index] > 0.0);
        let mut order: Vec<(usize, f32)> = used.map(|index| (index, clarity(index))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        order.into_iter().map(|(index, _)| index).collect()
    }

    /// One round: align to `start`, temper by the effective number of readings, pool every column.
    fn fuse(&self, start: &Rows, weights: &[f32]) -> Rows {
        let reads: Vec<(&Rows, f32)> =
            self.reads.iter().zip(weights).map(|(read, &weight)| (&read.rows, weight)).collect();
        let alignment = Alignment::of(start, &reads, &self.order(weights));
        let spans: Vec<_> = (0..reads.len()).map(|read| alignment.span(read)).collect();
        let evidence = self.effective(&alignment, &reads) / weights.iter().sum::<f32>();
        let classes = reads[0].0.row(0).len();
        let groups = self.alphabet.as_ref().map_or_else(Vec::new, |alphabet| lookalikes::groups(alphabet.symbols()));
        let mut fused = Rows::new(classes);
        for (k, members) in alignment.columns.iter().enumerate() {
            let mut logs = vec![0.0_f32; classes];
            let mut mean = vec![0.0_f32; classes];
            let mut total = 0.0;
            for (r, member) in members.iter().enumerate() {
                let (rows, weight) = reads[r];
                if weight <= 0.0 {
                    continue;
                }
                let doubt = DOUBT.0 + DOUBT.1 * (1.0 - self.reads[r].weight);
                let any = doubt / classes as f32;
                let present = member.is_some() || spans[r].contains(&k);
                let exponent = evidence * weight * if present { 1.0 } else { CUT_OFF };
                total += exponent;
                for (class, log) in logs.iter_mut().enumerate() {
                    let p = match member {
                        Some(row) => rows.row(*row)[class],
                        None => f32::from(u8::from(class + 1 == classes)),
                    };
                    *log += exponent * (1.0 - doubt).mul_add(p, any).ln();
                    // cubed: one clear look tells more of look-alikes than many poor ones
                    mean[class] += weight.powi(3) * p;
                }
            }
            let prior = (1.0 - total).max(0.0);
            for (class, log) in logs.iter_mut().enumerate() {
                let p = if class + 1 == classes { PRIOR_EMPTY } else { (1.0 - PRIOR_EMPTY) / (classes - 1) as f32 };
                *log += prior * p.ln();
            }
            let mut row = softmax(&logs);
            lookalikes::share_out(&groups, &mut row, &mean);
            fused.push(&row);
        }
        fused
    }

    /// How many independent readings these are worth: readings that are alike down to their doubts tell nothing new.
    fn effective(&self, alignment: &Alignment, reads: &[(&Rows, f32)]) -> f32 {
        let total: f32 = reads.iter().map(|(_, weight)| weight).sum();
        let squares: f32 = reads.iter().map(|(_, weight)| weight * weight).sum();
        let count = total * total / squares;
        let (mut alike, mut pairs) = (0.0, 0.0);
        for a in 0..reads.len() {
            for b in 0..a {
                let weight = reads[a].1 * reads[b].1;
                alike += weight * (-variation(alignment, reads, a, b) / INDEPENDENT).exp();
                pairs += weight;
            }
        }
        let measured = if pairs > 0.0 { alike / pairs } else { 1.0 };
        let correlation = measured.max(self.settings.correlation).min(1.0);
        count / (count - 1.0).mul_add(correlation, 1.0)
    }

    fn summary(&self, alphabet: Alphabet, fused: &Rows, weights: &[f32]) -> Option<Consensus> {
        let mut kept = Rows::new(alphabet.symbols().len() + 1);
        fused.iter().filter(|row| row[row.len() - 1] < EMPTY).for_each(|row| kept.push(row));
        let mut texts = k_best(kept.iter(), alphabet.symbols(), ALTERNATIVES + 1).into_iter();
        let best = texts.next()?;
        let known = 1.0 - UNSEEN_RISK;
        let regions = self.reads.iter().zip(weights).map(|(read, &weight)| (read.region.as_ref(), weight));
        Some(Consensus {
            lattice: Lattice { alphabet, probs: kept.into_probs() },
            confidence: known * best.probability,
            char_confidence: best.characters,
            alternatives: texts.map(|text| (text.text, known * text.probability)).collect(),
            reads: self.added,
            agreeing: self.reads.iter().filter(|read| read.text == best.text).count() as u32,
            text: best.text,
            region: region::vote(regions),
        })
    }
}

impl Consensus {
    fn rows(&self) -> Rows {
        Rows::compacted(self.lattice.classes(), &self.lattice.probs)
    }
}

/// How much of a reading's weight remains in view of what all readings together say.
fn trust(fused: &Rows, read: &Rows) -> f32 {
    ((agreement(fused, read) - AGREEMENT.0) / (AGREEMENT.1 - AGREEMENT.0)).clamp(0.0, 1.0)
}

/// Part of the characters of `read` that stand in `text` too, 0 to 1.
fn agreement(text: &Rows, read: &Rows) -> f32 {
    let same = |step: &Step| match step {
        Step::Both(column, row) => overlap(text.row(*column), read.row(*row)),
        _ => 0.0,
    };
    align(text, read).iter().map(same).sum::<f32>() / read.len() as f32
}

/// Total variation of two readings, summed over the columns that both have.
fn variation(alignment: &Alignment, reads: &[(&Rows, f32)], a: usize, b: usize) -> f32 {
    let both = |members: &Vec<Option<usize>>| match (members[a], members[b]) {
        (Some(i), Some(j)) => {
            let (p, q) = (reads[a].0.row(i), reads[b].0.row(j));
            p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f32>() / 2.0
        }
        (None, None) => 0.0,
        _ => 1.0,
    };
    alignment.columns.iter().map(both).sum()
}

fn softmax(logs: &[f32]) -> Vec<f32> {
    let top = logs.iter().copied().fold(f32::MIN, f32::max);
    let mut probs: Vec<f32> = logs.iter().map(|log| (log - top).exp()).collect();
    let sum: f32 = probs.iter().sum();
    probs.iter_mut().for_each(|p| *p /= sum);
    probs
}
