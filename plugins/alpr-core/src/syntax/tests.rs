mod properties;
mod regions;

use super::*;
use crate::reader::Alphabet;

/// A lattice in which position `n` has the symbols of `positions[n]`, most probable first, each with what is given;
/// `-` is no character. What is missing to 1 is spread over everything.
fn lattice(positions: &[&[(char, f32)]]) -> Lattice {
    let alphabet = Alphabet::latin();
    let classes = alphabet.symbols().len() + 1;
    let mut probs = Vec::new();
    for choices in positions {
        let rest = 1.0 - choices.iter().map(|(_, p)| p).sum::<f32>();
        let mut row = vec![rest / classes as f32; classes];
        for (symbol, p) in *choices {
            row[alphabet.symbols().iter().position(|s| s == symbol).unwrap_or(classes - 1)] += p;
        }
        probs.extend(row);
    }
    Lattice { alphabet, probs }
}

/// A sure lattice of `text`, apart from `doubts`: (position, other symbol, its probability).
fn mostly(text: &str, doubts: &[(usize, char, f32)]) -> Lattice {
    let choices: Vec<Vec<(char, f32)>> = text
        .chars()
        .enumerate()
        .map(|(index, symbol)| {
            let others: Vec<(char, f32)> =
                doubts.iter().filter(|(at, ..)| *at == index).map(|&(_, other, p)| (other, p)).collect();
            let taken: f32 = others.iter().map(|(_, p)| p).sum();
            [vec![(symbol, 0.98 - taken)], others].concat()
        })
        .collect();
    lattice(&choices.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|&code| code.to_owned()).collect()
}

#[test]
fn every_region_of_the_job_has_formats() {
    let templates = Templates::parse(BUILTIN).expect("the shipped file");
    assert_eq!(Templates::builtin(), templates);
    let groups = [
        (
            "US-",
            "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH \
             OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY",
        ),
        ("CA-", "AB BC MB NB NL NS NT NU ON PE QC SK YT"),
        ("", "MX AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"),
        ("", "CH IS LI NO GB BR AR IN"),
        ("AU-", "ACT NSW NT QLD SA TAS VIC WA"),
    ];
    let mut expected = 0;
    for (prefix, list) in groups {
        for code in list.split_whitespace() {
            assert!(templates.knows(&format!("{prefix}{code}")), "{prefix}{code}");
            expected += 1;
        }
    }
    assert_eq!(templates.regions().count(), expected, "a region that no test names");
    assert!(templates.regions().all(|(code, name)| code.len() <= 10 && !name.is_empty()));
    assert!(templates.knows("US") && templates.knows("AU") && !templates.knows("U") && !templates.knows("ZZ"));
}

/// Texts as seen on the road, and how they are shown.
#[test]
fn plates_fit_and_are_shown_with_their_separators() {
    let cases = [
        ("US-FL", "ABCD12", "ABC D12"),
        ("US-CA", "8ABC123", "8ABC123"),
        ("US-TX", "ABC1234", "ABC-1234"),
        ("US-NY", "HGF4821", "HGF 4821"),
        ("US-DE", "123456", "123456"),
        ("US-WY", "1912345", "19-12345"),
        ("US-NH", "1234567", "123 4567"),
        ("US-FL", "GATORS", "GATORS"),
        ("CA-ON", "CABC123", "CABC 123"),
        ("CA-QC", "A12BCD", "A12 BCD"),
        ("MX", "ABC1234", "ABC-12-34"),
        ("DE", "BMW1234E", "BMW1234E"),
        ("DE", "Y123456", "Y-123456"),
        ("NL", "12GBD3", "12-GBD-3"),
        ("NL", "GZX50R", "GZX-50-R"),
        ("FR", "AB123CD", "AB-123-CD"),
        ("FR", "123AB2A", "123 AB 2A"),
        ("IT", "AB123CD", "AB 123CD"),
        ("ES", "1234BCD", "1234 BCD"),
        ("PL", "WA12345", "WA 12345"),
        ("PL", "WE15Y", "WE 15Y"),
        ("SI", "MBL314D", "MB L3-14D"),
        ("PT", "AB12CD", "AB-12-CD"),
        ("AT", "W12345A", "W 12345A"),
        ("BE", "1ABC234", "1-ABC-234"),
        ("CZ", "1A23456", "1A2 3456"),
        ("SE", "ABC12D", "ABC 12D"),
        ("HU", "AABC123", "AA-BC 123"),
        ("IE", "241D12345", "241-D-12345"),
        ("RO", "B123ABC", "B 123 ABC"),
        ("CH", "ZH123456", "ZH 123456"),
        ("NO", "AB12345", "AB 12345"),
        ("LI", "FL12345", "FL 12345"),
        ("GB", "AB12CDE", "AB12 CDE"),
        ("GB", "A1", "A 1"),
        ("BR", "ABC1D23", "ABC1D23"),
        ("BR", "ABC1234", "ABC-1234"),
        ("AR", "AB123CD", "AB 123 CD"),
        ("AR", "ABC123", "ABC 123"),
        ("IN", "MH12AB1234", "MH 12 AB 1234"),
        ("IN", "DL8CAB1234", "DL 8 CAB 1234"),
        ("IN", "22BH1234AA", "22 BH 1234 AA"),
        ("AU-NSW", "ABC12D", "ABC 12D"),
        ("AU-VIC", "1AB2CD", "1AB 2CD"),
    ];
    let templates = Templates::builtin();
    for (code, text, display) in cases {
        let fit =
            templates.fit(&codes(&[code]), &mostly(text, &[])).unwrap_or_else(|| panic!("{text} fits none of {code}"));
        assert_eq!((fit.text.as_str(), fit.display.as_str(), fit.region.as_str()), (text, display, code));
        assert_eq!(fit.margin, 1.0, "{text}");
    }
}

/// One text of every series that public lists give for today's cars (the registration plate articles of Wikipedia, and
/// what generators of test data and other readers took from them).
#[test]
fn every_series_of_todays_cars_fits() {
    let cases = "\
        US-AL 1AB2345 12AB345; US-AK ABC123; US-AZ ABC1234 A1B2C3D 4AB7C9D; US-AR 123ABC ABC123 ABC12D; US-CA 1ABC123; \
        US-CO ABC123 123ABC ABCD12; US-CT 123ABC AB12345; US-DE 123456; US-DC AB1234; US-FL ABCD12 123ABC A123BC 1234AB; \
        US-GA ABC1234; US-HI ABC123; US-ID K123456 1A12345 1AB1234 1ABC123 1A1234B 2B1234; US-IL AB12345 A123456; \
        US-IN 123A 123AB 123ABC; US-IA ABC123; US-KS 123ABC 1234ABC; US-KY 123ABC A1B234; US-LA 123ABC; US-ME 1234AB; \
        US-MD 1AB2345; US-MA 1ABC23 1AB234 123AB4 12AB34; US-MI ABC1234 1ABC23; US-MN 123ABC ABC123; US-MS ABC123 \
        ABC1234; US-MO AB1C2D; US-MT 112345A 121234A; US-NE ABC123 1A1234 12A123 12AB12; US-NV 12A345 123A45; US-NH \
        1234567; US-NJ A12BCD ABC12D; US-NM 123ABC ABC123 ABCD12; US-NY ABC1234; US-NC ABC1234; US-ND 123ABC; US-OH \
        ABC1234; US-OK ABC123; US-OR 123ABC ABC123; US-PA ABC1234; US-RI 123456 AB123 1AB234; US-SC ABC123 1234AB; US-SD \
        1AB234 1ABC12 12A345 12AB34 12ABC3; US-TN A1234B ABC1234; US-TX ABC1234 AB1C234; US-UT A123BC; US-VT ABC123; \
        US-VA ABC1234; US-WA ABC1234 123ABC; US-WV 1AB234 OAB123; US-WI ABC1234 123ABC; US-WY 112345 11234A 1212345; \
        CA-AB ABC1234 ABC123; CA-BC AB123C 123ABC; CA-MB ABC123; CA-NB ABC123; CA-NL ABC123; CA-NS ABC123; CA-NT 123456; \
        CA-NU 123456; CA-ON ABCD123; CA-PE 123AB 1234AB; CA-QC A12BCD 123ABC; CA-SK 123ABC; CA-YT ABC12; MX ABC1234 \
        ABC123A 123ABC; AT W12345A ME639A KU217BI P123A; BE 1ABC234 2ABC234 ABC123; BG CB1234AB E1234HX; HR ZG1234AB ST123A; \
        CY ABC123; CZ 1A23456 1AB2345; DK AB12345; EE 123ABC; FI ABC123; FR AB123CD; DE MAE2821 MYRS9999 OFPS309E FFBAM483; \
        GR ABE1234 YZA1234; HU ABC123 AABC123; IE 12D12345 131KY123456 241D1; IT AB123CD; LV AB1234 AB12; LT ABC123; LU \
        AB1234 12345; MT ABC123; NL 12GBD3 1GBD23 GB123D G123BD GBD12F 12GBDF 12AB34 GB12DF; PL WA12345 WA1234A WA123AC \
        WA1A234 WA1AC23 WAWA123 WAW12AC WAW1A23 WAW12A3 WAW1AC2 WAWAC12 WAW12345; PT AB12CD 12AB34 1234AB AB1234; RO \
        B123ABC B12ABC CJ12ABC; SK BA123AB AA001AA; SI LJAB123; ES 1234BCD; SE ABC123 ABC12D; CH ZH123456 GE1; IS ABC12 \
        AB123; LI FL12345; NO AB12345; GB AB12CDE A123BCD ABC123D ABC1234 1234AB; BR ABC1D23 ABC1234; AR AB123CD ABC123; \
        IN MH12AB1234 DL8CAB1234 22BH1234AA KA01A1; AU-ACT YAB12C; AU-NSW AB12CD ABC12D; AU-NT CA12AB 123456; AU-QLD 123ABC \
        123AB4; AU-SA S123ABC ABC123; AU-TAS A12BC AB1234; AU-VIC 1AB2CD ABC123; AU-WA 1ABC234";
    let templates = Templates::builtin();
    let mut misfits = Vec::new();
    for region in cases.split(';') {
        let mut words = region.split_whitespace();
        let code = words.next().expect("a region");
        misfits.extend(words.filter(|text| !templates.fitting(text).contains(&code)).map(|text| (code, text)));
    }
    assert!(misfits.is_empty(), "{misfits:?}");
}

#[test]
fn usual_forms_are_those_that_are_not_made_to_order() {
    for (text, usual) in [
        ("ABC1234", true),
        ("MH12AB1234", true),
        ("KATX6624", true),
        ("7ZL1N41", false),
        ("ATLAS", false),
        ("FRISCH24", false),
        ("LOGISTICS", false),
        ("", false),
    ] {
        assert_eq!(Templates::builtin().is_usual(text), usual, "{text}");
    }
}

#[test]
fn texts_that_no_plate_of_the_region_has() {
    let templates = Templates::builtin();
    for (code, text) in [
        ("GB", "AB12C0E"),
        ("GB", "QB12CDE"),
        ("NL", "1A2B3C"),
        ("FR", "AI123CD"),
        ("IN", "ZZ12AB1234"),
        ("CH", "XX12345"),
        ("ES", "1234ABC"),
        ("US-CA", "STOPSIGN"),
    ] {
        assert!(!templates.fitting(text).contains(&code), "{text} in {code}");
    }
}

#[test]
fn a_misread_is_put_right_by_the_format_with_its_margin() {
    let templates = Templates::builtin();
    let cases = [
        // O read as 0 between letters; I read as 1; B read as 8; S read as 5; 2 read as Z.
        ("GB", "AB12C0E", (5, 'O', 0.3), "AB12COE"),
        ("BR", "A8C1D23", (1, 'B', 0.2), "ABC1D23"),
        ("ES", "1Z34BCD", (1, '2', 0.1), "1234BCD"),
        ("IN", "MH1ZAB1234", (3, '2', 0.2), "MH12AB1234"),
        ("NL", "12AB53", (4, 'S', 0.2), "12AB53"),
    ];
    for (code, read, doubt, expected) in cases {
        let fit = templates.fit(&codes(&[code]), &mostly(read, &[doubt])).expect(read);
        assert_eq!(fit.text, expected, "{read} in {code}");
        let margin = if read == expected { 1.0 } else { doubt.2 / (0.98 - doubt.2) };
        assert!((fit.margin - margin).abs() < 0.02, "{read} in {code}: {fit:?}");
        assert!(fit.confidence >= fit.probability, "{fit:?}");
    }
}

#[test]
fn a_valid_reading_is_never_rewritten() {
    let templates = Templates::builtin();
    // (region, most probable text, its doubt, what is right). The second choice would fit a more usual format.
    for (code, text, doubt, expected) in [
        ("US-FL", "BOSSAB", (4, '1', 0.48), "BOSSAB"),
        ("GB", "A1", (0, 'B', 0.48), "A1"),
        ("BR", "ABC1234", (4, 'Z', 0.48), "ABC1234"),
        ("US-FL", "AB0D12", (2, 'O', 0.4), "ABOD12"),
    ] {
        let fit = templates.fit(&codes(&[code]), &mostly(text, &[doubt])).expect(text);
        assert_eq!(fit.text, expected, "{text} in {code}: {fit:?}");
    }
}

#[test]
fn a_foreign_plate_shows_by_its_margin() {
    let templates = Templates::builtin();
    let fit = templates.fit(&codes(&["NL"]), &mostly("W12345A", &[])).expect("some text always fits");
    assert!(fit.margin < 1e-3 && fit.confidence < 0.05, "{fit:?}");
}

#[test]
fn the_first_region_that_fits_is_preferred() {
    let templates = Templates::builtin();
    let cases: &[(&[&str], &str, Option<&str>)] = &[
        (&["FR", "IT"], "AB123CD", Some("FR")),
        (&["IT", "FR"], "AB123CD", Some("IT")),
        (&["NL", "ES"], "1234BCD", Some("ES")),
        (&["ZZ", "ES"], "1234BCD", Some("ES")),
        (&["US"], "8ABC123", Some("US-CA")),
        (&["US"], "ABC1234", Some("US")),
        (&["AU"], "1AB2CD", Some("AU-VIC")),
        (&["ZZ"], "1234BCD", None),
        (&[], "1234BCD", None),
    ];
    for (regions, text, expected) in cases {
        let fit = templates.fit(&codes(regions), &mostly(text, &[]));
        assert_eq!(fit.as_ref().map(|fit| fit.region.as_str()), *expected, "{text} in {regions:?}");
    }
}

#[test]
fn a_character_too_many_or_too_few_is_found_by_its_doubt() {
    let templates = Templates::builtin();
    let doubtful = |first: (char, f32), other: (char, f32)| {
        let plate = mostly("1234BCD", &[]);
        let mut probs = lattice(&[&[first, other]]).probs;
        probs.extend(&plate.probs);
        Lattice { probs, ..plate }
    };
    // A screw read as a letter before the plate.
    let fit = templates.fit(&codes(&["ES"]), &doubtful(('I', 0.6), ('-', 0.38))).expect("a fit");
    assert_eq!((fit.text.as_str(), fit.display.as_str()), ("1234BCD", "1234 BCD"));
    assert!((fit.margin - 0.38 / 0.6).abs() < 0.05, "{fit:?}");
}

#[test]
fn separators_that_a_reader_knows_are_no_characters() {
    let alphabet = Alphabet::new(('0'..='9').chain('A'..='Z').chain(['-']));
    let classes = alphabet.symbols().len() + 1;
    let mut probs = Vec::new();
    for symbol in "AB-123-CD".chars() {
        let mut row = vec![0.01 / classes as f32; classes];
        row[alphabet.symbols().iter().position(|&s| s == symbol).expect("a symbol")] += 0.99;
        probs.extend(row);
    }
    let fit = Templates::builtin().fit(&codes(&["FR"]), &Lattice { alphabet, probs }).expect("a fit");
    assert_eq!((fit.text.as_str(), fit.display.as_str(), fit.margin), ("AB123CD", "AB-123-CD", 1.0));
}

#[test]
fn separators_inside_alternatives_are_shown_where_the_text_says_which_holds() {
    let templates = Templates::parse("[XX]\n(@-#@|@#-##) #{1,2}\n[YY]\n(@-@@|@@-@)-#\n").expect("valid");
    for (code, text, display) in [("XX", "A1B23", "A-1B 23"), ("XX", "A1234", "A1-23 4"), ("YY", "ABC1", "ABC1")] {
        let fit = templates.fit(&codes(&[code]), &mostly(text, &[])).expect(text);
        assert_eq!(fit.display, display);
    }
}

#[test]
fn characters_of_a_text_are_those_of_its_most_probable_way() {
    let read = lattice(&[&[('A', 1.0)], &[('-', 0.7), ('B', 0.3)], &[('B', 0.8), ('8', 0.2)], &[('1', 1.0)]]);
    for (text, expected) in [
        ("AB1", Some(vec![1.0, 0.8, 1.0])),
        ("A81", Some(vec![1.0, 0.2, 1.0])),
        ("ABB1", Some(vec![1.0, 0.3, 0.8, 1.0])),
        ("AX1", Some(vec![1.0, 0.0, 1.0])),
        ("AB111", None),
    ] {
        assert_eq!(characters_of(text, &read), expected, "{text}");
    }
}

#[test]
fn an_empty_lattice_fits_nothing() {
    assert_eq!(Templates::builtin().fit(&codes(&["DE"]), &lattice(&[])), None);
}

#[test]
fn a_users_file_replaces_regions() {
    let own =
        Templates::parse("; ours\n[NL] Company cars\nXX-#{2,3}  ; two letters\n[XX-1]\n(AB|C){2}.1\n").expect("valid");
    let templates = Templates::builtin().replaced_by(own);
    assert!(templates.fitting("XX12").contains(&"NL"));
    assert!(templates.fitting("CAB1").contains(&"XX-1"));
    assert!(!templates.fitting("12GBD3").contains(&"NL"));
    assert!(templates.knows("DE"));
}

#[test]
fn errors_name_the_line_and_what_may_stand_there() {
    for (text, line, part) in [
        ("@@-##", 1, "before the first [REGION] header"),
        ("[DE]\n\n@@!##", 3, "unexpected \"!\""),
        ("[DE]\n@@--##", 2, "two separators"),
        ("[DE]\n@@-", 2, "separator at the end"),
        ("[DE]\n@{0,2}", 2, "empty text"),
        ("[DE]\n@{5,2}", 2, "write {n} or {least,most}"),
        ("[DE]\n@{2,99}", 2, "up to 12"),
        ("[DE]\n[Z-A]#", 2, "backwards"),
        ("[DE]\n[AB", 2, "without its \"]\""),
        ("[DE]\n(AB|)#", 2, "empty alternative"),
        ("[DE]\n(AB#", 2, "without its \")\""),
        ("[DE]\n(A-|B)#", 2, "separator at the end of an alternative"),
        ("[DE]\n(-A|B)#", 2, "not between two characters"),
        ("[DE]\n(A--B)#", 2, "not between two characters"),
        ("[DE]\n#\n[DE]\n#", 3, "region DE again"),
        ("[DE]\n[NL]\n#", 1, "region DE has no format"),
        ("[germany]", 1, "region code \"germany\""),
        ("[US-FLORIDA-X]", 1, "1 to 10 characters"),
        ("[DE]\nab", 2, "unexpected \"a\""),
        ("[DE]\n(AB|C){12}(AB|C|DEF){12}(AB|C|DEFGHIJKL){12}(ABCDEFGH|JKLMNOPQ){12}", 2, "more than 400"),
    ] {
        let error = Templates::parse(text).expect_err(text);
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}
