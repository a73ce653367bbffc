//! From video colours to full-range RGB.

/// Which primaries the luma weights of a YUV picture come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601, standard definition.
    #[default]
    Bt601,
    /// ITU-R BT.709, high definition.
    Bt709,
    /// ITU-R BT.2020, ultra-high definition (non-constant luminance).
    Bt2020,
}

/// How the numbers of a picture mean colours. Ignored for RGB formats, which are taken as full-range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Color {
    /// Luma weights.
    pub matrix: Matrix,
    /// Whether black and white are 0 and 255 (`true`) or 16 and 235 (`false`).
    pub full_range: bool,
}

/// The linear map from Y, U, V (0 to 255 each) to R, G, B (0 to 255 each).
#[derive(Clone, Copy, Debug)]
pub(super) struct ToRgb {
    luma_offset: f32,
    luma: f32,
    red_v: f32,
    green_u: f32,
    green_v: f32,
    blue_u: f32,
}

impl ToRgb {
    pub(super) fn new(color: Color) -> Self {
        let (red, blue) = match color.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        let green = 1.0 - red - blue;
        let (luma_offset, luma, chroma) =
            if color.full_range { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
        Self {
            luma_offset,
            luma,
            red_v: 2.0 * (1.0 - red) * chroma,
            green_u: -2.0 * blue * (1.0 - blue) / green * chroma,
            green_v: -2.0 * red * (1.0 - red) / green * chroma,
            blue_u: 2.0 * (1.0 - blue) * chroma,
        }
    }

    /// Converts one row in place: Y, U, V become R, G, B.
    pub(super) fn yuv_row(&self, y: &mut [f32], u: &mut [f32], v: &mut [f32]) {
        for ((y, u), v) in y.iter_mut().zip(u).zip(v) {
            let luma = (*y - self.luma_offset) * self.luma;
            let (cb, cr) = (*u - 128.0, *v - 128.0);
            *y = (luma + self.red_v * cr).clamp(0.0, 255.0);
            *u = (luma + self.green_u * cb + self.green_v * cr).clamp(0.0, 255.0);
            *v = (luma + self.blue_u * cb).clamp(0.0, 255.0);
        }
    }

    /// Converts one row of luma alone in place.
    pub(super) fn luma_row(&self, y: &mut [f32]) {
        for y in y {
            *y = ((*y - self.luma_offset) * self.luma).clamp(0.0, 255.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours() {
        // From the standards: 75 % bars and the ends of the range.
        for (color, yuv, rgb) in [
            (Color { matrix: Matrix::Bt601, full_range: false }, [16.0, 128.0, 128.0], [0.0, 0.0, 0.0]),
            (Color { matrix: Matrix::Bt601, full_range: false }, [235.0, 128.0, 128.0], [255.0, 255.0, 255.0]),
            (Color { matrix: Matrix::Bt601, full_range: false }, [81.0, 90.0, 240.0], [255.0, 0.0, 0.0]),
            (Color { matrix: Matrix::Bt709, full_range: false }, [63.0, 102.0, 240.0], [255.0, 0.0, 0.0]),
            (Color { matrix: Matrix::Bt709, full_range: false }, [32.0, 240.0, 118.0], [0.0, 0.0, 255.0]),
            (Color { matrix: Matrix::Bt2020, full_range: true }, [255.0, 128.0, 128.0], [255.0, 255.0, 255.0]),
            (Color { matrix: Matrix::Bt601, full_range: true }, [76.0, 85.0, 255.0], [254.0, 0.0, 0.0]),
        ] {
            let (mut y, mut u, mut v) = ([yuv[0]], [yuv[1]], [yuv[2]]);
            ToRgb::new(color).yuv_row(&mut y, &mut u, &mut v);
            for (got, expected) in [y[0], u[0], v[0]].into_iter().zip(rgb) {
                assert!((got - expected as f32).abs() < 2.0, "{color:?} {yuv:?}: {got} is not {expected}");
            }
        }
    }
}
