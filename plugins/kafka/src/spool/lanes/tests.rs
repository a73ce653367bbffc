use super::*;

const AFTER: Duration = Duration::from_secs(5);

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

/// Lane 1 has sent record 1 and lane 2 record 2, both at the start.
fn two_lanes() -> (Lanes, Instant) {
    let (mut lanes, start) = (Lanes::default(), Instant::now());
    lanes.sent(1, 1, 100, start);
    lanes.sent(2, 2, 100, start);
    (lanes, start)
}

#[test]
fn a_lane_is_stuck_when_much_later_records_are_confirmed() {
    let (mut lanes, start) = two_lanes();
    lanes.settled(2, 2, 100, at(start, 9));
    lanes.review(at(start, 9), AFTER);
    assert!(!lanes.holds(1), "what is confirmed is as old as what is not");
    lanes.sent(2, 3, 100, at(start, 9));
    lanes.settled(2, 3, 100, at(start, 10));
    lanes.review(at(start, 10), AFTER);
    assert!(lanes.holds(1) && !lanes.holds(2));
    assert_eq!(lanes.stuck_bytes(), 100);
    lanes.settled(1, 1, 100, at(start, 11));
    lanes.review(at(start, 11), AFTER);
    assert!(!lanes.holds(1));
    assert_eq!((lanes.stuck_bytes(), lanes.lanes.len()), (0, 0), "an empty lane is forgotten");
}

#[test]
fn nothing_is_stuck_in_an_outage_or_on_a_slow_line() {
    let (mut lanes, start) = two_lanes();
    lanes.review(at(start, 1000), AFTER);
    assert!(!lanes.holds(1), "nothing at all is confirmed");
    // A queue of a hundred seconds, first in, first out.
    for n in 0..50 {
        lanes.sent(1, 10 + 2 * n, 100, at(start, n));
        lanes.sent(2, 11 + 2 * n, 100, at(start, n));
        lanes.settled(1, 10 + 2 * n, 100, at(start, 100 + n));
        lanes.review(at(start, 100 + n), AFTER);
        lanes.settled(2, 11 + 2 * n, 100, at(start, 100 + n));
        assert!(n < 1 || !lanes.holds(2), "{n}");
    }
}

#[test]
fn what_waited_for_brokers_is_not_stuck_when_they_are_back() {
    for back in [true, false] {
        let (mut lanes, start) = two_lanes();
        if back {
            lanes.start_again(at(start, 600));
        }
        lanes.sent(2, 3, 100, at(start, 600));
        lanes.settled(2, 3, 100, at(start, 601));
        lanes.review(at(start, 601), AFTER);
        assert_eq!(lanes.holds(1), !back, "it comes within a moment");
    }
}

#[test]
fn a_lane_whose_records_go_to_many_partitions_goes_on_while_some_arrive() {
    let (mut lanes, start) = two_lanes();
    for n in 1..60 {
        lanes.sent(1, 10 + n, 100, at(start, n));
        lanes.settled(1, 10 + n, 100, at(start, n));
        lanes.review(at(start, n), AFTER);
        assert!(!lanes.holds(1), "{n}");
    }
    assert!(lanes.holds(2));
}

/// A partition that answers slowly takes more, when more is on its way.
#[test]
fn what_is_confirmed_of_a_lane_that_goes_on_lets_more_follow() {
    let (mut lanes, start) = two_lanes();
    (3..100).for_each(|seq| lanes.hold(1, seq));
    let mut sent = Vec::new();
    for _ in 0..4 {
        let mut round = 0;
        while let [(_, seq)] = lanes.resumable(1, Seq::MAX)[..] {
            lanes.release(1);
            lanes.sent(1, seq, RESUME_BYTES, start);
            round += 1;
        }
        sent.push(round);
        let out: Vec<Seq> = lanes.lanes[&1].sent.keys().copied().filter(|seq| *seq > 1).collect();
        out.iter().for_each(|seq| lanes.settled(1, *seq, RESUME_BYTES, start));
    }
    assert_eq!(sent, [1, 2, 4, 8]);
}

#[test]
fn what_is_held_back_goes_on_in_order_and_a_little_at_a_time() {
    let (mut lanes, start) = two_lanes();
    lanes.presume_stuck(at(start, 0), AFTER);
    lanes.presume_stuck(at(start, 6), AFTER);
    assert!(!lanes.holds(1), "no broker was there meanwhile");
    (7..11).for_each(|second| lanes.presume_stuck(at(start, second), AFTER));
    assert!(!lanes.holds(1), "it may still come");
    lanes.presume_stuck(at(start, 11), AFTER);
    for seq in 3..20 {
        let lane = seq % 2;
        assert_eq!(lanes.holds(lane), lane == 1, "{seq}");
        if lane == 1 {
            lanes.hold(lane, seq);
        }
    }
    assert_eq!((lanes.held(), lanes.first_held(), lanes.stuck(|_| false)), (9, Some((3, 1)), Some(1)));
    assert!(lanes.resumable(100, Seq::MAX).is_empty(), "still stuck");
    assert!(lanes.holds_any(&[4, 5].into()) && !lanes.holds_any(&[1, 4].into()));
    lanes.settled(1, 1, 100, at(start, 12));
    lanes.review(at(start, 12), AFTER);
    assert!(lanes.holds(1), "what comes now is behind what is held back");
    assert_eq!(lanes.resumable(2, Seq::MAX), [(1, 3), (1, 5)]);
    assert_eq!(lanes.resumable(100, 4), [(1, 3)], "none behind the mark");
    lanes.release(1);
    lanes.sent(1, 3, RESUME_BYTES + 100, at(start, 12));
    assert!(lanes.resumable(2, Seq::MAX).is_empty(), "enough for now");
    lanes.settled(1, 3, RESUME_BYTES + 100, at(start, 13));
    let rest: Vec<Seq> = lanes.all_held().collect();
    assert_eq!(rest, [5, 7, 9, 11, 13, 15, 17, 19]);
    rest.iter().for_each(|_| lanes.release(1));
    assert_eq!((lanes.held(), lanes.holds(1), lanes.first_held()), (0, false, None));
}
