use std::time::Duration;

use super::*;
use crate::time::Timestamp;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp(milliseconds * 1_000_000)
}

/// A crop before it is cut: its sharpness is not known yet.
fn crop(track: u64, height: f32) -> Candidate {
    Candidate {
        track,
        quality: CropQuality { height, sharpness: f32::NAN, tilt: 0.0, detector_confidence: 0.8, cut: false },
    }
}

#[test]
fn a_frame_reads_at_most_its_budget_and_the_best_crops_first() {
    let crops = [crop(1, 12.0), crop(2, 30.0), crop(3, 20.0), crop(4, 16.0)];
    for (budget, expected) in [(0, vec![]), (1, vec![1]), (2, vec![1, 2]), (9, vec![1, 2, 3, 0])] {
        let mut schedule = ReadSchedule::new(ScheduleSettings::default());
        assert_eq!(schedule.plan(at(0), &crops, budget), expected, "budget {budget}");
    }
}

#[test]
fn every_track_gets_its_first_reading_soon() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    // Eleven near plates, one far away, one reading a frame.
    let crops: Vec<Candidate> = (0..12).map(|track| crop(track, if track == 7 { 8.0 } else { 30.0 })).collect();
    let mut read = std::collections::BTreeSet::new();
    for frame in 0..12 {
        read.extend(schedule.plan(at(frame * 40), &crops, 1));
    }
    assert_eq!(read.len(), 12, "{read:?}");
}

#[test]
fn a_newcomer_goes_before_tracks_that_were_read() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    assert_eq!(schedule.plan(at(0), &[crop(1, 30.0)], 1), [0]);
    assert_eq!(schedule.plan(at(40), &[crop(1, 30.0), crop(2, 10.0)], 1), [1]);
}

#[test]
fn a_sure_track_is_only_looked_at_now_and_then() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    let mut times: Vec<i64> = Vec::new();
    for frame in 0..1500 {
        let read = !schedule.plan(at(frame * 40), &[crop(1, 30.0)], 4).is_empty();
        times.extend(read.then_some(frame * 40));
        schedule.report(1, times.len() >= 3, 0.95);
    }
    let looks = |from: i64, to: i64| times.iter().filter(|time| (from..to).contains(*time)).count();
    assert_eq!(looks(0, 1000), 3, "three readings make it sure: {times:?}");
    assert_eq!(looks(1000, 4000), 3, "one look a second at first: {times:?}");
    assert_eq!(looks(40_000, 60_000), 4, "one in five seconds later on: {times:?}");
}

#[test]
fn a_sure_track_that_was_out_of_sight_is_looked_at_when_it_comes_back() {
    // (interval of the frames, frames without the plate, whether it is read when it comes back), in milliseconds
    for (interval, missing, read) in [(40, 0, false), (40, 1, false), (40, 2, true), (40, 8, true), (100, 2, true)] {
        let mut schedule = ReadSchedule::new(ScheduleSettings::default());
        for frame in 0..5 {
            schedule.plan(at(frame * interval), &[crop(1, 30.0)], 4);
        }
        schedule.report(1, true, 0.95);
        let back = (5 + missing) * interval;
        assert_eq!(
            schedule.plan(at(back), &[crop(1, 30.0)], 4),
            [0; 1][..usize::from(read)],
            "{interval} ms, {missing}"
        );
        assert!(schedule.plan(at(back + interval), &[crop(1, 30.0)], 4).is_empty(), "once is enough");
    }
}

#[test]
fn a_sure_track_that_becomes_unsure_is_read_in_the_next_frame() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    for frame in 0..100 {
        schedule.plan(at(frame * 40), &[crop(1, 30.0)], 4);
        schedule.report(1, true, 0.95);
    }
    schedule.report(1, false, 0.9);
    assert_eq!(schedule.plan(at(4000), &[crop(1, 30.0)], 4), [0], "however short ago it was read");
}

#[test]
fn an_unreadable_track_costs_little_until_its_crop_gets_better() {
    let settings = ScheduleSettings {
        patience: 5,
        recheck: (Duration::from_secs(5), Duration::from_secs(5)),
        ..Default::default()
    };
    let mut schedule = ReadSchedule::new(settings);
    let mut reads = 0;
    for frame in 0..100 {
        reads += schedule.plan(at(frame * 40), &[crop(1, 10.0)], 4).len();
    }
    assert_eq!(reads, 5);
    assert_eq!(schedule.plan(at(4000), &[crop(1, 20.0)], 4), [0], "twice as high");
}

#[test]
fn readings_of_a_standing_car_are_spread_over_time() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    let mut times = Vec::new();
    for frame in 0..250 {
        let time = frame * 40;
        if !schedule.plan(at(time), &[crop(1, 20.0)], 4).is_empty() {
            times.push(time);
        }
    }
    let before = |end: i64| times.iter().filter(|&&time| time < end).count();
    assert_eq!(before(240), 6, "at first every frame is read: {times:?}");
    assert!((12..18).contains(&before(1000)), "{times:?}");
    assert!(times[19] >= 1500, "the twentieth reading comes late: {times:?}");
}

#[test]
fn readings_are_as_far_apart_as_at_25_frames_a_second() {
    for (fps, reads) in [(15, 3), (25, 5), (30, 3), (50, 5), (60, 4), (120, 5)] {
        let mut schedule = ReadSchedule::new(ScheduleSettings::default());
        let mut is_read = |frame: i64| !schedule.plan(at(frame * 1000 / fps), &[crop(1, 20.0)], 4).is_empty();
        assert_eq!((0..fps / 5).filter(|frame| is_read(*frame)).count(), reads, "a fifth of a second of {fps} frames");
    }
}

#[test]
fn a_better_crop_goes_before_one_that_tells_nothing_new() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    let first = [crop(1, 25.0), crop(2, 12.0)];
    assert_eq!(schedule.plan(at(0), &first, 2).len(), 2);
    assert_eq!(schedule.plan(at(40), &[crop(1, 25.0), crop(2, 20.0)], 1), [1]);
}

#[test]
fn only_what_is_due_is_beyond_the_budget() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    let crops = [crop(1, 30.0), crop(2, 25.0), crop(3, 20.0)];
    assert_eq!((schedule.plan(at(0), &crops, 1).len(), schedule.beyond_budget()), (1, 2));
    assert_eq!((schedule.plan(at(1), &crops, 2).len(), schedule.beyond_budget()), (2, 0), "the first is not due again");
}

#[test]
fn memory_is_bounded() {
    let mut schedule = ReadSchedule::new(ScheduleSettings { expire: Duration::from_secs(1), ..Default::default() });
    for track in 0..1000_u64 {
        schedule.plan(at(track as i64 * 100), &[crop(track, 20.0)], 1);
    }
    assert!(schedule.len() <= 12, "{}", schedule.len());
    schedule.forget(999);
    assert_eq!(schedule.plan(at(100_000), &[crop(999, 20.0), crop(998, 30.0)], 1), [0], "999 is new again");
}

#[test]
fn time_that_jumps_back_stops_nothing() {
    let mut schedule = ReadSchedule::new(ScheduleSettings::default());
    schedule.plan(at(3_600_000), &[crop(1, 20.0)], 1);
    assert_eq!(schedule.plan(at(0), &[crop(1, 20.0)], 1), [0]);
}

#[test]
fn no_plate_of_a_photograph_waits_for_a_second_one() {
    let mut schedule = ReadSchedule::default();
    let crops = |from: u64, to: u64| (from..to).map(|track| crop(track, 20.0)).collect::<Vec<_>>();
    let budget = Budget { usual: 4, first: 16 };
    assert_eq!(schedule.plan(at(0), &crops(0, 20), budget).len(), 16);
    assert_eq!(schedule.beyond_budget(), 4);
    assert_eq!(schedule.plan(at(40), &crops(0, 20), budget), [16, 17, 18, 19], "those that were not read yet");
    assert_eq!(schedule.plan(at(80), &crops(0, 20), budget).len(), 4, "again");
    let seven = schedule.plan(at(120), &crops(0, 27), budget);
    assert!(seven.len() == 7 && seven.iter().all(|index| *index >= 20), "{seven:?}");
}
