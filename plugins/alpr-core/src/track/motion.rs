//! Where a plate will be: constant-velocity Kalman filters on centre and size.
//!
//! The plate is its own ruler. All noise is given in plate widths, so that one set of numbers serves a plate of 20
//! pixels and one of 400, and in seconds, so that it serves every frame rate.

use crate::geometry::Rect;

/// Standard deviation of a detected centre, in plate widths.
const CENTER_NOISE: f32 = 0.06;
/// Standard deviation of the logarithm of a detected width or height.
const SIZE_NOISE: f32 = 0.10;
/// Standard deviation of the logarithm of a plate's width over its height, between where it is expected and where it is
/// found: vehicles come nearer and turn, but a plate does not become a sign of another form.
const ASPECT_NOISE: f32 = 0.25;
/// Standard deviation of the speed of a plate seen once, in plate widths per second. A European plate is half a metre
/// wide, so this is 5 m/s across the picture; the gate reaches four times as far.
const FIRST_SPEED: f32 = 10.0;
/// Standard deviation of the growth of a plate seen once, per second (1 = grows by the factor e).
const FIRST_GROWTH: f32 = 0.7;
/// Spectral density of a standing plate's acceleration, widths² / s³: enough to pull away from a light.
const REST_ACCELERATION: f32 = 2.0;
/// How much that density grows with the square of the speed in widths per second: perspective turns a steady speed
/// into an acceleration that grows with it.
const SPEED_ACCELERATION: f32 = 1.0;
/// Spectral density of changes in growth, 1 / s³.
const GROWTH_ACCELERATION: f32 = 0.25;

/// Value and rate of change of one coordinate, with their covariance.
#[derive(Clone, Copy, Debug)]
struct Coordinate {
    value: f32,
    rate: f32,
    /// Variance of the value.
    p00: f32,
    /// Covariance of value and rate.
    p01: f32,
    /// Variance of the rate.
    p11: f32,
}

impl Coordinate {
    const fn new(value: f32, value_deviation: f32, rate_deviation: f32) -> Self {
        Self {
            value,
            rate: 0.0,
            p00: value_deviation * value_deviation,
            p01: 0.0,
            p11: rate_deviation * rate_deviation,
        }
    }

    /// `dt` seconds later, with white acceleration of spectral density `q`; splitting `dt` changes nothing.
    fn predicted(&self, dt: f32, q: f32) -> Self {
        Self {
            value: self.rate.mul_add(dt, self.value),
            rate: self.rate,
            p00: self.p00 + dt * (2.0 * self.p01 + dt * self.p11) + q * dt * dt * dt / 3.0,
            p01: self.p01 + dt * self.p11 + q * dt * dt / 2.0,
            p11: self.p11 + q * dt,
        }
    }

    fn corrected(&self, measured: f32, noise: f32) -> Self {
        let s = self.p00 + noise;
        let (k0, k1) = (self.p00 / s, self.p01 / s);
        let innovation = measured - self.value;
        Self {
            value: k0.mul_add(innovation, self.value),
            rate: k1.mul_add(innovation, self.rate),
            p00: (1.0 - k0) * self.p00,
            p01: (1.0 - k0) * self.p01,
            p11: k1.mul_add(-self.p01, self.p11),
        }
    }
}

/// The most that a prediction may count as uncertain: a track lost long ago must not claim every plate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    /// Standard deviation of the centre in plate widths.
    pub(super) center: f32,
    /// Standard deviation of the logarithms of width and height.
    pub(super) size: f32,
}

/// How far a detection is from where the plate was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Distance {
    /// Squared Mahalanobis distance of the centre, two degrees of freedom.
    pub(super) position: f32,
    /// Squared Mahalanobis distance of width, height and their ratio.
    pub(super) size: f32,
    /// Logarithm of the determinant of the expected spread, in plate widths: how vague the expectation was.
    pub(super) vagueness: f32,
}

/// State of one plate: centre in pixels, logarithms of width and height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    x: Coordinate,
    y: Coordinate,
    log_w: Coordinate,
    log_h: Coordinate,
}

impl Motion {
    /// A plate seen for the first time. `bbox` has a positive, finite size.
    pub(super) fn new(bbox: &Rect) -> Self {
        let center = bbox.center();
        let coordinate = |value| Coordinate::new(value, CENTER_NOISE * bbox.w, FIRST_SPEED * bbox.w);
        let size = |value: f32| Coordinate::new(value.ln(), SIZE_NOISE, FIRST_GROWTH);
        Self { x: coordinate(center.x), y: coordinate(center.y), log_w: size(bbox.w), log_h: size(bbox.h) }
    }

    /// The state `dt` seconds later.
    pub(super) fn predicted(&self, dt: f32) -> Self {
        let width = self.width();
        let speed = self.x.rate.hypot(self.y.rate) / width;
        let q = (REST_ACCELERATION + SPEED_ACCELERATION * speed * speed) * width * width;
        Self {
            x: self.x.predicted(dt, q),
            y: self.y.predicted(dt, q),
            log_w: self.log_w.predicted(dt, GROWTH_ACCELERATION),
            log_h: self.log_h.predicted(dt, GROWTH_ACCELERATION),
        }
    }

    /// The state after `bbox` was seen.
    pub(super) fn corrected(&self, bbox: &Rect) -> Self {
        let center = bbox.center();
        let noise = (CENTER_NOISE * bbox.w).powi(2);
        let size_noise = SIZE_NOISE * SIZE_NOISE;
        Self {
            x: self.x.corrected(center.x, noise),
            y: self.y.corrected(center.y, noise),
            log_w: self.log_w.corrected(bbox.w.ln(), size_noise),
            log_h: self.log_h.corrected(bbox.h.ln(), size_noise),
        }
    }

    /// How far `bbox` is from this (predicted) state.
    pub(super) fn distance(&self, bbox: &Rect, reach: Reach) -> Distance {
        let center = bbox.center();
        let width = self.width();
        let unit = width * width;
        let spread = |c: &Coordinate| (c.p00 / unit + CENTER_NOISE * CENTER_NOISE).min(reach.center * reach.center);
        let (sx, sy) = (spread(&self.x), spread(&self.y));
        let (dx, dy) = ((center.x - self.x.value) / width, (center.y - self.y.value) / width);
        let size_spread = |c: &Coordinate| (c.p00 + SIZE_NOISE * SIZE_NOISE).min(reach.size * reach.size);
        let (sw, sh) = (size_spread(&self.log_w), size_spread(&self.log_h));
        let (dw, dh) = (bbox.w.ln() - self.log_w.value, bbox.h.ln() - self.log_h.value);
        Distance {
            position: dx * dx / sx + dy * dy / sy,
            size: dw * dw / sw + dh * dh / sh + ((dw - dh) / ASPECT_NOISE).powi(2),
            vagueness: (sx * sy * sw * sh).ln(),
        }
    }

    /// The box of the state.
    pub(super) fn bbox(&self) -> Rect {
        let (w, h) = (self.width(), log_pixels(self.log_h.value));
        Rect::new(self.x.value - w / 2.0, self.y.value - h / 2.0, w, h)
    }

    fn width(&self) -> f32 {
        log_pixels(self.log_w.value)
    }
}

/// Pixels of a logarithmic size; bounded so that a growth that is carried on for long stays a number.
fn log_pixels(value: f32) -> f32 {
    const LARGEST: f32 = 16_384.0;
    value.exp().clamp(1e-3, LARGEST)
}
