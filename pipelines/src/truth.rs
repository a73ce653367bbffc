//! What really happens in a clip: the file beside it that scores are counted against.

use alpr_core::geometry::{Point, Quad};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A plate narrower than this many pixels does not count as readable: with one row of characters, with two.
pub const READABLE_WIDTH: [f32; 2] = [60.0, 40.0];

/// All passes of one clip.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Truth {
    /// File name of the clip.
    pub clip: String,
    /// Camera that took it.
    pub camera: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of the scenario.
    pub seed: u64,
    /// Picture width in pixels.
    pub width: u32,
    /// Picture height in pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Frames in the clip.
    pub frames: u32,
    /// Every vehicle with a plate that passes, in order of appearance.
    pub passes: Vec<Pass>,
}

/// One vehicle passing once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Pass {
    /// A-Z and 0-9 only.
    pub text: String,
    /// As on the plate, with separators; a newline between two rows.
    pub display: String,
    /// Region code.
    pub region: String,
    /// Kind of vehicle.
    pub vehicle: String,
    /// Whether it was filmed at night.
    pub night: bool,
    /// First frame, counted from 0, in which some of the plate is in the picture.
    pub first_frame: u32,
    /// Last such frame.
    pub last_frame: u32,
    /// First and last frame in which the whole plate is seen at least [`READABLE_WIDTH`] pixels wide; nothing when
    /// there is no such frame, and then no event is owed.
    pub readable: Option<(u32, u32)>,
    /// Where the plate is, frame by frame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// Where a plate is in one frame.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Place {
    /// Frame, counted from 0.
    pub frame: u32,
    /// Top left, top right, bottom right, bottom left in pixels.
    pub corners: [[f32; 2]; 4],
    /// The part of the plate that nothing hides, 0 to 1.
    pub visible: f32,
}

impl Place {
    /// The corners.
    pub fn quad(&self) -> Quad {
        Quad(self.corners.map(|[x, y]| Point::new(x, y)))
    }

    /// Length of the plate's longer horizontal edge in pixels.
    pub fn plate_width(&self) -> f32 {
        let [a, b, c, d] = self.quad().0;
        a.distance(b).max(d.distance(c))
    }

    /// Whether all of a plate with this many rows of characters is seen, wide enough to be read.
    pub fn is_readable(&self, rows: usize) -> bool {
        self.visible > 0.99 && self.plate_width() >= READABLE_WIDTH[usize::from(rows > 1)]
    }
}

impl Pass {
    /// Adds what one frame shows of the pass; frames come in order.
    pub fn see(&mut self, place: Place) {
        if place.visible <= 0.0 {
            return;
        }
        if self.places.is_empty() {
            self.first_frame = place.frame;
        }
        self.last_frame = place.frame;
        if place.is_readable(self.display.lines().count()) {
            let (from, _) = self.readable.unwrap_or((place.frame, place.frame));
            self.readable = Some((from, place.frame));
        }
        self.places.push(place);
    }
}

impl Truth {
    /// The truth file that belongs to `clip`: its name with `.truth.json` in place of the suffix.
    pub fn path_for(clip: &Path) -> PathBuf {
        clip.with_extension("truth.json")
    }

    /// Reads a truth file.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{} is no truth file: {e}", path.display()))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    /// Seconds from the start of the clip to a frame.
    pub fn seconds(&self, frame: u32) -> f64 {
        f64::from(frame) / f64::from(self.fps.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(frame: u32, width: f32, visible: f32) -> Place {
        Place { frame, corners: [[0.0, 0.0], [width, 0.0], [width, 20.0], [0.0, 20.0]], visible }
    }

    #[test]
    fn readable_is_from_the_first_to_the_last_whole_and_wide_plate() {
        let mut pass = Pass::default();
        for p in
            [place(3, 40.0, 1.0), place(4, 70.0, 1.0), place(5, 80.0, 0.4), place(6, 90.0, 1.0), place(7, 95.0, 0.5)]
        {
            pass.see(p);
        }
        pass.see(place(8, 95.0, 0.0));
        assert_eq!((pass.first_frame, pass.last_frame, pass.readable), (3, 7, Some((4, 6))));
        let mut two_rows = Pass { display: "AB\n123".into(), ..Pass::default() };
        two_rows.see(place(3, 45.0, 1.0));
        assert_eq!(two_rows.readable, Some((3, 3)), "half as many characters beside one another");
    }

    #[test]
    fn a_truth_file_reads_back() {
        let mut truth = Truth { clip: "a.mp4".into(), fps: 25, ..Truth::default() };
        truth.passes.push(Pass { text: "AB12".into(), ..Pass::default() });
        let path = std::env::temp_dir().join(format!("alpr-truth-{}.json", std::process::id()));
        truth.write(&path).unwrap();
        assert_eq!(Truth::read(&path).unwrap(), truth);
        std::fs::remove_file(&path).unwrap();
        assert!(Truth::read(&path).unwrap_err().contains("cannot read"));
        assert_eq!(Truth::path_for(Path::new("/x/clip.mp4")), Path::new("/x/clip.truth.json"));
    }
}
