mod invariants;
mod schedule;
mod simulation;

use super::*;
use crate::reader::{Alphabet, Reading};

/// A reading of nine slots in which every character of `text` has probability `p`, apart from `doubts`: (position, other
/// symbol, its probability).
fn doubtful(text: &str, p: f32, doubts: &[(usize, char, f32)]) -> Reading {
    let alphabet = Alphabet::latin();
    let classes = alphabet.symbols().len() + 1;
    let class = |c: char| alphabet.symbols().iter().position(|&s| s == c).expect("a symbol of the alphabet");
    let mut probs = Vec::new();
    for slot in 0..9 {
        let symbol = text.chars().nth(slot);
        let sure = if symbol.is_some() { p } else { 0.999 };
        let mut row = vec![(1.0 - sure) / (classes - 1) as f32; classes];
        row[symbol.map_or(classes - 1, class)] = sure;
        for &(_, other, q) in doubts.iter().filter(|(at, ..)| *at == slot) {
            row[symbol.map_or(classes - 1, class)] -= q;
            row[class(other)] += q;
        }
        probs.extend(row);
    }
    let lattice = Lattice { alphabet, probs };
    let (text, confidence) = lattice.best();
    Reading { text, confidence, lattice, region: None }
}

fn reading(text: &str, p: f32) -> Reading {
    doubtful(text, p, &[])
}

fn from_region(text: &str, code: &str, confidence: f32) -> Reading {
    Reading { region: Some(RegionGuess { code: code.into(), confidence }), ..reading(text, 0.95) }
}

fn fused(readings: &[Reading]) -> Consensus {
    let mut fusion = Fusion::new(FusionSettings::default());
    for reading in readings {
        assert!(fusion.add(reading, 1.0), "{reading:?}");
    }
    fusion.consensus().expect("at least one reading")
}

#[test]
fn readings_of_different_length_vote_by_character() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("one", &["ABC1234"], "ABC1234"),
        ("first character cut off", &["ABC1234", "BC1234", "BC1234", "ABC123", "ABC1234"], "ABC1234"),
        ("mostly cut off", &["BC1234", "BC1234", "BC1234", "ABC1234", "ABC1234"], "ABC1234"),
        ("cut off on either side", &["C1234", "BC1234", "ABC12", "ABC123", "ABC1234"], "ABC1234"),
        ("a character lost inside", &["ABC1234", "AB1234", "ABC1234"], "ABC1234"),
        ("a screw read once", &["IABC1234", "ABC1234", "ABC1234"], "ABC1234"),
        ("each reading has another error", &["ABC1Z34", "A8C1234", "ABC12S4"], "ABC1234"),
        ("repeated characters", &["AAA1111", "AA1111", "AAA111", "AAA1111"], "AAA1111"),
        ("one reading of another plate", &["ABC1234", "ABC1234", "XYZ987", "ABC1234"], "ABC1234"),
        ("the other plate first", &["XYZ987", "ABC1234", "ABC1234", "ABC1234"], "ABC1234"),
    ];
    for (name, texts, expected) in cases {
        let readings: Vec<Reading> = texts.iter().map(|text| reading(text, 0.93)).collect();
        let consensus = fused(&readings);
        assert_eq!(consensus.text, *expected, "{name}: {:?}", consensus.alternatives);
        assert_eq!(consensus.reads as usize, texts.len(), "{name}");
        assert_eq!(consensus.agreeing as usize, texts.iter().filter(|text| *text == expected).count(), "{name}");
        assert_eq!(consensus.char_confidence.len(), expected.len(), "{name}");
    }
}

#[test]
fn near_identical_frames_do_not_add_up_to_certainty() {
    // A standing car, one character in doubt in the same way in every frame.
    let one = doubtful("ABC1234", 0.99, &[(1, '8', 0.38)]);
    let single = fused(std::slice::from_ref(&one));
    let many = fused(&vec![one; 20]);
    assert_eq!((many.text.as_str(), many.agreeing), ("ABC1234", 20));
    assert!(many.confidence < single.confidence + 0.05, "{} after {}", many.confidence, single.confidence);
    assert_eq!(many.alternatives[0].0, "A8C1234");
    // The same doubt on another character each time is noise, and goes away.
    let varied: Vec<Reading> = (0..6).map(|at| doubtful("ABC1234", 0.99, &[(at, 'X', 0.38)])).collect();
    assert!(fused(&varied).confidence > 0.9, "{}", fused(&varied).confidence);
}

#[test]
fn better_crops_count_more() {
    let mut fusion = Fusion::new(FusionSettings::default());
    fusion.add(&doubtful("ABC1234", 0.99, &[(1, '8', 0.6)]), 0.1);
    fusion.add(&doubtful("ABC1234", 0.99, &[(1, '8', 0.6)]), 0.1);
    fusion.add(&doubtful("ABC1234", 0.99, &[(1, '8', 0.3)]), 1.0);
    assert_eq!(fusion.consensus().map(|c| c.text).as_deref(), Some("ABC1234"));
}

#[test]
fn probabilities_are_probabilities() {
    let readings: Vec<Reading> =
        ["ABC1234", "8C1234", "A8C1Z34", "ABC1234", "XYZ9"].iter().map(|text| reading(text, 0.6)).collect();
    let consensus = fused(&readings);
    let total = consensus.confidence + consensus.alternatives.iter().map(|(_, p)| p).sum::<f32>();
    assert!(total <= 1.0 + 1e-4, "{total}");
    assert!(consensus.alternatives.len() <= 5);
    assert!(consensus.alternatives.is_sorted_by(|a, b| a.1 >= b.1));
    assert!(consensus.alternatives.iter().all(|(text, _)| *text != consensus.text));
    for row in consensus.lattice.positions() {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-3);
    }
}

#[test]
fn sure_needs_agreement_confidence_and_a_stable_text() {
    type Case = (&'static str, &'static [(&'static str, f32)], bool);
    let cases: &[Case] = &[
        ("two agree", &[("ABC1234", 0.99), ("ABC1234", 0.99)], false),
        ("three agree", &[("ABC1234", 0.99), ("ABC1234", 0.98), ("ABC1234", 0.99)], true),
        ("three agree, none confident", &[("ABC1234", 0.6), ("ABC1234", 0.6), ("ABC1234", 0.6)], false),
        ("one differs", &[("ABC1234", 0.99), ("A8C1234", 0.7), ("ABC1234", 0.99), ("ABC1234", 0.99)], true),
        ("two plates", &[("ABC1234", 0.99), ("XYZ9876", 0.99), ("ABC1234", 0.99), ("XYZ9876", 0.99)], false),
    ];
    for (name, reads, expected) in cases {
        let mut fusion = Fusion::new(FusionSettings::default());
        for (text, p) in *reads {
            fusion.add(&reading(text, *p), 1.0);
        }
        assert_eq!(fusion.sure(), *expected, "{name}: {:?}", fusion.consensus().map(|c| (c.text, c.confidence)));
    }
}

#[test]
fn a_track_that_goes_over_to_another_vehicle_is_noticed() {
    let cases: &[(&str, &[&str], Option<&str>, &str)] = &[
        ("the same", &["ABC1234"; 6], None, "ABC1234"),
        ("one stray reading", &["ABC1234", "ABC1234", "ABC1234", "XYZ987", "ABC1234"], None, "ABC1234"),
        ("strays that differ", &["ABC1234", "ABC1234", "ABC1234", "XYZ987", "GHJ555K"], None, "ABC1234"),
        ("another vehicle", &["ABC1234", "ABC1234", "ABC1234", "XYZ987", "XYZ987"], Some("ABC1234"), "XYZ987"),
        ("a neighbouring fleet number", &["ABC1234", "ABC1234", "ABC1234", "ABC1235", "ABC1235"], None, "ABC1234"),
        ("leaving the picture", &["ABC1234", "ABC1234", "ABC1234", "BC1234", "C1234"], None, "ABC1234"),
        ("never sure before", &["QQQ111", "ABC1234", "ABC1234"], None, "ABC1234"),
        (
            "one that goes on where it ends",
            &["B911BLG", "B911BLG", "B911BLG", "SG0580W", "SG0580W"],
            Some("B911BLG"),
            "SG0580W",
        ),
        ("a half, then the other", &["ABC1", "ABC1", "ABC1", "1234", "1234"], None, "ABC1234"),
        ("a half, then the whole", &["BC1", "BC1", "BC1", "ABC1234", "ABC1234", "ABC1234"], None, "ABC1234"),
    ];
    for (name, texts, left, current) in cases {
        let mut fusion = Fusion::new(FusionSettings::default());
        let mut changed = None;
        for text in *texts {
            fusion.add(&reading(text, 0.995), 1.0);
            changed = changed.or(fusion.take_change());
        }
        assert_eq!(changed.map(|c| c.text).as_deref(), *left, "{name}");
        assert_eq!(fusion.consensus().map(|c| c.text).as_deref(), Some(*current), "{name}");
    }
    let mut fusion = Fusion::new(FusionSettings::default());
    ["ABC1234"; 3].iter().for_each(|text| assert!(fusion.add(&reading(text, 0.995), 1.0)));
    assert!(fusion.sure());
    fusion.add(&reading("XYZ987", 0.99), 1.0);
    assert!(!fusion.sure(), "the next frame must be read to know");
    fusion.add(&reading("XYZ987", 0.99), 1.0);
    assert!(fusion.take_change().is_some());
    assert_eq!(fusion.consensus().map(|c| (c.reads, c.agreeing)), Some((2, 2)));
}

#[test]
fn a_vehicle_that_was_never_read_surely_is_left_as_well() {
    let mut fusion = Fusion::new(FusionSettings::default());
    let mut changed = None;
    for (text, weight) in [("SH9337C", 0.5); 13].into_iter().chain([("WESEA115", 1.0); 2]) {
        assert!(!fusion.sure(), "the crops are too poor");
        fusion.add(&reading(text, 0.999), weight);
        changed = changed.or(fusion.take_change());
    }
    assert_eq!(changed.map(|c| c.text).as_deref(), Some("SH9337C"));
    assert_eq!(fusion.consensus().map(|c| (c.text, c.reads)), Some(("WESEA115".into(), 2)));
}

#[test]
fn after_a_time_out_of_sight_one_clear_reading_tells_of_another_vehicle() {
    // texts with the probability of each character and the weight of the crop; the track was away before the last one
    type Read = (&'static str, f32, f32);
    let cases: &[(&str, &[Read], bool)] = &[
        ("another vehicle", &[("ABC1234", 0.99, 1.0), ("XYZ987", 0.99, 1.0)], true),
        ("the same, a digit misread", &[("ABC1234", 0.99, 1.0), ("ABC1284", 0.99, 1.0)], false),
        ("the same", &[("ABC1234", 0.99, 1.0), ("A8C1234", 0.99, 1.0)], false),
        ("the same, cut off", &[("ABC1234", 0.99, 1.0), ("BC12", 0.99, 1.0)], false),
        ("the half that a post hid", &[("CDM", 0.99, 1.0), ("4913", 0.99, 1.0)], false),
        ("a poor crop", &[("ABC1234", 0.99, 1.0), ("XYZ987", 0.99, 0.2)], false),
        ("a doubtful reading", &[("ABC1234", 0.99, 1.0), ("XYZ987", 0.7, 1.0)], false),
        ("nothing sure before", &[("ABC1234", 0.9, 1.0), ("XYZ987", 0.99, 1.0)], false),
    ];
    for (name, reads, changes) in cases {
        let mut fusion = Fusion::new(FusionSettings::default());
        for (n, (text, p, weight)) in reads.iter().enumerate() {
            if n > 0 {
                fusion.was_away();
            }
            fusion.add(&reading(text, *p), *weight);
        }
        let left = fusion.take_change().map(|consensus| consensus.text);
        assert_eq!(left.as_deref(), changes.then_some("ABC1234"), "{name}");
        assert_eq!(fusion.consensus().map(|c| c.reads), Some(if *changes { 1 } else { 2 }), "{name}");
        assert_eq!(fusion.take_change(), None, "{name}");
    }
    let mut outvoted = Fusion::new(FusionSettings::default());
    for (text, p, weight) in [("ABC1234", 0.98, 0.5), ("XYZ987", 0.8, 1.0), ("XYZ987", 0.99, 1.0)] {
        outvoted.was_away();
        outvoted.add(&reading(text, p), weight);
        assert!(outvoted.take_change().is_none() || text == "XYZ987", "two readings are enough");
    }
    assert_eq!(
        outvoted.consensus().map(|c| (c.text, c.reads)),
        Some(("XYZ987".into(), 2)),
        "clear readings outvote the text before"
    );
    let mut always_seen = Fusion::new(FusionSettings::default());
    ["ABC1234", "XYZ987"].iter().for_each(|text| assert!(always_seen.add(&reading(text, 0.99), 1.0)));
    assert_eq!(always_seen.take_change(), None, "a stray reading, while it was in sight");
}

#[test]
fn readings_of_poor_crops_need_more_of_them_to_be_sure() {
    for (weight, sure_after) in [(1.0, 3), (0.55, 3), (0.4, 5), (0.3, 6)] {
        let mut fusion = Fusion::new(FusionSettings { confidence: 0.0, ..FusionSettings::default() });
        let mut reads = 0;
        while !fusion.sure() && reads < 20 {
            fusion.add(&reading("ABC1234", 0.998), weight);
            reads += 1;
        }
        assert_eq!(reads, sure_after, "weight {weight}: {:?}", fusion.consensus().map(|c| c.confidence));
    }
}

#[test]
fn what_is_no_reading_is_not_used() {
    let mut fusion = Fusion::new(FusionSettings::default());
    assert_eq!((fusion.consensus(), fusion.sure()), (None, false));
    assert!(!fusion.add(&reading("", 0.9), 1.0), "no character at all");
    assert!(fusion.add(&reading("ABC1234", 0.9), f32::NAN));
    let digits = Alphabet::new('0'..='9');
    let lattice = Lattice { alphabet: digits, probs: vec![1.0 / 11.0; 22] };
    let other = Reading { text: "00".into(), confidence: 0.01, lattice, region: None };
    assert!(!fusion.add(&other, 1.0), "another alphabet");
    let mut broken = reading("ABC1234", 0.9);
    broken.lattice.probs.iter_mut().step_by(5).for_each(|p| *p = f32::NAN);
    fusion.add(&broken, 1.0);
    let consensus = fusion.consensus().expect("one good reading");
    assert!(consensus.confidence.is_finite() && consensus.lattice.probs.iter().all(|p| p.is_finite()));
}

#[test]
fn memory_is_bounded_and_the_best_crops_stay() {
    let mut fusion = Fusion::new(FusionSettings { max_reads: 8, ..FusionSettings::default() });
    for _ in 0..4 {
        fusion.add(&reading("ABC1234", 0.95), 1.0);
    }
    for _ in 0..100 {
        fusion.add(&reading("XYZ9876", 0.95), 0.1);
    }
    let consensus = fusion.consensus().expect("many readings");
    assert_eq!((consensus.text.as_str(), consensus.reads), ("ABC1234", 104));
}

#[test]
fn the_region_is_voted_by_weight_and_confidence() {
    type Guess = (&'static str, f32);
    let cases: &[(&[Guess], Option<Guess>)] = &[
        (&[], None),
        (&[("DE", 0.9), ("DE", 0.7)], Some(("DE", 0.8))),
        (&[("DE", 0.9), ("AT", 0.5), ("AT", 0.7)], Some(("AT", 0.4))),
        (&[("FR", 0.5), ("ES", 0.5)], Some(("ES", 0.25))),
        (&[("DE", f32::NAN), ("AT", 0.2)], Some(("AT", 0.2))),
    ];
    for (guesses, expected) in cases {
        let mut readings = vec![reading("ABC1234", 0.95)];
        readings.extend(guesses.iter().map(|(code, confidence)| from_region("ABC1234", code, *confidence)));
        let region = fused(&readings).region;
        let found = region.as_ref().map(|guess| (guess.code.as_str(), (guess.confidence * 100.0).round() / 100.0));
        assert_eq!(found, *expected, "{guesses:?}");
    }
}

#[test]
fn crop_weights() {
    let good = CropQuality { height: 40.0, sharpness: 1.0, tilt: 0.0, detector_confidence: 0.9, cut: false };
    assert_eq!(good.weight(), 1.0);
    let unknown = CropQuality { sharpness: f32::NAN, ..good };
    assert_eq!(unknown.weight(), 1.0, "what is not known takes nothing away");
    for worse in [
        CropQuality { height: 14.0, ..good },
        CropQuality { sharpness: 0.1, ..good },
        CropQuality { tilt: -0.5, ..good },
        CropQuality { detector_confidence: 0.3, ..good },
        CropQuality { cut: true, ..good },
    ] {
        assert!(worse.weight() < 0.9 && worse.weight() > 0.05, "{worse:?}: {}", worse.weight());
    }
    let hopeless = CropQuality { height: 2.0, sharpness: 0.0, tilt: 3.0, detector_confidence: 0.0, cut: false };
    assert_eq!(hopeless.weight(), 0.05);
}

#[test]
fn readings_do_not_become_sure_of_what_only_the_font_tells() {
    let confidence = |other: char| {
        let readings: Vec<Reading> =
            (0..12).map(|i| doubtful("HCZ5C00", 0.99, &[(5, other, 0.05 + 0.1 * (i % 4) as f32)])).collect();
        let consensus = fused(&readings);
        assert_eq!(consensus.text, "HCZ5C00");
        consensus.confidence
    };
    let (look_alike, other) = (confidence('O'), confidence('X'));
    assert!((0.65..0.82).contains(&look_alike), "{look_alike}");
    assert!(other > 0.85, "{other}");
}
