//! Pictures of buffers as frames of the core. Nothing is copied; every length is checked before it is used.

use std::fmt;

use alpr_core::image::{Color, Frame, FrameError, Matrix, PixelFormat, Plane};
use gst::memory::{MemoryMap, Readable};
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoInfo, VideoMeta};

/// The formats that are read, those that cost least first: with what decoders give, nothing has to be converted. One
/// table for caps and pictures.
pub const FORMATS: [(VideoFormat, PixelFormat); 11] = [
    (VideoFormat::Nv12, PixelFormat::Nv12),
    (VideoFormat::I420, PixelFormat::I420),
    (VideoFormat::Yv12, PixelFormat::Yv12),
    (VideoFormat::Yuy2, PixelFormat::Yuy2),
    (VideoFormat::Rgb, PixelFormat::Rgb),
    (VideoFormat::Bgr, PixelFormat::Bgr),
    (VideoFormat::Rgba, PixelFormat::Rgba),
    (VideoFormat::Bgra, PixelFormat::Bgra),
    (VideoFormat::Rgbx, PixelFormat::Rgbx),
    (VideoFormat::Bgrx, PixelFormat::Bgrx),
    (VideoFormat::Gray8, PixelFormat::Gray8),
];

/// Caps of pictures in system memory that can be read. Sides end where [`Frame::MAX_SIDE`] does.
pub fn caps() -> gst::Caps {
    gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(format, _)| format))
        .width_range(1..=Frame::MAX_SIDE as i32)
        .height_range(1..=Frame::MAX_SIDE as i32)
        .build()
}

/// Why a buffer is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// The caps have a format that is not in [`FORMATS`].
    Format(VideoFormat),
    /// The buffer's video meta contradicts the caps.
    Meta(String),
    /// Memory cannot be read.
    Memory(String),
    /// A plane is too short or its stride too small.
    Frame(FrameError),
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(f, "pictures of format {format} cannot be read"),
            Self::Meta(said) => write!(f, "its video meta does not fit: {said}"),
            Self::Memory(said) => write!(f, "its memory cannot be read: {said}"),
            Self::Frame(err) => err.fmt(f),
        }
    }
}

impl std::error::Error for PictureError {}

/// A picture of a buffer whose memory is mapped for reading.
pub struct Picture<'a> {
    maps: Vec<MemoryMap<'a, Readable>>,
    /// Of every plane: index into `maps`, offset in it, stride.
    planes: Vec<(usize, usize, usize)>,
    format: PixelFormat,
    size: (u32, u32),
    color: Color,
}

impl<'a> Picture<'a> {
    /// Maps the memory of `buffer`, whose caps are `info`. Offsets and strides come from its video meta where it has
    /// one. Planes may lie in memories of their own.
    ///
    /// # Errors
    ///
    /// [`PictureError`] except [`PictureError::Frame`].
    pub fn map(buffer: &'a gst::BufferRef, info: &VideoInfo) -> Result<Self, PictureError> {
        let format = FORMATS
            .iter()
            .find(|(format, _)| *format == info.format())
            .map(|(_, format)| *format)
            .ok_or(PictureError::Format(info.format()))?;
        let n = format.planes();
        let meta = buffer.meta::<VideoMeta>();
        let (size, offsets, strides) = match &meta {
            Some(meta) => {
                if meta.format() != info.format() || meta.n_planes() as usize != n {
                    return Err(PictureError::Meta(format!("{} instead of {}", meta.format(), info.format())));
                }
                ((meta.width(), meta.height()), meta.offset(), meta.stride())
            }
            None => ((info.width(), info.height()), info.offset(), info.stride()),
        };
        let mut picture = Self { maps: Vec::new(), planes: Vec::new(), format, size, color: color(info) };
        let mut mapped: Vec<(usize, usize)> = Vec::new();
        for (offset, stride) in offsets.iter().zip(strides).take(n) {
            let stride = usize::try_from(*stride)
                .map_err(|_| PictureError::Meta(format!("stride {stride}; bottom-up pictures cannot be read")))?;
            let (range, skip) = buffer
                .find_memory(*offset..offset.saturating_add(1))
                .ok_or_else(|| PictureError::Memory(format!("it ends before offset {offset}")))?;
            let map = match mapped.iter().find(|(memory, _)| *memory == range.start) {
                Some((_, map)) => *map,
                None => {
                    let memory = buffer.peek_memory(range.start);
                    let map = memory.map_readable().map_err(|err| PictureError::Memory(err.to_string()))?;
                    picture.maps.push(map);
                    mapped.push((range.start, picture.maps.len() - 1));
                    picture.maps.len() - 1
                }
            };
            picture.planes.push((map, skip, stride));
        }
        Ok(picture)
    }

    /// The picture.
    ///
    /// # Errors
    ///
    /// [`PictureError::Frame`] when a plane is too short.
    pub fn frame(&self) -> Result<Frame<'_>, PictureError> {
        let planes: Vec<Plane<'_>> = self
            .planes
            .iter()
            .map(|(map, skip, stride)| Plane {
                data: self.maps[*map].get(*skip..).unwrap_or_default(),
                stride: *stride,
            })
            .collect();
        Frame::new(self.format, self.size.0, self.size.1, &planes, self.color).map_err(PictureError::Frame)
    }
}

/// What the numbers of a picture mean. Where the caps do not say, GStreamer has filled in its defaults by size.
fn color(info: &VideoInfo) -> Color {
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt709 | VideoColorMatrix::Smpte240m => Matrix::Bt709,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt601,
    };
    // Grey pictures carry no matrix, and GStreamer says nothing of their range: cameras that give them use all of it.
    let full_range = match colorimetry.range() {
        VideoColorRange::Range16_235 => false,
        VideoColorRange::Range0_255 => true,
        _ => !info.is_yuv(),
    };
    Color { matrix, full_range }
}
