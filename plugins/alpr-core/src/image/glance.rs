//! What a picture looks like as a whole, at a glance: enough to tell a picture of something else from the next frame of a film.

use super::frame::Frame;
use super::resample::resample;
use crate::geometry::Rect;

/// Blocks of the picture along each side.
const BLOCKS: usize = 4;

/// Means of which each block is made, along each side.
const CELLS: usize = 4;

const SIDE: usize = BLOCKS * CELLS;

/// Standard deviation of the means of a block, in levels of 255, up to which there is nothing to see in it: sky, night, fog.
const FLAT: f32 = 3.0;

/// A small picture of a frame. Two of them compare whatever the sizes and formats of their frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Luma 0 to 255 less the mean of its block, block by block.
    cells: Vec<[f32; CELLS * CELLS]>,
}

impl Glance {
    /// A glance at `frame`.
    pub fn of(frame: &Frame<'_>) -> Self {
        let mut cells = vec![[0.0; CELLS * CELLS]; BLOCKS * BLOCKS];
        let all = Rect::new(0.0, 0.0, frame.width() as f32, frame.height() as f32);
        resample(frame, &all, SIDE, SIDE, |y, [red, green, blue]| {
            for x in 0..SIDE {
                let block = y / CELLS * BLOCKS + x / CELLS;
                cells[block][y % CELLS * CELLS + x % CELLS] = 0.299 * red[x] + 0.587 * green[x] + 0.114 * blue[x];
            }
        });
        for block in &mut cells {
            let mean = block.iter().sum::<f32>() / block.len() as f32;
            block.iter_mut().for_each(|cell| *cell -= mean);
        }
        Self { cells }
    }

    /// How much the two have in common, -1 to 1: the median, over the blocks of the picture, of the correlation of what is seen in
    /// them. Light and contrast do not matter, nor what passes before less than half of the picture; where there is nothing to
    /// see in both, they are alike.
    pub fn likeness(&self, other: &Self) -> f32 {
        let mut all: Vec<f32> = self.cells.iter().zip(&other.cells).map(|(a, b)| correlation(a, b)).collect();
        all.sort_by(f32::total_cmp);
        all[all.len() / 2]
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
    fn another_place_is_another_picture() {
        for seed in 2..20 {
            let likeness = glance(|x, y| scene(1, x, y)).likeness(&glance(|x, y| scene(seed, x, y)));
            assert!(likeness < 0.35, "{seed}: {likeness}");
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
