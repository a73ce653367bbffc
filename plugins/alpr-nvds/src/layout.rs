//! The parts of DeepStream's structures that are the same in all known versions, and where the other parts lie.
//!
//! Written from the field order that NVIDIA publishes; sizes and offsets are those of 64-bit systems and checked by
//! tests.

use std::ffi::{c_char, c_void};

use glib::ffi::{GList, GRecMutex};

/// Type of the metadata that holds a batch: `NVDS_BATCH_GST_META`.
pub const BATCH_GST_META: i32 = 4097;
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

/// `NvDsComp_BboxInfo`, and the begin of `NvOSD_RectParams`: a box in pixels of the muxer's output.
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
    /// Score of the detector; -0.1 where it gives none.
    pub confidence: f32,
    /// Score of the tracker.
    pub tracker_confidence: f32,
    /// The box in use; first members of `rect_params`.
    pub rect_params: Bbox,
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

impl Version {
    /// The version whose pools have elements of these sizes in bytes.
    pub const fn of(object_size: u32, frame_size: u32) -> Self {
        match (object_size, frame_size) {
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
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn fields_lie_where_nvidia_has_them() {
        assert_eq!((size_of::<BaseMeta>(), offset_of!(BaseMeta, u_context)), (40, 16));
        assert_eq!(offset_of!(MetaPool, element_size), 8);
        assert_eq!(size_of::<BatchMeta>(), 192);
        assert_eq!(
            (
                offset_of!(BatchMeta, num_frames_in_batch),
                offset_of!(BatchMeta, obj_meta_pool),
                offset_of!(BatchMeta, label_info_meta_pool),
                offset_of!(BatchMeta, frame_meta_list),
                offset_of!(BatchMeta, meta_mutex),
                offset_of!(BatchMeta, misc_batch_info),
            ),
            (44, 56, 88, 96, 112, 128)
        );
        assert_eq!(
            (
                offset_of!(FrameMeta, buf_pts),
                offset_of!(FrameMeta, source_id),
                offset_of!(FrameMeta, num_obj_meta),
                offset_of!(FrameMeta, obj_meta_list),
                offset_of!(FrameMeta, misc_frame_info),
                offset_of!(FrameMeta, pipeline_height),
                size_of::<FrameMeta>(),
            ),
            (56, 72, 96, 104, 128, 164, 168)
        );
        assert_eq!(
            (
                offset_of!(ObjectMeta, parent),
                offset_of!(ObjectMeta, class_id),
                offset_of!(ObjectMeta, object_id),
                offset_of!(ObjectMeta, detector_bbox_info),
                offset_of!(ObjectMeta, tracker_bbox_info),
                offset_of!(ObjectMeta, confidence),
                offset_of!(ObjectMeta, rect_params),
            ),
            (40, 52, 56, 64, 80, 96, 104)
        );
        assert_eq!(
            (
                offset_of!(GstNvDsMeta, meta_data),
                offset_of!(GstNvDsMeta, user_data),
                offset_of!(GstNvDsMeta, meta_type),
            ),
            (16, 24, 32)
        );
    }

    #[test]
    fn pools_tell_the_version() {
        for (object, frame, version, label) in [
            (544, 200, Version::V6, Some(336)),
            (544, 232, Version::V8, Some(336)),
            (552, 232, Version::V9, Some(344)),
            (560, 232, Version::Unknown, None),
            (552, 200, Version::Unknown, None),
        ] {
            assert_eq!((Version::of(object, frame), Version::of(object, frame).label_offset()), (version, label));
        }
    }
}
