//! From the outputs of a network to readings.

use super::steps::Steps;
use super::{Alphabet, Lattice, Reading, RegionGuess};
use crate::contract::{DecodeError, Output, ReaderContract, ReaderHead, Trust};

/// One reading for each of `n_crops` crops that were run together.
///
/// The confidence of a reading is the product of the largest probability of each of its positions. Time steps of CTC
/// readers are collapsed: each character becomes one position with the probabilities of its clearest step, the blank
/// being the pad. Those of readers that end their text are one position a character. `trust` is of this model, from one run to
/// the next.
///
/// # Errors
///
/// [`DecodeError`] when an output is missing or has another shape than the contract says, and where several runs of a CTC reader,
/// before any good one, had their blank at the other end of the classes or were texts with an end.
pub fn decode(
    contract: &ReaderContract,
    outputs: &[Output<'_>],
    n_crops: usize,
    trust: &mut Trust,
) -> Result<Vec<Reading>, DecodeError> {
    let alphabet = &contract.alphabet;
    let (lattices, region) = match &contract.head {
        ReaderHead::Slots { output, slots, pad, region } => {
            (slot_lattices(&Output::find(outputs, output)?, alphabet, *slots, *pad, n_crops)?, region.as_deref())
        }
        ReaderHead::Ctc { output, columns, transposed } => {
            let steps = Steps::of(&Output::find(outputs, output)?, columns.len(), *transposed, n_crops)?;
            (ctc_lattices(&steps, output, alphabet, columns, trust)?, None)
        }
        ReaderHead::Sequence { output, columns, end } => {
            let steps = Steps::of(&Output::find(outputs, output)?, columns.len(), false, n_crops)?;
            (sequence_lattices(&steps, alphabet, columns, *end), None)
        }
        ReaderHead::CtcBest { classes, scores } => {
            let (classes, scores) = (Output::find(outputs, classes)?, Output::find(outputs, scores)?);
            (best_lattices(&classes, &scores, alphabet, n_crops)?, None)
        }
    };
    let mut regions = match region {
        Some(name) => region_guesses(&Output::find(outputs, name)?, &contract.regions, n_crops)?,
        None => vec![None; n_crops],
    };
    let readings = lattices.into_iter().zip(regions.iter_mut());
    Ok(readings
        .map(|(lattice, region)| {
            let (text, confidence) = lattice.best();
            Reading { text, confidence, lattice, region: region.take() }
        })
        .collect())
}

/// Makes rows of `classes` values probabilities: softmax where they are not, sums of 1 where they almost are. A row
/// with a number that is not finite becomes uniform.
fn probabilities(values: &mut [f32], classes: usize) {
    let almost =
        |row: &[f32]| row.iter().all(|v| (-1e-3..=1.01).contains(v)) && (0.8..=1.2).contains(&row.iter().sum::<f32>());
    // One row alone may look right by chance: all of them decide.
    let logits = !values.chunks_exact(classes).all(almost);
    for row in values.chunks_exact_mut(classes) {
        if !row.iter().all(|v| v.is_finite()) {
            row.fill(1.0 / classes as f32);
            continue;
        }
        if logits {
            let top = row.iter().copied().fold(f32::MIN, f32::max);
            row.iter_mut().for_each(|v| *v = (*v - top).exp());
        } else {
            row.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
    }
}

/// Appends `row` to `out` with the class `pad` moved to the end.
fn push_row(out: &mut Vec<f32>, row: &[f32], pad: usize) {
    out.extend_from_slice(&row[..pad]);
    out.extend_from_slice(&row[pad + 1..]);
    out.push(row[pad]);
}

fn slot_lattices(
    output: &Output<'_>,
    alphabet: &Alphabet,
    slots: usize,
    pad: usize,
    n_crops: usize,
) -> Result<Vec<Lattice>, DecodeError> {
    let classes = alphabet.symbols().len() + 1;
    let expected = format!("float32 [{n_crops}, {slots}, {classes}]");
    let mut values = output.floats(&expected)?.to_vec();
    if output.shape.first() != Some(&n_crops) || values.len() != n_crops * slots * classes || pad >= classes {
        return Err(output.unexpected(expected));
    }
    probabilities(&mut values, classes);
    let lattice = |crop: &[f32]| {
        let mut probs = Vec::with_capacity(crop.len());
        crop.chunks_exact(classes).for_each(|row| push_row(&mut probs, row, pad));
        Lattice { alphabet: alphabet.clone(), probs }
    };
    Ok(values.chunks_exact(slots * classes).map(lattice).collect())
}

fn ctc_lattices(
    steps: &Steps<'_>,
    output: &str,
    alphabet: &Alphabet,
    columns: &[u32],
    trust: &mut Trust,
) -> Result<Vec<Lattice>, DecodeError> {
    let blank = alphabet.symbols().len();
    if !trust.is_proven() {
        // The classes of what no plate has count as blanks too; the blank itself is at one end.
        let at_end =
            if columns.first().is_some_and(|column| *column as usize == blank) { 0 } else { columns.len() - 1 };
        if let Some(end) = steps.ended(at_end) {
            if trust.doubt() {
                return Err(DecodeError::Ended { output: output.to_owned(), end: end_name(end) });
            }
        } else if let Some(end) = other_blank(steps, columns, blank, trust) {
            return Err(DecodeError::Blank { output: output.to_owned(), end: end_name(end) });
        }
    }
    let one = |crop: usize| {
        let mut rows = steps.rows(crop);
        probabilities(&mut rows, steps.classes);
        collapse(&folded(&rows, columns, blank + 1), alphabet)
    };
    Ok((0..steps.crops).map(one).collect())
}

/// How `blank` is set for the class `end`.
const fn end_name(end: usize) -> &'static str {
    if end == 0 { "first" } else { "last" }
}

/// Sums of the probabilities of the classes that are one symbol, `width` columns a row.
fn folded(rows: &[f32], columns: &[u32], width: usize) -> Vec<f32> {
    let mut folded = vec![0.0; rows.len() / columns.len().max(1) * width];
    for (row, folded) in rows.chunks_exact(columns.len()).zip(folded.chunks_exact_mut(width)) {
        for (p, &column) in row.iter().zip(columns) {
            folded[column as usize] += p;
        }
        // Sums of thousands of small numbers round.
        folded.iter_mut().for_each(|p| *p = p.min(1.0));
    }
    folded
}

/// The characters before the first step whose best class is `end`, but for those that no plate has.
fn sequence_lattices(steps: &Steps<'_>, alphabet: &Alphabet, columns: &[u32], end: usize) -> Vec<Lattice> {
    let width = alphabet.symbols().len() + 1;
    let one = |crop: usize| {
        let mut rows = steps.rows(crop);
        probabilities(&mut rows, steps.classes);
        let text: Vec<f32> =
            rows.chunks_exact(steps.classes).take_while(|row| largest(row) != end).flatten().copied().collect();
        let folded = folded(&text, columns, width);
        let probs = folded.chunks_exact(width).filter(|row| largest(row) != width - 1).flatten().copied().collect();
        Lattice { alphabet: alphabet.clone(), probs }
    };
    (0..steps.crops).map(one).collect()
}

/// Index of the largest value, the first of equals.
fn largest(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best })
}

/// The end of the classes that behaves as the blank does, where those that should, `blank`, never are the best: symbols would be
/// read as their neighbours. The first symbol of the alphabet, in the place of the blank, is the best now and then; so
/// several runs tell it. Steps without one clear best class tell nothing.
fn other_blank(steps: &Steps<'_>, columns: &[u32], blank: usize, trust: &mut Trust) -> Option<usize> {
    /// Of so few steps none can be said to have been a blank.
    const FEW: usize = 5;
    let is_blank = |class: usize| columns.get(class).is_some_and(|column| *column as usize == blank);
    let last = columns.len().checked_sub(1)?;
    let other = match (is_blank(0), is_blank(last)) {
        (true, false) => last,
        (false, true) => 0,
        _ => return None,
    };
    let (mut told, mut others, mut blanks) = (0, 0, 0);
    for class in (0..steps.crops).flat_map(|crop| steps.clear_bests(crop)).flatten() {
        told += 1;
        others += usize::from(class == other);
        blanks += usize::from(is_blank(class));
    }
    if blanks > others {
        trust.prove();
    }
    let strange = told > FEW && others * 2 > told && blanks == 0;
    (strange && trust.doubt()).then_some(other)
}

/// One position for every run of steps whose best column is the same symbol: the step where it is clearest. The last
/// column is the blank.
fn collapse(rows: &[f32], alphabet: &Alphabet) -> Lattice {
    let width = alphabet.symbols().len() + 1;
    let mut probs = Vec::new();
    // The symbol of the run and its clearest step so far.
    let mut run: Option<(usize, &[f32])> = None;
    for row in rows.chunks_exact(width) {
        let best = largest(row);
        match &mut run {
            Some((symbol, clearest)) if *symbol == best => {
                if row[best] > clearest[best] {
                    *clearest = row;
                }
            }
            _ => {
                probs.extend(run.take().into_iter().flat_map(|(_, clearest)| clearest));
                run = (best != width - 1).then_some((best, row));
            }
        }
    }
    probs.extend(run.into_iter().flat_map(|(_, clearest)| clearest));
    Lattice { alphabet: alphabet.clone(), probs }
}

/// Lattices from best classes alone: what the best class leaves is shared by all others.
fn best_lattices(
    ids: &Output<'_>,
    scores: &Output<'_>,
    alphabet: &Alphabet,
    n_crops: usize,
) -> Result<Vec<Lattice>, DecodeError> {
    let blank = alphabet.symbols().len();
    let width = blank + 1;
    let expected = format!("float32 [{n_crops}, steps]");
    let values = scores.floats(&expected)?;
    let &[n, steps] = scores.shape else { return Err(scores.unexpected(expected)) };
    if n != n_crops {
        return Err(scores.unexpected(expected));
    }
    if ids.data.len() != values.len() {
        return Err(ids.unexpected(format!("integers [{n_crops}, {steps}]")));
    }
    let one = |crop: usize| {
        let mut rows = Vec::with_capacity(steps * width);
        for (i, &p) in values.iter().enumerate().skip(crop * steps).take(steps) {
            // An index outside is no symbol and NaN no probability; below 1 / width the best could not be the best.
            let id = ids.number(i);
            let known = p.is_finite() && (0.0..width as f32).contains(&id);
            let (best, p) = if known { (id as usize, p.clamp(1.0 / width as f32, 1.0)) } else { (blank, 1.0) };
            let rest = (1.0 - p) / blank.max(1) as f32;
            rows.extend((0..width).map(|c| if c == best { p } else { rest }));
        }
        collapse(&rows, alphabet)
    };
    Ok((0..n_crops).map(one).collect())
}

/// The most probable region of every crop, where it has a code.
fn region_guesses(
    output: &Output<'_>,
    regions: &[String],
    n_crops: usize,
) -> Result<Vec<Option<RegionGuess>>, DecodeError> {
    let expected = format!("float32 [{n_crops}, {}]", regions.len());
    let mut values = output.floats(&expected)?.to_vec();
    if regions.is_empty() || output.shape != [n_crops, regions.len()] {
        return Err(output.unexpected(expected));
    }
    probabilities(&mut values, regions.len());
    let guess = |row: &[f32]| {
        let best = largest(row);
        let code = &regions[best];
        (!code.is_empty()).then(|| RegionGuess { code: code.clone(), confidence: row[best] })
    };
    Ok(values.chunks_exact(regions.len()).map(guess).collect())
}
