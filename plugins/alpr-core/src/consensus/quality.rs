//! How much a reading of a crop is worth, judged from the crop.

/// Plate height in pixels at which a crop is worthless, and from which on more pixels do not help.
const HEIGHT: (f32, f32) = (6.0, 28.0);
/// Sharpness (see [`crate::image`]) at which a crop is worthless, and from which on it is sharp.
const SHARPNESS: (f32, f32) = (0.03, 0.4);
/// Tilt in radians at which a crop is worthless.
const MAX_TILT: f32 = 0.8;
/// Detector confidence from which on it says nothing about the crop any more.
const SURE_DETECTION: f32 = 0.7;
/// What remains of a crop that the picture's edge cuts: the characters that are left can still be right.
const CUT: f32 = 0.4;
/// No usable crop is worth less: a poor reading is still a reading.
const LEAST: f32 = 0.05;

/// What is known of a crop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropQuality {
    /// Height of the plate in pixels of the frame.
    pub height: f32,
    /// Sharpness as `image::sharpness` gives it; `f32::NAN` before the crop was cut.
    pub sharpness: f32,
    /// Rotation of the plate's base line against the horizontal in radians; the sign does not matter.
    pub tilt: f32,
    /// Detector confidence, 0 to 1.
    pub detector_confidence: f32,
    /// Whether the picture's edge cuts the plate.
    pub cut: bool,
}

impl CropQuality {
    /// Weight of a reading of this crop, 0.05 to 1: the product of what height, sharpness, tilt, detector and edge leave.
    /// What is not known (not a number) takes nothing away.
    pub fn weight(&self) -> f32 {
        let height = ramp(self.height, HEIGHT.0, HEIGHT.1);
        let sharpness = ramp(self.sharpness, SHARPNESS.0, SHARPNESS.1).mul_add(0.7, 0.3);
        let tilt = 1.0 - ramp(self.tilt.abs(), 0.0, MAX_TILT).powi(2);
        let detector = ramp(self.detector_confidence, 0.0, SURE_DETECTION).mul_add(0.5, 0.5);
        let edge = if self.cut { CUT } else { 1.0 };
        (height * sharpness * tilt * detector * edge).max(LEAST)
    }
}

/// 0 up to `from`, 1 from `to` on, straight between; 1 for what is not a number.
fn ramp(value: f32, from: f32, to: f32) -> f32 {
    if value.is_nan() { 1.0 } else { ((value - from) / (to - from)).clamp(0.0, 1.0) }
}
