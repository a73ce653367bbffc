//! What exporters of detectors write whose outputs look like those of others.

mod detectors;
mod models;

use alpr_core::contract::{BoxFormat, DetectorContract, DetectorHead, Finished, FixedValues, Score, Units};
use detectors::{open, refusal};
use models::model;

const IMAGE: &str = "images f32 1,3,640,640";

fn finished(contract: &DetectorContract) -> &Finished {
    match &contract.head {
        DetectorHead::Finished(head) => head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn yolov6_has_as_many_rows_as_yolox_and_another_name() {
    for output in ["outputs f32 1,8400,6", "outputs f32 ?,8400,6"] {
        let six = open(&model(&[IMAGE], &[output], &[]), &[]);
        assert_eq!(six.family, "yolov5");
        assert!(six.to_string().contains("RGB NCHW float32 0.00 to 1.00, letterbox pad 114"), "{six}");
        let DetectorHead::Rows(rows) = &six.head else { panic!("{:?}", six.head) };
        assert!(rows.cells.is_empty(), "its boxes are decoded");
    }
    // With P6 a fourth grid.
    assert_eq!(open(&model(&["images f32 1,3,1280,1280"], &["outputs f32 1,34000,6"], &[]), &[]).family, "yolov5");
    // YOLOv5 and YOLOv7 with outputs of that name have three anchors a cell.
    let five = open(&model(&[IMAGE], &["outputs f32 1,25200,6"], &[]), &[]);
    assert!(five.family == "yolov5" && !five.to_string().contains("YOLOv6"), "{five}");
    let x = open(&model(&[IMAGE], &["outputs f32 1,8400,6"], &[]), &[("family", "yolox")]);
    assert!(x.to_string().contains("BGR NCHW float32 0.00 to 255.00"), "{x}");
    assert_eq!(open(&model(&[IMAGE], &["output f32 1,8400,6"], &[]), &[]).family, "yolox");
}

#[test]
fn finished_boxes_in_four_outputs() {
    let outputs = ["num_dets i64 1,1", "det_boxes f32 1,?,4", "det_scores f32 1,?", "det_classes i64 1,?"];
    let six = open(&model(&[IMAGE], &outputs, &[]), &[]);
    let head = finished(&six);
    assert_eq!(
        (six.family, head.boxes.as_str(), head.scores.as_deref()),
        ("yolo-dets", "det_boxes", Some("det_scores"))
    );
    assert_eq!((head.format, head.units, head.background), (BoxFormat::Corners, Units::Pixels, false));
    let set = open(&model(&[IMAGE], &outputs, &[]), &[("boxes", "normalized")]);
    assert_eq!(finished(&set).units, Units::Normalized);

    // TensorFlow has heights before widths, fractions, and its first class is 1.
    let outputs = [
        "detection_boxes:0 f32 1,100,4",
        "detection_classes:0 f32 1,100",
        "detection_scores:0 f32 1,100",
        "num_detections:0 f32 1",
        "raw_detection_boxes:0 f32 1,1917,4",
    ];
    let info = model(&["input_tensor:0 u8 1,?,?,3"], &outputs, &[]);
    let tensorflow = open(&info, &[("labels", "car,plate")]);
    let head = finished(&tensorflow);
    assert_eq!((tensorflow.family, head.format, head.units), ("tensorflow", BoxFormat::CornersYx, Units::Normalized));
    assert_eq!(tensorflow.labels, ["background", "car", "plate"]);
    assert!(tensorflow.to_string().contains("plates plate, vehicles car"), "{tensorflow}");
    assert_eq!(open(&info, &[("labels", "???,car,plate")]).labels, ["???", "car", "plate"]);
    assert!(tensorflow.to_string().contains("RGB NHWC uint8, letterbox"), "{tensorflow}");
}

#[test]
fn nothing_in_a_deim_tells_whose_pixels_it_wants() {
    let outputs = ["labels i64 1,300", "boxes f32 1,300,4", "scores f32 1,300"];
    let info = model(&[IMAGE, "orig_target_sizes i64 1,2"], &outputs, &[]);
    let usual = open(&info, &[]).to_string();
    assert!(usual.contains("0.00 to 1.00") && usual.contains("DINOv3 wants range=imagenet"), "{usual}");
    let set = open(&info, &[("range", "imagenet")]).to_string();
    assert!(set.contains("-2.12 to 2.25") && !set.contains("range=imagenet"), "{set}");
}

#[test]
fn custom_vision_says_its_pixels_in_onnx_own_words() {
    let outputs = ["detected_boxes f32 1,?,4", "detected_classes i64 1,?", "detected_scores f32 1,?"];
    let said = [("Image.BitmapPixelFormat", "Bgr8"), ("Image.NominalPixelRange", "NominalRange_0_255")];
    // The names tell it; without a batch it looks like torchvision's, whose boxes are pixels and whose classes count from 1.
    for outputs in [outputs, ["detected_boxes f32 ?,4", "detected_classes i64 ?", "detected_scores f32 ?"]] {
        let contract = open(&model(&["image_tensor f32 ?,3,320,320"], &outputs, &said), &[("labels", "car,plate")]);
        let head = finished(&contract);
        assert_eq!(
            (contract.family, head.format, head.units),
            ("custom-vision", BoxFormat::Corners, Units::Normalized)
        );
        assert_eq!((head.background, contract.labels.concat().as_str()), (false, "carplate"));
        assert!(contract.to_string().contains("BGR NCHW float32 0.00 to 255.00, stretch"), "{contract}");
    }
    let info = model(&["image_tensor f32 ?,3,320,320"], &outputs, &[]);
    assert!(open(&info, &[]).to_string().contains("RGB NCHW float32 0.00 to 1.00"));
    let info = model(&["image_tensor f32 ?,3,320,320"], &outputs, &said);
    assert!(open(&info, &[("range", "-1..1")]).to_string().contains("BGR NCHW float32 -1.00 to 1.00"));
    let grid = model(&["data f32 ?,3,416,416"], &["model_outputs0 f32 ?,35,13,13"], &[]);
    assert!(refusal(&grid, &[]).contains("General (compact) [S1]"));
}

#[test]
fn torchvision_is_known_by_its_outputs_without_a_batch() {
    for outputs in [
        ["boxes f32 ?,4", "labels i64 ?", "scores f32 ?"],
        // SSD has another order, and an export without names has numbers.
        ["2917 f32 ?,4", "2918 f32 ?", "2919 i64 ?"],
    ] {
        let contract = open(&model(&["input f32 1,3,480,640"], &outputs, &[]), &[("labels", "plate")]);
        let head = finished(&contract);
        assert_eq!((contract.family, head.format, head.units), ("torchvision", BoxFormat::Corners, Units::Pixels));
        assert!(head.labels == "labels" || head.labels == "2919", "{head:?}");
        assert_eq!(contract.labels, ["background", "plate"]);
        let set = [("labels", "__background__,plate"), ("boxes", "normalized")];
        let contract = open(&model(&["input f32 1,3,480,640"], &outputs, &[]), &set);
        assert_eq!(
            (contract.labels.concat().as_str(), finished(&contract).units),
            ("__background__plate", Units::Normalized)
        );
        assert!(contract.to_string().contains("640x480 RGB NCHW float32 0.00 to 1.00, letterbox"), "{contract}");
    }
    let flat = model(&["input f32 3,480,640"], &["boxes f32 ?,4", "labels i64 ?", "scores f32 ?"], &[]);
    assert!(refusal(&flat, &[]).contains("torch.rand(1, 3, 480, 640)"));
}

#[test]
fn what_pixels_are_is_asked_where_no_file_tells() {
    let mm = model(&["input f32 1,3,640,640"], &["dets f32 1,?,5", "labels i64 1,?"], &[]);
    let said = refusal(&mm, &[]);
    assert!(said.contains("pipeline.json") && said.contains("RTMDet range=imagenet color-order=bgr"), "{said}");
    let rtmdet = open(&mm, &[("range", "imagenet"), ("color-order", "bgr")]);
    assert_eq!((rtmdet.family, &finished(&rtmdet).scores), ("mmdeploy", &None));
    let fractions = open(&mm, &[("range", "imagenet"), ("boxes", "normalized")]);
    assert_eq!((finished(&rtmdet).units, finished(&fractions).units), (Units::Pixels, Units::Normalized));
    assert!(rtmdet.to_string().contains("BGR NCHW float32 -1.80 to 2.64, letterbox-top-left pad 114"), "{rtmdet}");

    let inputs = ["im_shape f32 ?,2", "image f32 ?,3,640,640", "scale_factor f32 ?,2"];
    let paddle = model(&inputs, &["multiclass_nms3_0.tmp_0 f32 ?,6", "multiclass_nms3_0.tmp_2 i32 ?"], &[]);
    assert!(refusal(&paddle, &[]).contains("infer_cfg.yml"));
    let contract = open(&paddle, &[("range", "0..1")]);
    assert_eq!(contract.family, "paddledetection");
    let DetectorHead::Rows(rows) = &contract.head else { panic!("{:?}", contract.head) };
    assert_eq!((rows.first, rows.score), (2, Score::Best { score: 1, class: 0 }));
    let fed: Vec<_> = contract.fixed_inputs.iter().map(|fixed| (fixed.name.as_str(), fixed.values.clone())).collect();
    let expected = [("scale_factor", [1.0, 1.0]), ("im_shape", [640.0, 640.0])];
    assert_eq!(fed, expected.map(|(name, values)| (name, FixedValues::F32(values.to_vec()))));
}

#[test]
fn nanodet_is_not_taken_for_yolox() {
    for (input, output) in
        [("data f32 1,3,320,320", "output f32 1,2125,33"), ("data f32 1,3,416,416", "output f32 1,3598,112")]
    {
        assert!(refusal(&model(&[input], &[output], &[]), &[]).contains("NanoDet"), "{output}");
    }
}

#[test]
fn corners_with_other_classes_can_be_named() {
    let info = model(&["input f32 1,3,640,640"], &["output f32 1,25200,14"], &[]);
    assert_eq!(open(&info, &[]).family, "yolov5");
    let corners = open(&info, &[("family", "yolo-corners")]);
    let DetectorHead::Rows(rows) = &corners.head else { panic!("{:?}", corners.head) };
    assert_eq!(rows.score, Score::Classes { first: 13, count: 1, objectness: Some(4) });
    assert!(rows.corners.is_some());
}

#[test]
fn grids_beside_the_rows_they_make_change_nothing() {
    let grids = ["a f32 1,3,80,80,7", "b f32 1,3,40,40,7", "c f32 1,3,20,20,7"];
    let outputs = [&["output f32 1,25200,7"], &grids[..]].concat();
    let DetectorHead::Rows(rows) = open(&model(&[IMAGE], &outputs, &[]), &[]).head else { panic!("rows") };
    assert_eq!((rows.output.as_str(), rows.columns), ("output", 7));
    // Alone they are no boxes, with what the auxiliary heads of YOLOv7-W6 are made of beside them either.
    let auxiliary = [&grids[..], &["d f32 1,3,10,10,7", "e f32 1,320,80,80", "f f32 1,640,40,40"]].concat();
    assert!(refusal(&model(&[IMAGE], &auxiliary, &[]), &[]).contains("YOLOv7: --grid"));
    // Masks of a segmentation are no grids, and their coefficients no classes.
    assert!(refusal(&model(&[IMAGE], &["o f32 1,37,8400", "m f32 1,32,160,160"], &[]), &[]).contains("cannot tell"));
}

#[test]
fn readers_are_no_yolov8() {
    for (input, output) in [
        ("x f32 1,3,48,168", "y f32 1,21,78"),
        ("x f32 1,3,48,320", "y f32 1,40,6625"),
        ("x f32 1,3,32,160", "y f32 1,20,80"),
    ] {
        refusal(&model(&[input], &[output], &[]), &[]);
    }
    for (side, cells) in [(640, 8400), (640, 34000), (640, 2000), (320, 1600), (320, 100), (1280, 34000), (416, 3549)] {
        let info = model(&[&format!("images f32 1,3,{side},{side}")], &[&format!("o f32 1,5,{cells}")], &[]);
        assert_eq!(open(&info, &[]).family, "yolov8", "{side} {cells}");
    }
    let odd = model(&[IMAGE], &["o f32 1,5,8401"], &[]);
    assert!(refusal(&odd, &[]).contains("cannot tell"));
    assert_eq!(open(&odd, &[("family", "yolov8")]).family, "yolov8");
}
