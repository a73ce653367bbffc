//! Where a stream goes over to a picture of something else: photographs that follow one another, cameras that take turns.

use crate::image::Glance;

/// Likeness below which a frame shows something else than the one before, in a film: there, whatever passes, much stays.
const FILM: f32 = 0.4;

/// The same where the view may have moved, as that of a camera that turns or drives. It is met by 7 of 100 pairs of photographs of
/// different places.
const MOVED: f32 = 0.6;

/// The same among pictures of which some were cut off from the others already: two photographs of one car park are alike.
const PICTURES: f32 = 0.75;

/// So many cuts among the latest [`Cuts::RECENT`] frames: it is no film, until there is none among them.
const MANY: u32 = 2;

/// Compares every searched frame of one camera with the one before.
#[derive(Clone, Debug, Default)]
pub struct Cuts {
    last: Option<Glance>,
    /// A bit for each of the latest frames, the latest lowest: whether it was cut off from the one before.
    recent: u8,
    are_pictures: bool,
}

impl Cuts {
    /// Frames that tell whether this is a film.
    pub const RECENT: u32 = u8::BITS;

    /// Takes in the next frame; `true` where what was before has nothing to do with it.
    pub fn next(&mut self, glance: Glance) -> bool {
        let least = if self.are_pictures { PICTURES } else { FILM };
        let is_cut = self
            .last
            .as_ref()
            .is_some_and(|last| last.likeness(&glance) < least && last.likeness_if_moved(&glance) < least.max(MOVED));
        self.recent = self.recent << 1 | u8::from(is_cut);
        self.are_pictures = match self.recent.count_ones() {
            0 => false,
            cuts => self.are_pictures || cuts >= MANY,
        };
        self.last = Some(glance);
        is_cut
    }

    /// The stream was cut by what announces itself: a seek, another file.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Color, Frame, PixelFormat, Plane};

    /// A picture of 64 × 64 pixels, of which `part` is as in every other and the rest as `seed` makes it.
    fn picture(seed: usize, part: f32) -> Glance {
        let luma = |i: usize| {
            let cell = i % 64 / 4 + 16 * (i / 256);
            let value = |seed: usize| {
                let mixed = (cell + 4099 * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40 & 127) as f32
            };
            (60.0 + part * value(0) + (1.0 - part) * value(seed)) as u8
        };
        let data: Vec<u8> = (0..64 * 64).map(luma).collect();
        let planes = [Plane { data: &data, stride: 64 }];
        Glance::of(&Frame::new(PixelFormat::Gray8, 64, 64, &planes, Color::default()).unwrap())
    }

    fn cuts(pictures: impl IntoIterator<Item = (usize, f32)>) -> Vec<bool> {
        let mut cuts = Cuts::default();
        pictures.into_iter().map(|(seed, part)| cuts.next(picture(seed, part))).collect()
    }

    #[test]
    fn photographs_are_cut_off_and_films_are_not() {
        assert_eq!(cuts((1..6).map(|seed| (seed, 0.0))), [false, true, true, true, true]);
        assert_eq!(cuts((1..6).map(|seed| (seed, 0.6))), [false; 5]);
        let bursts = cuts((0..9).map(|i| (1 + i / 3, 0.0)));
        assert_eq!(bursts, [false, false, false, true, false, false, true, false, false]);
    }

    #[test]
    fn photographs_of_one_place_are_cut_off_among_others() {
        let all = cuts([(1, 0.0), (2, 0.0), (3, 0.0), (4, 0.6), (5, 0.6), (6, 0.6)]);
        assert_eq!(all[3..], [true; 3]);
        let film = cuts([(1, 0.0), (2, 0.0), (3, 0.0)].into_iter().chain([(4, 0.6); 9]).chain([(5, 0.6)]));
        assert_eq!(film.last(), Some(&false), "a film that begins behind photographs");
    }

    /// A street that slides past by `step` of its 256 pixels a frame, seen 64 wide.
    fn turning(step: usize) -> Vec<bool> {
        let street = |x: usize, y: usize| {
            let mixed = (x / 4 + 64 * (y / 4)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40 & 127) as u8
        };
        let mut cuts = Cuts::default();
        let frames = (0..64 / step * 2).map(|frame| {
            let data: Vec<u8> = (0..64 * 64).map(|i| street(i % 64 + frame * step, i / 64)).collect();
            let planes = [Plane { data: &data, stride: 64 }];
            cuts.next(Glance::of(&Frame::new(PixelFormat::Gray8, 64, 64, &planes, Color::default()).unwrap()))
        });
        frames.collect()
    }

    #[test]
    fn a_camera_that_turns_films() {
        for step in [1, 4, 5, 8] {
            let cuts = turning(step);
            assert!(cuts.len() > 8 && !cuts.contains(&true), "{step} pixels a frame: {cuts:?}");
        }
        assert!(turning(32).contains(&true), "half of the picture a frame is another picture");
    }

    #[test]
    fn nothing_is_compared_across_a_seek() {
        let mut cuts = Cuts::default();
        cuts.next(picture(1, 0.0));
        cuts.reset();
        assert!(!cuts.next(picture(2, 0.0)));
    }
}
