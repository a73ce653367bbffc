//! The parts of DeepStream's structures that are the same in all known versions, and where the other parts lie.
//!
//! Written from the field order that NVIDIA publishes; sizes and offsets are those of 64-bit systems and checked by
//! tests.

use std::ffi::{c_char, c_void};

use glib::ffi::{GList, GRecMutex};

/// Type of the metadata that holds a batch: `NVDS_BATCH_GST_META`.
pub const BATCH_GST_META: i32 = 4097;
/// Bytes of `NvDsClassifierMeta` and of `NvDsLabelInfo` in all known versions.
pub const CLASSIFICATION_BYTES: (u32, u32) = (size_of::<ClassifierMeta>() as u32, size_of::<LabelInfo>() as u32);
/// Confidence of an object that its detector gives none, such as one that only a tracker knows of.
pub const NO_CONFIDENCE: f32 = -0.1;
/// Tag on the API type of DeepStream's buffer metadata.
pub const TAG: &std::ffi::CStr = c"nvdsmeta";
/// `object_id` of an object that no tracker follows.
pub const UNTRACKED: u64 = u64::MAX;
/// Bytes of `obj_label`.
pub const LABEL_BYTES: usize = 128;

/// `NvDsMeta`, as it lies on a `GstBuffer`; up to its type.
#[repr(C)]
pub struct GstNvDsMeta {
    /// The `GstMeta` that it begins with.
    pub meta: gst::ffi::GstMeta,
    /// What it carries; for [`BATCH_GST_META`] a [`BatchMeta`].
    pub meta_data: *mut c_void,
    /// Its owner's.
    pub user_data: *mut c_void,
    /// What kind it is.
    pub meta_type: i32,
}

/// `NvDsBaseMeta`.
#[repr(C)]
pub struct BaseMeta {
    /// The batch it belongs to.
    pub batch_meta: *mut BatchMeta,
    /// What it is.
    pub meta_type: i32,
    /// A context of its owner.
    pub u_context: *mut c_void,
    /// Copies it.
    pub copy_func: *mut c_void,
    /// Frees it.
    pub release_func: *mut c_void,
}

/// `NvDsMetaPool`, up to the size of its elements.
#[repr(C)]
pub struct MetaPool {
    /// What its elements are.
    pub meta_type: i32,
    /// How many there may be.
    pub max_elements_in_pool: u32,
    /// Bytes of one: tells the version.
    pub element_size: u32,
}

/// `NvDsBatchMeta`.
#[repr(C)]
pub struct BatchMeta {
    /// Base.
    pub base_meta: BaseMeta,
    /// Frames that fit.
    pub max_frames_in_batch: u32,
    /// Frames in `frame_meta_list`.
    pub num_frames_in_batch: u32,
    /// Pool of frames.
    pub frame_meta_pool: *mut MetaPool,
    /// Pool of objects.
    pub obj_meta_pool: *mut MetaPool,
    /// Pool of classifier results.
    pub classifier_meta_pool: *mut MetaPool,
    /// Pool of drawings.
    pub display_meta_pool: *mut MetaPool,
    /// Pool of user metadata.
    pub user_meta_pool: *mut MetaPool,
    /// Pool of labels.
    pub label_info_meta_pool: *mut MetaPool,
    /// List of [`FrameMeta`].
    pub frame_meta_list: *mut GList,
    /// List of user metadata.
    pub batch_user_meta_list: *mut GList,
    /// Guards all lists.
    pub meta_mutex: GRecMutex,
    /// For users.
    pub misc_batch_info: [i64; 4],
    /// For NVIDIA.
    pub reserved: [i64; 4],
}

/// `NvDsFrameMeta`, up to what version 8 inserted.
#[repr(C)]
pub struct FrameMeta {
    /// Base.
    pub base_meta: BaseMeta,
    /// Pad of the muxer.
    pub pad_index: u32,
    /// Place in the batch: index of its surface.
    pub batch_id: u32,
    /// Number of the frame in its source.
    pub frame_num: i32,
    /// Presentation time, nanoseconds.
    pub buf_pts: u64,
    /// Capture time, nanoseconds since 1970, where the source or the muxer gives it.
    pub ntp_timestamp: u64,
    /// Number of the source.
    pub source_id: u32,
    /// Surfaces of this frame.
    pub num_surfaces_per_frame: i32,
    /// Width before the muxer.
    pub source_frame_width: u32,
    /// Height before the muxer.
    pub source_frame_height: u32,
    /// Kind of surface.
    pub surface_type: u32,
    /// Which surface.
    pub surface_index: u32,
    /// Objects in `obj_meta_list`.
    pub num_obj_meta: u32,
    /// Whether a detector ran.
    pub b_infer_done: i32,
    /// List of [`ObjectMeta`].
    pub obj_meta_list: *mut GList,
    /// List of drawings.
    pub display_meta_list: *mut GList,
    /// List of user metadata.
    pub frame_user_meta_list: *mut GList,
    /// For users.
    pub misc_frame_info: [i64; 4],
    /// Width of the muxer's output: boxes are in its pixels.
    pub pipeline_width: u32,
    /// Height of the muxer's output.
    pub pipeline_height: u32,
}

/// `NvDsComp_BboxInfo`: a box in pixels of the muxer's output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Bbox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// `NvOSD_ColorParams`: each part 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct ColorParams {
    /// Red.
    pub red: f64,
    /// Green.
    pub green: f64,
    /// Blue.
    pub blue: f64,
    /// 1 is opaque.
    pub alpha: f64,
}

/// `NvOSD_RectParams`, up to what version 9 appended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct RectParams {
    /// The box.
    pub bbox: Bbox,
    /// Width of its border in pixels; 0 draws none.
    pub border_width: u32,
    /// Its border.
    pub border_color: ColorParams,
    /// Whether it is filled.
    pub has_bg_color: u32,
    /// For NVIDIA.
    pub reserved: u32,
    /// What it is filled with.
    pub bg_color: ColorParams,
    /// Whether `color_id` holds.
    pub has_color_info: i32,
    /// A colour of a table.
    pub color_id: i32,
}

/// `NvOSD_TextParams`.
#[repr(C)]
pub struct TextParams {
    /// The text, of GLib's memory: freed with the object.
    pub display_text: *mut c_char,
    /// Left edge in pixels.
    pub x_offset: u32,
    /// Top edge in pixels.
    pub y_offset: u32,
    /// Not owned by the object.
    pub font_name: *const c_char,
    /// In points.
    pub font_size: u32,
    /// Of the letters.
    pub font_color: ColorParams,
    /// Whether there is something behind the letters.
    pub set_bg_clr: i32,
    /// What that is.
    pub text_bg_clr: ColorParams,
}

/// `NvDsClassifierMeta`.
#[repr(C)]
pub struct ClassifierMeta {
    /// Base.
    pub base_meta: BaseMeta,
    /// Labels in `label_info_list`.
    pub num_labels: u32,
    /// The classifier's number.
    pub unique_component_id: i32,
    /// List of [`LabelInfo`].
    pub label_info_list: *mut GList,
    /// What it tells; may be null. Not owned, so it must live for ever.
    pub classifier_type: *const c_char,
}

/// `NvDsLabelInfo`.
#[repr(C)]
pub struct LabelInfo {
    /// Base.
    pub base_meta: BaseMeta,
    /// Classes of the classifier.
    pub num_classes: u32,
    /// What it says, up to its first NUL.
    pub result_label: [u8; LABEL_BYTES],
    /// The same where it is too long for that, of GLib's memory: freed with this; else null.
    pub p_result_label: *mut c_char,
    /// The class.
    pub result_class_id: u32,
    /// Which of several answers of the classifier.
    pub label_id: u32,
    /// Its probability.
    pub result_prob: f32,
}

/// `NvDsObjectMeta`, up to the box that is drawn.
#[repr(C)]
pub struct ObjectMeta {
    /// Base.
    pub base_meta: BaseMeta,
    /// The object it is part of, such as the vehicle of a plate.
    pub parent: *mut ObjectMeta,
    /// The detector's number.
    pub unique_component_id: i32,
    /// The detector's class.
    pub class_id: i32,
    /// The track, or [`UNTRACKED`].
    pub object_id: u64,
    /// As detected.
    pub detector_bbox_info: Bbox,
    /// As tracked.
    pub tracker_bbox_info: Bbox,
    /// Score of the detector; [`NO_CONFIDENCE`] where it gives none.
    pub confidence: f32,
    /// Score of the tracker.
    pub tracker_confidence: f32,
    /// The box in use, and how it is drawn.
    pub rect_params: RectParams,
}

/// Known families of layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// DeepStream 6.x.
    V6,
    /// DeepStream 8.
    V8,
    /// DeepStream 9.
    V9,
    /// Another one: only the parts that all have in common can be read.
    Unknown,
}

/// Bytes of what the pools of a batch hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of an object.
    pub object: u32,
    /// Of a frame.
    pub frame: u32,
    /// Of a classifier's answer and of a label of it.
    pub classification: (u32, u32),
}

impl Version {
    /// The version whose pools hold elements of these sizes.
    pub fn of(sizes: Sizes) -> Self {
        match (sizes.object, sizes.frame) {
            _ if sizes.classification != CLASSIFICATION_BYTES => Self::Unknown,
            (544, 200) => Self::V6,
            (544, 232) => Self::V8,
            (552, 232) => Self::V9,
            _ => Self::Unknown,
        }
    }

    /// Offset of `obj_label` in `NvDsObjectMeta`.
    pub const fn label_offset(self) -> Option<usize> {
        match self {
            Self::V6 | Self::V8 => Some(336),
            Self::V9 => Some(344),
            Self::Unknown => None,
        }
    }

    /// Offset of `text_params` in `NvDsObjectMeta`: before the label.
    pub fn text_offset(self) -> Option<usize> {
        self.label_offset()?.checked_sub(size_of::<TextParams>())
    }

    /// Offset of `classifier_meta_list` in `NvDsObjectMeta`: behind the label.
    pub fn classifiers_offset(self) -> Option<usize> {
        self.label_offset()?.checked_add(LABEL_BYTES)
    }
}

/// The label of an object, in the first version that has one at `offset`.
///
/// # Safety
///
/// `object` points to a whole `NvDsObjectMeta` of a version whose label lies at `offset`.
pub(crate) unsafe fn label_at<'a>(object: *const ObjectMeta, offset: usize) -> &'a [u8] {
    // SAFETY: the caller vouches for LABEL_BYTES initialised bytes at this offset.
    unsafe { std::slice::from_raw_parts(object.cast::<u8>().add(offset), LABEL_BYTES) }
}

const _: () = assert!(size_of::<c_char>() == 1);

#[cfg(test)]
mod tests;
