//! Pictures and crops in the input tensors of networks.

use alpr_core::contract::{ColorOrder, Element, Flexible, Input, InputBuffer, Layout, Resize};
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::image::PixelFormat;

use super::scene::picture;
use super::{BT601, whole};

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
