//! Lettering on vehicles, known by where it stands.
//!
//! Plates are about equally large and hang low. Of two in one picture, the one that looks larger is nearer to the camera, and
//! what is nearer is lower in the picture. A text that is much larger than the plate below it, and many sizes of that plate
//! above it, is painted on the vehicle, however well it reads.

use std::collections::BTreeMap;

use crate::geometry::Rect;

use super::observation::Observation;
use super::pass::Pass;

/// Plates at one distance differ less than this in size: a square one is as large as a long one, that of a motorcycle half.
const LARGER: f32 = 2.0;

/// How many of its own widths a text may be beside the plate of its vehicle.
const BESIDE: f32 = 0.5;

/// Tells the passes in view of `seen`, one frame, how far above a smaller plate they are.
pub(super) fn look(live: &mut BTreeMap<u64, Pass>, seen: &[Observation]) {
    let seen = || seen.iter().filter(|seen| !seen.predicted);
    let is_plate = |track: u64| live.get(&track).is_some_and(Pass::reads_as_plate);
    let plates: Vec<(u64, Rect)> =
        seen().map(|seen| (seen.track_id, seen.bbox)).filter(|(track, _)| is_plate(*track)).collect();
    for text in seen() {
        let others = plates.iter().filter(|(track, _)| *track != text.track_id);
        let sizes = others.map(|(_, plate)| sizes_above(&text.bbox, plate)).fold(0.0, f32::max);
        if let Some(pass) = live.get_mut(&text.track_id).filter(|_| sizes > 0.0) {
            pass.stands_above(sizes);
        }
    }
}

/// How far `text` is above `plate`, in sizes (square root of the area, about 0.24 m) of `plate`; 0 when it is not, or is not
/// the larger one by far, or belongs to something else.
fn sizes_above(text: &Rect, plate: &Rect) -> f32 {
    let size = |rect: &Rect| (rect.w * rect.h).sqrt();
    let (above, below) = (text.center(), plate.center());
    let is_beside = (above.x - below.x).abs() <= (0.5 + BESIDE) * text.w;
    if is_beside && size(text) >= LARGER * size(plate) && size(plate) > 0.0 {
        ((below.y - above.y) / size(plate)).max(0.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_texts_above_a_small_plate() {
        let plate = Rect::new(600.0, 400.0, 80.0, 20.0);
        for (name, text, sizes) in [
            ("a firm's name", Rect::new(500.0, 110.0, 240.0, 60.0), 6.75),
            ("the same, as small as a plate", Rect::new(580.0, 130.0, 80.0, 20.0), 0.0),
            ("on another vehicle", Rect::new(100.0, 110.0, 240.0, 60.0), 0.0),
            ("the plate of a nearer vehicle", Rect::new(500.0, 600.0, 240.0, 60.0), 0.0),
            ("an empty box", Rect::new(600.0, 110.0, 0.0, 0.0), 0.0),
        ] {
            assert!((sizes_above(&text, &plate) - sizes).abs() < 1e-3, "{name}: {}", sizes_above(&text, &plate));
        }
        assert_eq!(sizes_above(&plate, &Rect::new(600.0, 500.0, 0.0, 0.0)), 0.0);
    }
}
