//! What holds for any formats and any lattice.

use proptest::prelude::*;

use super::*;

/// Lattices of up to five columns, each with up to three likely symbols and no character.
fn any_lattice() -> impl Strategy<Value = Lattice> {
    let column = prop::collection::vec((0..37_usize, 0.01..1.0_f32), 1..4);
    prop::collection::vec(column, 1..6).prop_map(|columns| {
        let mut probs = Vec::new();
        for column in columns {
            let mut row = [1e-5_f32; 37];
            column.iter().for_each(|&(class, weight)| row[class] += weight);
            let sum: f32 = row.iter().sum();
            probs.extend(row.iter().map(|p| p / sum));
        }
        Lattice { alphabet: Alphabet::latin(), probs }
    })
}

/// Every text of the likely symbols of `lattice`, with its probability.
fn all_texts(lattice: &Lattice) -> Vec<(String, f32)> {
    let mut texts = std::collections::BTreeSet::from([String::new()]);
    for row in lattice.positions() {
        let likely: Vec<usize> = (0..row.len()).filter(|&class| row[class] > 1e-3).collect();
        let longer = |text: &String| {
            let text = text.clone();
            likely.clone().into_iter().map(move |class| text.chars().chain(lattice_symbol(class)).collect())
        };
        texts = texts.iter().flat_map(longer).collect();
    }
    texts.into_iter().map(|text| (text.clone(), probability_of(&text, lattice))).collect()
}

fn lattice_symbol(class: usize) -> Option<char> {
    pattern::SYMBOLS.chars().nth(class)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fit_is_the_best_text_that_fits(lattice in any_lattice()) {
        let templates = Templates::parse("[XX]\n@@#\n(AB|C)#{1,2}\nrare @{2,4}\n*#*#\n").expect("valid");
        let all = all_texts(&lattice);
        let best = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("at least one");
        let fits = |text: &str| !templates.fitting(text).is_empty();
        let reachable = all.iter().filter(|(text, _)| fits(text)).map(|(_, p)| *p).fold(0.0, f32::max);
        let fit = templates.fit(&codes(&["XX"]), &lattice);
        if let Some(fit) = &fit {
            prop_assert!(fits(&fit.text), "{:?}", fit);
            prop_assert!((fit.probability - probability_of(&fit.text, &lattice)).abs() < 1e-3, "{:?}", fit);
            prop_assert!((0.0..=1.0).contains(&fit.margin) && (0.0..=1.0001).contains(&fit.confidence), "{:?}", fit);
            // A rare text may give way to a usual one that is a tenth as probable, and the best way to read a text
            // stands for all its ways.
            prop_assert!(fit.probability >= RARE * 0.3 * reachable, "{:?}, but {} was possible", fit, reachable);
            if fits(&best.0) && best.1 > 0.51 {
                prop_assert_eq!(&fit.text, &best.0, "a valid text was rewritten");
            }
        } else {
            prop_assert!(reachable <= 1e-4, "nothing, but {} was possible", reachable);
        }
    }

    #[test]
    fn any_file_parses_or_is_refused(text in "[\\[\\]A-Z0-9@#*(){}|,;a \n-]{0,60}") {
        if let Err(error) = Templates::parse(&text) {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1), "{}", error);
        }
    }
}
