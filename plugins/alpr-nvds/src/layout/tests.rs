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
        (offset_of!(GstNvDsMeta, meta_data), offset_of!(GstNvDsMeta, user_data), offset_of!(GstNvDsMeta, meta_type),),
        (16, 24, 32)
    );
}

#[test]
fn what_is_written_lies_where_nvidia_has_it() {
    assert_eq!((size_of::<ColorParams>(), size_of::<RectParams>(), size_of::<TextParams>()), (32, 104, 104));
    assert_eq!(
        (
            offset_of!(RectParams, border_width),
            offset_of!(RectParams, border_color),
            offset_of!(RectParams, has_bg_color),
            offset_of!(RectParams, bg_color),
            offset_of!(RectParams, color_id),
        ),
        (16, 24, 56, 64, 100)
    );
    assert_eq!(
        (
            offset_of!(TextParams, x_offset),
            offset_of!(TextParams, font_name),
            offset_of!(TextParams, font_size),
            offset_of!(TextParams, font_color),
            offset_of!(TextParams, set_bg_clr),
            offset_of!(TextParams, text_bg_clr),
        ),
        (8, 16, 24, 32, 64, 72)
    );
    assert_eq!(CLASSIFICATION_BYTES, (64, 200));
    assert_eq!(
        (
            offset_of!(ClassifierMeta, num_labels),
            offset_of!(ClassifierMeta, unique_component_id),
            offset_of!(ClassifierMeta, label_info_list),
            offset_of!(ClassifierMeta, classifier_type),
        ),
        (40, 44, 48, 56)
    );
    assert_eq!(
        (
            offset_of!(LabelInfo, result_label),
            offset_of!(LabelInfo, p_result_label),
            offset_of!(LabelInfo, result_class_id),
            offset_of!(LabelInfo, result_prob),
        ),
        (44, 176, 184, 192)
    );
}

#[test]
fn pools_tell_the_version() {
    let known = CLASSIFICATION_BYTES;
    for (object, frame, classification, version, offsets) in [
        (544, 200, known, Version::V6, Some((232, 336, 464))),
        (544, 232, known, Version::V8, Some((232, 336, 464))),
        (552, 232, known, Version::V9, Some((240, 344, 472))),
        (560, 232, known, Version::Unknown, None),
        (552, 200, known, Version::Unknown, None),
        (552, 232, (64, 208), Version::Unknown, None),
    ] {
        let found = Version::of(Sizes { object, frame, classification });
        let lie =
            |version: Version| Some((version.text_offset()?, version.label_offset()?, version.classifiers_offset()?));
        assert_eq!((found, lie(found)), (version, offsets));
    }
}
