//! Batches built by hand, byte by byte as DeepStream lays them out, are found on buffers and read.

#![allow(unsafe_code, clippy::unwrap_used, reason = "stands in for NVIDIA's library; a failed unwrap is a failed test")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use alpr_nvds::layout::{BATCH_GST_META, BatchMeta, Bbox, GstNvDsMeta, MetaPool};
use alpr_nvds::{Version, find};
use glib::ffi::GList;

/// The size that DeepStream registers its buffer metadata with.
const META_BYTES: usize = 72;

/// Zeroed memory of 8-byte alignment in which fields are set by offset.
struct Block(Vec<u64>);

impl Block {
    fn new(bytes: usize) -> Self {
        Self(vec![0; bytes.div_ceil(8)])
    }

    fn set<T: Copy>(&mut self, offset: usize, value: T) {
        assert!(offset + size_of::<T>() <= self.0.len() * 8);
        // SAFETY: the place lies inside the block, as just checked.
        unsafe { self.0.as_mut_ptr().cast::<u8>().add(offset).cast::<T>().write_unaligned(value) };
    }

    fn text(&mut self, offset: usize, text: &str) {
        text.bytes().enumerate().for_each(|(i, byte)| self.set(offset + i, byte));
    }

    fn ptr(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }
}

/// A batch and all that it points to.
struct Fake {
    blocks: Vec<Block>,
    #[allow(clippy::vec_box, reason = "links point at each other: they must stay where they are")]
    links: Vec<Box<GList>>,
}

impl Fake {
    fn keep(&mut self, mut block: Block) -> *mut c_void {
        let ptr = block.ptr();
        self.blocks.push(block);
        ptr
    }

    fn list(&mut self, items: &[*mut c_void]) -> *mut GList {
        let mut next = null_mut();
        for data in items.iter().rev() {
            let mut link = Box::new(GList { data: *data, next, prev: null_mut() });
            next = &raw mut *link;
            self.links.push(link);
        }
        next
    }

    fn pool(&mut self, element_size: u32) -> *mut c_void {
        let mut pool = Block::new(size_of::<MetaPool>());
        pool.set(8, element_size);
        self.keep(pool)
    }

    fn object(&mut self, size: u32, label_offset: usize, label: &str, id: u64, parent: *mut c_void) -> *mut c_void {
        let mut object = Block::new(size as usize);
        object.set(40, parent);
        object.set(48, 1i32);
        object.set(52, 2i32);
        object.set(56, id);
        object.set(96, 0.75f32);
        [10.5f32, 20.5, 100.0, 30.0].iter().enumerate().for_each(|(i, v)| object.set(104 + 4 * i, *v));
        object.text(label_offset, label);
        self.keep(object)
    }
}

/// A batch of two frames; the first has a car and its plate. Sizes of objects and frames and the label's place as given.
fn batch(object_size: u32, frame_size: u32, label_offset: usize) -> (Fake, *mut c_void) {
    let mut fake = Fake { blocks: Vec::new(), links: Vec::new() };
    let car = fake.object(object_size, label_offset, "car", 7, null_mut());
    let plate = fake.object(object_size, label_offset, "lpd", u64::MAX, car);
    let objects = fake.list(&[car, plate]);
    let frames: Vec<*mut c_void> = (0..2u32)
        .map(|index| {
            let mut frame = Block::new(frame_size as usize);
            frame.set(44, index);
            frame.set(48, 100 + index as i32);
            frame.set(56, 40_000_000u64);
            frame.set(64, 1_700_000_000_000_000_000 * u64::from(index));
            frame.set(72, 3 + index);
            frame.set(80, 1920u32);
            frame.set(84, 1080u32);
            if index == 0 {
                frame.set(96, 2u32);
                frame.set(104, objects);
                frame.set(160, 1280u32);
                frame.set(164, 720u32);
            }
            fake.keep(frame)
        })
        .collect();
    let list = fake.list(&frames);
    let (frame_pool, object_pool) = (fake.pool(frame_size), fake.pool(object_size));
    let mut batch = Block::new(size_of::<BatchMeta>());
    batch.set(44, 2u32);
    batch.set(48, frame_pool);
    batch.set(56, object_pool);
    batch.set(96, list);
    let batch = fake.keep(batch);
    (fake, batch)
}

unsafe extern "C" fn init(
    meta: *mut gst::ffi::GstMeta,
    _params: *mut c_void,
    _buffer: *mut gst::ffi::GstBuffer,
) -> i32 {
    // SAFETY: GStreamer passes the memory of a new meta of the registered size.
    let meta = unsafe { &mut *meta.cast::<GstNvDsMeta>() };
    (meta.meta_data, meta.user_data, meta.meta_type) = (null_mut(), null_mut(), 0);
    1
}

/// Registers metadata as DeepStream does and puts one on `buffer`.
fn attach(buffer: &mut gst::BufferRef, data: *mut c_void, meta_type: i32) {
    static INFO: OnceLock<usize> = OnceLock::new();
    let info = *INFO.get_or_init(|| {
        let tags = [alpr_nvds::layout::TAG.as_ptr(), null()];
        // SAFETY: names and tags are strings that end with NUL, the list of tags with NULL.
        let api = unsafe { gst::ffi::gst_meta_api_type_register(c"NvDsMetaAPI".as_ptr(), tags.as_ptr().cast_mut()) };
        // SAFETY: `api` was just registered, and `init` is of the wanted type.
        let info =
            unsafe { gst::ffi::gst_meta_register(api, c"NvDsMeta".as_ptr(), META_BYTES, Some(init), None, None) };
        info.addr()
    });
    let info = std::ptr::with_exposed_provenance(info);
    // SAFETY: `info` comes from gst_meta_register and the buffer is writable.
    let meta = unsafe { gst::ffi::gst_buffer_add_meta(buffer.as_mut_ptr(), info, null_mut()) };
    // SAFETY: metas of this info have this layout.
    let meta = unsafe { &mut *meta.cast::<GstNvDsMeta>() };
    (meta.meta_data, meta.meta_type) = (data, meta_type);
}

fn buffer() -> gst::Buffer {
    gst::init().unwrap();
    gst::Buffer::new()
}

#[test]
fn every_version_is_read() {
    for (object, frame, label, version) in
        [(544, 200, 336, Version::V6), (544, 232, 336, Version::V8), (552, 232, 344, Version::V9)]
    {
        let (_fake, data) = batch(object, frame, label);
        let mut buffer = buffer();
        attach(buffer.make_mut(), data, BATCH_GST_META);
        let batch = find(&buffer).unwrap();
        assert_eq!(batch.version(), version);
        let frames: Vec<_> = batch.frames().collect();
        assert_eq!(
            frames.iter().map(|f| (f.source_id(), f.batch_id(), f.frame_number())).collect::<Vec<_>>(),
            [(3, 0, 100), (4, 1, 101)]
        );
        assert_eq!(frames[0].pts(), Some(gst::ClockTime::from_mseconds(40)));
        assert_eq!((frames[0].ntp_timestamp(), frames[1].ntp_timestamp()), (None, Some(1_700_000_000_000_000_000)));
        assert_eq!((frames[0].pipeline_size(), frames[0].source_size()), ((1280, 720), (1920, 1080)));
        assert_eq!(frames[1].pipeline_size(), (1920, 1080));
        let objects: Vec<_> = frames[0].objects().collect();
        assert_eq!(objects.iter().map(|o| o.label()).collect::<Vec<_>>(), [Some("car"), Some("lpd")]);
        let plate = &objects[1];
        assert_eq!((plate.track_id(), plate.parent().unwrap().track_id()), (None, Some(7)));
        assert_eq!((plate.component_id(), plate.class_id(), plate.confidence()), (1, 2, Some(0.75)));
        assert_eq!(plate.bbox(), Bbox { left: 10.5, top: 20.5, width: 100.0, height: 30.0 });
        assert_eq!(frames[1].objects().count(), 0);
    }
}

#[test]
fn an_unknown_version_gives_what_all_have_in_common() {
    let (_fake, data) = batch(600, 240, 392);
    let mut buffer = buffer();
    attach(buffer.make_mut(), data, BATCH_GST_META);
    let batch = find(&buffer).unwrap();
    assert_eq!(batch.version(), Version::Unknown);
    let object = batch.frames().next().unwrap().objects().next().unwrap();
    assert_eq!((object.track_id(), object.bbox().left, object.label()), (Some(7), 10.5, None));
}

#[test]
fn other_metadata_is_passed_over() {
    let (_fake, data) = batch(552, 232, 344);
    let mut buffer = buffer();
    assert!(find(&buffer).is_none(), "a buffer of anyone");
    attach(buffer.make_mut(), data, 8192);
    attach(buffer.make_mut(), null_mut(), BATCH_GST_META);
    assert!(find(&buffer).is_none(), "DeepStream's, and no batch");
    attach(buffer.make_mut(), data, BATCH_GST_META);
    assert_eq!(find(&buffer).unwrap().frames().count(), 2);
}

#[test]
fn counts_bound_the_lists() {
    let (mut fake, data) = batch(552, 232, 344);
    // The list goes round in a circle; the batch says that there are two frames.
    let last = fake.links.iter_mut().rev().nth(1).map(|link| &raw mut **link).unwrap();
    let first = fake.links.last_mut().map(|link| &raw mut **link).unwrap();
    // SAFETY: both links are alive in `fake`.
    unsafe { (*last).next = first };
    let mut buffer = buffer();
    attach(buffer.make_mut(), data, BATCH_GST_META);
    assert_eq!(find(&buffer).unwrap().frames().count(), 2);
}
