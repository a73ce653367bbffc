//! Batches and their pictures laid out by hand, byte by byte as DeepStream lays them out: for tests, where it is not at
//! hand.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use glib::ffi::GList;

use crate::layout::{BATCH_GST_META, BatchMeta, Bbox, GstNvDsMeta, MetaPool, TAG, UNTRACKED};

/// The size that DeepStream registers its buffer metadata with.
const META_BYTES: usize = 72;

/// Sizes of objects and frames in bytes, and where labels lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of an object.
    pub object: u32,
    /// Bytes of a frame.
    pub frame: u32,
    /// Offset of an object's label.
    pub label: usize,
}

impl Layout {
    /// DeepStream 6, 8 and 9.
    pub const ALL: [Self; 3] = [
        Self { object: 544, frame: 200, label: 336 },
        Self { object: 544, frame: 232, label: 336 },
        Self { object: 552, frame: 232, label: 344 },
    ];
}

/// An object of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Object<'a> {
    /// Its class name.
    pub label: &'a str,
    /// Its track.
    pub track: Option<u64>,
    /// Score of the detector.
    pub confidence: f32,
    /// Its box.
    pub bbox: Bbox,
    /// Index of the object that it is part of, an earlier one of the same frame.
    pub parent: Option<usize>,
}

/// A frame of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame<'a> {
    /// Number of its source.
    pub source: u32,
    /// Number in its source.
    pub number: i32,
    /// Presentation time, nanoseconds.
    pub pts: u64,
    /// Capture time, nanoseconds since 1970; 0 for none.
    pub ntp: u64,
    /// Width and height before the muxer.
    pub source_size: (u32, u32),
    /// Width and height behind it; 0 for none.
    pub pipeline_size: (u32, u32),
    /// What is in it.
    pub objects: &'a [Object<'a>],
}

/// Zeroed memory of 8-byte alignment in which fields are set by offset. It is never freed: buffers may outlive a test.
struct Block(&'static mut [u64]);

impl Block {
    fn new(bytes: usize) -> Self {
        Self(vec![0; bytes.div_ceil(8)].leak())
    }

    fn set<T: Copy>(&mut self, offset: usize, value: T) {
        assert!(offset + size_of::<T>() <= self.0.len() * 8, "{offset} lies outside the block");
        // SAFETY: the place lies inside the block, as just checked.
        unsafe { self.0.as_mut_ptr().cast::<u8>().add(offset).cast::<T>().write_unaligned(value) };
    }

    fn into_ptr(self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }
}

/// A list of `items`.
fn list(items: &[*mut c_void]) -> *mut GList {
    let mut next = null_mut();
    for data in items.iter().rev() {
        next = Box::leak(Box::new(GList { data: *data, next, prev: null_mut() }));
    }
    next
}

fn pool(element_size: u32) -> *mut c_void {
    let mut pool = Block::new(size_of::<MetaPool>());
    pool.set(8, element_size);
    pool.into_ptr()
}

fn object(layout: Layout, object: &Object<'_>, parent: *mut c_void) -> *mut c_void {
    let mut block = Block::new(layout.object as usize);
    block.set(40, parent);
    block.set(48, 1i32);
    block.set(52, 2i32);
    block.set(56, object.track.unwrap_or(UNTRACKED));
    block.set(96, object.confidence);
    block.set(104, object.bbox);
    object.label.bytes().enumerate().for_each(|(i, byte)| block.set(layout.label + i, byte));
    block.into_ptr()
}

fn frame(layout: Layout, index: u32, frame: &Frame<'_>) -> *mut c_void {
    let mut objects: Vec<*mut c_void> = Vec::new();
    for made in frame.objects {
        let parent = made.parent.map_or(null_mut(), |index| objects[index]);
        objects.push(object(layout, made, parent));
    }
    let mut block = Block::new(layout.frame as usize);
    block.set(44, index);
    block.set(48, frame.number);
    block.set(56, frame.pts);
    block.set(64, frame.ntp);
    block.set(72, frame.source);
    block.set(80, [frame.source_size.0, frame.source_size.1]);
    block.set(96, objects.len() as u32);
    block.set(104, list(&objects));
    block.set(160, [frame.pipeline_size.0, frame.pipeline_size.1]);
    block.into_ptr()
}

/// A batch of `frames`, for [`attach`].
pub fn batch(layout: Layout, frames: &[Frame<'_>]) -> *mut c_void {
    let made: Vec<*mut c_void> = (0..).zip(frames).map(|(index, made)| frame(layout, index, made)).collect();
    let mut block = Block::new(size_of::<BatchMeta>());
    block.set(44, made.len() as u32);
    block.set(48, pool(layout.frame));
    block.set(56, pool(layout.object));
    block.set(96, list(&made));
    block.into_ptr()
}

/// Pixels of one frame of a batch.
#[derive(Clone, Debug)]
pub struct Pixels {
    /// Width and height.
    pub size: (u32, u32),
    /// `NvBufSurfaceColorFormat`.
    pub color_format: i32,
    /// Bytes and stride of every plane.
    pub planes: Vec<(Vec<u8>, usize)>,
}

/// A buffer as `memory:NVMM` has it: an `NvBufSurface` of memory `mem_type` that lists `pictures`.
///
/// # Panics
///
/// Where a picture is larger than an `NvBufSurface` can say.
pub fn surfaces(layout: Layout, mem_type: i32, pictures: &[Pixels]) -> gst::Buffer {
    // version 6 has shorter entries
    let (whole, entry) = if layout.frame == 200 { (64, 384) } else { (72, 416) };
    let small = |number: usize| u32::try_from(number).unwrap_or_else(|_| panic!("{number} is too large"));
    let mut list = Block::new(entry * pictures.len());
    for (at, picture) in pictures.iter().enumerate().map(|(index, picture)| (index * entry, picture)) {
        let data: Vec<u8> = picture.planes.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        list.set(at, [picture.size.0, picture.size.1, small(picture.planes[0].1)]);
        list.set(at + 12, picture.color_format);
        list.set(at + 32, small(data.len()));
        list.set(at + 48, small(picture.planes.len()));
        let mut offset = 0;
        for (place, (bytes, stride)) in (0..).zip(&picture.planes).map(|(index, plane)| (at + 52 + 4 * index, plane)) {
            list.set(place + 16, small(bytes.len() / stride));
            list.set(place + 32, small(*stride));
            list.set(place + 48, small(offset));
            offset += bytes.len();
        }
        list.set(at + 40, data.leak().as_mut_ptr());
    }
    let mut block = Block::new(whole);
    block.set(4, [small(pictures.len()), small(pictures.len())]);
    block.set(16, mem_type);
    block.set(24, list.into_ptr());
    let bytes: Vec<u8> = block.0.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut buffer = gst::Buffer::with_size(bytes.len()).unwrap_or_else(|err| panic!("{err}"));
    let writable = buffer.get_mut().unwrap_or_else(|| unreachable!("nobody else has it"));
    writable.copy_from_slice(0, &bytes).unwrap_or_else(|left| panic!("{left} bytes too many"));
    buffer
}

/// Puts metadata of type `meta_type` that points to `data` on `buffer`, registered as DeepStream registers it.
pub fn attach_as(buffer: &mut gst::BufferRef, data: *mut c_void, meta_type: i32) {
    // SAFETY: `info` comes from gst_meta_register and the buffer is writable.
    let meta = unsafe { gst::ffi::gst_buffer_add_meta(buffer.as_mut_ptr(), info(), null_mut()) };
    // SAFETY: metas of this info have this layout.
    let meta = unsafe { &mut *meta.cast::<GstNvDsMeta>() };
    (meta.meta_data, meta.meta_type) = (data, meta_type);
}

/// Puts a batch of `frames` on `buffer`.
pub fn attach(buffer: &mut gst::BufferRef, layout: Layout, frames: &[Frame<'_>]) {
    attach_as(buffer, batch(layout, frames), BATCH_GST_META);
}

fn info() -> *const gst::ffi::GstMetaInfo {
    static INFO: OnceLock<usize> = OnceLock::new();
    let info = *INFO.get_or_init(|| {
        let tags = [TAG.as_ptr(), null()];
        // SAFETY: names and tags are strings that end with NUL, the list of tags with NULL.
        let api = unsafe { gst::ffi::gst_meta_api_type_register(c"NvDsMetaAPI".as_ptr(), tags.as_ptr().cast_mut()) };
        // SAFETY: `api` was just registered, and the functions are of the wanted types.
        let info = unsafe {
            gst::ffi::gst_meta_register(api, c"NvDsMeta".as_ptr(), META_BYTES, Some(init), None, Some(transform))
        };
        info.expose_provenance()
    });
    std::ptr::with_exposed_provenance(info)
}

unsafe extern "C" fn init(
    meta: *mut gst::ffi::GstMeta,
    _params: *mut c_void,
    _buffer: *mut gst::ffi::GstBuffer,
) -> glib::ffi::gboolean {
    // SAFETY: GStreamer passes the memory of a new meta of the registered size.
    let meta = unsafe { &mut *meta.cast::<GstNvDsMeta>() };
    (meta.meta_data, meta.user_data, meta.meta_type) = (null_mut(), null_mut(), 0);
    glib::ffi::GTRUE
}

/// Copies share the batch, which is never freed.
unsafe extern "C" fn transform(
    to: *mut gst::ffi::GstBuffer,
    meta: *mut gst::ffi::GstMeta,
    _from: *mut gst::ffi::GstBuffer,
    _kind: glib::ffi::GQuark,
    _data: *mut c_void,
) -> glib::ffi::gboolean {
    // SAFETY: GStreamer passes a meta of this info.
    let meta = unsafe { &*meta.cast::<GstNvDsMeta>() };
    // SAFETY: GStreamer passes a buffer that may be written to.
    attach_as(unsafe { gst::BufferRef::from_mut_ptr(to) }, meta.meta_data, meta.meta_type);
    glib::ffi::GTRUE
}
