//! Which vehicle carries a plate.

use super::Detection;
use crate::geometry::Rect;

/// Part of the plate that lies in the box of its vehicle.
const INSIDE: f32 = 0.8;
/// Most of the vehicle's box that its plate covers; what is hardly larger than a plate is no vehicle.
const MOST: f32 = 0.3;

/// The one of `vehicles` that carries the plate in `plate`: the smallest around it, because a nearer vehicle hides what is
/// behind it only in part.
pub fn carrier<'a>(plate: &Rect, vehicles: &'a [Detection]) -> Option<&'a Detection> {
    vehicles
        .iter()
        .filter(|vehicle| plate.intersection(&vehicle.bbox).area() >= INSIDE * plate.area())
        .filter(|vehicle| plate.area() <= MOST * vehicle.bbox.area())
        .min_by(|a, b| a.bbox.area().total_cmp(&b.bbox.area()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_vehicle_around_a_plate_carries_it() {
        let vehicle = |x: f32, y: f32, w: f32, h: f32| Detection {
            bbox: Rect::new(x, y, w, h),
            corners: None,
            confidence: 0.9,
            class: 1,
        };
        let vehicles = [
            vehicle(0.0, 0.0, 800.0, 600.0),
            vehicle(100.0, 100.0, 300.0, 250.0),
            vehicle(195.0, 295.0, 70.0, 30.0),
            vehicle(600.0, 300.0, 100.0, 100.0),
        ];
        let plate = Rect::new(200.0, 300.0, 60.0, 20.0);
        assert_eq!(
            carrier(&plate, &vehicles),
            Some(&vehicles[1]),
            "neither the lorry behind nor the plate's own frame"
        );
        assert_eq!(
            carrier(&Rect::new(590.0, 350.0, 60.0, 20.0), &vehicles),
            Some(&vehicles[3]),
            "a little beyond its edge"
        );
        assert_eq!(carrier(&Rect::new(900.0, 300.0, 60.0, 20.0), &vehicles), None);
    }
}
