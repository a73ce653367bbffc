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
        if let Some((line, direction)) = self.at.and_then(|from| zones.crossed(from, to, size)) {
            self.required_line |= line.required;
            if let Some(direction) = direction {
                self.direction = Some(direction.to_owned());
            }
        }
        self.at = Some(to);
    }

    /// Whether the zones and lines that events need were met.
    pub(super) fn satisfies(&self, zones: &Zones) -> bool {
        (self.required_zone || !zones.requires_zone()) && (self.required_line || !zones.requires_line())
    }

    /// What went `later` is the same thing.
    pub(super) fn join(&mut self, later: Self) {
        if later.at.is_none() {
            return;
        }
        self.zone = later.zone.or(self.zone.take());
        self.direction = later.direction.or(self.direction.take());
        self.required_zone |= later.required_zone;
        self.required_line |= later.required_line;
        self.at = later.at;
    }
}
