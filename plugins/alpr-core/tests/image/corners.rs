//! Plates whose corners are known are straightened.

use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::image::{PixelFormat, crop, rectify};

use super::BT601;
use super::scene::{picture, street};

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
