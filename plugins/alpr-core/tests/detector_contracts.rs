//! Detectors in use in the field are recognised by their tensors and metadata alone.

mod detectors;
mod models;

use alpr_core::contract::{
    BoxFormat, CornerColumns, DetectorContract, DetectorHead, Layout, Overrides, Role, Rows, Score, Sidecars, Units,
    explain_load_failure, families,
};
use detectors::{open, refusal};
use models::model;

fn rows(contract: &DetectorContract) -> &Rows {
    match &contract.head {
        DetectorHead::Rows(rows) => rows,
        other => panic!("{other:?}"),
    }
}

const DETECT: &[(&str, &str)] =
    &[("task", "detect"), ("names", "{0: 'License_Plate'}"), ("stride", "32"), ("imgsz", "[640, 640]")];

/// Tensors, metadata, expected family, expected input.
type Case = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const UNIT: &str = "RGB NCHW float32 0.00 to 1.00, letterbox pad 114";

const CASES: &[Case] = &[
    (&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], DETECT, "ultralytics", UNIT),
    (&["images f32 ?,3,?,?"], &["output0 f32 ?,5,?"], DETECT, "ultralytics", UNIT),
    (&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], &[], "yolov8", UNIT),
    (&["images f32 1,3,640,640"], &["output0 f32 1,300,6"], &[], "yolo-nms", UNIT),
    (&["images f32 1,3,416,416"], &["output0 f32 ?,7"], &[], "yolo-end2end", UNIT),
    (&["images f32 1,3,640,640"], &["output0 f32 1,25200,6"], &[], "yolov5", UNIT),
    (&["images f32 1,3,640,640"], &["output f32 1,25200,85"], &[], "yolov5", UNIT),
    // Free axes, as its exporter leaves them with `--dynamic`.
    (&["images f32 ?,3,?,?"], &["output0 f32 ?,?,6"], &[("stride", "32"), ("names", "{0: 'lp'}")], "yolov5", UNIT),
    (&["images f32 1,3,640,640"], &["o f32 1,300,6"], &[("stride", "32"), ("names", "{0: 'lp'}")], "yolo-nms", UNIT),
    (&["input f32 1,3,640,640"], &["output f32 1,25200,15"], &[], "yolo-corners", UNIT),
    (&["input f32 1,3,320,320"], &["output f32 1,6300,15"], &[], "yolo-corners", UNIT),
    (
        &["images f32 1,3,416,416"],
        &["output f32 1,3549,6"],
        &[],
        "yolox",
        "BGR NCHW float32 0.00 to 255.00, letterbox-top-left pad 114",
    ),
    (
        &["input f32 1,3,384,384"],
        &["dets f32 1,300,4", "labels f32 1,300,2"],
        &[],
        "rf-detr",
        "RGB NCHW float32 -2.12 to 2.25, stretch",
    ),
    (
        &["images f32 ?,3,640,640", "orig_target_sizes i64 ?,2"],
        &["labels i64 ?,300", "boxes f32 ?,300,4", "scores f32 ?,300"],
        &[],
        "rt-detr",
        "RGB NCHW float32 0.00 to 1.00, stretch",
    ),
    (
        &["pixel_values f32 ?,3,640,640"],
        &["logits f32 ?,300,1", "pred_boxes f32 ?,300,4"],
        &[],
        "detr-transformers",
        "RGB NCHW float32 0.00 to 1.00, stretch",
    ),
    (
        &["input_1:0 f32 ?,3,480,640"],
        &["output_cov/Sigmoid:0 f32 ?,1,30,40", "output_bbox/BiasAdd:0 f32 ?,4,30,40"],
        &[],
        "detectnet-v2",
        "RGB NCHW float32 0.00 to 1.00, stretch",
    ),
];

#[test]
fn families_are_told_apart() {
    for (inputs, outputs, props, family, input) in CASES {
        let contract = open(&model(inputs, outputs, props), &[]);
        assert_eq!(contract.family, *family, "{outputs:?}");
        let text = contract.input.to_string();
        assert!(text.ends_with(input), "{family}: {text}");
        assert_eq!(contract.input.layout, Layout::Nchw);
    }
}

#[test]
fn ultralytics_in_all_its_forms() {
    let detect = |outputs: &[&str], more: &[(&str, &str)]| {
        let props = [DETECT, more].concat();
        open(&model(&["images f32 1,3,640,640"], outputs, &props), &[])
    };
    let raw = detect(&["output0 f32 1,5,8400"], &[]);
    assert!(rows(&raw).transposed);
    assert_eq!(rows(&raw).score, Score::Classes { first: 4, count: 1, objectness: None });
    assert_eq!((rows(&raw).format, rows(&raw).units), (BoxFormat::CenterSize, Units::Pixels));
    assert_eq!(raw.labels, ["License_Plate"]);

    for more in [&[("end2end", "True")][..], &[("args", "{'nms': True}")][..]] {
        let finished = detect(&["output0 f32 1,300,6"], more);
        assert!(!rows(&finished).transposed);
        assert_eq!(
            (rows(&finished).format, rows(&finished).score),
            (BoxFormat::Corners, Score::Best { score: 4, class: 5 })
        );
    }

    let detr = detect(&["output0 f32 1,300,6"], &[("head", "RTDETRDecoder")]);
    assert_eq!((rows(&detr).format, rows(&detr).units), (BoxFormat::CenterSize, Units::Normalized));
    assert!(detr.to_string().contains("stretch"), "{detr}");
    let older = detect(&["output0 f32 1,300,5"], &[("head", "RTDETRDecoder")]);
    assert_eq!(rows(&older).score, Score::Classes { first: 4, count: 1, objectness: None });

    let segment = detect(&["output0 f32 1,37,8400", "output1 f32 1,32,160,160"], &[("task", "segment")]);
    assert_eq!(rows(&segment).score, Score::Classes { first: 4, count: 1, objectness: None });
}

#[test]
fn poses_of_four_points_are_corners() {
    let pose = |output: &str, shape: &str, more: &[(&str, &str)]| {
        let props = [&[("task", "pose"), ("kpt_shape", shape), ("names", "{0: 'plate'}")], more].concat();
        open(&model(&["images f32 ?,3,?,?"], &[output], &props), &[])
    };
    let ours = pose(
        "output0 f32 ?,13,?",
        "[4, 2]",
        &[("imgsz", "[384, 640]"), ("stride", "32"), ("confidence_threshold", "0.35")],
    );
    assert_eq!(rows(&ours).corners, Some(CornerColumns { first: 5, step: 2 }));
    assert_eq!((ours.input.width, ours.input.height), (640, 384));
    assert_eq!(ours.confidence_threshold, Some(0.35));
    // The tool that exports it may leave every axis open.
    let open = pose("output0 f32 ?,?,?", "[4, 2]", &[]);
    assert_eq!((rows(&open).columns, rows(&open).transposed), (13, true));
    let visible = pose("output0 f32 ?,17,?", "[4, 3]", &[]);
    assert_eq!(rows(&visible).corners, Some(CornerColumns { first: 5, step: 3 }));
    let finished = pose("output0 f32 1,300,18", "[4, 3]", &[("end2end", "True")]);
    assert_eq!(rows(&finished).corners, Some(CornerColumns { first: 6, step: 3 }));
    // Other numbers of points are not corners, and boxes are still boxes.
    let people = pose("output0 f32 1,56,8400", "[17, 3]", &[]);
    assert_eq!(rows(&people).corners, None);
    assert_eq!(rows(&people).score, Score::Classes { first: 4, count: 1, objectness: None });
}

#[test]
fn free_sizes_are_chosen_and_checked() {
    let free = model(&["images f32 ?,3,?,?"], &["output0 f32 ?,5,?"], DETECT);
    let contract = open(&free, &[("input-size", "416x256")]);
    assert_eq!(contract.input.shape(2), [2, 3, 256, 416]);
    assert_eq!(open(&free, &[]).input.shape(1), [1, 3, 640, 640]);
    assert!(refusal(&free, &[("input-size", "400x256")]).contains("multiples of 32"));
    assert!(open(&free, &[]).input.flexible.is_some());
    assert_eq!(open(&free, &[("resize", "stretch")]).input.flexible, None, "stretched, all shapes are alike");
    let fixed = model(&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], DETECT);
    assert!(refusal(&fixed, &[("input-size", "416x256")]).contains("only 640x640"));
}

#[test]
fn settings_win_over_what_the_file_says() {
    let info = model(&["images f32 1,3,416,416"], &["output f32 1,3549,6"], &[]);
    let set = [
        ("color-order", "rgb"),
        ("range", "imagenet"),
        ("resize", "stretch"),
        ("decoded", "true"),
        ("labels", "plate"),
    ];
    let contract = open(&info, &set);
    assert_eq!(
        contract.to_string().split(';').next(),
        Some("yolox: images 416x416 RGB NCHW float32 -2.12 to 2.25, stretch, plates plate")
    );
    assert!(rows(&contract).cells.is_empty());
    let queries = open(&model(&["images f32 1,3,640,640"], &["o f32 1,300,6"], &[]), &[("boxes", "normalized")]);
    assert_eq!((rows(&queries).format, rows(&queries).units), (BoxFormat::CenterSize, Units::Normalized));
    // Per-channel numbers follow the order of the channels.
    let rgb = open(&info, &[("range", "imagenet"), ("color-order", "rgb")]).input;
    let bgr = open(&info, &[("range", "imagenet"), ("color-order", "bgr")]).input;
    assert_eq!((rgb.mean[0], rgb.scale[2]), (bgr.mean[2], bgr.scale[0]));
    assert!((rgb.mean[0] - 0.485 * 255.0).abs() < 1e-3);
}

#[test]
fn a_family_can_be_named() {
    // Fifteen columns are corners unless the user knows that they are ten classes.
    let info = model(&["images f32 1,3,640,640"], &["output f32 1,25200,15"], &[]);
    assert_eq!(open(&info, &[("family", "yolov5")]).family, "yolov5");
    // A free number of candidates fits nothing until the family is named.
    let free = model(&["images f32 1,3,640,640"], &["output f32 1,?,6"], &[]);
    assert_eq!(open(&free, &[]).family, "yolo-nms");
    assert_eq!(open(&free, &[("family", "yolox")]).family, "yolox");
    assert!(refusal(&free, &[("family", "yolo9000")]).contains("tensorrt-nms, nanodet"));
    assert!(refusal(&free, &[("family", "rf-detr")]).contains("cannot tell"));
}

#[test]
fn a_run_on_an_empty_picture_tells_what_open_axes_do_not() {
    let tried = |input: &str, props: &[(&str, &str)], tried_on: &str, shape: [usize; 3]| {
        let mut info = model(&[input], &["output0 f32 ?,?,?"], props);
        let trial = info.trial(&Overrides::default()).expect("a trial");
        assert_eq!(trial.to_string(), tried_on);
        info.tried(&trial, &[("output0".into(), shape.to_vec())]);
        info
    };
    // YOLOv9's exporter writes the metadata of YOLOv5's, which it comes from.
    let v5 = &[("names", "{0: 'plate'}"), ("stride", "32")];
    let nine = tried("images f32 ?,3,?,?", v5, "images float32 [1,3,640,640]", [1, 5, 8400]);
    assert_eq!(open(&nine, &[]).family, "yolov8");
    let five = tried("images f32 ?,3,?,?", v5, "images float32 [1,3,640,640]", [1, 25200, 6]);
    assert_eq!(open(&five, &[]).family, "yolov5");
    // YOLOv7 writes none; the number of rows tells it, and its strides.
    let seven = open(&tried("images f32 ?,3,?,?", &[], "images float32 [1,3,640,640]", [1, 25200, 6]), &[]);
    assert_eq!((seven.family, seven.input.flexible.map(|free| free.step)), ("yolov5", Some(32)));
    let batches = tried("images f32 ?,3,320,416", &[], "images float32 [1,3,320,416]", [1, 8190, 7]);
    assert_eq!(open(&batches, &[]).family, "yolov5");
    let bytes = tried("images u8 1,320,416,3", &[], "images uint8 [1,320,416,3]", [1, 2730, 6]);
    assert_eq!(open(&bytes, &[]).family, "yolox");

    for (inputs, output) in [
        (&["images f32 ?,3,?,?"][..], "output0 f32 ?,5,?"),
        (&["images f32 ?,3,?,?"], "output0 f32 ?,?"),
        (&["images f32 ?,3,?,?", "size i64 1,2"], "output0 f32 ?,?,?"),
        (&["images f32 4,3,640,640"], "output0 f32 ?,?,?"),
        (&["tokens i64 1,77"], "output0 f32 ?,?,?"),
    ] {
        assert_eq!(model(inputs, &[output], &[]).trial(&Overrides::default()), None, "{inputs:?} {output}");
    }
    // Some networks are free by name alone, and run on pictures of one size.
    let size = Overrides::parse([("input-size", "320x256")]).expect("good settings");
    let small = model(&["images f32 ?,3,?,?"], &["output0 f32 ?,?,?"], &[]).trial(&size);
    assert_eq!(small.expect("a trial").to_string(), "images float32 [1,3,256,320]");
}

#[test]
fn libreyolo_means_other_things_by_the_same_words() {
    let info = |kind: &str, output: &str| {
        let props = [("libreyolo_version", "1.6.0"), ("task", "detect"), ("names", r#"{"0": "plate"}"#)];
        let more = [("model_family", kind), ("letterbox_pad", "topleft"), ("imgsz", "640")];
        model(&["images f32 ?,3,640,640"], &[output], &[&props[..], &more].concat())
    };
    let nine = open(&info("yolo9", "output f32 ?,5,8400"), &[]);
    assert_eq!((nine.family, rows(&nine).format), ("libreyolo", BoxFormat::Corners));
    assert!(nine.to_string().contains("RGB NCHW float32 0.00 to 1.00, letterbox-top-left pad 114"), "{nine}");
    // Of one class, YOLOX's rows have as many columns as finished boxes.
    let x = open(&info("yolox", "output f32 ?,8400,6"), &[]);
    assert_eq!((x.family, rows(&x).cells.len()), ("yolox", 3));
    assert!(refusal(&info("picodet", "output f32 ?,8400,5"), &[]).contains("exports of picodet"));
    // Whoever wrote it: so many boxes are not finished.
    let info = model(&["images f32 1,3,640,640"], &["output0 f32 1,8400,6"], DETECT);
    assert!(refusal(&info, &[]).contains("does not fit its output"));
}

#[test]
fn yolo_nas_has_the_score_before_the_class() {
    let input = &["input u8 1,3,640,640"];
    let flat = open(&model(input, &["graph2_flat_predictions f32 ?,7"], &[]), &[]);
    assert_eq!(flat.family, "yolo-nas");
    assert_eq!((rows(&flat).first, rows(&flat).score), (1, Score::Best { score: 5, class: 6 }));
    let outputs = [
        "graph2_num_predictions i64 1,1",
        "graph2_pred_boxes f32 1,1000,4",
        "graph2_pred_scores f32 1,1000",
        "graph2_pred_classes i64 1,1000",
    ];
    let batched = open(&model(input, &outputs, &[]), &[]);
    assert!(
        matches!(&batched.head, DetectorHead::Finished(head) if head.scores.as_deref() == Some("graph2_pred_scores"))
    );
    let others = open(&model(&["images f32 1,3,640,640"], &["output f32 ?,7"], &[]), &[]);
    assert_eq!(rows(&others).score, Score::Best { score: 6, class: 5 });
}

#[test]
fn of_two_heads_alike_the_last_is_the_main_one() {
    let outputs = ["output0 f32 1,5,8400", "1598 f32 1,5,8400"];
    let contract = open(&model(&["images f32 1,3,640,640"], &outputs, &[]), &[]);
    assert_eq!((contract.family, rows(&contract).output.as_str()), ("yolov8", "1598"));
    assert!(contract.to_string().contains("of its two heads that of 1598 is used"), "{contract}");
}

#[test]
fn modelinfo_beside_the_model_is_used() {
    let mut info = model(&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], &[]);
    info.config.modelinfo =
        Some("[modelinfo]\nversion=1.0\n[images]\nranges=-1.0,1.0\n[alpr]\ncolor-order=bgr\n".into());
    assert!(open(&info, &[]).to_string().contains("BGR NCHW float32 -1.00 to 1.00"));
    assert!(
        open(&info, &[("range", "0..1"), ("color-order", "rgb")]).to_string().contains("RGB NCHW float32 0.00 to 1.00")
    );
    info.config.modelinfo = Some("[modelinfo]\nversion=1.0\n[alpr]\ncolour=bgr\n".into());
    assert!(refusal(&info, &[]).contains("colour=bgr"));
    info.config.modelinfo = Some("nonsense".into());
    assert!(refusal(&info, &[]).contains(".modelinfo file beside net.onnx: line 1"));
}

#[test]
fn modelinfo_ids_tell_the_family() {
    // The same three dimensions mean different things; the side file of GStreamer says which.
    for (id, output, family) in [
        ("yolo-v8-out", "output0 f32 1,6,8400", "yolov8"),
        ("yolo-26-end2end-out", "output0 f32 1,?,6", "yolo-nms"),
        ("yolox-out", "output0 f32 1,?,6", "yolox"),
    ] {
        let mut info = model(&["images f32 1,3,640,640"], &[output], &[]);
        info.config.modelinfo = Some(format!("[modelinfo]\nversion=1.0\n[output0]\nid={id}\ndir=output\n"));
        assert_eq!(open(&info, &[]).family, family);
    }
}

#[test]
fn names_of_classes_tell_what_is_read() {
    let with = |names: &'static str, output: &str| {
        let props = [("task", "detect"), ("names", names)];
        model(&["images f32 1,3,640,640"], &[output], &props)
    };
    let mixed = with("{0: 'car', 1: 'license-plate', 2: 'person'}", "output0 f32 1,7,8400");
    let roles = |contract: &DetectorContract| [0, 1, 2].map(|class| contract.classes.role(class));
    assert_eq!(roles(&open(&mixed, &[])), [Role::Vehicle, Role::Plate, Role::Other]);
    assert_eq!(roles(&open(&mixed, &[("plate-classes", "2")])), [Role::Vehicle, Role::Other, Role::Plate]);
    assert!(refusal(&mixed, &[("plate-classes", "lorry")]).contains("car, license-plate, person, and their indices"));

    let coco = with("{0: 'person', 1: 'bicycle', 2: 'car'}", "output0 f32 1,7,8400");
    assert!(refusal(&coco, &[]).contains("person, bicycle, car, and none of them is named as plates are"));
    assert_eq!(open(&coco, &[("plate-classes", "bicycle")]).classes.role(1), Role::Plate);

    let faces = with("{0: 'FACE_FEMALE', 1: 'FACE_MALE'}", "output0 f32 1,6,8400");
    assert!(refusal(&faces, &[]).contains("FACE_FEMALE, FACE_MALE, and none of them"));

    let colors = open(&with("['blue', 'green']", "output0 f32 1,6,8400"), &[]);
    assert_eq!(roles(&colors), [Role::Plate; 3]);
    assert!(colors.to_string().contains("all its classes (blue, green) are taken for plates"), "{colors}");
    let unnamed = open(&model(&["images f32 1,3,640,640"], &["output0 f32 1,7,8400"], &[]), &[]);
    assert!(unnamed.to_string().contains("its 3 classes have no names"), "{unnamed}");
}

#[test]
fn transformers_say_what_they_want_in_their_own_files() {
    let open_with = |config: Option<&str>, preprocessor: Option<&str>, settings: &[(&str, &str)]| {
        let outputs = ["logits f32 ?,?,?", "pred_boxes f32 ?,?,4"];
        let mut info = model(&["pixel_values f32 ?,3,?,?"], &outputs, &[]);
        (info.config.transformers, info.config.preprocessor) =
            (config.map(str::to_owned), preprocessor.map(str::to_owned));
        open(&info, settings)
    };
    let has_no_object = |contract: &DetectorContract| match contract.head {
        DetectorHead::Queries { no_object, .. } => no_object,
        ref other => panic!("{other:?}"),
    };
    let nothing = open_with(None, None, &[]);
    assert!(!has_no_object(&nothing) && nothing.to_string().contains("put config.json"), "{nothing}");
    assert!(nothing.to_string().contains("set scores=softmax"), "{nothing}");
    let set = open_with(None, None, &[("scores", "softmax")]);
    assert!(has_no_object(&set) && !set.to_string().contains("set scores"), "{set}");

    let yolos = open_with(
        Some(r#"{"model_type": "yolos", "id2label": {"0": "vehicle", "1": "license-plates"}}"#),
        Some(
            r#"{"do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
                 "size": {"shortest_edge": 480, "longest_edge": 800}}"#,
        ),
        &[],
    );
    assert!(has_no_object(&yolos));
    assert_eq!(yolos.classes.role(1), Role::Plate);
    let text = yolos.to_string();
    assert!(text.contains("640x480 RGB NCHW float32 -1.00 to 1.00, letterbox"), "{text}");
    assert!(!text.contains("config.json"), "{text}");

    let rt = open_with(
        Some(r#"{"model_type": "rt_detr_v2", "id2label": {"0": "plate"}}"#),
        Some(
            r#"{"do_normalize": false, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
                 "size": {"height": 600, "width": 1000}}"#,
        ),
        &[],
    );
    assert!(!has_no_object(&rt));
    assert!(rt.to_string().contains("1000x600 RGB NCHW float32 0.00 to 1.00, stretch"), "{rt}");

    let detr = open_with(Some(r#"{"model_type": "detr"}"#), None, &[]);
    assert!(detr.to_string().contains("-2.12 to 2.25"), "{detr}");
}

#[test]
fn transformers_are_known_by_either_end() {
    let named = |contract: &DetectorContract| match &contract.head {
        DetectorHead::Queries { boxes, logits, no_object } => (logits.clone(), boxes.clone(), *no_object),
        other => panic!("{other:?}"),
    };
    // The input under another name: then the outputs tell it, and whose the files beside it are.
    let mut info = model(&["images f32 1,3,160,224"], &["logits f32 1,30,4", "pred_boxes f32 1,30,4"], &[]);
    info.config.transformers = Some(r#"{"model_type": "detr"}"#.into());
    let contract = open(&info, &[]);
    assert_eq!(
        (contract.family, named(&contract)),
        ("detr-transformers", ("logits".into(), "pred_boxes".into(), true))
    );
    assert!(contract.to_string().contains("-2.12 to 2.25"), "{contract}");

    // The outputs under names of operators, with as many classes as boxes have numbers: then their order tells which is which.
    let outputs =
        ["linear_26 f32 1,30,4", "sigmoid f32 1,30,4", "layer_norm_8 f32 1,30,64", "layer_norm_1 f32 1,35,64"];
    let contract = open(&model(&["pixel_values f32 1,3,160,224"], &outputs, &[]), &[]);
    assert_eq!(
        (contract.family, named(&contract)),
        ("detr-transformers", ("linear_26".into(), "sigmoid".into(), false))
    );
    // Neither tells it, and other networks have such a picture too.
    assert!(refusal(&model(&["images f32 1,3,160,224"], &outputs, &[]), &[]).contains("cannot tell"));
    let features = ["last_hidden_state f32 1,197,768", "pooler f32 1,197,64"];
    assert!(refusal(&model(&["pixel_values f32 1,3,224,224"], &features, &[]), &[]).contains("cannot tell"));
}

#[test]
fn the_licence_of_a_copyleft_model_is_told() {
    let with = |license: &'static str| {
        let props = [DETECT, &[("license", license)]].concat();
        open(&model(&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], &props), &[]).to_string()
    };
    assert!(with("AGPL-3.0 License (https://ultralytics.com/license)").contains("licence of the model: AGPL-3.0"));
    assert!(!with("MPL-2.0").contains("licence"));
}

#[test]
fn what_cannot_be_used_is_refused_with_advice() {
    type Refused =
        (&'static [&'static str], &'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
    const IMAGE: &str = "images f32 1,3,640,640";
    const CASES: &[Refused] = &[
        (&["Input f32 ?,3,480,640"], &["BatchedNMS i32 ?,1", "BatchedNMS_1 f32 ?,200,4"], &[], "TensorRT's NMS plugin"),
        (&[IMAGE], &["output0 f32 1,6,8400"], &[("task", "obb"), ("names", "{0: 'plate'}")], "rotated"),
        (&[IMAGE], &["output0 f32 1,9,8400"], DETECT, "does not fit its output"),
        (&[IMAGE], &["output0 f32 1,13,8400"], &[("task", "pose")], "kpt_shape"),
        (&["images f32 4,3,640,640"], &["output0 f32 4,5,8400"], DETECT, "batch of 1"),
        (&["images f16 1,3,640,640"], &["output0 f16 1,5,8400"], DETECT, "float32 input"),
        (&["images f32 1,3,640,640"], &["output0 f16 1,5,8400"], DETECT, "float32 inputs and outputs"),
        (&["images f16 1,3,640,640"], &["output0 f16 1,25200,6"], &[], "float32 inputs and outputs"),
        (
            &["input u8 ?,64,128,3"],
            &["plate f32 ?,10,37", "region f32 ?,66"],
            &[],
            "it is a reader of plates (fast-plate-ocr)",
        ),
        (&["input f32 1,3,416,416"], &["output f32 1,4056,16"], &[], "output output float32 [1,4056,16]"),
        (
            &["pixel_values f32 1,3,640,640", "pixel_mask i64 1,640,640"],
            &["logits f32 1,100,2", "pred_boxes f32 1,100,4"],
            &[],
            "the input pixel_mask int64 [1,640,640]",
        ),
        (&[IMAGE], &["output f32 1,3,80,80,6", "292 f32 1,3,40,40,6", "304 f32 1,3,20,20,6"], &[], "YOLOv7: --grid"),
        (&[IMAGE], &["a f32 1,18,80,80", "b f32 1,18,40,40", "c f32 1,18,20,20"], &[], "anchors and strides"),
        (&["tokens i64 1,77"], &["logits f32 1,1000"], &[], "input tokens int64 [1,77]"),
        (&[], &[], &[], "the keys are family"),
    ];
    for (inputs, outputs, props, part) in CASES {
        let message = refusal(&model(inputs, outputs, props), &[]);
        assert!(message.contains(part) && message.contains("net.onnx"), "{part}: {message}");
    }
}

#[test]
fn the_page_of_models_knows_every_family_file_and_key() {
    let page = include_str!("../../../docs/models.md");
    for family in families().concat() {
        assert!(page.contains(&format!("\n| `{family}` |")), "{family}");
    }
    for (key, accepted) in Overrides::keys() {
        assert!(page.contains(&format!("\n| `{key}` | {accepted}")), "{key}");
    }
    for (_, file) in Sidecars::candidates("M.onnx") {
        let shown = if file.starts_with('M') { file.replacen('M', "<model>", 1) } else { file };
        assert!(page.contains(&format!("`{shown}`")), "{shown}");
    }
}

#[test]
fn load_failures_are_explained() {
    for (message, part) in [
        (
            "Load model from x.onnx failed: Fatal error: TRT:EfficientNMS_TRT(-1) is not a registered function/op",
            "EfficientNMS_TRT",
        ),
        ("Fatal error: TRT:YoloLayer_TRT(-1) is not a registered function/op", "TensorRT plugin"),
        ("This is an invalid model. Error: No Op registered for Foo with domain_version of 23", "an operator"),
        ("Could not find an implementation for Cos(7) node with name '/aifi.0/Cos'", "an operator"),
        ("Could not find an implementation for EfficientNMS_TRT(1) node with name 'batched_nms'", "EfficientNMS_TRT"),
        ("Could not find an implementation for Cos(7) node with name '/aifi.0/Cos'", "onnxslim"),
        (
            "Exception during initialization: filesystem error: cannot get file size: No such file or directory [x.onnx.data]",
            "put that beside it",
        ),
        ("External data path does not exist: \"x.onnx.data\"", "put that beside it"),
        (
            "Type Error: Type (tensor(float16)) of output arg (x) of node (Cast_3) does not match expected type (tensor(float))",
            "float32",
        ),
        ("Unsupported model IR version: 14, max supported IR version: 13", "newer"),
        (
            "ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions. Current official support for domain ai.onnx is till opset 21.",
            "newer",
        ),
    ] {
        assert!(explain_load_failure(message).is_some_and(|advice| advice.contains(part)), "{message}");
    }
    assert_eq!(explain_load_failure("Load model from TRT/opset.onnx failed: File doesn't exist"), None);
}

#[test]
fn names_of_classes_have_no_control_characters() {
    let named = [("task", "detect"), ("names", "{0: \"plate\\0\"}"), ("stride", "32")];
    let contract = open(&model(&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], &named), &[]);
    assert_eq!(contract.labels, ["plate\u{fffd}"]);
}
