mod invariants;
mod motions;

use super::*;

const MILLISECOND: i64 = 1_000_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp(milliseconds * MILLISECOND)
}

/// A plate centred at (`x`, `y`), `w` wide and a quarter as high.
fn plate(x: f32, y: f32, w: f32) -> Detection {
    scored(x, y, w, 0.9)
}

fn scored(x: f32, y: f32, w: f32, confidence: f32) -> Detection {
    Detection { bbox: Rect::new(x - w / 2.0, y - w / 8.0, w, w / 4.0), corners: None, confidence, class: 0 }
}

fn ids(tracks: &[Tracked]) -> Vec<u64> {
    tracks.iter().map(|track| track.id).collect()
}

#[test]
fn only_a_confident_detection_starts_a_track() {
    let settings = TrackerSettings::default();
    for (confidence, expected) in [(settings.high_confidence, 1), (settings.high_confidence - 0.01, 0), (0.0, 0)] {
        let mut tracker = Tracker::new(settings.clone());
        let tracks = tracker.update(at(0), &[scored(100.0, 100.0, 60.0, confidence)]);
        assert_eq!(tracks.len(), expected, "confidence {confidence}");
    }
}

#[test]
fn a_weak_detection_continues_a_track_and_a_very_weak_one_does_not() {
    for (confidence, expected) in [(0.2, Some(0)), (0.05, None)] {
        let mut tracker = Tracker::new(TrackerSettings::default());
        tracker.update(at(0), &[plate(100.0, 100.0, 60.0)]);
        tracker.update(at(40), &[plate(110.0, 100.0, 60.0)]);
        let tracks = tracker.update(at(80), &[scored(120.0, 100.0, 60.0, confidence)]);
        assert_eq!(tracks.iter().map(|t| (t.id, t.detection)).collect::<Vec<_>>(), [(1, expected)], "{confidence}");
    }
}

#[test]
fn two_boxes_of_one_plate_are_one_track() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for frame in 0..10_i64 {
        let x = 100.0 + 20.0 * frame as f32;
        // The second box alternates between the whole plate and its inner part, as when non-maximum suppression fails.
        let inner = if frame % 2 == 0 { 56.0 } else { 30.0 };
        let tracks = tracker.update(at(frame * 40), &[scored(x, 300.0, inner, 0.6), plate(x, 300.0, 60.0)]);
        assert_eq!(tracks.iter().map(|t| (t.id, t.detection)).collect::<Vec<_>>(), [(1, Some(1))], "frame {frame}");
    }
    assert_eq!(tracker.stats().duplicate, 10);
}

#[test]
fn a_cut_in_time_ends_all_tracks_and_no_id_comes_back() {
    let second = 1000;
    let cases = [
        ("steady", 40, true),
        ("the same frame again", 0, true),
        ("frames lost", 2 * second, true),
        ("clock set back a little", -300, true),
        ("clock set back by an hour", -3600 * second, false),
        ("stream resumed after an hour", 3600 * second, false),
    ];
    for (name, step, kept) in cases {
        let mut tracker = Tracker::new(TrackerSettings::default());
        for frame in 0..5 {
            tracker.update(at(frame * 40), &[plate(500.0, 300.0, 60.0)]);
        }
        let tracks = tracker.update(at(160 + step), &[plate(500.0, 300.0, 60.0)]);
        assert_eq!(ids(&tracks), [if kept { 1 } else { 2 }], "{name}");
        assert_eq!(tracker.stats().resets, u64::from(!kept), "{name}");
        let next = tracker.update(at(200 + step), &[plate(500.0, 300.0, 60.0)]);
        assert_eq!(ids(&next), ids(&tracks), "{name}: the frame after it");
    }
}

#[test]
fn a_lost_track_ends_after_the_frames_it_may_miss() {
    for fps in [2_i64, 5, 15, 25, 60] {
        let mut tracker = Tracker::new(TrackerSettings { min_lost: Duration::ZERO, ..TrackerSettings::default() });
        let time = |frame: i64| Timestamp(frame * 1_000_000_000 / fps);
        for frame in 0..5 {
            tracker.update(time(frame), &[plate(500.0, 300.0, 60.0)]);
        }
        for missed in 1..=10 {
            let tracks = tracker.update(time(4 + missed), &[]);
            assert_eq!(
                tracks.iter().map(|t| (t.id, t.detection)).collect::<Vec<_>>(),
                [(1, None)],
                "{fps} fps {missed}"
            );
        }
        assert_eq!(tracker.update(time(15), &[]), [], "{fps} fps");
        assert_eq!(tracker.stats().ended, 1);
    }
}

#[test]
fn a_track_survives_a_short_time_at_high_frame_rates() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for frame in 0..5 {
        tracker.update(at(frame * 10), &[plate(500.0, 300.0, 60.0)]);
    }
    // 25 frames missed at 100 fps are a quarter of a second.
    for frame in 5..30 {
        assert_eq!(ids(&tracker.update(at(frame * 10), &[])), [1]);
    }
    assert_eq!(ids(&tracker.update(at(300), &[plate(500.0, 300.0, 60.0)])), [1]);
}

#[test]
fn a_track_that_left_the_frame_ends_at_once() {
    let settings = TrackerSettings { frame: Some((640, 480)), ..TrackerSettings::default() };
    let mut tracker = Tracker::new(settings);
    for frame in 0..7_i64 {
        tracker.update(at(frame * 40), &[plate(300.0 + 45.0 * frame as f32, 240.0, 60.0)]);
    }
    assert_eq!(ids(&tracker.update(at(280), &[])), [1], "half of it is still inside");
    assert_eq!(ids(&tracker.update(at(400), &[])), [] as [u64; 0]);
}

#[test]
fn a_frame_that_was_not_searched_gets_the_expected_places() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let corners = |x: f32| Quad::from_rect(&Rect::new(x - 30.0, 292.5, 60.0, 15.0));
    for frame in 0..8_i64 {
        let x = 100.0 + 120.0 * frame as f32;
        let detection = Detection { corners: Some(corners(x)), ..plate(x, 300.0, 60.0) };
        tracker.update(at(frame * 80), &[detection]);
    }
    let tracks = tracker.predict(at(600));
    let [track] = tracks.as_slice() else { panic!("one track, not {tracks:?}") };
    assert_eq!((track.id, track.detection), (1, None));
    assert!((track.bbox.center().x - 1000.0).abs() < 6.0, "{track:?}");
    let quad = track.corners.expect("the detector gave corners");
    assert!((quad.bounding_rect().center().x - 1000.0).abs() < 6.0, "{quad:?}");
    assert_eq!(tracker.predict(at(600)), tracks, "predicting changes nothing");
    assert_eq!(tracker.predict(at(0)).len(), 1, "a time before the latest frame");
}

#[test]
fn broken_boxes_are_counted_and_left_out() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let broken = [
        plate(f32::NAN, 100.0, 60.0),
        plate(f32::INFINITY, 100.0, 60.0),
        plate(100.0, 100.0, 0.0),
        scored(100.0, 100.0, 60.0, f32::NAN),
    ];
    assert_eq!(tracker.update(at(0), &broken), []);
    assert_eq!(tracker.stats().invalid, 4);
}

#[test]
fn no_more_tracks_than_allowed() {
    let mut tracker = Tracker::new(TrackerSettings { max_tracks: 3, ..TrackerSettings::default() });
    let row: Vec<Detection> = (0..5_u8).map(|n| plate(200.0 * f32::from(n), 300.0, 60.0)).collect();
    assert_eq!(ids(&tracker.update(at(0), &row)), [1, 2, 3]);
    assert_eq!(tracker.stats().full, 2);
}
