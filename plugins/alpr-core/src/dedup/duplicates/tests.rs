//! What is remembered, for how long, and as what.

use uuid::Uuid;

use super::*;
use crate::dedup::tests::numbers;

const SECOND: i64 = 1_000_000_000;

fn id(n: u128) -> EventId {
    EventId(Uuid::from_u128(n))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(1_700_000_000 * SECOND + seconds * SECOND)
}

fn memory(matching: Matching, mode: WindowMode) -> Duplicates {
    Duplicates::new(Rules { matching, mode, ..Rules::default() })
}

fn remembered(camera: &str, text: &str, event_id: EventId, seen: Timestamp) -> Remembered {
    let (camera, scope, text, hashed) = (camera.into(), "site".into(), text.into(), false);
    Remembered { camera, scope, text, hashed, event_id, since: at(0), seen }
}

#[test]
fn what_counts_as_the_same_plate() {
    use Matching::{Confusion, Exact, Ratio};
    for (matching, known, asked, same) in [
        (Confusion, "ABC1234", "ABC1234", true),
        (Confusion, "ABC1234", "A8C1234", true),
        (Confusion, "ABC1234", "BC1234", true),
        (Confusion, "BC1234", "ABC1234", true),
        (Confusion, "ABC1234", "ABC1235", false),
        (Confusion, "ABC123", "0BC1234", false),
        (Ratio(0.85), "ABC1234", "ABC1235", true),
        (Ratio(0.85), "ABC123", "ABC124", false),
        (Ratio(0.85), "ABC1234", "ABC123", true),
        (Ratio(0.75), "ABCD1234", "ABCD1256", true),
        (Exact, "ABC1234", "ABC1234", true),
        (Exact, "ABC1234", "A8C1234", false),
    ] {
        let mut memory = memory(matching, WindowMode::Visit);
        memory.insert("cam", "cam", known, id(1), at(0));
        assert_eq!(memory.find("cam", asked, at(1), None).is_some(), same, "{matching:?} {known} {asked}");
    }
}

#[test]
fn the_index_finds_whatever_a_full_search_finds() {
    let symbols: Vec<char> = "0OQD1IL8B5S2Z6G4A7TXKM".chars().collect();
    let mut next = numbers();
    for matching in [Matching::Confusion, Matching::Ratio(0.75)] {
        let mut memory = memory(matching, WindowMode::Visit);
        let texts: Vec<String> =
            (0..400).map(|_| (0..4 + next(4)).map(|_| symbols[next(symbols.len())]).collect()).collect();
        for text in &texts {
            memory.insert("cam", "cam", text, id(1), at(0));
        }
        for known in &texts {
            let mut asked: Vec<char> = known.chars().collect();
            for _ in 0..next(3) {
                let place = next(asked.len());
                asked[place] = symbols[next(symbols.len())];
            }
            let asked: String = asked.into_iter().collect();
            let nearest = texts.iter().filter_map(|text| same(&matching, &asked, text)).min_by(f32::total_cmp);
            let found = memory.find("cam", &asked, at(1), None).map(|found| found.distance);
            assert_eq!(found, nearest, "{asked}");
        }
    }
}

#[test]
fn one_camera_does_not_silence_another() {
    let mut memory = memory(Matching::Confusion, WindowMode::Visit);
    memory.insert("entry", "entry", "ABC1234", id(1), at(0));
    assert_eq!(memory.find("exit", "ABC1234", at(1), None), None);
}

#[test]
fn nothing_is_remembered_that_was_not_delivered() {
    let mut memory = memory(Matching::Confusion, WindowMode::Visit);
    let refused = memory.insert("cam", "cam", "ABC1234", id(1), at(0));
    assert_eq!(memory.of_event(id(1)), None, "a state file keeps nothing of it");
    memory.withdraw(refused);
    assert_eq!(memory.find("cam", "ABC1234", at(1), None), None);
    let taken = memory.insert("cam", "cam", "ABC1234", id(2), at(2));
    memory.commit(taken);
    memory.withdraw(taken);
    assert_eq!(memory.find("cam", "ABC1234", at(3), None).map(|f| f.event_id), Some(id(2)));
    assert!(memory.of_event(id(2)).is_some());
}

#[test]
fn when_the_window_of_a_plate_ends() {
    // seen at 0 (event), found again at 200, in view until 400
    for (mode, asked, duplicate) in [
        (WindowMode::Fixed, 300, true),
        (WindowMode::Fixed, 301, false),
        (WindowMode::Sliding, 500, true),
        (WindowMode::Sliding, 501, false),
        (WindowMode::Visit, 700, true),
        (WindowMode::Visit, 701, false),
    ] {
        let mut memory = memory(Matching::Confusion, mode);
        let entry = memory.insert("cam", "cam", "ABC1234", id(1), at(0));
        memory.found_again(entry, at(200));
        memory.in_view(entry, at(400));
        assert_eq!(memory.find("cam", "ABC1234", at(asked), None).is_some(), duplicate, "{mode:?} {asked}");
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_silence_plates() {
    let mut memory = memory(Matching::Confusion, WindowMode::Visit);
    memory.insert("cam", "cam", "ABC1234", id(1), at(100_000));
    assert_eq!(memory.find("cam", "ABC1234", at(0), None), None);
    assert!(memory.find("cam", "ABC1234", at(99_900), None).is_some(), "a little ahead is still the same visit");
}

#[test]
fn state_is_freed() {
    let mut memory = Duplicates::new(Rules { capacity: 3, window: Duration::from_secs(10), ..Rules::default() });
    for (n, text) in ["AAA111", "BBB222", "CCC333", "DDD444"].into_iter().enumerate() {
        memory.insert("cam", "cam", text, id(n as u128), at(n as i64));
    }
    assert_eq!((memory.len(), memory.evicted()), (3, 1));
    assert_eq!(memory.find("cam", "AAA111", at(4), None), None, "the oldest went");
    memory.expire("cam", at(60));
    let indices = (memory.keys.len(), memory.ages.len(), memory.turns.len(), memory.events.len());
    assert_eq!((memory.len(), indices), (0, (0, 0, 0, 0)), "all expired");
}

#[test]
fn plates_grow_old_by_the_clock_of_their_camera() {
    let mut memory = Duplicates::new(Rules { capacity: 3, ..Rules::default() });
    // the clock of one is an hour ahead
    memory.restore(remembered("", "OLD111", id(1), at(0)));
    memory.insert("ahead", "site", "AAA111", id(2), at(3600));
    let entry = memory.insert("right", "site", "BBB222", id(3), at(0));
    memory.expire("ahead", at(3600));
    assert!(memory.find("site", "BBB222", at(1), None).is_some());
    assert!(memory.find("site", "OLD111", at(1), None).is_none(), "of no known camera");
    // who was seen last stays, whatever the clocks say
    memory.in_view(entry, at(2));
    memory.insert("ahead", "site", "CCC333", id(4), at(3602));
    memory.insert("right", "site", "DDD444", id(5), at(3));
    let known = |text, now| memory.find("site", text, at(now), None).is_some();
    assert_eq!((known("AAA111", 3602), known("BBB222", 3), known("CCC333", 3602)), (false, true, true));
    memory.expire("ahead", at(3903));
    assert_eq!(memory.len(), 2);
    memory.expire("right", at(304));
    assert!(memory.is_empty());
}

#[test]
fn an_event_in_the_files_of_several_cameras_is_remembered_once() {
    let mut memory = Duplicates::new(Rules::default());
    for (seen, latest) in [(10, 10), (400, 400), (20, 400)] {
        memory.restore(remembered("entry", "ABC1234", id(1), at(seen)));
        assert_eq!((memory.len(), memory.of_event(id(1)).map(|entry| entry.seen)), (1, Some(at(latest))));
    }
    memory.expire("entry", at(701));
    let indices = (memory.keys.len(), memory.ages.len(), memory.turns.len(), memory.events.len());
    assert_eq!((memory.len(), indices), (0, (0, 0, 0, 0)));
}

#[test]
fn plates_of_a_camera_that_is_gone_are_forgotten_after_a_day() {
    let mut memory = Duplicates::new(Rules::default());
    memory.insert("gone", "site", "AAA111", id(1), at(0));
    memory.expire("here", at(300 + 86_400));
    assert_eq!(memory.len(), 1);
    memory.expire("here", at(301 + 86_400));
    assert!(memory.is_empty());
}

#[test]
fn rules_change_for_living_entries() {
    let mut memory = memory(Matching::Exact, WindowMode::Visit);
    let entry = memory.insert("cam", "cam", "ABC1234", id(1), at(0));
    assert_eq!(memory.find("cam", "A8C1234", at(1), None), None);
    memory.set_rules(Rules::default());
    assert!(memory.find("cam", "A8C1234", at(1), None).is_some());
    memory.rename(entry, "cam", "XYZ987");
    assert_eq!(memory.find("cam", "ABC1234", at(1), None), None);
    assert!(memory.find("cam", "XYZ987", at(1), None).is_some());
    assert_eq!(memory.find("cam", "XYZ987", at(1), Some(entry)), None, "not its own duplicate");
    memory.rename(entry, "gate", "XYZ987");
    assert_eq!(memory.find("cam", "XYZ987", at(1), None), None);
    assert!(memory.find("gate", "XYZ987", at(1), None).is_some());
}
