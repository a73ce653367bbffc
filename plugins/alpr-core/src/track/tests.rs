use super::*;

fn plate(x: f32, y: f32, w: f32) -> Detection {
    Detection { bbox: Rect::new(x - w / 2.0, y - w / 8.0, w, w / 4.0), corners: None, confidence: 0.9, class: 0 }
}

#[test]
fn one_plate_keeps_its_id() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for frame in 0_u8..10 {
        let time = Timestamp(i64::from(frame) * 40_000_000);
        let tracks = tracker.update(time, &[plate(100.0 + 90.0 * f32::from(frame), 300.0, 60.0)]);
        assert_eq!(tracks.iter().map(|t| (t.id, t.detection)).collect::<Vec<_>>(), [(1, Some(0))], "frame {frame}");
    }
}
