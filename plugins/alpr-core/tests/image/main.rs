//! Pixels: every format, stride, size and place gives the same picture.

mod corners;
mod inputs;
#[path = "../scene/mod.rs"]
mod scene;

use alpr_core::geometry::Rect;
use alpr_core::image::{Color, Frame, Matrix, PixelFormat, Plane, resample};
use scene::{Picture, picture, street};

fn whole(picture: &Picture) -> Rect {
    Rect::new(0.0, 0.0, picture.width as f32, picture.height as f32)
}

fn sample(picture: &Picture, region: &Rect, w: usize, h: usize) -> Vec<[f32; 3]> {
    let mut out = Vec::new();
    resample(&picture.frame(), region, w, h, |y, [r, g, b]| {
        assert_eq!(out.len(), y * w);
        out.extend((0..w).map(|x| [r[x], g[x], b[x]]));
    });
    assert_eq!(out.len(), w * h);
    out
}

/// Mean and largest difference, over all channels.
fn difference(a: &[[f32; 3]], b: &[[f32; 3]]) -> (f32, f32) {
    assert_eq!(a.len(), b.len());
    let all: Vec<f32> = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).collect();
    (all.iter().sum::<f32>() / all.len() as f32, all.iter().copied().fold(0.0, f32::max))
}

fn luma(p: &[f32; 3]) -> f32 {
    0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]
}

const BT601: Color = Color { matrix: Matrix::Bt601, full_range: false };

#[test]
fn every_format_and_stride_gives_the_same_picture() {
    for (width, height) in [(320, 200), (321, 201)] {
        let scene = street(width, height);
        let reference = picture(&scene, width, height, PixelFormat::Rgb, BT601, 0);
        for format in PixelFormat::ALL {
            for padding in [0, 13, 64] {
                let other = picture(&scene, width, height, format, BT601, padding);
                for (w, h) in [(96, 64), (200, 125), (320, 200), (500, 300)] {
                    let what = format!("{} {width}x{height}+{padding} to {w}x{h}", format.name());
                    let expected = sample(&reference, &whole(&reference), w, h);
                    same_picture(format, &sample(&other, &whole(&other), w, h), &expected, &what);
                }
            }
        }
    }
}

fn same_picture(format: PixelFormat, got: &[[f32; 3]], expected: &[[f32; 3]], what: &str) {
    if format == PixelFormat::Gray8 {
        let gray: Vec<_> = expected.iter().map(|p| [luma(p); 3]).collect();
        let (mean, most) = difference(got, &gray);
        assert!(most < 1.5, "{what}: {mean} {most}");
    } else if format.is_yuv() {
        // Chroma at half size blurs colours at the edges of the plate and nowhere else.
        let (mean, most) = difference(got, expected);
        assert!(mean < 0.8 && most < 20.0, "{what}: {mean} {most}");
    } else {
        assert_eq!(got, expected, "{what}");
    }
}

#[test]
fn every_matrix_and_range_gives_the_same_picture() {
    let scene = street(160, 96);
    let reference = picture(&scene, 160, 96, PixelFormat::Rgb, BT601, 0);
    let expected = sample(&reference, &whole(&reference), 80, 48);
    for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
        for full_range in [false, true] {
            let color = Color { matrix, full_range };
            let other = picture(&scene, 160, 96, PixelFormat::Nv12, color, 0);
            let (mean, most) = difference(&sample(&other, &whole(&other), 80, 48), &expected);
            assert!(mean < 0.8 && most < 12.0, "{color:?}: {mean} {most}");
        }
    }
}

#[test]
fn reductions_are_the_mean_of_what_they_cover() {
    // One white pixel column in eight: a picture that skips pixels would be black or white.
    let stripes = |x: usize, _: usize| if x.is_multiple_of(8) { [255.0; 3] } else { [0.0; 3] };
    let source = picture(&stripes, 640, 64, PixelFormat::Rgb, BT601, 0);
    for value in sample(&source, &whole(&source), 80, 8).iter().flatten() {
        assert!((value - 255.0 / 8.0).abs() < 0.01, "{value}");
    }
    // The same vertically, where weights are whole numbers: 1 of 256 at most.
    let rows = |_: usize, y: usize| if y.is_multiple_of(8) { [255.0; 3] } else { [0.0; 3] };
    let source = picture(&rows, 64, 640, PixelFormat::Nv12, Color { full_range: true, ..BT601 }, 5);
    for value in sample(&source, &whole(&source), 8, 80).iter().flatten() {
        assert!((value - 255.0 / 8.0).abs() < 1.0, "{value}");
    }
}

#[test]
fn a_picture_of_its_own_size_is_itself() {
    let scene = street(33, 17);
    let source = picture(&scene, 33, 17, PixelFormat::Bgrx, BT601, 3);
    for (i, got) in sample(&source, &whole(&source), 33, 17).iter().enumerate() {
        let expected = scene(i % 33, i / 33).map(f32::round);
        assert_eq!(*got, expected);
    }
}

#[test]
fn flat_stays_flat_at_every_size() {
    let check = |flat: &Frame<'_>| {
        let region = Rect::new(0.0, 0.0, flat.width() as f32, flat.height() as f32);
        for (out_w, out_h) in [(1, 1), (5, 3), (640, 384)] {
            resample(flat, &region, out_w, out_h, |_, rgb| {
                for value in rgb.into_iter().flatten() {
                    let (format, w, h) = (flat.format().name(), flat.width(), flat.height());
                    assert!((value - 120.0).abs() < 1.0, "{format} {w}x{h} to {out_w}x{out_h}: {value}");
                }
            });
        }
    };
    for format in PixelFormat::ALL {
        for (w, h) in [(1, 1), (2, 2), (3, 5), (1, 4001), (4001, 1)] {
            check(&picture(&|_, _| [120.0; 3], w, h, format, BT601, 2).frame());
        }
    }
    let (luma, chroma) = (vec![119; 7700 * 4320], vec![128; 7700 * 2160]);
    let planes = [Plane { data: &luma, stride: 7700 }, Plane { data: &chroma, stride: 7700 }];
    check(&Frame::new(PixelFormat::Nv12, 7680, 4320, &planes, BT601).unwrap());
}

#[test]
fn regions_may_lie_anywhere() {
    let scene = street(64, 48);
    for format in [PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Yuy2] {
        let source = picture(&scene, 64, 48, format, BT601, 0);
        let corner = sample(&source, &Rect::new(0.0, 0.0, 1.0, 1.0), 1, 1)[0];
        for region in
            [Rect::new(-50.0, -50.0, 20.0, 20.0), Rect::new(-1e6, -1e6, 3.0, 9.0), Rect::new(-9.0, -9.0, 9.0, 9.0)]
        {
            for value in sample(&source, &region, 4, 4) {
                assert!(difference(&[value], &[corner]).1 < 6.0, "{region:?}: {value:?} is not {corner:?}");
            }
        }
        for region in [
            Rect::new(60.0, 40.0, 1e5, 1e5),
            Rect::new(1e9, 0.0, 1.0, 1.0),
            Rect::new(10.3, 9.7, 0.01, 0.01),
            Rect::new(-1e9, -1e9, 2e9, 2e9),
            Rect::new(f32::NAN, 0.0, 1.0, 1.0),
            Rect::new(0.0, f32::INFINITY, 1.0, 1.0),
            Rect::new(5.0, 5.0, 0.0, 3.0),
        ] {
            for value in sample(&source, &region, 7, 5).iter().flatten() {
                assert!((0.0..=255.0).contains(value), "{region:?}: {value}");
            }
        }
    }
    assert!(sample(&picture(&scene, 64, 48, PixelFormat::Rgb, BT601, 0), &Rect::default(), 0, 5).is_empty());
}

#[test]
fn a_part_is_the_same_alone_and_in_the_frame() {
    let scene = street(200, 120);
    let part = picture(&|x, y| scene(x + 61, y + 37), 90, 50, PixelFormat::Rgb, BT601, 0);
    let full = picture(&scene, 200, 120, PixelFormat::Rgb, BT601, 0);
    let region = Rect::new(61.0, 37.0, 90.0, 50.0);
    // Interpolation looks over the part's edge, the mean does not.
    assert!(difference(&sample(&part, &whole(&part), 30, 20), &sample(&full, &region, 30, 20)).1 < 0.01);
}
