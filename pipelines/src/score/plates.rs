//! Finding and reading plates on single pictures.

use super::text::{edit_distance, folded};
use alpr_core::geometry::Rect;
use std::collections::BTreeMap;

/// A detection covers a labelled plate from this intersection over union on.
pub const MATCH_IOU: f32 = 0.5;

/// Upper ends of the buckets of plate widths, in pixels of the picture.
pub const WIDTHS: [f32; 5] = [40.0, 60.0, 90.0, 140.0, f32::INFINITY];

/// A labelled plate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Label {
    /// Where it is; nothing when the label does not say.
    pub bbox: Option<Rect>,
    /// Its text as a person knows it.
    pub text: Option<String>,
    /// Its text as other networks read it: counted apart.
    pub silver: Option<String>,
}

/// A plate as the elements found it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Where it is.
    pub bbox: Rect,
    /// Score of the detector, 0 to 1.
    pub det_conf: f32,
    /// What was read, A-Z and 0-9; empty when nothing was.
    pub text: String,
    /// Confidence of the reading, 0 to 1.
    pub conf: f32,
}

/// Counts of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reads {
    /// Plates whose text is known.
    pub plates: usize,
    /// Read exactly; a plate that was not found counts as not read.
    pub exact: usize,
    /// Read exactly when O = 0 and I = 1.
    pub folded: usize,
    /// Characters of the known texts.
    pub characters: usize,
    /// Of these, wrong or missing ones (at most all of a text).
    pub wrong_characters: usize,
}

impl Reads {
    fn add(&mut self, truth: &str, read: &str) {
        self.plates += 1;
        self.exact += usize::from(truth == read);
        self.folded += usize::from(folded(truth) == folded(read));
        self.characters += truth.chars().count();
        self.wrong_characters += edit_distance(truth, read).min(truth.chars().count());
    }

    fn join(&mut self, other: &Self) {
        self.plates += other.plates;
        self.exact += other.exact;
        self.folded += other.folded;
        self.characters += other.characters;
        self.wrong_characters += other.wrong_characters;
    }

    /// Part of the characters that are right, 0 to 1; 1 when there are none.
    pub fn character_accuracy(&self) -> f64 {
        1.0 - self.wrong_characters as f64 / self.characters.max(1) as f64
    }
}

/// Counts over pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Pictures.
    pub images: usize,
    /// Labelled plates with a place.
    pub labelled: usize,
    /// Of these, found.
    pub found: usize,
    /// Detections.
    pub detections: usize,
    /// Of these, on no labelled plate.
    pub unlabelled: usize,
    /// Detections on no labelled plate that were read with enough confidence.
    pub false_reads: usize,
    /// Texts known by people.
    pub human: Reads,
    /// Texts known by other networks.
    pub silver: Reads,
}

impl Tally {
    /// Adds the counts of another tally.
    pub fn join(&mut self, other: &Self) {
        self.images += other.images;
        self.labelled += other.labelled;
        self.found += other.found;
        self.detections += other.detections;
        self.unlabelled += other.unlabelled;
        self.false_reads += other.false_reads;
        self.human.join(&other.human);
        self.silver.join(&other.silver);
    }

    /// Found of the labelled plates, 0 to 1.
    pub fn recall(&self) -> f64 {
        self.found as f64 / self.labelled.max(1) as f64
    }

    /// Detections that are on labelled plates, 0 to 1.
    pub fn precision(&self) -> f64 {
        (self.detections - self.unlabelled) as f64 / self.detections.max(1) as f64
    }
}

/// Pairs labels and detections, the surest detection first; each gets at most one partner.
///
/// Returns for every label the index of its detection. A label without a place takes the surest detection left.
pub fn pair(labels: &[Label], found: &[Found]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| found[*b].det_conf.total_cmp(&found[*a].det_conf));
    let mut pairs = vec![None; labels.len()];
    let mut free = Vec::new();
    for i in order {
        let best = labels
            .iter()
            .enumerate()
            .filter(|(l, _)| pairs[*l].is_none())
            .filter_map(|(l, label)| label.bbox.map(|b| (l, b.iou(&found[i].bbox))))
            .filter(|(_, iou)| *iou >= MATCH_IOU)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match best {
            Some((label, _)) => pairs[label] = Some(i),
            None => free.push(i),
        }
    }
    let mut free = free.into_iter();
    for (pair, label) in pairs.iter_mut().zip(labels) {
        if label.bbox.is_none() {
            *pair = free.next();
        }
    }
    pairs
}

/// Counts of one picture, and of each of its labels by width bucket (index into [`WIDTHS`]).
///
/// Reads of at least `confidence` on no labelled plate are false reads.
pub fn score(labels: &[Label], found: &[Found], confidence: f32) -> (Tally, BTreeMap<usize, Tally>) {
    let pairs = pair(labels, found);
    let mut tally = Tally { images: 1, detections: found.len(), ..Tally::default() };
    let mut by_width: BTreeMap<usize, Tally> = BTreeMap::new();
    for (label, pair) in labels.iter().zip(&pairs) {
        let mut one = Tally::default();
        if label.bbox.is_some() {
            one.labelled = 1;
            one.found = usize::from(pair.is_some());
        }
        let read = pair.map_or("", |i| found[i].text.as_str());
        if let Some(text) = &label.text {
            one.human.add(text, read);
        } else if let Some(text) = &label.silver {
            one.silver.add(text, read);
        }
        tally.join(&one);
        if let Some(bbox) = label.bbox {
            let bucket = WIDTHS.iter().position(|w| bbox.w < *w).unwrap_or(WIDTHS.len() - 1);
            by_width.entry(bucket).or_default().join(&one);
        }
    }
    for (i, f) in found.iter().enumerate() {
        if !pairs.contains(&Some(i)) {
            tally.unlabelled += 1;
            tally.false_reads += usize::from(!f.text.is_empty() && f.conf >= confidence);
        }
    }
    (tally, by_width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(x: f32, text: &str) -> Label {
        let text = (!text.is_empty()).then(|| text.to_owned());
        Label { bbox: Some(Rect::new(x, 0.0, 100.0, 20.0)), text, silver: None }
    }

    fn found(x: f32, det_conf: f32, text: &str, conf: f32) -> Found {
        Found { bbox: Rect::new(x, 0.0, 100.0, 20.0), det_conf, text: text.into(), conf }
    }

    #[test]
    fn the_surer_detection_of_one_plate_is_its_partner() {
        let labels = [label(0.0, "A"), label(200.0, "B")];
        let finds = [found(5.0, 0.5, "", 0.0), found(2.0, 0.9, "", 0.0), found(400.0, 0.9, "", 0.0)];
        assert_eq!(pair(&labels, &finds), [Some(1), None]);
    }

    #[test]
    fn a_label_without_a_place_takes_the_surest_detection_left() {
        let nowhere = Label { text: Some("A".into()), ..Label::default() };
        let finds = [found(0.0, 0.5, "A", 0.9), found(300.0, 0.8, "B", 0.9)];
        assert_eq!(pair(std::slice::from_ref(&nowhere), &finds), [Some(1)]);
        assert_eq!(pair(&[nowhere], &[]), [None]);
    }

    #[test]
    fn counts() {
        struct Case {
            labels: Vec<Label>,
            found: Vec<Found>,
            // labelled, found, detections, unlabelled, false reads, texts, exact, folded, wrong characters
            expected: [usize; 9],
        }
        for case in [
            Case { labels: vec![], found: vec![], expected: [0; 9] },
            Case {
                labels: vec![label(0.0, "AB10")],
                found: vec![found(3.0, 0.9, "AB10", 0.9)],
                expected: [1, 1, 1, 0, 0, 1, 1, 1, 0],
            },
            // O for 0; and a sign read as a plate
            Case {
                labels: vec![label(0.0, "AB10")],
                found: vec![found(3.0, 0.9, "AB1O", 0.9), found(300.0, 0.6, "STOP", 0.8)],
                expected: [1, 1, 2, 1, 1, 1, 0, 1, 1],
            },
            // not found: all characters are wrong; a doubtful read elsewhere is no false read
            Case {
                labels: vec![label(0.0, "AB10")],
                found: vec![found(300.0, 0.6, "STOP", 0.2)],
                expected: [1, 0, 1, 1, 0, 1, 0, 0, 4],
            },
            // a label without text counts for finding only
            Case {
                labels: vec![label(0.0, "")],
                found: vec![found(0.0, 0.6, "XX", 0.9)],
                expected: [1, 1, 1, 0, 0, 0, 0, 0, 0],
            },
        ] {
            let (t, by_width) = score(&case.labels, &case.found, 0.5);
            let h = t.human;
            let got = [
                t.labelled,
                t.found,
                t.detections,
                t.unlabelled,
                t.false_reads,
                h.plates,
                h.exact,
                h.folded,
                h.wrong_characters,
            ];
            assert_eq!(got, case.expected, "{:?}", case.found);
            assert_eq!(by_width.values().map(|t| t.labelled).sum::<usize>(), t.labelled);
        }
    }

    #[test]
    fn silver_texts_are_counted_apart() {
        let silver = Label { bbox: Some(Rect::new(0.0, 0.0, 50.0, 9.0)), text: None, silver: Some("AB1".into()) };
        let (tally, by_width) = score(&[silver], &[found(0.0, 0.9, "AB1", 0.9)], 0.5);
        assert_eq!((tally.human.plates, tally.silver.plates, tally.silver.exact), (0, 1, 0));
        assert_eq!(by_width.keys().copied().collect::<Vec<_>>(), [1], "50 pixels are in the bucket up to 60");
    }

    #[test]
    fn rates_of_nothing_do_not_divide_by_zero() {
        let none = Tally::default();
        assert_eq!((none.recall(), none.precision(), none.human.character_accuracy()), (0.0, 0.0, 1.0));
    }
}
