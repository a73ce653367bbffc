//! What a picture looks like as a whole, at a glance: enough to tell a picture of something else from the next frame of a film.

use super::frame::Frame;
use super::resample::resample;
use crate::geometry::Rect;

/// Means of which a glance is made, along each side.
const SIDE: usize = 16;

/// Means of which a block is made, along each side.
const BLOCK: usize = 4;

/// Furthest that a picture may have moved to the side and up or down, in means: a camera that turns, or drives.
const MOVED: (i32, i32) = (2, 1);

/// Standard deviation of the means of a block, in levels of 255, up to which there is nothing to see in it: sky, night, fog.
const FLAT: f32 = 3.0;

/// A small picture of a frame. Two of them compare whatever the sizes and formats of their frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Luma, 0 to 255, row by row.
    cells: [[f32; SIDE]; SIDE],
}

impl Glance {
    /// A glance at `frame`.
    pub fn of(frame: &Frame<'_>) -> Self {
        let mut cells = [[0.0; SIDE]; SIDE];
        let all = Rect::new(0.0, 0.0, frame.width() as f32, frame.height() as f32);
        resample(frame, &all, SIDE, SIDE, |y, [red, green, blue]| {
            for (x, cell) in cells[y].iter_mut().enumerate() {
                *cell = 0.299 * red[x] + 0.587 * green[x] + 0.114 * blue[x];
            }
        });
        Self { cells }
    }

    /// How much the two have in common, -1 to 1. Light and contrast do not matter, nor what passes before less than half of the
    /// picture; where there is nothing to see in both, they are alike.
    pub fn likeness(&self, other: &Self) -> f32 {
        self.common((0, 0), other, (0, 0))
    }

    /// The same where one is laid over the other so that they match best: the view may have moved by an eighth of the width and a
    /// sixteenth of the height. Different pictures are liker so too.
    pub fn likeness_if_moved(&self, other: &Self) -> f32 {
        let (right, down) = MOVED;
        let moves = (-right..=right).flat_map(|x| (-down..=down).map(move |y| (x, y)));
        let first = |moved: i32| moved.max(0) as usize;
        let all = moves.map(|(x, y)| self.common((first(-x), first(-y)), other, (first(x), first(y))));
        all.fold(-1.0, f32::max)
    }

    /// The median, over the blocks of the picture from (x, y) = `from` on, of the correlation with what `other` has from `to` on.
    fn common(&self, from: (usize, usize), other: &Self, to: (usize, usize)) -> f32 {
        let blocks = |start: usize, end: usize| (0..(SIDE - start.max(end)) / BLOCK).map(|i| i * BLOCK);
        let mut all: Vec<f32> = blocks(from.1, to.1)
            .flat_map(|y| blocks(from.0, to.0).map(move |x| (x, y)))
            .map(|(x, y)| correlation(&self.block(from.0 + x, from.1 + y), &other.block(to.0 + x, to.1 + y)))
            .collect();
        all.sort_by(f32::total_cmp);
        all[all.len() / 2]
    }

    /// The block whose first mean is at (`x`, `y`), less its own mean.
    fn block(&self, x: usize, y: usize) -> [f32; BLOCK * BLOCK] {
        let mut block = std::array::from_fn(|i| self.cells[y + i / BLOCK][x + i % BLOCK]);
        let mean = block.iter().sum::<f32>() / block.len() as f32;
        block.iter_mut().for_each(|cell| *cell -= mean);
        block
    }
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let least = FLAT * FLAT * a.len() as f32;
    let (aa, bb) = (product(a, a), product(b, b));
    if aa.max(bb) <= least {
        return 1.0;
    }
    // what is flat in one of them alone is noise there
    product(a, b) / (aa.max(least) * bb.max(least)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Color, PixelFormat, Plane};

    const SIZE: (usize, usize) = (160, 96);

    fn glance(luma: impl Fn(usize, usize) -> f32) -> Glance {
        let (width, height) = SIZE;
        let data: Vec<u8> = (0..width * height).map(|i| luma(i % width, i / width) as u8).collect();
        let planes = [Plane { data: &data, stride: width }];
        let frame = Frame::new(PixelFormat::Gray8, width as u32, height as u32, &planes, Color::default()).unwrap();
        Glance::of(&frame)
    }

    /// Patches of 10 × 6 pixels, each of a brightness of its own.
    fn scene(seed: usize, x: usize, y: usize) -> f32 {
        let patch = (x / 10 + 31 * (y / 6) + 977 * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        40.0 + ((patch ^ patch >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40 & 127) as f32
    }

    #[test]
    fn light_and_what_passes_are_the_same_picture() {
        let street = glance(|x, y| scene(1, x, y));
        let darker = glance(|x, y| 10.0 + 0.4 * scene(1, x, y));
        assert!(street.likeness(&darker) > 0.98, "{}", street.likeness(&darker));
        let lorry = glance(|x, y| if x < 70 { 120.0 + (y % 40) as f32 } else { scene(1, x, y) });
        assert!(street.likeness(&lorry) > 0.9, "{}", street.likeness(&lorry));
        let shaken = glance(|x, y| scene(1, x + 2, y + 1));
        assert!(street.likeness(&shaken) > 0.7, "{}", street.likeness(&shaken));
    }

    #[test]
    fn a_camera_that_turns_shows_the_same_picture() {
        let ahead = glance(|x, y| scene(1, x + 40, y + 40));
        for (x, y) in [(60, 40), (20, 40), (40, 46), (40, 34), (53, 35), (50, 40)] {
            let turned = glance(|a, b| scene(1, a + x, b + y));
            assert!(ahead.likeness_if_moved(&turned) > 0.65, "{x}, {y}: {}", ahead.likeness_if_moved(&turned));
        }
    }

    #[test]
    fn another_place_is_another_picture() {
        for seed in 2..20 {
            let (one, other) = (glance(|x, y| scene(1, x, y)), glance(|x, y| scene(seed, x, y)));
            assert!(one.likeness(&other) < 0.35, "{seed}: {}", one.likeness(&other));
            assert!(one.likeness_if_moved(&other) < 0.5, "{seed}: {}", one.likeness_if_moved(&other));
        }
    }

    #[test]
    fn lights_at_night_change_nothing() {
        let noise = |seed: usize, x: usize, y: usize| 12.0 + scene(seed, x * 10, y * 6) / 40.0;
        let road = glance(|x, y| noise(1, x, y));
        let lights = glance(|x, y| if (40..60).contains(&x) && y > 50 { 240.0 } else { noise(2, x, y) });
        assert!(road.likeness(&lights) > 0.98, "{}", road.likeness(&lights));
        let day = glance(|x, y| scene(1, x, y));
        assert!(road.likeness(&day) < 0.35, "{}", road.likeness(&day));
    }
}
