//! Outputs of readers become texts and lattices.

mod models;

use alpr_core::contract::{ModelInfo, Output, OutputData, Overrides, ReaderContract, reader};
use alpr_core::reader::{Reading, Trust, decode};
use models::{Noise, Owned, model, recorded_model, recorded_run};
use serde_json::Value;

fn open(info: &ModelInfo, settings: &[(&str, &str)]) -> ReaderContract {
    reader(info, &Overrides::parse(settings.iter().copied()).expect("good settings")).unwrap_or_else(|e| panic!("{e}"))
}

fn read(contract: &ReaderContract, outputs: &[Owned], crops: usize) -> Vec<Reading> {
    let outputs: Vec<_> = outputs.iter().map(Owned::output).collect();
    decode(contract, &outputs, crops, &mut Trust::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn check(reading: &Reading) {
    assert_eq!(reading.lattice.probs.len() % reading.lattice.classes(), 0);
    for row in reading.lattice.positions() {
        let sum: f32 = row.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4 && row.iter().all(|p| (0.0..=1.0).contains(p)), "{row:?}");
    }
    assert!((0.0..=1.0).contains(&reading.confidence), "{}", reading.confidence);
    assert!(reading.text.chars().count() <= reading.lattice.positions().len());
}

#[test]
fn real_networks_read_drawn_plates() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("fixtures/readings.json")).unwrap();
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        let contract = open(&recorded_model(entry), &[]);
        assert_eq!(contract.family, entry["family"]);
        let readings = read(&contract, &recorded_run(entry), 1);
        let [reading] = readings.as_slice() else { panic!("{readings:?}") };
        check(reading);
        let expected = &entry["expected"];
        assert_eq!(reading.text, expected["text"]);
        assert!((f64::from(reading.confidence) - expected["confidence"].as_f64().unwrap()).abs() < 1e-4);
        match (&reading.region, expected["region"].as_str()) {
            (None, None) => {}
            (Some(guess), Some("Malaysia")) => {
                assert_eq!(guess.code, "MY");
                assert!((f64::from(guess.confidence) - expected["region_confidence"].as_f64().unwrap()).abs() < 1e-4);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Rows of `classes` probabilities: the most probable class of each and its probability.
fn rows(classes: usize, best: &[(usize, f32)]) -> Vec<f32> {
    best.iter()
        .flat_map(|&(class, p)| {
            (0..classes).map(move |c| if c == class { p } else { (1.0 - p) / (classes - 1) as f32 })
        })
        .collect()
}

#[test]
fn slots_of_a_batch() {
    let mut info = model(&["input u8 ?,64,128,3"], &["plate f32 ?,3,4", "region f32 ?,2"], &[]);
    // The pad may be any class; in the lattice it is the last column.
    info.config.plate_config =
        Some("alphabet: 'A_BC'\npad_char: '_'\nimage_color_mode: rgb\nplate_regions: ['France', 'Unknown']".into());
    let contract = open(&info, &[]);
    let plates = [rows(4, &[(0, 0.9), (3, 0.8), (1, 0.7)]), rows(4, &[(1, 0.9), (2, 0.5), (1, 0.9)])].concat();
    let outputs = [Owned::new("plate", &[2, 3, 4], plates), Owned::new("region", &[2, 2], vec![0.7, 0.3, 0.2, 0.8])];
    let readings = read(&contract, &outputs, 2);
    readings.iter().for_each(check);
    assert_eq!((readings[0].text.as_str(), readings[1].text.as_str()), ("AC", "B"));
    assert!((readings[0].confidence - 0.9 * 0.8 * 0.7).abs() < 1e-5);
    assert!((readings[0].lattice.positions().nth(2).unwrap()[3] - 0.7).abs() < 1e-5);
    assert_eq!(readings[0].region.as_ref().map(|r| r.code.as_str()), Some("FR"));
    // "Unknown" is no region.
    assert_eq!(readings[1].region, None);
}

#[test]
fn slots_and_classes_in_one_dimension() {
    let mut info = model(&["input u8 ?,70,140,1"], &["dense f32 ?,12"], &[]);
    info.config.plate_config = Some("alphabet: 'ABC_'\npad_char: '_'\nmax_plate_slots: 3".into());
    let contract = open(&info, &[]);
    let readings = read(&contract, &[Owned::new("dense", &[1, 12], rows(4, &[(2, 0.9), (0, 0.9), (3, 0.9)]))], 1);
    assert_eq!(readings[0].text, "CA");
}

#[test]
fn logits_become_probabilities() {
    let info = model(&["x f32 1,3,48,160"], &["y f32 1,3,4"], &[]);
    let contract = open(&info, &[("alphabet", "ABC"), ("family", "ctc")]);
    let logits = vec![0.0, 5.0, 1.0, 1.0, 9.0, 0.0, 0.0, 0.0, -2.0, -2.0, -2.0, 3.0];
    let readings = read(&contract, &[Owned::new("y", &[1, 3, 4], logits)], 1);
    check(&readings[0]);
    assert_eq!(readings[0].text, "AC");
    let p = 5.0_f32.exp() / (5.0_f32.exp() + 1.0 + 2.0 * 1.0_f32.exp());
    assert!((readings[0].lattice.positions().next().unwrap()[0] - p).abs() < 1e-4);
}

#[test]
fn time_steps_collapse() {
    let info = model(&["x f32 ?,3,48,160"], &["y f32 ?,8,4"], &[]);
    // Blank 0, symbols A B C are 1 2 3.
    let steps = [(0, 0.9), (1, 0.6), (1, 0.9), (0, 0.8), (1, 0.7), (2, 0.8), (2, 0.5), (0, 0.9)];
    let contract = open(&info, &[("alphabet", "ABC")]);
    let readings = read(&contract, &[Owned::new("y", &[1, 8, 4], rows(4, &steps))], 1);
    check(&readings[0]);
    // A repeated symbol is one unless a blank parts it; the clearest step counts.
    assert_eq!(readings[0].text, "AAB");
    assert!((readings[0].confidence - 0.9 * 0.7 * 0.8).abs() < 1e-5, "{}", readings[0].confidence);
    assert_eq!(readings[0].lattice.positions().len(), 3);
    // The blank is the pad: the last column.
    assert!((readings[0].lattice.positions().next().unwrap()[3] - 0.1 / 3.0).abs() < 1e-5);

    // The same with the blank last.
    let last: Vec<_> = steps.iter().map(|&(c, p)| ((c + 3) % 4, p)).collect();
    let contract = open(&info, &[("alphabet", "ABC"), ("blank", "last")]);
    assert_eq!(read(&contract, &[Owned::new("y", &[1, 8, 4], rows(4, &last))], 1)[0].text, "AAB");
}

#[test]
fn a_blank_at_the_other_end_is_an_error() {
    // Of A, B, C and a blank the last class is what most steps show.
    let shown = |best: &[(usize, f32)]| Owned::new("y", &[1, 6, 4], rows(4, best));
    let info = model(&["x f32 1,3,48,160"], &["y f32 1,6,4"], &[]);
    let [first, last] = ["first", "last"].map(|blank| open(&info, &[("alphabet", "ABC"), ("blank", blank)]));
    let ca = shown(&[(3, 0.9), (1, 0.9), (3, 0.9), (2, 0.9), (3, 0.9), (3, 0.9)]);
    // Now and then the first symbol is in the place of the blank.
    let ab = shown(&[(3, 0.9), (0, 0.9), (3, 0.9), (1, 0.9), (3, 0.9), (3, 0.9)]);
    let errors = |contract: &ReaderContract, trust: &mut Trust, output: &Owned, runs: u32| -> Vec<String> {
        let run = |_| decode(contract, &[output.output()], 1, trust).err().map(|err| err.to_string());
        (0..runs).filter_map(run).collect()
    };
    let mut trust = Trust::default();
    assert!(errors(&first, &mut trust, &ca, Trust::PATIENCE - 1).is_empty());
    assert!(errors(&first, &mut trust, &ab, 1).is_empty());
    let said = errors(&first, &mut trust, &ca, 1).concat();
    assert!(said.contains("never is the best one") && said.contains("set blank=last"), "{said}");
    assert_eq!(read(&last, &[ab], 1)[0].text, "AB");
    assert!(errors(&last, &mut Trust::default(), &ca, 99).is_empty());

    // Blanks where they should be tell that the symbol at the other end is one, from then on.
    let repeated = shown(&[(3, 0.9), (3, 0.9), (0, 0.9), (3, 0.9), (3, 0.9), (0, 0.9)]);
    assert_eq!(read(&first, std::slice::from_ref(&repeated), 1)[0].text, "CC");
    let mut trust = Trust::default();
    assert!(errors(&first, &mut trust, &shown(&[(0, 0.9); 6]), 1).is_empty());
    assert!(errors(&first, &mut trust, &ca, 99).is_empty());

    // Steps that are no numbers or all alike have no best class, at either end.
    let strange = |value: f32| Owned::new("y", &[1, 6, 4], vec![value; 24]);
    for (contract, value) in [(&first, f32::NAN), (&last, f32::NAN), (&first, 0.25), (&last, 0.25), (&last, f32::MAX)] {
        assert_eq!(errors(contract, &mut Trust::default(), &strange(value), 99), [""; 0], "{value}");
    }
}

#[test]
fn texts_with_an_end_keep_what_repeats_and_leave_what_follows() {
    // The end first: A A b, then noise; a hyphen between is nothing, and does not end it.
    let info = model(&["x f32 ?,3,32,128"], &["y f32 ?,8,5"], &[]);
    let contract = open(&info, &[("family", "parseq"), ("alphabet", "ABb-")]);
    let shown = rows(5, &[(1, 0.9), (1, 0.8), (4, 0.9), (3, 0.7), (0, 0.9), (2, 0.9), (0, 0.9), (1, 0.9)]);
    // A text of all steps has no end, and an empty one nothing else.
    let full = rows(5, &[(1, 0.9); 8]);
    let none = rows(5, &[(0, 0.9); 8]);
    let values = Owned::new("y", &[3, 8, 5], [shown, full, none].concat());
    let readings = read(&contract, &[values], 3);
    readings.iter().for_each(check);
    assert_eq!(readings.iter().map(|r| r.text.as_str()).collect::<Vec<_>>(), ["AAB", "AAAAAAAA", ""]);
    assert_eq!(readings[0].lattice.positions().len(), 3);
    // B and b are one symbol: 0.7 and a quarter of the rest.
    assert!((readings[0].confidence - 0.9 * 0.8 * 0.775).abs() < 1e-3, "{}", readings[0].confidence);
}

#[test]
fn steps_may_stand_before_crops() {
    let info = model(&["x f32 ?,1,32,100"], &["y f32 6,?,4"], &[]);
    let contract = open(&info, &[("alphabet", "ABC")]);
    let crops = [&[1, 0, 2, 2, 0, 0][..], &[0, 3, 0, 3, 1, 0]];
    let by_crop: Vec<Vec<f32>> =
        crops.iter().map(|crop| rows(4, &crop.iter().map(|c| (*c, 0.9)).collect::<Vec<_>>())).collect();
    let by_step = (0..6).flat_map(|step| by_crop.iter().flat_map(move |crop| crop[step * 4..][..4].to_vec()));
    let readings = read(&contract, &[Owned::new("y", &[6, 2, 4], by_step.collect())], 2);
    assert_eq!(readings.iter().map(|r| r.text.as_str()).collect::<Vec<_>>(), ["AB", "CCA"]);
}

#[test]
fn texts_with_an_end_are_no_time_steps() {
    let info = model(&["x f32 ?,3,32,128"], &["y f32 ?,16,8"], &[]);
    let runs = |blank: &str, paths: &[&[usize]]| {
        let contract = open(&info, &[("alphabet", "ABCDEFG"), ("blank", blank)]);
        let mut trust = Trust::default();
        let mut errors = Vec::new();
        for run in 0..3 * Trust::PATIENCE {
            let path = paths[run as usize % paths.len()];
            let best: Vec<_> = (0..16).map(|step| (path[step.min(path.len() - 1)], 0.9)).collect();
            let values = Owned::new("y", &[1, 16, 8], rows(8, &best));
            errors.extend(
                decode(&contract, &[values.output()], 1, &mut trust).err().map(|err| (run + 1, err.to_string())),
            );
        }
        errors
    };
    // The end first or last, whatever is said of the blank, and with noise behind.
    let first: [&[usize]; 2] = [&[1, 3, 3, 5, 2, 0], &[4, 1, 6, 2, 7, 0, 3, 3, 0, 1]];
    let last: [&[usize]; 2] = [&[1, 3, 3, 5, 2, 7], &[4, 1, 6, 2, 6, 7, 3, 3, 7, 1]];
    for (blank, paths, end) in
        [("first", first, "first"), ("last", first, "first"), ("last", last, "last"), ("first", last, "last")]
    {
        let said = runs(blank, &paths[..1]);
        assert_eq!(said.first().map(|(run, _)| *run), Some(Trust::PATIENCE), "{blank} {end}");
        assert!(said[0].1.contains(&format!("family=parseq blank={end}")), "{said:?}");
    }
    assert!(!runs("first", &first).is_empty());
    // A symbol in the place of the blank is no blank.
    assert!(runs("first", &[&[4, 0, 6, 2, 7]])[0].1.contains("family=parseq blank=last"));
    // Time: blanks before, between, or told more than once a symbol; and a picture that is full of text.
    for path in [
        &[0, 1, 0, 3, 0, 5, 2, 0][..],
        &[1, 0, 3, 5, 2, 0],
        &[1, 1, 1, 3, 3, 3, 5, 5, 0],
        &[1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 0],
        &[1, 2, 3, 0],
        &[0],
    ] {
        assert_eq!(runs("first", &[path]), [], "{path:?}");
    }
    // With its blank last, of which the first class is a symbol.
    for path in [&[7, 1, 7, 2, 7, 0, 7][..], &[7, 1, 2, 3, 0, 7]] {
        assert_eq!(runs("last", &[path]), [], "{path:?}");
    }
}

#[test]
fn readers_of_general_text_read_plates() {
    // Classes: blank, A, a, hyphen, a character that no plate has, the space.
    let info = model(&["x f32 ?,3,48,?"], &["y f32 ?,?,6"], &[("character", "A\na\n-\n水")]);
    let contract = open(&info, &[]);
    let steps = [(1, 0.9), (2, 0.8), (3, 0.9), (2, 0.7), (4, 0.9), (5, 0.6)];
    let readings = read(&contract, &[Owned::new("y", &[1, 6, 6], rows(6, &steps))], 1);
    check(&readings[0]);
    // The hyphen parts the letters; A and a together are one.
    assert_eq!(readings[0].text, "AA");
    assert!((readings[0].lattice.probs[0] - (0.9 + 0.02)).abs() < 1e-5, "{:?}", readings[0].lattice.probs);
}

#[test]
fn classes_before_steps() {
    let contract = open(&model(&["input f32 ?,3,24,94"], &["output f32 ?,68,18"], &[]), &[]);
    let mut best = vec![(67, 0.9); 18];
    // 京 A 8, then 8 again after a blank.
    for (step, class) in [(1, 0), (4, 41), (7, 39), (9, 39)] {
        best[step] = (class, 0.8);
    }
    let by_step = rows(68, &best);
    let mut values = vec![0.0; 18 * 68];
    for (i, v) in by_step.iter().enumerate() {
        values[i % 68 * 18 + i / 68] = *v;
    }
    let readings = read(&contract, &[Owned::new("output", &[1, 68, 18], values)], 1);
    check(&readings[0]);
    assert_eq!(readings[0].text, "京A88");
}

#[test]
fn best_classes_alone() {
    let outputs = ["tf_op_layer_ArgMax i32 ?,6", "tf_op_layer_Max f32 ?,6"];
    let contract = open(&model(&["image_input f32 ?,3,48,96"], &outputs, &[]), &[]);
    let classes = [35, 1, 1, 10, -4, 99];
    let scores = [0.9, 0.6, 0.8, 0.7, f32::NAN, 3.0];
    let outputs = [
        Output { name: "tf_op_layer_ArgMax", shape: &[1, 6], data: OutputData::I32(&classes) },
        Output { name: "tf_op_layer_Max", shape: &[1, 6], data: OutputData::F32(&scores) },
    ];
    let readings = decode(&contract, &outputs, 1, &mut Trust::default()).unwrap();
    check(&readings[0]);
    assert_eq!(readings[0].text, "1A");
    assert!((readings[0].confidence - 0.8 * 0.7).abs() < 1e-5);
}

#[test]
fn nothing_a_network_says_breaks_the_rules() {
    let slots = open(&model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &[]), &[]);
    let ctc = open(
        &model(&["x f32 ?,3,48,?"], &["plate f32 ?,?,37"], &[]),
        &[("alphabet", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")],
    );
    let mut noise = Noise(11);
    for contract in [&slots, &ctc] {
        for crops in 0..20 {
            let values = (0..crops * 370).map(|_| noise.wild()).collect();
            let readings = read(contract, &[Owned::new("plate", &[crops, 10, 37], values)], crops);
            assert_eq!(readings.len(), crops);
            readings.iter().for_each(check);
        }
        for value in [0.0, f32::NAN, f32::MAX, f32::NEG_INFINITY] {
            read(contract, &[Owned::new("plate", &[1, 10, 37], vec![value; 370])], 1).iter().for_each(check);
        }
    }
    let nothing = read(&ctc, &[Owned::new("plate", &[2, 0, 37], Vec::new())], 2);
    assert!(nothing.len() == 2 && nothing.iter().all(|r| r.text.is_empty() && r.confidence == 0.0));
}

#[test]
fn other_shapes_are_errors_that_say_what_came() {
    let contract = open(&model(&["input u8 ?,64,128,3"], &["plate f32 ?,10,37"], &[]), &[]);
    let values = vec![0.0; 740];
    let fail = |name, shape: &[usize], data, crops| {
        decode(&contract, &[Output { name, shape, data }], crops, &mut Trust::default()).unwrap_err().to_string()
    };
    let floats = OutputData::F32(&values);
    assert!(fail("plates", &[2, 10, 37], floats, 2).contains("only plates"));
    assert!(fail("plate", &[2, 10, 37], floats, 3).contains("expected float32 [3, 10, 37], got float32 [2, 10, 37]"));
    assert!(fail("plate", &[1, 10, 37], floats, 1).contains("with 740 values"));
    assert!(fail("plate", &[1, 10], OutputData::U8(&[0; 10]), 1).contains("uint8 [1, 10]"));
}
