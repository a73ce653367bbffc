//! What holds for every input.

use proptest::prelude::*;

use super::*;

/// Readings of up to six positions over three symbols, with broken numbers among the probabilities.
fn any_reading() -> impl Strategy<Value = (Reading, f32)> {
    let p = prop_oneof![10 => 0.0..1.0_f32, 1 => Just(0.0_f32), 1 => Just(f32::NAN), 1 => Just(-1.0_f32)];
    let rows = prop::collection::vec(prop::collection::vec(p, 4), 0..7);
    (rows, -0.5..1.5_f32).prop_map(|(rows, weight)| {
        let lattice = Lattice { alphabet: Alphabet::new(['A', 'B', '1']), probs: rows.concat() };
        let (text, _) = lattice.best();
        (Reading { text, confidence: 0.5, lattice, region: None }, weight)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fusion_of_anything_is_a_distribution(readings in prop::collection::vec(any_reading(), 1..12)) {
        let mut fusion = Fusion::new(FusionSettings { max_reads: 6, ..FusionSettings::default() });
        let mut used = 0;
        for (reading, weight) in &readings {
            used += u32::from(fusion.add(reading, *weight));
            prop_assert_eq!(fusion.consensus().is_some(), used > 0);
            let Some(consensus) = fusion.consensus() else { continue };
            prop_assert_eq!(consensus.reads, used);
            prop_assert!(consensus.agreeing <= used);
            prop_assert_eq!(consensus.char_confidence.len(), consensus.text.chars().count());
            let all = || consensus.alternatives.iter().map(|(_, p)| *p).chain([consensus.confidence]);
            prop_assert!(all().all(|p| (0.0..=1.0).contains(&p)), "{:?}", consensus);
            prop_assert!(all().sum::<f32>() <= 1.001, "{:?}", consensus);
            prop_assert!(consensus.alternatives.iter().all(|(_, p)| *p <= consensus.confidence));
            prop_assert!(consensus.lattice.probs.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }
}
