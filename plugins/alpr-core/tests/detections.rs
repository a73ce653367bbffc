//! Outputs of detectors become plates in the frame.

mod models;

use alpr_core::contract::{
    DetectorContract, DetectorHead, FixedValues, InputBuffer, Mapping, Output, OutputData, Overrides, Rows, Score,
    detector,
};
use alpr_core::detector::{Detection, Thresholds, Trust, decode};
use alpr_core::geometry::{Point, Rect};
use alpr_core::image::{Color, Frame, PixelFormat, Plane};
use models::{Noise, Owned, model, numbers, recorded_model, recorded_run};
use serde_json::Value;

const THRESHOLDS: Thresholds = Thresholds { confidence: 0.25, iou: 0.45, max: 100 };

fn contract(input: &str, outputs: &[&str], props: &[(&str, &str)]) -> DetectorContract {
    detector(&model(&[input], outputs, props), &Overrides::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Where a frame of `width` × `height` pixels goes in the input of `contract`.
fn mapping(contract: &DetectorContract, width: u32, height: u32) -> Mapping {
    let data = vec![0; (width * height) as usize];
    let planes = [Plane { data: &data, stride: width as usize }];
    let frame = Frame::new(PixelFormat::Gray8, width, height, &planes, Color::default()).expect("a frame");
    let mut buffer = InputBuffer::new(&contract.input);
    contract.input.fill(&frame, &Rect::new(0.0, 0.0, width as f32, height as f32), &mut buffer)
}

fn close(a: &Rect, b: &Rect, tolerance: f32) -> bool {
    [a.x - b.x, a.y - b.y, a.w - b.w, a.h - b.h].iter().all(|d| d.abs() <= tolerance)
}

fn find(contract: &DetectorContract, mapping: &Mapping, outputs: &[Owned]) -> Vec<Detection> {
    let outputs: Vec<_> = outputs.iter().map(Owned::output).collect();
    decode(contract, &outputs, mapping, &THRESHOLDS, &mut Trust::default()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn real_networks_find_the_plate_of_a_drawn_car() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("fixtures/detections.json")).unwrap();
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        let contract = detector(&recorded_model(entry), &Overrides::default()).unwrap();
        assert_eq!(contract.family, entry["family"]);
        let size = numbers(&entry["frame"]);
        let mapping = mapping(&contract, size[0] as u32, size[1] as u32);
        let found = find(&contract, &mapping, &recorded_run(entry));
        let expected = entry["expected"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            let b = numbers(&expected["bbox"]);
            assert!(close(&found.bbox, &Rect::new(b[0], b[1], b[2], b[3]), 0.05), "{found:?}");
            assert!((f64::from(found.confidence) - expected["confidence"].as_f64().unwrap()).abs() < 1e-5);
            assert_eq!(u64::from(found.class), expected["class"].as_u64().unwrap());
            let corners: Vec<Point> = expected["corners"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|c| Point::new(numbers(c)[0], numbers(c)[1]))
                .collect();
            match found.corners {
                None => assert!(corners.is_empty()),
                Some(quad) => {
                    assert!(quad.0.iter().zip(&corners).all(|(a, b)| a.distance(*b) < 0.05), "{quad:?}");
                }
            }
            // The plate was drawn here.
            assert!(found.bbox.iou(&Rect::new(399.0, 308.0, 161.0, 42.0)) > 0.7, "{found:?}");
        }
    }
}

/// A plate at (100, 50) to (160, 80) of the input, and its corners, each family's way.
const PLATE: Rect = Rect::new(100.0, 50.0, 60.0, 30.0);

/// `columns` × `n` values, zero but for the rows in `rows`; columns first where `transposed`.
fn table(columns: usize, n: usize, transposed: bool, rows: &[(usize, &[f32])]) -> Vec<f32> {
    let mut values = vec![0.0; columns * n];
    for (row, cells) in rows {
        assert_eq!(cells.len(), columns);
        for (column, cell) in cells.iter().enumerate() {
            values[if transposed { column * n + row } else { row * columns + column }] = *cell;
        }
    }
    values
}

#[test]
fn every_form_of_rows() {
    const INPUT: &str = "images f32 1,3,640,640";
    let pose: &[(&str, &str)] = &[("task", "pose"), ("kpt_shape", "[4, 2]")];
    let visible: &[(&str, &str)] = &[("task", "pose"), ("kpt_shape", "[4, 3]")];
    let detr: &[(&str, &str)] = &[("task", "detect"), ("head", "RTDETRDecoder")];
    let corners = [101.0, 52.0, 159.0, 50.0, 158.0, 78.0, 102.0, 80.0];
    let with = |start: &[f32], step: usize| {
        let mut row = start.to_vec();
        corners.chunks_exact(2).for_each(|p| {
            row.extend_from_slice(p);
            row.extend(std::iter::repeat_n(0.9, step - 2));
        });
        row
    };
    let s = 1.0 / 640.0;
    // Output, metadata, values of the plate's row, whether columns come first, class.
    type Form<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<f32>, bool, u32);
    let forms: Vec<Form<'_>> = vec![
        ("o f32 1,6,8400", &[], vec![130.0, 65.0, 60.0, 30.0, 0.1, 0.8], true, 1),
        ("o f32 1,13,8400", pose, with(&[130.0, 65.0, 60.0, 30.0, 0.8], 2), true, 0),
        ("o f32 1,17,8400", visible, with(&[130.0, 65.0, 60.0, 30.0, 0.8], 3), true, 0),
        ("o f32 1,300,14", pose, with(&[100.0, 50.0, 160.0, 80.0, 0.8, 0.0], 2), false, 0),
        ("o f32 1,300,6", &[], vec![100.0, 50.0, 160.0, 80.0, 0.8, 3.0], false, 3),
        ("o f32 ?,7", &[], vec![0.0, 100.0, 50.0, 160.0, 80.0, 2.0, 0.8], false, 2),
        ("o f32 1,25200,7", &[], vec![130.0, 65.0, 60.0, 30.0, 0.9, 0.1, 0.8 / 0.9], false, 1),
        ("o f32 1,300,6", detr, vec![130.0 * s, 65.0 * s, 60.0 * s, 30.0 * s, 0.8, 0.0], false, 0),
        ("o f32 1,8400,6", &[], vec![130.0 / 8.0 - 7.0, 65.0 / 8.0, 7.5_f32.ln(), 3.75_f32.ln(), 1.0, 0.8], false, 0),
    ];
    for (output, props, row, transposed, class) in forms {
        let contract = contract(INPUT, &[output], props);
        let n: usize = output.split([' ', ',']).filter_map(|d| d.parse().ok()).max().unwrap();
        let n = if output.contains('?') { 40 } else { n };
        let shape = match (output.contains('?'), transposed) {
            (true, _) => vec![n, row.len()],
            (false, true) => vec![1, row.len(), n],
            (false, false) => vec![1, n, row.len()],
        };
        // Row 7: in a grid of 80 columns this is the cell (7, 0).
        let values = table(row.len(), n, transposed, &[(7, &row)]);
        let mapping = mapping(&contract, 1280, 1280);
        let found = find(&contract, &mapping, &[Owned::new("o", &shape, values)]);
        let [plate] = found.as_slice() else { panic!("{} {output}: {found:?}", contract.family) };
        let expected = Rect::new(PLATE.x * 2.0, PLATE.y * 2.0, PLATE.w * 2.0, PLATE.h * 2.0);
        assert!(close(&plate.bbox, &expected, 0.01), "{} {output}: {plate:?}", contract.family);
        assert!((plate.confidence - 0.8).abs() < 1e-5 && plate.class == class, "{output}: {plate:?}");
        assert_eq!(plate.corners.is_some(), props == pose || props == visible, "{output}");
        if let Some(quad) = plate.corners {
            let off =
                quad.0.iter().zip(corners.chunks_exact(2)).map(|(a, b)| a.distance(Point::new(b[0] * 2.0, b[1] * 2.0)));
            assert!(off.fold(0.0, f32::max) < 0.01, "{output}: {quad:?}");
        }
    }
}

#[test]
fn yolox_that_decodes_itself_is_noticed() {
    let contract = contract("images f32 1,3,416,416", &["o f32 1,3549,6"], &[]);
    let mapping = mapping(&contract, 416, 416);
    // Boxes of a decoded export lie all over the picture.
    let mut values = vec![0.0; 3549 * 6];
    for (i, row) in values.chunks_exact_mut(6).enumerate() {
        row[..4].copy_from_slice(&[(i % 52) as f32 * 8.0, (i / 52) as f32 * 6.0, 8.0, 8.0]);
    }
    values[600..606].copy_from_slice(&[130.0, 65.0, 60.0, 30.0, 1.0, 0.8]);
    let found = find(&contract, &mapping, &[Owned::new("o", &[1, 3549, 6], values)]);
    assert!(found.len() == 1 && close(&found[0].bbox, &PLATE, 0.01), "{found:?}");
}

#[test]
fn queries_and_finished_boxes_and_grids() {
    let logit = |p: f32| (p / (1.0 - p)).ln();
    let s = 1.0 / 640.0;
    let boxes = || table(4, 300, false, &[(5, &[130.0 * s, 65.0 * s, 60.0 * s, 30.0 * s])]);
    let logits = || {
        let mut values = vec![-9.0; 600];
        values[11] = logit(0.8);
        values
    };
    let rf = contract("input f32 1,3,640,640", &["dets f32 1,300,4", "labels f32 1,300,2"], &[]);
    let hf = contract("pixel_values f32 1,3,640,640", &["logits f32 1,300,2", "pred_boxes f32 1,300,4"], &[]);
    for (contract, names) in [(&rf, ["dets", "labels"]), (&hf, ["pred_boxes", "logits"])] {
        let outputs = [Owned::new(names[0], &[1, 300, 4], boxes()), Owned::new(names[1], &[1, 300, 2], logits())];
        let found = find(contract, &mapping(contract, 640, 640), &outputs);
        assert!(found.len() == 1 && close(&found[0].bbox, &PLATE, 0.01) && found[0].class == 1, "{found:?}");
        assert!((found[0].confidence - 0.8).abs() < 1e-5);
    }

    let inputs = ["images f32 1,3,640,640", "orig_target_sizes i64 1,2"];
    let outputs = ["labels i64 1,300", "boxes f32 1,300,4", "scores f32 1,300"];
    let rt = detector(&model(&inputs, &outputs, &[]), &Overrides::default()).unwrap();
    assert_eq!(rt.fixed_inputs[0].values, FixedValues::I64(vec![640, 640]));
    let mut labels = vec![0_i64; 300];
    labels[5] = 4;
    let boxes = Owned::new("boxes", &[1, 300, 4], table(4, 300, false, &[(5, &[100.0, 50.0, 160.0, 80.0])]));
    let scores = Owned::new("scores", &[1, 300], table(1, 300, false, &[(5, &[0.8])]));
    let labels = Output { name: "labels", shape: &[1, 300], data: OutputData::I64(&labels) };
    let all = [labels, boxes.output(), scores.output()];
    let found = decode(&rt, &all, &mapping(&rt, 640, 640), &THRESHOLDS, &mut Trust::default()).unwrap();
    assert!(found.len() == 1 && close(&found[0].bbox, &PLATE, 0.01) && found[0].class == 4, "{found:?}");

    // DetectNet: the cell (8, 4) has its centre at (136, 72); offsets count 35 pixels.
    let grid = contract("i f32 1,3,480,640", &["cov f32 1,1,30,40", "bbox f32 1,4,30,40"], &[]);
    let mut coverage = vec![0.0; 1200];
    let mut offsets = vec![0.0; 4800];
    let cell = 4 * 40 + 8;
    coverage[cell] = 0.8;
    for (side, v) in [36.0, 22.0, 24.0, 8.0].iter().enumerate() {
        offsets[side * 1200 + cell] = v / 35.0;
    }
    let outputs = [Owned::new("cov", &[1, 1, 30, 40], coverage), Owned::new("bbox", &[1, 4, 30, 40], offsets)];
    let found = find(&grid, &mapping(&grid, 640, 480), &outputs);
    assert!(found.len() == 1 && close(&found[0].bbox, &PLATE, 0.01), "{found:?}");
}

#[test]
fn finished_boxes_of_other_frameworks() {
    let labels = |value: f32| Owned::new("labels", &[1, 2], vec![value; 2]);
    // Two corners and the score in one output.
    let set = Overrides::parse([("range", "imagenet")]).unwrap();
    let info = model(&["input f32 1,3,640,640"], &["dets f32 1,?,5", "labels i64 1,?"], &[]);
    let mm = detector(&info, &set).unwrap();
    let dets = table(5, 2, false, &[(1, &[100.0, 50.0, 160.0, 80.0, 0.8])]);
    let outputs = [Owned::new("dets", &[1, 2, 5], dets), labels(0.0)];
    let found = find(&mm, &mapping(&mm, 640, 640), &outputs);
    assert!(found.len() == 1 && close(&found[0].bbox, &PLATE, 0.01), "{found:?}");
    assert!((found[0].confidence - 0.8).abs() < 1e-5);
    let short = [Owned::new("dets", &[1, 1, 5], vec![0.0; 5]), labels(0.0)];
    let outputs: Vec<_> = short.iter().map(Owned::output).collect();
    assert!(
        decode(&mm, &outputs, &mapping(&mm, 640, 640), &THRESHOLDS, &mut Trust::default())
            .unwrap_err()
            .to_string()
            .contains("[1, 2, 5]")
    );

    // Heights before widths, as fractions.
    let names = ["detection_boxes", "detection_scores", "detection_classes", "num_detections"];
    let tensors = names.map(|name| format!("{name} f32 1,2{}", if name == names[0] { ",4" } else { "" }));
    let tf = contract("image u8 1,640,640,3", &tensors.each_ref().map(String::as_str), &[]);
    let s = 1.0 / 640.0;
    let boxes = table(4, 2, false, &[(1, &[50.0 * s, 100.0 * s, 80.0 * s, 160.0 * s])]);
    let outputs = [
        Owned::new(names[0], &[1, 2, 4], boxes),
        Owned::new(names[1], &[1, 2], vec![0.0, 0.8]),
        Owned::new(names[2], &[1, 2], vec![1.0; 2]),
    ];
    let found = find(&tf, &mapping(&tf, 640, 640), &outputs);
    assert!(found.len() == 1 && close(&found[0].bbox, &PLATE, 0.01) && found[0].class == 1, "{found:?}");
}

#[test]
fn columns_that_are_no_scores_are_an_error() {
    // YOLOv5-face: where eleven classes of YOLOv5 would be stand five points of a face and one class.
    let contract = contract("input f32 1,3,640,640", &["o f32 1,25200,16"], &[]);
    assert_eq!(contract.family, "yolov5");
    let mapping = mapping(&contract, 640, 640);
    let decoded = |landmark: f32, rows: usize| {
        let row = [320.0, 320.0, 50.0, 50.0, 0.001].into_iter().chain([landmark; 10]).chain([0.9]);
        let mut values: Vec<f32> = row.collect::<Vec<_>>().repeat(rows);
        values.resize(25200 * 16, 0.0);
        decode(
            &contract,
            &[Owned::new("o", &[1, 25200, 16], values).output()],
            &mapping,
            &THRESHOLDS,
            &mut Trust::default(),
        )
    };
    let said = decoded(312.5, 25200).unwrap_err().to_string();
    assert!(said.contains("312.5") && said.contains("set family"), "{said}");
    assert!(decoded(1.01, 25200).is_ok(), "rounding");
    assert!(decoded(312.5, 500).is_ok(), "one row in fifty");
    // Scores that no sigmoid has gone over are mostly far below 0.
    assert!(decoded(-7.0, 25200).is_ok(), "the one class tells");
    // A camera that has shown plates is not stopped by one picture.
    let mut trust = Trust::default();
    let plate = [320.0, 320.0, 50.0, 50.0, 0.9].into_iter().chain([0.9; 11]).collect::<Vec<_>>();
    let good = Owned::new("o", &[1, 25200, 16], table(16, 25200, false, &[(7, &plate)]));
    assert_eq!(decode(&contract, &[good.output()], &mapping, &THRESHOLDS, &mut trust).unwrap().len(), 1);
    let strange = Owned::new("o", &[1, 25200, 16], vec![9.0; 25200 * 16]);
    assert!(decode(&contract, &[strange.output()], &mapping, &THRESHOLDS, &mut trust).is_ok());
    let logits = model(&["i f32 1,3,640,640"], &["o f32 1,5,8400"], &[]);
    let logits = detector(&logits, &Overrides::default()).unwrap();
    let values = Owned::new("o", &[1, 5, 8400], vec![-7.0; 5 * 8400]);
    assert!(decode(&logits, &[values.output()], &mapping, &THRESHOLDS, &mut Trust::default()).is_err());
}

#[test]
fn boxes_in_fractions_are_an_error_where_pixels_should_be() {
    let info = model(&["images f32 1,3,640,640"], &["o f32 1,300,6"], &[]);
    let pixels = detector(&info, &Overrides::default()).unwrap();
    let mapping = mapping(&pixels, 640, 640);
    let decoded = |contract: &DetectorContract, trust: &mut Trust, rows: &[(usize, &[f32])]| {
        let values = Owned::new("o", &[1, 300, 6], table(6, 300, false, rows));
        decode(contract, &[values.output()], &mapping, &THRESHOLDS, trust)
    };
    // As two corners, and as centre and size, which are no corners.
    let fractions: [&[f32]; 2] = [&[0.3, 0.4, 0.5, 0.5, 0.9, 0.0], &[0.6, 0.7, 0.1, 0.05, 0.9, 0.0]];
    for fraction in fractions {
        let mut trust = Trust::default();
        let mut runs = (1..).map(|run| (run, decoded(&pixels, &mut trust, &[(3, fraction)])));
        let (run, said) = runs.find_map(|(run, found)| Some((run, found.err()?.to_string()))).unwrap();
        assert!(run == Trust::PATIENCE && said.contains("boxes=normalized"), "{run}: {said}");
    }
    let set = Overrides::parse([("boxes", "normalized")]).unwrap();
    let normalized = detector(&info, &set).unwrap();
    assert_eq!(decoded(&normalized, &mut Trust::default(), &[(3, fractions[0])]).unwrap().len(), 1);

    // What is not there is no box, and a stray one in the corner tells nothing: cut at the picture, outside it, or after a
    // box in pixels.
    let cut: &[f32] = &[0.0, 0.0, 0.9, 0.8, 0.9, 0.0];
    let outside: &[f32] = &[-9.0, 0.1, 0.9, 0.8, 0.9, 0.0];
    let box_in_pixels: &[f32] = &[100.0, 50.0, 160.0, 80.0, 0.8, 0.0];
    let mut trust = Trust::default();
    let mut many = |rows: &[(usize, &[f32])]| (0..100).map(|_| decoded(&pixels, &mut trust, rows).unwrap().len()).sum();
    let found: [usize; 5] = [
        many(&[]),
        many(&[(3, cut)]),
        many(&[(3, outside)]),
        many(&[(3, fractions[0]), (4, box_in_pixels)]),
        many(&[(3, fractions[0])]),
    ];
    assert_eq!(found, [0, 0, 0, 100, 0]);
}

#[test]
fn classes_that_count_from_one_are_an_error() {
    let of_class = [1.0, 2.0, 0.0].map(|class| [100.0, 50.0, 160.0, 80.0, 0.8, class]);
    let [first, second, zero]: [&[f32]; 3] = of_class.each_ref().map(|row| row.as_slice());
    let info = model(&["images f32 1,3,640,640"], &["o f32 1,300,6"], &[]);
    let run = |labels: &str, rows: &[&[(usize, &[f32])]]| -> Vec<(u32, String)> {
        let settings = Overrides::parse(Some(("labels", labels)).filter(|(_, labels)| !labels.is_empty())).unwrap();
        let contract = detector(&info, &settings).unwrap();
        let (mapping, mut trust) = (mapping(&contract, 640, 640), Trust::default());
        (1..=3 * Trust::PATIENCE)
            .filter_map(|run| {
                let rows = rows[run as usize % rows.len()];
                let values = Owned::new("o", &[1, 300, 6], table(6, 300, false, rows));
                let said = decode(&contract, &[values.output()], &mapping, &THRESHOLDS, &mut trust).err()?;
                Some((run, said.to_string()))
            })
            .collect()
    };
    for (labels, rows) in [("plate", &[&[(3, first)][..]][..]), ("car,plate", &[&[(3, first), (4, second)]])] {
        let said = run(labels, rows);
        assert!(
            said[0].0 == Trust::PATIENCE && said[0].1.contains("with background before them"),
            "{labels}: {said:?}"
        );
    }
    // Names that fit, none at all, or a list that is short: the class that has the first name is there.
    for (labels, rows) in [
        ("car,plate", &[&[(3, first)][..]][..]),
        ("background,plate", &[&[(3, first)]]),
        ("", &[&[(3, second)]]),
        ("plate", &[&[(3, zero)], &[(3, first)]]),
    ] {
        assert_eq!(run(labels, rows), [], "{labels}");
    }
}

#[test]
fn classes_that_count_from_zero_are_an_error_where_zero_is_no_object() {
    let info = model(&["input f32 1,3,480,640"], &["boxes f32 ?,4", "labels i64 ?", "scores f32 ?"], &[]);
    let errors = |settings: &[(&str, &str)], classes: &[f32]| -> Vec<String> {
        let contract = detector(&info, &Overrides::parse(settings.iter().copied()).unwrap()).unwrap();
        let (mapping, mut trust) = (mapping(&contract, 640, 480), Trust::default());
        let run = |class: &f32| {
            let outputs = [
                Owned::new("boxes", &[1, 4], vec![100.0, 50.0, 160.0, 80.0]),
                Owned::new("labels", &[1], vec![*class]),
                Owned::new("scores", &[1], vec![0.9]),
            ];
            let outputs: Vec<_> = outputs.iter().map(Owned::output).collect();
            decode(&contract, &outputs, &mapping, &THRESHOLDS, &mut trust).err().map(|err| err.to_string())
        };
        classes.iter().cycle().take(2 * Trust::PATIENCE as usize).filter_map(run).collect()
    };
    let said = errors(&[("labels", "plate")], &[0.0]);
    assert!(said.len() > 1 && said[0].contains("plate-classes=0"), "{said:?}");
    for (settings, classes) in [
        (&[("labels", "plate")][..], &[1.0][..]),
        (&[("labels", "plate")], &[0.0, 1.0]),
        (&[("plate-classes", "0")], &[0.0]),
        (&[], &[0.0]),
    ] {
        assert_eq!(errors(settings, classes), [""; 0], "{settings:?} {classes:?}");
    }
}

#[test]
fn a_query_for_no_object_is_none() {
    const OUTPUTS: [&str; 2] = ["logits f32 1,100,2", "pred_boxes f32 1,100,4"];
    let info = model(&["pixel_values f32 1,3,640,640"], &OUTPUTS, &[]);
    let detr = detector(&info, &Overrides::parse([("scores", "softmax")]).unwrap()).unwrap();
    let s = 1.0 / 640.0;
    let boxes = table(4, 100, false, &[(5, &[130.0 * s, 65.0 * s, 60.0 * s, 30.0 * s]), (6, &[0.5; 4])]);
    // One class and "no object": of two logits with a difference of ln 4 the larger one has four fifths.
    let mut logits = [-3.0, 6.0].repeat(100);
    logits[10..12].copy_from_slice(&[4_f32.ln() - 2.0, -2.0]);
    let outputs = [Owned::new("pred_boxes", &[1, 100, 4], boxes), Owned::new("logits", &[1, 100, 2], logits)];
    let found = find(&detr, &mapping(&detr, 640, 640), &outputs);
    let [plate] = found.as_slice() else { panic!("{found:?}") };
    assert!(close(&plate.bbox, &PLATE, 0.01) && (plate.confidence - 0.8).abs() < 1e-5, "{plate:?}");
}

/// Without `config.json` nothing in the file of a DETR tells that its last class is no thing.
#[test]
fn queries_that_are_sure_of_no_object_want_a_softmax() {
    let info = |classes: usize| {
        let logits = format!("logits f32 1,100,{classes}");
        model(&["pixel_values f32 1,3,640,640"], &[&logits, "pred_boxes f32 1,100,4"], &[])
    };
    let run = |settings: &[(&str, &str)], logits: &[f32], queries: usize, others: &[f32]| {
        let classes = logits.len();
        let contract = detector(&info(classes), &Overrides::parse(settings.iter().copied()).unwrap()).unwrap();
        let values = [logits.repeat(queries), others.repeat(100 - queries)].concat();
        let outputs = [
            Owned::new("pred_boxes", &[1, 100, 4], [0.5, 0.5, 0.2, 0.1].repeat(100)),
            Owned::new("logits", &[1, 100, classes], values),
        ];
        let outputs: Vec<_> = outputs.iter().map(Owned::output).collect();
        let mapping = mapping(&contract, 640, 640);
        decode(&contract, &outputs, &mapping, &THRESHOLDS, &mut Trust::default()).map(|found| found.len())
    };
    let plate = [4.0, -3.0];
    let said = run(&[], &[-2.0, 5.0], 60, &plate).unwrap_err().to_string();
    assert!(said.contains("scores=softmax") && said.contains("logits"), "{said}");
    assert_eq!(run(&[("scores", "softmax")], &[-2.0, 5.0], 60, &plate), Ok(1));
    // A crowd of the last class, many plates of the first, a model of one class, and one that is sure of nothing.
    assert_eq!(run(&[], &[-2.0, 5.0], 40, &[-6.0, -5.0]), Ok(1));
    assert_eq!(run(&[], &[5.0, -2.0], 100, &[]), Ok(1));
    assert_eq!(run(&[], &[5.0], 100, &[]), Ok(1));
    assert_eq!(run(&[], &[-6.0, -5.0], 100, &[]), Ok(0));
}

#[test]
fn vehicles_come_after_plates_and_nothing_else_comes() {
    let names = [("task", "detect"), ("names", "['car', 'plate', 'person']"), ("end2end", "True")];
    let contract = contract("images f32 1,3,640,640", &["o f32 1,300,6"], &names);
    let row = |dx: f32, score: f32, class: f32| [100.0 + dx, 50.0, 160.0 + dx, 80.0, score, class];
    let rows = [row(0.0, 0.9, 0.0), row(100.0, 0.5, 1.0), row(200.0, 0.8, 2.0), row(300.0, 0.7, 3.0)];
    let values = table(6, 300, false, &rows.iter().enumerate().map(|(i, r)| (i, &r[..])).collect::<Vec<_>>());
    let found = find(&contract, &mapping(&contract, 640, 640), &[Owned::new("o", &[1, 300, 6], values)]);
    assert_eq!(found.iter().map(|d| d.class).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn overlapping_boxes_of_one_class_become_one() {
    let contract = contract("images f32 1,3,640,640", &["o f32 1,300,6"], &[]);
    let row = |dx: f32, score: f32, class: f32| [100.0 + dx, 50.0, 160.0 + dx, 80.0, score, class];
    let rows = [row(0.0, 0.6, 0.0), row(5.0, 0.9, 0.0), row(4.0, 0.5, 1.0), row(100.0, 0.3, 0.0), row(200.0, 0.2, 0.0)];
    let values = table(6, 300, false, &rows.iter().enumerate().map(|(i, r)| (i * 9, &r[..])).collect::<Vec<_>>());
    let found = find(&contract, &mapping(&contract, 640, 640), &[Owned::new("o", &[1, 300, 6], values)]);
    let told: Vec<_> = found.iter().map(|d| (d.bbox.x.round(), d.class)).collect();
    // The weaker of the overlapping pair and what is under the threshold are gone; another class is another thing.
    assert_eq!(told, [(105.0, 0), (104.0, 1), (200.0, 0)]);
}

#[test]
fn impossible_corners_are_left_out_and_the_box_stays() {
    let contract =
        contract("images f32 1,3,640,640", &["o f32 1,300,14"], &[("task", "pose"), ("kpt_shape", "[4, 2]")]);
    let good = [100.0, 50.0, 160.0, 50.0, 160.0, 80.0, 100.0, 80.0];
    let crossed = [100.0, 50.0, 160.0, 80.0, 160.0, 50.0, 100.0, 80.0];
    let elsewhere = good.map(|v| v + 300.0);
    let mut broken = good;
    broken[3] = f32::NAN;
    for (corners, kept) in [(good, true), (crossed, false), (elsewhere, false), (broken, false), ([0.0; 8], false)] {
        let row = [&[100.0, 50.0, 160.0, 80.0, 0.8, 0.0], &corners[..]].concat();
        let values = table(14, 300, false, &[(0, &row)]);
        let found = find(&contract, &mapping(&contract, 640, 640), &[Owned::new("o", &[1, 300, 14], values)]);
        assert_eq!((found.len(), found[0].corners.is_some()), (1, kept), "{corners:?}");
    }
}

#[test]
fn nothing_a_network_says_breaks_the_rules() {
    type Form = (&'static str, usize, bool, &'static [(&'static str, &'static str)]);
    let forms: [Form; 4] = [
        ("o f32 1,13,400", 13, true, &[("task", "pose"), ("kpt_shape", "[4, 2]")]),
        ("o f32 1,300,6", 6, false, &[]),
        ("o f32 1,25200,15", 15, false, &[]),
        ("o f32 1,8400,6", 6, false, &[]),
    ];
    let mut noise = Noise(7);
    for (output, columns, transposed, props) in forms {
        let contract = contract("images f32 1,3,640,640", &[output], props);
        let (w, h) = (1919, 1081);
        let mapping = mapping(&contract, w, h);
        let (mut decoded, mut plates) = (0, 0);
        for round in 0..20 {
            let n = if output.contains("8400") { 8400 } else { 1 + (noise.next() * 300.0) as usize };
            let mut values: Vec<f32> = (0..n * columns).map(|_| noise.wild()).collect();
            // Every other round has scores as a network gives them, and some that are no numbers.
            if let (0, DetectorHead::Rows(Rows { score: Score::Classes { first, count, .. }, .. })) =
                (round % 2, &contract.head)
            {
                for (row, column) in (0..n).flat_map(|row| (4..first + count).map(move |column| (row, column))) {
                    // Between objectness and classes may stand corners.
                    if column == 4 || column >= *first {
                        let score = noise.next();
                        values[if transposed { column * n + row } else { row * columns + column }] =
                            if score < 0.05 { f32::NAN } else { score };
                    }
                }
            }
            let shape = if transposed { [1, columns, n] } else { [1, n, columns] };
            let answer = Owned::new("o", &shape, values);
            // Where too much is no score an error says so.
            let Ok(found) = decode(&contract, &[answer.output()], &mapping, &THRESHOLDS, &mut Trust::default()) else {
                continue;
            };
            decoded += 1;
            plates += found.len();
            assert!(found.len() <= THRESHOLDS.max);
            for (i, d) in found.iter().enumerate() {
                let what = format!("{output} round {round}: {d:?}");
                assert!((THRESHOLDS.confidence..=1.0).contains(&d.confidence), "{what}");
                assert!(d.bbox.is_finite() && d.bbox.w > 0.0 && d.bbox.h > 0.0, "{what}");
                assert!(d.bbox.x >= 0.0 && d.bbox.y >= 0.0, "{what}");
                assert!(d.bbox.right() <= w as f32 + 0.01 && d.bbox.bottom() <= h as f32 + 0.01, "{what}");
                assert!(d.corners.is_none_or(|q| q.0.iter().all(|p| p.x.is_finite() && p.y.is_finite())), "{what}");
                for other in &found[..i] {
                    assert!(other.confidence >= d.confidence, "{what}");
                    assert!(other.class != d.class || other.bbox.iou(&d.bbox) <= THRESHOLDS.iou, "{what}");
                }
            }
        }
        assert!(decoded >= 10 && plates > 0, "{output}: {decoded} rounds, {plates} plates");
    }
}

#[test]
fn other_shapes_are_errors_that_say_what_came() {
    let contract = contract("images f32 1,3,640,640", &["o f32 1,5,8400"], &[]);
    let mapping = mapping(&contract, 640, 640);
    let fail = |outputs: &[Output<'_>]| {
        decode(&contract, outputs, &mapping, &THRESHOLDS, &mut Trust::default()).unwrap_err().to_string()
    };
    let values = vec![0.0; 8400 * 6];
    let output = |name, shape, values| Output { name, shape, data: OutputData::F32(values) };
    assert!(fail(&[output("x", &[1, 5, 8400], &values)]).contains("only x"));
    assert!(
        fail(&[output("o", &[1, 6, 8400], &values)]).contains("expected float32 [1, 5, n], got float32 [1, 6, 8400]")
    );
    assert!(fail(&[output("o", &[1, 5, 8400], &values)]).contains("with 50400 values"));
    assert!(fail(&[output("o", &[2, 5, 4200], &values[..42000])]).contains("[2, 5, 4200]"));
    assert!(fail(&[Output { name: "o", shape: &[1], data: OutputData::I64(&[1]) }]).contains("int64"));
    let none =
        decode(&contract, &[output("o", &[1, 5, 0], &[])], &mapping, &THRESHOLDS, &mut Trust::default()).unwrap();
    assert!(none.is_empty());
}
