//! Readers in use in the field are recognised by their tensors, metadata and side files.

mod models;

use alpr_core::contract::{ModelInfo, Overrides, ReaderContract, ReaderHead, reader};
use alpr_core::geometry::{Point, Quad, Rect};
use models::model;

fn open(info: &ModelInfo, settings: &[(&str, &str)]) -> ReaderContract {
    reader(info, &Overrides::parse(settings.iter().copied()).expect("good settings")).unwrap_or_else(|e| panic!("{e}"))
}

fn refusal(info: &ModelInfo, settings: &[(&str, &str)]) -> String {
    reader(info, &Overrides::parse(settings.iter().copied()).expect("good settings"))
        .expect_err("a refusal")
        .to_string()
}

fn symbols(contract: &ReaderContract) -> String {
    contract.alphabet.symbols().iter().collect()
}

const LATIN: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

#[test]
fn fast_plate_ocr_with_its_side_file() {
    let mut info = model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37", "region f32 ?,3"], &[]);
    info.config.plate_config = Some(
        "max_plate_slots: 10\nalphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_'\npad_char: '_'\nimg_height: 64\n\
         img_width: 128\nimage_color_mode: rgb\nplate_regions: ['Germany', 'United States', 'Unknown']\n"
            .into(),
    );
    let contract = open(&info, &[]);
    assert_eq!(contract.to_string(), "fast-plate-ocr: input 128x64 RGB NHWC uint8, stretch, 36 symbols, 3 regions");
    assert_eq!(
        contract.head,
        ReaderHead::Slots { output: "plate".into(), slots: 10, pad: 36, region: Some("region".into()) }
    );
    assert_eq!(contract.regions, ["DE", "US", ""]);
    assert_eq!(symbols(&contract), LATIN);
    // A list that does not fit the head is no list.
    info.outputs[1].shape[1] = Some(4);
    let contract = open(&info, &[]);
    assert!(contract.regions.is_empty() && contract.to_string().contains("regions are not told"), "{contract}");
    assert_eq!(open(&info, &[("regions", "DE,US,FR,US-FL")]).regions, ["DE", "US", "FR", "US-FL"]);
}

#[test]
fn fast_plate_ocr_of_other_shapes() {
    let plain = open(&model(&["input u8 ?,64,128,3"], &["Identity:0 f32 ?,9,37"], &[]), &[]);
    assert_eq!(symbols(&plain), LATIN);
    assert!(plain.to_string().contains("are assumed"), "{plain}");
    assert_eq!(open(&model(&["x u8 1,64,128,3"], &["y f32 1,9,37"], &[]), &[]).input.batch, Some(1));

    let mut legacy = model(&["input u8 ?,70,140,1"], &["dense f32 ?,333"], &[]);
    legacy.config.plate_config =
        Some(format!("max_plate_slots: 9\nalphabet: '{LATIN}_'\npad_char: '_'\nimg_height: 70\nimg_width: 140\n"));
    let contract = open(&legacy, &[]);
    assert!(contract.to_string().contains("140x70 gray NHWC uint8"), "{contract}");
    assert_eq!(contract.head, ReaderHead::Slots { output: "dense".into(), slots: 9, pad: 36, region: None });

    let mut floats = model(&["input f32 ?,3,64,128"], &["plate f32 ?,8,12"], &[]);
    floats.config.plate_config =
        Some("alphabet: '_0123456789-'\npad_char: '_'\nimage_color_mode: rgb\nkeep_aspect_ratio: true\n".into());
    let contract = open(&floats, &[]);
    assert!(contract.to_string().contains("RGB NCHW float32 0.00 to 255.00, letterbox pad 114"), "{contract}");
    assert_eq!(contract.head, ReaderHead::Slots { output: "plate".into(), slots: 8, pad: 0, region: None });
    assert_eq!(symbols(&contract), "0123456789-");
}

#[test]
fn our_own_reader_says_it_all_itself() {
    let props = [
        ("task", "plate-reader"),
        ("alphabet", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
        ("pad_char", "_"),
        ("regions", r#"["DE","US-FL",""]"#),
        ("crop_margin", "0.08"),
    ];
    let info = model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37", "region f32 ?,3"], &props);
    let contract = open(&info, &[]);
    assert_eq!(contract.to_string(), "plate-reader: input 128x64 RGB NHWC uint8, stretch, 36 symbols, 3 regions");
    assert_eq!(
        (contract.crop_margin, contract.regions.as_slice()),
        (0.08, &["DE".to_owned(), "US-FL".into(), String::new()][..])
    );
    let broken = model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &props[..1]);
    assert!(refusal(&broken, &[]).contains("`alphabet` is missing"));
}

#[test]
fn crops_grow_along_the_plates_sides() {
    let props = [("task", "plate-reader"), ("alphabet", LATIN), ("crop_margin", "0.1")];
    let contract = open(&model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &props), &[]);
    let close = |a: Quad, b: Quad| a.0.iter().zip(b.0).all(|(a, b)| a.distance(b) < 1e-3);
    let upright = Rect::new(100.0, 50.0, 40.0, 10.0);
    let expected = Quad::from_rect(&Rect::new(96.0, 49.0, 48.0, 12.0));
    assert!(close(contract.crop(&upright, None), expected));
    assert!(close(contract.crop(&upright, Some(&Quad::from_rect(&upright))), expected));
    let p = Point::new;
    let slanted = Quad([p(0.0, 0.0), p(100.0, 20.0), p(90.0, 40.0), p(-10.0, 20.0)]);
    let grown = Quad([p(-9.0, -4.0), p(111.0, 20.0), p(99.0, 44.0), p(-21.0, 20.0)]);
    assert!(close(contract.crop(&upright, Some(&slanted)), grown), "{:?}", contract.crop(&upright, Some(&slanted)));
}

#[test]
fn ctc_families() {
    let paddle = model(&["x f32 ?,3,48,?"], &["softmax_2.tmp_0 f32 ?,?,6"], &[("character", "京\nA\n水\na")]);
    let contract = open(&paddle, &[]);
    assert_eq!(
        contract.to_string(),
        "paddleocr: x 320x48 BGR NCHW float32 -1.00 to 1.00, fit-height pad 127.5, 2 symbols"
    );
    // Small letters are capitals; what no plate has, and the space that the dictionary lacks, are nothing.
    assert_eq!(symbols(&contract), "京A");
    assert_eq!(
        contract.head,
        ReaderHead::Ctc { output: "softmax_2.tmp_0".into(), columns: vec![2, 0, 1, 2, 1, 2], transposed: false }
    );
    assert_eq!(contract.crop_margin, 0.05);
    assert_eq!(open(&paddle, &[("input-size", "480x48")]).input.width, 480);
    // PP-OCRv2 leaves its height open; its 25 steps tell that crops are less high than later ones.
    let second = model(&["x f32 ?,3,?,?"], &["softmax f32 ?,25,6"], &[("character", "京\nA\n水\na")]);
    assert_eq!(open(&second, &[]).input.shape(1), [1, 3, 32, 320]);

    let mut bare = model(&["x f32 ?,3,48,?"], &["y f32 ?,?,97"], &[]);
    assert!(refusal(&bare, &[]).contains("one a line"));
    bare.config.symbols = Some((0..95).map(|i| format!("{}\n", char::from(b' ' + i))).collect());
    assert_eq!(symbols(&open(&bare, &[])), LATIN);

    let chinese = open(&model(&["images f32 1,3,48,168"], &["output_1 f32 1,21,78", "output_2 f32 1,5"], &[]), &[]);
    assert_eq!(
        chinese.to_string(),
        "chinese-plates: images 168x48 BGR NCHW float32 -3.05 to 2.13, stretch, 77 symbols"
    );

    // HyperLPR3 has as many classes in another order, and pixels as the plain family has them.
    let hyper = model(&["x f32 1,3,48,160"], &["y f32 1,20,78"], &[]);
    assert!(refusal(&hyper, &[]).contains("cannot tell"));
    let mut listed = hyper;
    listed.config.symbols = Some((0..77).map(|i| format!("{}\n", char::from(b'!' + i))).collect());
    assert_eq!(open(&listed, &[]).family, "ctc");

    // EasyOCR's are gray.
    let gray = open(&model(&["image f32 1,1,64,256"], &["pred f32 1,65,37"], &[]), &[("alphabet", LATIN)]).to_string();
    assert!(gray.starts_with("ctc: image 256x64 gray NCHW float32 -1.00 to 1.00, fit-height"), "{gray}");
    assert!(gray.contains("blank is the first class") && !gray.contains("BGR"), "{gray}");

    let pytorch = open(&model(&["input f32 ?,3,24,94"], &["output f32 ?,68,18"], &[]), &[]);
    let ReaderHead::Ctc { columns, transposed: true, .. } = &pytorch.head else { panic!("{:?}", pytorch.head) };
    assert!(columns.iter().copied().eq(0..=67));
    assert!(pytorch.to_string().contains("94x24 BGR NCHW float32 -1.00 to 1.00, stretch, 67 symbols"), "{pytorch}");

    let outputs = ["tf_op_layer_ArgMax i32 ?,24", "tf_op_layer_Max f32 ?,24"];
    let nvidia = open(&model(&["image_input f32 ?,3,48,96"], &outputs, &[]), &[]);
    assert_eq!(nvidia.alphabet.symbols().len(), 35);
    assert!(!symbols(&nvidia).contains('O') && nvidia.to_string().contains("United States is assumed"), "{nvidia}");
    assert!(matches!(nvidia.head, ReaderHead::CtcBest { .. }));

    let plain = model(&["x f32 1,3,48,160"], &["y f32 1,20,4"], &[]);
    assert!(refusal(&plain, &[]).contains("cannot tell"));
    let contract = open(&plain, &[("alphabet", "ABC"), ("blank", "last"), ("color-order", "rgb"), ("range", "0..1")]);
    assert!(contract.to_string().starts_with("ctc: x 160x48 RGB NCHW float32 0.00 to 1.00"), "{contract}");
    assert_eq!(contract.head, ReaderHead::Ctc { output: "y".into(), columns: vec![0, 1, 2, 3], transposed: false });
}

#[test]
fn readers_of_keras_have_their_axes_exchanged_and_the_blank_last() {
    let info = model(&["image f32 ?,200,50,1"], &["Identity:0 f32 ?,?,37"], &[]);
    let contract = open(&info, &[("alphabet", LATIN)]);
    assert!(contract.to_string().contains("image 200x50 gray NWHC float32 0.00 to 1.00, stretch"), "{contract}");
    assert_eq!(contract.input.shape(2), [2, 200, 50, 1]);
    let ReaderHead::Ctc { columns, .. } = &contract.head else { panic!("{:?}", contract.head) };
    assert_eq!((columns[0], columns[36]), (0, 36));
    let lying = open(&model(&["image f32 ?,50,200,3"], &["y f32 ?,50,37"], &[]), &[("alphabet", LATIN)]);
    assert!(lying.to_string().contains("image 200x50 RGB NHWC float32 0.00 to 1.00"), "{lying}");
}

#[test]
fn readers_that_end_their_text_are_no_time_steps() {
    let end = |contract: &ReaderContract| match &contract.head {
        ReaderHead::Sequence { end, .. } => Some(*end),
        _ => None,
    };
    let parseq = model(&["images f32 1,3,32,128"], &["o f32 1,26,95"], &[]);
    let contract = open(&parseq, &[]);
    assert_eq!((contract.family, end(&contract), symbols(&contract).as_str()), ("parseq", Some(0), LATIN));
    assert!(contract.to_string().contains("128x32 RGB NCHW float32 -1.00 to 1.00, stretch"), "{contract}");
    assert_eq!(end(&open(&parseq, &[("blank", "last")])), Some(94));
    let plates = model(&["images f32 ?,3,32,128"], &["o f32 ?,26,37"], &[]);
    assert_eq!(symbols(&open(&plates, &[("alphabet", LATIN)])), LATIN);
    let other = model(&["images f32 ?,3,32,128"], &["o f32 ?,26,41"], &[]);
    assert!(refusal(&other, &[]).contains("set alphabet"));
    assert!(refusal(&other, &[("alphabet", LATIN)]).contains("its alphabet and end are 37"));
    // Steps of another number could be time: it is to be named.
    let short = model(&["images f32 ?,3,32,128"], &["o f32 ?,11,37"], &[]);
    assert_eq!(open(&short, &[("alphabet", LATIN)]).family, "ctc");
    assert_eq!(end(&open(&short, &[("alphabet", LATIN), ("family", "parseq")])), Some(0));

    // docTR has both kinds, which only a run tells apart.
    let mut doctr = model(&["input f32 ?,3,32,128"], &["logits f32 ?,?,37"], &[]);
    assert!(refusal(&doctr, &[("alphabet", LATIN)]).contains("does not tell its steps"));
    let trial = doctr.trial(&Overrides::default()).expect("a trial");
    for (steps, expected) in [(33, Some(36)), (32, None)] {
        doctr.tried(&trial, &[("logits".into(), vec![1, steps, 37])]);
        let contract = open(&doctr, &[("alphabet", LATIN)]);
        assert_eq!((contract.family, end(&contract)), ("doctr", expected), "{steps}");
        assert!(
            contract.to_string().contains("128x32 RGB NCHW float32 -2.32 to 1.02, letterbox-top-left pad 0"),
            "{contract}"
        );
        if let ReaderHead::Ctc { columns, .. } = &contract.head {
            assert_eq!(columns[36], 36, "the blank is last");
        }
        doctr = model(&["input f32 ?,3,32,128"], &["logits f32 ?,?,37"], &[]);
    }
    doctr.tried(&trial, &[("logits".into(), vec![1, 33, 37])]);
    assert!(refusal(&doctr, &[]).contains("symbols are not in the file"));
    let encoder = model(&["pixel_values f32 ?,3,384,384"], &["last_hidden_state f32 ?,577,384"], &[]);
    assert!(refusal(&encoder, &[]).contains("TrOCR"));
}

#[test]
fn control_characters_keep_their_column_and_are_no_text() {
    let ctc = model(&["x f32 1,3,48,160"], &["y f32 1,20,5"], &[("alphabet", "A\0B\u{7f}")]);
    assert_eq!(symbols(&open(&ctc, &[])), "A\u{fffd}B\u{fffd}");
    let slots = model(&["x u8 ?,64,128,3"], &["plate f32 ?,10,4"], &[]);
    assert_eq!(symbols(&open(&slots, &[("alphabet", "A\0B"), ("pad-char", "_")])), "A\u{fffd}B");
}

#[test]
fn what_cannot_be_used_is_refused_with_advice() {
    let slots = |yaml: &str| {
        let mut info = model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &[]);
        info.config.plate_config = Some(yaml.into());
        info
    };
    for (info, settings, part) in [
        (
            model(&["images f32 1,3,640,640"], &["output0 f32 1,5,8400"], &[]),
            vec![],
            "cannot tell how to use this model as a reader",
        ),
        (
            model(
                &["images f32 1,3,640,640"],
                &["output0 f32 1,5,8400"],
                &[("task", "detect"), ("names", "['plate']")],
            ),
            vec![],
            "it is a detector (ultralytics) and not a reader",
        ),
        (
            slots("alphabet: '012_'\npad_char: '_'\nimage_color_mode: rgb"),
            vec![],
            "37 classes and its alphabet 4 symbols",
        ),
        (slots("alphabet: '012_'\npad_char: '_'"), vec![], "image_color_mode grayscale"),
        (slots("alphabet: [unclosed"), vec![], "plate configuration (YAML) beside net.onnx"),
        (model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,40"], &[]), vec![], "40 classes"),
        (model(&["input u8 ?,64,128,3"], &["plate f16 ?,10,37"], &[]), vec![], "float32 inputs and outputs"),
        (
            model(&["image f16 1,1,64,256"], &["pred f16 1,65,97"], &[]),
            vec![("alphabet", LATIN)],
            "its image is float16",
        ),
        (model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &[]), vec![("alphabet", "ABC")], "37 classes"),
        (model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &[]), vec![("color-order", "gray")], "three channels"),
        (model(&["x f32 ?,3,48,?"], &["y f32 ?,?,97"], &[]), vec![("alphabet", "ABC")], "97 classes"),
    ] {
        let message = refusal(&info, &settings);
        assert!(message.contains(part), "{part}: {message}");
    }
}
