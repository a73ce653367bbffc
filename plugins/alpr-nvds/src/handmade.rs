//! Batches and their pictures laid out by hand, byte by byte as DeepStream lays them out: for tests, where it is not at
//! hand. A library that stands in for NVIDIA's makes them and frees them (see [`standin`]).

pub mod standin;

use std::ffi::{CString, c_void};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use glib::translate::{IntoGlibPtr, from_glib_full};

use crate::layout::{BATCH_GST_META, Bbox, ClassifierMeta, GstNvDsMeta, LabelInfo, TAG, UNTRACKED};
use standin::StandIn;

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
    /// What classifiers said of it.
    pub classes: &'a [Class<'a>],
}

/// What a classifier said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Class<'a> {
    /// What it tells; `None` where it does not say.
    pub kind: Option<&'a str>,
    /// Its answer.
    pub label: &'a str,
    /// How probable that is.
    pub probability: f32,
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

/// Sets the field at `offset` of what the stand-in made.
fn set<T: Copy>(element: *mut c_void, offset: usize, value: T) {
    // SAFETY: only called with offsets inside of elements that were just made.
    unsafe { element.cast::<u8>().add(offset).cast::<T>().write_unaligned(value) };
}

fn classify(standin: &StandIn, batch: *mut c_void, object: *mut c_void, class: &Class<'_>) {
    // types live for ever
    let intern = |kind: &CString| {
        // SAFETY: it ends with NUL.
        unsafe { glib::ffi::g_intern_string(kind.as_ptr()) }
    };
    let kind = class.kind.map_or(null(), |kind| intern(&CString::new(kind).unwrap_or_default()));
    let (short, long) = class.label.as_bytes().split_at(class.label.len().min(127));
    // SAFETY: the batch is locked, and answer and label are whole.
    unsafe {
        let (answer, label) = ((standin.new_classifier)(batch), (standin.new_label)(batch));
        (*answer.cast::<ClassifierMeta>()).classifier_type = kind;
        let info = &mut *label.cast::<LabelInfo>();
        info.result_label[..short.len()].copy_from_slice(short);
        info.result_prob = class.probability;
        if !long.is_empty() {
            let whole = CString::new(class.label).unwrap_or_default();
            info.p_result_label = glib::ffi::g_strdup(whole.as_ptr());
        }
        (standin.add_label)(answer, label);
        (standin.add_classifier)(object, answer);
    }
}

fn add_object(
    (standin, batch, frame): (&StandIn, *mut c_void, *mut c_void),
    layout: Layout,
    object: &Object<'_>,
    parent: *mut c_void,
) -> *mut c_void {
    // SAFETY: the batch is locked.
    let made = unsafe { (standin.new_object)(batch) };
    set(made, 48, 1i32);
    set(made, 52, 2i32);
    set(made, 56, object.track.unwrap_or(UNTRACKED));
    set(made, 96, object.confidence);
    set(made, 104, object.bbox);
    object.label.bytes().enumerate().for_each(|(i, byte)| set(made, layout.label + i, byte));
    object.classes.iter().for_each(|class| classify(standin, batch, made, class));
    // SAFETY: the batch is locked, and these are its own.
    unsafe { (standin.add_object)(frame, made, parent) };
    made
}

fn add_frame(standin: &StandIn, batch: *mut c_void, layout: Layout, index: u32, frame: &Frame<'_>) {
    // SAFETY: the batch is locked.
    let made = unsafe { (standin.new_frame)(batch) };
    set(made, 44, index);
    set(made, 48, frame.number);
    set(made, 56, frame.pts);
    set(made, 64, frame.ntp);
    set(made, 72, frame.source);
    set(made, 80, [frame.source_size.0, frame.source_size.1]);
    set(made, 160, [frame.pipeline_size.0, frame.pipeline_size.1]);
    let mut objects: Vec<*mut c_void> = Vec::new();
    for object in frame.objects {
        let parent = object.parent.map_or(null_mut(), |index| objects[index]);
        objects.push(add_object((standin, batch, made), layout, object, parent));
    }
    // SAFETY: the batch is locked, and the frame is its own.
    unsafe { (standin.add_frame)(batch, made) };
}

/// A batch of `frames`, for [`attach_as`]: it is never freed.
pub fn batch(layout: Layout, frames: &[Frame<'_>]) -> *mut c_void {
    let standin = StandIn::get();
    // SAFETY: the batch is new, and locked while it is filled.
    let batch = unsafe { (standin.create)(layout.object, layout.frame, layout.label as u32) };
    // SAFETY: as above.
    unsafe { (standin.lock)(batch) };
    (0..).zip(frames).for_each(|(index, frame)| add_frame(standin, batch, layout, index, frame));
    // SAFETY: as above.
    unsafe { (standin.unlock)(batch) };
    batch
}

/// `N` bytes of `object` at `offset`.
///
/// # Panics
///
/// Where they lie outside of an object of any version.
pub fn bytes<const N: usize>(object: &crate::Object<'_>, offset: usize) -> [u8; N] {
    assert!(offset + N <= 544, "{offset} lies outside the object");
    // SAFETY: objects of all versions have so many bytes.
    unsafe { object.meta.as_ptr().cast::<u8>().add(offset).cast::<[u8; N]>().read() }
}

/// The text that is drawn for `object`.
pub fn display_text(object: &crate::Object<'_>) -> Option<String> {
    let start = usize::from_ne_bytes(bytes(object, object.version.text_offset()?));
    let start = std::ptr::with_exposed_provenance::<std::ffi::c_char>(start);
    // SAFETY: what is drawn is a string that ends with NUL and lives as long as the object, or null.
    (!start.is_null()).then(|| unsafe { std::ffi::CStr::from_ptr(start) }.to_string_lossy().into_owned())
}

/// How many buffers an owned batch is on, in its first field for users; 0 where nobody counts.
///
/// # Safety
///
/// `batch` is one that lives, and no other thread has it.
unsafe fn owners<'a>(batch: *mut c_void) -> &'a mut i64 {
    // SAFETY: the caller vouches for it.
    unsafe { &mut *batch.cast::<u8>().add(128).cast() }
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
    // what only NVIDIA's functions bring to the CPU lies inverted
    let hidden = matches!(mem_type, 0 | 4 | 5);
    let mut list = Block::new(entry * pictures.len());
    for (at, picture) in pictures.iter().enumerate().map(|(index, picture)| (index * entry, picture)) {
        let stored = |byte: &u8| if hidden { !byte } else { *byte };
        let data: Vec<u8> = picture.planes.iter().flat_map(|(bytes, _)| bytes.iter().map(stored)).collect();
        list.set(at, [picture.size.0, picture.size.1, small(picture.planes[0].1)]);
        list.set(at + 12, picture.color_format);
        list.set(at + 32, small(data.len()));
        list.set(at + 48, small(picture.planes.len()));
        let mut offset = 0;
        for (place, (bytes, stride)) in (0..).zip(&picture.planes).map(|(index, plane)| (at + 52 + 4 * index, plane)) {
            list.set(place + 16, small(bytes.len() / stride));
            list.set(place + 32, small(*stride));
            list.set(place + 48, small(offset));
            list.set(place + 64, small(bytes.len()));
            offset += bytes.len();
        }
        list.set(at + 40, data.leak().as_mut_ptr());
    }
    let mut block = Block::new(whole);
    block.set(4, [small(pictures.len()), small(pictures.len())]);
    block.set(16, mem_type);
    block.set(24, list.into_ptr());
    // for the stand-in, which knows no versions
    block.set(32, entry);
    let bytes: Vec<u8> = block.0.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut buffer = gst::Buffer::with_size(bytes.len()).unwrap_or_else(|err| panic!("{err}"));
    let writable = buffer.get_mut().unwrap_or_else(|| unreachable!("nobody else has it"));
    writable.copy_from_slice(0, &bytes).unwrap_or_else(|left| panic!("{left} bytes too many"));
    buffer
}

/// Says that the pixels of the first picture of `buffer`, which [`surfaces`] made, are in blocks.
///
/// # Panics
///
/// Where `buffer` cannot be read.
pub fn set_block_linear(buffer: &mut gst::BufferRef) {
    let map = buffer.map_readable().unwrap_or_else(|err| panic!("{err}"));
    let list: [u8; 8] = map[24..32].try_into().unwrap_or_else(|_| unreachable!("eight bytes"));
    let list = std::ptr::with_exposed_provenance_mut::<u8>(usize::from_ne_bytes(list));
    // SAFETY: a list of surfaces is never freed, and nobody else has the buffer.
    unsafe { list.add(16).cast::<i32>().write(1) };
}

/// Puts metadata of type `meta_type` that points to `data` on `buffer`, registered as DeepStream registers it.
pub fn attach_as(buffer: &mut gst::BufferRef, data: *mut c_void, meta_type: i32) {
    // SAFETY: `info` comes from gst_meta_register and the buffer is writable.
    let meta = unsafe { gst::ffi::gst_buffer_add_meta(buffer.as_mut_ptr(), info(), null_mut()) };
    // SAFETY: metas of this info have this layout.
    let meta = unsafe { &mut *meta.cast::<GstNvDsMeta>() };
    (meta.meta_data, meta.meta_type) = (data, meta_type);
}

/// Puts a batch of `frames` on `buffer`. It is freed with the last buffer that has it.
pub fn attach(buffer: &mut gst::BufferRef, layout: Layout, frames: &[Frame<'_>]) {
    let batch = batch(layout, frames);
    // SAFETY: the batch is new.
    unsafe { *owners(batch) = 1 };
    attach_as(buffer, batch, BATCH_GST_META);
}

/// The event by which DeepStream's muxer tells something of camera `source`: its number, and the name of its structure.
///
/// # Panics
///
/// Where `name` is no name of a structure.
pub fn event(number: i32, name: &str, source: u32) -> gst::Event {
    // downstream, serialized, sticky, and so for each name
    const FLAGS: i32 = 0x1e;
    let structure = gst::Structure::builder(name).field("source-id", source).build();
    // SAFETY: the event takes the structure over, and its type is one that may be made.
    unsafe { from_glib_full(gst::ffi::gst_event_new_custom(number << 8 | FLAGS, structure.into_glib_ptr())) }
}

fn info() -> *const gst::ffi::GstMetaInfo {
    static INFO: OnceLock<usize> = OnceLock::new();
    let info = *INFO.get_or_init(|| {
        let tags = [TAG.as_ptr(), null()];
        // SAFETY: names and tags are strings that end with NUL, the list of tags with NULL.
        let api = unsafe { gst::ffi::gst_meta_api_type_register(c"NvDsMetaAPI".as_ptr(), tags.as_ptr().cast_mut()) };
        // SAFETY: `api` was just registered, and the functions are of the wanted types.
        let info = unsafe {
            let name = c"NvDsMeta".as_ptr();
            gst::ffi::gst_meta_register(api, name, META_BYTES, Some(init), Some(free), Some(transform))
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

/// Whether `meta` carries a batch whose owners are counted.
fn is_owned(meta: &GstNvDsMeta) -> bool {
    // SAFETY: what this type points to is a batch that lives as long as the meta.
    meta.meta_type == BATCH_GST_META && !meta.meta_data.is_null() && unsafe { *owners(meta.meta_data) } > 0
}

unsafe extern "C" fn free(meta: *mut gst::ffi::GstMeta, _buffer: *mut gst::ffi::GstBuffer) {
    // SAFETY: GStreamer passes a meta of this info.
    let meta = unsafe { &*meta.cast::<GstNvDsMeta>() };
    if is_owned(meta) {
        // SAFETY: the batch lives, and dies with its last owner.
        unsafe {
            *owners(meta.meta_data) -= 1;
            if *owners(meta.meta_data) == 0 {
                (StandIn::get().destroy)(meta.meta_data);
            }
        }
    }
}

/// Copies share the batch.
unsafe extern "C" fn transform(
    to: *mut gst::ffi::GstBuffer,
    meta: *mut gst::ffi::GstMeta,
    _from: *mut gst::ffi::GstBuffer,
    _kind: glib::ffi::GQuark,
    _data: *mut c_void,
) -> glib::ffi::gboolean {
    // SAFETY: GStreamer passes a meta of this info.
    let meta = unsafe { &*meta.cast::<GstNvDsMeta>() };
    if is_owned(meta) {
        // SAFETY: the batch lives as long as it is owned.
        unsafe { *owners(meta.meta_data) += 1 };
    }
    // SAFETY: GStreamer passes a buffer that may be written to.
    attach_as(unsafe { gst::BufferRef::from_mut_ptr(to) }, meta.meta_data, meta.meta_type);
    glib::ffi::GTRUE
}
