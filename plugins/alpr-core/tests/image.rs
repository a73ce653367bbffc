//! Pixels: every format, stride, size and place gives the same picture.

mod scene;

use alpr_core::contract::{ColorOrder, Element, Flexible, Input, InputBuffer, Layout, Resize};
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::image::{Color, Frame, Matrix, PixelFormat, Plane, crop, rectify, resample};
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

fn input(layout: Layout, element: Element, resize: Resize) -> Input {
    Input {
        name: "x".into(),
        layout,
        element,
        color: ColorOrder::Rgb,
        resize,
        pad: 114.0,
        mean: [0.0; 3],
        scale: [1.0 / 255.0; 3],
        width: 64,
        height: 64,
        batch: None,
        flexible: None,
    }
}

#[test]
fn an_input_of_free_size_takes_the_shape_of_the_picture() {
    let flexible = Some(Flexible { step: 32, area: 640 * 384 });
    let given = Input { width: 640, height: 384, flexible, ..input(Layout::Nchw, Element::F32, Resize::Letterbox) };
    for (what, picture, expected) in [
        ("video", (1920.0, 1080.0), (640, 384)),
        ("an old camera", (720.0, 576.0), (544, 448)),
        ("a photograph", (4000.0, 3000.0), (576, 416)),
        ("a photograph held upright", (3000.0, 4000.0), (416, 576)),
        ("a strip", (5000.0, 10.0), (7680, 32)),
        ("nothing", (0.0, 0.0), (640, 384)),
    ] {
        let mut adapted = given.clone();
        adapted.adapt(picture.0, picture.1, 1);
        assert_eq!((adapted.width, adapted.height), expected, "{what}");
        adapted.adapt(1920.0, 1080.0, 2);
        assert_eq!((adapted.width, adapted.height), (320, 192), "{what}, then coarse video");
        adapted.adapt(1920.0, 1080.0, 1);
        assert_eq!(adapted, given, "{what}, then video");
    }
    let rigid = Input { flexible: None, ..given };
    let mut adapted = rigid.clone();
    adapted.adapt(3000.0, 4000.0, 1);
    assert_eq!(adapted, rigid);
}

#[test]
fn a_letterbox_is_centred_and_leads_back() {
    let source = picture(&|_, _| [255.0; 3], 200, 101, PixelFormat::Rgb, BT601, 0);
    let input = input(Layout::Nchw, Element::F32, Resize::Letterbox);
    let mut buffer = InputBuffer::new(&input);
    let mapping = input.fill(&source.frame(), &whole(&source), &mut buffer);
    let InputBuffer::F32(values) = &buffer else { panic!("{buffer:?}") };
    assert_eq!(values.len(), input.len());
    // 101 rows become 32: 16 of padding above and below.
    for (y, row) in values[..64 * 64].chunks_exact(64).enumerate() {
        let expected = if (16..48).contains(&y) { 1.0 } else { 114.0 / 255.0 };
        assert!(row.iter().all(|v| (v - expected).abs() < 1e-6), "row {y}: {row:?}");
    }
    let (a, b) = (mapping.point(0.0, 16.0), mapping.point(64.0, 48.0));
    assert!(a.distance(Point::new(0.0, 0.0)) < 1e-3 && b.distance(Point::new(200.0, 101.0)) < 1e-3, "{a:?} {b:?}");
}

#[test]
fn pictures_of_a_batch_follow_one_another_in_every_layout() {
    let source = picture(&|_, _| [200.0, 100.0, 50.0], 64, 64, PixelFormat::Bgr, BT601, 7);
    for (layout, element, color) in [
        (Layout::Nchw, Element::F32, ColorOrder::Rgb),
        (Layout::Nchw, Element::F32, ColorOrder::Bgr),
        (Layout::Nhwc, Element::F32, ColorOrder::Bgr),
        (Layout::Nhwc, Element::U8, ColorOrder::Rgb),
        (Layout::Nwhc, Element::F32, ColorOrder::Rgb),
        (Layout::Nchw, Element::U8, ColorOrder::Gray),
    ] {
        let input = Input { color, scale: [1.0; 3], mean: [1.0, 2.0, 3.0], ..input(layout, element, Resize::Stretch) };
        let mut buffer = InputBuffer::F32(Vec::new());
        for _ in 0..3 {
            input.fill(&source.frame(), &whole(&source), &mut buffer);
        }
        let values: Vec<f32> = match &buffer {
            InputBuffer::F32(v) => v.clone(),
            InputBuffer::U8(v) => v.iter().map(|&v| f32::from(v)).collect(),
        };
        assert_eq!(values.len(), 3 * input.len());
        let [_, c, h, w] = input.shape(3);
        assert_eq!(c * h * w, input.len());
        let tensor_order = match color {
            ColorOrder::Rgb => vec![200.0, 100.0, 50.0],
            ColorOrder::Bgr => vec![50.0, 100.0, 200.0],
            ColorOrder::Gray => vec![124.0],
        };
        for (i, value) in values.iter().enumerate() {
            let c = match layout {
                Layout::Nchw => i / (64 * 64) % tensor_order.len(),
                Layout::Nhwc | Layout::Nwhc => i % tensor_order.len(),
            };
            let mean = if element == Element::U8 { 0.0 } else { (c + 1) as f32 };
            assert!((value - (tensor_order[c] - mean)).abs() < 0.02, "{layout:?} {color:?} {i}: {value}");
        }
        buffer.clear();
        assert!(
            matches!(&buffer, InputBuffer::F32(v) if v.is_empty())
                || matches!(&buffer, InputBuffer::U8(v) if v.is_empty())
        );
    }
}

#[test]
fn axes_may_be_exchanged() {
    // Lighter to the right and to the bottom, by amounts that differ.
    let source = picture(&|x, y| [x as f32 * 2.0 + y as f32; 3], 64, 32, PixelFormat::Rgb, BT601, 0);
    let filled = |layout: Layout| {
        let gray = Input {
            color: ColorOrder::Gray,
            pad: 9.0,
            width: 64,
            height: 48,
            ..input(layout, Element::F32, Resize::Letterbox)
        };
        let mut buffer = InputBuffer::new(&gray);
        gray.fill(&source.frame(), &whole(&source), &mut buffer);
        let InputBuffer::F32(values) = buffer else { panic!() };
        (gray.shape(1), values)
    };
    let ((upright, rows), (exchanged, columns)) = (filled(Layout::Nhwc), filled(Layout::Nwhc));
    assert_eq!((upright, exchanged), ([1, 48, 64, 1], [1, 64, 48, 1]));
    assert!(rows[64 * 10] < rows[64 * 10 + 60]);
    for (i, value) in rows.iter().enumerate() {
        assert_eq!(*value, columns[i % 64 * 48 + i / 64], "column {} of row {}", i % 64, i / 64);
    }
}

#[test]
fn crops_keep_their_ratio_where_the_reader_wants_it() {
    let source = picture(&|_, _| [255.0; 3], 200, 100, PixelFormat::Rgb, BT601, 0);
    let input = Input { pad: 127.5, ..input(Layout::Nchw, Element::F32, Resize::FitHeight) };
    let mut buffer = InputBuffer::new(&input);
    // Twice as high as wide: half the width is used.
    input.fill_crop(&source.frame(), &Quad::from_rect(&Rect::new(10.0, 10.0, 20.0, 40.0)), &mut buffer);
    // Wider than the input: squeezed.
    input.fill_crop(&source.frame(), &Quad::from_rect(&Rect::new(10.0, 10.0, 100.0, 20.0)), &mut buffer);
    let InputBuffer::F32(values) = buffer else { panic!() };
    for (crop, used) in [(0, 32), (1, 64)] {
        for (x, value) in values[crop * input.len()..][..64].iter().enumerate() {
            assert!((value - if x < used { 1.0 } else { 0.5 }).abs() < 1e-6, "crop {crop}, column {x}: {value}");
        }
    }
}

/// A scene in which a chequered plate of 8 × 2 fields is seen through `quad`, found by solving for each pixel.
fn tilted(quad: Quad) -> impl Fn(usize, usize) -> [f32; 3] {
    // Bilinear inverse by search: slow and independent of the code under test; exact for parallelograms.
    let [a, b, _, d] = quad.0;
    let (ux, uy, vx, vy) = (b.x - a.x, b.y - a.y, d.x - a.x, d.y - a.y);
    let det = ux * vy - uy * vx;
    move |x, y| {
        let (px, py) = (x as f32 + 0.5 - a.x, y as f32 + 0.5 - a.y);
        let (u, v) = ((px * vy - py * vx) / det, (ux * py - uy * px) / det);
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            return [0.0, 0.0, 120.0];
        }
        if ((u * 8.0) as usize + (v * 2.0) as usize).is_multiple_of(2) { [250.0; 3] } else { [20.0; 3] }
    }
}

#[test]
fn a_tilted_plate_is_straightened() {
    for (size, out_w, out_h) in [(1.0, 128, 32), (4.0, 128, 32), (0.5, 128, 32)] {
        let point = |x: f32, y: f32| Point::new(40.0 + x * size, 60.0 + y * size);
        let quad = Quad([point(0.0, 0.0), point(120.0, 30.0), point(112.0, 62.0), point(-8.0, 32.0)]);
        let (w, h) = (80 + (120.0 * size) as usize, 100 + (70.0 * size) as usize);
        for format in [PixelFormat::Rgb, PixelFormat::Nv12] {
            let source = picture(&tilted(quad), w, h, format, BT601, 0);
            let mut out = Vec::new();
            rectify(&source.frame(), &quad, out_w, out_h, &mut out);
            assert_eq!(out.len(), out_w * out_h * 3);
            // The middle of each field has the field's colour.
            for field in 0..16 {
                let (fx, fy) = (field % 8, field / 8);
                let (x, y) = (fx * out_w / 8 + out_w / 16, fy * out_h / 2 + out_h / 4);
                let got = f32::from(out[(y * out_w + x) * 3 + 1]);
                let expected = if (fx + fy).is_multiple_of(2) { 250.0 } else { 20.0 };
                assert!((got - expected).abs() < 25.0, "{size} {} field {field}: {got}", format.name());
            }
        }
    }
}

#[test]
fn corners_go_to_corners_in_perspective() {
    // A trapezium: its left edge is twice as high as its right one.
    let quad = Quad([Point::new(20.0, 20.0), Point::new(180.0, 40.0), Point::new(180.0, 60.0), Point::new(20.0, 80.0)]);
    // Distinct colours in the four corners, grey elsewhere.
    let scene = move |x: usize, y: usize| {
        let p = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        let near = quad.0.iter().position(|c| c.distance(p) < 9.0);
        near.map_or([128.0; 3], |i| [[255.0, 0.0, 0.0], [0.0, 255.0, 0.0], [0.0, 0.0, 255.0], [255.0, 255.0, 0.0]][i])
    };
    let source = picture(&scene, 200, 100, PixelFormat::Rgb, BT601, 0);
    let mut out = Vec::new();
    rectify(&source.frame(), &quad, 64, 32, &mut out);
    let at = |x: usize, y: usize| &out[(y * 64 + x) * 3..][..3];
    assert_eq!(at(0, 0), [255, 0, 0]);
    assert_eq!(at(63, 0), [0, 255, 0]);
    assert_eq!(at(63, 31), [0, 0, 255]);
    assert_eq!(at(0, 31), [255, 255, 0]);
    // Perspective: the diagonals of the trapezium cross at a quarter of its length from the small side, and that
    // point is the middle of the plate.
    let middle = move |x: usize, y: usize| {
        let p = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        if p.distance(Point::new(140.0, 50.0)) < 3.0 { [255.0; 3] } else { [0.0; 3] }
    };
    let source = picture(&middle, 200, 100, PixelFormat::Rgb, BT601, 0);
    rectify(&source.frame(), &quad, 64, 32, &mut out);
    let brightest = (0..64 * 32).max_by_key(|i| out[i * 3]).unwrap();
    assert!((brightest % 64).abs_diff(32) <= 2 && (brightest / 64).abs_diff(16) <= 3, "{brightest}");
}

#[test]
fn impossible_corners_fall_back_to_their_box() {
    let source = picture(&street(64, 48), 64, 48, PixelFormat::Nv12, BT601, 0);
    let p = Point::new;
    for quad in [
        Quad([p(5.0, 5.0); 4]),
        Quad([p(5.0, 5.0), p(30.0, 5.0), p(5.0, 20.0), p(30.0, 20.0)]),
        Quad([p(5.0, 5.0), p(30.0, 5.0), p(10.0, 8.0), p(5.0, 20.0)]),
        Quad([p(f32::NAN, 5.0), p(30.0, 5.0), p(30.0, 20.0), p(5.0, 20.0)]),
        Quad([p(-1e9, -1e9), p(1e9, -1e9), p(1e9, 1e9), p(-1e9, 1e9)]),
        Quad([p(500.0, 500.0), p(600.0, 510.0), p(600.0, 540.0), p(500.0, 530.0)]),
        Quad([p(-60.0, -40.0), p(-20.0, -38.0), p(-20.0, -20.0), p(-60.0, -22.0)]),
    ] {
        let mut out = vec![1; 5];
        rectify(&source.frame(), &quad, 32, 16, &mut out);
        assert_eq!(out.len(), 32 * 16 * 3, "{quad:?}");
    }
    let upright = Rect::new(8.0, 9.0, 20.0, 10.0);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    rectify(&source.frame(), &Quad::from_rect(&upright), 32, 16, &mut a);
    crop(&source.frame(), &upright, 32, 16, &mut b);
    assert_eq!(a, b);
}
