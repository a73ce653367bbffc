//! One picture in every pixel format.

use alpr_core::image::{Color, Frame, Matrix, PixelFormat, Plane};

/// Planes that own their bytes.
pub(crate) struct Picture {
    pub(crate) format: PixelFormat,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) color: Color,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Picture {
    pub(crate) fn frame(&self) -> Frame<'_> {
        let planes: Vec<_> = self.planes.iter().map(|(data, stride)| Plane { data, stride: *stride }).collect();
        Frame::new(self.format, self.width as u32, self.height as u32, &planes, self.color)
            .expect("planes made to measure")
    }
}

/// Writes the picture `rgb` (row-major, 0 to 255) in `format`; rows are `padding` bytes longer than they need to be, and
/// padding is noise that must never be seen.
pub(crate) fn picture(
    rgb: &dyn Fn(usize, usize) -> [f32; 3],
    width: usize,
    height: usize,
    format: PixelFormat,
    color: Color,
    padding: usize,
) -> Picture {
    let plane = |columns: usize, rows: usize, step: usize, value: &dyn Fn(usize, usize) -> Vec<f32>| {
        let stride = columns * step + padding;
        let mut data = vec![0xA5; stride * rows];
        for y in 0..rows {
            for x in 0..columns {
                for (i, v) in value(x, y).iter().enumerate() {
                    data[y * stride + x * step + i] = v.round().clamp(0.0, 255.0) as u8;
                }
            }
        }
        // The last row may end with its last pixel.
        data.truncate(stride * (rows - 1) + columns * step);
        (data, stride)
    };
    let yuv = |x: usize, y: usize| to_yuv(rgb(x.min(width - 1), y.min(height - 1)), color);
    // Mean over the pixels that a chroma sample serves.
    let chroma = |x: usize, y: usize, rows: usize, c: usize| {
        let mut sum = 0.0;
        for dy in 0..rows {
            for dx in 0..2 {
                sum += yuv(2 * x + dx, rows * y + dy)[c];
            }
        }
        sum / (2 * rows) as f32
    };
    let (half_w, half_h) = (width.div_ceil(2), height.div_ceil(2));
    let luma = || plane(width, height, 1, &|x, y| vec![yuv(x, y)[0]]);
    let sub = |c: usize| plane(half_w, half_h, 1, &|x, y| vec![chroma(x, y, 2, c)]);
    let packed = |order: &[usize], step: usize| {
        vec![plane(width, height, step, &|x, y| order.iter().map(|&c| rgb(x, y)[c]).collect())]
    };
    let planes = match format {
        PixelFormat::Nv12 => {
            vec![luma(), plane(half_w, half_h, 2, &|x, y| vec![chroma(x, y, 2, 1), chroma(x, y, 2, 2)])]
        }
        PixelFormat::I420 => vec![luma(), sub(1), sub(2)],
        PixelFormat::Yv12 => vec![luma(), sub(2), sub(1)],
        PixelFormat::Yuy2 => vec![plane(half_w, height, 4, &|x, y| {
            vec![yuv(2 * x, y)[0], chroma(x, y, 1, 1), yuv(2 * x + 1, y)[0], chroma(x, y, 1, 2)]
        })],
        PixelFormat::Rgb => packed(&[0, 1, 2], 3),
        PixelFormat::Bgr => packed(&[2, 1, 0], 3),
        PixelFormat::Rgba | PixelFormat::Rgbx => packed(&[0, 1, 2], 4),
        PixelFormat::Bgra | PixelFormat::Bgrx => packed(&[2, 1, 0], 4),
        PixelFormat::Gray8 => vec![luma()],
    };
    Picture { format, width, height, color, planes }
}

fn to_yuv([r, g, b]: [f32; 3], color: Color) -> [f32; 3] {
    let (kr, kb) = match color.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
    };
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    let (u, v) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
    if color.full_range {
        [y, u + 128.0, v + 128.0]
    } else {
        [16.0 + y * 219.0 / 255.0, 128.0 + u * 224.0 / 255.0, 128.0 + v * 224.0 / 255.0]
    }
}

/// A street at dusk: a coloured gradient with a white plate of dark bars.
pub(crate) fn street(width: usize, height: usize) -> impl Fn(usize, usize) -> [f32; 3] {
    move |x, y| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        if (0.4..0.6).contains(&u) && (0.5..0.6).contains(&v) {
            let bar = (((u - 0.4) / 0.2 * 16.0) as usize).is_multiple_of(2);
            return if bar { [30.0, 30.0, 40.0] } else { [230.0, 235.0, 225.0] };
        }
        [40.0 + 160.0 * u, 200.0 - 120.0 * v, 90.0 + 60.0 * (u + v)]
    }
}
