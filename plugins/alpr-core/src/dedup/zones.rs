//! Named places in the picture: polygons, exclusion masks and directed lines.
//!
//! Coordinates are fractions of the frame's width and height (0 to 1), so that one file serves every resolution of a
//! camera, or pixels when the file says `"units": "pixels"`.

use serde::Deserialize;

use crate::event::limits;
use crate::geometry::Point;

/// The places of one camera.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zones {
    /// What coordinates count.
    #[serde(default)]
    pub units: Units,
    /// Polygons.
    #[serde(default)]
    pub zones: Vec<Zone>,
    /// Lines.
    #[serde(default)]
    pub lines: Vec<Line>,
}

/// What coordinates count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    /// Fractions of width and height.
    #[default]
    Fraction,
    /// Pixels of the frame.
    Pixels,
}

/// Farthest that a fraction may lie outside the picture: what is drawn generously.
const GENEROUS: f32 = 1.0;

impl Units {
    /// Whether the coordinates of `what` can be meant.
    fn check(self, what: &str, coordinates: &[f32]) -> Result<(), ZonesError> {
        if !coordinates.iter().all(|v| v.is_finite()) {
            return Err(ZonesError(format!("{what} has a coordinate that is no number")));
        }
        let inside = -GENEROUS..=1.0 + GENEROUS;
        match coordinates.iter().find(|v| self == Self::Fraction && !inside.contains(*v)) {
            Some(far) => Err(ZonesError(format!(
                "{what} has the coordinate {far}, a fraction of the picture that is far outside of it; for pixels set \"units\": \"pixels\""
            ))),
            None => Ok(()),
        }
    }
}

/// A named polygon.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its name, in `extras.roi`.
    pub name: String,
    /// Its corners, in order.
    pub polygon: Vec<[f32; 2]>,
    /// What it is for.
    #[serde(default)]
    pub rule: ZoneRule,
}

/// What a zone is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ZoneRule {
    /// It names the place.
    #[default]
    Name,
    /// It names the place, and only passes that were in a zone of this rule give events.
    Require,
    /// A mask: plates inside are not looked at.
    Exclude,
}

/// A directed line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// One end.
    pub from: [f32; 2],
    /// The other end.
    pub to: [f32; 2],
    /// Direction of a plate that crosses from the left to the right of someone who looks from `from` to `to`.
    #[serde(default)]
    pub to_right: Option<String>,
    /// Direction of a plate that crosses the other way.
    #[serde(default)]
    pub to_left: Option<String>,
    /// Whether only passes that crossed this line, or another that is required, give events.
    #[serde(default)]
    pub required: bool,
}

/// A zones file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonesError(String);

impl std::fmt::Display for ZonesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ZonesError {}

impl Zones {
    /// Reads the JSON form.
    ///
    /// # Errors
    ///
    /// What is wrong and where: no JSON, an unknown member, a polygon with fewer than three corners, a coordinate that is no
    /// number or a fraction far outside the picture, a name that is empty or longer than its field in events.
    pub fn parse(text: &str) -> Result<Self, ZonesError> {
        let zones: Self = serde_json::from_str(text).map_err(|e| ZonesError(e.to_string()))?;
        let check = |what: String, value: &str, limit: usize| {
            let length = value.chars().count();
            if length == 0 || length > limit {
                return Err(ZonesError(format!("{what} has {length} characters; 1 to {limit} are possible")));
            }
            Ok(())
        };
        for (index, zone) in zones.zones.iter().enumerate() {
            check(format!("the name of zone {}", index + 1), &zone.name, limits::ROI)?;
            if zone.polygon.len() < 3 {
                let corners = zone.polygon.len();
                return Err(ZonesError(format!("zone {:?} has {corners} corners; a polygon needs 3", zone.name)));
            }
            zones.units.check(&format!("zone {:?}", zone.name), zone.polygon.as_flattened())?;
        }
        for (index, line) in zones.lines.iter().enumerate() {
            check(format!("the name of line {}", index + 1), &line.name, limits::ROI)?;
            for direction in [&line.to_right, &line.to_left].into_iter().flatten() {
                check(format!("a direction of line {:?}", line.name), direction, limits::DIRECTION)?;
            }
            zones.units.check(&format!("line {:?}", line.name), [line.from, line.to].as_flattened())?;
            if line.from == line.to {
                return Err(ZonesError(format!("line {:?} has no length", line.name)));
            }
        }
        Ok(zones)
    }

    /// Whether a plate centred at `center` (pixels of a frame of `size`) is masked out.
    pub fn masked(&self, center: Point, size: (u32, u32)) -> bool {
        self.inside(center, size).any(|zone| zone.rule == ZoneRule::Exclude)
    }

    /// The first zone (masks aside) that `center` is in; a required zone goes before the others.
    pub fn zone_of(&self, center: Point, size: (u32, u32)) -> Option<&Zone> {
        self.inside(center, size)
            .filter(|zone| zone.rule != ZoneRule::Exclude)
            .min_by_key(|z| z.rule != ZoneRule::Require)
    }

    /// All lines that the straight way from `before` to `after` crosses, in the order of the way; of lines that are met in one
    /// point, in that of the file. Each with its direction, where the line names one.
    pub fn crossed(&self, before: Point, after: Point, size: (u32, u32)) -> Vec<(&Line, Option<&str>)> {
        let (a, b) = (self.unit(before, size), self.unit(after, size));
        let mut met: Vec<(f32, &Line, Option<&str>)> = self.lines.iter().filter_map(|line| line.met(a, b)).collect();
        met.sort_by(|one, other| one.0.total_cmp(&other.0));
        met.into_iter().map(|(_, line, direction)| (line, direction)).collect()
    }

    /// Whether there are zones in which something is seen: masks aside.
    pub fn names_zones(&self) -> bool {
        self.zones.iter().any(|zone| zone.rule != ZoneRule::Exclude)
    }

    /// Whether some line names a direction.
    pub fn names_directions(&self) -> bool {
        self.lines.iter().any(|line| line.to_right.is_some() || line.to_left.is_some())
    }

    /// Whether events need a zone.
    pub fn requires_zone(&self) -> bool {
        self.zones.iter().any(|zone| zone.rule == ZoneRule::Require)
    }

    /// Whether events need a crossing.
    pub fn requires_line(&self) -> bool {
        self.lines.iter().any(|line| line.required)
    }

    fn inside(&self, center: Point, size: (u32, u32)) -> impl Iterator<Item = &Zone> {
        let point = self.unit(center, size);
        self.zones.iter().filter(move |zone| contains(&zone.polygon, point))
    }

    fn unit(&self, point: Point, (width, height): (u32, u32)) -> [f32; 2] {
        match self.units {
            Units::Fraction => [point.x / width.max(1) as f32, point.y / height.max(1) as f32],
            Units::Pixels => [point.x, point.y],
        }
    }
}

impl Line {
    /// Where the straight way from `a` to `b` crosses it, as a part of the way, and the direction of that.
    fn met(&self, a: [f32; 2], b: [f32; 2]) -> Option<(f32, &Self, Option<&str>)> {
        let (before, after) = (side(self.from, self.to, a), side(self.from, self.to, b));
        // a point exactly on the line counts as right of it, so that a stop on the line is one crossing
        let (was_right, is_right) = (before >= 0.0, after >= 0.0);
        let meets = side(a, b, self.from) * side(a, b, self.to) <= 0.0;
        let direction = if is_right { self.to_right.as_deref() } else { self.to_left.as_deref() };
        (was_right != is_right && meets).then(|| (before / (before - after), self, direction))
    }
}

/// Positive when `p` is to the right of someone who looks from `a` to `b` (y grows downwards).
fn side(a: [f32; 2], b: [f32; 2], p: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
}

/// Even-odd rule.
fn contains(polygon: &[[f32; 2]], p: [f32; 2]) -> bool {
    let mut inside = false;
    let mut previous = polygon.len() - 1;
    for (i, b) in polygon.iter().enumerate() {
        let a = polygon[previous];
        if (b[1] > p[1]) != (a[1] > p[1]) && p[0] < (a[0] - b[0]) * (p[1] - b[1]) / (a[1] - b[1]) + b[0] {
            inside = !inside;
        }
        previous = i;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "zones": [
            {"name": "left half", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]},
            {"name": "lane", "polygon": [[0.1, 0], [0.3, 0], [0.3, 1], [0.1, 1]], "rule": "require"},
            {"name": "clock", "polygon": [[0.8, 0], [1, 0], [1, 0.1], [0.8, 0.1]], "rule": "exclude"}
        ],
        "lines": [
            {"name": "gate", "from": [0, 0.5], "to": [1, 0.5], "to_right": "inbound", "to_left": "outbound"},
            {"name": "side", "from": [0.6, 0.6], "to": [0.6, 1], "required": true}
        ]
    }"#;
    const SIZE: (u32, u32) = (1000, 500);

    fn check_zone(x: f32, y: f32, zone: Option<&str>, masked: bool) {
        let zones = Zones::parse(FILE).unwrap();
        let center = Point::new(x, y);
        assert_eq!(zones.zone_of(center, SIZE).map(|z| z.name.as_str()), zone, "{x} {y}");
        assert_eq!(zones.masked(center, SIZE), masked, "{x} {y}");
    }

    #[test]
    fn coordinates_that_cannot_be_meant_are_refused() {
        let zone =
            |corner: &str| format!(r#"{{"zones": [{{"name": "lane", "polygon": [[0, 0], [1, 0], {corner}]}}]}}"#);
        let line = |end: &str| format!(r#"{{"lines": [{{"name": "gate", "from": [0, 0], "to": {end}}}]}}"#);
        let pixels = |file: &str| file.replacen('{', r#"{"units": "pixels", "#, 1);
        for file in [zone("[640, 480]"), line("[0, 480]"), zone("[-1.5, 0]")] {
            let error = Zones::parse(&file).unwrap_err().to_string();
            assert!(error.contains(r#""units": "pixels""#), "{error}");
            assert!(Zones::parse(&pixels(&file)).is_ok(), "{file}");
        }
        for file in [zone("[1e39, 0]"), line("[0, 1e39]")] {
            assert!(Zones::parse(&file).unwrap_err().to_string().contains("no number"), "{file}");
        }
        assert!(Zones::parse(&zone("[1.2, -0.1]")).is_ok(), "drawn generously");
    }

    #[test]
    fn zones_of_points() {
        check_zone(450.0, 250.0, Some("left half"), false);
        check_zone(200.0, 250.0, Some("lane"), false);
        check_zone(900.0, 20.0, None, true);
        check_zone(900.0, 400.0, None, false);
        check_zone(-10.0, 250.0, None, false);
    }

    #[test]
    fn directions_of_ways() {
        let zones = Zones::parse(FILE).unwrap();
        for (from, to, expected) in [
            ((100.0, 100.0), (100.0, 400.0), Some(("gate", Some("inbound")))),
            ((100.0, 400.0), (100.0, 100.0), Some(("gate", Some("outbound")))),
            ((100.0, 100.0), (900.0, 200.0), None),
            ((100.0, 249.0), (100.0, 250.0), Some(("gate", Some("inbound")))),
            ((100.0, 250.0), (100.0, 251.0), None),
            ((550.0, 400.0), (650.0, 400.0), Some(("side", None))),
            ((550.0, 280.0), (650.0, 280.0), None),
        ] {
            let crossed = zones.crossed(Point::new(from.0, from.1), Point::new(to.0, to.1), SIZE);
            let crossed: Vec<_> = crossed.iter().map(|(line, direction)| (line.name.as_str(), *direction)).collect();
            assert_eq!(crossed, expected.as_slice(), "{from:?} {to:?}");
        }
        assert!(zones.requires_zone() && zones.requires_line());
    }

    #[test]
    fn a_long_step_crosses_lines_in_the_order_of_the_way() {
        let zones = Zones::parse(
            r#"{"lines": [
                {"name": "near", "from": [0, 0.8], "to": [1, 0.8]}, {"name": "far", "from": [0, 0.2], "to": [1, 0.2]},
                {"name": "middle", "from": [0, 0.5], "to": [1, 0.5]}, {"name": "aside", "from": [0.9, 0], "to": [0.9, 1]}
            ]}"#,
        )
        .unwrap();
        let (above, below) = (Point::new(100.0, 50.0), Point::new(300.0, 450.0));
        for (from, to, expected) in
            [(above, below, ["far", "middle", "near"]), (below, above, ["near", "middle", "far"])]
        {
            let crossed = zones.crossed(from, to, SIZE);
            let names: Vec<_> = crossed.iter().map(|(line, _)| line.name.as_str()).collect();
            assert_eq!(names, expected, "{from:?}");
        }
    }

    #[test]
    fn pixels_are_possible() {
        let zones =
            Zones::parse(r#"{"units":"pixels","zones":[{"name":"a","polygon":[[0,0],[10,0],[10,10],[0,10]]}]}"#);
        assert!(zones.unwrap().zone_of(Point::new(5.0, 5.0), SIZE).is_some());
    }

    #[test]
    fn unusable_files_say_what_is_wrong() {
        let long = format!(r#"{{"zones":[{{"name":"{}","polygon":[[0,0],[1,0],[1,1]]}}]}}"#, "x".repeat(51));
        for (text, expected) in [
            ("nonsense", "line 1 column"),
            (r#"{"zone":[]}"#, "unknown field `zone`"),
            (r#"{"zones":[{"name":"a","polygon":[[0,0],[1,1]]}]}"#, "zone \"a\" has 2 corners"),
            (r#"{"zones":[{"name":"","polygon":[[0,0],[1,1],[1,0]]}]}"#, "zone 1 has 0 characters"),
            (&long, "51 characters; 1 to 50"),
            (r#"{"lines":[{"name":"l","from":[0,0],"to":[0,0]}]}"#, "no length"),
            (r#"{"lines":[{"name":"l","from":[0,0],"to":[1,0],"to_left":"a direction that is too long"}]}"#, "1 to 20"),
        ] {
            let error = Zones::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
