use super::*;
use crate::reader::{Alphabet, Reading};

/// A reading of `text` in which every character has probability `p`, padded to nine slots.
fn reading(text: &str, p: f32) -> Reading {
    let alphabet = Alphabet::latin();
    let classes = alphabet.symbols().len() + 1;
    let mut probs = Vec::new();
    for slot in 0..9 {
        let class = text.chars().nth(slot).map_or(classes - 1, |c| {
            alphabet.symbols().iter().position(|&s| s == c).expect("a symbol of the alphabet")
        });
        let mut row = vec![(1.0 - p) / (classes - 1) as f32; classes];
        row[class] = p;
        if class == classes - 1 {
            row.fill(0.001 / (classes - 1) as f32);
            row[class] = 0.999;
        }
        probs.extend(row);
    }
    Reading {
        text: text.into(),
        confidence: p.powi(text.len() as i32),
        lattice: Lattice { alphabet, probs },
        region: None,
    }
}

#[test]
fn a_cut_off_reading_shifts_no_votes() {
    let mut fusion = Fusion::new(FusionSettings::default());
    for text in ["ABC1234", "BC1234", "BC1234", "ABC123", "ABC1234"] {
        assert!(fusion.add(&reading(text, 0.97), 1.0));
    }
    let consensus = fusion.consensus().expect("five readings");
    assert_eq!(consensus.text, "ABC1234");
    assert_eq!((consensus.reads, consensus.agreeing), (5, 2));
    assert!(consensus.alternatives.len() <= 5);
}
