//! A borrowed frame whose planes have been checked once, so that sampling needs no further checks.

use std::fmt;

use super::Color;

/// How pixels lie in memory. Names are GStreamer's, in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Luma plane, then one plane of interleaved U and V at half width and height.
    Nv12,
    /// Luma plane, then U, then V, both at half width and height.
    I420,
    /// Luma plane, then V, then U, both at half width and height.
    Yv12,
    /// Packed Y U Y V, chroma at half width.
    Yuy2,
    /// Packed, 3 bytes a pixel.
    Rgb,
    /// Packed, 3 bytes a pixel.
    Bgr,
    /// Packed, 4 bytes a pixel; alpha is ignored.
    Rgba,
    /// Packed, 4 bytes a pixel; alpha is ignored.
    Bgra,
    /// Packed, 4 bytes a pixel.
    Rgbx,
    /// Packed, 4 bytes a pixel.
    Bgrx,
    /// Luma only.
    Gray8,
}

/// Where one colour channel of a format lies: which plane, which byte of it first, and how far to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    pub(super) plane: usize,
    pub(super) offset: usize,
    /// Bytes from one sample to the next.
    pub(super) step: usize,
    /// Luma pixels a sample covers horizontally.
    pub(super) sub_x: usize,
    /// Luma rows a sample covers vertically.
    pub(super) sub_y: usize,
}

const fn at(plane: usize, offset: usize, step: usize, sub_x: usize, sub_y: usize) -> Channel {
    Channel { plane, offset, step, sub_x, sub_y }
}

const fn packed(bytes: usize, first: usize, second: usize, third: usize) -> [Channel; 3] {
    [at(0, first, bytes, 1, 1), at(0, second, bytes, 1, 1), at(0, third, bytes, 1, 1)]
}

impl PixelFormat {
    /// Every format.
    pub const ALL: [Self; 11] = [
        Self::Nv12,
        Self::I420,
        Self::Yv12,
        Self::Yuy2,
        Self::Rgb,
        Self::Bgr,
        Self::Rgba,
        Self::Bgra,
        Self::Rgbx,
        Self::Bgrx,
        Self::Gray8,
    ];

    /// GStreamer's name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nv12 => "NV12",
            Self::I420 => "I420",
            Self::Yv12 => "YV12",
            Self::Yuy2 => "YUY2",
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
            Self::Rgba => "RGBA",
            Self::Bgra => "BGRA",
            Self::Rgbx => "RGBx",
            Self::Bgrx => "BGRx",
            Self::Gray8 => "GRAY8",
        }
    }

    /// Planes in memory.
    pub const fn planes(self) -> usize {
        match self {
            Self::Nv12 => 2,
            Self::I420 | Self::Yv12 => 3,
            _ => 1,
        }
    }

    /// Whether the channels are Y, U, V (or Y alone) and need [`Color`].
    pub const fn is_yuv(self) -> bool {
        matches!(self, Self::Nv12 | Self::I420 | Self::Yv12 | Self::Yuy2 | Self::Gray8)
    }

    /// Y, U, V or R, G, B, in this order; one channel for grey.
    pub(super) const fn channels(self) -> &'static [Channel] {
        const LUMA: Channel = at(0, 0, 1, 1, 1);
        match self {
            Self::Nv12 => const { &[LUMA, at(1, 0, 2, 2, 2), at(1, 1, 2, 2, 2)] },
            Self::I420 => const { &[LUMA, at(1, 0, 1, 2, 2), at(2, 0, 1, 2, 2)] },
            Self::Yv12 => const { &[LUMA, at(2, 0, 1, 2, 2), at(1, 0, 1, 2, 2)] },
            Self::Yuy2 => const { &[at(0, 0, 2, 1, 1), at(0, 1, 4, 2, 1), at(0, 3, 4, 2, 1)] },
            Self::Rgb => const { &packed(3, 0, 1, 2) },
            Self::Bgr => const { &packed(3, 2, 1, 0) },
            Self::Rgba | Self::Rgbx => const { &packed(4, 0, 1, 2) },
            Self::Bgra | Self::Bgrx => const { &packed(4, 2, 1, 0) },
            Self::Gray8 => &[LUMA],
        }
    }
}

/// One plane of a frame in memory.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// The bytes, from the first pixel of the first row; may end with the last pixel of the last row.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A frame of borrowed planes, known to hold every pixel that its size promises.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    format: PixelFormat,
    width: u32,
    height: u32,
    planes: [Plane<'a>; 3],
    color: Color,
}

/// Why planes do not make a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A side is 0 or longer than [`Frame::MAX_SIDE`].
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The format has another number of planes.
    Planes {
        /// The format.
        format: PixelFormat,
        /// Planes that were given.
        given: usize,
    },
    /// A row is longer than the stride.
    Stride {
        /// The format.
        format: PixelFormat,
        /// Index of the plane.
        plane: usize,
        /// Bytes between rows that were given.
        stride: usize,
        /// Bytes of a row.
        row: usize,
    },
    /// The plane ends before its last pixel.
    Short {
        /// The format.
        format: PixelFormat,
        /// Index of the plane.
        plane: usize,
        /// Bytes that were given.
        given: usize,
        /// Bytes that are needed.
        needed: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { width, height } => write!(
                f,
                "cannot use a frame of {width}x{height} pixels: sides from 1 to {} are accepted; scale it upstream",
                Frame::MAX_SIDE
            ),
            Self::Planes { format, given } => {
                write!(f, "cannot use {given} planes as {}: it has {}", format.name(), format.planes())
            }
            Self::Stride { format, plane, stride, row } => write!(
                f,
                "cannot use plane {plane} of {}: its stride is {stride} bytes and a row has {row}; check the video meta",
                format.name()
            ),
            Self::Short { format, plane, given, needed } => write!(
                f,
                "cannot use plane {plane} of {}: it has {given} bytes of the {needed} its size asks for; check the video meta",
                format.name()
            ),
        }
    }
}

impl std::error::Error for FrameError {}

impl<'a> Frame<'a> {
    /// Longest side in pixels.
    pub const MAX_SIDE: u32 = 16384;

    /// Checks `planes` (in memory order, as GStreamer numbers them) and makes a frame of them.
    ///
    /// `width` and `height` are in pixels, 1 to [`Self::MAX_SIDE`]; odd sides round chroma up. `color` says what YUV
    /// and grey numbers mean and is ignored for RGB formats.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when a side is out of range, the number of planes is wrong, or a plane is too short.
    pub fn new(
        format: PixelFormat,
        width: u32,
        height: u32,
        planes: &[Plane<'a>],
        color: Color,
    ) -> Result<Self, FrameError> {
        if width == 0 || height == 0 || width > Self::MAX_SIDE || height > Self::MAX_SIDE {
            return Err(FrameError::Size { width, height });
        }
        if planes.len() != format.planes() {
            return Err(FrameError::Planes { format, given: planes.len() });
        }
        for channel in format.channels() {
            let index = channel.plane;
            let Plane { data, stride } = planes[index];
            let columns = (width as usize).div_ceil(channel.sub_x);
            let rows = (height as usize).div_ceil(channel.sub_y);
            // Whole groups of bytes: the sampler reads all channels of a plane as one row of bytes.
            let row = columns * channel.step;
            if stride < row {
                return Err(FrameError::Stride { format, plane: index, stride, row });
            }
            let needed = stride.saturating_mul(rows - 1).saturating_add(row);
            if data.len() < needed {
                return Err(FrameError::Short { format, plane: index, given: data.len(), needed });
            }
        }
        let mut checked = [Plane { data: &[], stride: 0 }; 3];
        checked[..planes.len()].copy_from_slice(planes);
        Ok(Self { format, width, height, planes: checked, color })
    }

    /// The pixel format.
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Width in pixels.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// What YUV and grey numbers mean.
    pub const fn color(&self) -> Color {
        self.color
    }

    /// Bytes of plane `index`, without what lies behind its last row.
    fn plane(&self, index: usize) -> &'a [u8] {
        let Plane { data, stride } = self.planes[index];
        let channel = self.format.channels().iter().find(|channel| channel.plane == index);
        let rows = (self.height as usize).div_ceil(channel.map_or(1, |channel| channel.sub_y));
        &data[..data.len().min(stride.saturating_mul(rows))]
    }

    /// Bytes of all planes together: what [`Self::copy`] takes.
    pub fn len(&self) -> usize {
        (0..self.format.planes()).map(|index| self.plane(index).len()).sum()
    }

    /// Whether there is not one byte: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of its pixels.
    pub fn copy(&self) -> OwnedFrame {
        let planes = (0..self.format.planes()).map(|index| (self.plane(index).to_vec(), self.planes[index].stride));
        let planes = planes.collect();
        OwnedFrame { format: self.format, width: self.width, height: self.height, planes, color: self.color }
    }

    /// Bytes of row `row` of plane `plane`, from its first pixel to at least its last.
    pub(super) fn row(&self, plane: usize, row: usize) -> &'a [u8] {
        let Plane { data, stride } = self.planes[plane];
        let start = row * stride;
        &data[start..data.len().min(start + stride)]
    }
}

/// The pixels of a frame that is gone.
#[derive(Clone, Debug)]
pub struct OwnedFrame {
    format: PixelFormat,
    width: u32,
    height: u32,
    /// Bytes and stride.
    planes: Vec<(Vec<u8>, usize)>,
    color: Color,
}

impl OwnedFrame {
    /// Bytes of all planes together.
    pub fn len(&self) -> usize {
        self.planes.iter().map(|(data, _)| data.len()).sum()
    }

    /// Whether there is not one byte: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frame.
    ///
    /// # Errors
    ///
    /// Those of [`Frame::new`]; none for a copy of a frame.
    pub fn frame(&self) -> Result<Frame<'_>, FrameError> {
        let planes: Vec<Plane<'_>> = self.planes.iter().map(|(data, stride)| Plane { data, stride: *stride }).collect();
        Frame::new(self.format, self.width, self.height, &planes, self.color)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(format: PixelFormat, w: u32, h: u32, lens: &[(usize, usize)]) -> Result<(), FrameError> {
        let data = vec![0; 1 << 16];
        let planes: Vec<_> = lens.iter().map(|&(len, stride)| Plane { data: &data[..len], stride }).collect();
        Frame::new(format, w, h, &planes, Color::default()).map(|_| ())
    }

    #[test]
    fn the_last_row_needs_no_padding() {
        assert_eq!(frame(PixelFormat::Gray8, 5, 3, &[(8 + 8 + 5, 8)]), Ok(()));
        assert_eq!(
            frame(PixelFormat::Gray8, 5, 3, &[(8 + 8 + 4, 8)]),
            Err(FrameError::Short { format: PixelFormat::Gray8, plane: 0, given: 20, needed: 21 })
        );
    }

    #[test]
    fn a_copy_ends_with_the_picture() {
        let data: Vec<u8> = (0..60).collect();
        let planes = [Plane { data: &data, stride: 8 }, Plane { data: &data[24..], stride: 4 }];
        let frame = Frame::new(PixelFormat::Nv12, 3, 3, &planes, Color::default());
        let copy = frame.map(|frame| frame.copy()).ok();
        assert_eq!(copy.as_ref().map(OwnedFrame::len), Some(3 * 8 + 2 * 4));
        let rows =
            copy.as_ref().and_then(|copy| copy.frame().ok()).map(|frame| [frame.row(0, 2)[0], frame.row(1, 1)[0]]);
        assert_eq!(rows, Some([16, 28]));
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        assert_eq!(frame(PixelFormat::I420, 3, 3, &[(9, 3), (4, 2), (4, 2)]), Ok(()));
        assert_eq!(
            frame(PixelFormat::I420, 3, 3, &[(9, 3), (4, 2), (3, 2)]),
            Err(FrameError::Short { format: PixelFormat::I420, plane: 2, given: 3, needed: 4 })
        );
        assert_eq!(
            frame(PixelFormat::Nv12, 3, 3, &[(9, 3), (6, 3)]),
            Err(FrameError::Stride { format: PixelFormat::Nv12, plane: 1, stride: 3, row: 4 })
        );
    }

    #[test]
    fn sizes_and_planes_are_checked() {
        assert!(matches!(frame(PixelFormat::Rgb, 0, 3, &[(9, 9)]), Err(FrameError::Size { .. })));
        assert!(matches!(frame(PixelFormat::Rgb, 1, 16385, &[(9, 9)]), Err(FrameError::Size { .. })));
        assert!(matches!(frame(PixelFormat::Rgb, 1, 1, &[]), Err(FrameError::Planes { given: 0, .. })));
        assert!(matches!(
            frame(PixelFormat::Gray8, 1, 2, &[(9, usize::MAX)]),
            Err(FrameError::Short { needed: usize::MAX, .. })
        ));
    }
}
