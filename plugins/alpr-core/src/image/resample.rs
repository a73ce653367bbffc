//! Scaling a part of a frame to rows of RGB in one pass, without a copy of the frame.
//!
//! Rows first: the source rows under one output row are added up as bytes, with weights that sum to 256, in 16-bit
//! sums; this touches every source byte once and the compiler turns it into vector code. Then columns, as floats, a few
//! taps an output pixel. Then colours.

use super::color::ToRgb;
use super::frame::{Channel, Frame};
use crate::geometry::Rect;

/// Down to this scale pixels are interpolated; from there on the mean over the pixel's area is taken, because
/// interpolation would step over source pixels.
const AREA_FROM: f32 = 1.5;

/// Sum of the weights of a row: the largest with which 255 still fits 16 bits.
const ROW_UNIT: f32 = 256.0;

/// Weights of source samples for every output sample along one axis.
struct Axis {
    /// First source sample of each output.
    start: Vec<usize>,
    /// `taps` weights an output, summing to 1.
    weights: Vec<f32>,
    taps: usize,
}

impl Axis {
    /// Maps `out` samples onto `length` source samples from `origin`, of which there are `size`. Samples outside take
    /// the value at the edge.
    fn new(origin: f32, length: f32, out: usize, size: usize) -> Self {
        let scale = length / out as f32;
        let last = (size - 1) as f32;
        let area = scale > AREA_FROM;
        let mut rows = Vec::with_capacity(out);
        for i in 0..out {
            let (from, to) = (origin + i as f32 * scale, origin + (i + 1) as f32 * scale);
            let center = (from + to) / 2.0 - 0.5;
            // The share of source pixel x (which spans x to x + 1) in the output pixel, or its nearness to the centre.
            let weight =
                |x: f32| if area { (x + 1.0).min(to) - x.max(from) } else { 1.0 - (x - center).abs() }.max(0.0);
            let (low, high) = if area { (from, to.ceil() - 1.0) } else { (center, center + 1.0) };
            // Samples outside all fall on the edge; far outside there is no need to count them one by one.
            let low = low.floor().clamp(-1.0 - last, last);
            let high = high.floor().clamp(low, 2.0 * last + 1.0);
            let start = low.max(0.0) as usize;
            let mut taps = vec![0.0_f32; high.clamp(0.0, last) as usize - start + 1];
            let mut x = low;
            while x <= high {
                taps[x.clamp(0.0, last) as usize - start] += weight(x);
                x += 1.0;
            }
            rows.push((start, taps));
        }
        Self::pack(rows, size)
    }

    /// Gives every output the same number of taps, so that loops have a fixed length.
    fn pack(rows: Vec<(usize, Vec<f32>)>, size: usize) -> Self {
        let taps = rows.iter().map(|(_, t)| t.len()).max().unwrap_or(1);
        let mut axis = Self { start: Vec::with_capacity(rows.len()), weights: vec![0.0; taps * rows.len()], taps };
        for ((start, own), weights) in rows.into_iter().zip(axis.weights.chunks_exact_mut(taps)) {
            let first = start.min(size - taps);
            let sum: f32 = own.iter().sum();
            for (k, w) in own.iter().enumerate() {
                weights[start - first + k] = if sum > 0.0 { w / sum } else { 1.0 / own.len() as f32 };
            }
            axis.start.push(first);
        }
        axis
    }

    /// Source samples that any output needs: first and one past the last.
    fn span(&self) -> (usize, usize) {
        let first = self.start.iter().copied().min().unwrap_or(0);
        (first, self.start.iter().copied().max().unwrap_or(0) + self.taps)
    }
}

/// The weights of an axis as whole numbers that sum to exactly [`ROW_UNIT`] for every output.
fn integer_weights(axis: &Axis) -> Vec<u16> {
    let mut out = Vec::with_capacity(axis.weights.len());
    for weights in axis.weights.chunks_exact(axis.taps) {
        let (mut sum, mut given) = (0.0, 0.0);
        for w in weights {
            // Rounding the running sum keeps the total exact.
            sum += w * ROW_UNIT;
            let step: f32 = sum.round() - given;
            given += step;
            out.push(step as u16);
        }
        if let Some(last) = out.last_mut() {
            *last += (ROW_UNIT - given) as u16;
        }
    }
    out
}

/// How one plane becomes rows of its channels.
struct PlanePlan {
    plane: usize,
    rows: Axis,
    row_weights: Vec<u16>,
    columns: Vec<(Channel, Axis, usize)>,
    /// Bytes of a row that are needed.
    bytes: (usize, usize),
    sums: Vec<u16>,
}

impl PlanePlan {
    fn new(frame: &Frame<'_>, plane: usize, region: &Rect, out_w: usize, out_h: usize) -> Self {
        let axis = |origin: f32, length: f32, sub: usize, side: u32, out: usize| {
            let sub_f = sub as f32;
            Axis::new(origin / sub_f, length / sub_f, out, (side as usize).div_ceil(sub))
        };
        let mut columns = Vec::new();
        let (mut first, mut last, mut sub_y) = (usize::MAX, 0, 1);
        for (index, &channel) in frame.format().channels().iter().enumerate() {
            if channel.plane != plane {
                continue;
            }
            let columns_axis = axis(region.x, region.w, channel.sub_x, frame.width(), out_w);
            let (from, to) = columns_axis.span();
            first = first.min(from * channel.step);
            last = last.max((to - 1) * channel.step + channel.offset + 1);
            sub_y = channel.sub_y;
            columns.push((channel, columns_axis, index));
        }
        let rows = axis(region.y, region.h, sub_y, frame.height(), out_h);
        let row_weights = integer_weights(&rows);
        Self { plane, rows, row_weights, columns, bytes: (first, last), sums: vec![0; last - first] }
    }

    /// Computes row `y` of every channel of this plane.
    fn run(&mut self, frame: &Frame<'_>, y: usize, line: &mut Vec<f32>, out: &mut [Vec<f32>; 3]) {
        let taps = self.rows.taps;
        let weights = &self.row_weights[y * taps..(y + 1) * taps];
        let mut empty = true;
        for (k, &weight) in weights.iter().enumerate() {
            if weight > 0 {
                let bytes = &frame.row(self.plane, self.rows.start[y] + k)[self.bytes.0..self.bytes.1];
                if empty {
                    set_row(&mut self.sums, bytes, weight);
                } else {
                    add_row(&mut self.sums, bytes, weight);
                }
                empty = false;
            }
        }
        for (channel, axis, index) in &self.columns {
            let first = axis.span().0;
            let skip = first * channel.step + channel.offset - self.bytes.0;
            gather(&self.sums[skip..], channel.step, axis.span().1 - first, line);
            columns(line, axis, first, &mut out[*index]);
        }
    }
}

fn set_row(sums: &mut [u16], bytes: &[u8], weight: u16) {
    for (sum, &byte) in sums.iter_mut().zip(bytes) {
        *sum = u16::from(byte).wrapping_mul(weight);
    }
}

fn add_row(sums: &mut [u16], bytes: &[u8], weight: u16) {
    // Cannot wrap: the weights of all rows sum to 256 and 255 * 256 fits.
    for (sum, &byte) in sums.iter_mut().zip(bytes) {
        *sum = sum.wrapping_add(u16::from(byte).wrapping_mul(weight));
    }
}

/// Takes every `step`-th sum as a float of 0 to 255; `step` is a constant in each branch so that loops vectorise.
fn gather(sums: &[u16], step: usize, count: usize, line: &mut Vec<f32>) {
    fn strided<const STEP: usize>(sums: &[u16], line: &mut [f32]) {
        let last = line.len() - 1;
        for (value, group) in line[..last].iter_mut().zip(sums.chunks_exact(STEP)) {
            *value = f32::from(group[0]) * (1.0 / ROW_UNIT);
        }
        line[last] = f32::from(sums[last * STEP]) * (1.0 / ROW_UNIT);
    }
    line.resize(count, 0.0);
    match step {
        1 => strided::<1>(sums, line),
        2 => strided::<2>(sums, line),
        3 => strided::<3>(sums, line),
        _ => strided::<4>(sums, line),
    }
}

/// Weighs the samples under every output pixel; `line[0]` is source sample `first`.
fn columns(line: &[f32], axis: &Axis, first: usize, out: &mut [f32]) {
    fn fixed<const TAPS: usize>(line: &[f32], axis: &Axis, first: usize, out: &mut [f32]) {
        let weights = axis.weights.as_chunks::<TAPS>().0;
        for ((value, weights), &start) in out.iter_mut().zip(weights).zip(&axis.start) {
            let samples = &line[start - first..start - first + TAPS];
            *value = samples.iter().zip(weights).map(|(s, w)| s * w).sum();
        }
    }
    match axis.taps {
        1 => fixed::<1>(line, axis, first, out),
        2 => fixed::<2>(line, axis, first, out),
        3 => fixed::<3>(line, axis, first, out),
        4 => fixed::<4>(line, axis, first, out),
        5 => fixed::<5>(line, axis, first, out),
        6 => fixed::<6>(line, axis, first, out),
        taps => {
            for ((value, weights), &start) in out.iter_mut().zip(axis.weights.chunks_exact(taps)).zip(&axis.start) {
                let samples = &line[start - first..start - first + taps];
                *value = samples.iter().zip(weights).map(|(s, w)| s * w).sum();
            }
        }
    }
}

/// Scales `region` of `frame` to `out_w` × `out_h` pixels and calls `sink` with every row from the top:
/// its index and its R, G and B values, each 0 to 255 and `out_w` long.
///
/// Interpolates bilinearly up to a reduction of 1.5 and takes the mean over each pixel's area beyond, so that small
/// plates do not flicker. What lies outside the frame repeats its edge. A region that is empty or not finite stands for
/// the whole frame. Chroma samples are taken to lie in the middle of the pixels they serve.
pub fn resample(
    frame: &Frame<'_>,
    region: &Rect,
    out_w: usize,
    out_h: usize,
    mut sink: impl FnMut(usize, [&[f32]; 3]),
) {
    if out_w == 0 || out_h == 0 {
        return;
    }
    let region = if region.is_finite() && region.w > 0.0 && region.h > 0.0 {
        *region
    } else {
        Rect::new(0.0, 0.0, frame.width() as f32, frame.height() as f32)
    };
    let mut plans: Vec<_> =
        (0..frame.format().planes()).map(|p| PlanePlan::new(frame, p, &region, out_w, out_h)).collect();
    let gray = frame.format().channels().len() == 1;
    let to_rgb = ToRgb::new(frame.color());
    let mut line = Vec::new();
    let mut rows = [vec![0.0; out_w], vec![0.0; out_w], vec![0.0; out_w]];
    for y in 0..out_h {
        for plan in &mut plans {
            plan.run(frame, y, &mut line, &mut rows);
        }
        let [a, b, c] = &mut rows;
        if gray {
            to_rgb.luma_row(a);
            let luma = &a[..];
            sink(y, [luma; 3]);
        } else {
            if frame.format().is_yuv() {
                to_rgb.yuv_row(a, b, c);
            }
            sink(y, [a, b, c]);
        }
    }
}
