//! Passes: when they begin and end, what they give, and how often.

use super::*;

#[test]
fn one_pass_gives_one_event_however_long_it_is_in_view() {
    for fps in [2.0, 5.0, 25.0, 60.0] {
        for emit in [Emit::Confirmed, Emit::Final] {
            let mut scene = Scene::new(Settings { emit, ..settings() });
            scene.fps = fps;
            scene.play(20.0, &[Car::new(7, "ABC123", 1.0, 6.0)]);
            assert_eq!((scene.texts(), scene.outcomes()), (vec!["ABC123"], vec!["event"]), "{fps} {emit:?}");
        }
    }
}

#[test]
fn a_confirmed_event_comes_while_the_vehicle_is_in_view_and_a_final_one_after() {
    for (emit, in_view) in [(Emit::Confirmed, 1), (Emit::Final, 0)] {
        let mut scene = Scene::new(Settings { emit, ..settings() });
        let car = [Car::new(1, "ABC123", 0.0, 3.0)];
        scene.play(2.0, &car);
        assert_eq!(scene.events().len(), in_view, "{emit:?}");
        scene.play(3.0, &car);
        assert_eq!(scene.events().len(), 1, "{emit:?}");
    }
}

#[test]
fn how_tracks_end() {
    for (what, car, outcome) in [
        ("good", Car::new(1, "ABC123", 0.1, 2.0), "event"),
        ("never read", Car::new(1, "", 0.1, 2.0), "no-read"),
        ("improbable", Car::new(1, "ABC123", 0.1, 2.0).confidence(0.6), "low-confidence"),
        ("a speed sign", Car::new(1, "50", 0.1, 2.0), "format"),
        ("a shop sign", Car::new(1, "WELCOMEHOME", 0.1, 2.0), "format"),
        ("rings of a brand", Car::new(1, "C00D", 0.1, 2.0).detector(0.38), "weak-detection"),
        ("two strong looks", Car::new(1, "ABC123", 0.1, 0.16).confidence(0.97), "event"),
        (
            "two strong looks at lettering on a lorry",
            Car::new(1, "MAX12T", 0.1, 0.16).confidence(0.97).detector(0.7),
            "weak-detection",
        ),
        (
            "one strong look, though many were possible",
            Car::new(1, "ABC123", 0.1, 0.12).confidence(0.97),
            "too-few-reads",
        ),
        ("one weak look", Car::new(1, "ABC123", 0.1, 0.12).confidence(0.8), "too-few-reads"),
        ("a sign", Car::new(1, "ABC123", 0.0, 4.0).way((400.0, 300.0), (401.0, 300.0)), "static"),
        ("cut by the edge", Car::new(1, "ABC123", 0.1, 2.0).way((0.0, 100.0), (0.0, 600.0)), "half-seen"),
    ] {
        for emit in [Emit::Confirmed, Emit::Final] {
            let mut scene = Scene::new(Settings { emit, ..settings() });
            scene.play(8.0, std::slice::from_ref(&car));
            assert_eq!(scene.outcomes(), [outcome], "{what}");
            assert_eq!(scene.events().len(), usize::from(outcome == "event"), "{what}");
        }
        // the same comes of it in the end, whatever was shown before
        let mut scene = Scene::new(Settings { emit: Emit::Preview, ..settings() });
        scene.play(8.0, &[car]);
        assert_eq!(scene.outcomes(), [outcome], "{what}");
        if let Some(last) = scene.events().last() {
            assert_eq!((last.extras.preview, last.extras.withdrawn), (false, outcome != "event"), "{what}");
        }
    }
}

#[test]
fn at_two_frames_a_second_one_strong_look_is_an_event() {
    let mut scene = Scene::new(settings());
    scene.fps = 2.0;
    scene.play(12.0, &[Car::new(1, "ABC123", 4.9, 5.1).confidence(0.97)]);
    assert_eq!(scene.outcomes(), ["event"]);
}

#[test]
fn a_sign_that_the_tracker_loses_stays_a_sign() {
    let stands = |track, first, last| Car::new(track, "PARK2020", first, last).way((400.0, 60.0), (401.0, 60.0));
    let mut scene = Scene::new(settings());
    // not even seen in the very first frames
    let comes = Car::new(3, "ABC123", 12.0, 14.0).way((200.0, 60.0), (430.0, 60.0));
    scene.play(30.0, &[stands(1, 0.3, 4.0), stands(2, 8.0, 11.0), comes, stands(4, 20.0, 25.0)]);
    assert_eq!(scene.outcomes(), ["static", "static", "event", "static"]);
    assert_eq!(scene.texts(), ["ABC123"], "a vehicle that passes the place is none");
}

#[test]
fn a_vehicle_that_waits_and_goes_on_is_one_pass() {
    let waits = Car::new(1, "ABC123", 0.0, 60.0).way((400.0, 300.0), (402.0, 300.0));
    let goes = Car::new(1, "ABC123", 60.0, 63.0).way((402.0, 300.0), (1000.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(60.0, &[waits]);
    assert_eq!(scene.texts(), [""; 0], "it was there from the first frame and never moved");
    scene.play(10.0, &[goes]);
    assert_eq!(scene.texts(), ["ABC123"]);
}

#[test]
fn the_same_plate_again_is_a_duplicate_until_it_was_away_for_the_window() {
    let mut scene = Scene::new(settings());
    let cars = [
        Car::new(1, "ABC123", 0.0, 2.0),
        Car::new(2, "ABC123", 100.0, 102.0),
        // 250 s after the last sight, 350 s after the event
        Car::new(3, "A8C123", 352.0, 354.0),
        Car::new(4, "ABC123", 700.0, 702.0),
    ];
    scene.fps = 10.0;
    scene.play(710.0, &cars);
    assert_eq!(scene.outcomes(), ["event", "duplicate-of", "duplicate-of", "event"]);
    let ids: Vec<_> = scene.events().iter().map(|e| e.event_id.clone()).collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_parked_vehicle_gives_no_second_event_whatever_the_tracker_does() {
    let mut scene = Scene::new(settings());
    scene.fps = 5.0;
    let mut cars = vec![Car::new(1, "ABC123", 0.0, 400.0).way((200.0, 300.0), (600.0, 300.0))];
    for n in 0..5u64 {
        let start = 410.0 + n as f64 * 200.0;
        cars.push(Car::new(2 + n, "ABC123", start, start + 190.0).way((600.0, 300.0), (600.0, 301.0)));
    }
    scene.play(1500.0, &cars);
    assert_eq!(scene.texts(), ["ABC123"]);
}

#[test]
fn a_vehicle_that_waits_longer_than_the_window_gives_one_event_however_often_its_track_breaks() {
    for emit in [Emit::Confirmed, Emit::Final, Emit::Preview] {
        for mode in [WindowMode::Visit, WindowMode::Sliding] {
            let rules = DuplicateRules { mode, ..DuplicateRules::default() };
            let mut scene = Scene::sharing(Settings { emit, ..settings() }, Duplicates::new(rules));
            scene.fps = 2.0;
            let waits = |track, first, last| Car::new(track, "ABC123", first, last).way((600.0, 300.0), (600.0, 300.0));
            scene.play(
                3730.0,
                &[
                    Car::new(1, "ABC123", 10.0, 20.0).way((200.0, 300.0), (600.0, 300.0)),
                    waits(2, 35.0, 900.0),
                    waits(3, 915.0, 3700.0),
                    Car::new(3, "ABC123", 3700.1, 3705.0).way((600.0, 300.0), (1000.0, 300.0)),
                ],
            );
            scene.finish();
            let mut events: Vec<_> = scene.events().iter().map(|event| event.event_id.clone()).collect();
            events.dedup();
            assert_eq!(
                (events.len(), scene.outcomes()),
                (1, vec!["event", "static", "duplicate-of"]),
                "{emit:?} {mode:?}"
            );
        }
    }
}

#[test]
fn two_tracks_of_one_plate_at_once_give_one_event() {
    let mut scene = Scene::new(settings());
    let other = Car::new(2, "ABC123", 0.0, 2.0).way((300.0, 500.0), (1000.0, 600.0));
    scene.play(5.0, &[Car::new(1, "ABC123", 0.0, 2.0), other]);
    assert_eq!(scene.outcomes(), ["event", "duplicate-of"]);
}

#[test]
fn vehicles_that_cross_keep_their_texts() {
    let mut scene = Scene::new(settings());
    let left = Car::new(1, "ABC123", 0.0, 4.0).way((100.0, 300.0), (1100.0, 300.0));
    let right = Car::new(2, "XYZ789", 0.0, 4.0).way((1100.0, 310.0), (100.0, 310.0));
    scene.play(8.0, &[left, right]).finish();
    let by_track: BTreeMap<_, _> =
        scene.events().iter().map(|e| (e.track_id.clone(), e.plate.normalized_text.clone())).collect();
    assert_eq!(by_track["t-1"], "ABC123");
    assert_eq!(by_track["t-2"], "XYZ789");
    assert_eq!(scene.events().len(), 2);
}

#[test]
fn a_short_occlusion_is_one_pass() {
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[Car::new(1, "ABC123", 0.0, 3.0).lost(1.0, 1.8)]);
    assert_eq!(scene.outcomes(), ["event"]);
}

#[test]
fn two_tracks_of_one_vehicle_are_stitched() {
    let early = Car::new(1, "ABC123", 0.0, 1.0).confidence(0.6).way((100.0, 300.0), (350.0, 300.0));
    let late = Car::new(2, "ABC123", 1.4, 2.4).confidence(0.6).way((450.0, 300.0), (700.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[early.clone(), late]);
    assert_eq!(scene.outcomes(), ["stitched", "event"], "two weak looks that agree are a strong one");
    assert_eq!(scene.events()[0].track_id, "t-1");
    // half a plate beside a post is no other plate
    let half = Car::new(2, "C123", 1.4, 2.4).confidence(0.95).way((450.0, 300.0), (700.0, 300.0));
    let whole = Car::new(1, "ABC123", 0.0, 1.0).way((100.0, 300.0), (350.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[whole, half]);
    assert_eq!((scene.outcomes(), scene.texts()), (vec!["stitched", "event"], vec!["ABC123"]));
    // nor when that half is read more surely, and more often, whichever comes first
    let whole = Car::new(1, "ABC123", 0.0, 0.2).confidence(0.75).way((100.0, 300.0), (150.0, 300.0));
    let half = Car::new(2, "C123", 0.6, 2.4).confidence(0.98).way((250.0, 300.0), (700.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[whole, half]);
    assert_eq!((scene.outcomes(), scene.texts()), (vec!["stitched", "event"], vec!["ABC123"]));
    let half = Car::new(1, "C123", 0.0, 0.1).confidence(0.98).way((100.0, 300.0), (125.0, 300.0));
    let whole = Car::new(2, "ABC123", 0.5, 0.9).confidence(0.75).way((225.0, 300.0), (325.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[half, whole]);
    assert_eq!((scene.outcomes(), scene.texts()), (vec!["stitched", "event"], vec!["ABC123"]));
    // nor when a misreading from afar wins there, and what it says was read there too
    let texts = ["ABC12P", "ABC12P", "ABC12F", "ABC12P"];
    let far = Car::new(1, "", 0.0, 0.15).reads(&texts).confidence(0.72).way((100.0, 300.0), (150.0, 300.0));
    let near = Car::new(2, "ABC12F", 0.5, 2.4).confidence(0.98).way((250.0, 300.0), (700.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[far, near]);
    assert_eq!((scene.outcomes(), scene.texts()), (vec!["stitched", "event"], vec!["ABC12F"]));
    // even when that seems surer than what is read clearly
    let far = Car::new(1, "", 0.0, 0.15).reads(&texts).confidence(0.94).way((100.0, 300.0), (150.0, 300.0));
    let near = Car::new(2, "ABC12F", 0.5, 2.4).confidence(0.98).seems(0.9).way((250.0, 300.0), (700.0, 300.0));
    let mut scene = Scene::new(Settings { emit: Emit::Final, ..settings() });
    scene.play(6.0, &[far, near]);
    assert_eq!((scene.outcomes(), scene.texts()), (vec!["stitched", "event"], vec!["ABC12F"]));
    // but one that was read clearly and the next of a fleet are two
    let texts = [["ABC124"; 1].as_slice(), &["ABC123"; 8]].concat();
    let first = Car::new(1, "ABC123", 0.0, 1.0).reads(&texts).way((100.0, 300.0), (350.0, 300.0));
    let next = Car::new(2, "ABC124", 1.4, 2.4).way((450.0, 300.0), (700.0, 300.0));
    for emit in [Emit::Confirmed, Emit::Final] {
        let mut scene = Scene::new(Settings { emit, ..settings() });
        scene.play(6.0, &[first.clone(), next.clone()]);
        assert_eq!((scene.outcomes(), scene.texts()), (vec!["event", "event"], vec!["ABC123", "ABC124"]), "{emit:?}");
    }
    // elsewhere in the picture, it is another vehicle
    let elsewhere = Car::new(2, "ABC123", 1.4, 2.4).confidence(0.6).way((450.0, 650.0), (700.0, 650.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[early.clone(), elsewhere]);
    assert_eq!(scene.outcomes(), ["low-confidence", "low-confidence"]);
    // with another text too
    let other = Car::new(2, "XYZ789", 1.4, 2.4).confidence(0.6).way((450.0, 300.0), (700.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[early, other]);
    assert_eq!(scene.outcomes(), ["low-confidence", "low-confidence"]);
}

#[test]
fn the_picture_that_is_kept_is_that_of_the_winning_read() {
    let mut scene = Scene::new(settings());
    scene.play(3.0, &[Car::new(1, "", 0.0, 2.0).reads(&["A8C123", "ABC123"])]);
    let kept: Vec<_> = scene.decisions.iter().filter(|d| matches!(d, Decision::Keep(_))).collect();
    assert_eq!(kept.len(), 2, "the first read, then the first of the right text");
    let event = scene.events()[0];
    assert!(event.extras.frame_number > Some(0), "the frame of the misread is not the winning one");
    let Decision::Keep(keep) = kept[1] else { unreachable!() };
    assert_eq!(event.extras.plate_bbox, Some((&keep.plate).into()));
}

#[test]
fn a_track_that_comes_back_says_nothing_new() {
    // what a post leaves of the plate has a track of its own for a moment; the first one goes on, and is no surer than before
    let whole = |first, last, from: f32| {
        Car::new(1, "ABC123", first, last).confidence(0.6).way((from, 300.0), (from + 100.0, 300.0))
    };
    let half = Car::new(2, "C123", 0.52, 0.6).confidence(0.6).way((230.0, 300.0), (250.0, 300.0));
    let mut scene = Scene::new(settings());
    scene.play(6.0, &[whole(0.0, 0.4, 100.0), half, whole(0.8, 1.2, 280.0)]);
    assert_eq!((scene.texts(), scene.outcomes()), (vec![], vec!["stitched", "stitched", "low-confidence"]));
}

#[test]
fn the_picture_of_two_tracks_is_that_of_the_better_look() {
    let look = |track, text, first, last, confidence, from: f32| {
        Car::new(track, text, first, last).confidence(confidence).way((from, 300.0), (from + 60.0, 300.0))
    };
    for (what, cars, first, last) in [
        (
            "the later one is read right",
            [look(1, "A8C123", 5.0, 5.5, 0.6, 100.0), look(2, "ABC123", 6.5, 6.5, 0.97, 280.0)],
            13,
            13,
        ),
        (
            "the later one is clearer",
            [look(1, "ABC123", 5.0, 5.5, 0.6, 100.0), look(2, "ABC123", 6.5, 6.5, 0.97, 280.0)],
            13,
            13,
        ),
        (
            "the earlier one is read right",
            [look(1, "ABC123", 5.0, 5.5, 0.97, 100.0), look(2, "A8C123", 6.5, 6.5, 0.6, 280.0)],
            10,
            11,
        ),
        (
            "the earlier one is clearer",
            [look(1, "ABC123", 5.0, 5.5, 0.97, 100.0), look(2, "ABC123", 6.5, 6.5, 0.6, 280.0)],
            10,
            11,
        ),
    ] {
        let mut scene = Scene::new(Settings { emit: Emit::Final, ..settings() });
        scene.fps = 2.0;
        scene.play(16.0, &cars).finish();
        assert_eq!((scene.outcomes(), scene.texts()), (vec!["stitched", "event"], vec!["ABC123"]), "{what}");
        let number = scene.events()[0].extras.frame_number.unwrap_or_default();
        assert!((first..=last).contains(&number), "{what}: frame {number}");
        scene.check_pictures();
    }
}

#[test]
fn half_of_a_plate_beside_it_is_no_plate() {
    // two frames in which something hides the rest, and the tracker takes what is left for another plate
    let half = |first: f64| Car::new(2, "ABC1", first, first + 0.05).confidence(0.98);
    for (what, cars, texts) in [
        ("at the same time", [Car::new(1, "ABC123", 0.0, 3.0), half(1.0)], vec!["ABC123"]),
        ("before it", [Car::new(1, "ABC123", 1.5, 4.0), half(1.0)], vec!["ABC123"]),
        ("long before", [Car::new(1, "ABC123", 2.5, 5.0), half(1.0)], vec!["ABC1", "ABC123"]),
        ("another plate", [Car::new(1, "XYZ123", 0.0, 3.0), half(1.0)], vec!["ABC1", "XYZ123"]),
    ] {
        let mut scene = Scene::new(settings());
        scene.play(8.0, &cars).finish();
        let mut found = scene.texts();
        found.sort();
        assert_eq!(found, texts, "{what}");
    }
}

#[test]
fn a_clock_that_is_set_back_ends_what_is_in_view() {
    let mut scene = Scene::new(settings());
    scene.clock = Duration::from_secs(10_000);
    scene.play(1.0, &[Car::new(1, "ABC123", 10_000.0, 10_005.0)]);
    scene.clock = Duration::from_secs(5);
    scene.play(1.0, &[Car::new(1, "ABC123", 5.0, 10.0)]);
    assert_eq!(scene.outcomes(), ["event"]);
    assert_eq!(scene.passes.live(), 1);
}

#[test]
fn a_flush_counts_what_it_cuts() {
    let mut scene = Scene::new(settings());
    scene.play(0.1, &[Car::new(1, "ABC123", 0.0, 5.0)]);
    scene.decisions = scene.passes.reset();
    assert_eq!(scene.outcomes(), ["interrupted"]);
    assert_eq!(scene.passes.tally().ends(), 1);
}

#[test]
fn readings_without_a_consensus_are_fused_here() {
    for (first, then, events) in [("ABC123", "ABC123", vec!["ABC123"]), ("ABC123", "XYZ789", vec!["ABC123", "XYZ789"])]
    {
        let mut scene = Scene::new(settings());
        for n in 0..20i64 {
            let mut reading = reading(if n < 10 { first } else { then }, 0.98);
            reading.lattice.probs.iter_mut().for_each(|p| *p = if *p > 0.5 { 0.999 } else { 0.001 / 36.0 });
            let frame = FrameInfo {
                time: Timestamp(START.0 + n * 40_000_000),
                time_source: TimeSource::Clock,
                number: n as u64,
                width: 1280,
                height: 720,
            };
            let seen = Observation {
                track_id: 1,
                bbox: Rect::new(100.0 + 20.0 * n as f32, 300.0, 80.0, 20.0),
                corners: None,
                detector_confidence: 0.9,
                predicted: false,
                quality: None,
                reading: Some(reading),
                consensus: None,
                vehicle: None,
            };
            let decisions = scene.passes.observe(&mut scene.memory, frame, &[seen]);
            scene.settle(decisions);
        }
        assert_eq!(scene.texts(), events);
    }
}

#[test]
fn a_track_that_goes_over_to_another_vehicle_is_two_passes() {
    let mut scene = Scene::new(settings());
    scene.play(2.0, &[Car::new(1, "ABC123", 0.0, 2.0)]);
    scene.fused.clear();
    scene.play(5.0, &[Car::new(1, "XYZ789", 2.0, 4.0)]);
    assert_eq!(scene.texts(), ["ABC123", "XYZ789"]);
    assert_eq!(scene.outcomes(), ["event", "event"]);
    let events = scene.events();
    assert_eq!(events[0].track_id, events[1].track_id);
    assert_ne!(events[0].event_id, events[1].event_id);
}

#[test]
fn one_reading_each_is_enough_to_be_two_passes() {
    let mut scene = Scene::new(settings());
    scene.fps = 2.0;
    scene.play(5.0, &[]);
    scene.play(0.5, &[Car::new(1, "ABC123", 5.0, 5.0).confidence(0.97)]);
    scene.fused.clear();
    scene.play(12.0, &[Car::new(1, "XYZ789", 5.5, 5.5).confidence(0.97).way((800.0, 500.0), (800.0, 500.0))]);
    assert_eq!(scene.outcomes(), ["event", "event"]);
    assert_eq!(scene.texts(), ["ABC123", "XYZ789"]);
}

#[test]
fn what_was_read_in_frames_that_are_missing_is_no_reading_of_those_that_came() {
    for (tells_readings, agreeing) in [(true, 10), (false, 20u32)] {
        let mut scene = Scene::new(settings());
        for n in 0..20u32 {
            // between two frames that come, one is left out that was read as well
            let is_read = tells_readings && n % 2 == 0;
            let frame = FrameInfo {
                time: START.plus(Duration::from_millis(80) * n),
                time_source: TimeSource::StreamTime,
                number: u64::from(n),
                width: 1280,
                height: 720,
            };
            let seen = Observation {
                track_id: 1,
                bbox: Rect::new(100.0 + 40.0 * n as f32, 300.0, 80.0, 20.0),
                corners: None,
                detector_confidence: 0.9,
                predicted: false,
                quality: is_read.then_some(0.5),
                reading: is_read.then(|| reading("ABC123", 0.8)),
                consensus: Some(consensus("ABC123", 0.97, 2 * n + 1, 2 * n + 1)),
                vehicle: None,
            };
            let decisions = scene.passes.observe(&mut scene.memory, frame, &[seen]);
            scene.settle(decisions);
        }
        scene.finish();
        let events = scene.events();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].extras.quality_score.is_some(), tells_readings, "of a frame in which it was read");
        assert!(events[0].extras.agreeing_reads <= agreeing, "{:?}", events[0].extras);
    }
}
