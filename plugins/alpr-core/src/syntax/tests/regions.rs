//! Plates by region: those of today that must fit, those that few vehicles have, and texts that no plate has.

use super::*;

/// `code: usual … | rare … | none …`, one region a line; real plates, or plates of a real series.
const PLATES: &str = "
    US-AL: 1A2345B 1A23BCD 1A23B4C 1AB2345 67A123B 10A12B3 10A1B23 10A1BC2 10A2BCD 10AB123 | ATLANTA | 68A123B 0AB2345 99AB123
    US-AZ: ABC1234 123ABC ABC1DEF A1B2CDE ABC1D2E A1B2C3D 1AB2CDE 12A3BCD 1AB2C3D 12A3B4C | DESERT | 1234567 A8C1234 AB12345
    US-CA: 8ABC123 9A12345 12345A1 22A1234 4AB1234 | SURFER 12 | 1234567 ABCD123
    US-ID: 1A12345 10B1234 2T1234 K123456 W12345 1AB1234 2CAB123 1A1234B | POTATO | 8A1234 11B123 A123456 1A123456
    US-MT: 112345A 1123456 56123A 101234 | BIGSKY | 01234A 0123456 5612345A
    US-NE: ABC123 1A123 93A123 12AB12 112345 | HUSKER | 94A123 0A123
    US-SD: 1A1234 1AB123 1ABC12 10A123 10AB12 44ABC1 67A1234 | RUSHMOR | 0AB123 68A123 99AB12
    US-WV: 1AB234 OAB123 DAB123 1AB1234 11B1234 N1B1234 B123456 | XAB123 MOUNTN | 0AB1234 XAB1234
    US-WY: 112345 11234A 1012345 23T123 | BRONC | 2412345 0012345
";

#[test]
fn plates_of_a_region_fit_it_and_others_do_not() {
    let templates = Templates::builtin();
    let mut wrong = Vec::new();
    for line in PLATES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (code, texts) = line.split_once(':').expect("a region");
        let region = templates.regions.iter().find(|region| region.code == code).expect(code);
        let columns: Vec<&str> = texts.split('|').collect();
        let [usual, rare, none] = columns[..] else { panic!("{line}: not three columns") };
        assert!(!usual.trim().is_empty() && !none.trim().is_empty(), "{code} has no plate of one kind");
        for (expected, texts) in [(Some(false), usual), (Some(true), rare), (None, none)] {
            wrong.extend(texts.split_whitespace().filter_map(|text| {
                let rare = region.rank(text).map(|(template, _)| template.rare);
                (rare != expected).then(|| format!("{code} {text}: {rare:?}, not {expected:?}"))
            }));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
