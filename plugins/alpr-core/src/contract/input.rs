//! What a network wants to see: from pixels of a frame to the values of its input tensor.

use std::fmt;

use super::Element;
use crate::geometry::{Point, Quad, Rect};
use crate::image::{Frame, rectify, resample};

/// Order of the dimensions of an image tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
    /// Batch, width, height, channels: readers of Keras, whose time steps are their first axis.
    Nwhc,
}

/// Order of the colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel of luma.
    Gray,
}

impl ColorOrder {
    /// Channels of the tensor.
    pub const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            _ => 3,
        }
    }
}

/// How a picture is fitted into the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// Keep the ratio, centre, pad both sides.
    Letterbox,
    /// Keep the ratio, top left corner, pad right and bottom.
    LetterboxTopLeft,
    /// Use the full height, keep the ratio unless that is too wide, pad right.
    FitHeight,
    /// Fill the input, whatever the ratio.
    Stretch,
}

/// One image input.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Name in the graph.
    pub name: String,
    /// Order of dimensions.
    pub layout: Layout,
    /// [`Element::F32`] or [`Element::U8`].
    pub element: Element,
    /// Order of channels.
    pub color: ColorOrder,
    /// How pictures are fitted in.
    pub resize: Resize,
    /// Value of padding, 0 to 255 on the same scale as pixels.
    pub pad: f32,
    /// Subtracted from pixels of 0 to 255, per channel in tensor order. Only for float inputs.
    pub mean: [f32; 3],
    /// Multiplied after that. Only for float inputs.
    pub scale: [f32; 3],
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Size of a batch where the model fixes it; `None` where any number of pictures may be run at once.
    pub batch: Option<usize>,
    /// How far the size may change; `None` where the model or the user fixes it, or pictures are stretched.
    pub flexible: Option<Flexible>,
}

/// What an input of any size costs at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flexible {
    /// Width and height are multiples of this, in pixels.
    pub step: usize,
    /// Most pixels.
    pub area: usize,
}

impl Flexible {
    /// Width and height in which a picture of `w` × `h` pixels appears largest; of equals the smallest.
    fn size(self, w: f32, h: f32) -> Option<(usize, usize)> {
        let sides = (self.step..=self.area / self.step).step_by(self.step);
        sides
            .map(|width| (width, self.area / width / self.step * self.step))
            .max_by(|a, b| {
                let ratio = |size: &(usize, usize)| (size.0 as f32 / w).min(size.1 as f32 / h);
                ratio(a).total_cmp(&ratio(b)).then((b.0 * b.1).cmp(&(a.0 * a.1)))
            })
            .filter(|&(_, height)| height > 0)
    }
}

/// Values of an input tensor: one picture after the other. Keep it between runs so that its memory is used again.
#[derive(Clone, Debug, PartialEq)]
pub enum InputBuffer {
    /// For float inputs.
    F32(Vec<f32>),
    /// For byte inputs.
    U8(Vec<u8>),
}

impl InputBuffer {
    /// An empty buffer of the type that `input` wants.
    pub const fn new(input: &Input) -> Self {
        match input.element {
            Element::U8 => Self::U8(Vec::new()),
            _ => Self::F32(Vec::new()),
        }
    }

    /// Forgets all pictures and keeps the memory.
    pub fn clear(&mut self) {
        match self {
            Self::F32(v) => v.clear(),
            Self::U8(v) => v.clear(),
        }
    }
}

/// The way back from network pixels to frame pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    /// Frame pixels a network pixel, horizontally.
    pub scale_x: f32,
    /// Frame pixels a network pixel, vertically.
    pub scale_y: f32,
    /// Where network pixel (0, 0) lies in the frame.
    pub origin: Point,
    /// The part of the frame that the network saw.
    pub region: Rect,
}

impl Mapping {
    /// A position in network pixels as a position in the frame.
    pub const fn point(&self, x: f32, y: f32) -> Point {
        Point::new(self.origin.x + x * self.scale_x, self.origin.y + y * self.scale_y)
    }

    /// A box in network pixels as a box in the frame, not cut at its edges.
    pub const fn rect(&self, rect: &Rect) -> Rect {
        let p = self.point(rect.x, rect.y);
        Rect::new(p.x, p.y, rect.w * self.scale_x, rect.h * self.scale_y)
    }
}

/// Where the picture lies inside the input.
struct Placement {
    x: usize,
    y: usize,
    w: usize,
    h: usize,
}

impl Input {
    /// Values of one picture.
    pub const fn len(&self) -> usize {
        self.width * self.height * self.color.channels()
    }

    /// Whether a picture has no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensor's shape for `n` pictures.
    pub const fn shape(&self, n: usize) -> [usize; 4] {
        match self.layout {
            Layout::Nchw => [n, self.color.channels(), self.height, self.width],
            Layout::Nhwc => [n, self.height, self.width, self.color.channels()],
            Layout::Nwhc => [n, self.width, self.height, self.color.channels()],
        }
    }

    /// Takes the shape in which a picture of `w` × `h` pixels appears largest, where the size is free and the ratio is kept.
    ///
    /// A standing picture, letterboxed into a lying input, would lose half of its size. `reduction` makes both sides so
    /// many times smaller than the model's usual ones.
    pub fn adapt(&mut self, w: f32, h: f32, reduction: usize) {
        let free = self.flexible.filter(|_| w > 0.0 && h > 0.0);
        let smaller = |free: Flexible| Flexible { area: free.area / (reduction * reduction), ..free };
        let size = free.map(smaller).and_then(|free| free.size(w, h));
        (self.width, self.height) = size.unwrap_or((self.width, self.height));
    }

    /// Appends the part `region` (frame pixels) of `frame` to `out` as one more picture and tells the way back.
    ///
    /// A region that is empty or not finite stands for the whole frame. When `out` is of the other type than this input
    /// (see [`InputBuffer::new`]) it is replaced.
    pub fn fill(&self, frame: &Frame<'_>, region: &Rect, out: &mut InputBuffer) -> Mapping {
        let region = if region.is_finite() && region.area() > 0.0 {
            *region
        } else {
            Rect::new(0.0, 0.0, frame.width() as f32, frame.height() as f32)
        };
        let place = self.place(region.w, region.h);
        let mut writer = Writer::new(self, &place, out);
        resample(frame, &region, place.w, place.h, |y, rgb| writer.row(y, rgb));
        let (scale_x, scale_y) = (region.w / place.w as f32, region.h / place.h as f32);
        let origin = Point::new(region.x - place.x as f32 * scale_x, region.y - place.y as f32 * scale_y);
        Mapping { scale_x, scale_y, origin, region }
    }

    /// Appends the straightened inside of `quad` (frame pixels) to `out` as one more picture; see [`rectify`].
    pub fn fill_crop(&self, frame: &Frame<'_>, quad: &Quad, out: &mut InputBuffer) {
        let [tl, tr, br, bl] = quad.0;
        let width = (tl.distance(tr) + bl.distance(br)) / 2.0;
        let height = (tl.distance(bl) + tr.distance(br)) / 2.0;
        let place = self.place(width, height);
        let mut pixels = Vec::new();
        rectify(frame, quad, place.w, place.h, &mut pixels);
        let mut writer = Writer::new(self, &place, out);
        let mut rows = [vec![0.0; place.w], vec![0.0; place.w], vec![0.0; place.w]];
        for (y, line) in pixels.chunks_exact(place.w * 3).enumerate() {
            for (c, row) in rows.iter_mut().enumerate() {
                for (value, pixel) in row.iter_mut().zip(line.chunks_exact(3)) {
                    *value = f32::from(pixel[c]);
                }
            }
            let [r, g, b] = &rows;
            writer.row(y, [r, g, b]);
        }
    }

    /// Fits a picture of `w` × `h` pixels in; at least one pixel of it stays.
    fn place(&self, w: f32, h: f32) -> Placement {
        let (full_w, full_h) = (self.width, self.height);
        let whole = Placement { x: 0, y: 0, w: full_w, h: full_h };
        if !(w > 0.0 && h > 0.0) {
            return whole;
        }
        let ratio = (full_w as f32 / w).min(full_h as f32 / h);
        let fit = |length: f32, full: usize| (length as usize).clamp(1, full);
        match self.resize {
            Resize::Stretch => whole,
            Resize::Letterbox => {
                let (w, h) = (fit((w * ratio).round(), full_w), fit((h * ratio).round(), full_h));
                // An odd rest goes right and below, as the common implementation's ±0.1 makes it.
                Placement { x: (full_w - w) / 2, y: (full_h - h) / 2, w, h }
            }
            // This family cuts sizes off where others round.
            Resize::LetterboxTopLeft => Placement { x: 0, y: 0, w: fit(w * ratio, full_w), h: fit(h * ratio, full_h) },
            Resize::FitHeight => Placement { x: 0, y: 0, w: fit((full_h as f32 * w / h).ceil(), full_w), h: full_h },
        }
    }
}

/// Writes rows of RGB into one picture of a buffer.
struct Writer<'a> {
    input: &'a Input,
    x: usize,
    y: usize,
    picture: Picture<'a>,
}

enum Picture<'a> {
    F32(&'a mut [f32]),
    U8(&'a mut [u8]),
}

impl<'a> Writer<'a> {
    fn new(input: &'a Input, place: &Placement, out: &'a mut InputBuffer) -> Self {
        if matches!(out, InputBuffer::U8(_)) != (input.element == Element::U8) {
            *out = InputBuffer::new(input);
        }
        let picture = match out {
            InputBuffer::F32(values) => {
                let start = values.len();
                values.resize(start + input.len(), 0.0);
                let picture = &mut values[start..];
                if place.w < input.width || place.h < input.height {
                    input.pad_floats(picture);
                }
                Picture::F32(picture)
            }
            InputBuffer::U8(values) => {
                let start = values.len();
                values.resize(start + input.len(), input.pad as u8);
                Picture::U8(&mut values[start..])
            }
        };
        Self { input, x: place.x, y: place.y, picture }
    }

    fn row(&mut self, y: usize, [r, g, b]: [&[f32]; 3]) {
        let luma: Vec<f32>;
        let channels: &[&[f32]] = match self.input.color {
            ColorOrder::Rgb => &[r, g, b],
            ColorOrder::Bgr => &[b, g, r],
            ColorOrder::Gray => {
                luma = r.iter().zip(g).zip(b).map(|((r, g), b)| 0.299 * r + 0.587 * g + 0.114 * b).collect();
                &[&luma]
            }
        };
        let y = y + self.y;
        for (c, values) in channels.iter().enumerate() {
            let (start, step) = self.input.position(c, self.x, y);
            let (mean, scale) = (self.input.mean[c], self.input.scale[c]);
            match &mut self.picture {
                Picture::F32(out) if step == 1 => {
                    for (out, v) in out[start..start + values.len()].iter_mut().zip(*values) {
                        *out = (v - mean) * scale;
                    }
                }
                Picture::F32(out) => {
                    for (out, v) in out[start..].iter_mut().step_by(step).zip(*values) {
                        *out = (v - mean) * scale;
                    }
                }
                Picture::U8(out) => {
                    for (out, v) in out[start..].iter_mut().step_by(step).zip(*values) {
                        *out = (v + 0.5) as u8;
                    }
                }
            }
        }
    }
}

impl Input {
    /// Index of the value of channel `c` at (`x`, `y`), and how far to the value at (`x` + 1, `y`).
    const fn position(&self, c: usize, x: usize, y: usize) -> (usize, usize) {
        match self.layout {
            Layout::Nchw => ((c * self.height + y) * self.width + x, 1),
            Layout::Nhwc => {
                let channels = self.color.channels();
                ((y * self.width + x) * channels + c, channels)
            }
            Layout::Nwhc => {
                let channels = self.color.channels();
                ((x * self.height + y) * channels + c, self.height * channels)
            }
        }
    }

    fn pad_floats(&self, picture: &mut [f32]) {
        let value = |c: usize| (self.pad - self.mean[c]) * self.scale[c];
        match self.layout {
            Layout::Nchw => {
                for (c, plane) in picture.chunks_exact_mut(self.width * self.height).enumerate() {
                    plane.fill(value(c));
                }
            }
            Layout::Nhwc | Layout::Nwhc => {
                for pixel in picture.chunks_exact_mut(self.color.channels()) {
                    for (c, v) in pixel.iter_mut().enumerate() {
                        *v = value(c);
                    }
                }
            }
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let color = match self.color {
            ColorOrder::Rgb => "RGB",
            ColorOrder::Bgr => "BGR",
            ColorOrder::Gray => "gray",
        };
        let layout = match self.layout {
            Layout::Nchw => "NCHW",
            Layout::Nhwc => "NHWC",
            Layout::Nwhc => "NWHC",
        };
        let resize = match self.resize {
            Resize::Letterbox => "letterbox",
            Resize::LetterboxTopLeft => "letterbox-top-left",
            Resize::FitHeight => "fit-height",
            Resize::Stretch => "stretch",
        };
        write!(f, "{} {}x{} {color} {layout} {}", self.name, self.width, self.height, self.element.name())?;
        if self.element != Element::U8 {
            // The sum makes a minus zero a zero.
            let value = |pixel: f32| (pixel - self.mean[0]) * self.scale[0] + 0.0;
            write!(f, " {:.2} to {:.2}", value(0.0), value(255.0))?;
        }
        write!(f, ", {resize}")?;
        if self.resize != Resize::Stretch {
            write!(f, " pad {}", self.pad)?;
        }
        Ok(())
    }
}
