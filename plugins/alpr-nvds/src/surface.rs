//! Pictures of `memory:NVMM` that the CPU can read.
//!
//! Mapping such a buffer gives no pixels but an `NvBufSurface`, which lists the picture of every frame of the batch. Those
//! in host, unified or plain memory lie behind pointers that the CPU may follow; those of Jetson are brought there by
//! NVIDIA's functions. All others are refused.

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use gst::memory::{MemoryMap, Readable};

use crate::layout::Version;
use crate::mapping::Mapping;
use crate::meta;

/// Name of the feature of caps whose buffers hold surfaces.
pub const FEATURE: &str = "memory:NVMM";

/// Planes that a surface has at most.
pub(crate) const MAX_PLANES: usize = 4;

/// More pictures than any batch has: what says more is no `NvBufSurface`.
const MAX_BATCH: u32 = 4096;

/// Whether the default memory is Jetson's: its processors are of this kind. Beside a graphics card it is that of the GPU, and
/// NVIDIA's functions would complain of every picture.
const DEFAULT_IS_JETSONS: bool = cfg!(target_arch = "aarch64");

/// Lines of pixels lie one behind the other.
const PITCH_LINEAR: i32 = 0;

/// `NvBufSurface`, up to its list.
#[repr(C)]
pub(crate) struct BufSurface {
    pub(crate) gpu: u32,
    pub(crate) batch_size: u32,
    pub(crate) num_filled: u32,
    pub(crate) is_contiguous: u8,
    pub(crate) mem_type: i32,
    pub(crate) list: *mut c_void,
}

/// `NvBufSurfacePlaneParams`, up to what is reserved.
#[repr(C)]
pub(crate) struct PlaneParams {
    pub(crate) num_planes: u32,
    pub(crate) width: [u32; MAX_PLANES],
    pub(crate) height: [u32; MAX_PLANES],
    pub(crate) pitch: [u32; MAX_PLANES],
    pub(crate) offset: [u32; MAX_PLANES],
    pub(crate) size: [u32; MAX_PLANES],
}

/// `NvBufSurfaceParams`, up to the planes.
#[repr(C)]
pub(crate) struct SurfaceParams {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pitch: u32,
    pub(crate) color_format: i32,
    pub(crate) layout: i32,
    pub(crate) descriptor: u64,
    pub(crate) data_size: u32,
    pub(crate) data: *mut c_void,
    pub(crate) planes: PlaneParams,
}

/// Why pixels of a surface cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SurfaceError {
    /// The memory of the buffer cannot be mapped, or what it holds is no `NvBufSurface`.
    NoSurface(String),
    /// The pixels lie where the CPU cannot read them: the kind of memory.
    Memory(i32),
    /// NVIDIA's functions do not bring the pixels to the CPU: what was tried, and what came back.
    Mapping(String),
    /// There is no picture of this index.
    Missing(u32),
    /// Pictures behind the first cannot be found: the version of DeepStream is not known.
    Unknown,
    /// Lines of pixels are not one behind the other.
    BlockLinear,
    /// A plane lies outside the memory of the picture.
    Plane(usize),
}

impl fmt::Display for SurfaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSurface(said) => write!(f, "it holds no NvBufSurface: {said}"),
            Self::Memory(kind) => write!(
                f,
                "it is in memory of the GPU (NvBufSurfaceMemType {kind}); set nvbuf-memory-type of nvstreammux and \
                 nvvideoconvert to nvbuf-mem-cuda-unified, or put nvvideoconvert ! video/x-raw,format=NV12 before"
            ),
            Self::Mapping(said) => write!(
                f,
                "NVIDIA's libnvbufsurface.so does not bring it to the CPU ({said}); put nvvideoconvert ! \
                 video/x-raw,format=NV12 before"
            ),
            Self::Missing(index) => write!(f, "the batch has no picture {index}"),
            Self::Unknown => f.write_str("the version of DeepStream is not known, so only the first picture is found"),
            Self::BlockLinear => f.write_str("its pixels are in blocks; set bl-output=false of nvvideoconvert"),
            Self::Plane(index) => write!(f, "plane {index} lies outside of its memory"),
        }
    }
}

impl std::error::Error for SurfaceError {}

/// The pictures of a buffer.
pub struct Surfaces<'a> {
    map: MemoryMap<'a, Readable>,
    /// Bytes of one entry of the list, where the version tells.
    entry: Option<usize>,
}

impl<'a> Surfaces<'a> {
    /// The pictures of `buffer`, whose caps `caps` have the feature [`FEATURE`]: others are refused, because they hold
    /// pixels themselves.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::NoSurface`].
    pub fn map(buffer: &'a gst::BufferRef, caps: &gst::CapsRef) -> Result<Self, SurfaceError> {
        let fail = |said: &str| SurfaceError::NoSurface(said.to_owned());
        if !is_surface(caps) {
            return Err(fail("its caps have no memory:NVMM"));
        }
        if buffer.n_memory() != 1 {
            return Err(fail("it is not one memory"));
        }
        let map = buffer.peek_memory(0).map_readable().map_err(|err| fail(&err.to_string()))?;
        let entry = meta::find(buffer).and_then(|batch| match batch.version() {
            Version::V6 => Some(384),
            Version::V8 | Version::V9 => Some(416),
            Version::Unknown => None,
        });
        let aligned = map.as_ptr().addr().is_multiple_of(align_of::<BufSurface>());
        if map.len() < size_of::<BufSurface>() || !aligned {
            return Err(fail("it is too small"));
        }
        Ok(Self { map, entry })
    }

    fn pointer(&self) -> *mut BufSurface {
        self.map.as_ptr().cast::<BufSurface>().cast_mut()
    }

    fn get(&self) -> &BufSurface {
        // SAFETY: `map` has checked that so many bytes are there and that they are aligned; buffers of these caps begin
        // with an NvBufSurface, and any bytes are numbers.
        unsafe { &*self.pointer() }
    }

    /// Pictures that were filled.
    pub fn count(&self) -> u32 {
        self.get().num_filled
    }

    /// The picture of `index`. One of Jetson is mapped as long as that lives.
    ///
    /// # Errors
    ///
    /// Those of its memory and place, see [`SurfaceError`].
    pub fn into_surface(self, index: u32) -> Result<Surface<'a>, SurfaceError> {
        let batch = self.get();
        if batch.batch_size > MAX_BATCH || batch.num_filled > batch.batch_size {
            return Err(SurfaceError::NoSurface("its counts make no sense".to_owned()));
        }
        if index >= batch.num_filled {
            return Err(SurfaceError::Missing(index));
        }
        let kind = batch.mem_type;
        let to_map = match kind {
            // host, unified and plain memory
            1 | 3 | 6 => false,
            4 | 5 => true,
            0 if DEFAULT_IS_JETSONS => true,
            _ => return Err(SurfaceError::Memory(kind)),
        };
        let skip = match (index, self.entry) {
            (0, _) => 0,
            (_, Some(entry)) => index as usize * entry,
            (_, None) => return Err(SurfaceError::Unknown),
        };
        let list = NonNull::new(batch.list.cast::<u8>()).filter(|list| list.addr().get().is_multiple_of(8));
        let list = list.ok_or_else(|| SurfaceError::NoSurface("its list is missing".to_owned()))?;
        // SAFETY: the list has `batch_size` entries of this size, and `index` is less.
        let params = unsafe { list.add(skip) }.cast::<SurfaceParams>();
        // SAFETY: as above.
        if unsafe { params.as_ref() }.layout != PITCH_LINEAR {
            return Err(SurfaceError::BlockLinear);
        }
        let surface =
            NonNull::new(self.pointer()).ok_or_else(|| SurfaceError::NoSurface("it is nowhere".to_owned()))?;
        // SAFETY: the entry is that of `index`, and the picture keeps the buffer's memory.
        let mapping = to_map.then(|| unsafe { Mapping::new(surface, index, params) }).transpose();
        let mapping = mapping.map_err(|said| {
            // beside a graphics card all the same
            if kind == 0 { SurfaceError::Memory(kind) } else { SurfaceError::Mapping(said) }
        })?;
        let surface = Surface { mapping, params, _map: self.map };
        surface.planes()?;
        Ok(surface)
    }
}

/// Whether buffers of `caps` hold surfaces in place of pixels.
pub fn is_surface(caps: &gst::CapsRef) -> bool {
    caps.features(0).is_some_and(|features| features.contains(FEATURE))
}

/// One picture.
pub struct Surface<'a> {
    /// Ends before the memory of the buffer does.
    mapping: Option<Mapping>,
    params: NonNull<SurfaceParams>,
    _map: MemoryMap<'a, Readable>,
}

impl Surface<'_> {
    fn params(&self) -> &SurfaceParams {
        // SAFETY: entries live as long as the memory of the buffer, and what this has of one does not change meanwhile.
        unsafe { self.params.as_ref() }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.params().width, self.params().height)
    }

    /// GStreamer's name of its format; `None` where there is none with 8 bits a channel.
    pub fn format(&self) -> Option<&'static str> {
        Some(match self.params().color_format {
            1 => "GRAY8",
            2 | 4 | 31 | 32 | 35 => "I420",
            3 | 5 => "YV12",
            6 | 7 | 33 | 34 | 36 => "NV12",
            14 | 15 => "YUY2",
            19 => "RGBA",
            20 => "BGRA",
            23 => "RGBx",
            24 => "BGRx",
            27 => "RGB",
            28 => "BGR",
            _ => return None,
        })
    }

    /// Bytes and stride of every plane.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Plane`].
    pub fn planes(&self) -> Result<Vec<(&[u8], usize)>, SurfaceError> {
        let planes = &self.params().planes;
        let count = planes.num_planes as usize;
        if !(1..=MAX_PLANES).contains(&count) {
            return Err(SurfaceError::Plane(0));
        }
        let plane = |index: usize| {
            let pitch = planes.pitch[index] as usize;
            let bytes = pitch.saturating_mul(planes.height[index] as usize);
            let start = self.start(index, bytes).ok_or(SurfaceError::Plane(index))?;
            // SAFETY: so many bytes lie there in the CPU's memory, as `start` has checked; they are not written to while
            // someone holds the buffer for reading.
            Ok((unsafe { std::slice::from_raw_parts(start.as_ptr(), bytes) }, pitch))
        };
        (0..count).map(plane).collect()
    }

    /// Where the plane of `index` begins, if it has so many `bytes` there.
    fn start(&self, index: usize, bytes: usize) -> Option<NonNull<u8>> {
        let SurfaceParams { data, data_size, planes, .. } = self.params();
        if let Some(mapping) = &self.mapping {
            return mapping.plane(index).filter(|_| bytes <= planes.size[index] as usize);
        }
        let offset = planes.offset[index] as usize;
        let data = NonNull::new(data.cast::<u8>()).filter(|_| offset.saturating_add(bytes) <= *data_size as usize)?;
        // SAFETY: memory of these kinds is of the CPU's too, and `data_size` bytes long.
        Some(unsafe { data.add(offset) })
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn fields_lie_where_nvidia_has_them() {
        assert_eq!(
            (offset_of!(BufSurface, num_filled), offset_of!(BufSurface, mem_type), offset_of!(BufSurface, list)),
            (8, 16, 24)
        );
        assert_eq!(
            (
                offset_of!(SurfaceParams, pitch),
                offset_of!(SurfaceParams, color_format),
                offset_of!(SurfaceParams, descriptor),
                offset_of!(SurfaceParams, data),
                offset_of!(SurfaceParams, planes),
            ),
            (8, 12, 24, 40, 48)
        );
        assert_eq!((offset_of!(PlaneParams, offset), offset_of!(PlaneParams, size)), (52, 68));
    }
}
