//! Safe views of a batch, its frames and their objects. They live as long as the buffer is borrowed.

use std::marker::PhantomData;
use std::ptr::NonNull;

use glib::ffi::GList;

use crate::layout::{
    self, BATCH_GST_META, BatchMeta, Bbox, ClassifierMeta, FrameMeta, GstNvDsMeta, LabelInfo, ObjectMeta, Sizes, TAG,
    UNTRACKED, Version,
};

/// Answers of classifiers on one object, and labels of one answer: more is a list that runs away.
const MAX_CLASSIFICATIONS: u32 = 64;

/// The batch metadata of a DeepStream buffer.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    pub(crate) meta: NonNull<BatchMeta>,
    version: Version,
    buffer: PhantomData<&'a gst::BufferRef>,
}

/// One frame of a batch.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    pub(crate) meta: NonNull<FrameMeta>,
    version: Version,
    buffer: PhantomData<&'a gst::BufferRef>,
}

/// One object of a frame.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    pub(crate) meta: NonNull<ObjectMeta>,
    pub(crate) version: Version,
    pub(crate) buffer: PhantomData<&'a gst::BufferRef>,
}

/// What a classifier said of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classification<'a> {
    /// The classifier (`gie-unique-id`).
    pub component_id: i32,
    /// What it tells (`classifier-type`), where it says so.
    pub kind: Option<&'a str>,
    /// Its answer.
    pub label: &'a str,
    /// How probable it is, 0 to 1.
    pub probability: f32,
}

/// Which object of a batch, as long as that lies on its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKey(pub(crate) usize);

/// The batch metadata on `buffer`, if DeepStream has put any there. Needs no NVIDIA library.
pub fn find(buffer: &gst::BufferRef) -> Option<Batch<'_>> {
    // SAFETY: TAG is a string that ends with NUL and lives for ever.
    let tag = unsafe { glib::ffi::g_quark_try_string(TAG.as_ptr()) };
    // A quark that nobody has made is on no type.
    if tag == 0 {
        return None;
    }
    let mut state = std::ptr::null_mut();
    loop {
        // SAFETY: the buffer is borrowed, so its list of metas does not change; `state` is only used by this call.
        let meta = unsafe { gst::ffi::gst_buffer_iterate_meta(buffer.as_mut_ptr(), &mut state) };
        let meta = NonNull::new(meta)?;
        // SAFETY: every GstMeta has an info with an API type for as long as the process runs.
        let api = unsafe { (*meta.as_ref().info).api };
        // SAFETY: `api` is a registered API type.
        if unsafe { gst::ffi::gst_meta_api_type_has_tag(api, tag) } == glib::ffi::GFALSE {
            continue;
        }
        // SAFETY: types with this tag are DeepStream's NvDsMeta, whose first members these are.
        let meta = unsafe { meta.cast::<GstNvDsMeta>().as_ref() };
        if meta.meta_type == BATCH_GST_META
            && let Some(batch) = NonNull::new(meta.meta_data.cast::<BatchMeta>())
        {
            return Some(Batch::new(batch));
        }
    }
}

impl<'a> Batch<'a> {
    fn new(meta: NonNull<BatchMeta>) -> Self {
        // SAFETY: a batch metadata is alive as long as the buffer that carries it.
        let batch = unsafe { meta.as_ref() };
        let size = |pool: *mut layout::MetaPool| {
            // SAFETY: the pools of a batch live as long as the batch.
            NonNull::new(pool).map_or(0, |pool| unsafe { pool.as_ref() }.element_size)
        };
        let sizes = Sizes {
            object: size(batch.obj_meta_pool),
            frame: size(batch.frame_meta_pool),
            classification: (size(batch.classifier_meta_pool), size(batch.label_info_meta_pool)),
        };
        Self { meta, version: Version::of(sizes), buffer: PhantomData }
    }

    /// Whose layout it has.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Its frames in the order of the list.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'a>> + use<'a> {
        let version = self.version;
        // SAFETY: see `Batch::new`.
        let batch = unsafe { self.meta.as_ref() };
        let most = batch.num_frames_in_batch;
        List::new(batch.frame_meta_list, most).map(move |meta| Frame { meta, version, buffer: PhantomData })
    }
}

impl<'a> Frame<'a> {
    fn get(&self) -> &'a FrameMeta {
        // SAFETY: frames live as long as their batch, and that as long as the buffer.
        unsafe { self.meta.as_ref() }
    }

    /// Number of the source (camera) in the muxer.
    pub fn source_id(&self) -> u32 {
        self.get().source_id
    }

    /// Index of its surface in the batch.
    pub fn batch_id(&self) -> u32 {
        self.get().batch_id
    }

    /// Number of the frame in its source.
    pub fn frame_number(&self) -> i32 {
        self.get().frame_num
    }

    /// Presentation time.
    pub fn pts(&self) -> Option<gst::ClockTime> {
        gst::ClockTime::try_from(self.get().buf_pts).ok()
    }

    /// Capture time in nanoseconds since 1970; `None` where nothing gave one.
    pub fn ntp_timestamp(&self) -> Option<u64> {
        Some(self.get().ntp_timestamp).filter(|time| *time > 0 && *time < i64::MAX as u64)
    }

    /// Width and height in pixels before the muxer scaled it.
    pub fn source_size(&self) -> (u32, u32) {
        (self.get().source_frame_width, self.get().source_frame_height)
    }

    /// Width and height in pixels to which boxes refer; that of the source where the muxer says nothing.
    pub fn pipeline_size(&self) -> (u32, u32) {
        match (self.get().pipeline_width, self.get().pipeline_height) {
            (0, _) | (_, 0) => self.source_size(),
            size => size,
        }
    }

    /// Its objects in the order of the list.
    pub fn objects(&self) -> impl Iterator<Item = Object<'a>> + use<'a> {
        let version = self.version;
        let frame = self.get();
        List::new(frame.obj_meta_list, frame.num_obj_meta).map(move |meta| Object {
            meta,
            version,
            buffer: PhantomData,
        })
    }
}

impl<'a> Object<'a> {
    fn get(&self) -> &'a ObjectMeta {
        // SAFETY: objects live as long as their frame, and that as long as the buffer.
        unsafe { self.meta.as_ref() }
    }

    /// The detector that found it (`gie-unique-id`).
    pub fn component_id(&self) -> i32 {
        self.get().unique_component_id
    }

    /// Its class in that detector.
    pub fn class_id(&self) -> i32 {
        self.get().class_id
    }

    /// Its track; `None` when no tracker follows it.
    pub fn track_id(&self) -> Option<u64> {
        Some(self.get().object_id).filter(|id| *id != UNTRACKED)
    }

    /// Score of the detector, 0 to 1; `None` where it gave none.
    pub fn confidence(&self) -> Option<f32> {
        Some(self.get().confidence).filter(|score| (0.0..=1.0).contains(score))
    }

    /// The box in use, in pixels of [`Frame::pipeline_size`].
    pub fn bbox(&self) -> Bbox {
        self.get().rect_params.bbox
    }

    /// The object it is part of, such as the vehicle of a plate.
    pub fn parent(&self) -> Option<Self> {
        let meta = NonNull::new(self.get().parent)?;
        Some(Self { meta, ..*self })
    }

    /// Its class name; `None` when the layout of this version is not known or there is none.
    pub fn label(&self) -> Option<&'a str> {
        let offset = self.version.label_offset()?;
        // SAFETY: the pool's element size has told that this object is whole and of this version.
        text(unsafe { layout::label_at(self.meta.as_ptr(), offset) })
    }

    /// Which one it is.
    pub fn key(&self) -> ObjectKey {
        ObjectKey(self.meta.addr().get())
    }

    /// What classifiers said of it, in the order of their lists; nothing where the layout of this version is not known.
    pub fn classifications(&self) -> impl Iterator<Item = Classification<'a>> + use<'a> {
        self.classifiers().flat_map(|meta| {
            // SAFETY: classifiers' answers live as long as their object, and that as long as the buffer.
            let classifier = unsafe { meta.as_ref() };
            // SAFETY: NVIDIA keeps the type for ever, as a string that ends with NUL.
            let kind = unsafe { string(classifier.classifier_type) };
            let labels = List::new(classifier.label_info_list, classifier.num_labels.min(MAX_CLASSIFICATIONS));
            labels.filter_map(move |meta: NonNull<LabelInfo>| {
                // SAFETY: labels live as long as their answer.
                let info = unsafe { meta.as_ref() };
                // SAFETY: where it is not null, it is a string that ends with NUL and lives as long as the label.
                let long = unsafe { string(info.p_result_label) };
                Some(Classification {
                    component_id: classifier.unique_component_id,
                    kind,
                    label: long.or_else(|| text(&info.result_label))?,
                    probability: info.result_prob,
                })
            })
        })
    }

    /// Its list of answers.
    pub(crate) fn classifiers(&self) -> impl Iterator<Item = NonNull<ClassifierMeta>> + use<'a> {
        let first = self.version.classifiers_offset().map_or(std::ptr::null_mut(), |offset| {
            // SAFETY: the pool's element size has told that this object is whole and of this version: its list lies here.
            unsafe { self.meta.cast::<u8>().add(offset).cast::<*mut GList>().read() }
        });
        List::new(first, MAX_CLASSIFICATIONS)
    }
}

/// The text in `bytes` up to the first NUL; `None` when it is empty or no UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = bytes.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(text).ok().filter(|text| !text.is_empty())
}

/// The string at `start`; `None` when there is none, or it is empty or no UTF-8.
///
/// # Safety
///
/// Where `start` is not null, it is a string that ends with NUL and lives for `'a`.
unsafe fn string<'a>(start: *const std::ffi::c_char) -> Option<&'a str> {
    let start = NonNull::new(start.cast_mut())?;
    // SAFETY: the caller vouches for it.
    text(unsafe { std::ffi::CStr::from_ptr(start.as_ptr()) }.to_bytes())
}

/// Walks a list of at most so many elements as its owner says there are: a broken link must not lead astray.
pub(crate) struct List<T> {
    next: *mut GList,
    left: u32,
    element: PhantomData<T>,
}

impl<T> List<T> {
    pub(crate) const fn new(first: *mut GList, most: u32) -> Self {
        Self { next: first, left: most, element: PhantomData }
    }
}

impl<T> Iterator for List<T> {
    type Item = NonNull<T>;

    fn next(&mut self) -> Option<NonNull<T>> {
        while self.left > 0 {
            let link = NonNull::new(self.next)?;
            // SAFETY: links of a list live as long as the metadata whose list it is.
            let link = unsafe { link.as_ref() };
            self.next = link.next;
            self.left -= 1;
            if let Some(data) = NonNull::new(link.data.cast::<T>()) {
                return Some(data);
            }
        }
        None
    }
}
