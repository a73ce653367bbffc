//! Times of pixel work on one core: `cargo bench -p alpr-core --bench preprocess`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

#[path = "../tests/scene/mod.rs"]
mod scene;

use std::hint::black_box;
use std::time::Instant;

use alpr_core::contract::{ColorOrder, Element, Input, InputBuffer, Layout, Resize};
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::image::{Color, Matrix, PixelFormat, rectify, sharpness};
use scene::{picture, street};

const RUNS: usize = 60;

/// Prints the fastest and the median time of `work` in milliseconds.
fn measure(name: &str, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<44} {:7.3} ms fastest {:7.3} ms median", times[0], times[RUNS / 2]);
}

fn main() {
    let color = Color { matrix: Matrix::Bt709, full_range: false };
    let input = |width: usize, height: usize| Input {
        name: "images".into(),
        layout: Layout::Nchw,
        element: Element::F32,
        color: ColorOrder::Rgb,
        resize: Resize::Letterbox,
        pad: 114.0,
        mean: [0.0; 3],
        scale: [1.0 / 255.0; 3],
        width,
        height,
        batch: None,
        flexible: None,
    };
    for (width, height, formats) in [
        (
            1920,
            1080,
            &[PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Yuy2, PixelFormat::Rgb, PixelFormat::Bgrx][..],
        ),
        (3840, 2160, &[PixelFormat::Nv12][..]),
    ] {
        for &format in formats {
            let source = picture(&street(width, height), width, height, format, color, 0);
            let whole = Rect::new(0.0, 0.0, width as f32, height as f32);
            for (w, h) in [(640, 384), (416, 256)] {
                let input = input(w, h);
                let mut buffer = InputBuffer::new(&input);
                measure(&format!("fill {width}x{height} {} to {w}x{h} f32", format.name()), || {
                    buffer.clear();
                    black_box(input.fill(&source.frame(), &whole, &mut buffer));
                });
            }
        }
    }
    let source = picture(&street(1920, 1080), 1920, 1080, PixelFormat::Nv12, color, 0);
    for width in [60.0_f32, 150.0, 600.0] {
        let p = |x: f32, y: f32| Point::new(300.0 + x * width, 300.0 + y * width);
        let quad = Quad([p(0.0, 0.0), p(1.0, 0.05), p(1.0, 0.27), p(0.0, 0.22)]);
        let mut out = Vec::new();
        measure(&format!("rectify a plate of {width} px to 128x64"), || {
            rectify(black_box(&source.frame()), &quad, 128, 64, &mut out);
        });
        measure("sharpness of 128x64", || {
            black_box(sharpness(&out, 128, 64));
        });
    }
}
