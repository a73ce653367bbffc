//! How sharp a crop is.

/// Rows that a crop is reduced to before it is judged, so that crops of different sizes compare.
const ROWS: usize = 32;

/// Sharpness of an RGB crop (`width` × `height`, 3 bytes a pixel): the variance of the Laplacian of its luma relative
/// to the variance of the luma itself, measured at a height of 32 rows.
///
/// 0 for a flat crop. Median of photographed plates scaled to 64 rows: 0.05 for 6 pixels of height, 0.25 for 10, 0.6 for
/// 16, 1 and more from 24 on; 0.06 after a blur of 3 pixels' deviation, 0.3 after 15 pixels of horizontal motion.
/// Brightness and contrast cancel out. Crops lower than 32 rows are judged as they are. Returns 0 when `rgb` is shorter
/// than its size asks for.
pub fn sharpness(rgb: &[u8], width: usize, height: usize) -> f32 {
    if width < 3 || height < 3 || rgb.len() < width * height * 3 {
        return 0.0;
    }
    // Integer factor: a mean over whole blocks adds no blur of its own.
    let factor = (height / ROWS).max(1);
    let (w, h) = (width / factor, height / factor);
    if w < 3 || h < 3 {
        return 0.0;
    }
    let mut luma = vec![0.0_f32; w * h];
    for (y, row) in rgb.chunks_exact(width * 3).take(h * factor).enumerate() {
        for (x, p) in row.chunks_exact(3).take(w * factor).enumerate() {
            luma[y / factor * w + x / factor] +=
                f32::from(p[0]) * 0.299 + f32::from(p[1]) * 0.587 + f32::from(p[2]) * 0.114;
        }
    }
    let area = (factor * factor) as f32;
    luma.iter_mut().for_each(|v| *v /= area);
    let contrast = variance(luma.iter().copied());
    let edges = variance((1..h - 1).flat_map(|y| {
        let luma = &luma;
        (1..w - 1).map(move |x| {
            let i = y * w + x;
            4.0 * luma[i] - luma[i - 1] - luma[i + 1] - luma[i - w] - luma[i + w]
        })
    }));
    // One grey level of contrast is noise; a flat crop must not divide by zero.
    edges / (contrast + 1.0)
}

fn variance(values: impl Iterator<Item = f32>) -> f32 {
    let (mut n, mut sum, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
    for v in values {
        n += 1.0;
        sum += f64::from(v);
        squares += f64::from(v) * f64::from(v);
    }
    if n > 0.0 { ((squares / n) - (sum / n) * (sum / n)).max(0.0) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(width: usize, height: usize, period: usize, blur: usize, low: f32, high: f32) -> Vec<u8> {
        let line: Vec<f32> =
            (0..width).map(|x| if (x / (period / 2)).is_multiple_of(2) { low } else { high }).collect();
        let soft: Vec<u8> = (0..width)
            .map(|x| {
                let (a, b) = (x.saturating_sub(blur), (x + blur).min(width - 1));
                (line[a..=b].iter().sum::<f32>() / (b - a + 1) as f32) as u8
            })
            .collect();
        (0..height).flat_map(|_| soft.iter().flat_map(|&v| [v; 3])).collect()
    }

    #[test]
    fn blur_lowers_it_and_contrast_does_not() {
        let crisp = sharpness(&stripes(128, 64, 16, 0, 0.0, 250.0), 128, 64);
        let soft = sharpness(&stripes(128, 64, 16, 6, 0.0, 250.0), 128, 64);
        let faint = sharpness(&stripes(128, 64, 16, 0, 100.0, 180.0), 128, 64);
        assert!(crisp > 4.0 * soft, "{crisp} {soft}");
        assert!((crisp - faint).abs() < 0.05 * crisp, "{crisp} {faint}");
    }

    #[test]
    fn size_does_not_matter_above_32_rows() {
        let small = sharpness(&stripes(64, 32, 8, 0, 0.0, 255.0), 64, 32);
        let large = sharpness(&stripes(256, 128, 32, 0, 0.0, 255.0), 256, 128);
        assert!((small - large).abs() < 0.1 * small, "{small} {large}");
    }

    #[test]
    fn nothing_to_judge_is_not_sharp() {
        for (len, w, h) in [(0, 0, 0), (12, 2, 2), (10, 30, 30), (90 * 30, 30, 30)] {
            assert_eq!(sharpness(&vec![7; len], w, h), 0.0);
        }
    }
}
