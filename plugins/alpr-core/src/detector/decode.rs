//! From the outputs of a network to plates in the frame.

use super::{Detection, suppress::suppress};
use crate::contract::{
    BoxFormat, Classes, CornerColumns, DecodeError, DetectorContract, DetectorHead, Finished, Input, Mapping, Output,
    Role, Rows, Score, Trust, Units,
};
use crate::geometry::{Point, Quad, Rect};

/// What to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Lowest score, 0 to 1.
    pub confidence: f32,
    /// Largest overlap of two boxes of one class, 0 to 1.
    pub iou: f32,
    /// Most boxes.
    pub max: usize,
}

/// Plates in the picture that `outputs` of one run (batch of 1) tell of, best first, in frame pixels; after them the
/// vehicles, where the model has such classes.
///
/// Boxes are cut at the region that the network saw; corners are not. Whatever is not finite, has no area or lies
/// outside is left out, as are classes that are neither. Boxes of one class that overlap by more than `thresholds.iou` are
/// reduced to the best. `trust` is of this model, from one run to the next.
///
/// # Errors
///
/// [`DecodeError`] when an output is missing or has another shape than the contract says. As long as the model has given no
/// good box: where columns of scores hold something else, where most queries are sure of the last class and that is not said to
/// stand for no object, and where several pictures had only boxes that are fractions in place of pixels. Also where several pictures had boxes of a class behind the last that has a name and none of the first, or of class 0
/// alone though that stands for no object.
pub fn decode(
    contract: &DetectorContract,
    outputs: &[Output<'_>],
    mapping: &Mapping,
    thresholds: &Thresholds,
    trust: &mut Trust,
) -> Result<Vec<Detection>, DecodeError> {
    let mut sink = Sink {
        input: &contract.input,
        classes: &contract.classes,
        mapping,
        confidence: thresholds.confidence,
        proven: trust.is_proven(),
        found: Vec::new(),
        boxes: false,
        fractions: false,
        class_0: false,
        class_above: false,
        class_behind: false,
        names: contract.labels.len(),
    };
    match &contract.head {
        DetectorHead::Rows(rows) => from_rows(rows, outputs, &mut sink)?,
        DetectorHead::Queries { boxes, logits, no_object } => {
            from_queries([boxes, logits], *no_object, outputs, &mut sink)?;
        }
        DetectorHead::Finished(head) => from_finished(head, outputs, &mut sink)?,
        DetectorHead::Grid { coverage, offsets, unit } => {
            from_grid(coverage, offsets, f32::from(*unit), outputs, &mut sink)?;
        }
    }
    match first_class(&contract.head).filter(|_| sink.names > 0) {
        Some(0) if trust.doubt_names(sink.class_0, sink.class_behind) => {
            return Err(DecodeError::Names { names: sink.names });
        }
        Some(1) if contract.classes.role(0) == Role::Other && trust.doubt_names(sink.class_above, sink.class_0) => {
            return Err(DecodeError::NoObject);
        }
        _ => {}
    }
    if sink.boxes {
        trust.prove();
    } else if sink.fractions && trust.doubt() {
        return Err(DecodeError::Fractions);
    }
    let (plates, vehicles) =
        sink.found.into_iter().partition(|found| contract.classes.role(found.class) == Role::Plate);
    let [plates, vehicles] = [plates, vehicles].map(|found| suppress(found, thresholds.iou, thresholds.max));
    Ok([plates, vehicles].concat())
}

/// The index of the first class that can be a thing, where the network itself tells the class of a box.
fn first_class(head: &DetectorHead) -> Option<u32> {
    match head {
        DetectorHead::Rows(rows) => matches!(rows.score, Score::Best { .. }).then_some(0),
        DetectorHead::Finished(head) => Some(u32::from(head.background)),
        DetectorHead::Queries { .. } | DetectorHead::Grid { .. } => None,
    }
}

/// Up to where the numbers of a box that are counted as pixels can be fractions of the picture, with what networks get wrong.
const FRACTION: f32 = 1.05;

/// Takes candidates in network pixels and keeps the good ones in frame pixels.
struct Sink<'a> {
    input: &'a Input,
    classes: &'a Classes,
    mapping: &'a Mapping,
    confidence: f32,
    /// Whether the model has given good boxes before.
    proven: bool,
    found: Vec<Detection>,
    /// Whether there were boxes that can be things in the picture.
    boxes: bool,
    /// Whether there were boxes that count pixels and look like fractions.
    fractions: bool,
    /// Whether there were boxes of class 0, of another class, and of the one behind the last that has a name.
    class_0: bool,
    class_above: bool,
    class_behind: bool,
    /// How many classes have names.
    names: usize,
}

impl Sink<'_> {
    /// Whether a score is worth looking at; false for NaN.
    fn wants(&self, score: f32) -> bool {
        score >= self.confidence && score.is_finite()
    }

    fn add(&mut self, rect: [f32; 4], format: BoxFormat, units: Units, score: f32, class: f32, corners: Option<Quad>) {
        let (sx, sy) = match units {
            Units::Pixels => (1.0, 1.0),
            Units::Normalized => (self.input.width as f32, self.input.height as f32),
        };
        // Boxes that a network cut at the first pixel begin at 0; what is centre and size may be no two corners.
        self.fractions |= units == Units::Pixels && rect.iter().all(|side| *side > 0.0 && *side <= FRACTION);
        let [a, b, c, d] = rect;
        let (x1, y1, x2, y2) = match format {
            BoxFormat::Corners => (a, b, c, d),
            BoxFormat::CornersYx => (b, a, d, c),
            BoxFormat::CenterSize => (a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0),
        };
        // Also false for NaN.
        if !(x2 > x1 && y2 > y1) {
            return;
        }
        let net = Rect::new(x1 * sx, y1 * sy, (x2 - x1) * sx, (y2 - y1) * sy);
        let bbox = self.mapping.rect(&net).intersection(&self.mapping.region);
        if !bbox.is_finite() || bbox.w < 1.0 || bbox.h < 1.0 || !class.is_finite() {
            return;
        }
        self.boxes |= units == Units::Normalized || x2.max(y2) > FRACTION;
        let corners =
            corners.map(|q| Quad(q.0.map(|p| self.mapping.point(p.x * sx, p.y * sy)))).filter(|q| plausible(q, &bbox));
        let (confidence, class) = (score.clamp(0.0, 1.0), class.max(0.0) as u32);
        self.class_0 |= class == 0;
        self.class_above |= class > 0;
        self.class_behind |= class as usize == self.names;
        if self.classes.role(class) != Role::Other {
            self.found.push(Detection { bbox, corners, confidence, class });
        }
    }
}

/// Whether corners can be those of the plate in `bbox`: finite, in order around a convex figure, and about the box.
fn plausible(quad: &Quad, bbox: &Rect) -> bool {
    let turn = |i: usize| {
        let (p, q, r) = (quad.0[i], quad.0[(i + 1) % 4], quad.0[(i + 2) % 4]);
        (q.x - p.x) * (r.y - q.y) - (q.y - p.y) * (r.x - q.x)
    };
    let finite = quad.0.iter().all(|p| p.x.is_finite() && p.y.is_finite());
    finite && (0..4).all(|i| turn(i) > 0.0) && quad.bounding_rect().iou(bbox) > 0.2
}

fn from_rows(rows: &Rows, outputs: &[Output<'_>], sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    let output = Output::find(outputs, &rows.output)?;
    let form = if rows.transposed { "[1, {}, n]" } else { "[1, n, {}] or [n, {}]" };
    let expected = format!("float32 {}", form.replace("{}", &rows.columns.to_string()));
    let values = output.floats(&expected)?;
    let count = values.len() / rows.columns;
    let given = match (rows.transposed, output.shape) {
        (true, [.., columns, _]) | (false, [.., columns]) => *columns,
        _ => 0,
    };
    let batch_of_one = output.shape.len() < 3 || output.shape[0] == 1;
    if given != rows.columns || !batch_of_one {
        return Err(output.unexpected(expected));
    }
    let at = |row: usize, column: usize| {
        if rows.transposed { values[column * count + row] } else { values[row * rows.columns + column] }
    };
    let cells = Cells::of(rows, sink.input, count, &at);
    if let (false, None) = (rows.cells.is_empty(), &cells)
        && count > 0
        && !Cells::decoded(rows, count, &at)
    {
        return Err(output.unexpected(format!("as many rows as the strides {:?} have cells", rows.cells)));
    }
    if !sink.proven
        && let Some(strange) = strange_score(&rows.score, count, &at)
    {
        return Err(DecodeError::Scores { output: rows.output.clone(), strange });
    }
    for row in 0..count {
        let (score, class) = best(&rows.score, |column| at(row, column));
        if !sink.wants(score) {
            continue;
        }
        let mut rect: [f32; 4] = std::array::from_fn(|i| at(row, rows.first + i));
        if let Some(cells) = &cells {
            rect = cells.decode(row, rect);
        }
        let corners = rows.corners.map(|CornerColumns { first, step }| {
            Quad(std::array::from_fn(|i| Point::new(at(row, first + i * step), at(row, first + i * step + 1))))
        });
        sink.add(rect, rows.format, rows.units, score, class, corners);
    }
    Ok(())
}

/// A number in place of a class's score, where a tenth of the rows have one that is far from 0 to 1: the columns are positions,
/// or what no sigmoid has gone over. A few such rows are a network's own fault. Of many rows about a thousand are looked at.
fn strange_score(score: &Score, count: usize, at: &impl Fn(usize, usize) -> f32) -> Option<f32> {
    const FAR: std::ops::RangeInclusive<f32> = -0.5..=1.5;
    let &Score::Classes { first, count: classes, .. } = score else { return None };
    let largest = |row: usize| (0..classes).map(|class| at(row, first + class)).fold(f32::NEG_INFINITY, f32::max);
    let rows = (0..count).step_by(count.div_ceil(1000).max(1));
    let few = (rows.len() / 10).max(10);
    let mut strange = rows.map(largest).filter(|score| score.is_finite() && !FAR.contains(score));
    strange.nth(few)
}

/// Score and class of a row.
fn best(score: &Score, at: impl Fn(usize) -> f32) -> (f32, f32) {
    match *score {
        Score::Best { score, class } => (at(score), at(class)),
        Score::Classes { first, count, objectness } => {
            let object = objectness.map_or(1.0, &at);
            (0..count)
                .map(|c| (at(first + c) * object, c as f32))
                .fold((f32::NEG_INFINITY, 0.0), |best, next| if next.0 > best.0 { next } else { best })
        }
    }
}

/// Cells of a grid of several strides, one candidate each.
struct Cells(Vec<(f32, f32, f32)>);

impl Cells {
    /// Offsets to a cell are small numbers; boxes that are already decoded cover the picture.
    const DECODED_FROM: f32 = 32.0;

    fn of(rows: &Rows, input: &Input, count: usize, at: &impl Fn(usize, usize) -> f32) -> Option<Self> {
        if rows.cells.is_empty() || Self::decoded(rows, count, at) {
            return None;
        }
        let mut cells = Vec::with_capacity(count);
        for &stride in &rows.cells {
            for y in 0..input.height / stride {
                cells.extend((0..input.width / stride).map(|x| (x as f32, y as f32, stride as f32)));
            }
        }
        (cells.len() == count).then_some(Self(cells))
    }

    fn decoded(rows: &Rows, count: usize, at: &impl Fn(usize, usize) -> f32) -> bool {
        (0..count).any(|row| at(row, rows.first) > Self::DECODED_FROM)
    }

    fn decode(&self, row: usize, [x, y, w, h]: [f32; 4]) -> [f32; 4] {
        let (cx, cy, stride) = self.0[row];
        [(x + cx) * stride, (y + cy) * stride, w.exp() * stride, h.exp() * stride]
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The share of `logit` among `logits`, of which it is one.
fn softmax(logit: f32, logits: &[f32]) -> f32 {
    1.0 / logits.iter().map(|other| (other - logit).exp()).sum::<f32>()
}

/// Whether most of the queries are surer of the last of their `classes` than of the others and than of nothing. No picture has as
/// many things of one class as a network has queries.
fn sure_of_last(logits: &[f32], classes: usize) -> bool {
    let queries = logits.chunks_exact(classes.max(1));
    let count = queries.len();
    let sure = queries.filter(|query| match query.split_last() {
        Some((last, others)) => *last > 0.0 && others.iter().all(|other| other < last),
        None => false,
    });
    classes > 1 && 2 * sure.count() > count
}

fn from_queries(
    [boxes, logits]: [&str; 2],
    no_object: bool,
    outputs: &[Output<'_>],
    sink: &mut Sink<'_>,
) -> Result<(), DecodeError> {
    let (boxes, logits) = (Output::find(outputs, boxes)?, Output::find(outputs, logits)?);
    let rects = boxes.floats("float32 [1, n, 4]")?;
    let scores = logits.floats("float32 [1, n, classes]")?;
    let &[1, n, 4] = boxes.shape else { return Err(boxes.unexpected("float32 [1, n, 4]")) };
    let &[1, m, classes] = logits.shape else { return Err(logits.unexpected("float32 [1, n, classes]")) };
    if n != m {
        return Err(logits.unexpected(format!("float32 [1, {n}, classes]")));
    }
    if !no_object && !sink.proven && sure_of_last(scores, classes) {
        return Err(DecodeError::Softmax { output: logits.name.to_owned() });
    }
    let count = classes - usize::from(no_object && classes > 0);
    for row in 0..n {
        let of_query = &scores[row * classes..(row + 1) * classes];
        let (logit, class) = best(&Score::Classes { first: 0, count, objectness: None }, |c| of_query[c]);
        let score = if no_object { softmax(logit, of_query) } else { sigmoid(logit) };
        if sink.wants(score) {
            let rect = std::array::from_fn(|i| rects[row * 4 + i]);
            sink.add(rect, BoxFormat::CenterSize, Units::Normalized, score, class, None);
        }
    }
    Ok(())
}

fn from_finished(head: &Finished, outputs: &[Output<'_>], sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    let (boxes, labels) = (Output::find(outputs, &head.boxes)?, Output::find(outputs, &head.labels)?);
    let n = labels.data.len();
    let columns = if head.scores.is_some() { 4 } else { 5 };
    let form = format!("float32 [1, {n}, {columns}]");
    let rects = boxes.floats(&form)?;
    if rects.len() != n * columns {
        return Err(boxes.unexpected(form));
    }
    let scores = head.scores.as_ref().map(|name| Output::find(outputs, name)).transpose()?;
    let values = scores.map(|scores| scores.floats("float32 [1, n]")).transpose()?;
    if let (Some(scores), Some(values)) = (scores, values)
        && values.len() != n
    {
        return Err(scores.unexpected(format!("float32 [1, {n}]")));
    }
    for row in 0..n {
        let score = values.map_or_else(|| rects[row * columns + 4], |values| values[row]);
        if sink.wants(score) {
            let rect = std::array::from_fn(|i| rects[row * columns + i]);
            sink.add(rect, head.format, head.units, score, labels.number(row), None);
        }
    }
    Ok(())
}

fn from_grid(
    coverage: &str,
    offsets: &str,
    unit: f32,
    outputs: &[Output<'_>],
    sink: &mut Sink<'_>,
) -> Result<(), DecodeError> {
    let (coverage, offsets) = (Output::find(outputs, coverage)?, Output::find(outputs, offsets)?);
    let scores = coverage.floats("float32 [1, classes, rows, columns]")?;
    let values = offsets.floats("float32 [1, 4 * classes, rows, columns]")?;
    let &[1, classes, rows, columns] = coverage.shape else {
        return Err(coverage.unexpected("float32 [1, classes, rows, columns]"));
    };
    if offsets.shape != [1, classes * 4, rows, columns] {
        return Err(offsets.unexpected(format!("float32 [1, {}, {rows}, {columns}]", classes * 4)));
    }
    let plane = rows * columns;
    let (step_x, step_y) =
        (sink.input.width as f32 / columns.max(1) as f32, sink.input.height as f32 / rows.max(1) as f32);
    for class in 0..classes {
        for cell in 0..plane {
            let score = scores[class * plane + cell];
            if !sink.wants(score) {
                continue;
            }
            let (cx, cy) = (((cell % columns) as f32 + 0.5) * step_x, ((cell / columns) as f32 + 0.5) * step_y);
            let at = |side: usize| values[(class * 4 + side) * plane + cell] * unit;
            let rect = [cx - at(0), cy - at(1), cx + at(2), cy + at(3)];
            sink.add(rect, BoxFormat::Corners, Units::Pixels, score, class as f32, None);
        }
    }
    Ok(())
}
