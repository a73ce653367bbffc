//! Pictures of buffers as frames of the core. Nothing is copied; every length is checked before it is used.

use std::fmt;

use alpr_core::image::{Color, Frame, FrameError, Matrix, PixelFormat, Plane};
use alpr_nvds::{Surface, SurfaceError, Surfaces};
use gst::buffer::{self, BufferMap};
use gst::memory::{MemoryMap, Readable};
use gst_video::prelude::*;
use gst_video::{
    VideoBufferFlags, VideoColorMatrix, VideoColorRange, VideoFormat, VideoInfo, VideoInterlaceMode, VideoMeta,
};

use crate::meta::View;

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
    builder().build()
}

/// The same, and then DeepStream's: what its surfaces hold can be read where they are in memory that the CPU has too.
pub fn caps_with_surfaces() -> gst::Caps {
    let mut caps = caps();
    caps.make_mut().append(builder().features([alpr_nvds::FEATURE]).build());
    caps
}

fn builder() -> gst_video::VideoCapsBuilder<gst::caps::NoFeature> {
    gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(format, _)| format))
        .width_range(1..=Frame::MAX_SIDE as i32)
        .height_range(1..=Frame::MAX_SIDE as i32)
}

/// What the caps say of pictures.
#[derive(Clone, Debug)]
pub struct Format {
    info: VideoInfo,
    caps: gst::Caps,
}

impl Format {
    /// `None` when `caps` are no raw video.
    pub fn from_caps(caps: &gst::CapsRef) -> Option<Self> {
        Some(Self { info: VideoInfo::from_caps(caps).ok()?, caps: caps.to_owned() })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.info.width(), self.info.height())
    }

    /// Whether the picture in `buffer` is made of fields.
    pub fn is_interlaced(&self, buffer: &gst::BufferRef) -> bool {
        match self.info.interlace_mode() {
            VideoInterlaceMode::Progressive => false,
            VideoInterlaceMode::Mixed => buffer.video_flags().contains(VideoBufferFlags::INTERLACED),
            _ => true,
        }
    }

    /// Width of a pixel over its height.
    pub fn pixel_aspect(&self) -> gst::Fraction {
        self.info.par()
    }

    /// Frames a second.
    pub fn fps(&self) -> gst::Fraction {
        self.info.fps()
    }
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
    /// DeepStream's surface cannot be read.
    Surface(SurfaceError),
    /// The buffer holds the picture of the first frame of its batch alone.
    Batch(View),
    /// A plane is too short or its stride too small.
    Frame(FrameError),
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(f, "pictures of format {format} cannot be read"),
            Self::Meta(said) => write!(f, "its video meta does not fit: {said}"),
            Self::Memory(said) => write!(f, "its memory cannot be read: {said}"),
            Self::Surface(err) => err.fmt(f),
            Self::Batch(view) => write!(
                f,
                "it is that of source {}, and a buffer in system memory holds one picture, the first of the batch; put \
                 nvstreamdemux before, or take video/x-raw(memory:NVMM) with nvbuf-memory-type=nvbuf-mem-cuda-unified",
                view.id.source
            ),
            Self::Frame(err) => err.fmt(f),
        }
    }
}

impl std::error::Error for PictureError {}

/// A picture of a buffer whose memory is mapped for reading.
pub struct Picture<'a> {
    pixels: Pixels<'a>,
    format: PixelFormat,
    size: (u32, u32),
    color: Color,
}

/// Where the pixels are.
enum Pixels<'a> {
    Plain {
        maps: Vec<MemoryMap<'a, Readable>>,
        /// Of every plane: index into `maps`, offset in it, stride.
        planes: Vec<(usize, usize, usize)>,
    },
    /// In all memories of the buffer together, where a plane spans several.
    Joined { map: BufferMap<'a, buffer::Readable>, planes: Layout },
    /// In a surface.
    Surface(Surface<'a>),
}

impl<'a> Picture<'a> {
    /// Maps the memory of the picture `view` of `buffer`, whose caps are `format`. Offsets and strides come from its video
    /// meta where it has one, or from its surface. Planes may lie in memories of their own.
    ///
    /// # Errors
    ///
    /// [`PictureError`] except [`PictureError::Frame`].
    pub fn map(buffer: &'a gst::BufferRef, format: &Format, view: View) -> Result<Self, PictureError> {
        let info = &format.info;
        let known = FORMATS.iter().find(|(format, _)| *format == info.format());
        let pixel_format = known.map(|(_, format)| *format).ok_or(PictureError::Format(info.format()))?;
        let (pixels, size) = if alpr_nvds::is_surface(&format.caps) {
            surface(buffer, format, view)?
        } else if view.first {
            plain(buffer, info, pixel_format.planes())?
        } else {
            return Err(PictureError::Batch(view));
        };
        let mut picture = Self { pixels, format: pixel_format, size, color: color(info) };
        if buffer.n_memory() > 1 && matches!(picture.frame(), Err(PictureError::Frame(FrameError::Short { .. }))) {
            // GStreamer takes the memories that it joins out of the buffer, and never frees one that is mapped then.
            picture.pixels = Pixels::Plain { maps: Vec::new(), planes: Vec::new() };
            picture.pixels = joined(buffer, info)?;
        }
        Ok(picture)
    }

    /// The picture.
    ///
    /// # Errors
    ///
    /// [`PictureError::Frame`] when a plane is too short.
    pub fn frame(&self) -> Result<Frame<'_>, PictureError> {
        let planes: Vec<Plane<'_>> = match &self.pixels {
            Pixels::Plain { maps, planes } => planes
                .iter()
                .map(|(map, skip, stride)| Plane { data: maps[*map].get(*skip..).unwrap_or_default(), stride: *stride })
                .collect(),
            Pixels::Joined { map, planes } => planes
                .iter()
                .map(|(offset, stride)| Plane { data: map.get(*offset..).unwrap_or_default(), stride: *stride })
                .collect(),
            Pixels::Surface(surface) => {
                let planes = surface.planes().map_err(PictureError::Surface)?;
                planes.into_iter().map(|(data, stride)| Plane { data, stride }).collect()
            }
        };
        Frame::new(self.format, self.size.0, self.size.1, &planes, self.color).map_err(PictureError::Frame)
    }
}

/// Where each plane of a picture begins in its buffer, in bytes, and its stride.
type Layout = Vec<(usize, usize)>;

/// The layout of the picture in a buffer of `n` planes in system memory, and its size.
fn planes(buffer: &gst::BufferRef, info: &VideoInfo, n: usize) -> Result<(Layout, (u32, u32)), PictureError> {
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
    let plane = |(offset, stride): (&usize, &i32)| {
        let stride = usize::try_from(*stride)
            .map_err(|_| PictureError::Meta(format!("stride {stride}; bottom-up pictures cannot be read")))?;
        Ok((*offset, stride))
    };
    Ok((offsets.iter().zip(strides).take(n).map(plane).collect::<Result<_, _>>()?, size))
}

/// Pixels and size of the picture in a buffer of `n` planes in system memory.
fn plain<'a>(buffer: &'a gst::BufferRef, info: &VideoInfo, n: usize) -> Result<(Pixels<'a>, (u32, u32)), PictureError> {
    let (places, size) = planes(buffer, info, n)?;
    let (mut maps, mut planes) = (Vec::new(), Vec::new());
    let mut mapped: Vec<(usize, usize)> = Vec::new();
    for (offset, stride) in places {
        let (range, skip) = buffer
            .find_memory(offset..offset.saturating_add(1))
            .ok_or_else(|| PictureError::Memory(format!("it ends before offset {offset}")))?;
        let map = match mapped.iter().find(|(memory, _)| *memory == range.start) {
            Some((_, map)) => *map,
            None => {
                let memory = buffer.peek_memory(range.start);
                maps.push(memory.map_readable().map_err(|err| PictureError::Memory(err.to_string()))?);
                mapped.push((range.start, maps.len() - 1));
                maps.len() - 1
            }
        };
        planes.push((map, skip, stride));
    }
    Ok((Pixels::Plain { maps, planes }, size))
}

/// The pixels of a picture of which one plane spans several memories: GStreamer joins them, which copies them.
fn joined<'a>(buffer: &'a gst::BufferRef, info: &VideoInfo) -> Result<Pixels<'a>, PictureError> {
    let (planes, _) = planes(buffer, info, info.n_planes() as usize)?;
    let map = buffer.map_readable().map_err(|err| PictureError::Memory(err.to_string()))?;
    Ok(Pixels::Joined { map, planes })
}

/// Pixels and size of the picture `view` among the surfaces in a buffer.
fn surface<'a>(
    buffer: &'a gst::BufferRef,
    format: &Format,
    view: View,
) -> Result<(Pixels<'a>, (u32, u32)), PictureError> {
    let surfaces = Surfaces::map(buffer, &format.caps).map_err(PictureError::Surface)?;
    // a demuxed frame may keep the number that it had in its batch
    let index = if view.first && surfaces.count() == 1 { 0 } else { view.id.surface };
    let surface = surfaces.into_surface(index).map_err(PictureError::Surface)?;
    let wanted = format.info.format();
    if surface.format().and_then(|name| name.parse().ok()) != Some(wanted) {
        let said = format!("a surface of {} instead of {wanted}", surface.format().unwrap_or("an unknown format"));
        return Err(PictureError::Meta(said));
    }
    let size = surface.size();
    Ok((Pixels::Surface(surface), size))
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
