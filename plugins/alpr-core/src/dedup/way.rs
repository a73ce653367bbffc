//! The way of something through zones and over lines.

use crate::geometry::Point;

use super::zones::{ZoneRule, Zones};

/// Where a plate or a vehicle went.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    pub(super) zone: Option<String>,
    pub(super) direction: Option<String>,
    required_zone: bool,
    required_line: bool,
    began: Option<Point>,
    at: Option<Point>,
}

impl Way {
    /// It is at `to`, px of a picture of `size`.
    pub(super) fn go(&mut self, to: Point, size: (u32, u32), zones: &Zones) {
        let zone = zones.zone_of(to, size);
        self.required_zone |= zone.is_some_and(|z| z.rule == ZoneRule::Require);
        if let Some(zone) = zone {
            self.zone = Some(zone.name.clone());
        }
        self.cross(to, size, zones);
        self.began.get_or_insert(to);
        self.at = Some(to);
    }

    /// It went straight to `to`, seen or not: over all lines between. The last one that names a direction gives it.
    fn cross(&mut self, to: Point, size: (u32, u32), zones: &Zones) {
        let crossed = self.at.map(|from| zones.crossed(from, to, size)).unwrap_or_default();
        self.required_line |= crossed.iter().any(|(line, _)| line.required);
        if let Some(direction) = crossed.iter().rev().find_map(|(_, direction)| *direction) {
            self.direction = Some(direction.to_owned());
        }
    }

    /// Whether the zones and lines that events need were met.
    pub(super) fn satisfies(&self, zones: &Zones) -> bool {
        (self.required_zone || !zones.requires_zone()) && (self.required_line || !zones.requires_line())
    }

    /// What went `later` is the same thing: on its way from here to where that began it crossed what lies between, in a picture
    /// of `size`.
    pub(super) fn join(&mut self, later: Self, size: (u32, u32), zones: &Zones) {
        let Some(began) = later.began else { return };
        self.cross(began, size, zones);
        self.zone = later.zone.or(self.zone.take());
        self.direction = later.direction.or(self.direction.take());
        self.required_zone |= later.required_zone;
        self.required_line |= later.required_line;
        self.began.get_or_insert(began);
        self.at = later.at;
    }
}
